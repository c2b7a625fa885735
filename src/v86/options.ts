/**
 * Options of the class `V86` by their names, as far as tabpc has something for them, and what they become.
 * The differences are listed in docs/v86.md.
 */
import { PCError } from '../errors.ts'
import { disk, type DiskDescription } from '../pc/disk-source.ts'
import type { DriveName, FileSource, PCOptions } from '../pc/options.ts'

/** An image: an address, or what holds the bytes. `async`: read in ranges. */
export interface V86Image {
  readonly url?: string
  readonly buffer?: ArrayBuffer | Uint8Array | Blob
  readonly async?: boolean
  readonly size?: number
  readonly use_parts?: boolean
}

/** What xterm.js gives as its class. */
export type XtermConstructor = new (options?: object) => import('../pc/serial.ts').TerminalLike & {
  open(parent: HTMLElement): void
}

export interface V86Console {
  readonly type: 'textarea' | 'xtermjs' | 'none'
  readonly container?: HTMLElement | HTMLTextAreaElement
  readonly xterm_lib?: unknown
}

export interface V86Options {
  readonly memory_size?: number
  readonly autostart?: boolean
  readonly bzimage?: V86Image
  readonly initrd?: V86Image
  readonly cmdline?: string
  readonly multiboot?: V86Image
  readonly hda?: V86Image
  readonly hdb?: V86Image
  readonly fda?: V86Image
  readonly fdb?: V86Image
  readonly cdrom?: V86Image
  readonly boot_order?: number
  /** What `save_state` gave. */
  readonly initial_state?: V86Image
  readonly screen_container?: HTMLElement | null
  readonly screen?: { readonly container?: HTMLElement | null; readonly scaling?: number }
  readonly serial_container?: HTMLTextAreaElement
  readonly serial_container_xtermjs?: HTMLElement
  readonly serial_console?: V86Console
  readonly disable_keyboard?: boolean
  readonly disable_mouse?: boolean
  readonly disable_jit?: boolean
  /** Of tabpc: where its files lie, as for `PC.create`. */
  readonly assets?: PCOptions['assets']
  /** Taken and not needed: tabpc brings its own core and firmware, and has no sound. */
  readonly wasm_path?: string
  readonly bios?: V86Image
  readonly vga_bios?: V86Image
  readonly vga_memory_size?: number
  readonly disable_speaker?: boolean
  readonly acpi?: boolean
  readonly fastboot?: boolean
  readonly log_level?: number
  readonly [other: string]: unknown
}

const DEFAULT_MEMORY_BYTES = 64 << 20
const PAGE_BYTES = 4096

/** Options that ask for what tabpc does not have: the PC is not made, because the guest would miss it. */
const refused: Readonly<Record<string, string>> = {
  filesystem: 'a 9p file system', bzimage_initrd_from_filesystem: 'a 9p file system',
}
/** The same, where the guest can do without. */
const missing: Readonly<Record<string, string>> = {
  network_relay_url: 'a network card', net_device: 'a network card', virtio_console: 'a virtio console', uart2: 'COM3', uart3: 'COM4',
}

/** Lowest digit of `boot_order`. */
const bootDrives: Readonly<Record<number, 'fda' | 'hda' | 'cdrom'>> = { 1: 'fda', 2: 'hda', 3: 'cdrom' }

function fileOf(name: string, { url, buffer }: V86Image): FileSource {
  const file = buffer ?? url
  if (file === undefined) throw new PCError('usage', `${name} names no file`, `give ${name}: { url } or ${name}: { buffer }`)
  return file
}

/** The disk that an image stands for. Throws `PCError`. */
export function diskOf(name: string, image: V86Image): DiskDescription {
  if (image.use_parts)
    throw new PCError('unsupported', `${name} is cut into parts`, 'serve it whole: tabpc reads it in ranges')
  const file = fileOf(name, image)
  if (file instanceof Blob) return disk.blob(file)
  if (typeof file !== 'string' && !(file instanceof URL)) return disk.bytes(file)
  return image.async ? disk.http(file) : disk.download(file)
}

/** Options for `PC.create`, and what the page asks for in vain. Throws `PCError` 'unsupported' or 'usage'. */
export function pcOptions(options: V86Options): { readonly options: PCOptions, readonly inVain: readonly string[] } {
  const wish = Object.keys(refused).find(name => options[name])
  if (wish) throw new PCError('unsupported', `'${wish}' needs ${refused[wish]}, which tabpc does not have`, 'leave it away')
  const kernel = options.bzimage ?? options.multiboot
  const state = options.initial_state
  // A state has its drives.
  const disks: Partial<Record<DriveName, DiskDescription | null>> = kernel || state ? {} : { fda: null, cdrom: null }
  for (const name of ['hda', 'hdb', 'fda', 'fdb', 'cdrom'] as const) {
    const image = options[name]
    if (image) disks[name] = diskOf(name, image)
  }
  const bootDrive = bootDrives[(options.boot_order ?? 0) & 15] ?? (options.fda ? 'fda' : options.hda ? 'hda' : 'cdrom')
  const common = { disks, jit: !options.disable_jit, assets: options.assets }
  const inVain = Object.keys(missing).filter(name => options[name]).map(name => `'${name}' needs ${missing[name]}`)
  if (state) return { options: { ...common, state: fileOf('initial_state', state) }, inVain }
  return {
    options: {
      ...common,
      memory: Math.ceil((options.memory_size ?? DEFAULT_MEMORY_BYTES) / PAGE_BYTES) * PAGE_BYTES,
      boot: kernel
        ? {
          kernel: fileOf('bzimage', kernel), cmdline: options.cmdline,
          ...(options.initrd && { initrd: fileOf('initrd', options.initrd) }),
        }
        : { drive: bootDrive },
    },
    inVain,
  }
}
