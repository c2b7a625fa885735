/** The options of a PC, checked, as the message that makes the machine. */
import { PCError } from '../errors.ts'
import { LEAST_MEMORY_BYTES, MOST_MEMORY_BYTES, parseMemorySize } from '../memory-size.ts'
import type { WireAssets, WireFile, WireOptions } from '../worker/protocol.ts'
import { absolute, type DiskDescription, describeDisk } from './disk-source.ts'
import { type DriveName, driveNames, type FileSource, type PCOptions } from './options.ts'

const DEFAULT_MEMORY = '256M'
const PAGE_BYTES = 4096
const driveLetters = { hda: 'c', cdrom: 'd', fda: 'a' } as const

/** A file as the worker takes it. */
export function wireFile(file: FileSource): WireFile {
  if (typeof file === 'string' || file instanceof URL) return absolute(file)
  return file instanceof ArrayBuffer ? new Uint8Array(file) : file
}

/** Checks and converts. Throws `PCError` 'usage' or 'bad-memory'. */
export function wireOptions(
  options: PCOptions, assets: WireAssets | undefined, attention: SharedArrayBuffer | undefined,
): WireOptions {
  const { boot, clock = 'wall', onReset = 'restart' } = options
  checkOneOf('clock', clock, ['wall', 'virtual'])
  checkOneOf('onReset', onReset, ['restart', 'stop'])
  const memory = memoryBytes(options.memory ?? DEFAULT_MEMORY)
  return {
    memoryBytes: memory,
    state: options.state === undefined ? undefined : wireFile(options.state),
    expected: { memoryBytes: options.memory === undefined ? undefined : memory, cpu: options.cpu, clock: options.clock },
    clock, onReset, assets, attention,
    cpu: options.cpu,
    jit: options.jit ?? true,
    isaDebugExit: options.isaDebugExit ?? false,
    disks: describeDisks(options.disks ?? {}),
    bios: options.bios === undefined ? undefined : wireFile(options.bios),
    vgaBios: options.vgaBios === undefined ? undefined : wireFile(options.vgaBios),
    ...bootOptions(boot),
  }
}

function bootOptions(boot: PCOptions['boot']): Pick<WireOptions, 'boot' | 'bootDrive'> {
  if (!boot) return {}
  if ('drive' in boot) {
    checkOneOf('boot.drive', boot.drive, Object.keys(driveLetters))
    return { bootDrive: driveLetters[boot.drive] }
  }
  const { kernel, initrd, cmdline } = boot
  if (kernel === undefined || kernel === null)
    throw new PCError('usage', 'boot names no kernel', 'give boot.kernel, or boot.drive, or leave boot away')
  return { boot: { kernel: wireFile(kernel), initrd: initrd === undefined ? undefined : wireFile(initrd), cmdline } }
}

/** The page's disks as the worker takes them. Throws `PCError` 'usage'. */
export function describeDisks(disks: NonNullable<PCOptions['disks']>): WireOptions['disks'] {
  const described: Partial<Record<DriveName, DiskDescription | null>> = {}
  for (const [name, source] of Object.entries(disks)) {
    if (source === undefined) continue
    checkOneOf('a drive', name, driveNames)
    described[name as DriveName] = source === null ? null : describeDisk(source)
  }
  return described
}

function memoryBytes(memory: string | number): number {
  if (typeof memory === 'string') return parseMemorySize(memory)
  if (!Number.isInteger(memory) || memory % PAGE_BYTES !== 0 || memory < LEAST_MEMORY_BYTES || memory > MOST_MEMORY_BYTES)
    throw new PCError('bad-memory', `${memory} bytes of memory are out of range`, 'give from 1M to 2G, in whole pages of 4096')
  return memory
}

function checkOneOf(what: string, value: string, choices: readonly string[]): void {
  if (!choices.includes(value)) throw new PCError('usage', `${what} cannot be '${value}'`, `choose ${choices.join(', ')}`)
}
