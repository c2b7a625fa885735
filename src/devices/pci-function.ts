/**
 * One PCI function: its configuration space and the base address registers that map it into the bus.
 *
 *     const nic = new PciFunction({
 *       vendorId: 0x1af4, deviceId: 0x1000, classCode: 0x020000, interruptPin: 1,
 *       bars: [{ kind: 'io', size: 32, handler }],     // the handler's addresses are offsets into the BAR
 *     })
 *     pci.add(3, 0, nic); const inta = pci.interruptLine(3, 1)
 *
 * Source: PCI Local Bus Specification 2.1, chapter 6.
 */
import type { Bus, DeviceState, MemoryHandler, PortHandler } from './device.ts'
import { restore, snapshot } from './state.ts'

export enum PciRegister {
  VendorId = 0x00, DeviceId = 0x02, Command = 0x04, Status = 0x06, Revision = 0x08, ProgInterface = 0x09,
  Subclass = 0x0a, Class = 0x0b, CacheLine = 0x0c, Latency = 0x0d, HeaderType = 0x0e, Bar0 = 0x10,
  SubsystemVendor = 0x2c, Subsystem = 0x2e, ExpansionRom = 0x30, InterruptLine = 0x3c, InterruptPin = 0x3d,
}

export const PCI_COMMAND_IO = 0x01
export const PCI_COMMAND_MEMORY = 0x02
export const PCI_COMMAND_MASTER = 0x04
const PCI_COMMAND_WRITABLE = 0x0147
/** Bits of Status that a write of one clears. */
const PCI_STATUS_CLEARABLE = 0xf900

const CONFIG_BYTES = 256
const BARS = 6
const BAR_IO = 0x01
const BAR_PREFETCHABLE = 0x08
const ROM_ENABLE = 0x01
const ROM_ADDRESS = 0xfffff800
const FOUR_GIB = 0x1_0000_0000
const PORTS = 0x10000
/** The index under which the expansion ROM is kept with the BARs. */
const ROM = BARS

/** An I/O base address register: `size` is a power of two from 4 to 256. */
export interface IoBar { kind: 'io', size: number, handler: PortHandler }

/** A 32-bit memory base address register: `size` is a power of two, at least 16. */
export interface MemoryBar {
  kind: 'memory'
  size: number
  handler: MemoryHandler
  prefetchable?: boolean
  /** Told the physical address whenever it changes, `null` while the BAR is not decoded. */
  onMap?: (base: number | null) => void
}

export type Bar = IoBar | MemoryBar

/** Bytes of configuration space: offset and value of each. */
export type RegisterBytes = readonly (readonly [number, number])[]

export interface PciFunctionOptions {
  vendorId: number
  deviceId: number
  /** Class, subclass and programming interface, 24 bits. */
  classCode: number
  revision?: number
  headerType?: number
  subsystemVendorId?: number
  subsystemId?: number
  /** 0 none, 1 INTA .. 4 INTD. */
  interruptPin?: number
  /** By number, 0 to 5; undefined for one that is not there. */
  bars?: (Bar | undefined)[]
  expansionRom?: MemoryBar
  /** Power-on bytes of device-specific registers: offset, value. */
  initial?: RegisterBytes
  /** Writable bits of device-specific registers: offset, mask. */
  writable?: RegisterBytes
  /** Called after a configuration write to bytes `first..last`, and after reset and load (0..255). */
  onConfigWrite?: (config: Uint8Array, first: number, last: number) => void
}

export class PciFunction {
  private readonly options: PciFunctionOptions
  private readonly registers = { config: new Uint8Array(CONFIG_BYTES) }
  private readonly initial = new Uint8Array(CONFIG_BYTES)
  private readonly writable = new Uint8Array(CONFIG_BYTES)
  private readonly clearable = new Uint8Array(CONFIG_BYTES)
  private readonly bars: (Bar | undefined)[] = new Array<Bar | undefined>(BARS + 1).fill(undefined)
  /** Where each BAR is mapped now, or -1, and how to take it away. */
  private readonly mapped: number[] = new Array<number>(BARS + 1).fill(-1)
  private readonly release: ((() => void) | undefined)[] = []
  private bus: Bus | undefined

  constructor(options: PciFunctionOptions) {
    this.options = options
    const { initial, writable, clearable } = this
    putWord(initial, PciRegister.VendorId, options.vendorId)
    putWord(initial, PciRegister.DeviceId, options.deviceId)
    initial[PciRegister.Revision] = options.revision ?? 0
    putWord(initial, PciRegister.ProgInterface, options.classCode & 0xffff)
    initial[PciRegister.Class] = options.classCode >> 16
    initial[PciRegister.HeaderType] = options.headerType ?? 0
    putWord(initial, PciRegister.SubsystemVendor, options.subsystemVendorId ?? 0)
    putWord(initial, PciRegister.Subsystem, options.subsystemId ?? 0)
    initial[PciRegister.InterruptPin] = options.interruptPin ?? 0
    putWord(writable, PciRegister.Command, PCI_COMMAND_WRITABLE)
    putWord(clearable, PciRegister.Status, PCI_STATUS_CLEARABLE)
    writable[PciRegister.CacheLine] = 0xff
    writable[PciRegister.Latency] = 0xff
    if (options.interruptPin) writable[PciRegister.InterruptLine] = 0xff
    options.bars?.forEach((bar, i) => {
      if (bar) this.addBar(i, bar)
    })
    if (options.expansionRom) this.addRom(options.expansionRom)
    for (const [offset, value] of options.initial ?? []) initial[offset] = value
    for (const [offset, mask] of options.writable ?? []) writable[offset] = mask
    this.registers.config.set(initial)
  }

  /** The configuration space as it reads; for the device itself, which may set read-only bits. */
  get config(): Uint8Array {
    return this.registers.config
  }

  /** For the host bridge: connects the BARs to the bus. */
  attach(bus: Bus): void {
    this.bus = bus
    this.remap()
    this.notify(0, CONFIG_BYTES - 1)
  }

  reset(): void {
    this.registers.config.set(this.initial)
    this.remap()
    this.notify(0, CONFIG_BYTES - 1)
  }

  save(): DeviceState {
    return snapshot(this.registers)
  }

  load(device: string, state: DeviceState): void {
    restore(device, this.registers, state)
    this.remap()
    this.notify(0, CONFIG_BYTES - 1)
  }

  read(offset: number): number {
    return this.registers.config[offset & (CONFIG_BYTES - 1)]
  }

  /** Writes `bytes` from `offset` on as one transaction: BARs move when all are in. */
  write(offset: number, bytes: readonly number[]): void {
    const { config } = this.registers
    bytes.forEach((value, i) => {
      const at = (offset + i) & (CONFIG_BYTES - 1)
      const mask = this.writable[at]
      config[at] = ((config[at] & ~mask) | (value & mask)) & ~(value & this.clearable[at])
    })
    const last = offset + bytes.length - 1
    const movesBars = offset <= PciRegister.Command || (offset < PciRegister.InterruptLine && last >= PciRegister.Bar0)
    if (movesBars) this.remap()
    this.notify(offset, last)
  }

  /** The address in BAR `n`, or -1 while it is not decoded. */
  barAddress(n: number): number {
    return this.mapped[n]
  }

  private notify(first: number, last: number): void {
    this.options.onConfigWrite?.(this.registers.config, first, last)
  }

  private addBar(n: number, bar: Bar): void {
    this.bars[n] = bar
    const flags = bar.kind === 'io' ? BAR_IO : bar.prefetchable ? BAR_PREFETCHABLE : 0
    const offset = PciRegister.Bar0 + 4 * n
    putDword(this.initial, offset, flags)
    putDword(this.writable, offset, bar.kind === 'io' ? ~(bar.size - 1) & ~3 : ~(bar.size - 1) & ~0xf)
  }

  private addRom(rom: MemoryBar): void {
    this.bars[ROM] = rom
    putDword(this.writable, PciRegister.ExpansionRom, (~(rom.size - 1) & ROM_ADDRESS) | ROM_ENABLE)
  }

  /** Where BAR `n` decodes now, or -1. The last place is what a sizing probe leaves behind: never decoded. */
  private placeOf(n: number, bar: Bar): number {
    const { config } = this.registers
    const command = config[PciRegister.Command]
    if (bar.kind === 'io') {
      const base = getDword(config, PciRegister.Bar0 + 4 * n) & ~3
      const decoded = command & PCI_COMMAND_IO && base > 0 && base + bar.size < PORTS
      return decoded ? base : -1
    }
    const raw = getDword(config, n === ROM ? PciRegister.ExpansionRom : PciRegister.Bar0 + 4 * n)
    const base = (raw & ~(bar.size - 1)) >>> 0
    const enabled = command & PCI_COMMAND_MEMORY && (n !== ROM || raw & ROM_ENABLE)
    return enabled && base > 0 && base + bar.size < FOUR_GIB ? base : -1
  }

  private remap(): void {
    const bus = this.bus
    if (!bus) return
    this.bars.forEach((bar, n) => {
      if (!bar) return
      const place = this.placeOf(n, bar)
      if (place === this.mapped[n]) return
      this.release[n]?.()
      this.mapped[n] = place
      const last = place + bar.size - 1
      if (place < 0) this.release[n] = undefined
      else if (bar.kind === 'io') this.release[n] = bus.claimPorts(place, last, relativePorts(bar.handler, place))
      else this.release[n] = bus.claimMemory(place, last, relativeMemory(bar.handler, place))
      if (bar.kind === 'memory') bar.onMap?.(place < 0 ? null : place)
    })
  }
}

/** The handler with its addresses counted from `base`. */
function relativePorts(handler: PortHandler, base: number): PortHandler {
  const { read8, read16, read32, write8, write16, write32 } = handler
  return {
    ...(read8 && { read8: (port: number) => read8.call(handler, port - base) }),
    ...(read16 && { read16: (port: number) => read16.call(handler, port - base) }),
    ...(read32 && { read32: (port: number) => read32.call(handler, port - base) }),
    ...(write8 && { write8: (port: number, value: number) => write8.call(handler, port - base, value) }),
    ...(write16 && { write16: (port: number, value: number) => write16.call(handler, port - base, value) }),
    ...(write32 && { write32: (port: number, value: number) => write32.call(handler, port - base, value) }),
  }
}

function relativeMemory(handler: MemoryHandler, base: number): MemoryHandler {
  return {
    ...relativePorts(handler, base),
    read8: (address) => handler.read8(address - base),
    write8: (address, value) => handler.write8(address - base, value),
  }
}

function putWord(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value
  bytes[offset + 1] = value >> 8
}

function putDword(bytes: Uint8Array, offset: number, value: number): void {
  putWord(bytes, offset, value)
  putWord(bytes, offset + 2, value >>> 16)
}

function getDword(bytes: Uint8Array, offset: number): number {
  return bytes[offset] | (bytes[offset + 1] << 8) | (bytes[offset + 2] << 16) | (bytes[offset + 3] << 24)
}
