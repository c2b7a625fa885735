/**
 * A BIOS image in its two places: whole below 4 GiB, where the CPU starts, and its last 128 KiB below 1 MiB.
 * Source: 82371SB (PIIX3) datasheet, BIOS memory; SDM vol. 3, 9.1.4 (first instruction).
 */
import type { Core } from '../runtime/core.ts'
import { ROM_BYTES } from '../runtime/memory-map.ts'
import { PCError } from './errors.ts'
import { installHighRom } from './physical-map.ts'
import { SHADOW_END, type ShadowMemory } from './shadow-memory.ts'

const LOW_BYTES = 128 << 10
const GRAIN = 4096

/** Firmware of the machine: raw ROM images. */
export interface Firmware {
  /** At most 1 MiB; ends at 4 GiB. */
  readonly bios: Uint8Array
  /** Of the display card. */
  readonly vgaBios?: Uint8Array
  /** Open Firmware paths of the devices to boot from, the first one first. */
  readonly bootOrder?: readonly string[]
}

/** Open Firmware paths of the drives as SeaBIOS knows them, by the letters of --boot. */
const drivePaths = {
  c: ['/pci@i0cf8/ide@1,1/drive@0/disk@0', '/pci@i0cf8/ide@1,1/drive@0/disk@1', '/pci@i0cf8/scsi@3/disk@0,0', '/pci@i0cf8/scsi@4/disk@0,0'],
  a: ['/pci@i0cf8/isa@1/fdc@03f0/floppy@0'],
  d: ['/pci@i0cf8/ide@1,1/drive@1/disk@0'],
}

/** The order to boot in: the wanted drive, then hard disk, floppy, CD-ROM. */
export function bootOrder(first: keyof typeof drivePaths = 'c'): string[] {
  return [...new Set([...drivePaths[first], ...Object.values(drivePaths).flat()])]
}

/** Installs the ROM. Throws `PCError` 'bad-file' for an image that cannot be a BIOS. */
export function installBios(core: Core, shadow: ShadowMemory, bios: Uint8Array): void {
  if (bios.length === 0 || bios.length % GRAIN !== 0 || bios.length > ROM_BYTES) {
    throw new PCError(
      'bad-file', `the BIOS has ${bios.length} bytes`, 'give a ROM image of whole 4 KiB, at most 1 MiB, such as SeaBIOS',
    )
  }
  installHighRom(core, bios)
  const low = bios.subarray(Math.max(0, bios.length - LOW_BYTES))
  shadow.installRom(SHADOW_END - low.length, low)
}
