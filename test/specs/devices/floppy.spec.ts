/** Floppy and DMA controllers as a BIOS drives them. Sources: 82077AA and 8237A datasheets. */
import { beforeEach, describe, expect, it } from 'vitest'
import { Dma } from '../../../src/devices/dma.ts'
import { Floppy } from '../../../src/devices/floppy.ts'
import { floppyTypes, formatOf } from '../../../src/devices/floppy/formats.ts'
import { SECTOR_NS } from '../../../src/devices/floppy/registers.ts'
import { MemoryDisk } from '../../../src/disks/memory-disk.ts'
import { ArrayMemory, Probe, Workbench } from './workbench.ts'

const BYTES_144 = 1474560
const MS = 1_000_000

class Board {
  readonly bench = new Workbench()
  readonly memory = new ArrayMemory(0x40000)
  readonly irq = new Probe(() => this.bench.clock.now())
  readonly dma = new Dma({ bus: this.bench.bus, memory: this.memory })
  readonly disk: MemoryDisk
  readonly floppy: Floppy

  constructor(bytes = BYTES_144, readOnly = false) {
    this.disk = new MemoryDisk(Uint8Array.from({ length: bytes }, (_, i) => (i >> 9) & 0xff), { readOnly })
    const { bus, clock } = this.bench
    this.floppy = new Floppy({ bus, clock, irq6: this.irq, dma: this.dma, drives: [this.disk, undefined], onWake: () => {} })
  }

  send(...bytes: number[]): void {
    for (const byte of bytes) {
      expect(this.bench.in8(0x3f4) & 0xc0).toBe(0x80)
      this.bench.out8(0x3f5, byte)
    }
  }

  result(): number[] {
    const bytes: number[] = []
    while ((this.bench.in8(0x3f4) & 0xd0) === 0xd0) bytes.push(this.bench.in8(0x3f5))
    return bytes
  }

  /** Out of reset, polled, motor on, DMA on. */
  start(): void {
    // A BIOS opens the channel through which the first controller is cascaded.
    this.bench.out8(0xd6, 0xc0)
    this.bench.out8(0xd4, 0)
    this.bench.out8(0x3f2, 0)
    this.bench.out8(0x3f2, 0x1c)
    this.bench.pass(MS)
    for (let drive = 0; drive < 4; drive++) {
      this.send(8)
      expect(this.result()).toEqual([0xc0 | drive, 0])
    }
    this.send(3, 0xdf, 0x02)
    this.bench.out8(0x3f7, 0)
  }

  seek(cylinder: number): void {
    this.send(15, 0, cylinder)
    this.bench.pass(100 * MS)
    this.send(8)
    expect(this.result()).toEqual([0x20, cylinder])
  }

  /** Channel 2: `bytes` bytes at `address`; mode 46h writes to memory, 4Ah reads from it. */
  program(mode: number, address: number, bytes: number): void {
    const { bench } = this
    bench.out8(0x0a, 6)
    bench.out8(0x0c, 0)
    bench.out8(0x0b, mode)
    for (const value of [address, address >> 8]) bench.out8(0x04, value & 0xff)
    for (const value of [bytes - 1, (bytes - 1) >> 8]) bench.out8(0x05, value & 0xff)
    bench.out8(0x81, address >> 16)
    bench.out8(0x0a, 2)
  }
}

let board: Board
beforeEach(() => {
  board = new Board()
  board.start()
})

describe('a floppy controller', () => {
  it('reads sectors across both heads by DMA', () => {
    board.seek(3)
    board.program(0x46, 0x1fe00, 1024)
    board.send(0xe6, 0, 3, 0, 18, 2, 18, 0x1b, 0xff)
    board.bench.pass(10 * MS)
    expect(board.irq.level).toBe(true)
    expect(board.result()).toEqual([0x04, 0, 0, 3, 1, 2, 2])
    expect(board.irq.level).toBe(false)
    const first = (3 * 2 * 18 + 17) & 0xff
    expect(board.memory.read8(0x1fe00)).toBe(first)
    // The address counter is 16 bits wide: the second sector goes to the start of the same 64 KiB.
    expect(board.memory.read8(0x10000)).toBe(first + 1)
    expect(board.memory.read8(0x20000)).toBe(0)
  })

  it('crosses to the other head where the last sector wanted lies beyond the track', () => {
    board.seek(3)
    board.program(0x46, 0x10000, 2048)
    board.send(0xe6, 0, 3, 0, 17, 2, 20, 0x1b, 0xff)
    board.bench.pass(10 * MS)
    expect(board.result()).toEqual([0x04, 0, 0, 3, 1, 3, 2])
    const first = (3 * 2 * 18 + 16) & 0xff
    expect([0, 1, 2, 3].map(i => board.memory.read8(0x10000 + 512 * i))).toEqual([0, 1, 2, 3].map(i => first + i))
  })

  it('ends at the end of the cylinder when DMA wants more', () => {
    board.program(0x46, 0, 2048)
    board.send(0x46, 0, 0, 0, 18, 2, 18, 0x1b, 0xff)
    board.bench.pass(10 * MS)
    expect(board.result()).toEqual([0x40, 0x80, 0, 1, 0, 1, 2])
  })

  it('writes, and reads back what it wrote', () => {
    board.memory.writeBytes(0x3000, new Uint8Array(512).fill(0xa5))
    board.program(0x4a, 0x3000, 512)
    board.send(0x45, 0, 0, 0, 7, 2, 18, 0x1b, 0xff)
    board.bench.pass(10 * MS)
    expect(board.result()[0]).toBe(0)
    expect(board.disk.contents.subarray(6 * 512, 7 * 512).every(byte => byte === 0xa5)).toBe(true)
    expect(board.disk.contents[7 * 512]).toBe(7)
  })

  it('scans for a sector that is equal, lower or higher, with bytes that match everything', () => {
    const scan = (command: number, wanted: number, first = 1, last = 18, step = 1) => {
      board.memory.writeBytes(0x3000, new Uint8Array(20 * 512).fill(wanted))
      board.memory.write8(0x3003, 0xff)
      board.program(0x4a, 0x3000, 20 * 512)
      board.send(command, 0, 0, 0, first, 2, last, 0x1b, step)
      board.bench.pass(50 * MS)
      const [status0, , status2, , , sector] = board.result()
      return [status0, status2, sector]
    }
    // Sector n is full of n - 1.
    expect(scan(0x51, 6)).toEqual([0, 0x08, 7])
    expect(scan(0x51, 6, 1, 18, 2)).toEqual([0, 0x08, 7])
    expect(scan(0x51, 5, 1, 18, 2)).toEqual([0, 0x04, 17])
    expect(scan(0x5d, 9)).toEqual([0, 0x08, 10])
    expect(scan(0x5d, 9, 12)).toEqual([0, 0, 12])
    expect(scan(0x59, 3, 2)).toEqual([0, 0, 2])
    expect(scan(0x59, 3, 6, 9)).toEqual([0, 0x04, 9])
  })

  it('formats a track with the filler byte', () => {
    const ids = Array.from({ length: 18 }, (_, i) => [0, 1, i + 1, 2]).flat()
    board.memory.writeBytes(0x3000, Uint8Array.from(ids))
    board.program(0x4a, 0x3000, ids.length)
    board.send(0x4d, 4, 2, 18, 0x54, 0xf6)
    board.bench.pass(20 * MS)
    expect(board.result()[0]).toBe(4)
    expect(board.disk.contents.subarray(18 * 512, 36 * 512).every(byte => byte === 0xf6)).toBe(true)
    expect(board.disk.contents[36 * 512]).toBe(36)
  })

  it('moves bytes by PIO when DMA is off', () => {
    board.send(3, 0xdf, 0x03)
    board.send(0x46, 0, 0, 0, 2, 2, 2, 0x1b, 0xff)
    board.bench.pass(MS)
    for (let i = 0; i < 512; i++) {
      expect(board.bench.in8(0x3f4)).toBe(0xf0)
      expect(board.bench.in8(0x3f5)).toBe(1)
    }
    expect(board.result()[0] & 0xc0).toBe(0)
  })

  it('finds nothing at the wrong rate, on the wrong cylinder, or behind the last sector', () => {
    const read = (cylinder: number, sector: number) => {
      board.program(0x46, 0, 512)
      board.send(0x46, 0, cylinder, 0, sector, 2, 18, 0x1b, 0xff)
      board.bench.pass(10 * MS)
      return board.result().slice(0, 3)
    }
    expect(read(0, 19)).toEqual([0x40, 4, 0])
    expect(read(5, 1)).toEqual([0x40, 4, 0x10])
    board.bench.out8(0x3f7, 2)
    expect(read(0, 1)).toEqual([0x40, 1, 1])
  })

  it('protects a disk that may not be written', () => {
    const guarded = new Board(BYTES_144, true)
    guarded.start()
    guarded.program(0x4a, 0, 512)
    guarded.send(0x45, 0, 0, 0, 1, 2, 18, 0x1b, 0xff)
    guarded.bench.pass(10 * MS)
    expect(guarded.result().slice(0, 2)).toEqual([0x40, 2])
    guarded.send(4, 0)
    expect(guarded.result()).toEqual([0x78])
  })

  it('raises the change line until the head moves with a disk in', () => {
    expect(board.bench.in8(0x3f7)).toBe(0x80)
    board.seek(1)
    expect(board.bench.in8(0x3f7)).toBe(0)
    board.floppy.insert(0, undefined)
    board.seek(2)
    expect(board.bench.in8(0x3f7)).toBe(0x80)
  })

  it('answers READ ID, VERSION, and what is no command', () => {
    board.send(0x4a, 0)
    board.bench.pass(MS)
    expect(board.result()).toEqual([0, 0, 0, 0, 0, 1, 2])
    board.send(0x10)
    expect(board.result()).toEqual([0x90])
    board.send(0xff)
    expect(board.result()).toEqual([0x80])
    board.send(8)
    expect(board.result()).toEqual([0x80])
  })

  it('goes on in the middle of a transfer after save and load', () => {
    board.program(0x46, 0x5000, 1024)
    board.send(0x46, 0, 0, 0, 1, 2, 18, 0x1b, 0xff)
    board.bench.pass(1.25 * SECTOR_NS)
    const copy = new Board()
    copy.bench.retired = board.bench.retired
    copy.floppy.load(structuredClone(board.floppy.save()))
    copy.dma.load(structuredClone(board.dma.save()))
    copy.bench.clock.load(board.bench.clock.save())
    copy.bench.pass(10 * MS)
    expect(copy.result()).toEqual([0, 0, 0, 0, 0, 3, 2])
    expect(copy.memory.read8(0x5200)).toBe(1)
  })
})

describe('formats', () => {
  it('follow from the size of the image', () => {
    expect(formatOf(737280)).toMatchObject({ cylinders: 80, sectors: 9 })
    expect(formatOf(368640)).toMatchObject({ cylinders: 40, heads: 2, sectors: 9 })
    expect(formatOf(2949120)).toMatchObject({ sectors: 36 })
    expect(formatOf(512)).toMatchObject({ sectors: 18 })
    expect(formatOf(3_000_000)).toBeUndefined()
  })

  it('tell CMOS the types of the drives', () => {
    expect(floppyTypes([{ bytes: BYTES_144 }, null])).toEqual({ cmos: 0x44, equipment: 0x41 })
    expect(floppyTypes([{ bytes: 1228800 }, undefined])).toEqual({ cmos: 0x20, equipment: 1 })
    expect(floppyTypes([undefined, undefined])).toEqual({ cmos: 0, equipment: 0 })
  })
})

describe('a DMA controller', () => {
  it('starts over at the end of its count when it auto-initializes', () => {
    board.program(0x56, 0x100, 4)
    expect(board.dma.store(2, Uint8Array.of(1, 2, 3, 4, 5))).toEqual({ moved: 4, terminal: true })
    expect(board.dma.store(2, Uint8Array.of(9))).toEqual({ moved: 1, terminal: false })
    expect(board.memory.read8(0x100)).toBe(9)
    expect(board.bench.in8(8) & 4).toBe(4)
    expect(board.bench.in8(8) & 4).toBe(0)
  })

  it('masks a channel at the end of its count', () => {
    board.program(0x46, 0x100, 2)
    expect(board.dma.store(2, Uint8Array.of(1, 2, 3))).toEqual({ moved: 2, terminal: true })
    expect(board.dma.isOpen(2)).toBe(false)
    expect(board.dma.store(2, Uint8Array.of(7))).toEqual({ moved: 0, terminal: false })
  })

  it('counts down, and moves words on the upper channels', () => {
    board.program(0x66, 0x103, 4)
    board.dma.store(2, Uint8Array.of(1, 2, 3, 4))
    expect([...board.memory.readBytes(0x100, 4)]).toEqual([4, 3, 2, 1])
    const { bench } = board
    bench.out8(0xd6, 0x45)
    for (const value of [0x00, 0x08]) bench.out8(0xc4, value)
    for (const value of [1, 0]) bench.out8(0xc6, value)
    bench.out8(0x8b, 2)
    bench.out8(0xd4, 1)
    expect(board.dma.store(5, Uint8Array.of(1, 2, 3, 4, 5, 6))).toEqual({ moved: 4, terminal: true })
    expect([...board.memory.readBytes(0x21000, 5)]).toEqual([1, 2, 3, 4, 0])
  })

  it('shows address and count through a flip-flop', () => {
    board.program(0x46, 0x1234, 0x100)
    board.bench.out8(0x0c, 0)
    expect([board.bench.in8(4), board.bench.in8(4), board.bench.in8(5), board.bench.in8(5)]).toEqual([0x34, 0x12, 0xff, 0])
  })
})
