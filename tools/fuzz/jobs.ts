/** Several processes of the fuzz, which take seeds in turn: each is one thread, and they share nothing. */
import { spawn } from 'node:child_process'
import type { Figures } from './session.ts'

/** Arguments of a job: those of the whole, but seeds of its own, and no jobs within the job. */
function argumentsOf(argv: readonly string[], seed: number, jobs: number): string[] {
  const rest: string[] = []
  for (let i = 0; i < argv.length; i++) {
    const [name] = argv[i].split('=')
    if (name !== '--jobs' && name !== '--seed') rest.push(argv[i])
    else if (name === argv[i]) i++
  }
  return [...rest, '--seed', `${seed}`, '--step', `${jobs}`, '--json']
}

/** Output and exit status of a job; what it says on the way goes on to stderr. */
function runJob(args: readonly string[]): Promise<{ output: string; status: number | null }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...process.execArgv, process.argv[1], ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
    child.on('error', reject)
    child.on('close', status => resolve({ output, status }))
  })
}

/** Runs `jobs` processes from a seed on and adds up what they did; failures are written as they are. */
export async function runJobs(jobs: number, seed: number, argv: readonly string[]): Promise<void> {
  const started = performance.now()
  const results = await Promise.all(
    Array.from({ length: jobs }, (_, job) => runJob(argumentsOf(argv, seed + job, jobs))),
  )
  const sum: Figures = { programs: 0, codes: 0, instructions: 0, regions: 0, compiles: 0 }
  for (const { output, status } of results) {
    const lines = output.trimEnd().split('\n')
    const last = lines[lines.length - 1]
    if (last.startsWith('{')) {
      const figures = JSON.parse(last) as Figures
      for (const name of Object.keys(sum) as (keyof Figures)[]) sum[name] += figures[name]
      lines.pop()
    }
    if (lines.length > 0) process.stdout.write(`${lines.join('\n')}\n`)
    if (status !== 0) process.exitCode = 1
  }
  const hours = (performance.now() - started) / 3_600_000
  process.stdout.write(
    `${sum.programs} programs of ${sum.codes} codes in ${jobs} jobs, ${sum.instructions} instructions, ` +
      `${sum.regions} regions (${sum.compiles} compiled): ${process.exitCode ? 'DIFFERENCES' : 'no difference'} ` +
      `(from seed ${seed}, ${Math.round(sum.programs / hours)} an hour)\n`,
  )
}
