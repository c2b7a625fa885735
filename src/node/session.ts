/**
 * One run of a guest on this process: machine, serial output, standard input, `--expect`, `--timeout`, restarts.
 *
 *   stdin -> Terminal -> serial port 0 -> machine -> slice -> ByteBatch -> ExpectMatcher -> Output
 *
 * It knows files and streams only as `Output` and `TerminalInput`, and the machine only as `RunnableMachine`.
 */

import type { MachineStats, RunnableMachine, RunResult } from '../machine-options.ts'
import { ByteBatch } from '../byte-batch.ts'
import { ExpectMatcher } from './expect-matcher.ts'
import type { Output } from './output.ts'
import { type LoopEnd, RunLoop } from './run-loop.ts'
import { type ExitNotice, Terminal, TerminalCommand, type TerminalInput } from './terminal.ts'

/** How a run ended. */
export type Outcome =
  | { readonly kind: 'power-off' | 'match' | 'timeout' | 'left' | 'output-closed' | 'hangup' }
  | { readonly kind: 'debug-exit'; readonly status: number }
  | { readonly kind: 'triple-fault'; readonly report: string }
  | { readonly kind: 'signal'; readonly signal: NodeJS.Signals }

/** A moment of the run: host seconds and guest instructions since it began. */
export interface BootMark {
  readonly seconds: number
  readonly instructions: number
}

/** Figures of the run so far, over all restarts. */
export interface SessionStats extends MachineStats {
  /** Host seconds since the run began, asleep or not. */
  readonly wallSeconds: number
  readonly bootMarks: Readonly<Record<string, BootMark>>
  readonly restarts: number
}

export interface SessionOptions {
  /** Makes the machine. */
  readonly createMachine: () => Promise<RunnableMachine>
  /** Sinks of serial port 0, of the debug console and of POST codes; absent: dropped. */
  readonly serial?: Output
  readonly debugcon?: Output
  readonly post?: Output
  /** Source of serial port 0; absent: nothing is read. */
  readonly input?: TerminalInput
  readonly process: ExitNotice
  readonly expect?: RegExp
  /** In host seconds. */
  readonly timeout?: number
  /** Instructions that a crash report shows. */
  readonly traceCount: number
  /** A line for the person at the terminal. */
  readonly notify: (message: string) => void
  /** Called with the machine when the run is over, before the machine goes; `outcome` is absent after a fault. */
  readonly atEnd?: (machine: RunnableMachine, outcome: Outcome | undefined) => void | Promise<void>
  /** What Ctrl-A H shows. */
  readonly help: string
}

/** Input that the guest has not read: above the first we stop reading, below the second we go on. In bytes. */
const BACKLOG_HIGH = 65536
const BACKLOG_LOW = 4096

/** How often the text screen is searched for `--expect`. */
const SCREEN_MILLISECONDS = 50

const encoder = new TextEncoder()

/** A run; `run` may be called once. */
export class Session {
  readonly #options: SessionOptions
  readonly #started = performance.now()
  readonly #serialBytes = new ByteBatch()
  readonly #debugBytes: ByteBatch
  readonly #postBytes: ByteBatch
  /** All that goes where the serial port goes, in the order of its bytes, when something does. */
  readonly #sharedBytes: ByteBatch | undefined
  readonly #matcher: ExpectMatcher | undefined
  readonly #terminal: Terminal | undefined
  readonly #bootMarks: Record<string, BootMark> = {}
  #machine: RunnableMachine | undefined
  #loop: RunLoop<Outcome> | undefined
  #ended: Outcome | undefined
  #stats: MachineStats = { instructions: 0, seconds: 0, mips: 0, exits: {}, decodedRuns: 0, invalidations: 0 }
  #restarts = 0
  #saidForever = false
  #held = false
  #lastRead = 0

  constructor(options: SessionOptions) {
    this.#options = options
    const { serial, debugcon, post } = options
    this.#sharedBytes = serial && (serial === debugcon || serial === post) ? new ByteBatch() : undefined
    const shares = (output: Output | undefined) => (output && output === serial ? this.#sharedBytes : undefined)
    this.#debugBytes = shares(debugcon) ?? new ByteBatch()
    this.#postBytes = shares(post) ?? (post && post === debugcon ? this.#debugBytes : new ByteBatch())
    this.#matcher = options.expect && new ExpectMatcher(options.expect)
    this.#terminal =
      options.input &&
      new Terminal(options.input, options.process, {
        onInput: bytes => this.#receive(bytes),
        onCommand: command => this.#obey(command),
        onHangup: () => this.end({ kind: 'hangup' }),
      })
  }

  /** Runs to the end and gives the terminal back. Rejects with what the machine or an output throws. */
  async run(): Promise<Outcome> {
    const { timeout } = this.#options
    let outcome: Outcome | undefined
    const timer = timeout === undefined ? undefined : setTimeout(() => this.end({ kind: 'timeout' }), timeout * 1000)
    try {
      const machine = await this.#options.createMachine()
      this.#machine = machine
      machine.serial[0].onByte = byte => {
        this.#serialBytes.push(byte)
        this.#sharedBytes?.push(byte)
        machine.endSoon?.()
      }
      machine.debugConsole.onByte = byte => this.#debugBytes.push(byte)
      if (this.#options.post) machine.postCodes.onCode = (port, code) => this.#postCode(port, code)
      machine.onWake = () => this.#loop?.wake()
      this.#terminal?.open()
      for (;;) {
        outcome = await this.#runToStop(machine)
        if (outcome) return outcome
        this.#restarts++
        this.#options.notify('the guest has reset the machine; it starts again')
        machine.restart()
        // A guest that resets at once would otherwise keep the timeout and signals from being heard.
        await new Promise(resolve => setImmediate(resolve))
      }
    } finally {
      clearTimeout(timer)
      this.#terminal?.close()
      this.#stats = this.#machine?.stats() ?? this.#stats
      if (this.#machine) await this.#options.atEnd?.(this.#machine, outcome)
      this.#machine?.dispose()
      this.#machine = undefined
    }
  }

  /** Ends the run from outside; the first call counts. */
  end(outcome: Outcome): void {
    this.#ended ??= outcome
    this.#loop?.end(outcome)
  }

  /** Figures so far; also after the end. */
  stats(): SessionStats {
    return {
      ...(this.#machine?.stats() ?? this.#stats),
      rss: process.memoryUsage.rss(),
      wallSeconds: this.#seconds(),
      bootMarks: this.#bootMarks,
      restarts: this.#restarts,
    }
  }

  /** Runs the machine until it stops or the run ends; undefined when the guest asked for a reset. */
  async #runToStop(machine: RunnableMachine): Promise<Outcome | undefined> {
    this.#loop = new RunLoop<Outcome>(machine, result => this.#afterSlice(machine, result))
    if (this.#ended) this.#loop.end(this.#ended)
    return this.#judge(await this.#loop.run(), machine)
  }

  #judge(end: LoopEnd<Outcome>, machine: RunnableMachine): Outcome | undefined {
    if (this.#matcher?.match !== undefined || this.#screenMatches(machine)) return { kind: 'match' }
    if (end.by === 'end') return end.reason
    switch (end.result.reason) {
      case 'power-off':
        return { kind: 'power-off' }
      case 'debug-exit':
        return { kind: 'debug-exit', status: end.result.status ?? 0 }
      case 'triple-fault':
        return { kind: 'triple-fault', report: machine.report(this.#options.traceCount) }
      case 'reset':
        return undefined
    }
  }

  #afterSlice(machine: RunnableMachine, result: RunResult): void | Promise<void> {
    this.#pace(machine)
    if (result.state === 'halted' && result.forever && !this.#saidForever) {
      this.#saidForever = true
      this.#options.notify('the guest has halted for good: HLT with interrupts off')
    }
    const waits: Promise<void>[] = []
    const send = (output: Output | undefined, chunk: Uint8Array) => {
      const wait = chunk.length > 0 ? output?.write(chunk) : undefined
      if (wait) waits.push(wait)
    }
    const chunk = this.#serialBytes.take()
    if (chunk.length > 0) {
      this.#mark('firstSerialByte')
      if (this.#matcher?.feed(chunk)) {
        this.#mark('expectMatch')
        this.end({ kind: 'match' })
      }
    }
    if (this.#isTimeToRead() && this.#screenMatches(machine)) {
      this.#mark('expectMatch')
      this.end({ kind: 'match' })
    }
    send(this.#options.serial, this.#sharedBytes?.take() ?? chunk)
    send(this.#options.debugcon, this.#debugBytes.take())
    send(this.#options.post, this.#postBytes.take())
    if (waits.length > 0) return Promise.all(waits).then(() => undefined)
  }

  /** A line such as `post 80 1f`: port and code in hexadecimal digits. */
  #postCode(port: number, code: number): void {
    for (const byte of encoder.encode(`post ${port.toString(16)} ${code.toString(16).padStart(2, '0')}\n`)) {
      this.#postBytes.push(byte)
    }
  }

  /** Whether the text screen was not read for a while. */
  #isTimeToRead(): boolean {
    const now = performance.now()
    if (now - this.#lastRead < SCREEN_MILLISECONDS) return false
    this.#lastRead = now
    return true
  }

  /** Whether `--expect` matches what stands on a text screen now. */
  #screenMatches(machine: RunnableMachine): boolean {
    const { expect } = this.#options
    const lines = expect && machine.screen?.text()
    return lines !== undefined && new RegExp(expect as RegExp).test(lines.join('\n'))
  }

  /** Stops reading input while the guest has plenty, so that an endless pipe does not fill the host's memory. */
  #pace(machine: RunnableMachine): void {
    const backlog = machine.serial[0].backlog ?? 0
    const held = this.#held ? backlog > BACKLOG_LOW : backlog > BACKLOG_HIGH
    if (held === this.#held) return
    this.#held = held
    this.#terminal?.hold(held)
  }

  #receive(bytes: Uint8Array): void {
    this.#machine?.serial[0].receive(bytes)
    this.#loop?.wake()
  }

  #obey(command: TerminalCommand): void {
    if (command === TerminalCommand.Leave) this.end({ kind: 'left' })
    else this.#options.notify(this.#options.help)
  }

  #mark(name: string): void {
    if (name in this.#bootMarks) return
    this.#bootMarks[name] = { seconds: this.#seconds(), instructions: this.stats().instructions }
  }

  #seconds(): number {
    return (performance.now() - this.#started) / 1000
  }
}
