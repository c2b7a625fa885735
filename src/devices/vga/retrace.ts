/**
 * Where the electron beam is: display enable and vertical retrace of input status register 1, out of virtual time.
 * The line and frame rates follow from the CRTC's totals and the dot clock (25.175 or 28.322 MHz).
 */
import { Crtc, HALF_DOT_CLOCK, Sequencer, type VgaRegisters } from './registers.ts'

const DOT_CLOCKS = [25_175_000, 28_322_000]
/** Misc output bits 3..2 choose the clock; what a card without further clocks gives for the rest is the first. */
const NS_PER_SECOND = 1e9

const NOT_DISPLAYING = 0x01
const VERTICAL_RETRACE = 0x08

/** Bits 0 and 3 of input status register 1 at time `now`, in ns. */
export function retraceStatus(registers: VgaRegisters, now: number): number {
  const { crtc } = registers
  const characters = crtc[Crtc.HorizontalTotal] + 5
  const lineNs = linePeriod(registers)
  const total = registers.verticalTotal
  const position = (now / lineNs) % total
  const line = Math.floor(position)
  const column = (position - line) * characters
  let status = 0
  if (line >= registers.lines || column >= registers.columns) status |= NOT_DISPLAYING
  const start = registers.verticalRetraceStart
  const length = (crtc[Crtc.VerticalRetraceEnd] - start) & 15
  if (((line - start + total) % total) < (length === 0 ? 16 : length)) status |= VERTICAL_RETRACE
  return status
}

/** When the next vertical retrace begins after time `now`: in ns. */
export function nextRetrace(registers: VgaRegisters, now: number): number {
  const lineNs = linePeriod(registers)
  const total = registers.verticalTotal
  const start = registers.verticalRetraceStart % total
  const lines = Math.floor(now / lineNs)
  const ahead = (start - (lines % total) + total) % total
  return Math.ceil((lines + (ahead === 0 ? total : ahead)) * lineNs)
}

/** The time of a scan line, in ns. */
function linePeriod({ crtc, misc, sequencer, characterDots }: VgaRegisters): number {
  const clock = DOT_CLOCKS[(misc >> 2) & 3] ?? DOT_CLOCKS[0]
  const halves = sequencer[Sequencer.ClockingMode] & HALF_DOT_CLOCK ? 2 : 1
  return ((crtc[Crtc.HorizontalTotal] + 5) * characterDots * halves * NS_PER_SECOND) / clock
}

/** The longest time that a frame may take, for blinking: in ns. */
export function framePeriod(registers: VgaRegisters): number {
  const clock = DOT_CLOCKS[(registers.misc >> 2) & 3] ?? DOT_CLOCKS[0]
  const dots = (registers.crtc[Crtc.HorizontalTotal] + 5) * registers.characterDots * registers.verticalTotal
  return (dots * NS_PER_SECOND) / clock
}
