/**
 * Vector and x87 state of a case, as words of 32 bits in one list: what families of MMX and SSE instructions have
 * besides the general state.
 *
 *   0 XMM0..XMM7, four words each     32 MM0..MM7, two each (significands of the x87 registers R0..R7)
 *   48 MXCSR     49 x87 control word, status word in the upper half     50 tags, one bit per register in use
 *   51 sign and exponent of R0, R1 in the upper half, …                 55 nothing
 */
import { caseWord } from './random.ts'

export const XMM_WORD = 0
export const MM_WORD = 32
export const MXCSR_WORD = 48
export const CONTROL_STATUS_WORD = 49
export const TAGS_WORD = 50
export const EXPONENT_WORD = 51
/** Even, as differences are stored by pairs of words. */
export const EXTENDED_WORDS = 56

/** Slots of caseWord and the rest of the initial state, as tools/vectors/native/setup_vector.c has them. */
const XMM_SLOT = 16
const MM_SLOT = 48
const TOP_SLOT = 64
const TAGS_SLOT = 65
const POINTERS_SLOT = 66
const OPCODE_MASK = 0x7ff
const MXCSR_DEFAULT = 0x1f80
const CONTROL_DEFAULT = 0x37f
const EXPONENTS_DEFAULT = 0x3fff_3fff
const TOP_IN_WORD = 27

/** The initial state of case `index` unless its file says otherwise. */
export function defaultExtended(fileSeed: number, index: number): number[] {
  const word = (slot: number) => caseWord(fileSeed, index, slot)
  const xmm = Array.from({ length: MM_WORD - XMM_WORD }, (_, i) => word(XMM_SLOT + i))
  const mm = Array.from({ length: MXCSR_WORD - MM_WORD }, (_, i) => word(MM_SLOT + i))
  const control = (CONTROL_DEFAULT | ((word(TOP_SLOT) & 7) << TOP_IN_WORD)) >>> 0
  const exponents = new Array<number>(4).fill(EXPONENTS_DEFAULT)
  return [...xmm, ...mm, MXCSR_DEFAULT, control, word(TAGS_SLOT) & 0xff, ...exponents, 0]
}

/** Last x87 instruction and operand, as the environment has them. */
export interface X87Pointers {
  readonly instructionOffset: number
  readonly instructionSelector: number
  readonly dataOffset: number
  readonly dataSelector: number
  readonly opcode: number
}

/** What case `index` starts with; no case has others. What they are afterwards: x87-pointers.ts. */
export function casePointers(fileSeed: number, index: number): X87Pointers {
  const word = (slot: number) => caseWord(fileSeed, index, POINTERS_SLOT + slot)
  return {
    instructionOffset: word(0),
    dataOffset: word(1),
    instructionSelector: word(2) & 0xffff,
    dataSelector: word(2) >>> 16,
    opcode: word(3) & OPCODE_MASK,
  }
}

/** Name of a word, for messages. */
export function extendedName(word: number): string {
  if (word < MM_WORD) return `xmm${word >> 2}[${word & 3}]`
  if (word < MXCSR_WORD) return `mm${(word - MM_WORD) >> 1}[${word & 1}]`
  if (word === MXCSR_WORD) return 'mxcsr'
  if (word === CONTROL_STATUS_WORD) return 'x87 status:control'
  if (word === TAGS_WORD) return 'x87 tags'
  return `x87 exponents ${2 * (word - EXPONENT_WORD)}`
}
