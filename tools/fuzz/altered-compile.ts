/**
 * Compiles a request as the JIT does, but not quite: with other limits, with instructions left to the interpreter, or
 * with garbage in all locals. The tools find out with it what a fault depends on.
 *
 *   request -> the region that the machine knows of -> its bytes, changed -> another region -> wasm
 */
import { type CompiledCode, type CompileRequest, lowerRegion, regionOf } from '../../jit/compile.ts'
import type { Instruction } from '../../jit/decode/instruction.ts'
import { allOptimisations, type Optimisations } from '../../jit/optimisations.ts'
import { discover, type DiscoveryLimits } from '../../jit/regions/discovery.ts'
import { type CodeProfile, emptyExcerpt, profileFrom } from '../../jit/regions/profile.ts'
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
  /** How rarely a place is taken to have been jumped to, or a branch at it not to have jumped (regions/profile.ts). */
  readonly rarity?: (eip: number) => number
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

/** The altered region of a request; its handled instructions have numbers of its own. */
function find(
  request: CompileRequest, { misses, rarity, optimisations }: Alteration, limits: DiscoveryLimits | undefined,
): Region | undefined {
  const { entry, mode, pages, model, segmentation } = request
  const { observedTargets, inlineX87 } = { ...allOptimisations, ...optimisations }
  const known = profileFrom(request.profile ?? emptyExcerpt)
  const profile: CodeProfile = {
    ...known,
    targetsOf: site => (observedTargets ? known.targetsOf(site) : []),
    misses: misses ?? known.misses,
    rarity: rarity ?? known.rarity,
    passRarity: rarity ?? known.passRarity,
  }
  const byLinear = new Map(pages.map(page => [page.linear, page.bytes]))
  return discover(entry, mode, linear => byLinear.get(linear), limits, profile, model, inlineX87, segmentation)
}

/**
 * The altered region of a request, with its handled instructions numbered as in the region that the machine knows of,
 * for which it has written records. Instructions that are handled only because they are taken to miss are not taken
 * so. Undefined when another one has no record.
 */
function numbered(request: CompileRequest, changed: CompileRequest, alteration: Alteration): Region | undefined {
  const limits = alteration.limits ?? request.limits
  let region = find(changed, alteration, limits)
  if (!region || region.handled.length === 0) return region
  const known = regionOf(request)?.handled ?? []
  const places = new Set(known.map(({ eip }) => eip))
  const { misses } = alteration
  if (misses && region.handled.some(({ eip }) => !places.has(eip))) {
    const without = new Set(region.handled.map(({ eip }) => eip).filter(eip => !places.has(eip)))
    region = find(changed, { ...alteration, misses: eip => misses(eip) && !without.has(eip) }, limits)
    if (!region) return undefined
  }
  const mine = new Map(region.handled.map(one => [one.eip, one]))
  const handled = known.map(one => mine.get(one.eip) ?? one)
  return region.handled.every(one => handled.includes(one)) ? { ...region, handled } : undefined
}

/** As `compile` of jit/compile.ts, altered; undefined when nothing is left to compile. */
export function compileAltered(request: CompileRequest, alteration: Alteration): CompiledCode | undefined {
  const { leave, poison, optimisations } = alteration
  const original = leave && regionOf(request)
  const region = numbered(request, leave && original ? leaving(request, original, leave) : request, alteration)
  if (!region) return undefined
  const m = poison ? new PoisonWriter() : new ModuleWriter()
  lowerRegion(m, region, request.records, optimisations, request.fpuControl)
  return { binary: m.emitBinary(), instructions: region.instructions, spans: region.spans }
}
