/**
 * The x87 unit in regions. before: the handler of each instruction works on the state => after: registers, status and
 * TOP are locals of the region, loaded on entry and stored on the way out and around handlers; what is known of the
 * stack (regions/x87-flow.ts) is not looked at again, and the ordinary case of an operation is code in place
 * (x87-values.ts). What is not ordinary leaves the region in front of the instruction; one that does so often goes to
 * its handler when its region is compiled again. Off switch: `inlineX87` in optimisations.ts.
 *
 *   status word = `status` without C1 | PE if anything in `lost` | C1 from `up`
 *   slot v      = register (base + v) & 7; ST(i) is slot (depth + i) & 7
 *
 * Where the last instruction and its operand were (FIP, FDP) is entered at the end of each block and on the way out.
 */
import { Cr0, Segment, stateAddress, type StateName } from '../../runtime/state.ts'
import type { Node } from '../ir.ts'
import {
  after, effectOf, slotOf, type StackEffect, turn, unknown, X87_REGISTERS, type X87Flow, type X87Knowledge,
} from '../regions/x87-flow.ts'
import { WasmType } from '../wasm/module-writer.ts'
import type { Expression, LocalPool, RegionModule } from './value.ts'
import { float32, float64, type Number80, type Read, type Rounded, X87Values } from './x87-values.ts'
import {
  C0_POSITION, C1_POSITION, C3_POSITION, Control, CONTROL_FIXED, CONTROL_IMPLEMENTED, constants, DIVIDE_REVERSED,
  DROPPED_BITS, EXACT_CONSTANTS, EXPONENT_OFFSET, integerOperation, NEGATED_DESTINATION, PRECISION_POSITION,
  RC_POSITION, REGISTER_BYTES_SHIFT, Status,
} from './x87-words.ts'

/** What is asked of the lowering that this works for. */
export interface X87Frame {
  exitBefore(condition: Expression): Expression
  /** Value of an argument, and the constant that it is, if it is one. */
  argument(node: Node): Expression
  constantArgument(node: Node): number | undefined
  /** Linear address of the current instruction. */
  readonly eip: number
  /** What the current block has made sure of. */
  readonly required: Set<string>
}

/** Where the last x87 instruction was, not yet entered in the state. */
interface Pending {
  readonly eip: number
  /** Segment of the last memory operand; its offset is in a local. */
  readonly segment: number | undefined
}

/** What is known at one place of the code. */
export interface X87Place {
  readonly known: X87Knowledge
  readonly pending: Pending | undefined
}

export class RegionX87 {
  private readonly m: RegionModule
  private readonly frame: X87Frame
  private readonly flow: X87Flow
  private readonly values: X87Values
  private readonly precision: number
  private readonly sigs: readonly number[]
  private readonly ses: readonly number[]
  private readonly base: number
  private readonly top: number
  private readonly tags: number
  private readonly status: number
  private readonly lost: number
  private readonly up: number
  private readonly dataOffset: number
  /** Nonzero when a waiting instruction would raise an exception; when results are not rounded as the code does it. */
  private readonly blocked: number
  private readonly oddRounding: number
  private known: X87Knowledge = unknown
  private pending: Pending | undefined
  /** What a store has computed, until it is committed. */
  private stored: { lost: Read; up: Read } | undefined

  /** Code is for the precision control of `fpuControl`. */
  constructor(m: RegionModule, pool: LocalPool, frame: X87Frame, flow: X87Flow, fpuControl = Control.PC) {
    this.m = m
    this.frame = frame
    this.flow = flow
    this.precision = fpuControl & Control.PC
    this.values = new X87Values(m, pool, DROPPED_BITS[this.precision / Control.LowestPC])
    this.sigs = Array.from({ length: X87_REGISTERS }, () => pool.reserve('i64'))
    this.ses = Array.from({ length: X87_REGISTERS }, () => pool.reserve('i32'))
    this.base = pool.reserve('i32')
    this.top = pool.reserve('i32')
    this.tags = pool.reserve('i32')
    this.status = pool.reserve('i32')
    this.lost = pool.reserve('i64')
    this.up = pool.reserve('i64')
    this.dataOffset = pool.reserve('i32')
    this.blocked = pool.reserve('i32')
    this.oddRounding = pool.reserve('i32')
  }

  // --- small expressions ---

  private int(value: number): Expression {
    return this.m.i32.const(value)
  }
  private get(local: number): Expression {
    return this.m.local.get(local, WasmType.I32)
  }
  private getWide(local: number): Expression {
    return this.m.local.get(local, WasmType.I64)
  }
  private set(local: number, value: Expression): Expression {
    return this.m.local.set(local, value)
  }
  private field(name: StateName, index = 0): Expression {
    return this.m.i32.load(stateAddress(name, index), 4, this.int(0))
  }
  private setField(name: StateName, value: Expression): Expression {
    return this.m.i32.store(stateAddress(name), 4, this.int(0), value)
  }
  private slots(mask: number): number[] {
    return Array.from({ length: X87_REGISTERS }, (_, v) => v).filter(v => (mask & (1 << v)) !== 0)
  }
  /** Address of a slot's register, but for FPR. */
  private registerOffset(slot: number): Expression {
    const { m } = this
    const number = m.i32.and(m.i32.add(this.get(this.base), this.int(slot)), this.int(X87_REGISTERS - 1))
    return m.i32.shl(number, this.int(REGISTER_BYTES_SHIFT))
  }

  // --- in and out ---

  /** Loads the unit at a place of the depth that is known there. */
  open(): Expression[] {
    const { m } = this
    const tags = () => this.field('fpuTag')
    const twice = m.i32.or(tags(), m.i32.shl(tags(), this.int(X87_REGISTERS)))
    const c1 = m.i32.and(m.i32.shr_u(this.field('fpuStatus'), this.int(C1_POSITION)), this.int(1))
    return [
      this.set(this.base, m.i32.and(m.i32.sub(this.field('fpuTop'), this.int(this.known.depth)), this.int(7))),
      this.set(this.tags, m.i32.and(m.i32.shr_u(twice, this.get(this.base)), this.int(0xff))),
      this.set(this.status, m.i32.and(this.field('fpuStatus'), this.int(~Status.C1))),
      this.set(this.up, m.i64.extend_u(c1)),
      this.set(this.lost, m.i64.const(0n)),
      this.lookAtControl(),
      ...this.slots(this.flow.used).flatMap(slot => [
        this.set(this.sigs[slot], m.i64.load(stateAddress('fpr'), 8, this.registerOffset(slot))),
        this.set(this.ses[slot], m.i32.load16_u(stateAddress('fpr') + EXPONENT_OFFSET, 2, this.registerOffset(slot))),
      ]),
    ]
  }

  /** Looks at what instructions wait for; to be done again behind handlers. */
  lookAround(): Expression {
    const { m } = this
    const unavailable = m.i32.and(this.field('cr0'), this.int(Cr0.EM | Cr0.TS))
    return this.set(this.blocked, m.i32.or(unavailable, m.i32.and(this.get(this.status), this.int(Status.Summary))))
  }

  private lookAtControl(): Expression {
    const fields = this.m.i32.and(this.field('fpuControl'), this.int(Control.PM | Control.PC | Control.RC))
    return this.set(this.oddRounding, this.m.i32.ne(fields, this.int(Control.PM | this.precision)))
  }

  /** Settles what is known at a place for `close`. */
  settle(): Expression[] {
    const { m } = this
    const top = m.i32.and(m.i32.add(this.get(this.base), this.int(this.known.depth)), this.int(7))
    return [...this.settleTags(0, 0), ...this.enterPending(), this.set(this.top, top)]
  }

  /** Stores the unit, once it is settled. */
  close(): Expression[] {
    const { m } = this
    const twice = m.i32.or(this.get(this.tags), m.i32.shl(this.get(this.tags), this.int(X87_REGISTERS)))
    const tags = m.i32.shl(twice, this.get(this.base))
    return [
      this.setField('fpuTop', this.get(this.top)),
      this.setField('fpuTag', m.i32.and(m.i32.shr_u(tags, this.int(8)), this.int(0xff))),
      this.setField('fpuStatus', this.statusWord()),
      ...this.slots(this.flow.written).flatMap(slot => [
        m.i64.store(stateAddress('fpr'), 8, this.registerOffset(slot), this.getWide(this.sigs[slot])),
        m.i32.store16(stateAddress('fpr') + EXPONENT_OFFSET, 2, this.registerOffset(slot), this.get(this.ses[slot])),
      ]),
    ]
  }

  /** The status word without TOP. */
  private statusWord(): Expression {
    const { m } = this
    const precision = m.i32.shl(m.i64.ne(this.getWide(this.lost), m.i64.const(0n)), this.int(PRECISION_POSITION))
    const c1 = m.i32.shl(m.i32.wrap(this.getWide(this.up)), this.int(C1_POSITION))
    return m.i32.or(m.i32.or(this.get(this.status), precision), c1)
  }

  /** Brings the tags up to what is known, unless it is known for good: `full` and `empty` are. */
  private settleTags(full: number, empty: number): Expression[] {
    const { known, m } = this
    if ((known.full & ~full) === 0 && (known.empty & ~empty) === 0) return []
    const filled = m.i32.or(this.get(this.tags), this.int(known.full))
    return [this.set(this.tags, m.i32.and(filled, this.int(0xff & ~known.empty)))]
  }

  private enterPending(): Expression[] {
    const { pending } = this
    if (!pending) return []
    const out = [
      this.setField('fpuInstructionOffset', this.int(pending.eip | 0)),
      this.setField('fpuInstructionSelector', this.field('segmentSelector', Segment.Cs)),
    ]
    if (pending.segment === undefined) return out
    return [
      ...out,
      this.setField('fpuDataOffset', this.get(this.dataOffset)),
      this.setField('fpuDataSelector', this.field('segmentSelector', pending.segment)),
    ]
  }

  // --- places ---

  /** Text that is equal where ways out are. */
  get key(): string {
    const { known, pending } = this
    return `${known.depth} ${known.full} ${known.empty} ${pending?.eip} ${pending?.segment}`
  }

  get place(): X87Place {
    return { known: this.known, pending: this.pending }
  }

  set place({ known, pending }: X87Place) {
    this.known = known
    this.pending = pending
  }

  /** Starts a block. */
  begin(eip: number): void {
    this.known = this.flow.at(eip)
    this.pending = undefined
  }

  /** Code of an edge to a block. */
  edge(to: number): Expression[] {
    const target = this.flow.at(to)
    const by = this.known.depth - target.depth
    const out = [...this.settleTags(turn(target.full, -by), turn(target.empty, -by)), ...this.enterPending()]
    return (by & 7) === 0 ? out : [...out, ...this.turnBy(by & 7)]
  }

  /** before: slots numbered one way => after: slot v is what was slot v + by. */
  private turnBy(by: number): Expression[] {
    const { m, values } = this
    values.out = []
    const all = Array.from({ length: X87_REGISTERS }, (_, v) => ({
      sig: values.wide(this.getWide(this.sigs[v])), se: values.word(this.get(this.ses[v])),
    }))
    const twice = m.i32.or(this.get(this.tags), m.i32.shl(this.get(this.tags), this.int(X87_REGISTERS)))
    return [
      ...values.out,
      ...all.flatMap((_, v) => {
        const from = all[(v + by) & 7]
        return [this.set(this.sigs[v], from.sig()), this.set(this.ses[v], from.se())]
      }),
      this.set(this.tags, m.i32.and(m.i32.shr_u(twice, this.int(by)), this.int(0xff))),
      this.set(this.base, m.i32.and(m.i32.add(this.get(this.base), this.int(by)), this.int(7))),
    ]
  }

  /** Notes that a handler has worked on the unit, in the state; `known` is what is known then. */
  reopen(known: X87Knowledge): Expression[] {
    this.known = known
    this.pending = undefined
    return this.open()
  }

  // --- what definitions ask ---

  /** Nonzero when a waiting instruction would raise #NM or #MF. */
  requirement(): Expression {
    return this.get(this.blocked)
  }

  /** A field of the state that is kept in locals; undefined for others. */
  readField(name: string): Expression | undefined {
    const { m } = this
    if (name === 'fpuStatus') return this.statusWord()
    if (name === 'fpuTop') return m.i32.and(m.i32.add(this.get(this.base), this.int(this.known.depth)), this.int(7))
    return undefined
  }

  // --- registers ---

  private register(i: number): Number80 {
    const slot = slotOf(this.known, i)
    const sound = (this.known.sound & (1 << slot)) !== 0
    return { sig: () => this.getWide(this.sigs[slot]), se: () => this.get(this.ses[slot]), sound }
  }

  private write(i: number, { sig, se }: Number80): void {
    const slot = slotOf(this.known, i)
    this.values.out.push(this.set(this.sigs[slot], sig()), this.set(this.ses[slot], se()))
  }

  private readonly unless = (condition: Expression): void => {
    this.values.out.push(this.frame.exitBefore(condition))
  }

  /** Leaves unless the registers that an operation needs are in use, and the one that it pushes is not. */
  private requireRegisters({ needs, pushes }: StackEffect): void {
    const { m, known } = this
    const bits = needs.reduce((mask, i) => mask | (1 << slotOf(known, i)), 0)
    const full = bits & ~known.full
    const free = pushes ? (1 << slotOf(known, -1)) & ~known.empty : 0
    if ((full | free) === 0) return
    this.unless(m.i32.ne(m.i32.and(this.get(this.tags), this.int(full | free)), this.int(full)))
  }

  /**
   * Leaves unless results are rounded to nearest at the code's precision, with the precision exception masked. If only the
   * precision is another, says so: compiling again helps.
   */
  private requireRounding(): void {
    const { frame, m } = this
    if (frame.required.has('rounding')) return
    frame.required.add('rounding')
    const fields = m.i32.and(this.field('fpuControl'), this.int(Control.PM | Control.RC))
    const other = m.select(m.i32.eq(fields, this.int(Control.PM)), this.int(frame.eip | 0), this.int(0))
    this.values.out.push(
      m.if(
        this.get(this.oddRounding),
        m.block(null, [this.setField('fpuOtherPrecision', other), frame.exitBefore(this.int(1))]),
      ),
    )
  }

  /** As `requireRounding`, whatever the precision control, which conversions do not obey. */
  private requireNearest(): void {
    const { required } = this.frame
    if (required.has('nearest') || required.has('rounding')) return
    required.add('nearest')
    const fields = this.m.i32.and(this.field('fpuControl'), this.int(Control.PM | Control.RC))
    this.unless(this.m.i32.ne(fields, this.int(Control.PM)))
  }

  /** Enters what an operation has lost, and C1. */
  private enter(lost: Read | undefined, up: Read | undefined): void {
    const { m, values } = this
    if (lost) values.out.push(this.set(this.lost, m.i64.or(this.getWide(this.lost), lost())))
    values.out.push(this.set(this.up, up ? up() : m.i64.const(0n)))
  }

  // --- operations ---

  /** Lowers the call of a helper with inline code; gives its value, if it has one. */
  call(node: Node, out: Expression[]): Expression | undefined {
    this.values.out = out
    const effect = effectOf(node, argument => this.frame.constantArgument(argument))
    this.requireRegisters(effect)
    const value = this.operate(node, effect)
    this.known = after(this.known, effect)
    return value
  }

  /** Notes where the instruction and, when the last two arguments of its helper say so, its operand are. */
  private record(args: readonly Node[], hasOperand: boolean): void {
    const { frame } = this
    if (!hasOperand) {
      this.pending = { eip: frame.eip, segment: this.pending?.segment }
      return
    }
    const [segment, offset] = args.slice(-2)
    this.values.out.push(this.set(this.dataOffset, frame.argument(offset)))
    this.pending = { eip: frame.eip, segment: frame.constantArgument(segment) }
  }

  private operate({ name, args }: Node, effect: StackEffect): Expression | undefined {
    const { frame, values, m } = this
    const constant = (i: number) => frame.constantArgument(args[i]) ?? 0
    const argument = (i: number) => frame.argument(args[i])
    const format = name.endsWith('32') ? float32 : float64
    const float = (i: number) => values.fromFloat(format, argument(i), this.unless)
    const operand = (i: number) => values.operand(format, argument(i), this.unless)
    const push = (number: Number80) => {
      this.write(-1, number)
      this.enter(undefined, undefined)
    }
    switch (name) {
      case 'x87LoadFloat32': case 'x87LoadFloat64': push(float(0)); this.record(args, true); return
      case 'x87LoadInteger': push(values.fromInteger(argument(0))); this.record(args, true); return
      case 'x87LoadExtended': push(this.extended(argument(0), argument(1))); this.record(args, true); return
      case 'x87LoadRegister': push(this.register(constant(0))); this.record(args, false); return
      case 'x87LoadConstant': {
        if (!EXACT_CONSTANTS.has(constant(0))) this.requireNearest()
        const [sig, se] = constants[constant(0)]
        push({ sig: () => values.long(sig), se: () => this.int(se), sound: true })
        this.record(args, false)
        return
      }
      case 'x87StoreRegister':
        if (constant(0) !== 0) this.write(constant(0), this.register(0))
        this.enter(undefined, undefined)
        this.record(args, false)
        return
      case 'x87Exchange': {
        const other = this.register(constant(0))
        const [sig, se] = [values.wide(other.sig()), values.word(other.se())]
        this.write(constant(0), this.register(0))
        this.write(0, { sig, se, sound: other.sound })
        this.enter(undefined, undefined)
        this.record(args, false)
        return
      }
      case 'x87ChangeSign': case 'x87Absolute': {
        const { sig, se, sound } = this.register(0)
        const changed = name === 'x87Absolute' ? m.i32.and(se(), this.int(0x7fff)) : m.i32.xor(se(), this.int(0x8000))
        this.write(0, { sig, se: () => changed, sound })
        this.enter(undefined, undefined)
        this.record(args, false)
        return
      }
      case 'x87MoveIf': {
        const [to, from] = [this.register(0), this.register(constant(0))]
        const condition = values.word(argument(1))
        const sig = values.wide(m.select(condition(), from.sig(), to.sig()))
        const se = values.word(m.select(condition(), from.se(), to.se()))
        this.write(0, { sig, se, sound: to.sound && from.sound })
        this.record(args, false)
        return
      }
      case 'x87Sum': case 'x87Product': case 'x87Quotient': {
        const first = name === 'x87Product' ? 0 : 1
        const [to, from] = [constant(first), constant(first + 1)]
        this.finish(to, this.combine(name, constant(0), this.register(to), this.register(from)))
        this.record(args, false)
        return
      }
      case 'x87SumFloat32': case 'x87SumFloat64': case 'x87QuotientFloat32': case 'x87QuotientFloat64':
        this.finish(0, this.combine(name, constant(0), this.register(0), operand(1)))
        this.record(args, true)
        return
      case 'x87ProductFloat32': case 'x87ProductFloat64':
        this.finish(0, this.combine(name, 0, this.register(0), operand(0)))
        this.record(args, true)
        return
      case 'x87ArithmeticInteger': {
        const integer = values.fromInteger(m.i64.extend_s(argument(1)))
        const [operation, sign] = integerOperation(constant(0))
        this.finish(0, this.combine(operation, sign, this.register(0), integer))
        this.record(args, true)
        return
      }
      case 'x87SquareRoot': {
        this.requireRounding()
        this.finish(0, values.squareRoot(this.register(0), this.unless))
        this.record(args, false)
        return
      }
      case 'x87Compare': this.compare(this.register(constant(0))); this.record(args, false); return
      case 'x87Test':
        this.compare({ sig: () => values.long(0n), se: () => this.int(0), sound: true })
        this.record(args, false)
        return
      case 'x87CompareFloat32': case 'x87CompareFloat64': this.compare(float(0)); this.record(args, true); return
      case 'x87CompareInteger':
        this.compare(values.fromInteger(m.i64.extend_s(argument(0))))
        this.record(args, true)
        return
      case 'x87CompareFlags': return this.compareFlags(constant(0), args)
      case 'x87PrepareFloat32': case 'x87PrepareFloat64': return this.prepareFloat(name.endsWith('32'))
      case 'x87PrepareInteger': return this.prepareInteger(constant(0), constant(1) !== 0)
      case 'x87CommitStore':
        this.enter(this.stored?.lost, this.stored?.up)
        this.record(args, true)
        return
      case 'x87LoadControlWord': this.loadControlWord(argument(0)); return
      default: throw new Error(`${name} has no inline code; it has an effect of ${effect.pops} pops`)
    }
  }

  private finish(to: number, result: Rounded): void {
    this.write(to, result)
    this.enter(result.lost, result.up)
  }

  /** The operation that the name of a helper begins with; `variant` is that helper's first argument. */
  private combine(name: string, variant: number, to: Number80, from: Number80): Rounded {
    const { values } = this
    this.requireRounding()
    if (name.startsWith('x87Product')) return values.product(to, from, this.unless)
    if (name.startsWith('x87Sum')) {
      const left = variant === NEGATED_DESTINATION
      return values.sum(to, from, { left, right: variant !== 0 && !left }, this.unless)
    }
    const [a, b] = variant === DIVIDE_REVERSED ? [from, to] : [to, from]
    return values.quotient(a, b, this.unless)
  }

  /** FLD m80: any number but the encodings that a region does not want to meet again. */
  private extended(low: Expression, high: Expression): Number80 {
    const { m, values } = this
    const sig = values.wide(low)
    const se = values.word(high)
    const exponent = m.i32.and(se(), this.int(0x7fff))
    const zero = m.i64.eqz(m.i64.or(sig(), m.i64.extend_u(exponent)))
    const hasExponent = m.i32.ne(m.i32.and(se(), this.int(0x7fff)), this.int(0))
    const normal = m.i32.and(m.i64.lt_s(sig(), values.long(0n)), hasExponent)
    this.unless(m.i32.eqz(m.i32.or(zero, normal)))
    return { sig, se, sound: true }
  }

  private compare(other: Number80): void {
    const { m, values } = this
    const { less, equal } = values.compare(this.register(0), other, this.unless)
    const conditions = m.i32.or(m.i32.shl(equal(), this.int(C3_POSITION)), m.i32.shl(less(), this.int(C0_POSITION)))
    const kept = m.i32.and(this.get(this.status), this.int(~Status.Conditions))
    values.out.push(this.set(this.status, m.i32.or(kept, conditions)))
    this.enter(undefined, undefined)
  }

  /** ZF and CF as bits of EFLAGS; ordinary numbers are never unordered. */
  private compareFlags(from: number, args: readonly Node[]): Expression {
    const { m, values } = this
    const { less, equal } = values.compare(this.register(0), this.register(from), this.unless)
    this.enter(undefined, undefined)
    this.record(args, false)
    return m.i32.or(m.i32.shl(equal(), this.int(C3_POSITION - C0_POSITION)), less())
  }

  private prepareFloat(narrow: boolean): Expression {
    this.requireNearest()
    const { bits, ...rounding } = this.values.toFloat(narrow ? float32 : float64, this.register(0), this.unless)
    this.stored = rounding
    return narrow ? this.m.i32.wrap(bits()) : bits()
  }

  private prepareInteger(size: number, truncate: boolean): Expression {
    const { m } = this
    const control = this.values.word(this.field('fpuControl'))
    const masked = m.i32.and(control(), this.int(Control.PM))
    // RC of 01 or 10, down or up, is not for here.
    const mode = (position: number) => m.i32.shr_u(control(), this.int(position))
    const directed = m.i32.xor(mode(RC_POSITION), mode(RC_POSITION + 1))
    this.unless(m.i32.or(m.i32.eqz(masked), truncate ? this.int(0) : m.i32.and(directed, this.int(1))))
    const truncated = truncate ? this.int(1) : m.i32.and(control(), this.int(Control.Truncate))
    const { bits, ...rounding } = this.values.toInteger(size, this.register(0), truncated, this.unless)
    this.stored = rounding
    return bits()
  }

  /** FLDCW of a word under which no exception is pending. */
  private loadControlWord(value: Expression): void {
    const { m, values } = this
    const word = values.word(value)
    const unmasked = m.i32.and(m.i32.xor(word(), this.int(Control.Exceptions)), this.int(Control.Exceptions))
    this.unless(m.i32.and(this.statusWord(), unmasked))
    const kept = m.i32.or(m.i32.and(word(), this.int(CONTROL_IMPLEMENTED)), this.int(CONTROL_FIXED))
    values.out.push(this.setField('fpuControl', kept), this.setField('fpuIgnored', this.int(0)), this.lookAtControl())
    this.frame.required.delete('rounding')
    this.frame.required.delete('nearest')
  }
}
