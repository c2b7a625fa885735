/**
 * One running engine: a child process whose standard input and output are the guest's serial port.
 * Place in the flow: run.ts drives it; every marker that arrives is stamped with the host's clock at once, then with
 * the CPU time and memory of the engine's whole process tree.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { constants, setPriority } from 'node:os'
import type { Launch } from './engines/engine.ts'
import { readUsage, type Usage } from './process-usage.ts'
import { parseLine, type SerialEvent, SerialLines } from './serial-markers.ts'

export interface StampedEvent {
  event: SerialEvent
  /** Milliseconds since the process was started. */
  wallMs: number
  usage: Usage
}

/** The engine ended, the guest panicked, or an expected marker did not come in time. */
export class SessionFailure extends Error {}

const KEPT_LINES = 12
const KEPT_ERROR_CHARACTERS = 2000
/** Time an engine gets to end by itself before it is killed. */
const STOP_GRACE_MS = 1000
/** Niceness of this process: above everything ordinary, below what the host's own services may use. */
const MARKER_PRIORITY = -10

/**
 * Lets this process preempt the engine on a busy host, so that markers are stamped when they arrive. The engine, which
 * would inherit the priority, keeps the usual one. Only root may do this; without it, times are a little rougher.
 */
function preferMarkers(engine: number | undefined): void {
  try {
    setPriority(MARKER_PRIORITY)
    if (engine !== undefined) setPriority(engine, constants.priority.PRIORITY_NORMAL)
  } catch {
    // EACCES: not root. ESRCH: the engine has already ended, which the session reports.
  }
}

/** Sessions whose engines still run: a benchmark that is interrupted must not leave emulators behind. */
const running = new Set<Session>()
process.on('exit', () => {
  for (const session of running) session.kill()
})

export class Session {
  private readonly child: ChildProcessWithoutNullStreams
  private readonly startedAt: number
  private readonly lines = new SerialLines()
  private readonly queue: StampedEvent[] = []
  private readonly lastLines: string[] = []
  private errors = ''
  private ended: string | null = null
  private wake: (() => void) | null = null

  constructor(launch: Launch) {
    this.startedAt = performance.now()
    this.child = spawn(launch.command, launch.args, { stdio: ['pipe', 'pipe', 'pipe'], detached: true })
    preferMarkers(this.child.pid)
    running.add(this)
    this.child.stdout.on('data', (chunk: Buffer) => this.receive(chunk))
    this.child.stderr.on('data', (chunk: Buffer) => {
      this.errors = (this.errors + chunk.toString()).slice(-KEPT_ERROR_CHARACTERS)
    })
    // The engine may end while something is being sent: its end is reported by 'close', the broken pipe adds nothing.
    this.child.stdin.on('error', () => undefined)
    this.child.on('error', error => this.end(`cannot start ${launch.command}: ${error.message}`))
    this.child.on('close', (code, signal) => this.end(`engine ended with ${signal ?? `status ${code}`}`))
  }

  private receive(chunk: Buffer): void {
    const wallMs = performance.now() - this.startedAt
    for (const line of this.lines.push(chunk.toString('latin1'))) {
      this.lastLines.push(line)
      if (this.lastLines.length > KEPT_LINES) this.lastLines.shift()
      const event = parseLine(line)
      if (event) this.queue.push({ event, wallMs, usage: this.usage() })
    }
    this.wake?.()
  }

  private end(reason: string): void {
    running.delete(this)
    this.ended ??= reason
    this.wake?.()
  }

  /** CPU time and memory of the engine now; zeros where the host has no /proc. */
  usage(): Usage {
    const usage = this.child.pid === undefined ? null : readUsage(this.child.pid)
    return usage ?? { cpuMs: 0, residentBytes: 0, peakResidentBytes: 0 }
  }

  /** Types text on the guest's serial port. */
  send(text: string): void {
    this.child.stdin.write(text)
  }

  /** The next marker. Throws SessionFailure when none comes within timeoutMs, the engine ends, or the guest panics. */
  async next(timeoutMs: number): Promise<StampedEvent> {
    const deadline = performance.now() + timeoutMs
    for (;;) {
      const stamped = this.queue.shift()
      if (stamped?.event.kind === 'panic') throw this.failure(stamped.event.line)
      if (stamped) return stamped
      if (this.ended !== null) throw this.failure(this.ended)
      const left = deadline - performance.now()
      if (left <= 0) throw this.failure(`no marker within ${Math.round(timeoutMs / 1000)} s`)
      await this.wakeWithin(left)
    }
  }

  private wakeWithin(ms: number): Promise<void> {
    return new Promise(resolve => {
      const timer = setTimeout(resolve, ms)
      this.wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  private failure(reason: string): SessionFailure {
    const context = [...this.lastLines, ...this.errors.trim().split('\n')].filter(line => line !== '')
    return new SessionFailure([reason, ...context.map(line => `    | ${line}`)].join('\n'))
  }

  /** Ends the engine and every process it started. */
  async stop(): Promise<void> {
    this.child.stdin.end()
    this.signal('SIGTERM')
    const deadline = performance.now() + STOP_GRACE_MS
    while (this.ended === null && performance.now() < deadline) await this.wakeWithin(deadline - performance.now())
    if (this.ended === null) this.kill()
  }

  /** Ends the engine at once, without waiting. */
  kill(): void {
    this.signal('SIGKILL')
  }

  /** `detached` made the child the leader of its own process group, so the group is exactly what it started. */
  private signal(name: 'SIGTERM' | 'SIGKILL'): void {
    if (this.child.pid === undefined) return
    try {
      process.kill(-this.child.pid, name)
    } catch {
      // ESRCH: the group has already ended.
    }
  }
}
