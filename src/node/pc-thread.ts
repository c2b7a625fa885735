/** Starts the machine's worker of a `PC` as a thread. */
import { existsSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { PCError } from '../errors.ts'
import type { MachineWorker, MachineWorkerEvents } from '../pc/link.ts'
import type { FromMachine } from '../worker/protocol.ts'

/** build/machine-worker.js: beside the program, or in build/ when run from source. */
function script(): URL {
  const found = ['./', '../../build/'].map(folder => new URL(`${folder}machine-worker.js`, import.meta.url))
    .find(url => existsSync(url))
  if (!found) throw new PCError('assets', 'machine-worker.js is missing', 'build it with `npm run build`')
  return found
}

/** Starts the thread. It keeps the process alive until it is terminated. */
export function startMachineThread({ onMessage, onGone }: MachineWorkerEvents): MachineWorker {
  const thread = new Worker(script(), { execArgv: [], name: 'tabpc machine' })
  const gone = (reason: string) => onGone(new PCError('worker', `the machine's thread has ended: ${reason}`, 'please report it'))
  thread.on('message', (message: FromMachine) => onMessage(message))
  thread.on('messageerror', error => gone(error.message))
  thread.on('error', error => gone(error instanceof Error ? error.message : String(error)))
  thread.on('exit', status => gone(`status ${status}`))
  return { post: message => thread.postMessage(message), terminate: () => void thread.terminate() }
}
