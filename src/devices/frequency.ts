/**
 * Exact conversion between ns of virtual time and ticks of an oscillator: `new Frequency(1193182).ticksAt(ns)`.
 * Whole seconds and the rest are converted apart, so every product stays below 2^53.
 */
const NS_PER_SECOND = 1_000_000_000

export class Frequency {
  /** Ticks per second; at most 8 MHz, so that a second's worth of ns times it is exact. */
  readonly hertz: number

  constructor(hertz: number) {
    this.hertz = hertz
  }

  /** Ticks completed at `ns` (rounded down; negative times are allowed). */
  ticksAt(ns: number): number {
    const seconds = Math.floor(ns / NS_PER_SECOND)
    const rest = ns - seconds * NS_PER_SECOND
    return seconds * this.hertz + Math.floor((rest * this.hertz) / NS_PER_SECOND)
  }

  /** The first ns at which `ticks` are completed: `ticksAt(nsOf(t)) === t`. */
  nsOf(ticks: number): number {
    const seconds = Math.floor(ticks / this.hertz)
    const rest = ticks - seconds * this.hertz
    return seconds * NS_PER_SECOND + Math.ceil((rest * NS_PER_SECOND) / this.hertz)
  }
}
