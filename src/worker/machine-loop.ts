/**
 * Runs a synchronous machine inside a worker's event loop, so that messages are answered between two slices.
 *
 *   run(6 ms) -> afterSlice -> running: next turn | halted: sleep until its timer or a message | stopped: end
 *
 * Short sleeps wait on the page's attention word where memory is shared, which ends them with the next message;
 * otherwise a timer does.
 */
import type { RunnableMachine, RunResult } from '../machine-options.ts'
import { makeTurns } from './turns.ts'

/** Long enough to make a turn of the event loop cheap beside it, short enough for keys to feel immediate. In ms. */
const SLICE_MILLISECONDS = 6
/** Sleeps up to this long wait on the attention word: a thread that waits hears no promise. In ms. */
const LONGEST_WAIT = 5
/** Below this the next turn of the event loop comes sooner than any timer. In ms. */
const SHORTEST_SLEEP = 0.2
/** Timers end at 2^31 - 1 ms; a longer sleep is slept in parts. */
const LONGEST_SLEEP = 2 ** 31 - 1

type Stopped = Extract<RunResult, { state: 'stopped' }>

export interface LoopEvents {
  /** After each slice; `seconds` of host time that it took. */
  afterSlice(result: RunResult, seconds: number): void
  onStopped(result: Stopped): void
  onFault(error: unknown): void
}

export class MachineLoop {
  private readonly machine: Pick<RunnableMachine, 'run'>
  private readonly events: LoopEvents
  private readonly attention: Int32Array | undefined
  private readonly turns = makeTurns(() => this.slice())
  private timer: ReturnType<typeof setTimeout> | undefined
  private wanted = false
  private held = false
  /** A slice is on its way, by a turn or by a timer. */
  private scheduled = false
  private woken = false
  private seen = 0

  constructor(machine: Pick<RunnableMachine, 'run'>, events: LoopEvents, attention?: SharedArrayBuffer) {
    this.machine = machine
    this.events = events
    this.attention = attention && new Int32Array(attention)
  }

  get running(): boolean {
    return this.wanted
  }

  start(): void {
    this.wanted = true
    this.schedule()
  }

  stop(): void {
    this.wanted = false
    this.cancelSleep()
  }

  /** Holds the machine while the page cannot take its output. */
  hold(held: boolean): void {
    this.held = held
    if (!held) this.schedule()
  }

  /** Input for the guest has arrived: a sleep ends. */
  wake(): void {
    this.woken = true
    if (this.timer !== undefined) {
      this.cancelSleep()
      this.schedule()
    }
  }

  /** Ends for good. */
  dispose(): void {
    this.stop()
    this.turns.dispose()
  }

  private schedule(): void {
    if (this.scheduled || this.timer !== undefined || !this.wanted || this.held) return
    this.scheduled = true
    this.turns.next()
  }

  private slice(): void {
    this.scheduled = false
    if (!this.wanted || this.held) return
    this.woken = false
    if (this.attention) this.seen = Atomics.load(this.attention, 0)
    let result: RunResult
    try {
      const started = performance.now()
      result = this.machine.run(SLICE_MILLISECONDS)
      this.events.afterSlice(result, (performance.now() - started) / 1000)
    } catch (error) {
      this.wanted = false
      this.events.onFault(error)
      return
    }
    if (result.state === 'stopped') {
      this.wanted = false
      this.events.onStopped(result)
    } else if (result.state === 'halted') {
      this.sleep(result.wakeAt)
    } else {
      this.schedule()
    }
  }

  /** Sleeps `milliseconds`, or until woken when null. */
  private sleep(milliseconds: number | null): void {
    if (!this.wanted || this.held) return
    if (this.woken || (milliseconds !== null && milliseconds < SHORTEST_SLEEP)) {
      this.schedule()
      return
    }
    if (this.attention && milliseconds !== null && milliseconds <= LONGEST_WAIT) {
      Atomics.wait(this.attention, 0, this.seen, milliseconds)
      this.schedule()
      return
    }
    const wait = Math.min(Math.ceil(milliseconds ?? LONGEST_SLEEP), LONGEST_SLEEP)
    this.timer = setTimeout(() => {
      this.timer = undefined
      this.schedule()
    }, wait)
  }

  private cancelSleep(): void {
    clearTimeout(this.timer)
    this.timer = undefined
  }
}
