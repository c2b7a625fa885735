/** Whether a compiled region may be entered: its code pages must be mapped as they were when it was compiled. */
import {
  CPL, CR2, DATA_BREAKPOINTS, KEY, PAGE_BYTES, PAGE_FLAG_DEVICE, PAGE_FLAG_RAM, RAM_BASE, REGION_DESCRIPTORS_BASE, REGION_DESCRIPTOR_BYTES, REGION_DESCRIPTOR_FIRST_PAGE,
  REGION_DESCRIPTOR_PAGES, REGION_DESCRIPTOR_VALIDATED_KEY,
} from '../../build/helpers/layout'
import { isWatched } from './breakpoints'
import { clearFault, faulted, holdsCode, pageFlag } from './memory'
import { noteFetched, peekFetch, translate, translateFetch } from './paging'

/**
 * Checks the pages of the region in `slot` against the present address map and, when they are in place, remembers
 * that for this generation: nothing inside a region can change the map. A page that has not been accessed yet keeps
 * the region out, for its accessed bit is to be set when the guest gets there and not before.
 */
export function validateRegion(slot: u32): i32 {
  const descriptor = REGION_DESCRIPTORS_BASE + slot * REGION_DESCRIPTOR_BYTES
  const pages = load<u32>(descriptor + REGION_DESCRIPTOR_PAGES)
  for (let i: u32 = 0; i < pages; i++) {
    const pair = descriptor + REGION_DESCRIPTOR_FIRST_PAGE + i * 8
    const linear = load<u32>(pair)
    if (peekFetch(linear, load<u32>(CPL) == 3) != load<u32>(pair, 4)) return 0
    // Into the TLB, which knows then whether the page is global; nothing else can come of it, for the bits are set.
    translateFetch(linear, load<u32>(CPL) == 3)
    noteFetched(linear)
  }
  store<u32>(descriptor + REGION_DESCRIPTOR_VALIDATED_KEY, load<u32>(KEY))
  return 1
}

/**
 * Address in linear memory of `bytes` bytes at `linear`, for an access that the TLB does not know; 0 when it is not
 * for a region: it would fault, crosses a page, is no RAM, or would write code. Nothing but the TLB and accessed and
 * dirty bits changes, which the interpreter would change likewise.
 */
function hostFor(linear: u32, bytes: u32, write: bool): u32 {
  if ((linear & (PAGE_BYTES - 1)) + bytes > PAGE_BYTES) return 0
  const cr2 = load<u32>(CR2)
  const physical = translate(linear, write, load<u32>(CPL) == 3)
  if (faulted()) {
    clearFault()
    store<u32>(CR2, cr2)
    return 0
  }
  const flag = pageFlag(physical)
  if (load<u32>(DATA_BREAKPOINTS) != 0 && isWatched(linear & ~(PAGE_BYTES - 1))) return 0
  if (write ? flag != PAGE_FLAG_RAM || holdsCode(physical, bytes) : flag == PAGE_FLAG_DEVICE) return 0
  return RAM_BASE + physical
}

export function hostForRead8(linear: u32): u32 { return hostFor(linear, 1, false) }
export function hostForRead16(linear: u32): u32 { return hostFor(linear, 2, false) }
export function hostForRead32(linear: u32): u32 { return hostFor(linear, 4, false) }
export function hostForWrite8(linear: u32): u32 { return hostFor(linear, 1, true) }
export function hostForWrite16(linear: u32): u32 { return hostFor(linear, 2, true) }
export function hostForWrite32(linear: u32): u32 { return hostFor(linear, 4, true) }
