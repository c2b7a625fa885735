/**
 * What a VGA BIOS does, for boots without one: sets text mode 3 (80 x 25 characters of 9 x 16 dots) and loads a font.
 *
 *     setUpTextMode(bus, findFont(vgaBios))
 *
 * Source of the register values: IBM VGA Technical Reference, "BIOS parameter tables", mode 3+.
 */
import type { AccessSize } from '../device.ts'
import { LEGACY_FIRST } from './planes.ts'
import { ATTRIBUTES, CRTCS, Graphics, GRAPHICS_REGISTERS, Sequencer, SEQUENCERS } from './registers.ts'

const MISCELLANEOUS = 0x67
const SEQUENCER = [0x03, 0x00, 0x03, 0x00, 0x02]
const CRTC = [
  0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00, 0x4f, 0x0d, 0x0e, 0x00, 0x00, 0x00, 0x00, 0x9c, 0x8e, 0x8f,
  0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff,
]
const GRAPHICS = [0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x0e, 0x0f, 0xff]
const ATTRIBUTE = [
  0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x14, 0x07, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x0c, 0x00, 0x0f,
  0x08, 0x00,
]
const TEXT_BYTES = 0x8000
const TEXT_MEMORY = 0xb8000
/** A grey space on black, as a word. */
const BLANK = 0x0720
const GLYPH_ROWS = 16
const GLYPH_PLACE = 32
const FONT_BYTES = 256 * GLYPH_ROWS
/** Character 1, the face that every VGA font has, behind the empty character 0. */
const FACE = [0, 0, 0x7e, 0x81, 0xa5, 0x81, 0x81, 0xbd, 0x99, 0x81, 0x81, 0x7e, 0, 0, 0, 0]
/** One third of full intensity, 6 bits. */
const THIRD = 21

/** The CPU's side of the bus. */
export interface BusAccess {
  readPort(port: number, size: AccessSize): number
  writePort(port: number, size: AccessSize, value: number): void
  writeMemory(physical: number, size: AccessSize, value: number): void
}

/** The font of 8 x 16 dots in a VGA BIOS: 256 characters of 16 bytes. Undefined when it has none. */
export function findFont(bios: Uint8Array): Uint8Array | undefined {
  for (let at = GLYPH_ROWS; at + FONT_BYTES - GLYPH_ROWS <= bios.length; at++) {
    const found = FACE.every((byte, i) => bios[at + i] === byte && bios[at - GLYPH_ROWS + i] === 0)
    if (found) return bios.slice(at - GLYPH_ROWS, at - GLYPH_ROWS + FONT_BYTES)
  }
  return undefined
}

/** Sets the mode and clears the screen. Without a font it shows coloured blanks. */
export function setUpTextMode(bus: BusAccess, font: Uint8Array | undefined): void {
  const indexed = (port: number, index: number, value: number) => {
    bus.writePort(port, 8, index)
    bus.writePort(port + 1, 8, value)
  }
  const sequencer = (index: number, value: number) => indexed(0x3c4, index, value)
  const graphics = (index: number, value: number) => indexed(0x3ce, index, value)
  bus.writePort(0x3c2, 8, MISCELLANEOUS)
  // The protection of registers 0 to 7 comes off first.
  indexed(0x3d4, 0x11, 0)
  for (let i = 0; i < CRTCS; i++) indexed(0x3d4, i, CRTC[i])
  if (font) {
    sequencer(Sequencer.MapMask, 4)
    sequencer(Sequencer.MemoryMode, 6)
    graphics(Graphics.Mode, 0)
    graphics(Graphics.Miscellaneous, 4)
    graphics(Graphics.BitMask, 0xff)
    for (let i = 0; i < FONT_BYTES; i++) {
      const place = Math.floor(i / GLYPH_ROWS) * GLYPH_PLACE + (i % GLYPH_ROWS)
      bus.writeMemory(LEGACY_FIRST + place, 8, font[i])
    }
  }
  for (let i = 0; i < SEQUENCERS; i++) sequencer(i, SEQUENCER[i])
  for (let i = 0; i < GRAPHICS_REGISTERS; i++) graphics(i, GRAPHICS[i])
  for (let i = 0; i < TEXT_BYTES; i += 2) bus.writeMemory(TEXT_MEMORY + i, 16, BLANK)
  setUpColors(bus)
}

/** The 64 colours of the EGA: two bits each of red, green and blue, the brighter one lower. */
function setUpColors(bus: BusAccess): void {
  bus.writePort(0x3c6, 8, 0xff)
  bus.writePort(0x3c8, 8, 0)
  for (let i = 0; i < 64; i++)
    for (const bit of [2, 1, 0]) {
      const value = ((i >> bit) & 1) * 2 * THIRD + ((i >> (bit + 3)) & 1) * THIRD
      bus.writePort(0x3c9, 8, value)
    }
  bus.readPort(0x3da, 8)
  for (let i = 0; i < ATTRIBUTES; i++) {
    bus.writePort(0x3c0, 8, i)
    bus.writePort(0x3c0, 8, ATTRIBUTE[i])
  }
  // The palette belongs to the screen from here on.
  bus.writePort(0x3c0, 8, 0x20)
}
