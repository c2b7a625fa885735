/**
 * Ends the process when a program hangs. A loop in compiled code gives nothing else a turn, so a thread of its own
 * watches which program is running.
 */
import { Worker } from 'node:worker_threads'

/** A program takes milliseconds, one that is made smaller somewhat more. */
const SECONDS = 30

/** Runs in the thread: looks at the word once a second. Nothing but a signal ends a thread that loops in wasm. */
const SCRIPT = `
  const { workerData: { word, seconds } } = require('node:worker_threads')
  let last = -1
  let idle = 0
  setInterval(() => {
    const now = Atomics.load(word, 1)
    idle = now === last ? idle + 1 : 0
    last = now
    if (idle < seconds) return
    require('node:fs').writeSync(2, 'fuzz: seed ' + (Atomics.load(word, 0) >>> 0) + ' hangs\\n')
    process.kill(process.pid, 'SIGKILL')
  }, 1000)`

export class Watchdog {
  /** The seed that is running, and how many programs have been. */
  private readonly word = new Int32Array(new SharedArrayBuffer(8))

  constructor(seconds = SECONDS) {
    new Worker(SCRIPT, { eval: true, execArgv: [], workerData: { word: this.word, seconds } }).unref()
  }

  /** A program begins. */
  begin(seed: number): void {
    Atomics.store(this.word, 0, seed)
    Atomics.add(this.word, 1, 1)
  }
}
