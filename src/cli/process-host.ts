/** Runs a command in this process: real streams, errors as lines on stderr, the exit status. */

import { complain } from './complain.ts'
import type { RunHost } from './run.ts'

/** Runs `command` and exits with its status. `createMachine` makes the machines. */
export async function runInProcess(
  command: (host: RunHost) => Promise<number>,
  createMachine: RunHost['createMachine'],
): Promise<never> {
  const fail = (error: unknown): never => {
    const { text, status } = complain(error)
    process.stderr.write(`${text}\n`)
    process.exit(status)
  }
  process.on('uncaughtException', fail)
  process.on('unhandledRejection', fail)
  // A closed stderr leaves nobody to tell.
  process.stderr.on('error', () => undefined)
  try {
    const { stdin, stdout, stderr } = process
    process.exit(await command({ stdin, stdout, stderr, process, createMachine }))
  } catch (error) {
    return fail(error)
  }
}
