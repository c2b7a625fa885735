/**
 * The drives of a saved PC: what the guest has written is in the state, and small images are too. Larger ones stay where
 * they are; the state knows their size, a fingerprint and, for one on a server, the address.
 *
 *   image (base) <- OverlayDisk (written blocks)      freeze -> SavedDrive -> thaw -> the same, elsewhere
 */
import { crc32 } from '../crc32.ts'
import { chain, type Disk } from '../disks/disk.ts'
import { BlankDisk } from '../disks/blank-disk.ts'
import { HttpDisk } from '../disks/http-disk.ts'
import { MemoryDisk } from '../disks/memory-disk.ts'
import { OverlayDisk, type WrittenBlocks } from '../disks/overlay-disk.ts'
import { PCError } from '../errors.ts'
import { download } from '../fetch-problem.ts'

/** Images up to this size go into the state. */
const MOST_EMBEDDED_BYTES = 16 << 20
/** A fingerprint looks at the start, the first partition, the end, and at places between. */
const SAMPLE_BYTES = 4096
const FIRST_PARTITION = 1 << 20
const SAMPLES_BETWEEN = 8

/** Where an image came from, as far as another host can go there. */
export type ImageSource =
  | { readonly kind: 'http', readonly url: string }
  | { readonly kind: 'blank' }
  /** A file of a host or of a page; for people. */
  | { readonly kind: 'file', readonly name?: string }

/** A drive with a medium in it, as a state keeps it. */
export interface SavedDrive {
  readonly bytes: number
  /** A floppy disk with its tab open, or a CD. */
  readonly readOnly: boolean
  readonly source: ImageSource
  /** Of the image below what was written. */
  readonly fingerprint: number
  /** The image itself, when it is small. */
  readonly image?: Uint8Array
  /** What the guest has written; absent where it writes into the image itself. */
  readonly written?: WrittenBlocks
}

/** The image, and what lies over it. */
export function layersOf(disk: Disk): { readonly base: Disk, readonly overlay?: OverlayDisk } {
  return disk instanceof OverlayDisk ? { base: disk.below, overlay: disk } : { base: disk }
}

/**
 * What a state keeps of a disk: as it is at the time of the call, though images elsewhere are read a moment later,
 * for nobody writes to those.
 */
export function freezeDrive(disk: Disk, source: ImageSource): SavedDrive | Promise<SavedDrive> {
  const { base, overlay } = layersOf(disk)
  const written = overlay?.save()
  const isSmall = base.bytes <= MOST_EMBEDDED_BYTES && source.kind !== 'blank'
  return chain(fingerprintOf(base), fingerprint => {
    const drive: SavedDrive = { bytes: base.bytes, readOnly: disk.readOnly, source, fingerprint, ...(written && { written }) }
    if (!isSmall) return drive
    return chain(base.read(0, base.bytes), image => ({ ...drive, image: image.slice() }))
  })
}

/**
 * The disk again. `role` names it for people ('the first hard disk'); `given` is the image that the caller has, over which
 * nothing has been written yet. Breaks its promise with `PCError` 'bad-state' when there is no image or another one.
 */
export async function thawDrive(
  role: string, saved: SavedDrive, given: Disk | undefined, signal?: AbortSignal,
): Promise<Disk> {
  const base = (given && layersOf(given).base) ?? (await openBase(role, saved, signal))
  const isSame = base.bytes === saved.bytes && (await fingerprintOf(base)) === saved.fingerprint
  if (!isSame) {
    const how = base.bytes === saved.bytes ? 'what it holds differs' : `it has ${base.bytes} bytes, and that one had ${saved.bytes}`
    throw new PCError(
      'bad-state', `${role} is not the image with which the PC was saved: ${how}`,
      'give that image as it was; one that has been written meanwhile does not fit',
    )
  }
  if (!saved.written && (saved.readOnly || !(given ?? base).readOnly)) return given ?? base
  const overlay = new OverlayDisk(base)
  if (saved.written) overlay.load(saved.written)
  return overlay
}

async function openBase(role: string, { bytes, source, image }: SavedDrive, signal?: AbortSignal): Promise<Disk> {
  if (image) return new MemoryDisk(image, { readOnly: true })
  if (source.kind === 'blank') return new BlankDisk(bytes)
  if (source.kind === 'http') return await openAddress(source.url, signal)
  const name = source.name === undefined ? '' : ` '${source.name}'`
  throw new PCError(
    'bad-state', `the image${name} of ${role} (${Math.ceil(bytes / 2 ** 20)} MiB) is not in the state`,
    'large images stay outside: give it again along with the state',
  )
}

async function openAddress(url: string, signal?: AbortSignal): Promise<Disk> {
  try {
    return await HttpDisk.open(url, { signal })
  } catch (error) {
    if (!(error instanceof PCError && error.code === 'no-range')) throw error
    return new MemoryDisk(await download(url, { signal }), { readOnly: true })
  }
}

function fingerprintOf(disk: Disk): number | Promise<number> {
  const length = Math.min(SAMPLE_BYTES, disk.bytes)
  const last = disk.bytes - length
  const between = Array.from({ length: SAMPLES_BETWEEN }, (_, i) =>
    Math.floor((last * (i + 1)) / (SAMPLES_BETWEEN + 1) / SAMPLE_BYTES) * SAMPLE_BYTES)
  const places = [0, Math.min(FIRST_PARTITION, last), ...between, last]
  const sampleFrom = (index: number, sum: number): number | Promise<number> => {
    if (index === places.length) return sum
    return chain(disk.read(places[index], length), bytes => sampleFrom(index + 1, crc32(bytes, sum)))
  }
  return sampleFrom(0, 0)
}
