/**
 * The drives of a machine as the page sees them: opens what is put in, changes media while the machine runs, tells
 * what was read and written, and gives whole images back.
 *
 *   DiskDescription -> source (ranges, Blob, bytes, file) -> openImage -> OverlayDisk -> WatchedDisk -> drive
 */
import { BlankDisk } from '../disks/blank-disk.ts'
import { BlobDisk } from '../disks/blob-disk.ts'
import { hasBootRecord, hasBootSector } from '../disks/bootable.ts'
import type { Disk } from '../disks/disk.ts'
import { HttpDisk } from '../disks/http-disk.ts'
import { MemoryDisk } from '../disks/memory-disk.ts'
import { openImage } from '../disks/open-image.ts'
import { OverlayDisk } from '../disks/overlay-disk.ts'
import { formatOf } from '../devices/floppy/formats.ts'
import { PCError } from '../errors.ts'
import { download } from '../fetch-problem.ts'
import type { DriveImages } from '../machine-options.ts'
import type { Machine } from '../machine.ts'
import type { DiskDescription } from '../pc/disk-source.ts'
import { type DriveName, driveNames } from '../pc/options.ts'
import { WatchedDisk } from './watched-disk.ts'

/** What a drive bay needs of its host. */
export interface DriveHost {
  /** Opens a file of the host; absent where there are none. */
  openFile?(path: string, role: string, readOnly: boolean): Disk
  onProgress(asset: string, url: string, loaded: number, total: number | undefined): void
}

const roles: Readonly<Record<DriveName, string>> = {
  hda: 'the first hard disk', hdb: 'the second hard disk', cdrom: 'the CD-ROM', vda: 'the first virtio disk',
  vdb: 'the second virtio disk', fda: 'floppy disk A', fdb: 'floppy disk B',
}

const isFloppy = (drive: DriveName): boolean => drive === 'fda' || drive === 'fdb'
const isRemovable = (drive: DriveName): boolean => drive === 'cdrom' || isFloppy(drive)

export class DriveBay {
  private readonly host: DriveHost
  private readonly disks = new Map<DriveName, WatchedDisk | null>()
  private readonly signal: AbortSignal

  constructor(host: DriveHost, signal: AbortSignal) {
    this.host = host
    this.signal = signal
  }

  get names(): DriveName[] {
    return [...this.disks.keys()]
  }

  /** Opens what lies in the drives at power-on. Breaks its promise with `PCError`, which names the drive. */
  async fill(sources: Partial<Readonly<Record<DriveName, DiskDescription | null>>>): Promise<void> {
    const wanted = driveNames.filter(drive => sources[drive] !== undefined)
    await Promise.all(wanted.map(async drive => {
      const source = sources[drive] ?? null
      if (source === null && !isRemovable(drive))
        throw new PCError('usage', `${roles[drive]} is empty`, 'leave it away, or give disk.blank(SIZE)')
      this.disks.set(drive, source && (await this.open(drive, source)))
    }))
  }

  /** The disks for the machine. */
  images(): DriveImages {
    const images: Partial<Record<DriveName, Disk | null>> = {}
    for (const [drive, disk] of this.disks) images[drive] = disk
    return images as DriveImages
  }

  /** Breaks its promise with `PCError` 'unbootable' when nothing is there that a BIOS could start from. */
  async checkBootable(): Promise<void> {
    const answers = await Promise.all([...this.disks].map(async ([drive, disk]) => {
      // An empty drive may get a disk while the BIOS waits.
      if (disk === null) return true
      return drive === 'cdrom' ? await hasBootRecord(disk) : await hasBootSector(disk)
    }))
    if (answers.includes(true)) return
    const what = this.disks.size === 0 ? 'there is neither a kernel nor a drive' : 'no drive has a system to boot'
    throw new PCError('unbootable', what, 'give boot.kernel, or a disk image with a boot sector, or a bootable ISO in disks.cdrom')
  }

  /** Changes the medium. Throws `PCError` 'usage' for drives that have none to change. */
  async insert(machine: Machine, drive: DriveName, source: DiskDescription | null): Promise<void> {
    if (!isRemovable(drive)) throw new PCError('usage', `${roles[drive]} cannot be changed while the PC runs`, 'use cdrom or fda')
    if (!this.disks.has(drive))
      throw new PCError('usage', `this PC has no drive for ${roles[drive]}`, `make it with disks: { ${drive}: null }`)
    const disk = source && (await this.open(drive, source))
    this.disks.set(drive, disk)
    if (drive === 'cdrom') machine.ide.cdRoms[0]?.insert(disk ?? undefined)
    else machine.floppy?.insert(drive === 'fda' ? 0 : 1, disk ?? undefined)
  }

  async flush(drive: DriveName): Promise<void> {
    await this.disk(drive).flush()
  }

  async export(drive: DriveName): Promise<Blob> {
    return await this.disk(drive).image()
  }

  /** Bytes moved since the last call, by drive. */
  takeActivity(): { readonly drive: DriveName, readonly read: number, readonly written: number }[] {
    return [...this.disks].flatMap(([drive, disk]) => {
      const counts = disk?.takeActivity()
      return counts ? [{ drive, ...counts }] : []
    })
  }

  private disk(drive: DriveName): WatchedDisk {
    const disk = this.disks.get(drive)
    if (!disk) throw new PCError('usage', `there is nothing in the drive of ${roles[drive]}`, 'insert a disk first')
    return disk
  }

  private async open(drive: DriveName, source: DiskDescription): Promise<WatchedDisk> {
    try {
      const base = await this.openSource(drive, source)
      const image = drive === 'cdrom' ? base : await openImage(base)
      if (isFloppy(drive) && !formatOf(image.bytes)) {
        throw new PCError(
          'bad-file', `it has ${image.bytes} bytes, which is no floppy format`,
          'give an image of at most 1.44 MB, or of 2.88 MB; larger ones belong to hda',
        )
      }
      const isWritten = drive === 'cdrom' || !image.readOnly
      return new WatchedDisk(isWritten ? image : new OverlayDisk(image))
    } catch (error) {
      if (error instanceof PCError) throw new PCError(error.code, `${roles[drive]}: ${error.message}`, error.hint)
      throw error
    }
  }

  private async openSource(drive: DriveName, source: DiskDescription): Promise<Disk> {
    const { signal } = this
    switch (source.kind) {
      case 'http':
        return await HttpDisk.open(source.url, { headers: source.headers, signal })
      case 'download': {
        const onProgress = (loaded: number, total: number | undefined) =>
          this.host.onProgress(drive, source.url, loaded, total)
        return new MemoryDisk(await download(source.url, { onProgress, signal }))
      }
      case 'blob':
        if (source.blob.size === 0) throw new PCError('bad-file', 'the file is empty', 'give the image of a disk')
        return new BlobDisk(source.blob)
      case 'bytes':
        if (source.bytes.length === 0) throw new PCError('bad-file', 'the image is empty', 'give the image of a disk')
        return new MemoryDisk(source.bytes)
      case 'blank':
        return new BlankDisk(source.bytes)
      case 'file':
        if (this.host.openFile) return this.host.openFile(source.path, roles[drive], source.readOnly)
        throw new PCError('unsupported', 'a page cannot open files by their path', 'give a File, an address, or bytes')
    }
  }
}
