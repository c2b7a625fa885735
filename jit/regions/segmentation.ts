/**
 * Code outside flat segments, as regions are compiled for it: real mode, virtual-8086 mode, 16-bit and limited
 * segments. A region of such code is for one base and limit of CS, which are checked on entry, so that all its
 * addresses are constants. Of the other segments the limit and the kind are, and the base is read.
 */
import type { Core } from '../../runtime/core.ts'
import { FLAT32_MODE, ModeBit, Segment } from '../../runtime/state.ts'
import type { Instruction } from '../decode/instruction.ts'

/** A data segment register as it was when the code became hot. */
export interface SegmentGuess {
  /** Limit in bytes, inclusive, unsigned. */
  readonly limit: number
  /** Whether it can be read and written up to its limit: it is there, of such a type, and does not expand down. */
  readonly readable: boolean
  readonly writable: boolean
}

export interface Segmentation {
  /** Base of CS: linear addresses of code are this and an offset. Unsigned. */
  readonly base: number
  /** Limit of CS in bytes, inclusive, unsigned. */
  readonly limit: number
  /** ES, CS, SS, DS, FS, GS. */
  readonly guesses: readonly SegmentGuess[]
}

// Bit n is set if S:type == n allows the access by a plain limit check (SDM vol. 3, table 3-1).
/** Data not expanding down, and readable code. */
export const PLAIN_READABLE = 0xcc0f0000 | 0
/** Writable data not expanding down. */
export const PLAIN_WRITABLE = 0x000c0000

/** Segments shorter than the longest access are left to the interpreter. */
const SHORTEST = 15

/** What is known of a segment register: limit and access word as in the state. */
function guessOf(limit: number, access: number): SegmentGuess {
  const long = limit >>> 0 >= SHORTEST
  return {
    limit: limit >>> 0,
    readable: long && ((PLAIN_READABLE >>> access) & 1) !== 0,
    writable: long && ((PLAIN_WRITABLE >>> access) & 1) !== 0,
  }
}

const DATA_SEGMENTS = 6

/** The segmentation of the code that is executing, in the mode given; undefined for flat 32-bit code. */
export function segmentationOf(core: Pick<Core, 'get'>, mode: number): Segmentation | undefined {
  if ((mode & FLAT32_MODE) === FLAT32_MODE) return undefined
  return {
    base: core.get('segmentBase', Segment.Cs) >>> 0,
    limit: core.get('segmentLimit', Segment.Cs) >>> 0,
    guesses: Array.from(
      { length: DATA_SEGMENTS }, (_, segment) => guessOf(core.get('segmentLimit', segment), core.get('segmentAccess', segment)),
    ),
  }
}

/** Offset in CS of a linear address. */
export function offsetIn({ base }: Segmentation, linear: number): number {
  return (linear - base) >>> 0
}

/** Whether selectors are addresses of paragraphs. */
export function is8086(mode: number): boolean {
  return (mode & ModeBit.Protected) === 0
}

const WORD = 0xffff

/** Linear address of where a direct jump, call or branch at an instruction that ends before `next` goes. */
export function directTarget(
  { operands, operandSize }: Instruction, next: number, segmentation: Segmentation | undefined,
): number | undefined {
  const [operand] = operands
  if (operand?.kind !== 'relative') return undefined
  if (!segmentation || operandSize !== 16) return (next + operand.value) >>> 0
  return (segmentation.base + ((offsetIn(segmentation, next) + operand.value) & WORD)) >>> 0
}
