/**
 * Between the machine and the compiler: takes hot runs, snapshots their code, has it compiled, and installs the
 * result if the code has not changed meanwhile.
 */
import type { CodeCache, CodeSpan } from '../runtime/code-cache.ts'
import type { Core } from '../runtime/core.ts'
import { MOST_REGION_PAGES, RunHeader } from '../runtime/records.ts'
import { PAGE_BYTES, RAM_BASE, RECORD_BYTES } from '../runtime/memory-map.ts'
import { ModeBit } from '../runtime/state.ts'
import type { CompiledCode, CompileRequest } from './compile.ts'
import { discover } from './regions/discovery.ts'
import type { CodePage } from './regions/region.ts'

/** Compiles a request, at once or later. */
export type Compiler = (request: CompileRequest) => CompiledCode | undefined | Promise<CompiledCode | undefined>

/** Figures for `--stats`. */
export interface RegionStats {
  requested: number
  installed: number
  discarded: number
  failed: number
}

export class RegionManager {
  readonly stats: RegionStats = { requested: 0, installed: 0, discarded: 0, failed: 0 }
  private readonly core: Core
  private readonly cache: CodeCache
  private readonly compiler: Compiler

  constructor(core: Core, cache: CodeCache, compiler: Compiler) {
    this.core = core
    this.cache = cache
    this.compiler = compiler
  }

  /** Compiles the hot run whose first record is at `record`; EIP is at its start. */
  compile(record: number): void {
    const { core } = this
    const header = (record - RECORD_BYTES) >> 2
    const mode = core.words[header + (RunHeader.Mode >> 2)]
    const physical = core.words[header + (RunHeader.Physical >> 2)] >>> 0
    const wanted = ModeBit.Flat | ModeBit.Code32 | ModeBit.Stack32
    if ((mode & (wanted | ModeBit.Step)) !== wanted) return
    const entry = core.get('eip') >>> 0
    const pages = this.snapshot(entry, mode)
    if (!pages) return
    this.stats.requested++
    const versions = this.cache.pageVersions(pages.map(page => page.physical))
    const outcome = this.compiler({ entry, mode, pages })
    const install = (code: CompiledCode | undefined): void => {
      if (!code) {
        this.stats.failed++
        return
      }
      const now = this.cache.pageVersions(pages.map(page => page.physical))
      const unchanged = now.every((version, i) => version === versions[i])
      if (unchanged && this.cache.isCurrent(record, physical, mode)) this.install(record, code, pages)
      else this.stats.discarded++
    }
    if (outcome instanceof Promise) void outcome.then(install)
    else install(outcome)
  }

  /** Copies of the pages that the region at `entry` lies in, or undefined when there is no region. */
  private snapshot(entry: number, mode: number): CodePage[] | undefined {
    const { core } = this
    const pages = new Map<number, CodePage>()
    const region = discover(entry, mode, linear => {
      const known = pages.get(linear)
      if (known) return known.bytes
      if (pages.size >= MOST_REGION_PAGES) return undefined
      const physical = core.exports.peekTranslate(linear | 0) >>> 0
      if (physical + PAGE_BYTES > core.ramBytes) return undefined
      const bytes = core.bytes.slice(RAM_BASE + physical, RAM_BASE + physical + PAGE_BYTES)
      pages.set(linear, { linear, physical, bytes })
      return bytes
    })
    return region ? [...pages.values()] : undefined
  }

  private install(record: number, code: CompiledCode, pages: readonly CodePage[]): void {
    const { core } = this
    const instance = new WebAssembly.Instance(new WebAssembly.Module(code.binary as BufferSource), {
      env: { memory: core.memory },
      core: { condition: core.exports.condition },
    })
    const physicalOf = new Map(pages.map(page => [page.linear, page.physical]))
    const spans: CodeSpan[] = []
    for (const [first, last] of code.spans)
      for (let start = first; start < last; ) {
        const page = start - (start % PAGE_BYTES)
        const end = Math.min(last, page + PAGE_BYTES)
        const physical = (physicalOf.get(page) as number) + (start - page)
        spans.push({ start: physical, end: physical + end - start })
        start = end
      }
    const used = new Set(code.spans.flatMap(([first, last]) => [first - (first % PAGE_BYTES), last - 1 - ((last - 1) % PAGE_BYTES)]))
    const pairs = pages
      .filter(page => used.has(page.linear))
      .map(page => [page.linear | 0, page.physical] as const)
    const region = instance.exports.region as () => number
    if (this.cache.installRegion(record, region, code.instructions, pairs, spans)) this.stats.installed++
    else this.stats.discarded++
  }
}
