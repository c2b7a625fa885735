/**
 * Runs one engine once: boots the guest, runs the programs one after the other, and notes times, CPU and memory.
 * Place in the flow: main.ts calls it for every engine and repeat; report.ts turns the records into tables.
 */
import { setTimeout } from 'node:timers/promises'
import type { Engine, Guest } from './engines/engine.ts'
import { hostBusyMs, otherCpus } from './host-load.ts'
import { Session, SessionFailure, type StampedEvent } from './process-session.ts'
import { IDLE_COMMAND } from './serial-markers.ts'

/** Wall time on the host and CPU time of all threads of the engine, in milliseconds. */
export interface Duration {
  wallMs: number
  cpuMs: number
}

export interface ProgramRun {
  engine: string
  program: string
  repeat: number
  /** One per round: the first is cold (code never seen by the engine), the later half warm. None when unsupported. */
  rounds: Duration[]
  checksum: string
  /** The CPU feature that the engine lacks and the program needs, by the guest's CPUID; null when it has run. */
  unsupported: string | null
}

export interface EngineRun {
  engine: string
  repeat: number
  /** From the start of the process to the ready marker; null for engines that do not boot. */
  boot: Duration | null
  /** A moment after boot, with the guest idle, in bytes; null for engines that do not boot. */
  bootResidentBytes: number | null
  programs: ProgramRun[]
  /** At the end of the run, in bytes; the peak is over the whole run. */
  residentBytes: number
  peakResidentBytes: number
  /** CPUs of the host that other processes kept busy meanwhile, on average. */
  otherCpus: number
  /** What went wrong, if anything; results up to then are kept. */
  failure: string | null
}

export interface RunLimits {
  rounds: number
  bootTimeoutMs: number
  /** For each round. */
  roundTimeoutMs: number
}

/** After boot, before memory is read and programs start: what compiles in the background gets done. */
const SETTLE_MS = 1000

function between(start: StampedEvent, end: StampedEvent): Duration {
  // A native program may end before its CPU time is read; its parent then knows it only in ticks, which can be less.
  const cpuMs = Math.max(0, end.usage.cpuMs - start.usage.cpuMs)
  return { wallMs: end.wallMs - start.wallMs, cpuMs }
}

async function runProgram(session: Session, command: string, run: ProgramRun, limits: RunLimits): Promise<void> {
  session.send(`${command} ${limits.rounds}; ${IDLE_COMMAND}\n`)
  let begin: StampedEvent | null = null
  for (;;) {
    const stamped = await session.next(limits.roundTimeoutMs)
    const { event } = stamped
    if (event.kind === 'begin' && event.program === run.program) {
      begin = stamped
    } else if (event.kind === 'end' && event.program === run.program && begin) {
      if (run.checksum !== '' && run.checksum !== event.checksum) {
        throw new SessionFailure(`${run.program}: checksum ${event.checksum} after ${run.checksum} in an earlier round`)
      }
      run.checksum = event.checksum
      run.rounds.push(between(begin, stamped))
      begin = null
    } else if (event.kind === 'unsupported' && event.program === run.program) {
      run.unsupported = event.feature
    } else if (event.kind === 'idle') {
      const expected = run.unsupported === null ? limits.rounds : 0
      if (event.status !== 0 || run.rounds.length !== expected) {
        throw new SessionFailure(`${run.program} ended with status ${event.status} after ${run.rounds.length} rounds`)
      }
      return
    }
  }
}

/** Boots, runs and stops. Failures end up in the record: one broken engine must not cost the others their run. */
export async function runEngine(
  engine: Engine,
  guest: Guest,
  programs: readonly string[],
  repeat: number,
  limits: RunLimits,
  progress: (text: string) => void
): Promise<EngineRun> {
  const result: EngineRun = {
    engine: engine.name,
    repeat,
    boot: null,
    bootResidentBytes: null,
    programs: [],
    residentBytes: 0,
    peakResidentBytes: 0,
    otherCpus: 0,
    failure: null
  }
  const launch = engine.launch(guest)
  const [startedMs, startedBusyMs] = [performance.now(), hostBusyMs()]
  const session = new Session(launch)
  try {
    const ready = await session.next(limits.bootTimeoutMs)
    if (ready.event.kind !== 'ready') throw new SessionFailure(`'${ready.event.kind}' came before the ready marker`)
    if (engine.boots) {
      result.boot = { wallMs: ready.wallMs, cpuMs: ready.usage.cpuMs }
      await setTimeout(SETTLE_MS)
      result.bootResidentBytes = session.usage().residentBytes
      progress(`boot ${(ready.wallMs / 1000).toFixed(1)} s`)
    }
    for (const program of programs) {
      const run: ProgramRun = { engine: engine.name, program, repeat, rounds: [], checksum: '', unsupported: null }
      await runProgram(session, `${launch.programs}/${program}`, run, limits)
      result.programs.push(run)
      const times = `${run.rounds.map(round => round.wallMs.toFixed(0)).join(' ')} ms`
      progress(`${program} ${run.unsupported === null ? times : `not supported by this CPU (${run.unsupported})`}`)
    }
    const usage = session.usage()
    result.residentBytes = usage.residentBytes
    result.peakResidentBytes = usage.peakResidentBytes
    result.otherCpus = otherCpus(hostBusyMs() - startedBusyMs, usage.cpuMs, performance.now() - startedMs)
  } catch (error) {
    if (!(error instanceof SessionFailure)) throw error
    result.failure = error.message
  } finally {
    await session.stop()
  }
  return result
}
