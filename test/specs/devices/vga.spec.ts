/** The display card at its registers and its memory. Sources: IBM VGA Technical Reference; Bochs VBE documentation. */
import { beforeEach, describe, expect, it } from 'vitest'
import { Vga } from '../../../src/devices/vga.ts'
import type { Picture } from '../../../src/devices/vga/picture.ts'
import { Probe, Workbench } from './workbench.ts'

const VIDEO_BYTES = 1 << 20
const WHITE = 0xffffffff
const BLACK = 0xff000000

class Board {
  readonly bench = new Workbench()
  readonly video = new Uint8Array(VIDEO_BYTES)
  readonly picture: Picture = { width: 0, height: 0, pixels: new Uint32Array(0) }
  readonly vga: Vga
  readonly irq = new Probe(() => this.bench.clock.now())
  base: number | null = null
  legacy: number | null = null

  constructor() {
    const { bus, clock } = this.bench
    this.vga = new Vga({
      bus, clock, irq: this.irq, video: this.video, takeFrameBufferWritten: () => false,
      showFrameBuffer: base => {
        this.base = base
      },
      showLegacy: offset => {
        this.legacy = offset
      },
    })
    this.vga.pciFunction.attach(bus)
    this.bench.out8(0x3c2, 0x63)
  }

  sequencer(index: number, value: number): void {
    this.bench.out8(0x3c4, index)
    this.bench.out8(0x3c5, value)
  }

  graphics(index: number, value: number): void {
    this.bench.out8(0x3ce, index)
    this.bench.out8(0x3cf, value)
  }

  crtc(index: number, value: number): void {
    this.bench.out8(0x3d4, index)
    this.bench.out8(0x3d5, value)
  }

  attribute(index: number, value: number): void {
    this.bench.in8(0x3da)
    this.bench.out8(0x3c0, index)
    this.bench.out8(0x3c0, value)
  }

  color(index: number, r: number, g: number, b: number): void {
    this.bench.out8(0x3c8, index)
    for (const part of [r, g, b]) this.bench.out8(0x3c9, part)
  }

  dispi(index: number, value: number): void {
    this.bench.bus.writePort(0x1ce, 16, index)
    this.bench.bus.writePort(0x1cf, 16, value)
  }

  readDispi(index: number): number {
    this.bench.bus.writePort(0x1ce, 16, index)
    return this.bench.bus.readPort(0x1cf, 16)
  }

  poke(address: number, value: number): void {
    this.bench.bus.writeMemory(address, 8, value)
  }

  peek(address: number): number {
    return this.bench.bus.readMemory(address, 8)
  }

  /** A screen of 80 x 8 dots by `lines`: planar addressing in byte mode, all planes on, identity palette. */
  planar(lines = 16): void {
    this.sequencer(1, 1)
    this.sequencer(2, 15)
    this.sequencer(4, 6)
    this.graphics(5, 0)
    this.graphics(6, 5)
    this.graphics(8, 0xff)
    for (const [index, value] of [[0x11, 0], [1, 79], [0x12, lines - 1], [7, 0x10], [9, 0x40], [0x13, 40], [0x14, 0],
      [0x17, 0xe3], [0x18, 0xff]] as const) this.crtc(index, value)
    for (let i = 0; i < 16; i++) this.attribute(i, i)
    this.attribute(0x10, 1)
    this.attribute(0x12, 15)
    this.color(0, 0, 0, 0)
    this.color(15, 63, 63, 63)
    this.bench.in8(0x3da)
    this.bench.out8(0x3c0, 0x20)
  }

  draw(): Picture {
    this.vga.draw(this.picture, true)
    return this.picture
  }

  pixel(x: number, y: number): number {
    return this.picture.pixels[y * this.picture.width + x]
  }
}

let board: Board
beforeEach(() => {
  board = new Board()
})

describe('write modes', () => {
  beforeEach(() => board.planar())

  it('0: rotates, combines with the latches and masks bits', () => {
    board.poke(0xa0000, 0b11001010)
    board.peek(0xa0000)
    board.graphics(3, 0x18 | 1)
    board.graphics(8, 0x0f)
    board.poke(0xa0001, 0b00000110)
    // Rotated right by one: 00000011; XOR with the latch in the low nibble.
    expect(board.peek(0xa0001)).toBe(0b11001001)
  })

  it('0: takes planes from set/reset where that is enabled', () => {
    board.graphics(0, 0b0101)
    board.graphics(1, 0b0011)
    board.poke(0xa0000, 0xaa)
    expect([...board.video.subarray(0, 4)]).toEqual([0xff, 0x00, 0xaa, 0xaa])
  })

  it('1: copies the latches', () => {
    board.video.set([1, 2, 3, 4])
    board.graphics(5, 1)
    board.peek(0xa0000)
    board.poke(0xa0005, 0xff)
    expect([...board.video.subarray(20, 24)]).toEqual([1, 2, 3, 4])
  })

  it('2: spreads a colour over the bits of the mask', () => {
    board.graphics(5, 2)
    board.graphics(8, 0xf0)
    board.peek(0xa0000)
    board.poke(0xa0000, 0b1001)
    expect([...board.video.subarray(0, 4)]).toEqual([0xf0, 0, 0, 0xf0])
  })

  it('3: uses the byte as one more mask for set/reset', () => {
    board.graphics(5, 3)
    board.graphics(0, 0b0010)
    board.graphics(8, 0x3c)
    board.peek(0xa0000)
    board.poke(0xa0000, 0xf0)
    expect([...board.video.subarray(0, 4)]).toEqual([0, 0x30, 0, 0])
  })

  it('leave planes alone that the map mask excludes', () => {
    board.sequencer(2, 0b0100)
    board.poke(0xa1234, 0x77)
    expect([...board.video.subarray(0x1234 * 4, 0x1235 * 4)]).toEqual([0, 0, 0x77, 0])
  })
})

describe('reading', () => {
  beforeEach(() => board.planar())

  it('mode 0 gives the chosen plane', () => {
    board.video.set([10, 20, 30, 40])
    board.graphics(4, 2)
    expect(board.peek(0xa0000)).toBe(30)
  })

  it('mode 1 compares colours, without the planes that do not matter', () => {
    board.video.set([0b1100, 0b1010, 0, 0])
    board.graphics(5, 8)
    board.graphics(2, 0b0011)
    board.graphics(7, 0b0011)
    expect(board.peek(0xa0000)).toBe(0b1000)
    board.graphics(7, 0b0001)
    expect(board.peek(0xa0000)).toBe(0b1100)
  })
})

describe('addressing', () => {
  it('by chain-4 puts each byte into the plane of its low bits', () => {
    board.planar()
    board.sequencer(4, 0x0e)
    for (let i = 0; i < 8; i++) board.poke(0xa0000 + i, i + 1)
    expect([...board.video.subarray(0, 8)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    expect(board.peek(0xa0005)).toBe(6)
  })

  it('by chain-4 is plain memory as long as the graphics controller changes nothing', () => {
    board.planar()
    expect(board.legacy).toBe(null)
    board.sequencer(4, 0x0e)
    expect(board.legacy).toBe(0)
    for (const [index, value, normal] of [[1, 1, 0], [3, 8, 0], [5, 0x41, 0x40], [5, 0x48, 0x40], [6, 0x0d, 5], [8, 0x7f, 0xff]]) {
      board.graphics(index, value)
      expect([index, value, board.legacy]).toEqual([index, value, null])
      board.graphics(index, normal)
      expect(board.legacy).toBe(0)
    }
    board.sequencer(2, 7)
    expect(board.legacy).toBe(null)
  })

  it('by odd/even puts characters into plane 0 and attributes into plane 1', () => {
    board.planar()
    board.sequencer(4, 2)
    board.sequencer(2, 3)
    board.graphics(5, 0x10)
    board.graphics(6, 0x0e)
    board.bench.out8(0x3c2, 0x67)
    board.poke(0xb8000, 0x41)
    board.poke(0xb8001, 0x1f)
    board.poke(0xb8002, 0x42)
    expect([...board.video.subarray(0, 4)]).toEqual([0x41, 0x1f, 0, 0])
    expect(board.video[8]).toBe(0x42)
    expect(board.peek(0xb8001)).toBe(0x1f)
  })

  it('answers only in the chosen memory map, and only while memory is on', () => {
    board.planar()
    board.poke(0xb8000, 1)
    expect(board.peek(0xb8000)).toBe(0xff)
    board.poke(0xa0000, 1)
    expect(board.peek(0xa0000)).toBe(1)
    board.bench.out8(0x3c2, 0x61)
    expect(board.peek(0xa0000)).toBe(0xff)
  })
})

describe('registers', () => {
  it('of the attribute controller alternate between index and data; status 1 starts over', () => {
    board.bench.in8(0x3da)
    board.bench.out8(0x3c0, 5)
    board.bench.out8(0x3c0, 0x2a)
    board.bench.out8(0x3c0, 6)
    board.bench.in8(0x3da)
    board.bench.out8(0x3c0, 5)
    expect(board.bench.in8(0x3c1)).toBe(0x2a)
  })

  it('of the palette belong to the screen while it is on', () => {
    board.attribute(1, 1)
    board.bench.in8(0x3da)
    board.bench.out8(0x3c0, 0x21)
    board.bench.out8(0x3c0, 9)
    expect(board.bench.in8(0x3c1)).toBe(1)
  })

  it('0 to 7 of the CRTC are protected, but for the line compare bit', () => {
    board.crtc(0x11, 0x80)
    board.crtc(1, 79)
    board.crtc(7, 0xff)
    board.bench.out8(0x3d4, 1)
    expect(board.bench.in8(0x3d5)).toBe(0)
    board.bench.out8(0x3d4, 7)
    expect(board.bench.in8(0x3d5)).toBe(0x10)
  })

  it('of the converter count up by colours, for writing and reading', () => {
    board.color(7, 1, 2, 3)
    for (const value of [4, 5, 0xff]) board.bench.out8(0x3c9, value)
    board.bench.out8(0x3c7, 7)
    expect(Array.from({ length: 6 }, () => board.bench.in8(0x3c9))).toEqual([1, 2, 3, 4, 5, 63])
  })

  it('of the CRTC are at 3B4h on a monochrome card', () => {
    board.bench.out8(0x3c2, 0x62)
    board.bench.out8(0x3b4, 0x0f)
    board.bench.out8(0x3b5, 0x99)
    expect(board.bench.in8(0x3b5)).toBe(0x99)
    expect(board.bench.in8(0x3d5)).toBe(0xff)
  })

  it('tell of the retrace seventy times a second in the usual text mode', () => {
    for (const [index, value] of [[0x11, 0], [0, 0x5f], [1, 0x4f], [6, 0xbf], [7, 0x1f], [9, 0x4f], [0x10, 0x9c],
      [0x11, 0x8e], [0x12, 0x8f]] as const) board.crtc(index, value)
    board.bench.out8(0x3c2, 0x67)
    board.sequencer(1, 0)
    let rises = 0
    let last = 0
    for (let i = 0; i < 100_000; i++) {
      board.bench.pass(10_000)
      const now = board.bench.in8(0x3da) & 8
      if (now && !last) rises++
      last = now
    }
    expect(rises).toBe(70)
  })
})

describe('pictures', () => {
  it('of planar modes have a pixel for each bit', () => {
    board.planar()
    board.poke(0xa0000, 0b10000001)
    board.poke(0xa0000 + 80, 0x0f)
    board.draw()
    expect([board.picture.width, board.picture.height]).toEqual([640, 16])
    expect([0, 1, 7, 8].map(x => board.pixel(x, 0))).toEqual([WHITE, BLACK, WHITE, BLACK])
    expect(board.pixel(4, 1)).toBe(WHITE)
  })

  it('split at the line compare, and move by start address and panning', () => {
    board.planar()
    board.poke(0xa0000, 0x80)
    board.poke(0xa0000 + 800, 0x40)
    board.crtc(0x0c, 800 >> 8)
    board.crtc(0x0d, 800 & 0xff)
    board.crtc(0x07, 0)
    board.crtc(0x09, 0)
    board.crtc(0x18, 4)
    board.draw()
    expect(board.pixel(1, 0)).toBe(WHITE)
    expect(board.pixel(0, 5)).toBe(WHITE)
    expect(board.pixel(0, 4)).toBe(BLACK)
    board.attribute(0x13, 1)
    board.bench.out8(0x3c0, 0x20)
    board.draw()
    expect(board.pixel(0, 0)).toBe(WHITE)
  })

  it('double scan lines', () => {
    board.planar()
    board.crtc(9, 0xc0)
    board.poke(0xa0000 + 80, 0x80)
    board.draw()
    expect([1, 2, 3, 4].map(y => board.pixel(0, y))).toEqual([BLACK, WHITE, WHITE, BLACK])
  })

  it('of 256-colour modes have bytes two dots wide', () => {
    board.planar()
    board.graphics(5, 0x40)
    board.sequencer(4, 0x0e)
    board.crtc(0x14, 0x40)
    board.poke(0xa0001, 15)
    board.draw()
    expect([1, 2, 3, 4].map(x => board.pixel(x, 0))).toEqual([BLACK, WHITE, WHITE, BLACK])
  })

  it('are drawn only when something has changed', () => {
    board.planar()
    expect(board.vga.draw(board.picture)).toBe(true)
    expect(board.vga.draw(board.picture)).toBe(false)
    board.poke(0xa0000, 1)
    expect(board.vga.draw(board.picture)).toBe(true)
  })
})

describe('DISPI', () => {
  it('has an identity, its memory, and the limits', () => {
    expect(board.readDispi(0)).toBe(0xb0c5)
    expect(board.readDispi(10)).toBe(VIDEO_BYTES / 65536)
    board.dispi(4, 2)
    expect([board.readDispi(1), board.readDispi(2), board.readDispi(3)]).toEqual([2560, 1600, 32])
  })

  it('shows 32-bit pixels, scrolls, and clears memory unless told not to', () => {
    board.video.fill(0x55)
    for (const [index, value] of [[1, 320], [2, 200], [3, 32], [4, 0x41]] as const) board.dispi(index, value)
    expect(board.video[0]).toBe(0)
    board.video.set([0x33, 0x22, 0x11], 4 * (320 * 10 + 5))
    board.draw()
    expect([board.picture.width, board.picture.height]).toEqual([320, 200])
    expect(board.pixel(5, 10)).toBe(0xff332211)
    board.dispi(9, 10)
    board.dispi(8, 5)
    expect(board.readDispi(8)).toBe(0)
    board.draw()
    expect(board.pixel(5, 0)).toBe(0xff332211)
    board.dispi(4, 0)
    board.dispi(4, 0xc1)
    expect(board.video[4 * (320 * 10 + 5)]).toBe(0x33)
  })

  it.each([[15, [0x00, 0x7c]], [16, [0x00, 0xf8]], [24, [0, 0, 0xff]]] as const)('shows red in %i bits', (bits, bytes) => {
    for (const [index, value] of [[1, 64], [2, 64], [3, bits], [4, 0x41]] as const) board.dispi(index, value)
    board.video.set(bytes)
    board.draw()
    expect(board.pixel(0, 0)).toBe(0xff0000ff)
  })

  it('shows banks at A0000h', () => {
    for (const [index, value] of [[1, 640], [2, 480], [3, 8], [4, 1], [5, 2]] as const) board.dispi(index, value)
    board.poke(0xa0003, 7)
    expect(board.video[0x20003]).toBe(7)
    expect(board.legacy).toBe(0x20000)
    expect(board.peek(0xa0003)).toBe(7)
  })

  it('refuses a mode that does not fit memory', () => {
    for (const [index, value] of [[1, 1600], [2, 1200], [3, 32], [4, 0x41]] as const) board.dispi(index, value)
    expect(board.readDispi(4) & 1).toBe(0)
  })

  it('is in BAR 2 as well, as are the VGA ports', () => {
    board.vga.pciFunction.write(0x18, [0, 0, 0, 0xfe])
    board.vga.pciFunction.write(0x10, [0, 0, 0, 0xfd])
    board.vga.pciFunction.write(4, [2, 0])
    expect(board.base).toBe(0xfd000000)
    expect(board.bench.bus.readMemory(0xfe000500, 16)).toBe(0xb0c5)
    board.bench.bus.writeMemory(0xfe000400 + 0x14, 16, 0x9a0f)
    board.bench.out8(0x3d4, 0x0f)
    expect(board.bench.in8(0x3d5)).toBe(0x9a)
  })
})

describe('a saved state', () => {
  it('shows the same picture on another card', () => {
    board.planar()
    board.poke(0xa0000, 0xa5)
    // The latches are ones in plane 3 too.
    board.peek(0xa0000)
    const copy = new Board()
    copy.vga.load(structuredClone(board.vga.save()))
    expect(copy.draw().pixels).toEqual(board.draw().pixels)
    expect(copy.vga.save()).toEqual(board.vga.save())
  })
})

describe('what the driver of the display asks for', () => {
  it('is told of the monitor by a block of EDID', () => {
    const board = new Board()
    board.vga.pciFunction.write(0x18, [0, 0, 0, 0xe0])
    board.vga.pciFunction.write(0x04, [2, 0])
    const edid = Array.from({ length: 256 }, (_, i) => board.peek(0xe0000000 + i))
    expect(edid.slice(0, 8)).toEqual([0, 255, 255, 255, 255, 255, 255, 0])
    expect(edid.slice(0, 128).reduce((sum, byte) => sum + byte, 0) % 256).toBe(0)
    // Horizontal and vertical pixels of the preferred mode.
    expect([edid[56] | ((edid[58] >> 4) << 8), edid[59] | ((edid[61] >> 4) << 8)]).toEqual([1024, 768])
    expect(edid.slice(128).every(byte => byte === 0)).toBe(true)
    expect(board.bench.bus.readMemory(0xe0000604, 32)).toBe(0x1e1e1e1e)
  })

  it('interrupts at vertical retrace, once for each time that it is cleared', () => {
    const board = new Board()
    const { bench, irq } = board
    // 640x400 at 70 Hz: 100 characters of 8 dots at 25.175 MHz, 449 lines, retrace at line 412.
    board.sequencer(1, 1)
    for (const [index, value] of [[0x11, 0x20], [0, 0x5f], [6, 0xbf], [7, 0x1f], [0x10, 0x9c]]) board.crtc(index, value)
    bench.pass(50e6)
    expect(irq.rises).toEqual([])
    for (let i = 0; i < 3; i++) {
      board.crtc(0x11, 0x0e)
      expect([irq.level, bench.in8(0x3c2) & 0x80]).toEqual([false, 0])
      board.crtc(0x11, 0x1e)
      bench.pass(14_300_000)
      expect([irq.level, bench.in8(0x3c2) & 0x80, bench.in8(0x3da) & 1]).toEqual([true, 0x80, expect.any(Number)])
    }
    const frame = (449 * 800 * 1e9) / 25_175_000
    expect(irq.rises.length).toBe(3)
    expect(Math.abs(irq.rises[1] - irq.rises[0] - frame)).toBeLessThan(2)
    expect(Math.abs((irq.rises[0] % frame) - (412 / 449) * frame)).toBeLessThan(2)
  })
})
