/** Which physical pages are RAM: the page flags that translation consults (runtime/memory-map.ts). */
import type { Core } from '../runtime/core.ts'
import { PAGE_BYTES, PAGE_FLAGS_BASE, PageFlag } from '../runtime/memory-map.ts'

const VIDEO_FIRST = 0xa0000
const VIDEO_END = 0xc0000

/** Marks physical addresses `first` (page aligned) up to `end` as `flag`, as far as they lie in RAM. */
export function markPages(core: Core, first: number, end: number, flag: PageFlag): void {
  const last = Math.min(end, core.ramBytes)
  if (last > first)
    core.bytes.fill(flag, PAGE_FLAGS_BASE + first / PAGE_BYTES, PAGE_FLAGS_BASE + last / PAGE_BYTES)
}

/** All of RAM answers as RAM. */
export function openRam(core: Core): void {
  markPages(core, 0, core.ramBytes, PageFlag.Ram)
}

/** A0000h..BFFFFh belong to the video card. */
export function closeVideoHole(core: Core): void {
  markPages(core, VIDEO_FIRST, VIDEO_END, PageFlag.Device)
}
