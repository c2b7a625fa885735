/** The IDE controller as drivers use it. Sources: ATA/ATAPI-6, PIIX3 datasheet. */
import { beforeEach, describe, expect, it } from 'vitest'
import { Ide } from '../../../src/devices/ide.ts'
import { Pci } from '../../../src/devices/pci.ts'
import type { Disk } from '../../../src/disks/disk.ts'
import { MemoryDisk } from '../../../src/disks/memory-disk.ts'
import { ArrayMemory, Probe, Workbench } from './workbench.ts'

const BASE = 0x1f0
const CONTROL = 0x3f6
const BUS_MASTER = 0xc000
const STEP_NS = 20_000

function pattern(bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, i) => (i * 7 + (i >> 9) * 13) & 0xff)
}

class Board {
  readonly bench = new Workbench()
  readonly memory = new ArrayMemory(1 << 20)
  readonly irq = new Probe(() => this.bench.clock.now())
  readonly contents = pattern(2048 * 512)
  readonly disk: Disk
  readonly disc = new MemoryDisk(pattern(300 * 2048), { readOnly: true })
  readonly ide: Ide
  wakes = 0

  constructor(disk?: Disk) {
    const { bus, clock } = this.bench
    this.disk = disk ?? new MemoryDisk(this.contents)
    this.ide = new Ide({
      bus, clock, memory: this.memory, irq: [this.irq, new Probe()],
      drives: [[{ kind: 'disk', disk: this.disk }, { kind: 'cdrom', disc: this.disc }], [undefined, undefined]],
      onWake: () => this.wakes++,
    })
    const pci = new Pci({ bus, irqLine: () => new Probe(), onReset: () => {} })
    pci.add(1, 1, this.ide.pciFunction)
    this.configure(0x40, 0x80008000)
    this.configure(0x20, BUS_MASTER)
    this.configure(0x04, 5)
  }

  private configure(offset: number, value: number): void {
    this.bench.bus.writePort(0xcf8, 32, 0x80000900 | offset)
    this.bench.bus.writePort(0xcfc, 32, value)
  }

  in8(register: number): number {
    return this.bench.in8(BASE + register)
  }

  out8(register: number, value: number): void {
    this.bench.out8(BASE + register, value)
  }

  /** Issues a command with LBA addressing. */
  command(code: number, lba: number, count: number, device = 0xe0): void {
    this.out8(6, device | ((lba >> 24) & 15))
    this.out8(2, count)
    this.out8(3, lba)
    this.out8(4, lba >> 8)
    this.out8(5, lba >> 16)
    this.out8(7, code)
  }

  pass(): void {
    this.bench.pass(STEP_NS)
  }

  words(count: number): number[] {
    return Array.from({ length: count }, () => this.bench.bus.readPort(BASE, 16))
  }

  sector(): number[] {
    return this.words(256).flatMap(word => [word & 0xff, word >> 8])
  }

  /** Sends a packet to the CD-ROM drive. */
  packet(bytes: readonly number[], limit = 0xfffe, features = 0): void {
    this.out8(6, 0xb0)
    this.out8(1, features)
    this.out8(4, limit)
    this.out8(5, limit >> 8)
    this.out8(7, 0xa0)
    const padded = [...bytes, ...new Array<number>(12 - bytes.length).fill(0)]
    for (let i = 0; i < 12; i += 2) this.bench.bus.writePort(BASE, 16, padded[i] | (padded[i + 1] << 8))
    this.pass()
  }

  /** Fetches what the CD-ROM drive offers, block by block. */
  reply(): number[] {
    const bytes: number[] = []
    while (this.in8(7) & 0x08) {
      const count = this.in8(4) | (this.in8(5) << 8)
      for (let i = 0; i < count; i += 2) {
        const word = this.bench.bus.readPort(BASE, 16)
        bytes.push(word & 0xff, ...(i + 1 < count ? [word >> 8] : []))
      }
      this.pass()
    }
    return bytes
  }

  /** A table of one descriptor at 1000h. */
  describe(address: number, bytes: number): void {
    this.memory.write32(0x1000, address)
    this.memory.write32(0x1004, (bytes & 0xffff) | 0x80000000)
    this.bench.bus.writePort(BUS_MASTER + 4, 32, 0x1000)
  }
}

let board: Board
beforeEach(() => {
  board = new Board()
})

describe('an ATA disk', () => {
  it('shows its signature after a software reset, and is busy while that lasts', () => {
    board.bench.out8(CONTROL, 4)
    expect(board.in8(7) & 0x80).toBe(0x80)
    board.bench.out8(CONTROL, 0)
    expect([1, 2, 3, 4, 5].map(register => board.in8(register))).toEqual([1, 1, 1, 0, 0])
    expect(board.in8(7)).toBe(0x50)
  })

  it('identifies itself', () => {
    board.command(0xec, 0, 0)
    const words = board.words(256)
    expect(words[60] | (words[61] << 16)).toBe(2048)
    expect(words[100]).toBe(2048)
    expect(words[49] & 0x0300).toBe(0x0300)
    expect(words[83] & 0x0400).toBe(0x0400)
    expect([words[1], words[3], words[6]]).toEqual([2, 16, 63])
  })

  it('reads sectors with an interrupt for each', () => {
    board.command(0x20, 5, 2)
    expect(board.in8(7)).toBe(0x80)
    for (const sector of [5, 6]) {
      board.pass()
      expect(board.irq.level).toBe(true)
      expect(board.in8(7)).toBe(0x58)
      expect(board.irq.level).toBe(false)
      expect(board.sector()).toEqual([...board.contents.subarray(sector * 512, sector * 512 + 512)])
    }
    expect(board.in8(7)).toBe(0x50)
    expect(board.irq.rises.length).toBe(2)
  })

  it('reads blocks of several sectors after SET MULTIPLE, and not before', () => {
    board.command(0xc4, 0, 4)
    expect(board.in8(7) & 1).toBe(1)
    expect(board.in8(1)).toBe(4)
    board.command(0xc6, 0, 4)
    expect(board.in8(7)).toBe(0x50)
    board.irq.rises.length = 0
    board.command(0xc4, 8, 6)
    board.pass()
    expect(board.in8(7)).toBe(0x58)
    board.words(4 * 256)
    board.pass()
    expect(board.in8(7) & 8).toBe(8)
    board.words(2 * 256)
    expect(board.in8(7)).toBe(0x50)
    expect(board.irq.rises.length).toBe(2)
  })

  it('finds sectors by cylinder, head and sector in the translation that it is told', () => {
    board.command(0x91, 0, 10, 0xa3)
    board.out8(6, 0xa2)
    board.out8(2, 1)
    board.out8(3, 3)
    board.out8(4, 4)
    board.out8(5, 0)
    board.out8(7, 0x20)
    board.pass()
    const lba = (4 * 4 + 2) * 10 + 3 - 1
    expect(board.sector()).toEqual([...board.contents.subarray(lba * 512, lba * 512 + 512)])
  })

  it('takes 48-bit addresses from two writes to each register', () => {
    board.out8(6, 0x40)
    for (const [register, previous, last] of [[2, 0, 1], [3, 0, 0x34], [4, 0, 2], [5, 0, 0]] as const) {
      board.out8(register, previous)
      board.out8(register, last)
    }
    board.out8(7, 0x24)
    board.pass()
    expect(board.sector()).toEqual([...board.contents.subarray(0x234 * 512, 0x235 * 512)])
    board.bench.out8(CONTROL, 0x80)
    expect(board.in8(3)).toBe(0)
    board.bench.out8(CONTROL, 0)
    expect(board.in8(3)).toBe(0x34)
  })

  it('writes sectors, asking for the first without and for the next with an interrupt', () => {
    board.command(0x30, 100, 2)
    expect(board.in8(7)).toBe(0x58)
    expect(board.irq.rises.length).toBe(0)
    for (let i = 0; i < 256; i++) board.bench.bus.writePort(BASE, 16, 0x1234)
    board.pass()
    expect(board.in8(7)).toBe(0x58)
    for (let i = 0; i < 128; i++) board.bench.bus.writePort(BASE, 32, 0x89abcdef)
    board.pass()
    expect(board.in8(7)).toBe(0x50)
    expect(board.irq.rises.length).toBe(2)
    expect([...board.contents.subarray(100 * 512, 100 * 512 + 4)]).toEqual([0x34, 0x12, 0x34, 0x12])
    expect([...board.contents.subarray(102 * 512 - 4, 102 * 512)]).toEqual([0xef, 0xcd, 0xab, 0x89])
  })

  it('moves data by bus master, and says so in its status', () => {
    board.describe(0x2000, 1024)
    board.command(0xc8, 9, 2)
    board.bench.out8(BUS_MASTER, 9)
    expect(board.bench.in8(BUS_MASTER + 2)).toBe(1)
    board.pass()
    expect(board.memory.readBytes(0x2000, 1024)).toEqual(board.contents.slice(9 * 512, 11 * 512))
    expect(board.bench.in8(BUS_MASTER + 2)).toBe(4)
    expect(board.irq.level).toBe(true)
    board.bench.out8(BUS_MASTER, 0)
    board.bench.out8(BUS_MASTER + 2, 4)
    expect(board.bench.in8(BUS_MASTER + 2)).toBe(0)
    expect(board.in8(7)).toBe(0x50)
  })

  it('writes by bus master from scattered pieces', () => {
    board.memory.writeBytes(0x2000, new Uint8Array(512).fill(0x11))
    board.memory.writeBytes(0x8000, new Uint8Array(512).fill(0x22))
    board.memory.write32(0x1000, 0x2000)
    board.memory.write32(0x1004, 512)
    board.memory.write32(0x1008, 0x8000)
    board.memory.write32(0x100c, 512 | 0x80000000)
    board.bench.bus.writePort(BUS_MASTER + 4, 32, 0x1000)
    board.bench.out8(BUS_MASTER, 1)
    board.command(0xca, 20, 2)
    board.pass()
    expect(board.contents[20 * 512]).toBe(0x11)
    expect(board.contents[22 * 512 - 1]).toBe(0x22)
    expect(board.in8(7)).toBe(0x50)
  })

  it('reports a table that is too long or too short as the specification says', () => {
    board.describe(0x2000, 4096)
    board.command(0xc8, 0, 1)
    board.bench.out8(BUS_MASTER, 9)
    board.pass()
    expect(board.bench.in8(BUS_MASTER + 2)).toBe(5)
    board.bench.out8(BUS_MASTER, 0)
    board.bench.out8(BUS_MASTER + 2, 4)
    board.describe(0x2000, 512)
    board.command(0xc8, 0, 2)
    board.bench.out8(BUS_MASTER, 9)
    board.pass()
    expect(board.bench.in8(BUS_MASTER + 2)).toBe(0)
    expect(board.in8(7) & 8).toBe(8)
  })

  it('refuses addresses behind its end and unknown commands', () => {
    board.command(0x20, 2047, 2)
    expect(board.in8(7) & 1).toBe(1)
    expect(board.in8(1)).toBe(0x10)
    board.command(0xfd, 0, 0)
    expect(board.in8(7) & 1).toBe(1)
    expect(board.in8(1)).toBe(4)
  })

  it('waits for a disk that answers late, while the guest runs on', async () => {
    const slow = new MemoryDisk(pattern(64 * 512))
    const late = new Board({
      bytes: slow.bytes, readOnly: false, read: async (offset, length) => slow.read(offset, length),
      write: async (offset, bytes) => slow.write(offset, bytes), flush: async () => {},
    })
    late.command(0x20, 3, 1)
    late.pass()
    expect(late.in8(7)).toBe(0x80)
    await Promise.resolve()
    await Promise.resolve()
    expect(late.in8(7)).toBe(0x58)
    expect(late.wakes).toBe(1)
    expect(late.sector()).toEqual([...slow.contents.subarray(3 * 512, 4 * 512)])
  })

  it('reports a disk that fails as uncorrectable', () => {
    const broken = new Board({
      bytes: 64 * 512, readOnly: false, flush: () => {}, write: () => {},
      read: () => {
        throw new Error('the host has lost the file')
      },
    })
    broken.command(0x20, 3, 1)
    broken.pass()
    expect(broken.in8(7) & 1).toBe(1)
    expect(broken.in8(1)).toBe(0x40)
  })

  it('goes on in the middle of a sector after save and load', () => {
    board.command(0x20, 5, 2)
    board.pass()
    board.words(100)
    const copy = new Board()
    copy.bench.retired = board.bench.retired
    copy.ide.load(structuredClone(board.ide.save()))
    copy.ide.pciFunction.load('ide', board.ide.pciFunction.save())
    copy.words(156)
    expect(copy.in8(7)).toBe(0x80)
    copy.pass()
    expect(copy.in8(7)).toBe(0x58)
    expect(copy.sector()).toEqual([...board.contents.subarray(6 * 512, 7 * 512)])
  })
})

describe('a CD-ROM drive', () => {
  it('has a signature of its own and refuses IDENTIFY DEVICE', () => {
    board.out8(6, 0xb0)
    board.out8(7, 0xec)
    expect(board.in8(7) & 1).toBe(1)
    expect([board.in8(4), board.in8(5)]).toEqual([0x14, 0xeb])
    board.out8(7, 0xa1)
    expect(board.words(256)[0]).toBe(0x85c0)
  })

  it('tells of a new disc once, then reads it', () => {
    board.packet([0x00])
    expect(board.in8(7) & 1).toBe(1)
    expect(board.in8(1) >> 4).toBe(6)
    board.packet([0x03, 0, 0, 0, 18])
    expect(board.reply()).toHaveLength(18)
    board.packet([0x00])
    expect(board.in8(7)).toBe(0x40)
    board.packet([0x25])
    expect(board.reply()).toEqual([0, 0, 1, 43, 0, 0, 8, 0])
    board.packet([0x28, 0, 0, 0, 0, 10, 0, 0, 2], 2048)
    expect(board.in8(2)).toBe(2)
    expect(board.reply()).toEqual([...board.disc.contents.subarray(20480, 24576)])
    expect(board.in8(2)).toBe(3)
  })

  it('hands data out in blocks of the byte count of the host', () => {
    board.packet([0x00])
    board.packet([0x28, 0, 0, 0, 0, 0, 0, 0, 1], 1000)
    const counts: number[] = []
    while (board.in8(7) & 8) {
      counts.push(board.in8(4) | (board.in8(5) << 8))
      board.words((counts.at(-1) as number) / 2)
      board.pass()
    }
    expect(counts).toEqual([1000, 1000, 48])
  })

  it('reads by bus master', () => {
    board.packet([0x00])
    board.describe(0x4000, 4096)
    board.bench.out8(BUS_MASTER, 9)
    board.packet([0xa8, 0, 0, 0, 0, 7, 0, 0, 0, 2], 0, 1)
    board.pass()
    expect(board.memory.readBytes(0x4000, 4096)).toEqual(board.disc.contents.slice(7 * 2048, 9 * 2048))
    expect(board.in8(7)).toBe(0x40)
  })

  it('has a table of contents with one track and the lead-out', () => {
    board.packet([0x00])
    board.packet([0x43, 0, 0, 0, 0, 0, 0, 0, 20])
    expect(board.reply()).toEqual([0, 18, 1, 1, 0, 0x14, 1, 0, 0, 0, 0, 0, 0, 0x14, 0xaa, 0, 0, 0, 1, 44])
    board.packet([0x43, 2, 0, 0, 0, 0, 0xaa, 0, 12])
    expect(board.reply()).toEqual([0, 10, 1, 1, 0, 0x14, 0xaa, 0, 0, 0, 6, 0])
  })

  it('keeps a locked disc, and ejects a free one', () => {
    board.packet([0x00])
    board.packet([0x1e, 0, 0, 0, 1])
    board.packet([0x1b, 0, 0, 0, 2])
    expect(board.in8(1) >> 4).toBe(5)
    board.packet([0x1e, 0, 0, 0, 0])
    board.packet([0x1b, 0, 0, 0, 2])
    board.packet([0x00])
    expect(board.in8(1) >> 4).toBe(2)
    expect(board.ide.cdRoms[0].isLoaded).toBe(false)
  })

  it('refuses what it does not know, and what lies behind the end of the disc', () => {
    board.packet([0x00])
    board.packet([0xff])
    board.packet([0x03, 0, 0, 0, 18])
    expect(board.reply()[12]).toBe(0x20)
    board.packet([0x28, 0, 0, 0, 1, 44, 0, 0, 1])
    board.packet([0x03, 0, 0, 0, 18])
    expect(board.reply()[12]).toBe(0x21)
  })
})

describe('a channel', () => {
  it('without drives reads as zeros, and keeps nothing', () => {
    board.bench.out8(0x172, 0x55)
    expect(board.bench.in8(0x172)).toBe(0)
    expect(board.bench.in8(0x177)).toBe(0)
  })

  it('is off the bus while the timing register disables it', () => {
    board.ide.pciFunction.write(0x40, [0, 0])
    expect(board.in8(7)).toBe(0xff)
  })

  it('holds its interrupt back while the host wants none', () => {
    board.bench.out8(CONTROL, 2)
    board.command(0x20, 0, 1)
    board.pass()
    expect(board.irq.level).toBe(false)
    board.bench.out8(CONTROL, 0)
    expect(board.irq.level).toBe(true)
  })
})
