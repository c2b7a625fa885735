/** What the guest programs share: running a task with progress on stderr and one-line errors instead of stacks. */

import { PCError } from '../../src/errors.ts'
import { createProgressReporter, type OnProgress } from './progress.ts'

const EXIT_BAD_INPUT = 1

/** What a program says when it is done. */
export interface Outcome {
  /** Lines for people, to stderr. */
  messages: string[]
  /** Lines for other programs, to stdout. */
  results: string[]
}

/** Runs `task`; a PCError becomes one line on stderr and exit code 1. Anything else is a bug and keeps its stack. */
export async function runCommand(task: (onProgress: OnProgress) => Promise<Outcome>): Promise<void> {
  const { onProgress, finish } = createProgressReporter(process.stderr)
  try {
    const { messages, results } = await task(onProgress)
    finish()
    for (const line of messages) process.stderr.write(`${line}\n`)
    for (const line of results) process.stdout.write(`${line}\n`)
  } catch (error) {
    finish()
    if (!(error instanceof PCError)) throw error
    const line = `${error.message}. ${error.hint}`.replace(/\s*\n\s*/g, ' ')
    process.stderr.write(`tabpc: ${line}\n`)
    process.exitCode = EXIT_BAD_INPUT
  }
}
