/** Errors as people see them: one line on stderr, what is wrong and how to mend it. */

import { PCError } from '../errors.ts'

/** Exit statuses that are not the guest's. */
export enum ExitStatus {
  Success = 0,
  Usage = 1,
  TripleFault = 3,
  /** EX_SOFTWARE of sysexits.h: a fault of ours. */
  InternalError = 70,
  Timeout = 124,
  /** Plus the number of the signal. */
  Signal = 128,
}

/** A text from outside, fit for one line of a terminal: control characters become spaces. */
export function oneLine(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ')
}

/** What to write to stderr for an error, and the status to exit with. A stack is shown for faults of ours only. */
export function complain(error: unknown): { readonly text: string; readonly status: ExitStatus } {
  if (error instanceof PCError) {
    return { text: oneLine(`tabpc: ${error.message}; ${error.hint}`).replace(/[\s.]+$/, ''), status: ExitStatus.Usage }
  }
  const trace = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return {
    text: `tabpc: a fault in tabpc itself; please report it with these lines\n${trace}`,
    status: ExitStatus.InternalError,
  }
}
