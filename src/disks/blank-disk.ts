/** A disk of zeros that takes no memory. Read only: put an OverlayDisk over it to write. */
import { PCError } from '../errors.ts'
import type { Disk } from './disk.ts'

export class BlankDisk implements Disk {
  readonly bytes: number
  readonly readOnly = true

  constructor(bytes: number) {
    this.bytes = bytes
  }

  read(_offset: number, length: number): Uint8Array {
    return new Uint8Array(length)
  }

  write(): void {
    throw new PCError('unsupported', 'a blank disk cannot be written', 'put an overlay over it')
  }

  flush(): void {}
}
