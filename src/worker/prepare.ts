/**
 * From the options of a PC to what `Machine` is made of: fetches the files side by side and loads the kernel or the
 * firmware.
 */
import { findFont } from '../devices/vga/text-mode.ts'
import { PCError } from '../errors.ts'
import { download, type DownloadOptions } from '../fetch-problem.ts'
import { bootOrder, type Firmware } from '../firmware.ts'
import { loadKernel } from '../loaders/kernel.ts'
import type { MachineOptions } from '../machine-options.ts'
import type { WireFile, WireOptions } from './protocol.ts'

const MOST_BIOS_BYTES = 1 << 20

export interface FileReader {
  readonly signal: AbortSignal
  onProgress(asset: string, url: string, loaded: number, total: number | undefined): void
}

/** The bytes of a file, wherever it lies. */
export async function readFile(
  reader: FileReader, asset: string, file: WireFile, options: Pick<DownloadOptions, 'magic' | 'hint'> = {},
): Promise<Uint8Array> {
  if (file instanceof Uint8Array) return file
  if (typeof file !== 'string') return new Uint8Array(await file.arrayBuffer())
  const onProgress = (loaded: number, total: number | undefined) => reader.onProgress(asset, file, loaded, total)
  return await download(file, { ...options, onProgress, signal: reader.signal })
}

/** Firmware that comes with tabpc, where the options name none. */
export interface OwnFirmware {
  bios(): Promise<Uint8Array>
  /** Undefined when there is none: text screens then have no characters before the guest loads its own. */
  vgaBios(): Promise<Uint8Array | undefined>
}

/** Everything but the drives. Breaks its promise with `PCError`. */
export async function prepare(options: WireOptions, reader: FileReader, own: OwnFirmware): Promise<{
  readonly machine: Omit<MachineOptions, 'drives'>
  readonly description: string
}> {
  const { memoryBytes, boot } = options
  const base = {
    memoryBytes, clock: options.clock, cpu: options.cpu, isaDebugExit: options.isaDebugExit, jit: options.jit,
  }
  const vgaBios = options.vgaBios === undefined ? own.vgaBios() : readFile(reader, 'vgaBios', options.vgaBios)
  if (boot) {
    const [kernel, initrd, video] = await Promise.all([
      readFile(reader, 'kernel', boot.kernel),
      boot.initrd === undefined ? undefined : readFile(reader, 'initrd', boot.initrd),
      vgaBios,
    ])
    checkFits(kernel, 'the kernel', memoryBytes)
    if (initrd) checkFits(initrd, 'the initrd', memoryBytes)
    const image = loadKernel({ kernel, initrd, cmdline: boot.cmdline, memoryBytes })
    return { machine: { ...base, boot: image, textFont: video && findFont(video) }, description: image.description }
  }
  const bios = options.bios === undefined ? own.bios() : readFile(reader, 'bios', options.bios)
  const firmware: Firmware = { ...await readFirmware(bios, vgaBios), bootOrder: bootOrder(options.bootDrive) }
  return { machine: { ...base, firmware }, description: 'BIOS' }
}

async function readFirmware(bios: Promise<Uint8Array>, vgaBios: Promise<Uint8Array | undefined>): Promise<Firmware> {
  const [rom, video] = await Promise.all([bios, vgaBios])
  checkFits(rom, 'the BIOS', MOST_BIOS_BYTES)
  return { bios: rom, ...(video && { vgaBios: video }) }
}

function checkFits(bytes: Uint8Array, role: string, most: number): void {
  if (bytes.length <= most) return
  throw new PCError(
    'bad-file', `${role} is larger than ${most / 2 ** 20} MiB`, 'give the machine more memory, or check the file',
  )
}
