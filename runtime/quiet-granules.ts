/**
 * Granules that hold code and data: a bit for each byte that code was made of, so that a store to a variable beside
 * code is told from one that changes code without a search. Filled after a store that has hit no code; the helpers
 * (helpers/memory.ts, `isQuiet`) and the code cache ask.
 *
 * An entry of the table, by the granule's number modulo the entries: one more than the number, then the bits.
 */
import type { Core } from './core.ts'
import {
  GRANULE_SHIFT, QUIET_GRANULE_BITS, QUIET_GRANULE_BYTES, QUIET_GRANULES_BASE, QUIET_GRANULES_ENTRIES,
} from './memory-map.ts'

const GRANULE_BYTES = 1 << GRANULE_SHIFT

export class QuietGranules {
  private readonly core: Core

  constructor(core: Core) {
    this.core = core
  }

  private entryOf(granule: number): number {
    return QUIET_GRANULES_BASE + (granule % QUIET_GRANULES_ENTRIES) * QUIET_GRANULE_BYTES
  }

  /** Whether `bytes` bytes at `physical` lie in one known granule, beside its code. */
  isQuiet(physical: number, bytes: number): boolean {
    const granule = physical >>> GRANULE_SHIFT
    const entry = this.entryOf(granule)
    if (this.core.words[entry >> 2] !== granule + 1 || (physical + bytes - 1) >>> GRANULE_SHIFT !== granule) return false
    const bits = this.core.bytes.subarray(entry + QUIET_GRANULE_BITS, entry + QUIET_GRANULE_BYTES)
    const first = physical & (GRANULE_BYTES - 1)
    for (let i = first; i < first + bytes; i++) if (((bits[i >> 3] >> (i & 7)) & 1) !== 0) return false
    return true
  }

  /** Notes where a granule, given by its number, holds code: physical addresses [start, end), in it or not. */
  note(granule: number, spans: Iterable<{ readonly start: number; readonly end: number }>): void {
    const entry = this.entryOf(granule)
    const bits = this.core.bytes.subarray(entry + QUIET_GRANULE_BITS, entry + QUIET_GRANULE_BYTES).fill(0)
    const base = granule * GRANULE_BYTES
    for (const { start, end } of spans)
      for (let i = Math.max(0, start - base); i < Math.min(GRANULE_BYTES, end - base); i++) bits[i >> 3] |= 1 << (i & 7)
    this.core.words[entry >> 2] = granule + 1
  }

  /** Its code changes. */
  forget(granule: number): void {
    const entry = this.entryOf(granule)
    if (this.core.words[entry >> 2] === granule + 1) this.core.words[entry >> 2] = 0
  }

  forgetAll(): void {
    const first = QUIET_GRANULES_BASE >> 2
    this.core.words.fill(0, first, first + ((QUIET_GRANULES_ENTRIES * QUIET_GRANULE_BYTES) >> 2))
  }
}
