/**
 * The machine's side of compiling in a worker: sends requests in numbered messages, and settles the promise of each when
 * the reply comes. While enough messages are under way, requests gather; those become one module. The worker starts with the first request, so a guest that never gets hot never pays for it.
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

/** Messages under way: one being compiled, and one that waits in the worker. */
const MOST_MESSAGES = 2
/** Regions in one module: more would keep the first of them waiting for the last. */
const MOST_TOGETHER = 8

interface Waiting {
  readonly request: CompileRequest
  resolve(code: ReadyCode | undefined): void
  reject(error: Error): void
}

export class WorkerCompiler {
  private readonly start: StartWorker
  /** What has not been sent yet, and what has, by the number of the message. */
  private queue: Waiting[] = []
  private readonly sent = new Map<number, readonly Waiting[]>()
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
      this.queue.push({ request, resolve, reject })
      this.send()
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

  private send(): void {
    while (this.sent.size < MOST_MESSAGES && this.queue.length > 0) {
      const batch = this.queue.splice(0, MOST_TOGETHER)
      const id = ++this.lastId
      this.sent.set(id, batch)
      this.worker?.post({ id, requests: batch.map(({ request }) => request) })
    }
  }

  private settle({ id, regions }: WorkerReply): void {
    const batch = this.sent.get(id) ?? []
    this.sent.delete(id)
    batch.forEach(({ resolve, reject }, i) => {
      const region = regions[i]
      if (region && 'failure' in region) reject(new Error(region.failure))
      else resolve(region)
    })
    this.send()
  }

  private end(error: Error): void {
    if (this.gone) return
    this.gone = error instanceof CompilerGone ? error : new CompilerGone(error.message)
    const { worker } = this
    this.worker = undefined
    worker?.terminate()
    for (const { reject } of [...this.sent.values(), this.queue].flat()) reject(this.gone)
    this.sent.clear()
    this.queue = []
  }
}
