/**
 * Segment registers: loading them in every mode, and the check of an access through one.
 *
 * segmentRead/segmentWrite are what the general (non-flat) back-end path calls before each memory access;
 * loadSegment is MOV/POP Sreg and LDS, LES, LFS, LGS, LSS.
 *
 * Source: Intel SDM vol. 3, 3.4 (segments), 5.3 (limits), 5.4 (types), 5.6 and 5.7 (privilege), 20.1 (8086 mode);
 * vol. 2, MOV.
 */
import {
  CPL,
  CR0,
  CR0_PE,
  EFLAGS,
  EFLAGS_VM,
  INTERRUPT_SHADOW,
  SEGMENT_ACCESS,
  SEGMENT_BASE,
  SEGMENT_FS,
  SEGMENT_GS,
  SEGMENT_LIMIT,
  SEGMENT_SELECTOR,
  SEGMENT_SS,
  SHADOW_MOV_SS,
  VECTOR_GP,
  VECTOR_NP,
  VECTOR_SS,
} from '../../build/helpers/layout'
import {
  ACCESS_ACCESSED,
  ACCESS_BIG,
  ACCESS_CODE,
  ACCESS_EXPAND_DOWN,
  ACCESS_GRANULAR,
  ACCESS_PRESENT,
  ACCESS_SEGMENT,
  ACCESS_WRITABLE,
  accessOf,
  baseOf,
  clearCache,
  DESCRIPTOR_BYTES,
  descriptorHigh,
  descriptorLinear,
  descriptorLow,
  dplOf,
  fetchDescriptor,
  fillCache,
  isConforming,
  isNull,
  isReadable,
  isStack,
  limitOf,
  locateDescriptor,
  markAccessed,
  raiseSelector,
  SELECTOR_RPL,
} from './descriptors'
import { faulted, systemHostForRead } from './memory'
import { updateMode } from './mode'

/** Access word of a segment in real mode: read/write data, accessed, present, DPL 0. */
export const ACCESS_REAL: u32 = ACCESS_PRESENT | ACCESS_SEGMENT | ACCESS_WRITABLE | ACCESS_ACCESSED
/** The same with DPL 3: virtual-8086 mode. */
export const ACCESS_VIRTUAL8086: u32 = ACCESS_REAL | (3 << 5)
/** Limit of a segment in virtual-8086 mode, and of one in real mode that never saw protected mode. */
export const LIMIT_8086: u32 = 0xffff

/** Bits of the access word that a real-mode load keeps, with the limit: "unreal mode" lives on this. */
const ACCESS_KEPT_IN_REAL_MODE: u32 = ACCESS_BIG | ACCESS_GRANULAR

// Bit n is set if S:type == n allows the access by the plain limit check (SDM vol. 3, table 3-1).
/** Data not expanding down, and readable code. */
export const PLAIN_READABLE: u32 = 0xcc0f0000
/** Writable data not expanding down. */
export const PLAIN_WRITABLE: u32 = 0x000c0000

/** CR0.PE is set and EFLAGS.VM clear: selectors name descriptors. */
// @ts-ignore: decorator
@inline
export function inProtectedMode(): bool {
  return (load<u32>(CR0) & CR0_PE) != 0 && (load<u32>(EFLAGS) & EFLAGS_VM) == 0
}

/** EFLAGS.VM is set. */
// @ts-ignore: decorator
@inline
export function inVirtual8086Mode(): bool {
  return (load<u32>(EFLAGS) & EFLAGS_VM) != 0
}

/** Raises #GP with the null error code (EXT apart). */
export function raiseGeneralProtection(): void {
  raiseSelector(VECTOR_GP, 0)
}

/** Raises what a limit or type violation through `segment` raises: #SS(0) for SS, else #GP(0). */
function raiseSegmentViolation(segment: u32): void {
  raiseSelector(segment == SEGMENT_SS ? VECTOR_SS : VECTOR_GP, 0)
}

/**
 * Do `bytes` bytes at `offset` lie within a segment with this limit (bytes, inclusive) and access word?
 * A limit of 4 GiB - 1 lets an access wrap round, as flat segments do.
 */
export function withinLimit(access: u32, limit: u32, offset: u32, bytes: u32): bool {
  const last = offset + bytes - 1
  if ((access & (ACCESS_CODE | ACCESS_EXPAND_DOWN)) != ACCESS_EXPAND_DOWN) {
    return limit == 0xffffffff || (last >= offset && last <= limit)
  }
  const top: u32 = access & ACCESS_BIG ? 0xffffffff : 0xffff
  return offset > limit && last >= offset && last <= top
}

/** The rare part of segmentRead/segmentWrite: expand-down, wrap-around, violations. */
function segmentSlow(segment: u32, offset: u32, bytes: u32, write: bool): u32 {
  const access = load<u32>(SEGMENT_ACCESS + (segment << 3))
  const allowed = write ? isStack(access) : isReadable(access)
  if (!allowed || !withinLimit(access, load<u32>(SEGMENT_LIMIT + (segment << 3)), offset, bytes)) {
    raiseSegmentViolation(segment)
    return 0
  }
  return load<u32>(SEGMENT_BASE + (segment << 3)) + offset
}

/**
 * Checks a read of `bytes` bytes at `offset` through segment register `segment` and returns the linear address.
 * Raises #SS(0) (SS) or #GP(0) if the segment is null, execute-only, or too short.
 */
export function segmentRead(segment: u32, offset: u32, bytes: u32): u32 {
  const at = segment << 3
  const last = offset + bytes - 1
  if (((PLAIN_READABLE >> (load<u32>(SEGMENT_ACCESS + at) & 0x1f)) & 1) == 0)
    return segmentSlow(segment, offset, bytes, false)
  if (last > load<u32>(SEGMENT_LIMIT + at) || last < offset) return segmentSlow(segment, offset, bytes, false)
  return load<u32>(SEGMENT_BASE + at) + offset
}

/** Checks a write as segmentRead checks a read; also raises if the segment is not writable. */
export function segmentWrite(segment: u32, offset: u32, bytes: u32): u32 {
  const at = segment << 3
  const last = offset + bytes - 1
  if (((PLAIN_WRITABLE >> (load<u32>(SEGMENT_ACCESS + at) & 0x1f)) & 1) == 0)
    return segmentSlow(segment, offset, bytes, true)
  if (last > load<u32>(SEGMENT_LIMIT + at) || last < offset) return segmentSlow(segment, offset, bytes, true)
  return load<u32>(SEGMENT_BASE + at) + offset
}

/** Loads a segment register as 8086 code does, in real mode: limit and size stay as they are. */
export function loadRealSegment(segment: u32, selector: u32): void {
  const at = segment << 3
  store<u32>(SEGMENT_SELECTOR + at, selector & 0xffff)
  store<u32>(SEGMENT_BASE + at, (selector & 0xffff) << 4)
  store<u32>(SEGMENT_ACCESS + at, (load<u32>(SEGMENT_ACCESS + at) & ACCESS_KEPT_IN_REAL_MODE) | ACCESS_REAL)
}

/** Loads a segment register in virtual-8086 mode: limit 64 KiB, DPL 3. */
export function loadVirtual8086Segment(segment: u32, selector: u32): void {
  const at = segment << 3
  store<u32>(SEGMENT_SELECTOR + at, selector & 0xffff)
  store<u32>(SEGMENT_BASE + at, (selector & 0xffff) << 4)
  store<u32>(SEGMENT_LIMIT + at, LIMIT_8086)
  store<u32>(SEGMENT_ACCESS + at, ACCESS_VIRTUAL8086)
}

/** Loads a segment register the 8086 way, in whichever of the two modes the CPU is. */
export function load8086Segment(segment: u32, selector: u32): void {
  if (inVirtual8086Mode()) loadVirtual8086Segment(segment, selector)
  else loadRealSegment(segment, selector)
}

/** Is a data segment with this access word accessible for a selector with this RPL at privilege `cpl`? */
export function dataAccessible(access: u32, rpl: u32, cpl: u32): bool {
  return isConforming(access) || (dplOf(access) >= rpl && dplOf(access) >= cpl)
}

/** SS in protected mode. */
function loadStackSegment(selector: u32): void {
  const cpl = load<u32>(CPL)
  if (isNull(selector)) {
    raiseGeneralProtection()
    return
  }
  if (!fetchDescriptor(selector, VECTOR_GP)) return
  const access = accessOf(descriptorHigh)
  if ((selector & SELECTOR_RPL) != cpl || !isStack(access) || dplOf(access) != cpl) {
    raiseSelector(VECTOR_GP, selector)
    return
  }
  if ((access & ACCESS_PRESENT) == 0) {
    raiseSelector(VECTOR_SS, selector)
    return
  }
  const high = markAccessed(descriptorLinear, descriptorHigh)
  if (faulted()) return
  fillCache(SEGMENT_SS, selector, descriptorLow, high)
}

/** DS, ES, FS, GS in protected mode. */
function loadDataSegment(segment: u32, selector: u32): void {
  if (isNull(selector)) {
    clearCache(segment, selector)
    return
  }
  if (!fetchDescriptor(selector, VECTOR_GP)) return
  const access = accessOf(descriptorHigh)
  if (!isReadable(access) || !dataAccessible(access, selector & SELECTOR_RPL, load<u32>(CPL))) {
    raiseSelector(VECTOR_GP, selector)
    return
  }
  if ((access & ACCESS_PRESENT) == 0) {
    raiseSelector(VECTOR_NP, selector)
    return
  }
  const high = markAccessed(descriptorLinear, descriptorHigh)
  if (faulted()) return
  fillCache(segment, selector, descriptorLow, high)
}

/**
 * Loads ES, SS, DS, FS or GS (`segment`) with `selector` in the current mode.
 * Raises #GP, #NP or #SS as MOV Sreg does, and changes nothing then. CS is not loaded this way.
 */
export function loadSegment(segment: u32, selector: u32): void {
  selector &= 0xffff
  const at = segment << 3
  const base = load<u32>(SEGMENT_BASE + at)
  const limit = load<u32>(SEGMENT_LIMIT + at)
  const access = load<u32>(SEGMENT_ACCESS + at)
  if (!inProtectedMode()) load8086Segment(segment, selector)
  else if (segment == SEGMENT_SS) loadStackSegment(selector)
  else loadDataSegment(segment, selector)
  if (faulted() || segment == SEGMENT_FS || segment == SEGMENT_GS) return
  const same =
    load<u32>(SEGMENT_BASE + at) == base && load<u32>(SEGMENT_LIMIT + at) == limit &&
    load<u32>(SEGMENT_ACCESS + at) == access
  if (!same) updateMode()
}

/**
 * Loads DS, ES, FS or GS in a region of flat code: 1 when it is done, 0 when the interpreter has to do it, which is so
 * where anything would be raised, an accessed bit set, or DS or ES get another base, limit or type. `packed` is the
 * selector, and the segment's number above its 16 bits.
 */
export function tryLoadSegment(packed: u32): u32 {
  const segment = packed >> 16
  const selector = packed & 0xffff
  const data = segment != SEGMENT_FS && segment != SEGMENT_GS
  if (!inProtectedMode()) return 0
  if (isNull(selector)) {
    if (data) return 0
    clearCache(segment, selector)
    return 1
  }
  if (!locateDescriptor(selector)) return 0
  const place = systemHostForRead(descriptorLinear, DESCRIPTOR_BYTES)
  if (place == 0) return 0
  const low = load<u32>(place)
  const high = load<u32>(place, 4)
  const access = accessOf(high)
  const wanted = ACCESS_PRESENT | ACCESS_ACCESSED
  if ((access & wanted) != wanted || !isReadable(access)) return 0
  if (!dataAccessible(access, selector & SELECTOR_RPL, load<u32>(CPL))) return 0
  const at = segment << 3
  const same =
    load<u32>(SEGMENT_BASE + at) == baseOf(low, high) && load<u32>(SEGMENT_LIMIT + at) == limitOf(low, high) &&
    load<u32>(SEGMENT_ACCESS + at) == access
  if (data && !same) return 0
  fillCache(segment, selector, low, high)
  return 1
}

/** Nulls a data segment register that the outer privilege level `cpl`, now entered, may not use; whether it has. */
export function dropInaccessible(segment: u32, cpl: u32): bool {
  const access = load<u32>(SEGMENT_ACCESS + (segment << 3))
  if (access == 0 || dplOf(access) >= cpl || isConforming(access)) return false
  clearCache(segment, 0)
  return true
}

/** MOV Sreg: loadSegment, and SS holds off interrupts and debug traps for one instruction (SDM vol. 3, 6.8.3). */
export function moveToSegment(segment: u32, selector: u32): void {
  loadSegment(segment, selector)
  if (segment == SEGMENT_SS && !faulted()) store<u32>(INTERRUPT_SHADOW, SHADOW_MOV_SS)
}
