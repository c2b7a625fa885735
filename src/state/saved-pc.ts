/**
 * A whole PC as one file: the machine's state, how the machine was made, and its drives. Whoever has the file (and the
 * large disk images, which stay outside) goes on with the guest, in a page or in Node alike.
 *
 *   Machine, drives -> freezePC -> Tree -> state-file.ts -> file -> readPC -> SavedPC -> new Machine -> load
 *
 * Used by the machine's worker (src/worker/machine-service.ts) and the command line (src/cli/run.ts).
 */
import type { Disk } from '../disks/disk.ts'
import { PCError } from '../errors.ts'
import type { Firmware } from '../firmware.ts'
import type { BootImage } from '../loaders/boot-image.ts'
import type { DriveImages, MachineOptions } from '../machine-options.ts'
import type { MachineState } from '../machine-state.ts'
import { type DriveName, driveNames } from '../pc/options.ts'
import type { Expected } from './expected.ts'
import { freezeDrive, type ImageSource, type SavedDrive, thawDrive } from './saved-drives.ts'
import { readStateFile, type Turn, writeStateFile } from './state-file.ts'
import type { Tree } from './tree.ts'

export const driveRoles: Readonly<Record<DriveName, string>> = {
  hda: 'the first hard disk', hdb: 'the second hard disk', cdrom: 'the CD-ROM', vda: 'the first virtio disk',
  vdb: 'the second virtio disk', fda: 'floppy disk A', fdb: 'floppy disk B',
}

/** How a machine was made, as far as it must be made so again. */
export interface SavedMachine {
  readonly memoryBytes: number
  readonly cpu: string
  readonly clock: 'wall' | 'virtual'
  readonly isaDebugExit: boolean
  /** For people: 'Linux 6.1.0 …', 'BIOS'. */
  readonly description: string
  /** For when the guest starts anew. */
  readonly boot?: BootImage
  readonly textFont?: Uint8Array
  readonly firmware?: Firmware
}

export interface SavedPC {
  readonly machine: SavedMachine
  /** By name; `null` is an empty drive. */
  readonly drives: Readonly<Partial<Record<DriveName, SavedDrive | null>>>
  readonly state: MachineState
}

/** A drive of a running machine. */
export interface OpenDrive {
  readonly disk: Disk
  readonly source: ImageSource
}

export type OpenDrives = Readonly<Partial<Record<DriveName, OpenDrive | null>>>

/** What a machine was made of, as a state keeps it. */
export function describeMade(options: Omit<MachineOptions, 'drives'>, description: string): SavedMachine {
  const { memoryBytes, cpu = 'max', clock, isaDebugExit = false, boot, textFont, firmware } = options
  return { memoryBytes, cpu, clock, isaDebugExit, description, boot, textFont, firmware }
}

/**
 * Freezes a machine and its drives as they are at the time of the call; the file's parts come later, and the machine may
 * run on meanwhile. Between two calls of `run` only.
 */
export async function freezePC(
  machine: { save(): MachineState }, made: SavedMachine, drives: OpenDrives, turn: Turn,
): Promise<Uint8Array[]> {
  const { ram, ...rest } = machine.save()
  const frozen = await Promise.all(Object.entries(drives).map(async ([name, drive]) =>
    [name, drive && (await freezeDrive(drive.disk, drive.source))] as const))
  const tree = { machine: made, drives: Object.fromEntries(frozen), state: { ...rest, ram: { ...ram, blocks: Array.from(ram.blocks) } } }
  return await writeStateFile(tree as unknown as Tree, turn)
}

/** Reads a file of `freezePC`. Breaks its promise with `PCError` 'bad-state'. */
export async function readPC(file: Uint8Array, turn: Turn): Promise<SavedPC> {
  const tree = (await readStateFile(file, turn)) as unknown as SavedPC & { readonly state: { readonly ram: { readonly blocks: number[] } } }
  const { machine, drives, state } = tree ?? {}
  const isWhole = isRecord(machine) && isRecord(drives) && isRecord(state) && isRecord(state.ram) && Array.isArray(state.ram.blocks)
  if (!isWhole) throw new PCError('bad-state', 'the saved PC lacks a part', 'save it again with this version of tabpc')
  return { machine, drives, state: { ...state, ram: { ...state.ram, blocks: Uint32Array.from(state.ram.blocks) } } }
}

function isRecord(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

/** Throws `PCError` 'bad-state' when options ask for another machine than the saved one. */
export function checkExpected(saved: SavedMachine, expected: Expected): void {
  const mebibytes = (bytes: number) => `${bytes / 2 ** 20}M`
  const differences = [
    expected.memoryBytes !== undefined && expected.memoryBytes !== saved.memoryBytes &&
      `memory is ${mebibytes(saved.memoryBytes)} in it and ${mebibytes(expected.memoryBytes)} were asked for`,
    expected.cpu !== undefined && expected.cpu !== saved.cpu && `the CPU is '${saved.cpu}' in it and '${expected.cpu}' was asked for`,
    expected.clock !== undefined && expected.clock !== saved.clock && `the clock is '${saved.clock}' in it and '${expected.clock}' was asked for`,
  ].filter(text => typeof text === 'string')
  if (differences.length === 0) return
  throw new PCError('bad-state', `the PC was saved with other options: ${differences.join('; ')}`, 'leave these options away: the state has its own')
}

/** The machine's options again, but for what belongs to the host. */
export function machineOptionsOf({ machine }: SavedPC): Pick<MachineOptions, 'memoryBytes' | 'cpu' | 'clock' | 'isaDebugExit' | 'boot' | 'textFont' | 'firmware'> {
  const { memoryBytes, cpu, clock, isaDebugExit, boot, textFont, firmware } = machine
  return {
    memoryBytes, cpu, clock, isaDebugExit, ...(boot && { boot }), ...(textFont && { textFont }), ...(firmware && { firmware }),
  }
}

/** An image that the caller has, for a drive of a saved PC. */
export interface GivenDrive extends OpenDrive {
  /** Whether the caller insists on it; otherwise it is only offered, and what the state has itself goes first. */
  readonly isWanted: boolean
}

/**
 * The drives of a saved PC, over the images that the caller has. Breaks its promise with `PCError` 'bad-state', which
 * names the drive.
 */
export async function thawDrives(
  { drives }: SavedPC, given: Readonly<Partial<Record<DriveName, GivenDrive | null>>>, signal?: AbortSignal,
): Promise<OpenDrives> {
  for (const name of driveNames) {
    if (!given[name]?.isWanted || drives[name]) continue
    const what = drives[name] === null ? `${driveRoles[name]} was empty` : `there was no ${name}`
    throw new PCError('bad-state', `${what} when the PC was saved`, drives[name] === null ? 'insert the disk once it runs' : 'leave that disk away')
  }
  const opened = await Promise.all(driveNames.map(async name => {
    const saved = drives[name]
    if (!saved) return [name, saved] as const
    const own = given[name] ?? undefined
    const isOwnNeeded = own?.isWanted || (saved.image === undefined && saved.source.kind !== 'blank')
    const disk = await thawDrive(driveRoles[name], saved, isOwnNeeded ? own?.disk : undefined, signal)
    return [name, { disk, source: isOwnNeeded && own ? own.source : saved.source }] as const
  }))
  return Object.fromEntries(opened.filter(([, drive]) => drive !== undefined))
}

/** The disks alone, for a machine. */
export function disksOf(drives: OpenDrives): DriveImages {
  return Object.fromEntries(Object.entries(drives).map(([name, drive]) => [name, drive ? drive.disk : drive])) as DriveImages
}
