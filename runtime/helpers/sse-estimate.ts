/**
 * RCPPS, RSQRTPS: estimates with a relative error below 1.5 * 2^-12, those of a real CPU (sse-estimate-tables.ts).
 * Neither looks at MXCSR nor sets a flag: denormals count as zeros, and tiny results are zeros. Source: Intel SDM
 * vol. 2, RCPPS, RSQRTPS.
 */
import {
  RECIPROCALS, RECIPROCALS_FIRST, ROOTS_OF_EVEN, ROOTS_OF_EVEN_FIRST, ROOTS_OF_ODD, ROOTS_OF_ODD_FIRST,
} from './sse-estimate-tables'
import { indefinite, infinity, isDenormal, isInfinity, isNaNBits, isZeroBits, quietBit, signBit } from './sse-float'

const FRACTION: u32 = 0x007fffff
const FRACTION_BITS: u32 = 23
const BIAS: i32 = 127
/** Bits of an operand below those that count, and of a result below its last. */
const OPERAND_SHIFT: u32 = 11
const RESULT_SHIFT: u32 = 11
const HALF: u32 = 0x3f000000

/** Operands of a table, and the bytes of their results when it is spread out: one 16-bit word each. */
const OPERANDS: u32 = 1 << (FRACTION_BITS - OPERAND_SHIFT)
const TABLE_BYTES: u32 = OPERANDS << 1
const reciprocals = memory.data(8192)
const rootsOfOdd = memory.data(8192)
const rootsOfEven = memory.data(8192)
let ready = false

/** Spreads a table's bits out into the last digits of its results: a zero bit goes on to the next operand. */
function spread(bits: usize, first: u32, results: usize): void {
  let at: u32 = 0
  let result = first
  for (let offset: u32 = 0; offset < TABLE_BYTES; at++) {
    if (((<u32>load<u8>(bits + (at >> 3)) >> (at & 7)) & 1) != 0) {
      result--
    } else {
      store<u16>(results + offset, <u16>result)
      offset += 2
    }
  }
}

function prepare(): void {
  ready = true
  spread(RECIPROCALS, RECIPROCALS_FIRST, reciprocals)
  spread(ROOTS_OF_ODD, ROOTS_OF_ODD_FIRST, rootsOfOdd)
  spread(ROOTS_OF_EVEN, ROOTS_OF_EVEN_FIRST, rootsOfEven)
}

/** The estimate, from one half to one, for the fraction of an operand. */
// @ts-ignore: decorator
@inline
function look(table: usize, fraction: u32): u32 {
  if (!ready) prepare()
  return HALF + (<u32>load<u16>(table + ((fraction >> OPERAND_SHIFT) << 1)) << RESULT_SHIFT)
}

function isZeroHere(bits: u64): bool {
  return isZeroBits(bits, false) || isDenormal(bits, false)
}

/** Numbers of biased exponents of operands whose reciprocals are normal, from 1 on: above, those of 2^126 and more. */
const RECIPROCAL_EXPONENTS: u32 = 252
const POSITIVE_EXPONENTS: u32 = 254

/** RCPSS. */
export function reciprocal(bits: u32): u64 {
  const biased = (bits >> FRACTION_BITS) & 0xff
  if (biased - 1 < RECIPROCAL_EXPONENTS)
    return look(reciprocals, bits & FRACTION) + (((<u32>BIAS - biased) << FRACTION_BITS) ^ (bits & <u32>signBit(false)))
  const sign = bits & <u32>signBit(false)
  if (isNaNBits(bits, false)) return bits | quietBit(false)
  if (isZeroHere(bits)) return sign | infinity(false)
  if (isInfinity(bits, false)) return sign
  const exponent = <i32>((bits & ~sign) >> FRACTION_BITS) - BIAS
  const estimate = look(reciprocals, bits & FRACTION)
  const field = <i32>(estimate >> FRACTION_BITS) - exponent
  return field < 1 ? sign : sign | (<u32>field << FRACTION_BITS) | (estimate & FRACTION)
}

/** RSQRTSS. */
export function reciprocalSquareRoot(bits: u32): u64 {
  const above = (bits >> FRACTION_BITS) - 1
  if (above < POSITIVE_EXPONENTS) {
    // Even biased exponents are odd powers of two.
    const estimate = look(select<usize>(rootsOfOdd, rootsOfEven, (above & 1) != 0), bits & FRACTION)
    return estimate - (<u32>((<i32>above + 1 - BIAS) >> 1) << FRACTION_BITS)
  }
  const sign = bits & <u32>signBit(false)
  if (isNaNBits(bits, false)) return bits | quietBit(false)
  if (isZeroHere(bits)) return sign | infinity(false)
  if (sign != 0) return indefinite(false)
  if (isInfinity(bits, false)) return 0
  const exponent = <i32>(bits >> FRACTION_BITS) - BIAS
  const estimate =
    (exponent & 1) != 0
      ? look(rootsOfOdd, bits & FRACTION)
      : look(rootsOfEven, bits & FRACTION)
  return estimate - (<u32>(exponent >> 1) << FRACTION_BITS)
}
