/**
 * `npm run fuzz -- --seconds 60 --seed 1`: random programs on the interpreter and on compiled regions. Every program
 * stops at the same random places in both, and everything must be the same there.
 *
 *     --seconds N   how long to go on (default 60)
 *     --seed N      the first program; the next ones count up (default 1)
 *     --one         this program alone
 *
 * A program that fails is made smaller and listed. Exits with 1 when one has failed.
 */
import { parseArgs } from 'node:util'
import { complain } from '../src/cli/complain.ts'
import { PCError } from '../src/errors.ts'
import { compareProgram, planOf } from './fuzz/compare.ts'
import { randomProgram } from './fuzz/program.ts'
import { Random } from './fuzz/random.ts'
import { listing, shrink } from './fuzz/shrink.ts'

const SHRINK_MILLISECONDS = 60_000

function readNumber(text: string, option: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 0) throw new PCError('usage', `--${option} cannot be '${text}'`, 'write a whole number')
  return value
}

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
  const deadline = performance.now() + 1000 * readNumber(values.seconds ?? '60', 'seconds')
  const first = readNumber(values.seed ?? '1', 'seed')
  let programs = 0
  let instructions = 0
  let regions = 0
  for (let seed = first; performance.now() < deadline; seed++) {
    const program = randomProgram(new Random(seed), seed)
    const plan = planOf(seed)
    const result = await compareProgram(program, plan)
    programs++
    instructions += result.instructions
    regions += result.regions
    if (result.differences.length > 0) {
      process.stderr.write(`fuzz: seed ${seed} differs behind piece ${result.piece}; making it smaller\n`)
      const small = await shrink(program, plan, performance.now() + SHRINK_MILLISECONDS)
      const { pieces, heatThreshold, late } = small.plan
      process.stdout.write(
        `${[
          `seed ${seed}, stops at ${pieces.join(' ')}, compiled after ${heatThreshold}${late ? ', late' : ''}:`,
          ...small.failure.differences, ...listing(small.program),
        ].join('\n')}\n`,
      )
      process.exitCode = 1
      return
    }
    if (values.one) break
  }
  process.stdout.write(`${programs} programs, ${instructions} instructions, ${regions} regions: no difference (seeds ${first} … ${first + programs - 1})\n`)
}

main(process.argv.slice(2)).catch((error: unknown) => {
  const { text, status } = complain(error)
  process.stderr.write(`${text.replace(/^tabpc/, 'fuzz')}\n`)
  process.exitCode = status
})
