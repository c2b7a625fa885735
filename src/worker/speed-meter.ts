/** How fast the machine is at the moment: instructions and time over a window of about a second. */

const WINDOW_SECONDS = 1

interface Mark {
  readonly time: number
  readonly instructions: number
  readonly seconds: number
}

export class SpeedMeter {
  private marks: Mark[] = []

  /** Notes the figures so far. `time` in seconds of the host, `seconds` of them spent in the machine. */
  note(time: number, instructions: number, seconds: number): void {
    const last = this.marks.at(-1)
    if (last && time - last.time < WINDOW_SECONDS / 10) return
    this.marks.push({ time, instructions, seconds })
    while (this.marks.length > 2 && this.marks[1].time < time - WINDOW_SECONDS) this.marks.shift()
  }

  /** Millions of instructions a second, and the share of the time in which the machine ran. */
  read(time: number, instructions: number, seconds: number): { readonly currentMips: number, readonly load: number } {
    const [first] = this.marks
    const span = first ? time - first.time : 0
    // A guest that has slept through the window is idle.
    if (!first || span <= 0) return { currentMips: 0, load: 0 }
    return {
      currentMips: (instructions - first.instructions) / span / 1e6,
      load: Math.min(1, (seconds - first.seconds) / span),
    }
  }
}
