/**
 * Random programs on the interpreter and on compiled regions (tools/fuzz), with fixed seeds. `npm run fuzz` goes on for
 * as long as one likes.
 */
import { describe, expect, it } from 'vitest'
import { compile } from '../../../jit/compile.ts'
import { Vector } from '../../../runtime/state.ts'
import { Comparer, type WrapCompiler } from '../../../tools/fuzz/compare.ts'
import { FuzzCpu } from '../../../tools/fuzz/fuzz-cpu.ts'
import { HANDLERS, RECOVERIES, ROUNDS, SERVICE_VECTOR, TIMER_VECTOR } from '../../../tools/fuzz/layout.ts'
import { loadProgram } from '../../../tools/fuzz/loader.ts'
import { planOf } from '../../../tools/fuzz/plan.ts'
import { randomProgram } from '../../../tools/fuzz/program.ts'
import { Random } from '../../../tools/fuzz/random.ts'
import { describe as describeFailure, listing, shrink } from '../../../tools/fuzz/shrink.ts'
import { withWrongIncrement } from './wrong-increment.ts'

const PROGRAMS = 200
const SEED = 1
/** Figures that keep the programs from becoming trivial. */
const LEAST_INSTRUCTIONS = 1_500_000
const LEAST_REGIONS = 1800
const SECONDS = 1000

const programOf = (seed: number) => randomProgram(new Random(seed), seed)

describe('random programs', () => {
  it(
    'end the same interpreted and compiled, and at every stop on the way',
    async () => {
      const comparer = new Comparer()
      let instructions = 0
      let regions = 0
      for (let seed = SEED; seed < SEED + PROGRAMS; seed++) {
        const result = await comparer.compare(programOf(seed), planOf(seed))
        expect(result.differences, `npm run fuzz -- --one --seed ${seed}`).toEqual([])
        instructions += result.instructions
        regions += result.regions
      }
      expect(instructions).toBeGreaterThan(LEAST_INSTRUCTIONS)
      expect(regions).toBeGreaterThan(LEAST_REGIONS)
    },
    120 * SECONDS,
  )

  it('are the same for the same seed and others for another', () => {
    const text = (seed: number) => listing(programOf(seed)).join('\n')
    expect(text(7)).toBe(text(7))
    expect(text(7)).not.toBe(text(8))
  })

  it('are drawn from environments of all kinds', () => {
    const environments = Array.from({ length: PROGRAMS }, (_, i) => programOf(i).environment)
    for (const paging of ['off', 'small', 'large'] as const)
      for (const user of [true, false])
        expect(environments.filter(one => one.paging === paging && one.user === user).length).toBeGreaterThan(
          PROGRAMS / 50,
        )
    for (const name of [
      'pae',
      'global',
      'writeProtect',
      'changesSegments',
      'stackInCode',
      'timer',
      'x87',
      'alignment',
    ] as const)
      for (const value of [true, false])
        expect(environments.filter(one => one[name] === value).length, `${name} ${value}`).toBeGreaterThan(
          PROGRAMS / 100,
        )
  })

  it('go round their main loop, fault in all ways, and go on', () => {
    const cpu = new FuzzCpu()
    const entered = new Map<number, number>()
    let rounds = 0
    let recoveries = 0
    let accesses = 0
    for (let seed = SEED; seed < SEED + 40; seed++) {
      cpu.reset()
      loadProgram(cpu, programOf(seed))
      for (let steps = 0; steps < 8000; steps++) {
        if (steps % 500 === 0) cpu.raiseTimer()
        cpu.run(1)
        // The first instruction of the handlers is PUSHA, with the number of the vector on the stack.
        const eip = cpu.core.get('eip') >>> 0
        if (eip < HANDLERS || cpu.core.ram[eip] !== PUSHA) continue
        const vector = cpu.read32(cpu.core.get('gpr', ESP) >>> 0)
        entered.set(vector, (entered.get(vector) ?? 0) + 1)
      }
      rounds += cpu.read32(ROUNDS)
      recoveries += cpu.read32(RECOVERIES)
      accesses += cpu.accesses
    }
    expect(rounds).toBeGreaterThan(400)
    expect(recoveries).toBeGreaterThan(100)
    expect(accesses).toBeGreaterThan(40)
    for (const vector of [Vector.DE, Vector.UD, Vector.GP, Vector.PF, TIMER_VECTOR, SERVICE_VECTOR])
      expect(entered.get(vector), `vector ${vector}`).toBeGreaterThan(0)
  })

  it('are run the same by a CPU that has run others before', async () => {
    const used = new Comparer()
    for (let seed = 500; seed < 510; seed++) await used.compare(programOf(seed), planOf(seed))
    for (let seed = 510; seed < 513; seed++) {
      const fresh = await new Comparer().compare(programOf(seed), planOf(seed))
      const again = await used.compare(programOf(seed), planOf(seed))
      expect(again).toEqual(fresh)
    }
  })
})

describe('a compiler that is wrong', () => {
  const wrong: WrapCompiler = compiler => request => compiler(withWrongIncrement(request))

  it(
    'is found, and the program made smaller until it fits on a page',
    async () => {
      const comparer = new Comparer(wrong)
      for (let seed = SEED; seed < SEED + 50; seed++) {
        const program = programOf(seed)
        const result = await comparer.compare(program, planOf(seed))
        if (result.differences.length === 0) continue
        const small = await shrink(comparer, program, planOf(seed), performance.now() + 20 * SECONDS)
        expect(small.failure.differences.length).toBeGreaterThan(0)
        const left = small.program.items.filter(item => item.code.length > 0)
        expect(left.length).toBeLessThan(program.items.length / 4)
        expect(describeFailure(small).join('\n')).toContain(`seed ${seed}`)
        return
      }
      expect.unreachable('no program noticed')
    },
    60 * SECONDS,
  )

  it('is not what a program that runs well is blamed for', async () => {
    const program = programOf(SEED)
    const same = await shrink(new Comparer(() => compile), program, planOf(SEED), performance.now() + SECONDS)
    expect(same.failure.differences).toEqual([])
    expect(same.program).toBe(program)
  })
})

const PUSHA = 0x60
const ESP = 4
