/**
 * What RDRAND draws from: the host's entropy. With the virtual clock, where a run is repeatable bit for bit, a fixed
 * sequence instead, which is no secret.
 */
import type { Device, DeviceState } from './devices/device.ts'
import { restore, snapshot } from './devices/state.ts'

/** Words fetched from the host at a time. */
const POOL_WORDS = 256
/** Source of the sequence: Marsaglia, Xorshift RNGs, Journal of Statistical Software 8 (2003). */
const FIXED_SEED = 0x2545f491

function hostEntropy(): () => number {
  const pool = new Uint32Array(POOL_WORDS)
  let left = 0
  return () => {
    if (left === 0) {
      globalThis.crypto.getRandomValues(pool)
      left = POOL_WORDS
    }
    left--
    const word = pool[left]
    pool[left] = 0
    return word
  }
}

/** The fixed sequence has a place that it has come to; the host's entropy has no state. */
export class EntropySource implements Device {
  readonly name = 'entropy'
  private readonly registers = { word: FIXED_SEED }
  private readonly fromHost: (() => number) | undefined

  constructor(clock: 'wall' | 'virtual') {
    this.fromHost = clock === 'wall' ? hostEntropy() : undefined
  }

  /** 32 bits. */
  next(): number {
    if (this.fromHost) return this.fromHost()
    const r = this.registers
    r.word ^= r.word << 13
    r.word ^= r.word >>> 17
    r.word ^= r.word << 5
    return r.word >>> 0
  }

  /** Nothing: a guest that starts again must not see the same numbers again. */
  reset(): void {}

  save(): DeviceState {
    return snapshot(this.registers)
  }

  load(state: DeviceState): void {
    restore(this.name, this.registers, state)
    this.registers.word ||= FIXED_SEED
  }
}
