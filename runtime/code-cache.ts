/**
 * The decoded runs: their memory, the table that finds them by physical address and mode, and dropping them when
 * their bytes are written. Runs of one page are dropped one by one; only when the record memory is full does
 * everything go, which decoding repairs in milliseconds.
 */
import type { Core } from './core.ts'
import {
  GRANULE_SHIFT, PAGE_BYTES, PAGE_GRANULES_BASE, PAGE_SHIFT, PAGE_VERSIONS_BASE, RECORD_BYTES, RECORDS_BASE,
  RECORDS_BYTES, RUN_TABLE_BASE, RUN_TABLE_ENTRIES, RUN_TABLE_ENTRY_BYTES,
} from './memory-map.ts'
import { NOT_CROSSING, RecordField, RunHeader } from './records.ts'

/** A run in the table that was dropped: probing goes on behind it (runtime/helpers/runs.ts). */
const TOMBSTONE = 1

/** A decoded run as the cache knows it. */
interface Run {
  /** Address of its first record. */
  readonly record: number
  readonly physical: number
  readonly bytes: number
  /** Physical address of the page of the last bytes, when the run crosses into it; else -1. */
  readonly secondPage: number
  /** Number of records, the end record included. */
  readonly records: number
  readonly mode: number
}

/** What a new run is, apart from its records, which are written already. */
export interface RunDescription {
  readonly physical: number
  readonly mode: number
  readonly bytes: number
  readonly instructions: number
  readonly records: number
  /** Physical address of the second page of a crossing instruction, or -1. */
  readonly secondPage: number
}

/** Slots of the table beyond which probing gets long: time to start anew. */
const MOST_TABLE_ENTRIES = RUN_TABLE_ENTRIES * 0.7

/** Granules of a page. */
const GRANULES = PAGE_BYTES >> GRANULE_SHIFT

export class CodeCache {
  /** Runs installed and dropped since power-on. */
  decoded = 0
  invalidations = 0
  private readonly core: Core
  private readonly staleHandler: number
  /** The runs of a page by the granules that they touch. */
  private readonly pages = new Map<number, Run[][]>()
  private free = RECORDS_BASE
  private tableEntries = 0
  private readonly granules: Uint32Array
  private readonly versions: Uint32Array

  /** `staleHandler`: number of the handler that sends the interpreter to look again. */
  constructor(core: Core, staleHandler: number) {
    this.core = core
    this.staleHandler = staleHandler
    const pages = core.ramBytes / PAGE_BYTES
    this.granules = new Uint32Array(core.memory.buffer, PAGE_GRANULES_BASE, pages)
    this.versions = new Uint32Array(core.memory.buffer, PAGE_VERSIONS_BASE, pages)
  }

  /**
   * Address for a run of at most `records` records, its header in front. When the memory is full, every run goes
   * first; so no address from before may be kept across this call.
   */
  reserve(records: number): number {
    const bytes = (records + 1) * RECORD_BYTES
    if (this.free + bytes > RECORDS_BASE + RECORDS_BYTES || this.tableEntries > MOST_TABLE_ENTRIES) this.flush()
    return this.free + RECORD_BYTES
  }

  /** Makes the run whose records stand at `record` (from `reserve`) known, and watches its bytes. */
  install(record: number, description: RunDescription): void {
    const { core } = this
    const { physical, mode, bytes, secondPage } = description
    const header = (record - RECORD_BYTES) >> 2
    core.words[header + (RunHeader.Physical >> 2)] = physical
    core.words[header + (RunHeader.Mode >> 2)] = mode
    core.words[header + (RunHeader.Bytes >> 2)] = bytes
    core.words[header + (RunHeader.Instructions >> 2)] = description.instructions
    core.words[header + (RunHeader.SecondPage >> 2)] = secondPage < 0 ? NOT_CROSSING : secondPage
    this.free = record + description.records * RECORD_BYTES
    const run: Run = { record, physical, bytes, secondPage, records: description.records, mode }
    this.decoded++
    this.insert(run)
    this.watch(run, physical, Math.min(bytes, PAGE_BYTES - (physical & (PAGE_BYTES - 1))))
    if (secondPage >= 0) this.watch(run, secondPage, bytes - (PAGE_BYTES - (physical & (PAGE_BYTES - 1))))
  }

  /** First table slot of a run; runtime/helpers/runs.ts computes the same. */
  private slot(physical: number, mode: number): number {
    return (Math.imul(physical ^ (mode << 9), 0x9e3779b1) >>> 16) & (RUN_TABLE_ENTRIES - 1)
  }

  private insert(run: Run): void {
    const { words } = this.core
    let slot = this.slot(run.physical, run.mode)
    for (;;) {
      const entry = (RUN_TABLE_BASE + slot * RUN_TABLE_ENTRY_BYTES) >> 2
      const old = words[entry + 2]
      if (old === 0 || old === TOMBSTONE) {
        if (old === 0) this.tableEntries++
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

  private remove(run: Run): void {
    const { words } = this.core
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

  /** Marks granules as code and closes the page's fast path for stores. */
  private watch(run: Run, physical: number, bytes: number): void {
    const page = physical >>> PAGE_SHIFT
    let granules = this.pages.get(page)
    if (!granules) {
      granules = Array.from({ length: GRANULES }, () => [])
      this.pages.set(page, granules)
    }
    const { first, last } = granuleSpan(physical, bytes)
    for (let granule = first; granule <= last; granule++) granules[granule].push(run)
    if (page >= this.granules.length) return
    if (this.granules[page] === 0) this.core.exports.closePage(physical)
    for (let granule = first; granule <= last; granule++) this.granules[page] |= 1 << granule
  }

  /** Drops the runs that any of `bytes` bytes at `physical` belong to. */
  written(physical: number, bytes: number): void {
    const first = physical >>> PAGE_SHIFT
    const last = (physical + bytes - 1) >>> PAGE_SHIFT
    for (let page = first; page <= last && page < this.granules.length; page++)
      if (this.granules[page] !== 0) this.writtenInPage(page, physical, physical + bytes)
  }

  private writtenInPage(page: number, start: number, end: number): void {
    const granules = this.pages.get(page)
    if (!granules) return
    const base = page << PAGE_SHIFT >>> 0
    const first = start <= base ? 0 : (start - base) >> GRANULE_SHIFT
    const last = Math.min(GRANULES - 1, (end - 1 - base) >> GRANULE_SHIFT)
    let dropped = false
    for (let granule = first; granule <= last; granule++) {
      const runs = granules[granule]
      // Emptied by an earlier store and not decoded again since: data now.
      if (runs.length === 0) this.granules[page] &= ~(1 << granule)
      for (let i = runs.length - 1; i >= 0; i--)
        if (overlaps(runs[i], page, start, end)) {
          // Takes the run out of this list, and of others at places that the loop has yet to visit or has left.
          this.drop(runs[i])
          dropped = true
        }
    }
    if (dropped) Atomics.add(this.versions, page, 1)
  }

  private drop(run: Run): void {
    this.invalidations++
    this.remove(run)
    const { bytes } = this.core
    // Links and the jump cache may still lead here: every record sends the interpreter to look again.
    for (let i = 0; i < run.records; i++) {
      const address = run.record + i * RECORD_BYTES + RecordField.Handler
      bytes[address] = this.staleHandler & 0xff
      bytes[address + 1] = this.staleHandler >> 8
    }
    this.unwatch(run, run.physical >>> PAGE_SHIFT)
    if (run.secondPage >= 0) this.unwatch(run, run.secondPage >>> PAGE_SHIFT)
  }

  /** Forgets that a run touches a page. A granule without runs stays marked: the next store to it opens it. */
  private unwatch(run: Run, page: number): void {
    const granules = this.pages.get(page)
    if (!granules) return
    const { start, end } = spanIn(run, page)
    const { first, last } = granuleSpan(start, end - start)
    for (let granule = first; granule <= last; granule++) {
      const runs = granules[granule]
      const at = runs.indexOf(run)
      if (at < 0) continue
      runs[at] = runs[runs.length - 1]
      runs.pop()
    }
  }

  /** Forgets every run. Nothing may be executing. */
  flush(): void {
    const { core } = this
    core.words.fill(0, RUN_TABLE_BASE >> 2, (RUN_TABLE_BASE + RUN_TABLE_ENTRIES * RUN_TABLE_ENTRY_BYTES) >> 2)
    this.granules.fill(0)
    this.pages.clear()
    this.free = RECORDS_BASE
    this.tableEntries = 0
    // A new generation: jump-cache entries lead nowhere any more.
    core.exports.flushTlb(true)
  }
}

/** First and last granule that `bytes` bytes at `physical`, within one page, touch. */
function granuleSpan(physical: number, bytes: number): { first: number; last: number } {
  const offset = physical & (PAGE_BYTES - 1)
  return { first: offset >> GRANULE_SHIFT, last: (offset + Math.max(bytes, 1) - 1) >> GRANULE_SHIFT }
}

/** The part of a run's bytes that lies in a page. */
function spanIn(run: Run, page: number): { start: number; end: number } {
  const room = PAGE_BYTES - (run.physical & (PAGE_BYTES - 1))
  if (run.physical >>> PAGE_SHIFT === page)
    return { start: run.physical, end: run.physical + Math.min(run.bytes, room) }
  return { start: run.secondPage, end: run.secondPage + run.bytes - room }
}

function overlaps(run: Run, page: number, start: number, end: number): boolean {
  const span = spanIn(run, page)
  return span.start < end && start < span.end
}
