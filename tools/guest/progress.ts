/**
 * What the guest builder tells people while they wait: a bar on a terminal, plain lines in a log.
 * Flow: every slow step calls onProgress -> this prints to stderr, so that stdout stays free for paths.
 */

export interface Progress {
  /** What is being done, for people: "fetch busybox-static 1:1.35". A new text starts a new line. */
  step: string
  /** Bytes so far, when the step can be measured. */
  doneBytes?: number
  /** Bytes in all, when known. */
  totalBytes?: number
}

export type OnProgress = (progress: Progress) => void

/** The part of a stream that the reporter uses; process.stderr is one. */
export interface ProgressOutput {
  isTTY?: boolean
  columns?: number
  write(text: string): unknown
}

export interface ProgressReporter {
  onProgress: OnProgress
  /** Ends a bar that is still open, so that the next message starts on a line of its own. */
  finish(): void
}

const BAR_CELLS = 24
const DEFAULT_COLUMNS = 80
const REDRAW_MILLISECONDS = 80
const ERASE_TO_LINE_END = '\x1b[K'
const BYTES_PER_MEGABYTE = 1e6

function megabytes(bytes: number): string {
  return (bytes / BYTES_PER_MEGABYTE).toFixed(1)
}

/** `[#####.....]  42%  21.8/51.9 MB`, or only the bytes when the total is unknown. */
export function progressText({ step, doneBytes, totalBytes }: Progress): string {
  if (doneBytes === undefined) return step
  if (!totalBytes) return `${step}  ${megabytes(doneBytes)} MB`
  const share = Math.min(1, doneBytes / totalBytes)
  const filled = Math.round(share * BAR_CELLS)
  const bar = '#'.repeat(filled) + '.'.repeat(BAR_CELLS - filled)
  const percent = String(Math.floor(share * 100)).padStart(3)
  return `[${bar}] ${percent}%  ${megabytes(doneBytes)}/${megabytes(totalBytes)} MB  ${step}`
}

/** A reporter for `output`: redraws one line per step on a terminal, prints each step once elsewhere. */
export function createProgressReporter(output: ProgressOutput, now: () => number = Date.now): ProgressReporter {
  let step = ''
  let open = false
  let drawnAt = Number.NEGATIVE_INFINITY
  let latest = ''

  const draw = (): void => {
    // A terminal that does not know its width says 0.
    const columns = output.columns || DEFAULT_COLUMNS
    output.write(`\r${latest.slice(0, columns - 1)}${ERASE_TO_LINE_END}`)
    open = true
  }
  const finish = (): void => {
    if (!open) return
    draw()
    output.write('\n')
    open = false
  }
  const onProgress = (progress: Progress): void => {
    const changed = progress.step !== step
    if (!output.isTTY) {
      const total = progress.totalBytes ? ` (${megabytes(progress.totalBytes)} MB)` : ''
      if (changed) output.write(`${progress.step}${total}\n`)
      step = progress.step
      return
    }
    if (changed) finish()
    step = progress.step
    latest = progressText(progress)
    const complete = progress.totalBytes !== undefined && progress.doneBytes === progress.totalBytes
    if (!changed && !complete && now() - drawnAt < REDRAW_MILLISECONDS) return
    drawnAt = now()
    draw()
  }
  return { onProgress, finish }
}
