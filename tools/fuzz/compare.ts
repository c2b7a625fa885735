/**
 * Runs a random program on the interpreter and compiled, stops both at the same random places, and compares registers,
 * flags, instruction counts and all of RAM. Compiles happen at once, or late: pieces after they were asked for.
 */
import { compile, type CompiledCode } from '../../jit/compile.ts'
import type { Compiler } from '../../jit/region-manager.ts'
import { ExitReason } from '../../runtime/exits.ts'
import { RAM_BASE } from '../../runtime/memory-map.ts'
import { CompiledBench } from '../../test/engines/compiled-cpu.ts'
import { CpuBench } from '../../test/specs/cpu/bench.ts'
import { loadProgram, type Program } from './program.ts'
import { Random } from './random.ts'

const registerNames = ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi']
const SHOWN_BYTES = 12
const RAM_BYTES = 1 << 20
/** Added to a program's seed, so that its stops do not follow its bytes. */
const STOPS_SEED = 0x5bd1e995

/** How a program is run. */
export interface Plan {
  /** Instructions of each piece; both engines stop behind each. */
  readonly pieces: readonly number[]
  readonly heatThreshold: number
  /** Compiles arrive one piece late. */
  readonly late: boolean
}

/** What became of a program. */
export interface Comparison {
  /** Lines that say where they differ; none when they do not. */
  readonly differences: readonly string[]
  /** Index of the piece behind which they do. */
  readonly piece: number
  readonly instructions: number
  readonly regions: number
}

/** A plan that fits a seed. */
export function planOf(seed: number): Plan {
  const random = new Random(seed ^ STOPS_SEED)
  const pieces: number[] = []
  for (let total = 0; total < 30_000; total += pieces[pieces.length - 1])
    pieces.push(random.oneIn(3) ? 1 + random.below(100) : 500 + random.below(8000))
  return { pieces, heatThreshold: 1 + random.below(3), late: random.oneIn(4) }
}

/** A compiler whose results arrive when `deliver` is called. */
class LateCompiler {
  private queue: (() => void)[] = []

  readonly compiler: Compiler = request =>
    new Promise<CompiledCode | undefined>(resolve => {
      this.queue.push(() => resolve(compile(request)))
    })

  async deliver(): Promise<void> {
    const { queue } = this
    this.queue = []
    for (const settle of queue) settle()
    // The manager installs in reactions to the promises, and may ask for more in reactions to those.
    await new Promise<void>(resolve => setTimeout(resolve, 0))
  }
}

const hex = (value: number, digits = 8) => (value >>> 0).toString(16).padStart(digits, '0')

function differencesOf(a: CpuBench, b: CpuBench): string[] {
  const lines: string[] = []
  const expect = (name: string, left: number, right: number) => {
    if (left !== right) lines.push(`${name.padEnd(10)} interpreted ${hex(left)}  compiled ${hex(right)}`)
  }
  for (const [i, name] of registerNames.entries()) expect(name, a.core.get('gpr', i), b.core.get('gpr', i))
  expect('eip', a.core.get('eip'), b.core.get('eip'))
  expect('eflags', a.core.exports.getEflags(), b.core.exports.getEflags())
  expect('cr2', a.core.get('cr2'), b.core.get('cr2'))
  expect('remaining', a.core.get('remaining'), b.core.get('remaining'))
  expect('halted', a.core.get('halted'), b.core.get('halted'))
  const ramOf = (cpu: CpuBench) => cpu.core.bytes.subarray(RAM_BASE, RAM_BASE + RAM_BYTES)
  const [left, right] = [ramOf(a), ramOf(b)]
  if (Buffer.compare(left, right) !== 0)
    for (let at = 0, shown = 0; at < RAM_BYTES && shown < SHOWN_BYTES; at++)
      if (left[at] !== right[at]) {
        lines.push(`${`[${hex(at, 5)}]`.padEnd(10)} interpreted ${hex(left[at], 2)}  compiled ${hex(right[at], 2)}`)
        shown++
      }
  return lines
}

/** Runs a program both ways. */
export async function compareProgram(program: Program, plan: Plan): Promise<Comparison> {
  const late = new LateCompiler()
  const interpreted = new CpuBench('flat')
  const compiled = new CompiledBench(plan.heatThreshold, plan.late ? late.compiler : compile)
  loadProgram(interpreted, program)
  loadProgram(compiled, program)
  let instructions = 0
  for (const [piece, count] of plan.pieces.entries()) {
    const left = interpreted.run(count)
    const right = compiled.run(count)
    instructions += count - interpreted.core.get('remaining')
    const differences = differencesOf(interpreted, compiled)
    if (left !== right) differences.unshift(`stopped    interpreted ${ExitReason[left]}  compiled ${ExitReason[right]}`)
    const { installed } = compiled.regions.stats
    if (differences.length > 0) return { differences, piece, instructions, regions: installed }
    if (left !== ExitReason.Budget) break
    if (plan.late) await late.deliver()
  }
  return { differences: [], piece: -1, instructions, regions: compiled.regions.stats.installed }
}
