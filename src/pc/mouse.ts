/** The PC's mouse: moves from programs, and the pointer over an element. */
import type { MachineLink } from './link.ts'

export interface MouseAttachOptions {
  /**
   * Capture the pointer with a click (default): Escape gives it back. False: it moves the guest's while it is over the
   * element. A function is asked with each click.
   */
  readonly lock?: boolean | (() => boolean)
}

/** Wheel movement that counts as one notch, in pixels; browsers also count in lines and pages. */
const NOTCH_PIXELS = 100
const LINES_PER_NOTCH = 3
/** A touch that ends sooner and moves less is a click. In ms, and pixels. */
const TAP_MILLISECONDS = 250
const TAP_PIXELS = 8

/** Bits of `PointerEvent.buttons` are left, right, middle, as the PC's are. */
const BUTTON_BITS = 0x1f

export class PCMouse {
  private readonly link: MachineLink
  private down = 0

  /** @internal */
  constructor(link: MachineLink) {
    this.link = link
  }

  /** Moves by counts, right and down; `wheel` is positive towards the user. */
  move(dx: number, dy: number, wheel = 0): void {
    this.link.note('mouse', Math.round(dx), Math.round(dy), Math.round(wheel), this.down)
  }

  /** The buttons that are down: bit 0 left, 1 right, 2 middle. */
  buttons(down: number): void {
    this.down = down & BUTTON_BITS
    this.link.note('mouse', 0, 0, 0, this.down)
  }

  async click(button: 'left' | 'right' | 'middle' = 'left'): Promise<void> {
    this.buttons({ left: 1, right: 2, middle: 4 }[button])
    // The guest samples its mouse; a press has to last.
    await new Promise(resolve => setTimeout(resolve, 50))
    this.buttons(0)
  }

  /** Sends what the pointer does on `element`. Touch moves it as on a touch pad, a tap clicks. Returns a function that ends it. */
  attach(element: HTMLElement, { lock = true }: MouseAttachOptions = {}): () => void {
    const listeners = new AbortController()
    const { signal } = listeners
    const locked = () => element.getRootNode() instanceof ShadowRoot
      ? (element.getRootNode() as ShadowRoot).pointerLockElement === element
      : document.pointerLockElement === element
    const wantsLock = () => (typeof lock === 'function' ? lock() : lock)
    let touch: { readonly time: number, x: number, y: number, moved: number } | undefined

    element.addEventListener('pointerdown', event => {
      if (event.pointerType === 'touch') {
        touch = { time: event.timeStamp, x: event.clientX, y: event.clientY, moved: 0 }
        return
      }
      event.preventDefault()
      element.focus({ preventScroll: true })
      if (wantsLock() && !locked()) {
        // The first click captures; it is not the guest's.
        const asked: unknown = element.requestPointerLock()
        if (asked instanceof Promise) asked.catch(() => {})
        return
      }
      this.buttons(event.buttons)
    }, { signal })
    element.addEventListener('pointermove', event => {
      if (event.pointerType === 'touch') {
        if (!touch) return
        const [dx, dy] = [event.clientX - touch.x, event.clientY - touch.y]
        touch.moved += Math.abs(dx) + Math.abs(dy)
        Object.assign(touch, { x: event.clientX, y: event.clientY })
        this.move(dx, dy)
      } else if (locked() || !wantsLock()) this.move(event.movementX, event.movementY)
    }, { signal })
    element.addEventListener('pointerup', event => {
      if (event.pointerType === 'touch') {
        if (touch && event.timeStamp - touch.time < TAP_MILLISECONDS && touch.moved < TAP_PIXELS) void this.click()
        touch = undefined
      } else if (locked() || !wantsLock()) this.buttons(event.buttons)
    }, { signal })
    element.addEventListener('pointercancel', () => {
      touch = undefined
      this.buttons(0)
    }, { signal })
    element.addEventListener('wheel', event => {
      if (wantsLock() && !locked()) return
      event.preventDefault()
      const notches = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? event.deltaY / NOTCH_PIXELS : event.deltaY / LINES_PER_NOTCH
      this.move(0, 0, Math.sign(notches) * Math.max(1, Math.round(Math.abs(notches))))
    }, { signal, passive: false })
    element.addEventListener('contextmenu', event => event.preventDefault(), { signal })
    return () => listeners.abort()
  }
}
