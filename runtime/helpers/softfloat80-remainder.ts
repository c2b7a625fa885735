/**
 * Partial remainders (FPREM, FPREM1), FSCALE, FXTRACT and FRNDINT on 80-bit numbers. These are exact or round to 64
 * bits whatever the precision control says (SDM vol. 1, 8.1.5.2).
 *
 * Source: Intel SDM vol. 2, FPREM, FPREM1, FSCALE, FXTRACT, FRNDINT (operation and result tables).
 */
import {
  BIAS, DENORMAL, EXPONENT_MASK, EXPONENT_SPECIAL, INTEGER_BIT, invalid, isDenormal, isInfinity, isZero,
  normalExponent, oneOperandSpecial, PRECISION, raiseException, ROUNDED_UP, resultSe, resultSig, roundExtended,
  roundsUp, SIGN, setInfinity, setResult, setZero, twoOperandSpecial, ZERO_DIVIDE,
} from './softfloat80'
import * as core from './softfloat80'
import { divideWide, shiftRightSticky, wideLow, wideRemainder } from './softfloat80-wide'

/** `quotientBits` when the reduction is incomplete, and when a NaN or an invalid operation left no quotient. */
export const QUOTIENT_INCOMPLETE: i32 = -1
export const QUOTIENT_NONE: i32 = -2

/** Bits 0..2 of the quotient of the last remainder, or one of the two above. */
export let quotientBits: i32 = 0

/** result := a - b * q, q the quotient rounded toward zero (FPREM) or to nearest even (FPREM1, `nearest`). */
export function remainder(aSig: u64, aSe: u32, bSig: u64, bSe: u32, nearest: bool): void {
  quotientBits = QUOTIENT_NONE
  if (twoOperandSpecial(aSig, aSe, bSig, bSe)) return
  if (isInfinity(aSig, aSe) || isZero(bSig, bSe)) {
    invalid()
    return
  }
  quotientBits = 0
  if (isDenormal(aSig, aSe) || isDenormal(bSig, bSe)) raiseException(DENORMAL)
  if (aSig == 0) {
    setResult(aSig, aSe)
    return
  }
  const aExponent = normalExponent(aSig, aSe)
  let sign = aSe & SIGN
  aSig <<= clz(aSig)
  if (isInfinity(bSig, bSe)) {
    roundExtended(sign, aExponent, aSig, 0)
    return
  }
  const bExponent = normalExponent(bSig, bSe)
  bSig <<= clz(bSig)
  const distance = aExponent - bExponent
  if (distance < -1 || (distance < 0 && !nearest)) {
    roundExtended(sign, aExponent, aSig, 0)
    return
  }
  if (distance < 0) {
    // The divisor is up to four times the dividend: the nearest quotient is 0 or 1.
    if (aSig > bSig) {
      quotientBits = 1
      finishRemainder(sign ^ SIGN, aExponent, (bSig << 1) - aSig)
    } else {
      roundExtended(sign, aExponent, aSig, 0)
    }
    return
  }
  let quotient: u64 = aSig >= bSig ? 1 : 0
  let rest = quotient ? aSig - bSig : aSig
  if (distance >= 64) {
    // Incomplete: the dividend loses between 32 and 63 bits of exponent.
    const step = (distance & 31) | 32
    divideWide(rest >> (64 - step), rest << step, bSig)
    quotientBits = QUOTIENT_INCOMPLETE
    finishRemainder(sign, aExponent - step, wideRemainder)
    return
  }
  if (distance > 0) {
    quotient = (quotient << distance) + divideWide(rest >> (64 - distance), rest << distance, bSig)
    rest = wideRemainder
  }
  if (nearest && (rest > bSig - rest || (rest == bSig - rest && (quotient & 1) != 0))) {
    quotient++
    rest = bSig - rest
    sign ^= SIGN
  }
  quotientBits = <i32>(quotient & 7)
  finishRemainder(sign, bExponent, rest)
}

function finishRemainder(sign: u32, exponent: i32, rest: u64): void {
  if (rest == 0) {
    setZero(sign)
    return
  }
  const count = <i32>clz(rest)
  roundExtended(sign, exponent - count, rest << count, 0)
}

/** result := a * 2^(b rounded toward zero). */
export function scale(aSig: u64, aSe: u32, bSig: u64, bSe: u32): void {
  if (twoOperandSpecial(aSig, aSe, bSig, bSe)) return
  const sign = aSe & SIGN
  if (isInfinity(bSig, bSe)) {
    const negative = (bSe & SIGN) != 0
    if (negative ? isInfinity(aSig, aSe) : isZero(aSig, aSe)) {
      invalid()
      return
    }
    if (isDenormal(aSig, aSe)) raiseException(DENORMAL)
    if (negative) setZero(sign)
    else setInfinity(sign)
    return
  }
  if (isDenormal(aSig, aSe) || isDenormal(bSig, bSe)) raiseException(DENORMAL)
  if (isInfinity(aSig, aSe) || aSig == 0) {
    setResult(aSig, aSe)
    return
  }
  const bExponent = <i32>(bSe & EXPONENT_MASK)
  let shift = 0
  // Beyond 2^17 every operand is beyond range whatever it is scaled by.
  if (bExponent > BIAS + 16) shift = 0x20000
  else if (bExponent >= BIAS) shift = <i32>(bSig >> (63 - (bExponent - BIAS)))
  if ((bSe & SIGN) != 0) shift = -shift
  roundExtended(sign, normalExponent(aSig, aSe) + shift, aSig << clz(aSig), 0)
}

/** Exponent part of the last `extract`. */
export let exponentSig: u64 = 0
export let exponentSe: u32 = 0

/** Splits a: result := the significand as a number in [1, 2); `exponentSig:exponentSe` := the unbiased exponent. */
export function extract(sig: u64, se: u32): void {
  if (oneOperandSpecial(sig, se)) {
    exponentSig = resultSig
    exponentSe = resultSe
    return
  }
  if (isInfinity(sig, se)) {
    setResult(sig, se)
    exponentSig = INTEGER_BIT
    exponentSe = EXPONENT_SPECIAL
    return
  }
  if (sig == 0) {
    raiseException(ZERO_DIVIDE)
    setResult(sig, se)
    exponentSig = INTEGER_BIT
    exponentSe = SIGN | EXPONENT_SPECIAL
    return
  }
  if (isDenormal(sig, se)) raiseException(DENORMAL)
  setResult(sig << clz(sig), (se & SIGN) | BIAS)
  setExponent(normalExponent(sig, se) - BIAS)
}

function setExponent(value: i32): void {
  if (value == 0) {
    exponentSig = 0
    exponentSe = 0
    return
  }
  const magnitude = <u64>(value < 0 ? -value : value)
  const count = <i32>clz(magnitude)
  exponentSig = magnitude << count
  exponentSe = <u32>(BIAS + 63 - count) | (value < 0 ? SIGN : 0)
}

/** result := a rounded to an integer by the rounding control. */
export function roundToInteger(sig: u64, se: u32): void {
  if (oneOperandSpecial(sig, se)) return
  const exponent = <i32>(se & EXPONENT_MASK)
  if (sig == 0 || exponent >= BIAS + 63) {
    setResult(sig, se)
    return
  }
  if (isDenormal(sig, se)) raiseException(DENORMAL)
  const sign = se & SIGN
  let whole = shiftRightSticky(sig, 0, BIAS + 63 - exponent)
  const rest = wideLow
  if (rest != 0) {
    raiseException(PRECISION)
    if (roundsUp(sign, (whole & 1) != 0, rest)) {
      core.roundedUp = ROUNDED_UP
      whole++
    }
  }
  if (whole == 0) {
    setZero(sign)
    return
  }
  const count = <i32>clz(whole)
  setResult(whole << count, sign | <u32>(BIAS + 63 - count))
}
