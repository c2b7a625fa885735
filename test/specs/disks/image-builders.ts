/** Disk images written by hand, for specs and fuzzing. */
import { deflateRawSync } from 'node:zlib'

const CLUSTER_BITS = 12
export const CLUSTER = 1 << CLUSTER_BITS
const SECTOR = 512
const ISO_SECTOR = 2048

export function pattern(length: number, seed = 1): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 13 + seed * 7 + (i >> 8)) & 0xff)
}

/** A qcow2 image of 5 clusters: data, absent, compressed, zero, data. */
export function qcow2(version = 3): { image: Uint8Array, contents: Uint8Array } {
  const image = new Uint8Array(8 * CLUSTER)
  const view = new DataView(image.buffer)
  const contents = new Uint8Array(5 * CLUSTER - 100)
  view.setUint32(0, 0x514649fb)
  view.setUint32(4, version)
  view.setUint32(20, CLUSTER_BITS)
  view.setBigUint64(24, BigInt(contents.length))
  view.setUint32(36, 1)
  view.setBigUint64(40, BigInt(CLUSTER))
  view.setUint32(100, 104)
  view.setBigUint64(CLUSTER, BigInt(2 * CLUSTER) | (1n << 63n))
  const entry = (index: number, value: bigint) => view.setBigUint64(2 * CLUSTER + index * 8, value)
  const data = [pattern(CLUSTER, 1), pattern(CLUSTER, 3), pattern(CLUSTER - 100, 5)]
  image.set(data[0], 3 * CLUSTER)
  entry(0, BigInt(3 * CLUSTER) | (1n << 63n))
  const compressed = deflateRawSync(data[1])
  image.set(compressed, 4 * CLUSTER + 7)
  const sectors = Math.ceil((compressed.length + 7) / 512) - 1
  entry(2, (1n << 62n) | (BigInt(sectors) << BigInt(62 - (CLUSTER_BITS - 8))) | BigInt(4 * CLUSTER + 7))
  if (version === 3) entry(3, 1n)
  image.set(data[2], 6 * CLUSTER)
  entry(4, BigInt(6 * CLUSTER) | (1n << 63n))
  contents.set(data[0], 0)
  contents.set(data[1], 2 * CLUSTER)
  contents.set(data[2], 4 * CLUSTER)
  return { image, contents }
}

/** A fixed VHD around a disk. */
export function vhd(contents: Uint8Array, type = 2): Uint8Array {
  const image = new Uint8Array(contents.length + 512)
  image.set(contents)
  const footer = image.subarray(contents.length)
  const view = new DataView(footer.buffer, footer.byteOffset)
  footer.set(Buffer.from('conectix'))
  view.setBigUint64(48, BigInt(contents.length))
  view.setUint32(60, type)
  view.setUint32(64, ~footer.reduce((sum, byte) => sum + byte, 0) >>> 0)
  return image
}

/** A disk with an MBR and one FAT16 partition, of which boot sector, tables and root directory are there. */
export function fatDisk(): Uint8Array {
  const image = new Uint8Array(1 << 18)
  const view = new DataView(image.buffer)
  image.set([0x80, 1, 1, 0, 0x06, 15, 63, 0], 446)
  view.setUint32(454, 63, true)
  view.setUint32(458, image.length / SECTOR - 63, true)
  view.setUint16(510, 0xaa55, true)
  const boot = 63 * SECTOR
  image.set([0xeb, 0x3c, 0x90], boot)
  image.set(Buffer.from('TABPC1.0'), boot + 3)
  view.setUint16(boot + 11, SECTOR, true)
  image.set([1], boot + 13)
  view.setUint16(boot + 14, 1, true)
  image.set([2], boot + 16)
  view.setUint16(boot + 17, 32, true)
  view.setUint16(boot + 19, image.length / SECTOR - 63, true)
  image.set([0xf8], boot + 21)
  view.setUint16(boot + 22, 2, true)
  view.setUint16(boot + 510, 0xaa55, true)
  image.set([0xf8, 0xff, 0xff, 0xff], boot + SECTOR)
  image.set(Buffer.from('KERNEL     '), boot + 5 * SECTOR)
  return image
}

/** A disc with a primary volume descriptor, a boot record of El Torito, and the descriptors' end. */
export function isoDisc(): Uint8Array {
  const image = new Uint8Array(24 * ISO_SECTOR)
  const view = new DataView(image.buffer)
  const descriptor = (sector: number, type: number) => {
    image.set([type], sector * ISO_SECTOR)
    image.set(Buffer.from('CD001\u0001'), sector * ISO_SECTOR + 1)
  }
  descriptor(16, 1)
  view.setUint32(16 * ISO_SECTOR + 80, 24, true)
  view.setUint32(16 * ISO_SECTOR + 84, 24)
  view.setUint16(16 * ISO_SECTOR + 128, ISO_SECTOR, true)
  descriptor(17, 0)
  image.set(Buffer.from('EL TORITO SPECIFICATION'), 17 * ISO_SECTOR + 7)
  view.setUint32(17 * ISO_SECTOR + 71, 19, true)
  descriptor(18, 255)
  image.set([1, 0, 0, 0], 19 * ISO_SECTOR)
  image.set([0xaa, 0x55, 0x55, 0xaa, 0x88], 19 * ISO_SECTOR + 28)
  return image
}
