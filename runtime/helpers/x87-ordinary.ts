/**
 * The ordinary case of frequent x87 operations, which the exported helpers try before the general one: normal
 * operands, a normal result, rounding to nearest at 64 or 53 bits, and the precision exception masked. Only PE and C1
 * can come out of it.
 *
 * The caller asks for the conditions first, in nested ifs (asc keeps the value of `&&`); then `store…` cannot fail,
 * and leaves the destination register and the status word. All is inlined where it is used, and nothing behind the
 * conditions branches on the operands: a mispredicted branch costs as much as the whole operation.
 *
 * A register is given by its `slot`, the offset of its 16 bytes in FPR.
 *
 * Source: Intel SDM vol. 2, FADD, FMUL, FDIV, FCOM, FLD, FST, FIST; vol. 1, 4.8.4 (rounding), 8.1.5 (control word).
 */
import { FPR, FPU_CONTROL, FPU_STATUS } from '../../build/helpers/layout'
import { BIAS, EXPONENT_MASK, INTEGER_BIT, SIGN } from './softfloat80'
import { divideWide, HALF, LOW_WORD, squareRootWide, wideRemainder } from './softfloat80-wide'
import { STATUS_C1 } from './x87-state'

/** Of the control word: mask of the precision exception, rounding control, upper bit of the precision control. */
const ORDINARY_FIELDS: u32 = 0x0e20
const ORDINARY: u32 = 0x0220
/** Lower bit of the precision control, which tells 64 from 53 bits. */
const EXTENDED: u32 = 0x0100
/** As above, whatever the precision control: conversions do not obey it. */
const NEAREST_FIELDS: u32 = 0x0c20
const NEAREST: u32 = 0x0020

/** Bits of the significand that are lost at 53 bits. */
const DROPPED: u32 = 11

/** Positions in the status word, for exceptions made from 0 or 1. */
export const PRECISION_SHIFT: u32 = 5
export const C1_SHIFT: u32 = 9
const C0_SHIFT: u32 = 8
const C3_SHIFT: u32 = 14

/** Number of biased exponents that normal numbers have: 1 to 0x7ffe. */
const NORMAL_EXPONENTS: u32 = 0x7ffe
/**
 * Exponents 0x3000 to 0x4fff: those of all doubles, and some thousand more. Sums, products and quotients of numbers
 * in this middle range are normal. Taking the first away leaves these bits of the exponent clear, and no others.
 */
const MIDDLE_FIRST: u32 = 0x3000
const MIDDLE_CLEAR: u32 = 0x6000
/** Largest distance of exponents at which a shifted operand keeps all its bits within 128. */
const SUM_DISTANCE: u32 = 62

/** Biases between the exponents of double or single precision and those of 80 bits. */
export const DOUBLE_TO_EXTENDED: u32 = 0x3fff - 0x3ff
export const SINGLE_TO_EXTENDED: u32 = 0x3fff - 0x7f

/** Numbers of biased exponents of normal doubles and singles, less the largest, from which rounding could overflow. */
export const DOUBLE_EXPONENTS: u32 = 0x7fd
export const SINGLE_EXPONENTS: u32 = 0xfd

/** Whether results are rounded to nearest at 64 or 53 bits with the precision exception masked. */
// @ts-ignore: decorator
@inline
export function roundsOrdinarily(control: u32): bool {
  return (control & ORDINARY_FIELDS) == ORDINARY
}

/** Whether conversions are rounded to nearest with the precision exception masked. */
// @ts-ignore: decorator
@inline
export function convertsOrdinarily(): bool {
  return (load<u32>(FPU_CONTROL) & NEAREST_FIELDS) == NEAREST
}

/** Enters PE and C1 into the status word: whether a `rest` was lost, and whether (1 or 0) it rounded `up`. */
// @ts-ignore: decorator
@inline
export function enterRounding(rest: u64, up: u64): void {
  const status = load<u32>(FPU_STATUS) & ~STATUS_C1
  store<u32>(FPU_STATUS, status | (<u32>(rest != 0) << PRECISION_SHIFT) | (<u32>up << C1_SHIFT))
}

/** Clears C1: nothing was rounded. */
// @ts-ignore: decorator
@inline
export function enterExact(): void {
  store<u32>(FPU_STATUS, load<u32>(FPU_STATUS) & ~STATUS_C1)
}

/**
 * 1 when `rest`, in units of 2^-64 of the lowest bit of `whole`, rounds up to nearest (ties to even), else 0. Ties are
 * so rare that a branch keeps them out of the way.
 */
// @ts-ignore: decorator
@inline
export function nearestUp(whole: u64, rest: u64): u64 {
  let up = rest >> 63
  if (rest == HALF) up = whole & 1
  return up
}

/** Whether a number, given by its sign and exponent, has an exponent in the middle range. */
// @ts-ignore: decorator
@inline
export function isMiddle(se: u32): bool {
  return ((se - MIDDLE_FIRST) & MIDDLE_CLEAR) == 0
}

/** Whether two numbers have exponents in the middle range. */
// @ts-ignore: decorator
@inline
export function areMiddle(aSe: u32, bSe: u32): bool {
  return (((aSe - MIDDLE_FIRST) | (bSe - MIDDLE_FIRST)) & MIDDLE_CLEAR) == 0
}

/** Whether the exponents of two numbers are so near that `storeSum` loses no bit before it rounds. */
// @ts-ignore: decorator
@inline
export function areNear(aSe: u32, bSe: u32): bool {
  return (aSe & EXPONENT_MASK) - (bSe & EXPONENT_MASK) + SUM_DISTANCE <= 2 * SUM_DISTANCE
}

/** Whether a significand has its integer bit: with an exponent that is neither 0 nor 0x7fff, a normal number. */
// @ts-ignore: decorator
@inline
export function hasIntegerBit(sig: u64): bool {
  return <i64>sig < 0
}

/**
 * Rounds `sig:extra` to nearest at the precision of `control`, stores it with `se` in the register `slot`, and enters
 * PE and C1.
 */
// @ts-ignore: decorator
@inline
function storeRounded(slot: u32, sig: u64, se: u32, extra: u64, control: u32): void {
  if ((control & EXTENDED) == 0) {
    storeRoundedDouble(slot, sig, se, extra)
    return
  }
  const up = nearestUp(sig, extra)
  sig += up
  if (sig == 0) {
    sig = INTEGER_BIT
    se++
  }
  store<u64>(slot, sig, FPR)
  store<u16>(slot, <u16>se, FPR + 8)
  enterRounding(extra, up)
}

/** `storeRounded` at 53 bits. */
function storeRoundedDouble(slot: u32, sig: u64, se: u32, extra: u64): void {
  const rest = (sig << (64 - DROPPED)) | <u64>(extra != 0)
  let whole = sig >> DROPPED
  const up = nearestUp(whole, rest)
  whole += up
  sig = whole << DROPPED
  if (sig == 0) {
    sig = INTEGER_BIT
    se++
  }
  store<u64>(slot, sig, FPR)
  store<u16>(slot, <u16>se, FPR + 8)
  enterRounding(rest, up)
}

/** Register `slot` := a + b, two normal numbers that are near, one of them in the middle range. */
// @ts-ignore: decorator
@inline
export function storeSum(slot: u32, aSig: u64, aSe: u32, bSig: u64, bSe: u32, control: u32): void {
  const difference = <i32>(aSe & EXPONENT_MASK) - <i32>(bSe & EXPONENT_MASK)
  const distance = <u64>abs<i32>(difference)
  const swapped = difference < <i32>(aSig < bSig)
  const larger = select<u64>(bSig, aSig, swapped)
  const smaller = aSig ^ bSig ^ larger
  // A subtrahend becomes negative. Both are shifted right by one, so that the sum cannot carry out.
  const negative: u64 = 0 - <u64>((aSe ^ bSe) >> 15)
  const addend = (smaller ^ negative) - negative
  const addendLow = addend << (63 - distance)
  const addendHigh = <u64>(<i64>((addend >> 1) | (negative << 63)) >> distance)
  const low = (larger << 63) + addendLow
  const high = (larger >> 1) + addendHigh + <u64>(low < addendLow)
  const se = select<u32>(bSe, aSe, swapped) + 1
  if (high == 0) {
    storeCancelled(slot, se, low)
    return
  }
  const count = clz(high)
  storeRounded(slot, (high << count) | ((low >> 1) >> (63 - count)), se - <u32>count, low << count, control)
}

/** Register `slot` := a sum of which only the lower word `low` is left; `se` is that of the upper word. Exact. */
function storeCancelled(slot: u32, se: u32, low: u64): void {
  const count = clz(low)
  store<u64>(slot, low << count, FPR)
  // The sum of a number and its opposite is +0.
  store<u16>(slot, low == 0 ? 0 : <u16>(se - 64 - <u32>count), FPR + 8)
  enterExact()
}

/** Register `slot` := a * b, two normal numbers of the middle range. */
// @ts-ignore: decorator
@inline
export function storeProduct(slot: u32, aSig: u64, aSe: u32, bSig: u64, bSe: u32, control: u32): void {
  const a0 = aSig & LOW_WORD
  const a1 = aSig >> 32
  const b0 = bSig & LOW_WORD
  const b1 = bSig >> 32
  const p00 = a0 * b0
  const middle = a1 * b0 + (p00 >> 32)
  const cross = a0 * b1 + (middle & LOW_WORD)
  const high = a1 * b1 + (middle >> 32) + (cross >> 32)
  const low = (cross << 32) | (p00 & LOW_WORD)
  const shift = ~high >> 63
  // Signs add up as exponents do: what goes beyond bit 15 is not stored.
  const se = aSe + bSe - <u32>(BIAS - 1) - <u32>shift
  storeRounded(slot, (high << shift) | ((low >> 63) & shift), se, low << shift, control)
}

/** Register `slot` := a / b, two normal numbers of the middle range. */
// @ts-ignore: decorator
@inline
export function storeQuotient(slot: u32, aSig: u64, aSe: u32, bSig: u64, bSe: u32, control: u32): void {
  const halved = <u64>(aSig >= bSig)
  const quotient = divideWide(aSig >> halved, (aSig << 63) & (0 - halved), bSig)
  const rest = wideRemainder
  // A quotient of two 64-bit significands is never exactly half way, so above or below half says all.
  const extra = (<u64>(rest >= bSig - rest) << 63) | <u64>(rest != 0)
  storeRounded(slot, quotient, aSe - bSe + <u32>(BIAS - 1) + <u32>halved, extra, control)
}

/** Register `slot` := the square root of a positive normal number of the middle range. */
// @ts-ignore: decorator
@inline
export function storeSquareRoot(slot: u32, sig: u64, se: u32, control: u32): void {
  // An odd exponent: the bias itself is odd.
  const odd = <u64>((se & 1) ^ 1)
  const root = squareRootWide(sig >> (odd ^ 1), (sig << 63) & (odd - 1))
  const rest = wideRemainder
  // 0 exact, 1 below half, 2 above.
  storeRounded(slot, root, (se + <u32>BIAS) >> 1, ((rest & 2) << 62) | <u64>(rest != 0), control)
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
