/**
 * Interval timer: Intel 8254, three counters clocked at 1.193182 MHz. OUT0 drives IRQ0; counter 2 makes the
 * speaker's tone, its GATE and OUT are wired to port 61h (system-control.ts).
 *
 *     const pit = new Pit({ bus, clock, irq0: pic.line(0) })
 *     pit.setGate2(true); pit.output2()
 *
 * Ports: 40h..42h counters, 43h control word (reads float). IRQ 0. Source: Intel 8254 datasheet (231164).
 */
import type { Bus, Clock, Device, DeviceState, IrqLine, Timer } from './device.ts'
import { Frequency } from './frequency.ts'
import { AccessMode, NEVER, PitCounter } from './pit-counter.ts'
import { childState, restore, snapshot } from './state.ts'

/** Input clock of the PC's PIT: a third of 3.579545 MHz. */
export const PIT_HERTZ = 1_193_182

const PORT_COUNTER_0 = 0x40
const PORT_CONTROL = 0x43
const READ_BACK = 3
const READ_BACK_NO_COUNT = 0x20
const READ_BACK_NO_STATUS = 0x10

export interface PitOptions {
  bus: Bus
  clock: Clock
  irq0: IrqLine
  /** Told the frequency in Hz of counter 2's square wave when it changes; 0 when it makes none. */
  onTone?: (hertz: number) => void
}

export class Pit implements Device {
  readonly name = 'pit'
  private readonly clock: Clock
  private readonly irq0: IrqLine
  private readonly onTone: ((hertz: number) => void) | undefined
  private readonly timer: Timer
  private readonly frequency = new Frequency(PIT_HERTZ)
  private readonly counters = [new PitCounter(), new PitCounter(), new PitCounter()]
  private readonly registers = {
    /** When OUT0 rises next, in CLK pulses. */
    riseAt: NEVER,
    tonePeriod: 0,
  }

  constructor(options: PitOptions) {
    this.clock = options.clock
    this.irq0 = options.irq0
    this.onTone = options.onTone
    this.timer = options.clock.timer('pit', () => this.follow())
    options.bus.claimPorts(PORT_COUNTER_0, PORT_CONTROL, {
      read8: (port) => this.read(port - PORT_COUNTER_0),
      write8: (port, value) => this.write(port - PORT_COUNTER_0, value),
    })
    this.reset()
  }

  reset(): void {
    this.counters.forEach((counter, i) => {
      counter.writeControl(AccessMode.LowHigh << 4, 0)
      Object.assign(counter.registers, { gate: i !== 2, initial: 0, elapsed: 0 })
    })
    this.registers.riseAt = NEVER
    this.irq0.set(false)
    this.plan(this.pulses())
  }

  /** GATE of counter 2 (port 61h bit 0). */
  setGate2(level: boolean): void {
    const t = this.pulses()
    this.counters[2].sync(t)
    this.counters[2].setGate(level, t)
    this.reportTone()
  }

  /** OUT of counter 2 (port 61h bit 5). */
  output2(): boolean {
    const t = this.pulses()
    this.counters[2].sync(t)
    return this.counters[2].output(t)
  }

  save(): DeviceState {
    const state: DeviceState = snapshot(this.registers)
    this.counters.forEach((counter, i) => {
      state[`counter${i}`] = snapshot(counter.registers)
    })
    return state
  }

  load(state: DeviceState): void {
    restore(this.name, this.registers, state)
    for (const [i, counter] of this.counters.entries()) {
      restore(this.name, counter.registers, childState(this.name, state, `counter${i}`))
    }
    this.onTone?.(this.tone())
  }

  private pulses(): number {
    return this.frequency.ticksAt(this.clock.now())
  }

  private read(n: number): number {
    if (n === 3) return 0xff
    const t = this.pulses()
    this.counters[n].sync(t)
    return this.counters[n].readData(t)
  }

  private write(n: number, value: number): void {
    const t = this.pulses()
    const delivered = this.deliver(t)
    if (n === 3) this.writeControl(value, t)
    else this.counters[n].writeData(value, t)
    const written = n === 0 || (n === 3 && value >> 6 === 0)
    if (written) this.irq0.set(this.counters[0].output(t))
    if (written || delivered) this.plan(t)
    this.reportTone()
  }

  private writeControl(value: number, t: number): void {
    const select = value >> 6
    if (select === READ_BACK) {
      this.counters.forEach((counter, i) => {
        if (!(value & (2 << i))) return
        if (!(value & READ_BACK_NO_COUNT)) counter.latchCount(t)
        if (!(value & READ_BACK_NO_STATUS)) counter.latchStatus(t)
      })
    } else if (((value >> 4) & 3) === AccessMode.Latch) {
      this.counters[select].latchCount(t)
    } else {
      this.counters[select].writeControl(value, t)
    }
  }

  /** The timer: shows OUT0 to the interrupt controller and waits for its next edge. */
  private follow(): void {
    const t = this.pulses()
    if (!this.deliver(t)) this.irq0.set(this.counters[0].output(t))
    this.plan(t)
  }

  /**
   * Brings the counters up to pulse `t`. A rise of OUT0 since the last look is shown as a fresh edge even when the
   * low phase before it went unseen or the level fell again: the host's lateness must not lose a tick.
   */
  private deliver(t: number): boolean {
    for (const counter of this.counters) counter.sync(t)
    const r = this.registers
    if (r.riseAt === NEVER || t < r.riseAt) return false
    r.riseAt = NEVER
    this.irq0.set(false)
    this.irq0.set(true)
    return true
  }

  /**
   * Schedules the next edge of OUT0 after pulse `t`, the one that `deliver` has seen: a clock that moves on meanwhile
   * must not swallow an edge between the two. Mode 2's one-pulse low is not worth an event of its own.
   */
  private plan(t: number): void {
    const counter = this.counters[0]
    counter.sync(t)
    const rise = counter.nextRise(t)
    const fall = counter.nextFall()
    this.registers.riseAt = rise
    const next = fall !== NEVER && (rise === NEVER || fall < rise) ? fall : rise
    if (next === NEVER) this.timer.cancel()
    else this.timer.schedule(this.frequency.nsOf(next))
  }

  private tone(): number {
    return this.registers.tonePeriod > 0 ? PIT_HERTZ / this.registers.tonePeriod : 0
  }

  /** A count that waits for its load counts already: the pulse until then cannot be heard. */
  private reportTone(): void {
    const counter = this.counters[2].registers
    const sounding = this.counters[2].mode === 3 && counter.gate && counter.written > 1
    const period = sounding ? counter.written : 0
    if (period === this.registers.tonePeriod) return
    this.registers.tonePeriod = period
    this.onTone?.(this.tone())
  }
}
