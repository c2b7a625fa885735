/**
 * Builds the guest programs (programs/*.c) for a plain i686 and counts their instructions.
 * Place in the flow: main.ts -> here -> guest.ts packs the results into the initramfs.
 *
 * Counting: MIPS of every engine uses one count per program, so it is taken outside all engines. Valgrind's cachegrind
 * runs the binary with one and with two rounds; the difference is one round without start-up. It counts user-mode
 * instructions, each iteration of a REP string instruction as one. `perf stat` takes over where Valgrind is missing and
 * the host lets user counters be read. Without both, tables show times and ratios only. Programs whose time is mostly
 * the guest kernel's get no count: their user instructions say little.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { BENCH_CACHE, ROOT } from './folders.ts'
import { groupOf, STACK_APART, STACK_APART_LOOPS, STACK_IN_CODE, STACK_IN_CODE_LOOPS } from './groups.ts'

const SOURCES = `${ROOT}/bench/programs`
const PROGRAMS = `${BENCH_CACHE}/programs`
const COUNTS = `${BENCH_CACHE}/instruction-counts.json`
const SHARED_SOURCE = 'start'

/** No SSE or MMX, and nothing a newer CPU than a Pentium Pro is needed for: every engine runs the same instructions. */
const FLAGS = [
  ...['-m32', '-O2', '-march=i686', '-mtune=generic', '-mno-sse', '-mno-mmx', '-mfpmath=387', '-ffreestanding'],
  ...['-static', '-nostdlib', '-fno-pie', '-no-pie', '-fno-stack-protector', '-fno-asynchronous-unwind-tables'],
  ...['-fno-tree-loop-distribute-patterns', '-Wall', '-Wextra', '-Wl,-z,noexecstack', '-Wl,--build-id=none']
]

/** What programs need beyond FLAGS. SSE2: CPUID is asked first (bench.h, bench_feature), in code compiled without it. */
const EXTRA_FLAGS: Readonly<Record<string, readonly string[]>> = {
  sse2: ['-msse2', '-mfpmath=sse'],
  [STACK_APART]: [`-DSTACK_APART_LOOPS=${STACK_APART_LOOPS}`],
  [STACK_IN_CODE]: [`-DSTACK_IN_CODE_LOOPS=${STACK_IN_CODE_LOOPS}`]
}

export interface Program {
  name: string
  /** Executable on the host. */
  path: string
  /** User-mode instructions of one round; null when unknown or meaningless. */
  instructions: number | null
}

/** Names of all programs, sorted. */
export function programNames(): string[] {
  return readdirSync(SOURCES)
    .filter(file => file.endsWith('.c'))
    .map(file => file.slice(0, -'.c'.length))
    .filter(name => name !== SHARED_SOURCE)
    .sort()
}

/** Why programs cannot be built here, with the way to mend it; null when they can. */
export function compilerProblem(): string | null {
  const trial = spawnSync(
    'gcc',
    ['-m32', '-nostdlib', '-ffreestanding', '-static', '-x', 'c', '-', '-o', '/dev/null', '-lgcc'],
    {
      input: 'void _start(void) {}\n',
      encoding: 'utf8'
    }
  )
  if (trial.error) return 'gcc not found (Debian: apt install gcc-multilib)'
  return trial.status === 0 ? null : 'gcc cannot build 32-bit programs (Debian: apt install gcc-multilib)'
}

/** Compiles one program into a folder and returns its path. Throws with the compiler's messages when that fails. */
export function compileProgram(name: string, folder = PROGRAMS): string {
  mkdirSync(folder, { recursive: true })
  const path = `${folder}/${name}`
  const objects = [name, SHARED_SOURCE].map(source => `${path}.${source}.o`)
  gcc(name, [...FLAGS, ...(EXTRA_FLAGS[name] ?? []), '-c', `${SOURCES}/${name}.c`, '-o', objects[0]])
  gcc(name, [...FLAGS, '-c', `${SOURCES}/${SHARED_SOURCE}.c`, '-o', objects[1]])
  gcc(name, [...FLAGS, ...objects, '-o', path, '-lgcc'])
  for (const object of objects) rmSync(object)
  return path
}

function gcc(name: string, args: readonly string[]): void {
  const build = spawnSync('gcc', args, { encoding: 'utf8' })
  if (build.status !== 0) throw new Error(`bench/programs/${name}.c does not compile:\n${build.stderr}`)
}

/** Compiles the named programs and looks up or takes their instruction counts. */
export function buildPrograms(names: readonly string[]): Program[] {
  const counts = readCounts()
  const programs = names.map(name => {
    const path = compileProgram(name)
    const hash = createHash('sha256').update(readFileSync(path)).digest('hex')
    const known = groupOf(name) === 'kernel' ? null : (counts[hash] ?? countRound(path))
    if (known !== null) counts[hash] = known
    return { name, path, instructions: known }
  })
  writeFileSync(COUNTS, JSON.stringify(counts, null, 1))
  return programs
}

/** Folder that holds the executables. */
export function programsFolder(): string {
  return PROGRAMS
}

function readCounts(): Record<string, number> {
  return existsSync(COUNTS) ? (JSON.parse(readFileSync(COUNTS, 'utf8')) as Record<string, number>) : {}
}

function countRound(path: string): number | null {
  for (const count of [countWithValgrind, countWithPerf]) {
    const one = count(path, 1)
    const two = one === null ? null : count(path, 2)
    if (one !== null && two !== null) return two - one
  }
  return null
}

function countWithValgrind(path: string, rounds: number): number | null {
  const options = ['--tool=cachegrind', '--cache-sim=no', '--cachegrind-out-file=/dev/null', '--smc-check=all']
  const run = spawnSync('valgrind', [...options, path, `${rounds}`], { encoding: 'utf8' })
  const match = run.status === 0 ? /I\s+refs:\s+([\d,]+)/.exec(run.stderr) : null
  return match ? Number(match[1].replaceAll(',', '')) : null
}

function countWithPerf(path: string, rounds: number): number | null {
  const run = spawnSync('perf', ['stat', '-x', ';', '-e', 'instructions:u', path, `${rounds}`], { encoding: 'utf8' })
  const match = run.status === 0 ? /^(\d+);[^;]*;instructions:u/m.exec(run.stderr) : null
  return match ? Number(match[1]) : null
}
