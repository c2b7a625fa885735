/** Drives whose disk source has not answered yet: saved then and loaded elsewhere, they come to the same end. */
import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { DeviceState } from '../../../src/devices/device.ts'
import type { Disk } from '../../../src/disks/disk.ts'
import { Board, BUS_MASTER } from './board.ts'

/** A disk that answers when it is told to. */
class SlowDisk implements Disk {
  readonly bytes: number
  readonly readOnly: boolean
  private readonly disk: Disk
  private readonly gate: Gate

  constructor(disk: Disk, gate: Gate) {
    this.disk = disk
    this.gate = gate
    this.bytes = disk.bytes
    this.readOnly = disk.readOnly
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    await this.gate.pass()
    return this.disk.read(offset, length)
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    const kept = bytes.slice()
    await this.gate.pass()
    return this.disk.write(offset, kept)
  }

  async flush(): Promise<void> {
    await this.gate.pass()
    return this.disk.flush()
  }
}

/** Holds up to some questions back, then lets all through. */
class Gate {
  asked = 0
  private readonly waiting: (() => void)[] = []
  private isOpen = false

  async pass(): Promise<void> {
    this.asked++
    if (!this.isOpen) await new Promise<void>(resolve => this.waiting.push(resolve))
  }

  openOnce(): void {
    this.waiting.shift()?.()
  }

  open(): void {
    this.isOpen = true
    for (const resolve of this.waiting.splice(0)) resolve()
  }
}

const IDE = 0x1f0
const CD = 0x170
const FLOPPY = 0x3f5
const TABLE = 0x1000
const DATA = 0x2000
const RING = 0x20000

function fill(bytes: Uint8Array, seed: number): void {
  bytes.forEach((_, i) => {
    bytes[i] = (i * seed + (i >> 8)) & 0xff
  })
}

function make(gate: Gate): Board {
  const board = new Board(disk => new SlowDisk(disk, gate))
  fill(board.ram.bytes, 7)
  fill(board.diskBytes, 11)
  fill(board.floppyBytes, 13)
  fill(board.virtioBytes, 17)
  fill(board.discBytes, 19)
  // The drive tells of its disc once.
  packet(board, [0], false)
  return board
}

/** Two pieces of memory of 24 KiB, and 96 sectors. */
function busMaster(board: Board, channel: number, toMemory: boolean): void {
  const base = BUS_MASTER + 8 * channel
  for (const [i, last] of [0, 0x80000000].entries()) {
    board.ram.write32(TABLE + 8 * i, DATA + 0x8000 * i)
    board.ram.write32(TABLE + 8 * i + 4, last + 0x6000)
  }
  board.bench.bus.writePort(base + 4, 32, TABLE)
  board.bench.out8(base, toMemory ? 9 : 1)
}

function ataCommand(board: Board, command: number, sectors: number): void {
  const { bench } = board
  bench.out8(IDE + 2, sectors)
  for (const register of [3, 4, 5]) bench.out8(IDE + register, register === 3 ? 5 : 0)
  bench.out8(IDE + 6, 0xe0)
  bench.out8(IDE + 7, command)
}

function packet(board: Board, bytes: readonly number[], dma: boolean): void {
  const { bench } = board
  bench.out8(CD + 6, 0xa0)
  bench.out8(CD + 1, dma ? 1 : 0)
  bench.out8(CD + 4, 0)
  bench.out8(CD + 5, 0x08)
  bench.out8(CD + 7, 0xa0)
  bench.pass(1000)
  for (let i = 0; i < 12; i += 2) bench.bus.writePort(CD, 16, (bytes[i] ?? 0) | ((bytes[i + 1] ?? 0) << 8))
  bench.pass(10_000)
}

/** Programs DMA channel 2 for `bytes` bytes at DATA, and sends a command to the floppy controller. */
function floppyCommand(board: Board, mode: number, bytes: number, command: readonly number[]): void {
  const { bench } = board
  bench.out8(0xd6, 0xc0)
  bench.out8(0xd4, 0)
  bench.out8(0x0c, 0)
  bench.out8(0x0b, mode)
  for (const value of [DATA & 0xff, DATA >> 8]) bench.out8(0x04, value)
  for (const value of [(bytes - 1) & 0xff, (bytes - 1) >> 8]) bench.out8(0x05, value)
  bench.out8(0x81, 0)
  bench.out8(0x0a, 2)
  bench.out8(0x3f2, 0x1c)
  bench.out8(0x3f7, 0)
  bench.pass(100_000)
  for (const byte of command) bench.out8(FLOPPY, byte)
}

/** A legacy virtio request of `type` for 4 KiB at DATA. */
function virtio(board: Board, type: number): void {
  const { bench, ram } = board
  const io = 0xc080
  bench.out8(io + 18, 3)
  bench.bus.writePort(io + 8, 32, RING / 4096)
  bench.out8(io + 18, 7)
  const header = 0x1800
  ram.writeBytes(header, Uint8Array.of(type, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0xee))
  const describe = (i: number, address: number, length: number, flags: number) => {
    ram.write32(RING + 16 * i, address)
    ram.write32(RING + 16 * i + 4, 0)
    ram.write32(RING + 16 * i + 8, length)
    ram.write32(RING + 16 * i + 12, flags | ((i + 1) << 16))
  }
  describe(0, header, 16, 1)
  describe(1, DATA, 4096, type === 0 ? 3 : 1)
  describe(2, header + 16, 1, 2)
  ram.write32(RING + 4096, 0x10000)
  ram.write16(RING + 4096 + 4, 0)
  ram.write32(RING + 8192, 0)
  bench.bus.writePort(io + 16, 16, 0)
}

interface Errand { start(board: Board): void; read?(board: Board): number[] }

/** What is asked of a drive, and how the answer is taken from its data port. */
const errands: { readonly [name: string]: Errand } = {
  'a disk read by DMA': { start: board => { busMaster(board, 0, true); ataCommand(board, 0xc8, 96) } },
  'a disk write by DMA': { start: board => { busMaster(board, 0, false); ataCommand(board, 0xca, 96) } },
  'a disk read by PIO': {
    start: board => ataCommand(board, 0x20, 1),
    read: ({ bench }) => Array.from({ length: 256 }, () => bench.bus.readPort(IDE, 16)),
  },
  'a disk write by PIO': {
    start: board => {
      ataCommand(board, 0x30, 1)
      for (let i = 0; i < 256; i++) board.bench.bus.writePort(IDE, 16, i * 0x101)
    },
  },
  'a flush of the cache': { start: board => ataCommand(board, 0xe7, 0) },
  'a CD read by DMA': { start: board => { busMaster(board, 1, true); packet(board, [0x28, 0, 0, 0, 0, 3, 0, 0, 24], true) } },
  'a CD read by PIO': {
    start: board => packet(board, [0x28, 0, 0, 0, 0, 3, 0, 0, 1], false),
    read: ({ bench }) => Array.from({ length: 1024 }, () => bench.bus.readPort(CD, 16)),
  },
  'a floppy read by DMA': { start: board => floppyCommand(board, 0x46, 1024, [0xe6, 0, 0, 0, 1, 2, 18, 27, 255]) },
  'a floppy write by DMA': { start: board => floppyCommand(board, 0x4a, 1024, [0xc5, 0, 0, 0, 1, 2, 18, 27, 255]) },
  'a floppy format': { start: board => floppyCommand(board, 0x4a, 72, [0x4d, 0, 2, 18, 84, 0xf6]) },
  'a virtio read': { start: board => virtio(board, 0) },
  'a virtio write': { start: board => virtio(board, 1) },
}

async function settle(board: Board): Promise<void> {
  for (let i = 0; i < 60; i++) {
    await new Promise(resolve => setImmediate(resolve))
    board.bench.pass(1_000_000)
  }
}

function digest(bytes: Uint8Array): string {
  return createHash('sha1').update(bytes).digest('hex')
}

/** What has become of everything that the guest or the user can see. */
function outcome(board: Board, errand: Errand): object {
  const { bench } = board
  return {
    data: errand.read?.(board),
    bytes: [board.ram.bytes, board.diskBytes, board.floppyBytes, board.virtioBytes].map(digest),
    registers: [IDE, CD].flatMap(base => [1, 2, 3, 4, 5, 6, 7].map(register => bench.in8(base + register))),
    busMaster: [2, 10].map(register => bench.in8(BUS_MASTER + register)),
    result: Array.from({ length: 7 }, () => [bench.in8(0x3f4), bench.in8(FLOPPY)]), virtioStatus: bench.in8(0xc093),
  }
}

describe.each(Object.keys(errands))('%s', name => {
  const errand = errands[name]
  it.each([0, 1, 2])('ends the same after a change of board while its source is asked, %i answers in', async answers => {
    const straight = new Gate()
    const undisturbed = make(straight)
    straight.open()
    errand.start(undisturbed)
    await settle(undisturbed)
    expect(straight.asked).toBeGreaterThan(0)

    const gate = new Gate()
    const board = make(gate)
    errand.start(board)
    board.bench.pass(400_000)
    for (let i = 0; i < answers; i++) {
      gate.openOnce()
      await new Promise(resolve => setImmediate(resolve))
      board.bench.pass(400_000)
    }
    const state = structuredClone(board.save()) as DeviceState
    const later = new Gate()
    const copy = make(later)
    later.open()
    copy.load(state)
    await settle(copy)
    expect(outcome(copy, errand)).toEqual(outcome(undisturbed, errand))
  })
})
