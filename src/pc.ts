/**
 * `PC`: the public face of a machine that runs in a worker.
 *
 *     const pc = await PC.create({ memory: '256M', boot: { kernel, initrd, cmdline } })
 *     pc.screen.attach(canvas)
 *     await pc.run()
 *     await pc.waitForText('login:')
 *     await pc.keyboard.type('root\n')
 *
 * Everything is asynchronous: the machine lives in a thread of its own and the page stays responsive. This file knows
 * no particular host; src/web/index.ts and src/node/index.ts make its `PC.create`.
 */
import { PCError } from './errors.ts'
import { aborted } from './fetch-problem.ts'
import { makeDrives, type PCDrives } from './pc/drives.ts'
import { PCEventTarget, type PCState, type PCStopReason } from './pc/events.ts'
import { PCKeyboard } from './pc/keyboard.ts'
import { errorOf, type EventSinks, MachineLink, type StartMachineWorker } from './pc/link.ts'
import { PCMouse } from './pc/mouse.ts'
import type { FileSource, PCOptions } from './pc/options.ts'
import { PCScreen } from './pc/screen.ts'
import { PCSerialPort } from './pc/serial.ts'
import type { PCStats } from './pc/stats.ts'
import { type ExecResult, resultOf, wrapCommand } from './pc/shell.ts'
import { asExpression, type FoundText, SerialSearch } from './pc/text-search.ts'
import { type WaitOptions, waitFor } from './pc/wait.ts'
import { describeDisks, wireFile, wireOptions } from './pc/wire-options.ts'
import type { MadeMachine, WireAssets } from './worker/protocol.ts'

/** What differs between browsers and Node. */
export interface PCPlatform {
  readonly startWorker: StartMachineWorker
  readonly assets?: WireAssets
  /** Whether memory can be shared between threads. */
  readonly isIsolated: boolean
}

export interface TextWaitOptions extends WaitOptions {
  /** Where to look: everywhere (default), in the serial output (COM1), or on the text screen. */
  readonly source?: 'any' | 'serial' | 'screen'
}

const SERIAL_PORTS = 2

/** A PC. Make it with `PC.create`; it is paused until `run`. */
export class PCBase extends PCEventTarget {
  readonly serial: readonly PCSerialPort[]
  readonly screen: PCScreen
  readonly keyboard: PCKeyboard
  readonly mouse: PCMouse
  private readonly link: MachineLink
  private readonly isIsolated: boolean
  private readonly search: SerialSearch
  private readonly holders = new Set<PCSerialPort>()
  private readonly enders = new Set<(error: PCError) => void>()
  private readonly screenListeners = new Set<(text: string) => void>()
  private readonly debugDecoder = new TextDecoder()
  private readonly callbacks: Pick<PCOptions, 'onprogress' | 'onwarning'>
  private currentState: PCState = 'paused'
  private currentDrives: PCDrives | undefined
  private debugKept = ''
  private forgetSignal = () => {}
  private stopReason: PCStopReason | undefined
  private madeOf = ''

  /** @internal */
  constructor(options: PCOptions, platform: PCPlatform, attention: SharedArrayBuffer | undefined) {
    super()
    this.callbacks = options
    this.isIsolated = platform.isIsolated
    this.link = new MachineLink(platform.startWorker, this.sinks(), attention)
    const onHold = (port: PCSerialPort, held: boolean) => this.hold(port, held)
    this.serial = Array.from({ length: SERIAL_PORTS }, (_, i) => new PCSerialPort(i, this.link, onHold))
    this.search = new SerialSearch(this.serial[0])
    this.screen = new PCScreen(this.link)
    this.keyboard = new PCKeyboard(this.link)
    this.mouse = new PCMouse(this.link)
  }

  /** @internal Makes a PC for a host; `wrap` constructs it. Rejects with `PCError`, and never hangs. */
  static async make<T extends PCBase>(
    options: PCOptions, platform: PCPlatform,
    wrap: (options: PCOptions, platform: PCPlatform, attention: SharedArrayBuffer | undefined) => T,
  ): Promise<T> {
    const { signal } = options
    if (signal?.aborted) throw aborted(signal)
    const attention = platform.isIsolated ? new SharedArrayBuffer(4) : undefined
    const wire = wireOptions(options, platform.assets, attention)
    const pc = wrap(options, platform, attention)
    const onAbort = () => signal && pc.end(aborted(signal))
    signal?.addEventListener('abort', onAbort, { once: true })
    pc.forgetSignal = () => signal?.removeEventListener('abort', onAbort)
    try {
      pc.take(await pc.link.call('create', wire))
    } catch (error) {
      pc.end(error instanceof PCError ? error : new PCError('worker', String(error), 'please report it'))
      throw error
    }
    if (!platform.isIsolated) {
      pc.warn({
        code: 'not-isolated', message: 'the page is not cross-origin isolated: the guest wakes up a little later from short sleeps',
        hint: 'serve it with Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp',
      })
    }
    return pc
  }

  get state(): PCState {
    return this.currentState
  }

  /** Why the machine has stopped, once it has. */
  get reason(): PCStopReason | undefined {
    return this.stopReason
  }

  /** What boots, for people: 'Linux 6.1.0 …', 'Multiboot ELF', 'BIOS'. */
  get description(): string {
    return this.madeOf
  }

  get drives(): PCDrives {
    return this.currentDrives ?? makeDrives([], this.link)
  }

  /** What the guest or its BIOS has written to the debug ports 0xE9 and 0x402. */
  get debugText(): string {
    return this.debugKept
  }

  /** Starts, or goes on after `pause`. Rejects with `PCError` 'stopped' after the guest's end; `reset` begins anew. */
  async run(): Promise<void> {
    if (this.currentState === 'stopped')
      throw new PCError('stopped', `the machine has stopped: ${this.stopReason}`, 'reset() starts it anew')
    await this.link.call('run')
    if (this.currentState === 'paused') this.change('running')
  }

  /** Holds the machine between two instructions; its time stands still. */
  async pause(): Promise<void> {
    await this.link.call('pause')
    if (this.currentState === 'running') this.change('paused')
  }

  /** As the reset button. A stopped machine runs again. */
  async reset(): Promise<void> {
    const wasStopped = this.currentState === 'stopped'
    await this.link.call('reset')
    if (!wasStopped) return
    this.stopReason = undefined
    this.change('paused')
    await this.run()
  }

  /** As the power button: a guest with ACPI shuts down. */
  async powerButton(): Promise<void> {
    await this.link.call('pressPowerButton')
  }

  /**
   * The whole PC as a file: CPU, memory, devices and what was written to its disks, compressed. It may run meanwhile; what
   * is saved is the moment of the call. `PC.create({ state })` goes on with it, in another page or in Node. Large images
   * (16 MiB and more) are not in it but named: they must be there again. Rejects with `PCError` 'stopped' after the guest's end.
   */
  async save(): Promise<Blob> {
    return await this.link.call('save')
  }

  /**
   * Goes on with a saved PC in place of what this one was; a running PC runs on with it. `disks` are images that are not in
   * the state; those of this PC are used when they fit. Rejects with `PCError` 'bad-state', and then nothing has changed.
   */
  async load(state: FileSource, options: { readonly disks?: PCOptions['disks'] } = {}): Promise<void> {
    this.take(await this.link.call('load', wireFile(state), describeDisks(options.disks ?? {})))
    if (this.currentState !== 'stopped') return
    this.stopReason = undefined
    this.change('paused')
  }

  /** Figures since power-on, and the speed of the last second. */
  async stats(): Promise<PCStats> {
    return { ...(await this.link.call('stats')), isIsolated: this.isIsolated }
  }

  /** Registers and the next instructions, for a look at a guest that hangs. */
  async report(): Promise<string> {
    return await this.link.call('report')
  }

  /**
   * Waits until `text` has come over COM1 or stands on the text screen. In serial output each wait goes on behind what
   * the last one found. Rejects with `PCError`: 'timeout', 'aborted', 'stopped' when the machine stops without it.
   */
  waitForText(text: string | RegExp, options: TextWaitOptions = {}): Promise<FoundText> {
    const expression = asExpression(text)
    const source = options.source ?? 'any'
    return waitFor<FoundText>(`the text ${String(text)}`, options, (settle, fail) => {
      const ends: (() => void)[] = []
      if (source !== 'screen') {
        const look = () => {
          const found = this.search.find(expression)
          if (found) settle(found)
          return found !== undefined
        }
        if (look()) return () => {}
        ends.push(this.serial[0].onText(look))
      }
      if (source !== 'serial') {
        ends.push(this.watchScreen(lines => {
          const match = expression.exec(lines)
          if (match) settle({ text: match[0], match, source: 'screen' })
        }))
      }
      ends.push(this.onEnd(fail))
      return () => {
        for (const end of ends) end()
      }
    })
  }

  /**
   * Runs a command in the shell that waits on COM1, and gives its output and exit status. Nothing else should be
   * reading there, and one command at a time. Rejects as `waitForText` does.
   */
  async exec(command: string, options: WaitOptions = {}): Promise<ExecResult> {
    const { line, expression } = wrapCommand(command)
    const found = this.waitForText(expression, { ...options, source: 'serial' })
    // A shell that reads slowly does not hold up the end of the wait.
    const [{ match }] = await Promise.all([found, Promise.race([this.serial[0].write(line), found])])
    return resultOf(match)
  }

  /** Ends the PC and its workers. May be called twice. */
  async dispose(): Promise<void> {
    this.end(new PCError('disposed', 'the PC has been disposed of', 'make another with PC.create'))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose()
  }

  private take({ drives, description }: MadeMachine): void {
    this.currentDrives = makeDrives(drives, this.link)
    this.madeOf = description
  }

  private end(reason: PCError): void {
    if (this.currentState === 'disposed') return
    this.link.end(reason)
    this.release(reason)
    this.change('disposed')
  }

  private release(reason: PCError): void {
    for (const port of this.serial) port.close(reason)
    this.screen.close()
    for (const end of [...this.enders]) end(reason)
    this.enders.clear()
    this.screenListeners.clear()
    this.forgetSignal()
  }

  private sinks(): EventSinks {
    return {
      ready: () => {},
      progress: progress => {
        this.callbacks.onprogress?.(progress)
        this.emit('progress', progress)
      },
      serial: ({ port, bytes }) => this.serial[port].receive(bytes),
      debug: ({ bytes }) => {
        this.debugKept += this.debugDecoder.decode(bytes, { stream: true })
      },
      frame: frame => this.screen.receive(frame),
      screenText: ({ lines }) => {
        const text = lines?.map(line => line.trimEnd()).join('\n') ?? ''
        for (const listener of [...this.screenListeners]) listener(text)
      },
      screenmode: mode => {
        this.screen.showMode(mode)
        this.emit('screenmode', mode)
      },
      diskactivity: activity => this.emit('diskactivity', activity),
      stopped: ({ reason, status, report }) => {
        this.stopReason = reason
        if (report !== undefined) this.emit('triplefault', { report })
        this.change('stopped', status)
        const error = new PCError('stopped', `the machine has stopped: ${reason}`, 'reset() starts it anew')
        for (const end of [...this.enders]) end(error)
      },
      reset: detail => this.emit('reset', detail),
      halt: detail => this.emit('halt', detail),
      warning: warning => this.warn(warning),
      failed: error => this.fail(error instanceof PCError ? error : errorOf(error)),
    }
  }

  private warn(warning: { code: string, message: string, hint: string }): void {
    this.callbacks.onwarning?.(warning)
    this.emit('warning', warning)
  }

  private fail(error: PCError): void {
    if (this.currentState === 'failed' || this.currentState === 'disposed') return
    this.link.end(error)
    this.release(error)
    this.change('failed')
    this.emit('error', error)
  }

  private change(state: PCState, status?: number): void {
    this.currentState = state
    this.emit('statechange', { state, reason: this.stopReason, status })
  }

  private hold(port: PCSerialPort, held: boolean): void {
    const before = this.holders.size
    if (held) this.holders.add(port)
    else this.holders.delete(port)
    if ((before > 0) !== (this.holders.size > 0)) this.link.note('hold', this.holders.size > 0)
  }

  private onEnd(listener: (error: PCError) => void): () => void {
    this.enders.add(listener)
    return () => this.enders.delete(listener)
  }

  private watchScreen(listener: (text: string) => void): () => void {
    this.screenListeners.add(listener)
    this.link.note('watchText', true)
    return () => {
      if (this.screenListeners.delete(listener) && this.screenListeners.size === 0) this.link.note('watchText', false)
    }
  }
}
