/**
 * Virtual time, and the timers that devices hang on it.
 *
 *     const clock = new VirtualClock({ mode: 'virtual', retired: () => cpu.retired })
 *     while (running) {
 *       cpu.run(Math.min(slice, clock.instructionsUntil(clock.nextDue())))
 *       if (cpu.halted) clock.skipTo(clock.nextDue())
 *       clock.runDue()
 *     }
 *
 * Two sources of time. `virtual` counts retired instructions at a fixed rational rate, plus the idle time added by
 * `skipTo`, so a run is repeatable bit for bit. `wall` follows the host's monotonic clock; `pause` and `resume` cut
 * a piece out of it, and a host that slept (a frozen tab, a debugger) is not made up for by a storm of ticks. A host that
 * is busy elsewhere for a moment is: time then goes on in small steps, at twice its speed, until it has caught up.
 */
import type { Clock, DeviceState, Timer } from './devices/device.ts'
import { PCError } from './errors.ts'

const NS_PER_MS = 1_000_000
/**
 * Wall mode: how far time may jump past the next timer between two looks at the host clock. Ticks that fall into one jump
 * come as one: Linux looks for five ticks of 4 ms within 160 ms of the time-stamp counter, and panics without.
 */
const LONGEST_JUMP_NS = 5 * NS_PER_MS
/**
 * Wall mode: how much time beyond that is made up for later. Well below the half second after which Linux takes the
 * rest of a mouse packet for the beginning of another.
 */
const MOST_BEHIND_NS = 200 * NS_PER_MS
/** Callbacks one `runDue` may run: a timer that keeps rescheduling itself in the past cannot hang the machine. */
const MOST_FIRINGS = 10_000

export type ClockMode = 'virtual' | 'wall'

export interface ClockOptions {
  mode: ClockMode
  /** Retired instructions so far, exact at every call; needed in virtual mode. */
  retired?: () => number
  /** The speed of virtual time, as a fraction of integers; `{ ns: 1, instructions: 1 }` by default. */
  nsPerInstruction?: { ns: number, instructions: number }
  /** The host's monotonic time in ms; `performance.now` by default. */
  hostTime?: () => number
}

class ClockTimer implements Timer {
  due = Infinity
  /** Place in the heap, or -1. */
  index = -1
  readonly name: string
  readonly order: number
  readonly callback: () => void
  private readonly clock: VirtualClock

  constructor(clock: VirtualClock, name: string, order: number, callback: () => void) {
    this.clock = clock
    this.name = name
    this.order = order
    this.callback = callback
  }

  schedule(at: number): void {
    if (at === this.due) return
    this.clock.reschedule(this, at)
  }

  cancel(): void {
    if (this.index >= 0) this.clock.reschedule(this, Infinity)
  }
}

export class VirtualClock implements Clock {
  readonly mode: ClockMode
  /** Called when a timer is scheduled earlier than all others: a running CPU should look at the budget again. */
  onEarlierDue: ((due: number) => void) | undefined
  private retired: () => number
  private readonly hostTime: () => number
  private readonly ns: number
  private readonly instructions: number
  private readonly timers = new Map<string, ClockTimer>()
  private readonly heap: ClockTimer[] = []
  /** Virtual mode: idle time skipped so far. Wall mode: virtual time minus host time. */
  private offset = 0
  /** Wall mode: host time that the guest has not had yet. */
  private behind = 0
  private paused = false
  /** Wall mode: the latest time handed out (time never runs backwards). */
  private latest = 0

  constructor(options: ClockOptions) {
    this.mode = options.mode
    this.retired = options.retired ?? (() => 0)
    this.hostTime = options.hostTime ?? (() => performance.now())
    this.ns = options.nsPerInstruction?.ns ?? 1
    this.instructions = options.nsPerInstruction?.instructions ?? 1
    if (!(Number.isInteger(this.ns) && Number.isInteger(this.instructions) && this.ns > 0 && this.instructions > 0)) {
      throw new PCError('usage', 'nsPerInstruction must be a fraction of positive integers.',
        'Write for example { ns: 1, instructions: 2 } for half a nanosecond an instruction.')
    }
    if (this.mode === 'wall') this.offset = -this.hostNs()
  }

  /** Sets where virtual mode takes the number of retired instructions from; time goes on without a step. */
  setRetired(retired: () => number): void {
    const now = this.now()
    this.retired = retired
    if (this.mode === 'virtual') this.offset = now - this.elapsed()
  }

  now(): number {
    if (this.mode === 'virtual') return this.offset + this.elapsed()
    if (this.paused) return this.latest
    const host = this.hostNs()
    const limit = Math.max(this.latest, this.nextDue()) + LONGEST_JUMP_NS
    const excess = host + this.offset - limit
    // As much again as has passed, as long as the guest is behind.
    const step = excess > 0 ? -excess : Math.min(this.behind, Math.max(0, host + this.offset - this.latest), -excess)
    this.offset += step
    this.behind = Math.min(this.behind - step, MOST_BEHIND_NS)
    this.latest = Math.max(this.latest, host + this.offset)
    return this.latest
  }

  timer(name: string, callback: () => void): Timer {
    if (this.timers.has(name)) throw new RangeError(`two timers are called '${name}'`)
    const timer = new ClockTimer(this, name, this.timers.size, callback)
    this.timers.set(name, timer)
    return timer
  }

  /** When the earliest timer is due, in ns, or `Infinity`. */
  nextDue(): number {
    return this.heap.length > 0 ? this.heap[0].due : Infinity
  }

  /**
   * The least number of instructions after which `at` (ns) is reached: 0 when it is past, `Infinity` for `Infinity`.
   * Exact in virtual mode; in wall mode a guess from the nominal speed.
   */
  instructionsUntil(at: number): number {
    const wait = at - this.now()
    if (wait <= 0) return 0
    if (at === Infinity) return Infinity
    if (this.mode === 'wall') return Math.ceil((wait / this.ns) * this.instructions)
    const target = at - this.offset
    const whole = Math.floor(target / this.ns) * this.instructions
    const rest = Math.ceil(((target % this.ns) * this.instructions) / this.ns)
    return whole + rest - this.retired()
  }

  /** Virtual mode: moves time forward to `at` ns without instructions (HLT). Wall mode moves by itself: no effect. */
  skipTo(at: number): void {
    if (this.mode === 'wall' || at === Infinity) return
    const now = this.now()
    if (at > now) this.offset += Math.ceil(at) - now
  }

  /** Wall mode: stops time, for a machine that is paused. */
  pause(): void {
    if (this.mode !== 'wall' || this.paused) return
    this.now()
    this.paused = true
  }

  /** Wall mode: lets time go on from where `pause` stopped it. */
  resume(): void {
    if (!this.paused) return
    this.paused = false
    this.behind = 0
    this.offset = this.latest - this.hostNs()
  }

  /**
   * Runs the callbacks of all timers that are due, earliest first, at equal times in the order of registration.
   * Timers scheduled meanwhile take part; one call runs at most 10,000 callbacks and leaves the rest to the next.
   */
  runDue(): void {
    const now = this.now()
    for (let fired = 0; fired < MOST_FIRINGS && this.heap.length > 0; fired++) {
      const timer = this.heap[0]
      if (timer.due > now) return
      this.reschedule(timer, Infinity)
      timer.callback()
    }
  }

  save(): DeviceState {
    const timers: DeviceState = {}
    for (const timer of this.timers.values()) if (timer.index >= 0) timers[timer.name] = timer.due
    return { now: this.now(), timers }
  }

  /** Restores time and the pending timers. Load the CPU first: in virtual mode time goes on from its retired count. */
  load(state: DeviceState): void {
    const { now, timers } = state
    const fits = typeof now === 'number' && Number.isFinite(now) && typeof timers === 'object' && timers !== null &&
      Object.entries(timers).every(([name, due]) => this.timers.has(name) && typeof due === 'number')
    if (!fits) {
      throw new PCError('bad-state', 'The saved state of the clock does not fit this machine.',
        'Load the state into a machine with the same devices.')
    }
    for (const timer of this.timers.values()) this.reschedule(timer, Infinity)
    if (this.mode === 'virtual') this.offset = now - this.elapsed()
    else this.offset = now - this.hostNs()
    this.behind = 0
    this.latest = now
    for (const [name, due] of Object.entries(timers)) this.timers.get(name)?.schedule(due as number)
  }

  /** For the timers: moves one to time `due`, or out of the queue when that is `Infinity`. */
  reschedule(timer: Timer, due: number): void {
    const entry = timer as ClockTimer
    if (Number.isNaN(due)) due = Infinity
    if (entry.index >= 0) this.remove(entry)
    entry.due = due
    if (due === Infinity) return
    entry.index = this.heap.push(entry) - 1
    this.siftUp(entry)
    if (this.heap[0] === entry) this.onEarlierDue?.(due)
  }

  private hostNs(): number {
    return Math.floor(this.hostTime() * NS_PER_MS)
  }

  /** Retired instructions in ns, rounded down; whole groups and the rest apart, so that products stay exact. */
  private elapsed(): number {
    const retired = this.retired()
    if (this.ns === 1 && this.instructions === 1) return retired
    const groups = Math.floor(retired / this.instructions)
    return groups * this.ns + Math.floor(((retired - groups * this.instructions) * this.ns) / this.instructions)
  }

  private remove(entry: ClockTimer): void {
    const last = this.heap.pop()
    const index = entry.index
    entry.index = -1
    if (last === undefined || last === entry) return
    this.heap[index] = last
    last.index = index
    this.siftUp(last)
    this.siftDown(last)
  }

  private siftUp(entry: ClockTimer): void {
    while (entry.index > 0) {
      const parent = this.heap[(entry.index - 1) >> 1]
      if (!before(entry, parent)) return
      this.swap(entry, parent)
    }
  }

  private siftDown(entry: ClockTimer): void {
    for (;;) {
      const left = this.heap[2 * entry.index + 1]
      const right = this.heap[2 * entry.index + 2]
      const child = right !== undefined && before(right, left) ? right : left
      if (child === undefined || !before(child, entry)) return
      this.swap(entry, child)
    }
  }

  private swap(a: ClockTimer, b: ClockTimer): void {
    const index = a.index
    a.index = b.index
    b.index = index
    this.heap[a.index] = a
    this.heap[b.index] = b
  }
}

function before(a: ClockTimer, b: ClockTimer): boolean {
  return a.due < b.due || (a.due === b.due && a.order < b.order)
}
