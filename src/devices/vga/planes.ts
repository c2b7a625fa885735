/**
 * Video memory as the CPU reaches it through A0000h..BFFFFh: four planes of 64 KiB behind the graphics controller,
 * with its latches, write modes 0..3 and read modes 0 and 1.
 *
 *   CPU address -> (plane, address in the plane) by chain-4, odd/even or planar addressing -> write or read mode
 *
 * The planes lie interleaved in memory: byte 4a + p is address a of plane p, so that the latches are one dword and the
 * pixels of 256-colour modes stand in their order. Chain-4 addressing puts byte n at dword n >> 2, densely, as SVGA
 * chips do; the display takes this into account (registers.ts).
 * Source: IBM VGA Technical Reference, "Graphics Controller" and "Sequencer, Memory Mode Register".
 */
import {
  CHAIN_4, Graphics, HOST_ODD_EVEN, MISC_HIGH_PAGE, MISC_RAM_ENABLE, ODD_EVEN_OFF, READ_MODE_1, Sequencer,
  type VgaRegisters,
} from './registers.ts'

export const LEGACY_FIRST = 0xa0000
export const LEGACY_LAST = 0xbffff
/** Bytes of the four planes. */
export const PLANES_BYTES = 0x40000
const PLANE_MASK = 0xffff

/** First offset from A0000h and bytes of each memory map that the miscellaneous register selects. */
const MAPS = [
  { offset: 0x00000, bytes: 0x20000 }, { offset: 0x00000, bytes: 0x10000 },
  { offset: 0x10000, bytes: 0x08000 }, { offset: 0x18000, bytes: 0x08000 },
] as const

const OPEN_BUS = 0xff

/** A byte of ones for every plane in a four-bit mask. */
const PLANE_BYTES = Uint32Array.from({ length: 16 }, (_, mask) =>
  ((mask & 1 ? 0xff : 0) | (mask & 2 ? 0xff00 : 0) | (mask & 4 ? 0xff0000 : 0) | (mask & 8 ? 0xff000000 : 0)) >>> 0)

/** The byte in all four planes. */
function spread(byte: number): number {
  return Math.imul(byte, 0x01010101)
}

export class Planes {
  latch = 0
  private readonly registers: VgaRegisters
  private readonly bytes: Uint8Array
  private readonly dwords: Uint32Array

  constructor(registers: VgaRegisters, video: Uint8Array) {
    this.registers = registers
    this.bytes = video.subarray(0, PLANES_BYTES)
    this.dwords = new Uint32Array(video.buffer, video.byteOffset, PLANES_BYTES / 4)
  }

  /** The four planes at an address, as one dword: plane 0 lowest. */
  fetch(address: number): number {
    return this.dwords[address & PLANE_MASK]
  }

  /** Byte of a plane. */
  fetchByte(plane: number, address: number): number {
    return this.bytes[((address & PLANE_MASK) << 2) | plane]
  }

  /**
   * Whether A0000h..AFFFFh is memory like any other: chain-4 addressing, and a graphics controller that changes nothing.
   * Reading then need not load the latches, which nothing looks at.
   */
  get isPlain(): boolean {
    const { graphics, sequencer, misc } = this.registers
    return (misc & MISC_RAM_ENABLE) !== 0 && (sequencer[Sequencer.MemoryMode] & CHAIN_4) !== 0 &&
      (sequencer[Sequencer.MapMask] & 15) === 15 && (graphics[Graphics.Mode] & (READ_MODE_1 | 3)) === 0 &&
      graphics[Graphics.BitMask] === 0xff && (graphics[Graphics.DataRotate] & 0x1f) === 0 &&
      (graphics[Graphics.EnableSetReset] & 15) === 0 && ((graphics[Graphics.Miscellaneous] >> 2) & 3) === 1
  }

  /** Offset within the selected map, or -1 when the card does not answer at this physical address. */
  private offsetOf(physical: number): number {
    const { graphics, misc } = this.registers
    if (!(misc & MISC_RAM_ENABLE)) return -1
    const map = MAPS[(graphics[Graphics.Miscellaneous] >> 2) & 3]
    const offset = physical - LEGACY_FIRST - map.offset
    return offset >= 0 && offset < map.bytes ? offset : -1
  }

  /** In odd/even addressing, bit 0 of the plane address: A16 where the map has it, else the page bit. */
  private oddEvenAddress(offset: number): number {
    const { graphics, misc } = this.registers
    const wide = ((graphics[Graphics.Miscellaneous] >> 2) & 3) === 0
    const page = wide ? (offset >> 16) & 1 : misc & MISC_HIGH_PAGE ? 0 : 1
    return (offset & PLANE_MASK & ~1) | page
  }

  read8(physical: number): number {
    const offset = this.offsetOf(physical)
    if (offset < 0) return OPEN_BUS
    const { graphics, sequencer } = this.registers
    let address = offset & PLANE_MASK
    let plane = graphics[Graphics.ReadMapSelect] & 3
    if (sequencer[Sequencer.MemoryMode] & CHAIN_4) {
      plane = offset & 3
      address = (offset & PLANE_MASK) >> 2
    } else if (graphics[Graphics.Mode] & HOST_ODD_EVEN) {
      plane = (plane & 2) | (offset & 1)
      address = this.oddEvenAddress(offset)
    }
    this.latch = this.dwords[address]
    if (graphics[Graphics.Mode] & READ_MODE_1) return this.compareColor()
    return (this.latch >>> (8 * plane)) & 0xff
  }

  /** A bit for each pixel of the latches whose colour is the wanted one in all planes that matter. */
  private compareColor(): number {
    const { graphics } = this.registers
    const wanted = PLANE_BYTES[graphics[Graphics.ColorCompare] & 15]
    const differs = (this.latch ^ wanted) & PLANE_BYTES[graphics[Graphics.ColorDontCare] & 15]
    return ~(differs | (differs >>> 8) | (differs >>> 16) | (differs >>> 24)) & 0xff
  }

  /** Returns whether the card answered. */
  write8(physical: number, value: number): boolean {
    const offset = this.offsetOf(physical)
    if (offset < 0) return false
    const { sequencer } = this.registers
    let address = offset & PLANE_MASK
    let planes = sequencer[Sequencer.MapMask] & 15
    if (sequencer[Sequencer.MemoryMode] & CHAIN_4) {
      planes &= 1 << (offset & 3)
      address = (offset & PLANE_MASK) >> 2
    } else if (!(sequencer[Sequencer.MemoryMode] & ODD_EVEN_OFF)) {
      planes &= offset & 1 ? 0b1010 : 0b0101
      address = this.oddEvenAddress(offset)
    }
    const mask = PLANE_BYTES[planes]
    this.dwords[address] = (this.dwords[address] & ~mask) | (this.combine(value) & mask)
    return true
  }

  /** What the graphics controller makes of a byte from the CPU, for all planes. */
  private combine(value: number): number {
    const { graphics } = this.registers
    const mode = graphics[Graphics.Mode] & 3
    if (mode === 1) return this.latch
    const rotation = graphics[Graphics.DataRotate] & 7
    const rotated = ((value >> rotation) | (value << (8 - rotation))) & 0xff
    let bitMask = graphics[Graphics.BitMask]
    const setReset = PLANE_BYTES[graphics[Graphics.SetReset] & 15]
    let data: number
    if (mode === 0) {
      const enabled = PLANE_BYTES[graphics[Graphics.EnableSetReset] & 15]
      data = (spread(rotated) & ~enabled) | (setReset & enabled)
    } else if (mode === 2) {
      data = PLANE_BYTES[value & 15]
    } else {
      data = setReset
      bitMask &= rotated
    }
    const { latch } = this
    switch ((graphics[Graphics.DataRotate] >> 3) & 3) {
      case 1:
        data &= latch
        break
      case 2:
        data |= latch
        break
      case 3:
        data ^= latch
    }
    const bits = spread(bitMask)
    return (data & bits) | (latch & ~bits)
  }
}
