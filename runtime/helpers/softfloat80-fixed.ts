/**
 * 128-bit fixed and floating point for the transcendental functions. A value is two words; a result is left in
 * `high` and `low`, and for a floating value `exponent`: (high:low) / 2^127 * 2^exponent, bit 127 set.
 *
 * Every step is good to a few units of 2^-127, sixty bits beyond what an 80-bit result keeps.
 */
import { divideWide, multiplyWide, shiftRightSticky, wideLow } from './softfloat80-wide'

export let high: u64 = 0
export let low: u64 = 0
export let exponent: i32 = 0

/** 1 with 127 fraction bits. */
const ONE: u64 = 0x8000000000000000

export function setWide(h: u64, l: u64): void {
  high = h
  low = l
}

/** high:low := a * b / 2^128. */
export function multiplyFraction(ah: u64, al: u64, bh: u64, bl: u64): void {
  const h = multiplyWide(ah, bh)
  const l = wideLow
  const first = al == 0 ? 0 : multiplyWide(al, bh)
  const second = bl == 0 ? 0 : multiplyWide(ah, bl)
  const partial = l + first
  const total = partial + second
  high = h + <u64>(partial < l) + <u64>(total < partial)
  low = total
}

/** high:low += a. */
export function addWide(ah: u64, al: u64): void {
  const sum = low + al
  high = high + ah + <u64>(sum < al)
  low = sum
}

/** high:low := a - high:low. */
export function subtractFrom(ah: u64, al: u64): void {
  const difference = al - low
  high = ah - high - <u64>(al < low)
  low = difference
}

/** Normalises high:low, whose value is (high:low) / 2^127 * 2^`scale`. It must not be zero. */
export function normaliseWide(scale: i32): void {
  if (high == 0) {
    high = low
    low = 0
    scale -= 64
  }
  const count = <i32>clz(high)
  if (count != 0) {
    high = (high << count) | (low >> (64 - count))
    low <<= count
  }
  exponent = scale - count
}

/** high:low := the floating value h:l with `scale`, which must be negative, with 128 fraction bits. */
export function toFraction(h: u64, l: u64, scale: i32): void {
  high = shiftRightSticky(h, l, -1 - scale)
  low = wideLow
}

/**
 * high:low := sum of table[n] * u^n for n < terms, with 127 fraction bits; `u` has 128. The sum must stay below 2.
 * With `alternate`, powers of -u; the sum is then kept below 1, as it is for any u above 0.
 */
export function polynomial(table: usize, terms: i32, uh: u64, ul: u64, alternate: bool): void {
  let at = table + (<usize>(terms - 1) << 4)
  let h = load<u64>(at)
  let l = load<u64>(at, 8)
  while (at > table) {
    at -= 16
    multiplyFraction(uh, ul, h, l)
    if (alternate) subtractFrom(load<u64>(at), load<u64>(at, 8))
    else addWide(load<u64>(at), load<u64>(at, 8))
    h = high
    l = low
  }
  high = h
  low = l
  if (high == ONE && low == 0) {
    if (alternate) {
      high = ONE - 1
      low = ~(<u64>0)
    } else {
      low = 1
    }
  }
}

/**
 * One digit of a division: returns floor(r * 2^64 / d) and leaves the new remainder in high:low; r < d, d
 * normalised.
 */
function divideDigit(rh: u64, rl: u64, dh: u64, dl: u64): u64 {
  let digit = rh >= dh ? ~(<u64>0) : divideWide(rh, rl, dh)
  // r * 2^64 - digit * d, three words; the top one tells the sign.
  const productHigh = multiplyWide(digit, dh)
  const middle = wideLow
  const carry = multiplyWide(digit, dl)
  const productLow = wideLow
  const productMiddle = middle + carry
  let top = rh - productHigh - <u64>(productMiddle < middle)
  let restLow = 0 - productLow
  let restHigh = rl - productMiddle
  if (rl < productMiddle) top--
  if (productLow != 0) {
    if (restHigh == 0) top--
    restHigh--
  }
  while (<i64>top < 0) {
    digit--
    const sum = restLow + dl
    const carryLow = <u64>(sum < dl)
    restLow = sum
    const sumHigh = restHigh + dh
    let carryHigh = <u64>(sumHigh < dh)
    restHigh = sumHigh + carryLow
    if (restHigh < carryLow) carryHigh++
    top += carryHigh
  }
  high = restHigh
  low = restLow
  return digit
}

/** The floating quotient n / d of two normalised significands whose exponents differ by `scale`. */
export function divideFloating(nh: u64, nl: u64, dh: u64, dl: u64, scale: i32): void {
  if (nh > dh || (nh == dh && nl >= dl)) {
    nl = (nl >> 1) | (nh << 63)
    nh >>= 1
  } else {
    scale--
  }
  const first = divideDigit(nh, nl, dh, dl)
  const second = divideDigit(high, low, dh, dl)
  const inexact = <u64>((high | low) != 0)
  high = first
  low = second | inexact
  exponent = scale
}

/** The floating product of a normalised significand with exponent `scale` and a value of 127 fraction bits. */
export function multiplyFloating(ah: u64, al: u64, bh: u64, bl: u64, scale: i32): void {
  multiplyFraction(ah, al, bh, bl)
  normaliseWide(scale + 1)
}
