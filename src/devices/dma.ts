/**
 * The two 8237A DMA controllers of a PC and their page registers.
 *
 *     const dma = new Dma({ bus, memory })
 *     const moved = dma.store(2, bytes)            // a device on channel 2 has data for memory
 *
 * Ports: 00h..0Fh channels 0..3 (bytes), C0h..DFh channels 4..7 (words, every second port), pages at 81h..8Fh without
 * the diagnostic port 80h. Sources: Intel 8237A datasheet; 82371SB (PIIX3) datasheet, 2.5.1.
 *
 * A device moves data when it has it; whether its request is honoured depends on the mask and the command register.
 * Block, demand and single modes differ in how the bus is shared, which nobody sees here.
 */
import type { Bus, Device, DeviceState, GuestMemory } from './device.ts'
import { restore, snapshot } from './state.ts'

const CHANNELS = 8
const COUNT_WRAP = 0x10000
const CASCADE_CHANNEL = 4

/** Page register of each channel; channel 4 has none (its place is the refresh page). */
const PAGE_PORTS = [0x87, 0x83, 0x81, 0x82, 0x8f, 0x8b, 0x89, 0x8a]
const PAGE_FIRST = 0x81
const PAGE_LAST = 0x8f

enum Register {
  Command = 8, Request = 9, SingleMask = 10, Mode = 11, ClearFlipFlop = 12, MasterClear = 13, ClearMask = 14,
  AllMask = 15,
}
const COMMAND_DISABLE = 0x04
const PORT_MASK_2 = 0xd4
const PORT_MODE_2 = 0xd6
const MODE_CASCADE = 0xc0
const MODE_DECREMENT = 0x20
const MODE_AUTO_INITIALIZE = 0x10
const MODE_TRANSFER = 0x0c
const TRANSFER_WRITE = 0x04
const TRANSFER_READ = 0x08

/** What a transfer came to: bytes moved, and whether the channel's count has run out. */
export interface DmaResult {
  readonly moved: number
  readonly terminal: boolean
}

export interface DmaOptions {
  bus: Bus
  memory: GuestMemory
}

export class Dma implements Device {
  readonly name = 'dma'
  private readonly memory: GuestMemory
  private readonly registers = {
    baseAddress: new Array<number>(CHANNELS).fill(0), baseCount: new Array<number>(CHANNELS).fill(0),
    address: new Array<number>(CHANNELS).fill(0), count: new Array<number>(CHANNELS).fill(0),
    /** Channels 0..3 and 4..7 each: bit n of mask, request and terminal count stands for channel n. */
    mode: new Uint8Array(CHANNELS), mask: 0xff, request: 0, terminal: 0,
    command: new Uint8Array(2), highByte: new Uint8Array(2), pages: new Uint8Array(16),
  }

  constructor({ bus, memory }: DmaOptions) {
    this.memory = memory
    bus.claimPorts(0x00, 0x0f, {
      read8: port => this.read(0, port), write8: (port, value) => this.write(0, port, value),
    })
    bus.claimPorts(0xc0, 0xdf, {
      read8: port => this.read(1, (port - 0xc0) >> 1), write8: (port, value) => this.write(1, (port - 0xc0) >> 1, value),
    })
    bus.claimPorts(PAGE_FIRST, PAGE_LAST, {
      read8: port => this.registers.pages[port & 15],
      write8: (port, value) => {
        this.registers.pages[port & 15] = value
      },
    })
  }

  reset(): void {
    const r = this.registers
    this.masterClear(0)
    this.masterClear(1)
    for (const list of [r.baseAddress, r.baseCount, r.address, r.count]) list.fill(0)
    r.mode.fill(0)
    r.pages.fill(0)
  }

  save(): DeviceState {
    return snapshot(this.registers)
  }

  load(state: DeviceState): void {
    restore(this.name, this.registers, state)
    const r = this.registers
    for (const list of [r.baseAddress, r.baseCount, r.address, r.count])
      for (let i = 0; i < CHANNELS; i++) list[i] = (list[i] ?? 0) & 0xffff
  }

  /** Whether a device's request on a channel is honoured now. */
  isOpen(channel: number): boolean {
    const r = this.registers
    if (channel === CASCADE_CHANNEL || (r.mask >> channel) & 1) return false
    // Channels 0..3 go through channel 4.
    if (channel < CASCADE_CHANNEL && ((r.mask >> CASCADE_CHANNEL) & 1 || r.command[1] & COMMAND_DISABLE)) return false
    return (r.command[channel >> 2] & COMMAND_DISABLE) === 0
  }

  /** Moves a device's bytes to memory. */
  store(channel: number, bytes: Uint8Array): DmaResult {
    return this.transfer(channel, bytes.length, (address, offset, length, reversed) => {
      if ((this.registers.mode[channel] & MODE_TRANSFER) !== TRANSFER_WRITE) return
      const piece = bytes.subarray(offset, offset + length)
      this.memory.writeBytes(address, reversed ? piece.slice().reverse() : piece)
    })
  }

  /** Fills a device's bytes from memory. */
  fetch(channel: number, bytes: Uint8Array): DmaResult {
    return this.transfer(channel, bytes.length, (address, offset, length, reversed) => {
      if ((this.registers.mode[channel] & MODE_TRANSFER) !== TRANSFER_READ) return
      const piece = this.memory.readBytes(address, length)
      bytes.set(reversed ? piece.reverse() : piece, offset)
    })
  }

  private transfer(
    channel: number, wanted: number, move: (address: number, offset: number, length: number, reversed: boolean) => void,
  ): DmaResult {
    const r = this.registers
    if (!this.isOpen(channel)) return { moved: 0, terminal: false }
    const unit = channel > CASCADE_CHANNEL ? 2 : 1
    const down = (r.mode[channel] & MODE_DECREMENT) !== 0
    let moved = 0
    while (moved + unit <= wanted) {
      // The address counter wraps within its 64 Ki units.
      const room = down ? r.address[channel] + 1 : COUNT_WRAP - r.address[channel]
      const units = Math.min(Math.floor((wanted - moved) / unit), r.count[channel] + 1, room)
      const bytes = units * unit
      const page = r.pages[PAGE_PORTS[channel] & 15]
      const base = unit === 2 ? ((page & 0xfe) << 16) + r.address[channel] * 2 : (page << 16) + r.address[channel]
      move(down ? base - bytes + unit : base, moved, bytes, down)
      moved += bytes
      r.address[channel] = (r.address[channel] + (down ? -units : units)) & 0xffff
      if (units === r.count[channel] + 1) {
        this.reachTerminal(channel)
        return { moved, terminal: true }
      }
      r.count[channel] -= units
    }
    return { moved, terminal: false }
  }

  private reachTerminal(channel: number): void {
    const r = this.registers
    r.terminal |= 1 << channel
    r.request &= ~(1 << channel)
    if (r.mode[channel] & MODE_AUTO_INITIALIZE) {
      r.address[channel] = r.baseAddress[channel]
      r.count[channel] = r.baseCount[channel]
    } else {
      r.count[channel] = COUNT_WRAP - 1
      r.mask |= 1 << channel
    }
  }

  // --- registers of controller 0 or 1 ---

  private read(controller: number, register: number): number {
    const r = this.registers
    const first = controller * 4
    if (register < 8) {
      const list = register & 1 ? r.count : r.address
      const value = list[first + (register >> 1)]
      const high = r.highByte[controller]
      r.highByte[controller] ^= 1
      return high ? value >> 8 : value & 0xff
    }
    if (register === Register.Command) {
      const status = ((r.terminal >> first) & 15) | (((r.request >> first) & 15) << 4)
      r.terminal &= ~(15 << first)
      return status
    }
    // The mask can be read back at the last register.
    return register === Register.AllMask ? ((r.mask >> first) & 15) | 0xf0 : 0
  }

  private write(controller: number, register: number, value: number): void {
    const r = this.registers
    const first = controller * 4
    if (register < 8) {
      this.writeCounter(controller, register, value)
      return
    }
    const bit = 1 << (first + (value & 3))
    switch (register) {
      case Register.Command:
        r.command[controller] = value
        break
      case Register.Request:
        r.request = value & 4 ? r.request | bit : r.request & ~bit
        break
      case Register.SingleMask:
        r.mask = value & 4 ? r.mask | bit : r.mask & ~bit
        break
      case Register.Mode:
        r.mode[first + (value & 3)] = value & 0xfc
        break
      case Register.ClearFlipFlop:
        r.highByte[controller] = 0
        break
      case Register.MasterClear:
        this.masterClear(controller)
        break
      case Register.ClearMask:
        r.mask &= ~(15 << first)
        break
      case Register.AllMask:
        r.mask = (r.mask & ~(15 << first)) | ((value & 15) << first)
    }
  }

  private writeCounter(controller: number, register: number, value: number): void {
    const r = this.registers
    const channel = controller * 4 + (register >> 1)
    const [base, current] = register & 1 ? [r.baseCount, r.count] : [r.baseAddress, r.address]
    base[channel] = r.highByte[controller] ? (base[channel] & 0xff) | (value << 8) : (base[channel] & 0xff00) | value
    current[channel] = base[channel]
    r.highByte[controller] ^= 1
  }

  private masterClear(controller: number): void {
    const r = this.registers
    const first = controller * 4
    r.command[controller] = 0
    r.highByte[controller] = 0
    r.request &= ~(15 << first)
    r.terminal &= ~(15 << first)
    r.mask |= 15 << first
  }
}

/** What a BIOS does, for boots without one: cascades the first controller through channel 4. */
export function setUpDma(bus: { writePort(port: number, size: 8, value: number): void }): void {
  bus.writePort(PORT_MODE_2, 8, MODE_CASCADE)
  bus.writePort(PORT_MASK_2, 8, 0)
}
