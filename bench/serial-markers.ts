/**
 * Reads what a guest prints on its serial port: the ready marker and the begin and end of each benchmark round.
 * Place in the flow: a session feeds it bytes as they arrive on the host; the runner takes the times of the events.
 * The guest's own clock is never asked: an emulated clock may run fast or slow.
 */

export type SerialEvent =
  | { kind: 'ready' }
  | { kind: 'begin'; program: string }
  | { kind: 'end'; program: string; checksum: string }
  /** The program found by CPUID that the CPU lacks what it needs; no round follows. */
  | { kind: 'unsupported'; program: string; feature: string }
  /** The shell is back after a program, with its exit status: the line of IDLE_COMMAND. */
  | { kind: 'idle'; status: number }
  | { kind: 'panic'; line: string }

/** Printed by the guest's init when its shell is up. */
export const READY_MARKER = 'GUEST-READY'
/** Shell text that reports the end of a command; split in two so that the echo of the command is not taken for it. */
export const IDLE_COMMAND = "echo BENCH-'IDLE' $?"

const READY = new RegExp(`(^|\\s)${READY_MARKER}\\b`)
const BEGIN = /BENCH ([\w-]+) begin$/
const END = /BENCH ([\w-]+) end ([0-9a-f]{8})$/
const UNSUPPORTED = /BENCH ([\w-]+) unsupported (\w+)$/
const IDLE = /BENCH-IDLE (\d+)$/
const PANIC = /Kernel panic - /

/** What one line of serial output (without its line end) means to the benchmark, if anything. */
export function parseLine(line: string): SerialEvent | null {
  const end = END.exec(line)
  if (end) return { kind: 'end', program: end[1], checksum: end[2] }
  const begin = BEGIN.exec(line)
  if (begin) return { kind: 'begin', program: begin[1] }
  const unsupported = UNSUPPORTED.exec(line)
  if (unsupported) return { kind: 'unsupported', program: unsupported[1], feature: unsupported[2] }
  const idle = IDLE.exec(line)
  if (idle) return { kind: 'idle', status: Number(idle[1]) }
  if (READY.test(line)) return { kind: 'ready' }
  if (PANIC.test(line)) return { kind: 'panic', line }
  return null
}

/** Splits serial output into lines as it arrives, in whatever pieces. */
export class SerialLines {
  private partial = ''

  /** The complete lines that this text ends, without line ends; a rest waits for the next call. */
  push(text: string): string[] {
    const lines = (this.partial + text).split('\n')
    this.partial = lines.pop() ?? ''
    return lines.map(line => line.replace(/\r+$/, ''))
  }
}
