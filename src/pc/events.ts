/** Events of a PC: their names and payloads, and an EventTarget that knows them. */
import type { PCError } from '../errors.ts'
import type { DriveName } from './options.ts'

/** Bytes of one file so far. `total` is absent when the server does not tell. */
export interface PCProgress {
  /** What is fetched: 'core', 'kernel', 'initrd', a drive's name … */
  readonly asset: string
  readonly url: string
  readonly loaded: number
  readonly total?: number
}

/**
 * - `paused`: made, or held by `pause`
 * - `running`
 * - `stopped`: the guest has powered off, crashed, or asked for its end; see `reason`
 * - `failed`: a fault of the worker; the event `error` says which
 * - `disposed`
 */
export type PCState = 'paused' | 'running' | 'stopped' | 'failed' | 'disposed'

/** Why a machine has stopped. */
export type PCStopReason = 'power-off' | 'reset' | 'triple-fault' | 'debug-exit'

/** What the screen shows. */
export interface PCScreenMode {
  readonly kind: 'text' | 'graphics'
  /** In pixels. */
  readonly width: number
  readonly height: number
}

/** The payload (`event.detail`) of each event. */
export interface PCEventMap {
  progress: PCProgress
  statechange: { readonly state: PCState; readonly reason?: PCStopReason; readonly status?: number }
  screenmode: PCScreenMode
  /** Bytes that a drive has read and written since the last of these events. */
  diskactivity: { readonly drive: DriveName; readonly read: number; readonly written: number }
  /** The guest has reset the machine, which starts anew. */
  reset: { readonly restarts: number }
  /** The guest has crashed; `report` shows registers and the last instructions. */
  triplefault: { readonly report: string }
  /** The guest sleeps for good: HLT with interrupts off. */
  halt: { readonly forever: true }
  /** Something works less well than it might. */
  warning: { readonly code: string; readonly message: string; readonly hint: string }
  error: PCError
}

export type PCEvent<Name extends keyof PCEventMap> = CustomEvent<PCEventMap[Name]>

type Listener<Name extends keyof PCEventMap> = (event: PCEvent<Name>) => void

/** An EventTarget whose events carry `detail` of a known type. */
export class PCEventTarget extends EventTarget {
  override addEventListener<Name extends keyof PCEventMap>(
    name: Name, listener: Listener<Name> | null, options?: boolean | AddEventListenerOptions,
  ): void
  override addEventListener(
    name: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions,
  ): void
  override addEventListener(name: string, listener: unknown, options?: boolean | AddEventListenerOptions): void {
    super.addEventListener(name, listener as EventListener | null, options)
  }

  override removeEventListener<Name extends keyof PCEventMap>(
    name: Name, listener: Listener<Name> | null, options?: boolean | EventListenerOptions,
  ): void
  override removeEventListener(
    name: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | EventListenerOptions,
  ): void
  override removeEventListener(name: string, listener: unknown, options?: boolean | EventListenerOptions): void {
    super.removeEventListener(name, listener as EventListener | null, options)
  }

  protected emit<Name extends keyof PCEventMap>(name: Name, detail: PCEventMap[Name]): void {
    this.dispatchEvent(new CustomEvent(name, { detail }))
  }
}
