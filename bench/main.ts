/**
 * `npm run bench`: guest programs and boot, timed from the host on tabpc and its peers in one run.
 *
 *     options -> build programs -> guest with programs -> repeats x engines (run.ts)
 *             -> summary.ts -> tables (report.ts), bars (bars.ts), JSON
 *
 * The order of the engines is reversed from repeat to repeat, so that a machine that warms up or gets busy favours none.
 */
import { cac } from 'cac'
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, release } from 'node:os'
import { dirname } from 'node:path'
import { judgeBars } from './bars.ts'
import { buildPrograms, compilerProblem, type Program, programNames, programsFolder } from './build-programs.ts'
import type { Engine } from './engines/engine.ts'
import { native } from './engines/native.ts'
import { tabpcPage, v86Page } from './engines/page.ts'
import { qemu } from './engines/qemu.ts'
import { tabpc, tabpcInterpreter } from './engines/tabpc.ts'
import { v86Interpreter, v86Jit } from './engines/v86.ts'
import { BENCH_CACHE } from './folders.ts'
import { CURRENT_GUEST, guestProblem, prepareGuest } from './guest.ts'
import { startMicroBenchmarks } from './micro/bundle.ts'
import { formatBars, formatSummary } from './report.ts'
import { type EngineRun, runEngine } from './run.ts'
import { summarize } from './summary.ts'

const ENGINES: readonly Engine[] = [tabpc, tabpcInterpreter, tabpcPage, v86Jit, v86Interpreter, v86Page, qemu, native]
/** All but the interpreters, which take several times as long, and the pages: no bar of `--check` speaks of them. */
const DEFAULT_ENGINES = [tabpc, v86Jit, qemu, native]
/** What `--only` calls the boot, which is timed in every run of an engine. */
const BOOT = 'boot'

interface Options {
  only?: string
  engines: string
  repeat: number
  rounds: number
  json?: string
  kernel: string
  initrd: string
  bootTimeout: number
  roundTimeout: number
  timeout: number
  check: boolean
  micro: boolean
}

/** Words of a comma-separated list; throws with the known words when one is unknown. */
function chooseFrom(list: string, known: readonly string[], what: string): string[] {
  const words = list.split(',').filter(word => word !== '')
  const unknown = words.find(word => !known.includes(word))
  if (unknown !== undefined) throw new Error(`no ${what} named '${unknown}'; known: ${known.join(', ')}`)
  return words
}

function say(text: string): void {
  process.stderr.write(`${text}\n`)
}

/** Builds the chosen programs, or none with a message where that cannot be done. */
function programsFor(names: readonly string[]): Program[] {
  if (names.length === 0) return []
  const problem = compilerProblem()
  if (problem !== null) {
    say(`guest programs skipped: ${problem}`)
    return []
  }
  say(`building ${names.length} guest programs and counting their instructions`)
  const programs = buildPrograms(names)
  if (programs.every(program => program.instructions === null)) {
    say('no instruction counts, so no MIPS (Debian: apt install valgrind)')
  }
  return programs
}

async function bench(options: Options): Promise<number> {
  const deadline = performance.now() + options.timeout * 1000
  const started = new Date().toISOString()
  const names = programNames()
  const only = options.only === undefined ? [BOOT, ...names] : chooseFrom(options.only, [BOOT, ...names], 'benchmark')
  const chosen = chooseFrom(
    options.engines,
    ENGINES.map(engine => engine.name),
    'engine'
  )
  const files = { kernel: options.kernel, initrd: options.initrd }
  const missingGuest = guestProblem(files)
  if (missingGuest !== null) {
    say(`benchmark skipped: ${missingGuest}`)
    return options.check ? 1 : 0
  }
  const programs = programsFor(only.filter(name => name !== BOOT))
  const guest = prepareGuest(files, programs, programsFolder())
  const engines = ENGINES.filter(engine => chosen.includes(engine.name)).filter(engine => {
    const problem = engine.unavailable(guest) ?? (programs.length === 0 && !engine.boots ? 'it has no boot' : null)
    if (problem !== null) say(`${engine.name} skipped: ${problem}`)
    return problem === null
  })

  const runs: EngineRun[] = []
  for (let repeat = 0; repeat < options.repeat; repeat++) {
    for (const engine of repeat % 2 === 0 ? engines : [...engines].reverse()) {
      const leftMs = deadline - performance.now()
      if (leftMs <= 0) {
        say(`out of time: ${engine.name} repeat ${repeat + 1} skipped (--timeout ${options.timeout})`)
        continue
      }
      const limits = {
        rounds: options.rounds,
        bootTimeoutMs: Math.min(options.bootTimeout * 1000, leftMs),
        roundTimeoutMs: Math.min(options.roundTimeout * 1000, leftMs)
      }
      const progress = (text: string) => say(`[${repeat + 1}/${options.repeat}] ${engine.name}: ${text}`)
      const run = await runEngine(
        engine,
        guest,
        programs.map(program => program.name),
        repeat,
        limits,
        progress
      )
      if (run.failure !== null) progress(`FAILED: ${run.failure}`)
      runs.push(run)
    }
  }
  if (runs.length === 0) {
    say('nothing was measured')
    return options.check ? 1 : 0
  }

  const summary = summarize(runs, programs)
  const bars = judgeBars(summary)
  process.stdout.write(`${formatSummary(summary)}\n`)
  if (options.check) process.stdout.write(`\n${formatBars(bars)}\n`)
  const host = { cpu: cpus()[0].model, cores: cpus().length, node: process.version, kernel: release() }
  const versions = engines.map(engine => ({ name: engine.name, version: engine.version() }))
  const record = {
    started,
    host,
    engines: versions,
    guest: { ...files, append: guest.append, memoryMiB: guest.memoryMiB },
    programs: programs.map(({ name, instructions }) => ({ name, instructions })),
    summary,
    bars,
    runs
  }
  const json = options.json ?? `${BENCH_CACHE}/${started.replaceAll(':', '-')}.json`
  mkdirSync(dirname(json), { recursive: true })
  writeFileSync(json, `${JSON.stringify(record, null, 2)}\n`)
  say(`figures: ${json}`)
  if (summary.disagreements.length > 0 || runs.some(run => run.failure !== null)) return 1
  if (!options.check) return 0
  return bars.some(bar => bar.state === 'missed') || !bars.some(bar => bar.state === 'met') ? 1 : 0
}

const cli = cac('bench')
cli
  .command('', 'Times guest programs and boot on tabpc and its peers')
  .option('--only <names>', `Benchmarks, comma-separated: ${BOOT} and programs (default: all)`)
  .option('--engines <names>', `Of ${ENGINES.map(engine => engine.name).join(', ')}`, {
    default: DEFAULT_ENGINES.map(engine => engine.name).join(',')
  })
  .option('--repeat <n>', 'Times each engine is started', { default: 2 })
  .option('--rounds <n>', 'Rounds of each program: the first is cold, the later half warm', { default: 8 })
  .option('--json <file>', 'Where the figures go (default: .cache/bench/<time>.json)')
  .option('--kernel <file>', 'Linux bzImage of the guest', { default: CURRENT_GUEST.kernel })
  .option('--initrd <file>', 'Initial RAM file system of the guest', { default: CURRENT_GUEST.initrd })
  .option('--boot-timeout <seconds>', 'For each boot', { default: 600 })
  .option('--round-timeout <seconds>', 'For each round', { default: 180 })
  .option('--timeout <seconds>', 'For the whole benchmark', { default: 7200 })
  .option('--check', 'Judge the bars; exit with status 1 when one is missed or none was measured', { default: false })
  .option('--micro', 'Time pieces of tabpc by themselves instead: dispatch, compiling, region hops, TLB', { default: false })
  .action(async (options: Options) => {
    process.exitCode = options.micro ? startMicroBenchmarks(options.only) : await bench(options)
  })
cli.help()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130))
try {
  cli.parse(process.argv, { run: false })
  await cli.runMatchedCommand()
} catch (error) {
  say(`bench: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}
