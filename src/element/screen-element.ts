/**
 * `<tabpc-screen>`: a PC as an element, with its screen, controls, download progress and errors.
 *
 *     <tabpc-screen kernel="vmlinuz" initrd="initrd.gz" cmdline="console=tty0" memory="256M" autostart></tabpc-screen>
 *
 * Attributes describe the PC; `options` (a property) says more than attributes can. `pc` is the PC once it is made.
 * Events: `ready` (the PC is made), `statechange`, `save` (the button: detail `{ state: Blob }`; unless it is prevented,
 * the browser downloads it), `error` (detail: `PCError`); they do not bubble.
 */
import { PCError } from '../errors.ts'
import type { PCProgress } from '../pc/events.ts'
import { type LayoutName, layoutNames } from '../pc/keyboard-layouts.ts'
import { type DriveName, driveNames, type PCOptions } from '../pc/options.ts'
import { disk, type DiskSource } from '../pc/disk-source.ts'
import { PC } from '../web/index.ts'
import { attachTouchKeyboard } from './touch-keyboard.ts'
import { buildView, coverWithError, coverWithProgress, coverWithStart, showOn, type View } from './view.ts'

const SPEED_MILLISECONDS = 1000
const LIGHT_MILLISECONDS = 120
const DOWNLOAD_MILLISECONDS = 60_000
const MEBIBYTE = 2 ** 20

/** What the files are called for people. */
const assetNames: Readonly<Record<string, string>> = {
  core: 'the CPU', state: 'the saved PC', kernel: 'the kernel', initrd: 'the RAM disk', bios: 'the BIOS', vgaBios: 'the video BIOS',
  hda: 'the hard disk', hdb: 'the second hard disk', vda: 'the virtio disk', vdb: 'the second virtio disk', cdrom: 'the CD-ROM', fda: 'the floppy disk', fdb: 'the second floppy disk',
}

/** A page is also rendered on servers, where there are no elements. */
const Base = (globalThis.HTMLElement ?? class {}) as typeof HTMLElement

export class TabpcScreen extends Base {
  static readonly observedAttributes = ['controls', 'layout', 'label']

  private view: View | undefined
  private current: PC | undefined
  private given: PCOptions = {}
  private making: AbortController | undefined
  private readonly ends: (() => void)[] = []
  private readonly loaded = new Map<string, PCProgress>()

  /** The PC, once it is made. */
  get pc(): PC | undefined {
    return this.current
  }

  /** Options for `PC.create`, over what the attributes say. Set them before the start. */
  get options(): PCOptions {
    return this.given
  }

  set options(options: PCOptions) {
    this.given = options
  }

  connectedCallback(): void {
    this.view ??= this.build()
    this.showControls()
    if (this.current || this.making) return
    if (this.hasAttribute('autostart')) void this.start()
    else coverWithStart(this.view, () => void this.start().then(() => this.view?.stage.focus({ preventScroll: true })))
  }

  disconnectedCallback(): void {
    // An element that is only moved is connected again at once.
    queueMicrotask(() => {
      if (!this.isConnected) void this.dispose()
    })
  }

  attributeChangedCallback(): void {
    this.showControls()
  }

  /** Makes the PC and runs it. Resolves to it, or to undefined after an error, which the element shows. */
  async start(): Promise<PC | undefined> {
    await this.dispose()
    const view = this.view ?? this.build()
    this.view = view
    const making = new AbortController()
    this.making = making
    coverWithProgress(view, 'Starting …', undefined)
    try {
      const options = this.allOptions()
      const pc = await PC.create({
        ...options,
        signal: options.signal ? AbortSignal.any([options.signal, making.signal]) : making.signal,
        onprogress: progress => {
          this.showProgress(view, progress)
          options.onprogress?.(progress)
        },
      })
      this.current = pc
      this.connectPC(pc, view)
      await pc.run()
      view.cover.hidden = true
      return pc
    } catch (error) {
      if (making.signal.aborted) return undefined
      this.showError(error)
      return undefined
    }
  }

  /** Ends the PC; `start` makes another. */
  async dispose(): Promise<void> {
    const { current, making } = this
    this.making = undefined
    this.current = undefined
    for (const end of this.ends.splice(0)) end()
    this.loaded.clear()
    making?.abort()
    this.enableControls()
    await current?.dispose()
  }

  private build(): View {
    const view = buildView(this.attachShadow({ mode: 'open', delegatesFocus: true }))
    const { buttons, layout } = view
    buttons.run.addEventListener('click', () => void this.toggle())
    buttons.reset.addEventListener('click', () => void this.quietly(this.current?.reset()))
    buttons.power.addEventListener('click', () => void this.quietly(this.current?.powerButton()))
    buttons.save.addEventListener('click', () => void this.quietly(this.save()))
    buttons.screenshot.addEventListener('click', () => void this.quietly(this.savePicture()))
    buttons.keyboard.addEventListener('click', () => view.touch.focus())
    buttons.fullscreen.addEventListener('click', () => {
      void this.quietly(document.fullscreenElement === this ? document.exitFullscreen() : this.requestFullscreen())
    })
    layout.addEventListener('change', () => {
      this.setAttribute('layout', layout.value)
      view.stage.focus()
    })
    return view
  }

  /** Attributes and `options` as one. Throws `PCError` 'usage'. */
  private allOptions(): PCOptions {
    const text = (name: string) => this.getAttribute(name) ?? undefined
    const disks: Partial<Record<DriveName, DiskSource | null>> = {}
    for (const name of driveNames) {
      const address = text(name)
      if (address === undefined) continue
      // Floppy disks are small; an empty attribute is an empty drive.
      disks[name] = address === '' ? null : name.startsWith('fd') ? disk.download(address) : disk.http(address)
    }
    const kernel = text('kernel')
    const state = text('state')
    const drive = text('boot') as 'hda' | 'cdrom' | 'fda' | undefined
    return {
      memory: text('memory'),
      disks,
      assets: text('assets'),
      ...(state !== undefined && { state }),
      ...(kernel !== undefined ? { boot: { kernel, initrd: text('initrd'), cmdline: text('cmdline') } } : drive && { boot: { drive } }),
      ...this.given,
    }
  }

  private connectPC(pc: PC, view: View): void {
    const { stage, canvas, touch } = view
    pc.keyboard.layout = this.layout
    this.ends.push(
      pc.screen.attach(canvas), pc.keyboard.attach(stage), pc.mouse.attach(stage, { lock: () => this.wantsLock(pc) }),
      attachTouchKeyboard(touch, pc.keyboard, message => this.say(message)),
    )
    let dark: ReturnType<typeof setTimeout> | undefined
    pc.addEventListener('diskactivity', () => {
      view.light.dataset.on = ''
      clearTimeout(dark)
      dark = setTimeout(() => delete view.light.dataset.on, LIGHT_MILLISECONDS)
    })
    pc.addEventListener('statechange', ({ detail }) => {
      this.showState(pc)
      this.dispatchEvent(new CustomEvent('statechange', { detail }))
    })
    pc.addEventListener('error', ({ detail }) => this.showError(detail))
    pc.addEventListener('screenmode', ({ detail: { width, height } }) => {
      stage.style.aspectRatio = `${width} / ${height}`
    })
    pc.addEventListener('reset', () => this.say('The guest has started anew.'))
    const meter = setInterval(() => {
      if (pc.state === 'running' && !document.hidden) void pc.stats().then(({ currentMips }) => this.showSpeed(currentMips), () => {})
    }, SPEED_MILLISECONDS)
    this.ends.push(() => clearInterval(meter), () => clearTimeout(dark))
    this.showState(pc)
    this.dispatchEvent(new CustomEvent('ready', { detail: { pc } }))
  }

  /** A text screen has no pointer that would be worth the capture. */
  private wantsLock(pc: PC): boolean {
    return pc.screen.mode.kind === 'graphics' && !this.hasAttribute('nolock')
  }

  private async toggle(): Promise<void> {
    const pc = this.current
    if (!pc) await this.start()
    else if (pc.state === 'running') await this.quietly(pc.pause())
    else if (pc.state === 'paused') await this.quietly(pc.run())
    else await this.quietly(pc.reset())
  }

  private async savePicture(): Promise<void> {
    const { current } = this
    if (!current) return
    download(await current.screen.screenshot(), 'screen.png')
    this.say('The picture is saved.')
  }

  private async save(): Promise<void> {
    const { current, view } = this
    if (!current || !view) return
    view.buttons.save.disabled = true
    this.say('Saving …')
    try {
      const state = await current.save()
      if (this.dispatchEvent(new CustomEvent('save', { detail: { state }, cancelable: true }))) download(state, 'pc.tabpc')
      this.say('The PC is saved.')
    } finally {
      view.buttons.save.disabled = false
    }
  }

  /** For what a person has asked for: a failure is shown in a line. */
  private async quietly(action: Promise<unknown> | undefined): Promise<void> {
    try {
      await action
    } catch (error) {
      this.say(error instanceof PCError ? `${error.message}: ${error.hint}` : String(error))
    }
  }

  /** Buttons that ask something of the PC wait for one. */
  private enableControls(): void {
    const { view, current } = this
    if (!view) return
    const isThere = current !== undefined && current.state !== 'failed'
    for (const name of ['reset', 'power', 'save', 'screenshot', 'keyboard'] as const) view.buttons[name].disabled = !isThere
  }

  private showState(pc: PC): void {
    const { view } = this
    if (!view) return
    this.enableControls()
    const isRunning = pc.state === 'running'
    showOn(view.buttons.run, isRunning ? 'pause' : 'play', isRunning ? 'Pause' : pc.state === 'stopped' ? 'Start again' : 'Go on')
    const texts: Partial<Record<PC['state'], string>> = {
      paused: 'Paused',
      stopped: pc.reason === 'triple-fault' ? 'The guest has crashed' : 'The PC is off',
    }
    const text = texts[pc.state]
    if (text) this.say(text)
    else view.status.textContent = ''
  }

  private showSpeed(mips: number): void {
    if (this.view) this.view.status.textContent = mips < 1 ? 'idle' : `${Math.round(mips)} MIPS`
  }

  private showProgress(view: View, progress: PCProgress): void {
    this.loaded.set(progress.url, progress)
    const all = [...this.loaded.values()]
    const loaded = all.reduce((sum, one) => sum + one.loaded, 0)
    const total = all.every(one => one.total !== undefined) ? all.reduce((sum, one) => sum + (one.total ?? 0), 0) : undefined
    const name = assetNames[progress.asset] ?? progress.asset
    coverWithProgress(view, `Loading ${name} … ${(loaded / MEBIBYTE).toFixed(1)} MB`, total && loaded / total)
  }

  private showError(error: unknown): void {
    const told = error instanceof PCError ? error : new PCError('worker', String(error), 'reload the page')
    if (this.view) coverWithError(this.view, sentence(told.message), sentence(told.hint), () => void this.start())
    this.dispatchEvent(new CustomEvent('error', { detail: told }))
  }

  private say(text: string): void {
    const { view } = this
    if (!view) return
    view.status.textContent = text
    view.announcer.textContent = text
  }

  private get layout(): LayoutName {
    const wanted = this.getAttribute('layout') as LayoutName
    return layoutNames.includes(wanted) ? wanted : 'us'
  }

  private showControls(): void {
    const { view } = this
    if (!view) return
    this.enableControls()
    view.controls.hidden = this.getAttribute('controls') === 'none'
    view.layout.value = this.layout
    const label = this.getAttribute('label')
    if (label) view.stage.setAttribute('aria-label', label)
    if (this.current) this.current.keyboard.layout = this.layout
  }
}

function download(file: Blob, name: string): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(file)
  link.download = name
  link.click()
  // Browsers read it a moment later.
  setTimeout(() => URL.revokeObjectURL(link.href), DOWNLOAD_MILLISECONDS)
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`
}
