/** The shadow tree of `<tabpc-screen>`: a stage with the canvas and what covers it, and the controls below. */
import { layoutNames } from '../pc/keyboard-layouts.ts'
import { type IconName, icon } from './icons.ts'
import { css } from './style.ts'

/** Controls, in order, with what they are called. */
const controlNames = {
  run: { icon: 'play', label: 'Start' },
  reset: { icon: 'reset', label: 'Reset' },
  power: { icon: 'power', label: 'Power button' },
  save: { icon: 'save', label: 'Save this PC for later' },
  screenshot: { icon: 'camera', label: 'Save a picture of the screen' },
  keyboard: { icon: 'keyboard', label: 'Show the touch keyboard' },
  fullscreen: { icon: 'fullscreen', label: 'Full screen' },
} as const satisfies Record<string, { icon: IconName, label: string }>

export type ControlName = keyof typeof controlNames

export interface View {
  readonly stage: HTMLElement
  readonly canvas: HTMLCanvasElement
  readonly controls: HTMLElement
  readonly buttons: Readonly<Record<ControlName, HTMLButtonElement>>
  readonly layout: HTMLSelectElement
  readonly status: HTMLElement
  readonly light: HTMLElement
  /** Where touch keyboards type. */
  readonly touch: HTMLTextAreaElement
  /** What covers the stage: a start button, progress, or an error. */
  readonly cover: HTMLElement
  /** Read aloud when it changes. */
  readonly announcer: HTMLElement
}

type Attributes = Readonly<Record<string, string>>

function make<Name extends keyof HTMLElementTagNameMap>(
  parent: Node, name: Name, attributes: Attributes = {}, text = '',
): HTMLElementTagNameMap[Name] {
  const element = parent.appendChild(document.createElement(name))
  for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value)
  if (text) element.textContent = text
  return element
}

let sheet: CSSStyleSheet | undefined

/** Builds the tree. A constructed style sheet needs no exception from a Content Security Policy. */
export function buildView(root: ShadowRoot): View {
  if (!sheet) {
    sheet = new CSSStyleSheet()
    sheet.replaceSync(css)
  }
  root.adoptedStyleSheets = [sheet]
  const frame = make(root, 'div', { class: 'frame', part: 'frame' })
  const stage = make(frame, 'div', {
    class: 'stage', part: 'stage', tabindex: '0', role: 'application', 'aria-roledescription': 'screen of a PC',
    'aria-label': 'PC screen. Keys go to the PC; Ctrl and Alt together give them back to the page.',
  })
  const canvas = make(stage, 'canvas', { part: 'canvas', width: '720', height: '400' })
  const touch = make(stage, 'textarea', {
    class: 'touch', tabindex: '-1', 'aria-hidden': 'true', autocapitalize: 'off', autocomplete: 'off', autocorrect: 'off', spellcheck: 'false',
  })
  const cover = make(stage, 'div', { class: 'cover', part: 'cover' })
  const controls = make(frame, 'div', { class: 'controls', part: 'controls', role: 'toolbar', 'aria-label': 'PC controls' })
  const names = Object.keys(controlNames) as ControlName[]
  const button = (name: ControlName) => {
    const { icon: picture, label } = controlNames[name]
    const made = make(controls, 'button', { type: 'button', part: `button ${name}`, 'aria-label': label, title: label })
    made.append(icon(picture))
    return [name, made] as const
  }
  const before = names.slice(0, 3).map(button)
  const light = make(controls, 'span', { class: 'light', part: 'light', title: 'Disk', 'aria-hidden': 'true' })
  const status = make(controls, 'span', { class: 'status', part: 'status' })
  const layout = make(controls, 'select', { part: 'layout', 'aria-label': 'Keyboard layout of the guest', title: 'Keyboard layout of the guest' })
  for (const name of layoutNames) make(layout, 'option', { value: name }, name.toUpperCase())
  const after = names.slice(3).map(button)
  const buttons = Object.fromEntries([...before, ...after]) as Record<ControlName, HTMLButtonElement>
  const announcer = make(root, 'div', { class: 'quiet', 'aria-live': 'polite' })
  return { stage, canvas, controls, buttons, layout, status, light, touch, cover, announcer }
}

/** Gives a button another face. */
export function showOn(button: HTMLButtonElement, name: IconName, label: string): void {
  button.replaceChildren(icon(name))
  button.setAttribute('aria-label', label)
  button.title = label
}

/** Covers the stage with a way to start. */
export function coverWithStart(view: View, onStart: () => void): void {
  view.cover.replaceChildren()
  const start = make(view.cover, 'button', { class: 'big', type: 'button', part: 'start' }, 'Start the PC')
  start.addEventListener('click', onStart, { once: true })
  view.cover.hidden = false
}

/** Covers the stage while files come. `part` is 0 to 1, or undefined when nobody knows. */
export function coverWithProgress(view: View, text: string, part: number | undefined): void {
  const { cover } = view
  let bar = cover.querySelector('progress')
  if (!bar) {
    cover.replaceChildren()
    make(cover, 'p', { part: 'progress-text' })
    bar = make(cover, 'progress', { part: 'progress', max: '1', 'aria-label': 'Loading' })
  }
  const label = cover.querySelector('p')
  if (label) label.textContent = text
  if (part === undefined) bar.removeAttribute('value')
  else bar.value = part
  cover.hidden = false
}

/** Covers the stage with what is wrong, and a way to try again. */
export function coverWithError(view: View, message: string, hint: string, onRetry: () => void): void {
  const { cover } = view
  cover.replaceChildren()
  const alert = make(cover, 'div', { role: 'alert' })
  make(alert, 'p', { class: 'error', part: 'error' }, message)
  make(alert, 'p', { class: 'hint', part: 'hint' }, hint)
  const retry = make(cover, 'button', { class: 'big', type: 'button', part: 'start' }, 'Try again')
  retry.addEventListener('click', onRetry, { once: true })
  cover.hidden = false
}
