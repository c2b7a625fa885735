/**
 * The machine's side of compiling in a worker: numbers the requests, and settles the promise of each when its reply
 * comes. The worker starts with the first request, so a guest that never gets hot never pays for it.
 *
 *   RegionManager -> compile() -> WorkerCompiler -> messages -> compile-service.ts, in another thread
 *
 * One worker serves any number of machines; how many requests are under way is bounded by each machine
 * (region-manager.ts). Knows no particular kind of worker: Node and the browser hand one in.
 */
import type { CompileRequest } from '../compile.ts'
import type { ReadyCode, WorkerReply, WorkerRequest } from './messages.ts'

/** A running worker. */
export interface CompileWorker {
  post(message: WorkerRequest): void
  terminate(): void
}

/** What a worker tells. */
export interface CompileWorkerEvents {
  onReply(reply: WorkerReply): void
  /** The worker is gone: it could not start, it crashed, or it ran out of memory. */
  onGone(error: Error): void
}

/** Starts a worker; may throw. */
export type StartWorker = (events: CompileWorkerEvents) => CompileWorker

/** There is no compiler (any more): nothing can be compiled from now on. */
export class CompilerGone extends Error {}

interface Waiting {
  resolve(code: ReadyCode | undefined): void
  reject(error: Error): void
}

export class WorkerCompiler {
  private readonly start: StartWorker
  private readonly waiting = new Map<number, Waiting>()
  private worker: CompileWorker | undefined
  private gone: CompilerGone | undefined
  private lastId = 0

  constructor(start: StartWorker) {
    this.start = start
  }

  /** Whether a worker is running. */
  get running(): boolean {
    return this.worker !== undefined
  }

  /** Compiles in the worker. Rejects with `CompilerGone` when there is none, with another Error on a compiler's fault. */
  compile(request: CompileRequest): Promise<ReadyCode | undefined> {
    return new Promise((resolve, reject) => {
      if (!this.gone && !this.worker) this.startWorker()
      if (this.gone || !this.worker) {
        reject(this.gone ?? new CompilerGone('the compile worker did not start'))
        return
      }
      const id = ++this.lastId
      this.waiting.set(id, { resolve, reject })
      this.worker.post({ id, request })
    })
  }

  /** Ends the worker; whatever is under way is rejected. */
  dispose(): void {
    this.end(new CompilerGone('the compiler has been disposed of'))
  }

  private startWorker(): void {
    try {
      this.worker = this.start({ onReply: reply => this.settle(reply), onGone: error => this.end(error) })
    } catch (error) {
      this.end(error instanceof Error ? error : new Error(String(error)))
    }
  }

  private settle(reply: WorkerReply): void {
    const waiting = this.waiting.get(reply.id)
    this.waiting.delete(reply.id)
    if ('failure' in reply) waiting?.reject(new Error(reply.failure))
    else waiting?.resolve(reply.code)
  }

  private end(error: Error): void {
    if (this.gone) return
    this.gone = error instanceof CompilerGone ? error : new CompilerGone(error.message)
    const { worker } = this
    this.worker = undefined
    worker?.terminate()
    for (const { reject } of this.waiting.values()) reject(this.gone)
    this.waiting.clear()
  }
}
