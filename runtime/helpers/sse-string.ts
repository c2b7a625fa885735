/**
 * PCMPESTRI, PCMPESTRM, PCMPISTRI, PCMPISTRM. Source: Intel SDM vol. 2, 4.1 (imm8, aggregation, polarity, valid elements).
 *
 *   destination, source --compare--> a bit for each pair --aggregate--> IntRes1 --polarity--> IntRes2 --> index or mask
 */
import {
  DESTINATION_SHIFT, EFLAGS_CF, EFLAGS_OF, EFLAGS_SF, EFLAGS_ZF, FORM_ADDRESS_MASK, SOURCE_SHIFT, VECTOR_IMMEDIATE,
  VECTOR_LENGTHS, XMM,
} from '../../build/helpers/layout'

/** Immediate: element size and sign, aggregation, polarity, which end or mask form. */
const WORDS: u32 = 1
const SIGNED: u32 = 2
const EQUAL_ANY: u32 = 0
const RANGES: u32 = 1
const EQUAL_EACH: u32 = 2
const NEGATIVE: u32 = 0x10
const ONLY_VALID: u32 = 0x20
const MOST_SIGNIFICANT: u32 = 0x40

/** Low bits of the form: what the instruction is. */
const EXPLICIT_LENGTHS: u32 = 1
const AS_MASK: u32 = 2

/** Where flags stand in the result, above the index. */
const FLAGS_POSITION: u32 = 8

/** An element of a vector, everywhere. */
// @ts-ignore: decorator
@inline
function everywhere(address: u32, i: u32, words: bool): v128 {
  return words ? i16x8.splat(load<i16>(address + (i << 1))) : i8x16.splat(load<i8>(address + i))
}

/** A bit for each element that is all ones. */
// @ts-ignore: decorator
@inline
function bitsOf(mask: v128, words: bool): u32 {
  return words ? <u32>i16x8.bitmask(mask) : <u32>i8x16.bitmask(mask)
}

// @ts-ignore: decorator
@inline
function equal(a: v128, b: v128, words: bool): v128 {
  return words ? i16x8.eq(a, b) : i8x16.eq(a, b)
}

/** Elements of a that are not below those of b. */
function notBelow(a: v128, b: v128, immediate: u32): v128 {
  if ((immediate & WORDS) != 0) return (immediate & SIGNED) != 0 ? i16x8.ge_s(a, b) : i16x8.ge_u(a, b)
  return (immediate & SIGNED) != 0 ? i8x16.ge_s(a, b) : i8x16.ge_u(a, b)
}

/** Elements in front of the first zero. */
function implicitLength(address: u32, count: u32, words: bool): u32 {
  const zeros = bitsOf(equal(v128.load(address), i32x4.splat(0), words), words)
  return ctz(zeros | (1 << count))
}

/** The magnitude of a length register, at most `count`. */
function explicitLength(value: i32, count: u32): u32 {
  const size = value < 0 ? <u32>-<i64>value : <u32>value
  return size > count ? count : size
}

/** IntRes1: a bit for each element of the source (of its alignment, for equal ordered). */
function aggregate(left: u32, leftLength: u32, right: u32, rightLength: u32, count: u32, immediate: u32): u32 {
  const words = (immediate & WORDS) != 0
  const all: u32 = (<u32>1 << count) - 1
  const leftValid: u32 = (<u32>1 << leftLength) - 1
  const rightValid: u32 = (<u32>1 << rightLength) - 1
  const source = v128.load(right)
  const kind = (immediate >> 2) & 3
  if (kind == EQUAL_EACH) {
    const same = bitsOf(equal(v128.load(left), source, words), words)
    return (same & leftValid & rightValid) | (~(leftValid | rightValid) & all)
  }
  if (kind == EQUAL_ANY || kind == RANGES) {
    let holds = i32x4.splat(0)
    if (kind == EQUAL_ANY) {
      for (let i: u32 = 0; i < leftLength; i++) holds = v128.or(holds, equal(everywhere(left, i, words), source, words))
    } else {
      for (let i: u32 = 0; i + 1 < leftLength; i += 2) {
        const above = notBelow(source, everywhere(left, i, words), immediate)
        holds = v128.or(holds, v128.and(above, notBelow(everywhere(left, i + 1, words), source, immediate)))
      }
    }
    return bitsOf(holds, words) & rightValid
  }
  // Equal ordered: the destination as a substring that begins here; what lies beyond the register matches.
  let bits = all
  for (let i: u32 = 0; i < leftLength; i++) {
    const same = bitsOf(equal(everywhere(left, i, words), source, words), words) & rightValid
    bits &= (same >> i) | ~(all >> i)
  }
  return bits
}

/**
 * The whole instruction; the form's low bits are EXPLICIT_LENGTHS and AS_MASK. A mask goes to XMM0. Returns an EFLAGS
 * image above an index.
 */
export function compareStrings(form: u32): u32 {
  const left = (form >> DESTINATION_SHIFT) & FORM_ADDRESS_MASK
  const right = (form >> SOURCE_SHIFT) & FORM_ADDRESS_MASK
  const immediate = load<u32>(VECTOR_IMMEDIATE)
  const words = (immediate & WORDS) != 0
  const count: u32 = words ? 8 : 16
  const isExplicit = (form & EXPLICIT_LENGTHS) != 0
  const leftLength = isExplicit ? explicitLength(load<i32>(VECTOR_LENGTHS), count) : implicitLength(left, count, words)
  const rightLength = isExplicit
    ? explicitLength(load<i32>(VECTOR_LENGTHS + 8), count)
    : implicitLength(right, count, words)
  const all: u32 = (<u32>1 << count) - 1
  let bits = aggregate(left, leftLength, right, rightLength, count, immediate)
  if ((immediate & NEGATIVE) != 0) bits ^= (immediate & ONLY_VALID) != 0 ? (<u32>1 << rightLength) - 1 : all
  if ((form & AS_MASK) != 0) writeMask(bits, count, immediate)
  let flags: u32 = bits != 0 ? EFLAGS_CF : 0
  if (rightLength < count) flags |= EFLAGS_ZF
  if (leftLength < count) flags |= EFLAGS_SF
  if ((bits & 1) != 0) flags |= EFLAGS_OF
  const index = bits == 0 ? count : (immediate & MOST_SIGNIFICANT) != 0 ? 31 - clz(bits) : ctz(bits)
  return (flags << FLAGS_POSITION) | index
}

/** XMM0 := the bits, or each as a whole element. */
function writeMask(bits: u32, count: u32, immediate: u32): void {
  store<u64>(XMM, bits)
  store<u64>(XMM, 0, 8)
  if ((immediate & MOST_SIGNIFICANT) == 0) return
  for (let i: u32 = 0; i < count; i++) {
    const wanted: u32 = (bits >> i) & 1 ? 0xffff : 0
    if (count == 8) store<u16>(XMM + (i << 1), <u16>wanted)
    else store<u8>(XMM + i, <u8>wanted)
  }
}
