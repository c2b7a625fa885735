/** Byte streams that grow and are read back: the columns of a vector file. */

export class ByteWriter {
  private buffer = new Uint8Array(1 << 16)
  length = 0

  u8(value: number): void {
    if (this.length === this.buffer.length) {
      const larger = new Uint8Array(this.buffer.length * 2)
      larger.set(this.buffer)
      this.buffer = larger
    }
    this.buffer[this.length++] = value
  }

  /** Little-endian integer of `count` bytes. */
  uint(value: number, count: number): void {
    for (let i = 0; i < count; i++) this.u8((value >>> (8 * i)) & 0xff)
  }

  bytes(data: Uint8Array): void {
    for (const byte of data) this.u8(byte)
  }

  take(): Uint8Array {
    return this.buffer.subarray(0, this.length)
  }
}

export class ByteReader {
  position = 0
  constructor(private readonly data: Uint8Array) {}

  get done(): boolean {
    return this.position >= this.data.length
  }

  /** Throws RangeError behind the end. */
  u8(): number {
    if (this.position >= this.data.length) throw new RangeError('vector file ends too early')
    return this.data[this.position++]
  }

  /** Unsigned little-endian integer of `count` bytes. */
  uint(count: number): number {
    let value = 0
    for (let i = 0; i < count; i++) value += this.u8() * 2 ** (8 * i)
    return value
  }

  /** A copy of the next `count` bytes. */
  bytes(count: number): Uint8Array {
    if (this.position + count > this.data.length) throw new RangeError('vector file ends too early')
    this.position += count
    return this.data.slice(this.position - count, this.position)
  }

  text(count: number): string {
    return new TextDecoder().decode(this.bytes(count))
  }
}
