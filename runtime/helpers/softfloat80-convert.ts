/**
 * Conversions between 80-bit numbers and integers, single and double precision, and packed decimal.
 *
 * `load…` leave their value as the result and never raise: what a signaling NaN or a denormal means is up to the
 * instruction (FLD raises, arithmetic raises later). `store…` obey the control word and leave `storedLow`,
 * `storedHigh`.
 *
 * Source: Intel SDM vol. 1, 4.2, 4.7 (packed decimal), 8.5; vol. 2, FST, FIST, FISTTP, FBLD, FBSTP.
 */
import {
  BIAS, control, EXPONENT_MASK, EXPONENT_SPECIAL, exceptions, INTEGER_BIT, INVALID, isNaN80, isUnsupported, OVERFLOW,
  PRECISION, QUIET_BIT, ROUND_CHOP, ROUND_DOWN, ROUND_NEAREST, ROUND_UP, ROUNDED_UP, raiseException, roundingMode,
  roundsUp, SIGN, setResult, setZero, UNDERFLOW,
} from './softfloat80'
import * as core from './softfloat80'
import { shiftRightSticky, wideLow } from './softfloat80-wide'

/** Bits of the last `store…`; `storedHigh` is sign and digits 16, 17 of a packed decimal. */
export let storedLow: u64 = 0
export let storedHigh: u32 = 0
/** The last `loadFloat32` or `loadFloat64` was a denormal. */
export let loadedDenormal: bool = false

const SINGLE_BIAS: i32 = 0x7f
const DOUBLE_BIAS: i32 = 0x3ff

/** result := the value of single-precision `bits`. */
export function loadFloat32(bits: u32): void {
  widen((bits >> 16) & SIGN, <i32>((bits >> 23) & 0xff), <u64>(bits & 0x7fffff) << 40, 0xff, SINGLE_BIAS)
}

/** result := the value of double-precision `bits`. */
export function loadFloat64(bits: u64): void {
  widen(<u32>(bits >> 48) & SIGN, <i32>((bits >> 52) & 0x7ff), (bits << 12) >> 1, 0x7ff, DOUBLE_BIAS)
}

function widen(sign: u32, exponent: i32, fraction: u64, special: i32, bias: i32): void {
  loadedDenormal = false
  if (exponent == special) {
    setResult(fraction | INTEGER_BIT, sign | EXPONENT_SPECIAL)
  } else if (exponent != 0) {
    setResult(fraction | INTEGER_BIT, sign | <u32>(exponent + BIAS - bias))
  } else if (fraction == 0) {
    setZero(sign)
  } else {
    loadedDenormal = true
    const count = <i32>clz(fraction)
    setResult(fraction << count, sign | <u32>(1 - count + BIAS - bias))
  }
}

/** result := `value`. */
export function loadInteger(value: i64): void {
  if (value == 0) {
    setZero(0)
    return
  }
  const magnitude = <u64>(value < 0 ? 0 - value : value)
  const count = <i32>clz(magnitude)
  setResult(magnitude << count, <u32>(BIAS + 63 - count) | (value < 0 ? SIGN : 0))
}

/** result := the packed decimal of 18 digits in `low` and the low byte of `high`; sign in bit 15 of `high`. */
export function loadDecimal(low: u64, high: u32): void {
  let magnitude: u64 = <u64>((high >> 4) & 15) * 10 + <u64>(high & 15)
  for (let shift = 60; shift >= 0; shift -= 4) magnitude = magnitude * 10 + ((low >> shift) & 15)
  loadInteger(<i64>magnitude)
  core.resultSe |= high & SIGN
}

/** storedLow := a in single precision. */
export function storeFloat32(sig: u64, se: u32): void {
  storedLow = narrow(sig, se, 40, SINGLE_BIAS, 31)
}

/** storedLow := a in double precision. */
export function storeFloat64(sig: u64, se: u32): void {
  storedLow = narrow(sig, se, 11, DOUBLE_BIAS, 63)
}

/** Encodes in a format that keeps `64 - dropped` bits of the significand and has its sign at `signPosition`. */
function narrow(sig: u64, se: u32, dropped: i32, bias: i32, signPosition: i32): u64 {
  const fractionBits = 63 - dropped
  const special = <u64>(bias * 2 + 1) << fractionBits
  const signBit = <u64>(se >> 15) << signPosition
  if (isUnsupported(sig, se)) {
    raiseException(INVALID)
    return ((<u64>1) << signPosition) | special | (QUIET_BIT >> dropped)
  }
  const biased = <i32>(se & EXPONENT_MASK)
  if (biased == EXPONENT_SPECIAL) {
    if (sig == INTEGER_BIT) return signBit | special
    if ((sig & QUIET_BIT) == 0) raiseException(INVALID)
    return signBit | special | (((sig | QUIET_BIT) & ~INTEGER_BIT) >> dropped)
  }
  if (sig == 0) return signBit
  const sign = se & SIGN
  const exponent = biased - BIAS + bias
  const one = (<u64>1) << fractionBits
  if (exponent <= 0) {
    const normalWhole = sig >> dropped
    const carries = normalWhole == (one << 1) - 1 && roundsUp(sign, true, sig << (64 - dropped))
    const tiny = exponent < 0 || !carries
    const shifted = shiftRightSticky(sig, 0, 1 - exponent)
    const rest = (shifted << (64 - dropped)) | <u64>(wideLow != 0)
    // An unmasked underflow or overflow stores nothing: no rounding happens.
    if (tiny && (control & UNDERFLOW) == 0) {
      raiseException(UNDERFLOW)
      return signBit
    }
    return signBit | roundWhole(sign, shifted >> dropped, rest, tiny ? PRECISION | UNDERFLOW : PRECISION)
  }
  const before = exceptions
  const whole = roundWhole(sign, sig >> dropped, sig << (64 - dropped), PRECISION)
  const encoded = (<u64>(exponent - 1) << fractionBits) + whole
  if (exponent < bias * 2 + 1 && encoded < special) return signBit | encoded
  core.roundedUp = 0
  if ((control & OVERFLOW) == 0) {
    core.exceptions = before | OVERFLOW
    return signBit | special
  }
  raiseException(OVERFLOW | PRECISION)
  const mode = roundingMode()
  if (mode == ROUND_NEAREST || mode == (sign ? ROUND_DOWN : ROUND_UP)) {
    core.roundedUp = ROUNDED_UP
    return signBit | special
  }
  return signBit | (special - 1)
}

/** Rounds `whole` by `rest` (units of 2^-64); raises `inexact` when something is lost. */
function roundWhole(sign: u32, whole: u64, rest: u64, inexact: u32): u64 {
  if (rest == 0) return whole
  raiseException(inexact)
  if (!roundsUp(sign, (whole & 1) != 0, rest)) return whole
  core.roundedUp = ROUNDED_UP
  return whole + 1
}

/** Magnitude of a as an integer, rounded; true when it fits 64 bits and a is a number. The value is in `storedLow`. */
function wholeMagnitude(sig: u64, se: u32): bool {
  if (isUnsupported(sig, se) || isNaN80(sig, se)) return false
  const exponent = <i32>(se & EXPONENT_MASK)
  if (exponent > BIAS + 63) return false
  const shifted = shiftRightSticky(sig, 0, BIAS + 63 - exponent)
  storedLow = roundWhole(se & SIGN, shifted, wideLow, PRECISION)
  // Rounding up 2^64 - 1 does not occur: at that exponent nothing is shifted out.
  return true
}

/** storedLow := a as a signed integer of `bits` (16, 32, 64), or the integer indefinite and invalid. */
export function storeInteger(sig: u64, se: u32, bits: i32): void {
  const limit = (<u64>1) << (bits - 1)
  const negative = (se & SIGN) != 0
  if (wholeMagnitude(sig, se) && (storedLow < limit || (negative && storedLow == limit))) {
    if (negative) storedLow = (0 - storedLow) & ((limit << 1) - 1)
    return
  }
  invalidStore()
  storedLow = limit
}

/** As `storeInteger`, rounding toward zero (FISTTP). */
export function storeTruncated(sig: u64, se: u32, bits: i32): void {
  core.control |= ROUND_CHOP << 10
  storeInteger(sig, se, bits)
}

/** The largest magnitude of a packed decimal. */
const DECIMAL_LIMIT: u64 = 999999999999999999

/** storedLow, storedHigh := a as packed decimal, or the packed decimal indefinite and invalid. */
export function storeDecimal(sig: u64, se: u32): void {
  if (!wholeMagnitude(sig, se) || storedLow > DECIMAL_LIMIT) {
    invalidStore()
    storedLow = 0xc000000000000000
    storedHigh = 0xffff
    return
  }
  let rest = storedLow
  let low: u64 = 0
  for (let shift = 0; shift < 64; shift += 4) {
    const next = rest / 10
    low |= (rest - next * 10) << shift
    rest = next
  }
  storedLow = low
  storedHigh = (se & SIGN) | ((<u32>rest / 10) << 4) | <u32>rest % 10
}

/** An invalid conversion is invalid only: the rounding that led there does not count. */
function invalidStore(): void {
  core.exceptions = (exceptions & ~PRECISION) | INVALID
  core.roundedUp = 0
}
