/**
 * Interrupt controller pair: two Intel 8259A, cascaded, with the edge/level registers of the PIIX3.
 *
 *     const pic = new Pic({ bus, onInterruptLine: level => cpu.setInterruptLine(level) })
 *     const irq4 = pic.line(4)             // one line per device; several devices on one IRQ are wired-OR
 *     irq4.set(true)                       // -> onInterruptLine(true)
 *     const vector = pic.acknowledge()     // the CPU's INTA cycle
 *
 * Ports: 20h/21h master, A0h/A1h slave (INT wired to IR2 of the master), 4D0h/4D1h ELCR.
 * Source: Intel 8259A datasheet (231468); 82371SB (PIIX3) datasheet, 2.5.5 for ELCR and the ignored LTIM bit.
 */
import type { Bus, Device, DeviceState, IrqLine } from './device.ts'
import { childState, restore, snapshot } from './state.ts'

const MASTER_COMMAND = 0x20
const SLAVE_COMMAND = 0xa0
const ELCR_MASTER = 0x4d0
const ELCR_SLAVE = 0x4d1
/** IRQ0, 1, 2 and IRQ8, 13 are always edge triggered. */
const ELCR_MASTER_MASK = 0xf8
const ELCR_SLAVE_MASK = 0xde

const CASCADE = 2
const SPURIOUS = 7

const ICW1_IC4 = 0x01
const ICW1_SNGL = 0x02
const ICW1 = 0x10
const ICW4_AEOI = 0x02
const ICW4_SFNM = 0x10
const OCW3 = 0x08
const OCW3_RIS = 0x01
const OCW3_RR = 0x02
const OCW3_POLL = 0x04
const OCW3_SMM = 0x20
const OCW3_ESMM = 0x40

/** OCW2, bits 7..5: R, SL, EOI. */
enum Ocw2 {
  RotateInAutoEoiClear = 0, NonSpecificEoi = 1, NoOperation = 2, SpecificEoi = 3,
  RotateInAutoEoiSet = 4, RotateOnNonSpecificEoi = 5, SetPriority = 6, RotateOnSpecificEoi = 7,
}

/** Which word the next write to the odd port is. */
enum Expect { Ocw1 = 0, Icw2 = 2, Icw3 = 3, Icw4 = 4 }

/** One 8259A. */
class Chip {
  readonly registers = {
    irr: 0, isr: 0, imr: 0xff, lines: 0, elcr: 0,
    expect: Expect.Ocw1 as number, single: false, wantsIcw4: false,
    vectorBase: 0, lowestPriority: 7, autoEoi: false, rotateInAutoEoi: false,
    specialMask: false, specialFullyNested: false, readIsr: false, poll: false, output: false,
  }
  private readonly isMaster: boolean
  private readonly onOutput: (level: boolean) => void

  constructor(isMaster: boolean, onOutput: (level: boolean) => void) {
    this.isMaster = isMaster
    this.onOutput = onOutput
  }

  reset(): void {
    Object.assign(this.registers, {
      irr: 0, isr: 0, imr: 0xff, elcr: 0, expect: Expect.Ocw1, single: false, wantsIcw4: false, vectorBase: 0,
      lowestPriority: 7, autoEoi: false, rotateInAutoEoi: false, specialMask: false, specialFullyNested: false,
      readIsr: false, poll: false,
    })
    this.update()
  }

  /** Drives input `n`. In edge mode a request withdrawn before its acknowledge is lost (the spurious IR7 case). */
  setInput(n: number, level: boolean): void {
    const r = this.registers
    const bit = 1 << n
    if (((r.lines & bit) !== 0) === level) return
    if (level) {
      r.lines |= bit
      r.irr |= bit
    } else {
      r.lines &= ~bit
      r.irr &= ~bit
    }
    this.update()
  }

  /** The input that would be served now, or -1. */
  request(): number {
    const r = this.registers
    if (r.expect !== Expect.Ocw1) return -1
    const pending = r.irr & ~r.imr
    if (pending === 0) return -1
    const serving = r.specialMask ? r.isr & ~r.imr : r.isr
    for (let i = 1; i <= 8; i++) {
      const n = (r.lowestPriority + i) & 7
      const bit = 1 << n
      if (serving & bit) return this.nestsSlave(n) && (pending & bit) !== 0 ? n : -1
      if (pending & bit) return n
    }
    return -1
  }

  /** INTA: takes the request into service. Returns its input, or -1 when there was none. */
  acknowledge(): number {
    const n = this.request()
    if (n < 0) return -1
    const r = this.registers
    const bit = 1 << n
    if (!(r.elcr & bit)) r.irr &= ~bit
    if (!r.autoEoi) r.isr |= bit
    else if (r.rotateInAutoEoi) r.lowestPriority = n
    // INT falls during INTA; a request that is still there makes it rise anew, as an edge for the master.
    this.drive(false)
    this.update()
    return n
  }

  vector(n: number): number {
    return this.registers.vectorBase | n
  }

  setLevelTriggered(mask: number): void {
    const r = this.registers
    r.elcr = mask
    r.irr = (r.irr & ~mask) | (r.lines & mask)
    this.update()
  }

  read(odd: boolean): number {
    const r = this.registers
    if (r.poll) {
      r.poll = false
      const n = this.acknowledge()
      return n < 0 ? 0 : 0x80 | n
    }
    if (odd) return r.imr
    return r.readIsr ? r.isr : r.irr
  }

  write(odd: boolean, value: number): void {
    if (odd) this.writeOdd(value)
    else if (value & ICW1) this.writeIcw1(value)
    else if (value & OCW3) this.writeOcw3(value)
    else this.writeOcw2(value)
    this.update()
  }

  private writeIcw1(value: number): void {
    const r = this.registers
    Object.assign(r, {
      expect: Expect.Icw2, single: (value & ICW1_SNGL) !== 0, wantsIcw4: (value & ICW1_IC4) !== 0,
      imr: 0, isr: 0, irr: r.lines & r.elcr, lowestPriority: 7, specialMask: false, readIsr: false, poll: false,
      autoEoi: false, rotateInAutoEoi: false, specialFullyNested: false,
    })
  }

  private writeOdd(value: number): void {
    const r = this.registers
    switch (r.expect) {
      case Expect.Icw2:
        r.vectorBase = value & 0xf8
        r.expect = r.single ? this.afterIcw3() : Expect.Icw3
        break
      case Expect.Icw3: // the wiring is fixed: the slave is on IR2 whatever is written
        r.expect = this.afterIcw3()
        break
      case Expect.Icw4:
        r.autoEoi = (value & ICW4_AEOI) !== 0
        r.specialFullyNested = (value & ICW4_SFNM) !== 0
        r.expect = Expect.Ocw1
        break
      default:
        r.imr = value
    }
  }

  private afterIcw3(): Expect {
    return this.registers.wantsIcw4 ? Expect.Icw4 : Expect.Ocw1
  }

  private writeOcw2(value: number): void {
    const r = this.registers
    const level = value & 7
    switch (value >> 5) {
      case Ocw2.NonSpecificEoi:
        this.endHighest()
        break
      case Ocw2.RotateOnNonSpecificEoi: {
        const ended = this.endHighest()
        if (ended >= 0) r.lowestPriority = ended
        break
      }
      case Ocw2.SpecificEoi:
        r.isr &= ~(1 << level)
        break
      case Ocw2.RotateOnSpecificEoi:
        r.isr &= ~(1 << level)
        r.lowestPriority = level
        break
      case Ocw2.SetPriority:
        r.lowestPriority = level
        break
      case Ocw2.RotateInAutoEoiSet:
        r.rotateInAutoEoi = true
        break
      case Ocw2.RotateInAutoEoiClear:
        r.rotateInAutoEoi = false
        break
      default: // Ocw2.NoOperation
    }
  }

  private writeOcw3(value: number): void {
    const r = this.registers
    if (value & OCW3_ESMM) r.specialMask = (value & OCW3_SMM) !== 0
    if (value & OCW3_POLL) r.poll = true
    else if (value & OCW3_RR) r.readIsr = (value & OCW3_RIS) !== 0
  }

  /** Clears the in-service bit of highest priority; one that is masked in special mask mode is left alone. */
  private endHighest(): number {
    const r = this.registers
    const serving = r.specialMask ? r.isr & ~r.imr : r.isr
    for (let i = 1; i <= 8; i++) {
      const n = (r.lowestPriority + i) & 7
      if (serving & (1 << n)) {
        r.isr &= ~(1 << n)
        return n
      }
    }
    return -1
  }

  private nestsSlave(n: number): boolean {
    return this.isMaster && n === CASCADE && this.registers.specialFullyNested
  }

  private update(): void {
    this.drive(this.request() >= 0)
  }

  private drive(level: boolean): void {
    if (this.registers.output === level) return
    this.registers.output = level
    this.onOutput(level)
  }
}

export interface PicOptions {
  bus: Bus
  /** INTR of the CPU. */
  onInterruptLine: (level: boolean) => void
}

export class Pic implements Device {
  readonly name = 'pic'
  private readonly master: Chip
  private readonly slave: Chip
  private readonly sources: { irq: number, level: boolean }[] = []
  private readonly raised: number[] = new Array<number>(16).fill(0)
  private readonly onInterruptLine: (level: boolean) => void

  constructor(options: PicOptions) {
    this.onInterruptLine = options.onInterruptLine
    this.master = new Chip(true, options.onInterruptLine)
    this.slave = new Chip(false, (level) => this.master.setInput(CASCADE, level))
    for (const [base, chip] of [[MASTER_COMMAND, this.master], [SLAVE_COMMAND, this.slave]] as const) {
      options.bus.claimPorts(base, base + 1, {
        read8: (port) => chip.read(port !== base),
        write8: (port, value) => chip.write(port !== base, value),
      })
    }
    options.bus.claimPorts(ELCR_MASTER, ELCR_SLAVE, {
      read8: (port) => (port === ELCR_MASTER ? this.master : this.slave).registers.elcr,
      write8: (port, value) => {
        if (port === ELCR_MASTER) this.master.setLevelTriggered(value & ELCR_MASTER_MASK)
        else this.slave.setLevelTriggered(value & ELCR_SLAVE_MASK)
      },
    })
  }

  /** A new source on IRQ `irq` (0..15, not 2). The input is high while any of its sources is. */
  line(irq: number): IrqLine {
    if (!(Number.isInteger(irq) && irq >= 0 && irq < 16 && irq !== CASCADE)) throw new RangeError(`no IRQ ${irq}`)
    const source = { irq, level: false }
    this.sources.push(source)
    return {
      set: (level) => {
        if (source.level === level) return
        source.level = level
        this.raised[irq] += level ? 1 : -1
        this.drive(irq)
      },
    }
  }

  /** Whether INTR is raised. */
  get interruptLine(): boolean {
    return this.master.registers.output
  }

  /** The CPU's interrupt acknowledge cycle. Returns the vector; a request that went away gives the spurious one. */
  acknowledge(): number {
    const n = this.master.acknowledge()
    if (n < 0) return this.master.vector(SPURIOUS)
    if (n !== CASCADE || this.master.registers.single) return this.master.vector(n)
    const m = this.slave.acknowledge()
    return this.slave.vector(m < 0 ? SPURIOUS : m)
  }

  reset(): void {
    this.slave.reset()
    this.master.reset()
  }

  save(): DeviceState {
    return {
      master: snapshot(this.master.registers),
      slave: snapshot(this.slave.registers),
      sources: this.sources.map((source) => (source.level ? 1 : 0)),
    }
  }

  load(state: DeviceState): void {
    const wanted = { sources: this.sources.map(() => 0) }
    restore(this.name, wanted, state)
    restore(this.name, this.slave.registers, childState(this.name, state, 'slave'))
    restore(this.name, this.master.registers, childState(this.name, state, 'master'))
    this.raised.fill(0)
    this.sources.forEach((source, i) => {
      source.level = wanted.sources[i] === 1
      if (source.level) this.raised[source.irq]++
    })
    this.onInterruptLine(this.interruptLine)
  }

  private drive(irq: number): void {
    const chip = irq < 8 ? this.master : this.slave
    chip.setInput(irq & 7, this.raised[irq] > 0)
  }
}
