/** Events of the class `V86`: a name and one argument, without DOM events. */
import type { PCError } from '../errors.ts'

export interface V86Events {
  'emulator-loaded': undefined
  'emulator-ready': undefined
  'emulator-started': undefined
  'emulator-stopped': undefined
  'download-progress': {
    readonly file_index: number; readonly file_count: number; readonly file_name: string
    readonly lengthComputable: boolean; readonly total: number; readonly loaded: number
  }
  'download-error': {
    readonly file_index: number; readonly file_count: number; readonly file_name: string; readonly request: unknown
  }
  'screen-set-size': readonly [width: number, height: number, bitsPerPixel: number]
  'serial0-output-byte': number
  'serial1-output-byte': number
  'ide-read-end': readonly [channel: number, bytes: number, sectors: number]
  'ide-write-end': readonly [channel: number, bytes: number, sectors: number]
  /** Of tabpc: what v86 would throw somewhere. Without a listener it goes to the console. */
  'tabpc-error': PCError
}

type Listener = (argument: unknown) => void

export class Listeners {
  private readonly byName = new Map<string, Set<Listener>>()

  add<Name extends keyof V86Events>(name: Name, listener: (argument: V86Events[Name]) => void): void {
    const known = this.byName.get(name) ?? new Set<Listener>()
    this.byName.set(name, known.add(listener as Listener))
  }

  remove<Name extends keyof V86Events>(name: Name, listener: (argument: V86Events[Name]) => void): void {
    this.byName.get(name)?.delete(listener as Listener)
  }

  has(name: keyof V86Events): boolean {
    return (this.byName.get(name)?.size ?? 0) > 0
  }

  tell<Name extends keyof V86Events>(name: Name, argument: V86Events[Name]): void {
    for (const listener of [...(this.byName.get(name) ?? [])]) listener(argument)
  }
}
