/**
 * `npm run fuzz -- --seconds 60 --seed 1`: random programs on the interpreter and on compiled regions. Every program
 * stops at the same random places in both, and everything must be the same there.
 *
 *     --seconds N   how long to go on (default 60)
 *     --seed N      the first seed; the next ones count up (default 1)
 *     --variants N  programs of each seed's code, with other data, registers and stops (default 4)
 *     --jobs N      processes that take seeds in turn (default 1)
 *     --seeds N     at most so many seeds
 *     --one         this seed alone; with --variant N that program of it alone
 *     --mutants     plants faults into the compiler one by one: each must be found within 3000 seeds, or --seeds;
 *                   --mutant NAMES: those
 *
 * A program that fails is made smaller and listed; one that hangs is named. Exits with 1 when one has failed.
 */
import { parseArgs } from 'node:util'
import { complain } from '../src/cli/complain.ts'
import { PCError } from '../src/errors.ts'
import { runJobs } from './fuzz/jobs.ts'
import { checkMutants } from './fuzz/mutation-check.ts'
import { type Figures, runSession } from './fuzz/session.ts'
import { readCount } from './lockstep/counts.ts'

const USAGE =
  '[--seconds N] [--seed N] [--seeds N] [--variants N] [--variant N] [--jobs N] [--one] [--mutants] [--mutant NAME,…]'
const SECOND = 1000
const HOUR = 3600 * SECOND
const DEFAULT_VARIANTS = '4'

function parse(argv: readonly string[]) {
  const string = { type: 'string' } as const
  const boolean = { type: 'boolean' } as const
  try {
    return parseArgs({
      args: [...argv],
      options: {
        seconds: string, seed: string, seeds: string, variants: string, variant: string, jobs: string, mutant: string,
        // One of several jobs: distance from seed to seed, and figures as JSON instead of a sentence.
        step: string, json: boolean, unshrunk: boolean, one: boolean, mutants: boolean,
      },
    })
  } catch (error) {
    const message = error instanceof Error ? error.message.split(/[.\n]/)[0] : String(error)
    throw new PCError('usage', message, `write npm run fuzz -- ${USAGE}`)
  }
}

const tell = (line: string) => void process.stderr.write(`fuzz: ${line}\n`)

async function main(argv: readonly string[]): Promise<void> {
  const { values } = parse(argv)
  if (values.mutants || values.mutant !== undefined) {
    const seeds = values.seeds === undefined ? undefined : readCount(values.seeds, 'seeds')
    if (!(await checkMutants(values.mutant, tell, seeds))) process.exitCode = 1
    return
  }
  const started = performance.now()
  const count = (name: 'seconds' | 'seed' | 'seeds' | 'variants' | 'variant' | 'jobs' | 'step', otherwise: string) =>
    readCount(values[name] ?? otherwise, name)
  const seed = count('seed', '1')
  const jobs = count('jobs', '1')
  if (jobs > 1) {
    await runJobs(jobs, seed, argv)
    return
  }
  const { failure, ...figures } = await runSession(
    {
      milliseconds: SECOND * count('seconds', '60'),
      seed,
      step: count('step', '1'),
      seeds: values.one ? 1 : values.seeds === undefined ? Number.POSITIVE_INFINITY : count('seeds', '1'),
      variants: values.one && values.variant === undefined ? 1 : count('variants', DEFAULT_VARIANTS),
      variant: values.variant === undefined ? undefined : count('variant', '0'),
      shrinks: !values.unshrunk,
    },
    tell,
  )
  if (failure.length > 0) {
    process.stdout.write(`${failure.join('\n')}\n`)
    process.exitCode = 1
  }
  if (values.json) process.stdout.write(`${JSON.stringify(figures)}\n`)
  else if (failure.length === 0) process.stdout.write(`${sentence(figures, seed, performance.now() - started)}\n`)
}

function sentence({ programs, codes, instructions, regions, compiles }: Figures, seed: number, took: number): string {
  const seeds = `seeds ${seed} … ${seed + codes - 1}, ${Math.round((programs / took) * HOUR)} an hour`
  return (
    `${programs} programs of ${codes} codes, ${instructions} instructions, ${regions} regions (${compiles} compiled): ` +
    `no difference (${seeds})`
  )
}

main(process.argv.slice(2)).catch((error: unknown) => {
  const { text, status } = complain(error)
  process.stderr.write(`${text.replace(/^tabpc/, 'fuzz')}\n`)
  process.exitCode = status
})
