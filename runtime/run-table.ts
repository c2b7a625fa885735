/**
 * The table that finds a decoded run by physical address and mode: an open hash in linear memory, written here and
 * probed by the interpreter (runtime/helpers/runs.ts).
 */
import type { Core } from './core.ts'
import { HASH_MULTIPLIER, RUN_TABLE_BASE, RUN_TABLE_ENTRIES, RUN_TABLE_ENTRY_BYTES } from './memory-map.ts'

/** A run that was removed: probing goes on behind it. */
const TOMBSTONE = 1

/** Entries in use beyond which probing gets long. */
const MOST_ENTRIES = RUN_TABLE_ENTRIES * 0.7

/** What the table knows of a run. */
export interface TableRun {
  /** Address of its first record. */
  readonly record: number
  readonly physical: number
  readonly mode: number
}

export class RunTable {
  private readonly words: Int32Array
  /** Entries that are not free: runs and tombstones. */
  private used = 0

  constructor(core: Core) {
    this.words = core.words
  }

  /** Whether it wants to be cleared, and filled again with fewer runs. */
  get full(): boolean {
    return this.used > MOST_ENTRIES
  }

  /** First slot of a run; runtime/helpers/runs.ts computes the same. */
  private slot(physical: number, mode: number): number {
    return (Math.imul(physical ^ (mode << 9), HASH_MULTIPLIER | 0) >>> 16) & (RUN_TABLE_ENTRIES - 1)
  }

  insert(run: TableRun): void {
    const { words } = this
    let slot = this.slot(run.physical, run.mode)
    for (;;) {
      const entry = (RUN_TABLE_BASE + slot * RUN_TABLE_ENTRY_BYTES) >> 2
      const old = words[entry + 2]
      if (old === 0 || old === TOMBSTONE) {
        if (old === 0) this.used++
        words[entry] = run.physical
        words[entry + 1] = run.mode
        words[entry + 2] = run.record
        return
      }
      // A crossing instruction decoded again with another second page takes the old one's place.
      if (words[entry] === (run.physical | 0) && words[entry + 1] === run.mode) {
        words[entry + 2] = run.record
        return
      }
      slot = (slot + 1) & (RUN_TABLE_ENTRIES - 1)
    }
  }

  /** Address of the first record of the run at `physical` in `mode`; 0 when there is none. */
  find(physical: number, mode: number): number {
    const { words } = this
    for (let slot = this.slot(physical, mode); ; slot = (slot + 1) & (RUN_TABLE_ENTRIES - 1)) {
      const entry = (RUN_TABLE_BASE + slot * RUN_TABLE_ENTRY_BYTES) >> 2
      const record = words[entry + 2]
      if (record === 0) return 0
      if (record !== TOMBSTONE && words[entry] === (physical | 0) && words[entry + 1] === mode) return record
    }
  }

  remove(run: TableRun): void {
    const { words } = this
    let slot = this.slot(run.physical, run.mode)
    for (;;) {
      const entry = (RUN_TABLE_BASE + slot * RUN_TABLE_ENTRY_BYTES) >> 2
      const record = words[entry + 2]
      if (record === 0) return
      if (record === run.record) {
        words[entry + 2] = TOMBSTONE
        return
      }
      slot = (slot + 1) & (RUN_TABLE_ENTRIES - 1)
    }
  }

  clear(): void {
    this.words.fill(0, RUN_TABLE_BASE >> 2, (RUN_TABLE_BASE + RUN_TABLE_ENTRIES * RUN_TABLE_ENTRY_BYTES) >> 2)
    this.used = 0
  }
}
