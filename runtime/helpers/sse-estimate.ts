/**
 * RCPPS, RSQRTPS: estimates with a relative error below 1.5 * 2^-12, exact to 12 fraction bits here. Neither looks at
 * MXCSR nor sets a flag: denormals count as zeros, and tiny results are zeros. Source: Intel SDM vol. 2.
 */
import { indefinite, infinity, isDenormal, isInfinity, isNaNBits, isZeroBits, quietBit, signBit } from './sse-float'

/** Fraction bits of an estimate that are not zero, and of a float of 32 bits. */
const ESTIMATE_MASK: u32 = 0xfffff800
const HALF_OF_LAST: u32 = 0x400
const LEAST_NORMAL: u32 = 0x00800000

/** A number as a float of 32 bits with as many fraction bits as an estimate has. */
function estimate(value: f64): u32 {
  return (reinterpret<u32>(<f32>value) + HALF_OF_LAST) & ESTIMATE_MASK
}

function isZeroHere(bits: u64): bool {
  return isZeroBits(bits, false) || isDenormal(bits, false)
}

/** RCPSS. */
export function reciprocal(bits: u32): u64 {
  const sign = bits & <u32>signBit(false)
  if (isNaNBits(bits, false)) return bits | quietBit(false)
  if (isZeroHere(bits)) return sign | infinity(false)
  if (isInfinity(bits, false)) return sign
  const magnitude = estimate(1 / <f64>reinterpret<f32>(bits & ~sign))
  return magnitude < LEAST_NORMAL ? sign : sign | magnitude
}

/** RSQRTSS. */
export function reciprocalSquareRoot(bits: u32): u64 {
  const sign = bits & <u32>signBit(false)
  if (isNaNBits(bits, false)) return bits | quietBit(false)
  if (isZeroHere(bits)) return sign | infinity(false)
  if (sign != 0) return indefinite(false)
  if (isInfinity(bits, false)) return 0
  return estimate(1 / Math.sqrt(<f64>reinterpret<f32>(bits)))
}
