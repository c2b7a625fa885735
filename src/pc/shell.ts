/**
 * Runs a command in a Unix shell on a serial port: marks its output with lines that the shell itself prints, so that
 * the echo of what is typed, however the terminal wraps it, is not taken for them.
 *
 *   echo "tab""pc-7-begin"; eval 'command'; echo "tab""pc-7-end $?"
 */

export interface ExecResult {
  readonly output: string
  /** Exit status of the command. */
  readonly status: number
}

let lastNumber = 0

/** A command in a line for the shell, and the expression that finds its output. */
export function wrapCommand(command: string): { readonly line: string, readonly expression: RegExp } {
  const name = `pc-${++lastNumber}`
  const quoted = `'${command.replace(/'/g, `'\\''`)}'`
  return {
    line: `echo "tab""${name}-begin"; eval ${quoted}; echo "tab""${name}-end $?"\n`,
    expression: new RegExp(`tab${name}-begin\\r?\\n([\\s\\S]*?)tab${name}-end (\\d+)\\r?\\n`),
  }
}

/** The result in what the expression has found. */
export function resultOf(match: RegExpMatchArray): ExecResult {
  return { output: match[1].replace(/\r\n/g, '\n'), status: Number(match[2]) }
}
