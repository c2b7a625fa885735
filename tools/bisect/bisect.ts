/**
 * Finds what a fault of the JIT depends on: first the region, by compiling the first so many only, then what within it,
 * by compiling that one without this or that (switches.ts).
 */
import { format } from '../../jit/decode/disassembler.ts'
import { type CompileRequest, regionOf } from '../../jit/compile.ts'
import type { Region } from '../../jit/regions/region.ts'
import type { Alteration } from '../fuzz/altered-compile.ts'
import type { Scenario, Trial } from './scenario.ts'
import { fewestToRemove, smallestFailing } from './search.ts'
import { type LimitSwitch, limitSwitches, type SetSwitch, setSwitches } from './switches.ts'
import { everything, type Variation } from './variation.ts'

export interface Findings {
  /** Differences when everything is compiled; none: there is nothing to find. */
  readonly differences: readonly string[]
  /** Number of the guilty region in the order of requests, from 1; 0 when they differ without any. */
  readonly region: number
  /** For people. */
  readonly lines: readonly string[]
}

/** Blocks and instructions of a region. */
function listingOf(region: Region): string[] {
  const lines = [`${region.blocks.size} blocks, ${region.instructions} instructions, mode ${region.mode.toString(16)}`]
  for (const { eip, instructions, end } of region.blocks.values()) {
    lines.push(`  block ${eip.toString(16)}, ends in ${end.kind}`)
    for (const { eip: at, instruction } of instructions)
      lines.push(`    ${at.toString(16)}  ${format(instruction, at)}`)
  }
  return lines
}

class Search {
  trials = 0
  private readonly scenario: Scenario
  private readonly tell: (line: string) => void

  constructor(scenario: Scenario, tell: (line: string) => void) {
    this.scenario = scenario
    this.tell = tell
  }

  async trial(variation: Variation, what: string): Promise<Trial> {
    const trial = await this.scenario.trial(variation)
    this.trials++
    this.tell(`${what}: ${trial.differences.length > 0 ? 'wrong' : 'right'}`)
    return trial
  }

  async fails(variation: Variation, what: string): Promise<boolean> {
    return (await this.trial(variation, what)).differences.length > 0
  }

  /** Looks within region `number`, counted from 0, which is the last that is compiled. */
  async within(number: number, request: CompileRequest, region: Region): Promise<string[]> {
    const wrong: Wrong = (alteration, what) => this.fails({ most: number + 1, altered: { number, alteration } }, what)
    const lines: string[] = []
    for (const one of setSwitches) lines.push(await bySet(one, region, wrong))
    for (const one of limitSwitches) lines.push(...(await byLimit(one, request, region, wrong)))
    const clean = await wrong({ poison: false }, 'no garbage in locals')
    const poisoned = await wrong({ poison: true }, 'garbage in locals')
    if (clean !== poisoned)
      lines.push(`${clean ? 'right' : 'wrong'} with garbage in all locals on entry: one is read before it is written`)
    return lines
  }
}

/** Whether it goes wrong when the guilty region is compiled with an alteration. */
type Wrong = (alteration: Alteration, what: string) => Promise<boolean>

/** Every element without which it is right; when none is enough, the fewest together. */
async function bySet({ name, elements, without }: SetSwitch, region: Region, wrong: Wrong): Promise<string> {
  const all = elements(region)
  const fails = (removed: readonly string[]) => wrong(without(removed), `${name}: ${removed.join(' ')}`)
  if (await fails(all)) return `${name}: it is wrong all the same`
  const alone: string[] = []
  for (const one of all) if (!(await fails([one]))) alone.push(one)
  if (alone.length > 0) return `${name}: right with any of ${alone.join(', ')}`
  return `${name}: right with ${(await fewestToRemove(all, fails)).join(' and ')} together`
}

function addressesOf(region: Region | undefined): Map<number, string> {
  const blocks = region ? [...region.blocks.values()] : []
  return new Map(
    blocks.flatMap(block => block.instructions.map(({ eip, instruction }) => [eip, format(instruction, eip)] as const)),
  )
}

/** The smallest bound with which it is wrong, and what the region has then that it has not with less. */
async function byLimit(
  { name, most, limits }: LimitSwitch,
  request: CompileRequest,
  region: Region,
  wrong: Wrong,
): Promise<string[]> {
  const fails = (limit: number) => wrong({ limits: limits(limit) }, `${name}: ${limit}`)
  const all = most(region)
  if (!(await fails(all))) return [`${name}: right when bounded at all`]
  const limit = await smallestFailing(all, fails)
  if (limit === 0) return [`${name}: wrong with none`]
  const found = addressesOf(regionOf({ ...request, limits: limits(limit) }))
  const before = addressesOf(regionOf({ ...request, limits: limits(limit - 1) }))
  const added = [...found].filter(([eip]) => !before.has(eip))
  return [
    `${name}: wrong with ${limit}, right with fewer; these are added:`,
    ...added.map(([eip, text]) => `    ${eip.toString(16)}  ${text}`),
  ]
}

/** Finds the fault of a scenario; `tell` hears of each trial. */
export async function bisect(scenario: Scenario, tell: (line: string) => void): Promise<Findings> {
  const search = new Search(scenario, tell)
  const whole = await search.trial(everything, 'everything compiled')
  const { differences } = whole
  if (differences.length === 0)
    return { differences, region: 0, lines: [`${scenario.name}: the JIT and the interpreter do not differ`] }
  const region = await smallestFailing(whole.compiler.asked, most => search.fails({ most }, `first ${most} regions`))
  if (region === 0)
    return { differences, region, lines: [`${scenario.name} goes wrong without any region`, ...differences] }
  const guilty = await search.trial({ most: region }, `first ${region} regions`)
  const { request, region: found } = guilty.compiler
  if (!request || !found)
    return { differences, region, lines: [`${scenario.name} does not go wrong in the same way twice`, ...differences] }
  const alone = await search.fails({ most: region, only: region - 1 }, `region ${region} alone`)
  const within = await search.within(region - 1, request, found)
  return {
    differences,
    region,
    lines: [
      `${scenario.name} goes wrong with region ${region} of ${whole.compiler.asked}, entry ${found.entry.toString(16)}${alone ? ', and with it alone' : ', together with earlier ones'} (${search.trials} trials)`,
      ...guilty.differences.map(line => `  ${line}`),
      ...within,
      ...listingOf(found),
    ],
  }
}
