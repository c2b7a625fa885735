/**
 * The ordinary case of frequent x87 operations, which the exported helpers try before the general one: normal
 * operands, a normal result, rounding to nearest at 64 bits, and the precision exception masked. Only PE and C1 can
 * come out of it.
 *
 * Each function is inlined where it is used. It either does the whole operation (destination register and status
 * word) and returns true, or changes nothing and returns false. Inside, nothing branches on the operands except to
 * give up: a mispredicted branch costs as much as the whole operation.
 *
 * Source: Intel SDM vol. 2, FADD, FMUL, FDIV, FCOM, FLD, FST, FIST; vol. 1, 4.8.4 (rounding), 8.1.5 (control word).
 */
import { FPU_CONTROL, FPU_STATUS } from '../../build/helpers/layout'
import { BIAS, EXPONENT_MASK, INTEGER_BIT, PRECISION, SIGN } from './softfloat80'
import { divideWide, HALF, LOW_WORD, wideRemainder } from './softfloat80-wide'
import { STATUS_C1 } from './x87-state'

/** Of the control word: mask of the precision exception, precision control, rounding control. */
const ORDINARY_FIELDS: u32 = 0x0f20
const ORDINARY: u32 = 0x0320
/** As above, whatever the precision control: conversions do not obey it. */
const NEAREST_FIELDS: u32 = 0x0c20
const NEAREST: u32 = 0x0020

/** Positions in the status word, for exceptions made from 0 or 1. */
export const PRECISION_SHIFT: u32 = 5
export const C1_SHIFT: u32 = 9
const C0_SHIFT: u32 = 8
const C3_SHIFT: u32 = 14

/** Number of biased exponents that normal numbers have: 1 to 0x7ffe. */
const NORMAL_EXPONENTS: u32 = 0x7ffe
/** Largest distance of exponents at which a shifted operand keeps all its bits within 128. */
const SUM_DISTANCE: u32 = 62

/** Biases between the exponents of double or single precision and those of 80 bits. */
export const DOUBLE_TO_EXTENDED: u32 = 0x3fff - 0x3ff
export const SINGLE_TO_EXTENDED: u32 = 0x3fff - 0x7f

/** Numbers of biased exponents of normal doubles and singles, less the largest, from which rounding could overflow. */
export const DOUBLE_EXPONENTS: u32 = 0x7fd
export const SINGLE_EXPONENTS: u32 = 0xfd

/** Whether results are rounded to nearest at 64 bits with the precision exception masked. */
// @ts-ignore: decorator
@inline
export function roundsOrdinarily(): bool {
  return (load<u32>(FPU_CONTROL) & ORDINARY_FIELDS) == ORDINARY
}

/** Whether conversions are rounded to nearest with the precision exception masked. */
// @ts-ignore: decorator
@inline
export function convertsOrdinarily(): bool {
  return (load<u32>(FPU_CONTROL) & NEAREST_FIELDS) == NEAREST
}

/** Enters PE and C1, each 0 or 1, into the status word. */
// @ts-ignore: decorator
@inline
export function enterRounding(inexact: u32, up: u32): void {
  const status = load<u32>(FPU_STATUS) & ~STATUS_C1
  store<u32>(FPU_STATUS, status | (inexact << PRECISION_SHIFT) | (up << C1_SHIFT))
}

/** Clears C1: nothing was rounded. */
// @ts-ignore: decorator
@inline
export function enterExact(): void {
  store<u32>(FPU_STATUS, load<u32>(FPU_STATUS) & ~STATUS_C1)
}

/** 1 when `rest`, in units of 2^-64 of the lowest bit of `whole`, rounds up to nearest (ties to even), else 0. */
// @ts-ignore: decorator
@inline
export function nearestUp(whole: u64, rest: u64): u32 {
  return <u32>(rest > HALF - (whole & 1))
}

/** Whether both are normal numbers, given their significands and biased exponents. */
// @ts-ignore: decorator
@inline
function bothNormal(aSig: u64, aExponent: u32, bSig: u64, bExponent: u32): bool {
  return (
    <bool>(<i32>(<i64>(aSig & bSig) < 0) &
    <i32>(aExponent - 1 < NORMAL_EXPONENTS) &
    <i32>(bExponent - 1 < NORMAL_EXPONENTS))
  )
}

/** Rounds `sig:extra` to nearest, stores it with `se` in the register at `to`, and enters PE and C1. */
// @ts-ignore: decorator
@inline
function storeRounded(to: u32, sig: u64, se: u32, extra: u64): void {
  const up = nearestUp(sig, extra)
  sig += <u64>up
  if (sig == 0) {
    sig = INTEGER_BIT
    se++
  }
  store<u64>(to, sig)
  store<u16>(to, <u16>se, 8)
  enterRounding(<u32>(extra != 0), up)
}

/** Register at `to` := a + b. */
// @ts-ignore: decorator
@inline
export function sumOrdinary(to: u32, aSig: u64, aSe: u32, bSig: u64, bSe: u32): bool {
  const aExponent = aSe & EXPONENT_MASK
  const bExponent = bSe & EXPONENT_MASK
  const swapped = <i32>(aExponent < bExponent) | (<i32>(aExponent == bExponent) & <i32>(aSig < bSig))
  const larger = select<u64>(bSig, aSig, swapped)
  const smaller = select<u64>(aSig, bSig, swapped)
  const exponent = select<u32>(bExponent, aExponent, swapped)
  const distance = exponent - select<u32>(aExponent, bExponent, swapped)
  // With 64 to spare at both ends, the operands are normal and every nonzero result is.
  const fits =
    <i32>(<i64>(aSig & bSig) < 0) & <i32>(distance <= SUM_DISTANCE) & <i32>(exponent - 64 < NORMAL_EXPONENTS - 128)
  if (!fits) return false
  // Both shifted right by one, so that the sum cannot carry out. A subtrahend is negated by complement and increment.
  const differ = ((aSe ^ bSe) >> 15) & 1
  const complement: u64 = 0 - <u64>differ
  const addendLow = ((smaller << (63 - distance)) ^ complement) + <u64>differ
  const borrows = differ & <u32>(addendLow == 0)
  const addendHigh = (((smaller >> 1) >> distance) ^ complement) + <u64>borrows
  const low = (larger << 63) + addendLow
  const high = (larger >> 1) + addendHigh + <u64>(low < addendLow)
  if (high == 0) return false
  const count = clz(high)
  const sign = select<u32>(bSe, aSe, swapped) & SIGN
  const se = sign | (exponent + 1 - <u32>count)
  storeRounded(to, (high << count) | ((low >> 1) >> (63 - count)), se, low << count)
  return true
}

/** Register at `to` := a * b. */
// @ts-ignore: decorator
@inline
export function productOrdinary(to: u32, aSig: u64, aSe: u32, bSig: u64, bSe: u32): bool {
  const aExponent = aSe & EXPONENT_MASK
  const bExponent = bSe & EXPONENT_MASK
  const exponent = aExponent + bExponent - <u32>(BIAS - 1)
  // 1 below and 1 above the exponents of normal numbers are left for normalisation and rounding.
  if (!bothNormal(aSig, aExponent, bSig, bExponent) || exponent - 2 >= NORMAL_EXPONENTS - 2) return false
  const a0 = aSig & LOW_WORD
  const a1 = aSig >> 32
  const b0 = bSig & LOW_WORD
  const b1 = bSig >> 32
  const p00 = a0 * b0
  const middle = a1 * b0 + (p00 >> 32)
  const cross = a0 * b1 + (middle & LOW_WORD)
  const high = a1 * b1 + (middle >> 32) + (cross >> 32)
  const low = (cross << 32) | (p00 & LOW_WORD)
  const shift = (high >> 63) ^ 1
  const se = ((aSe ^ bSe) & SIGN) | (exponent - <u32>shift)
  storeRounded(to, (high << shift) | ((low >> 63) & shift), se, low << shift)
  return true
}

/** Register at `to` := a / b. */
// @ts-ignore: decorator
@inline
export function quotientOrdinary(to: u32, aSig: u64, aSe: u32, bSig: u64, bSe: u32): bool {
  const aExponent = aSe & EXPONENT_MASK
  const bExponent = bSe & EXPONENT_MASK
  const exponent = aExponent - bExponent + <u32>BIAS
  if (!bothNormal(aSig, aExponent, bSig, bExponent) || exponent - 2 >= NORMAL_EXPONENTS - 2) return false
  const halved = <u64>(aSig >= bSig)
  const quotient = divideWide(aSig >> halved, (aSig << 63) & (0 - halved), bSig)
  const rest = wideRemainder
  // A quotient of two 64-bit significands is never exactly half way, so above or below half says all.
  const extra = (<u64>(rest >= bSig - rest) << 63) | <u64>(rest != 0)
  const se = ((aSe ^ bSe) & SIGN) | (exponent - 1 + <u32>halved)
  storeRounded(to, quotient, se, extra)
  return true
}

/** Condition bits C3 and C0 of the comparison of numbers that are normal or zero. */
// @ts-ignore: decorator
@inline
export function compareOrdinary(aSig: u64, aSe: u32, bSig: u64, bSe: u32): u32 {
  const aExponent = aSe & EXPONENT_MASK
  const bExponent = bSe & EXPONENT_MASK
  const same = <i32>(aExponent == bExponent)
  const smaller = <i32>(aExponent < bExponent) | (same & <i32>(aSig < bSig))
  const differ = <i32>((aSe ^ bSe) >> 15) & 1
  const negative = <i32>(aSe >> 15) & 1
  const equal = (same & <i32>(aSig == bSig) & (differ ^ 1)) | <i32>((aSig | bSig) == 0)
  const less = select<i32>(negative, smaller ^ negative, differ) & (equal ^ 1)
  return (<u32>equal << C3_SHIFT) | (<u32>less << C0_SHIFT)
}

/** Whether a number is normal or zero. */
// @ts-ignore: decorator
@inline
export function isOrdinary(sig: u64, se: u32): bool {
  const exponent = se & EXPONENT_MASK
  const normal = <i32>(<i64>sig < 0) & <i32>(exponent - 1 < NORMAL_EXPONENTS)
  return <bool>(normal | <i32>((sig | <u64>exponent) == 0))
}

/** Whether double-precision `bits` are a normal number. */
// @ts-ignore: decorator
@inline
export function isNormalFloat64(bits: u64): bool {
  return <u32>((bits >> 52) & 0x7ff) - 1 < DOUBLE_EXPONENTS + 1
}

/** Significand of normal double-precision `bits`. */
// @ts-ignore: decorator
@inline
export function float64Sig(bits: u64): u64 {
  return (bits << 11) | INTEGER_BIT
}

/** Sign and exponent of normal double-precision `bits`. */
// @ts-ignore: decorator
@inline
export function float64Se(bits: u64): u32 {
  return (<u32>(bits >> 48) & SIGN) | ((<u32>(bits >> 52) & 0x7ff) + DOUBLE_TO_EXTENDED)
}

/** Whether single-precision `bits` are a normal number. */
// @ts-ignore: decorator
@inline
export function isNormalFloat32(bits: u32): bool {
  return ((bits >> 23) & 0xff) - 1 < SINGLE_EXPONENTS + 1
}

/** Significand of normal single-precision `bits`. */
// @ts-ignore: decorator
@inline
export function float32Sig(bits: u32): u64 {
  return (<u64>bits << 40) | INTEGER_BIT
}

/** Sign and exponent of normal single-precision `bits`. */
// @ts-ignore: decorator
@inline
export function float32Se(bits: u32): u32 {
  return ((bits >> 16) & SIGN) | (((bits >> 23) & 0xff) + SINGLE_TO_EXTENDED)
}
