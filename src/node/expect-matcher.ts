/**
 * Watches a stream of bytes for a regular expression (`--expect`).
 *
 * The text is matched over a window of bounded length, so a match may span any number of chunks as long as it fits the
 * window. `^` holds at the start of each line and `$` at its end; a `$` also holds at the end of what has arrived.
 */

/** Longest text, in UTF-16 code units, that a match can span. */
export const EXPECT_WINDOW = 16384

export class ExpectMatcher {
  readonly #expression: RegExp
  readonly #decoder = new TextDecoder()
  #window = ''
  #trimmed = false
  #match: string | undefined

  /** `expression` is searched for anywhere in the stream; its own `lastIndex` is left alone. */
  constructor(expression: RegExp) {
    const flags = new Set([...expression.flags, 'g', 'm'])
    flags.delete('y')
    this.#expression = new RegExp(expression.source, [...flags].join(''))
  }

  /** What matched, once it has. */
  get match(): string | undefined {
    return this.#match
  }

  /** Takes the next bytes of the stream, UTF-8, cut anywhere. Returns whether the expression has matched by now. */
  feed(bytes: Uint8Array): boolean {
    if (this.#match !== undefined) return true
    for (let start = 0; start < bytes.length && this.#match === undefined; start += EXPECT_WINDOW) {
      this.#step(bytes.subarray(start, start + EXPECT_WINDOW))
    }
    return this.#match !== undefined
  }

  #step(bytes: Uint8Array): void {
    this.#window += this.#decoder.decode(bytes, { stream: true })
    // One character before the window stays, so that ^ and lookbehind do not take the cut for the start of a line.
    this.#expression.lastIndex = this.#trimmed ? 1 : 0
    this.#match = this.#expression.exec(this.#window)?.[0]
    if (this.#window.length > EXPECT_WINDOW) {
      this.#window = this.#window.slice(-EXPECT_WINDOW - 1)
      this.#trimmed = true
    }
  }
}
