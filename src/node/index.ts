/**
 * The entry `tabpc/node`: the same `PC` in Node, its machine in a thread, with files by their path and this terminal.
 *
 *     const pc = await PC.create({ boot: { kernel: 'vmlinuz', initrd: 'initrd.gz', cmdline: 'console=ttyS0' } })
 *     pc.serial[0].attach(tty({ onLeave: () => pc.dispose() }))
 *     await pc.run()
 */
import { fileURLToPath } from 'node:url'
import { MOST_MEMORY_BYTES } from '../memory-size.ts'
import { PCBase, type PCPlatform } from '../pc.ts'
import type { DiskDescription, DiskSource } from '../pc/disk-source.ts'
import { type DriveName, driveNames, type FileSource, type PCOptions } from '../pc/options.ts'
import { MOST_STATE_BYTES, readInputFile } from './files.ts'
import { startMachineThread } from './pc-thread.ts'

export { PCError, type PCErrorCode } from '../errors.ts'
export { disk, type DiskDescription, type DiskSource } from '../pc/disk-source.ts'
export type { PCDrive, PCDrives } from '../pc/drives.ts'
export type { PCEvent, PCEventMap, PCProgress, PCScreenMode, PCState, PCStopReason } from '../pc/events.ts'
export { type LayoutName, layoutNames } from '../pc/keyboard-layouts.ts'
export type { PCKeyboard } from '../pc/keyboard.ts'
export type { PCMouse } from '../pc/mouse.ts'
export type { DriveBoot, DriveName, FileSource, KernelBoot, PCOptions } from '../pc/options.ts'
export type { PCScreen } from '../pc/screen.ts'
export type { PCSerialPort, TerminalLike } from '../pc/serial.ts'
export type { ExecResult } from '../pc/shell.ts'
export type { FoundText } from '../pc/text-search.ts'
export type { WaitOptions } from '../pc/wait.ts'
export type { CompiledFigures, PCStats } from '../pc/stats.ts'
export type { TextWaitOptions } from '../pc.ts'
export { tty, type TtyOptions } from './tty.ts'

/** A disk in a file, which the guest writes to; with `readOnly` writes stay in memory and the file as it is. */
export function fileDisk(path: string, options: { readonly readOnly?: boolean } = {}): DiskDescription {
  return { kind: 'file', path, readOnly: options.readOnly ?? false }
}

const isAddress = (text: string): boolean => /^https?:/.test(text)

function readSource(source: FileSource, role: string, mostBytes = MOST_MEMORY_BYTES): FileSource {
  if (source instanceof URL) return source.protocol === 'file:' ? readInputFile(fileURLToPath(source), role, mostBytes) : source
  return typeof source === 'string' && !isAddress(source) ? readInputFile(source, role, mostBytes) : source
}

/** Options with paths read or turned into file disks. Throws `PCError` 'bad-file'. */
function withFiles(options: PCOptions): PCOptions {
  const { boot, disks, bios, vgaBios, state } = options
  return {
    ...options,
    disks: disks && withFileDisks(disks),
    ...(state !== undefined && { state: readSource(state, 'the saved PC', MOST_STATE_BYTES) }),
    ...(boot && 'kernel' in boot && {
      boot: {
        ...boot, kernel: readSource(boot.kernel, 'the kernel'),
        ...(boot.initrd !== undefined && { initrd: readSource(boot.initrd, 'the initrd') }),
      },
    }),
    ...(bios !== undefined && { bios: readSource(bios, 'the BIOS') }),
    ...(vgaBios !== undefined && { vgaBios: readSource(vgaBios, 'the VGA BIOS') }),
  }
}

function withFileDisks(disks: NonNullable<PCOptions['disks']>): NonNullable<PCOptions['disks']> {
  const opened: Partial<Record<DriveName, DiskSource | null>> = { ...disks }
  for (const name of driveNames) {
    const source = disks[name]
    if (typeof source === 'string' && !isAddress(source)) opened[name] = fileDisk(source, { readOnly: name === 'cdrom' })
  }
  return opened
}

const platform: PCPlatform = { isIsolated: true, startWorker: startMachineThread }

/** A PC in this process. It keeps the process alive until `dispose`. */
export class PC extends PCBase {
  /**
   * Makes a PC, paused. Files and disks may be paths: hard disks and floppy disks are then written in place. Rejects
   * with `PCError` {code, hint}; it never hangs.
   */
  static async create(options: PCOptions = {}): Promise<PC> {
    return await PCBase.make(withFiles(options), platform, (...parts) => new PC(...parts))
  }

  /** As in a page; `state` and disks may be paths. */
  override async load(state: FileSource, { disks }: { readonly disks?: PCOptions['disks'] } = {}): Promise<void> {
    await super.load(readSource(state, 'the saved PC', MOST_STATE_BYTES), { disks: disks && withFileDisks(disks) })
  }
}
