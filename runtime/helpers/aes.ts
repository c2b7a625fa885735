/**
 * AES-NI and PCLMULQDQ. The S-boxes are computed once, from inverses in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1.
 *
 * Source: FIPS 197 (the cipher); Intel SDM vol. 2, AESENC, AESDEC, AESIMC, AESKEYGENASSIST, PCLMULQDQ.
 */
import { DESTINATION_SHIFT, FORM_ADDRESS_MASK, RESULT, SOURCE_SHIFT, VECTOR_IMMEDIATE } from '../../build/helpers/layout'

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
  if (ready) return
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

/** MixColumns with the column of coefficients `a b c d`, on `result` of the state, in place. */
function mixColumns(a: u32, b: u32, c: u32, d: u32): void {
  for (let column = RESULT; column < RESULT + 16; column += 4) {
    const s0: u32 = load<u8>(column)
    const s1: u32 = load<u8>(column + 1)
    const s2: u32 = load<u8>(column + 2)
    const s3: u32 = load<u8>(column + 3)
    store<u8>(column, <u8>(multiply(s0, a) ^ multiply(s1, b) ^ multiply(s2, c) ^ multiply(s3, d)))
    store<u8>(column + 1, <u8>(multiply(s0, d) ^ multiply(s1, a) ^ multiply(s2, b) ^ multiply(s3, c)))
    store<u8>(column + 2, <u8>(multiply(s0, c) ^ multiply(s1, d) ^ multiply(s2, a) ^ multiply(s3, b)))
    store<u8>(column + 3, <u8>(multiply(s0, b) ^ multiply(s1, c) ^ multiply(s2, d) ^ multiply(s3, a)))
  }
}

/** AESENC, AESENCLAST, AESDEC, AESDECLAST, AESIMC. */
export function aesRound(form: u32): void {
  prepare()
  const destination = (form >> DESTINATION_SHIFT) & FORM_ADDRESS_MASK
  const source = (form >> SOURCE_SHIFT) & FORM_ADDRESS_MASK
  const decrypts = (form & DECRYPT) != 0
  if ((form & MIX_ONLY) != 0) {
    memory.copy(RESULT, source, 16)
    mixColumns(14, 11, 13, 9)
    memory.copy(destination, RESULT, 16)
    return
  }
  for (let i: u32 = 0; i < 16; i++) {
    // ShiftRows: row r of column c comes from column c + r, or c - r.
    const row = i & 3
    const from = decrypts ? (i - (row << 2)) & 15 : (i + (row << 2)) & 15
    const byte: u32 = load<u8>(destination + from)
    store<u8>(RESULT + i, load<u8>((decrypts ? backward : forward) + byte))
  }
  if ((form & LAST) == 0) {
    if (decrypts) mixColumns(14, 11, 13, 9)
    else mixColumns(2, 3, 1, 1)
  }
  store<u64>(destination, load<u64>(RESULT) ^ load<u64>(source))
  store<u64>(destination, load<u64>(RESULT, 8) ^ load<u64>(source, 8), 8)
}

function substituteWord(word: u32): u32 {
  let result: u32 = 0
  for (let i: u32 = 0; i < 32; i += 8) result |= (<u32>load<u8>(forward + ((word >> i) & 0xff))) << i
  return result
}

/** AESKEYGENASSIST. */
export function aesGenerateKey(form: u32): void {
  prepare()
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

/** PCLMULQDQ: the product of a quadword of the destination and one of the source, without carries. */
export function carrylessMultiply(form: u32): void {
  const destination = (form >> DESTINATION_SHIFT) & FORM_ADDRESS_MASK
  const source = (form >> SOURCE_SHIFT) & FORM_ADDRESS_MASK
  const immediate = load<u32>(VECTOR_IMMEDIATE)
  const a = load<u64>(destination + ((immediate & 1) << 3))
  const b = load<u64>(source + ((immediate & 0x10) >> 1))
  let low: u64 = 0
  let high: u64 = 0
  for (let i: u64 = 0; i < 64; i++) {
    const chosen = 0 - ((b >> i) & 1)
    low ^= (a << i) & chosen
    if (i != 0) high ^= (a >> (64 - i)) & chosen
  }
  store<u64>(destination, low)
  store<u64>(destination, high, 8)
}
