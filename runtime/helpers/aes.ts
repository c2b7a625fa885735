/**
 * AES-NI and PCLMULQDQ. The S-boxes are computed once, from inverses in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1, and
 * from them tables of substituted and mixed bytes, so that a round is sixteen look-ups.
 *
 * Source: FIPS 197 (the cipher); Daemen and Rijmen, The Design of Rijndael, 4.2 (tables); Intel SDM vol. 2,
 * AESENC, AESDEC, AESIMC, AESKEYGENASSIST, PCLMULQDQ.
 */
import { DESTINATION_SHIFT, FORM_ADDRESS_MASK, SOURCE_SHIFT, VECTOR_IMMEDIATE } from '../../build/helpers/layout'

const POLYNOMIAL: u32 = 0x11b
const AFFINE_CONSTANT: u32 = 0x63
/** A generator of the multiplicative group. */
const GENERATOR: u32 = 3

/** Low bits of the form of `aesRound`. */
const DECRYPT: u32 = 1
const LAST: u32 = 2
/** AESIMC: columns mixed backwards, nothing else. */
const MIX_ONLY: u32 = 4

const forward = memory.data(256)
const backward = memory.data(256)
/**
 * What a byte of a column's first row, substituted, adds to the column that MixColumns makes; the other rows' are the
 * same turned by bytes. And what one adds in AESIMC, which substitutes nothing.
 */
const forwardColumns = memory.data(1024)
const backwardColumns = memory.data(1024)
const mixedColumns = memory.data(1024)
let ready = false

function multiply(a: u32, b: u32): u32 {
  let product: u32 = 0
  for (let bits = b; bits != 0; bits >>= 1) {
    if ((bits & 1) != 0) product ^= a
    a <<= 1
    if ((a & 0x100) != 0) a ^= POLYNOMIAL
  }
  return product
}

function prepare(): void {
  ready = true
  // p runs through all of the group, q through the inverses.
  const inverse = multiplyPower(GENERATOR, 254)
  let p: u32 = 1
  let q: u32 = 1
  for (let i = 0; i < 255; i++) {
    setPair(p, q)
    p = multiply(p, GENERATOR)
    q = multiply(q, inverse)
  }
  setPair(0, 0)
  for (let byte: u32 = 0; byte < 256; byte++) {
    store<u32>(forwardColumns + (byte << 2), column(load<u8>(forward + byte), 2, 1, 1, 3))
    store<u32>(backwardColumns + (byte << 2), column(load<u8>(backward + byte), 14, 9, 13, 11))
    store<u32>(mixedColumns + (byte << 2), column(byte, 14, 9, 13, 11))
  }
}

/** The products of a byte with the coefficients of four rows. */
function column(byte: u32, a: u32, b: u32, c: u32, d: u32): u32 {
  return multiply(byte, a) | (multiply(byte, b) << 8) | (multiply(byte, c) << 16) | (multiply(byte, d) << 24)
}

function multiplyPower(base: u32, exponent: i32): u32 {
  let power: u32 = 1
  for (let i = 0; i < exponent; i++) power = multiply(power, base)
  return power
}

/** Enters the affine image of an inverse in both tables. */
function setPair(value: u32, inverse: u32): void {
  const turned = inverse | (inverse << 8)
  const image = (turned ^ (turned >> 4) ^ (turned >> 5) ^ (turned >> 6) ^ (turned >> 7)) & 0xff
  const substitute = image ^ AFFINE_CONSTANT
  store<u8>(forward + value, <u8>substitute)
  store<u8>(backward + substitute, <u8>value)
}

/** A column of the next state: of rows 0 to 3, the bytes that ShiftRows brings there. */
// @ts-ignore: decorator
@inline
function mixed(table: usize, word0: u32, word1: u32, word2: u32, word3: u32): u32 {
  return load<u32>(table + ((word0 & 0xff) << 2)) ^
    rotl<u32>(load<u32>(table + (((word1 >> 8) & 0xff) << 2)), 8) ^
    rotl<u32>(load<u32>(table + (((word2 >> 16) & 0xff) << 2)), 16) ^
    rotl<u32>(load<u32>(table + ((word3 >> 24) << 2)), 24)
}

/** As `mixed`, for the last round, which mixes nothing. */
// @ts-ignore: decorator
@inline
function substituted(table: usize, word0: u32, word1: u32, word2: u32, word3: u32): u32 {
  return <u32>load<u8>(table + (word0 & 0xff)) |
    (<u32>load<u8>(table + ((word1 >> 8) & 0xff)) << 8) |
    (<u32>load<u8>(table + ((word2 >> 16) & 0xff)) << 16) |
    (<u32>load<u8>(table + (word3 >> 24)) << 24)
}

/** Stores four columns, a round key added. */
// @ts-ignore: decorator
@inline
function storeColumns(destination: u32, key: u32, c0: u32, c1: u32, c2: u32, c3: u32): void {
  const columns = i32x4(<i32>c0, <i32>c1, <i32>c2, <i32>c3)
  v128.store(destination, v128.xor(columns, v128.load(key)))
}

/** AESENC, AESENCLAST, AESDEC, AESDECLAST, AESIMC. */
export function aesRound(form: u32): void {
  if (!ready) prepare()
  const destination = (form >> DESTINATION_SHIFT) & FORM_ADDRESS_MASK
  const source = (form >> SOURCE_SHIFT) & FORM_ADDRESS_MASK
  if ((form & MIX_ONLY) != 0) {
    for (let offset: u32 = 0; offset < 16; offset += 4) {
      const word = load<u32>(source + offset)
      store<u32>(destination + offset, mixed(mixedColumns, word, word, word, word))
    }
    return
  }
  const s0 = load<u32>(destination)
  const s1 = load<u32>(destination, 4)
  const s2 = load<u32>(destination, 8)
  const s3 = load<u32>(destination, 12)
  // ShiftRows: row r of column c comes from column c + r, or c - r.
  if ((form & DECRYPT) == 0) {
    if ((form & LAST) == 0) {
      storeColumns(
        destination, source, mixed(forwardColumns, s0, s1, s2, s3), mixed(forwardColumns, s1, s2, s3, s0),
        mixed(forwardColumns, s2, s3, s0, s1), mixed(forwardColumns, s3, s0, s1, s2),
      )
    } else {
      storeColumns(
        destination, source, substituted(forward, s0, s1, s2, s3), substituted(forward, s1, s2, s3, s0),
        substituted(forward, s2, s3, s0, s1), substituted(forward, s3, s0, s1, s2),
      )
    }
  } else if ((form & LAST) == 0) {
    storeColumns(
      destination, source, mixed(backwardColumns, s0, s3, s2, s1), mixed(backwardColumns, s1, s0, s3, s2),
      mixed(backwardColumns, s2, s1, s0, s3), mixed(backwardColumns, s3, s2, s1, s0),
    )
  } else {
    storeColumns(
      destination, source, substituted(backward, s0, s3, s2, s1), substituted(backward, s1, s0, s3, s2),
      substituted(backward, s2, s1, s0, s3), substituted(backward, s3, s2, s1, s0),
    )
  }
}

function substituteWord(word: u32): u32 {
  let result: u32 = 0
  for (let i: u32 = 0; i < 32; i += 8) result |= (<u32>load<u8>(forward + ((word >> i) & 0xff))) << i
  return result
}

/** AESKEYGENASSIST. */
export function aesGenerateKey(form: u32): void {
  if (!ready) prepare()
  const destination = (form >> DESTINATION_SHIFT) & FORM_ADDRESS_MASK
  const source = (form >> SOURCE_SHIFT) & FORM_ADDRESS_MASK
  const constant = load<u32>(VECTOR_IMMEDIATE) & 0xff
  const low = substituteWord(load<u32>(source, 4))
  const high = substituteWord(load<u32>(source, 12))
  store<u32>(destination, low)
  store<u32>(destination, rotr<u32>(low, 8) ^ constant, 4)
  store<u32>(destination, high, 8)
  store<u32>(destination, rotr<u32>(high, 8) ^ constant, 12)
}

/** Bits of a word four apart: products of such words have room for what would carry. */
const EVERY_FOURTH: u64 = 0x1111111111111111

/** Low word of a product without carries. */
function carrylessLow(a: u64, b: u64): u64 {
  const a0 = a & EVERY_FOURTH
  const a1 = a & (EVERY_FOURTH << 1)
  const a2 = a & (EVERY_FOURTH << 2)
  const a3 = a & (EVERY_FOURTH << 3)
  const b0 = b & EVERY_FOURTH
  const b1 = b & (EVERY_FOURTH << 1)
  const b2 = b & (EVERY_FOURTH << 2)
  const b3 = b & (EVERY_FOURTH << 3)
  const c0 = (a0 * b0) ^ (a1 * b3) ^ (a2 * b2) ^ (a3 * b1)
  const c1 = (a0 * b1) ^ (a1 * b0) ^ (a2 * b3) ^ (a3 * b2)
  const c2 = (a0 * b2) ^ (a1 * b1) ^ (a2 * b0) ^ (a3 * b3)
  const c3 = (a0 * b3) ^ (a1 * b2) ^ (a2 * b1) ^ (a3 * b0)
  return (c0 & EVERY_FOURTH) | (c1 & (EVERY_FOURTH << 1)) | (c2 & (EVERY_FOURTH << 2)) | (c3 & (EVERY_FOURTH << 3))
}

/** A word with its bits in the opposite order. */
function reversed(x: u64): u64 {
  x = bswap<u64>(x)
  x = ((x >> 4) & 0x0f0f0f0f0f0f0f0f) | ((x & 0x0f0f0f0f0f0f0f0f) << 4)
  x = ((x >> 2) & 0x3333333333333333) | ((x & 0x3333333333333333) << 2)
  return ((x >> 1) & 0x5555555555555555) | ((x & 0x5555555555555555) << 1)
}

/** PCLMULQDQ: the product of a quadword of the destination and one of the source, without carries. */
export function carrylessMultiply(form: u32): void {
  const destination = (form >> DESTINATION_SHIFT) & FORM_ADDRESS_MASK
  const source = (form >> SOURCE_SHIFT) & FORM_ADDRESS_MASK
  const immediate = load<u32>(VECTOR_IMMEDIATE)
  const a = load<u64>(destination + ((immediate & 1) << 3))
  const b = load<u64>(source + ((immediate & 0x10) >> 1))
  store<u64>(destination, carrylessLow(a, b))
  // The product of 127 bits, turned around, is that of the factors turned around.
  store<u64>(destination, reversed(carrylessLow(reversed(a), reversed(b))) >> 1, 8)
}
