/** Tells what kind of disk image a source holds and opens it: raw, fixed VHD, or qcow2 below an overlay. */
import { PCError } from '../errors.ts'
import { chain, type Disk } from './disk.ts'
import { OverlayDisk } from './overlay-disk.ts'
import { isQcow2, openQcow2 } from './qcow2-disk.ts'
import { FOOTER_BYTES, isVhdFooter, openVhd } from './vhd-disk.ts'

const START_BYTES = 16

/** First bytes of images that are not read, with their names. */
const others: readonly { readonly start: string, readonly name: string }[] = [
  { start: 'KDMV', name: 'VMDK' }, { start: 'vhdxfile', name: 'VHDX' }, { start: '<<< ', name: 'VDI' },
  { start: 'QED\0', name: 'QED' },
]

/**
 * The disk in an image. What a guest writes to qcow2 is kept in memory. Throws (or breaks its promise with) `PCError`
 * for damaged images and those of other kinds.
 */
export function openImage(source: Disk): Disk | Promise<Disk> {
  return chain(source.read(0, Math.min(START_BYTES, source.bytes)), start => {
    if (isQcow2(start)) return chain(openQcow2(source), disk => new OverlayDisk(disk))
    const text = String.fromCharCode(...start)
    const other = others.find(kind => text.startsWith(kind.start))
    if (other) {
      throw new PCError(
        'unsupported', `the image is in ${other.name} format`, 'convert it: qemu-img convert -O raw IMAGE disk.img',
      )
    }
    if (source.bytes < FOOTER_BYTES) return source
    return chain(source.read(source.bytes - FOOTER_BYTES, FOOTER_BYTES), footer =>
      isVhdFooter(footer) ? openVhd(source, footer) : source)
  })
}
