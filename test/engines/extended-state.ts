/** Vector and x87 state of a case (test/vectors/extended-state.ts) into the CPU state and back. */
import type { Core } from '../../runtime/core.ts'
import { stateAddress } from '../../runtime/state.ts'
import {
  CONTROL_STATUS_WORD, EXPONENT_WORD, MM_WORD, MXCSR_WORD, TAGS_WORD, type X87Pointers, XMM_WORD,
} from '../vectors/extended-state.ts'

const TOP_POSITION = 11
const TOP_MASK = 7 << TOP_POSITION

/** Index in the core's words of word `i` of an XMM register file. */
const xmmWord = (i: number) => (stateAddress('xmm') >> 2) + i
/** Index of the low word of x87 register `i`. */
const x87Word = (i: number) => stateAddress('fpr', i) >> 2

export function loadExtended(core: Core, words: readonly number[]): void {
  for (let i = XMM_WORD; i < MM_WORD; i++) core.words[xmmWord(i)] = words[i]
  for (let i = 0; i < 8; i++) {
    core.words[x87Word(i)] = words[MM_WORD + 2 * i]
    core.words[x87Word(i) + 1] = words[MM_WORD + 2 * i + 1]
    core.words[x87Word(i) + 2] = (words[EXPONENT_WORD + (i >> 1)] >>> (16 * (i & 1))) & 0xffff
  }
  const status = words[CONTROL_STATUS_WORD] >>> 16
  core.set('mxcsr', words[MXCSR_WORD])
  core.set('fpuControl', words[CONTROL_STATUS_WORD] & 0xffff)
  core.set('fpuStatus', status & ~TOP_MASK)
  core.set('fpuTop', (status & TOP_MASK) >> TOP_POSITION)
  core.set('fpuTag', words[TAGS_WORD])
}

export function loadPointers(core: Core, pointers: X87Pointers): void {
  core.set('fpuInstructionOffset', pointers.instructionOffset | 0)
  core.set('fpuInstructionSelector', pointers.instructionSelector)
  core.set('fpuDataOffset', pointers.dataOffset | 0)
  core.set('fpuDataSelector', pointers.dataSelector)
  core.set('fpuOpcode', pointers.opcode)
}

export function readPointers(core: Core): X87Pointers {
  return {
    instructionOffset: core.get('fpuInstructionOffset') >>> 0,
    instructionSelector: core.get('fpuInstructionSelector'),
    dataOffset: core.get('fpuDataOffset') >>> 0,
    dataSelector: core.get('fpuDataSelector'),
    opcode: core.get('fpuOpcode'),
  }
}

export function readExtended(core: Core): number[] {
  const words = Array.from({ length: MM_WORD }, (_, i) => core.words[xmmWord(i)] >>> 0)
  for (let i = 0; i < 8; i++) words.push(core.words[x87Word(i)] >>> 0, core.words[x87Word(i) + 1] >>> 0)
  const status = core.get('fpuStatus') | (core.get('fpuTop') << TOP_POSITION)
  words.push(core.get('mxcsr') >>> 0, (core.get('fpuControl') | (status << 16)) >>> 0, core.get('fpuTag'))
  const exponent = (i: number) => core.words[x87Word(i) + 2] & 0xffff
  for (let i = 0; i < 8; i += 2) words.push((exponent(i) | (exponent(i + 1) << 16)) >>> 0)
  return [...words, 0]
}
