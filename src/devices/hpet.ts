/**
 * High precision event timer: a 64-bit counter of 100 MHz and three comparators.
 *
 *     const hpet = new Hpet({ bus, clock, route: input => ioApic.line(input), timerLine, clockLine, onLegacy })
 *
 * Memory: FED00000h, 1 KiB. Comparators interrupt on inputs of the I/O APIC, or with legacy replacement the first two
 * in the place of the 8254 (IRQ0) and the real-time clock (IRQ8), which `onLegacy` then silences.
 * Source: IA-PC HPET specification 1.0a. There is no delivery by memory writes (FSB).
 */
import type { Bus, Clock, Device, DeviceState, IrqLine, Timer } from './device.ts'
import { restore, snapshot } from './state.ts'

export const HPET_ADDRESS = 0xfed00000
export const HPET_BYTES = 0x400
export const HPET_NS = 10
const FEMTOSECONDS = HPET_NS * 1_000_000
const TIMERS = 3
/** 64-bit counter, legacy replacement, three timers, vendor 8086h, revision 1. */
export const HPET_IDENTITY = (0x8086 << 16 | 0x8000 | 0x2000 | (TIMERS - 1) << 8 | 1) >>> 0

/** Offsets of the 32-bit halves. */
enum Register {
  Capabilities = 0x00, Period = 0x04, Configuration = 0x10, Status = 0x20, CounterLow = 0xf0, CounterHigh = 0xf4,
  Timers = 0x100,
}
enum TimerRegister { Configuration = 0x00, Routes = 0x04, ComparatorLow = 0x08, ComparatorHigh = 0x0c }
const TIMER_STRIDE = 0x20

const ENABLE = 1
const LEGACY = 2

const TN_LEVEL = 1 << 1
const TN_ENABLE = 1 << 2
const TN_PERIODIC = 1 << 3
const TN_PERIODIC_CAPABLE = 1 << 4
const TN_64_BITS_CAPABLE = 1 << 5
const TN_SET_VALUE = 1 << 6
const TN_32_BITS = 1 << 8
const TN_ROUTE_SHIFT = 9
const TN_WRITABLE = TN_LEVEL | TN_ENABLE | TN_PERIODIC | TN_SET_VALUE | TN_32_BITS | 0x1f << TN_ROUTE_SHIFT
/** Inputs 2, 8 and 16..23 of the I/O APIC. */
const TN_ROUTES = 0x00ff0104

const MASK_32 = 0xffff_ffffn
const MASK_64 = 0xffff_ffff_ffff_ffffn
const FAR = 1n << 62n

export interface HpetOptions {
  bus: Bus
  clock: Clock
  /** An input of the I/O APIC of this device's own. */
  route: (input: number) => IrqLine
  /** With legacy replacement: IRQ0 and IRQ8. */
  timerLine: IrqLine
  clockLine: IrqLine
  /** Legacy replacement is switched on or off. Loading a state does not tell of it: the wiring saves what it was told. */
  onLegacy: (replaces: boolean) => void
}

/** One comparator. Values of 64 bits are in halves. */
class Comparator {
  readonly registers = { configuration: 0, low: 0xffffffff, high: 0xffffffff, periodLow: 0, periodHigh: 0, line: false, highFollows: false }

  get comparator(): bigint {
    return join(this.registers.high, this.registers.low)
  }

  set comparator(value: bigint) {
    this.registers.low = Number(value & MASK_32)
    this.registers.high = Number((value >> 32n) & MASK_32)
  }

  get mask(): bigint {
    return this.registers.configuration & TN_32_BITS ? MASK_32 : MASK_64
  }

  get period(): bigint {
    return join(this.registers.periodHigh, this.registers.periodLow) & this.mask
  }

  is(bit: number): boolean {
    return (this.registers.configuration & bit) !== 0
  }
}

export class Hpet implements Device {
  readonly name = 'hpet'
  private readonly clock: Clock
  private readonly options: HpetOptions
  private readonly timer: Timer
  /**
   * The time of the access or event at hand, in ticks: read once, because a clock that moves on meanwhile must not swallow
   * a meeting of counter and comparator; and the counter when that was looked for last.
   */
  private ticks = 0n
  private planned = 0n
  private readonly lines = new Map<number, IrqLine>()
  private readonly timers = Array.from({ length: TIMERS }, () => new Comparator())
  /** While the counter runs, `counter` is its value at time 0; else its value. */
  private readonly registers = { configuration: 0, status: 0, counterLow: 0, counterHigh: 0 }

  constructor(options: HpetOptions) {
    this.options = options
    this.clock = options.clock
    this.timer = options.clock.timer('hpet', () => this.follow())
    for (let input = 0; input < 32; input++) if ((TN_ROUTES >>> input) & 1) this.lines.set(input, options.route(input))
    const at = (address: number) => address - HPET_ADDRESS
    options.bus.claimMemory(HPET_ADDRESS, HPET_ADDRESS + HPET_BYTES - 1, {
      read8: address => (this.read(at(address) & ~3) >>> (8 * (address & 3))) & 0xff,
      read16: address => (this.read(at(address) & ~3) >>> (8 * (address & 2))) & 0xffff,
      read32: address => this.read(at(address)),
      // Registers are written in words of 32 bits, or of 64 as two of them.
      write8: () => {},
      write16: () => {},
      write32: (address, value) => this.write(at(address), value),
    })
    this.reset()
  }

  reset(): void {
    const wasLegacy = this.isLegacy
    Object.assign(this.registers, { configuration: 0, status: 0, counterLow: 0, counterHigh: 0 })
    for (const [i, timer] of this.timers.entries()) {
      this.drive(i, false)
      Object.assign(timer.registers, {
        configuration: 0, low: 0xffffffff, high: 0xffffffff, periodLow: 0, periodHigh: 0, line: false, highFollows: false,
      })
    }
    this.timer.cancel()
    if (wasLegacy) this.options.onLegacy(false)
  }

  save(): DeviceState {
    const planned = { plannedLow: Number(this.planned & MASK_32), plannedHigh: Number(this.planned >> 32n) }
    return { ...snapshot(this.registers), ...planned, timers: this.timers.map(timer => snapshot(timer.registers)) }
  }

  load(state: DeviceState): void {
    const planned = { plannedLow: 0, plannedHigh: 0 }
    restore(this.name, planned, state)
    restore(this.name, this.registers, state)
    this.planned = join(planned.plannedHigh, planned.plannedLow)
    const saved = Array.isArray(state.timers) ? state.timers : []
    for (const [i, timer] of this.timers.entries()) restore(this.name, timer.registers, (saved[i] ?? {}) as DeviceState)
  }

  private get runs(): boolean {
    return (this.registers.configuration & ENABLE) !== 0
  }

  private get isLegacy(): boolean {
    return (this.registers.configuration & LEGACY) !== 0
  }

  private counter(): bigint {
    const { counterHigh, counterLow } = this.registers
    const stored = join(counterHigh, counterLow)
    return this.runs ? (stored + this.ticks) & MASK_64 : stored
  }

  private setCounter(value: bigint): void {
    const stored = (this.runs ? value - this.ticks : value) & MASK_64
    this.registers.counterLow = Number(stored & MASK_32)
    this.registers.counterHigh = Number(stored >> 32n)
  }

  private look(): void {
    this.ticks = BigInt(Math.floor(this.clock.now() / HPET_NS))
  }

  private read(offset: number): number {
    this.look()
    const r = this.registers
    switch (offset) {
      case Register.Capabilities: return HPET_IDENTITY
      case Register.Period: return FEMTOSECONDS
      case Register.Configuration: return r.configuration
      case Register.Status: return r.status
      case Register.CounterLow: return Number(this.counter() & MASK_32)
      case Register.CounterHigh: return Number(this.counter() >> 32n)
    }
    const timer = this.timers[Math.floor((offset - Register.Timers) / TIMER_STRIDE)]
    if (offset < Register.Timers || !timer) return 0
    const { configuration, low, high } = timer.registers
    switch ((offset & (TIMER_STRIDE - 1)) as TimerRegister) {
      case TimerRegister.Configuration: return configuration | TN_PERIODIC_CAPABLE | TN_64_BITS_CAPABLE
      case TimerRegister.Routes: return TN_ROUTES
      case TimerRegister.ComparatorLow: return low >>> 0
      case TimerRegister.ComparatorHigh: return high >>> 0
      default: return 0
    }
  }

  private write(offset: number, value: number): void {
    const r = this.registers
    this.look()
    this.deliver()
    if (offset === Register.Configuration) this.configure(value & (ENABLE | LEGACY))
    else if (offset === Register.Status) {
      const cleared = r.status & value
      r.status &= ~value
      for (let i = 0; i < TIMERS; i++) if ((cleared >> i) & 1) this.drive(i, false)
    } else if (offset === Register.CounterLow) this.setCounter((this.counter() & ~MASK_32) | BigInt(value))
    else if (offset === Register.CounterHigh) this.setCounter((this.counter() & MASK_32) | (BigInt(value) << 32n))
    else if (offset >= Register.Timers) {
      const i = Math.floor((offset - Register.Timers) / TIMER_STRIDE)
      if (i < TIMERS) this.writeTimer(i, offset & (TIMER_STRIDE - 1), value)
    }
    this.plan()
  }

  private configure(value: number): void {
    const before = this.registers.configuration
    const counter = this.counter()
    this.registers.configuration = value
    this.setCounter(counter)
    if ((before ^ value) & LEGACY) {
      for (let i = 0; i < TIMERS; i++) this.drive(i, false)
      this.options.onLegacy(this.isLegacy)
    }
    if (!this.runs) for (let i = 0; i < TIMERS; i++) this.drive(i, false)
  }

  private writeTimer(i: number, offset: TimerRegister, value: number): void {
    const timer = this.timers[i]
    const r = timer.registers
    if (offset === TimerRegister.Configuration) {
      this.drive(i, false)
      r.configuration = value & TN_WRITABLE
      if (!((TN_ROUTES >>> ((value >> TN_ROUTE_SHIFT) & 31)) & 1)) r.configuration &= ~(0x1f << TN_ROUTE_SHIFT)
      if (timer.is(TN_32_BITS)) r.high = r.periodHigh = 0
      if (timer.is(TN_LEVEL) && (this.registers.status >> i) & 1) this.drive(i, timer.is(TN_ENABLE))
      return
    }
    // Of a periodic timer the period is written; the comparator itself only right after the "set value" bit.
    // That is gone after one write, of whose 64 bits the upper half comes as a second one.
    const direct = !timer.is(TN_PERIODIC) || timer.is(TN_SET_VALUE) || (r.highFollows && offset === TimerRegister.ComparatorHigh)
    r.highFollows = offset === TimerRegister.ComparatorLow && timer.is(TN_SET_VALUE)
    if (offset === TimerRegister.ComparatorLow) {
      if (timer.is(TN_PERIODIC)) r.periodLow = value
      if (direct) r.low = value
      r.configuration &= ~TN_SET_VALUE
    } else if (offset === TimerRegister.ComparatorHigh && !timer.is(TN_32_BITS)) {
      if (timer.is(TN_PERIODIC)) r.periodHigh = value
      if (direct) r.high = value
    }
  }

  /** Ticks until the counter meets a comparator; the whole way round when it is there. */
  private distance(timer: Comparator): bigint {
    const { mask } = timer
    const distance = (timer.comparator - this.counter()) & mask
    return distance === 0n ? mask + 1n : distance
  }

  private plan(): void {
    let nearest = FAR
    if (this.runs) {
      for (const timer of this.timers) {
        const distance = this.distance(timer)
        const matters = timer.is(TN_ENABLE) || (timer.is(TN_PERIODIC) && timer.period > 0n)
        if (matters && distance < nearest) nearest = distance
      }
    }
    // What is further away than a safe integer will not come.
    if (nearest >= BigInt(Number.MAX_SAFE_INTEGER) / BigInt(HPET_NS)) this.timer.cancel()
    else this.timer.schedule((Number(this.ticks) + Number(nearest)) * HPET_NS)
    this.planned = this.counter()
  }

  private follow(): void {
    this.look()
    this.deliver()
    this.plan()
  }

  /** What the counter has passed since the last look fires. */
  private deliver(): void {
    if (!this.runs) return
    const now = this.counter()
    const passed = (now - this.planned) & MASK_64
    for (const [i, timer] of this.timers.entries()) {
      const toGo = (timer.comparator - this.planned) & timer.mask
      if ((toGo === 0n ? timer.mask + 1n : toGo) > passed) continue
      const { period } = timer
      if (timer.is(TN_PERIODIC) && period > 0n) {
        const late = (now - timer.comparator) & timer.mask
        timer.comparator = (timer.comparator + (late / period + 1n) * period) & timer.mask
      }
      this.fire(i)
    }
    this.planned = now
  }

  private fire(i: number): void {
    const timer = this.timers[i]
    if (timer.is(TN_LEVEL)) this.registers.status |= 1 << i
    if (!timer.is(TN_ENABLE)) return
    this.drive(i, true)
    if (!timer.is(TN_LEVEL)) this.drive(i, false)
  }

  private drive(i: number, level: boolean): void {
    const timer = this.timers[i]
    if (timer.registers.line === level) return
    timer.registers.line = level
    const { timerLine, clockLine } = this.options
    if (this.isLegacy && i === 0) timerLine.set(level)
    else if (this.isLegacy && i === 1) clockLine.set(level)
    else this.lines.get((timer.registers.configuration >> TN_ROUTE_SHIFT) & 31)?.set(level)
  }
}

function join(high: number, low: number): bigint {
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)
}
