/**
 * A compile worker that goes when nothing has been compiled for a while, and comes back with the next request: an idle guest
 * then costs the page neither its thread nor its memory. What it has compiled lives on in the machine's worker.
 *
 *   post -> (start) -> worker -> reply -> idle for a while -> terminate        post -> start …
 */
import type { WorkerReply, WorkerRequest } from '../../jit/worker/messages.ts'
import type { CompileWorker, CompileWorkerEvents } from '../../jit/worker/worker-compiler.ts'

/** Long enough that a person who works with a guest does not start it again and again. */
const IDLE_MILLISECONDS = 5000

/** What is used of a `Worker`. */
export interface RawWorker {
  onmessage: ((event: MessageEvent<WorkerReply>) => void) | null
  onmessageerror: ((event: MessageEvent) => void) | null
  onerror: ((event: ErrorEvent) => void) | null
  postMessage(message: WorkerRequest): void
  terminate(): void
}

/** Starts one at once. `start` may throw. */
export function startRestingWorker(
  start: () => RawWorker, { onReply, onGone }: CompileWorkerEvents, idleMilliseconds = IDLE_MILLISECONDS,
): CompileWorker {
  let worker: RawWorker | undefined
  let underWay = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  const stop = () => {
    clearTimeout(timer)
    worker?.terminate()
    worker = undefined
  }
  const fail = (error: Error) => {
    stop()
    onGone(error)
  }
  const begin = (): RawWorker => {
    const begun = start()
    begun.onmessage = ({ data }) => {
      underWay--
      onReply(data)
      if (underWay === 0) timer = setTimeout(stop, idleMilliseconds)
    }
    begun.onmessageerror = () => fail(new Error('an answer of the compile worker cannot be read'))
    begun.onerror = event => {
      // Or it would count as an error of this worker, and of the page's next.
      event.preventDefault()
      fail(new Error(event.message || 'the compile worker does not start'))
    }
    return begun
  }
  worker = begin()
  return {
    post: message => {
      clearTimeout(timer)
      underWay++
      worker ??= begin()
      worker.postMessage(message)
    },
    terminate: stop,
  }
}
