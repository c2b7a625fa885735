/** The PC's keyboard: typing from programs, and the keys of a person while an element has the focus. */
import { PCError } from '../errors.ts'
import type { KeyStroke } from '../worker/protocol.ts'
import { type LayoutName, layoutNames, strokesOf } from './keyboard-layouts.ts'
import type { MachineLink } from './link.ts'

/** Short names of keys for `press`. */
const aliases: Readonly<Record<string, string>> = {
  Control: 'ControlLeft', Ctrl: 'ControlLeft', Alt: 'AltLeft', AltGr: 'AltRight', Shift: 'ShiftLeft', Meta: 'MetaLeft',
  Return: 'Enter', Esc: 'Escape', Del: 'Delete', Up: 'ArrowUp', Down: 'ArrowDown', Left: 'ArrowLeft', Right: 'ArrowRight',
}

/** 'KeyC' for 'c', 'Digit1' for '1'; other names as they are. */
function codeOf(name: string): string {
  if (/^[a-z]$/i.test(name)) return `Key${name.toUpperCase()}`
  if (/^\d$/.test(name)) return `Digit${name}`
  return aliases[name] ?? name
}

export class PCKeyboard {
  /** The layout that the guest uses: `type` looks up which keys write a character. */
  layout: LayoutName = 'us'
  private readonly link: MachineLink

  /** @internal */
  constructor(link: MachineLink) {
    this.link = link
  }

  /**
   * Types text as fast as the guest takes it; resolves when it has taken the last key. '\n' is Enter.
   * Rejects with `PCError` 'usage' for characters that the layout has no key for, before anything is typed.
   */
  async type(text: string, options: { readonly layout?: LayoutName } = {}): Promise<void> {
    const layout = options.layout ?? this.layout
    if (!layoutNames.includes(layout))
      throw new PCError('usage', `there is no keyboard layout '${layout}'`, `choose ${layoutNames.join(', ')}`)
    const { strokes, missing } = strokesOf(text, layout)
    if (missing.length > 0) {
      throw new PCError(
        'usage', `the layout '${layout}' has no key for ${[...new Set(missing)].map(c => `'${c}'`).join(', ')}`,
        'choose another layout, or send the text to a serial port',
      )
    }
    await this.strokes(strokes)
  }

  /** Presses keys together: `press('Control+Alt+Delete')`, `press('F2')`. Names are those of `KeyboardEvent.code`. */
  async press(chord: string): Promise<void> {
    const codes = chord.split('+').map(name => codeOf(name.trim()))
    const code = codes.pop() as string
    await this.strokes([{ code, held: codes }])
  }

  /** A key goes down, by `KeyboardEvent.code`, and stays down until `up`. */
  down(code: string): void {
    this.link.note('key', code, true)
  }

  up(code: string): void {
    this.link.note('key', code, false)
  }

  /** Lifts every key. */
  releaseAll(): void {
    this.link.note('releaseKeys')
  }

  /**
   * Sends the keys that `element` gets while it has the focus (it should have a tabindex). Ctrl and Alt pressed and
   * released together give the focus back to the page. Returns a function that ends it.
   */
  attach(element: HTMLElement): () => void {
    const listeners = new AbortController()
    const { signal } = listeners
    /** Ctrl and Alt are down, and no other key was. */
    let isLeaving = false
    const hears = (event: KeyboardEvent) => event.code !== '' && event.code !== 'Unidentified' && !event.isComposing
    element.addEventListener('keydown', event => {
      if (!hears(event)) return
      event.preventDefault()
      isLeaving = /^(Control|Alt)/.test(event.code) && event.ctrlKey && event.altKey
      // The guest's keyboard repeats by itself.
      if (!event.repeat) this.down(event.code)
    }, { signal })
    element.addEventListener('keyup', event => {
      if (!hears(event)) return
      event.preventDefault()
      this.up(event.code)
      // macOS tells nothing of keys that are released while Command is held.
      if (event.code.startsWith('Meta')) this.releaseAll()
      if (isLeaving && /^(Control|Alt)/.test(event.code)) element.blur()
      isLeaving = false
    }, { signal })
    element.addEventListener('blur', () => this.releaseAll(), { signal })
    return () => listeners.abort()
  }

  private async strokes(strokes: readonly KeyStroke[]): Promise<void> {
    if (strokes.length > 0) await this.link.call('type', strokes)
  }
}
