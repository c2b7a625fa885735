/**
 * Lends the host's terminal to the guest: raw mode, keys as bytes, an escape key to leave, and the old mode back,
 * however the process ends (the end of the run, an exception, a signal, `process.exit`).
 *
 *   stdin (terminal) -> EscapeKeys -> bytes for the guest | commands        stdin (pipe or file) -> bytes for the guest
 */

/** What a person asks of us, not of the guest. */
export enum TerminalCommand {
  Leave,
  Help,
}

const CTRL_A = 0x01

/** What the escape key does, for people. */
export const ESCAPE_HELP = 'Ctrl-A X leaves, Ctrl-A A sends Ctrl-A, Ctrl-A H shows this; all other keys go to the guest'

/** Takes Ctrl-A and the key after it out of the stream of keys. */
export class EscapeKeys {
  #escaped = false
  #left = false

  /** Splits typed bytes. An unknown key after Ctrl-A asks for help. Keys after a Leave are dropped. */
  feed(typed: Uint8Array): { readonly bytes: Uint8Array; readonly commands: readonly TerminalCommand[] } {
    const bytes: number[] = []
    const commands: TerminalCommand[] = []
    for (const byte of typed) {
      if (this.#left) break
      if (!this.#escaped) {
        if (byte === CTRL_A) this.#escaped = true
        else bytes.push(byte)
        continue
      }
      this.#escaped = false
      const key = String.fromCharCode(byte).toLowerCase()
      if (key === 'a' || byte === CTRL_A) {
        bytes.push(CTRL_A)
      } else if (key === 'x') {
        this.#left = true
        commands.push(TerminalCommand.Leave)
      } else {
        commands.push(TerminalCommand.Help)
      }
    }
    return { bytes: Uint8Array.from(bytes), commands }
  }
}

/** The parts of `process.stdin` that are needed. */
export interface TerminalInput {
  readonly isTTY?: boolean
  setRawMode?(raw: boolean): unknown
  on(event: 'data', listener: (chunk: Uint8Array) => void): unknown
  on(event: 'error' | 'end', listener: () => void): unknown
  off(event: 'data', listener: (chunk: Uint8Array) => void): unknown
  off(event: 'error' | 'end', listener: () => void): unknown
  pause(): unknown
  resume(): unknown
}

/** The part of `process` that tells of its exit. */
export interface ExitNotice {
  on(event: 'exit', listener: () => void): unknown
  off(event: 'exit', listener: () => void): unknown
}

/** Whom the terminal serves. */
export interface TerminalUser {
  onInput(bytes: Uint8Array): void
  onCommand(command: TerminalCommand): void
  /** The terminal is gone (hang-up). The end of a pipe or file is not reported: the guest runs on. */
  onHangup(): void
}

/** Standard input, held between `open` and `close`. */
export class Terminal {
  readonly #input: TerminalInput
  readonly #process: ExitNotice
  readonly #user: TerminalUser
  readonly #keys = new EscapeKeys()
  #open = false

  constructor(input: TerminalInput, process: ExitNotice, user: TerminalUser) {
    this.#input = input
    this.#process = process
    this.#user = user
  }

  /** Begins to read; a terminal becomes raw. */
  open(): void {
    if (this.#open) return
    this.#open = true
    this.#process.on('exit', this.#close)
    if (this.#input.isTTY) this.#input.setRawMode?.(true)
    this.#input.on('data', this.#onData)
    this.#input.on('end', this.#onEnd)
    this.#input.on('error', this.#onEnd)
    this.#input.resume()
  }

  /** Gives the terminal back in the mode in which it was. May be called twice. */
  close(): void {
    this.#close()
  }

  /** Holds input back while the guest has more than enough of it. */
  hold(held: boolean): void {
    if (!this.#open) return
    if (held) this.#input.pause()
    else this.#input.resume()
  }

  readonly #close = (): void => {
    if (!this.#open) return
    this.#open = false
    this.#process.off('exit', this.#close)
    this.#input.off('data', this.#onData)
    this.#input.off('end', this.#onEnd)
    this.#input.pause()
    try {
      if (this.#input.isTTY) this.#input.setRawMode?.(false)
    } catch {
      // The terminal has hung up: there is no mode left to restore.
    }
  }

  readonly #onData = (chunk: Uint8Array): void => {
    if (!this.#input.isTTY) {
      this.#user.onInput(chunk)
      return
    }
    const { bytes, commands } = this.#keys.feed(chunk)
    if (bytes.length > 0) this.#user.onInput(bytes)
    for (const command of commands) this.#user.onCommand(command)
  }

  readonly #onEnd = (): void => {
    if (this.#input.isTTY) this.#user.onHangup()
  }
}
