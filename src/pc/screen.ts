/**
 * The PC's screen on the page: frames come from the worker when the screen has changed, and are put on every attached
 * canvas in the page's own rhythm.
 */
import { PCError } from '../errors.ts'
import type { WireFrame } from '../worker/protocol.ts'
import type { PCScreenMode } from './events.ts'
import type { MachineLink } from './link.ts'

export interface ScreenAttachOptions {
  /**
   * How large the picture is: so many CSS pixels for one of the guest's; 'fit': as wide as its container allows;
   * absent: what the page's style sheet says (a canvas), or 'fit' (another element).
   */
  readonly scale?: number | 'fit'
  /** Smooth edges in place of sharp pixels. */
  readonly smooth?: boolean
}

interface View {
  readonly canvas: HTMLCanvasElement
  readonly context: CanvasRenderingContext2D
  readonly options: ScreenAttachOptions
  /** Made here, so it goes with the PC. */
  readonly isOwn: boolean
}

export class PCScreen {
  private readonly link: MachineLink
  private readonly views = new Set<View>()
  private frame: WireFrame | undefined
  private animation: number | undefined
  private currentMode: PCScreenMode = { kind: 'text', width: 720, height: 400 }

  /** @internal */
  constructor(link: MachineLink) {
    this.link = link
  }

  /** What the screen shows at the moment. */
  get mode(): PCScreenMode {
    return this.currentMode
  }

  /**
   * Shows the screen on a canvas, or on one made inside another element. The canvas can be given to another PC later.
   * Returns a function that takes it off again. Throws `PCError` 'usage' for a canvas that is used by WebGL or the like.
   */
  attach(target: HTMLCanvasElement | HTMLElement, options: ScreenAttachOptions = {}): () => void {
    if (typeof HTMLCanvasElement === 'undefined')
      throw new PCError('unsupported', 'there is no page to show the screen on', 'take pictures with screen.screenshot()')
    const isCanvas = target instanceof HTMLCanvasElement
    const canvas = isCanvas ? target : target.appendChild(document.createElement('canvas'))
    const context = canvas.getContext('2d', { alpha: false })
    if (!context) {
      if (!isCanvas) canvas.remove()
      throw new PCError('usage', 'the canvas is used for something else already', 'give a fresh one')
    }
    const view = { canvas, context, isOwn: !isCanvas, options: isCanvas ? options : { scale: 'fit' as const, ...options } }
    style(view, this.currentMode.width)
    this.views.add(view)
    // The screen as it is, not only what changes next.
    this.link.note('showFrames', true)
    return () => {
      if (!this.views.delete(view)) return
      if (!isCanvas) canvas.remove()
      if (this.views.size === 0) this.link.note('showFrames', false)
    }
  }

  /** The lines of a text screen without trailing blanks; undefined in graphics modes. */
  async text(): Promise<string | undefined> {
    const lines = await this.link.call('screenText')
    return lines?.map(line => line.trimEnd()).join('\n')
  }

  /** What the screen shows, as a PNG file. */
  async screenshot(): Promise<Blob> {
    return new Blob([await this.link.call('screenshot') as BlobPart], { type: 'image/png' })
  }

  /** @internal */
  showMode(mode: PCScreenMode): void {
    this.currentMode = mode
  }

  /** @internal A frame has come. */
  receive(frame: WireFrame): void {
    release(this.frame)
    this.frame = frame
    // A page that is hidden has no animation frames, so no more pictures come until it is seen again.
    this.animation ??= requestAnimationFrame(() => this.paint())
  }

  /** @internal */
  close(): void {
    if (this.animation !== undefined) cancelAnimationFrame(this.animation)
    this.animation = undefined
    release(this.frame)
    this.frame = undefined
    for (const { isOwn, canvas } of this.views) if (isOwn) canvas.remove()
    this.views.clear()
  }

  private paint(): void {
    this.animation = undefined
    const { frame } = this
    this.frame = undefined
    if (!frame) return
    for (const view of this.views) paintOn(view, frame)
    release(frame)
    this.link.note('frameShown')
  }
}

function release(frame: WireFrame | undefined): void {
  if (frame && 'bitmap' in frame) frame.bitmap.close()
}

function paintOn(view: View, frame: WireFrame): void {
  const { canvas, context } = view
  const { width, height } = frame
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width
    canvas.height = height
    style(view, width)
  }
  if ('bitmap' in frame) context.drawImage(frame.bitmap, 0, 0)
  else context.putImageData(new ImageData(new Uint8ClampedArray(frame.pixels), width, height), 0, 0)
}

function style({ canvas, options: { scale, smooth } }: View, width: number): void {
  if (smooth !== undefined || scale !== undefined) canvas.style.imageRendering = smooth ? 'auto' : 'pixelated'
  if (scale === 'fit') Object.assign(canvas.style, { display: 'block', width: '100%', height: 'auto' })
  else if (scale !== undefined) Object.assign(canvas.style, { width: `${width * scale}px`, height: 'auto' })
}
