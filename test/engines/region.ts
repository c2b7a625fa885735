/**
 * The vector engine of compiled regions: the region at the instruction is compiled and entered as it is, without the
 * interpreter; what it leaves (a fault, a TLB miss, the INT3 behind) the interpreter then takes over.
 *
 *   bytes of a case -> compile -> region() -> interpreter to the INT3 or the handler's HLT
 */
import { compile, regionOf } from '../../jit/compile.ts'
import type { Optimisations } from '../../jit/optimisations.ts'
import { segmentationOf } from '../../jit/regions/segmentation.ts'
import { RegionOutcome } from '../../runtime/exits.ts'
import { PAGE_BYTES, RAM_BASE, RECORD_BYTES, REGION_RECORDS_BASE } from '../../runtime/memory-map.ts'
import { codeRange } from '../vectors/environment.ts'
import type { Vector } from '../vectors/format.ts'
import { RunningEngine } from './interpreter.ts'

/** More than any region here holds; loops end by then. */
const BUDGET = 2000

export class RegionEngine extends RunningEngine {
  override readonly name: string = 'region'
  private readonly optimisations: Partial<Optimisations>
  /** Cases that the region has executed, and those that it has left to the interpreter. */
  compiled = 0
  left = 0

  constructor(optimisations: Partial<Optimisations> = {}) {
    super()
    this.optimisations = optimisations
  }

  account(): string {
    return `${this.compiled} in compiled code, ${this.left} left to the interpreter, the rest not compiled`
  }

  private codePages(): { linear: number; physical: number; bytes: Uint8Array }[] {
    const { core } = this.cpu
    const pages = []
    for (let linear = codeRange.base; linear < codeRange.base + codeRange.bytes; linear += PAGE_BYTES) {
      const physical = core.exports.peekTranslate(linear) >>> 0
      const bytes = core.bytes.subarray(RAM_BASE + physical, RAM_BASE + physical + PAGE_BYTES)
      pages.push({ linear, physical, bytes })
    }
    return pages
  }

  protected override execute(vector: Vector): void {
    const { core } = this.cpu
    const mode = core.get('mode')
    const segmentation = segmentationOf(core, mode)
    const entry = ((segmentation?.base ?? 0) + vector.eip) >>> 0
    const request = {
      entry, mode, segmentation, pages: this.codePages(), records: REGION_RECORDS_BASE, optimisations: this.optimisations,
    }
    const region = regionOf(request)
    region?.handled.forEach(({ instruction, eip }, i) => {
      this.cpu.writeRecord(request.records + i * RECORD_BYTES, instruction, eip)
    })
    const code = region && compile(request)
    if (code) {
      const { exports } = new WebAssembly.Instance(new WebAssembly.Module(code.binary as BufferSource), {
        env: { memory: core.memory },
        core: core.exports as unknown as Record<string, WebAssembly.ExportValue>,
      })
      core.set('remaining', BUDGET)
      const enter = exports.region as () => number
      if (enter() === RegionOutcome.Fault) core.exports.deliverException()
      if (core.get('remaining') < BUDGET) this.compiled++
      else this.left++
    }
    super.execute(vector)
  }
}

/** Compiled regions, for the long check of tools/vectors/capture.ts. */
export function createEngine(): RegionEngine {
  return new RegionEngine()
}
