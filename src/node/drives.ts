/** Opens the image files of the command line's drives. */
import { accessSync, constants } from 'node:fs'
import { basename } from 'node:path'
import type { Disk } from '../disks/disk.ts'
import { formatOf } from '../devices/floppy/formats.ts'
import { openImage } from '../disks/open-image.ts'
import { OverlayDisk } from '../disks/overlay-disk.ts'
import { PCError } from '../errors.ts'
import type { DriveName } from '../pc/options.ts'
import { driveRoles, type OpenDrive } from '../state/saved-pc.ts'
import { FileDisk } from './file-disk.ts'

export interface DriveFiles {
  readonly drives: Readonly<Partial<Record<DriveName, string>>>
  /** Keep what the guest writes in memory. */
  readonly snapshot: boolean
}

/**
 * Opens the images: raw, fixed VHD or qcow2. Hard disks and floppies are written in place, unless `snapshot` says
 * otherwise; what a guest writes to qcow2 is always kept in memory. A floppy that may not be written is write-protected.
 * Breaks its promise with `PCError` for what cannot be opened.
 */
export async function openDrives({ drives, snapshot }: DriveFiles): Promise<Partial<Record<DriveName, OpenDrive>>> {
  const opened: Partial<Record<DriveName, OpenDrive>> = {}
  for (const name of Object.keys(drives) as DriveName[])
    opened[name] = { disk: await openDrive(name, drives[name] as string, snapshot), source: { kind: 'file', name: basename(drives[name] as string) } }
  return opened
}

async function openDrive(name: DriveName, path: string, snapshot: boolean): Promise<Disk> {
  const role = driveRoles[name]
  if (name === 'cdrom') return new FileDisk(path, role, { readOnly: true })
  const isFloppy = name === 'fda' || name === 'fdb'
  const readOnly = snapshot || (isFloppy && !isWritable(path))
  const file = new FileDisk(path, role, { readOnly })
  const disk = await open(file, role, path)
  if (isFloppy && !formatOf(disk.bytes)) {
    throw new PCError(
      'bad-file', `${role} '${path}' has ${disk.bytes} bytes, which is no floppy format`,
      'give an image of at most 1.44 MB, or of 2.88 MB; larger ones belong to --hda',
    )
  }
  return snapshot && disk === file ? new OverlayDisk(disk) : disk
}

/** The disk in the image; errors with the file's name in them. */
async function open(file: Disk, role: string, path: string): Promise<Disk> {
  try {
    return await openImage(file)
  } catch (error) {
    if (error instanceof PCError) throw new PCError(error.code, `${role} '${path}': ${error.message}`, error.hint)
    throw error
  }
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}
