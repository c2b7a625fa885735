/**
 * What a micro-benchmark is, and small guest loops to make some of: each runs on the bench of the CPU specs (a CPU with
 * RAM and no PC), interpreted and compiled, and checks that the code does what its figures are about.
 */
import { compile } from '../../jit/compile.ts'
import { defaultLimits } from '../../jit/regions/discovery.ts'
import { Gpr } from '../../runtime/state.ts'
import { ExitReason } from '../../runtime/exits.ts'
import { CompiledBench } from '../../test/engines/compiled-cpu.ts'
import { CODE, CpuBench } from '../../test/specs/cpu/bench.ts'

/** One piece of tabpc: `run` does `units` of it. Times are told for one unit. */
export interface Piece {
  readonly name: string
  readonly unit: string
  readonly units: number
  readonly run: () => void
}

/** A guest program that counts ECX down to HLT. */
export interface GuestLoop {
  readonly name: string
  readonly unit: string
  /** Of one pass of the loop. */
  readonly units: number
  /** Lines `hex bytes ; assembly` at CODE, as CpuBench.load takes them. */
  readonly code: string
  /** More code at other addresses. */
  readonly parts?: ReadonlyMap<number, string>
  /** Maps pages and sets registers. */
  readonly prepare?: (cpu: CpuBench) => void
  /** Most blocks of one region, if not as many as usual. */
  readonly blocks?: number
  /** Fewest regions that the compiled form has to have; 1 if absent. */
  readonly regions?: number
}

const PASSES = 20_000
/** More than any loop here executes, page walks included. */
const BUDGET = 1 << 30
const HEAT_THRESHOLD = 50
/** Runs until everything that gets hot is compiled, and seen to be. */
const FIRST_RUNS = 6

function load(cpu: CpuBench, { code, parts, prepare }: GuestLoop): void {
  cpu.load(code)
  for (const [address, text] of parts ?? []) cpu.load(text, address, false)
  prepare?.(cpu)
}

/** Runs the loop once; throws when it does not end in its own HLT. */
function runLoop(cpu: CpuBench, name: string): void {
  cpu.core.set('halted', 0)
  cpu.core.set('eip', CODE)
  cpu.set(Gpr.Ecx, PASSES)
  const reason = cpu.run(BUDGET)
  const own = reason === ExitReason.Halt && cpu.delivered === undefined && cpu.get(Gpr.Ecx) === 0
  if (!own) throw new Error(`${name}: stopped by ${ExitReason[reason]} at ${cpu.eip.toString(16)}`)
}

/** The loop interpreted and compiled. */
export function loopPieces(loop: GuestLoop): Piece[] {
  const { name, unit, blocks = defaultLimits.blocks, regions = 1 } = loop
  const limits = { ...defaultLimits, blocks }
  const interpreted = new CpuBench()
  const compiled = new CompiledBench(HEAT_THRESHOLD, request => compile({ ...request, limits }))
  load(interpreted, loop)
  load(compiled, loop)
  runLoop(interpreted, name)
  for (let i = 0; i < FIRST_RUNS; i++) runLoop(compiled, name)
  const { count } = compiled.regions.figures()
  if (count < regions) throw new Error(`${name}: ${count} regions, not ${regions}: it is not compiled as it should be`)
  const units = PASSES * loop.units
  return [
    { name: `${name}, interpreted`, unit, units, run: () => runLoop(interpreted, name) },
    { name: `${name}, compiled`, unit, units, run: () => runLoop(compiled, name) }
  ]
}
