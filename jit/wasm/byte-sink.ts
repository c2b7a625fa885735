/** A growing buffer with the integer encodings of the wasm binary format (WebAssembly core specification, 5.2). */

/** Most sections of a region's module are smaller. */
const FIRST_CAPACITY = 256

const encoder = new TextEncoder()

export class ByteSink {
  private bytes = new Uint8Array(FIRST_CAPACITY)
  length = 0

  byte(value: number): void {
    if (this.length === this.bytes.length) this.grow(1)
    this.bytes[this.length++] = value
  }

  /** Unsigned LEB128 of 0 … 2^32 - 1. */
  unsigned(value: number): void {
    let rest = value >>> 0
    while (rest > 0x7f) {
      this.byte((rest & 0x7f) | 0x80)
      rest >>>= 7
    }
    this.byte(rest)
  }

  /** Signed LEB128 of a 32-bit integer. */
  signed(value: number): void {
    let rest = value | 0
    for (;;) {
      const low = rest & 0x7f
      rest >>= 7
      if ((rest === 0 && low < 0x40) || (rest === -1 && low >= 0x40)) {
        this.byte(low)
        return
      }
      this.byte(low | 0x80)
    }
  }

  /** Signed LEB128 of a 64-bit integer. */
  signed64(value: bigint): void {
    let rest = BigInt.asIntN(64, value)
    for (;;) {
      const low = Number(rest & 0x7fn)
      rest >>= 7n
      if ((rest === 0n && low < 0x40) || (rest === -1n && low >= 0x40)) {
        this.byte(low)
        return
      }
      this.byte(low | 0x80)
    }
  }

  /** A name: its length in bytes, then UTF-8. */
  name(text: string): void {
    const encoded = encoder.encode(text)
    this.unsigned(encoded.length)
    this.append(encoded)
  }

  append(bytes: Uint8Array): void {
    if (this.length + bytes.length > this.bytes.length) this.grow(bytes.length)
    this.bytes.set(bytes, this.length)
    this.length += bytes.length
  }

  /** What has been written so far; a view that the next write may change. */
  get written(): Uint8Array {
    return this.bytes.subarray(0, this.length)
  }

  private grow(more: number): void {
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.length + more))
    larger.set(this.bytes)
    this.bytes = larger
  }
}
