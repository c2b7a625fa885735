/**
 * The build-time back end: instructions whose operands are fields of a decoded record (runtime/records.ts).
 * `HandlerLowering` is what the two kinds of handler share; `HotLowering` emits handlers inline in the interpreter's
 * one function, for flat 32-bit code; `GeneralLowering` emits a function for any mode, with every segment check.
 */
import binaryen from 'binaryen'
import { FLAG_OPERATION_MASK, FLAG_SHIFT_POSITION, Lazy, OVERFLOW_OVERRIDE } from '../../runtime/flags.ts'
import { MAX_RUN_INSTRUCTIONS, RECORD_BYTES, TLB_ENTRIES, TLB_ENTRY_BYTES } from '../../runtime/memory-map.ts'
import { RecordField, RecordFlag } from '../../runtime/records.ts'
import { Gpr, ModeBit, Segment, stateAddress, Vector } from '../../runtime/state.ts'
import type { Facts } from '../definitions/builder.ts'
import { helperSignatures } from '../helper-signatures.ts'
import type { Node } from '../ir.ts'
import { type Expression, type LocalPool, type Module, ValueLowering } from './value.ts'

/** Types by the names that the intermediate form uses. */
export const valueTypes = { i32: binaryen.i32, i64: binaryen.i64 }

/** Condition codes without their inverting low bit (SDM vol. 1, appendix B). */
enum ConditionPair { O, B, Z, BE, S, P, L, LE }

const OFFSET_IN_PAGE = 0xfff

/** Tells whether an operand is a general register, whose record field is the address of its slot. */
function isGeneral(facts: Facts, index: number): boolean {
  return facts.operands[index].class?.startsWith('gpr') ?? false
}

/** Internal names of helper functions in the module, which differ from their export names. */
export type HelperNames = ReadonlyMap<string, string>

export abstract class HandlerLowering extends ValueLowering {
  protected readonly facts: Facts
  private readonly helperNames: HelperNames
  /** Linear addresses of read-modify-write accesses, by their load. */
  protected readonly modifyAddress = new Map<Node, number>()

  constructor(m: Module, pool: LocalPool, facts: Facts, helperNames: HelperNames) {
    super(m, pool, valueTypes)
    this.facts = facts
    this.helperNames = helperNames
  }

  /** Locals that both kinds of function have. */
  protected abstract readonly recordLocal: number
  protected abstract readonly eipDeltaLocal: number

  /** Leaves the handler because an exception is pending. */
  protected abstract fault(): Expression
  protected abstract load(node: Node, out: Expression[]): void
  protected abstract store(node: Node, out: Expression[]): void
  protected abstract modifyLoad(node: Node, out: Expression[]): void
  protected abstract modifyStore(node: Node, out: Expression[]): void
  protected abstract control(node: Node, out: Expression[]): void
  protected abstract address(): Expression
  protected abstract stackMask(): Expression

  protected get32(address: number): Expression {
    return this.m.i32.load(address, 4, this.m.i32.const(0))
  }

  protected set32(address: number, value: Expression): Expression {
    return this.m.i32.store(address, 4, this.m.i32.const(0), value)
  }

  protected local(index: number): Expression {
    return this.m.local.get(index, binaryen.i32)
  }

  protected record(): Expression {
    return this.local(this.recordLocal)
  }

  protected field8(field: RecordField): Expression {
    return this.m.i32.load8_u(field, 1, this.record())
  }

  protected field16(field: RecordField): Expression {
    return this.m.i32.load16_u(field, 2, this.record())
  }

  protected field32(field: RecordField): Expression {
    return this.m.i32.load(field, 4, this.record())
  }

  /** Offset in CS of this instruction. */
  protected currentEip(): Expression {
    return this.m.i32.add(this.local(this.eipDeltaLocal), this.field16(RecordField.Offset))
  }

  /** Offset in CS of the next instruction. */
  protected nextEip(): Expression {
    return this.m.i32.add(this.local(this.eipDeltaLocal), this.field16(RecordField.Next))
  }

  /** Target of the relative operand, cut to the operand size. */
  protected targetEip(): Expression {
    const target = this.m.i32.add(this.nextEip(), this.field32(RecordField.Immediate))
    return this.facts.operandSize === 16 ? this.m.i32.and(target, this.m.i32.const(0xffff)) : target
  }

  protected callHelper(name: string, args: Expression[]): Expression {
    const internal = this.helperNames.get(name)
    const signature = helperSignatures.get(name)
    if (!internal || !signature) throw new Error(`${this.facts.mnemonic}: helper ${name} is missing from the module`)
    const type = signature.result === 'none' ? binaryen.none : valueTypes[signature.result]
    return this.m.call(internal, args, type)
  }

  protected override read(node: Node): Expression {
    const { m } = this
    switch (node.op) {
      case 'operand': return this.readOperand(node)
      case 'address': return this.address()
      case 'register': {
        const address = stateAddress('gpr', node.number)
        if (node.size === 8) return m.i32.load8_u(address, 1, m.i32.const(0))
        if (node.size === 16) return m.i32.load16_u(address, 2, m.i32.const(0))
        if (node.size === 64) return m.i64.load(address, 8, m.i32.const(0))
        return this.get32(address)
      }
      case 'field': return this.get32(stateAddress(node.name as Parameters<typeof stateAddress>[0], node.number))
      case 'carry': return this.get32(stateAddress('flagCarry'))
      case 'condition': return this.condition(node.number)
      case 'arithmeticFlags': return this.callHelper('getArithmeticFlags', [])
      case 'next': return this.nextEip()
      case 'current': return this.currentEip()
      case 'target': return this.targetEip()
      case 'stackMask': return this.stackMask()
      case 'recordSegment': return this.field8(RecordField.Segment)
      default: throw new Error(`${node.op} is not a read`)
    }
  }

  /** Reads a register operand from its slot, an immediate from the record, the number of any other register. */
  private readOperand(node: Node): Expression {
    const { m } = this
    const operand = this.facts.operands[node.number]
    if (node.name === 'selector') return m.i32.and(this.field32(RecordField.Displacement), m.i32.const(0xffff))
    if (operand.kind !== 'register') return this.field32(this.immediateField(node.number))
    const slot = this.slot(node.number)
    if (!isGeneral(this.facts, node.number)) return slot
    if (node.size === 8) return m.i32.load8_u(0, 1, slot)
    if (node.size === 16) return m.i32.load16_u(0, 2, slot)
    if (node.size === 64) return m.i64.load(0, 8, slot)
    return m.i32.load(0, 4, slot)
  }

  /** A second immediate is kept where a displacement would be. */
  private immediateField(index: number): RecordField {
    const earlier = this.facts.operands.slice(0, index).some(operand => operand.kind === 'immediate')
    return earlier ? RecordField.Displacement : RecordField.Immediate
  }

  /** Address (or number) of the register of an operand. */
  private slot(index: number): Expression {
    if (index === 0) return this.field16(RecordField.Destination)
    if (index === 1) return this.field16(RecordField.Source)
    return this.field32(RecordField.Immediate)
  }

  /** base + (index << scale) + displacement. */
  protected sumAddress(indexed: boolean): Expression {
    const { m } = this
    const base = m.i32.load(0, 4, this.field16(RecordField.Base))
    const sum = m.i32.add(base, this.field32(RecordField.Displacement))
    if (!indexed) return sum
    const index = m.i32.load(0, 4, this.field16(RecordField.Index))
    return m.i32.add(sum, m.i32.shl(index, this.field8(RecordField.Scale)))
  }

  protected override effect(node: Node, out: Expression[]): void {
    const { m } = this
    switch (node.op) {
      case 'load': this.load(node, out); return
      case 'store': this.store(node, out); return
      case 'modifyLoad': this.modifyLoad(node, out); return
      case 'modifyStore': this.modifyStore(node, out); return
      case 'setOperand': {
        const value = this.value(node.args[0])
        const slot = this.slot(node.number)
        if (node.size === 8) out.push(m.i32.store8(0, 1, slot, value))
        else if (node.size === 16) out.push(m.i32.store16(0, 2, slot, value))
        else if (node.size === 64) out.push(m.i64.store(0, 8, slot, value))
        else out.push(m.i32.store(0, 4, slot, value))
        return
      }
      case 'setRegister': {
        const value = this.value(node.args[0])
        const address = stateAddress('gpr', node.number)
        const zero = m.i32.const(0)
        if (node.size === 8) out.push(m.i32.store8(address, 1, zero, value))
        else if (node.size === 16) out.push(m.i32.store16(address, 2, zero, value))
        else if (node.size === 64) out.push(m.i64.store(address, 8, zero, value))
        else out.push(this.set32(address, value))
        return
      }
      case 'setField':
        out.push(
          this.set32(
            stateAddress(node.name as Parameters<typeof stateAddress>[0], node.number), this.value(node.args[0]),
          ),
        )
        return
      case 'setFlags': this.setFlags(node, out); return
      case 'setCarry': out.push(this.set32(stateAddress('flagCarry'), this.value(node.args[0]))); return
      case 'setOverflow': {
        const kind = stateAddress('flagKind')
        out.push(this.set32(stateAddress('flagOverflow'), this.value(node.args[0])))
        out.push(this.set32(kind, m.i32.or(this.get32(kind), m.i32.const(OVERFLOW_OVERRIDE))))
        return
      }
      case 'call': this.call(node, out); return
      case 'faultIf': {
        const [condition, code] = node.args
        const raise = [this.set32(stateAddress('fault'), m.i32.const(node.number + 1))]
        raise.push(this.set32(stateAddress('faultErrorCode'), this.value(code)))
        out.push(m.if(this.value(condition), m.block(null, [...raise, this.fault()])))
        return
      }
      default: this.control(node, out)
    }
  }

  private call(node: Node, out: Expression[]): void {
    const signature = helperSignatures.get(node.name)
    const args = node.args.map(argument => this.value(argument))
    out.push(this.set32(stateAddress('eip'), this.currentEip()))
    const call = this.callHelper(node.name, args)
    if (node.type === 'none') out.push(call)
    else if (this.isUsed(node)) this.keep(node, call, out)
    else out.push(this.m.drop(call))
    if (signature?.faults) out.push(this.faultCheck())
  }

  /** Leaves the handler if an exception is pending. */
  protected faultCheck(): Expression {
    return this.m.if(this.get32(stateAddress('fault')), this.fault())
  }

  private setFlags(node: Node, out: Expression[]): void {
    const { m } = this
    const kind = node.number as Lazy
    const shift = node.size >= 32 ? 0 : 32 - node.size
    const topAligned = (value: Expression) => (shift === 0 ? value : m.i32.shl(value, m.i32.const(shift)))
    const [result, ...rest] = node.args
    out.push(this.set32(stateAddress('flagKind'), m.i32.const(kind | (shift << FLAG_SHIFT_POSITION))))
    out.push(this.set32(stateAddress('flagResult'), topAligned(this.value(result))))
    switch (kind) {
      case Lazy.Add:
      case Lazy.Sub:
        out.push(this.set32(stateAddress('flagLeft'), topAligned(this.value(rest[0]))))
        out.push(this.set32(stateAddress('flagCarry'), this.value(rest[1])))
        return
      case Lazy.Adc:
      case Lazy.Sbb:
        out.push(this.set32(stateAddress('flagLeft'), topAligned(this.value(rest[0]))))
        out.push(this.set32(stateAddress('flagCarry'), this.value(rest[1])))
        out.push(this.set32(stateAddress('flagRight'), topAligned(this.value(rest[2]))))
        return
      case Lazy.Logic:
        out.push(this.set32(stateAddress('flagCarry'), m.i32.const(0)))
        return
      case Lazy.Aux:
        out.push(this.set32(stateAddress('flagCarry'), this.value(rest[0])))
        out.push(this.set32(stateAddress('flagRight'), this.value(rest[1])))
        return
      default:
    }
  }

  /** A condition: the common flags from the lazy record inline, the rest by the helper. */
  private condition(code: number): Expression {
    const { m } = this
    const negate = (code & 1) !== 0
    const invert = (value: Expression) => (negate ? m.i32.eqz(value) : value)
    const kind = () => this.get32(stateAddress('flagKind'))
    const result = () => this.get32(stateAddress('flagResult'))
    const left = () => this.get32(stateAddress('flagLeft'))
    const carry = () => this.get32(stateAddress('flagCarry'))
    const slow = () => this.callHelper('condition', [m.i32.const(code)])
    const operation = (mask: number) => m.i32.and(kind(), m.i32.const(mask))
    const isKind = (mask: number, wanted: Lazy) => m.i32.eq(operation(mask), m.i32.const(wanted))
    const anyKind = FLAG_OPERATION_MASK | OVERFLOW_OVERRIDE
    switch ((code >> 1) as ConditionPair) {
      case ConditionPair.Z: return invert(m.i32.eqz(result()))
      case ConditionPair.B: return negate ? m.i32.eqz(carry()) : carry()
      case ConditionPair.BE: return invert(m.i32.or(carry(), m.i32.eqz(result())))
      case ConditionPair.S:
        return m.if(
          isKind(FLAG_OPERATION_MASK, Lazy.Explicit), slow(), invert(m.i32.lt_s(result(), m.i32.const(0))),
        )
      case ConditionPair.L:
      case ConditionPair.LE: {
        const orEqual = code >> 1 === ConditionPair.LE
        const right = m.i32.sub(left(), result())
        const afterSub = orEqual ? m.i32.le_s(left(), right) : m.i32.lt_s(left(), right)
        const afterLogic = orEqual
          ? m.i32.le_s(result(), m.i32.const(0))
          : m.i32.lt_s(result(), m.i32.const(0))
        return m.if(
          isKind(anyKind, Lazy.Sub), invert(afterSub), m.if(isKind(anyKind, Lazy.Logic), invert(afterLogic), slow()),
        )
      }
      default: return slow()
    }
  }
}

/** Labels and locals of the interpreter's one function. */
export interface HotFrame {
  readonly record: number
  readonly eipDelta: number
  readonly remaining: number
  readonly tlb: number
  readonly target: number
  readonly linkFrom: number
  /** Loop head: execute the record in `record`. */
  readonly next: string
  /** An exception is pending in the instruction of `record`. */
  readonly fault: string
  /** Continue at the run whose first record is `target`. */
  readonly linked: string
  /** Continue at offset `target` through the jump cache; the instruction is already counted. */
  readonly indirect: string
  /** EIP in the state is set and the instruction counted: attend to events, find the code. */
  readonly dispatch: string
}

/** Handlers inline in `run`, for flat 32-bit code: no segment checks, translation inline, branches linked. */
export class HotLowering extends HandlerLowering {
  private readonly frame: HotFrame
  private readonly indexed: boolean
  private ended = false

  /** `indexed` says whether the memory operand may have an index register. */
  constructor(m: Module, pool: LocalPool, facts: Facts, helpers: HelperNames, frame: HotFrame, indexed: boolean) {
    super(m, pool, facts, helpers)
    this.frame = frame
    this.indexed = indexed
  }

  protected override get recordLocal(): number { return this.frame.record }
  protected override get eipDeltaLocal(): number { return this.frame.eipDelta }

  /** The handler's code; it ends by leaving for one of the frame's labels. */
  lower(statements: readonly Node[]): Expression[] {
    const out = this.lowerAll(statements)
    if (!this.ended) out.push(...this.goOn())
    return out
  }

  private goOn(): Expression[] {
    const { m } = this
    const step = m.i32.add(this.record(), m.i32.const(RECORD_BYTES))
    return [m.local.set(this.frame.record, step), m.br(this.frame.next)]
  }

  protected override fault(): Expression { return this.m.br(this.frame.fault) }
  protected override address(): Expression { return this.sumAddress(this.indexed) }
  protected override stackMask(): Expression { return this.m.i32.const(-1) }

  /** Page number part of the address of the last byte of an access: what a tag must equal. */
  private tagOf(linear: number, size: number): Expression {
    const { m } = this
    const last = size > 8 ? m.i32.add(this.local(linear), m.i32.const(size / 8 - 1)) : this.local(linear)
    return m.i32.and(last, m.i32.const(~OFFSET_IN_PAGE))
  }

  /** Address of the TLB entry of a linear address. */
  private entryOf(linear: number): Expression {
    const { m } = this
    const shift = 12 - Math.log2(TLB_ENTRY_BYTES)
    const index = m.i32.shr_u(this.local(linear), m.i32.const(shift))
    return m.i32.add(
      this.local(this.frame.tlb), m.i32.and(index, m.i32.const((TLB_ENTRIES - 1) * TLB_ENTRY_BYTES)),
    )
  }

  /** Computes an access's linear address and TLB entry into locals; gives the hit test. `tag`: 0 load, 4 store. */
  private translate(offset: Node, size: number, tag: number, out: Expression[]) {
    const { m } = this
    const linear = this.pool.take('i32')
    const entry = this.pool.take('i32')
    out.push(m.local.set(linear, this.value(offset)))
    out.push(m.local.set(entry, this.entryOf(linear)))
    const hit = m.i32.eq(m.i32.load(tag, 4, this.local(entry)), this.tagOf(linear, size))
    const host = () => m.i32.add(this.local(linear), m.i32.load(8, 4, this.local(entry)))
    return { linear, hit, host }
  }

  private loadAt(size: number, host: Expression): Expression {
    const { m } = this
    if (size === 8) return m.i32.load8_u(0, 1, host)
    if (size === 16) return m.i32.load16_u(0, 1, host)
    if (size === 64) return m.i64.load(0, 1, host)
    return m.i32.load(0, 1, host)
  }

  private storeAt(size: number, host: Expression, value: Expression): Expression {
    const { m } = this
    if (size === 8) return m.i32.store8(0, 1, host, value)
    if (size === 16) return m.i32.store16(0, 1, host, value)
    if (size === 64) return m.i64.store(0, 1, host, value)
    return m.i32.store(0, 1, host, value)
  }

  protected override load(node: Node, out: Expression[]): void {
    const { m } = this
    const { linear, hit, host } = this.translate(node.args[0], node.size, 0, out)
    const home = this.home(node)
    const slow = [m.local.set(home, this.callHelper(`read${node.size}`, [this.local(linear)])), this.faultCheck()]
    out.push(m.if(hit, m.local.set(home, this.loadAt(node.size, host())), m.block(null, slow)))
  }

  protected override store(node: Node, out: Expression[]): void {
    const { m } = this
    const [offset, value] = node.args
    const { linear, hit, host } = this.translate(offset, node.size, 4, out)
    const type = node.size === 64 ? 'i64' : 'i32'
    const kept = this.pool.take(type)
    out.push(m.local.set(kept, this.value(value)))
    const stored = () => m.local.get(kept, valueTypes[type])
    const slow = [this.callHelper(`write${node.size}`, [this.local(linear), stored()]), this.faultCheck()]
    out.push(m.if(hit, this.storeAt(node.size, host(), stored()), m.block(null, slow)))
  }

  protected override modifyLoad(node: Node, out: Expression[]): void {
    const { m } = this
    const { linear, hit, host } = this.translate(node.args[0], node.size, 4, out)
    const address = this.pool.take('i32')
    const home = this.home(node)
    this.modifyAddress.set(node, address)
    this.modifyAddress.set(node.args[0], linear)
    const fast = [m.local.set(address, host()), m.local.set(home, this.loadAt(node.size, this.local(address)))]
    const slow = [
      m.local.set(address, m.i32.const(0)),
      m.local.set(home, this.callHelper(`readForModify${node.size}`, [this.local(linear)])),
      this.faultCheck(),
    ]
    out.push(m.if(hit, m.block(null, fast), m.block(null, slow)))
  }

  protected override modifyStore(node: Node, out: Expression[]): void {
    const { m } = this
    const [handle, value] = node.args
    const address = this.modifyAddress.get(handle)
    const linear = this.modifyAddress.get(handle.args[0])
    if (address === undefined || linear === undefined) throw new Error('a modify ends that has not begun')
    const type = node.size === 64 ? 'i64' : 'i32'
    const kept = this.pool.take(type)
    out.push(m.local.set(kept, this.value(value)))
    const stored = () => m.local.get(kept, valueTypes[type])
    out.push(
      m.if(
        this.local(address),
        this.storeAt(node.size, this.local(address), stored()),
        this.callHelper(`write${node.size}`, [this.local(linear), stored()]),
      ),
    )
  }

  /** Counts the instructions of the run up to and with this one. */
  private count(): Expression {
    const { m } = this
    return m.local.set(
      this.frame.remaining, m.i32.sub(this.local(this.frame.remaining), this.field8(RecordField.Ordinal)),
    )
  }

  /**
   * Follows the direct branch. before: look the target up => after: the link in the record, when it is filled in.
   * Links exist only within a page and between runs of one mode, so no mapping can come between.
   */
  private follow(): Expression[] {
    const { m } = this
    const { frame } = this
    const linked = m.i32.and(
      m.i32.ne(this.local(frame.target), m.i32.const(0)),
      m.i32.ge_s(this.local(frame.remaining), m.i32.const(MAX_RUN_INSTRUCTIONS)),
    )
    return [
      this.count(),
      m.local.set(frame.target, this.field32(RecordField.Link)),
      m.br(frame.linked, linked),
      m.local.set(frame.linkFrom, this.record()),
      m.local.set(frame.target, this.targetEip()),
      m.br(frame.indirect),
    ]
  }

  protected override control(node: Node, out: Expression[]): void {
    const { m } = this
    switch (node.op) {
      case 'checkTarget': return
      case 'jump':
        this.ended = true
        out.push(...this.follow())
        return
      case 'branch':
        this.ended = true
        out.push(m.if(this.value(node.args[0]), m.block(null, this.follow())), ...this.goOn())
        return
      case 'jumpTo':
        this.ended = true
        out.push(
          m.local.set(this.frame.target, this.value(node.args[0])),
          this.count(),
          m.local.set(this.frame.linkFrom, m.i32.const(0)),
          m.br(this.frame.indirect),
        )
        return
      case 'endRun':
        this.ended = true
        if (node.number === 0) out.push(this.set32(stateAddress('eip'), this.nextEip()))
        out.push(this.count(), m.br(this.frame.dispatch))
        return
      default: throw new Error(`${node.op} cannot be lowered`)
    }
  }
}

/** What a general handler returns. */
export enum Outcome {
  /** Go on with the next record. */
  Next = 0,
  /** An exception is pending. */
  Fault = 1,
  /** EIP is set; only the place has changed. */
  Jump = 2,
  /** EIP is set; mode, mapping or what may interrupt has changed. */
  Dispatch = 3,
}

/** Parameters of a general handler: (record, eipDelta) -> Outcome. */
const GENERAL_RECORD = 0
const GENERAL_EIP_DELTA = 1
/** Index of the first scratch local of a general handler. */
export const GENERAL_LOCALS = 2

/** Handlers as functions, for every mode: segment checks, address and stack size as the state and record say. */
export class GeneralLowering extends HandlerLowering {
  protected override get recordLocal(): number { return GENERAL_RECORD }
  protected override get eipDeltaLocal(): number { return GENERAL_EIP_DELTA }

  /** The function's body; it returns an Outcome. */
  lower(statements: readonly Node[]): Expression[] {
    return this.lowerAll(statements)
  }

  private leave(outcome: Outcome): Expression {
    return this.m.return(this.m.i32.const(outcome))
  }

  protected override fault(): Expression { return this.leave(Outcome.Fault) }

  protected override address(): Expression {
    const { m } = this
    const narrow = m.i32.and(this.field8(RecordField.Flags), m.i32.const(RecordFlag.Address16))
    return m.i32.and(this.sumAddress(true), m.select(narrow, m.i32.const(0xffff), m.i32.const(-1)))
  }

  protected override stackMask(): Expression {
    const { m } = this
    const wide = m.i32.and(this.get32(stateAddress('mode')), m.i32.const(ModeBit.Stack32))
    return m.select(wide, m.i32.const(-1), m.i32.const(0xffff))
  }

  /** Linear address of an access after the segment checks, in a local. */
  private translate(node: Node, write: boolean, out: Expression[]): number {
    const { m } = this
    const linear = this.pool.take('i32')
    const segment = node.segment === 'operand' ? this.field8(RecordField.Segment) : m.i32.const(node.segment)
    const check = this.callHelper(write ? 'segmentWrite' : 'segmentRead', [
      segment, this.value(node.args[0]), m.i32.const(node.size / 8),
    ])
    out.push(m.local.set(linear, check), this.faultCheck())
    return linear
  }

  protected override load(node: Node, out: Expression[]): void {
    const linear = this.translate(node, false, out)
    this.keep(node, this.callHelper(`read${node.size}`, [this.local(linear)]), out)
    out.push(this.faultCheck())
  }

  protected override store(node: Node, out: Expression[]): void {
    const linear = this.translate(node, true, out)
    out.push(this.callHelper(`write${node.size}`, [this.local(linear), this.value(node.args[1])]), this.faultCheck())
  }

  protected override modifyLoad(node: Node, out: Expression[]): void {
    const linear = this.translate(node, true, out)
    this.modifyAddress.set(node, linear)
    this.keep(node, this.callHelper(`readForModify${node.size}`, [this.local(linear)]), out)
    out.push(this.faultCheck())
  }

  protected override modifyStore(node: Node, out: Expression[]): void {
    const linear = this.modifyAddress.get(node.args[0])
    if (linear === undefined) throw new Error('a modify ends that has not begun')
    out.push(this.callHelper(`write${node.size}`, [this.local(linear), this.value(node.args[1])]))
  }

  /** Raises #GP(0) when an offset is beyond the limit of CS. */
  private checkLimit(offset: Expression): Expression {
    const { m } = this
    return m.if(
      m.i32.gt_u(offset, this.get32(stateAddress('segmentLimit', Segment.Cs))),
      m.block(null, [
        this.set32(stateAddress('fault'), m.i32.const(Vector.GP + 1)),
        this.set32(stateAddress('faultErrorCode'), m.i32.const(0)),
        this.fault(),
      ]),
    )
  }

  private follow(): Expression[] {
    return [
      this.checkLimit(this.targetEip()),
      this.set32(stateAddress('eip'), this.targetEip()),
      this.leave(Outcome.Jump),
    ]
  }

  protected override control(node: Node, out: Expression[]): void {
    const { m } = this
    switch (node.op) {
      case 'checkTarget': out.push(this.checkLimit(this.value(node.args[0]))); return
      case 'jump': out.push(...this.follow()); return
      case 'branch': out.push(m.if(this.value(node.args[0]), m.block(null, this.follow()))); return
      case 'jumpTo':
        out.push(this.set32(stateAddress('eip'), this.value(node.args[0])), this.leave(Outcome.Jump))
        return
      case 'endRun':
        if (node.number === 0) out.push(this.set32(stateAddress('eip'), this.nextEip()))
        out.push(this.leave(Outcome.Dispatch))
        return
      default: throw new Error(`${node.op} cannot be lowered`)
    }
  }
}

/** Iterations of a repeated string instruction between looks at what may interrupt. */
const PIECE_ITERATIONS = 2048

/**
 * A repeated string instruction: steps until the count register is zero, the condition of REPE or REPNE ends it, an
 * exception is raised (the finished steps stand), or the piece is used up; then EIP stays and the loop looks around.
 */
export class RepeatLowering extends GeneralLowering {
  private readonly loop = 'step'
  private atomic = false

  override lower(statements: readonly Node[]): Expression[] {
    const { m, facts } = this
    const size = facts.addressSize
    const address = stateAddress('gpr', Gpr.Ecx)
    const zero = () => m.i32.const(0)
    const count = () => (size === 16 ? m.i32.load16_u(address, 2, zero()) : m.i32.load(address, 4, zero()))
    const setCount = (value: Expression) =>
      size === 16 ? m.i32.store16(address, 2, zero(), value) : m.i32.store(address, 4, zero(), value)
    const compares = facts.mnemonic === 'cmps' || facts.mnemonic === 'scas'
    const iterations = this.pool.take('i32')
    const step = this.lowerAll(statements)
    const body: Expression[] = [...step, setCount(m.i32.sub(count(), m.i32.const(1)))]
    const finished = this.atomic
      ? m.block(null, [this.set32(stateAddress('eip'), this.nextEip()), this.leaveWith(Outcome.Dispatch)])
      : this.leaveWith(Outcome.Next)
    body.push(m.if(m.i32.eqz(count()), finished))
    if (compares) {
      const equal = m.i32.eqz(this.get32(stateAddress('flagResult')))
      const stop = facts.repeat === 'rep' ? m.i32.eqz(equal) : equal
      body.push(m.if(stop, this.leaveWith(Outcome.Next)))
    }
    const suspend = [this.set32(stateAddress('eip'), this.currentEip()), this.leaveWith(Outcome.Dispatch)]
    if (this.atomic) body.push(...suspend)
    else {
      body.push(
        m.local.set(iterations, m.i32.sub(this.local(iterations), m.i32.const(1))),
        m.br_if(this.loop, this.local(iterations)),
        ...suspend,
      )
    }
    const piece = m.select(this.get32(stateAddress('trapBefore')), m.i32.const(1), m.i32.const(PIECE_ITERATIONS))
    const bulk = this.bulkStep(iterations, m.i32.eqz(count()))
    return [
      m.if(m.i32.eqz(count()), this.leaveWith(Outcome.Next)),
      m.local.set(iterations, piece),
      m.loop(this.loop, m.block(null, [...bulk, ...body])),
    ]
  }

  /** Many elements at once where runtime/helpers/bulk.ts can; the ordinary step comes after when it cannot. */
  private bulkStep(iterations: number, finished: Expression): Expression[] {
    const { m, facts } = this
    const helper = facts.mnemonic === 'movs' ? 'bulkMove' : facts.mnemonic === 'stos' ? 'bulkStore' : undefined
    if (!helper || facts.addressSize !== 32 || facts.operandSize === 64) return []
    const moved = this.pool.take('i32')
    const shift = m.i32.const(Math.log2(facts.operandSize / 8))
    // STOS writes through ES whatever the override, so its segment is no concern.
    const segment = helper === 'bulkMove' ? this.field8(RecordField.Segment) : m.i32.const(0)
    return [
      m.local.set(moved, this.callHelper(helper, [shift, segment])),
      m.if(
        this.local(moved),
        m.block(null, [
          m.if(finished, this.leaveWith(Outcome.Next)),
          m.local.set(iterations, m.i32.sub(this.local(iterations), this.local(moved))),
          m.br_if(this.loop, m.i32.gt_s(this.local(iterations), m.i32.const(0))),
          this.set32(stateAddress('eip'), this.currentEip()),
          this.leaveWith(Outcome.Dispatch),
        ]),
      ),
    ]
  }

  private leaveWith(outcome: Outcome): Expression {
    return this.m.return(this.m.i32.const(outcome))
  }

  protected override control(node: Node, out: Expression[]): void {
    // A step that may change what interrupts (INS, OUTS) is a piece of its own.
    if (node.op === 'endRun') this.atomic = true
    else super.control(node, out)
  }
}
