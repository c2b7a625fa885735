/**
 * Turns the records of all runs into one summary, which the JSON file holds, the tables show (report.ts) and the bars
 * judge (bars.ts). Every figure is a median; ratios are tabpc / peer, medians of one run of the benchmark: 0.4 means
 * that tabpc takes 0.4 of the peer's time.
 */
import type { Program } from './build-programs.ts'
import { GROUPS, type Group, STACK_APART, STACK_APART_LOOPS, STACK_IN_CODE, STACK_IN_CODE_LOOPS } from './groups.ts'
import type { Duration, EngineRun } from './run.ts'
import { geometricMean, median, spread } from './statistics.ts'

/** The engine that all ratios refer to. */
export const SUBJECT = 'tabpc'

const BYTES_PER_MIB = 1024 * 1024

/** Medians over repeats and rounds; spread is (greatest - least) / median. */
export interface Measurement {
  wallMs: number
  cpuMs: number
  wallSpread: number
  samples: number
}

export interface ProgramSummary {
  program: string
  engine: string
  /** First rounds, and those of the later half; where there is only one round, it stands for both. */
  cold: Measurement
  warm: Measurement
  /** Million guest instructions per second of wall time, warm; null when the count is unknown. */
  mips: number | null
  checksum: string
}

/** A program that did not run because the engine's CPU lacks a feature. */
export interface Unsupported {
  program: string
  engine: string
  feature: string
}

export interface EngineSummary {
  engine: string
  boot: Measurement | null
  /** Resident memory with the guest idle after boot, at the end of the programs, and at the highest; 0 when unknown. */
  bootMiB: number
  residentMiB: number
  peakResidentMiB: number
  /** Time of one loop of stack-in-code divided by that of stack-apart, warm; null when one is missing or too short. */
  stackRatio: number | null
  /** CPUs of the host that other processes kept busy meanwhile, on average: the most of all repeats. */
  otherCpus: number
  failures: string[]
}

/** Wall time warm, CPU time of all threads warm, wall time cold: tabpc / peer. */
export interface RatioFigures {
  warm: number
  warmCpu: number
  cold: number
}

export interface Ratio extends RatioFigures {
  peer: string
  program: string
}

/** Geometric mean over the programs of a group that both engines ran. */
export interface Mean extends RatioFigures {
  peer: string
  group: Group | 'all'
  programs: number
}

export interface BootRatio {
  peer: string
  wall: number
  cpu: number
  /** Resident memory after boot. */
  memory: number | null
}

export interface Summary {
  engines: EngineSummary[]
  programs: ProgramSummary[]
  unsupported: Unsupported[]
  ratios: Ratio[]
  means: Mean[]
  bootRatios: BootRatio[]
  /** Programs whose checksum is not the same in all engines, with the checksums. */
  disagreements: string[]
}

function measure(durations: readonly Duration[]): Measurement {
  const wall = durations.map(duration => duration.wallMs)
  return {
    wallMs: median(wall),
    cpuMs: median(durations.map(duration => duration.cpuMs)),
    wallSpread: spread(wall),
    samples: durations.length
  }
}

function enginesOf(runs: readonly EngineRun[]): string[] {
  return [...new Set(runs.map(run => run.engine))]
}

/** Of so many rounds, the first that counts as warm: the earlier half still gets compiled, except the first of two. */
function firstWarm(rounds: number): number {
  return Math.max(1, Math.floor(rounds / 2))
}

function summarizePrograms(runs: readonly EngineRun[], programs: readonly Program[]): ProgramSummary[] {
  const all = runs.flatMap(run => run.programs).filter(run => run.unsupported === null)
  return programs.flatMap(({ name, instructions }) =>
    enginesOf(runs).flatMap((engine): ProgramSummary[] => {
      const mine = all.filter(run => run.program === name && run.engine === engine)
      if (mine.length === 0) return []
      const cold = measure(mine.map(run => run.rounds[0]))
      const later = mine.flatMap(run => run.rounds.slice(firstWarm(run.rounds.length)))
      const warm = later.length > 0 ? measure(later) : cold
      const mips = instructions === null || warm.wallMs === 0 ? null : instructions / (warm.wallMs * 1000)
      const checksum = [...new Set(mine.map(run => run.checksum))].join('/')
      return [{ program: name, engine, cold, warm, mips, checksum }]
    })
  )
}

function findUnsupported(runs: readonly EngineRun[]): Unsupported[] {
  const found = new Map<string, Unsupported>()
  for (const { program, engine, unsupported } of runs.flatMap(run => run.programs)) {
    if (unsupported !== null) found.set(`${program} ${engine}`, { program, engine, feature: unsupported })
  }
  return [...found.values()]
}

function stackRatio(entries: readonly ProgramSummary[]): number | null {
  const time = (program: string) => entries.find(entry => entry.program === program)?.warm.wallMs
  const [apart, inCode] = [time(STACK_APART), time(STACK_IN_CODE)]
  return apart !== undefined && apart > 0 && inCode !== undefined ? inCode / STACK_IN_CODE_LOOPS / (apart / STACK_APART_LOOPS) : null
}

function summarizeEngines(runs: readonly EngineRun[], entries: readonly ProgramSummary[]): EngineSummary[] {
  return enginesOf(runs).map(engine => {
    const mine = runs.filter(run => run.engine === engine)
    const boots = mine.flatMap(run => (run.boot ? [run.boot] : []))
    const afterBoot = mine.flatMap(run => (run.bootResidentBytes ? [run.bootResidentBytes] : []))
    return {
      engine,
      boot: boots.length > 0 ? measure(boots) : null,
      bootMiB: afterBoot.length > 0 ? median(afterBoot) / BYTES_PER_MIB : 0,
      residentMiB: Math.max(...mine.map(run => run.residentBytes)) / BYTES_PER_MIB,
      peakResidentMiB: Math.max(...mine.map(run => run.peakResidentBytes)) / BYTES_PER_MIB,
      stackRatio: stackRatio(entries.filter(entry => entry.engine === engine)),
      otherCpus: Math.max(...mine.map(run => run.otherCpus)),
      failures: mine.flatMap(run => (run.failure === null ? [] : [`repeat ${run.repeat + 1}: ${run.failure}`]))
    }
  })
}

function findDisagreements(programs: readonly ProgramSummary[]): string[] {
  return [...new Set(programs.map(entry => entry.program))].flatMap(program => {
    const entries = programs.filter(entry => entry.program === program)
    if (new Set(entries.map(entry => entry.checksum)).size === 1 && !entries[0].checksum.includes('/')) return []
    return [`${program}: ${entries.map(entry => `${entry.engine} ${entry.checksum}`).join(', ')}`]
  })
}

function programRatios(entries: readonly ProgramSummary[]): Ratio[] {
  const subjects = new Map(entries.filter(entry => entry.engine === SUBJECT).map(entry => [entry.program, entry]))
  return entries.flatMap(({ engine, program, warm, cold }): Ratio[] => {
    const subject = subjects.get(program)
    // A round of the native engine may be over between two readings of the clock.
    if (!subject || engine === SUBJECT || warm.wallMs === 0 || cold.wallMs === 0) return []
    return [
      {
        peer: engine,
        program,
        warm: subject.warm.wallMs / warm.wallMs,
        warmCpu: subject.warm.cpuMs / warm.cpuMs,
        cold: subject.cold.wallMs / cold.wallMs
      }
    ]
  })
}

function meanOf(ratios: readonly Ratio[]): RatioFigures {
  return {
    warm: geometricMean(ratios.map(ratio => ratio.warm)),
    warmCpu: geometricMean(ratios.map(ratio => ratio.warmCpu)),
    cold: geometricMean(ratios.map(ratio => ratio.cold))
  }
}

function groupMeans(ratios: readonly Ratio[]): Mean[] {
  const groups = Object.keys(GROUPS) as Group[]
  return [...new Set(ratios.map(ratio => ratio.peer))].flatMap(peer => {
    const all = ratios.filter(ratio => ratio.peer === peer)
    const byGroup = groups.map(group => ({ group, mine: all.filter(ratio => GROUPS[group].includes(ratio.program)) }))
    return [...byGroup, { group: 'all' as const, mine: all }]
      .filter(({ mine }) => mine.length > 0)
      .map(({ group, mine }) => ({ peer, group, programs: mine.length, ...meanOf(mine) }))
  })
}

function bootRatios(engines: readonly EngineSummary[]): BootRatio[] {
  const subject = engines.find(entry => entry.engine === SUBJECT)
  const subjectBoot = subject?.boot
  if (!subjectBoot) return []
  return engines.flatMap(({ engine, boot, bootMiB }) => {
    if (!boot || engine === SUBJECT) return []
    const memory = subject.bootMiB > 0 && bootMiB > 0 ? subject.bootMiB / bootMiB : null
    return [{ peer: engine, wall: subjectBoot.wallMs / boot.wallMs, cpu: subjectBoot.cpuMs / boot.cpuMs, memory }]
  })
}

/** All figures of a benchmark. */
export function summarize(runs: readonly EngineRun[], programs: readonly Program[]): Summary {
  const entries = summarizePrograms(runs, programs)
  const engines = summarizeEngines(runs, entries)
  const ratios = programRatios(entries)
  return {
    engines,
    programs: entries,
    unsupported: findUnsupported(runs),
    ratios,
    means: groupMeans(ratios),
    bootRatios: bootRatios(engines),
    disagreements: findDisagreements(entries)
  }
}
