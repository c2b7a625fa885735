/** The PC's drives, each by its name: change media, save what was written, take the image out. */
import { PCError } from '../errors.ts'
import { type DiskSource, describeDisk } from './disk-source.ts'
import type { MachineLink } from './link.ts'
import { type DriveName, driveNames } from './options.ts'

export class PCDrive {
  readonly name: DriveName
  private readonly link: MachineLink

  /** @internal */
  constructor(name: DriveName, link: MachineLink) {
    this.name = name
    this.link = link
  }

  /** Puts a floppy disk or a CD in, in place of what was there. Rejects with `PCError` for hard disks. */
  async insert(source: DiskSource): Promise<void> {
    await this.link.call('insert', this.name, describeDisk(source))
  }

  async eject(): Promise<void> {
    await this.link.call('insert', this.name, null)
  }

  /** Makes what was written as safe as the source can: file disks of Node; elsewhere writes stay in memory. */
  async flush(): Promise<void> {
    await this.link.call('flush', this.name)
  }

  /** The whole image with what the guest has written, for a download or for the next PC. Let the guest sync first. */
  async export(): Promise<Blob> {
    return await this.link.call('export', this.name)
  }
}

/** Drives by name; those that the PC was made without are undefined. */
export type PCDrives = Readonly<Partial<Record<DriveName, PCDrive>>> & {
  /** The drive of that name. Throws `PCError` 'usage' when the PC was made without it. */
  get(name: DriveName): PCDrive
}

export function makeDrives(names: readonly DriveName[], link: MachineLink): PCDrives {
  const drives: Partial<Record<DriveName, PCDrive>> = {}
  for (const name of driveNames) if (names.includes(name)) drives[name] = new PCDrive(name, link)
  return {
    ...drives,
    get(name) {
      const drive = drives[name]
      if (!drive) throw new PCError('usage', `this PC has no drive ${name}`, `make it with disks: { ${name}: … }`)
      return drive
    },
  }
}
