/**
 * 128-bit integer steps that 80-bit floating point is made of: product of two 64-bit words, quotient of a two-word
 * dividend, square root of a two-word radicand, shift with a sticky bit.
 *
 * A helper leaves its second result in a module variable, so nothing is allocated.
 * Source: Knuth, The Art of Computer Programming vol. 2, 4.3.1 (long division); the square root takes one 32-bit
 * digit from the upper word and one from a division of what remains.
 */

export const LOW_WORD: u64 = 0xffffffff
const DIGIT: u64 = 0x100000000
const TOP_BIT: u64 = 0x8000000000000000

/** Low word of the last `multiplyWide` or `shiftRightSticky`. */
export let wideLow: u64 = 0
/** Remainder of the last `divideWide`. */
export let wideRemainder: u64 = 0

/** High 64 bits of `a * b`; the low 64 bits are left in `wideLow`. */
export function multiplyWide(a: u64, b: u64): u64 {
  const a0 = a & LOW_WORD
  const a1 = a >> 32
  const b0 = b & LOW_WORD
  const b1 = b >> 32
  const p00 = a0 * b0
  const middle = a1 * b0 + (p00 >> 32)
  const cross = a0 * b1 + (middle & LOW_WORD)
  wideLow = (cross << 32) | (p00 & LOW_WORD)
  return a1 * b1 + (middle >> 32) + (cross >> 32)
}

/** High 64 bits of `a * b`. */
export function multiplyHigh(a: u64, b: u64): u64 {
  const a0 = a & LOW_WORD
  const a1 = a >> 32
  const b0 = b & LOW_WORD
  const b1 = b >> 32
  const middle = a1 * b0 + ((a0 * b0) >> 32)
  const cross = a0 * b1 + (middle & LOW_WORD)
  return a1 * b1 + (middle >> 32) + (cross >> 32)
}

/**
 * Quotient of `high:low / divisor`; the remainder is left in `wideRemainder`. `divisor` has its top bit set and
 * `high < divisor`, so the quotient fits 64 bits.
 */
export function divideWide(high: u64, low: u64, divisor: u64): u64 {
  const d1 = divisor >> 32
  const d0 = divisor & LOW_WORD
  const l1 = low >> 32
  const l0 = low & LOW_WORD
  let q1 = high / d1
  let rest = high - q1 * d1
  while (q1 >= DIGIT || q1 * d0 > ((rest << 32) | l1)) {
    q1--
    rest += d1
    if (rest >= DIGIT) break
  }
  const middle = ((high << 32) | l1) - q1 * divisor
  let q0 = middle / d1
  rest = middle - q0 * d1
  while (q0 >= DIGIT || q0 * d0 > ((rest << 32) | l0)) {
    q0--
    rest += d1
    if (rest >= DIGIT) break
  }
  wideRemainder = ((middle << 32) | l0) - q0 * divisor
  return (q1 << 32) + q0
}

/**
 * Floor of the square root of `high:low`, `high >= 2^62`. `wideRemainder` is left 0 for an exact root, 1 when the
 * fraction behind the root is below one half, and 2 when it is above (exactly one half cannot be).
 */
export function squareRootWide(high: u64, low: u64): u64 {
  let upper = <u64>Math.sqrt(<f64>high)
  if (upper > LOW_WORD) upper = LOW_WORD
  while (upper * upper > high) upper--
  while (upper < LOW_WORD && high - upper * upper > upper << 1) upper++
  const rest = high - upper * upper
  // (rest:next digit) / (2 * upper), halved on both sides because `rest` may need 33 bits.
  const numerator = (rest << 31) + (low >> 33)
  let digit = numerator / upper
  let left = ((numerator - digit * upper) << 1) | ((low >> 32) & 1)
  if (digit > LOW_WORD) {
    left += (digit - LOW_WORD) * (upper << 1)
    digit = LOW_WORD
  }
  let root = (upper << 32) | digit
  const minuend = (left << 32) | (low & LOW_WORD)
  const square = digit * digit
  let restHigh = <i64>(left >> 32) - <i64>(minuend < square)
  let restLow = minuend - square
  while (restHigh < 0) {
    root--
    const step = (root << 1) | 1
    const carry = <u64>(root >> 63)
    const sum = restLow + step
    restHigh += <i64>carry + <i64>(sum < restLow)
    restLow = sum
  }
  wideRemainder = restHigh > 0 || restLow > root ? 2 : restLow != 0 ? 1 : 0
  return root
}

/**
 * `high:low` shifted right by `count` bits (0 or more): returns the high word, leaves the low word in `wideLow` with
 * every bit that fell out gathered in its lowest bit.
 */
export function shiftRightSticky(high: u64, low: u64, count: i32): u64 {
  if (count == 0) {
    wideLow = low
    return high
  }
  if (count < 64) {
    wideLow = (high << (64 - count)) | (low >> count) | <u64>(low << (64 - count) != 0)
    return high >> count
  }
  if (count == 64) wideLow = high | <u64>(low != 0)
  else if (count < 128) wideLow = (high >> (count - 64)) | <u64>(((high << (128 - count)) | low) != 0)
  else wideLow = <u64>((high | low) != 0)
  return 0
}

/** The top bit of a 64-bit word: the integer bit of a normal significand, and one half as a rounding remainder. */
export const HALF: u64 = TOP_BIT
