/**
 * `npm run ladder [-- --rungs WORDS] [--engines NAMES] [--rounds N] [--limit SECONDS]`: boots every rung in tabpc, QEMU
 * and v86 in turn and prints how long each took, from the start of its process until its screen or serial port shows
 * the mark. The engines take turns within a round, so that a busy host falls on all of them; of several rounds the
 * median is printed, with the spread.
 */
import { parseArgs } from 'node:util'
import { formatTable } from '../bench/table.ts'
import { engines } from './ladder/engines.ts'
import { plans, type Rung } from './ladder/rungs.ts'

const { values } = parseArgs({
  options: {
    rungs: { type: 'string', default: '' }, engines: { type: 'string', default: 'tabpc,qemu,v86' },
    rounds: { type: 'string', default: '1' }, limit: { type: 'string', default: '300' },
  },
})

const wantedEngines = engines.filter(({ name }) => values.engines.split(',').includes(name))
const wantedRungs = plans.filter(({ name }) => name.toLowerCase().includes(values.rungs.toLowerCase()))

function say(text: string): void {
  process.stderr.write(`${text}\n`)
}

function median(sorted: readonly number[]): number {
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** One cell: the median of the times with their spread, or why there is none. */
function cell(times: readonly number[], problem: string | undefined): string {
  if (times.length === 0) return problem ?? '-'
  const sorted = [...times].sort((a, b) => a - b)
  const spread = times.length > 1 ? ` (${sorted[0].toFixed(1)}..${(sorted.at(-1) as number).toFixed(1)})` : ''
  return `${median(sorted).toFixed(2)} s${spread}`
}

async function climbAll(rung: Rung): Promise<string[]> {
  const times = new Map(wantedEngines.map(({ name }) => [name, [] as number[]]))
  const problems = new Map<string, string>()
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const engine of wantedEngines) {
      const { name } = engine
      const unfit = engine.unfit(rung)
      if (unfit !== undefined || problems.has(name)) {
        if (unfit !== undefined) problems.set(name, unfit)
        continue
      }
      try {
        const seconds = await engine.climb(rung, Number(values.limit))
        times.get(name)?.push(seconds)
        say(`${rung.name}: ${name} ${seconds.toFixed(2)} s`)
      } catch (error) {
        problems.set(name, error instanceof Error ? error.message : String(error))
        say(`${rung.name}: ${name}: ${problems.get(name)}`)
      }
    }
  }
  const [own, ...others] = wantedEngines.map(({ name }) => median([...(times.get(name) ?? [])].sort((a, b) => a - b)))
  const ratios = others.map(other => (own > 0 && other > 0 ? (own / other).toFixed(2) : '-'))
  return [rung.name, ...wantedEngines.map(({ name }) => cell(times.get(name) ?? [], problems.get(name))), ...ratios]
}

const rows: string[][] = []
for (const { prepare, ...rung } of wantedRungs) {
  const media = await prepare()
  if (media) rows.push(await climbAll({ ...rung, media }))
  else say(`${rung.name}: its media are not there (npx tsx tools/guest/debian-disk.ts --desktop, as root)`)
}
const [own, ...others] = wantedEngines
const header = ['rung', ...wantedEngines.map(({ name }) => name), ...others.map(({ name }) => `${own?.name}/${name}`)]
process.stdout.write(`${formatTable(header, rows)}\n`)
