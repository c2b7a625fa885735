/** By what a rung counts as climbed: text on the screen or the serial port, or what a picture shows. */

export type Mark =
  /** A regular expression. */
  | { readonly text: string }
  /** A white list with one dark row in it: the selected one. */
  | { readonly picture: 'list' }

/** A picture as an engine gives it: red, green and blue of a pixel, 0..255. */
export interface Shot {
  readonly width: number
  readonly height: number
  rgb(x: number, y: number): readonly [number, number, number]
}

/** What an engine shows now; a picture is asked for only where the mark needs one. */
export interface View {
  text(): string
  shot(): Shot | undefined
}

/** Where the list is, as parts of the picture; how far above a row its neighbour is, in pixels. */
const LIST_X = 0.6
const LIST_TOP = 0.23
const LIST_BOTTOM = 0.9
const ABOVE = 5
const WHITE = 250
const DARK = 60
const LEAST_WIDTH = 640

function showsList({ width, height, rgb }: Shot): boolean {
  if (width < LEAST_WIDTH) return false
  const x = Math.floor(width * LIST_X)
  for (let y = Math.floor(height * LIST_TOP); y < height * LIST_BOTTOM; y++)
    if (rgb(x, y)[0] < DARK && rgb(x, y - ABOVE).every(part => part >= WHITE)) return true
  return false
}

export function isReached(mark: Mark, view: View): boolean {
  if ('text' in mark) return new RegExp(mark.text).test(view.text())
  const shot = view.shot()
  return shot !== undefined && showsList(shot)
}

/** What a child process writes when its guest has arrived. */
export const ARRIVED = 'LADDER arrived'
/** How often an engine's screen is looked at, in ms. */
export const LOOK_MS = 50
