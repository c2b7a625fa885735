/**
 * Pictures for the page: drawn when the screen has changed, at most 60 a second, and never more than one on its way,
 * so that a page that does not look (a hidden tab) costs nothing.
 *
 *   Screen.draw -> Picture -> OffscreenCanvas -> ImageBitmap (moved, not copied) -> page
 */
import type { Picture } from '../devices/vga/picture.ts'
import type { Screen } from '../machine-options.ts'
import type { SendToPage, WireFrame } from './protocol.ts'

const FRAME_MILLISECONDS = 16
/** How often a screen is looked at while the guest sleeps: its cursor blinks. */
const BLINK_MILLISECONDS = 130

export class FrameSource {
  private readonly screen: Screen
  private readonly send: SendToPage
  private readonly picture: Picture = { width: 0, height: 0, pixels: new Uint32Array(0) }
  private readonly painter = typeof OffscreenCanvas === 'undefined' ? undefined : new BitmapPainter()
  private shown = false
  private underWay = false
  private always = false
  private last = 0
  private timer: ReturnType<typeof setTimeout> | undefined

  constructor(screen: Screen, send: SendToPage) {
    this.screen = screen
    this.send = send
  }

  get isShown(): boolean {
    return this.shown
  }

  /** Somebody looks, or nobody any more. */
  show(on: boolean): void {
    this.shown = on
    this.always = on
    this.underWay = false
    if (on) this.look()
    else this.cancel()
  }

  /** The page has put the last frame on its canvas. */
  frameShown(): void {
    this.underWay = false
    this.look()
  }

  /** The guest has run, or time has passed: sends a frame when there is a new one and its time has come. */
  look(): void {
    if (!this.shown || this.underWay) return
    const early = this.last + FRAME_MILLISECONDS - performance.now()
    if (early > 0) {
      this.later(early)
      return
    }
    this.last = performance.now()
    const drawn = this.screen.draw(this.picture, this.always)
    if (drawn && this.picture.width > 0 && this.picture.height > 0) {
      this.always = false
      this.underWay = true
      const frame = this.frame()
      this.send({ event: 'frame', detail: frame }, ['bitmap' in frame ? frame.bitmap : frame.pixels])
    }
    this.later(BLINK_MILLISECONDS)
  }

  dispose(): void {
    this.show(false)
  }

  private frame(): WireFrame {
    const { width, height, pixels } = this.picture
    const bitmap = this.painter?.paint(this.picture)
    return bitmap ? { width, height, bitmap } : { width, height, pixels: pixels.slice().buffer }
  }

  private later(milliseconds: number): void {
    this.cancel()
    this.timer = setTimeout(() => {
      this.timer = undefined
      this.look()
    }, milliseconds)
  }

  private cancel(): void {
    clearTimeout(this.timer)
    this.timer = undefined
  }
}

/** Turns pictures into bitmaps. */
class BitmapPainter {
  private readonly canvas = new OffscreenCanvas(1, 1)
  private readonly context = this.canvas.getContext('2d', { alpha: false })

  /** Undefined where the browser's workers have no 2D context. */
  paint({ width, height, pixels }: Picture): ImageBitmap | undefined {
    const { canvas, context } = this
    if (!context) return undefined
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height })
    const bytes = new Uint8ClampedArray(pixels.buffer as ArrayBuffer, pixels.byteOffset, pixels.byteLength)
    context.putImageData(new ImageData(bytes, width, height), 0, 0)
    return canvas.transferToImageBitmap()
  }
}
