/** Bisect finds the region and the instruction for which a compiler is wrong, and says so when nothing is. */
import { describe, expect, it } from 'vitest'
import { bisect } from '../../../tools/bisect/bisect.ts'
import { fuzzScenario, type KernelRun, kernelScenario } from '../../../tools/bisect/scenario.ts'
import { fewestToRemove, smallestFailing } from '../../../tools/bisect/search.ts'
import { type CompileVaried, everything } from '../../../tools/bisect/variation.ts'
import { compileAltered } from '../../../tools/fuzz/altered-compile.ts'
import { loadKernel } from '../../../src/loaders/kernel.ts'
import { withWrongIncrement } from '../jit/wrong-increment.ts'
import { dword, multibootKernel, powerOff } from '../machine/kernels.ts'

const SECONDS = 1000
const INC_EAX = 0x40

describe('the search for a count', () => {
  it.each([0, 1, 5, 16, 17])('finds %i of 17', async first => {
    let asked = 0
    const found = await smallestFailing(17, async count => {
      asked++
      return count >= first
    })
    expect(found).toBe(first)
    expect(asked).toBeLessThanOrEqual(5)
  })
})

describe('the search for a set', () => {
  const all = Array.from({ length: 40 }, (_, i) => i)
  it.each([[[7]], [[0, 39]], [[3, 4, 21]], [[...all]]])('finds %j', async needed => {
    const found = await fewestToRemove(all, async removed => !needed.every(one => removed.includes(one)))
    expect([...found].sort((a, b) => a - b)).toEqual(needed)
  })

  it('finds one of several that do', async () => {
    const found = await fewestToRemove(all, async removed => !removed.includes(5) && !removed.includes(30))
    expect([[5], [30]]).toContainEqual(found)
  })
})

const wrong: CompileVaried = (request, alteration) => compileAltered(withWrongIncrement(request), alteration)

describe('bisect', () => {
  it(
    'finds the region and the instruction of a random program that is compiled wrong',
    async () => {
      for (let seed = 1; seed < 60; seed++) {
        const scenario = fuzzScenario(seed, wrong)
        const { differences } = await scenario.trial(everything)
        if (differences.length === 0) continue
        const told: string[] = []
        const findings = await bisect(scenario, line => told.push(line))
        expect(findings.region).toBeGreaterThan(0)
        expect(findings.lines[0]).toMatch(
          new RegExp(`^program ${seed} goes wrong with region ${findings.region} of \\d+, entry [0-9a-f]+`),
        )
        expect(findings.lines.join('\n')).toMatch(/left to the interpreter: right with any of .*\binc\b/)
        expect(told.length).toBeGreaterThan(5)
        return
      }
      expect.unreachable('no program noticed')
    },
    60 * SECONDS,
  )

  it(
    'says that nothing is wrong',
    async () => {
      const findings = await bisect(fuzzScenario(1), () => {})
      expect(findings).toEqual({
        differences: [],
        region: 0,
        lines: ['program 1: the JIT and the interpreter do not differ'],
      })
    },
    60 * SECONDS,
  )

  /** A kernel with two hot loops, in the second of which INC EAX stands. */
  function kernel(): KernelRun {
    const memoryBytes = 4 * 2 ** 20
    const loop = (instruction: number) => [
      0xb9,
      ...dword(3000),
      instruction,
      0x01,
      0x1d,
      ...dword(0x300000),
      0x49,
      0x75,
      0xf6,
    ]
    const boot = loadKernel({ kernel: multibootKernel(loop(0x46), loop(INC_EAX), powerOff), memoryBytes })
    return {
      options: { memoryBytes, clock: 'virtual', boot },
      heatThreshold: 2,
      checkpoint: 10_000,
      instructions: 30_000,
    }
  }

  it(
    'finds nothing wrong with a kernel that runs well',
    async () => {
      const trial = await kernelScenario(kernel()).trial(everything)
      expect(trial.differences).toEqual([])
      expect(trial.compiler.asked).toBeGreaterThan(0)
    },
    60 * SECONDS,
  )

  it(
    'finds the loop of a kernel that is compiled wrong',
    async () => {
      const findings = await bisect(kernelScenario(kernel(), wrong), () => {})
      expect(findings.lines[0]).toMatch(
        /^kernel goes wrong with region \d of \d, entry 2000[0-9a-f]{2}, and with it alone/,
      )
      expect(findings.lines).toContainEqual(expect.stringMatching(/^instructions: wrong with \d+, right with fewer/))
      expect(findings.lines).toContainEqual(expect.stringMatching(/^ {4}2000[0-9a-f]{2} {2}inc eax$/))
    },
    60 * SECONDS,
  )
})
