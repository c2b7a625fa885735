/** Collects single bytes, as a serial port sends them, into one chunk per slice of running. */

const FIRST_CAPACITY = 4096

/** A growing buffer of bytes. */
export class ByteBatch {
  #bytes = new Uint8Array(FIRST_CAPACITY)
  #length = 0

  push(byte: number): void {
    if (this.#length === this.#bytes.length) {
      const larger = new Uint8Array(this.#length * 2)
      larger.set(this.#bytes)
      this.#bytes = larger
    }
    this.#bytes[this.#length++] = byte
  }

  /** The bytes since the last call; empty when there are none. The chunk is the caller's. */
  take(): Uint8Array {
    const chunk = this.#bytes.slice(0, this.#length)
    this.#length = 0
    return chunk
  }
}
