/**
 * Images with some bytes wrong, opened and read the way a machine does: for mutated-images.spec.ts and
 * tools/image-fuzz.ts. An image is refused by a PCError or it works; nothing else may happen.
 */
import { Ide } from '../../../src/devices/ide.ts'
import { Floppy } from '../../../src/devices/floppy.ts'
import { formatOf } from '../../../src/devices/floppy/formats.ts'
import { Dma } from '../../../src/devices/dma.ts'
import { MemoryDisk } from '../../../src/disks/memory-disk.ts'
import { openImage } from '../../../src/disks/open-image.ts'
import type { Disk } from '../../../src/disks/disk.ts'
import { PCError } from '../../../src/errors.ts'
import { ArrayMemory, Workbench } from '../devices/workbench.ts'
import { fatDisk, isoDisc, pattern, qcow2, vhd } from './image-builders.ts'

export interface ImageFormat {
  readonly build: () => Uint8Array
  /** Makes the checksum of a changed image right, so that what it protects is looked at. */
  readonly mend?: (image: Uint8Array) => void
}

/** Images by format. */
export const formats: Readonly<Record<string, ImageFormat>> = {
  'qcow2 version 2': { build: () => qcow2(2).image },
  'qcow2 version 3': { build: () => qcow2(3).image },
  VHD: { build: () => vhd(pattern(1 << 16)), mend: mendVhd },
  'MBR and FAT': { build: fatDisk },
  ISO: { build: isoDisc },
}

/** The checksum of a VHD's footer. */
function mendVhd(image: Uint8Array): void {
  if (image.length < SECTOR_BYTES) return
  const footer = image.subarray(image.length - SECTOR_BYTES)
  footer.fill(0, 64, 68)
  new DataView(footer.buffer, footer.byteOffset).setUint32(64, ~footer.reduce((sum, byte) => sum + byte, 0) >>> 0)
}

const INTERESTING = [0, 1, 2, 0x3f, 0x40, 0x7f, 0x80, 0xfe, 0xff]
const READS = 12
/** Headers lie within so many bytes. */
const EDGE_BYTES = 1024
const SECTOR_BYTES = 512
const READ_SECTORS = 0x20
const IDENTIFY = 0xec
const PACKET = 0xa0

/** Changes up to eight places of an image, mostly where it is not empty, or cuts it off. */
export function mutate({ mend }: ImageFormat, whole: Uint8Array, random: () => number): Uint8Array {
  const image = whole.slice()
  const changes = 1 + (random() % 8)
  for (let i = 0; i < changes; i++) {
    let at = random() % image.length
    const near = random() % 3
    for (let tries = 0; tries < 20 && (tries === 0 || image[at] === 0); tries++) {
      if (near === 0) at = random() % image.length
      else at = near === 1 ? random() % EDGE_BYTES : image.length - 1 - (random() % SECTOR_BYTES)
    }
    const width = [1, 1, 2, 4, 8][random() % 5]
    for (let j = 0; j < width && at + j < image.length; j++)
      image[at + j] = random() & 1 ? INTERESTING[random() % INTERESTING.length] : random()
  }
  if (random() & 1) mend?.(image)
  return random() % 16 === 0 ? image.subarray(0, random() % image.length) : image
}

/** Opens an image and uses it; whether it was refused by a PCError. Every other error is thrown. */
export async function useImage(image: Uint8Array, random: () => number): Promise<boolean> {
  let disk: Disk
  try {
    disk = await openImage(new MemoryDisk(image))
    for (let i = 0; i < READS && disk.bytes > 0; i++) {
      const length = Math.min(disk.bytes, 1 + (random() % 5000))
      const offset = Math.floor((random() / 2 ** 32) * (disk.bytes - length))
      const bytes = await disk.read(offset, length)
      if (bytes.length !== length) throw new RangeError(`asked for ${length} bytes, got ${bytes.length}`)
    }
  } catch (error) {
    if (error instanceof PCError) return true
    throw error
  }
  driveWith(disk)
  return false
}

/** The image as hard disk, as disc, and as floppy disk if it has such a size. */
function driveWith(disk: Disk): void {
  const { bus, clock, pass, out8 } = bench()
  const memory = new ArrayMemory(1 << 16)
  const irq = { set: () => {} }
  const ide = new Ide({
    bus, clock, memory, irq: [irq, irq], onWake: () => {},
    drives: [[{ kind: 'disk', disk }, undefined], [{ kind: 'cdrom', disc: disk }, undefined]],
  })
  ide.pciFunction.attach(bus)
  ide.pciFunction.write(0x04, [5, 0])
  ide.pciFunction.write(0x40, [0, 0x80, 0, 0x80])
  const command = (base: number, value: number) => {
    out8(base + 2, 1)
    out8(base + 6, 0xe0)
    out8(base + 7, value)
    pass(100_000)
    for (let i = 0; i < SECTOR_BYTES / 2; i++) bus.readPort(base, 16)
  }
  for (const value of [IDENTIFY, READ_SECTORS]) command(0x1f0, value)
  for (const packet of [[0x25], [0x43], [0x28, 0, 0, 0, 0, 16, 0, 0, 2]]) {
    out8(0x174, 0)
    out8(0x175, 8)
    out8(0x177, PACKET)
    pass(100_000)
    for (let i = 0; i < 12; i += 2) bus.writePort(0x170, 16, (packet[i] ?? 0) | ((packet[i + 1] ?? 0) << 8))
    pass(100_000)
    for (let i = 0; i < SECTOR_BYTES / 2; i++) bus.readPort(0x170, 16)
  }
  if (formatOf(disk.bytes)) new Floppy({ bus, clock, irq6: irq, dma: new Dma({ bus, memory }), drives: [disk, undefined], onWake: () => {} })
}

function bench() {
  const workbench = new Workbench()
  const { bus, clock } = workbench
  return { bus, clock, pass: (ns: number) => workbench.pass(ns), out8: (port: number, value: number) => workbench.out8(port, value) }
}
