/** The terminal of this process as something that a serial port of a `PC` can be attached to. */
import type { TerminalLike } from '../pc/serial.ts'
import { Terminal, TerminalCommand, type TerminalInput } from './terminal.ts'

export interface TtyOptions {
  readonly input?: TerminalInput
  readonly output?: { write(data: Uint8Array | string): unknown }
  /** Ctrl-A X was typed, or the terminal has hung up. */
  readonly onLeave?: () => void
}

/**
 * stdin and stdout, raw while attached. Ctrl-A X calls `onLeave`, Ctrl-A A sends Ctrl-A.
 *
 *     const detach = pc.serial[0].attach(tty({ onLeave: () => pc.dispose() }))
 */
export function tty({ input = process.stdin, output = process.stdout, onLeave }: TtyOptions = {}): TerminalLike {
  return {
    write: data => void output.write(data),
    onData: () => ({ dispose: () => {} }),
    // Keys arrive as bytes, which are passed on as they are.
    onBinary: listener => {
      const terminal = new Terminal(input, process, {
        onInput: bytes => listener(String.fromCharCode(...bytes)),
        onCommand: command => {
          if (command === TerminalCommand.Leave) onLeave?.()
        },
        onHangup: () => onLeave?.(),
      })
      terminal.open()
      return { dispose: () => terminal.close() }
    },
  }
}
