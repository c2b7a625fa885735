/**
 * Waits for text: in what a serial port sends, and on the text screen. In serial output each wait goes on behind what
 * the last one found, so that a prompt which has been answered does not count again.
 */
import type { PCSerialPort } from './serial.ts'

/** Where a text was found. */
export interface FoundText {
  readonly text: string
  /** The whole text and the groups of a regular expression. */
  readonly match: RegExpMatchArray
  readonly source: 'serial' | 'screen'
}

/** How much of the latest output is searched, in UTF-16 code units. */
const WINDOW = 1 << 20

/** A string as a regular expression; an expression as one that searches a whole text. */
export function asExpression(text: string | RegExp): RegExp {
  if (typeof text === 'string') return new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(text.source, text.flags.replace(/[gy]/g, ''))
}

/** Searches the output of one port from where the last match ended. */
export class SerialSearch {
  private readonly port: PCSerialPort
  /** Position in all the port has ever sent. */
  private position = 0

  constructor(port: PCSerialPort) {
    this.port = port
  }

  find(expression: RegExp): FoundText | undefined {
    const { port } = this
    const text = port.text()
    const start = Math.max(this.position - port.droppedLength, 0, text.length - WINDOW)
    const match = expression.exec(text.slice(start))
    if (!match) return undefined
    this.position = port.droppedLength + start + (match.index ?? 0) + match[0].length
    return { text: match[0], match, source: 'serial' }
  }

  /** What was sent before now does not count any more. */
  skip(): void {
    this.position = this.port.droppedLength + this.port.text().length
  }
}
