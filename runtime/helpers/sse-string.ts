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

/** Element `i` of a string. */
function element(address: u32, i: u32, immediate: u32): i32 {
  if ((immediate & WORDS) != 0)
    return (immediate & SIGNED) != 0 ? <i32>load<i16>(address + (i << 1)) : <i32>load<u16>(address + (i << 1))
  return (immediate & SIGNED) != 0 ? <i32>load<i8>(address + i) : <i32>load<u8>(address + i)
}

/** Elements in front of the first zero. */
function implicitLength(address: u32, count: u32, immediate: u32): u32 {
  let length: u32 = 0
  while (length < count && element(address, length, immediate) != 0) length++
  return length
}

/** The magnitude of a length register, at most `count`. */
function explicitLength(value: i32, count: u32): u32 {
  const size = value < 0 ? <u32>-<i64>value : <u32>value
  return size > count ? count : size
}

/** IntRes1: a bit for each element of the source (of its alignment, for equal ordered). */
function aggregate(left: u32, leftLength: u32, right: u32, rightLength: u32, count: u32, immediate: u32): u32 {
  const kind = (immediate >> 2) & 3
  let bits: u32 = 0
  for (let j: u32 = 0; j < count; j++) {
    let holds = false
    if (kind == EQUAL_ANY) {
      for (let i: u32 = 0; i < leftLength && j < rightLength; i++)
        if (element(left, i, immediate) == element(right, j, immediate)) holds = true
    } else if (kind == RANGES) {
      for (let i: u32 = 0; i + 1 < leftLength && j < rightLength; i += 2) {
        const value = element(right, j, immediate)
        if (value >= element(left, i, immediate) && value <= element(left, i + 1, immediate)) holds = true
      }
    } else if (kind == EQUAL_EACH) {
      if (j < leftLength && j < rightLength) holds = element(left, j, immediate) == element(right, j, immediate)
      else holds = j >= leftLength && j >= rightLength
    } else {
      // Equal ordered: the destination as a substring that begins here; what lies beyond the register matches.
      holds = true
      for (let i: u32 = 0; i < leftLength && i + j < count; i++)
        if (i + j >= rightLength || element(left, i, immediate) != element(right, i + j, immediate)) holds = false
    }
    if (holds) bits |= 1 << j
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
  const count: u32 = (immediate & WORDS) != 0 ? 8 : 16
  const isExplicit = (form & EXPLICIT_LENGTHS) != 0
  const leftLength = isExplicit ? explicitLength(load<i32>(VECTOR_LENGTHS), count) : implicitLength(left, count, immediate)
  const rightLength = isExplicit
    ? explicitLength(load<i32>(VECTOR_LENGTHS + 8), count)
    : implicitLength(right, count, immediate)
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
