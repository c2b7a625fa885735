/**
 * Video memory beside RAM: where it is seen, and whether it has been written since the last picture.
 *
 * The CPU reads and writes the frame buffer like RAM. To learn of writes, all its pages begin closed, as if they held
 * code: the first store to a page takes the slow path and ends up in `touched`, which opens the page; the next picture
 * closes the opened ones again. An untouched screen costs nothing, a busy one a slow store a page and picture.
 */
import type { CodeCache } from '../runtime/code-cache.ts'
import type { Core } from '../runtime/core.ts'
import {
  PAGE_BYTES, PAGE_GRANULES_BASE, PAGE_SHIFT, ROM_PLACE, VIDEO_BYTES, VIDEO_PLACE,
} from '../runtime/memory-map.ts'
import { LEGACY_FIRST } from './devices/vga/planes.ts'
import { openWindow, videoMemory } from './physical-map.ts'

const ALL_GRANULES = 0xffffffff
const FIRST_PAGE = VIDEO_PLACE / PAGE_BYTES
/** More pages than this are closed by emptying the TLB, which costs less than a search for each. */
const MOST_SEARCHES = 8
const FRAME_BUFFER_WINDOW = 0
const LEGACY_WINDOW = 1
const LEGACY_BYTES = 0x10000

export class VideoMemory {
  readonly bytes: Uint8Array
  private readonly core: Core
  private readonly cache: CodeCache
  private readonly granules: Uint32Array
  private readonly opened = new Set<number>()
  private written = false

  constructor(core: Core, cache: CodeCache) {
    this.core = core
    this.cache = cache
    this.bytes = videoMemory(core)
    const start = PAGE_GRANULES_BASE + FIRST_PAGE * 4
    this.granules = new Uint32Array(core.memory.buffer, start, VIDEO_BYTES / PAGE_BYTES)
    this.granules.fill(ALL_GRANULES)
  }

  /** Shows the whole of it at a physical address, or nowhere. */
  showAt(base: number | null): void {
    openWindow(this.core, FRAME_BUFFER_WINDOW, base ?? 0, base === null ? 0 : VIDEO_BYTES, 0)
  }

  /** Shows 64 KiB from `offset` on at A0000h, or lets the card answer there. */
  showLegacy(offset: number | null): void {
    openWindow(this.core, LEGACY_WINDOW, LEGACY_FIRST, offset === null ? 0 : LEGACY_BYTES, offset ?? 0)
  }

  /** A store to a closed page: opens it. Places outside video memory are no matter. */
  touched(place: number): void {
    if (place < VIDEO_PLACE || place >= ROM_PLACE) return
    const page = (place >>> PAGE_SHIFT) - FIRST_PAGE
    this.written = true
    if (this.cache.holdsCode(page + FIRST_PAGE)) return
    this.granules[page] = 0
    this.opened.add(page)
  }

  /** Whether the CPU has written since the last call. */
  takeWritten(): boolean {
    if (!this.written) return false
    this.written = false
    const { exports } = this.core
    for (const page of this.opened) {
      this.granules[page] = ALL_GRANULES
      if (this.opened.size <= MOST_SEARCHES) exports.closePage(VIDEO_PLACE + page * PAGE_BYTES)
    }
    if (this.opened.size > MOST_SEARCHES) exports.flushTlb(true)
    this.opened.clear()
    return true
  }
}
