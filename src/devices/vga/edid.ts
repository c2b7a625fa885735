/**
 * What the monitor says of itself: 128 bytes of EDID, with the resolutions that the display can show.
 * Source: VESA Enhanced EDID Standard, release A, revision 2 (EDID 1.4).
 */

const EDID_BYTES = 128
const HEADER = [0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00]
/** Manufacturer 'TPC', three letters of five bits, first one high. */
const MANUFACTURER = (('T'.charCodeAt(0) - 64) << 10) | (('P'.charCodeAt(0) - 64) << 5) | ('C'.charCodeAt(0) - 64)
const PRODUCT = 1
const YEAR = 2024
/** Digital input of 8 bits a colour. */
const DIGITAL_8_BITS = 0xa0
const SIZE_CM = { width: 32, height: 24 }
const GAMMA_2_2 = 120
/** RGB 4:4:4, sRGB, the preferred mode is the first. */
const FEATURES = 0x06
/** sRGB's primaries and white point. */
const CHROMATICITY = [0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54]
/** 640x480, 800x600, 1024x768 and 1280x1024, at 60 to 75 Hz. */
const ESTABLISHED = [0x21, 0x08, 0x00]
const STANDARD = [
  { width: 1280, aspect: 1 }, { width: 1280, aspect: 2 }, { width: 1600, aspect: 1 }, { width: 1680, aspect: 0 },
  { width: 1920, aspect: 3 }, { width: 1152, aspect: 1 },
]
const REFRESH_HERTZ = 60
const NAME = 'tabpc'

/** Timing of a mode, in dots and lines. */
interface Timing {
  /** In units of 10 kHz. */
  clock: number
  width: number, blankWidth: number, frontWidth: number, syncWidth: number
  height: number, blankHeight: number, frontHeight: number, syncHeight: number
}

/** VESA DMT: the preferred mode first. */
const XGA: Timing = {
  clock: 6500, width: 1024, blankWidth: 320, frontWidth: 24, syncWidth: 136,
  height: 768, blankHeight: 38, frontHeight: 3, syncHeight: 6,
}
const FULL_HD: Timing = {
  clock: 14850, width: 1920, blankWidth: 280, frontWidth: 88, syncWidth: 44,
  height: 1080, blankHeight: 45, frontHeight: 4, syncHeight: 5,
}

/** The block, with its checksum. */
export function monitorEdid(): Uint8Array {
  const bytes = new Uint8Array(EDID_BYTES)
  bytes.set(HEADER)
  bytes.set([MANUFACTURER >> 8, MANUFACTURER & 0xff, PRODUCT], 8)
  bytes.set([1, YEAR - 1990, 1, 4, DIGITAL_8_BITS, SIZE_CM.width, SIZE_CM.height, GAMMA_2_2, FEATURES], 16)
  bytes.set(CHROMATICITY, 25)
  bytes.set(ESTABLISHED, 35)
  for (let i = 0; i < 8; i++) {
    const mode = STANDARD[i]
    bytes.set(mode ? [mode.width / 8 - 31, (mode.aspect << 6) | (REFRESH_HERTZ - 60)] : [1, 1], 38 + 2 * i)
  }
  bytes.set(detailed(XGA), 54)
  bytes.set(detailed(FULL_HD), 72)
  bytes.set([0, 0, 0, 0xfc, 0, ...text(NAME)], 90)
  // Limits: 50..75 Hz, 30..90 kHz, 170 MHz, no formula.
  bytes.set([0, 0, 0, 0xfd, 0, 50, 75, 30, 90, 17, 1, 0x0a, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20], 108)
  bytes[EDID_BYTES - 1] = -bytes.reduce((sum, byte) => sum + byte, 0) & 0xff
  return bytes
}

/** A detailed timing descriptor of 18 bytes. */
function detailed(t: Timing): number[] {
  const millimetres = { width: SIZE_CM.width * 10, height: SIZE_CM.height * 10 }
  return [
    t.clock & 0xff, t.clock >> 8,
    t.width & 0xff, t.blankWidth & 0xff, ((t.width >> 8) << 4) | (t.blankWidth >> 8),
    t.height & 0xff, t.blankHeight & 0xff, ((t.height >> 8) << 4) | (t.blankHeight >> 8),
    t.frontWidth & 0xff, t.syncWidth & 0xff, ((t.frontHeight & 15) << 4) | (t.syncHeight & 15),
    ((t.frontWidth >> 8) << 6) | ((t.syncWidth >> 8) << 4) | ((t.frontHeight >> 4) << 2) | (t.syncHeight >> 4),
    millimetres.width & 0xff, millimetres.height & 0xff, ((millimetres.width >> 8) << 4) | (millimetres.height >> 8),
    // No borders; digital separate sync, both positive.
    0, 0, 0x1e,
  ]
}

/** Text of a descriptor: 13 bytes, ended by a line feed and filled with spaces. */
function text(line: string): number[] {
  return Array.from({ length: 13 }, (_, i) => (i < line.length ? line.charCodeAt(i) : i === line.length ? 0x0a : 0x20))
}
