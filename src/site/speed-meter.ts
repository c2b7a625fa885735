/** Draws the guest's speed over the last minute, and says the latest figure. */
import type { PC } from '../web/index.ts'

const PERIOD_MILLISECONDS = 500
const SAMPLES = 90
const LEAST_SCALE = 100
const GAP = 1

/** Follows `pc` until the function that is returned is called. */
export function followSpeed(pc: PC, canvas: HTMLCanvasElement, text: HTMLElement): () => void {
  const samples: number[] = []
  const timer = setInterval(() => {
    if (document.hidden || pc.state !== 'running') return
    pc.stats().then(({ currentMips, load }) => {
      samples.push(currentMips)
      if (samples.length > SAMPLES) samples.shift()
      draw(canvas, samples)
      text.textContent = load < 0.02 || currentMips < 1 ? 'idle' : `${Math.round(currentMips)} MIPS`
    }, () => {})
  }, PERIOD_MILLISECONDS)
  return () => clearInterval(timer)
}

function draw(canvas: HTMLCanvasElement, samples: readonly number[]): void {
  const context = canvas.getContext('2d')
  if (!context) return
  const { width, height } = canvas
  const most = Math.max(LEAST_SCALE, ...samples)
  const step = width / SAMPLES
  context.clearRect(0, 0, width, height)
  context.fillStyle = getComputedStyle(canvas).getPropertyValue('--accent') || 'orange'
  samples.forEach((sample, i) => {
    const bar = Math.max(1, (sample / most) * height)
    context.fillRect((SAMPLES - samples.length + i) * step, height - bar, step - GAP, bar)
  })
}
