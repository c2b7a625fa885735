/**
 * The drives of a machine as the page sees them: opens what is put in, changes media while the machine runs, tells
 * what was read and written, and gives whole images back.
 *
 *   DiskDescription -> source (ranges, Blob, bytes, file) -> openImage -> OverlayDisk -> WatchedDisk -> drive
 *   SavedPC -> thawDrives (over the images that the page has) -> WatchedDisk -> drive
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
import type { ImageSource } from '../state/saved-drives.ts'
import { driveRoles, type GivenDrive, type OpenDrive, type OpenDrives, type SavedPC, thawDrives } from '../state/saved-pc.ts'
import { WatchedDisk } from './watched-disk.ts'

/** What a drive bay needs of its host. */
export interface DriveHost {
  /** Opens a file of the host; absent where there are none. */
  openFile?(path: string, role: string, readOnly: boolean): Disk
  onProgress(asset: string, url: string, loaded: number, total: number | undefined): void
}

const isFloppy = (drive: DriveName): boolean => drive === 'fda' || drive === 'fdb'
const isRemovable = (drive: DriveName): boolean => drive === 'cdrom' || isFloppy(drive)

/** Where an image came from, as a saved PC tells it. */
function sourceOf(source: DiskDescription): ImageSource {
  switch (source.kind) {
    case 'http':
    case 'download':
      return { kind: 'http', url: source.url }
    case 'blank':
      return { kind: 'blank' }
    case 'blob':
      return { kind: 'file', name: source.name }
    case 'bytes':
      return { kind: 'file' }
    case 'file':
      return { kind: 'file', name: source.path.replace(/^.*[/\\]/, '') }
  }
}

interface Drive {
  readonly disk: WatchedDisk
  readonly source: ImageSource
}

export class DriveBay {
  private readonly host: DriveHost
  private readonly disks = new Map<DriveName, Drive | null>()
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
        throw new PCError('usage', `${driveRoles[drive]} is empty`, 'leave it away, or give disk.blank(SIZE)')
      this.disks.set(drive, source && this.watched(await this.open(drive, source)))
    }))
  }

  /**
   * The drives of a saved PC, over images that the page gives, or else those of `before`, the drives until now. Breaks its
   * promise with `PCError`, which names the drive.
   */
  async thaw(
    saved: SavedPC, sources: Partial<Readonly<Record<DriveName, DiskDescription | null>>>, before?: DriveBay,
  ): Promise<void> {
    const given: Partial<Record<DriveName, GivenDrive>> = {}
    for (const [name, drive] of Object.entries(before?.frozen() ?? {})) if (drive) given[name as DriveName] = { ...drive, isWanted: false }
    await Promise.all(driveNames.map(async name => {
      const source = sources[name]
      if (source) given[name] = { ...(await this.open(name, source)), isWanted: true }
    }))
    const opened = await thawDrives(saved, given, this.signal)
    for (const name of driveNames) {
      const drive = opened[name]
      if (drive !== undefined) this.disks.set(name, drive && this.watched(drive))
    }
  }

  /** What a saved PC keeps: the disks without those who watch them. */
  frozen(): OpenDrives {
    return Object.fromEntries([...this.disks].map(([name, drive]) => [name, drive && { disk: drive.disk.below, source: drive.source }]))
  }

  /** The disks for the machine. */
  images(): DriveImages {
    const images: Partial<Record<DriveName, Disk | null>> = {}
    for (const [name, drive] of this.disks) images[name] = drive === null ? null : drive.disk
    return images as DriveImages
  }

  /** Breaks its promise with `PCError` 'unbootable' when nothing is there that a BIOS could start from. */
  async checkBootable(): Promise<void> {
    const answers = await Promise.all([...this.disks].map(async ([name, drive]) => {
      // An empty drive may get a disk while the BIOS waits.
      if (drive === null) return true
      return name === 'cdrom' ? await hasBootRecord(drive.disk) : await hasBootSector(drive.disk)
    }))
    if (answers.includes(true)) return
    const what = this.disks.size === 0 ? 'there is neither a kernel nor a drive' : 'no drive has a system to boot'
    throw new PCError('unbootable', what, 'give boot.kernel, or a disk image with a boot sector, or a bootable ISO in disks.cdrom')
  }

  /** Changes the medium. Throws `PCError` 'usage' for drives that have none to change. */
  async insert(machine: Machine, drive: DriveName, source: DiskDescription | null): Promise<void> {
    if (!isRemovable(drive)) throw new PCError('usage', `${driveRoles[drive]} cannot be changed while the PC runs`, 'use cdrom or fda')
    if (!this.disks.has(drive))
      throw new PCError('usage', `this PC has no drive for ${driveRoles[drive]}`, `make it with disks: { ${drive}: null }`)
    const opened = source && this.watched(await this.open(drive, source))
    this.disks.set(drive, opened)
    const disk = opened?.disk
    if (drive === 'cdrom') machine.ide.cdRoms[0]?.insert(disk)
    else machine.floppy?.insert(drive === 'fda' ? 0 : 1, disk)
  }

  async flush(drive: DriveName): Promise<void> {
    await this.disk(drive).flush()
  }

  async export(drive: DriveName): Promise<Blob> {
    return await this.disk(drive).image()
  }

  /** Bytes moved since the last call, by drive. */
  takeActivity(): { readonly drive: DriveName, readonly read: number, readonly written: number }[] {
    return [...this.disks].flatMap(([name, drive]) => {
      const counts = drive?.disk.takeActivity()
      return counts ? [{ drive: name, ...counts }] : []
    })
  }

  private disk(drive: DriveName): WatchedDisk {
    const disk = this.disks.get(drive)?.disk
    if (!disk) throw new PCError('usage', `there is nothing in the drive of ${driveRoles[drive]}`, 'insert a disk first')
    return disk
  }

  private watched({ disk, source }: OpenDrive): Drive {
    return { disk: new WatchedDisk(disk), source }
  }

  private async open(drive: DriveName, source: DiskDescription): Promise<OpenDrive> {
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
      return { disk: isWritten ? image : new OverlayDisk(image), source: sourceOf(source) }
    } catch (error) {
      if (error instanceof PCError) throw new PCError(error.code, `${driveRoles[drive]}: ${error.message}`, error.hint)
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
        return new MemoryDisk(await download(source.url, { onProgress, signal }), { readOnly: true })
      }
      case 'blob':
        if (source.blob.size === 0) throw new PCError('bad-file', 'the file is empty', 'give the image of a disk')
        return new BlobDisk(source.blob)
      case 'bytes':
        if (source.bytes.length === 0) throw new PCError('bad-file', 'the image is empty', 'give the image of a disk')
        return new MemoryDisk(source.bytes, { readOnly: true })
      case 'blank':
        return new BlankDisk(source.bytes)
      case 'file':
        if (this.host.openFile) return this.host.openFile(source.path, driveRoles[drive], source.readOnly)
        throw new PCError('unsupported', 'a page cannot open files by their path', 'give a File, an address, or bytes')
    }
  }
}
