/** Seeded random numbers: the same seed gives the same program everywhere. Source: Weyl sequence and MurmurHash3 mix. */
import { mix } from '../../test/vectors/random.ts'

const GOLDEN = 0x9e3779b9

export class Random {
  private state: number

  constructor(seed: number) {
    this.state = mix(seed + GOLDEN)
  }

  /** 32 random bits, unsigned. */
  word(): number {
    this.state = (this.state + GOLDEN) >>> 0
    return mix(this.state)
  }

  /** 0 … count - 1. */
  below(count: number): number {
    return this.word() % count
  }

  /** True once in `times` on average. */
  oneIn(times: number): boolean {
    return this.below(times) === 0
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)]
  }

  /** `count` random bytes, a multiple of 4. */
  bytes(count: number): Uint8Array {
    const words = new Uint32Array(count / 4)
    for (let i = 0; i < words.length; i++) words[i] = this.word()
    return new Uint8Array(words.buffer)
  }

  /** A number as programs have them: small, at a sign or carry boundary, or anything. */
  interesting(): number {
    const word = this.word()
    switch (this.below(6)) {
      case 0: return word & 3
      case 1: return (0x8000_0000 + (word & 3) - 2) >>> 0
      case 2: return -(word & 3) >>> 0
      case 3: return word & 0xff
      case 4: return (1 << (word & 31)) >>> 0
      default: return word
    }
  }
}
