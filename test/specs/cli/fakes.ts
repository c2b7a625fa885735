/** A machine and a process made for the specs of the command line. */

import { EventEmitter } from 'node:events'
import type { RunHost } from '../../../src/cli/run.ts'
import type { MachineOptions, RunnableMachine, RunResult } from '../../../src/machine-options.ts'

export interface FakeMachine extends RunnableMachine {
  /** Number of slices run so far, and since the last restart. */
  slices: number
  slicesOfBoot: number
  /** Number of restarts. */
  boot: number
  received: number[]
  disposed: boolean
  send(text: string): void
}

/** A machine whose slices are played by `script`; it gets the machine and the number of the slice, from 0. */
export function fakeMachine(script: (machine: FakeMachine, slice: number) => RunResult): FakeMachine {
  const received: number[] = []
  const machine: FakeMachine = {
    slices: 0,
    slicesOfBoot: 0,
    boot: 0,
    received,
    disposed: false,
    serial: [{ onByte: () => undefined, receive: bytes => received.push(...bytes) }],
    debugConsole: { onByte: () => undefined },
    postCodes: { onCode: () => undefined },
    run: () => {
      machine.slices++
      return script(machine, machine.slicesOfBoot++)
    },
    restart: () => {
      machine.boot++
      machine.slicesOfBoot = 0
    },
    send: text => {
      for (const byte of new TextEncoder().encode(text)) machine.serial[0].onByte(byte)
    },
    stats: () => ({
      instructions: machine.slices * 1000,
      seconds: machine.slices / 100,
      mips: 0.1,
      exits: { Budget: machine.slices },
      decodedRuns: 7,
      invalidations: 1,
    }),
    report: count => `EAX=00000000\nlast ${count} instructions`,
    dispose: () => {
      machine.disposed = true
    },
  }
  return machine
}

/** Standard input that a spec types into. */
export class FakeInput extends EventEmitter {
  readonly modes: boolean[] = []
  paused = true

  constructor(readonly isTTY: boolean) {
    super()
  }

  setRawMode(raw: boolean): this {
    this.modes.push(raw)
    return this
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
  }

  type(text: string): void {
    this.emit('data', new TextEncoder().encode(text))
  }
}

/** Standard output that keeps what it is given; `full` makes its writes wait for a drain. */
export class FakeOutput extends EventEmitter {
  bytes: number[] = []
  full = false
  isTTY = false

  write(chunk: Uint8Array | string, callback?: (error?: Error | null) => void): boolean {
    this.bytes.push(...(typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk))
    if (callback) setImmediate(callback)
    return !this.full
  }

  get text(): string {
    return new TextDecoder().decode(Uint8Array.from(this.bytes))
  }
}

export interface FakeHost extends RunHost {
  readonly stdin: FakeInput
  readonly stdout: FakeOutput
  readonly process: EventEmitter
  readonly errors: string[]
  readonly machines: FakeMachine[]
  readonly options: MachineOptions[]
}

/** A host whose machines play `script`; `boot` counts its restarts. */
export function fakeHost(
  script: (machine: FakeMachine, slice: number, boot: number) => RunResult,
  { tty = false } = {},
): FakeHost {
  const errors: string[] = []
  const machines: FakeMachine[] = []
  const options: MachineOptions[] = []
  return {
    stdin: new FakeInput(tty),
    stdout: new FakeOutput(),
    stderr: { write: text => errors.push(text) },
    process: new EventEmitter(),
    errors,
    machines,
    options,
    createMachine: async given => {
      const machine = fakeMachine((self, slice) => script(self, slice, self.boot))
      machines.push(machine)
      options.push(given)
      return machine
    },
  }
}
