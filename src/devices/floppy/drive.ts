/** One floppy drive: its head, its disk, the change line. */
import type { Disk } from '../../disks/disk.ts'
import { FLOPPY_SECTOR_BYTES, type FloppyFormat, formatOf } from './formats.ts'

const MOST_CYLINDER = 84

export class FloppyDrive {
  readonly registers = { cylinder: 0, changed: true }
  private disk: Disk | undefined
  private format: FloppyFormat | undefined

  constructor(disk: Disk | undefined) {
    this.insert(disk)
  }

  /** Puts a disk in or takes it out; images without a format count as none. */
  insert(disk: Disk | undefined): void {
    this.format = disk && formatOf(disk.bytes)
    this.disk = this.format && disk
    this.registers.changed = true
  }

  get medium(): { readonly disk: Disk, readonly format: FloppyFormat } | undefined {
    return this.disk && this.format && { disk: this.disk, format: this.format }
  }

  get isWriteProtected(): boolean {
    return this.disk?.readOnly ?? true
  }

  /** Moves the head; a step with a disk in the drive takes the change line back. */
  moveTo(cylinder: number): void {
    this.registers.cylinder = Math.min(MOST_CYLINDER, Math.max(0, cylinder))
    if (this.disk) this.registers.changed = false
  }

  /** Where a sector of the cylinder under the head lies in the image, in bytes; undefined when there is none such. */
  place(head: number, sector: number): number | undefined {
    const { format } = this
    const { cylinder } = this.registers
    if (!format || cylinder >= format.cylinders || head >= format.heads || sector < 1 || sector > format.sectors)
      return undefined
    return ((cylinder * format.heads + head) * format.sectors + sector - 1) * FLOPPY_SECTOR_BYTES
  }
}

/** Writes what lies within the image: a short one does not grow. */
export function store(disk: Disk, place: number, bytes: Uint8Array): void | Promise<void> {
  return disk.write(place, bytes.subarray(0, Math.max(0, Math.min(bytes.length, disk.bytes - place))))
}
