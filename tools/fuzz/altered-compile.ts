/**
 * Compiles a request as the JIT does, but not quite: with other limits, with instructions left to the interpreter, or
 * with garbage in all locals. The tools find out with it what a fault depends on.
 *
 *   request -> the region that the machine knows of -> its bytes, changed -> another region -> wasm
 */
import { emptyExcerpt } from '../../jit/regions/profile.ts'
import { type CompiledCode, type CompileRequest, lowerRegion, regionOf } from '../../jit/compile.ts'
import type { Instruction } from '../../jit/decode/instruction.ts'
import type { Optimisations } from '../../jit/optimisations.ts'
import type { DiscoveryLimits } from '../../jit/regions/discovery.ts'
import type { Region, RegionInstruction } from '../../jit/regions/region.ts'
import { ModuleWriter } from '../../jit/wasm/module-writer.ts'
import { PAGE_BYTES } from '../../runtime/memory-map.ts'
import { PoisonWriter } from './poison.ts'

export interface Alteration {
  readonly limits?: DiscoveryLimits
  /** Instructions that regions leave to the interpreter. */
  readonly leave?: (instruction: Instruction) => boolean
  /** Instructions that are compiled as if their accesses had been seen to miss the TLB often. */
  readonly misses?: (eip: number) => boolean
  readonly optimisations?: Partial<Optimisations>
  /** Garbage in all locals of a region (poison.ts). */
  readonly poison?: boolean
}

/** An instruction of one byte that regions always leave to the interpreter. */
const HLT = 0xf4

function instructionsOf(region: Region): RegionInstruction[] {
  return [...region.blocks.values()].flatMap(block => block.instructions)
}

/** The request with HLT in place of the instructions that are left, so that they end their blocks. */
function leaving(
  request: CompileRequest,
  region: Region,
  leave: (instruction: Instruction) => boolean,
): CompileRequest {
  const pages = new Map(request.pages.map(page => [page.linear, { ...page, bytes: page.bytes.slice() }]))
  for (const { eip, instruction } of instructionsOf(region)) {
    const page = pages.get(eip - (eip % PAGE_BYTES))
    if (page && leave(instruction)) page.bytes[eip % PAGE_BYTES] = HLT
  }
  return { ...request, pages: [...pages.values()] }
}

/** The request with a profile that says so. */
function missing(request: CompileRequest, region: Region, misses: (eip: number) => boolean): CompileRequest {
  const places = instructionsOf(region).map(({ eip }) => eip)
  return { ...request, profile: { ...emptyExcerpt, ...request.profile, misses: places.filter(misses) } }
}

/**
 * The region of the altered request. Its handled instructions have the numbers that they have in `original`, for which
 * the machine has written records; undefined when there is one that has none.
 */
function renumbered(original: Region, region: Region): Region | undefined {
  const mine = new Map(region.handled.map(one => [one.eip, one]))
  const handled = original.handled.map(one => mine.get(one.eip) ?? one)
  return region.handled.every(one => handled.includes(one)) ? { ...region, handled } : undefined
}

/** As `compile` of jit/compile.ts, altered; undefined when nothing is left to compile. */
export function compileAltered(request: CompileRequest, alteration: Alteration): CompiledCode | undefined {
  const { limits, leave, misses, poison, optimisations } = alteration
  const original = regionOf(request)
  if (!original) return undefined
  let changed = leave ? leaving(request, original, leave) : request
  if (optimisations) changed = { ...changed, optimisations }
  if (misses) changed = missing(changed, original, misses)
  const differs = leave !== undefined || misses !== undefined || limits !== undefined || optimisations !== undefined
  const found = differs ? regionOf({ ...changed, limits: limits ?? request.limits }) : original
  const region = found && renumbered(original, found)
  if (!region) return undefined
  const m = poison ? new PoisonWriter() : new ModuleWriter()
  lowerRegion(m, region, request.records, optimisations)
  return { binary: m.emitBinary(), instructions: region.instructions, spans: region.spans }
}
