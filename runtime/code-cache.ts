/**
 * The decoded runs and compiled regions: their memory, finding them by physical address and mode, and dropping them
 * when their bytes are written.
 *
 * Record memory has two generations: when the younger half is full, the runs of the older one go, and their half is
 * filled next. Regions outlast their runs: one whose entry is decoded again is entered again.
 */
import type { Core } from './core.ts'
import {
  GRANULE_SHIFT, PAGE_BYTES, PAGE_GRANULES_BASE, PAGE_SHIFT, PAGE_VERSIONS_BASE, PHYSICAL_PAGES, RECORD_BYTES, RECORDS_BASE,
  RECORDS_BYTES, REGION_SLOTS,
} from './memory-map.ts'
import { MOST_REGION_INSTRUCTIONS, MOST_REGION_PAGES, NOT_CROSSING, RecordField, RunHeader } from './records.ts'
import { RegionRecords } from './region-records.ts'
import { RegionSlots, type SlotContents, type SlotHolder, type SlotLimits } from './region-slots.ts'
import { RunTable } from './run-table.ts'

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
  live: boolean
}

/** A compiled region in its slot. */
interface CompiledRegion extends Watched, SlotHolder {
  /** What the run is decoded from in whose place it is entered. */
  readonly key: number
  /** First record of that run, or 0 while there is none. */
  record: number
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
  readonly instructions: number
  readonly records: number
  /** Physical address of the second page of a crossing instruction, or -1. */
  readonly secondPage: number
}

/** Bytes of a generation's records; behind both are the copies of first records, by region slot. */
const COPY_BYTES = 2 * RECORD_BYTES
const COPIES_BASE = RECORDS_BASE + RECORDS_BYTES - REGION_SLOTS * COPY_BYTES
const GENERATION_BYTES = (COPIES_BASE - RECORDS_BASE) / 2

/** Granules of a page. */
const GRANULES = PAGE_BYTES >> GRANULE_SHIFT

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
  private readonly handlers: { readonly stale: number; readonly enter: number; readonly goto: number }
  private readonly generationBytes: number
  private readonly table: RunTable
  readonly slots: RegionSlots
  /** Where regions have the records of handled instructions. */
  readonly handledRecords = new RegionRecords()
  /** The runs and regions of a page by the granules that they touch. */
  private readonly pages = new Map<number, Watched[][]>()
  /** The runs of each generation, dropped ones too, and which of them is the younger. */
  private readonly runs: [Run[], Run[]] = [[], []]
  private young: 0 | 1 = 0
  private free = RECORDS_BASE
  private readonly granules: Uint32Array
  private readonly versions: Uint32Array

  /** Numbers of the handlers that send the interpreter to look again, and into a compiled region. */
  constructor(
    core: Core, handlers: { readonly stale: number; readonly enter: number; readonly goto: number },
    limits: CacheLimits = { generationBytes: GENERATION_BYTES },
  ) {
    this.core = core
    this.handlers = handlers
    this.generationBytes = limits.generationBytes
    this.table = new RunTable(core)
    this.slots = new RegionSlots(core, limits.regions)
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
    if (this.free + bytes > this.base(this.young) + this.generationBytes || this.table.full) this.nextGeneration()
    return this.free + RECORD_BYTES
  }

  /** Drops the runs of the older generation; their memory is filled next. */
  private nextGeneration(): void {
    const { core, table, runs } = this
    const old = this.young === 0 ? 1 : 0
    const start = this.base(old)
    const end = start + this.generationBytes
    this.generations++
    for (const run of runs[old]) if (run.live) this.forget(run)
    runs[old] = []
    runs[this.young] = runs[this.young].filter(run => run.live)
    table.clear()
    for (const run of runs[this.young]) {
      table.insert(run)
      for (let i = 0; i < run.records; i++) this.unlink(run.record + i * RECORD_BYTES, start, end)
    }
    for (const region of this.regions.values()) if (region.record !== 0) this.unlink(this.copyOf(region), start, end)
    core.words.fill(0, start >> 2, end >> 2)
    this.young = old
    this.free = start
    // Entries of the jump cache lead nowhere any more.
    core.exports.flushTlb(true)
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
    this.free = record + description.records * RECORD_BYTES
    const room = PAGE_BYTES - (physical & (PAGE_BYTES - 1))
    const spans = [{ start: physical, end: physical + Math.min(bytes, room) }]
    if (secondPage >= 0) spans.push({ start: secondPage, end: secondPage + bytes - room })
    const run: Run = {
      record, physical, records: description.records, mode, spans, live: true, drop: () => this.drop(run),
    }
    this.decoded++
    this.table.insert(run)
    this.runs[this.young].push(run)
    this.watch(run)
    const region = this.regions.get(keyOf(physical, mode))
    if (region) this.attach(region, record)
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

  /** Whether any run or region has bytes in a page, given by its number. */
  holdsCode(page: number): boolean {
    return this.pages.get(page)?.some(granule => granule.length > 0) ?? false
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
    if (!dropped) return
    Atomics.add(this.versions, page, 1)
    this.core.set('codeWritten', 1)
  }

  private drop(run: Run): void {
    this.invalidations++
    this.table.remove(run)
    // Links and the jump cache may still lead here: every record sends the interpreter to look again.
    for (let i = 0; i < run.records; i++) this.writeHandler(run.record + i * RECORD_BYTES, this.handlers.stale)
    this.forget(run)
  }

  /** What a run leaves behind outside its records and the table. */
  private forget(run: Run): void {
    run.live = false
    this.unwatch(run)
    const region = this.regions.get(keyOf(run.physical, run.mode))
    if (region?.record === run.record) region.record = 0
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
  private readonly regions = new Map<number, CompiledRegion>()

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

  /** Whether a region is entered in place of the run at `record`. */
  isCompiled(record: number): boolean {
    return (this.core.words[record >> 2] & 0xffff) === this.handlers.enter
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
    this.attach(region, record)
    this.watch(region)
    this.compiled++
    return true
  }

  /**
   * Drops the regions that hold the byte at `physical`; their code is hot again after `entries` more entries. Gives
   * their number. Nothing may be executing.
   */
  dropRegionsAt(physical: number, entries: number): number {
    const list = this.pages.get(physical >>> PAGE_SHIFT)?.[(physical & (PAGE_BYTES - 1)) >> GRANULE_SHIFT] ?? []
    const regions = list.filter(watched => 'slot' in watched && overlaps(watched, physical, physical + 1)) as CompiledRegion[]
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
    this.writeHandler(record, this.handlers.enter)
  }

  private dropRegion(region: CompiledRegion): void {
    this.unwatch(region)
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
    for (const page of this.pages.keys()) this.granules[page] = 0
    this.pages.clear()
    this.runs[0] = []
    this.runs[1] = []
    this.young = 0
    this.free = this.base(0)
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

function overlaps(watched: Watched, start: number, end: number): boolean {
  return watched.spans.some(span => span.start < end && start < span.end)
}
