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

  /** Fills RAM with zeros, leaving alone the pages that hold nothing: reading them costs no host memory. */
  clear(): void {
    const words = new Int32Array(this.ram.buffer, this.ram.byteOffset, this.size / 4)
    for (let page = 0; page < words.length; page += PAGE_WORDS) {
      const end = page + PAGE_WORDS
      let at = page
      while (at < end && words[at] === 0) at++
      if (at < end) words.fill(0, at, end)
    }
    this.cache.written(0, this.size)
  }

  writeBytes(physical: number, bytes: Uint8Array): void {
    if (physical >= this.size || bytes.length === 0) return
    const length = Math.min(bytes.length, this.size - physical)
    this.ram.set(bytes.subarray(0, length), physical)
    this.cache.written(physical, length)
  }
}
