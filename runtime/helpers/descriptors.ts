/**
 * Segment and gate descriptors: fetching them from the GDT or LDT, taking them apart, and the error codes that
 * name them.
 *
 * Every helper that gives a selector a meaning starts here: segment loads, far transfers, interrupts, task switches.
 *
 *   selector -> fetchDescriptor -> descriptorLow/High/Linear -> checks of the caller -> markAccessed -> fillCache
 *
 * Source: Intel SDM vol. 3, 3.4.2 (selectors), 3.4.5 (segment descriptors), 5.8.3 (gates), 6.13 (error codes).
 */
import {
  GDTR_BASE,
  GDTR_LIMIT,
  SEGMENT_ACCESS,
  SEGMENT_BASE,
  SEGMENT_LDTR,
  SEGMENT_LIMIT,
  SEGMENT_SELECTOR,
} from '../../build/helpers/layout'
import { faulted, raiseCode, readSystem64, writeSystem8 } from './memory'

/** Bits of an access word: bits 8..23 of the high dword of a descriptor, shifted right by 8. */
export const ACCESS_ACCESSED: u32 = 1 << 0
/** Data: writable. Code: readable. */
export const ACCESS_WRITABLE: u32 = 1 << 1
export const ACCESS_READABLE: u32 = 1 << 1
/** Data: expand down. Code: conforming. */
export const ACCESS_EXPAND_DOWN: u32 = 1 << 2
export const ACCESS_CONFORMING: u32 = 1 << 2
export const ACCESS_CODE: u32 = 1 << 3
/** S: a code or data segment, not a system descriptor. */
export const ACCESS_SEGMENT: u32 = 1 << 4
export const ACCESS_PRESENT: u32 = 1 << 7
/** D/B. */
export const ACCESS_BIG: u32 = 1 << 14
export const ACCESS_GRANULAR: u32 = 1 << 15
/** The access word without the limit bits that sit in the middle of it. */
const ACCESS_MASK: u32 = 0xf0ff
const ACCESS_DPL_SHIFT: u32 = 5

/** System descriptor types (SDM vol. 3, table 3-2). Bit 3 tells 32-bit from 16-bit, bit 1 of a TSS type is busy. */
export const TYPE_TSS16: u32 = 1
export const TYPE_LDT: u32 = 2
export const TYPE_CALL_GATE16: u32 = 4
export const TYPE_TASK_GATE: u32 = 5
export const TYPE_INTERRUPT_GATE16: u32 = 6
export const TYPE_TRAP_GATE16: u32 = 7
export const TYPE_TSS32: u32 = 9
export const TYPE_CALL_GATE32: u32 = 12
export const TYPE_INTERRUPT_GATE32: u32 = 14
export const TYPE_TRAP_GATE32: u32 = 15
export const TYPE_BUSY: u32 = 2
export const TYPE_32: u32 = 8
/** Type and S together; a system descriptor has S clear, so the value is the type itself. */
const TYPE_MASK: u32 = 0x1f

/** Selector fields. */
export const SELECTOR_RPL: u32 = 3
export const SELECTOR_TABLE: u32 = 4
export const SELECTOR_INDEX: u32 = 0xfff8
/** What an error code keeps of a selector: index and table indicator. */
const SELECTOR_ERROR: u32 = 0xfffc

/** Offset of the byte with type, S, DPL and P in a descriptor. */
export const DESCRIPTOR_ACCESS_BYTE: u32 = 5
/** Bytes of a descriptor or gate. */
export const DESCRIPTOR_BYTES: u32 = 8
/** Bit A of the high dword. */
const HIGH_ACCESSED: u32 = 1 << 8

/** What the last successful fetchDescriptor found. Copy before fetching another. */
export let descriptorLow: u32 = 0
export let descriptorHigh: u32 = 0
/** Linear address of the descriptor. */
export let descriptorLinear: u32 = 0

/** The EXT bit of error codes: 1 while an event from outside the program (or an exception) is being delivered. */
let externalEvent: u32 = 0

/** Sets the EXT bit that error codes carry from now on. 0 or 1. */
export function setExternalEvent(value: u32): void {
  externalEvent = value
}

/** The EXT bit in force. */
export function externalBit(): u32 {
  return externalEvent
}

/** Raises `vector` with the error code that names `selector` (0: the null error code). */
export function raiseSelector(vector: u32, selector: u32): void {
  raiseCode(vector, (selector & SELECTOR_ERROR) | externalEvent)
}

/** A null selector: index 0 of the GDT, any RPL. */
// @ts-ignore: decorator
@inline
export function isNull(selector: u32): bool {
  return (selector & SELECTOR_ERROR) == 0
}

/** Linear address of the descriptor that `selector` names, or false if it lies outside its table. */
export function locateDescriptor(selector: u32): bool {
  let base = load<u32>(GDTR_BASE)
  let limit = load<u32>(GDTR_LIMIT)
  if (selector & SELECTOR_TABLE) {
    if (load<u32>(SEGMENT_ACCESS + (SEGMENT_LDTR << 3)) == 0) return false
    base = load<u32>(SEGMENT_BASE + (SEGMENT_LDTR << 3))
    limit = load<u32>(SEGMENT_LIMIT + (SEGMENT_LDTR << 3))
  }
  const offset = selector & SELECTOR_INDEX
  if (offset + DESCRIPTOR_BYTES - 1 > limit) return false
  descriptorLinear = base + offset
  return true
}

/** Reads the descriptor at `descriptorLinear`. False with a fault raised if the page walk fails. */
export function readDescriptor(): bool {
  const entry = readSystem64(descriptorLinear)
  if (faulted()) return false
  descriptorLow = <u32>entry
  descriptorHigh = <u32>(entry >> 32)
  return true
}

/**
 * Reads the descriptor that `selector` names to descriptorLow/High/Linear.
 * Raises `vector` with the selector if it lies outside its table; false if anything was raised.
 */
export function fetchDescriptor(selector: u32, vector: u32): bool {
  if (!locateDescriptor(selector)) {
    raiseSelector(vector, selector)
    return false
  }
  return readDescriptor()
}

/** Segment base in bytes. */
export function baseOf(low: u32, high: u32): u32 {
  return (low >> 16) | ((high & 0xff) << 16) | (high & 0xff000000)
}

/** Segment limit in bytes, inclusive, granularity applied. */
export function limitOf(low: u32, high: u32): u32 {
  const limit = (low & 0xffff) | (high & 0xf0000)
  return accessOf(high) & ACCESS_GRANULAR ? (limit << 12) | 0xfff : limit
}

/** Access word as the segment caches hold it. */
// @ts-ignore: decorator
@inline
export function accessOf(high: u32): u32 {
  return (high >> 8) & ACCESS_MASK
}

/** Descriptor privilege level. */
// @ts-ignore: decorator
@inline
export function dplOf(access: u32): u32 {
  return (access >> ACCESS_DPL_SHIFT) & 3
}

/** Type of a system descriptor; 16 or more for a code or data segment. */
// @ts-ignore: decorator
@inline
export function typeOf(access: u32): u32 {
  return access & TYPE_MASK
}

/** A code segment. */
// @ts-ignore: decorator
@inline
export function isCode(access: u32): bool {
  return (access & (ACCESS_SEGMENT | ACCESS_CODE)) == (ACCESS_SEGMENT | ACCESS_CODE)
}

/** A conforming code segment. */
// @ts-ignore: decorator
@inline
export function isConforming(access: u32): bool {
  return (
    (access & (ACCESS_SEGMENT | ACCESS_CODE | ACCESS_CONFORMING)) == (ACCESS_SEGMENT | ACCESS_CODE | ACCESS_CONFORMING)
  )
}

/** A writable data segment: what SS may hold. */
// @ts-ignore: decorator
@inline
export function isStack(access: u32): bool {
  return (access & (ACCESS_SEGMENT | ACCESS_CODE | ACCESS_WRITABLE)) == (ACCESS_SEGMENT | ACCESS_WRITABLE)
}

/** A data segment or a readable code segment: what DS, ES, FS and GS may hold. */
// @ts-ignore: decorator
@inline
export function isReadable(access: u32): bool {
  return (access & ACCESS_SEGMENT) != 0 && (access & (ACCESS_CODE | ACCESS_READABLE)) != ACCESS_CODE
}

/** A TSS, 16 or 32 bits, that is not busy. */
export function isAvailableTss(access: u32): bool {
  const type = typeOf(access)
  return type == TYPE_TSS16 || type == TYPE_TSS32
}

/** A TSS, 16 or 32 bits, that is busy. */
export function isBusyTss(access: u32): bool {
  const type = typeOf(access)
  return type == (TYPE_TSS16 | TYPE_BUSY) || type == (TYPE_TSS32 | TYPE_BUSY)
}

/**
 * Sets the accessed bit of the segment descriptor at `linear` in memory, unless it is set.
 * Returns the high dword with the bit. May raise a page fault; nothing is changed then.
 */
export function markAccessed(linear: u32, high: u32): u32 {
  if (high & HIGH_ACCESSED) return high
  const marked = high | HIGH_ACCESSED
  writeSystem8(linear + DESCRIPTOR_ACCESS_BYTE, (marked >> 8) & 0xff)
  return marked
}

/** Fills segment register `segment` and its cache from a descriptor. */
export function fillCache(segment: u32, selector: u32, low: u32, high: u32): void {
  const at = segment << 3
  store<u32>(SEGMENT_SELECTOR + at, selector)
  store<u32>(SEGMENT_BASE + at, baseOf(low, high))
  store<u32>(SEGMENT_LIMIT + at, limitOf(low, high))
  store<u32>(SEGMENT_ACCESS + at, accessOf(high))
}

/**
 * Makes segment register `segment` unusable, keeping `selector` readable. The limit stays 64 KiB, so that a
 * real-mode load after leaving protected mode finds a usable one.
 */
export function clearCache(segment: u32, selector: u32): void {
  const at = segment << 3
  store<u32>(SEGMENT_SELECTOR + at, selector)
  store<u32>(SEGMENT_BASE + at, 0)
  store<u32>(SEGMENT_LIMIT + at, 0xffff)
  store<u32>(SEGMENT_ACCESS + at, 0)
}
