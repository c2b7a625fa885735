/**
 * Steps of x87 arithmetic that compiled regions call, because they are too long to have in place: functions of
 * significands, without registers or control word. Each leaves what is below the lowest bit of its result, as
 * rounding wants it (the lowest bit is sticky), in `vectorOperand` of the state.
 *
 * Source: Intel SDM vol. 1, 4.8.4 (rounding).
 */
import { VECTOR_OPERAND } from '../../build/helpers/layout'
import { INTEGER_BIT } from './softfloat80'
import { divideWide, squareRootWide, wideRemainder } from './softfloat80-wide'

/**
 * Quotient of two significands with their integer bits set: `dividend`, and the divisor that lies in `vectorOperand`. It
 * has its top bit set, and is half of the true one when the dividend is not below the divisor.
 */
export function x87QuotientOf(dividend: u64): u64 {
  const divisor = load<u64>(VECTOR_OPERAND)
  const halved = <u64>(dividend >= divisor)
  const quotient = divideWide(dividend >> halved, (dividend << 63) & (0 - halved), divisor)
  const rest = wideRemainder
  // A quotient of two 64-bit significands is never exactly half way, so above or below half says all.
  store<u64>(VECTOR_OPERAND, (<u64>(rest >= divisor - rest) << 63) | <u64>(rest != 0))
  return quotient
}

/** Square root of a significand whose integer bit, which is set, has been inverted if the biased exponent is odd. */
export function x87RootOf(packed: u64): u64 {
  const sig = packed | INTEGER_BIT
  // The bias is odd, so an even biased exponent is an odd power of two.
  const odd = packed >> 63
  const root = squareRootWide(sig >> (odd ^ 1), (sig << 63) & (odd - 1))
  const rest = wideRemainder
  // 0 exact, 1 below half, 2 above.
  store<u64>(VECTOR_OPERAND, ((rest & 2) << 62) | <u64>(rest != 0))
  return root
}
