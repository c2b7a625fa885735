/**
 * Sine, cosine, tangent and arc tangent of 80-bit numbers, to just above half a unit in the last place.
 *
 *   sine, cosine, tangent   argument modulo pi/2 with the 66-bit pi of the 387, then Taylor series on [-pi/4, pi/4]
 *   arc tangent             atan(a/b) = atan(k/32) + atan((32a - kb) / (32b + ka)), k nearest to 32a/b
 *
 * Each is evaluated with 128 bits as a floating factor times a series near 1, so small results keep their precision.
 * Source: Intel SDM vol. 1, 8.3.7, 8.3.8; vol. 2, the instructions named (result tables).
 */
import {
  BIAS, DENORMAL, INTEGER_BIT, invalid, isDenormal, isInfinity, normalExponent, oneOperandSpecial, raiseException,
  resultSe, resultSig, roundExtended, SIGN, setResult, setZero, twoOperandSpecial,
} from './softfloat80'
import {
  addWide, divideFloating, exponent, high, low, multiplyFloating, multiplyFraction, normaliseWide, polynomial,
  setWide, subtractFrom, toFraction,
} from './softfloat80-fixed'
import {
  ARC_TANGENT, ARC_TERMS, COSINE, COSINE_TERMS, HALF_PI_HIGH, HALF_PI_LOW, ODD_RECIPROCAL, REDUCTION_HIGH,
  REDUCTION_LOW, SINE, SINE_TERMS,
} from './softfloat80-tables'
import { shiftRightSticky, wideLow } from './softfloat80-wide'

/** The first unbiased exponent that FSIN, FCOS, FSINCOS and FPTAN refuse. */
const REDUCTION_LIMIT: i32 = 63

/** Below this exponent the square of a number is less than a unit of the wide fractions. */
const TINY: i32 = -64

/** Unbiased exponent of a finite nonzero number. */
function unbiased(sig: u64, se: u32): i32 {
  return normalExponent(sig, se) - BIAS
}

/** Rounds the floating value in high:low, known to be inexact. */
function roundInexact(sign: u32): void {
  roundExtended(sign, exponent + BIAS, high, low | 1)
}

// --- circular functions ---

/** Reduced argument r, |r| <= pi/4: significand, exponent, sign; and the quadrant. */
let reducedHigh: u64 = 0
let reducedLow: u64 = 0
let reducedExponent: i32 = 0
let reducedNegative: bool = false
let quadrant: i32 = 0
/** r^2 with 128 fraction bits. */
let squareHigh: u64 = 0
let squareLow: u64 = 0

/** Reduces the magnitude `sig` * 2^(scale - 63), exactly, modulo the 66-bit pi / 2. `sig` is normalised. */
function reduce(sig: u64, scale: i32): void {
  quadrant = 0
  reducedNegative = false
  reducedHigh = sig
  reducedLow = 0
  reducedExponent = scale
  if (scale >= -1) {
    // In units of 2^-65: sig * 2^(scale + 2) modulo an odd number of 66 bits, so never 0.
    let restHigh: u64 = 0
    let restLow = sig
    for (let bit = scale + 2; bit > 0; bit--) {
      restHigh = (restHigh << 1) | (restLow >> 63)
      restLow <<= 1
      quadrant <<= 1
      if (restHigh > REDUCTION_HIGH || (restHigh == REDUCTION_HIGH && restLow >= REDUCTION_LOW)) {
        restHigh -= REDUCTION_HIGH + <u64>(restLow < REDUCTION_LOW)
        restLow -= REDUCTION_LOW
        quadrant |= 1
      }
    }
    const doubledHigh = (restHigh << 1) | (restLow >> 63)
    if (doubledHigh > REDUCTION_HIGH || (doubledHigh == REDUCTION_HIGH && restLow << 1 > REDUCTION_LOW)) {
      restHigh = REDUCTION_HIGH - restHigh - <u64>(REDUCTION_LOW < restLow)
      restLow = REDUCTION_LOW - restLow
      quadrant++
      reducedNegative = true
    }
    setWide(restHigh, restLow)
    normaliseWide(127 - 65)
    reducedHigh = high
    reducedLow = low
    reducedExponent = exponent
  }
  toFraction(reducedHigh, reducedLow, reducedExponent)
  multiplyFraction(high, low, high, low)
  squareHigh = high
  squareLow = low
}

/** high:low, exponent := |sin r|. */
function reducedSine(): void {
  polynomial(SINE, SINE_TERMS, squareHigh, squareLow, true)
  multiplyFloating(reducedHigh, reducedLow, high, low, reducedExponent)
}

/** high:low, exponent := cos r. */
function reducedCosine(): void {
  polynomial(COSINE, COSINE_TERMS, squareHigh, squareLow, true)
  normaliseWide(0)
}

/** Sign and magnitude of sin(x + turns * pi/2) for the reduced x: the result. */
function circularResult(turns: i32, negative: bool): void {
  const position = quadrant + turns
  let minus = (position & 2) != 0
  if ((position & 1) == 0) {
    reducedSine()
    minus = minus != reducedNegative
  } else {
    reducedCosine()
  }
  roundInexact(minus != negative ? SIGN : 0)
}

/** What `prepareCircular` found. */
export const CIRCULAR_DONE: i32 = 0
export const CIRCULAR_REDUCED: i32 = 1
export const CIRCULAR_OUT_OF_RANGE: i32 = 2

/** Special operands of FSIN, FCOS, FSINCOS, FPTAN; then the reduction. Zero is left to the caller. */
function prepareCircular(sig: u64, se: u32): i32 {
  if (oneOperandSpecial(sig, se)) return CIRCULAR_DONE
  if (isInfinity(sig, se)) {
    invalid()
    return CIRCULAR_DONE
  }
  const scale = unbiased(sig, se)
  if (sig != 0 && scale >= REDUCTION_LIMIT) return CIRCULAR_OUT_OF_RANGE
  if (isDenormal(sig, se)) raiseException(DENORMAL)
  if (sig != 0) reduce(sig << clz(sig), scale)
  return CIRCULAR_REDUCED
}

/** Second result of `sineCosine`. */
export let cosineSig: u64 = 0
export let cosineSe: u32 = 0

/** result := sin x. Returns CIRCULAR_OUT_OF_RANGE, nothing computed, from 2^63 on. */
export function sine(sig: u64, se: u32): i32 {
  const found = prepareCircular(sig, se)
  if (found != CIRCULAR_REDUCED) return found
  if (sig == 0) setResult(sig, se)
  else circularResult(0, (se & SIGN) != 0)
  return found
}

/** result := cos x. */
export function cosine(sig: u64, se: u32): i32 {
  const found = prepareCircular(sig, se)
  if (found != CIRCULAR_REDUCED) return found
  if (sig == 0) setResult(INTEGER_BIT, BIAS)
  else circularResult(1, false)
  return found
}

/** result := sin x, cosineSig:cosineSe := cos x. */
export function sineCosine(sig: u64, se: u32): i32 {
  const found = cosine(sig, se)
  cosineSig = resultSig
  cosineSe = resultSe
  if (found != CIRCULAR_REDUCED) return found
  if (sig == 0) setResult(sig, se)
  else circularResult(0, (se & SIGN) != 0)
  return found
}

/** result := tan x. */
export function tangent(sig: u64, se: u32): i32 {
  const found = prepareCircular(sig, se)
  if (found != CIRCULAR_REDUCED) return found
  if (sig == 0) {
    setResult(sig, se)
    return found
  }
  if (reducedExponent < TINY) {
    // x + x^3/3: a trace above x.
    roundExtended(se & SIGN, reducedExponent + BIAS, reducedHigh, 1)
    return found
  }
  reducedCosine()
  const cosineHigh = high
  const cosineLow = low
  const cosineExponent = exponent
  reducedSine()
  if ((quadrant & 1) == 0) divideFloating(high, low, cosineHigh, cosineLow, exponent - cosineExponent)
  else divideFloating(cosineHigh, cosineLow, high, low, cosineExponent - exponent)
  const minus = ((quadrant & 1) != 0) != reducedNegative
  roundInexact(minus != ((se & SIGN) != 0) ? SIGN : 0)
  return found
}

// --- arc tangent ---

/** Angles in units of pi / 4. */
function roundQuarters(sign: u32, quarters: i32): void {
  let h = HALF_PI_HIGH
  let l = HALF_PI_LOW
  let scale = 0
  if (quarters == 1) scale = -1
  else if (quarters == 4) scale = 1
  else if (quarters == 3) {
    // 3/4 pi = (pi/2 + pi/4): 1 + 1/2 halves of pi, halved once more to stay within the word.
    setWide(h >> 1, (h << 63) | (l >> 1))
    addWide(h >> 2, (h << 62) | (l >> 2))
    h = high
    l = low
    scale = 1
  }
  setWide(h, l)
  normaliseWide(scale)
  roundInexact(sign)
}

/** result := the angle of the point (x, y), in (-pi, pi]. */
export function arcTangent(ySig: u64, ySe: u32, xSig: u64, xSe: u32): void {
  if (twoOperandSpecial(xSig, xSe, ySig, ySe)) return
  if (isDenormal(xSig, xSe) || isDenormal(ySig, ySe)) raiseException(DENORMAL)
  const sign = ySe & SIGN
  const left = (xSe & SIGN) != 0
  if (isInfinity(ySig, ySe)) {
    roundQuarters(sign, isInfinity(xSig, xSe) ? (left ? 3 : 1) : 2)
    return
  }
  if (ySig == 0 || isInfinity(xSig, xSe)) {
    if (left) roundQuarters(sign, 4)
    else setZero(sign)
    return
  }
  if (xSig == 0) {
    roundQuarters(sign, 2)
    return
  }
  const yScale = unbiased(ySig, ySe)
  const xScale = unbiased(xSig, xSe)
  ySig <<= clz(ySig)
  xSig <<= clz(xSig)
  const steep = yScale > xScale || (yScale == xScale && ySig > xSig)
  const gap = steep ? yScale - xScale : xScale - yScale
  arcOfQuotient(steep ? xSig : ySig, steep ? ySig : xSig, gap)
  if (!steep && !left) {
    roundInexact(sign)
    return
  }
  // pi/2 - or + the angle, or pi - the angle, with 125 fraction bits.
  const angleHigh = shiftRightSticky(high, low, 2 - exponent)
  const angleLow = wideLow
  const halfHigh = HALF_PI_HIGH >> 2
  const halfLow = (HALF_PI_HIGH << 62) | (HALF_PI_LOW >> 2)
  setWide(angleHigh, angleLow)
  if (!steep) subtractFrom((halfHigh << 1) | (halfLow >> 63), halfLow << 1)
  else if (left) addWide(halfHigh, halfLow)
  else subtractFrom(halfHigh, halfLow)
  normaliseWide(2)
  roundInexact(sign)
}

/** high:low, exponent := atan(a / (b * 2^gap)); a and b are normalised and the quotient is at most 1. */
function arcOfQuotient(a: u64, b: u64, gap: i32): void {
  let k = 0
  if (gap < 8) k = <i32>Math.floor((<f64>a / <f64>b) * (32.0 / <f64>(1 << gap)) + 0.5)
  if (k == 0) {
    divideFloating(a, 0, b, 0, -gap)
    arcSeries(0, 0, false)
    return
  }
  // a / 2^gap and b with 57 bits behind the word: 32a, kb, 32b, ka are exact in two words.
  const aHigh = a >> (7 + gap)
  const aLow = a << (57 - gap)
  const bHigh = b >> 7
  const bLow = b << 57
  timesSmall(bHigh, bLow, <u64>k)
  const kbHigh = high
  const kbLow = low
  const numeratorHigh = (aHigh << 5) | (aLow >> 59)
  const numeratorLow = aLow << 5
  const negative = numeratorHigh < kbHigh || (numeratorHigh == kbHigh && numeratorLow < kbLow)
  timesSmall(aHigh, aLow, <u64>k)
  addWide((bHigh << 5) | (bLow >> 59), bLow << 5)
  normaliseWide(0)
  const denominatorHigh = high
  const denominatorLow = low
  const denominatorScale = exponent
  const entry = ARC_TANGENT + (<usize>k << 4)
  if (negative) {
    setWide(numeratorHigh, numeratorLow)
    subtractFrom(kbHigh, kbLow)
  } else {
    setWide(kbHigh, kbLow)
    subtractFrom(numeratorHigh, numeratorLow)
  }
  if ((high | low) == 0) {
    setWide(load<u64>(entry), load<u64>(entry, 8))
    normaliseWide(0)
    return
  }
  normaliseWide(0)
  divideFloating(high, low, denominatorHigh, denominatorLow, exponent - denominatorScale)
  arcSeries(load<u64>(entry), load<u64>(entry, 8), negative)
}

/** high:low := (h:l) * factor, which must fit. */
function timesSmall(h: u64, l: u64, factor: u64): void {
  // The factor is at most 32: two half words of the low word leave room for the carry.
  const lower = (l & 0xffffffff) * factor
  const upper = (l >> 32) * factor + (lower >> 32)
  setWide(h * factor + (upper >> 32), (upper << 32) | (lower & 0xffffffff))
}

/** high:low, exponent := base + or - atan of the floating value in high:low; `base` has 127 fraction bits. */
function arcSeries(baseHigh: u64, baseLow: u64, negative: bool): void {
  const h = high
  const l = low
  const scale = exponent
  if (scale < TINY) {
    // The square is below 2^-128: the series is 1 less a trace.
    setWide(0, 0)
  } else {
    toFraction(h, l, scale)
    multiplyFraction(high, low, high, low)
  }
  polynomial(ODD_RECIPROCAL, ARC_TERMS, high, low, true)
  multiplyFloating(h, l, high, low, scale)
  if (baseHigh == 0) return
  const shifted = shiftRightSticky(high, low, -exponent)
  setWide(shifted, wideLow)
  if (negative) subtractFrom(baseHigh, baseLow)
  else addWide(baseHigh, baseLow)
  normaliseWide(0)
}
