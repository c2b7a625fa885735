/**
 * The captured vectors through the region compiler: each case is compiled as a region of its own. One case
 * in eight by default; all of them with TABPC_VECTORS=all.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { RegionEngine } from '../../engines/region.ts'
import { describeMismatch, replayVectors } from './replay.ts'

const folder = fileURLToPath(new URL('../../vectors/', import.meta.url))
/**
 * Cases, in percent, that regions must have executed themselves. The rest fault, run over the end of a page, or are
 * left to the interpreter.
 */
const leastPercent: Readonly<Record<string, number>> = {
  x87: 50, mmx: 60, sse: 40, sse2: 40, sse3: 30, ssse3: 55, sse41: 60, sse42: 50, aes: 50,
  arithmetic: 60, bit: 45, branch: 35, fault: 5, move: 50, multiply: 30, segment: 0.5, shift: 50, stack: 9, string: 5,
  code16: 70, vector16: 65,
}
/** The same where regions call helpers for what is rare, as they do for instructions that often meet it. */
const leastPercentHelped: Readonly<Record<string, number>> = { sse: 50, sse2: 50, sse3: 55, sse41: 60 }
const every = process.env.TABPC_VECTORS === 'all' ? 1 : 8
const SHOWN = 5
const SECONDS = 1000

/** Replays a family; at least so many percent of its cases must stay in their regions. */
function replay(family: string, percent: number, engine: RegionEngine): void {
  const reports: string[] = []
  const summary = replayVectors(engine, readFileSync(`${folder}${family}.vectors.gz`), {
    limit: SHOWN,
    filter: vector => vector.index % every === 0,
    onMismatch: mismatch => reports.push(describeMismatch(mismatch)),
  })
  expect(reports.join('\n')).toBe('')
  expect((100 * engine.compiled) / summary.run).toBeGreaterThan(percent)
}

describe('captured vectors in compiled regions', () => {
  it.each(Object.entries(leastPercent))(
    '%s', (family, percent) => replay(family, percent, new RegionEngine()), 300 * SECONDS,
  )

  it.each(Object.entries(leastPercentHelped))(
    '%s, with helpers', (family, percent) => replay(family, percent, new RegionEngine({ leaveUnusual: false })), 300 * SECONDS,
  )
})
