/**
 * The decoded runs: their memory, the table that finds them by physical address and mode, and dropping them when
 * their bytes are written. Runs of one page are dropped one by one; only when the record memory is full does
 * everything go, which decoding repairs in milliseconds.
 */
import type { Core } from './core.ts'
import {
  GRANULE_SHIFT, PAGE_BYTES, PAGE_GRANULES_BASE, PAGE_SHIFT, PAGE_VERSIONS_BASE, RECORD_BYTES, RECORDS_BASE,
  RECORDS_BYTES, REGION_DESCRIPTORS_BASE, REGION_SLOTS, RUN_TABLE_BASE, RUN_TABLE_ENTRIES, RUN_TABLE_ENTRY_BYTES,
} from './memory-map.ts'
import {
  MOST_REGION_PAGES, NOT_CROSSING, RecordField, REGION_DESCRIPTOR_BYTES, RegionDescriptor, RunHeader,
} from './records.ts'

/** A run in the table that was dropped: probing goes on behind it (runtime/helpers/runs.ts). */
const TOMBSTONE = 1

/** Physical addresses [start, end) within one page. */
export interface CodeSpan {
  readonly start: number
  readonly end: number
}

/** Something made from code bytes, which goes when any of them is written. */
interface Watched {
  readonly spans: readonly CodeSpan[]
  drop(): void
}

/** A decoded run as the cache knows it. */
interface Run extends Watched {
  /** Address of its first record. */
  readonly record: number
  readonly physical: number
  /** Number of records, the end record included. */
  readonly records: number
  readonly mode: number
}

/** A compiled region in its slot. */
interface CompiledRegion extends Watched {
  readonly slot: number
  /** First record of the run at whose start it is entered. */
  readonly record: number
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
  private readonly handlers: { readonly stale: number; readonly enter: number; readonly goto: number }
  /** The runs of a page by the granules that they touch. */
  private readonly pages = new Map<number, Watched[][]>()
  private free = RECORDS_BASE
  private tableEntries = 0
  private readonly granules: Uint32Array
  private readonly versions: Uint32Array

  /** Numbers of the handlers that send the interpreter to look again, and into a compiled region. */
  constructor(core: Core, handlers: { readonly stale: number; readonly enter: number; readonly goto: number }) {
    this.core = core
    this.handlers = handlers
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
    core.words[header + (RunHeader.Heat >> 2)] = 0
    this.free = record + description.records * RECORD_BYTES
    const room = PAGE_BYTES - (physical & (PAGE_BYTES - 1))
    const spans = [{ start: physical, end: physical + Math.min(bytes, room) }]
    if (secondPage >= 0) spans.push({ start: secondPage, end: secondPage + bytes - room })
    const run: Run = { record, physical, records: description.records, mode, spans, drop: () => this.drop(run) }
    this.decoded++
    this.insert(run)
    this.watch(run)
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

  /** Marks the granules of its bytes as code and closes their pages' fast path for stores. */
  private watch(watched: Watched): void {
    for (const { start, end } of watched.spans) {
      const page = start >>> PAGE_SHIFT
      let granules = this.pages.get(page)
      if (!granules) {
        granules = Array.from({ length: GRANULES }, () => [])
        this.pages.set(page, granules)
      }
      const { first, last } = granuleSpan(start, end)
      for (let granule = first; granule <= last; granule++)
        if (!granules[granule].includes(watched)) granules[granule].push(watched)
      if (page >= this.granules.length) continue
      if (this.granules[page] === 0) this.core.exports.closePage(start)
      for (let granule = first; granule <= last; granule++) this.granules[page] |= 1 << granule
    }
  }

  /** Drops the runs and regions that any of `bytes` bytes at `physical` belong to. */
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
      // A drop takes one or more (a run and its region) out of the list, so the search starts again.
      for (let i = runs.findIndex(run => overlaps(run, start, end)); i >= 0; i = runs.findIndex(run => overlaps(run, start, end))) {
        runs[i].drop()
        dropped = true
      }
    }
    if (dropped) Atomics.add(this.versions, page, 1)
  }

  private drop(run: Run): void {
    this.invalidations++
    this.remove(run)
    // Links and the jump cache may still lead here: every record sends the interpreter to look again.
    for (let i = 0; i < run.records; i++) this.writeHandler(run.record + i * RECORD_BYTES, this.handlers.stale)
    this.unwatch(run)
    this.regionAt.get(run.record)?.drop()
  }

  /** Forgets where its bytes are. A granule without code stays marked: the next store to it opens it. */
  private unwatch(watched: Watched): void {
    for (const { start, end } of watched.spans) {
      const granules = this.pages.get(start >>> PAGE_SHIFT)
      if (!granules) continue
      const { first, last } = granuleSpan(start, end)
      for (let granule = first; granule <= last; granule++) {
        const list = granules[granule]
        const at = list.indexOf(watched)
        if (at < 0) continue
        list[at] = list[list.length - 1]
        list.pop()
      }
    }
  }

  // --- compiled regions ---

  /** Regions installed since power-on. */
  compiled = 0
  private readonly regionAt = new Map<number, CompiledRegion>()
  private freeSlots: number[] = []
  private nextSlot = 0

  /** Versions of the pages that `spans` lie in: they move when code in the page is dropped. */
  pageVersions(pages: readonly number[]): number[] {
    return pages.map(physical => this.versions[physical >>> PAGE_SHIFT] ?? 0)
  }

  /** Whether the run whose first record is at `record` still stands for `physical` and `mode`. */
  isCurrent(record: number, physical: number, mode: number): boolean {
    const header = (record - RECORD_BYTES) >> 2
    const { words } = this.core
    return (
      words[header + (RunHeader.Physical >> 2)] === (physical | 0) && words[header + (RunHeader.Mode >> 2)] === mode &&
      (words[record >> 2] & 0xffff) !== this.handlers.stale
    )
  }

  /**
   * Installs a compiled region that is entered in place of the run at `record`. `pages` are pairs of linear and
   * physical page. False when every slot is taken.
   */
  installRegion(
    record: number, code: () => number, instructions: number, pages: readonly (readonly [number, number])[],
    spans: readonly CodeSpan[],
  ): boolean {
    this.regionAt.get(record)?.drop()
    const slot = this.freeSlots.pop() ?? this.nextSlot++
    const full = this.free + 2 * RECORD_BYTES > RECORDS_BASE + RECORDS_BYTES
    if (slot >= REGION_SLOTS || pages.length > MOST_REGION_PAGES || full) return false
    const { words } = this.core
    this.core.exports.regions.set(slot, code)
    const descriptor = (REGION_DESCRIPTORS_BASE + slot * REGION_DESCRIPTOR_BYTES) >> 2
    words[descriptor + (RegionDescriptor.Instructions >> 2)] = instructions
    words[descriptor + (RegionDescriptor.ValidatedKey >> 2)] = 0
    words[descriptor + (RegionDescriptor.Pages >> 2)] = pages.length
    pages.flat().forEach((page, i) => {
      words[descriptor + (RegionDescriptor.FirstPage >> 2) + i] = page
    })
    const header = (record - RECORD_BYTES) >> 2
    words[header + (RunHeader.Region >> 2)] = slot
    words[header + (RunHeader.FirstRecord >> 2)] = this.copyFirst(record)
    this.writeHandler(record, this.handlers.enter)
    const region: CompiledRegion = { slot, record, spans, drop: () => this.dropRegion(region) }
    this.regionAt.set(record, region)
    this.compiled++
    this.watch(region)
    return true
  }

  /** A copy of a run's first record, with a record behind it that goes on at the second. */
  private copyFirst(record: number): number {
    const { words } = this.core
    const copy = this.free
    words.copyWithin(copy >> 2, record >> 2, (record + RECORD_BYTES) >> 2)
    const behind = copy + RECORD_BYTES
    words.fill(0, behind >> 2, (behind + RECORD_BYTES) >> 2)
    this.writeHandler(behind, this.handlers.goto)
    words[(behind + RecordField.Link) >> 2] = record + RECORD_BYTES
    this.free = behind + RECORD_BYTES
    return copy
  }

  private dropRegion(region: CompiledRegion): void {
    const { words } = this.core
    this.unwatch(region)
    this.regionAt.delete(region.record)
    const header = (region.record - RECORD_BYTES) >> 2
    if ((words[region.record >> 2] & 0xffff) === this.handlers.enter)
      this.writeHandler(region.record, words[words[header + (RunHeader.FirstRecord >> 2)] >> 2] & 0xffff)
    words[header + (RunHeader.Heat >> 2)] = 0
    this.core.exports.regions.set(region.slot, null)
    this.freeSlots.push(region.slot)
  }

  private writeHandler(record: number, handler: number): void {
    this.core.bytes[record + RecordField.Handler] = handler & 0xff
    this.core.bytes[record + RecordField.Handler + 1] = handler >> 8
  }

  /** Forgets every run. Nothing may be executing. */
  flush(): void {
    const { core } = this
    core.words.fill(0, RUN_TABLE_BASE >> 2, (RUN_TABLE_BASE + RUN_TABLE_ENTRIES * RUN_TABLE_ENTRY_BYTES) >> 2)
    this.granules.fill(0)
    for (const { slot } of this.regionAt.values()) {
      core.exports.regions.set(slot, null)
      this.freeSlots.push(slot)
    }
    this.regionAt.clear()
    this.pages.clear()
    this.free = RECORDS_BASE
    this.tableEntries = 0
    // A new generation: jump-cache entries lead nowhere any more.
    core.exports.flushTlb(true)
  }
}

/** First and last granule of a span. */
function granuleSpan(start: number, end: number): { first: number; last: number } {
  const offset = start & (PAGE_BYTES - 1)
  return { first: offset >> GRANULE_SHIFT, last: (offset + Math.max(end - start, 1) - 1) >> GRANULE_SHIFT }
}

function overlaps(watched: Watched, start: number, end: number): boolean {
  return watched.spans.some(span => span.start < end && start < span.end)
}
