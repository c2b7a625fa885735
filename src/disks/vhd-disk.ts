/**
 * Fixed VHD images: a raw disk with a footer of 512 bytes behind it.
 * Source: Microsoft, "Virtual Hard Disk Image Format Specification", version 1.0.
 */
import { PCError } from '../errors.ts'
import type { Disk } from './disk.ts'

export const FOOTER_BYTES = 512
const COOKIE = 'conectix'
const CURRENT_SIZE = 48
const DISK_TYPE = 60
const CHECKSUM = 64
const TYPE_FIXED = 2

/** Whether the last 512 bytes of an image are a VHD footer. */
export function isVhdFooter(footer: Uint8Array): boolean {
  return footer.length === FOOTER_BYTES && String.fromCharCode(...footer.subarray(0, COOKIE.length)) === COOKIE
}

/** The disk in a fixed VHD. Throws `PCError` when the footer is damaged, or of a dynamic image. */
export function openVhd(source: Disk, footer: Uint8Array): Disk {
  const view = new DataView(footer.buffer, footer.byteOffset, FOOTER_BYTES)
  const sum = footer.reduce((total, byte, i) => (i >= CHECKSUM && i < CHECKSUM + 4 ? total : total + byte), 0)
  if (~sum >>> 0 !== view.getUint32(CHECKSUM))
    throw new PCError('bad-file', 'the footer of the VHD image is damaged', 'get the image anew')
  if (view.getUint32(DISK_TYPE) !== TYPE_FIXED) {
    throw new PCError(
      'unsupported', 'the VHD image is dynamic', 'convert it: qemu-img convert -O vpc -o subformat=fixed IMAGE fixed.vhd',
    )
  }
  const bytes = Number(view.getBigUint64(CURRENT_SIZE))
  if (!(bytes > 0 && bytes <= source.bytes - FOOTER_BYTES))
    throw new PCError('bad-file', 'the VHD image is shorter than the disk in it', 'get the image anew')
  return {
    bytes, readOnly: source.readOnly,
    read: (offset, length) => source.read(offset, length),
    write: (offset, data) => source.write(offset, data),
    flush: () => source.flush(),
  }
}
