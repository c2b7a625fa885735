/** What device specs share: a bus, a hand-driven virtual clock and a recording interrupt line. */
import { SystemBus } from '../../../src/bus.ts'
import { VirtualClock } from '../../../src/clock.ts'
import type { IrqLine } from '../../../src/devices/device.ts'

export class Workbench {
  readonly bus = new SystemBus()
  /** Retired instructions; one is 1 ns. */
  retired = 0
  readonly clock = new VirtualClock({ mode: 'virtual', retired: () => this.retired })

  /** Lets `ns` pass, running timers exactly when they are due. */
  pass(ns: number): void {
    const end = this.clock.now() + ns
    while (this.clock.nextDue() <= end) {
      this.retired += this.clock.instructionsUntil(this.clock.nextDue())
      this.clock.runDue()
    }
    this.retired += this.clock.instructionsUntil(end)
  }

  in8(port: number): number {
    return this.bus.readPort(port, 8)
  }

  out8(port: number, value: number): void {
    this.bus.writePort(port, 8, value)
  }
}

/** An interrupt line that remembers its level, its rising edges and when they came. */
export class Probe implements IrqLine {
  level = false
  readonly rises: number[] = []
  private readonly now: () => number

  constructor(now: () => number = () => 0) {
    this.now = now
  }

  set(level: boolean): void {
    if (level && !this.level) this.rises.push(this.now())
    this.level = level
  }
}

/** A repeatable sequence of 32-bit numbers (Marsaglia's xorshift32); `seed` must not be 0. */
export function randomNumbers(seed: number): () => number {
  let x = seed
  return () => {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    return x >>> 0
  }
}
