/** Makes a failing program smaller: leaves items out, many at a time and then one by one, while it still fails. */
import { decode } from '../../jit/decode/decoder.ts'
import { format } from '../../jit/decode/disassembler.ts'
import { RAM_BASE } from '../../runtime/memory-map.ts'
import { CpuBench } from '../../test/specs/cpu/bench.ts'
import { compareProgram, type Comparison, type Plan } from './compare.ts'
import { loadProgram, type Program } from './program.ts'

/** The program without the items [from, to); their labels stay. */
function without(program: Program, from: number, to: number): Program {
  return {
    ...program,
    items: program.items.map((item, i) => (i >= from && i < to ? { labels: item.labels, code: [] } : item)),
  }
}

/** A smaller program and plan that fail as well, and how. `deadline` is on the clock of `performance.now`. */
export async function shrink(program: Program, plan: Plan, deadline: number): Promise<{ program: Program; plan: Plan; failure: Comparison }> {
  let best = program
  let failure = await compareProgram(program, plan)
  // Nothing behind the piece that fails matters.
  const shortPlan = { ...plan, pieces: plan.pieces.slice(0, failure.piece + 1) }
  for (let step = best.items.length >> 1; step >= 1; step >>= 1)
    for (let from = 0; from < best.items.length && performance.now() < deadline; from += step) {
      if (best.items.slice(from, from + step).every(item => item.code.length === 0)) continue
      const smaller = without(best, from, from + step)
      const result = await compareProgram(smaller, shortPlan)
      if (result.differences.length === 0) continue
      best = smaller
      failure = result
    }
  return { program: best, plan: shortPlan, failure }
}

/** The items of a program that are left, disassembled. */
export function listing(program: Program): string[] {
  const bench = new CpuBench('flat')
  const { addresses } = loadProgram(bench, program)
  const lines: string[] = []
  program.items.forEach((item, i) => {
    const end = addresses[i] + item.code.reduce<number>((sum, piece) => sum + (typeof piece === 'number' ? 1 : 4), 0)
    for (let at = addresses[i]; at < end; ) {
      const decoded = decode(bench.core.bytes, RAM_BASE + at, RAM_BASE + end, { bits: 32 })
      const length = decoded.ok ? decoded.instruction.length : 1
      const bytes = [...bench.core.bytes.subarray(RAM_BASE + at, RAM_BASE + at + length)].map(byte => byte.toString(16).padStart(2, '0'))
      const label = at === addresses[i] && item.labels.length > 0 ? `${item.labels.join(' ')}:` : ''
      lines.push(`${label.padEnd(8)} ${at.toString(16)}  ${bytes.join(' ').padEnd(30)} ${decoded.ok ? format(decoded.instruction, at) : '(none)'}`)
      at += length
    }
  })
  return lines
}
