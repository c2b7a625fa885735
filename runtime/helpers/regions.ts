/** Whether a compiled region may be entered: its code pages must be mapped as they were when it was compiled. */
import {
  CPL, KEY, REGION_DESCRIPTORS_BASE, REGION_DESCRIPTOR_BYTES, REGION_DESCRIPTOR_FIRST_PAGE,
  REGION_DESCRIPTOR_PAGES, REGION_DESCRIPTOR_VALIDATED_KEY,
} from '../../build/helpers/layout'
import { peekFetch } from './paging'

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
    if (peekFetch(load<u32>(pair), load<u32>(CPL) == 3) != load<u32>(pair, 4)) return 0
  }
  store<u32>(descriptor + REGION_DESCRIPTOR_VALIDATED_KEY, load<u32>(KEY))
  return 1
}
