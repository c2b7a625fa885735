/**
 * The compile pipeline, on one screen:
 *
 *   discover (decode)  ->  structure  ->  lower  ->  binary
 *
 * It needs bytes only, no machine, so it runs in the machine's thread (tests, `--jit sync`) or in a worker alike.
 */
import type { CpuModel } from '../runtime/cpu-models.ts'
import { RegionLowering } from './backends/region.ts'
import { vectorHelper } from './backends/region-vector.ts'
import type { RegionModule } from './backends/value.ts'
import { allOptimisations, type Optimisations } from './optimisations.ts'
import { defaultLimits, discover, type DiscoveryLimits } from './regions/discovery.ts'
import { emptyExcerpt, type ProfileExcerpt, profileFrom } from './regions/profile.ts'
import type { CodePage, Region } from './regions/region.ts'
import type { Segmentation } from './regions/segmentation.ts'
import { structure } from './regions/structure.ts'
import { ModuleWriter, WasmType } from './wasm/module-writer.ts'

/** What a compile needs to know. */
export interface CompileRequest {
  /** Linear address of the entry. */
  readonly entry: number
  /** ModeBit flags, as the run at the entry was decoded for. */
  readonly mode: number
  /** What the segment registers hold; absent for flat 32-bit code. */
  readonly segmentation?: Segmentation
  /** The code pages, copied; a page that is not here is left to the interpreter. */
  readonly pages: readonly CodePage[]
  readonly limits?: DiscoveryLimits
  /** The CPU, whose instructions there are; absent means all. */
  readonly model?: CpuModel
  /** What running has shown about the code. */
  readonly profile?: ProfileExcerpt
  /** Address of the records of instructions that call their handlers; needed if there are any. */
  readonly records?: number
  /** The x87 control word when the code became hot: to its precision results are rounded in place. */
  readonly fpuControl?: number
  /** Optimisations to switch off; the others are on. */
  readonly optimisations?: Partial<Optimisations>
}

/** What is known about a compiled region. */
export interface RegionFacts {
  readonly instructions: number
  /** Linear spans [start, end) of the code. */
  readonly spans: readonly (readonly [number, number])[]
}

/** A compiled region: a wasm module that exports `region`, and what must be watched. */
export interface CompiledCode extends RegionFacts {
  readonly binary: Uint8Array
}

/** A region in a module with others. */
export interface NamedRegion extends RegionFacts {
  /** The function's name among the module's exports. */
  readonly name: string
}

/** A region's place in a batch, the compiler's fault in it, or undefined when there is none. */
export type BatchedRegion = NamedRegion | { readonly failure: string } | undefined

/** Regions compiled into one module, in the order of their requests. */
export interface CompiledBatch {
  readonly binary: Uint8Array
  readonly regions: readonly BatchedRegion[]
}

/** Finds the region of a request; undefined when its first instruction is left to the interpreter. */
export function regionOf(request: CompileRequest): Region | undefined {
  const { entry, mode, pages, limits = defaultLimits, profile = emptyExcerpt } = request
  const byLinear = new Map(pages.map(page => [page.linear, page.bytes]))
  const observed = request.optimisations?.observedTargets ?? allOptimisations.observedTargets
  const known = observed ? profile : { ...profile, targets: [] }
  const inlineX87 = request.optimisations?.inlineX87 ?? allOptimisations.inlineX87
  return discover(entry, mode, linear => byLinear.get(linear), limits, profileFrom(known), request.model, inlineX87, request.segmentation)
}

/** What a lowered region calls, which its module has to import. */
type Calls = Pick<RegionLowering, 'vectorHelpers' | 'imports' | 'wideHelpers'>

/** The compiler's fault, as it is told to another thread. */
export function failureOf(error: unknown): { failure: string } {
  return { failure: error instanceof Error ? error.message : String(error) }
}

/** What a region's module asks for besides its functions; binaryen's module has it, too. */
type TargetModule = RegionModule & Pick<ModuleWriter, 'addMemoryImport' | 'addFunctionImport'>

/**
 * Lowers a region into `m` as the exported function `name`; `records` is the address of the records of its handled
 * instructions. Gives what it calls.
 */
function addRegion(
  m: TargetModule, region: Region, name: string,
  { records = 0, optimisations, fpuControl }: Pick<CompileRequest, 'records' | 'optimisations' | 'fpuControl'>,
): Calls {
  const lowering = new RegionLowering(
    m, region, structure(region), records, { ...allOptimisations, ...optimisations }, fpuControl,
  )
  lowering.lower(name)
  return lowering
}

/** Imports memory, and each function that regions call once. */
function addImports(m: TargetModule, callers: readonly Calls[]): void {
  m.addMemoryImport('0', 'env', 'memory')
  for (const helper of new Set(callers.flatMap(({ vectorHelpers }) => [...vectorHelpers]))) {
    const { result } = vectorHelper(helper)
    m.addFunctionImport(helper, 'core', helper, WasmType.I32, result === 'i32' ? WasmType.I32 : WasmType.None)
  }
  for (const name of new Set(callers.flatMap(({ wideHelpers }) => [...wideHelpers])))
    m.addFunctionImport(name, 'core', name, WasmType.I64, WasmType.I64)
  for (const name of new Set(callers.flatMap(({ imports }) => [...imports])))
    m.addFunctionImport(name, 'core', name, WasmType.I32, WasmType.I32)
}

/** Lowers a region into `m`, an empty module, as the function `region`. */
export function lowerRegion(
  m: TargetModule, region: Region, records = 0, optimisations: Partial<Optimisations> = {}, fpuControl?: number,
): void {
  addImports(m, [addRegion(m, region, 'region', { records, optimisations, fpuControl })])
}

/** Compiles the region of a request; undefined when there is none. */
export function compile(request: CompileRequest): CompiledCode | undefined {
  const region = regionOf(request)
  if (!region) return undefined
  const m = new ModuleWriter()
  lowerRegion(m, region, request.records, request.optimisations, request.fpuControl)
  return { binary: m.emitBinary(), instructions: region.instructions, spans: region.spans }
}

/**
 * Compiles regions into one module: before, a module for each => after, their code lies side by side, where it shares
 * pages and cache, and one instance serves all. A fault in one region leaves the others alone.
 */
export function compileTogether(requests: readonly CompileRequest[]): CompiledBatch {
  const m = new ModuleWriter()
  const callers: Calls[] = []
  const regions = requests.map((request, i): BatchedRegion => {
    try {
      const region = regionOf(request)
      if (!region) return undefined
      const name = `region${i}`
      callers.push(addRegion(m, region, name, request))
      return { name, instructions: region.instructions, spans: region.spans }
    } catch (error) {
      return failureOf(error)
    }
  })
  addImports(m, callers)
  return { binary: m.emitBinary(), regions }
}
