/**
 * What else the host is doing: a measurement beside a busy neighbour is worth little, and its reader ought to know.
 * Place in the flow: run.ts notes it for each run of an engine, report.ts warns.
 */
import { cpus } from 'node:os'

/** CPU time that all CPUs of the host have been busy since it started, in milliseconds. */
export function hostBusyMs(): number {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0)
}

/**
 * How many CPUs others kept busy, on average, while `wallMs` passed: of `busyMs` of the whole host, `engineMs` was ours.
 * Not below 0, which rounding may give.
 */
export function otherCpus(busyMs: number, engineMs: number, wallMs: number): number {
  return wallMs > 0 ? Math.max(0, busyMs - engineMs) / wallMs : 0
}
