/**
 * Turns the records of all runs into one summary (what the JSON file holds) and readable tables.
 * Ratios are peer / tabpc in time: 2.5 means that the peer takes 2.5 times as long.
 */
import type { Program } from './build-programs.ts'
import type { Duration, EngineRun } from './run.ts'
import { geometricMean, median, spread } from './statistics.ts'
import { formatTable } from './table.ts'

/** The engine that all ratios refer to. */
export const SUBJECT = 'tabpc'
/** The engine that the bars refer to. */
export const RIVAL = 'v86-interpreter'

/** What the project promises against RIVAL. */
export const BARS = {
  /** Each program at least this many times faster. */
  programRatio: 2.5,
  /** Boot in at most 1 / this of the rival's time. */
  bootRatio: 4,
  /** Resident memory at most guest RAM plus this many MiB. */
  overheadMiB: 150
}

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
  cold: Measurement
  warm: Measurement
  /** Million guest instructions per second of wall time, warm; null when the count is unknown. */
  mips: number | null
  checksum: string
}

export interface EngineSummary {
  engine: string
  boot: Measurement | null
  residentMiB: number
  peakResidentMiB: number
  failures: string[]
}

export interface Ratio {
  peer: string
  program: string
  warm: number
  warmCpu: number
  cold: number
}

export interface Summary {
  engines: EngineSummary[]
  programs: ProgramSummary[]
  ratios: Ratio[]
  /** Geometric means over the programs, by peer. */
  means: { peer: string; warm: number; warmCpu: number; cold: number }[]
  bootRatios: { peer: string; wall: number; cpu: number }[]
  /** Programs whose checksum is not the same in all engines, with the checksums. */
  disagreements: string[]
  /** Bars that were measured and missed. */
  missedBars: string[]
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

function summarizePrograms(runs: readonly EngineRun[], programs: readonly Program[]): ProgramSummary[] {
  const summaries: ProgramSummary[] = []
  for (const { name, instructions } of programs) {
    for (const engine of new Set(runs.map(run => run.engine))) {
      const mine = runs.flatMap(run => run.programs).filter(run => run.program === name && run.engine === engine)
      if (mine.length === 0) continue
      const cold = measure(mine.map(run => run.rounds[0]))
      const later = mine.flatMap(run => run.rounds.slice(1))
      const warm = later.length > 0 ? measure(later) : cold
      const mips = instructions === null ? null : instructions / (warm.wallMs * 1000)
      const checksum = [...new Set(mine.map(run => run.checksum))].join('/')
      summaries.push({ program: name, engine, cold, warm, mips, checksum })
    }
  }
  return summaries
}

function summarizeEngines(runs: readonly EngineRun[]): EngineSummary[] {
  return [...new Set(runs.map(run => run.engine))].map(engine => {
    const mine = runs.filter(run => run.engine === engine)
    const boots = mine.flatMap(run => (run.boot ? [run.boot] : []))
    return {
      engine,
      boot: boots.length > 0 ? measure(boots) : null,
      residentMiB: Math.max(...mine.map(run => run.residentBytes)) / BYTES_PER_MIB,
      peakResidentMiB: Math.max(...mine.map(run => run.peakResidentBytes)) / BYTES_PER_MIB,
      failures: mine.flatMap(run => (run.failure === null ? [] : [`repeat ${run.repeat + 1}: ${run.failure}`]))
    }
  })
}

function findDisagreements(programs: readonly ProgramSummary[]): string[] {
  return [...new Set(programs.map(entry => entry.program))].flatMap(program => {
    const entries = programs.filter(entry => entry.program === program)
    if (new Set(entries.map(entry => entry.checksum)).size === 1) return []
    return [`${program}: ${entries.map(entry => `${entry.engine} ${entry.checksum}`).join(', ')}`]
  })
}

function findMissedBars(summary: Summary, memoryMiB: number): string[] {
  const missed = summary.ratios
    .filter(ratio => ratio.peer === RIVAL && ratio.warm < BARS.programRatio)
    .map(ratio => `${ratio.program}: ${ratio.warm.toFixed(2)} times ${RIVAL}, bar ${BARS.programRatio}`)
  for (const boot of summary.bootRatios) {
    if (boot.peer === RIVAL && boot.wall < BARS.bootRatio) {
      missed.push(`boot: ${boot.wall.toFixed(2)} times as fast as ${RIVAL}, bar ${BARS.bootRatio}`)
    }
  }
  const subject = summary.engines.find(entry => entry.engine === SUBJECT)
  const limitMiB = memoryMiB + BARS.overheadMiB
  if (subject && subject.peakResidentMiB > limitMiB) {
    missed.push(`memory: ${subject.peakResidentMiB.toFixed(0)} MiB resident at the peak, bar ${limitMiB}`)
  }
  return missed
}

/** All figures of a benchmark; `memoryMiB` is the guest's RAM. */
export function summarize(runs: readonly EngineRun[], programs: readonly Program[], memoryMiB: number): Summary {
  const engines = summarizeEngines(runs)
  const entries = summarizePrograms(runs, programs)
  const subjects = new Map(entries.filter(entry => entry.engine === SUBJECT).map(entry => [entry.program, entry]))
  const ratios = entries.flatMap((entry): Ratio[] => {
    const subject = subjects.get(entry.program)
    if (!subject || entry.engine === SUBJECT) return []
    return [
      {
        peer: entry.engine,
        program: entry.program,
        warm: entry.warm.wallMs / subject.warm.wallMs,
        warmCpu: entry.warm.cpuMs / subject.warm.cpuMs,
        cold: entry.cold.wallMs / subject.cold.wallMs
      }
    ]
  })
  const means = [...new Set(ratios.map(ratio => ratio.peer))].map(peer => {
    const mine = ratios.filter(ratio => ratio.peer === peer)
    return {
      peer,
      warm: geometricMean(mine.map(ratio => ratio.warm)),
      warmCpu: geometricMean(mine.map(ratio => ratio.warmCpu)),
      cold: geometricMean(mine.map(ratio => ratio.cold))
    }
  })
  const subjectBoot = engines.find(entry => entry.engine === SUBJECT)?.boot
  const bootRatios = engines.flatMap(({ engine, boot }) =>
    boot && subjectBoot && engine !== SUBJECT
      ? [{ peer: engine, wall: boot.wallMs / subjectBoot.wallMs, cpu: boot.cpuMs / subjectBoot.cpuMs }]
      : []
  )
  const disagreements = findDisagreements(entries)
  const summary: Summary = { engines, programs: entries, ratios, means, bootRatios, disagreements, missedBars: [] }
  summary.missedBars = findMissedBars(summary, memoryMiB)
  return summary
}

function percent(fraction: number): string {
  return `±${(fraction * 50).toFixed(0)}%`
}

function engineTable(summary: Summary): string {
  const rows = summary.engines.map(({ engine, boot, residentMiB, peakResidentMiB, failures }) => {
    const ratio = summary.bootRatios.find(entry => entry.peer === engine)
    return [
      engine,
      boot ? `${(boot.wallMs / 1000).toFixed(2)} s ${percent(boot.wallSpread)}` : '-',
      boot ? `${(boot.cpuMs / 1000).toFixed(2)} s` : '-',
      ratio ? `${ratio.wall.toFixed(2)}x` : '-',
      residentMiB > 0 ? `${residentMiB.toFixed(0)} MiB` : '-',
      peakResidentMiB > 0 ? `${peakResidentMiB.toFixed(0)} MiB` : '-',
      failures.length > 0 ? 'FAILED' : ''
    ]
  })
  return formatTable(['engine', 'boot', 'boot CPU', `/ ${SUBJECT}`, 'resident', 'peak', ''], rows)
}

/** One row per program, one column per engine, a cell from the entry; missing entries show a dash. */
function programTable(summary: Summary, cell: (entry: ProgramSummary) => string): string {
  const engines = summary.engines.map(entry => entry.engine)
  const names = [...new Set(summary.programs.map(entry => entry.program))]
  const rows = names.map(name => [
    name,
    ...engines.map(engine => {
      const entry = summary.programs.find(candidate => candidate.program === name && candidate.engine === engine)
      return entry ? cell(entry) : '-'
    })
  ])
  return formatTable(['program', ...engines], rows)
}

function ratioTable(summary: Summary): string {
  const peers = summary.means.map(mean => mean.peer)
  const cells = (of: (peer: string) => { warm: number; warmCpu: number; cold: number } | undefined) =>
    peers.flatMap(peer => {
      const ratio = of(peer)
      return ratio ? [ratio.warm, ratio.warmCpu, ratio.cold].map(value => `${value.toFixed(2)}x`) : ['-', '-', '-']
    })
  const names = [...new Set(summary.ratios.map(ratio => ratio.program))]
  const rows = names.map(name => [
    name,
    ...cells(peer => summary.ratios.find(ratio => ratio.program === name && ratio.peer === peer))
  ])
  rows.push(['geometric mean', ...cells(peer => summary.means.find(mean => mean.peer === peer))])
  return formatTable(['program', ...peers.flatMap(peer => [peer, 'CPU', 'cold'])], rows)
}

/** The tables and remarks that people read. */
export function formatSummary(summary: Summary): string {
  const sections = [`Boot and memory\n${engineTable(summary)}`]
  if (summary.programs.length > 0) {
    const speed = programTable(summary, ({ mips, warm }) =>
      mips === null ? '-' : `${mips.toFixed(0)} ${percent(warm.wallSpread)}`
    )
    sections.push(`Million guest instructions per second, warm\n${speed}`)
    const times = programTable(summary, ({ warm, cold }) =>
      [warm.wallMs, warm.cpuMs, cold.wallMs].map(ms => ms.toFixed(0)).join(' / ')
    )
    sections.push(`Milliseconds per round: warm / warm CPU of all threads / cold\n${times}`)
  }
  if (summary.ratios.length > 0) {
    sections.push(`Time of the peer divided by the time of ${SUBJECT}: warm, warm CPU, cold\n${ratioTable(summary)}`)
  }
  for (const { engine, failures } of summary.engines) {
    sections.push(...failures.map(failure => `FAILED ${engine}, ${failure}`))
  }
  sections.push(...summary.disagreements.map(line => `CHECKSUMS DIFFER ${line}`))
  sections.push(...summary.missedBars.map(line => `bar missed: ${line}`))
  return sections.join('\n\n')
}
