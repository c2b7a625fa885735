/**
 * What goes wrong and can be tried again: a random program by its seed, or a kernel that boots. A trial runs it with a
 * variation of the compiler beside the interpreter, and says where they differ.
 */
import { loadAssets } from '../../src/node/machine.ts'
import type { MachineOptions } from '../../src/machine-options.ts'
import { Comparer } from '../fuzz/compare.ts'
import { alterationOf, planOf } from '../fuzz/plan.ts'
import { randomProgram } from '../fuzz/program.ts'
import { Random } from '../fuzz/random.ts'
import { SteppedMachine } from '../lockstep/stepped-machine.ts'
import { type CompileVaried, type Variation, VariedCompiler } from './variation.ts'

export interface Trial {
  /** Lines that say what is wrong; none when nothing is. */
  readonly differences: readonly string[]
  readonly compiler: VariedCompiler
}

export interface Scenario {
  readonly name: string
  trial(variation: Variation): Promise<Trial>
}

/** A random program of tools/fuzz, run as the plan of its seed says. */
export function fuzzScenario(seed: number, compileVaried?: CompileVaried): Scenario {
  const program = randomProgram(new Random(seed), seed)
  const plan = planOf(seed)
  return {
    name: `program ${seed}`,
    async trial(variation) {
      const compiler = new VariedCompiler(variation, alterationOf(plan), compileVaried)
      const { differences } = await new Comparer(() => compiler.compile).compare(program, plan)
      return { differences, compiler }
    },
  }
}

/** How a kernel is run. */
export interface KernelRun {
  readonly options: MachineOptions
  readonly heatThreshold: number
  /** Instructions between two comparisons, and in all. */
  readonly checkpoint: number
  readonly instructions: number
}

/** A kernel on the virtual clock; the interpreter runs it once, and what it comes to at each checkpoint is kept. */
export function kernelScenario(run: KernelRun, compileVaried?: CompileVaried): Scenario {
  const { options, heatThreshold, checkpoint, instructions } = run
  const digests: string[] = []
  const reference = new SteppedMachine('interpreter', options, loadAssets())
  /** Digest of the interpreter's machine at a checkpoint. */
  const expected = (index: number): string => {
    while (digests.length <= index) {
      reference.runTo((digests.length + 1) * checkpoint)
      digests.push(reference.digest())
    }
    return digests[index]
  }
  return {
    name: 'kernel',
    async trial(variation) {
      const compiler = new VariedCompiler(variation, {}, compileVaried)
      const machine = new SteppedMachine(
        'jit',
        { ...options, heatThreshold },
        { ...loadAssets(), compiler: compiler.compile },
      )
      try {
        for (let index = 0; index * checkpoint < instructions && machine.stopped === undefined; index++) {
          machine.runTo((index + 1) * checkpoint)
          if (machine.digest() === expected(index)) continue
          const where = `between ${index * checkpoint} and ${(index + 1) * checkpoint} instructions`
          return { differences: [`differs from the interpreter ${where}`], compiler }
        }
        return { differences: [], compiler }
      } finally {
        machine.machine.dispose()
      }
    },
  }
}
