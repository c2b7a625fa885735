/**
 * Exact IEEE 754 arithmetic on floats of 32 and 64 bits under MXCSR, one element at a time: every rounding mode, every
 * exception flag, DAZ and FTZ. Values are bit patterns in a u64; `wide` says that they are of 64 bits.
 *
 *   beginFloat()     takes MXCSR
 *   sum, product …   results; exceptions gather in `before` (IE, DE, ZE) and `after` (OE, UE, PE)
 *   endFloat()       enters the flags into MXCSR, raises what is unmasked
 *
 * Exceptions found before the computation, when unmasked, keep those found after it from being reported.
 * Source: Intel SDM vol. 1, 4.8 (formats, NaNs), 10.2.3 (MXCSR), 11.5.2 and 11.5.3 (exceptions), table 4-7 (NaNs).
 */
import {
  MXCSR, MXCSR_DAZ, MXCSR_DE, MXCSR_FTZ, MXCSR_IE, MXCSR_MASK_POSITION, MXCSR_OE, MXCSR_OM, MXCSR_PE, MXCSR_ROUNDING_POSITION,
  MXCSR_UE, MXCSR_UM, MXCSR_ZE,
} from '../../build/helpers/layout'
import { divideWide, multiplyWide, squareRootWide, wideLow, wideRemainder } from './softfloat80-wide'
import { raiseSimdException } from './sse-control'

const ROUND_NEAREST: u32 = 0
const ROUND_DOWN: u32 = 1
const ROUND_UP: u32 = 2

const EXCEPTIONS: u32 = 0x3f
const TOP_BIT: u64 = 0x8000000000000000

export let control: u32 = 0
let before: u32 = 0
let after: u32 = 0
/** Rounding mode in effect; ROUNDPS may bring its own. */
export let rounding: u32 = 0

/** Starts an instruction. */
export function beginFloat(): void {
  control = load<u32>(MXCSR)
  rounding = (control >> MXCSR_ROUNDING_POSITION) & 3
  before = 0
  after = 0
}

/** Ends an instruction: returns true when its results may be written; otherwise an exception is pending. */
export function endFloat(): bool {
  const masks = control >> MXCSR_MASK_POSITION
  if ((before & ~masks) != 0) {
    store<u32>(MXCSR, control | before)
    raiseSimdException()
    return false
  }
  const flags = before | after
  store<u32>(MXCSR, control | flags)
  if ((flags & ~masks & EXCEPTIONS) == 0) return true
  raiseSimdException()
  return false
}

/** Whether an exception that ends the instruction has been found already. */
export function isStopped(): bool {
  return ((before | after) & ~(control >> MXCSR_MASK_POSITION) & EXCEPTIONS) != 0
}

/**
 * Ends a step of an instruction that does several in turn: the flags of this one stand, whatever later ones raise.
 * False when an exception has ended the instruction.
 */
export function nextStep(): bool {
  if (isStopped()) return false
  control |= before | after
  before = 0
  after = 0
  return true
}

export function raiseInvalid(): void {
  before |= MXCSR_IE
}

export function raiseInexact(): void {
  after |= MXCSR_PE
}

// @ts-ignore: decorator
@inline
export function fractionBits(wide: bool): u32 {
  return wide ? 52 : 23
}
// @ts-ignore: decorator
@inline
export function signBit(wide: bool): u64 {
  return wide ? TOP_BIT : 0x80000000
}
// @ts-ignore: decorator
@inline
export function infinity(wide: bool): u64 {
  return wide ? 0x7ff0000000000000 : 0x7f800000
}
// @ts-ignore: decorator
@inline
export function quietBit(wide: bool): u64 {
  return wide ? 0x0008000000000000 : 0x00400000
}
// @ts-ignore: decorator
@inline
function bias(wide: bool): i32 {
  return wide ? 1023 : 127
}
/** The default NaN: negative, quiet. */
// @ts-ignore: decorator
@inline
export function indefinite(wide: bool): u64 {
  return wide ? 0xfff8000000000000 : 0xffc00000
}
// @ts-ignore: decorator
@inline
export function magnitude(bits: u64, wide: bool): u64 {
  return bits & ~signBit(wide)
}
export function isNaNBits(bits: u64, wide: bool): bool {
  return magnitude(bits, wide) > infinity(wide)
}
export function isSignaling(bits: u64, wide: bool): bool {
  return isNaNBits(bits, wide) && (bits & quietBit(wide)) == 0
}
export function isInfinity(bits: u64, wide: bool): bool {
  return magnitude(bits, wide) == infinity(wide)
}
export function isZeroBits(bits: u64, wide: bool): bool {
  return magnitude(bits, wide) == 0
}
export function isDenormal(bits: u64, wide: bool): bool {
  const value = magnitude(bits, wide)
  return value != 0 && value >> fractionBits(wide) == 0
}

/** The operand as it is taken: with DAZ, a denormal is a zero of its sign. */
export function operand(bits: u64, wide: bool): u64 {
  return (control & MXCSR_DAZ) != 0 && isDenormal(bits, wide) ? bits & signBit(wide) : bits
}

/** Notes DE for a denormal operand. */
export function noteDenormal(bits: u64, wide: bool): void {
  if (isDenormal(bits, wide)) before |= MXCSR_DE
}

function invalid(wide: bool): u64 {
  before |= MXCSR_IE
  return indefinite(wide)
}

/** The NaN that an operation on two operands gives, one of which is a NaN: the first one, made quiet. */
function nanOfTwo(a: u64, b: u64, wide: bool): u64 {
  if (isSignaling(a, wide) || isSignaling(b, wide)) before |= MXCSR_IE
  return (isNaNBits(a, wide) ? a : b) | quietBit(wide)
}

/** The NaN that an operation on one operand, a NaN, gives. */
export function nanOfOne(a: u64, wide: bool): u64 {
  if (isSignaling(a, wide)) before |= MXCSR_IE
  return a | quietBit(wide)
}

/** Unbiased exponent of a finite operand that is not zero. */
export function exponentOf(bits: u64, wide: bool): i32 {
  const value = magnitude(bits, wide)
  const field = <i32>(value >> fractionBits(wide))
  if (field != 0) return field - bias(wide)
  return 63 - <i32>clz(value) + 1 - bias(wide) - <i32>fractionBits(wide)
}

/** Significand of a finite operand that is not zero, its leading bit in bit 63. */
export function significandOf(bits: u64, wide: bool): u64 {
  const value = magnitude(bits, wide)
  const fraction = value & ((<u64>1 << fractionBits(wide)) - 1)
  if (value >> fractionBits(wide) == 0) return fraction << clz(fraction)
  return (fraction << (63 - fractionBits(wide))) | TOP_BIT
}

/** Whether rounding goes away from zero; `rest` is what is cut off, its top bit one half. */
function roundsUp(negative: bool, odd: bool, rest: u64): bool {
  if (rest == 0) return false
  if (rounding == ROUND_NEAREST) return rest > TOP_BIT || (rest == TOP_BIT && odd)
  if (rounding == ROUND_DOWN) return negative
  return rounding == ROUND_UP && !negative
}

/** The result of an overflow; an unmasked one is inexact when `inexact` says that it would be without limit. */
function overflowed(negative: bool, inexact: bool, wide: bool): u64 {
  after |= inexact || (control & MXCSR_OM) != 0 ? MXCSR_OE | MXCSR_PE : MXCSR_OE
  const toInfinity = rounding == ROUND_NEAREST || (rounding == ROUND_UP && !negative) || (rounding == ROUND_DOWN && negative)
  return (negative ? signBit(wide) : 0) | (toInfinity ? infinity(wide) : infinity(wide) - 1)
}

/**
 * A result below the normal range: denormalised, or flushed to zero. An unmasked underflow is raised though the result
 * be exact, and is inexact when it would be with an exponent of any size, which `inexact` says.
 */
function tiny(negative: bool, exponent: i32, sig: u64, inexact: bool, wide: bool): u64 {
  const sign: u64 = negative ? signBit(wide) : 0
  if ((control & MXCSR_UM) == 0) {
    after |= inexact ? MXCSR_UE | MXCSR_PE : MXCSR_UE
    return sign
  }
  if ((control & MXCSR_FTZ) != 0) {
    after |= MXCSR_UE | MXCSR_PE
    return sign
  }
  const amount = 1 - bias(wide) - exponent
  const shifted = amount < 64 ? (sig >> amount) | <u64>(sig << (64 - amount) != 0) : 1
  const cut: u64 = 63 - fractionBits(wide)
  const kept = shifted >> cut
  const rest = shifted << (64 - cut)
  if (rest != 0) after |= MXCSR_UE | MXCSR_PE
  return sign | (kept + <u64>roundsUp(negative, (kept & 1) != 0, rest))
}

/**
 * The float nearest, in the rounding mode, to `sig` (leading bit 63, lowest bit sticky) * 2^(exponent - 63).
 */
export function round(negative: bool, exponent: i32, sig: u64, wide: bool): u64 {
  const cut: u64 = 63 - fractionBits(wide)
  const kept = sig >> cut
  const rest = sig << (64 - cut)
  const up = roundsUp(negative, (kept & 1) != 0, rest)
  const full = (<u64>2 << fractionBits(wide)) - 1
  const rounded = exponent + <i32>(up && kept == full)
  if (rounded < 1 - bias(wide)) return tiny(negative, exponent, sig, rest != 0, wide)
  if (rounded > bias(wide)) return overflowed(negative, rest != 0, wide)
  if (rest != 0) after |= MXCSR_PE
  // The integer bit of `kept` adds one to the exponent field, and so does a carry out of it.
  const field = <u64>(exponent + bias(wide) - 1) << fractionBits(wide)
  return (negative ? signBit(wide) : 0) | (field + kept + <u64>up)
}

/** a + b, or a - b. */
export function sum(first: u64, second: u64, subtract: bool, wide: bool): u64 {
  const a = operand(first, wide)
  let b = operand(second, wide)
  if (isNaNBits(a, wide) || isNaNBits(b, wide)) return nanOfTwo(a, b, wide)
  if (subtract) b ^= signBit(wide)
  const aNegative = (a & signBit(wide)) != 0
  const bNegative = (b & signBit(wide)) != 0
  if (isInfinity(a, wide)) {
    if (isInfinity(b, wide) && aNegative != bNegative) return invalid(wide)
    noteDenormal(b, wide)
    return a
  }
  noteDenormal(a, wide)
  if (isInfinity(b, wide)) return b
  noteDenormal(b, wide)
  const zeroSign: u64 = rounding == ROUND_DOWN ? signBit(wide) : 0
  if (isZeroBits(a, wide)) {
    if (isZeroBits(b, wide)) return aNegative == bNegative ? a : zeroSign
    return round(bNegative, exponentOf(b, wide), significandOf(b, wide), wide)
  }
  if (isZeroBits(b, wide)) return round(aNegative, exponentOf(a, wide), significandOf(a, wide), wide)
  let exponent = exponentOf(a, wide)
  let sig = significandOf(a, wide)
  let negative = aNegative
  let smallExponent = exponentOf(b, wide)
  let small = significandOf(b, wide)
  if (smallExponent > exponent || (smallExponent == exponent && small > sig)) {
    const e = exponent
    exponent = smallExponent
    smallExponent = e
    const s = sig
    sig = small
    small = s
    negative = bNegative
  }
  // One bit of headroom; the significands leave ten bits and more below themselves.
  sig >>= 1
  small >>= 1
  const distance = exponent - smallExponent
  small = distance == 0 ? small : distance < 64 ? (small >> distance) | <u64>(small << (64 - distance) != 0) : 1
  if (aNegative == bNegative) {
    sig += small
    exponent++
  } else {
    sig -= small
    if (sig == 0) return zeroSign
    exponent++
  }
  const shift = <i32>clz(sig)
  return round(negative, exponent - shift, sig << shift, wide)
}

/** a * b. */
export function product(first: u64, second: u64, wide: bool): u64 {
  const a = operand(first, wide)
  const b = operand(second, wide)
  if (isNaNBits(a, wide) || isNaNBits(b, wide)) return nanOfTwo(a, b, wide)
  const sign = (a ^ b) & signBit(wide)
  const infinite = isInfinity(a, wide) || isInfinity(b, wide)
  const zero = isZeroBits(a, wide) || isZeroBits(b, wide)
  if (infinite && zero) return invalid(wide)
  noteDenormal(a, wide)
  noteDenormal(b, wide)
  if (infinite) return sign | infinity(wide)
  if (zero) return sign
  let exponent = exponentOf(a, wide) + exponentOf(b, wide) + 1
  let high = multiplyWide(significandOf(a, wide), significandOf(b, wide))
  let low = wideLow
  if (<i64>high >= 0) {
    high = (high << 1) | (low >> 63)
    low <<= 1
    exponent--
  }
  return round(sign != 0, exponent, high | <u64>(low != 0), wide)
}

/** a / b. */
export function quotient(first: u64, second: u64, wide: bool): u64 {
  const a = operand(first, wide)
  const b = operand(second, wide)
  if (isNaNBits(a, wide) || isNaNBits(b, wide)) return nanOfTwo(a, b, wide)
  const sign = (a ^ b) & signBit(wide)
  const aInfinite = isInfinity(a, wide)
  const bInfinite = isInfinity(b, wide)
  const aZero = isZeroBits(a, wide)
  const bZero = isZeroBits(b, wide)
  if ((aInfinite && bInfinite) || (aZero && bZero)) return invalid(wide)
  if (bZero && !aInfinite) {
    before |= MXCSR_ZE
    return sign | infinity(wide)
  }
  noteDenormal(a, wide)
  noteDenormal(b, wide)
  if (aInfinite) return sign | infinity(wide)
  if (bInfinite || aZero) return sign
  const dividend = significandOf(a, wide)
  const divisor = significandOf(b, wide)
  let exponent = exponentOf(a, wide) - exponentOf(b, wide)
  let digits: u64
  if (dividend >= divisor) digits = divideWide(dividend >> 1, dividend << 63, divisor)
  else {
    digits = divideWide(dividend, 0, divisor)
    exponent--
  }
  return round(sign != 0, exponent, digits | <u64>(wideRemainder != 0), wide)
}

/** Square root of a. */
export function squareRoot(first: u64, wide: bool): u64 {
  const a = operand(first, wide)
  if (isNaNBits(a, wide)) return nanOfOne(a, wide)
  if (isZeroBits(a, wide)) return a
  if ((a & signBit(wide)) != 0) return invalid(wide)
  if (isInfinity(a, wide)) return a
  noteDenormal(a, wide)
  const exponent = exponentOf(a, wide)
  const sig = significandOf(a, wide)
  const root = (exponent & 1) == 0 ? squareRootWide(sig >> 1, sig << 63) : squareRootWide(sig, 0)
  return round(false, exponent >> 1, root | <u64>(wideRemainder != 0), wide)
}
