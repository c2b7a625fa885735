/**
 * A serial port of the PC: as text, as web streams, and on a terminal such as xterm.js.
 *
 *   guest -> bytes -> text(), readable, attached terminals        write(), writable, terminals' keys -> guest
 */
import type { PCError } from '../errors.ts'
import type { MachineLink } from './link.ts'

/** What `attach` needs of a terminal; xterm.js has it. */
export interface TerminalLike {
  write(data: Uint8Array | string): void
  onData(listener: (data: string) => void): { dispose(): void }
  onBinary?(listener: (data: string) => void): { dispose(): void }
}

/** Text that is kept, in UTF-16 code units. */
const MOST_TEXT = 1 << 20
/** Bytes that a reader of `readable` may lag behind before the machine is held, and when it goes on. */
const BACKLOG_HIGH = 1 << 20
const BACKLOG_LOW = 1 << 16

export class PCSerialPort {
  /** 0 is COM1, 1 is COM2. */
  readonly index: number
  private readonly link: MachineLink
  private readonly onHold: (port: PCSerialPort, held: boolean) => void
  private readonly decoder = new TextDecoder()
  private readonly terminals = new Set<TerminalLike>()
  private readonly listeners = new Set<() => void>()
  private kept = ''
  private dropped = 0
  private stream: ReadableStream<Uint8Array> | undefined
  private controller: ReadableStreamDefaultController<Uint8Array> | undefined
  private sink: WritableStream<Uint8Array | string> | undefined
  private held = false

  /** @internal */
  constructor(index: number, link: MachineLink, onHold: (port: PCSerialPort, held: boolean) => void) {
    this.index = index
    this.link = link
    this.onHold = onHold
  }

  /** What the guest has sent, as UTF-8 text; of a long output the last million characters. */
  text(): string {
    return this.kept
  }

  /** Bytes from the first access on. A reader that lags far behind holds the machine. One reader at a time. */
  get readable(): ReadableStream<Uint8Array> {
    this.stream ??= new ReadableStream<Uint8Array>({
      start: controller => {
        this.controller = controller
      },
      pull: () => this.pace(),
      cancel: () => {
        this.controller = undefined
        this.stream = undefined
        this.pace()
      },
    }, new ByteLengthQueuingStrategy({ highWaterMark: BACKLOG_LOW }))
    return this.stream
  }

  /** Bytes or text for the guest, which takes them as fast as it reads. */
  get writable(): WritableStream<Uint8Array | string> {
    this.sink ??= new WritableStream<Uint8Array | string>({ write: data => this.write(data) })
    return this.sink
  }

  /** Sends to the guest; resolves when the port has room for more. Rejects with `PCError` when the PC is gone. */
  async write(data: Uint8Array | string): Promise<void> {
    const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data
    if (bytes.length > 0) await this.link.call('writeSerial', this.index, bytes)
  }

  /**
   * Shows the port on a terminal and sends its keys. What the guest has sent before is shown too. Returns a function
   * that takes the terminal off again.
   */
  attach(terminal: TerminalLike): () => void {
    const send = (bytes: Uint8Array) => {
      // A PC that is gone needs no keys.
      this.write(bytes).catch(() => {})
    }
    const listeners = [
      terminal.onData(data => send(new TextEncoder().encode(data))),
      terminal.onBinary?.(data => send(Uint8Array.from(data, character => character.charCodeAt(0) & 0xff))),
    ]
    this.terminals.add(terminal)
    if (this.kept !== '') terminal.write(this.kept)
    return () => {
      this.terminals.delete(terminal)
      for (const listener of listeners) listener?.dispose()
    }
  }

  /** @internal Text since the beginning that is not kept any more, in UTF-16 code units. */
  get droppedLength(): number {
    return this.dropped
  }

  /** @internal Calls `listener` after each piece of output; returns its end. */
  onText(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** @internal Bytes of the guest have arrived. */
  receive(bytes: Uint8Array): void {
    this.kept += this.decoder.decode(bytes, { stream: true })
    if (this.kept.length > 2 * MOST_TEXT) {
      this.dropped += this.kept.length - MOST_TEXT
      this.kept = this.kept.slice(-MOST_TEXT)
    }
    for (const terminal of this.terminals) terminal.write(bytes)
    if (this.controller) {
      this.controller.enqueue(bytes)
      this.pace()
    }
    for (const listener of [...this.listeners]) listener()
  }

  /** @internal The PC is gone. */
  close(reason: PCError): void {
    try {
      if (reason.code === 'disposed' || reason.code === 'aborted') this.controller?.close()
      else this.controller?.error(reason)
    } catch (error) {
      // A stream that its reader has cancelled is closed already.
      if (!(error instanceof TypeError)) throw error
    }
    this.controller = undefined
    this.terminals.clear()
    for (const listener of [...this.listeners]) listener()
  }

  /** Holds the machine while the reader is far behind. */
  private pace(): void {
    const backlog = this.controller ? BACKLOG_LOW - (this.controller.desiredSize ?? BACKLOG_LOW) : 0
    const held = this.held ? backlog > BACKLOG_LOW : backlog > BACKLOG_HIGH
    if (held === this.held) return
    this.held = held
    this.onHold(this, held)
  }
}
