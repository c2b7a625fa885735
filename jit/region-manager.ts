/**
 * Between the machine and the compiler: takes hot runs, snapshots their code, has it compiled, and installs the
 * result if the code has not changed meanwhile.
 *
 *   ExitReason.Hot -> hot() -> waiting -> snapshot -> Compiler -> install() -> CodeCache.installRegion
 *
 * A synchronous compiler gives the code at once. An asynchronous one gives a promise, which settles when the host's
 * loop lets it, so between two calls of `Machine.run`; until then the interpreter goes on. Only few requests are
 * under way at a time: what waits is cheap, may turn out to be covered by a region that arrives first, and the
 * hottest of it goes next.
 */
import type { CodeCache, CodeSpan, HandledRecords } from '../runtime/code-cache.ts'
import type { Core } from '../runtime/core.ts'
import { linearMemoryAddress, PAGE_BYTES, RECORD_BYTES } from '../runtime/memory-map.ts'
import { MOST_REGION_PAGES, RunHeader } from '../runtime/records.ts'
import { ModeBit } from '../runtime/state.ts'
import type { CompiledCode, CompileRequest } from './compile.ts'
import { LiveProfile, ProfileRecorder } from './live-profile.ts'
import { defaultLimits, discover } from './regions/discovery.ts'
import type { ProfileExcerpt } from './regions/profile.ts'
import type { RecordWriter } from './record-writer.ts'
import type { CodePage, Region } from './regions/region.ts'
import { type Segmentation, segmentationOf } from './regions/segmentation.ts'
import type { ReadyCode } from './worker/messages.ts'
import { CompilerGone } from './worker/worker-compiler.ts'

/** A compiled region, or undefined when the first instruction of a request is left to the interpreter. */
export type CompileOutcome = CompiledCode | ReadyCode | undefined

/**
 * Compiles a request, at once or later. A promise may reject: with `CompilerGone` nothing more is compiled, with
 * another error this region is not.
 */
export type Compiler = (request: CompileRequest) => CompileOutcome | Promise<CompileOutcome>

/** Figures for `--stats`. */
export interface RegionStats {
  /** Sent to the compiler. */
  requested: number
  /** Put in place. */
  installed: number
  /** Thrown away on arrival, because the code had changed or was no longer known. */
  discarded: number
  /** Not compiled because the compiler gave an error. */
  failed: number
  /** Hot runs that were not sent: too many waited, or their pages were not mapped any more. They may get hot again. */
  refused: number
  /** Hot runs that were not sent, because a region that arrived meanwhile holds their code. */
  covered: number
  /** Dropped to be compiled again, because they were left too often. */
  reviewed: number
  /** Milliseconds in the compiler, wherever it runs. */
  compileMilliseconds: number
  /** Milliseconds of the machine's thread: finding and copying code, and instantiating. */
  snapshotMilliseconds: number
  installMilliseconds: number
}

/** Those figures, and what there is at the moment. */
export interface RegionFigures extends RegionStats {
  readonly count: number
  /** Bytes of wasm. */
  readonly codeBytes: number
  /** Regions that made room for others. */
  readonly evicted: number
}

/** How many requests are with an asynchronous compiler: enough to keep it busy during one slice of the machine. */
export const MOST_UNDER_WAY = 16
/**
 * How many hot runs wait. With 64, a program of 512 functions in turn had most refused round after round and took ten
 * rounds to be compiled, the compiler idle; with 512, three.
 */
export const MOST_WAITING = 512

/** Entries that a region dropped by `review` still needs to be hot again. */
const REVIEW_HEAT = 64

/** A run that is to be compiled. */
interface Candidate {
  /** Address of its first record. */
  readonly record: number
  readonly physical: number
  readonly mode: number
  /** Linear address. */
  readonly entry: number
  /** Absent for flat 32-bit code. */
  readonly segmentation: Segmentation | undefined
}

/** What is to be compiled. */
interface Found {
  readonly region: Region
  readonly pages: readonly CodePage[]
  readonly profile: ProfileExcerpt
}

/** What has been sent to the compiler. */
interface Sent {
  readonly candidate: Candidate
  readonly pages: readonly CodePage[]
  readonly handled: HandledRecords
}

export class RegionManager {
  readonly stats: RegionStats = {
    requested: 0, installed: 0, discarded: 0, failed: 0, refused: 0, covered: 0, reviewed: 0,
    compileMilliseconds: 0, snapshotMilliseconds: 0, installMilliseconds: 0,
  }
  private readonly core: Core
  private readonly cache: CodeCache
  private readonly writer: RecordWriter
  private readonly compiler: Compiler
  private readonly warn: (message: string) => void
  private readonly profile: LiveProfile
  private readonly instances = new WeakMap<WebAssembly.Module, WebAssembly.Instance>()
  private waiting: Candidate[] = []
  private underWay = 0
  private off = false

  /** `warn` is told once when the compiler is gone and the machine interprets from then on. */
  constructor(
    core: Core, cache: CodeCache, writer: RecordWriter, compiler: Compiler, warn: (message: string) => void = () => {},
  ) {
    this.core = core
    this.cache = cache
    this.writer = writer
    this.profile = new LiveProfile(core, cache)
    this.compiler = compiler
    this.warn = warn
  }

  /** Takes the hot run whose first record is at `record`; EIP is at its start. */
  hot(record: number): void {
    const { core } = this
    const header = (record - RECORD_BYTES) >> 2
    const mode = core.words[header + (RunHeader.Mode >> 2)]
    if (this.off || this.cache.isCompiled(record)) return
    if ((mode & ModeBit.Step) !== 0) return
    const physical = core.words[header + (RunHeader.Physical >> 2)] >>> 0
    const segmentation = segmentationOf(core, mode)
    const entry = ((segmentation?.base ?? 0) + core.get('eip')) >>> 0
    this.waiting.push({ record, physical, mode, entry, segmentation })
    this.dispatch()
    if (this.waiting.length > MOST_WAITING) this.refuse(this.takeBy((a, b) => a < b))
  }

  /** Looks at what regions were left for, and drops those that should be compiled again. Nothing may be executing. */
  review(): void {
    for (const eip of this.profile.review()) {
      const physical = this.core.exports.peekTranslate(eip | 0) >>> 0
      if (physical >= this.core.ramBytes) continue
      this.stats.reviewed += this.cache.dropRegionsAt(physical, REVIEW_HEAT)
    }
  }

  figures(): RegionFigures {
    const { slots } = this.cache
    return { ...this.stats, count: slots.count, codeBytes: slots.codeBytes, evicted: slots.evictions }
  }

  /** Whether an asynchronous compiler is at work on something. */
  get awaitsCode(): boolean {
    return this.underWay > 0
  }

  /** Forgets what waits and takes no more; what is under way is ignored when it arrives. */
  dispose(): void {
    this.off = true
    this.waiting = []
  }

  private heat({ record }: Candidate): number {
    return this.core.words[(record - RECORD_BYTES + RunHeader.Heat) >> 2]
  }

  /** Takes the candidate out of the queue whose heat is before that of all others. */
  private takeBy(before: (heat: number, other: number) => boolean): Candidate {
    let best = 0
    for (let i = 1; i < this.waiting.length; i++)
      if (before(this.heat(this.waiting[i]), this.heat(this.waiting[best]))) best = i
    const [candidate] = this.waiting.splice(best, 1)
    return candidate
  }

  /** Gives up a candidate for now: it has to get hot again. */
  private refuse(candidate: Candidate): void {
    this.stats.refused++
    this.cool(candidate)
  }

  private cool({ record, physical, mode }: Candidate): void {
    if (this.cache.isCurrent(record, physical, mode)) this.cache.cool(record)
  }

  private dispatch(): void {
    while (!this.off && this.underWay < MOST_UNDER_WAY && this.waiting.length > 0) {
      const candidate = this.takeBy((a, b) => a > b)
      if (this.cache.isCurrent(candidate.record, candidate.physical, candidate.mode)) this.request(candidate)
    }
  }

  private request(candidate: Candidate): void {
    const { entry, mode, segmentation } = candidate
    // Waiting may have outlived the address space that the run was hot in.
    const physical = this.core.exports.peekTranslate(entry | 0) >>> 0
    if (physical !== candidate.physical) {
      this.refuse(candidate)
      return
    }
    const found = this.snapshot(candidate)
    if (!found) return
    const { region, pages, profile } = found
    const count = region.handled.length
    const address = count > 0 ? this.cache.handledRecords.reserve(count) : 0
    if (address === undefined) {
      this.refuse(candidate)
      return
    }
    region.handled.forEach(({ instruction, eip }, i) => {
      this.writer.writeAlone(address + i * RECORD_BYTES, instruction, eip, mode, segmentation?.base)
    })
    const sent: Sent = { candidate, pages, handled: { address, count } }
    this.stats.requested++
    const started = performance.now()
    const outcome = this.compiler({
      entry, mode, segmentation, pages, profile, records: address, model: this.core.get('cpuModel'), fpuControl: this.core.get('fpuControl'),
    })
    if (!(outcome instanceof Promise)) {
      this.stats.compileMilliseconds += performance.now() - started
      this.arrived(sent, outcome)
      return
    }
    this.underWay++
    const settled = outcome.then(
      code => {
        if (code && 'module' in code) this.stats.compileMilliseconds += code.milliseconds
        if (!this.off) this.arrived(sent, code)
      },
      (error: unknown) => {
        this.release(sent)
        this.failed(error)
      },
    )
    void settled.then(() => {
      this.underWay--
      this.dispatch()
    })
  }

  private failed(error: unknown): void {
    this.stats.failed++
    if (!(error instanceof CompilerGone) || this.off) return
    this.dispose()
    this.core.set('heatThreshold', 0)
    this.warn(`code is no longer compiled, only interpreted: ${error.message}`)
  }

  private arrived(sent: Sent, code: CompileOutcome): void {
    const { candidate, pages } = sent
    if (code && this.isUnchanged(candidate, pages, code)) {
      this.install(sent, code)
      return
    }
    this.release(sent)
    if (code) {
      this.stats.discarded++
      this.cool(candidate)
    } else this.stats.failed++
  }

  private release({ handled }: Sent): void {
    this.cache.handledRecords.release(handled.address, handled.count)
  }

  /** Whether the bytes that were compiled are still what stands in memory. */
  private isUnchanged({ record, physical, mode }: Candidate, pages: readonly CodePage[], code: CompiledCode | ReadyCode): boolean {
    if (!this.cache.isCurrent(record, physical, mode)) return false
    const { bytes } = this.core
    return forEachPage(code.spans, pages, (page, from, to) => {
      const now = linearMemoryAddress(page.physical)
      for (let i = from; i < to; i++) if (page.bytes[i] !== bytes[now + i]) return false
      return true
    })
  }

  /**
   * Copies of the pages that the region at a candidate's entry lies in and what is known about its code, or undefined when there
   * is no region.
   */
  private snapshot({ entry, mode, segmentation }: Candidate): Found | undefined {
    const { core } = this
    const started = performance.now()
    const user = (mode & ModeBit.User) !== 0
    const pages = new Map<number, CodePage>()
    const recorder = new ProfileRecorder(this.profile, mode)
    const pageAt = (linear: number): Uint8Array | undefined => {
      const known = pages.get(linear)
      if (known) return known.bytes
      if (pages.size >= MOST_REGION_PAGES) return undefined
      const physical = core.exports.peekFetch(linear | 0, user) >>> 0
      if (physical % PAGE_BYTES !== 0 || !core.isMemory(physical)) return undefined
      const start = linearMemoryAddress(physical)
      const bytes = core.bytes.slice(start, start + PAGE_BYTES)
      pages.set(linear, { linear, physical, bytes })
      return bytes
    }
    const region = discover(entry, mode, pageAt, defaultLimits, recorder, core.get('cpuModel'), true, segmentation)
    this.stats.snapshotMilliseconds += performance.now() - started
    return region ? { region, pages: [...pages.values()], profile: recorder.excerpt } : undefined
  }

  private install(sent: Sent, code: CompiledCode | ReadyCode): void {
    const { candidate: { record, mode }, pages, handled } = sent
    const started = performance.now()
    const enter = this.functionOf(code)
    const codeBytes = 'module' in code ? code.codeBytes : code.binary.length
    const spans: CodeSpan[] = []
    const used = new Map<number, number>()
    forEachPage(code.spans, pages, (page, from, to) => {
      spans.push({ start: page.physical + from, end: page.physical + to })
      used.set(page.linear | 0, page.physical)
      return true
    })
    if (this.cache.installRegion(record, enter, code.instructions, [...used], spans, codeBytes, handled)) {
      this.stats.installed++
      this.dropCovered(spans, mode)
    } else {
      this.stats.discarded++
      this.release(sent)
    }
    this.stats.installMilliseconds += performance.now() - started
  }

  /** The region's function; regions of one module share an instance. */
  private functionOf(code: CompiledCode | ReadyCode): () => number {
    const module = 'module' in code ? code.module : new WebAssembly.Module(code.binary as BufferSource)
    const instance = this.instances.get(module) ?? new WebAssembly.Instance(module, {
      env: { memory: this.core.memory },
      core: this.core.exports as unknown as Record<string, WebAssembly.ExportValue>,
    })
    this.instances.set(module, instance)
    return instance.exports['name' in code ? code.name : 'region'] as () => number
  }

  /** Takes the runs out of the queue that a new region holds: most of them will not be entered any more. */
  private dropCovered(spans: readonly CodeSpan[], mode: number): void {
    this.waiting = this.waiting.filter(candidate => {
      const { physical } = candidate
      if (candidate.mode !== mode || !spans.some(({ start, end }) => start <= physical && physical < end)) return true
      this.stats.covered++
      this.cool(candidate)
      return false
    })
  }
}

/**
 * Calls `visit` for each piece of linear spans within one page, with offsets in that page, until it gives false;
 * whether it never did.
 */
function forEachPage(
  spans: readonly (readonly [number, number])[],
  pages: readonly CodePage[],
  visit: (page: CodePage, from: number, to: number) => boolean,
): boolean {
  const byLinear = new Map(pages.map(page => [page.linear, page]))
  for (const [first, last] of spans)
    for (let start = first; start < last; ) {
      const linear = start - (start % PAGE_BYTES)
      const end = Math.min(last, linear + PAGE_BYTES)
      const page = byLinear.get(linear)
      if (!page || !visit(page, start - linear, end - linear)) return false
      start = end
    }
  return true
}
