/**
 * The run-time back end: one wasm function for a region. Operands are constants, general registers are locals, flags
 * are locals of a known shape, translation is inline. Whatever is rare leaves the function in front of the
 * instruction, and the interpreter does it.
 *
 *   blocks + Structure -> nested wasm blocks and loops; each place that may leave has an exit, out of line behind
 *   the body, that puts EIP, flags and the instruction count right and joins the common exit, which stores registers
 */
import { RegionOutcome } from '../../runtime/exits.ts'
import type { Lazy } from '../../runtime/flags.ts'
import { PAGE_BYTES, RECORD_BYTES, TLB_ENTRIES, TLB_ENTRY_BYTES, TLB_SUPERVISOR, TLB_USER } from '../../runtime/memory-map.ts'
import { ModeBit, Segment, stateAddress, type StateName } from '../../runtime/state.ts'
import type { Instruction, MemoryOperand, RegisterOperand } from '../decode/instruction.ts'
import { Builder } from '../definitions/builder.ts'
import { definitions } from '../definitions/index.ts'
import { factsOf } from '../handlers.ts'
import type { Node } from '../ir.ts'
import { FlagFlow, type Prepared, type PreparedBlock } from '../regions/flag-flow.ts'
import { type FlagShape, type FlagUse, flagUseOf, memoryShape, shapeKey, staticShape } from '../regions/flag-shape.ts'
import { isQuiet, loadsBase, Lowering } from '../regions/lowering-choice.ts'
import type { Block, Region, RegionInstruction } from '../regions/region.ts'
import type { Structure } from '../regions/structure.ts'
import { WasmType } from '../wasm/module-writer.ts'
import { FEW_TARGETS, hashTargets, type TargetHash } from '../regions/target-hash.ts'
import { RegionFlags } from './region-flags.ts'
import { noteTarget, targetProfileRowOf } from './target-profile.ts'
import { type Expression, LocalPool, type RegionModule, ValueLowering } from './value.ts'
import { loadBits, storeBits } from './vector.ts'
import { callVectorHelper, pokeVector, readVectorRegister, requirement, vectorSlot } from './region-vector.ts'

/** Fixed locals: the general registers first, then these. */
const REMAINING = 8
const EXIT_EIP = 9
const OUTCOME = 10
const FLAG_A = 11
const FLAG_B = 12
const FLAG_C = 13
const FLAG_E = 14
const FLAG_O = 15
const FLAG_K = 16
const FS_BASE = 17
const GS_BASE = 18
const FS_OPEN = 19
const GS_OPEN = 20
const FIRST_SCRATCH = 21

const HIGH_BYTES = 4

/** Segments that flat code says nothing about, the locals of their bases, and of whether they cover 4 GiB. */
const segmentLocals: ReadonlyMap<number, { readonly base: number; readonly open: number }> = new Map([
  [Segment.Fs, { base: FS_BASE, open: FS_OPEN }], [Segment.Gs, { base: GS_BASE, open: GS_OPEN }],
])
/** Bits of `segmentAccess` (SDM vol. 3, 3.4.5): present, code, expand-down, writable; and how data of 4 GiB has them. */
const CHECKED_ACCESS = 0x8e
const OPEN_ACCESS = 0x82

/** What `handleRecord` of core.wasm gives: an Outcome of the general handler, or that code has been written. */
enum HandlerResult { Next, Fault, Jump, Dispatch, CodeWritten }

/** A handler may do anything to the flags, in memory, unless it is known not to touch them. */
function handledFlags(instruction: Instruction): FlagUse {
  const loud = !isQuiet(instruction)
  return { reads: loud, sets: false, changes: loud, exits: true }
}

const valueTypes = {
  i32: WasmType.I32, i64: WasmType.I64, f32: WasmType.F32, f64: WasmType.F64, v128: WasmType.V128,
}

interface Exit {
  readonly label: string
  readonly code: Expression[]
}

export class RegionLowering extends ValueLowering<RegionModule> {
  private readonly region: Region
  private readonly structure: Structure
  private readonly blocks = new Map<number, PreparedBlock>()
  private readonly flags: RegionFlags
  private readonly flow: FlagFlow
  private readonly exits = new Map<string, Exit>()
  private readonly tlb: number
  /** Registers that the region may read or write, and write. */
  private readonly used = new Set<number>()
  private readonly written = new Set<number>()
  /** Helpers of vector instructions that are called. */
  readonly vectorHelpers = new Set<string>()
  /** What the current block has made sure of: 'sse', 'mmx'. */
  private readonly required = new Set<string>()
  /** Exports of core.wasm that are called, each from i32 to i32. */
  readonly imports = new Set<string>()
  /** FS and GS, where accesses go through them. */
  private readonly segments = new Set<number>()
  /** Whether the region may load one of them. */
  private readonly loadsSegments: boolean
  private readonly records: number

  private current!: Prepared
  private currentBlock!: Block
  private shape: FlagShape = memoryShape
  /** Instructions of the current block before the current one. */
  private before = 0
  private readonly modifyHost = new Map<Node, number>()

  /** `records` is the address of the records of the region's handled instructions. */
  constructor(m: RegionModule, region: Region, structure: Structure, records: number) {
    super(m, new LocalPool(FIRST_SCRATCH), valueTypes)
    this.region = region
    this.structure = structure
    this.records = records
    this.loadsSegments = region.handled.some(({ instruction }) => loadsBase(instruction))
    this.flow = new FlagFlow(structure, this.blocks, (prepared, node) => this.constantIn(prepared, node))
    this.tlb = (region.mode & ModeBit.User) !== 0 ? TLB_USER : TLB_SUPERVISOR
    this.flags = new RegionFlags(m, { A: FLAG_A, B: FLAG_B, C: FLAG_C, E: FLAG_E, O: FLAG_O, K: FLAG_K }, code => this.callCore('condition', m.i32.const(code)))
  }

  // --- preparation ---

  private prepare(): void {
    for (const block of this.structure.order) {
      const instructions = block.instructions.map(source => this.prepareInstruction(source))
      this.blocks.set(block.eip, { block, instructions, needed: true, shape: memoryShape })
    }
    this.flow.solve(this.region.entry)
  }

  private prepareInstruction(source: RegionInstruction): Prepared {
    const facts = factsOf(source.instruction)
    const builder = new Builder(facts)
    definitions.get(facts.mnemonic)?.(builder, facts)
    const prepared: Prepared = {
      source, statements: builder.statements, neededAfter: true,
      flags: { reads: false, sets: false, changes: false, exits: false },
    }
    this.current = prepared
    this.forgetConstants()
    this.noteRegisters(builder.statements)
    if (source.lowering === Lowering.Handler) return { ...prepared, flags: handledFlags(source.instruction) }
    this.noteSegments(source.instruction)
    const flags = flagUseOf(builder.statements, node => this.constantOf(node))
    return { ...prepared, flags }
  }

  private noteSegments({ operands }: Instruction): void {
    for (const operand of operands)
      if (operand.kind === 'memory' && segmentLocals.has(operand.segment)) this.segments.add(operand.segment)
  }

  private noteRegisters(statements: readonly Node[]): void {
    this.eachRegister(statements, (register, write) => {
      this.used.add(register)
      if (write) this.written.add(register)
    })
  }

  /** Calls `visit` for each general register that statements of the current instruction name. */
  private eachRegister(statements: readonly Node[], visit: (register: number, write: boolean) => void): void {
    const { operands } = this.current.source.instruction
    for (const node of statements) {
      if (node.op === 'register' || node.op === 'setRegister') visit(node.number, node.op === 'setRegister')
      if (node.op === 'operand' || node.op === 'setOperand') {
        const operand = operands[node.number]
        if (operand.kind === 'register' && operand.class.startsWith('gpr'))
          visit(this.registerOf(operand), node.op === 'setOperand')
      }
      if (node.op === 'address') {
        const operand = operands[node.number] as MemoryOperand
        if (operand.base >= 0) visit(operand.base, false)
        if (operand.index >= 0) visit(operand.index, false)
      }
      this.eachRegister(node.then, visit)
      this.eachRegister(node.otherwise, visit)
    }
  }

  private registerOf(operand: RegisterOperand): number {
    return operand.class === 'gpr8' && operand.index >= HIGH_BYTES ? operand.index - HIGH_BYTES : operand.index
  }

  private constantIn(prepared: Prepared, node: Node): number | undefined {
    if (this.current !== prepared) {
      this.current = prepared
      this.forgetConstants()
    }
    return this.constantOf(node)
  }

  // --- small expressions ---

  private callCore(name: string, argument: Expression): Expression {
    this.imports.add(name)
    return this.m.call(name, [argument], WasmType.I32)
  }

  private local(index: number): Expression {
    return this.m.local.get(index, WasmType.I32)
  }
  private constant(value: number): Expression {
    return this.m.i32.const(value)
  }
  private setState(address: number, value: Expression): Expression {
    return this.m.i32.store(address, 4, this.constant(0), value)
  }

  // --- exits ---

  /** Label of an exit at `eip` with the flags as they are; `executed` instructions of the block are not counted yet. */
  private exit(eip: number, outcome: RegionOutcome, executed: number): string {
    const { m } = this
    const key = `${eip} ${outcome} ${executed} ${shapeKey(this.shape)}`
    const known = this.exits.get(key)
    if (known) return known.label
    const label = `exit${this.exits.size}`
    const code = [m.local.set(EXIT_EIP, this.constant(eip | 0)), ...this.leave(outcome, executed)]
    this.exits.set(key, { label, code })
    return label
  }

  /** Leaves with EIP in its local. */
  private leave(outcome: RegionOutcome, executed: number): Expression[] {
    const { m } = this
    const code = this.flags.spill(this.shape)
    if (executed > 0)
      code.push(m.local.set(REMAINING, m.i32.sub(this.local(REMAINING), this.constant(executed))))
    code.push(m.local.set(OUTCOME, this.constant(outcome)), m.br('leave'))
    return code
  }

  /** Leaves for the interpreter in front of the current instruction when `condition` holds. */
  private exitBefore(condition: Expression): Expression {
    return this.m.br(this.exit(this.current.source.eip, RegionOutcome.Interpret, this.before), condition)
  }

  // --- the function ---

  /** Adds the function 'region' to the module. */
  lower(): void {
    const { m } = this
    this.prepare()
    const body = [...this.openSegments(), ...this.tree(this.region.entry)]
    let nested: Expression = m.block(null, body)
    for (const { label, code } of this.exits.values()) nested = m.block(null, [m.block(label, [nested]), ...code])
    const whole = m.block(
      null,
      [
        ...this.load([...this.used]),
        m.local.set(REMAINING, m.i32.load(stateAddress('remaining'), 4, this.constant(0))),
        m.block('leave', [nested]),
        ...this.store([...this.written]),
        this.setState(stateAddress('eip'), this.local(EXIT_EIP)),
        this.setState(stateAddress('remaining'), this.local(REMAINING)),
        this.local(OUTCOME),
      ],
      WasmType.I32,
    )
    const fixed = Array.from({ length: FIRST_SCRATCH }, () => WasmType.I32)
    m.addFunction(
      'region', WasmType.None, WasmType.I32, [...fixed, ...this.pool.types.map(type => valueTypes[type])], whole,
    )
    m.addFunctionExport('region', 'region')
  }

  private load(registers: readonly number[]): Expression[] {
    const { m } = this
    return registers.map(register =>
      m.local.set(register, m.i32.load(stateAddress('gpr', register), 4, this.constant(0))),
    )
  }

  private store(registers: readonly number[]): Expression[] {
    return registers.map(register => this.setState(stateAddress('gpr', register), this.local(register)))
  }

  /**
   * Fetches what regions keep of FS and GS. before: each access through them checks segment and limit => after: once
   * on entry, or, in a region that loads them, whenever they are loaded; then each access tests a local.
   */
  private openSegments(): Expression[] {
    const { m } = this
    const load = (name: StateName, segment: number) => m.i32.load(stateAddress(name, segment), 4, this.constant(0))
    return [...this.segments].flatMap(segment => {
      const { base, open } = segmentLocals.get(segment) as { base: number; open: number }
      const access = m.i32.and(load('segmentAccess', segment), this.constant(CHECKED_ACCESS))
      const wide = m.i32.eq(load('segmentLimit', segment), this.constant(-1))
      return [
        m.local.set(base, load('segmentBase', segment)),
        m.local.set(open, m.i32.and(m.i32.eq(access, this.constant(OPEN_ACCESS)), wide)),
        ...(this.loadsSegments ? [] : [this.leaveUnless(open)]),
      ]
    })
  }

  private leaveUnless(open: number): Expression {
    const eip = this.loadsSegments ? this.current.source.eip : this.region.entry
    return this.m.br(this.exit(eip, RegionOutcome.Interpret, this.before), this.m.i32.eqz(this.local(open)))
  }

  /** A block and all that it dominates. */
  private tree(eip: number): Expression[] {
    const { structure, m } = this
    const merges = (structure.children.get(eip) ?? []).filter(child => structure.merges.has(child))
    const position = (child: number) => structure.position.get(child) as number
    merges.sort((a, b) => position(b) - position(a))
    const within = this.within(eip, merges)
    return structure.loopHeaders.has(eip) ? [m.loop(`loop${position(eip)}`, m.block(null, within))] : within
  }

  private within(eip: number, merges: readonly number[]): Expression[] {
    if (merges.length === 0) return this.blockCode(this.blocks.get(eip) as PreparedBlock)
    const [outermost, ...rest] = merges
    const label = `merge${this.structure.position.get(outermost)}`
    return [this.m.block(label, this.within(eip, rest)), ...this.tree(outermost)]
  }

  /** Goes to another block: a branch, its code in place, or an exit. The block's instructions are counted. */
  private edge(from: number, to: number): Expression[] {
    const { m, structure } = this
    if (!this.flow.stays(from, to)) return [m.br(this.exit(to, RegionOutcome.Jump, 0))]
    const target = this.blocks.get(to) as PreparedBlock
    const out: Expression[] = []
    const back = structure.isBackEdge(from, to)
    if (back) {
      const low = m.i32.lt_s(this.local(REMAINING), this.constant(this.region.instructions))
      out.push(m.br(this.exit(to, RegionOutcome.Jump, 0), low))
    }
    // before: flags stored at every join => after: only where shapes differ and somebody may look.
    if (target.shape.place === 'memory') out.push(...this.flags.spill(this.shape))
    else if (target.shape.place === 'dynamic' && this.shape.place !== 'dynamic')
      out.push(this.flags.nameShape(this.shape))
    const position = structure.position.get(to)
    if (back) out.push(m.br(`loop${position}`))
    else if (structure.merges.has(to)) out.push(m.br(`merge${position}`))
    else {
      const shape = this.shape
      out.push(...this.tree(to))
      this.shape = shape
    }
    return out
  }

  private blockCode({ block, instructions, shape }: PreparedBlock): Expression[] {
    const out: Expression[] = []
    this.currentBlock = block
    this.shape = shape
    this.before = 0
    this.required.clear()
    for (const prepared of instructions) {
      this.instruction(prepared, out)
      this.before++
    }
    if (!this.endsItself(block)) {
      out.push(...this.countBlock(block))
      out.push(...this.end(block))
    }
    return out
  }

  /** Whether the block's last instruction has lowered the end itself, because it needs values of its own. */
  private endsItself(block: Block): boolean {
    return block.end.kind === 'branch' || block.end.kind === 'return' || block.end.kind === 'indirect'
  }

  private countBlock(block: Block): Expression[] {
    const { m } = this
    const count = block.instructions.length
    return count === 0
      ? []
      : [m.local.set(REMAINING, m.i32.sub(this.local(REMAINING), this.constant(count)))]
  }

  private end(block: Block): Expression[] {
    const { end } = block
    switch (end.kind) {
      case 'jump':
      case 'call': return this.edge(block.eip, end.target)
      case 'interpret': return [this.m.br(this.exit(end.eip, RegionOutcome.Interpret, 0))]
      default: throw new Error(`a block cannot end in ${end.kind} here`)
    }
  }

  private instruction(prepared: Prepared, out: Expression[]): void {
    this.current = prepared
    this.pool.release()
    this.modifyHost.clear()
    const { flags } = prepared
    if (prepared.source.lowering === Lowering.Handler) {
      this.required.clear()
      this.handled(prepared, out)
      return
    }
    // A change under a condition is made in memory, where the flags must be by then.
    this.pending = this.flow.shapeAfterInstruction(this.shape, prepared)
    this.current = prepared
    if (flags.changes && !flags.sets && this.pending.place === 'memory') this.movesFlagsToMemory = true
    out.push(...this.lowerAll(prepared.statements))
    this.movesFlagsToMemory = false
    if (flags.sets || flags.changes) this.shape = this.pending
  }

  /**
   * Calls the interpreter's handler: registers and flags go to the state and come back. The region is left when it
   * raises an exception, wants to be looked after, or has written code, which may be the region's own.
   */
  private handled(prepared: Prepared, out: Expression[]): void {
    const { m } = this
    const { instruction, eip } = prepared.source
    const quiet = isQuiet(instruction)
    const named = this.registersOf(prepared.statements)
    const record = this.records + this.region.handled.indexOf(prepared.source) * RECORD_BYTES
    if (!quiet) {
      out.push(...this.flags.spill(this.shape))
      this.shape = memoryShape
    }
    const stores = [...this.written].filter(register => !quiet || named.used.has(register))
    const loads = quiet ? [...named.written] : [...new Set([...this.used, ...this.written])]
    const before = m.i32.sub(this.local(REMAINING), this.constant(this.before))
    out.push(
      ...this.store(stores),
      this.setState(stateAddress('remaining'), before),
      m.local.set(OUTCOME, this.callCore('handleRecord', this.constant(record))),
      ...this.load(loads),
      m.br(this.exitHandled(eip, eip + instruction.length), this.local(OUTCOME)),
    )
    if (loadsBase(instruction)) out.push(...this.openSegments())
  }

  /** Label of the exit behind a handled instruction: the handler's result is in OUTCOME. */
  private exitHandled(eip: number, next: number): string {
    const { m } = this
    const label = `handled${this.exits.size}`
    const is = (outcome: HandlerResult) => m.i32.eq(this.local(OUTCOME), this.constant(outcome))
    const code = [
      m.if(
        is(HandlerResult.Fault),
        m.block(null, [m.local.set(EXIT_EIP, this.constant(eip | 0)), ...this.leave(RegionOutcome.Fault, this.before)]),
      ),
      m.local.set(
        EXIT_EIP,
        m.select(is(HandlerResult.CodeWritten), this.constant(next | 0), m.i32.load(stateAddress('eip'), 4, this.constant(0))),
      ),
      ...this.leave(RegionOutcome.Dispatch, this.before + 1),
    ]
    this.exits.set(label, { label, code })
    return label
  }

  private registersOf(statements: readonly Node[]): { used: Set<number>; written: Set<number> } {
    const named = { used: new Set<number>(), written: new Set<number>() }
    this.eachRegister(statements, (register, write) => {
      named.used.add(register)
      if (write) named.written.add(register)
    })
    return named
  }

  /** Shape after the current instruction. */
  private pending: FlagShape = memoryShape
  private movesFlagsToMemory = false

  protected override beforeConditional(out: Expression[]): void {
    if (!this.movesFlagsToMemory) return
    out.push(...this.flags.spill(this.shape))
    this.shape = memoryShape
    this.movesFlagsToMemory = false
  }

  // --- reads ---

  protected override knownRead(node: Node): number | undefined {
    const { instruction, eip } = this.current.source
    switch (node.op) {
      case 'stackMask': return -1
      case 'current': return eip | 0
      case 'next': return (eip + instruction.length) | 0
      case 'recordSegment': return instruction.segment
      case 'target': {
        const [operand] = instruction.operands
        return operand?.kind === 'relative' ? (eip + instruction.length + operand.value) | 0 : undefined
      }
      case 'operand': {
        const operand = instruction.operands[node.number]
        if (operand.kind === 'register') return vectorSlot(operand)
        return operand.kind === 'immediate' && node.type === 'i32' ? operand.value : undefined
      }
      default: return undefined
    }
  }

  private readRegister(register: number, size: number, high: boolean): Expression {
    const { m } = this
    const value = this.local(register)
    if (size === 32) return value
    if (size === 16) return m.i32.and(value, this.constant(0xffff))
    return m.i32.and(high ? m.i32.shr_u(value, this.constant(8)) : value, this.constant(0xff))
  }

  private writeRegister(register: number, size: number, high: boolean, value: Expression): Expression {
    const { m } = this
    if (size === 32) return m.local.set(register, value)
    const mask = size === 16 ? 0xffff : high ? 0xff00 : 0xff
    const kept = m.i32.and(this.local(register), this.constant(~mask))
    const placed = high ? m.i32.shl(m.i32.and(value, this.constant(0xff)), this.constant(8)) : m.i32.and(value, this.constant(mask))
    return m.local.set(register, m.i32.or(kept, placed))
  }

  protected override read(node: Node): Expression {
    const { m } = this
    const { operands } = this.current.source.instruction
    switch (node.op) {
      case 'operand': {
        const operand = operands[node.number] as RegisterOperand
        const high = operand.class === 'gpr8' && operand.index >= HIGH_BYTES
        return this.readRegister(this.registerOf(operand), node.size, high)
      }
      case 'register': return this.readRegister(node.number, node.size, false)
      case 'address': return this.address(operands[node.number] as MemoryOperand)
      case 'field': return m.i32.load(stateAddress(node.name as StateName, node.number), 4, this.constant(0))
      case 'peek': return readVectorRegister(m, node, this.value(node.args[0]))
      case 'carry': return this.flags.carry(this.shape)
      case 'condition': return this.flags.condition(this.shape, node.number)
      default: throw new Error(`${node.op} cannot be read in a region`)
    }
  }

  private address({ base, index, scale, displacement }: MemoryOperand): Expression {
    const { m } = this
    let sum: Expression | undefined = base >= 0 ? this.local(base) : undefined
    if (index >= 0) {
      const scaled = scale > 0 ? m.i32.shl(this.local(index), this.constant(scale)) : this.local(index)
      sum = sum === undefined ? scaled : m.i32.add(sum, scaled)
    }
    if (sum === undefined) return this.constant(displacement)
    return displacement === 0 ? sum : m.i32.add(sum, this.constant(displacement))
  }

  // --- effects ---

  /** TLB lookup: leaves when the access is not plain RAM in one page; gives the linear address and the entry. */
  private translate(access: Node, tag: number, out: Expression[]): { linear: number; entry: number } {
    const { m } = this
    const { size } = access
    const segment = segmentLocals.get(this.segmentOf(access))
    if (segment && this.loadsSegments) out.push(this.leaveUnless(segment.open))
    const linear = this.pool.take('i32')
    const entry = this.pool.take('i32')
    const shift = 12 - Math.log2(TLB_ENTRY_BYTES)
    const offset = this.value(access.args[0])
    out.push(m.local.set(linear, segment ? m.i32.add(offset, this.local(segment.base)) : offset))
    const index = m.i32.and(
      m.i32.shr_u(this.local(linear), this.constant(shift)), this.constant((TLB_ENTRIES - 1) * TLB_ENTRY_BYTES),
    )
    out.push(m.local.set(entry, index))
    const aligned = access.name === 'aligned'
    const last = size > 8 && !aligned ? m.i32.add(this.local(linear), this.constant(size / 8 - 1)) : this.local(linear)
    // The low bits of an address that must be aligned stay: a misaligned one misses.
    const wanted = m.i32.and(last, this.constant(aligned ? -PAGE_BYTES | (size / 8 - 1) : -PAGE_BYTES))
    out.push(this.exitBefore(m.i32.ne(m.i32.load(this.tlb + tag, 4, this.local(entry)), wanted)))
    return { linear, entry }
  }

  /** The segment that an access goes through. */
  private segmentOf({ segment }: Node): number {
    if (segment !== 'operand') return segment
    const { operands, segment: implicit } = this.current.source.instruction
    const operand = operands.find(({ kind }) => kind === 'memory') as MemoryOperand | undefined
    return operand?.segment ?? implicit
  }

  private host({ linear, entry }: { linear: number; entry: number }): Expression {
    return this.m.i32.add(this.local(linear), this.m.i32.load(this.tlb + 8, 4, this.local(entry)))
  }

  private loadAt(size: number, address: Expression): Expression {
    return loadBits(this.m, size, 0, address)
  }

  private storeAt(size: number, address: Expression, value: Expression): Expression {
    return storeBits(this.m, size, 0, address, value)
  }

  protected override effect(node: Node, out: Expression[]): void {
    const { m } = this
    const { operands } = this.current.source.instruction
    switch (node.op) {
      case 'load':
        this.keep(node, this.loadAt(node.size, this.host(this.translate(node, 0, out))), out)
        return
      case 'store': {
        const place = this.translate(node, 4, out)
        out.push(this.storeAt(node.size, this.host(place), this.value(node.args[1])))
        return
      }
      case 'modifyLoad': {
        const place = this.translate(node, 4, out)
        const host = this.pool.take('i32')
        this.modifyHost.set(node, host)
        out.push(m.local.set(host, this.host(place)))
        this.keep(node, this.loadAt(node.size, this.local(host)), out)
        return
      }
      case 'modifyStore': {
        const host = this.modifyHost.get(node.args[0])
        if (host === undefined) throw new Error('a modify ends that has not begun')
        out.push(this.storeAt(node.size, this.local(host), this.value(node.args[1])))
        return
      }
      case 'setOperand': {
        const operand = operands[node.number] as RegisterOperand
        const high = operand.class === 'gpr8' && operand.index >= HIGH_BYTES
        out.push(this.writeRegister(this.registerOf(operand), operand.size, high, this.value(node.args[0])))
        return
      }
      case 'setRegister': out.push(this.writeRegister(node.number, node.size, false, this.value(node.args[0]))); return
      case 'setField':
        out.push(this.setState(stateAddress(node.name as StateName, node.number), this.value(node.args[0])))
        return
      case 'faultIf': out.push(this.exitBefore(this.value(node.args[0]))); return
      case 'poke': out.push(pokeVector(m, node, this.value(node.args[0]), this.value(node.args[1]))); return
      case 'require':
        // before: tested by every instruction => after: by the first of a block; nothing in a region changes it.
        if (!this.required.has(node.name)) out.push(this.exitBefore(requirement(m, node.name)))
        this.required.add(node.name)
        return
      case 'call': {
        this.vectorHelpers.add(node.name)
        const args = node.args.map(argument => this.value(argument))
        const result = node.type !== 'none' && this.isUsed(node) ? this.home(node) : undefined
        out.push(...callVectorHelper(m, node, args, result, this.exit(this.current.source.eip, RegionOutcome.Interpret, this.before)))
        return
      }
      case 'setFlags': this.setFlags(node, out); return
      case 'setCarry':
        this.settleDynamic(out)
        if (this.current.neededAfter) out.push(this.flags.setCarry(this.pending, this.value(node.args[0])))
        return
      case 'setOverflow':
        this.settleDynamic(out)
        if (this.current.neededAfter) out.push(...this.flags.setOverflow(this.pending, this.value(node.args[0])))
        return
      default: this.control(node, out)
    }
  }

  /** Flags of a dynamic shape go to memory before one of them alone is changed. */
  private settleDynamic(out: Expression[]): void {
    if (this.shape.place !== 'dynamic') return
    out.push(...this.flags.spill(this.shape))
    this.shape = memoryShape
  }

  private setFlags(node: Node, out: Expression[]): void {
    if (!this.current.neededAfter && this.current.flags.sets) return
    const args = node.args.map(argument => () => this.value(argument))
    const shape = staticShape(node.number as Lazy, node.size)
    const before = this.shape
    out.push(...this.flags.record(node.number as Lazy, args, () => this.flags.carry(before)))
    // Under a condition that is known only when running, the flags of both ways meet in memory.
    if (!this.current.flags.sets) out.push(...this.flags.spill(shape))
  }

  private control(node: Node, out: Expression[]): void {
    const { m } = this
    const block = this.currentBlock
    switch (node.op) {
      case 'checkTarget': return
      case 'jump': return
      case 'branch': {
        const { end } = block
        if (end.kind !== 'branch') throw new Error('a branch inside a block')
        if (end.taken === end.next) {
          // Both ways lead to one place: two edges would write all that follows twice, doubling with each such branch.
          out.push(...this.countBlock(block), ...this.edge(block.eip, end.next))
          return
        }
        const condition = this.value(node.args[0])
        out.push(...this.countBlock(block))
        const shape = this.shape
        const taken = this.edge(block.eip, end.taken)
        this.shape = shape
        const next = this.edge(block.eip, end.next)
        out.push(m.if(condition, m.block(null, taken), m.block(null, next)))
        return
      }
      case 'jumpTo': this.jumpTo(block, this.value(node.args[0]), out); return
      default: throw new Error(`${node.op} cannot be lowered in a region`)
    }
  }

  /** A return or an indirect jump: compares with the known targets, then leaves. */
  private jumpTo(block: Block, target: Expression, out: Expression[]): void {
    const { m } = this
    const { end } = block
    out.push(m.local.set(EXIT_EIP, target), ...this.countBlock(block))
    const wanted = end.kind === 'return' ? end.sites : end.kind === 'indirect' ? end.targets : []
    const known = wanted.filter(to => this.flow.stays(block.eip, to))
    if (known.length > FEW_TARGETS) out.push(this.selectTarget(block, hashTargets(known)))
    else out.push(...known.map(to => this.ifTarget(block, to)))
    if (end.kind === 'indirect') out.push(this.noteUnknownTarget(end.site))
    out.push(...this.leave(RegionOutcome.Jump, 0))
  }

  private ifTarget(block: Block, to: number): Expression {
    const { m, shape } = this
    const is = m.i32.eq(this.local(EXIT_EIP), this.constant(to | 0))
    const edge = m.if(is, m.block(null, this.edge(block.eip, to)))
    this.shape = shape
    return edge
  }

  /** A branch table over the known targets; goes on behind it when the target is none of them. */
  private selectTarget(block: Block, { shift, mask, arms }: TargetHash): Expression {
    const { m } = this
    const name = (arm: number) => `arm${this.structure.position.get(block.eip)}.${arm}`
    const unknown = `unknown${this.structure.position.get(block.eip)}`
    const hashed = m.i32.and(m.i32.shr_u(this.local(EXIT_EIP), this.constant(shift)), this.constant(mask))
    const labels = arms.map((targets, arm) => (targets.length > 0 ? name(arm) : unknown))
    let nested = m.switch(labels, unknown, hashed)
    arms.forEach((targets, arm) => {
      if (targets.length === 0) return
      const inside = m.block(name(arm), [nested])
      nested = m.block(null, [inside, ...targets.map(to => this.ifTarget(block, to)), m.br(unknown)])
    })
    return m.block(unknown, [nested])
  }

  /** Counts that a jump has gone somewhere else, and notes where, for the next time its region is compiled. */
  private noteUnknownTarget(site: number): Expression {
    const { m } = this
    const row = targetProfileRowOf(site)
    const [word, count] = [(index: number) => this.constant(row + index), m.i32.load(4, 4, this.constant(row))]
    return m.if(
      m.i32.eq(m.i32.load(0, 4, word(0)), this.constant(site | 0)),
      m.block(null, [
        m.i32.store(4, 4, word(0), m.i32.add(count, this.constant(1))),
        noteTarget(m, word(0), () => this.local(EXIT_EIP)),
      ]),
    )
  }
}
