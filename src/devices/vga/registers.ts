/**
 * The registers of the VGA by their datasheet names, and what more than one part reads out of them.
 *
 * Sources: IBM VGA Technical Reference (PS/2 Hardware Interface Technical Reference, Video Subsystem); Intel
 * "VGA Registers" volumes of the 8xx graphics manuals.
 */

export enum Sequencer { Reset, ClockingMode, MapMask, CharacterMapSelect, MemoryMode }

export enum Crtc {
  HorizontalTotal = 0x00, HorizontalDisplayEnd = 0x01, HorizontalBlankStart = 0x02, HorizontalBlankEnd = 0x03,
  HorizontalRetraceStart = 0x04, HorizontalRetraceEnd = 0x05, VerticalTotal = 0x06, Overflow = 0x07,
  PresetRowScan = 0x08, MaximumScanLine = 0x09, CursorStart = 0x0a, CursorEnd = 0x0b, StartAddressHigh = 0x0c,
  StartAddressLow = 0x0d, CursorLocationHigh = 0x0e, CursorLocationLow = 0x0f, VerticalRetraceStart = 0x10,
  VerticalRetraceEnd = 0x11, VerticalDisplayEnd = 0x12, Offset = 0x13, UnderlineLocation = 0x14,
  VerticalBlankStart = 0x15, VerticalBlankEnd = 0x16, ModeControl = 0x17, LineCompare = 0x18,
}

export enum Graphics {
  SetReset, EnableSetReset, ColorCompare, DataRotate, ReadMapSelect, Mode, Miscellaneous, ColorDontCare, BitMask,
}

export enum Attribute {
  Palette = 0x00, ModeControl = 0x10, Overscan = 0x11, ColorPlaneEnable = 0x12, PelPanning = 0x13, ColorSelect = 0x14,
}

/** Clocking mode. */
export const EIGHT_DOTS = 0x01
export const HALF_DOT_CLOCK = 0x08
export const SCREEN_OFF = 0x20
/** Memory mode. */
export const ODD_EVEN_OFF = 0x04
export const CHAIN_4 = 0x08
/** Graphics mode register. */
export const READ_MODE_1 = 0x08
export const HOST_ODD_EVEN = 0x10
export const SHIFT_INTERLEAVE = 0x20
export const SHIFT_256 = 0x40
/** Graphics miscellaneous register. */
export const GRAPHICS_MODE = 0x01
/** Attribute mode control. */
export const ATTRIBUTE_GRAPHICS = 0x01
export const LINE_GRAPHICS = 0x04
export const BLINK = 0x08
export const PANNING_COMPATIBLE = 0x20
export const PALETTE_45_SELECT = 0x80
/** CRTC maximum scan line, overflow, mode control, underline location. */
export const SCAN_DOUBLING = 0x80
export const SYNC_ENABLE = 0x80
export const BYTE_MODE = 0x40
export const ADDRESS_WRAP = 0x20
export const DOUBLE_WORD_MODE = 0x40
export const CRTC_PROTECT = 0x80
export const LINE_COMPARE_8 = 0x10
/** Miscellaneous output. */
export const MISC_COLOR = 0x01
export const MISC_RAM_ENABLE = 0x02
export const MISC_HIGH_PAGE = 0x20

export const SEQUENCERS = 5
export const CRTCS = 0x19
export const GRAPHICS_REGISTERS = 9
export const ATTRIBUTES = 0x15
export const DAC_BYTES = 768

/** All that a program can set, in the form in which it is saved. */
export class VgaRegisters {
  misc = 0
  featureControl = 0
  sequencerIndex = 0
  crtcIndex = 0
  graphicsIndex = 0
  attributeIndex = 0
  /** The next write to 3C0h is data. */
  attributeData = false
  /** Bit 5 of the attribute index: the palette belongs to the screen, which is on. */
  paletteOn = false
  dacMask = 0xff
  dacReadIndex = 0
  dacWriteIndex = 0
  /** Byte 0..2 of the colour. */
  dacStep = 0
  dacReading = false
  readonly sequencer = new Uint8Array(SEQUENCERS)
  readonly crtc = new Uint8Array(CRTCS)
  readonly graphics = new Uint8Array(GRAPHICS_REGISTERS)
  readonly attribute = new Uint8Array(ATTRIBUTES)
  /** Red, green, blue of each colour as written: 6 or 8 bits. */
  readonly dac = new Uint8Array(DAC_BYTES)

  /** Whether the screen shows graphics; else text. */
  get isGraphics(): boolean {
    return (this.graphics[Graphics.Miscellaneous] & GRAPHICS_MODE) !== 0
  }

  /** Dots of a character clock. */
  get characterDots(): number {
    return this.sequencer[Sequencer.ClockingMode] & EIGHT_DOTS ? 8 : 9
  }

  /** Character clocks shown in a line. */
  get columns(): number {
    return this.crtc[Crtc.HorizontalDisplayEnd] + 1
  }

  /** Scan lines shown. */
  get lines(): number {
    const overflow = this.crtc[Crtc.Overflow]
    return (this.crtc[Crtc.VerticalDisplayEnd] | ((overflow & 0x02) << 7) | ((overflow & 0x40) << 3)) + 1
  }

  get verticalTotal(): number {
    const overflow = this.crtc[Crtc.Overflow]
    return (this.crtc[Crtc.VerticalTotal] | ((overflow & 0x01) << 8) | ((overflow & 0x20) << 4)) + 2
  }

  get verticalRetraceStart(): number {
    const overflow = this.crtc[Crtc.Overflow]
    return this.crtc[Crtc.VerticalRetraceStart] | ((overflow & 0x04) << 6) | ((overflow & 0x80) << 2)
  }

  /** Scan line behind which the screen splits. */
  get lineCompare(): number {
    return this.crtc[Crtc.LineCompare] | ((this.crtc[Crtc.Overflow] & LINE_COMPARE_8) << 4) |
      ((this.crtc[Crtc.MaximumScanLine] & 0x40) << 3)
  }

  get startAddress(): number {
    return (this.crtc[Crtc.StartAddressHigh] << 8) | this.crtc[Crtc.StartAddressLow]
  }

  get cursorLocation(): number {
    return (this.crtc[Crtc.CursorLocationHigh] << 8) | this.crtc[Crtc.CursorLocationLow]
  }

  /** Address counter steps from a row to the next. */
  get rowOffset(): number {
    return this.crtc[Crtc.Offset] * 2
  }

  /** Whether anything is shown at all. */
  get isBlank(): boolean {
    return !this.paletteOn || (this.sequencer[Sequencer.ClockingMode] & SCREEN_OFF) !== 0 ||
      (this.crtc[Crtc.ModeControl] & SYNC_ENABLE) === 0
  }

  /**
   * The address in a plane that the CRTC fetches when its counter is `counter` in scan line `row` of a row: byte, word
   * or double-word addressing, and the row bits that CGA-like modes put in. In chain-4 modes the planes are filled
   * densely here (planes.ts), so that the counter itself is the address.
   */
  displayAddress(counter: number, row: number): number {
    const { crtc } = this
    const control = crtc[Crtc.ModeControl]
    let address = counter & 0xffff
    if (crtc[Crtc.UnderlineLocation] & DOUBLE_WORD_MODE) {
      if (!(this.sequencer[Sequencer.MemoryMode] & CHAIN_4)) address = ((address << 2) | (address >> 14)) & 0xffff
    } else if (!(control & BYTE_MODE)) {
      const wrapped = control & ADDRESS_WRAP ? address >> 15 : address >> 13
      address = ((address << 1) | (wrapped & 1)) & 0xffff
    }
    if (!(control & 0x01)) address = (address & ~0x2000) | ((row & 1) << 13)
    if (!(control & 0x02)) address = (address & ~0x4000) | ((row & 2) << 13)
    return address
  }
}
