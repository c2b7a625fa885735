/**
 * What lowering a region's instructions stands on: its locals, general registers, segment bases, the ways out, and
 * reads of what an instruction names. region.ts puts instructions and blocks together on it.
 */
import { RegionOutcome } from '../../runtime/exits.ts'
import { ModeBit, Segment, stateAddress, type StateName } from '../../runtime/state.ts'
import type { Instruction, MemoryOperand, RegisterOperand } from '../decode/instruction.ts'
import type { Node } from '../ir.ts'
import type { Prepared } from '../regions/flag-flow.ts'
import { type FlagShape, memoryShape, shapeKey } from '../regions/flag-shape.ts'
import { loadsBase, segmentOf } from '../regions/lowering-choice.ts'
import type { Region } from '../regions/region.ts'
import { directTarget } from '../regions/segmentation.ts'
import { WasmType } from '../wasm/module-writer.ts'
import { RegionFlags } from './region-flags.ts'
import { type MemoryFrame, RegionMemory } from './region-memory.ts'
import { RegionSegments, type SegmentFrame } from './region-segments.ts'
import { FIRST_XMM, impliedXmm, RegionVectors, vectorSlot } from './region-vector.ts'
import type { RegionX87 } from './region-x87.ts'
import { type Expression, LocalPool, type RegionModule, ValueLowering } from './value.ts'

/** Fixed locals: the general registers first, then these. */
export const REMAINING = 8
export const EXIT_EIP = 9
export const OUTCOME = 10
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
export const FIRST_SCRATCH = 21

export const HIGH_BYTES = 4
const WORD = 0xffff

/** Segments that flat code says nothing about, the locals of their bases, and of whether they cover 4 GiB. */
export const segmentLocals: ReadonlyMap<number, { readonly base: number; readonly open: number }> = new Map([
  [Segment.Fs, { base: FS_BASE, open: FS_OPEN }], [Segment.Gs, { base: GS_BASE, open: GS_OPEN }],
])
/** Bits of `segmentAccess` (SDM vol. 3, 3.4.5): present, code, expand-down, writable; and how data of 4 GiB has them. */
const CHECKED_ACCESS = 0x8e
const OPEN_ACCESS = 0x82

export const valueTypes = {
  i32: WasmType.I32, i64: WasmType.I64, f32: WasmType.F32, f64: WasmType.F64, v128: WasmType.V128,
}

/** Code out of line that leaves the region. */
export interface Exit {
  readonly label: string
  readonly code: Expression[]
}

export abstract class RegionFrame extends ValueLowering<RegionModule> implements MemoryFrame, SegmentFrame {
  protected readonly region: Region
  protected readonly flags: RegionFlags
  protected readonly memory: RegionMemory
  protected readonly vectors: RegionVectors
  /** Registers that the region may read or write, and write. */
  protected readonly used = new Set<number>()
  protected readonly written = new Set<number>()
  /** Exports of core.wasm that are called, each from i32 to i32. */
  readonly imports = new Set<string>()
  /** Helpers of vector instructions that are called. */
  readonly vectorHelpers = new Set<string>()
  /** Helpers from i64 to i64 that are called. */
  readonly wideHelpers = new Set<string>()
  /** The x87 unit, if the region executes x87 instructions. */
  protected x87: RegionX87 | undefined
  /** What the current block has made sure of: 'sse', 'mmx', 'x87', 'rounding' … */
  readonly required = new Set<string>()
  /** Segments of code that is not flat. */
  protected readonly unflat: RegionSegments | undefined
  /** FS and GS, where accesses of flat code go through them. */
  protected readonly segments = new Set<number>()
  /** Whether the region may load one of them. */
  protected readonly loadsSegments: boolean
  protected readonly exits = new Map<string, Exit>()
  protected current!: Prepared
  /** Whether the instruction before the current one was STI. */
  protected shadowed = false
  /** Where the flags are. */
  protected shape: FlagShape = memoryShape
  /** Instructions of the current block before the current one. */
  protected before = 0

  constructor(m: RegionModule, region: Region) {
    super(m, new LocalPool(FIRST_SCRATCH), valueTypes)
    this.region = region
    this.loadsSegments = [...region.blocks.values()].some(block => block.instructions.some(each => loadsBase(each.instruction)))
    this.vectors = new RegionVectors(m, this.pool)
    this.memory = new RegionMemory(m, this.pool, this, (region.mode & ModeBit.User) !== 0)
    const { segmentation, mode } = region
    if (segmentation) this.unflat = new RegionSegments(m, this.pool, this, segmentation, mode)
    const flagLocals = { A: FLAG_A, B: FLAG_B, C: FLAG_C, E: FLAG_E, O: FLAG_O, K: FLAG_K }
    this.flags = new RegionFlags(m, flagLocals, code => this.callCore('condition', m.i32.const(code)))
  }

  /**
   * Calls `visit` for each general register and XMM register (FIRST_XMM and its number) that statements of the current
   * instruction name.
   */
  protected eachRegister(statements: readonly Node[], visit: (register: number, write: boolean) => void): void {
    const { operands } = this.current.source.instruction
    for (const node of statements) {
      const implied = impliedXmm(node)
      if (implied) visit(FIRST_XMM, implied.write)
      if (node.op === 'register' || node.op === 'setRegister') visit(node.number, node.op === 'setRegister')
      if (node.op === 'operand' || node.op === 'setOperand') {
        const operand = operands[node.number]
        if (operand.kind === 'register' && operand.class.startsWith('gpr'))
          visit(this.registerOf(operand), node.op === 'setOperand')
        // What an operation does with its first operand, a helper may do: it counts as written.
        if (operand.kind === 'register' && operand.class === 'xmm') visit(FIRST_XMM + operand.index, node.number === 0)
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

  protected registerOf(operand: RegisterOperand): number {
    return operand.class === 'gpr8' && operand.index >= HIGH_BYTES ? operand.index - HIGH_BYTES : operand.index
  }

  // --- small expressions ---

  callCore(name: string, argument: Expression): Expression {
    this.imports.add(name)
    return this.m.call(name, [argument], WasmType.I32)
  }

  protected local(index: number): Expression {
    return this.m.local.get(index, WasmType.I32)
  }
  protected constant(value: number): Expression {
    return this.m.i32.const(value)
  }
  protected setState(address: number, value: Expression): Expression {
    return this.m.i32.store(address, 4, this.constant(0), value)
  }

  // --- the current instruction ---

  get currentInstruction(): Instruction {
    return this.current.source.instruction
  }
  argument(node: Node): Expression {
    return this.value(node)
  }
  constantArgument(node: Node): number | undefined {
    return this.constantOf(node)
  }

  /** Offset in CS of a linear address of code. */
  protected offsetOf(linear: number): number {
    return this.unflat ? this.unflat.offsetOf(linear) : linear | 0
  }

  // --- exits ---

  /** Label of an exit at `eip` with the flags as they are; `executed` instructions of the block are not counted yet. */
  protected exit(eip: number, outcome: RegionOutcome, executed: number): string {
    const { m } = this
    const key = `${eip} ${outcome} ${executed} ${shapeKey(this.shape)} ${this.x87?.key}`
    const known = this.exits.get(key)
    if (known) return known.label
    const label = `exit${this.exits.size}`
    const code = [m.local.set(EXIT_EIP, this.constant(this.offsetOf(eip))), ...this.leave(outcome, executed)]
    this.exits.set(key, { label, code })
    return label
  }

  /** Leaves with EIP in its local. */
  protected leave(outcome: RegionOutcome, executed: number): Expression[] {
    const { m } = this
    const code = [...this.flags.spill(this.shape), ...(this.x87?.settle() ?? [])]
    if (executed > 0)
      code.push(m.local.set(REMAINING, m.i32.sub(this.local(REMAINING), this.constant(executed))))
    code.push(m.local.set(OUTCOME, this.constant(outcome)), m.br('leave'))
    return code
  }

  /**
   * How the region is left for the interpreter to do the current instruction. Behind STI, which holds interrupts off
   * for one instruction, that one is to be done alone.
   */
  protected get missOutcome(): RegionOutcome {
    return this.shadowed ? RegionOutcome.Dispatch : RegionOutcome.Interpret
  }

  /** Leaves for the interpreter in front of the current instruction when `condition` holds. */
  exitBefore(condition: Expression): Expression {
    return this.m.br(this.exit(this.current.source.eip, this.missOutcome, this.before), condition)
  }

  protected load(registers: readonly number[]): Expression[] {
    const { m } = this
    return registers.map(register => {
      if (register >= FIRST_XMM) return this.vectors.load(register - FIRST_XMM)
      return m.local.set(register, m.i32.load(stateAddress('gpr', register), 4, this.constant(0)))
    })
  }

  protected store(registers: readonly number[]): Expression[] {
    return registers.map(register => {
      if (register >= FIRST_XMM) return this.vectors.store(register - FIRST_XMM)
      return this.setState(stateAddress('gpr', register), this.local(register))
    })
  }

  /**
   * Fetches what regions keep of FS and GS. before: each access through them checks segment and limit => after: once
   * on entry, or, in a region that loads them, whenever they are loaded; then each access tests a local.
   */
  protected openSegments(): Expression[] {
    const { m } = this
    const load = (name: StateName, segment: number) => m.i32.load(stateAddress(name, segment), 4, this.constant(0))
    return [...this.segments].flatMap(segment => {
      const { base, open } = segmentLocals.get(segment) as { base: number; open: number }
      const access = m.i32.and(load('segmentAccess', segment), this.constant(CHECKED_ACCESS))
      const wide = m.i32.eq(load('segmentLimit', segment), this.constant(-1))
      return [
        m.local.set(base, load('segmentBase', segment)),
        m.local.set(open, m.i32.and(m.i32.eq(access, this.constant(OPEN_ACCESS)), wide)),
        ...(this.loadsSegments ? [] : [this.leaveUnlessOpen(open)]),
      ]
    })
  }

  protected leaveUnlessOpen(open: number): Expression {
    const eip = this.loadsSegments ? this.current.source.eip : this.region.entry
    return this.m.br(this.exit(eip, this.missOutcome, this.before), this.m.i32.eqz(this.local(open)))
  }

  /**
   * Begins a region of code that is not flat: leaves where CS or the segments in use are not those that it was compiled
   * for. The exits' EIP is that of the entry under the present CS.
   */
  protected openUnflat(): Expression[] {
    const { m, unflat, region: { entry } } = this
    if (!unflat) return []
    const base = m.i32.load(stateAddress('segmentBase', Segment.Cs), 4, this.constant(0))
    const elsewhere = [
      m.local.set(EXIT_EIP, m.i32.sub(this.constant(entry | 0), base)), ...this.leave(RegionOutcome.Interpret, 0),
    ]
    const other = unflat.isOther()
    return [
      m.if(m.i32.eqz(unflat.isHome()), m.block(null, elsewhere)),
      ...unflat.fetch(),
      ...(other === undefined ? [] : [m.br(this.exit(entry, RegionOutcome.Interpret, 0), other)]),
    ]
  }

  /** Behind an instruction that may have loaded segment registers in code that is not flat. */
  protected reopenUnflat(eip: number): Expression[] {
    const { m, unflat } = this
    if (!unflat) return []
    const other = unflat.isOther()
    return other === undefined ? [] : [...unflat.fetch(), m.br(this.exit(eip, RegionOutcome.Jump, this.before + 1), other)]
  }

  protected registersOf(statements: readonly Node[]): { used: Set<number>; written: Set<number> } {
    const named = { used: new Set<number>(), written: new Set<number>() }
    this.eachRegister(statements, (register, write) => {
      named.used.add(register)
      if (write) named.written.add(register)
    })
    return named
  }

  // --- reads ---

  protected override knownRead(node: Node): number | undefined {
    const { instruction, eip } = this.current.source
    switch (node.op) {
      case 'stackMask': return (this.region.mode & ModeBit.Stack32) !== 0 ? -1 : WORD
      case 'current': return this.offsetOf(eip)
      case 'next': return this.offsetOf(eip + instruction.length)
      case 'recordSegment': return instruction.segment
      // What x87 stores compute in a region is always stored.
      case 'field': return node.name === 'result' ? 1 : undefined
      case 'target': {
        const target = directTarget(instruction, eip + instruction.length, this.region.segmentation)
        return target === undefined ? undefined : this.offsetOf(target)
      }
      case 'operand': {
        const operand = instruction.operands[node.number]
        if (operand.kind === 'register')
          return operand.class === 'segment' || operand.class === 'st' ? operand.index : vectorSlot(operand)
        return operand.kind === 'immediate' && node.type === 'i32' ? operand.value : undefined
      }
      default: return undefined
    }
  }

  protected readRegister(register: number, size: number, high: boolean): Expression {
    const { m } = this
    const value = this.local(register)
    if (size === 32) return value
    if (size === 16) return m.i32.and(value, this.constant(0xffff))
    return m.i32.and(high ? m.i32.shr_u(value, this.constant(8)) : value, this.constant(0xff))
  }

  protected writeRegister(register: number, size: number, high: boolean, value: Expression): Expression {
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
      case 'field': return this.x87?.readField(node.name) ?? m.i32.load(stateAddress(node.name as StateName, node.number), 4, this.constant(0))
      case 'peek': return this.vectors.peek(node, this.constantOf(node.args[0]), () => this.value(node.args[0]))
      case 'carry': return this.flags.carry(this.shape)
      case 'condition': return this.flags.condition(this.shape, node.number)
      default: throw new Error(`${node.op} cannot be read in a region`)
    }
  }

  protected address(operand: MemoryOperand): Expression {
    const sum = this.sumAddress(operand)
    return this.currentInstruction.addressSize === 16 ? this.m.i32.and(sum, this.constant(WORD)) : sum
  }

  private sumAddress({ base, index, scale, displacement }: MemoryOperand): Expression {
    const { m } = this
    let sum: Expression | undefined = base >= 0 ? this.local(base) : undefined
    if (index >= 0) {
      const scaled = scale > 0 ? m.i32.shl(this.local(index), this.constant(scale)) : this.local(index)
      sum = sum === undefined ? scaled : m.i32.add(sum, scaled)
    }
    if (sum === undefined) return this.constant(displacement)
    return displacement === 0 ? sum : m.i32.add(sum, this.constant(displacement))
  }

  get misses(): boolean {
    return this.current.source.misses
  }

  fixedLinear(access: Node): Expression {
    const { m } = this
    const { operands } = this.current.source.instruction
    const { base, index, displacement } = operands[access.args[0].number] as MemoryOperand
    const local = segmentLocals.get(segmentOf(access.segment, this.current.source.instruction))
    const fixed = index >= 0 && base >= 0 ? m.i32.add(this.local(base), this.constant(displacement)) : this.constant(displacement)
    return local ? m.i32.add(fixed, this.local(local.base)) : fixed
  }

  linear(access: Node, out: Expression[]): Expression {
    if (this.unflat) return this.unflat.linear(access, out)
    const segment = segmentLocals.get(segmentOf(access.segment, this.current.source.instruction))
    if (segment && this.loadsSegments) out.push(this.leaveUnlessOpen(segment.open))
    const offset = this.value(access.args[0])
    return segment ? this.m.i32.add(offset, this.local(segment.base)) : offset
  }
}
