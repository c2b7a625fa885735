/**
 * The state of one decode: where the next byte comes from, the prefixes seen, and the facts derived from them that
 * operand readers need. One object is reused for every instruction, so decoding allocates only its result.
 */

/** Longest instruction, in bytes (SDM volume 2, 2.3.11: longer ones raise #GP). */
export const MAX_INSTRUCTION_BYTES = 15

/** Index of the operand size in per-size triples. */
export const SIZE_16 = 0
export const SIZE_32 = 1
export const SIZE_64 = 2

export class ByteCursor {
  bytes: Uint8Array = new Uint8Array(0)
  position = 0
  /** First position that may not be read: the window's end, or the fifteenth byte. */
  limit = 0
  /** A read went past `limit`; the values read there are zeros and the decode is void. */
  overrun = false

  /** Bits. */
  addressSize: 16 | 32 | 64 = 32
  /** SIZE_16, SIZE_32 or SIZE_64. */
  sizeIndex = SIZE_32
  /** Segment override 0..5, or -1. */
  override = -1
  opcode = 0
  modrm = 0
  /** 8 when the REX bit is set, so that it ORs into a register number; else 0. */
  rexR = 0
  rexX = 0
  rexB = 0
  /** A REX prefix is in effect, even one without bits (it changes the byte registers 4..7). */
  hasRex = false
  /** 64-bit mode: absolute displacements become RIP-relative. */
  long = false

  /** One byte, 0..255. */
  next8(): number {
    if (this.position >= this.limit) {
      this.overrun = true
      return 0
    }
    return this.bytes[this.position++]
  }

  /** Little-endian, 0..65535. */
  next16(): number {
    const position = this.position
    if (position + 2 > this.limit) {
      this.overrun = true
      return 0
    }
    this.position = position + 2
    return this.bytes[position] | (this.bytes[position + 1] << 8)
  }

  /** Little-endian, as a signed 32-bit integer. */
  next32(): number {
    const position = this.position
    const bytes = this.bytes
    if (position + 4 > this.limit) {
      this.overrun = true
      return 0
    }
    this.position = position + 4
    return bytes[position] | (bytes[position + 1] << 8) | (bytes[position + 2] << 16) | (bytes[position + 3] << 24)
  }
}

/** Sign-extends the low 8 bits. */
export const signExtend8 = (value: number): number => (value << 24) >> 24
/** Sign-extends the low 16 bits. */
export const signExtend16 = (value: number): number => (value << 16) >> 16
