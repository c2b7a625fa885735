/**
 * Which interpreter handler executes an instruction. Instructions of one *signature* (mnemonic, sizes, operand
 * kinds) share a handler; the rest are fields of the record. The generator numbers the handlers at build time
 * (interpreter-module.ts), the record writer looks the numbers up at run time.
 */
import type { Facts, OperandFacts } from './definitions/builder.ts'
import type { Instruction, Operand } from './decode/instruction.ts'

/** Mnemonics whose meaning depends on the address size itself, not just on an effective address. */
const addressSized = new Set(['movs', 'stos', 'lods', 'cmps', 'scas', 'ins', 'outs', 'xlat', 'loop', 'loope', 'loopne', 'jcxz', 'maskmovdqu', 'maskmovq'])

const bitTests = new Set(['bt', 'bts', 'btr', 'btc'])

const repeatable = new Set(['movs', 'stos', 'lods', 'cmps', 'scas', 'ins', 'outs'])

/** What of an operand its handler depends on. */
function operandFacts(operand: Operand): OperandFacts {
  switch (operand.kind) {
    case 'register': return { kind: 'register', size: operand.size, class: operand.class }
    case 'memory': return { kind: 'memory', size: operand.size }
    default: return { kind: operand.kind, size: 0 }
  }
}

/** Bit offsets in a register move the address of a memory operand, which wraps at the address size. */
function isBitString({ mnemonic, operands }: Instruction): boolean {
  return bitTests.has(mnemonic) && operands[0].kind === 'memory' && operands[1].kind === 'register'
}

/** What of an instruction its definition may know. */
export function factsOf(instruction: Instruction): Facts {
  const wraps = addressSized.has(instruction.mnemonic) || isBitString(instruction)
  return {
    mnemonic: instruction.mnemonic,
    condition: instruction.condition,
    operandSize: instruction.operandSize,
    addressSize: wraps ? instruction.addressSize : 32,
    repeat: repeatable.has(instruction.mnemonic) ? instruction.repeat : 'none',
    operands: instruction.operands.map(operandFacts),
  }
}

function operandKey(operand: OperandFacts): string {
  switch (operand.kind) {
    case 'register': return operand.class?.startsWith('gpr') ? `r${operand.size}` : `${operand.class}`
    case 'memory': return `m${operand.size}`
    case 'immediate': return 'i'
    case 'relative': return 'j'
    case 'far': return 'f'
  }
}

/** The name of the handler that instructions with these facts share. */
export function signatureOf(facts: Facts): string {
  const condition = facts.condition >= 0 ? `.${facts.condition}` : ''
  const repeat = facts.repeat === 'none' ? '' : `${facts.repeat} `
  const address = facts.addressSize === 16 ? ' a16' : ''
  const operands = facts.operands.map(operandKey).join(',')
  return `${repeat}${facts.mnemonic}${condition} o${facts.operandSize}${address} ${operands}`.trim()
}

/** REPE and REPNE mean the same for instructions that do not compare. */
export function normaliseRepeat(instruction: Instruction): Instruction['repeat'] {
  if (!repeatable.has(instruction.mnemonic)) return 'none'
  const compares = instruction.mnemonic === 'cmps' || instruction.mnemonic === 'scas'
  return instruction.repeat === 'repne' && !compares ? 'rep' : instruction.repeat
}

const hotAtAnySize = new Set(['mov', 'movzx', 'movsx', 'add', 'sub', 'cmp', 'and', 'or', 'xor', 'test'])
const hotAt8And32 = new Set(['adc', 'sbb', 'inc', 'dec', 'neg', 'not', 'shl', 'shr', 'sar', 'rol', 'ror', 'setcc'])
const hotAt32 = new Set([
  'lea', 'push', 'pop', 'call', 'ret', 'jmp', 'jcc', 'cmovcc', 'imul', 'mul', 'div', 'idiv', 'cwd', 'cbw', 'leave', 'xchg',
  'bt', 'bts', 'btr', 'bsf', 'bsr', 'bswap', 'shld', 'shrd', 'loop', 'jcxz', 'cmpxchg', 'xadd', 'popcnt',
])

/** x87 forms that compilers emit for arithmetic; the operands that are not memory are register numbers. */
const hotX87 = new Set([
  'fld', 'fild', 'fst', 'fstp', 'fistp', 'fld1', 'fldz', 'fxch', 'fchs', 'fabs', 'fadd', 'fsub', 'fsubr', 'fmul', 'fdiv', 'fdivr',
  'faddp', 'fsubp', 'fsubrp', 'fmulp', 'fdivp', 'fdivrp', 'fcom', 'fcomp', 'fucom', 'fucomp', 'fucompp', 'fcomi', 'fcomip',
  'fucomi', 'fucomip', 'fnstsw', 'fnstcw', 'fldcw', 'fsqrt',
])

/** SSE and SSE2 forms that compilers and memory functions emit. */
const hotVector = new Set([
  'movaps', 'movups', 'movapd', 'movdqa', 'movdqu', 'movss', 'movsd', 'movd', 'movq', 'movlps', 'movhps', 'movlpd', 'movhpd',
  'addss', 'addsd', 'addps', 'addpd', 'subss', 'subsd', 'subps', 'subpd', 'mulss', 'mulsd', 'mulps', 'mulpd', 'divss', 'divsd',
  'sqrtss', 'sqrtsd', 'minsd', 'maxsd', 'minss', 'maxss', 'comiss', 'comisd', 'ucomiss', 'ucomisd', 'cvtsi2sd', 'cvtsi2ss',
  'cvttsd2si', 'cvttss2si', 'cvtss2sd', 'cvtsd2ss', 'cvtdq2pd', 'cvtps2pd',
  'xorps', 'xorpd', 'andps', 'andpd', 'pxor', 'por', 'pand', 'pandn', 'paddb', 'paddw', 'paddd', 'paddq', 'psubd', 'psubb', 'psubw',
  'pcmpeqb', 'pcmpeqd', 'pcmpgtd', 'pmuludq', 'pmaddwd', 'pmullw', 'pslld', 'psrld', 'psrlq', 'psllq', 'psrldq', 'pslldq',
  'pshufd', 'shufps', 'shufpd', 'unpcklps', 'unpcklpd', 'unpckhpd', 'punpckldq', 'punpcklqdq', 'punpckhqdq', 'pmovmskb', 'pminub',
])

/**
 * Whether a signature is worth a place inside the interpreter's one function. Chosen by what compilers emit; the
 * rest are called, at a third of the speed.
 */
export function isHot(facts: Facts): boolean {
  const { mnemonic, operandSize, operands } = facts
  if (operands.some(operand => operand.kind === 'far')) return false
  if (hotX87.has(mnemonic)) return operandSize === 32 && operands.every(operand => operand.kind !== 'memory' || operand.size !== 80)
  if (operands.some(operand => operand.class === 'xmm'))
    return hotVector.has(mnemonic) && facts.addressSize === 32 && operands.every(operand => operand.class !== 'mm')
  if (operands.some(operand => operand.class !== undefined && !operand.class.startsWith('gpr'))) return false
  const size = operands.length > 0 && operands[0].size > 0 ? operands[0].size : operandSize
  if (size === 64) return false
  if (facts.addressSize === 16 && operands.some(operand => operand.kind === 'memory')) return false
  if (mnemonic === 'nop') return operands.length === 0
  if (hotAtAnySize.has(mnemonic)) return true
  if (hotAt8And32.has(mnemonic)) return size === 8 || size === 32
  return hotAt32.has(mnemonic) && size === 32 && operandSize === 32
}

/** What the generator tells the record writer: build/handlers.json. */
export interface HandlerTable {
  /** Hot handlers: [signature, number without index register, number with one]. */
  readonly hot: readonly (readonly [string, number, number])[]
  /** [signature, number, 1 if control never goes on behind it]. */
  readonly general: readonly (readonly [string, number, number])[]
  /** Handlers that no instruction has a signature for. */
  readonly special: Readonly<Record<SpecialHandler, number>>
}

/**
 * `stale`: the run was dropped, look again. `enter`, `enterUnflat`: a compiled region of flat 32-bit or of other code begins here.
 * `goto`: go on at the linked record. `end`: the run goes on in another one (a jump to the next instruction).
 * `endGeneral`: likewise outside flat 32-bit code. `undefined`: #UD. `tooLong`: #GP(0).
 */
export type SpecialHandler = 'stale' | 'enter' | 'enterUnflat' | 'goto' | 'end' | 'endGeneral' | 'undefined' | 'tooLong'
