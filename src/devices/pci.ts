/**
 * PCI bus 0 of the 440FX/PIIX3 chip set: configuration mechanism 1, interrupt routing, reset control.
 *
 *     const pci = new Pci({ bus, irqLine: n => pic.line(n), onReset })
 *     pci.add(3, 0, nicFunction)                  // slot 3, function 0: a PciFunction
 *     const inta = pci.interruptLine(3, 1)        // INTA of slot 3, level triggered, shared
 *
 * Ports: CF8h configuration address (dwords only), CFCh..CFFh configuration data, CF9h reset control.
 * Slot 0 is the host bridge, slot 1 the PIIX3/PIIX4 (see pci-chipset.ts). INTA..INTD of slot s reach PIRQ
 * (pin - 1 + s - 1) mod 4; registers 60h..63h of the ISA bridge say which IRQ each PIRQ drives.
 * Sources: PCI 2.1 section 3.7.4; 82441FX (PMC) and 82371SB (PIIX3) datasheets.
 */
import type { Bus, Device, DeviceState, IrqLine } from './device.ts'
import type { PciFunction } from './pci-function.ts'
import { childState, restore } from './state.ts'

const PORT_ADDRESS = 0xcf8
const PORT_RESET = 0xcf9
const PORT_DATA = 0xcfc
const PORT_LAST = 0xcff
const ADDRESS_ENABLE = 0x80000000
const ADDRESS_WRITABLE = 0x80fffffc

const RESET_HARD = 0x02
const RESET_CPU = 0x04
const RESET_KEPT = RESET_HARD | RESET_CPU

const PIRQS = 4
const PIRQ_OFF = 0x80
/** IRQs a PIRQ may drive. */
const ROUTABLE = [3, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15]

export interface PciOptions {
  bus: Bus
  /** A line of the interrupt controller. */
  irqLine: (irq: number) => IrqLine
  /** CF9h asked for a reset: of everything (`hard`) or of the CPU. */
  onReset: (hard: boolean) => void
}

export class Pci implements Device {
  readonly name = 'pci'
  private readonly bus: Bus
  private readonly onReset: (hard: boolean) => void
  private readonly functions = new Map<number, PciFunction>()
  private readonly irqs = new Map<number, IrqLine>()
  private readonly sources: { pirq: number, level: boolean }[] = []
  private readonly registers = { address: 0, resetControl: 0, routes: new Uint8Array(PIRQS).fill(PIRQ_OFF) }

  constructor(options: PciOptions) {
    this.bus = options.bus
    this.onReset = options.onReset
    for (const irq of ROUTABLE) this.irqs.set(irq, options.irqLine(irq))
    options.bus.claimPorts(PORT_ADDRESS, PORT_LAST, {
      read8: (port) => this.readByte(port),
      read16: (port) => this.readBytes(port, 2),
      read32: (port) => (port === PORT_ADDRESS ? this.registers.address : this.readBytes(port, 4)),
      write8: (port, value) => this.write(port, value, 1),
      write16: (port, value) => this.write(port, value, 2),
      write32: (port, value) => {
        if (port === PORT_ADDRESS) this.registers.address = (value & ADDRESS_WRITABLE) >>> 0
        else this.write(port, value, 4)
      },
    })
  }

  /** Plugs a function in: slot 0..31, function 0..7. Functions above 0 need header type 80h in function 0. */
  add(slot: number, func: number, device: PciFunction): void {
    if (!(slot >= 0 && slot < 32 && func >= 0 && func < 8)) throw new RangeError(`no PCI slot ${slot}.${func}`)
    if (this.functions.has(slot * 8 + func)) throw new RangeError(`PCI slot ${slot}.${func} is taken`)
    this.functions.set(slot * 8 + func, device)
    device.attach(this.bus)
  }

  /** A source on an interrupt pin of a slot: 1 INTA .. 4 INTD. */
  interruptLine(slot: number, pin: number): IrqLine {
    const source = { pirq: pirqOf(slot, pin), level: false }
    this.sources.push(source)
    return {
      set: (level) => {
        if (source.level === level) return
        source.level = level
        this.driveInterrupts()
      },
    }
  }

  /** For the ISA bridge: its PIRQ route registers, four bytes. */
  setRoutes(routes: Uint8Array): void {
    this.registers.routes.set(routes.subarray(0, PIRQS))
    this.driveInterrupts()
  }

  reset(): void {
    this.registers.address = 0
    this.registers.resetControl = 0
    for (const device of this.functions.values()) device.reset()
  }

  save(): DeviceState {
    const functions: DeviceState = {}
    for (const [key, device] of this.functions) functions[key] = device.save()
    return {
      address: this.registers.address, resetControl: this.registers.resetControl,
      sources: this.sources.map((source) => (source.level ? 1 : 0)), functions,
    }
  }

  load(state: DeviceState): void {
    const saved = { address: 0, resetControl: 0, sources: [] as number[] }
    restore(this.name, saved, state)
    const functions = childState(this.name, state, 'functions')
    const states = [...this.functions.keys()].map((key) => childState(this.name, functions, String(key)))
    this.registers.address = (saved.address & ADDRESS_WRITABLE) >>> 0
    this.registers.resetControl = saved.resetControl & RESET_KEPT
    this.sources.forEach((source, i) => {
      source.level = saved.sources[i] === 1
    })
    for (const [i, device] of [...this.functions.values()].entries()) device.load(this.name, states[i])
    this.driveInterrupts()
  }

  private driveInterrupts(): void {
    let levels = 0
    for (const { pirq, level } of this.sources) {
      const route = this.registers.routes[pirq]
      if (level && !(route & PIRQ_OFF)) levels |= 1 << (route & 15)
    }
    for (const [irq, line] of this.irqs) line.set(((levels >> irq) & 1) !== 0)
  }

  private selected(): PciFunction | undefined {
    const { address } = this.registers
    if (!(address & ADDRESS_ENABLE) || (address >>> 16) & 0xff) return undefined
    return this.functions.get((address >>> 8) & 0xff)
  }

  private readByte(port: number): number {
    if (port === PORT_RESET) return this.registers.resetControl
    if (port < PORT_DATA || port > PORT_LAST) return 0xff
    return this.selected()?.read((this.registers.address & 0xfc) + port - PORT_DATA) ?? 0xff
  }

  private readBytes(port: number, count: number): number {
    let value = 0
    for (let i = count - 1; i >= 0; i--) value = (value << 8) | this.readByte(port + i)
    return value
  }

  private write(port: number, value: number, count: number): void {
    if (port < PORT_DATA) {
      for (let i = 0; i < count; i++) if (port + i === PORT_RESET) this.writeReset((value >>> (8 * i)) & 0xff)
      return
    }
    const bytes: number[] = []
    for (let i = 0; i < count && port + i <= PORT_LAST; i++) bytes.push((value >>> (8 * i)) & 0xff)
    this.selected()?.write((this.registers.address & 0xfc) + port - PORT_DATA, bytes)
  }

  /** A rise of the RCPU bit resets. */
  private writeReset(value: number): void {
    const rises = (value & RESET_CPU) !== 0 && !(this.registers.resetControl & RESET_CPU)
    this.registers.resetControl = value & RESET_KEPT
    if (rises) this.onReset((value & RESET_HARD) !== 0)
  }
}

/** The PIRQ (0..3) that an interrupt pin (1..4) of a slot is wired to. */
export function pirqOf(slot: number, pin: number): number {
  return (pin - 1 + slot - 1 + PIRQS) % PIRQS
}
