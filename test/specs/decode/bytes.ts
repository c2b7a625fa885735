/** Shorthand of the decode specs: hexadecimal text in, decoded instruction or failure out. */
import { decode } from '../../../jit/decode/decoder.ts'
import { format } from '../../../jit/decode/disassembler.ts'
import type { Decoded, Instruction } from '../../../jit/decode/instruction.ts'

export type Bits = 16 | 32 | 64

/** '66 90' -> bytes; blanks are ignored. */
export function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.replace(/\s/g, '').match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
}

/** Decodes all of `hex`. */
export function decoded(bits: Bits, hex: string): Decoded {
  const bytes = bytesOf(hex)
  return decode(bytes, 0, bytes.length, { bits })
}

/** Decodes `hex`, which must be one whole instruction. */
export function instruction(bits: Bits, hex: string): Instruction {
  const result = decoded(bits, hex)
  if (!result.ok) throw new Error(`${hex} in ${bits}-bit mode: ${result.failure}`)
  if (result.instruction.length !== bytesOf(hex).length) {
    throw new Error(`${hex} in ${bits}-bit mode: length ${result.instruction.length}`)
  }
  return result.instruction
}

/** The disassembly of `hex` at address 0x1000. */
export const text = (bits: Bits, hex: string): string => format(instruction(bits, hex), 0x1000)

/** The failure of `hex`, or 'ok'. */
export function failure(bits: Bits, hex: string): string {
  const result = decoded(bits, hex)
  return result.ok ? 'ok' : result.failure
}
