/**
 * The compiler that the machines of this process share: one worker thread, started when the first code gets hot and
 * ended with the last machine. It never keeps the process alive.
 */
import { Worker } from 'node:worker_threads'
import type { Compiler } from '../../jit/region-manager.ts'
import type { WorkerReply } from '../../jit/worker/messages.ts'
import { WorkerCompiler, type StartWorker } from '../../jit/worker/worker-compiler.ts'

/** Small: after a Debian boot, 96 MiB cost 90 MiB more of resident memory and spared no time that could be measured. */
const YOUNG_GENERATION_MIB = 8

/** Starts build/compile-worker.js, which lies at `script`, as a thread. */
export function threadStarter(script: URL): StartWorker {
  return ({ onReply, onGone }) => {
    // Options of this process (a loader, the inspector) are not the worker's.
    const thread = new Worker(script, {
      execArgv: [], name: 'tabpc compile', resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MIB },
    })
    thread.on('message', (reply: WorkerReply) => onReply(reply))
    thread.on('messageerror', onGone)
    // After the listeners: adding one for messages takes the hold on the process again.
    thread.unref()
    thread.on('error', onGone)
    thread.on('exit', status => onGone(new Error(`the compile worker ended with status ${status}`)))
    return { post: message => thread.postMessage(message), terminate: () => void thread.terminate() }
  }
}

/** A machine's share of the compiler. */
export interface CompilerShare {
  readonly compile: Compiler
  /** The machine is gone; the last share ends the worker. May be called twice. */
  release(): void
}

/** Hands one compiler to all who ask while anybody has it. */
export class SharedCompiler {
  private readonly start: StartWorker
  private compiler: WorkerCompiler | undefined
  private shares = 0

  constructor(start: StartWorker) {
    this.start = start
  }

  /** Whether a worker is running. */
  get running(): boolean {
    return this.compiler?.running ?? false
  }

  share(): CompilerShare {
    this.compiler ??= new WorkerCompiler(this.start)
    const { compiler } = this
    this.shares++
    let released = false
    return {
      compile: request => compiler.compile(request),
      release: () => {
        if (released) return
        released = true
        if (--this.shares > 0) return
        compiler.dispose()
        this.compiler = undefined
      },
    }
  }
}
