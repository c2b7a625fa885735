/**
 * Rearrangements of bytes that an immediate chooses. Where it is known when lowering, one wasm shuffle does it; the
 * interpreter, whose immediates are fields of records, computes (definitions/sse-shuffle.ts).
 *
 * Each gives the 16 lanes of a shuffle of (low, high): 0..15 are bytes of low, 16..31 of high.
 */

/** Bytes of `count` elements of `bytes` bytes each, by element number. */
function elements(numbers: readonly number[], bytes: number): number[] {
  return numbers.flatMap(number => Array.from({ length: bytes }, (_, i) => number * bytes + i))
}

/** The two-bit field `i` of an immediate. */
const field = (immediate: number, i: number): number => (immediate >> (2 * i)) & 3

const LOW_WORDS = [0, 1, 2, 3]
const HIGH_WORDS = [4, 5, 6, 7]

export const permutations = {
  /** PSHUFD: four doublewords of low. */
  pshufd: (immediate: number) => elements([0, 1, 2, 3].map(i => field(immediate, i)), 4),
  /** PSHUFLW, PSHUFW: the low four words of low. */
  pshuflw: (immediate: number) => elements([...LOW_WORDS.map(i => field(immediate, i)), ...HIGH_WORDS], 2),
  /** PSHUFHW: the high four words of low. */
  pshufhw: (immediate: number) => elements([...LOW_WORDS, ...LOW_WORDS.map(i => 4 + field(immediate, i))], 2),
  /** SHUFPS: two doublewords of low, two of high. */
  shufps: (immediate: number) =>
    elements([field(immediate, 0), field(immediate, 1), 4 + field(immediate, 2), 4 + field(immediate, 3)], 4),
  /** SHUFPD. */
  shufpd: (immediate: number) => elements([immediate & 1, 2 + ((immediate >> 1) & 1)], 8),
  /** PALIGNR of high:low, bytes shifted right; high is zero for PSRLDQ. Counts beyond 16 take what `high` repeats. */
  align: (count: number) => Array.from({ length: 16 }, (_, i) => Math.min(count, 16) + i),
  /** PSLLDQ of high, where low is zero. */
  alignLeft: (count: number) => Array.from({ length: 16 }, (_, i) => 16 - Math.min(count, 16) + i),
  /** BLENDPS, BLENDPD, PBLENDW: elements of high where the bit is set. */
  blendps: (mask: number) => elements([0, 1, 2, 3].map(i => ((mask >> i) & 1) * 4 + i), 4),
  blendpd: (mask: number) => elements([0, 1].map(i => ((mask >> i) & 1) * 2 + i), 8),
  pblendw: (mask: number) => elements([0, 1, 2, 3, 4, 5, 6, 7].map(i => ((mask >> i) & 1) * 8 + i), 2),
} satisfies Readonly<Record<string, (immediate: number) => number[]>>

export type PermutationName = keyof typeof permutations
