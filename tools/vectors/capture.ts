/**
 * Captures CPU test vectors from the CPU of this host (x86, Linux, gcc with -m32).
 *
 *   npx tsx tools/vectors/capture.ts [--seed 1] [--count 100] [--family NAME] [--out test/vectors]
 *       builds native/, runs every family and writes one file each; --count scales the number of cases, in percent
 *   npx tsx tools/vectors/capture.ts --check test/engines/interpreter.ts [--seed N] [--count 100] [--rounds 1]
 *       captures fresh random cases, keeps none, and replays them on the engine that the module's `createEngine` makes
 *   --coverage   prints the number of cases of each row
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { packVectors, type Vector } from '../../test/vectors/format.ts'
import { coverageLines } from './coverage.ts'
import { readRaw } from './raw.ts'

const here = dirname(fileURLToPath(import.meta.url))
const native = join(here, 'native')
const RAW_LIMIT_BYTES = 1 << 30

/** Builds the capture program in `folder`; the flags keep it free of SSE and thread-local stack guards. */
function build(folder: string): string {
  const program = join(folder, 'capture')
  const sources = readdirSync(native)
    .filter(name => name.endsWith('.c'))
    .map(name => join(native, name))
  const flags = [
    '-m32',
    '-O1',
    '-static',
    '-fno-pie',
    '-no-pie',
    '-mno-sse',
    '-fno-stack-protector',
    '-fcf-protection=none',
    '-Wall',
    '-Wextra',
    '-Wno-missing-field-initializers',
  ]
  const gcc = spawnSync('gcc', [...flags, '-o', program, ...sources], { encoding: 'utf8' })
  if (gcc.status !== 0) throw new Error(`gcc -m32 failed (is gcc-multilib installed?)\n${gcc.stderr ?? gcc.error}`)
  return program
}

function run(program: string, args: string[]): Uint8Array {
  const child = spawnSync(program, args, { maxBuffer: RAW_LIMIT_BYTES })
  process.stderr.write(child.stderr ?? '')
  if (child.status !== 0)
    throw new Error(`capture ${args.join(' ')} ended with ${child.signal ?? `status ${child.status}`}`)
  return child.stdout
}

async function main(): Promise<number> {
  const { values: options } = parseArgs({
    options: {
      seed: { type: 'string', default: '1' },
      count: { type: 'string', default: '100' },
      family: { type: 'string' },
      out: { type: 'string', default: resolve(here, '../../test/vectors') },
      check: { type: 'string' },
      rounds: { type: 'string', default: '1' },
      coverage: { type: 'boolean', default: false },
    },
  })
  const folder = mkdtempSync(join(tmpdir(), 'tabpc-vectors-'))
  try {
    const program = build(folder)
    const families = new TextDecoder()
      .decode(run(program, ['--families']))
      .trim()
      .split('\n')
    const chosen = options.family ? families.filter(name => name === options.family) : families
    if (chosen.length === 0) throw new Error(`no family ${options.family}; there are ${families.join(', ')}`)
    if (options.check) {
      const { checkFresh } = await import('./check.ts')
      const capture = (family: string, seed: number) =>
        readRaw(run(program, [family, String(seed), options.count]), family).vectors
      return await checkFresh(
        pathToFileURL(resolve(options.check)).href,
        chosen,
        Number(options.seed),
        Number(options.rounds),
        capture,
      )
    }
    let total = 0
    let bytes = 0
    for (const family of chosen) {
      const { header, vectors } = readRaw(run(program, [family, options.seed, options.count]), family)
      const file = packVectors(header, vectors)
      writeFileSync(join(options.out, `${family}.vectors.gz`), file)
      report(family, vectors, file.length, options.coverage)
      total += vectors.length
      bytes += file.length
    }
    console.log(`${total} cases in ${chosen.length} files, ${bytes} bytes`)
    return 0
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function report(family: string, vectors: readonly Vector[], bytes: number, coverage: boolean): void {
  console.log(`${family}: ${vectors.length} cases, ${bytes} bytes, ${(bytes / vectors.length).toFixed(1)} per case`)
  if (coverage) for (const line of coverageLines(vectors)) console.log(line)
}

process.exitCode = await main()
