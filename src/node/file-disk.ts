/** A disk in a file or block device: read and written in place. */
import { closeSync, constants, fstatSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs'
import type { Disk } from '../disks/disk.ts'
import { PCError } from '../errors.ts'
import { fileProblem } from './files.ts'

const SCRATCH_BYTES = 65536

export class FileDisk implements Disk {
  readonly bytes: number
  readonly readOnly: boolean
  readonly #descriptor: number
  /** What the last short read gave: most are short, and their callers copy at once. */
  readonly #scratch = new Uint8Array(SCRATCH_BYTES)

  /** Opens `path`; `role` says what it is for: 'the hard disk'. Throws `PCError` 'bad-file'. */
  constructor(path: string, role: string, options: { readonly readOnly?: boolean } = {}) {
    this.readOnly = options.readOnly ?? false
    try {
      this.#descriptor = openSync(path, this.readOnly ? constants.O_RDONLY : constants.O_RDWR)
    } catch (error) {
      throw fileProblem(error, role, path)
    }
    const status = fstatSync(this.#descriptor)
    if (!status.isFile()) {
      closeSync(this.#descriptor)
      throw new PCError('bad-file', `${role} '${path}' is no file`, 'give the image of a disk')
    }
    this.bytes = status.size
    if (this.bytes === 0) {
      closeSync(this.#descriptor)
      throw new PCError('bad-file', `${role} '${path}' is empty`, 'give the image of a disk')
    }
  }

  read(offset: number, length: number): Uint8Array {
    const bytes = length <= SCRATCH_BYTES ? this.#scratch.subarray(0, length) : new Uint8Array(length)
    let done = 0
    while (done < length) {
      const count = readSync(this.#descriptor, bytes, done, length - done, offset + done)
      // A file that has shrunk meanwhile: the rest reads as zeros.
      if (count === 0) {
        bytes.fill(0, done)
        break
      }
      done += count
    }
    return bytes
  }

  write(offset: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; )
      done += writeSync(this.#descriptor, bytes, done, bytes.length - done, offset + done)
  }

  flush(): void {
    if (!this.readOnly) fsyncSync(this.#descriptor)
  }

  close(): void {
    closeSync(this.#descriptor)
  }
}
