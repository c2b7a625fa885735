/**
 * Bulk steps of REP MOVS and REP STOS: many elements at once within one page of source and destination.
 *
 * before: one load, store and count per element => after: memory.copy or memory.fill per page.
 * Condition: DF clear, RAM on both sides within the segments, no overlap that a forward copy would smear, no single
 * step. Otherwise 0 is returned and the caller takes an ordinary step, which raises what it must.
 */
import {
  CPL, DATA_BREAKPOINTS, EFLAGS, EFLAGS_DF, GPR, GPR_EAX, GPR_ECX, GPR_EDI, GPR_ESI, MODE, MODE_FLAT, PAGE_FLAG_DEVICE, PAGE_FLAG_RAM,
  PAGE_GRANULES_BASE, RAM_BASE, SEGMENT_ACCESS, SEGMENT_BASE, SEGMENT_DS, SEGMENT_ES, SEGMENT_LIMIT, TRAP_BEFORE,
} from '../../build/helpers/layout'
import { isWatched } from './breakpoints'
import { codeWritten } from './host'
import { alignmentChecked, clearFault, faulted, pageFlag } from './memory'
import { translate } from './paging'
import { PLAIN_READABLE, PLAIN_WRITABLE } from './segments'

/** Fewer elements than this are stepped. */
const FEWEST: u32 = 4
const OFFSET_MASK: u32 = 0xfff
const PAGE: u32 = 0x1000

// @ts-ignore: decorator
@inline
function register(number: u32): u32 {
  return load<u32>(GPR + number * 8)
}

/** Moves a register on by `bytes` within the bits of `mask`. */
// @ts-ignore: decorator
@inline
function advance(number: u32, bytes: u32, mask: u32): void {
  const value = register(number)
  store<u32>(GPR + number * 8, (value & ~mask) | ((value + bytes) & mask))
}

/** Whether bulk steps are allowed here at all. */
// @ts-ignore: decorator
@inline
function allowed(): bool {
  return (load<u32>(EFLAGS) & EFLAGS_DF) == 0 && load<u32>(TRAP_BEFORE) == 0 && !alignmentChecked()
}

/**
 * Bytes from `offset` to the end of a segment that an access of the kind may touch, at most a page, and not beyond
 * where addresses of the width of `mask` begin again; 0 where anything is to be raised.
 */
function room(segment: u32, offset: u32, mask: u32, write: bool): u32 {
  if ((load<u32>(MODE) & MODE_FLAT) != 0 && segment <= SEGMENT_DS) return min(PAGE, mask - offset + 1)
  const at = segment << 3
  const kinds: u32 = write ? PLAIN_WRITABLE : PLAIN_READABLE
  const limit = min(load<u32>(SEGMENT_LIMIT + at), mask)
  if (((kinds >> (load<u32>(SEGMENT_ACCESS + at) & 0x1f)) & 1) == 0 || offset > limit) return 0
  return limit - offset < PAGE ? limit - offset + 1 : PAGE
}

/** Physical address, or all ones when the access would fault or is not to the wanted kind of page. */
function plainPage(linear: u32, write: bool): u32 {
  const physical = translate(linear, write, load<u32>(CPL) == 3)
  if (faulted()) {
    // The ordinary step raises it again.
    clearFault()
    return 0xffffffff
  }
  const flag = pageFlag(physical)
  if (load<u32>(DATA_BREAKPOINTS) != 0 && isWatched(linear & ~OFFSET_MASK)) return 0xffffffff
  if (write ? flag != PAGE_FLAG_RAM : flag == PAGE_FLAG_DEVICE) return 0xffffffff
  return physical
}

function noticeRange(physical: u32, bytes: u32): void {
  if (load<u32>(PAGE_GRANULES_BASE + ((physical >> 12) << 2)) != 0) codeWritten(physical, bytes)
}

/**
 * REP MOVS of elements of 2^`shift` bytes from `segment`, addresses and count as wide as `mask`: how many elements were
 * moved; registers are up to date.
 */
export function bulkMove(shift: u32, segment: u32, mask: u32): u32 {
  if (!allowed()) return 0
  const sourceOffset = register(GPR_ESI) & mask
  const destinationOffset = register(GPR_EDI) & mask
  const source = load<u32>(SEGMENT_BASE + (segment << 3)) + sourceOffset
  const destination = load<u32>(SEGMENT_BASE + (SEGMENT_ES << 3)) + destinationOffset
  let elements = register(GPR_ECX) & mask
  elements = min(elements, min(room(segment, sourceOffset, mask, false), PAGE - (source & OFFSET_MASK)) >> shift)
  elements = min(elements, min(room(SEGMENT_ES, destinationOffset, mask, true), PAGE - (destination & OFFSET_MASK)) >> shift)
  if (elements < FEWEST) return 0
  const bytes = elements << shift
  const from = plainPage(source, false)
  if (from == 0xffffffff) return 0
  const to = plainPage(destination, true)
  if (to == 0xffffffff || (to > from && to < from + bytes)) return 0
  memory.copy(RAM_BASE + to, RAM_BASE + from, bytes)
  noticeRange(to, bytes)
  advance(GPR_ESI, bytes, mask)
  advance(GPR_EDI, bytes, mask)
  advance(GPR_ECX, -elements, mask)
  return elements
}

/** REP STOS likewise. */
export function bulkStore(shift: u32, mask: u32): u32 {
  if (!allowed()) return 0
  const offset = register(GPR_EDI) & mask
  const destination = load<u32>(SEGMENT_BASE + (SEGMENT_ES << 3)) + offset
  const space = min(room(SEGMENT_ES, offset, mask, true), PAGE - (destination & OFFSET_MASK))
  const elements = min(register(GPR_ECX) & mask, space >> shift)
  if (elements < FEWEST) return 0
  const bytes = elements << shift
  const to = plainPage(destination, true)
  if (to == 0xffffffff) return 0
  const value = register(GPR_EAX)
  const start = RAM_BASE + to
  const byte = value & 0xff
  const repeated = byte * 0x01010101
  if (shift == 0 || (shift == 1 ? (value & 0xffff) == (repeated & 0xffff) : value == repeated)) {
    memory.fill(start, <u8>byte, bytes)
  } else if (shift == 1) {
    for (let i: u32 = 0; i < bytes; i += 2) store<u16>(start + i, <u16>value)
  } else {
    for (let i: u32 = 0; i < bytes; i += 4) store<u32>(start + i, value)
  }
  noticeRange(to, bytes)
  advance(GPR_EDI, bytes, mask)
  advance(GPR_ECX, -elements, mask)
  return elements
}
