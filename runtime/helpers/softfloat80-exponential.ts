/**
 * 2^x - 1 and base-2 logarithms of 80-bit numbers, to just above half a unit in the last place.
 *
 *   2^x - 1       Taylor series of (e^y - 1) / y at y = x ln 2
 *   logarithms    log2(m) = 2/ln 2 * atanh((m - 1) / (m + 1)), sqrt(1/2) <= m < sqrt(2)
 *
 * As in softfloat80-transcendental.ts, a floating factor times a series near 1 keeps the precision of small results.
 * Source: Intel SDM vol. 1, 8.3.9, 8.3.10; vol. 2, F2XM1, FYL2X, FYL2XP1 (result tables).
 */
import {
  BIAS, DENORMAL, INTEGER_BIT, invalid, isDenormal, isInfinity, normalExponent, oneOperandSpecial, PRECISION,
  raiseException, roundExtended, SIGN, setInfinity, setResult, setZero, twoOperandSpecial, UNDERFLOW, ZERO_DIVIDE,
} from './softfloat80'
import {
  addWide, divideFloating, exponent, high, low, multiplyFloating, multiplyFraction, normaliseWide, polynomial,
  setWide, subtractFrom, toFraction,
} from './softfloat80-fixed'
import {
  EXPONENTIAL, EXPONENTIAL_TERMS, HYPERBOLIC_TERMS, LN2_HIGH, LN2_LOW, LOG2E_HIGH, LOG2E_LOW, ODD_RECIPROCAL,
} from './softfloat80-tables'
import { shiftRightSticky, wideLow } from './softfloat80-wide'

/** Square root of 2 with 63 fraction bits. */
const ROOT_OF_2: u64 = 0xb504f333f9de6484
/** 1 with 63 fraction bits. */
const ONE: u64 = 0x8000000000000000
/** Bits of an integer part of a logarithm: |log2| of an 80-bit number is below 2^15. */
const INTEGER_BITS: i32 = 15

/** Unbiased exponent of a finite nonzero number. */
function unbiased(sig: u64, se: u32): i32 {
  return normalExponent(sig, se) - BIAS
}

/** result := 2^x - 1 for -1 <= x <= 1. Beyond, where the manual leaves it undefined, x comes back. */
export function twoToXMinusOne(sig: u64, se: u32): void {
  if (oneOperandSpecial(sig, se)) return
  const sign = se & SIGN
  if (isInfinity(sig, se)) {
    if (sign != 0) setResult(INTEGER_BIT, SIGN | BIAS)
    else setInfinity(0)
    return
  }
  if (isDenormal(sig, se)) raiseException(DENORMAL)
  if (sig == 0) {
    setResult(sig, se)
    return
  }
  const scale = unbiased(sig, se)
  sig <<= clz(sig)
  if (scale >= 0) {
    // Processors report these as inexact, though 2^1 - 1 and 2^-1 - 1 are not.
    raiseException(PRECISION)
    if (sig != INTEGER_BIT || scale > 0) setResult(sig, se)
    else if (sign != 0) setResult(INTEGER_BIT, SIGN | (BIAS - 1))
    else setResult(INTEGER_BIT, BIAS)
    return
  }
  multiplyFraction(sig, 0, LN2_HIGH, LN2_LOW)
  normaliseWide(scale)
  const yHigh = high
  const yLow = low
  const yScale = exponent
  toFraction(yHigh, yLow, yScale)
  polynomial(EXPONENTIAL, EXPONENTIAL_TERMS, high, low, sign != 0)
  multiplyFloating(yHigh, yLow, high, low, yScale)
  roundExtended(sign, exponent + BIAS, high, low | 1)
}

/** The last logarithm was negative; it was exact. Its magnitude is in high:low, exponent; zero has `logarithmZero`. */
let logarithmNegative: bool = false
let logarithmExact: bool = false
let logarithmZero: bool = false

/** high:low, exponent := 2/ln 2 * atanh of the floating value in high:low. */
function hyperbolicSeries(): void {
  const h = high
  const l = low
  const scale = exponent
  if (scale < -64) {
    setWide(0, 0)
  } else {
    toFraction(h, l, scale)
    multiplyFraction(high, low, high, low)
  }
  polynomial(ODD_RECIPROCAL, HYPERBOLIC_TERMS, high, low, false)
  multiplyFloating(h, l, high, low, scale)
  multiplyFloating(high, low, LOG2E_HIGH, LOG2E_LOW, exponent + 1)
}

/** Base-2 logarithm of (mHigh:mLow) / 2^127 * 2^scale, normalised. */
function logarithm(mHigh: u64, mLow: u64, scale: i32): void {
  let negative = false
  let denominatorHigh = (mHigh >> 1) + (ONE >> 1)
  const denominatorLow = (mHigh << 63) | (mLow >> 1)
  let quotientScale = -1
  if (mHigh >= ROOT_OF_2) {
    // m / 2 below 1: the numerator is 1 - m / 2, the denominator 1 + m / 2.
    scale++
    negative = true
    denominatorHigh = (mHigh >> 1) + ONE
    setWide(mHigh, mLow)
    subtractFrom(0, 0)
  } else {
    setWide(mHigh - ONE, mLow)
  }
  logarithmExact = (high | low) == 0
  logarithmZero = logarithmExact && scale == 0
  logarithmNegative = scale == 0 ? negative : scale < 0
  if (logarithmZero) return
  if (!logarithmExact) {
    normaliseWide(negative ? -1 : 0)
    if (negative) quotientScale = 0
    divideFloating(high, low, denominatorHigh, denominatorLow, exponent + quotientScale)
    hyperbolicSeries()
    if (scale == 0) return
    const shifted = shiftRightSticky(high, low, INTEGER_BITS - exponent)
    setWide(shifted, wideLow)
  }
  const whole = <u64>(scale < 0 ? -scale : scale) << (63 - INTEGER_BITS)
  if (negative == scale < 0) addWide(whole, 0)
  else subtractFrom(whole, 0)
  normaliseWide(INTEGER_BITS)
}

/** result := the logarithm times y, whose sign and finite nonzero value are given. */
function multiplyLogarithm(ySig: u64, ySe: u32): void {
  const sign = (ySe & SIGN) ^ (logarithmNegative ? SIGN : 0)
  const yScale = unbiased(ySig, ySe)
  multiplyFloating(high, low, ySig << clz(ySig), 0, exponent + yScale)
  // Processors report the logarithm of a power of two as inexact too.
  raiseException(exponent + BIAS > 0 ? PRECISION : PRECISION | UNDERFLOW)
  roundExtended(sign, exponent + BIAS, high, logarithmExact ? low : low | 1)
}

/** result := y * log2(x). */
export function yLogarithm(ySig: u64, ySe: u32, xSig: u64, xSe: u32): void {
  if (twoOperandSpecial(xSig, xSe, ySig, ySe)) return
  const ySign = ySe & SIGN
  const yInfinite = isInfinity(ySig, ySe)
  if (xSig == 0) {
    if (ySig == 0) {
      invalid()
      return
    }
    if (!yInfinite) raiseException(ZERO_DIVIDE)
    setInfinity(ySign ^ SIGN)
    return
  }
  if ((xSe & SIGN) != 0) {
    invalid()
    return
  }
  if (isInfinity(xSig, xSe)) {
    if (ySig == 0) {
      invalid()
      return
    }
    if (isDenormal(ySig, ySe)) raiseException(DENORMAL)
    setInfinity(ySign)
    return
  }
  const xScale = unbiased(xSig, xSe)
  const isOne = xScale == 0 && xSig == INTEGER_BIT
  if (yInfinite && isOne) {
    invalid()
    return
  }
  if (isDenormal(xSig, xSe) || isDenormal(ySig, ySe)) raiseException(DENORMAL)
  const below = xScale < 0 ? SIGN : 0
  if (yInfinite) {
    setInfinity(ySign ^ below)
    return
  }
  if (ySig == 0 || isOne) {
    setZero(ySign ^ below)
    return
  }
  logarithm(xSig << clz(xSig), 0, xScale)
  multiplyLogarithm(ySig, ySe)
}

/** Exponent below which log2(1 + x) is taken as a series in x / (2 + x): |x| < 1/4. */
const SERIES_LIMIT: i32 = -2

/** Base-2 logarithm of 1 + x for a finite nonzero x above -1. */
function logarithmOnePlus(sig: u64, scale: i32, negative: bool): void {
  if (scale < SERIES_LIMIT) {
    // Half of the denominator: 1 + x / 2.
    const half = shiftRightSticky(sig, 0, 1 - scale)
    setWide(half, wideLow)
    if (negative) subtractFrom(ONE, 0)
    else addWide(ONE, 0)
    normaliseWide(0)
    divideFloating(sig, 0, high, low, scale - 1 - exponent)
    hyperbolicSeries()
    logarithmExact = false
    logarithmZero = false
    logarithmNegative = negative
    return
  }
  if (scale < 0) {
    const fractionHigh = shiftRightSticky(sig, 0, -scale)
    setWide(fractionHigh, wideLow)
    if (negative) subtractFrom(ONE, 0)
    else addWide(ONE, 0)
    normaliseWide(0)
  } else {
    // x >= 1: half of 1 + x, so that the carry stays in the word.
    const oneHigh = shiftRightSticky(ONE, 0, scale + 1)
    setWide(oneHigh, wideLow)
    addWide(sig >> 1, sig << 63)
    normaliseWide(scale + 1)
  }
  logarithm(high, low, exponent)
}

/** result := y * log2(1 + x). */
export function yLogarithmOnePlus(ySig: u64, ySe: u32, xSig: u64, xSe: u32): void {
  if (twoOperandSpecial(xSig, xSe, ySig, ySe)) return
  const sign = (xSe ^ ySe) & SIGN
  const negative = (xSe & SIGN) != 0
  const yInfinite = isInfinity(ySig, ySe)
  if (xSig == 0) {
    if (yInfinite) {
      invalid()
      return
    }
    if (isDenormal(ySig, ySe)) raiseException(DENORMAL)
    setZero(sign)
    return
  }
  if (isInfinity(xSig, xSe)) {
    if (negative || ySig == 0) {
      invalid()
      return
    }
    if (isDenormal(ySig, ySe)) raiseException(DENORMAL)
    setInfinity(ySe & SIGN)
    return
  }
  if (isDenormal(xSig, xSe) || isDenormal(ySig, ySe)) raiseException(DENORMAL)
  if (yInfinite) {
    setInfinity(sign)
    return
  }
  if (ySig == 0) {
    setZero(sign)
    return
  }
  const scale = unbiased(xSig, xSe)
  if (negative && scale >= 0) {
    // At or below -1 the manual leaves the result undefined.
    raiseException(PRECISION)
    setResult(xSig, xSe)
    return
  }
  logarithmOnePlus(xSig << clz(xSig), scale, negative)
  multiplyLogarithm(ySig, ySe)
}
