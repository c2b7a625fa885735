/**
 * Byte strings for the decoder's oracle, from a seed: random bytes, and structured ones (prefixes, every opcode of
 * every map, any ModR/M) so that each row of the tables is hit many times.
 */

/** Bytes per string: one more than the longest instruction, so that a string never ends inside one. */
export const STRING_BYTES = 16

const PREFIXES = [0x66, 0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65]
/** Shares of the kinds of string, in percent; the rest is structured with an opcode of any map. */
const RANDOM_PERCENT = 10
const PREFIXED_PERCENT = 2
const DENSE_PERCENT = 15
const ESCAPE_WEIGHTS = [0, 0, 0, 1, 1, 1, 2, 3]
const ESCAPES: readonly (readonly number[])[] = [[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a]]

/** Opcodes whose whole ModR/M byte matters, with their escapes: chosen more often, with register forms. */
const DENSE: readonly (readonly number[])[] = [
  [0xd8],
  [0xd9],
  [0xda],
  [0xdb],
  [0xdc],
  [0xdd],
  [0xde],
  [0xdf],
  [0x0f, 0x00],
  [0x0f, 0x01],
  [0x0f, 0x71],
  [0x0f, 0x72],
  [0x0f, 0x73],
  [0x0f, 0xae],
  [0x0f, 0xba],
  [0x0f, 0xc7],
]

/** Uniform 32-bit numbers from a seed (SplitMix with 32-bit state: Weyl sequence and the murmur3 finalizer). */
export function randomNumbers(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x9e3779b9) | 0
    let mixed = state ^ (state >>> 16)
    mixed = Math.imul(mixed, 0x85ebca6b)
    mixed ^= mixed >>> 13
    mixed = Math.imul(mixed, 0xc2b2ae35)
    return (mixed ^ (mixed >>> 16)) >>> 0
  }
}

/**
 * Fills `buffer` with strings of STRING_BYTES each.
 * @param rex also place REX prefixes (64-bit mode)
 */
export function fillStrings(buffer: Uint8Array, next: () => number, rex: boolean): void {
  for (let start = 0; start < buffer.length; start += STRING_BYTES) fillString(buffer, start, next, rex)
}

function fillString(buffer: Uint8Array, start: number, next: () => number, rex: boolean): void {
  const below = (limit: number): number => next() % limit
  let position = start
  const put = (byte: number): void => {
    if (position < start + STRING_BYTES) buffer[position++] = byte
  }
  for (let index = 0; index < STRING_BYTES; index++) buffer[start + index] = next()
  const choice = below(100)
  if (choice < RANDOM_PERCENT) return
  // Most strings have few prefixes; some have enough to pass the length limit.
  const manyPrefixes = choice < RANDOM_PERCENT + PREFIXED_PERCENT
  const prefixCount = manyPrefixes ? below(STRING_BYTES) : Math.max(0, below(6) - 2)
  for (let index = 0; index < prefixCount; index++) put(PREFIXES[below(PREFIXES.length)])
  if (rex && below(2) === 0) put(0x40 | below(16))
  if (choice < RANDOM_PERCENT + PREFIXED_PERCENT + DENSE_PERCENT) {
    for (const byte of DENSE[below(DENSE.length)]) put(byte)
    if (below(2) === 0) put(0xc0 | below(64))
    return
  }
  for (const byte of ESCAPES[ESCAPE_WEIGHTS[below(ESCAPE_WEIGHTS.length)]]) put(byte)
}
