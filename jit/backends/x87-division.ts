/**
 * Quotients of 64-bit significands in compiled regions, by the host's division of doubles.
 *
 * before: a call of a helper with two integer divisions, whose corrections are hard to predict => after: two estimates in
 * place, of 31 bits and of the rest, each followed by an exact remainder. An estimate is rounded to a whole number by
 * adding a number so large that its last bit has the weight wanted; the sum's bits less those of that number are it.
 *
 *   a, b in [2^63, 2^64)      scale = 64 - (a >= b)      Q = floor(a * 2^scale / b), 64 bits
 *   q1 = round(a / b * 2^31)               r1 = a * 2^31 - q1 * b          |r1| < (1/2 + 2^-20) b
 *   q2 = round(r1 / b * 2^(scale - 31))    r2 = a * 2^scale - (q1 * 2^(scale - 31) + q2) * b, likewise
 *
 * Remainders are computed modulo 2^64, and fit a signed word where b is not too near 2^64.
 */
import type { Expression } from './value.ts'
import { operate } from './vector.ts'
import type { Read, X87Values } from './x87-values.ts'

const FIRST_BITS = 31
/** Divisors from here on have remainders that may not fit: 2^64 (1 - 2^-16). */
const LARGEST_DIVISOR = 0xffff_0000_0000_0000n
/** 1.5 * 2^21 and 1.5 * 2^52: doubles whose last bits weigh 2^-31 and 1. */
const FIRST_ROUNDER = 1.5 * 2 ** 21
const SECOND_ROUNDER = 1.5 * 2 ** 52

function bitsOf(value: number): bigint {
  return new DataView(new Float64Array([value]).buffer).getBigInt64(0, true)
}

/** The quotient's 64 bits, what is behind them as rounding wants it, and 1 if a >= b. `unless` gets what is not for here. */
export function divideSignificands(
  values: X87Values, a: Read, b: Read, unless: (condition: Expression) => void,
): { quotient: Read; rest: Read; halved: Read } {
  const { m } = values
  const float = (name: string, ...args: Expression[]) => operate(m, `f64.${name}`, args, 0)
  const bits = (number: Expression) => operate(m, 'i64.reinterpret', [number], 0)
  const rounded = (number: Expression, rounder: number) =>
    m.i64.sub(bits(float('add', number, m.f64.const(rounder))), values.long(bitsOf(rounder)))
  const halfOf = (sig: Read) => values.double(float('convert_s.i64', m.i64.shr_u(sig(), values.long(1n))))

  unless(m.i64.ge_u(b(), values.long(LARGEST_DIVISOR)))
  const halved = values.word(m.i64.ge_u(a(), b()))
  const longHalved = values.wide(m.i64.extend_u(halved()))
  const divisor = halfOf(b)
  const dividend = halfOf(a)
  const first = values.wide(rounded(float('div', dividend(), divisor()), FIRST_ROUNDER))
  const firstRest = m.i64.sub(m.i64.shl(a(), values.long(BigInt(FIRST_BITS))), m.i64.mul(first(), b()))
  // Twice the divisor is meant, so half the scale.
  const scale = m.select(halved(), m.f64.const(2 ** (62 - FIRST_BITS)), m.f64.const(2 ** (63 - FIRST_BITS)))
  const second = rounded(
    float('mul', float('convert_s.i64', firstRest), float('div', scale, divisor())), SECOND_ROUNDER,
  )
  const shift = m.i64.sub(values.long(BigInt(64 - FIRST_BITS)), longHalved())
  const nearest = values.wide(m.i64.add(m.i64.shl(first(), shift), second))
  const dividendLow = m.i64.shl(m.i64.and(a(), longHalved()), values.long(63n))
  const left = values.wide(m.i64.sub(dividendLow, m.i64.mul(nearest(), b())))
  const negative = values.wide(m.i64.shr_s(left(), values.long(63n)))
  const remainder = values.wide(m.i64.add(left(), m.i64.and(b(), negative())))
  const aboveHalf = m.i64.extend_u(m.i64.ge_u(remainder(), m.i64.sub(b(), remainder())))
  const sticky = m.i64.extend_u(m.i64.ne(remainder(), values.long(0n)))
  return {
    quotient: values.wide(m.i64.add(nearest(), negative())),
    // Two significands of 64 bits never have a quotient half way, so above or below half says all.
    rest: values.wide(m.i64.or(m.i64.shl(aboveHalf, values.long(63n)), sticky)),
    halved,
  }
}

/** Estimates of a root's fraction nearer to one half than this are left to the interpreter: their error is 2^-18. */
const NEAR_HALF = 2 ** -17
const LOW_BITS = 33
const LOW_MASK = (1n << BigInt(LOW_BITS)) - 1n

/**
 * The square root of a significand, 64 bits, and what is behind them as rounding wants it. `odd` is 1 where the number is
 * sig * 2^64, and 0 where it is sig * 2^63. In the same way as quotients:
 *
 *   hi:lo = the number                     r1 = round(sqrt(hi)), 32 bits      d = 2 (hi - r1^2) + lo's top bit
 *   r2 = round(d * 2^31 / (r1 + sqrt(hi))), because the root is r1 * 2^32 + d * 2^63 / (r1 * 2^32 + root)
 *   number - (r1 * 2^32 + r2)^2 = 2^33 (d * 2^30 - r1 r2) - r2^2
 */
export function rootOfSignificand(
  values: X87Values, sig: Read, odd: Read, unless: (condition: Expression) => void,
): { root: Read; rest: Read } {
  const { m } = values
  const float = (name: string, ...args: Expression[]) => operate(m, `f64.${name}`, args, 0)
  const bits = (number: Expression) => operate(m, 'i64.reinterpret', [number], 0)
  const whole = (sum: Read) => m.i64.sub(bits(sum()), values.long(bitsOf(SECOND_ROUNDER)))
  const round = (number: Expression) => values.double(float('add', number, m.f64.const(SECOND_ROUNDER)))
  const unround = (sum: Read) => values.double(float('sub', sum(), m.f64.const(SECOND_ROUNDER)))

  const half = float('convert_s.i64', m.i64.shr_u(sig(), values.long(1n)))
  const square = float('mul', half, m.select(odd(), m.f64.const(2), m.f64.const(1)))
  const estimate = values.double(float('sqrt', square))
  const firstSum = round(estimate())
  const first = values.wide(whole(firstSum))
  const isEven = values.wide(m.i64.extend_u(m.i32.eqz(odd())))
  const high = m.i64.shr_u(sig(), isEven())
  const twice = m.i64.shl(m.i64.sub(high, m.i64.mul(first(), first())), values.long(1n))
  const left = values.wide(m.i64.or(twice, m.i64.and(sig(), isEven())))
  const factor = float('div', m.f64.const(2 ** 31), float('add', unround(firstSum)(), estimate()))
  const exactSecond = values.double(float('mul', float('convert_s.i64', left()), factor))
  const secondSum = round(exactSecond())
  const second = values.wide(whole(secondSum))
  const off = float('abs', float('sub', exactSecond(), unround(secondSum)()))
  unless(float('gt', off, m.f64.const(0.5 - NEAR_HALF)))
  const product = m.i64.sub(m.i64.shl(left(), values.long(30n)), m.i64.mul(first(), second()))
  const minusSquare = values.wide(m.i64.sub(values.long(0n), m.i64.mul(second(), second())))
  // The remainder without its lowest bits, and those.
  const remainder = values.wide(m.i64.add(product, m.i64.shr_s(minusSquare(), values.long(BigInt(LOW_BITS)))))
  const low = m.i64.and(minusSquare(), values.long(LOW_MASK))
  const negative = values.wide(m.i64.shr_s(remainder(), values.long(63n)))
  const nearest = m.i64.add(m.i64.shl(first(), values.long(32n)), second())
  const sticky = m.i64.extend_u(m.i64.ne(m.i64.or(remainder(), low), values.long(0n)))
  return {
    root: values.wide(m.i64.add(nearest, negative())),
    // The nearest root is one too many: the true one is more than half a unit above what is left of it.
    rest: values.wide(m.i64.or(m.i64.shl(negative(), values.long(63n)), sticky)),
  }
}
