/** Opens the image files of the command line's drives. */
import { accessSync, constants } from 'node:fs'
import type { Disk } from '../disks/disk.ts'
import { OverlayDisk } from '../disks/overlay-disk.ts'
import type { DriveImages } from '../machine-options.ts'
import { FileDisk } from './file-disk.ts'

const roles = {
  hda: 'the first hard disk', hdb: 'the second hard disk', cdrom: 'the CD-ROM', fda: 'floppy disk A',
  fdb: 'floppy disk B',
} as const

type DriveName = keyof typeof roles

export interface DriveFiles {
  readonly drives: Readonly<Partial<Record<DriveName, string>>>
  /** Keep what the guest writes in memory. */
  readonly snapshot: boolean
}

/**
 * Opens the images. Hard disks and floppies are written in place, unless `snapshot` says otherwise; a floppy that may
 * not be written is write-protected. Throws `PCError` 'bad-file'.
 */
export function openDrives({ drives, snapshot }: DriveFiles): DriveImages {
  const names = Object.keys(drives) as DriveName[]
  return Object.fromEntries(names.map(name => [name, openDrive(name, drives[name] as string, snapshot)]))
}

function openDrive(name: DriveName, path: string, snapshot: boolean): Disk {
  if (name === 'cdrom') return new FileDisk(path, roles[name], { readOnly: true })
  if (snapshot) return new OverlayDisk(new FileDisk(path, roles[name], { readOnly: true }))
  const isFloppy = name === 'fda' || name === 'fdb'
  return new FileDisk(path, roles[name], { readOnly: isFloppy && !isWritable(path) })
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}
