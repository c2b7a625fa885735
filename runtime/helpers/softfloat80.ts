/**
 * 80-bit extended precision floating point: the number format, its special values, and rounding.
 *
 * A number is two values: `sig`, the 64-bit significand with its explicit integer bit, and `se`, sign (bit 15) and
 * biased exponent (bits 0..14). An operation takes operands as arguments, obeys `control` (an x87 control word), and
 * leaves its outcome in `resultSig`, `resultSe`, `exceptions` and `roundedUp`. Nothing here knows the x87 register
 * stack: x87-state.ts commits or suppresses the outcome.
 *
 *   softfloat80-arithmetic      add multiply divide root      softfloat80-remainder      remainders, scale, extract
 *   softfloat80-convert         integers, f32, f64, BCD       softfloat80-wide           128-bit integer steps
 *   softfloat80-transcendental  sine, tangent, arc tangent    softfloat80-fixed          128-bit fractions
 *   softfloat80-exponential     2^x - 1, logarithms           softfloat80-tables         their constants
 *
 * Source: Intel SDM vol. 1, 4.2 (formats), 4.8 (NaN rules), 4.9 and 8.5 (exceptions), 8.1.5 (control word).
 */
import { HALF, shiftRightSticky, wideLow } from './softfloat80-wide'

/** Exception flags as in the status word. */
export const INVALID: u32 = 0x01
export const DENORMAL: u32 = 0x02
export const ZERO_DIVIDE: u32 = 0x04
export const OVERFLOW: u32 = 0x08
export const UNDERFLOW: u32 = 0x10
export const PRECISION: u32 = 0x20

/** Condition bit C1 of the status word: the result was rounded away from zero. */
export const ROUNDED_UP: u32 = 0x200

export const SIGN: u32 = 0x8000
export const EXPONENT_MASK: u32 = 0x7fff
export const BIAS: i32 = 0x3fff
/** Exponent of infinity and NaN. */
export const EXPONENT_SPECIAL: i32 = 0x7fff
/** An unmasked overflow or underflow moves the exponent of a register result by this much (SDM vol. 1, 4.9.1.4). */
export const BIAS_ADJUST: i32 = 24576

export const INTEGER_BIT: u64 = 0x8000000000000000
export const QUIET_BIT: u64 = 0x4000000000000000

/** The real indefinite: the QNaN that a masked invalid operation returns. */
export const INDEFINITE_SIG: u64 = 0xc000000000000000
export const INDEFINITE_SE: u32 = 0xffff

/** Rounding control: bits 10 and 11 of the control word. */
export const ROUND_NEAREST: u32 = 0
export const ROUND_DOWN: u32 = 1
export const ROUND_UP: u32 = 2
export const ROUND_CHOP: u32 = 3

export const PRECISION_EXTENDED: u32 = 3

export let resultSig: u64 = 0
export let resultSe: u32 = 0
export let exceptions: u32 = 0
/** `ROUNDED_UP` or 0. */
export let roundedUp: u32 = 0
/** x87 control word in effect: masks, precision control, rounding control. */
export let control: u32 = 0x37f

/** Starts an operation under `controlWord`: no exceptions yet. */
export function begin(controlWord: u32): void {
  control = controlWord
  exceptions = 0
  roundedUp = 0
}

export function setResult(sig: u64, se: u32): void {
  resultSig = sig
  resultSe = se
}

export function raiseException(flags: u32): void {
  exceptions |= flags
}

/** Invalid operation: the result is the real indefinite. */
export function invalid(): void {
  exceptions |= INVALID
  resultSig = INDEFINITE_SIG
  resultSe = INDEFINITE_SE
}

export function setInfinity(sign: u32): void {
  resultSig = INTEGER_BIT
  resultSe = sign | EXPONENT_MASK
}

export function setZero(sign: u32): void {
  resultSig = 0
  resultSe = sign
}

export function roundingMode(): u32 {
  return (control >> 10) & 3
}

/** True for a normal number: exponent 1..0x7ffe with the integer bit set. */
export function isNormal(sig: u64, se: u32): bool {
  return (<i64>sig < 0) & ((se & EXPONENT_MASK) - 1 < 0x7ffe)
}

/** True for the encodings the 80387 dropped: unnormal, pseudo-infinity, pseudo-NaN. Operating on them is invalid. */
export function isUnsupported(sig: u64, se: u32): bool {
  return (<i64>sig >= 0) & ((se & EXPONENT_MASK) != 0)
}

export function isNaN80(sig: u64, se: u32): bool {
  return ((se & EXPONENT_MASK) == EXPONENT_SPECIAL) & (sig > INTEGER_BIT)
}

export function isSignaling(sig: u64, se: u32): bool {
  return ((se & EXPONENT_MASK) == EXPONENT_SPECIAL) & (sig > INTEGER_BIT) & ((sig & QUIET_BIT) == 0)
}

export function isInfinity(sig: u64, se: u32): bool {
  return ((se & EXPONENT_MASK) == EXPONENT_SPECIAL) & (sig == INTEGER_BIT)
}

export function isZero(sig: u64, se: u32): bool {
  return (sig == 0) & ((se & EXPONENT_MASK) == 0)
}

/** True for denormals and pseudo-denormals. */
export function isDenormal(sig: u64, se: u32): bool {
  return (sig != 0) & ((se & EXPONENT_MASK) == 0)
}

/** Biased exponent of a finite nonzero number whose significand is shifted up until its integer bit is set. */
export function normalExponent(sig: u64, se: u32): i32 {
  const exponent = <i32>(se & EXPONENT_MASK)
  return exponent == 0 ? 1 - <i32>clz(sig) : exponent
}

/** Handles an unsupported or NaN operand of a one-operand operation; false when there is none. */
export function oneOperandSpecial(sig: u64, se: u32): bool {
  if (isUnsupported(sig, se)) {
    invalid()
    return true
  }
  if (!isNaN80(sig, se)) return false
  if ((sig & QUIET_BIT) == 0) exceptions |= INVALID
  resultSig = sig | QUIET_BIT
  resultSe = se
  return true
}

/**
 * Handles unsupported and NaN operands of a two-operand operation (SDM vol. 1, table 4-7); false when there are
 * none.
 */
export function twoOperandSpecial(aSig: u64, aSe: u32, bSig: u64, bSe: u32): bool {
  if (isUnsupported(aSig, aSe) || isUnsupported(bSig, bSe)) {
    invalid()
    return true
  }
  const aNaN = isNaN80(aSig, aSe)
  const bNaN = isNaN80(bSig, bSe)
  if (!aNaN && !bNaN) return false
  const aSignaling = aNaN && (aSig & QUIET_BIT) == 0
  const bSignaling = bNaN && (bSig & QUIET_BIT) == 0
  if (aSignaling || bSignaling) exceptions |= INVALID
  let takeA = aNaN
  if (aNaN && bNaN) {
    if (aSignaling != bSignaling) takeA = bSignaling
    else if (aSig != bSig) takeA = aSig > bSig
    else takeA = (aSe & SIGN) == 0
  }
  resultSig = (takeA ? aSig : bSig) | QUIET_BIT
  resultSe = takeA ? aSe : bSe
  return true
}

/** True when a magnitude of which `rest` (in units of 2^-64 of the last place kept) is lost must grow by one place. */
export function roundsUp(sign: u32, odd: bool, rest: u64): bool {
  switch ((control >> 10) & 3) {
    case ROUND_NEAREST:
      return rest > HALF || (rest == HALF && odd)
    case ROUND_DOWN:
      return rest != 0 && sign != 0
    case ROUND_UP:
      return rest != 0 && sign == 0
    default:
      return false
  }
}

/**
 * Rounds `sig:extra` (normalised: bit 63 of `sig` set) with biased exponent `exponent`, which may be out of range,
 * to 64 bits and leaves the outcome as the result. `extra` holds the bits below, the lowest of them sticky.
 */
export function roundExtended(sign: u32, exponent: i32, sig: u64, extra: u64): void {
  if (<u32>(exponent - 1) < 0x7ffd) {
    if (extra == 0) {
      resultSig = sig
      resultSe = sign | <u32>exponent
      return
    }
    exceptions |= PRECISION
    if (roundsUp(sign, (sig & 1) != 0, extra)) {
      roundedUp = ROUNDED_UP
      sig++
      if (sig == 0) {
        sig = INTEGER_BIT
        exponent++
      }
    }
    resultSig = sig
    resultSe = sign | <u32>exponent
    return
  }
  roundSlow(sign, exponent, sig, extra, 0)
}

/**
 * As `roundExtended`, to the precision of the control word (SDM vol. 1, 8.1.5.2: add, subtract, multiply, divide,
 * root).
 */
export function roundControlled(sign: u32, exponent: i32, sig: u64, extra: u64): void {
  const precision = (control >> 8) & 3
  if (precision == PRECISION_EXTENDED) {
    roundExtended(sign, exponent, sig, extra)
    return
  }
  roundSlow(sign, exponent, sig, extra, precision == 0 ? 40 : precision == 2 ? 11 : 0)
}

/** Rounds to `64 - dropped` bits at any exponent; overflow and underflow, masked or not, end here. */
function roundSlow(sign: u32, exponent: i32, sig: u64, extra: u64, dropped: i32): void {
  const unit: u64 = (<u64>1) << dropped
  const mask = unit - 1
  let biased = false
  if (exponent <= 0) {
    // Tininess is judged after rounding as if the exponent had no bound (SDM vol. 1, 4.9.1.5).
    const rest = dropped == 0 ? extra : (sig << (64 - dropped)) | <u64>(extra != 0)
    const kept = sig & ~mask
    const tiny = exponent < 0 || !(kept == ~mask && roundsUp(sign, (kept & unit) != 0, rest))
    if (tiny && (control & UNDERFLOW) == 0) {
      exceptions |= UNDERFLOW
      exponent += BIAS_ADJUST
      biased = true
      if (exponent <= 0) {
        // Beyond what the bias can bring back: FSCALE only.
        setZero(sign)
        exceptions |= PRECISION
        return
      }
    } else {
      roundDenormal(sign, exponent, sig, extra, dropped, tiny)
      return
    }
  }
  const rest = dropped == 0 ? extra : (sig << (64 - dropped)) | <u64>(extra != 0)
  sig &= ~mask
  if (rest != 0) {
    exceptions |= PRECISION
    if (roundsUp(sign, (sig & unit) != 0, rest)) {
      roundedUp = ROUNDED_UP
      sig += unit
      if (sig == 0) {
        sig = INTEGER_BIT
        exponent++
      }
    }
  }
  if (exponent >= EXPONENT_SPECIAL && !biased) {
    exceptions |= OVERFLOW
    if ((control & OVERFLOW) == 0) {
      exponent -= BIAS_ADJUST
      if (exponent >= EXPONENT_SPECIAL) {
        setInfinity(sign)
        exceptions |= PRECISION
        roundedUp = ROUNDED_UP
        return
      }
    } else {
      exceptions |= PRECISION
      const mode = roundingMode()
      if (mode == ROUND_NEAREST || mode == (sign ? ROUND_DOWN : ROUND_UP)) {
        setInfinity(sign)
        roundedUp = ROUNDED_UP
      } else {
        resultSig = ~mask
        resultSe = sign | 0x7ffe
        roundedUp = 0
      }
      return
    }
  }
  resultSig = sig
  resultSe = sign | <u32>exponent
}

/** The denormal result of a masked underflow. `exponent` is 0 or below. */
function roundDenormal(sign: u32, exponent: i32, sig: u64, extra: u64, dropped: i32, tiny: bool): void {
  const unit: u64 = (<u64>1) << dropped
  sig = shiftRightSticky(sig, extra, 1 - exponent)
  extra = wideLow
  const rest = dropped == 0 ? extra : (sig << (64 - dropped)) | <u64>(extra != 0)
  sig &= ~(unit - 1)
  if (rest != 0) {
    exceptions |= tiny ? PRECISION | UNDERFLOW : PRECISION
    if (roundsUp(sign, (sig & unit) != 0, rest)) {
      roundedUp = ROUNDED_UP
      sig += unit
    }
  }
  resultSig = sig
  resultSe = sign | <u32>(sig >> 63)
}
