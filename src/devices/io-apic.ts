/**
 * I/O APIC: 24 interrupt inputs, each with a vector, destination and trigger mode of its own.
 *
 *     const ioApic = new IoApic({ bus, onMessage: message => localApic.deliver(message) })
 *     const irq4 = ioApic.line(4)                  // inputs 0..23; several sources on one input are wired-OR
 *     ioApic.endOfInterrupt(vector)                // told by the local APIC
 *
 * Memory: FEC00000h register select, FEC00010h window, FEC00040h end of interrupt (version 20h). The board drives an
 * input as asserted or not, so the polarity bit is only kept. Inputs 0..15 are the ISA interrupts, but for IRQ0, which
 * comes on input 2, as ACPI's MADT tells (acpi-tables.ts).
 * Sources: Intel 82093AA datasheet; Intel I/O controller hubs for the EOI register.
 */
import { DeliveryMode } from './apic/registers.ts'
import type { Bus, Device, DeviceState, IrqLine } from './device.ts'
import type { ApicMessage } from './local-apic.ts'
import { restore, snapshot } from './state.ts'

export const IO_APIC_ADDRESS = 0xfec00000
export const IO_APIC_INPUTS = 24
/** Where the timer's IRQ0 comes in. */
export const IO_APIC_TIMER_INPUT = 2

const PAGE_BYTES = 0x1000
const SELECT = 0x00
const WINDOW = 0x10
const END_OF_INTERRUPT = 0x40

enum Index { Id = 0x00, Version = 0x01, Arbitration = 0x02, FirstEntry = 0x10 }
const VERSION = ((IO_APIC_INPUTS - 1) << 16) | 0x20
const ID_WRITABLE = 0x0f000000

/** The low half of a redirection entry; the high half has the destination in bits 24..31. */
const MASKED = 1 << 16
const LEVEL = 1 << 15
const REMOTE_IRR = 1 << 14
const LOGICAL = 1 << 11
const LOW_WRITABLE = 0x1afff
const HIGH_WRITABLE = 0xff000000
const VECTOR = 0xff

export interface IoApicOptions {
  bus: Bus
  /** An interrupt message goes out to the local APIC. */
  onMessage: (message: ApicMessage) => void
}

export class IoApic implements Device {
  readonly name = 'io-apic'
  private readonly onMessage: (message: ApicMessage) => void
  private readonly sources: { input: number, level: boolean }[] = []
  private readonly raised: number[] = new Array<number>(IO_APIC_INPUTS).fill(0)
  private readonly registers = {
    select: 0, id: 0, lines: 0,
    /** Edges that have not been sent, by input. */
    edges: 0,
    low: new Array<number>(IO_APIC_INPUTS).fill(MASKED), high: new Array<number>(IO_APIC_INPUTS).fill(0),
  }

  constructor({ bus, onMessage }: IoApicOptions) {
    this.onMessage = onMessage
    const at = (address: number) => address - IO_APIC_ADDRESS
    bus.claimMemory(IO_APIC_ADDRESS, IO_APIC_ADDRESS + PAGE_BYTES - 1, {
      read8: address => (this.read(at(address) & ~3) >>> (8 * (address & 3))) & 0xff,
      read16: address => (this.read(at(address) & ~3) >>> (8 * (address & 2))) & 0xffff,
      read32: address => this.read(at(address)),
      // The select register has 8 bits and may be written so; the window takes whole words alone.
      write8: (address, value) => this.writeNarrow(at(address), value),
      write16: (address, value) => this.writeNarrow(at(address), value),
      write32: (address, value) => this.write(at(address), value),
    })
  }

  /** A new source on an input. The input is asserted while any of its sources is. */
  line(input: number): IrqLine {
    if (!(Number.isInteger(input) && input >= 0 && input < IO_APIC_INPUTS)) throw new RangeError(`no input ${input}`)
    const source = { input, level: false }
    this.sources.push(source)
    return {
      set: level => {
        if (source.level === level) return
        source.level = level
        this.raised[input] += level ? 1 : -1
        this.drive(input, this.raised[input] > 0)
      },
    }
  }

  /** The CPU has ended a level-triggered interrupt: inputs with that vector that are still asserted ask again. */
  endOfInterrupt(vector: number): void {
    const { low } = this.registers
    for (let input = 0; input < IO_APIC_INPUTS; input++) {
      if ((low[input] & (LEVEL | REMOTE_IRR | VECTOR)) !== (LEVEL | REMOTE_IRR | vector)) continue
      low[input] &= ~REMOTE_IRR
      this.service(input)
    }
  }

  /** Whether an entry sends non-maskable interrupts. */
  get sendsNmi(): boolean {
    return this.registers.low.some(low => (low & MASKED) === 0 && ((low >> 8) & 7) === DeliveryMode.Nmi)
  }

  reset(): void {
    const r = this.registers
    Object.assign(r, { select: 0, id: 0, edges: 0 })
    r.low.fill(MASKED)
    r.high.fill(0)
  }

  save(): DeviceState {
    return { ...snapshot(this.registers), sources: this.sources.map(source => (source.level ? 1 : 0)) }
  }

  load(state: DeviceState): void {
    const wanted = { sources: [] as number[] }
    restore(this.name, wanted, state)
    const saved = { low: [] as number[], high: [] as number[] }
    restore(this.name, saved, state)
    const r = this.registers
    const { low, high } = r
    restore(this.name, r, state)
    Object.assign(r, { low, high })
    r.low = r.low.map((_, i) => saved.low[i] ?? MASKED)
    r.high = r.high.map((_, i) => saved.high[i] ?? 0)
    this.raised.fill(0)
    this.sources.forEach((source, i) => {
      source.level = wanted.sources[i] === 1
      if (source.level) this.raised[source.input]++
    })
  }

  private read(offset: number): number {
    const r = this.registers
    if (offset === SELECT) return r.select
    if (offset !== WINDOW) return 0
    if (r.select === Index.Id || r.select === Index.Arbitration) return r.id
    if (r.select === Index.Version) return VERSION
    const entry = (r.select - Index.FirstEntry) >> 1
    if (entry < 0 || entry >= IO_APIC_INPUTS) return 0
    return (r.select & 1 ? r.high[entry] : r.low[entry]) >>> 0
  }

  private writeNarrow(offset: number, value: number): void {
    if (offset === SELECT) this.write(offset, value)
  }

  private write(offset: number, value: number): void {
    const r = this.registers
    if (offset === SELECT) r.select = value & 0xff
    else if (offset === END_OF_INTERRUPT) this.endOfInterrupt(value & VECTOR)
    else if (offset === WINDOW && r.select === Index.Id) r.id = value & ID_WRITABLE
    else if (offset === WINDOW && r.select >= Index.FirstEntry) this.writeEntry((r.select - Index.FirstEntry) >> 1, value)
  }

  private writeEntry(entry: number, value: number): void {
    if (entry >= IO_APIC_INPUTS) return
    const { low, high, select } = this.registers
    if (select & 1) {
      high[entry] = value & HIGH_WRITABLE
      return
    }
    // An edge-triggered entry has nothing to wait for.
    const remote = value & LEVEL ? low[entry] & REMOTE_IRR : 0
    low[entry] = (value & LOW_WRITABLE) | remote
    this.service(entry)
  }

  private drive(input: number, level: boolean): void {
    const r = this.registers
    const bit = 1 << input
    if (((r.lines & bit) !== 0) === level) return
    if (!level) {
      r.lines &= ~bit
      return
    }
    r.lines |= bit
    // An edge that comes while the entry is masked is lost, as in the 82093AA.
    if (!(r.low[input] & (LEVEL | MASKED))) r.edges |= bit
    this.service(input)
  }

  /** Sends what an input asks for, if it may. */
  private service(input: number): void {
    const r = this.registers
    const bit = 1 << input
    const low = r.low[input]
    if (low & MASKED) return
    const level = (low & LEVEL) !== 0
    if (level ? (r.lines & bit) === 0 || (low & REMOTE_IRR) !== 0 : (r.edges & bit) === 0) return
    r.edges &= ~bit
    const mode: DeliveryMode = (low >> 8) & 7
    const vectored = mode === DeliveryMode.Fixed || mode === DeliveryMode.LowestPriority
    if (level && vectored) r.low[input] |= REMOTE_IRR
    this.onMessage({
      mode, vector: low & VECTOR, destination: r.high[input] >>> 24, logical: (low & LOGICAL) !== 0, level: level && vectored,
    })
  }
}
