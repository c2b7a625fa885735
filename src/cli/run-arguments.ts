/** The options of `tabpc run`: their table, and the check that turns them into what the run needs. */

import { cpuModels } from '../../runtime/cpu-models.ts'
import { PCError } from '../errors.ts'
import { parseMemorySize } from '../memory-size.ts'
import type { Expected } from '../state/expected.ts'
import { type GivenOptions, type OptionSpec, readOptions } from './options.ts'

/** Where the bytes of a port go. */
export type PortTarget =
  | { readonly kind: 'stdio' }
  | { readonly kind: 'none' }
  | { readonly kind: 'file'; readonly path: string }

/** What `tabpc run` was asked for. Sizes in bytes, times in seconds. */
export interface RunArguments {
  /** Absent: the BIOS boots the drives. */
  readonly kernel?: string
  /** Firmware images; absent: those that come with tabpc. */
  readonly bios?: string
  readonly vgaBios?: string
  /** Image files. */
  readonly drives: Readonly<Partial<Record<DriveName, string>>>
  /** The drive that the BIOS tries first. */
  readonly bootDrive?: BootDrive
  /** Keep what the guest writes to disks in memory. */
  readonly snapshot: boolean
  /** Where to write a picture of the screen at exit. */
  readonly screenshot?: string
  /** A saved PC to go on with, and where to save it at exit. */
  readonly load?: string
  readonly save?: string
  /** What of the machine was asked for in words: it must be so in a saved PC. */
  readonly expected: Expected
  readonly initrd?: string
  readonly append: string
  readonly memoryBytes: number
  /** Name of the CPU model. */
  readonly cpu: string
  readonly serial: PortTarget
  readonly debugcon: PortTarget
  readonly post: PortTarget
  readonly isaDebugExit: boolean
  /** Compile hot code. */
  readonly jit: boolean
  readonly clock: 'wall' | 'virtual'
  readonly expect?: RegExp
  readonly timeout?: number
  readonly stats?: string
  /** Record the last instructions exactly, and how many of them a crash report shows. */
  readonly trace: boolean
  readonly traceCount: number
}

const DEFAULT_MEMORY = '256M'
const DEFAULT_TRACE = 20
/** The machine's trace ring holds this many. */
const MOST_TRACE = 4096
/** Timers of the host end at 2^31 ms. */
const MOST_TIMEOUT_SECONDS = 2_000_000

/** The options in the order of the help, under its headings. */
export const runOptions: readonly { readonly heading: string; readonly options: readonly OptionSpec[] }[] = [
  {
    heading: 'What to boot',
    options: [
      { name: 'kernel', kind: 'value', placeholder: 'FILE', help: 'a Linux bzImage or a Multiboot kernel' },
      { name: 'initrd', kind: 'value', placeholder: 'FILE', help: 'initial RAM disk, or the Multiboot module' },
      { name: 'append', kind: 'value', placeholder: 'TEXT', help: 'command line of the kernel' },
      { name: 'bios', kind: 'value', placeholder: 'FILE', help: 'firmware, when there is no kernel (default SeaBIOS)' },
      { name: 'vga-bios', kind: 'value', placeholder: 'FILE', help: 'firmware of the graphics card' },
      { name: 'boot', kind: 'value', placeholder: 'a|c|d', help: 'drive to try first: floppy, hard disk, CD-ROM' },
    ],
  },
  {
    heading: 'Drives (raw or fixed VHD images: the guest writes into the files; qcow2: what it writes is gone at the end)',
    options: [
      { name: 'hda', kind: 'value', placeholder: 'FILE', help: 'first hard disk' },
      { name: 'hdb', kind: 'value', placeholder: 'FILE', help: 'second hard disk' },
      { name: 'vda', kind: 'value', placeholder: 'FILE', help: 'first virtio disk: faster, for guests that have the driver' },
      { name: 'vdb', kind: 'value', placeholder: 'FILE', help: 'second virtio disk' },
      { name: 'cdrom', kind: 'value', placeholder: 'FILE', help: 'CD-ROM (ISO image, never written)' },
      { name: 'fda', kind: 'value', placeholder: 'FILE', help: 'floppy disk A; a file without write permission is read-only' },
      { name: 'fdb', kind: 'value', placeholder: 'FILE', help: 'floppy disk B' },
      { name: 'snapshot', kind: 'flag', help: 'leave the files alone: what the guest writes is gone at the end' },
    ],
  },
  {
    heading: 'The machine',
    options: [
      { name: 'memory', kind: 'value', placeholder: 'SIZE', help: '1M to 2G; K, M or G (default 256M)' },
      {
        name: 'clock',
        kind: 'value',
        placeholder: 'KIND',
        help:
          "wall: the guest's time is the host's (default); virtual: it is derived from the\n" +
          'instructions run, so that a run is repeatable',
      },
      { name: 'isa-debug-exit', kind: 'flag', help: 'a write of v to port 0xF4 exits with status (v << 1) | 1' },
      {
        name: 'cpu',
        kind: 'value',
        placeholder: 'MODEL',
        help: 'the CPU: max (default, all that is there), i686 (up to SSE2), pentium or 486',
      },
      { name: 'no-jit', kind: 'flag', help: 'interpret only, compile nothing' },
    ],
  },
  {
    heading: 'Input and output',
    options: [
      { name: 'serial', kind: 'value', placeholder: 'TARGET', help: 'COM1: stdio (default), none, or file:FILE' },
      {
        name: 'debugcon',
        kind: 'value',
        placeholder: 'TARGET',
        help: 'port 0xE9: stdio, none (default), or file:FILE',
      },
      {
        name: 'post',
        kind: 'value',
        placeholder: 'TARGET',
        help:
          'codes written to ports 0x80 and 0x190, a line for each such as "post 80 1f": stdio,\n' +
          'none (default), or file:FILE',
      },
    ],
  },
  {
    heading: 'Another time, another place',
    options: [
      { name: 'save', kind: 'value', placeholder: 'FILE', help: 'write the whole PC there at exit (Ctrl-A X, --expect, --timeout)' },
      {
        name: 'load', kind: 'value', placeholder: 'FILE',
        help:
          'go on with a PC that was saved, here or in a page: kernel and machine are in the file;\n' +
          'disk images of more than 16 MiB are not, and must be given as they were',
      },
    ],
  },
  {
    heading: 'How it ends',
    options: [
      { name: 'expect', kind: 'value', placeholder: 'REGEX', help: 'exit with 0 when serial output or screen text match' },
      { name: 'timeout', kind: 'value', placeholder: 'SECONDS', help: 'exit with 124 after this time' },
      {
        name: 'stats',
        kind: 'value',
        placeholder: 'FILE',
        help: 'write figures of the run there as JSON, however it ends',
      },
      { name: 'screenshot', kind: 'value', placeholder: 'FILE', help: 'write what the screen shows at exit there as PNG' },
      {
        name: 'trace',
        kind: 'optional',
        placeholder: 'N',
        help: `show the last N instructions (default ${DEFAULT_TRACE}) when the guest crashes`,
      },
      { name: 'help', kind: 'flag', help: 'show this page' },
    ],
  },
]

const COMMAND = 'tabpc run'
const allOptions = runOptions.flatMap(group => group.options)
const driveNames = ['fda', 'fdb', 'hda', 'hdb', 'vda', 'vdb', 'cdrom'] as const
const bootDrives = ['a', 'c', 'd'] as const

export type DriveName = (typeof driveNames)[number]
export type BootDrive = (typeof bootDrives)[number]

/** Reads and checks the arguments of `tabpc run`; 'help' when help is asked for. Throws `PCError`. */
export function parseRunArguments(argv: readonly string[]): RunArguments | 'help' {
  const given = readOptions(argv, allOptions, COMMAND)
  if (given.has('help')) return 'help'
  const kernel = fileValue(given, 'kernel')
  const idle = ['initrd', 'append'].find(name => given.has(name))
  const load = fileValue(given, 'load')
  if (kernel === undefined && idle && load === undefined) {
    throw new PCError(
      'usage', `--${idle} is given without --kernel`, 'give a Linux bzImage or a Multiboot kernel with --kernel FILE',
    )
  }
  if (kernel === undefined && load === undefined && ![...driveNames, 'bios'].some(name => given.has(name))) {
    throw new PCError(
      'usage', 'there is nothing to boot',
      'give a kernel with --kernel FILE, or a drive such as --cdrom FILE, or a saved PC with --load FILE',
    )
  }
  const unused = ['bios', 'vga-bios'].find(name => given.has(name))
  if (kernel !== undefined && unused) {
    throw new PCError('usage', `--${unused} is given with --kernel, which boots without a BIOS`, `leave one of them out`)
  }
  const isaDebugExit = given.has('isa-debug-exit')
  const memoryBytes = memoryValue(textValue(given, 'memory') ?? DEFAULT_MEMORY)
  const cpu = cpuValue(given)
  const clock = clockValue(given)
  return {
    kernel,
    bios: fileValue(given, 'bios'),
    vgaBios: fileValue(given, 'vga-bios'),
    screenshot: fileValue(given, 'screenshot'),
    drives: Object.fromEntries(driveNames.flatMap(name => {
      const path = fileValue(given, name)
      return path === undefined ? [] : [[name, path]]
    })),
    bootDrive: bootValue(given),
    snapshot: given.has('snapshot'),
    initrd: fileValue(given, 'initrd'),
    append: textValue(given, 'append') ?? '',
    memoryBytes,
    cpu,
    serial: targetValue(given, 'serial', { kind: 'stdio' }),
    debugcon: targetValue(given, 'debugcon', { kind: 'none' }),
    post: targetValue(given, 'post', { kind: 'none' }),
    isaDebugExit,
    jit: !given.has('no-jit'),
    clock,
    load,
    save: fileValue(given, 'save'),
    expected: {
      ...(given.has('memory') && { memoryBytes }), ...(given.has('cpu') && { cpu }), ...(given.has('clock') && { clock }),
    },
    expect: expectValue(given),
    timeout: timeoutValue(given),
    stats: fileValue(given, 'stats'),
    trace: given.has('trace'),
    traceCount: traceCountValue(given),
  }
}

function textValue(given: GivenOptions, name: string): string | undefined {
  const value = given.get(name)
  return typeof value === 'string' ? value : undefined
}

function fileValue(given: GivenOptions, name: string): string | undefined {
  const path = textValue(given, name)
  if (path === '') throw new PCError('usage', `the file name of --${name} is empty`, `write --${name} FILE`)
  return path
}

function memoryValue(text: string): number {
  try {
    return parseMemorySize(text)
  } catch (error) {
    if (error instanceof PCError) throw new PCError(error.code, `--memory: ${error.message}`, error.hint)
    throw error
  }
}

function targetValue(given: GivenOptions, name: string, otherwise: PortTarget): PortTarget {
  const text = textValue(given, name)
  if (text === undefined) return otherwise
  if (text === 'stdio' || text === 'none') return { kind: text }
  if (text.startsWith('file:') && text.length > 'file:'.length)
    return { kind: 'file', path: text.slice('file:'.length) }
  throw new PCError('usage', `--${name} cannot be '${text}'`, 'write stdio, none, or file:FILE')
}

function cpuValue(given: GivenOptions): string {
  const name = textValue(given, 'cpu') ?? 'max'
  if (Object.hasOwn(cpuModels, name)) return name
  throw new PCError('usage', `--cpu cannot be '${name}'`, `write ${Object.keys(cpuModels).sort().join(', ')}`)
}

function bootValue(given: GivenOptions): BootDrive | undefined {
  const text = textValue(given, 'boot')
  const drive = bootDrives.find(name => name === text)
  if (text !== undefined && drive === undefined)
    throw new PCError('usage', `--boot cannot be '${text}'`, 'write a (floppy), c (hard disk) or d (CD-ROM)')
  return drive
}

function clockValue(given: GivenOptions): 'wall' | 'virtual' {
  const text = textValue(given, 'clock') ?? 'wall'
  if (text === 'wall' || text === 'virtual') return text
  throw new PCError('usage', `--clock cannot be '${text}'`, 'write wall or virtual')
}

function expectValue(given: GivenOptions): RegExp | undefined {
  const text = textValue(given, 'expect')
  if (text === undefined) return undefined
  if (text === '') throw new PCError('usage', 'the expression of --expect is empty', 'write the text to wait for')
  try {
    return new RegExp(text, 'm')
  } catch (error) {
    const reason =
      error instanceof Error ? error.message.replace(/^Invalid regular expression: .*\/m: /s, '') : String(error)
    throw new PCError('usage', `--expect is no regular expression: ${reason}`, 'put \\ before special characters')
  }
}

function timeoutValue(given: GivenOptions): number | undefined {
  const text = textValue(given, 'timeout')
  if (text === undefined) return undefined
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0
  if (seconds <= 0 || seconds > MOST_TIMEOUT_SECONDS) {
    throw new PCError(
      'usage',
      `--timeout cannot be '${text}'`,
      `write a number of seconds up to ${MOST_TIMEOUT_SECONDS}, such as 60`,
    )
  }
  return seconds
}

function traceCountValue(given: GivenOptions): number {
  const text = given.get('trace')
  if (text === undefined || text === true) return DEFAULT_TRACE
  const count = /^\d+$/.test(text) ? Number(text) : 0
  if (count < 1 || count > MOST_TRACE) {
    throw new PCError(
      'usage',
      `--trace cannot be '${text}'`,
      `write --trace or --trace=N with N from 1 to ${MOST_TRACE}`,
    )
  }
  return count
}
