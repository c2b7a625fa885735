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

/** Last digits that a table has for the fraction of an element, in place. */
// @ts-ignore: decorator
@inline
function lookLane(table: usize, fraction: u32): i32 {
  return <i32>(<u32>load<u16>(table + ((fraction >> OPERAND_SHIFT) << 1)) << RESULT_SHIFT)
}

/**
 * RCPPS or RSQRTPS when all four operands are normal and have normal estimates: what `reciprocal` and
 * `reciprocalSquareRoot` do first, on all of them at once. False when some are not, and nothing has been done.
 */
export function estimateFour(destination: u32, source: u32, roots: bool): bool {
  if (!ready) prepare()
  const bits = v128.load(source)
  // A negative number has more than eight bits here, so that its root is none of these.
  const exponents = i32x4.sub(i32x4.shr_u(bits, FRACTION_BITS), i32x4.splat(1))
  if (roots) {
    if (!i32x4.all_true(i32x4.lt_u(exponents, i32x4.splat(POSITIVE_EXPONENTS)))) return false
    const looked = i32x4(lookRoot(source, 0), lookRoot(source, 4), lookRoot(source, 8), lookRoot(source, 12))
    const halves = i32x4.shr_s(i32x4.add(exponents, i32x4.splat(1 - BIAS)), 1)
    v128.store(destination, i32x4.sub(i32x4.add(looked, i32x4.splat(HALF)), i32x4.shl(halves, FRACTION_BITS)))
    return true
  }
  // The exponent of a zero, less one, is 255.
  const magnitudes = v128.and(exponents, i32x4.splat(0xff))
  if (!i32x4.all_true(i32x4.lt_u(magnitudes, i32x4.splat(RECIPROCAL_EXPONENTS)))) return false
  const looked = i32x4(lookFraction(source, 0), lookFraction(source, 4), lookFraction(source, 8), lookFraction(source, 12))
  const opposite = i32x4.shl(i32x4.sub(i32x4.splat(BIAS - 1), magnitudes), FRACTION_BITS)
  const signed = v128.xor(opposite, v128.and(bits, i32x4.splat(<i32>signBit(false))))
  v128.store(destination, i32x4.add(i32x4.add(looked, i32x4.splat(HALF)), signed))
  return true
}

// @ts-ignore: decorator
@inline
function lookFraction(source: u32, offset: u32): i32 {
  return lookLane(reciprocals, load<u32>(source + offset) & FRACTION)
}

// @ts-ignore: decorator
@inline
function lookRoot(source: u32, offset: u32): i32 {
  const bits = load<u32>(source + offset)
  // Even biased exponents are odd powers of two.
  const table = select<usize>(rootsOfOdd, rootsOfEven, ((bits >> FRACTION_BITS) & 1) == 0)
  return lookLane(table, bits & FRACTION)
}
