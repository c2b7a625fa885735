/**
 * Conversions between floats of 32 and 64 bits and integers under MXCSR, one element at a time; rounding to integral
 * floats; comparisons, minimum and maximum. Conventions and source as in sse-float.ts.
 */
import {
  exponentOf, infinity, isInfinity, isNaNBits, isSignaling, isZeroBits, nanOfOne, noteDenormal, operand, raiseInexact,
  raiseInvalid, round, rounding, signBit, significandOf,
} from './sse-float'

/** What a conversion to an integer gives when it does not fit. */
const INTEGER_INDEFINITE: u32 = 0x80000000
const INTEGER_LIMIT: f64 = 2147483648.0

const ROUND_NEAREST: u32 = 0
const ROUND_DOWN: u32 = 1
const ROUND_UP: u32 = 2
export const ROUND_CHOP: u32 = 3

/** CMPPS predicates (SDM vol. 2, table 3-1); bit 2 negates. */
const PREDICATE_EQUAL: u32 = 0
const PREDICATE_LESS: u32 = 1
const PREDICATE_LESS_OR_EQUAL: u32 = 2
const PREDICATE_NEGATED: u32 = 4

/** The value of a float that is no NaN (or any float of 64 bits). */
// @ts-ignore: decorator
@inline
function valueOf(bits: u64, wide: bool): f64 {
  return wide ? reinterpret<f64>(bits) : <f64>reinterpret<f32>(<u32>bits)
}

// @ts-ignore: decorator
@inline
function bitsOf(value: f64, wide: bool): u64 {
  return wide ? reinterpret<u64>(value) : <u64>reinterpret<u32>(<f32>value)
}

/** A value rounded to an integral one in `mode`. */
function integral(value: f64, mode: u32): f64 {
  if (mode == ROUND_NEAREST) return nearest<f64>(value)
  if (mode == ROUND_DOWN) return Math.floor(value)
  if (mode == ROUND_UP) return Math.ceil(value)
  return Math.trunc(value)
}

/** A float as a 32-bit integer, rounded in `mode`. */
export function toInteger(bits: u64, mode: u32, wide: bool): u32 {
  const a = operand(bits, wide)
  if (!isNaNBits(a, wide)) {
    const value = valueOf(a, wide)
    const whole = integral(value, mode)
    if (whole >= -INTEGER_LIMIT && whole < INTEGER_LIMIT) {
      if (whole != value) raiseInexact()
      return <u32><i32>whole
    }
  }
  raiseInvalid()
  return INTEGER_INDEFINITE
}

/** A 32-bit integer as a float. */
export function fromInteger(value: i32, wide: bool): u64 {
  if (value == 0) return 0
  const size: u64 = value < 0 ? <u64>-<i64>value : <u64>value
  const shift = <i32>clz(size)
  return round(value < 0, 63 - shift, size << shift, wide)
}

/** A float of 32 bits as one of 64. */
export function widen(bits: u64): u64 {
  const a = operand(bits, false)
  if (isNaNBits(a, false)) {
    const quiet = nanOfOne(a, false)
    return ((quiet & 0x80000000) << 32) | infinity(true) | ((quiet & 0x7fffff) << 29)
  }
  noteDenormal(a, false)
  return reinterpret<u64>(<f64>reinterpret<f32>(<u32>a))
}

/** A float of 64 bits as one of 32. */
export function narrow(bits: u64): u64 {
  const a = operand(bits, true)
  const sign = (a >> 32) & 0x80000000
  if (isNaNBits(a, true)) return sign | infinity(false) | ((nanOfOne(a, true) >> 29) & 0x7fffff)
  if (isInfinity(a, true)) return sign | infinity(false)
  if (isZeroBits(a, true)) return sign
  noteDenormal(a, true)
  return round(sign != 0, exponentOf(a, true), significandOf(a, true), false)
}

/** ROUNDPS and its kind: `immediate` bits 0..1 mode, 2 take MXCSR's, 3 inexact is not reported. */
export function roundToIntegral(bits: u64, immediate: u32, wide: bool): u64 {
  const a = operand(bits, wide)
  if (isNaNBits(a, wide)) return nanOfOne(a, wide)
  if (isInfinity(a, wide) || isZeroBits(a, wide)) return a
  const mode = (immediate & 4) != 0 ? rounding : immediate & 3
  const value = valueOf(a, wide)
  const whole = integral(value, mode)
  if (whole != value && (immediate & 8) == 0) raiseInexact()
  return bitsOf(whole, wide) | (a & signBit(wide))
}

/** Notes what comparing two operands raises; `signaling` says that a quiet NaN is invalid, too. */
export function noteComparison(first: u64, second: u64, signaling: bool, wide: bool): void {
  const a = operand(first, wide)
  const b = operand(second, wide)
  if (isNaNBits(a, wide) || isNaNBits(b, wide)) {
    if (signaling || isSignaling(a, wide) || isSignaling(b, wide)) raiseInvalid()
    return
  }
  noteDenormal(a, wide)
  noteDenormal(b, wide)
}

/** How two operands lie to each other. */
export const LESS: i32 = -1
export const EQUAL: i32 = 0
export const GREATER: i32 = 1
export const UNORDERED: i32 = 2

/** How `first` lies to `second`; raises nothing. */
export function orderOf(first: u64, second: u64, wide: bool): i32 {
  const a = operand(first, wide)
  const b = operand(second, wide)
  if (isNaNBits(a, wide) || isNaNBits(b, wide)) return UNORDERED
  const left = valueOf(a, wide)
  const right = valueOf(b, wide)
  return left < right ? LESS : left > right ? GREATER : EQUAL
}

/** CMPPS and its kind: whether `predicate` (0..7) holds. */
export function compare(first: u64, second: u64, predicate: u32, wide: bool): bool {
  const kind = predicate & 3
  noteComparison(first, second, kind == PREDICATE_LESS || kind == PREDICATE_LESS_OR_EQUAL, wide)
  const order = orderOf(first, second, wide)
  let holds = order == UNORDERED
  if (kind == PREDICATE_EQUAL) holds = order == EQUAL
  else if (kind == PREDICATE_LESS) holds = order == LESS
  else if (kind == PREDICATE_LESS_OR_EQUAL) holds = order == LESS || order == EQUAL
  return holds != ((predicate & PREDICATE_NEGATED) != 0)
}

/** MINPS, MAXPS and their kind: the second operand unless the first is less (or greater). */
export function choose(first: u64, second: u64, maximum: bool, wide: bool): u64 {
  noteComparison(first, second, true, wide)
  const a = operand(first, wide)
  const b = operand(second, wide)
  if (isNaNBits(a, wide) || isNaNBits(b, wide)) return b
  const left = valueOf(a, wide)
  const right = valueOf(b, wide)
  return (maximum ? left > right : left < right) ? a : b
}
