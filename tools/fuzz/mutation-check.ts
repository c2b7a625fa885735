/**
 * `npm run fuzz -- --mutants`: whether the fuzz would notice. Each mutant (mutants.ts) is the fuzz with one line of the
 * compiler changed; it must find a difference within a bounded number of seeds.
 *
 *   mutant -> esbuild with the line replaced -> build/tools/fuzz-mutant.js -> run -> found at seed n, or missed
 */
import { spawn } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { BuildOptions, BuildResult, Plugin } from 'esbuild'
import { PCError } from '../../src/errors.ts'
import { type Mutant, mutants } from './mutants.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
/** Seeds within which a mutant must be found. */
const MOST_SEEDS = 3000
const SECONDS = 900
const STARTING_SEED = 1

/** Puts a mutant's line in place of the compiler's. Throws when the compiler has no such line any more. */
export function mutated(source: string, { name, before, after }: Mutant): string {
  const places = source.split(before).length - 1
  if (places !== 1)
    throw new PCError('usage', `mutant ${name} fits ${places} places of the compiler`, 'mend tools/fuzz/mutants.ts')
  return source.replace(before, () => after)
}

function planting(mutant: Mutant): Plugin {
  return {
    name: 'mutant',
    setup: build => {
      build.onLoad({ filter: /\.ts$/ }, ({ path }) =>
        path === `${root}${mutant.file}`
          ? { contents: mutated(readFileSync(path, 'utf8'), mutant), loader: 'ts' }
          : undefined,
      )
    },
  }
}

type Bundler = { build(options: BuildOptions): Promise<BuildResult> }

async function bundle(mutant: Mutant, outfile: string): Promise<void> {
  // Not among the imports of the fuzz itself, which runs without it.
  const esbuild: Bundler = await import('esbuild')
  await esbuild.build({
    entryPoints: [`${root}tools/fuzz.ts`], outfile, bundle: true, platform: 'node', format: 'esm',
    external: ['binaryen', 'esbuild'], logLevel: 'error', plugins: [planting(mutant)],
  })
}

interface Verdict {
  /** Programs until the fault showed; undefined when it never did. */
  readonly programs: number | undefined
  readonly how: string
}

function run(file: string, seeds: number): Promise<Verdict> {
  return new Promise((resolve, reject) => {
    const args = [
      '--seed', `${STARTING_SEED}`, '--seeds', `${seeds}`, '--seconds', `${SECONDS}`, '--variants', '1',
      '--unshrunk', '--json',
    ]
    const child = spawn(process.execPath, [...process.execArgv, file, ...args])
    const [said, complained]: [string[], string[]] = [[], []]
    child.stdout.setEncoding('utf8').on('data', (text: string) => void said.push(text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => void complained.push(text))
    child.on('error', reject)
    child.on('close', status => {
      const lines = said.join('').trim().split('\n')
      const complaints = complained.join('').trim().split('\n')
      const last = lines[lines.length - 1]
      const seed = Number(/seed (\d+)/.exec(complaints[complaints.length - 1] ?? '')?.[1] ?? STARTING_SEED)
      const programs = last.startsWith('{') ? (JSON.parse(last) as { programs: number }).programs : seed
      if (status === 0) resolve({ programs: undefined, how: `not found in ${programs} programs` })
      else if (lines[0].includes(' stepped ')) resolve({ programs: undefined, how: `differs without regions: ${lines[0]}` })
      else resolve({ programs, how: lines.length > 1 ? lines[0].trim() : complaints[0] })
    })
  })
}

/**
 * Checks those mutants whose names are in a list with commas, or all; whether each was found within `seeds` seeds. `tell`
 * gets a line about each.
 */
export async function checkMutants(
  only: string | undefined, tell: (line: string) => void, seeds = MOST_SEEDS,
): Promise<boolean> {
  const chosen = mutants.filter(({ name }) => only === undefined || only.split(',').includes(name))
  if (chosen.length === 0)
    throw new PCError('usage', `there is no mutant ${only}`, `write one of ${mutants.map(({ name }) => name).join(', ')}`)
  const file = `${root}build/tools/fuzz-mutant-${process.pid}.js`
  const missed: string[] = []
  try {
    for (const mutant of chosen) {
      if (readFileSync(`${root}${mutant.file}`, 'utf8').split(mutant.before).length !== 2) {
        tell(`${mutant.name.padEnd(28)} STALE: its line is not in the compiler any more; mend tools/fuzz/mutants.ts`)
        missed.push(mutant.name)
        continue
      }
      await bundle(mutant, file)
      const { programs, how } = await run(file, seeds)
      tell(`${mutant.name.padEnd(28)} ${programs === undefined ? 'MISSED' : `${programs} programs`}: ${how}`)
      if (programs === undefined) missed.push(mutant.name)
    }
  } finally {
    rmSync(file, { force: true })
  }
  tell(`${chosen.length - missed.length} of ${chosen.length} mutants found${missed.length > 0 ? `; missed: ${missed.join(', ')}` : ''}`)
  return missed.length === 0
}
