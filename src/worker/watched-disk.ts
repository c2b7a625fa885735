/** A disk that counts what is read and written, for the lights and for `flush` and `export`. */
import { chain, type Disk } from '../disks/disk.ts'

/** Bytes taken out of a disk at a time for `export`. */
const PIECE_BYTES = 4 << 20

export class WatchedDisk implements Disk {
  readonly bytes: number
  readonly readOnly: boolean
  readonly below: Disk
  private counts = { read: 0, written: 0 }

  constructor(below: Disk) {
    this.below = below
    this.bytes = below.bytes
    this.readOnly = below.readOnly
  }

  read(offset: number, length: number): Uint8Array | Promise<Uint8Array> {
    this.counts.read += length
    return this.below.read(offset, length)
  }

  write(offset: number, bytes: Uint8Array): void | Promise<void> {
    this.counts.written += bytes.length
    return this.below.write(offset, bytes)
  }

  flush(): void | Promise<void> {
    return this.below.flush()
  }

  /** Bytes since the last call; undefined when there were none. */
  takeActivity(): { read: number, written: number } | undefined {
    const { counts } = this
    if (counts.read === 0 && counts.written === 0) return undefined
    this.counts = { read: 0, written: 0 }
    return counts
  }

  /** The whole image as a Blob, which browsers may keep outside memory. */
  async image(): Promise<Blob> {
    const pieces: Blob[] = []
    for (let offset = 0; offset < this.bytes; offset += PIECE_BYTES) {
      const piece = await chain(this.below.read(offset, Math.min(PIECE_BYTES, this.bytes - offset)), bytes => bytes.slice())
      pieces.push(new Blob([piece as BlobPart]))
    }
    return new Blob(pieces, { type: 'application/octet-stream' })
  }
}
