/**
 * VGA with a linear frame buffer: the display card 1234:1111, as a PCI function and at the legacy addresses.
 *
 *     const vga = new Vga({ bus, clock, video, showFrameBuffer, onWritten })
 *     pci.add(2, 0, vga.pciFunction)
 *     vga.draw(picture)                  // the host asks when it wants a picture
 *
 * Ports: 3C0h..3CFh, 3B4h/3B5h/3BAh or 3D4h/3D5h/3DAh, 1CEh..1D0h (DISPI). Memory: A0000h..BFFFFh; BAR 0 the frame
 * buffer, which is RAM to the CPU; BAR 2 EDID (0), VGA ports from 3C0h on (400h), DISPI (500h), byte order (600h).
 * IRQ 9 (IRQ 2 of the card) at vertical retrace, for programs that enable it.
 * Sources: IBM VGA Technical Reference; QEMU documentation, docs/specs/standard-vga.
 *
 *   registers.ts  what programs set       planes.ts  the legacy window     dispi.ts  linear modes
 *   picture.ts    pixels                  retrace.ts input status 1        screen-text.ts
 */
import type { Bus, Clock, Device, DeviceState, IrqLine, MemoryHandler, Timer } from './device.ts'
import { PciFunction } from './pci-function.ts'
import { restore, snapshot } from './state.ts'
import { DISPI_REGISTERS, DispiRegisters } from './vga/dispi.ts'
import { monitorEdid } from './vga/edid.ts'
import { dacColors } from './vga/palette.ts'
import { type BlinkPhases, drawLinear, drawVga, pictureSize, type Picture } from './vga/picture.ts'
import { LEGACY_FIRST, LEGACY_LAST, Planes } from './vga/planes.ts'
import { nextRetrace, retraceStatus } from './vga/retrace.ts'
import {
  ATTRIBUTES, Crtc, CRTC_PROTECT, CRTCS, GRAPHICS_REGISTERS, LINE_COMPARE_8, MISC_COLOR, SEQUENCERS, VgaRegisters,
} from './vga/registers.ts'
import { screenText } from './vga/screen-text.ts'

const VENDOR = 0x1234
const DEVICE = 0x1111
const CLASS_VGA = 0x030000
const REVISION = 2

enum Port {
  AttributeIndex = 0x3c0, AttributeRead = 0x3c1, MiscWrite = 0x3c2, SequencerIndex = 0x3c4, SequencerData = 0x3c5,
  DacMask = 0x3c6, DacReadIndex = 0x3c7, DacWriteIndex = 0x3c8, DacData = 0x3c9, FeatureRead = 0x3ca, MiscRead = 0x3cc,
  GraphicsIndex = 0x3ce, GraphicsData = 0x3cf,
}
const FIRST_PORT = 0x3c0
const LAST_PORT = 0x3cf
const MONO_FIRST = 0x3b4
const COLOR_FIRST = 0x3d4
/** Offsets from 3B4h or 3D4h. */
const CRTC_INDEX = 0
const CRTC_DATA = 1
const STATUS_1 = 6
const DISPI_INDEX_PORT = 0x1ce
const DISPI_DATA_PORT = 0x1cf
const DISPI_LAST_PORT = 0x1d0

/** Video memory is saved in whole blocks. */
const VIDEO_BLOCK_BYTES = 0x10000

/** BAR 2: registers as memory. */
const MMIO_BYTES = 0x1000
const MMIO_VGA = 0x400
const MMIO_VGA_END = 0x420
const MMIO_DISPI = 0x500
const MMIO_EXTENSION = 0x600
const MMIO_BYTE_ORDER = 0x604
const EXTENSION_BYTES = 8
/** Each byte of the byte order register. */
const LITTLE_ENDIAN = 0x1e

/** Input status 0 bit 4: a monitor is connected. */
const SWITCH_SENSE = 0x10
/** Input status 0 bit 7. */
const RETRACE_PENDING = 0x80
/** Vertical retrace end (CRTC 11h): bit 4 off clears the interrupt, bit 5 on disables it. */
const RETRACE_NOT_CLEARED = 0x10
const RETRACE_DISABLED = 0x20
const ATTRIBUTE_PALETTE_ON = 0x20
const DAC_STATE_READ = 0x00
const DAC_STATE_WRITE = 0x03
const SEQUENCER_MASKS = [0x03, 0x3d, 0x0f, 0x3f, 0x0e]
const GRAPHICS_MASKS = [0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff]
const SEQUENCER_RESET = 0x03
/** The cursor blinks twice as fast as text: in ns of half a period, at the usual 70 frames a second. */
const CURSOR_BLINK_NS = 8 * 14_286_000
const TEXT_BLINK_NS = 16 * 14_286_000

export interface VgaOptions {
  bus: Bus
  clock: Clock
  /** Raised at vertical retrace while the CRTC enables it. */
  irq: IrqLine
  /** Video memory: a power of two of bytes. */
  video: Uint8Array
  /** Called when the frame buffer moves: its physical address, or null while it is not decoded. */
  showFrameBuffer: (base: number | null) => void
  /**
   * Called when the 64 KiB at A0000h become plain video memory from an offset on, which the CPU may reach without
   * asking the card, or cease to be (null).
   */
  showLegacy: (offset: number | null) => void
  /** Whether the CPU has written to the frame buffer by itself since the last call. */
  takeFrameBufferWritten: () => boolean
  /** The card's firmware, as a PCI expansion ROM. */
  rom?: Uint8Array
}

export class Vga implements Device {
  readonly name = 'vga'
  readonly pciFunction: PciFunction
  private readonly clock: Clock
  private readonly video: Uint8Array
  private readonly takeFrameBufferWritten: () => boolean
  private readonly registers = new VgaRegisters()
  private readonly planes: Planes
  private readonly dispi: DispiRegisters
  private readonly dispiIndex = { index: 0 }
  private readonly edid = monitorEdid()
  private readonly retraceTimer: Timer
  private readonly irq: IrqLine
  /** A vertical retrace has begun and its interrupt was not cleared. */
  private retraceSeen = false
  private readonly colors = new Uint32Array(256)
  /** Something has changed since the last picture. */
  private changed = true
  private readonly showLegacy: (offset: number | null) => void
  private legacyOffset: number | null = null
  private lastPhases: BlinkPhases = { cursor: true, text: true }

  constructor({ bus, clock, irq, video, showFrameBuffer, showLegacy, takeFrameBufferWritten, rom }: VgaOptions) {
    this.clock = clock
    this.irq = irq
    this.retraceTimer = clock.timer('vga', () => this.retrace())
    this.video = video
    this.takeFrameBufferWritten = takeFrameBufferWritten
    this.showLegacy = showLegacy
    this.planes = new Planes(this.registers, video)
    this.dispi = new DispiRegisters(video.length, () => video.fill(0))
    this.reset()
    bus.claimPorts(FIRST_PORT, LAST_PORT, {
      read8: port => this.readPort(port), write8: (port, value) => this.writePort(port, value),
    })
    for (const first of [MONO_FIRST, COLOR_FIRST])
      bus.claimPorts(first, first + STATUS_1, {
        read8: port => this.readCrtcPort(port, first), write8: (port, value) => this.writeCrtcPort(port, value, first),
      })
    this.claimDispi(bus)
    bus.claimMemory(LEGACY_FIRST, LEGACY_LAST, this.legacyMemory())
    this.pciFunction = new PciFunction({
      vendorId: VENDOR, deviceId: DEVICE, classCode: CLASS_VGA, revision: REVISION,
      bars: [
        { kind: 'memory', size: video.length, prefetchable: true, handler: this.frameBuffer(), onMap: showFrameBuffer },
        undefined,
        { kind: 'memory', size: MMIO_BYTES, handler: this.registerMemory() },
      ],
      ...(rom && { expansionRom: expansionRom(rom) }),
    })
  }

  reset(): void {
    Object.assign(this.registers, {
      misc: 0, featureControl: 0, sequencerIndex: 0, crtcIndex: 0, graphicsIndex: 0, attributeIndex: 0,
      attributeData: false, paletteOn: false, dacMask: 0xff, dacReadIndex: 0, dacWriteIndex: 0, dacStep: 0,
      dacReading: false,
    })
    for (const bytes of this.registerArrays()) bytes.fill(0)
    this.registers.sequencer[0] = SEQUENCER_RESET
    this.planes.latch = 0
    this.dispi.reset()
    this.dispiIndex.index = 0
    this.noteChange()
    this.setRetraceInterrupt()
  }

  /** A register has changed: the picture has, and perhaps what A0000h is. */
  private noteChange(): void {
    this.changed = true
    const offset = this.plainOffset()
    if (offset === this.legacyOffset) return
    this.legacyOffset = offset
    this.showLegacy(offset)
  }

  /** Where in video memory A0000h lies when bytes go in and out unchanged; null while the card has a hand in it. */
  private plainOffset(): number | null {
    if (this.isBanked) return this.dispi.bankStart
    return !this.dispi.enabled && this.planes.isPlain ? 0 : null
  }

  /** In DISPI modes of 8 bits and more, A0000h shows 64 KiB of the frame buffer. */
  private get isBanked(): boolean {
    return this.dispi.enabled && this.dispi.mode?.bitsPerPixel !== 4
  }

  private registerArrays(): Uint8Array[] {
    const { sequencer, crtc, graphics, attribute, dac } = this.registers
    return [sequencer, crtc, graphics, attribute, dac]
  }

  /** Video memory comes with the registers, up to the last block that holds anything. */
  save(): DeviceState {
    return {
      registers: snapshot(this.savedRegisters()), latch: this.planes.latch, dispiIndex: this.dispiIndex.index,
      retraceSeen: this.retraceSeen,
      dispi: Array.from(this.dispi.values),
      video: this.video.slice(0, this.usedVideo()),
    }
  }

  /** Bytes of video memory up to the last block that is not all zeros. */
  private usedVideo(): number {
    const words = new Int32Array(this.video.buffer, this.video.byteOffset, this.video.length / 4)
    let at = words.length
    while (at > 0 && words[at - 1] === 0) at--
    return Math.ceil(at * 4 / VIDEO_BLOCK_BYTES) * VIDEO_BLOCK_BYTES
  }

  load(state: DeviceState): void {
    const registers = this.savedRegisters()
    const rest = {
      latch: 0, dispiIndex: 0, dispi: [] as number[], retraceSeen: false,
      video: new Uint8Array(state?.video instanceof Uint8Array ? Math.min(state.video.length, this.video.length) : 0),
    }
    restore(this.name, rest, state)
    restore(this.name, registers, (state.registers ?? {}) as DeviceState)
    Object.assign(this.registers, registers)
    this.sanitize()
    this.planes.latch = rest.latch >>> 0
    this.retraceSeen = rest.retraceSeen
    this.dispiIndex.index = rest.dispiIndex & 0xffff
    for (let i = 0; i < DISPI_REGISTERS; i++) this.dispi.values[i] = rest.dispi[i] ?? 0
    this.video.set(rest.video)
    this.video.fill(0, rest.video.length)
    this.noteChange()
  }

  private savedRegisters(): DeviceState {
    return { ...this.registers } as unknown as DeviceState
  }

  /** Brings what a strange state may hold into the registers' widths. */
  private sanitize(): void {
    const r = this.registers
    for (const key of ['misc', 'featureControl', 'sequencerIndex', 'crtcIndex', 'graphicsIndex', 'dacMask',
      'dacReadIndex', 'dacWriteIndex'] as const) r[key] &= 0xff
    r.attributeIndex &= 0x1f
    r.dacStep = Math.abs(r.dacStep % 3)
  }

  // --- ports ---

  private readPort(port: number): number {
    const r = this.registers
    switch (port) {
      case Port.AttributeIndex:
        return r.attributeIndex | (r.paletteOn ? ATTRIBUTE_PALETTE_ON : 0)
      case Port.AttributeRead:
        return r.attributeIndex < ATTRIBUTES ? r.attribute[r.attributeIndex] : 0
      case Port.MiscWrite:
        return SWITCH_SENSE | (this.retraceSeen ? RETRACE_PENDING : 0)
      case Port.SequencerIndex:
        return r.sequencerIndex
      case Port.SequencerData:
        return r.sequencerIndex < SEQUENCERS ? r.sequencer[r.sequencerIndex] : 0
      case Port.DacMask:
        return r.dacMask
      case Port.DacReadIndex:
        return r.dacReading ? DAC_STATE_WRITE : DAC_STATE_READ
      case Port.DacWriteIndex:
        return r.dacWriteIndex
      case Port.DacData:
        return this.readDac()
      case Port.FeatureRead:
        return r.featureControl
      case Port.MiscRead:
        return r.misc
      case Port.GraphicsIndex:
        return r.graphicsIndex
      case Port.GraphicsData:
        return r.graphicsIndex < GRAPHICS_REGISTERS ? r.graphics[r.graphicsIndex] : 0
      default:
        return 0xff
    }
  }

  private writePort(port: number, value: number): void {
    this.writeRegister(port, value)
    this.noteChange()
  }

  private writeRegister(port: number, value: number): void {
    const r = this.registers
    switch (port) {
      case Port.AttributeIndex:
        this.writeAttribute(value)
        break
      case Port.MiscWrite:
        r.misc = value
        break
      case Port.SequencerIndex:
        r.sequencerIndex = value & 7
        break
      case Port.SequencerData:
        if (r.sequencerIndex < SEQUENCERS)
          r.sequencer[r.sequencerIndex] = value & SEQUENCER_MASKS[r.sequencerIndex]
        break
      case Port.DacMask:
        r.dacMask = value
        break
      case Port.DacReadIndex:
        r.dacReadIndex = value
        r.dacStep = 0
        r.dacReading = true
        break
      case Port.DacWriteIndex:
        r.dacWriteIndex = value
        r.dacStep = 0
        r.dacReading = false
        break
      case Port.DacData:
        this.writeDac(value)
        break
      case Port.GraphicsIndex:
        r.graphicsIndex = value & 15
        break
      case Port.GraphicsData:
        if (r.graphicsIndex < GRAPHICS_REGISTERS) r.graphics[r.graphicsIndex] = value & GRAPHICS_MASKS[r.graphicsIndex]
    }
  }

  private writeAttribute(value: number): void {
    const r = this.registers
    if (!r.attributeData) {
      r.attributeIndex = value & 0x1f
      r.paletteOn = (value & ATTRIBUTE_PALETTE_ON) !== 0
    } else if (r.attributeIndex < ATTRIBUTES) {
      // While the palette belongs to the screen, the CPU cannot write it.
      if (r.attributeIndex >= 16 || !r.paletteOn)
        r.attribute[r.attributeIndex] = r.attributeIndex < 16 ? value & 0x3f : value
    }
    r.attributeData = !r.attributeData
  }

  private readDac(): number {
    const r = this.registers
    const value = r.dac[r.dacReadIndex * 3 + r.dacStep]
    if (++r.dacStep === 3) {
      r.dacStep = 0
      r.dacReadIndex = (r.dacReadIndex + 1) & 0xff
    }
    return value
  }

  private writeDac(value: number): void {
    const r = this.registers
    r.dac[r.dacWriteIndex * 3 + r.dacStep] = this.dispi.dacBits === 8 ? value : value & 0x3f
    if (++r.dacStep === 3) {
      r.dacStep = 0
      r.dacWriteIndex = (r.dacWriteIndex + 1) & 0xff
    }
  }

  /** Whether the CRTC answers at these ports: mono or colour, as the miscellaneous output register says. */
  private isCrtcAt(first: number): boolean {
    return (first === COLOR_FIRST) === ((this.registers.misc & MISC_COLOR) !== 0)
  }

  private readCrtcPort(port: number, first: number): number {
    const r = this.registers
    if (!this.isCrtcAt(first)) return 0xff
    switch (port - first) {
      case CRTC_INDEX:
        return r.crtcIndex
      case CRTC_DATA:
        return r.crtcIndex < CRTCS ? r.crtc[r.crtcIndex] : 0
      case STATUS_1:
        r.attributeData = false
        return retraceStatus(r, this.clock.now())
      default:
        return 0xff
    }
  }

  private writeCrtcPort(port: number, value: number, first: number): void {
    const r = this.registers
    if (!this.isCrtcAt(first)) return
    this.changed = true
    if (port - first === CRTC_INDEX) r.crtcIndex = value & 0x3f
    else if (port - first === CRTC_DATA) this.writeCrtc(r.crtcIndex, value)
    else if (port - first === STATUS_1) r.featureControl = value
  }

  /** The interrupt as the CRTC wants it: cleared, or waiting for the next retrace. */
  private setRetraceInterrupt(): void {
    const control = this.registers.crtc[Crtc.VerticalRetraceEnd]
    if (!(control & RETRACE_NOT_CLEARED)) this.retraceSeen = false
    const enabled = (control & (RETRACE_NOT_CLEARED | RETRACE_DISABLED)) === RETRACE_NOT_CLEARED
    if (enabled && !this.retraceSeen) this.retraceTimer.schedule(nextRetrace(this.registers, this.clock.now()))
    else this.retraceTimer.cancel()
    this.irq.set(enabled && this.retraceSeen)
  }

  private retrace(): void {
    this.retraceSeen = true
    this.setRetraceInterrupt()
  }

  private writeCrtc(index: number, value: number): void {
    const { crtc } = this.registers
    if (index >= CRTCS) return
    if (index <= Crtc.Overflow && crtc[Crtc.VerticalRetraceEnd] & CRTC_PROTECT) {
      // Only the line compare bit gets through.
      if (index === Crtc.Overflow) crtc[index] = (crtc[index] & ~LINE_COMPARE_8) | (value & LINE_COMPARE_8)
      return
    }
    crtc[index] = value
    if (index === Crtc.VerticalRetraceEnd) this.setRetraceInterrupt()
  }

  private claimDispi(bus: Bus): void {
    bus.claimPorts(DISPI_INDEX_PORT, DISPI_LAST_PORT, {
      read16: port => (port === DISPI_INDEX_PORT ? this.dispiIndex.index : this.dispi.read(this.dispiIndex.index)),
      write16: (port, value) => {
        if (port === DISPI_INDEX_PORT) this.dispiIndex.index = value
        else if (port >= DISPI_DATA_PORT) this.writeDispi(this.dispiIndex.index, value)
      },
      read8: () => 0xff,
    })
  }

  private writeDispi(index: number, value: number): void {
    this.dispi.write(index, value)
    this.noteChange()
  }

  // --- memory ---

  private legacyMemory(): MemoryHandler {
    const { planes, dispi, video } = this
    const inBank = (address: number) => address < LEGACY_FIRST + 0x10000
    return {
      read8: address => {
        if (!this.isBanked) return planes.read8(address)
        return inBank(address) ? video[dispi.bankStart + address - LEGACY_FIRST] : 0xff
      },
      write8: (address, value) => {
        this.changed = true
        if (!this.isBanked) planes.write8(address, value)
        else if (inBank(address)) video[dispi.bankStart + address - LEGACY_FIRST] = value
      },
    }
  }

  /** For those who reach the frame buffer over the bus; the CPU's own accesses go straight to it. */
  private frameBuffer(): MemoryHandler {
    const { video } = this
    return {
      read8: offset => video[offset],
      write8: (offset, value) => {
        video[offset] = value
        this.changed = true
      },
    }
  }

  private registerMemory(): MemoryHandler {
    return {
      read8: offset => {
        if (offset >= MMIO_VGA && offset < MMIO_VGA_END) return this.readAny(offset - MMIO_VGA + FIRST_PORT)
        if (isDispi(offset)) return (this.dispi.read((offset - MMIO_DISPI) >> 1) >> (8 * (offset & 1))) & 0xff
        if (offset >= MMIO_EXTENSION) return this.extension(offset)
        return this.edid[offset] ?? 0
      },
      write8: (offset, value) => {
        if (offset >= MMIO_VGA && offset < MMIO_VGA_END) this.writeAny(offset - MMIO_VGA + FIRST_PORT, value)
      },
      write16: (offset, value) => {
        if (isDispi(offset)) {
          this.writeDispi((offset - MMIO_DISPI) >> 1, value)
        } else if (offset >= MMIO_VGA && offset + 1 < MMIO_VGA_END) {
          this.writeAny(offset - MMIO_VGA + FIRST_PORT, value & 0xff)
          this.writeAny(offset + 1 - MMIO_VGA + FIRST_PORT, value >> 8)
        }
      },
    }
  }

  /** The extension's size, and the byte order of the frame buffer: little-endian. */
  private extension(offset: number): number {
    if (offset < MMIO_BYTE_ORDER) return offset === MMIO_EXTENSION ? EXTENSION_BYTES : 0
    return offset < MMIO_EXTENSION + EXTENSION_BYTES ? LITTLE_ENDIAN : 0
  }

  private readAny(port: number): number {
    return port <= LAST_PORT ? this.readPort(port) : this.readCrtcPort(port, COLOR_FIRST)
  }

  private writeAny(port: number, value: number): void {
    if (port <= LAST_PORT) this.writePort(port, value)
    else this.writeCrtcPort(port, value, COLOR_FIRST)
  }

  // --- the host's side ---

  /** Draws the screen into `picture` if it has changed since the last time; tells whether it has. */
  draw(picture: Picture, always = false): boolean {
    const phases = this.blinkPhases()
    const { mode } = this.dispi
    const blinks = !mode && !this.registers.isGraphics
    const blinked = blinks && (phases.cursor !== this.lastPhases.cursor || phases.text !== this.lastPhases.text)
    const written = this.takeFrameBufferWritten()
    if (!always && !this.changed && !blinked && !written) return false
    this.changed = false
    this.lastPhases = phases
    const { registers, dispi, colors } = this
    dacColors(registers.dac, dispi.dacBits, colors)
    if (mode) drawLinear(picture, mode, this.video, colors)
    else drawVga(picture, registers, this.planes, colors, phases)
    return true
  }

  /** The lines on a text screen; undefined in graphics modes. */
  text(): string[] | undefined {
    return this.dispi.enabled ? undefined : screenText(this.registers, this.planes)
  }

  /** What the screen shows, and how many pixels a picture of it has. */
  get mode(): { kind: 'text' | 'graphics', width: number, height: number } {
    const { mode } = this.dispi
    if (mode) return { kind: 'graphics', width: mode.width, height: mode.height }
    return { kind: this.registers.isGraphics ? 'graphics' : 'text', ...pictureSize(this.registers) }
  }

  private blinkPhases(): BlinkPhases {
    const now = this.clock.now()
    return { cursor: Math.floor(now / CURSOR_BLINK_NS) % 2 === 0, text: Math.floor(now / TEXT_BLINK_NS) % 2 === 0 }
  }
}

function isDispi(offset: number): boolean {
  return offset >= MMIO_DISPI && offset < MMIO_DISPI + 2 * DISPI_REGISTERS
}

/** A ROM in a BAR of the next power of two of bytes. */
function expansionRom(rom: Uint8Array): { kind: 'memory', size: number, handler: MemoryHandler } {
  const size = Math.max(0x800, 2 ** Math.ceil(Math.log2(rom.length)))
  return { kind: 'memory', size, handler: { read8: offset => rom[offset] ?? 0xff, write8: () => {} } }
}
