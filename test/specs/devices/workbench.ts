/** What device specs share: a bus, a hand-driven virtual clock and a recording interrupt line. */
import { SystemBus } from '../../../src/bus.ts'
import { VirtualClock } from '../../../src/clock.ts'
import type { GuestMemory, IrqLine } from '../../../src/devices/device.ts'

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

/** Guest RAM in an array. */
export class ArrayMemory implements GuestMemory {
  readonly bytes: Uint8Array
  readonly size: number

  /** `bytes` may be a part of a larger array, whose rest should stay as it is. */
  constructor(size: number, bytes = new Uint8Array(size)) {
    this.size = size
    this.bytes = bytes
  }

  read8(physical: number): number {
    return this.bytes[physical] ?? 0xff
  }
  read16(physical: number): number {
    return this.read8(physical) | (this.read8(physical + 1) << 8)
  }
  read32(physical: number): number {
    return (this.read16(physical) | (this.read16(physical + 2) << 16)) >>> 0
  }
  write8(physical: number, value: number): void {
    this.writeBytes(physical, Uint8Array.of(value))
  }
  write16(physical: number, value: number): void {
    this.writeBytes(physical, Uint8Array.of(value, value >> 8))
  }
  write32(physical: number, value: number): void {
    this.writeBytes(physical, Uint8Array.of(value, value >> 8, value >> 16, value >> 24))
  }
  readBytes(physical: number, length: number): Uint8Array {
    const copy = new Uint8Array(length).fill(0xff)
    if (physical < this.size) copy.set(this.bytes.subarray(physical, Math.min(this.size, physical + length)))
    return copy
  }
  writeBytes(physical: number, bytes: Uint8Array): void {
    if (physical < this.size) this.bytes.set(bytes.subarray(0, this.size - physical), physical)
  }
}
