/**
 * Packed and scalar arithmetic by the host's vector instructions, for operands that the inline code of definitions does
 * not take: zeros, infinities and NaNs among them, and before PE is set. Denormal operands, tiny results and other
 * roundings than to nearest are left to the exact arithmetic of sse-float.ts.
 *
 *   result     as the host computes it, NaNs replaced by those that x86 gives
 *   exceptions IE, ZE and OE follow from which elements are NaN, infinite or zero; PE, where it is not set already, from
 *              the error of the result, which sums and products of floats have exactly
 *
 * Source: Intel SDM vol. 1, table 4-7 (NaNs of two operands), 11.5.2 (conditions of exceptions); Knuth, The Art of
 * Computer Programming vol. 2, 4.2.2, and Dekker, Numerische Mathematik 18 (1971) (errors of sums and products).
 */
import {
  ARITHMETIC_ADD, ARITHMETIC_DIVIDE, ARITHMETIC_MULTIPLY, ARITHMETIC_SUBTRACT, MXCSR, MXCSR_IE, MXCSR_MASK_POSITION,
  MXCSR_OE, MXCSR_PE, MXCSR_PM, MXCSR_RC, MXCSR_ZE,
} from '../../build/helpers/layout'

/** Scalars are elements 0 of vectors whose other elements do no harm. */
const ONES_32 = i32x4.splat(0x3f800000)
const ONES_64 = i64x2.splat(0x3ff0000000000000)

/** 2^27 + 1: multiplied by it, a double splits into halves whose products are exact (Veltkamp). */
const SPLITTER: f64 = 134217729
/** Where the error of a product of doubles is exact: no step overflows or is denormal. */
const SAFE_LEAST: f64 = 1e-250
const SAFE_GREATEST: f64 = 1e250

/** Whether the host rounds as MXCSR asks, and the result's rounding raises nothing but PE. */
// @ts-ignore: decorator
@inline
function roundsAlike(mxcsr: u32): bool {
  return (mxcsr & (MXCSR_RC | MXCSR_PM)) == MXCSR_PM
}

/** Elements that are not zero where the sum r of a and b is inexact. */
// @ts-ignore: decorator
@inline
function errorOfSum64(a: v128, b: v128, r: v128): v128 {
  const part = f64x2.sub(r, a)
  return f64x2.add(f64x2.sub(a, f64x2.sub(r, part)), f64x2.sub(b, part))
}

/** a * b - r, exactly, within the safe range. */
function errorOfProduct64(a: v128, b: v128, r: v128): v128 {
  const splitter = f64x2.splat(SPLITTER)
  const aLarge = f64x2.mul(a, splitter)
  const bLarge = f64x2.mul(b, splitter)
  const aHigh = f64x2.sub(aLarge, f64x2.sub(aLarge, a))
  const bHigh = f64x2.sub(bLarge, f64x2.sub(bLarge, b))
  const aLow = f64x2.sub(a, aHigh)
  const bLow = f64x2.sub(b, bHigh)
  const first = f64x2.sub(f64x2.mul(aHigh, bHigh), r)
  const middle = f64x2.add(f64x2.add(first, f64x2.mul(aHigh, bLow)), f64x2.mul(aLow, bHigh))
  return f64x2.add(middle, f64x2.mul(aLow, bLow))
}

/** Elements that are neither zero nor in the safe range. */
// @ts-ignore: decorator
@inline
function unsafe(x: v128): v128 {
  const size = f64x2.abs(x)
  const within = v128.and(f64x2.ge(size, f64x2.splat(SAFE_LEAST)), f64x2.le(size, f64x2.splat(SAFE_GREATEST)))
  return v128.not(v128.or(within, f64x2.eq(x, i64x2.splat(0))))
}

/** Outcomes of `precision`: exact, inexact, or not known here. */
const EXACT: u32 = 0
const INEXACT: u32 = MXCSR_PE
const UNKNOWN: u32 = 0xffffffff

/** Whether those results of 64 bits that `whole` selects, finite ones, are exact. */
function precision64(operation: u32, a: v128, b: v128, r: v128, whole: v128): u32 {
  const zero = i64x2.splat(0)
  let error: v128
  if (operation == ARITHMETIC_ADD) error = errorOfSum64(a, b, r)
  else if (operation == ARITHMETIC_SUBTRACT) error = errorOfSum64(a, f64x2.neg(b), r)
  else {
    const outside = v128.or(v128.or(unsafe(a), unsafe(b)), unsafe(r))
    if (v128.any_true(v128.and(outside, whole))) return UNKNOWN
    if (operation == ARITHMETIC_MULTIPLY) error = errorOfProduct64(a, b, r)
    else {
      // A quotient is exact when its product with the divisor is the dividend, exactly.
      const back = f64x2.mul(r, b)
      error = v128.or(f64x2.sub(back, a), errorOfProduct64(r, b, back))
    }
  }
  return v128.any_true(v128.and(f64x2.ne(error, zero), whole)) ? INEXACT : EXACT
}

/** As `precision64`, of two elements of 32 bits, widened: products and sums have room. */
function precisionWidened(operation: u32, a: v128, b: v128, r: v128, whole: v128): u32 {
  let different: v128
  if (operation == ARITHMETIC_MULTIPLY) different = f64x2.ne(f64x2.mul(a, b), r)
  else if (operation == ARITHMETIC_DIVIDE) different = f64x2.ne(f64x2.mul(r, b), a)
  else {
    const second = operation == ARITHMETIC_SUBTRACT ? f64x2.neg(b) : b
    const sum = f64x2.add(a, second)
    different = v128.or(f64x2.ne(sum, r), f64x2.ne(errorOfSum64(a, second, sum), i64x2.splat(0)))
  }
  return v128.any_true(v128.and(different, whole)) ? INEXACT : EXACT
}

/** As `precision64`, of elements of 32 bits. */
function precision32(operation: u32, a: v128, b: v128, r: v128, whole: v128): u32 {
  const low = precisionWidened(
    operation, f64x2.promote_low_f32x4(a), f64x2.promote_low_f32x4(b), f64x2.promote_low_f32x4(r),
    i64x2.extend_low_i32x4_s(whole),
  )
  if (low != EXACT) return low
  return precisionWidened(operation, upperHalf(a), upperHalf(b), upperHalf(r), i64x2.extend_high_i32x4_s(whole))
}

function upperHalf(x: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<i32>(x, x, 2, 3, 2, 3))
}

/** Enters exceptions that are all masked; false when one is not, and nothing has been done. */
// @ts-ignore: decorator
@inline
function accept(mxcsr: u32, flags: u32): bool {
  if ((flags & ~(mxcsr >> MXCSR_MASK_POSITION)) != 0) return false
  store<u32>(MXCSR, mxcsr | flags)
  return true
}

/** Elements of 32 bits. Returns false when the exact arithmetic must do it; then nothing has been written. */
export function quickSingles(operation: u32, destination: u32, source: u32, scalar: bool): bool {
  const mxcsr = load<u32>(MXCSR)
  if (!roundsAlike(mxcsr) || operation > ARITHMETIC_DIVIDE) return false
  const a = scalar ? v128.load32_zero(destination) : v128.load(destination)
  let b = v128.load(source)
  if (scalar) b = i32x4.replace_lane(ONES_32, 0, load<u32>(source))
  let r: v128
  if (operation == ARITHMETIC_ADD) r = f32x4.add(a, b)
  else if (operation == ARITHMETIC_SUBTRACT) r = f32x4.sub(a, b)
  else if (operation == ARITHMETIC_MULTIPLY) r = f32x4.mul(a, b)
  else r = f32x4.div(a, b)
  const zero = i32x4.splat(0)
  const least = i32x4.splat(0x00800000)
  const infinity = i32x4.splat(0x7f800000)
  const aSize = f32x4.abs(a)
  const bSize = f32x4.abs(b)
  const rSize = f32x4.abs(r)
  const aZero = f32x4.eq(a, zero)
  const bZero = f32x4.eq(b, zero)
  // Denormal operands: neither zero, nor as large as the least normal number, nor NaN.
  const small = v128.or(v128.andnot(f32x4.lt(aSize, least), aZero), v128.andnot(f32x4.lt(bSize, least), bZero))
  if (v128.any_true(small)) return false
  const rInfinite = f32x4.eq(rSize, infinity)
  const aInfinite = f32x4.eq(aSize, infinity)
  const bInfinite = f32x4.eq(bSize, infinity)
  if (operation >= ARITHMETIC_MULTIPLY) {
    // A result at or below the least normal number is tiny, unless an operand makes it a zero.
    let expected = v128.or(aZero, operation == ARITHMETIC_MULTIPLY ? bZero : bInfinite)
    expected = v128.and(expected, f32x4.eq(r, zero))
    if (v128.any_true(v128.andnot(f32x4.le(rSize, least), expected))) return false
  } else if (v128.any_true(v128.andnot(f32x4.lt(rSize, least), f32x4.eq(r, zero)))) return false
  let flags: u32 = 0
  const anyInfinite = v128.or(aInfinite, bInfinite)
  const divides = operation == ARITHMETIC_DIVIDE
  // An infinity that no infinity went into comes of a division by zero or of an overflow.
  const made = v128.andnot(rInfinite, anyInfinite)
  if (v128.any_true(made)) {
    const byZero = divides ? v128.and(made, bZero) : zero
    if (v128.any_true(byZero)) flags |= MXCSR_ZE
    if (v128.any_true(v128.andnot(made, byZero))) flags |= MXCSR_OE
  }
  const rNaN = f32x4.ne(r, r)
  if (v128.any_true(rNaN)) {
    const quiet = i32x4.splat(0x00400000)
    const aNaN = f32x4.ne(a, a)
    const bNaN = f32x4.ne(b, b)
    const neither = v128.andnot(rNaN, v128.or(aNaN, bNaN))
    const signaling = v128.or(
      v128.and(aNaN, i32x4.eq(v128.and(a, quiet), zero)), v128.and(bNaN, i32x4.eq(v128.and(b, quiet), zero)),
    )
    if (v128.any_true(v128.or(neither, signaling))) flags |= MXCSR_IE
    const given = v128.bitselect(v128.or(a, quiet), v128.or(b, quiet), aNaN)
    r = v128.bitselect(v128.bitselect(i32x4.splat(0xffc00000), given, neither), r, rNaN)
  }
  if ((mxcsr & MXCSR_PE) == 0) {
    // Where a result or an operand is not finite, it is exact, but for an overflow.
    const whole = v128.not(v128.or(v128.or(rInfinite, rNaN), v128.or(aInfinite, bInfinite)))
    const inexact = precision32(operation, a, b, r, whole)
    if (inexact == UNKNOWN) return false
    flags |= inexact
    if ((flags & MXCSR_OE) != 0) flags |= MXCSR_PE
  }
  if (!accept(mxcsr, flags)) return false
  if (scalar) store<u32>(destination, i32x4.extract_lane(r, 0))
  else v128.store(destination, r)
  return true
}

/** Elements of 64 bits, as `quickSingles`. */
export function quickDoubles(operation: u32, destination: u32, source: u32, scalar: bool): bool {
  const mxcsr = load<u32>(MXCSR)
  if (!roundsAlike(mxcsr) || operation > ARITHMETIC_DIVIDE) return false
  const a = scalar ? v128.load64_zero(destination) : v128.load(destination)
  let b = v128.load(source)
  if (scalar) b = i64x2.replace_lane(ONES_64, 0, load<u64>(source))
  let r: v128
  if (operation == ARITHMETIC_ADD) r = f64x2.add(a, b)
  else if (operation == ARITHMETIC_SUBTRACT) r = f64x2.sub(a, b)
  else if (operation == ARITHMETIC_MULTIPLY) r = f64x2.mul(a, b)
  else r = f64x2.div(a, b)
  const zero = i64x2.splat(0)
  const least = i64x2.splat(0x0010000000000000)
  const infinity = i64x2.splat(0x7ff0000000000000)
  const aSize = f64x2.abs(a)
  const bSize = f64x2.abs(b)
  const rSize = f64x2.abs(r)
  const aZero = f64x2.eq(a, zero)
  const bZero = f64x2.eq(b, zero)
  const small = v128.or(v128.andnot(f64x2.lt(aSize, least), aZero), v128.andnot(f64x2.lt(bSize, least), bZero))
  if (v128.any_true(small)) return false
  const rInfinite = f64x2.eq(rSize, infinity)
  const aInfinite = f64x2.eq(aSize, infinity)
  const bInfinite = f64x2.eq(bSize, infinity)
  if (operation >= ARITHMETIC_MULTIPLY) {
    let expected = v128.or(aZero, operation == ARITHMETIC_MULTIPLY ? bZero : bInfinite)
    expected = v128.and(expected, f64x2.eq(r, zero))
    if (v128.any_true(v128.andnot(f64x2.le(rSize, least), expected))) return false
  } else if (v128.any_true(v128.andnot(f64x2.lt(rSize, least), f64x2.eq(r, zero)))) return false
  let flags: u32 = 0
  const made = v128.andnot(rInfinite, v128.or(aInfinite, bInfinite))
  if (v128.any_true(made)) {
    const byZero = operation == ARITHMETIC_DIVIDE ? v128.and(made, bZero) : zero
    if (v128.any_true(byZero)) flags |= MXCSR_ZE
    if (v128.any_true(v128.andnot(made, byZero))) flags |= MXCSR_OE
  }
  const rNaN = f64x2.ne(r, r)
  if (v128.any_true(rNaN)) {
    const quiet = i64x2.splat(0x0008000000000000)
    const aNaN = f64x2.ne(a, a)
    const bNaN = f64x2.ne(b, b)
    const neither = v128.andnot(rNaN, v128.or(aNaN, bNaN))
    const signaling = v128.or(
      v128.and(aNaN, i64x2.eq(v128.and(a, quiet), zero)), v128.and(bNaN, i64x2.eq(v128.and(b, quiet), zero)),
    )
    if (v128.any_true(v128.or(neither, signaling))) flags |= MXCSR_IE
    const given = v128.bitselect(v128.or(a, quiet), v128.or(b, quiet), aNaN)
    r = v128.bitselect(v128.bitselect(i64x2.splat(0xfff8000000000000), given, neither), r, rNaN)
  }
  if ((mxcsr & MXCSR_PE) == 0) {
    // Where a result or an operand is not finite, it is exact, but for an overflow.
    const whole = v128.not(v128.or(v128.or(rInfinite, rNaN), v128.or(aInfinite, bInfinite)))
    const inexact = precision64(operation, a, b, r, whole)
    if (inexact == UNKNOWN) return false
    flags |= inexact
    if ((flags & MXCSR_OE) != 0) flags |= MXCSR_PE
  }
  if (!accept(mxcsr, flags)) return false
  if (scalar) store<u64>(destination, i64x2.extract_lane(r, 0))
  else v128.store(destination, r)
  return true
}
