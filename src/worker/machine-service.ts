/**
 * The worker's side of a PC: answers calls, obeys notes, and tells events (protocol.ts). Knows no particular kind of
 * worker: the browser (src/web/machine-worker.ts) and Node (src/node/machine-worker.ts) hand a host in.
 *
 *   message -> calls[name] -> Machine, DriveBay, Typist, FrameSource -> answer
 *   MachineLoop -> slice -> serial bytes, frames, activity -> events
 */
import { ByteBatch } from '../byte-batch.ts'
import type { Disk } from '../disks/disk.ts'
import { PCError } from '../errors.ts'
import type { MachineOptions, RunResult } from '../machine-options.ts'
import type { Machine } from '../machine.ts'
import type { Picture } from '../devices/vga/picture.ts'
import type { CompiledFigures } from '../pc/stats.ts'
import { encodePng } from '../png.ts'
import { DriveBay } from './drive-bay.ts'
import { FrameSource } from './frame-source.ts'
import { MachineLoop } from './machine-loop.ts'
import { checkExpected, describeMade, freezePC, machineOptionsOf, readPC, type SavedMachine } from '../state/saved-pc.ts'
import { type FileReader, type OwnFirmware, prepare, readFile } from './prepare.ts'
import type {
  MachineCalls, MachineEvents, MachineNotes, MadeMachine, MethodName, NoteName, SendToPage, ToMachine, WireError, WireFile, WireOptions,
} from './protocol.ts'
import { SpeedMeter } from './speed-meter.ts'
import { makeTurn } from './turns.ts'
import { Typist } from './typist.ts'

/** What differs between browsers and Node. */
export interface ServiceHost {
  readonly send: SendToPage
  /** Makes the machine; may fetch core.wasm. */
  createMachine(options: WireOptions, reader: FileReader): Promise<(options: MachineOptions) => Machine>
  /** Firmware that comes with tabpc. */
  ownFirmware(options: WireOptions, reader: FileReader): OwnFirmware
  openFile?(path: string, role: string, readOnly: boolean): Disk
}

/** How often the screen's mode and text, the drives' lights and the speed are looked at, in ms. */
const LOOK_MILLISECONDS = 50
/** Bytes that the serial port may hold before a writer has to wait. */
const SERIAL_ROOM = 4096
const CRASH_INSTRUCTIONS = 20

/** An error as a message carries it. */
export function wireError(error: unknown): WireError {
  if (error instanceof PCError) return { code: error.code, message: error.message, hint: error.hint }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  if (error instanceof RangeError && /memory|allocat/i.test(text))
    return { code: 'bad-memory', message: `there is no room for the machine's memory: ${error.message}`, hint: 'give it less memory, or close other tabs' }
  return { code: 'worker', message: `a fault in tabpc itself: ${text}`, hint: 'please report it with these lines' }
}

function pickCompiled({ count, codeBytes, requested, installed, compileMilliseconds }: CompiledFigures): CompiledFigures {
  return { count, codeBytes, requested, installed, compileMilliseconds }
}

type Calls = { [Name in MethodName]: (...args: Parameters<MachineCalls[Name]>) => Awaitable<ReturnType<MachineCalls[Name]>> }
type Notes = { [Name in NoteName]: (...args: Parameters<MachineNotes[Name]>) => void }
type Awaitable<T> = T | Promise<T>

interface Made {
  readonly machine: Machine
  readonly loop: MachineLoop
  readonly frames: FrameSource
  /** How the machine was made, for those who go on with it elsewhere. */
  readonly how: SavedMachine
}

export class MachineService {
  private readonly host: ServiceHost
  private readonly guard = new AbortController()
  private options: WireOptions | undefined
  private made: Made | undefined
  private drives: DriveBay
  private typist: Typist | undefined
  private readonly serialBytes = [new ByteBatch(), new ByteBatch()]
  private readonly debugBytes = new ByteBatch()
  private readonly speed = new SpeedMeter()
  private readonly writers: { readonly port: number, readonly done: () => void }[] = []
  private watchesText = false
  private lastLook = 0
  private lastText = ''
  private lastMode = ''
  private restarts = 0
  private saidForever = false
  private hasStopped = false
  private readonly reader: FileReader

  constructor(host: ServiceHost) {
    this.host = host
    this.reader = { signal: this.guard.signal, onProgress: (...progress) => this.progress(...progress) }
    this.drives = this.emptyBay()
  }

  /** Takes one message of the page. Never throws. */
  async receive(message: ToMachine): Promise<void> {
    if ('note' in message) {
      const note = this.notes[message.note] as (...args: readonly unknown[]) => void
      try {
        if (this.made) note(...message.args)
      } catch (error) {
        this.fail(error)
      }
      return
    }
    try {
      const call = this.calls[message.call] as (...args: readonly unknown[]) => unknown
      const value = await call(...message.args)
      const transfer = value instanceof Uint8Array ? [value.buffer as ArrayBuffer] : undefined
      this.host.send({ answer: message.id, value }, transfer)
    } catch (error) {
      this.host.send({ answer: message.id, error: wireError(error) })
    }
  }

  /** Ends everything; nothing is sent any more. */
  dispose(): void {
    this.guard.abort()
    this.made?.loop.dispose()
    this.made?.frames.dispose()
    this.made?.machine.dispose()
    this.made = undefined
  }

  private readonly calls: Calls = {
    create: options => this.create(options),
    run: () => {
      const { loop } = this.here()
      loop.start()
    },
    pause: () => {
      const { machine, loop } = this.here()
      loop.stop()
      // The guest's time stands still until the next slice.
      machine.clock.pause()
    },
    reset: () => {
      const { machine, loop } = this.here()
      // Between slices nothing is executing, and a call never comes within one.
      this.restart(machine)
      if (loop.running) loop.wake()
    },
    pressPowerButton: () => {
      const { machine, loop } = this.here()
      machine.pressPowerButton()
      loop.wake()
    },
    writeSerial: (port, bytes) => this.writeSerial(port, bytes),
    type: async strokes => {
      const { loop } = this.here()
      const typed = this.typist?.type(strokes)
      loop.wake()
      await typed
    },
    screenText: () => this.here().machine.screen.text(),
    screenshot: () => {
      const picture: Picture = { width: 0, height: 0, pixels: new Uint32Array(0) }
      this.here().machine.screen.draw(picture, true)
      return encodePng(picture)
    },
    insert: (drive, source) => this.drives.insert(this.here().machine, drive, source),
    flush: drive => this.drives.flush(drive),
    export: drive => this.drives.export(drive),
    save: () => this.save(),
    load: (state, disks) => this.load(state, disks),
    stats: () => {
      const { machine } = this.here()
      const { instructions, seconds, mips, exits, decodedRuns, invalidations, regions } = machine.stats()
      return {
        instructions, seconds, mips, exits, decodedRuns, invalidations,
        ...this.speed.read(performance.now() / 1000, instructions, seconds),
        ...(regions && { compiled: pickCompiled(regions) }),
        restarts: this.restarts, memoryBytes: machine.core.memory.buffer.byteLength,
      }
    },
    report: () => this.here().machine.report(CRASH_INSTRUCTIONS),
  }

  private readonly notes: Notes = {
    key: (code, down) => {
      const { machine, loop } = this.here()
      if (down) machine.keyboard.keyDown(code)
      else machine.keyboard.keyUp(code)
      loop.wake()
    },
    releaseKeys: () => {
      const { machine, loop } = this.here()
      machine.keyboard.releaseAll()
      loop.wake()
    },
    mouse: (dx, dy, wheel, buttons) => {
      const { machine, loop } = this.here()
      if (dx !== 0 || dy !== 0 || wheel !== 0) machine.mouse.move(dx, dy, wheel)
      machine.mouse.buttons(buttons)
      loop.wake()
    },
    showFrames: on => this.here().frames.show(on),
    frameShown: () => this.here().frames.frameShown(),
    watchText: on => {
      this.watchesText = on
      this.lastText = ''
      if (on) this.lookAtScreen(this.here().machine)
    },
    hold: on => this.here().loop.hold(on),
  }

  private here() {
    if (!this.made) throw new PCError('usage', 'there is no machine yet', 'wait for PC.create')
    return this.made
  }

  private async create(options: WireOptions): Promise<MadeMachine> {
    this.options = options
    try {
      return options.state === undefined ? await this.createNew(options) : await this.goOn(options, options.state, options.disks)
    } catch (error) {
      // What is still on its way need not arrive.
      this.guard.abort()
      throw error
    }
  }

  private async createNew(options: WireOptions): Promise<MadeMachine> {
    const { host, drives, reader } = this
    const [make, prepared] = await Promise.all([
      host.createMachine(options, reader),
      prepare(options, reader, host.ownFirmware(options, reader)),
      drives.fill(options.disks).then(() => (options.boot || options.bios ? undefined : drives.checkBootable())),
    ])
    const machine = make({ ...prepared.machine, drives: drives.images(), onWarning: this.onWarning })
    return this.connect(machine, options, describeMade(prepared.machine, prepared.description))
  }

  /** Makes a machine of a saved PC, and puts it in place of the one that is there. Until then nothing is changed. */
  private async goOn(options: WireOptions, file: WireFile, disks: WireOptions['disks']): Promise<MadeMachine> {
    const { host, reader } = this
    const { turn, dispose } = makeTurn()
    try {
      const [make, saved] = await Promise.all([
        host.createMachine(options, reader), readFile(reader, 'state', file).then(bytes => readPC(bytes, turn)),
      ])
      checkExpected(saved.machine, this.made ? {} : options.expected)
      const drives = this.emptyBay()
      await drives.thaw(saved, disks, this.drives)
      const machine = make({ ...machineOptionsOf(saved), jit: options.jit, drives: drives.images(), onWarning: this.onWarning })
      try {
        machine.load(saved.state)
      } catch (error) {
        machine.dispose()
        throw error
      }
      const wasRunning = this.made?.loop.running ?? false
      const wasShown = this.made?.frames.isShown ?? false
      this.disconnect()
      this.drives = drives
      const made = this.connect(machine, options, saved.machine)
      if (wasShown) this.here().frames.show(true)
      if (wasRunning) this.here().loop.start()
      return made
    } finally {
      dispose()
    }
  }

  /** What the machine and its drives are now; it goes on while the file is written. */
  private async save(): Promise<Blob> {
    const { machine, how } = this.here()
    if (this.hasStopped) throw new PCError('stopped', 'the machine has stopped: there is nothing to go on with', 'save it while it runs or is paused')
    // The guest does not see how long this takes: its time goes on with the next slice.
    machine.clock.pause()
    const { turn, dispose } = makeTurn()
    try {
      const parts = await freezePC(machine, how, this.drives.frozen(), turn)
      return new Blob(parts as BlobPart[], { type: 'application/octet-stream' })
    } finally {
      dispose()
    }
  }

  private async load(state: WireFile, disks: WireOptions['disks']): Promise<MadeMachine> {
    this.here()
    return await this.goOn(this.options as WireOptions, state, disks)
  }

  private emptyBay(): DriveBay {
    const { host, guard } = this
    return new DriveBay({ onProgress: (...progress) => this.progress(...progress), openFile: host.openFile }, guard.signal)
  }

  private readonly onWarning = (message: string): void =>
    this.tell('warning', { code: 'compiler', message, hint: 'the guest runs on, more slowly' })

  /** Takes the machine away. What came out of it before is sent still. */
  private disconnect(): void {
    const { made } = this
    if (!made) return
    this.flushOutput()
    this.settleWriters(made.machine, true)
    this.typist?.clear()
    made.loop.dispose()
    made.frames.dispose()
    made.machine.dispose()
    this.made = undefined
  }

  private connect(machine: Machine, { attention }: WireOptions, how: SavedMachine): MadeMachine {
    const loop = new MachineLoop(machine, {
      afterSlice: result => this.afterSlice(result),
      onStopped: result => this.onStopped(result),
      onFault: error => this.fail(error),
    }, attention)
    this.made = { machine, loop, frames: new FrameSource(machine.screen, this.host.send), how }
    this.hasStopped = false
    this.saidForever = false
    this.lastMode = ''
    this.typist = new Typist(machine.keyboard)
    machine.serial.forEach((line, port) => {
      line.onByte = byte => this.serialBytes[port].push(byte)
    })
    machine.debugConsole.onByte = byte => this.debugBytes.push(byte)
    machine.onWake = () => loop.wake()
    return { drives: this.drives.names, description: how.description }
  }

  private afterSlice(result: RunResult): void {
    const { machine, frames } = this.here()
    this.flushOutput()
    this.typist?.feed()
    this.settleWriters(machine)
    frames.look()
    const now = performance.now()
    if (now - this.lastLook >= LOOK_MILLISECONDS || result.state !== 'running') {
      this.lastLook = now
      this.lookAround(machine, now)
    }
    if (result.state === 'halted' && result.forever && !this.saidForever) {
      this.saidForever = true
      this.tell('halt', { forever: true })
    }
  }

  private flushOutput(): void {
    this.serialBytes.forEach((batch, port) => {
      const bytes = batch.take()
      if (bytes.length > 0) this.host.send({ event: 'serial', detail: { port, bytes } }, [bytes.buffer])
    })
    const bytes = this.debugBytes.take()
    if (bytes.length > 0) this.host.send({ event: 'debug', detail: { bytes } }, [bytes.buffer])
  }

  private lookAround(machine: Machine, now: number): void {
    const { instructions, seconds } = machine.stats()
    this.speed.note(now / 1000, instructions, seconds)
    for (const activity of this.drives.takeActivity()) this.tell('diskactivity', activity)
    const mode = machine.screen.mode
    const key = `${mode.kind} ${mode.width} ${mode.height}`
    if (key !== this.lastMode) {
      this.lastMode = key
      this.tell('screenmode', mode)
    }
    if (this.watchesText) this.lookAtScreen(machine)
  }

  private lookAtScreen(machine: Machine): void {
    const lines = machine.screen.text()
    const text = lines?.join('\n') ?? ''
    if (text === this.lastText) return
    this.lastText = text
    this.tell('screenText', { lines })
  }

  private onStopped(result: Extract<RunResult, { state: 'stopped' }>): void {
    const { machine, loop } = this.here()
    if (result.reason === 'reset' && this.options?.onReset === 'restart') {
      this.restart(machine)
      this.restarts++
      this.tell('reset', { restarts: this.restarts })
      loop.start()
      return
    }
    this.hasStopped = true
    this.settleWriters(machine, true)
    const report = result.reason === 'triple-fault' ? machine.report(CRASH_INSTRUCTIONS) : undefined
    this.tell('stopped', { reason: result.reason, status: result.status, report })
  }

  private restart(machine: Machine): void {
    this.typist?.clear()
    this.saidForever = false
    this.hasStopped = false
    machine.restart()
  }

  private async writeSerial(port: number, bytes: Uint8Array): Promise<void> {
    const { machine, loop } = this.here()
    const line = machine.serial[port]
    if (!line) throw new PCError('usage', `there is no serial port ${port}`, 'use 0 or 1')
    line.receive(bytes)
    loop.wake()
    if ((line.backlog ?? 0) > SERIAL_ROOM) await new Promise<void>(done => this.writers.push({ port, done }))
  }

  private settleWriters(machine: Machine, all = false): void {
    for (let i = this.writers.length - 1; i >= 0; i--) {
      const { port, done } = this.writers[i]
      if (!all && (machine.serial[port].backlog ?? 0) > SERIAL_ROOM) continue
      this.writers.splice(i, 1)
      done()
    }
  }

  private progress(asset: string, url: string, loaded: number, total: number | undefined): void {
    this.tell('progress', { asset, url, loaded, total })
  }

  private tell<Name extends keyof MachineEvents>(event: Name, detail: MachineEvents[Name]): void {
    this.host.send({ event, detail } as Parameters<SendToPage>[0])
  }

  private fail(error: unknown): void {
    this.made?.loop.stop()
    this.tell('failed', wireError(error))
  }
}
