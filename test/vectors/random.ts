/**
 * The stateless random numbers that vectors share with the capture program (tools/vectors/native/random.h): they
 * give the initial registers and memory of a case, which therefore need not be stored.
 * Source: the finalizer of MurmurHash3 (Austin Appleby, public domain).
 */

const GOLDEN = 0x9e3779b9
const PATTERN_SEED = 0x7ab9c386

/** Mixes 32 bits; unsigned. */
export function mix(value: number): number {
  let a = value
  a ^= a >>> 16
  a = Math.imul(a, 0x85ebca6b)
  a ^= a >>> 13
  a = Math.imul(a, 0xc2b2ae35)
  return (a ^ (a >>> 16)) >>> 0
}

/** Byte of untouched data memory at a linear address. */
export function patternByte(linear: number): number {
  return (mix((linear & ~3) ^ PATTERN_SEED) >>> (8 * (linear & 3))) & 0xff
}

/** Word `slot` of the default initial state of case `index`: 0..7 the registers, 8 for EFLAGS, 9 for EIP. */
export function caseWord(fileSeed: number, index: number, slot: number): number {
  return mix(mix(fileSeed + Math.imul(index, GOLDEN)) + Math.imul(slot, GOLDEN) + 1)
}
