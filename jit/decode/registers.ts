/**
 * Register files as the encoding numbers them: one frozen operand object per register, made once, so that decoding a
 * register operand is an array read. A hole (`undefined`) is a number that names no register there: the decoder turns
 * it into #UD.
 *
 * `gpr8` without REX: 0..7 = AL CL DL BL AH CH DH BH. With REX: 8..15 = R8B..R15B, and 20..23 = SPL BPL SIL DIL
 * (SPL_BASE + 4..7), so that 4..7 always mean the high bytes.
 *
 * Source: Intel SDM volume 2, 2.1 (ModR/M), 3.1.1 (register codes).
 */
import type { RegisterClass, RegisterOperand } from './instruction.ts'

/** Sixteen entries: four bits of register number with the REX extension. */
export type RegisterFile = readonly (RegisterOperand | undefined)[]

/** Added to 4..7 for SPL, BPL, SIL, DIL in class `gpr8`. */
export const SPL_BASE = 16

export const ES = 0
export const CS = 1
export const SS = 2
export const DS = 3
export const FS = 4
export const GS = 5

const ENCODABLE = 16

/** A file of sixteen encodings; `indexOf` gives the register that an encoding names, or -1 for none. */
function file(registerClass: RegisterClass, size: number, indexOf: (encoding: number) => number): RegisterFile {
  const made = new Map<number, RegisterOperand>()
  return Object.freeze(
    Array.from({ length: ENCODABLE }, (_, encoding) => {
      const index = indexOf(encoding)
      if (index < 0) return undefined
      const known = made.get(index)
      if (known !== undefined) return known
      const operand: RegisterOperand = Object.freeze({ kind: 'register', class: registerClass, index, size })
      made.set(index, operand)
      return operand
    }),
  )
}

const all = (encoding: number): number => encoding
const lowThree = (encoding: number): number => encoding & 7
const only =
  (...valid: readonly number[]) =>
  (encoding: number): number =>
    valid.includes(encoding) ? encoding : -1

export const gpr8 = file('gpr8', 8, all)
export const gpr8WithRex = file('gpr8', 8, (encoding) =>
  encoding >= 4 && encoding < 8 ? SPL_BASE + encoding : encoding,
)
export const gpr16 = file('gpr16', 16, all)
export const gpr32 = file('gpr32', 32, all)
export const gpr64 = file('gpr64', 64, all)
/** REX does not extend segment, MMX and x87 register numbers. */
export const segments = file('segment', 16, (encoding) => ((encoding & 7) <= GS ? encoding & 7 : -1))
/** Segment registers that MOV may load: not CS (SDM MOV: "attempting to load CS causes #UD"). */
export const loadableSegments = file('segment', 16, (encoding) =>
  (encoding & 7) <= GS && (encoding & 7) !== CS ? encoding & 7 : -1,
)
/** CR0, CR2, CR3, CR4, and CR8, which only REX.R reaches. */
export const control32 = file('control', 32, only(0, 2, 3, 4, 8))
export const control64 = file('control', 64, only(0, 2, 3, 4, 8))
/** DR4 and DR5 decode: whether they alias DR6 and DR7 or raise #UD depends on CR4.DE. */
export const debug32 = file('debug', 32, (encoding) => (encoding < 8 ? encoding : -1))
export const debug64 = file('debug', 64, (encoding) => (encoding < 8 ? encoding : -1))
export const st = file('st', 80, lowThree)
export const mm = file('mm', 64, lowThree)
export const xmm = file('xmm', 128, all)
