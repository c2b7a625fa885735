/**
 * What a machine is made from and what it tells: the interface between `machine.ts` and those who run machines
 * (the command line, the worker, the tests). Types only.
 */

import type { RegionFigures } from '../jit/region-manager.ts'
import type { Disk } from './disks/disk.ts'
import type { Picture } from './devices/vga/picture.ts'
import type { Firmware } from './firmware.ts'
import type { BootImage } from './loaders/boot-image.ts'
import type { MachineState } from './machine-state.ts'

/** How a machine is built. */
export interface MachineOptions {
  /** Guest RAM, in bytes: a multiple of 4096. */
  readonly memoryBytes: number
  /** 'wall' paces virtual time to the host's clock; 'virtual' derives it from retired instructions. */
  readonly clock: 'wall' | 'virtual'
  /** Name of the CPU model (runtime/cpu-models.ts); absent means `max`, which has everything. */
  readonly cpu?: string
  /**
   * How hot code is compiled: true in a thread beside the machine; 'sync' at once in the machine's own thread, which
   * holds it up for a millisecond or two each time; false not at all. True is the default.
   */
  readonly jit?: boolean | 'sync'
  /** Entries by jump after which code is compiled; absent means the default. */
  readonly heatThreshold?: number
  /** Record the last instructions for `report`. */
  readonly trace?: boolean
  /** Port 0xF4 stops the machine: reason 'debug-exit', `status` (v << 1) | 1. Absent: the port is unclaimed. */
  readonly isaDebugExit?: boolean
  /** What is in memory and registers at the first instruction. */
  readonly boot?: BootImage
  /** Characters of the text screen for `boot`, which no VGA BIOS precedes (devices/vga/text-mode.ts, `findFont`). */
  readonly textFont?: Uint8Array
  /** What runs first when there is no `boot`. */
  readonly firmware?: Firmware
  readonly drives?: DriveImages
  /** Told in a sentence what no longer works as it should, while the machine runs on. */
  readonly onWarning?: (message: string) => void
}

/** What lies in the drives. A drive is there when its key is; `null` is a drive without a medium. */
export interface DriveImages {
  /** Hard disks: master and slave of the primary IDE channel. */
  readonly hda?: Disk
  readonly hdb?: Disk
  /** Master of the secondary channel. */
  readonly cdrom?: Disk | null
  /** Virtio block devices. */
  readonly vda?: Disk
  readonly vdb?: Disk
  readonly fda?: Disk | null
  readonly fdb?: Disk | null
}

/** Why a machine stopped for good. */
export type StopReason = 'power-off' | 'reset' | 'triple-fault' | 'debug-exit'

/** What a slice of running came to. */
export type RunResult =
  /** The budget is used up; call `run` again. */
  | { readonly state: 'running' }
  /**
   * The CPU sleeps. `wakeAt`: milliseconds until the next timer, or null when only input can wake it. `forever`: not
   * even that, because interrupts are off.
   */
  | { readonly state: 'halted'; readonly wakeAt: number | null; readonly forever?: boolean }
  /** The end. `status`: for 'debug-exit' the exit status (v << 1) | 1 of the value v written to the port. */
  | { readonly state: 'stopped'; readonly reason: StopReason; readonly status?: number }

/** Figures of a run since power-on. */
export interface MachineStats {
  /** Guest instructions retired. */
  readonly instructions: number
  /** Host seconds spent running guest code. */
  readonly seconds: number
  /** Millions of instructions per second over `seconds`. */
  readonly mips: number
  /** Number of exits from the core by the name of the reason. */
  readonly exits: Readonly<Record<string, number>>
  readonly decodedRuns: number
  readonly invalidations: number
  /** Compiled code; absent when everything is interpreted. */
  readonly regions?: RegionFigures
  /** Resident memory of the process in bytes, when the host tells it. */
  readonly rss?: number
}

/** A serial port as the outside sees it. */
export interface SerialLine {
  /** Called with each byte that the guest sends. */
  onByte: (byte: number) => void
  /** Bytes that arrive for the guest; the port takes them as fast as the guest reads. */
  receive(bytes: Uint8Array): void
  /** Bytes received that the guest has not read yet, if the port tells it; the sender pauses when there are many. */
  readonly backlog?: number
}

/** The screen as the outside sees it. */
export interface Screen {
  /** Draws into `picture` if the screen has changed since the last call (or `always`); tells whether it has drawn. */
  draw(picture: Picture, always?: boolean): boolean
  /** The lines of a text screen; undefined in graphics modes. */
  text(): string[] | undefined
}

/** What the runner needs of a machine; `Machine` implements it, and specs put a fake in its place. */
export interface RunnableMachine {
  readonly serial: readonly SerialLine[]
  readonly debugConsole: { onByte: (byte: number) => void }
  readonly postCodes: { onCode: (port: number, code: number) => void }
  /** Set by the host: called when a halted machine should run again before its next timer. */
  onWake?: () => void
  /** Absent in machines without a display. */
  readonly screen?: Screen
  /** Runs for about `budgetMilliseconds` of host time. */
  run(budgetMilliseconds: number): RunResult
  /** Called from within `run`, when the host has something to do: output to pass on. The run ends soon. */
  endSoon?(): void
  /** Starts anew after a stop with 'reset'; figures go on. */
  restart(): void
  stats(): MachineStats
  /** The whole state, for `load` of a machine that was made likewise (machine-state.ts); absent in fakes. */
  save?(): MachineState
  load?(state: MachineState): void
  /** Registers, the reason of the stop and up to `lastInstructions` instructions before it, as lines of text. */
  report(lastInstructions?: number): string
  dispose(): void
}
