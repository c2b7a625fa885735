/**
 * Segments in regions of code that is not flat (regions/segmentation.ts): bases in locals, limits as constants.
 *
 * before: each access asks a helper for type and limit => after: kind and limit of the segments in use are compared
 * once on entry with what they were when the code was compiled; an access compares its offset with the limit, where
 * it could be beyond, and adds the base. What would raise an exception leaves in front of the instruction.
 */
import { Eflags, ModeBit, Segment, stateAddress, type StateName } from '../../runtime/state.ts'
import type { Instruction } from '../decode/instruction.ts'
import type { Node } from '../ir.ts'
import { segmentOf } from '../regions/lowering-choice.ts'
import { offsetIn, PLAIN_READABLE, PLAIN_WRITABLE, type Segmentation } from '../regions/segmentation.ts'
import { WasmType } from '../wasm/module-writer.ts'
import type { Expression, LocalPool, RegionModule } from './value.ts'

const WORD = 0xffff
const NO_LIMIT = 0xffff_ffff
const PARAGRAPH_SHIFT = 4
const BITS = 8

/** Bits of the access word that a load of a paragraph keeps (helpers/segments.ts), and what the others are then. */
const KEPT_ACCESS = 0xc000
const REAL_ACCESS = 0x93
const VIRTUAL8086_ACCESS = 0xf3

/** What RegionSegments asks of the lowering that it works for. */
export interface SegmentFrame {
  /** An expression for a node's value, and its value where that is known. */
  argument(node: Node): Expression
  constantArgument(node: Node): number | undefined
  readonly currentInstruction: Instruction
  /** Leaves for the interpreter in front of the current instruction when `condition` holds. */
  exitBefore(condition: Expression): Expression
}

export class RegionSegments {
  private readonly m: RegionModule
  private readonly pool: LocalPool
  private readonly frame: SegmentFrame
  private readonly segmentation: Segmentation
  private readonly mode: number
  /** Locals of the bases of the segments in use, and which of them are written through. */
  private readonly bases = new Map<number, number>()
  private readonly written = new Set<number>()

  constructor(m: RegionModule, pool: LocalPool, frame: SegmentFrame, segmentation: Segmentation, mode: number) {
    this.m = m
    this.pool = pool
    this.frame = frame
    this.segmentation = segmentation
    this.mode = mode
  }

  private state(name: StateName, segment = 0): Expression {
    return this.m.i32.load(stateAddress(name, segment), 4, this.m.i32.const(0))
  }

  private setState(name: StateName, segment: number, value: Expression): Expression {
    return this.m.i32.store(stateAddress(name, segment), 4, this.m.i32.const(0), value)
  }

  /** Whether accesses through a segment are compiled; those through others leave. */
  private isOpen(segment: number, write: boolean): boolean {
    const guess = this.segmentation.guesses[segment]
    return write ? guess.writable : guess.readable
  }

  /** Notes what statements of an instruction access. */
  note(statements: readonly Node[], instruction: Instruction): void {
    for (const node of statements) {
      if (node.op === 'load' || node.op === 'store' || node.op === 'modifyLoad') {
        const segment = segmentOf(node.segment, instruction)
        const write = node.op !== 'load'
        if (this.isOpen(segment, write)) {
          if (!this.bases.has(segment)) this.bases.set(segment, this.pool.reserve('i32'))
          if (write) this.written.add(segment)
        }
      }
      this.note(node.then, instruction)
      this.note(node.otherwise, instruction)
    }
  }

  /** Whether CS is what the region was compiled for, and alignment is not checked. */
  isHome(): Expression {
    const { m, segmentation: { base, limit } } = this
    const other = m.i32.or(
      m.i32.xor(this.state('segmentBase', Segment.Cs), m.i32.const(base | 0)),
      m.i32.xor(this.state('segmentLimit', Segment.Cs), m.i32.const(limit | 0)),
    )
    const user = (this.mode & ModeBit.User) !== 0
    const checked = m.i32.and(this.state('eflags'), m.i32.const(Eflags.AC))
    return m.i32.eqz(user ? m.i32.or(other, checked) : other)
  }

  /** Fetches the bases of the segments in use. */
  fetch(): Expression[] {
    return [...this.bases].map(([segment, local]) => this.m.local.set(local, this.state('segmentBase', segment)))
  }

  /** Whether one of the segments in use is not as it was; undefined when none is in use. */
  isOther(): Expression | undefined {
    const { m } = this
    let other: Expression | undefined
    for (const segment of this.bases.keys()) {
      const kinds = this.written.has(segment) ? PLAIN_WRITABLE : PLAIN_READABLE
      const kind = m.i32.and(m.i32.shr_u(m.i32.const(kinds), this.state('segmentAccess', segment)), m.i32.const(1))
      const limit = m.i32.const(this.segmentation.guesses[segment].limit | 0)
      const one = m.i32.or(m.i32.eqz(kind), m.i32.ne(this.state('segmentLimit', segment), limit))
      other = other === undefined ? one : m.i32.or(other, one)
    }
    return other
  }

  /** The largest value that an offset can have, as far as its node tells. */
  private mostOf(node: Node): number {
    const constant = this.frame.constantArgument(node)
    if (constant !== undefined) return constant >>> 0
    if (node.op === 'and') return Math.min(this.mostOf(node.args[0]), this.mostOf(node.args[1]))
    if (node.op === 'address') return this.frame.currentInstruction.addressSize === 16 ? WORD : NO_LIMIT
    const narrow = node.op === 'register' || node.op === 'operand' || node.op === 'load'
    return narrow && node.size <= 16 ? 2 ** node.size - 1 : NO_LIMIT
  }

  /** Linear address of an access; leaves before the instruction when it is not within its segment. */
  linear(access: Node, out: Expression[]): Expression {
    const { m } = this
    const [node] = access.args
    const segment = segmentOf(access.segment, this.frame.currentInstruction)
    const base = this.bases.get(segment)
    if (base === undefined || !this.isOpen(segment, access.op !== 'load')) {
      out.push(this.frame.exitBefore(m.i32.const(1)))
      return this.frame.argument(node)
    }
    const { limit } = this.segmentation.guesses[segment]
    const last = limit - (access.size / BITS - 1)
    // In a segment of 4 GiB an access that wraps ends in another page than it begins in.
    if (limit === NO_LIMIT || this.mostOf(node) <= last)
      return m.i32.add(this.frame.argument(node), m.local.get(base, WasmType.I32))
    const offset = this.pool.take('i32')
    out.push(m.local.set(offset, this.frame.argument(node)))
    out.push(this.frame.exitBefore(m.i32.gt_u(m.local.get(offset, WasmType.I32), m.i32.const(last | 0))))
    return m.i32.add(m.local.get(offset, WasmType.I32), m.local.get(base, WasmType.I32))
  }

  /** Leaves before the instruction when the target of a jump is beyond the limit of CS. */
  checkTarget(node: Node, out: Expression[]): void {
    const { limit } = this.segmentation
    if (this.mostOf(node) <= limit) return
    out.push(this.frame.exitBefore(this.m.i32.gt_u(this.frame.argument(node), this.m.i32.const(limit | 0))))
  }

  /**
   * Loads a segment register with a paragraph: limit and kind stay as they are, if they are those of such a segment.
   * Nothing that the mode depends on can change.
   */
  loadParagraph(segment: number, selector: Expression, out: Expression[]): void {
    const { m } = this
    const kept = this.pool.take('i32')
    const value = () => m.local.get(kept, WasmType.I32)
    const virtual = (this.mode & ModeBit.Virtual8086) !== 0
    const access = this.state('segmentAccess', segment)
    const other = virtual
      ? m.i32.or(
          m.i32.xor(access, m.i32.const(VIRTUAL8086_ACCESS)), m.i32.xor(this.state('segmentLimit', segment), m.i32.const(WORD)),
        )
      : m.i32.xor(m.i32.and(access, m.i32.const(~KEPT_ACCESS)), m.i32.const(REAL_ACCESS))
    out.push(
      this.frame.exitBefore(other),
      m.local.set(kept, m.i32.and(selector, m.i32.const(WORD))),
      this.setState('segmentSelector', segment, value()),
      m.local.set(kept, m.i32.shl(value(), m.i32.const(PARAGRAPH_SHIFT))),
      this.setState('segmentBase', segment, value()),
    )
    const base = this.bases.get(segment)
    if (base !== undefined) out.push(m.local.set(base, value()))
  }

  /** Offset in CS of a linear address of code. */
  offsetOf(linear: number): number {
    return offsetIn(this.segmentation, linear) | 0
  }

  get base(): number {
    return this.segmentation.base | 0
  }
}
