/**
 * One counter of the 8254, in closed form: its state is when and with what the counting element was loaded, and
 * everything else (count, OUT, next edge) is arithmetic on the number of CLK pulses since. Used by pit.ts.
 *
 * Time is in CLK pulses. What happens between pulse t and t+1 happens "at t"; a count written at t reaches the
 * counting element with pulse t+1, as in the datasheet's timing diagrams. `sync(t)` brings the state up to pulse t
 * in constant time; every other method expects that.
 * Source: Intel 8254 datasheet (231164), "Mode definitions", "Read operations".
 */

/** No such tick. */
export const NEVER = -1

export enum AccessMode { Latch = 0, Low = 1, High = 2, LowHigh = 3 }

const CONTROL_BCD = 0x01
const STATUS_OUT = 0x80
const STATUS_NULL_COUNT = 0x40

export class PitCounter {
  readonly registers = {
    /** Low six bits of the control word: access, mode, BCD. */
    control: 0x30,
    gate: true,
    /** Count register: the last full count written, 1..65536 (10000 in BCD), 0 before any. */
    written: 0, nullCount: true,
    /** Low byte of a two-byte count on its way, or -1. */
    lowByte: -1,
    /** When the count register goes to the counting element. */
    loadAt: NEVER,
    /** The counting element: loaded with `initial` at pulse `base`; while halted `elapsed` pulses have counted. */
    initial: 0, base: 0, halted: true, elapsed: 0,
    /** Mode 3: which half of the wave. */
    high: true,
    /** Modes 0, 1, 4, 5: a count or trigger has started the one shot. */
    armed: false,
    latchedCount: -1, latchedStatus: -1, readHigh: false,
  }

  get mode(): number {
    const mode = (this.registers.control >> 1) & 7
    return mode > 5 ? mode - 4 : mode
  }

  /** The period of modes 2 and 3 in CLK pulses, or 0 when the counter is not running in one of them. */
  get period(): number {
    const r = this.registers
    return (this.mode === 2 || this.mode === 3) && !r.halted && r.initial > 1 ? r.initial : 0
  }

  private get modulus(): number {
    return this.registers.control & CONTROL_BCD ? 10_000 : 0x10000
  }

  private get access(): AccessMode {
    return (this.registers.control >> 4) & 3
  }

  /** Modes in which a low GATE stops the counting. */
  private get gated(): boolean {
    return this.mode !== 1 && this.mode !== 5
  }

  sync(t: number): void {
    const r = this.registers
    if (r.loadAt !== NEVER && r.loadAt <= t) this.loadElement()
    if (r.halted || r.initial < 2) return
    if (this.mode === 2) this.cycle(t)
    else if (this.mode === 3) this.halfCycle(t)
  }

  private loadElement(): void {
    const r = this.registers
    r.initial = r.written
    r.base = r.loadAt
    r.loadAt = NEVER
    r.nullCount = false
    r.armed = true
    r.high = true
    r.elapsed = 0
    r.halted = this.gated && !r.gate
  }

  private cycle(t: number): void {
    const r = this.registers
    if (t - r.base >= r.initial && r.nullCount && r.written > 0) {
      r.base += r.initial
      r.initial = r.written
      r.nullCount = false
    }
    if (r.initial > 1) r.base += Math.floor((t - r.base) / r.initial) * r.initial
  }

  private halfCycle(t: number): void {
    const r = this.registers
    if (t - r.base >= this.half()) {
      r.base += this.half()
      r.high = !r.high
      if (r.nullCount && r.written > 0) {
        r.initial = r.written
        r.nullCount = false
      }
    }
    if (r.initial < 2) return
    r.base += Math.floor((t - r.base) / r.initial) * r.initial
    if (t - r.base >= this.half()) {
      r.base += this.half()
      r.high = !r.high
    }
  }

  /** Length of the present half wave of mode 3: an odd count is high for one pulse more than low. */
  private half(): number {
    const r = this.registers
    return r.high ? (r.initial + 1) >> 1 : r.initial >> 1
  }

  private counted(t: number): number {
    const r = this.registers
    return r.halted ? r.elapsed : t - r.base
  }

  output(t: number): boolean {
    const r = this.registers
    const started = r.armed && r.loadAt === NEVER
    switch (this.mode) {
      case 0: return started && this.counted(t) >= r.initial
      case 1: return !r.armed || this.counted(t) >= r.initial
      case 2: return r.halted || r.initial < 2 || this.counted(t) !== r.initial - 1
      case 3: return r.halted || r.initial < 2 || r.high
      default: return !r.armed || this.counted(t) !== r.initial
    }
  }

  /** The next pulse after `t` at which OUT rises if nothing is written meanwhile, or NEVER. */
  nextRise(t: number): number {
    const r = this.registers
    if (r.loadAt !== NEVER && (this.gated ? !r.gate : false)) return NEVER
    if (r.loadAt === NEVER && (r.halted || (!r.armed && this.mode !== 2 && this.mode !== 3))) return NEVER
    const count = r.loadAt === NEVER ? r.initial : r.written
    const base = r.loadAt === NEVER ? r.base : r.loadAt
    switch (this.mode) {
      case 2: return count < 2 ? NEVER : base + count
      case 3:
        if (count < 2) return NEVER
        if (r.loadAt !== NEVER) return base + count
        return r.high ? base + this.half() + this.lowHalfAhead() : base + this.half()
      case 4:
      case 5: return later(base + count + 1, t)
      default: return later(base + count, t)
    }
  }

  /** The low half that follows the present high one: a new count takes over at the edge between them. */
  private lowHalfAhead(): number {
    const r = this.registers
    return (r.nullCount && r.written > 0 ? r.written : r.initial) >> 1
  }

  /** The next pulse after `t` at which OUT of mode 3 falls, or NEVER. Other modes do not report theirs. */
  nextFall(): number {
    const r = this.registers
    if (this.mode !== 3 || !r.gate) return NEVER
    if (r.loadAt !== NEVER) return r.written < 2 ? NEVER : r.loadAt + ((r.written + 1) >> 1)
    return r.halted || r.initial < 2 || !r.high ? NEVER : r.base + this.half()
  }

  /** Control word for this counter (not a latch command). */
  writeControl(control: number, t: number): void {
    const r = this.registers
    r.elapsed = this.counted(t)
    Object.assign(r, {
      control: control & 0x3f, nullCount: true, written: 0, lowByte: -1, loadAt: NEVER, halted: true, armed: false,
      high: true, latchedCount: -1, latchedStatus: -1, readHigh: false,
    })
  }

  writeData(value: number, t: number): void {
    const r = this.registers
    if (this.access === AccessMode.Low) this.writeCount(value, t)
    else if (this.access === AccessMode.High) this.writeCount(value << 8, t)
    else if (r.lowByte < 0) {
      r.lowByte = value
      if (this.mode === 0) this.disarm(t)
    } else {
      const low = r.lowByte
      r.lowByte = -1
      this.writeCount(low | (value << 8), t)
    }
  }

  /** Mode 0: the first byte of a new count stops the counting and sets OUT low. */
  private disarm(t: number): void {
    const r = this.registers
    r.elapsed = this.counted(t)
    r.halted = true
    r.armed = false
    r.loadAt = NEVER
  }

  private writeCount(value: number, t: number): void {
    const r = this.registers
    const running = r.armed && r.initial > 1 && (this.mode === 2 || this.mode === 3)
    r.written = this.fromBus(value)
    r.nullCount = true
    if (!running && this.gated) r.loadAt = t + 1
  }

  setGate(level: boolean, t: number): void {
    const r = this.registers
    if (r.gate === level) return
    if (level) {
      r.gate = true
      if (this.mode !== 0 && this.mode !== 4) {
        if (r.written > 0) r.loadAt = t + 1
      } else if (r.armed && r.loadAt === NEVER) {
        r.halted = false
        r.base = t - r.elapsed
      }
    } else {
      r.gate = false
      if (this.gated && !r.halted) {
        r.elapsed = this.counted(t)
        r.halted = true
      }
    }
  }

  latchCount(t: number): void {
    if (this.registers.latchedCount < 0) this.registers.latchedCount = this.countOnBus(t)
  }

  latchStatus(t: number): void {
    const r = this.registers
    if (r.latchedStatus >= 0) return
    r.latchedStatus = r.control | (this.output(t) ? STATUS_OUT : 0) | (r.nullCount ? STATUS_NULL_COUNT : 0)
  }

  readData(t: number): number {
    const r = this.registers
    if (r.latchedStatus >= 0) {
      const status = r.latchedStatus
      r.latchedStatus = -1
      return status
    }
    const count = r.latchedCount >= 0 ? r.latchedCount : this.countOnBus(t)
    const high = this.access === AccessMode.High || (this.access === AccessMode.LowHigh && r.readHigh)
    if (this.access === AccessMode.LowHigh) r.readHigh = !r.readHigh
    if (this.access !== AccessMode.LowHigh || high) r.latchedCount = -1
    return high ? (count >> 8) & 0xff : count & 0xff
  }

  /** The counting element at pulse `t`, coded as it is read. */
  private countOnBus(t: number): number {
    const r = this.registers
    const counted = this.counted(t)
    let count: number
    if (this.mode === 3) count = (r.initial & ~1) - 2 * counted
    else count = r.initial - counted
    const modulus = this.modulus
    count = ((count % modulus) + modulus) % modulus
    if (modulus === 0x10000) return count
    return (Math.floor(count / 1000) << 12) | ((Math.floor(count / 100) % 10) << 8) |
      ((Math.floor(count / 10) % 10) << 4) | (count % 10)
  }

  private fromBus(value: number): number {
    if (!(this.registers.control & CONTROL_BCD)) return value === 0 ? 0x10000 : value
    const count = (value >> 12) * 1000 + ((value >> 8) & 15) * 100 + ((value >> 4) & 15) * 10 + (value & 15)
    return count === 0 ? 10_000 : count
  }
}

function later(tick: number, t: number): number {
  return tick > t ? tick : NEVER
}
