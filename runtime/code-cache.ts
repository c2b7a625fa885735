/**
 * The decoded runs and compiled regions: their memory, finding them by physical address and mode, and dropping them
 * when their bytes are written.
 *
 * Record memory has two generations: when the younger half is full, the runs of the older one go, and their half is
 * filled next. Regions outlast their runs: one whose entry is decoded again is entered again.
 */
import { CodeWatch, GRANULES } from './code-watch.ts'
import type { Core } from './core.ts'
import {
  GRANULE_SHIFT, PAGE_BYTES, PAGE_GRANULES_BASE, PAGE_SHIFT, PAGE_VERSIONS_BASE, PHYSICAL_PAGES, RECORD_BYTES, RECORDS_BASE,
  RECORDS_BYTES, REGION_SLOTS, VIDEO_PLACE,
} from './memory-map.ts'
import { QuietGranules } from './quiet-granules.ts'
import { MOST_REGION_INSTRUCTIONS, MOST_REGION_PAGES, NOT_CROSSING, RecordField, RecordFlag, RunHeader } from './records.ts'
import { RegionRecords } from './region-records.ts'
import { RegionSlots, type SlotContents, type SlotHolder, type SlotLimits } from './region-slots.ts'
import { RunTable, type TableRun } from './run-table.ts'
import { FLAT32_MODE } from './state.ts'

/** Physical addresses [start, end) within one page. */
export interface CodeSpan {
  readonly start: number
  readonly end: number
}

/** A compiled region in its slot. */
interface CompiledRegion extends SlotHolder {
  /** What the run is decoded from in whose place it is entered. */
  readonly key: number
  /** First record of that run, or 0 while there is none. */
  record: number
  readonly spans: readonly CodeSpan[]
  readonly handled: HandledRecords
}

/** The records of the instructions that a region hands to their handlers. */
export interface HandledRecords {
  readonly address: number
  readonly count: number
}

/** What a new run is, apart from its records, which are written already. */
export interface RunDescription {
  readonly physical: number
  readonly mode: number
  readonly bytes: number
  /** Each has a record; one more closes the run. */
  readonly instructions: number
  /** Physical address of the second page of a crossing instruction, or -1. */
  readonly secondPage: number
}

/** Bytes of a generation's records; behind both are the copies of first records, by region slot. */
const COPY_BYTES = 2 * RECORD_BYTES
const COPIES_BASE = RECORDS_BASE + RECORDS_BYTES - REGION_SLOTS * COPY_BYTES
const GENERATION_BYTES = (COPIES_BASE - RECORDS_BASE) / 2

/** Numbers of the handlers that the cache writes into records. */
export interface CacheHandlers {
  readonly stale: number
  /** Into a region of flat 32-bit code, and of all other code. */
  readonly enter: number
  readonly enterUnflat: number
  readonly goto: number
}


/** How much the cache may hold; less in specs, which fill it. */
export interface CacheLimits {
  readonly generationBytes: number
  readonly regions?: SlotLimits
}

export class CodeCache {
  /** Since power-on: runs decoded, runs dropped because they were written, generations of runs dropped. */
  decoded = 0
  invalidations = 0
  generations = 0
  private readonly core: Core
  private readonly handlers: CacheHandlers
  private readonly generationBytes: number
  private readonly table: RunTable
  readonly slots: RegionSlots
  /** Where regions have the records of handled instructions. */
  readonly handledRecords = new RegionRecords()
  /** Where runs and regions have bytes. A run is named by its first record's address, a region by `itemOf`. */
  private readonly watch = new CodeWatch()
  /** Which generation is the younger, and where the runs of each end: they follow each other, dropped ones too. */
  private young: 0 | 1 = 0
  private readonly ends: [number, number] = [this.base(0), this.base(1)]
  private readonly quiet: QuietGranules
  private readonly granules: Uint32Array
  private readonly versions: Uint32Array

  /** Numbers of the handlers that send the interpreter to look again, and into a compiled region. */
  constructor(
    core: Core, handlers: CacheHandlers,
    limits: CacheLimits = { generationBytes: GENERATION_BYTES },
  ) {
    this.core = core
    this.handlers = handlers
    this.generationBytes = limits.generationBytes
    this.table = new RunTable(core)
    this.slots = new RegionSlots(core, limits.regions)
    this.quiet = new QuietGranules(core)
    this.granules = new Uint32Array(core.memory.buffer, PAGE_GRANULES_BASE, PHYSICAL_PAGES)
    this.versions = new Uint32Array(core.memory.buffer, PAGE_VERSIONS_BASE, PHYSICAL_PAGES)
  }

  private base(generation: 0 | 1): number {
    return RECORDS_BASE + generation * GENERATION_BYTES
  }

  /**
   * Address for a run of at most `records` records, its header in front. When the memory is full, the older half of
   * all runs goes first; so no address from before may be kept across this call, and nothing may be executing.
   */
  reserve(records: number): number {
    const bytes = (records + 1) * RECORD_BYTES
    if (this.ends[this.young] + bytes > this.base(this.young) + this.generationBytes || this.table.full) this.nextGeneration()
    return this.ends[this.young] + RECORD_BYTES
  }

  /** Calls `visit` with the first record's address of each run of a generation that has not been dropped. */
  private forEachRun(generation: 0 | 1, visit: (record: number) => void): void {
    for (let header = this.base(generation); header < this.ends[generation]; ) {
      const record = header + RECORD_BYTES
      header = record + this.recordsOf(record) * RECORD_BYTES
      if ((this.core.words[record >> 2] & 0xffff) !== this.handlers.stale) visit(record)
    }
  }

  /** A field of the header of the run at `record`. */
  private header(record: number, field: RunHeader): number {
    return this.core.words[(record - RECORD_BYTES + field) >> 2]
  }

  /** Number of records of a run, the end record included. */
  private recordsOf(record: number): number {
    return this.header(record, RunHeader.Instructions) + 1
  }

  /** The physical addresses of a run's bytes. */
  private spansOf(record: number): CodeSpan[] {
    const start = this.header(record, RunHeader.Physical) >>> 0
    const bytes = this.header(record, RunHeader.Bytes)
    const second = this.header(record, RunHeader.SecondPage) >>> 0
    const room = PAGE_BYTES - (start & (PAGE_BYTES - 1))
    const spans = [{ start, end: start + Math.min(bytes, room) }]
    if (second !== NOT_CROSSING) spans.push({ start: second, end: second + bytes - room })
    return spans
  }

  /** Drops the runs of the older generation; their memory is filled next. */
  private nextGeneration(): void {
    const { core, table } = this
    const old = this.young === 0 ? 1 : 0
    const start = this.base(old)
    const end = start + this.generationBytes
    this.generations++
    this.forEachRun(old, record => this.forget(record))
    table.clear()
    this.forEachRun(this.young, record => {
      this.table.insert(this.inTable(record))
      for (let i = 0; i < this.recordsOf(record); i++) this.unlink(record + i * RECORD_BYTES, start, end)
    })
    for (const region of this.regions.values()) if (region.record !== 0) this.unlink(this.copyOf(region), start, end)
    core.words.fill(0, start >> 2, end >> 2)
    this.young = old
    this.ends[old] = start
    // Entries of the jump cache lead nowhere any more.
    core.exports.flushTlb(true)
  }

  /** What the table knows of a run. */
  private inTable(record: number): TableRun {
    return { record, physical: this.header(record, RunHeader.Physical) >>> 0, mode: this.header(record, RunHeader.Mode) }
  }

  /** Takes back a record's link into [start, end). */
  private unlink(record: number, start: number, end: number): void {
    const { words } = this.core
    const link = words[(record + RecordField.Link) >> 2]
    if (link >= start && link < end) words[(record + RecordField.Link) >> 2] = 0
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
    this.ends[this.young] = record + (description.instructions + 1) * RECORD_BYTES
    this.decoded++
    this.table.insert(this.inTable(record))
    this.mark(record, this.spansOf(record))
    const region = this.regions.get(keyOf(physical, mode))
    if (region) this.attach(region, record)
  }

  /** Marks the granules of an item's bytes as code and closes their pages' fast path for stores. */
  private mark(item: number, spans: readonly CodeSpan[]): void {
    for (const { start, end } of spans) {
      const page = start >>> PAGE_SHIFT
      const { first, last } = granuleSpan(start, end)
      for (let granule = first; granule <= last; granule++) {
        this.watch.add(page, granule, item)
        this.quiet.forget(page * GRANULES + granule)
      }
      if (page >= this.granules.length) continue
      if (this.granules[page] === 0) this.core.exports.closePage(start)
      for (let granule = first; granule <= last; granule++) this.granules[page] |= 1 << granule
    }
  }

  /** Whether any run or region has bytes in a page, given by its number. */
  holdsCode(page: number): boolean {
    return this.watch.has(page)
  }

  /** Drops the runs and regions that any of `bytes` bytes at `physical` belong to. */
  written(physical: number, bytes: number): void {
    if (this.quiet.isQuiet(physical, bytes)) return
    const first = physical >>> PAGE_SHIFT
    const last = (physical + bytes - 1) >>> PAGE_SHIFT
    for (let page = first; page <= last && page < this.granules.length; page++)
      if (this.granules[page] !== 0) this.writtenInPage(page, physical, physical + bytes)
  }

  private writtenInPage(page: number, start: number, end: number): void {
    const base = page << PAGE_SHIFT >>> 0
    const first = start <= base ? 0 : (start - base) >> GRANULE_SHIFT
    const last = Math.min(GRANULES - 1, (end - 1 - base) >> GRANULE_SHIFT)
    const isWritten = (item: number) => overlaps(this.spansOfItem(item), start, end)
    let dropped = false
    for (let granule = first; granule <= last; granule++) {
      // Emptied by an earlier store and not decoded again since: data now.
      if (this.watch.isEmpty(page, granule)) this.granules[page] &= ~(1 << granule)
      // A drop takes one or more (a run and its region) out of the list, so the search starts again.
      for (let item = this.watch.find(page, granule, isWritten); item !== 0; item = this.watch.find(page, granule, isWritten)) {
        if (item > 0) this.drop(item)
        else this.dropRegion(this.regionOf(item))
        dropped = true
      }
    }
    if (!dropped) {
      if (first === last) this.noteQuiet(page, first)
      return
    }
    Atomics.add(this.versions, page, 1)
    this.core.set('codeWritten', 1)
  }

  /** A store to a granule has hit none of its code: the next one is told from it by a look at the bits. */
  private noteQuiet(page: number, granule: number): void {
    // Whoever shows video memory wants to know of every store to a page with code.
    if (page >= VIDEO_PLACE / PAGE_BYTES) return
    const items = this.watch.itemsOf(page, granule)
    if (items.length > 0) this.quiet.note(page * GRANULES + granule, items.flatMap(item => this.spansOfItem(item)))
  }

  private spansOfItem(item: number): readonly CodeSpan[] {
    return item > 0 ? this.spansOf(item) : this.regionOf(item).spans
  }

  private drop(record: number): void {
    this.invalidations++
    this.table.remove(this.inTable(record))
    // Links and the jump cache may still lead here: every record sends the interpreter to look again.
    for (let i = 0; i < this.recordsOf(record); i++) this.writeHandler(record + i * RECORD_BYTES, this.handlers.stale)
    this.forget(record)
  }

  /** What a run leaves behind outside its records and the table. */
  private forget(record: number): void {
    this.unmark(record, this.spansOf(record))
    const { physical, mode } = this.inTable(record)
    const region = this.regions.get(keyOf(physical, mode))
    if (region?.record === record) region.record = 0
  }

  /** Forgets where an item's bytes are. A granule without code stays marked: the next store to it opens it. */
  private unmark(item: number, spans: readonly CodeSpan[]): void {
    for (const { start, end } of spans) {
      const { first, last } = granuleSpan(start, end)
      for (let granule = first; granule <= last; granule++) {
        this.watch.remove(start >>> PAGE_SHIFT, granule, item)
        this.quiet.forget((start >>> PAGE_SHIFT) * GRANULES + granule)
      }
    }
  }

  // --- compiled regions ---

  /** Regions installed since power-on. */
  compiled = 0
  private readonly regions = new Map<number, CompiledRegion>()
  private readonly bySlot: CompiledRegion[] = []

  /** The region that `itemOf` has named. */
  private regionOf(item: number): CompiledRegion {
    return this.bySlot[-item - 1]
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

  /** How often the run at `physical` has been entered by a jump; undefined when no run begins there. */
  entries(physical: number, mode: number): number | undefined {
    const record = this.table.find(physical, mode)
    return record === 0 ? undefined : this.core.words[(record - RECORD_BYTES + RunHeader.Heat) >> 2]
  }

  /**
   * How often the conditional branch at `physical` has gone on behind itself, in all runs that hold it, and how often it
   * was executed; the interpreter alone counts.
   */
  passed(physical: number, mode: number): { readonly executed: number; readonly passed: number } {
    const { words, bytes } = this.core
    const offset = physical & (PAGE_BYTES - 1)
    let executed = 0
    let passed = 0
    for (const run of this.watch.itemsOf(physical >>> PAGE_SHIFT, offset >> GRANULE_SHIFT)) {
      if (run < 0 || this.header(run, RunHeader.Mode) !== mode) continue
      let count = this.header(run, RunHeader.Heat)
      const end = run + this.header(run, RunHeader.Instructions) * RECORD_BYTES
      for (let record = run; record < end; record += RECORD_BYTES) {
        const place = words[record >> 2] >>> 16
        if (place > offset) break
        const taken = (bytes[record + RecordField.Flags] & RecordFlag.Counted) === 0 ? 0 : words[(record + RecordField.Displacement) >> 2]
        if (place === offset) {
          executed += count
          passed += Math.max(0, count - taken)
          break
        }
        count = Math.max(0, count - taken)
      }
    }
    return { executed, passed }
  }

  /** Whether a region is entered in place of the run at `record`. */
  isCompiled(record: number): boolean {
    const handler = this.core.words[record >> 2] & 0xffff
    return handler === this.handlers.enter || handler === this.handlers.enterUnflat
  }

  /** Makes the run at `record` cold: it has to be entered as often again to be hot. */
  cool(record: number): void {
    this.core.words[(record - RECORD_BYTES + RunHeader.Heat) >> 2] = 0
  }

  /**
   * Installs a compiled region that is entered in place of the run at `record`. `pages` are pairs of linear and
   * physical page; `codeBytes` is the size of its wasm; `handled` go back to `handledRecords` with the region. Other
   * regions may have to go for it. False when it is too large.
   */
  installRegion(
    record: number, code: () => number, instructions: number, pages: SlotContents['pages'], spans: readonly CodeSpan[],
    codeBytes: number, handled: HandledRecords = { address: 0, count: 0 },
  ): boolean {
    const { words } = this.core
    const header = (record - RECORD_BYTES) >> 2
    const key = keyOf(words[header + (RunHeader.Physical >> 2)] >>> 0, words[header + (RunHeader.Mode >> 2)])
    this.regions.get(key)?.drop()
    const fits = pages.length <= MOST_REGION_PAGES && instructions <= MOST_REGION_INSTRUCTIONS
    const slot = fits ? this.slots.reserve(codeBytes) : undefined
    if (slot === undefined) return false
    const region: CompiledRegion = { slot, codeBytes, key, record: 0, spans, handled, drop: () => this.dropRegion(region) }
    this.slots.fill(region, { code, instructions, pages })
    this.regions.set(key, region)
    this.bySlot[slot] = region
    this.attach(region, record)
    this.mark(itemOf(region), spans)
    this.compiled++
    return true
  }

  /**
   * Drops the regions that hold the byte at `physical`; their code is hot again after `entries` more entries. Gives
   * their number. Nothing may be executing.
   */
  dropRegionsAt(physical: number, entries: number): number {
    const granule = (physical & (PAGE_BYTES - 1)) >> GRANULE_SHIFT
    const items = this.watch.itemsOf(physical >>> PAGE_SHIFT, granule).filter(item => item < 0)
    const regions = items.map(item => this.regionOf(item)).filter(({ spans }) => overlaps(spans, physical, physical + 1))
    for (const region of regions) {
      const { record } = region
      this.dropRegion(region)
      if (record !== 0)
        this.core.words[(record - RECORD_BYTES + RunHeader.Heat) >> 2] = Math.max(0, this.core.get('heatThreshold') - entries)
    }
    return regions.length
  }

  private copyOf(region: CompiledRegion): number {
    return COPIES_BASE + region.slot * COPY_BYTES
  }

  /** Lets a region be entered at the first record of its run. */
  private attach(region: CompiledRegion, record: number): void {
    const { words } = this.core
    const copy = this.copyOf(region)
    const behind = copy + RECORD_BYTES
    const header = (record - RECORD_BYTES) >> 2
    // A crossing instruction that was decoded again leaves its old run behind.
    if (region.record !== 0) this.writeHandler(region.record, words[copy >> 2] & 0xffff)
    region.record = record
    words[header + (RunHeader.Region >> 2)] = region.slot
    words[header + (RunHeader.FirstRecord >> 2)] = copy
    // The first record is carried out from its copy, behind which a record goes on at the second.
    words.copyWithin(copy >> 2, record >> 2, (record + RECORD_BYTES) >> 2)
    words.fill(0, behind >> 2, (behind + RECORD_BYTES) >> 2)
    this.writeHandler(behind, this.handlers.goto)
    words[(behind + RecordField.Link) >> 2] = record + RECORD_BYTES
    const flat = (this.header(record, RunHeader.Mode) & FLAT32_MODE) === FLAT32_MODE
    this.writeHandler(record, flat ? this.handlers.enter : this.handlers.enterUnflat)
  }

  private dropRegion(region: CompiledRegion): void {
    this.unmark(itemOf(region), region.spans)
    this.regions.delete(region.key)
    if (region.record !== 0) {
      this.writeHandler(region.record, this.core.words[this.copyOf(region) >> 2] & 0xffff)
      this.cool(region.record)
    }
    this.slots.free(region)
    this.handledRecords.release(region.handled.address, region.handled.count)
  }

  private writeHandler(record: number, handler: number): void {
    this.core.bytes[record + RecordField.Handler] = handler & 0xff
    this.core.bytes[record + RecordField.Handler + 1] = handler >> 8
  }

  /** Forgets every run and region. Nothing may be executing. */
  flush(): void {
    for (const region of this.regions.values()) this.dropRegion(region)
    this.table.clear()
    for (const page of this.watch.known()) this.granules[page] = 0
    this.watch.clear()
    this.quiet.forgetAll()
    this.young = 0
    this.ends[0] = this.base(0)
    this.ends[1] = this.base(1)
    // Entries of the jump cache lead nowhere any more.
    this.core.exports.flushTlb(true)
  }
}

/** One number for what a run is decoded from: a mode has less than 12 bits. */
function keyOf(physical: number, mode: number): number {
  return physical * 4096 + mode
}

/** First and last granule of a span. */
function granuleSpan(start: number, end: number): { first: number; last: number } {
  const offset = start & (PAGE_BYTES - 1)
  return { first: offset >> GRANULE_SHIFT, last: (offset + Math.max(end - start, 1) - 1) >> GRANULE_SHIFT }
}

/** How `CodeWatch` names a region: a negative number, runs are positive. */
function itemOf(region: CompiledRegion): number {
  return -region.slot - 1
}

function overlaps(spans: readonly CodeSpan[], start: number, end: number): boolean {
  return spans.some(span => span.start < end && start < span.end)
}
