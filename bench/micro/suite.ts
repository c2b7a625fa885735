/**
 * Pieces of tabpc timed by themselves, with the package `benchmark`: `npm run bench -- --micro` (main.ts).
 * They say where time goes when a program of the suite gets slower; between engines they say nothing.
 */
import Benchmark from 'benchmark'
import { formatTable } from '../table.ts'
import { compilePieces } from './compile-cost.ts'
import { dispatchLoops } from './dispatch.ts'
import { loopPieces, type Piece } from './piece.ts'
import { hopLoops } from './region-hop.ts'
import { tlbLoops } from './tlb.ts'

/** Families of pieces, by the name that `--only` takes. */
export const FAMILIES: Readonly<Record<string, () => Piece[]>> = {
  dispatch: () => dispatchLoops.flatMap(loopPieces),
  compile: compilePieces,
  hop: () => hopLoops.flatMap(loopPieces),
  tlb: () => tlbLoops.flatMap(loopPieces)
}

const SECONDS_EACH = 0.4
/** Before sampling: V8 has optimised by then what it will optimise. */
const WARM_UP_MS = 800
const NS_PER_SECOND = 1e9

/** A row of the table: nanoseconds for one unit, with the 95 % confidence interval. Throws what the piece throws. */
function time(family: string, { name, unit, units, run }: Piece): string[] {
  const warm = performance.now() + WARM_UP_MS
  while (performance.now() < warm) run()
  const benchmark = new Benchmark(name, run, { maxTime: SECONDS_EACH, minSamples: 5 }).run()
  if (benchmark.error) throw benchmark.error
  const { mean, rme } = benchmark.stats
  return [`${family}: ${name}`, ((mean * NS_PER_SECOND) / units).toFixed(2), `±${rme.toFixed(1)}%`, unit]
}

/** Times the families of a comma-separated list, or all, and prints the table. Throws for an unknown name. */
export function runMicroBenchmarks(only: string | undefined): void {
  const names = only === undefined ? Object.keys(FAMILIES) : only.split(',')
  const unknown = names.find(name => !(name in FAMILIES))
  if (unknown !== undefined) {
    throw new Error(`no micro-benchmarks named '${unknown}'; known: ${Object.keys(FAMILIES).join(', ')}`)
  }
  const rows = names.flatMap(name => FAMILIES[name]().map(piece => time(name, piece)))
  process.stdout.write(`${formatTable(['piece', 'ns', '', 'per'], rows)}\n`)
}
