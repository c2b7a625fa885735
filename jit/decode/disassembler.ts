/**
 * Disassembler: one line of Intel syntax, close to NASM's, from a decoded instruction. Used by explain, lockstep and
 * error messages; nothing parses its output.
 *
 *     add dword [ebx+ecx*4-0x8], 0x1        rep movsd        jne 0x7c3e        jmp 0xf000:0xe05b
 */
import type { FarOperand, Instruction, MemoryOperand, Operand, RegisterOperand } from './instruction.ts'
import { DS, SPL_BASE, SS } from './registers.ts'

const CONDITIONS = ['o', 'no', 'b', 'ae', 'e', 'ne', 'be', 'a', 's', 'ns', 'p', 'np', 'l', 'ge', 'le', 'g'] as const

/** Mnemonics that the manual gives by operand size, where the decoder has one. */
const BY_OPERAND_SIZE: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  cbw: { 16: 'cbw', 32: 'cwde', 64: 'cdqe' },
  cwd: { 16: 'cwd', 32: 'cdq', 64: 'cqo' },
  pusha: { 16: 'pusha', 32: 'pushad' },
  popa: { 16: 'popa', 32: 'popad' },
  pushf: { 16: 'pushf', 32: 'pushfd', 64: 'pushfq' },
  popf: { 16: 'popf', 32: 'popfd', 64: 'popfq' },
  iret: { 16: 'iret', 32: 'iretd', 64: 'iretq' },
  sysret: { 64: 'sysretq' },
  sysexit: { 64: 'sysexitq' },
  fxsave: { 64: 'fxsave64' },
  fxrstor: { 64: 'fxrstor64' },
  movd: { 64: 'movq' },
  pextrd: { 64: 'pextrq' },
  pinsrd: { 64: 'pinsrq' },
  pcmpestri: { 64: 'pcmpestri64' },
  pcmpestrm: { 64: 'pcmpestrm64' },
  cmpxchg8b: { 64: 'cmpxchg16b' },
}
const JCXZ_BY_ADDRESS_SIZE: Readonly<Record<number, string>> = { 16: 'jcxz', 32: 'jecxz', 64: 'jrcxz' }
const RENAMED: Readonly<Record<string, string>> = {
  movseg: 'mov',
  movcr: 'mov',
  movdr: 'mov',
  callf: 'call',
  jmpf: 'jmp',
  xlat: 'xlatb',
}
const STRINGS: ReadonlySet<string> = new Set(['movs', 'cmps', 'stos', 'lods', 'scas', 'ins', 'outs'])
/** Instructions without operands that read a segment an override can change. */
const IMPLICIT_SOURCES: ReadonlySet<string> = new Set(['movs', 'cmps', 'lods', 'outs', 'xlat'])
const STRING_SUFFIX: Readonly<Record<number, string>> = { 8: 'b', 16: 'w', 32: 'd', 64: 'q' }

const BYTES = ['al', 'cl', 'dl', 'bl', 'ah', 'ch', 'dh', 'bh']
const WORDS = ['ax', 'cx', 'dx', 'bx', 'sp', 'bp', 'si', 'di']
const SEGMENTS = ['es', 'cs', 'ss', 'ds', 'fs', 'gs']
const STACK_POINTER = 4
const BASE_POINTER = 5

const SIZE_KEYWORDS: Readonly<Record<number, string>> = {
  8: 'byte ',
  16: 'word ',
  32: 'dword ',
  64: 'qword ',
  80: 'tword ',
  128: 'oword ',
}

/** The manual's mnemonic: 'jne', 'cwde', 'movsb', 'mov' where the record says 'jcc', 'cbw', 'movs', 'movcr'. */
export function mnemonicOf(instruction: Instruction): string {
  const { mnemonic, condition, operandSize } = instruction
  if (condition >= 0) return mnemonic.slice(0, -2) + CONDITIONS[condition]
  if (STRINGS.has(mnemonic)) return mnemonic + STRING_SUFFIX[operandSize]
  if (mnemonic === 'jcxz') return JCXZ_BY_ADDRESS_SIZE[instruction.addressSize]
  return BY_OPERAND_SIZE[mnemonic]?.[operandSize] ?? RENAMED[mnemonic] ?? mnemonic
}

/** 'eax', 'r9d', 'spl', 'st1', 'cr0'... */
export function registerName(register: RegisterOperand): string {
  const { index } = register
  switch (register.class) {
    case 'gpr8':
      if (index >= SPL_BASE) return `${WORDS[index - SPL_BASE]}l`
      return index < 8 ? BYTES[index] : `r${index}b`
    case 'gpr16':
      return index < 8 ? WORDS[index] : `r${index}w`
    case 'gpr32':
      return index < 8 ? `e${WORDS[index]}` : `r${index}d`
    case 'gpr64':
      return index < 8 ? `r${WORDS[index]}` : `r${index}`
    case 'segment':
      return SEGMENTS[index]
    case 'control':
      return `cr${index}`
    case 'debug':
      return `dr${index}`
    default:
      return `${register.class}${index}`
  }
}

const hex = (value: bigint | number): string => `0x${value.toString(16)}`

/** A 64-bit value from a signed low half and an optional high half. */
const wide = (low: number, high: number | undefined): bigint =>
  high === undefined ? BigInt(low) : (BigInt(high) << 32n) | BigInt(low >>> 0)

function addressRegister(index: number, size: 16 | 32 | 64): string {
  return registerName({ kind: 'register', class: `gpr${size}`, index, size })
}

function memoryText(memory: MemoryOperand, instruction: Instruction, address: number): string {
  const { addressSize, mnemonic } = instruction
  const usesStack = memory.base === STACK_POINTER || memory.base === BASE_POINTER
  const segment = memory.segment === (usesStack ? SS : DS) ? '' : `${SEGMENTS[memory.segment]}:`
  let text = ''
  if (memory.base >= 0) text += addressRegister(memory.base, addressSize)
  if (memory.index >= 0) {
    text += (text === '' ? '' : '+') + addressRegister(memory.index, addressSize)
    if (addressSize !== 16) text += `*${1 << memory.scale}`
  }
  if (memory.ripRelative) {
    text = `rel ${hex(BigInt.asUintN(addressSize, BigInt(address + instruction.length + memory.displacement)))}`
  } else if (text === '') {
    text = hex(BigInt.asUintN(addressSize, wide(memory.displacement, memory.displacementHigh)))
  } else if (memory.displacement !== 0) {
    text += (memory.displacement < 0 ? '-' : '+') + hex(Math.abs(memory.displacement))
  }
  const isFar = mnemonic === 'callf' || mnemonic === 'jmpf'
  const keyword = isFar ? `${SIZE_KEYWORDS[instruction.operandSize]}far ` : (SIZE_KEYWORDS[memory.size] ?? '')
  return `${keyword}[${segment}${text}]`
}

function operandText(operand: Operand, instruction: Instruction, address: number): string {
  switch (operand.kind) {
    case 'register':
      return registerName(operand)
    case 'memory':
      return memoryText(operand, instruction, address)
    case 'immediate':
      return hex(BigInt.asUintN(operand.size, wide(operand.value, operand.high)))
    case 'relative':
      return hex(BigInt.asUintN(instruction.operandSize, BigInt(address + instruction.length + operand.value)))
    case 'far':
      return farText(operand)
  }
}

const farText = (far: FarOperand): string => `${hex(far.selector)}:${hex(far.offset >>> 0)}`

function prefixText(instruction: Instruction): string {
  let text = instruction.lock ? 'lock ' : ''
  if (instruction.repeat !== 'none') {
    const compares = instruction.mnemonic === 'cmps' || instruction.mnemonic === 'scas'
    text += instruction.repeat === 'rep' && compares ? 'repe ' : `${instruction.repeat} `
  }
  if (IMPLICIT_SOURCES.has(instruction.mnemonic) && instruction.segment !== DS) {
    text += `${SEGMENTS[instruction.segment]} `
  }
  return text
}

/**
 * Writes an instruction as text.
 * @param address the instruction's offset in its code segment, from which branch targets are computed
 */
export function format(instruction: Instruction, address: number): string {
  const operands = instruction.operands.map((operand) => operandText(operand, instruction, address)).join(', ')
  const head = prefixText(instruction) + mnemonicOf(instruction)
  return operands === '' ? head : `${head} ${operands}`
}
