/**
 * What a `PC` and its machine's worker say to each other: calls with answers, notes without, and events. Everything
 * survives a structured clone, which is all that web workers and worker threads of Node have in common.
 *
 *   PC -> ToMachine (call | note) -> MachineService -> Machine
 *   PC <- FromMachine (answer | event) <- MachineService
 */
import type { PCErrorCode } from '../errors.ts'
import type { DiskDescription } from '../pc/disk-source.ts'
import type { PCEventMap, PCStopReason } from '../pc/events.ts'
import type { DriveName } from '../pc/options.ts'
import type { PCStats } from '../pc/stats.ts'
import type { Expected } from '../state/expected.ts'

/** A file as the worker takes it: an absolute address, or what holds the bytes. */
export type WireFile = string | Uint8Array | Blob

/** The options of a PC without what belongs to the page. */
export interface WireOptions {
  readonly memoryBytes: number
  readonly boot?: { readonly kernel: WireFile; readonly initrd?: WireFile; readonly cmdline?: string }
  readonly bootDrive?: 'a' | 'c' | 'd'
  readonly disks: Partial<Readonly<Record<DriveName, DiskDescription | null>>>
  readonly bios?: WireFile
  readonly vgaBios?: WireFile
  readonly cpu?: string
  readonly clock: 'wall' | 'virtual'
  /** A saved PC to go on with, and what the page says about it besides: only that is compared. */
  readonly state?: WireFile
  readonly expected: Expected
  readonly jit: boolean
  readonly isaDebugExit: boolean
  readonly onReset: 'restart' | 'stop'
  /** Addresses of tabpc's own files; absent where the worker finds them itself (Node). */
  readonly assets?: WireAssets
  /** One 32-bit word that the page counts up and notifies with each message, when memory can be shared. */
  readonly attention?: SharedArrayBuffer
}

export interface WireAssets {
  readonly core: string
  readonly compileWorker: string
  readonly bios: string
  readonly vgaBios: string
}

/** A key of the PC's keyboard, by `KeyboardEvent.code`, with those that are held around it. */
export interface KeyStroke {
  readonly code: string
  readonly held?: readonly string[]
}

/** Figures, as far as the worker knows them. */
export type WireStats = Omit<PCStats, 'isIsolated'>

/** What a PC is, once there is a machine. */
export interface MadeMachine {
  readonly drives: readonly DriveName[]
  readonly description: string
}

/** Calls: each is answered once. */
export interface MachineCalls {
  create(options: WireOptions): MadeMachine
  run(): void
  pause(): void
  /** As the reset button. */
  reset(): void
  pressPowerButton(): void
  /** Answered when the port has room for more. */
  writeSerial(port: number, bytes: Uint8Array): void
  /** Answered when the keyboard has taken the last stroke. */
  type(strokes: readonly KeyStroke[]): void
  screenText(): readonly string[] | undefined
  /** A PNG file. */
  screenshot(): Uint8Array
  insert(drive: DriveName, source: DiskDescription | null): void
  flush(drive: DriveName): void
  export(drive: DriveName): Blob
  /** The whole PC as a file. */
  save(): Blob
  /** Another machine in place of this one, which goes on with a saved PC; running when this one was. */
  load(state: WireFile, disks: WireOptions['disks']): MadeMachine
  stats(): WireStats
  report(): string
}

/** Notes: no answer. */
export interface MachineNotes {
  key(code: string, down: boolean): void
  releaseKeys(): void
  /** Movement in counts, right and down; buttons now down, bit 0 left, 1 right, 2 middle. */
  mouse(dx: number, dy: number, wheel: number, buttons: number): void
  /** Whether somebody looks at the screen. */
  showFrames(on: boolean): void
  /** The last frame is on the page: the next one may come. */
  frameShown(): void
  /** Whether somebody waits for text on the screen: `screenText` events come while on. */
  watchText(on: boolean): void
  /** Whether the page wants no more serial output for now. */
  hold(on: boolean): void
}

export type MethodName = keyof MachineCalls
export type NoteName = keyof MachineNotes

export type ToMachine =
  | { readonly [Name in MethodName]: { readonly id: number; readonly call: Name; readonly args: Parameters<MachineCalls[Name]> } }[MethodName]
  | { readonly [Name in NoteName]: { readonly note: Name; readonly args: Parameters<MachineNotes[Name]> } }[NoteName]

/** A picture: as a bitmap where the worker can make one, else as pixels (bytes R, G, B, A). */
export type WireFrame =
  | { readonly width: number; readonly height: number; readonly bitmap: ImageBitmap }
  | { readonly width: number; readonly height: number; readonly pixels: ArrayBuffer }

/** Events of the worker, by name. */
export interface MachineEvents {
  /** The worker's script runs. */
  ready: undefined
  progress: PCEventMap['progress']
  serial: { readonly port: number; readonly bytes: Uint8Array }
  debug: { readonly bytes: Uint8Array }
  frame: WireFrame
  screenText: { readonly lines: readonly string[] | undefined }
  screenmode: PCEventMap['screenmode']
  diskactivity: PCEventMap['diskactivity']
  stopped: { readonly reason: PCStopReason; readonly status?: number; readonly report?: string }
  reset: PCEventMap['reset']
  halt: PCEventMap['halt']
  warning: PCEventMap['warning']
  /** The worker cannot go on. */
  failed: WireError
}

export interface WireError {
  readonly code: PCErrorCode
  readonly message: string
  readonly hint: string
}

export type FromMachine =
  | { readonly answer: number; readonly value: unknown }
  | { readonly answer: number; readonly error: WireError }
  | { readonly [Name in keyof MachineEvents]: { readonly event: Name; readonly detail: MachineEvents[Name] } }[keyof MachineEvents]

/** Sends to the page; `transfer` moves what it lists. */
export type SendToPage = (message: FromMachine, transfer?: readonly Transferable[]) => void
