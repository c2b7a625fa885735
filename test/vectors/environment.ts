/**
 * The machine that a CPU test vector starts in: linear memory, segments, descriptor tables, privilege. The capture
 * program (tools/vectors/native/harness.c) builds the same thing out of a 32-bit Linux process, and an engine that
 * replays vectors has to set it up once. Everything runs at CPL 3 with IOPL 0; CR0.PE, PG, WP and AM are set, CR4.TSD
 * and PCE clear; the TSS has no I/O permission bitmap.
 */

/** A range of linear memory that is present; everything else is not. */
export interface MemoryRange {
  readonly name: string
  /** Linear address of the first byte. */
  readonly base: number
  readonly bytes: number
  readonly writable: boolean
}

/** Ranges whose initial contents are the pattern (see `patternByte`). */
export const dataRanges: readonly MemoryRange[] = [
  { name: 'low', base: 0x0000_4000, bytes: 0x2000, writable: true },
  { name: 'data', base: 0x1000_0000, bytes: 0x2000, writable: true },
  { name: 'read-only', base: 0x1001_0000, bytes: 0x1000, writable: false },
  { name: 'stack', base: 0x1800_0000, bytes: 0x2000, writable: true },
]

/** Where the instruction lies. Every other byte of this range is INT3 (CC). */
export const codeRange: MemoryRange = { name: 'code', base: 0x2000_0000, bytes: 0x2000, writable: true }

/** Byte that fills the code range around the instruction. */
export const CODE_FILLER = 0xcc

/** A descriptor, as the engine must install it: DPL 3, accessed. */
export interface SegmentSetup {
  readonly selector: number
  readonly base: number
  /** Limit in bytes, inclusive (granularity applied). */
  readonly limit: number
  readonly code: boolean
  /** D/B: 32-bit code or stack. */
  readonly big: boolean
  /** Type bit 1: code is readable, data is writable. */
  readonly accessible: boolean
  /** Type bit 2 of data. (No code segment here is conforming.) */
  readonly expandDown: boolean
  readonly present: boolean
  /** AVL, which LAR shows. */
  readonly available: boolean
}

const flat = {
  base: 0,
  limit: 0xffff_ffff,
  big: true,
  accessible: true,
  expandDown: false,
  present: true,
  available: false,
}
const local = { code: false, big: true, accessible: true, expandDown: false, present: true, available: true }

/** All descriptors: 23 and 2B in the GDT, the others in the LDT. Every other entry of both tables is zero. */
export const segments: readonly SegmentSetup[] = [
  { ...flat, selector: 0x23, code: true },
  { ...flat, selector: 0x2b, code: false },
  { ...local, selector: 0x07, base: 0x0fff_bff8, limit: 0xffff_ffff },
  { ...local, selector: 0x0f, base: 0x1000_0100, limit: 0xeff },
  { ...local, selector: 0x17, base: 0x2000_0000, limit: 0xffff, code: true, big: false },
  { ...local, selector: 0x1f, base: 0x17ff_c000, limit: 0xffff, big: false },
  { ...local, selector: 0x27, base: 0x1000_0010, limit: 0x1fef, accessible: false },
  { ...local, selector: 0x2f, base: 0x0fff_0000, limit: 0x1_0fff, expandDown: true },
  { ...local, selector: 0x37, base: 0, limit: 0xffff_ffff, code: true, accessible: false },
  { ...local, selector: 0x3f, base: 0x1000_0000, limit: 0xfff, present: false },
  { ...local, selector: 0x47, base: 0x0fff_4000, limit: 0xc7ff, big: false, expandDown: true },
  { ...local, selector: 0x4f, base: 0x2000_0000, limit: 0xffff, code: true, present: false },
]

/** The two doublewords of a descriptor as they lie in memory (SDM vol. 3, figure 3-8), low first. */
export function descriptorWords(segment: SegmentSetup): [low: number, high: number] {
  const pages = segment.limit > 0xf_ffff
  const limit = pages ? segment.limit >>> 12 : segment.limit
  const type = 1 | (segment.accessible ? 2 : 0) | (segment.expandDown ? 4 : 0) | (segment.code ? 8 : 0)
  const userSegment = 0x7000 // DPL 3, S
  const high =
    (segment.base & 0xff00_0000) |
    (pages ? 1 << 23 : 0) |
    (segment.big ? 1 << 22 : 0) |
    (segment.available ? 1 << 20 : 0) |
    (limit & 0xf_0000) |
    (segment.present ? 0x8000 : 0) |
    userSegment |
    (type << 8) |
    ((segment.base >>> 16) & 0xff)
  return [(((segment.base & 0xffff) << 16) | (limit & 0xffff)) >>> 0, high >>> 0]
}

/** Limit of the GDT and of the LDT in bytes, inclusive: selectors beyond raise #GP(selector). */
export const GDT_LIMIT = 0x7f
export const LDT_LIMIT = 0x4f

/** The IDT: INT n reaches vectors 3 and 4 (gates of DPL 3); every other INT n is #GP(n * 8 + 2). */
export const userGates: readonly number[] = [3, 4]

/** Named starting points; `Vector.selectors` says the same case by case. */
export enum Environment {
  Flat32,
  Code16,
}

/** CS of a case is 16-bit code. */
export function codeBits(environment: Environment): 16 | 32 {
  return environment === Environment.Code16 ? 16 : 32
}

/** Base address of a selector; 0 for the null selector. */
export function segmentBase(selector: number): number {
  return segments.find(s => s.selector === selector)?.base ?? 0
}
