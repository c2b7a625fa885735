/**
 * Random programs on the interpreter and on compiled regions (tools/fuzz), with fixed seeds. `npm run fuzz` goes on for
 * as long as one likes.
 */
import { describe, expect, it } from 'vitest'
import { CpuBench } from '../cpu/bench.ts'
import { compareProgram, planOf } from '../../../tools/fuzz/compare.ts'
import { loadProgram, randomProgram } from '../../../tools/fuzz/program.ts'
import { Random } from '../../../tools/fuzz/random.ts'
import { listing, shrink } from '../../../tools/fuzz/shrink.ts'

const PROGRAMS = 60
const SEED = 1
/** Figures that keep the programs from becoming trivial. */
const LEAST_INSTRUCTIONS = 1_000_000
const LEAST_REGIONS = 1000
const COUNTERS = 0x9000
const SECONDS = 1000

describe('random programs', () => {
  it('end the same interpreted and compiled, and at every stop on the way', async () => {
    let instructions = 0
    let regions = 0
    for (let seed = SEED; seed < SEED + PROGRAMS; seed++) {
      const result = await compareProgram(randomProgram(new Random(seed), seed), planOf(seed))
      expect(result.differences, `npm run fuzz -- --one --seed ${seed}`).toEqual([])
      instructions += result.instructions
      regions += result.regions
    }
    expect(instructions).toBeGreaterThan(LEAST_INSTRUCTIONS)
    expect(regions).toBeGreaterThan(LEAST_REGIONS)
  }, 120 * SECONDS)

  it('are the same for the same seed and others for another', () => {
    const text = (seed: number) => listing(randomProgram(new Random(seed), seed)).join('\n')
    expect(text(7)).toBe(text(7))
    expect(text(7)).not.toBe(text(8))
  })

  it('go round their main loop and recover from faults', () => {
    let rounds = 0
    let recoveries = 0
    for (let seed = SEED; seed < SEED + 10; seed++) {
      const bench = new CpuBench('flat')
      loadProgram(bench, randomProgram(new Random(seed), seed))
      bench.run(20_000)
      rounds += bench.read32(COUNTERS)
      recoveries += bench.read32(COUNTERS + 8)
    }
    expect(rounds).toBeGreaterThan(200)
    expect(recoveries).toBeGreaterThan(5)
  })

  it('shrink to what a failure needs', async () => {
    const program = randomProgram(new Random(SEED), SEED)
    const whole = program.items.filter(item => item.code.length > 0).length
    // A plan under which nothing fails keeps every item.
    const same = await shrink(program, { pieces: [500], heatThreshold: 1, late: false }, performance.now() + SECONDS)
    expect(same.failure.differences).toEqual([])
    expect(same.program.items.filter(item => item.code.length > 0)).toHaveLength(whole)
  })
})
