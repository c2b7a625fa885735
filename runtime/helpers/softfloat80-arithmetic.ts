/**
 * Addition, subtraction, multiplication, division and square root of 80-bit numbers, and comparison. Operands and
 * results as in softfloat80.ts; results are rounded to the precision of the control word.
 *
 * Source: Intel SDM vol. 2, FADD, FSUB, FMUL, FDIV, FSQRT, FCOM (result tables); vol. 1, 4.8 and 8.5.
 */
import {
  BIAS, DENORMAL, EXPONENT_MASK, INTEGER_BIT, INVALID, invalid, isDenormal, isInfinity, isNaN80, isNormal,
  isSignaling, isUnsupported, isZero, normalExponent, oneOperandSpecial, raiseException, ROUND_DOWN, roundControlled,
  roundingMode, SIGN, setInfinity, setResult, setZero, twoOperandSpecial, ZERO_DIVIDE,
} from './softfloat80'
import {
  divideWide, HALF, multiplyWide, shiftRightSticky, squareRootWide, wideLow, wideRemainder,
} from './softfloat80-wide'

/** result := a + b. */
export function add(aSig: u64, aSe: u32, bSig: u64, bSe: u32): void {
  let aExponent = <i32>(aSe & EXPONENT_MASK)
  let bExponent = <i32>(bSe & EXPONENT_MASK)
  if (!(isNormal(aSig, aSe) & isNormal(bSig, bSe))) {
    if (twoOperandSpecial(aSig, aSe, bSig, bSe)) return
    if (isDenormal(aSig, aSe) || isDenormal(bSig, bSe)) raiseException(DENORMAL)
    const aInfinite = isInfinity(aSig, aSe)
    if (aInfinite || isInfinity(bSig, bSe)) {
      if (aInfinite && isInfinity(bSig, bSe) && aSe != bSe) invalid()
      else setInfinity((aInfinite ? aSe : bSe) & SIGN)
      return
    }
    if (aSig == 0 || bSig == 0) {
      addZero(aSig, aSe, bSig, bSe)
      return
    }
    aExponent = normalExponent(aSig, aSe)
    bExponent = normalExponent(bSig, bSe)
    aSig <<= clz(aSig)
    bSig <<= clz(bSig)
  }
  const sign = aSe & SIGN
  if (sign == (bSe & SIGN)) addMagnitudes(sign, aExponent, aSig, bExponent, bSig)
  else subtractMagnitudes(sign, aExponent, aSig, bExponent, bSig)
}

/** result := a - b. A NaN subtrahend keeps its sign. */
export function subtract(aSig: u64, aSe: u32, bSig: u64, bSe: u32): void {
  if (isNaN80(bSig, bSe)) add(aSig, aSe, bSig, bSe)
  else add(aSig, aSe, bSig, bSe ^ SIGN)
}

/** One operand, or both, is zero. The sum of zeros of unlike sign is -0 when rounding down, else +0. */
function addZero(aSig: u64, aSe: u32, bSig: u64, bSe: u32): void {
  if (aSig == 0 && bSig == 0) {
    if (aSe == bSe) setZero(aSe)
    else setZero(roundingMode() == ROUND_DOWN ? SIGN : 0)
    return
  }
  const sig = aSig == 0 ? bSig : aSig
  const se = aSig == 0 ? bSe : aSe
  roundControlled(se & SIGN, normalExponent(sig, se), sig << clz(sig), 0)
}

function addMagnitudes(sign: u32, aExponent: i32, aSig: u64, bExponent: i32, bSig: u64): void {
  let exponent = aExponent
  let larger = aSig
  let smaller = bSig
  let distance = aExponent - bExponent
  if (distance < 0) {
    exponent = bExponent
    larger = bSig
    smaller = aSig
    distance = -distance
  }
  let extra: u64 = 0
  if (distance >= 64) {
    shiftRightSticky(smaller, 0, distance)
    extra = wideLow
    smaller = 0
  } else if (distance != 0) {
    extra = smaller << (64 - distance)
    smaller >>= distance
  }
  let sum = larger + smaller
  if (sum < larger) {
    extra = (sum << 63) | (extra >> 1) | (extra & 1)
    sum = (sum >> 1) | INTEGER_BIT
    exponent++
  }
  roundControlled(sign, exponent, sum, extra)
}

/** Magnitudes of unlike sign; `sign` is the sign of a. */
function subtractMagnitudes(sign: u32, aExponent: i32, aSig: u64, bExponent: i32, bSig: u64): void {
  let exponent = aExponent
  let larger = aSig
  let smaller = bSig
  let distance = aExponent - bExponent
  if (distance < 0 || (distance == 0 && aSig < bSig)) {
    exponent = bExponent
    larger = bSig
    smaller = aSig
    distance = -distance
    sign ^= SIGN
  }
  let extra: u64 = 0
  if (distance >= 64) {
    shiftRightSticky(smaller, 0, distance)
    extra = 0 - wideLow
    smaller = 0
  } else if (distance != 0) {
    extra = 0 - (smaller << (64 - distance))
    smaller >>= distance
  }
  const difference = larger - smaller - <u64>(extra != 0)
  if (difference == 0) {
    if (extra == 0) {
      setZero(roundingMode() == ROUND_DOWN ? SIGN : 0)
      return
    }
    const count = <i32>clz(extra)
    roundControlled(sign, exponent - 64 - count, extra << count, 0)
    return
  }
  const count = <i32>clz(difference)
  if (count == 0) roundControlled(sign, exponent, difference, extra)
  else roundControlled(sign, exponent - count, (difference << count) | (extra >> (64 - count)), extra << count)
}

/** result := a * b. */
export function multiply(aSig: u64, aSe: u32, bSig: u64, bSe: u32): void {
  let aExponent = <i32>(aSe & EXPONENT_MASK)
  let bExponent = <i32>(bSe & EXPONENT_MASK)
  const sign = (aSe ^ bSe) & SIGN
  if (!(isNormal(aSig, aSe) & isNormal(bSig, bSe))) {
    if (twoOperandSpecial(aSig, aSe, bSig, bSe)) return
    if (isInfinity(aSig, aSe) || isInfinity(bSig, bSe)) {
      if (isZero(aSig, aSe) || isZero(bSig, bSe)) {
        invalid()
        return
      }
      if (isDenormal(aSig, aSe) || isDenormal(bSig, bSe)) raiseException(DENORMAL)
      setInfinity(sign)
      return
    }
    if (isDenormal(aSig, aSe) || isDenormal(bSig, bSe)) raiseException(DENORMAL)
    if (aSig == 0 || bSig == 0) {
      setZero(sign)
      return
    }
    aExponent = normalExponent(aSig, aSe)
    bExponent = normalExponent(bSig, bSe)
    aSig <<= clz(aSig)
    bSig <<= clz(bSig)
  }
  let exponent = aExponent + bExponent - (BIAS - 1)
  let high = multiplyWide(aSig, bSig)
  let low = wideLow
  if (<i64>high >= 0) {
    high = (high << 1) | (low >> 63)
    low <<= 1
    exponent--
  }
  roundControlled(sign, exponent, high, low)
}

/** result := a / b. */
export function divide(aSig: u64, aSe: u32, bSig: u64, bSe: u32): void {
  let aExponent = <i32>(aSe & EXPONENT_MASK)
  let bExponent = <i32>(bSe & EXPONENT_MASK)
  const sign = (aSe ^ bSe) & SIGN
  if (!(isNormal(aSig, aSe) & isNormal(bSig, bSe))) {
    if (twoOperandSpecial(aSig, aSe, bSig, bSe)) return
    const aInfinite = isInfinity(aSig, aSe)
    const bInfinite = isInfinity(bSig, bSe)
    const bZero = isZero(bSig, bSe)
    if ((aInfinite && bInfinite) || (bZero && isZero(aSig, aSe))) {
      invalid()
      return
    }
    if (bZero && !aInfinite) {
      raiseException(ZERO_DIVIDE)
      setInfinity(sign)
      return
    }
    if (isDenormal(aSig, aSe) || isDenormal(bSig, bSe)) raiseException(DENORMAL)
    if (aInfinite) {
      setInfinity(sign)
      return
    }
    if (bInfinite || aSig == 0) {
      setZero(sign)
      return
    }
    aExponent = normalExponent(aSig, aSe)
    bExponent = normalExponent(bSig, bSe)
    aSig <<= clz(aSig)
    bSig <<= clz(bSig)
  }
  let exponent = aExponent - bExponent + BIAS
  let quotient: u64
  if (aSig >= bSig) {
    quotient = divideWide(aSig >> 1, aSig << 63, bSig)
  } else {
    quotient = divideWide(aSig, 0, bSig)
    exponent--
  }
  const remainder = wideRemainder
  // A quotient of two 64-bit significands is never exactly half way, so above or below half says all.
  const extra: u64 = remainder == 0 ? 0 : remainder >= bSig - remainder ? HALF | 1 : 1
  roundControlled(sign, exponent, quotient, extra)
}

/** result := square root of a. */
export function squareRoot(sig: u64, se: u32): void {
  if (oneOperandSpecial(sig, se)) return
  if (isZero(sig, se)) {
    setResult(sig, se)
    return
  }
  if ((se & SIGN) != 0) {
    invalid()
    return
  }
  if (isInfinity(sig, se)) {
    setResult(sig, se)
    return
  }
  if (isDenormal(sig, se)) raiseException(DENORMAL)
  const exponent = normalExponent(sig, se) - BIAS
  sig <<= clz(sig)
  const root = (exponent & 1) == 0 ? squareRootWide(sig >> 1, sig << 63) : squareRootWide(sig, 0)
  const rest = wideRemainder
  roundControlled(0, (exponent >> 1) + BIAS, root, rest == 0 ? 0 : rest == 1 ? 1 : HALF | 1)
}

/** Outcome of a comparison, as condition bits C3 C2 C0 of the status word. */
export const COMPARE_GREATER: u32 = 0
export const COMPARE_LESS: u32 = 0x0100
export const COMPARE_EQUAL: u32 = 0x4000
export const COMPARE_UNORDERED: u32 = 0x4500

/** Compares a with b. `quiet` (FUCOM): a QNaN is unordered without being invalid. */
export function compare(aSig: u64, aSe: u32, bSig: u64, bSe: u32, quiet: bool): u32 {
  if (isUnsupported(aSig, aSe) || isUnsupported(bSig, bSe)) {
    raiseException(INVALID)
    return COMPARE_UNORDERED
  }
  if (isNaN80(aSig, aSe) || isNaN80(bSig, bSe)) {
    if (!quiet || isSignaling(aSig, aSe) || isSignaling(bSig, bSe)) raiseException(INVALID)
    return COMPARE_UNORDERED
  }
  if (isDenormal(aSig, aSe) || isDenormal(bSig, bSe)) raiseException(DENORMAL)
  if (aSig == 0 && bSig == 0) return COMPARE_EQUAL
  if (((aSe ^ bSe) & SIGN) != 0) return (aSe & SIGN) != 0 ? COMPARE_LESS : COMPARE_GREATER
  // A pseudo-denormal has the value of exponent 1.
  const aExponent = max<u32>(aSe & EXPONENT_MASK, <u32>(aSig >> 63))
  const bExponent = max<u32>(bSe & EXPONENT_MASK, <u32>(bSig >> 63))
  if (aExponent == bExponent && aSig == bSig) return COMPARE_EQUAL
  const smaller = aExponent < bExponent || (aExponent == bExponent && aSig < bSig)
  return smaller == ((aSe & SIGN) == 0) ? COMPARE_LESS : COMPARE_GREATER
}
