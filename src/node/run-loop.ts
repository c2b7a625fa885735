/**
 * Runs a synchronous machine inside Node's event loop: a slice of guest time, then a turn for input and timers.
 *
 *   run(8 ms) -> flush output -> running: next turn | halted: sleep until its timer, input or an end | stopped: done
 *
 * A halted guest costs a timer and nothing else.
 */

import type { RunnableMachine, RunResult } from '../machine-options.ts'

/** Long enough to amortise a turn of the event loop, short enough for keys to feel immediate. In milliseconds. */
export const SLICE_MILLISECONDS = 8

/** Timers of the host end at 2^31 - 1 ms; a longer sleep is slept in parts. */
const LONGEST_SLEEP = 2 ** 31 - 1

/** Below this the next turn of the event loop comes sooner than any timer. In milliseconds. */
const SHORTEST_SLEEP = 0.2

type Stopped = Extract<RunResult, { state: 'stopped' }>

/** Why a loop ended: the machine stopped, or someone outside called `end`. */
export type LoopEnd<Reason> =
  | { readonly by: 'machine'; readonly result: Stopped }
  | { readonly by: 'end'; readonly reason: Reason }

/** Runs one machine until it stops or `end` is called. */
export class RunLoop<Reason> {
  readonly #machine: Pick<RunnableMachine, 'run'>
  readonly #afterSlice: (result: RunResult) => void | Promise<void>
  #ended: { readonly reason: Reason } | undefined
  #woken = false
  #interrupt: (() => void) | undefined

  /** `afterSlice` runs after each slice; the next one waits for its promise (backpressure), unless the loop ends. */
  constructor(machine: Pick<RunnableMachine, 'run'>, afterSlice: (result: RunResult) => void | Promise<void>) {
    this.#machine = machine
    this.#afterSlice = afterSlice
  }

  /** Input for the guest has arrived: a sleep ends. */
  wake(): void {
    this.#woken = true
    if (this.#ended === undefined) this.#interrupt?.()
  }

  /** Ends the loop after the slice that is running; the first reason counts. */
  end(reason: Reason): void {
    this.#ended ??= { reason }
    this.#interrupt?.()
  }

  /** Runs to the end. Rejects with what `machine.run` or `afterSlice` throws. */
  async run(): Promise<LoopEnd<Reason>> {
    for (;;) {
      if (this.#ended) return { by: 'end', reason: this.#ended.reason }
      this.#woken = false
      const result = this.#machine.run(SLICE_MILLISECONDS)
      const flushed = this.#afterSlice(result)
      if (flushed) await this.#untilFlushed(flushed)
      if (result.state === 'stopped') return { by: 'machine', result }
      if (this.#ended) continue
      if (result.state === 'halted') await this.#sleep(result.wakeAt)
      else await nextTurn()
    }
  }

  /** Waits for the output to drain; a wake does not cut this short, an end does. */
  #untilFlushed(flushed: Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#interrupt = () => {
        if (this.#ended) this.#resume(resolve)
      }
      flushed.then(() => this.#resume(resolve), reject)
    })
  }

  /** Sleeps `milliseconds`, or until woken when null. The timer also keeps the process alive. */
  #sleep(milliseconds: number | null): Promise<void> {
    if (this.#woken || (milliseconds !== null && milliseconds < SHORTEST_SLEEP)) return nextTurn()
    return new Promise(resolve => {
      // Rounded up: a timer that fires early would leave the rest of its last millisecond to be waited for awake.
      const wait = Math.min(Math.ceil(milliseconds ?? LONGEST_SLEEP), LONGEST_SLEEP)
      const timer = setTimeout(() => this.#resume(resolve), wait)
      this.#interrupt = () => {
        clearTimeout(timer)
        this.#resume(resolve)
      }
    })
  }

  #resume(resolve: () => void): void {
    this.#interrupt = undefined
    resolve()
  }
}

function nextTurn(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
