/**
 * The entry `tabpc/v86`: a class `V86` with the options, methods and events that pages use most, over `PC`, so that a
 * page moves by changing one import. What differs stands in docs/v86.md.
 *
 *     import { V86 } from 'tabpc/v86'
 *     const emulator = new V86({ bzimage: { url }, cmdline, screen_container, autostart: true })
 *     emulator.add_listener('serial0-output-byte', byte => { … })
 */
import { PCError } from './errors.ts'
import type { DriveName } from './pc/options.ts'
import { attachConsole, consoleOf } from './v86/consoles.ts'
import { codeOfKeyCode, keysOfScancodes } from './v86/key-codes.ts'
import { Listeners, type V86Events } from './v86/listeners.ts'
import { diskOf, pcOptions, type V86Image, type V86Options } from './v86/options.ts'
import { PC } from './web/index.ts'

export type { V86Events } from './v86/listeners.ts'
export type { V86Console, V86Image, V86Options } from './v86/options.ts'
export { PCError } from './errors.ts'

/** Channels of the IDE controller by drive; floppy disks have none. */
const channels: Partial<Record<DriveName, number>> = { hda: 0, hdb: 0, cdrom: 1 }
const SECTOR_BYTES = 512
const BITS_PER_PIXEL = 32

/** One step of `automatically`. */
export interface V86Step {
  readonly sleep?: number
  readonly vga_text?: string
  readonly keyboard_send?: string | readonly number[]
  readonly call?: () => void
}

const wait = (milliseconds: number) => new Promise<void>(resolve => setTimeout(resolve, milliseconds))

export class V86 {
  private readonly options: V86Options
  private readonly listeners = new Listeners()
  private readonly made: Promise<PC | undefined>
  private readonly ends: (() => void)[] = []
  private readonly files: string[] = []
  private pc: PC | undefined
  private keyboardEnd: (() => void) | undefined
  private mouseEnd: (() => void) | undefined
  private instructions = 0
  private isDestroyed = false

  constructor(options: V86Options = {}) {
    this.options = options
    this.made = this.create().catch(error => {
      this.fail(error)
      return undefined
    })
  }

  /** Starts, or goes on; waits for `emulator-ready` first. */
  async run(): Promise<void> {
    await this.withPC(pc => pc.run())
    if (this.pc) this.listeners.tell('emulator-started', undefined)
  }

  async stop(): Promise<void> {
    if (this.pc?.state !== 'running') return
    await this.withPC(pc => pc.pause())
    this.listeners.tell('emulator-stopped', undefined)
  }

  async destroy(): Promise<void> {
    this.isDestroyed = true
    const pc = await this.made
    for (const end of this.ends.splice(0)) end()
    this.keyboardEnd?.()
    this.mouseEnd?.()
    await pc?.dispose()
  }

  restart(): void {
    void this.withPC(pc => pc.reset())
  }

  is_running(): boolean {
    return this.pc?.state === 'running'
  }

  add_listener<Name extends keyof V86Events>(name: Name, listener: (argument: V86Events[Name]) => void): void {
    this.listeners.add(name, listener)
  }

  remove_listener<Name extends keyof V86Events>(name: Name, listener: (argument: V86Events[Name]) => void): void {
    this.listeners.remove(name, listener)
  }

  /** Sends characters to COM1, each as one byte. */
  serial0_send(data: string): void {
    this.serial_send_bytes(0, Uint8Array.from(data, character => character.charCodeAt(0)))
  }

  serial_send_bytes(serial: number, data: Uint8Array): void {
    void this.withPC(async pc => {
      const port = pc.serial[serial]
      if (!port) throw new PCError('unsupported', `there is no serial port ${serial}`, 'tabpc has COM1 and COM2')
      await port.write(data)
    })
  }

  /** Types on a US keyboard. `delay` (in ms) between keys; without it as fast as the guest takes them. */
  async keyboard_send_text(text: string, delay?: number): Promise<void> {
    await this.withPC(async pc => {
      if (delay === undefined) return await pc.keyboard.type(text)
      for (const character of text) {
        await pc.keyboard.type(character)
        await wait(delay)
      }
    })
  }

  /** Presses and releases keys by `KeyboardEvent.keyCode`. */
  async keyboard_send_keys(codes: readonly number[], delay = 0): Promise<void> {
    await this.withPC(async pc => {
      for (const code of codes.map(codeOfKeyCode)) {
        if (code !== undefined) await pc.keyboard.press(code)
        if (delay > 0) await wait(delay)
      }
    })
  }

  /** Scan codes of set 1. */
  async keyboard_send_scancodes(codes: readonly number[], delay = 0): Promise<void> {
    await this.withPC(async pc => {
      for (const { code, down } of keysOfScancodes(codes)) {
        if (down) pc.keyboard.down(code)
        else pc.keyboard.up(code)
        if (delay > 0) await wait(delay)
      }
    })
  }

  keyboard_set_enabled(enabled: boolean): void {
    this.keyboardEnd?.()
    this.keyboardEnd = undefined
    const target = this.container
    if (enabled && target) this.keyboardEnd = this.pc?.keyboard.attach(target)
  }

  mouse_set_enabled(enabled: boolean): void {
    this.mouseEnd?.()
    this.mouseEnd = undefined
    const target = this.container
    if (enabled && target) this.mouseEnd = this.pc?.mouse.attach(target)
  }

  lock_mouse(): void {
    void this.container?.requestPointerLock()
  }

  screen_set_scale(sx: number, sy = sx): void {
    const canvas = this.container?.querySelector('canvas')
    if (canvas) Object.assign(canvas.style, { transformOrigin: 'top left', transform: `scale(${sx}, ${sy})` })
  }

  screen_go_fullscreen(): void {
    void this.container?.requestFullscreen().catch(error => this.fail(error))
  }

  /** A picture of the screen, which appears in the element when it is there. */
  screen_make_screenshot(): HTMLImageElement {
    const image = new Image()
    void this.withPC(async pc => {
      image.src = URL.createObjectURL(await pc.screen.screenshot())
      await image.decode()
      URL.revokeObjectURL(image.src)
    })
    return image
  }

  /** Resolves to false when the time is over. An array: lines that follow each other. */
  async wait_until_vga_screen_contains(
    expected: string | RegExp | readonly (string | RegExp)[], options: { readonly timeout_msec?: number } = {},
  ): Promise<boolean> {
    const parts = Array.isArray(expected) ? (expected as readonly (string | RegExp)[]) : [expected as string | RegExp]
    const source = parts.map(part => (typeof part === 'string' ? part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&') : part.source))
    const pc = await this.made
    if (!pc) return false
    return await pc
      .waitForText(new RegExp(source.join('[^\\n]*\\n[^\\n]*'), 'm'), { source: 'screen', timeout: options.timeout_msec })
      .then(() => true, () => false)
  }

  /** Instructions so far, as of the last time that somebody asked. */
  get_instruction_counter(): number {
    void this.withPC(async pc => {
      this.instructions = (await pc.stats()).instructions
    })
    return this.instructions
  }

  async set_fda(image: V86Image): Promise<void> {
    await this.withPC(pc => pc.drives.get('fda').insert(diskOf('fda', image)))
  }

  eject_fda(): void {
    void this.withPC(pc => pc.drives.get('fda').eject())
  }

  async set_cdrom(image: V86Image): Promise<void> {
    await this.withPC(pc => pc.drives.get('cdrom').insert(diskOf('cdrom', image)))
  }

  eject_cdrom(): void {
    void this.withPC(pc => pc.drives.get('cdrom').eject())
  }

  /** Does one thing after the other: sleep (in seconds), wait for text, type, call. */
  automatically(steps: readonly V86Step[]): void {
    void (async () => {
      for (const { sleep, vga_text, keyboard_send, call } of steps) {
        if (this.isDestroyed) return
        if (sleep !== undefined) await wait(sleep * 1000)
        if (vga_text !== undefined) await this.wait_until_vga_screen_contains(vga_text)
        if (typeof keyboard_send === 'string') await this.keyboard_send_text(keyboard_send)
        else if (keyboard_send) await this.keyboard_send_scancodes(keyboard_send)
        call?.()
      }
    })()
  }

  /** The whole PC, for `restore_state` or `initial_state`; the format is tabpc's own. Rejects with `PCError`. */
  async save_state(): Promise<ArrayBuffer> {
    return await (await (await this.present()).save()).arrayBuffer()
  }

  /** Goes on with what `save_state` gave; a PC that runs runs on. Rejects with `PCError` 'bad-state'. */
  async restore_state(state: ArrayBuffer | Uint8Array): Promise<void> {
    await (await this.present()).load(state)
  }

  /** The PC, for methods that reject where others tell an error. */
  private async present(): Promise<PC> {
    const pc = await this.made
    if (pc && !this.isDestroyed) return pc
    throw new PCError('disposed', 'there is no PC', 'see the event tabpc-error for why')
  }

  private get container(): HTMLElement | undefined {
    return this.options.screen?.container ?? this.options.screen_container ?? undefined
  }

  private async create(): Promise<PC> {
    const { options, inVain } = pcOptions(this.options)
    for (const wish of inVain) console.warn(`tabpc: ${wish}, which it does not have`)
    const pc = await PC.create({
      ...options,
      onprogress: ({ url, loaded, total }) => {
        if (!this.files.includes(url)) this.files.push(url)
        this.listeners.tell('download-progress', {
          file_index: this.files.indexOf(url), file_count: this.files.length, file_name: url,
          lengthComputable: total !== undefined, total: total ?? 0, loaded,
        })
      },
    })
    if (this.isDestroyed) {
      await pc.dispose()
      return pc
    }
    this.pc = pc
    this.connect(pc)
    this.listeners.tell('emulator-loaded', undefined)
    this.listeners.tell('emulator-ready', undefined)
    // Not by run(), which waits for this function.
    if (this.options.autostart) {
      await pc.run()
      this.listeners.tell('emulator-started', undefined)
    }
    return pc
  }

  private connect(pc: PC): void {
    this.connectPort(pc, 0, 'serial0-output-byte')
    this.connectPort(pc, 1, 'serial1-output-byte')
    this.ends.push(attachConsole(pc.serial[0], consoleOf(this.options)))
    pc.addEventListener('screenmode', ({ detail: { width, height } }) =>
      this.listeners.tell('screen-set-size', [width, height, BITS_PER_PIXEL]))
    pc.addEventListener('diskactivity', ({ detail: { drive, read, written } }) => {
      const channel = channels[drive]
      if (channel === undefined) return
      if (read > 0) this.listeners.tell('ide-read-end', [channel, read, read / SECTOR_BYTES])
      if (written > 0) this.listeners.tell('ide-write-end', [channel, written, written / SECTOR_BYTES])
    })
    pc.addEventListener('statechange', ({ detail }) => {
      if (detail.state === 'stopped') this.listeners.tell('emulator-stopped', undefined)
    })
    pc.addEventListener('error', ({ detail }) => this.fail(detail))
    const { container } = this
    if (!container) return
    // v86 wants a <div> for text and a <canvas> for graphics in its container; here the canvas shows both.
    const canvas = container.querySelector('canvas') ?? container.appendChild(document.createElement('canvas'))
    canvas.style.display = 'block'
    for (const text of container.querySelectorAll<HTMLElement>(':scope > div')) text.style.display = 'none'
    this.ends.push(pc.screen.attach(canvas, { scale: this.options.screen?.scaling }))
    if (!container.hasAttribute('tabindex')) container.tabIndex = 0
    this.keyboard_set_enabled(!this.options.disable_keyboard)
    this.mouse_set_enabled(!this.options.disable_mouse)
    container.focus({ preventScroll: true })
  }

  private connectPort(pc: PC, port: number, event: 'serial0-output-byte' | 'serial1-output-byte'): void {
    this.ends.push(pc.serial[port].attach({
      write: data => {
        const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data
        for (const byte of bytes) this.listeners.tell(event, byte)
      },
      onData: () => ({ dispose: () => {} }),
    }))
  }

  /** Does something with the PC once it is there; failures are told, not thrown, as in v86. */
  private async withPC(action: (pc: PC) => Promise<void>): Promise<void> {
    const pc = await this.made
    if (!pc || this.isDestroyed) return
    try {
      await action(pc)
    } catch (error) {
      this.fail(error)
    }
  }

  private fail(error: unknown): void {
    const told = error instanceof PCError ? error : new PCError('worker', String(error), 'please report it')
    if (told.code === 'disposed') return
    if (told.code === 'asset-missing' || told.code === 'network' || told.code === 'cors')
      this.listeners.tell('download-error', { file_index: 0, file_count: this.files.length, file_name: told.message, request: told })
    if (this.listeners.has('tabpc-error')) this.listeners.tell('tabpc-error', told)
    else console.error(`tabpc: ${told.message}; ${told.hint}`)
  }
}

export default V86
