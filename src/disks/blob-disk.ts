/** A disk in a Blob or File of the page. Read only: put an OverlayDisk over it to write. */
import { PCError } from '../errors.ts'
import type { Disk } from './disk.ts'

export class BlobDisk implements Disk {
  readonly bytes: number
  readonly readOnly = true
  private readonly blob: Blob

  constructor(blob: Blob) {
    this.blob = blob
    this.bytes = blob.size
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    return new Uint8Array(await this.blob.slice(offset, offset + length).arrayBuffer())
  }

  write(): void {
    throw new PCError('unsupported', 'a file of the page cannot be written', 'put an overlay over it')
  }

  flush(): void {}
}
