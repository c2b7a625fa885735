/**
 * `npm run fuzz -- --seconds 60 --seed 1`: random programs on the interpreter and on compiled regions. Every program
 * stops at the same random places in both, and everything must be the same there.
 *
 *   Random(seed) -> randomProgram + planOf -> Comparer (two CPUs, used again and again) -> a difference -> shrink
 *
 *     --seconds N   how long to go on (default 60)
 *     --seed N      the first program; the next ones count up (default 1)
 *     --one         this program alone
 *
 * A program that fails is made smaller and listed; one that hangs is named. Exits with 1 when one has failed.
 */
import { parseArgs } from 'node:util'
import { complain } from '../src/cli/complain.ts'
import { PCError } from '../src/errors.ts'
import { Comparer } from './fuzz/compare.ts'
import { planOf } from './fuzz/plan.ts'
import { randomProgram } from './fuzz/program.ts'
import { Random } from './fuzz/random.ts'
import { describe, shrink } from './fuzz/shrink.ts'
import { Watchdog } from './fuzz/watchdog.ts'
import { readCount } from './lockstep/counts.ts'

const SHRINK_MILLISECONDS = 60_000
const TELL_MILLISECONDS = 60_000

function parse(argv: readonly string[]) {
  const string = { type: 'string' } as const
  try {
    return parseArgs({ args: [...argv], options: { seconds: string, seed: string, one: { type: 'boolean' } } })
  } catch (error) {
    const message = error instanceof Error ? error.message.split(/[.\n]/)[0] : String(error)
    throw new PCError('usage', message, 'write npm run fuzz -- [--seconds N] [--seed N] [--one]')
  }
}

async function main(argv: readonly string[]): Promise<void> {
  const { values } = parse(argv)
  const started = performance.now()
  const deadline = started + 1000 * readCount(values.seconds ?? '60', 'seconds')
  const first = readCount(values.seed ?? '1', 'seed')
  let programs = 0
  let instructions = 0
  let regions = 0
  const comparer = new Comparer()
  const watchdog = new Watchdog()
  let told = started
  for (let seed = first; performance.now() < deadline; seed++) {
    if (performance.now() - told > TELL_MILLISECONDS) {
      told = performance.now()
      process.stderr.write(`fuzz: ${programs} programs, at seed ${seed}\n`)
    }
    const program = randomProgram(new Random(seed), seed)
    const plan = planOf(seed)
    watchdog.begin(seed)
    const result = await comparer.compare(program, plan).catch((error: unknown) => {
      throw new Error(`seed ${seed}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
    })
    programs++
    instructions += result.instructions
    regions += result.regions
    if (result.differences.length > 0) {
      process.stderr.write(`fuzz: seed ${seed} differs behind piece ${result.piece}; making it smaller\n`)
      const small = await shrink(new Comparer(), program, plan, performance.now() + SHRINK_MILLISECONDS, () =>
        watchdog.begin(seed),
      )
      // A CPU that has run other programs before may differ where a new one does not.
      const lines =
        small.failure.differences.length > 0
          ? describe(small)
          : [`seed ${seed} differs only behind the programs before it, from seed ${first}:`, ...result.differences]
      process.stdout.write(`${lines.join('\n')}\n`)
      process.exitCode = 1
      return
    }
    if (values.one) break
  }
  const hours = (performance.now() - started) / 3_600_000
  process.stdout.write(
    `${programs} programs, ${instructions} instructions, ${regions} regions: no difference ` +
      `(seeds ${first} … ${first + programs - 1}, ${Math.round(programs / hours)} an hour)\n`,
  )
}

main(process.argv.slice(2)).catch((error: unknown) => {
  const { text, status } = complain(error)
  process.stderr.write(`${text.replace(/^tabpc/, 'fuzz')}\n`)
  process.exitCode = status
})
