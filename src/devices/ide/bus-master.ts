/**
 * Bus-master DMA of one IDE channel: command, status and descriptor-table registers, and the walk through the table.
 *
 * Eight ports: 0 command (bit 0 start, bit 3 to memory), 2 status (bit 0 active, 1 error, 2 interrupt, 5 and 6 kept
 * for drivers), 4..7 address of the table. A table entry: physical address (32 bits), bytes (16 bits, 0 is 64 KiB),
 * bit 31 of the second dword on the last. Source: Intel 82371SB (PIIX3) datasheet, 2.6; "Programming Interface for Bus
 * Master IDE Controller", revision 1.0.
 */
import type { DeviceState, GuestMemory, PortHandler } from '../device.ts'
import { restore, snapshot } from '../state.ts'

export const BUS_MASTER_PORTS = 8
const COMMAND = 0
const STATUS = 2
const TABLE = 4

const START = 0x01
const TO_MEMORY = 0x08
const ACTIVE = 0x01
const ERROR = 0x02
const INTERRUPT = 0x04
const DRIVE_CAPABLE = 0x60

const ENTRY_BYTES = 8
const END_OF_TABLE = 0x80000000
const MOST_ENTRY_BYTES = 0x10000
/** A table fills at most 64 KiB; an endless one ends here. */
const MOST_ENTRIES = 8192

export class BusMaster {
  private readonly memory: GuestMemory
  private readonly onStart: () => void
  private readonly registers = {
    command: 0, status: 0, table: 0,
    /** Walk: address of the next entry, the piece of memory at hand and its rest, whether it is the last. */
    next: 0, address: 0, left: 0, last: false, entries: 0,
  }

  /** `onStart` is called when the guest starts a transfer. */
  constructor(memory: GuestMemory, onStart: () => void) {
    this.memory = memory
    this.onStart = onStart
  }

  reset(): void {
    Object.assign(this.registers, {
      command: 0, status: 0, table: 0, next: 0, address: 0, left: 0, last: false, entries: 0,
    })
  }

  save(): DeviceState {
    return snapshot(this.registers)
  }

  load(device: string, state: DeviceState): void {
    restore(device, this.registers, state)
    const r = this.registers
    for (const key of ['table', 'next'] as const) r[key] = (r[key] & ~1) >>> 0
    r.address >>>= 0
    r.left = Math.min(Math.max(0, r.left), MOST_ENTRY_BYTES)
    r.entries = Math.max(0, r.entries)
    r.command &= START | TO_MEMORY
    r.status &= ACTIVE | ERROR | INTERRUPT | DRIVE_CAPABLE
  }

  get started(): boolean {
    return (this.registers.status & ACTIVE) !== 0
  }

  /** Whether a started transfer goes to memory. */
  get toMemory(): boolean {
    return (this.registers.command & TO_MEMORY) !== 0
  }

  /** The registers from offset 0 on. */
  readonly ports: PortHandler = {
    read8: offset => this.read(offset),
    write8: (offset, value) => this.write(offset, value),
    read32: offset => (offset === TABLE ? this.registers.table : this.readDword(offset)),
    write32: (offset, value) => {
      if (offset === TABLE) this.registers.table = (value & ~3) >>> 0
      else for (let i = 0; i < 4; i++) this.write(offset + i, (value >>> (8 * i)) & 0xff)
    },
  }

  private readDword(offset: number): number {
    return (this.read(offset) | (this.read(offset + 1) << 8) | (this.read(offset + 2) << 16) |
      (this.read(offset + 3) << 24)) >>> 0
  }

  private read(offset: number): number {
    const r = this.registers
    if (offset === COMMAND) return r.command
    if (offset === STATUS) return r.status
    return offset >= TABLE ? (r.table >>> (8 * (offset - TABLE))) & 0xff : 0
  }

  private write(offset: number, value: number): void {
    const r = this.registers
    if (offset === STATUS) {
      r.status = (r.status & ~(value & (ERROR | INTERRUPT)) & ~DRIVE_CAPABLE) | (value & DRIVE_CAPABLE)
    } else if (offset >= TABLE) {
      const shift = 8 * (offset - TABLE)
      r.table = ((r.table & ~(0xff << shift)) | (value << shift)) & ~3
      r.table >>>= 0
    } else if (offset === COMMAND) {
      const starts = (value & START) !== 0 && (r.command & START) === 0
      r.command = value & (START | TO_MEMORY)
      if (!(value & START)) r.status &= ~ACTIVE
      if (!starts) return
      Object.assign(r, { next: r.table, left: 0, last: false, entries: 0 })
      r.status |= ACTIVE
      this.onStart()
    }
  }

  /** The drive has raised its interrupt line. */
  noteInterrupt(): void {
    this.registers.status |= INTERRUPT
  }

  /** The drive has no more data for the transfer; memory may be left in the table. */
  finish(): void {
    const r = this.registers
    if (r.left === 0 && r.last) r.status &= ~ACTIVE
  }

  /** Moves bytes from the drive to memory; returns how many the table had room for. */
  store(bytes: Uint8Array): number {
    let done = 0
    while (done < bytes.length) {
      const piece = this.nextPiece(bytes.length - done)
      if (!piece) break
      this.memory.writeBytes(piece.address, bytes.subarray(done, done + piece.length))
      done += piece.length
    }
    return done
  }

  /** Fills bytes for the drive from memory; returns how many the table had. */
  fetch(bytes: Uint8Array): number {
    let done = 0
    while (done < bytes.length) {
      const piece = this.nextPiece(bytes.length - done)
      if (!piece) break
      bytes.set(this.memory.readBytes(piece.address, piece.length), done)
      done += piece.length
    }
    return done
  }

  /** The next piece of memory of at most `most` bytes; undefined behind the end of the table: the transfer ends. */
  private nextPiece(most: number): { address: number, length: number } | undefined {
    const r = this.registers
    if (r.left <= 0) {
      if (r.last || r.entries >= MOST_ENTRIES) {
        r.status &= ~ACTIVE
        return undefined
      }
      r.address = this.memory.read32(r.next) & ~1
      r.address >>>= 0
      const size = this.memory.read32(r.next + 4)
      r.left = (size & 0xfffe) === 0 ? MOST_ENTRY_BYTES : size & 0xfffe
      r.last = (size & END_OF_TABLE) !== 0
      r.next = (r.next + ENTRY_BYTES) >>> 0
      r.entries++
    }
    const length = Math.min(most, r.left, MOST_ENTRY_BYTES)
    const { address } = r
    r.address = (r.address + length) >>> 0
    r.left -= length
    if (r.left === 0 && r.last) r.status &= ~ACTIVE
    return { address, length }
  }
}
