/** Which physical pages are RAM: the page flags that translation consults (runtime/memory-map.ts). */
import type { Core } from '../runtime/core.ts'
import { linearMemoryAddress, PAGE_BYTES, PAGE_FLAGS_BASE, PageFlag, VIDEO_BYTES, VIDEO_PLACE } from '../runtime/memory-map.ts'

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

const FOUR_GIB = 2 ** 32

/** Puts the BIOS ROM in its place, so that it ends at 4 GiB: at most ROM_BYTES. Its last page has the reset vector. */
export function installHighRom(core: Core, rom: Uint8Array): void {
  const first = FOUR_GIB - rom.length
  core.bytes.set(rom, linearMemoryAddress(first))
  const page = Math.floor(first / PAGE_BYTES)
  core.bytes.fill(PageFlag.Rom, PAGE_FLAGS_BASE + page, PAGE_FLAGS_BASE + FOUR_GIB / PAGE_BYTES)
}

/** The video memory itself, which windows show (`openWindow`). */
export function videoMemory(core: Core): Uint8Array {
  const start = linearMemoryAddress(VIDEO_PLACE)
  core.bytes.fill(PageFlag.Ram, PAGE_FLAGS_BASE + VIDEO_PLACE / PAGE_BYTES, PAGE_FLAGS_BASE + (VIDEO_PLACE + VIDEO_BYTES) / PAGE_BYTES)
  return core.bytes.subarray(start, start + VIDEO_BYTES)
}

/** Shows `bytes` of video memory from `offset` on at a physical address; whole pages. No bytes close the window. */
export function openWindow(core: Core, window: number, physical: number, bytes: number, offset: number): void {
  core.set('windowPhysical', physical | 0, window)
  core.set('windowBytes', bytes, window)
  core.set('windowPlace', (VIDEO_PLACE + offset) | 0, window)
  core.exports.flushTlb(true)
}
