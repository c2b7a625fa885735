/** What the floppy controller remembers between two accesses: the state that is saved. */
import { FLOPPY_SECTOR_BYTES } from './formats.ts'
import { DRIVES } from './registers.ts'

export enum Phase { Idle, Command, Execution, Waiting, Result }
/** What the timer brings. The last two ask a disk source again that had not answered when the state was saved. */
export enum Event { None, Reset, Seek, Sector, ReadId, FormatTrack, WriteSector, WriteFormat }

export type FloppyRegisters = ReturnType<typeof newRegisters>

export function newRegisters() {
  return {
    output: 0, rate: 2 as number, tape: 0, phase: Phase.Idle as number, event: Event.None as number,
    /** Bytes of the command so far, bytes of the result left. */
    command: [] as number[], result: [] as number[],
    /** Status 0 of each drive's seek or reset that SENSE INTERRUPT has not told yet; -1: none. */
    pending: [-1, -1, -1, -1], busyDrives: 0, seekDrive: 0, seekTarget: 0, interrupt: false,
    specify: [0, 0], configuration: [0, 0, 0], perpendicular: 0, locked: false,
    /** The transfer: place of the next sector, where it ends; the sector's bytes on their way by PIO. */
    head: 0, sector: 1, lastSector: 1, multiTrack: false, position: 0, pio: false, formatLeft: 0,
    /** A question to a disk source: what asks it again; the bytes that came for it and whether they were the last. */
    again: Event.None as number, moved: 0, terminal: false, formatted: 0,
  }
}

/** Brings what a strange state may hold into the registers' widths. */
export function tidy(r: FloppyRegisters): void {
  for (const [list, length] of [[r.pending, DRIVES], [r.specify, 2], [r.configuration, 3]] as const) {
    while (list.length < length) list.push(0)
    list.length = length
  }
  r.seekDrive &= 3
  r.position = Math.min(FLOPPY_SECTOR_BYTES - 1, Math.max(0, r.position))
  r.moved = Math.min(FLOPPY_SECTOR_BYTES, Math.max(0, r.moved))
  if (r.command.length === 0 && r.phase === Phase.Command) r.phase = Phase.Idle
}
