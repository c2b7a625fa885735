/**
 * Guest RAM as devices, loaders and debuggers see it. Every write goes through `CodeCache.written`, the one door
 * that drops decoded code whose bytes change.
 */
import type { CodeCache } from '../runtime/code-cache.ts'
import type { Core } from '../runtime/core.ts'
import { PAGE_BYTES } from '../runtime/memory-map.ts'
import type { GuestMemory } from './devices/device.ts'

const PAGE_WORDS = PAGE_BYTES / 4

/** What a byte outside RAM reads as. */
const OPEN_BUS = 0xff

export class Ram implements GuestMemory {
  readonly size: number
  private readonly ram: Uint8Array
  private readonly view: DataView
  private readonly cache: CodeCache

  constructor(core: Core, cache: CodeCache) {
    this.size = core.ramBytes
    this.ram = core.ram
    this.view = new DataView(this.ram.buffer, this.ram.byteOffset, this.ram.byteLength)
    this.cache = cache
  }

  read8(physical: number): number {
    return physical < this.size ? this.ram[physical] : OPEN_BUS
  }
  read16(physical: number): number {
    if (physical + 2 <= this.size) return this.view.getUint16(physical, true)
    return this.read8(physical) | (this.read8(physical + 1) << 8)
  }
  read32(physical: number): number {
    if (physical + 4 <= this.size) return this.view.getUint32(physical, true)
    return (this.read16(physical) | (this.read16(physical + 2) << 16)) >>> 0
  }
  write8(physical: number, value: number): void {
    this.writeBytes(physical, Uint8Array.of(value))
  }
  write16(physical: number, value: number): void {
    this.writeBytes(physical, Uint8Array.of(value, value >> 8))
  }
  write32(physical: number, value: number): void {
    this.writeBytes(physical, Uint8Array.of(value, value >> 8, value >> 16, value >> 24))
  }

  readBytes(physical: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length).fill(OPEN_BUS)
    if (physical < this.size) bytes.set(this.ram.subarray(physical, Math.min(physical + length, this.size)))
    return bytes
  }

  /**
   * Fills RAM from `first` up to `end`, both page aligned, with zeros. Pages that hold nothing are left alone: reading
   * them costs no host memory.
   */
  clear(first: number, end: number): void {
    const words = new Int32Array(this.ram.buffer, this.ram.byteOffset, this.size / 4)
    for (let page = first / 4; page < end / 4; page += PAGE_WORDS) {
      const pageEnd = page + PAGE_WORDS
      let at = page
      while (at < pageEnd && words[at] === 0) at++
      if (at < pageEnd) words.fill(0, at, pageEnd)
    }
    this.cache.written(first, end - first)
  }

  writeBytes(physical: number, bytes: Uint8Array): void {
    if (physical >= this.size || bytes.length === 0) return
    const length = Math.min(bytes.length, this.size - physical)
    this.ram.set(bytes.subarray(0, length), physical)
    this.cache.written(physical, length)
  }
}
