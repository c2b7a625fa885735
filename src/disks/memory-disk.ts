/** A disk in an array of bytes, which it writes to unless told otherwise. */
import type { Disk } from './disk.ts'

export class MemoryDisk implements Disk {
  readonly bytes: number
  readonly readOnly: boolean
  readonly contents: Uint8Array

  constructor(contents: Uint8Array, options: { readonly readOnly?: boolean } = {}) {
    this.contents = contents
    this.bytes = contents.length
    this.readOnly = options.readOnly ?? false
  }

  read(offset: number, length: number): Uint8Array {
    return this.contents.subarray(offset, offset + length)
  }

  write(offset: number, bytes: Uint8Array): void {
    this.contents.set(bytes, offset)
  }

  flush(): void {}
}
