/**
 * What `PC.create` takes. Everything here is data that survives a structured clone, once the page's parts (signal,
 * callbacks) are taken off: the rest goes to the machine's worker as it is.
 */
import type { DiskSource } from './disk-source.ts'
import type { PCProgress } from './events.ts'

/** A file: its address, its bytes, or a Blob (a File of the page, say). Addresses are relative to the page. */
export type FileSource = string | URL | Uint8Array | ArrayBuffer | Blob

/** Drives as QEMU names them: IDE disks, CD-ROM, virtio disks (faster, for guests with the driver), floppy disks. */
export const driveNames = ['hda', 'hdb', 'cdrom', 'vda', 'vdb', 'fda', 'fdb'] as const
export type DriveName = (typeof driveNames)[number]

/** Boot a kernel directly: a Linux bzImage or a Multiboot ELF. */
export interface KernelBoot {
  readonly kernel: FileSource
  /** Initial RAM disk, or the Multiboot module. */
  readonly initrd?: FileSource
  readonly cmdline?: string
}

/** Boot from the drives by the BIOS; `drive` is tried first. */
export interface DriveBoot {
  readonly drive: 'hda' | 'cdrom' | 'fda'
}

/** Where the files of tabpc itself lie, when a bundler does not find them. */
export interface AssetLocations {
  readonly core?: string | URL
  readonly machineWorker?: string | URL
  readonly compileWorker?: string | URL
  readonly bios?: string | URL
  readonly vgaBios?: string | URL
}

/** How a PC is made. */
export interface PCOptions {
  /** Guest RAM: a number of bytes, or '256M', '1G' (1M to 2G; default 256M). */
  readonly memory?: string | number
  /** Absent: the BIOS boots the drives. */
  readonly boot?: KernelBoot | DriveBoot
  /**
   * A PC that `save` has written, to go on with. It says itself what machine it is: `boot`, `bios` and `vgaBios` are not
   * looked at, and `memory`, `cpu` and `clock`, if given, must be the same. Large disk images are not in it: give them again
   * in `disks`.
   */
  readonly state?: FileSource
  /** What lies in the drives. A drive is there when its key is; `null` is an empty one (floppy and CD-ROM). */
  readonly disks?: Partial<Readonly<Record<DriveName, DiskSource | null>>>
  /** Firmware in place of SeaBIOS. */
  readonly bios?: FileSource
  readonly vgaBios?: FileSource
  /** What CPUID announces: 'max' (default), 'i686', 'pentium', '486'. */
  readonly cpu?: string
  /** 'wall' (default): guest time follows the host. 'virtual': it follows the instructions, so runs repeat. */
  readonly clock?: 'wall' | 'virtual'
  /** False: interpret only. */
  readonly jit?: boolean
  /** A guest's write of v to port 0xF4 stops the machine with status (v << 1) | 1. */
  readonly isaDebugExit?: boolean
  /** What the guest does to start anew (`reboot`): start again (default), or stop. */
  readonly onReset?: 'restart' | 'stop'
  /** A folder (an address that ends in a slash) with the files of `npx tabpc copy-assets`, or each by itself. */
  readonly assets?: string | URL | AssetLocations
  /** Ends `create`, and later the PC. */
  readonly signal?: AbortSignal
  /** As the event `progress`, from the first byte on. */
  readonly onprogress?: (progress: PCProgress) => void
  /** As the event `warning`, from the beginning. */
  readonly onwarning?: (warning: { readonly code: string; readonly message: string; readonly hint: string }) => void
}
