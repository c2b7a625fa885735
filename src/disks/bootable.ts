/**
 * Whether a BIOS would start from a disk: the signature of a boot sector, or the boot record of a CD-ROM.
 * Sources: BIOS Boot Specification 1.01, 6.5; "El Torito" Bootable CD-ROM Format Specification 1.0, 2.0.
 */
import { chain, type Disk } from './disk.ts'

const SECTOR_BYTES = 512
const SIGNATURE_OFFSET = 510
const CD_SECTOR_BYTES = 2048
const BOOT_RECORD_SECTOR = 17
const BOOT_SYSTEM = 'EL TORITO SPECIFICATION'
const BOOT_SYSTEM_OFFSET = 7

/** Whether the first sector of a hard disk or floppy disk ends with 55h AAh. */
export function hasBootSector(disk: Disk): boolean | Promise<boolean> {
  if (disk.bytes < SECTOR_BYTES) return false
  return chain(disk.read(0, SECTOR_BYTES), bytes => bytes[SIGNATURE_OFFSET] === 0x55 && bytes[SIGNATURE_OFFSET + 1] === 0xaa)
}

/** Whether a disc has a boot catalogue. */
export function hasBootRecord(disc: Disk): boolean | Promise<boolean> {
  const offset = BOOT_RECORD_SECTOR * CD_SECTOR_BYTES
  if (disc.bytes < offset + CD_SECTOR_BYTES) return false
  return chain(disc.read(offset, CD_SECTOR_BYTES), bytes =>
    String.fromCharCode(...bytes.subarray(BOOT_SYSTEM_OFFSET, BOOT_SYSTEM_OFFSET + BOOT_SYSTEM.length)) === BOOT_SYSTEM)
}
