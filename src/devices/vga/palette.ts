/** The digital-analog converter's colours as RGBA words, and the way of a 4-bit pixel through the attribute controller. */
import { Attribute, PALETTE_45_SELECT, type VgaRegisters } from './registers.ts'

const OPAQUE = 0xff000000
const COLORS = 256

/** All 256 colours as words whose bytes in memory are R, G, B, A. `bits` is the width of the converter. */
export function dacColors(dac: Uint8Array, bits: 6 | 8, colors: Uint32Array): void {
  for (let i = 0; i < COLORS; i++) {
    const [r, g, b] = [dac[3 * i], dac[3 * i + 1], dac[3 * i + 2]]
    const widen = (value: number) => (bits === 8 ? value : ((value & 63) << 2) | ((value & 63) >> 4))
    colors[i] = (OPAQUE | (widen(b) << 16) | (widen(g) << 8) | widen(r)) >>> 0
  }
}

/** Index into the converter of each of the 16 attribute colours. */
export function attributeColors(registers: VgaRegisters, indices: Uint8Array): void {
  const { attribute, dacMask } = registers
  const select = attribute[Attribute.ColorSelect]
  const enabled = attribute[Attribute.ColorPlaneEnable] & 15
  const replaces45 = (attribute[Attribute.ModeControl] & PALETTE_45_SELECT) !== 0
  for (let i = 0; i < 16; i++) {
    const palette = attribute[i & enabled] & 0x3f
    const low = replaces45 ? (palette & 0x0f) | ((select & 3) << 4) : palette
    indices[i] = (low | ((select & 0x0c) << 4)) & dacMask
  }
}
