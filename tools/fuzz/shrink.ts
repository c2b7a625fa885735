/** Makes a failing program smaller: leaves items out, many at a time and then one by one, while it still fails. */
import { decode } from '../../jit/decode/decoder.ts'
import { format } from '../../jit/decode/disassembler.ts'
import { RAM_BASE } from '../../runtime/memory-map.ts'
import { type Item, lengthOf } from './assembly.ts'
import type { Comparer, Comparison } from './compare.ts'
import { FuzzCpu } from './fuzz-cpu.ts'
import { TWIN_PHYSICAL } from './layout.ts'
import { loadProgram } from './loader.ts'
import type { Plan } from './plan.ts'
import type { Program } from './program.ts'

/** The items without [from, to); their labels stay. */
function without(items: readonly Item[], from: number, to: number): Item[] {
  return items.map((item, i) => (i >= from && i < to ? { labels: item.labels, code: [] } : item))
}

/** A smaller program and plan that fail as well, and how. */
export interface Shrunk {
  readonly program: Program
  readonly plan: Plan
  readonly failure: Comparison
}

class Shrinker {
  best: Shrunk
  private readonly comparer: Comparer
  private readonly deadline: number
  private readonly begin: () => void

  constructor(comparer: Comparer, first: Shrunk, deadline: number, begin: () => void) {
    this.begin = begin
    this.comparer = comparer
    this.best = first
    this.deadline = deadline
  }

  private get late(): boolean {
    return performance.now() >= this.deadline
  }

  /** Takes a candidate if it fails, too. */
  private async take(program: Program, plan: Plan): Promise<boolean> {
    if (this.late) return false
    this.begin()
    const failure = await this.comparer.compare(program, plan)
    if (failure.differences.length === 0) return false
    this.best = { program, plan: { ...plan, pieces: plan.pieces.slice(0, failure.piece + 1) }, failure }
    return true
  }

  async plan(): Promise<void> {
    const { plan } = this.best
    await this.take(this.best.program, {
      ...plan,
      pieces: plan.pieces.map(piece => ({ ...piece, timer: false, write: undefined })),
    })
    await this.take(this.best.program, { ...this.best.plan, late: false })
    await this.take(this.best.program, { ...this.best.plan, stepped: false })
    await this.take(this.best.program, { ...this.best.plan, poison: false })
    await this.take(this.best.program, { ...this.best.plan, missEvery: 0 })
    await this.take(this.best.program, { ...this.best.plan, seldomEvery: 0 })
    await this.take(this.best.program, { ...this.best.plan, off: [] })
    await this.take(this.best.program, { ...this.best.plan, limits: undefined })
    for (let most = 0; most < this.best.plan.mostRegions; most++)
      if (await this.take(this.best.program, { ...this.best.plan, mostRegions: most })) break
    // The last piece as short as it may be, and then as few pieces as possible.
    for (let step = this.lastLength() >> 1; step >= 1; step >>= 1) await this.shorten(step)
    for (let i = this.best.plan.pieces.length - 2; i >= 0; i--) await this.join(i)
  }

  private lastLength(): number {
    return this.best.plan.pieces[this.best.plan.pieces.length - 1].instructions
  }

  /** Takes `step` instructions off the last piece. */
  private async shorten(step: number): Promise<void> {
    const { pieces } = this.best.plan
    const last = pieces[pieces.length - 1]
    if (last.instructions <= step) return
    await this.take(this.best.program, {
      ...this.best.plan,
      pieces: [...pieces.slice(0, -1), { ...last, instructions: last.instructions - step }],
    })
  }

  /** Leaves out the stop behind a piece. */
  private async join(index: number): Promise<void> {
    const { pieces } = this.best.plan
    if (index + 1 >= pieces.length) return
    const joined = { ...pieces[index + 1], instructions: pieces[index].instructions + pieces[index + 1].instructions }
    await this.take(this.best.program, {
      ...this.best.plan,
      pieces: [...pieces.slice(0, index), joined, ...pieces.slice(index + 2)],
    })
  }

  async items(
    pick: (program: Program) => readonly Item[],
    put: (program: Program, items: Item[]) => Program,
  ): Promise<void> {
    const count = pick(this.best.program).length
    for (let step = Math.max(1, count >> 1); step >= 1; step >>= 1)
      for (let from = 0; from < count && !this.late; from += step) {
        const items = pick(this.best.program)
        if (items.slice(from, from + step).every(item => item.code.length === 0)) continue
        await this.take(put(this.best.program, without(items, from, from + step)), this.best.plan)
      }
  }
}

/** `deadline` is on the clock of `performance.now`; `begin` is called before each run. */
export async function shrink(
  comparer: Comparer,
  program: Program,
  plan: Plan,
  deadline: number,
  begin: () => void = () => {},
): Promise<Shrunk> {
  const failure = await comparer.compare(program, plan)
  // Nothing behind the piece that fails matters.
  const shortPlan = { ...plan, pieces: plan.pieces.slice(0, failure.piece + 1) }
  if (failure.differences.length === 0) return { program, plan: shortPlan, failure }
  const shrinker = new Shrinker(comparer, { program, plan: shortPlan, failure }, deadline, begin)
  await shrinker.plan()
  await shrinker.items(
    ({ services }) => services,
    (whole, services) => ({ ...whole, services }),
  )
  await shrinker.items(
    ({ items }) => items,
    (whole, items) => ({ ...whole, items }),
  )
  await shrinker.items(
    ({ items }) => items,
    (whole, items) => ({ ...whole, items }),
  )
  await shrinker.plan()
  return shrinker.best
}

/** Code at an address of RAM, disassembled; `label` stands in front of the first line. */
function disassemble({ bytes }: FuzzCpu['core'], from: number, to: number, label: string, lines: string[]): void {
  for (let at = from; at < to; ) {
    const decoded = decode(bytes, RAM_BASE + at, RAM_BASE + to, { bits: 32 })
    const length = decoded.ok ? decoded.instruction.length : 1
    const shown = [...bytes.subarray(RAM_BASE + at, RAM_BASE + at + length)].map(byte =>
      byte.toString(16).padStart(2, '0'),
    )
    const text = decoded.ok ? format(decoded.instruction, at) : '(none)'
    lines.push(
      `${(at === from ? label : '').padEnd(10)} ${at.toString(16)}  ${shown.join(' ').padEnd(30)} ${text}`.trimEnd(),
    )
    at += length
  }
}

/** The items of a program that are left, disassembled, its twins behind. */
export function listing(program: Program): string[] {
  const cpu = new FuzzCpu()
  cpu.reset()
  const { addresses } = loadProgram(cpu, program)
  const lines: string[] = []
  program.items.forEach((item, i) => {
    const label = item.labels.length > 0 ? `${item.labels.join(' ')}:` : ''
    disassemble(cpu.core, addresses[i], addresses[i] + lengthOf(item), label, lines)
  })
  program.twins.forEach((items, i) => {
    const start = TWIN_PHYSICAL[i] + program.twinOffset
    disassemble(cpu.core, start, start + items.reduce((sum, item) => sum + lengthOf(item), 0), `twin ${i}:`, lines)
  })
  return lines
}

/** A failure as people want it: what differs, how it was run and in what, and the code. */
export function describe({ program, plan, failure }: Shrunk): string[] {
  const pieces = plan.pieces.map(
    ({ instructions, timer, write }) =>
      `${instructions}${timer ? ' timer' : ''}${write ? ` write ${write.index}=${write.value}` : ''}`,
  )
  const { pieces: _, ...rest } = plan
  return [
    `seed ${program.seed}`,
    ...failure.differences,
    `stops behind ${pieces.join(', ')}`,
    `plan ${JSON.stringify(rest)}`,
    `environment ${JSON.stringify(program.environment)}`,
    `services ${program.services.filter(item => item.code.length > 0).length}`,
    ...listing(program),
  ]
}
