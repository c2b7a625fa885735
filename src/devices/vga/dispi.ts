/**
 * Bochs VBE extensions ("DISPI"): linear frame buffer modes set by a few 16-bit registers.
 *
 * Ports 1CEh index, 1CFh (and 1D0h) data. Source: Bochs documentation of the VBE display interface, which QEMU's
 * bochs-display specification repeats (docs/specs/standard-vga).
 */

export enum Dispi {
  Id, XResolution, YResolution, BitsPerPixel, Enable, Bank, VirtualWidth, VirtualHeight, XOffset, YOffset, VideoMemory,
}

export const DISPI_REGISTERS = 11
const ID_FIRST = 0xb0c0
const ID_LAST = 0xb0c5
export const DISPI_ENABLED = 0x01
const DISPI_GET_CAPABILITIES = 0x02
export const DISPI_8_BIT_DAC = 0x20
const DISPI_LINEAR = 0x40
const DISPI_KEEP_MEMORY = 0x80
const MOST_X = 2560
const MOST_Y = 1600
const MOST_BITS = 32
const DEPTHS = [4, 8, 15, 16, 24, 32]
const BANK_BYTES = 0x10000

/** A mode that is on. Sizes in pixels and bytes. */
export interface LinearMode {
  readonly width: number
  readonly height: number
  readonly bitsPerPixel: number
  /** Bytes from a line to the next. */
  readonly pitch: number
  /** Byte of video memory with the first pixel. */
  readonly start: number
}

export class DispiRegisters {
  readonly values = new Uint16Array(DISPI_REGISTERS)
  private readonly videoBytes: number
  private readonly clear: () => void

  /** `clear` is called when a mode is set that wants its memory cleared. */
  constructor(videoBytes: number, clear: () => void) {
    this.videoBytes = videoBytes
    this.clear = clear
    this.reset()
  }

  reset(): void {
    this.values.fill(0)
    this.values[Dispi.Id] = ID_LAST
  }

  get enabled(): boolean {
    return (this.values[Dispi.Enable] & DISPI_ENABLED) !== 0
  }

  get dacBits(): 6 | 8 {
    return this.values[Dispi.Enable] & DISPI_8_BIT_DAC ? 8 : 6
  }

  /** First byte of the 64 KiB that A0000h shows in a mode of 8 bits and more. */
  get bankStart(): number {
    return (this.values[Dispi.Bank] * BANK_BYTES) % this.videoBytes
  }

  read(index: number): number {
    const { values } = this
    if (index >= DISPI_REGISTERS) return 0
    if (index === Dispi.VideoMemory) return this.videoBytes / BANK_BYTES
    if (values[Dispi.Enable] & DISPI_GET_CAPABILITIES) {
      if (index === Dispi.XResolution) return MOST_X
      if (index === Dispi.YResolution) return MOST_Y
      if (index === Dispi.BitsPerPixel) return MOST_BITS
    }
    return values[index]
  }

  write(index: number, value: number): void {
    const { values } = this
    switch (index) {
      case Dispi.Id:
        if (value >= ID_FIRST && value <= ID_LAST) values[index] = value
        return
      case Dispi.XResolution:
        if (value <= MOST_X) values[index] = value & ~7
        this.setVirtualWidth(values[Dispi.VirtualWidth])
        return
      case Dispi.YResolution:
        if (value <= MOST_Y) values[index] = value
        this.setVirtualWidth(values[Dispi.VirtualWidth])
        return
      case Dispi.BitsPerPixel:
        if (value === 0 || DEPTHS.includes(value)) values[index] = value === 0 ? 8 : value
        this.setVirtualWidth(values[Dispi.VirtualWidth])
        return
      case Dispi.Enable:
        this.enable(value)
        return
      case Dispi.Bank:
        values[index] = value & (this.videoBytes / BANK_BYTES - 1)
        return
      case Dispi.VirtualWidth:
        this.setVirtualWidth(value)
        return
      case Dispi.XOffset:
      case Dispi.YOffset:
        values[index] = value
        this.keepWithinMemory()
    }
  }

  private enable(value: number): void {
    const { values } = this
    const turnsOn = (value & DISPI_ENABLED) !== 0 && !this.enabled
    const fits = values[Dispi.XResolution] > 0 && values[Dispi.YResolution] > 0 && values[Dispi.BitsPerPixel] > 0 &&
      this.lineBytes(values[Dispi.XResolution]) * values[Dispi.YResolution] <= this.videoBytes
    if (turnsOn && !fits) value &= ~DISPI_ENABLED
    values[Dispi.Enable] = value & (DISPI_ENABLED | DISPI_GET_CAPABILITIES | DISPI_8_BIT_DAC | DISPI_LINEAR | DISPI_KEEP_MEMORY)
    values[Dispi.Bank] = 0
    if (!turnsOn || !fits) return
    values[Dispi.XOffset] = 0
    values[Dispi.YOffset] = 0
    this.setVirtualWidth(values[Dispi.XResolution])
    if (!(value & DISPI_KEEP_MEMORY)) this.clear()
  }

  private lineBytes(width: number): number {
    const bits = this.values[Dispi.BitsPerPixel]
    // Four planes share an address; 15 bits take as much room as 16.
    return bits === 4 ? width / 2 : width * ((bits + 7) >> 3)
  }

  private setVirtualWidth(width: number): void {
    const { values } = this
    const wanted = Math.max(width, values[Dispi.XResolution]) & ~7
    const height = Math.floor(this.videoBytes / Math.max(1, this.lineBytes(wanted)))
    const fits = height >= values[Dispi.YResolution]
    values[Dispi.VirtualWidth] = fits ? wanted : values[Dispi.XResolution]
    values[Dispi.VirtualHeight] =
      Math.min(0xffff, Math.floor(this.videoBytes / Math.max(1, this.lineBytes(values[Dispi.VirtualWidth]))))
    this.keepWithinMemory()
  }

  /** The visible part may not begin so far down or right that it ends behind the memory. */
  private keepWithinMemory(): void {
    const { values } = this
    const mostX = Math.max(0, values[Dispi.VirtualWidth] - values[Dispi.XResolution])
    const mostY = Math.max(0, values[Dispi.VirtualHeight] - values[Dispi.YResolution])
    values[Dispi.XOffset] = Math.min(values[Dispi.XOffset], mostX)
    values[Dispi.YOffset] = Math.min(values[Dispi.YOffset], mostY)
  }

  /** The mode that is on, or undefined. Whatever the registers hold, the picture lies within video memory. */
  get mode(): LinearMode | undefined {
    const { values } = this
    if (!this.enabled) return undefined
    const width = values[Dispi.XResolution]
    const height = values[Dispi.YResolution]
    const pitch = this.lineBytes(values[Dispi.VirtualWidth])
    const start = values[Dispi.YOffset] * pitch + this.lineBytes(values[Dispi.XOffset])
    if (width === 0 || height === 0 || start + pitch * (height - 1) + this.lineBytes(width) > this.videoBytes)
      return undefined
    return { width, height, bitsPerPixel: values[Dispi.BitsPerPixel], pitch, start }
  }
}
