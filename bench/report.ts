/** The tables and remarks that people read, from a summary and the bars. */
import type { Bar } from './bars.ts'
import { GROUPS, type Group } from './groups.ts'
import { type ProgramSummary, type RatioFigures, SUBJECT, type Summary } from './summary.ts'
import { formatTable } from './table.ts'

/** CPUs that others may keep busy before the report warns: the host's own services and this process. */
const TOLERATED_CPUS = 0.15

/** Half the distance between the greatest and the least value, in percent of the median. */
function percent(spread: number): string {
  return `±${(spread * 50).toFixed(0)}%`
}

function ratioText(value: number | null | undefined): string {
  return value !== null && value !== undefined && Number.isFinite(value) ? value.toFixed(2) : '-'
}

function mebibytes(value: number): string {
  return value > 0 ? `${value.toFixed(0)} MiB` : '-'
}

function engineTable(summary: Summary): string {
  const rows = summary.engines.map(entry => {
    const { engine, boot } = entry
    const ratio = summary.bootRatios.find(candidate => candidate.peer === engine)
    return [
      engine,
      boot ? `${(boot.wallMs / 1000).toFixed(2)} s ${percent(boot.wallSpread)}` : '-',
      ratioText(ratio?.wall),
      boot ? `${(boot.cpuMs / 1000).toFixed(2)} s` : '-',
      ratioText(ratio?.cpu),
      mebibytes(entry.bootMiB),
      ratioText(ratio?.memory),
      mebibytes(entry.residentMiB),
      mebibytes(entry.peakResidentMiB),
      ratioText(entry.stackRatio),
      entry.failures.length > 0 ? 'FAILED' : ''
    ]
  })
  const ratio = `${SUBJECT}/`
  const header = ['engine', 'boot', ratio, 'boot CPU', ratio, 'idle memory', ratio, 'at the end', 'peak', 'stack x', '']
  return formatTable(header, rows)
}

/** Names of the programs that ran or were refused, group by group. */
function programsByGroup(summary: Summary): { group: Group; names: string[] }[] {
  const seen = new Set([...summary.programs, ...summary.unsupported].map(entry => entry.program))
  return (Object.keys(GROUPS) as Group[])
    .map(group => ({ group, names: GROUPS[group].filter(name => seen.has(name)) }))
    .filter(({ names }) => names.length > 0)
}

/** One row per program, one column per engine, a cell from the entry; missing entries show a dash. */
function programTable(summary: Summary, cell: (entry: ProgramSummary) => string): string {
  const engines = summary.engines.map(entry => entry.engine)
  const rows = programsByGroup(summary).flatMap(({ names }) =>
    names.map(name => [
      name,
      ...engines.map(engine => {
        const isThis = (entry: { program: string; engine: string }) => entry.program === name && entry.engine === engine
        const entry = summary.programs.find(isThis)
        const unsupported = summary.unsupported.find(isThis)
        if (unsupported) return `no ${unsupported.feature}`
        return entry ? cell(entry) : '-'
      })
    ])
  )
  return formatTable(['program', ...engines], rows)
}

function ratioTable(summary: Summary): string {
  const peers = [...new Set(summary.means.map(mean => mean.peer))]
  const row = (title: string, of: (peer: string) => RatioFigures | undefined) => [
    title,
    ...peers.flatMap(peer => {
      const figures = of(peer)
      return [figures?.warm, figures?.warmCpu, figures?.cold].map(ratioText)
    })
  ]
  const groups = programsByGroup(summary).flatMap(({ group, names }) => [
    ...names.map(name => row(name, peer => summary.ratios.find(r => r.program === name && r.peer === peer))),
    row(`= ${group}`, peer => summary.means.find(mean => mean.group === group && mean.peer === peer))
  ])
  const all = row('= all', peer => summary.means.find(mean => mean.group === 'all' && mean.peer === peer))
  return formatTable(['program', ...peers.flatMap(peer => [`/ ${peer}`, 'CPU', 'cold'])], [...groups, all])
}

/** The bars and what became of them. */
export function formatBars(bars: readonly Bar[]): string {
  const rows = bars.map(({ name, limit, value, state, detail }) => [
    name,
    ratioText(value),
    limit.toFixed(2),
    state === 'missed' ? 'MISSED' : state,
    detail
  ])
  const count = (state: Bar['state']) => bars.filter(bar => bar.state === state).length
  const total = `${count('met')} met, ${count('missed')} missed, ${count('not measured')} not measured`
  return `${formatTable(['bar', 'ratio', 'at most', '', ''], rows)}\n${total}`
}

/** Everything but the bars. */
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
    const title = `Time of ${SUBJECT} divided by that of the peer (below 1: ${SUBJECT} is faster): warm, warm CPU, cold`
    sections.push(`${title}; = geometric mean\n${ratioTable(summary)}`)
  }
  for (const { program, engine, feature } of summary.unsupported) {
    sections.push(`not supported by this CPU: ${program} on ${engine}, whose CPUID has no ${feature}`)
  }
  const disturbed = summary.engines.filter(entry => entry.otherCpus > TOLERATED_CPUS)
  if (disturbed.length > 0) {
    const list = disturbed.map(({ engine, otherCpus }) => `${otherCpus.toFixed(1)} CPUs beside ${engine}`).join(', ')
    sections.push(`THE HOST WAS BUSY (${list}): wall times say little`)
  }
  for (const { engine, failures } of summary.engines) {
    sections.push(...failures.map(failure => `FAILED ${engine}, ${failure}`))
  }
  sections.push(...summary.disagreements.map(line => `CHECKSUMS DIFFER ${line}`))
  return sections.join('\n\n')
}
