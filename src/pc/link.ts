/**
 * The page's end of the line to the machine's worker: numbers calls, settles their promises, hands events out.
 * Knows no particular kind of worker: src/web/index.ts and src/node/pc.ts hand one in.
 */
import { PCError } from '../errors.ts'
import type {
  FromMachine, MachineCalls, MachineEvents, MachineNotes, MethodName, NoteName, ToMachine, WireError,
} from '../worker/protocol.ts'

/** A running worker. */
export interface MachineWorker {
  post(message: ToMachine): void
  terminate(): void
}

export interface MachineWorkerEvents {
  onMessage(message: FromMachine): void
  /** The worker is gone: it could not start, or it crashed. */
  onGone(error: PCError): void
}

export type StartMachineWorker = (events: MachineWorkerEvents) => MachineWorker

/** Listeners by event. */
export type EventSinks = { [Name in keyof MachineEvents]: (detail: MachineEvents[Name]) => void }

interface Waiting {
  resolve(value: unknown): void
  reject(error: PCError): void
}

export function errorOf({ code, message, hint }: WireError): PCError {
  return new PCError(code, message, hint)
}

export class MachineLink {
  private readonly worker: MachineWorker
  private readonly sinks: EventSinks
  private readonly waiting = new Map<number, Waiting>()
  private gone: PCError | undefined
  private lastId = 0
  private readonly attention: Int32Array | undefined

  /** `attention`: the word that wakes the worker (protocol.ts, `WireOptions`). */
  constructor(start: StartMachineWorker, sinks: EventSinks, attention?: SharedArrayBuffer) {
    this.sinks = sinks
    this.attention = attention && new Int32Array(attention)
    this.worker = start({ onMessage: message => this.receive(message), onGone: error => this.end(error) })
  }

  /** Asks the worker. Rejects with its `PCError`, or with the reason why it is gone. */
  call<Name extends MethodName>(name: Name, ...args: Parameters<MachineCalls[Name]>): Promise<ReturnType<MachineCalls[Name]>> {
    return new Promise((resolve, reject) => {
      if (this.gone) {
        reject(this.gone)
        return
      }
      const id = ++this.lastId
      this.waiting.set(id, { resolve: value => resolve(value as ReturnType<MachineCalls[Name]>), reject })
      this.post({ id, call: name, args } as ToMachine)
    })
  }

  note<Name extends NoteName>(name: Name, ...args: Parameters<MachineNotes[Name]>): void {
    if (!this.gone) this.post({ note: name, args } as ToMachine)
  }

  /** Ends the worker; whatever is under way is rejected with `reason`. May be called twice. */
  end(reason: PCError): void {
    if (this.gone) return
    this.gone = reason
    // A constructor that throws leaves no worker.
    this.worker?.terminate()
    for (const { reject } of this.waiting.values()) reject(reason)
    this.waiting.clear()
    if (reason.code !== 'disposed' && reason.code !== 'aborted') this.sinks.failed(reason)
  }

  private post(message: ToMachine): void {
    try {
      this.worker.post(message)
    } catch (error) {
      const failure = new PCError(
        'usage', `the options cannot be sent to the worker: ${error instanceof Error ? error.message : String(error)}`,
        'give plain data, Blobs and arrays',
      )
      if (!('id' in message)) throw failure
      this.waiting.get(message.id)?.reject(failure)
      this.waiting.delete(message.id)
      return
    }
    if (!this.attention) return
    Atomics.add(this.attention, 0, 1)
    Atomics.notify(this.attention, 0)
  }

  private receive(message: FromMachine): void {
    if (this.gone) return
    if ('event' in message) {
      const sink = this.sinks[message.event] as (detail: unknown) => void
      sink(message.detail)
      return
    }
    const waiting = this.waiting.get(message.answer)
    this.waiting.delete(message.answer)
    if ('error' in message) waiting?.reject(errorOf(message.error))
    else waiting?.resolve(message.value)
  }
}
