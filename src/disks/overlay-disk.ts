/**
 * A writable disk over one that is left as it is: what is written is kept in memory, in blocks of 4 KiB.
 * The first write to a block copies it from below, unless it covers the block whole.
 */
import { PCError } from '../errors.ts'
import type { Disk } from './disk.ts'

const BLOCK_BYTES = 4096

/** What an overlay keeps: numbers of its blocks in ascending order, and their bytes one after the other. */
export interface WrittenBlocks {
  readonly blocks: readonly number[]
  readonly bytes: Uint8Array
}

export class OverlayDisk implements Disk {
  readonly bytes: number
  readonly readOnly = false
  readonly below: Disk
  private readonly blocks = new Map<number, Uint8Array>()

  constructor(below: Disk) {
    this.below = below
    this.bytes = below.bytes
  }

  /** Bytes of memory that writes have taken. */
  get writtenBytes(): number {
    return this.blocks.size * BLOCK_BYTES
  }

  read(offset: number, length: number): Uint8Array | Promise<Uint8Array> {
    const below = this.below.read(offset, length)
    return below instanceof Promise ? below.then(bytes => this.patch(offset, bytes)) : this.patch(offset, below)
  }

  /** The bytes with what has been written over them. */
  private patch(offset: number, bytes: Uint8Array): Uint8Array {
    const end = offset + bytes.length
    let patched: Uint8Array | undefined
    for (let number = Math.floor(offset / BLOCK_BYTES); number * BLOCK_BYTES < end; number++) {
      const block = this.blocks.get(number)
      if (!block) continue
      patched ??= bytes.slice()
      const start = number * BLOCK_BYTES
      const from = Math.max(offset, start)
      patched.set(block.subarray(from - start, Math.min(end - start, BLOCK_BYTES)), from - offset)
    }
    return patched ?? bytes
  }

  write(offset: number, bytes: Uint8Array): void | Promise<void> {
    const end = offset + bytes.length
    const missing = [offset, end - 1]
      .map(at => Math.floor(at / BLOCK_BYTES))
      .filter((number, i, all) => all.indexOf(number) === i && !this.blocks.has(number))
    const loads = missing.map(number => this.bringUp(number))
    const waits = loads.filter(load => load instanceof Promise)
    if (waits.length === 0) {
      this.put(offset, bytes)
      return
    }
    const copy = bytes.slice()
    return Promise.all(waits).then(() => this.put(offset, copy))
  }

  /** Brings a block up from below. */
  private bringUp(number: number): void | Promise<void> {
    const start = number * BLOCK_BYTES
    const keep = (bytes: Uint8Array) => {
      const block = new Uint8Array(BLOCK_BYTES)
      block.set(bytes)
      if (!this.blocks.has(number)) this.blocks.set(number, block)
    }
    const below = this.below.read(start, Math.min(BLOCK_BYTES, this.bytes - start))
    return below instanceof Promise ? below.then(keep) : keep(below)
  }

  private put(offset: number, bytes: Uint8Array): void {
    const end = offset + bytes.length
    for (let number = Math.floor(offset / BLOCK_BYTES); number * BLOCK_BYTES < end; number++) {
      let block = this.blocks.get(number)
      if (!block) {
        block = new Uint8Array(BLOCK_BYTES)
        this.blocks.set(number, block)
      }
      const start = number * BLOCK_BYTES
      const from = Math.max(offset, start)
      block.set(bytes.subarray(from - offset, Math.min(end, start + BLOCK_BYTES) - offset), from - start)
    }
  }

  flush(): void {}

  /** A copy of what has been written. */
  save(): WrittenBlocks {
    const blocks = [...this.blocks.keys()].sort((a, b) => a - b)
    const bytes = new Uint8Array(blocks.length * BLOCK_BYTES)
    blocks.forEach((number, i) => {
      bytes.set(this.blocks.get(number) as Uint8Array, i * BLOCK_BYTES)
    })
    return { blocks, bytes }
  }

  /** Takes what `save` gave in place of what has been written. Throws `PCError` 'bad-state' when it does not fit. */
  load({ blocks, bytes }: WrittenBlocks): void {
    const last = Math.ceil(this.bytes / BLOCK_BYTES)
    const fits = Array.isArray(blocks) && bytes instanceof Uint8Array && bytes.length === blocks.length * BLOCK_BYTES &&
      blocks.every(number => Number.isInteger(number) && number >= 0 && number < last)
    if (!fits) throw new PCError('bad-state', 'what was written to the disk does not fit it', 'give the image with which the PC was saved')
    this.blocks.clear()
    blocks.forEach((number, i) => {
      this.blocks.set(number, bytes.slice(i * BLOCK_BYTES, (i + 1) * BLOCK_BYTES))
    })
  }
}
