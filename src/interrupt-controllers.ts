/**
 * The interrupt controllers and how they are wired: every ISA interrupt reaches the 8259 pair and the I/O APIC.
 *
 *     const interrupts = new InterruptControllers({ core, bus, clock, apic: true, onInit })
 *     const irq4 = interrupts.line(4)
 *     interrupts.vector()                // what the CPU is to deliver now
 *
 *   devices -IRQ-> 8259 pair -INTR-> LINT0 \
 *          \-----> I/O APIC -messages-----> local APIC -INTR-> CPU
 *   virtio -MSI-X--------------------------/
 *
 * A CPU model without an APIC has the 8259 pair alone.
 */
import type { Core } from '../runtime/core.ts'
import { PageFlag } from '../runtime/memory-map.ts'
import { Eflags, InterruptPin, stateAddress } from '../runtime/state.ts'
import { APIC_PAGE_BYTES } from './devices/apic/registers.ts'
import { Hpet } from './devices/hpet.ts'
import { IO_APIC_TIMER_INPUT, IoApic } from './devices/io-apic.ts'
import { LocalApic } from './devices/local-apic.ts'
import { Pic } from './devices/pic.ts'
import type { Bus, Clock, Device, IrqLine } from './devices/device.ts'
import { restore } from './devices/state.ts'
import { markPages } from './physical-map.ts'

export interface InterruptControllersOptions {
  core: Core
  bus: Bus
  clock: Clock
  /** Whether there are APICs and the HPET. */
  apic: boolean
  /** An INIT message has come. */
  onInit: () => void
}

const TIMER_IRQ = 0
const CLOCK_IRQ = 8
const VECTOR_NMI = 2
/** Below 1 MiB the map belongs to others (shadow RAM, video memory): the registers do not cover it. */
const LOWEST_COVERED = 0x100000

export class InterruptControllers {
  readonly devices: readonly Device[]
  /** Where message-signalled interrupts go; absent without an APIC. */
  readonly sendMessage: ((address: number, data: number) => void) | undefined
  private readonly core: Core
  private readonly pic: Pic
  private readonly local: LocalApic | undefined
  private readonly ioApic: IoApic | undefined
  /** The page of RAM that the registers of the local APIC may hide, or -1. */
  private covered = -1
  /** Whether the HPET stands in for the 8254 and the real-time clock. */
  private replaced = false
  private readonly replaceable: { wanted: boolean, line: IrqLine }[] = []

  constructor({ core, bus, clock, apic, onInit }: InterruptControllersOptions) {
    this.core = core
    if (!apic) {
      this.pic = new Pic({ bus, onInterruptLine: level => this.setPin(InterruptPin.Intr, level) })
      this.devices = [this.pic]
      return
    }
    const local = new LocalApic({
      bus, clock, onInit,
      onInterruptLine: level => this.setPin(InterruptPin.Intr, level),
      onNmi: () => this.setPin(InterruptPin.Nmi, true),
      onEndOfInterrupt: vector => ioApic.endOfInterrupt(vector),
    })
    const ioApic = new IoApic({ bus, onMessage: message => local.deliver(message) })
    this.local = local
    this.ioApic = ioApic
    this.pic = new Pic({ bus, onInterruptLine: level => local.setLint0(level) })
    this.sendMessage = (address, data) => local.deliverWrite(address, data)
    this.takeBase()
    const hpet = new Hpet({
      bus, clock, route: input => this.route(input), timerLine: this.wire(TIMER_IRQ), clockLine: this.wire(CLOCK_IRQ),
      onLegacy: replaces => this.replace(replaces),
    })
    this.devices = [this.pic, local, ioApic, hpet, this.replacement()]
  }

  /** What the HPET stands in for, as a device with a state. */
  private replacement(): Device {
    const name = 'legacy-replacement'
    return {
      name,
      reset: () => {},
      save: () => ({ replaced: this.replaced, wanted: this.replaceable.map(source => (source.wanted ? 1 : 0)) }),
      load: state => {
        const saved = { replaced: false, wanted: [] as number[] }
        restore(name, saved, state)
        this.replaced = saved.replaced
        this.replaceable.forEach((source, i) => {
          source.wanted = saved.wanted[i] === 1
        })
      },
    }
  }

  /** A new source on an ISA interrupt (0..15, not 2). */
  line(irq: number): IrqLine {
    const line = this.wire(irq)
    if (irq !== TIMER_IRQ && irq !== CLOCK_IRQ) return line
    const source = { wanted: false, line }
    this.replaceable.push(source)
    return {
      set: level => {
        source.wanted = level
        line.set(level && !this.replaced)
      },
    }
  }

  /** IA32_APIC_BASE has been written. Over RAM the registers hide it. */
  takeBase(): void {
    const { core, local } = this
    if (!local) return
    const isHigh = core.words[(stateAddress('apicBase') >> 2) + 1] !== 0
    local.setBase(isHigh ? 0 : core.get('apicBase'))
    if (local.page === this.covered) return
    if (this.covered >= LOWEST_COVERED) markPages(core, this.covered, this.covered + APIC_PAGE_BYTES, PageFlag.Ram)
    this.covered = local.page
    if (this.covered >= LOWEST_COVERED) markPages(core, this.covered, this.covered + APIC_PAGE_BYTES, PageFlag.Device)
    core.exports.flushTlb(true)
  }

  /** The CPU has been reset, and IA32_APIC_BASE with it: the local APIC follows. */
  initialise(): void {
    this.takeBase()
    this.local?.initialise()
  }

  /** What firmware does for a kernel that is started without one: virtual wire mode, and the APIC on. */
  setUp(): void {
    this.local?.setUpVirtualWire()
  }

  /** Whether the CPU takes an interrupt now, or would if it were not held off for an instruction. */
  interrupts(): boolean {
    const { core } = this
    const pins = core.get('interruptLine')
    if (pins & InterruptPin.Nmi && core.get('nmiBlocked') === 0) return true
    return (pins & InterruptPin.Intr) !== 0 && (core.get('eflags') & Eflags.IF) !== 0
  }

  /** Whether an NMI can come to a CPU that sleeps with interrupts off. */
  hasNmiSource(): boolean {
    return this.local?.passesNmi === true || this.ioApic?.sendsNmi === true
  }

  /** The vector that the CPU is to deliver now; takes it from the controller that has it. */
  vector(): number {
    const { core } = this
    if (core.get('interruptLine') & InterruptPin.Nmi && core.get('nmiBlocked') === 0) {
      this.setPin(InterruptPin.Nmi, false)
      core.set('nmiBlocked', 1)
      return VECTOR_NMI
    }
    const vector = this.local?.acknowledge() ?? -1
    return vector >= 0 ? vector : this.pic.acknowledge()
  }

  private setPin(pin: InterruptPin, level: boolean): void {
    const { core } = this
    const pins = core.get('interruptLine')
    core.set('interruptLine', level ? pins | pin : pins & ~pin)
  }

  /** Both controllers' inputs of an ISA interrupt. */
  private wire(irq: number): IrqLine {
    const toPic = this.pic.line(irq)
    const toIoApic = this.ioApic?.line(irq === TIMER_IRQ ? IO_APIC_TIMER_INPUT : irq)
    return {
      set: level => {
        toPic.set(level)
        toIoApic?.set(level)
      },
    }
  }

  /** An input of the I/O APIC; the 8259 pair has those that are ISA interrupts, too. */
  private route(input: number): IrqLine {
    if (input < 16 && input !== IO_APIC_TIMER_INPUT) return this.wire(input)
    return (this.ioApic as IoApic).line(input)
  }

  private replace(replaces: boolean): void {
    this.replaced = replaces
    for (const { wanted, line } of this.replaceable) line.set(wanted && !replaces)
  }
}
