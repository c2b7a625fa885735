/** A set of interrupt vectors, as ISR, IRR and TMR are: 256 bits in eight words. */
import type { DeviceState } from '../device.ts'
import { restore, snapshot } from '../state.ts'
import { VECTOR_WORDS } from './registers.ts'

export class VectorSet {
  private readonly registers = { words: new Array<number>(VECTOR_WORDS).fill(0) }

  has(vector: number): boolean {
    return ((this.registers.words[vector >> 5] >>> (vector & 31)) & 1) !== 0
  }

  add(vector: number): void {
    this.registers.words[vector >> 5] |= 1 << (vector & 31)
  }

  remove(vector: number): void {
    this.registers.words[vector >> 5] &= ~(1 << (vector & 31))
  }

  clear(): void {
    this.registers.words.fill(0)
  }

  /** The highest vector in the set, or -1. */
  highest(): number {
    const { words } = this.registers
    for (let i = VECTOR_WORDS - 1; i >= 0; i--) if (words[i] !== 0) return i * 32 + 31 - Math.clz32(words[i])
    return -1
  }

  /** 32 vectors as one word. */
  word(index: number): number {
    return this.registers.words[index] >>> 0
  }

  save(): DeviceState {
    return snapshot(this.registers)
  }

  load(device: string, state: DeviceState): void {
    const saved = { words: [] as number[] }
    restore(device, saved, state)
    for (let i = 0; i < VECTOR_WORDS; i++) this.registers.words[i] = (saved.words[i] ?? 0) | 0
  }
}
