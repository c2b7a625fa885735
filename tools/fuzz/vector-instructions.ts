/**
 * Random MMX and SSE instructions, out of the decoder's own tables: every row with a vector operand, in registers and in
 * memory that is aligned as a rule. LDMXCSR comes rarely, so that rounding modes and unmasked exceptions occur.
 */
import { opcodeRows } from '../../jit/decode/opcode-maps.ts'
import type { OpcodeRow } from '../../jit/decode/opcode-rows.ts'
import { Gpr } from '../../runtime/state.ts'
import { word32 } from './assembly.ts'
import type { Random } from './random.ts'

const VECTOR_OPERAND = /^[PQNVWU][a-z]/
/** Operands that may be a general register: in ModRM.reg, in ModRM.rm. */
const GENERAL_REG = /^G/
const GENERAL_RM = /^[ER]/
/** Stores through EDI, which holds anything. */
const ASTRAY = new Set(['maskmovq', 'maskmovdqu'])

const rows = opcodeRows.filter(
  row => row.modes !== 'long' && row.operands.some(operand => VECTOR_OPERAND.test(operand)) && !ASTRAY.has(row.mnemonic),
)

const eight = [0, 1, 2, 3, 4, 5, 6, 7] as const
const ALIGNMENT = 16
const SPAN = 0x1000
const REGISTER_FORM = 0xc0
const EBP_DISPLACEMENT_FORM = 0x80 | Gpr.Ebp
const IMMEDIATE_FORM = /_I/

/** [ebp + disp32]: one in eight is not aligned, and half of those run over the end of a page. */
function memoryForm(random: Random, reg: number): number[] {
  const aligned = (random.below(2 * SPAN) - SPAN) & -ALIGNMENT
  const displacement = random.oneIn(8) ? aligned + (random.oneIn(2) ? random.below(ALIGNMENT) : ALIGNMENT - 1 - random.below(8)) : aligned
  return [EBP_DISPLACEMENT_FORM | (reg << 3), ...word32(displacement)]
}

function escapes(row: OpcodeRow): number[] {
  const prefix = row.prefix === '66' || row.prefix === 'F2' || row.prefix === 'F3' ? [Number.parseInt(row.prefix, 16)] : []
  return [...prefix, 0x0f, ...(row.map === 2 ? [0x38] : row.map === 3 ? [0x3a] : []), row.byte]
}

/** LDMXCSR with an image that is on the stack for as long as it takes: push imm32; ldmxcsr [esp]; pop ecx. */
function loadMxcsr(random: Random): number[] {
  const masks = random.oneIn(4) ? 0x1f80 & ~(1 << (7 + random.below(6))) : 0x1f80
  const image = masks | (random.oneIn(2) ? random.below(4) << 13 : 0) | (random.oneIn(3) ? random.word() & 0x8040 : 0)
  return [0x68, ...word32(image), 0x0f, 0xae, 0x14, 0x24, 0x59]
}

/** Bytes of one random vector instruction; `free` are the general registers that it may write, ECX among them. */
export function randomVectorInstruction(random: Random, free: readonly Gpr[]): number[] {
  if (random.oneIn(40)) return loadMxcsr(random)
  // STMXCSR, EMMS.
  if (random.oneIn(40)) return random.oneIn(2) ? [0x0f, 0xae, ...memoryForm(random, 3)] : [0x0f, 0x77]
  const row = random.pick(rows)
  const inMemory = row.mod === 'any' ? random.oneIn(3) : row.mod === 'memory'
  const general = (form: RegExp) => row.operands.some(operand => form.test(operand))
  const reg = row.reg >= 0 ? row.reg : random.pick(general(GENERAL_REG) ? free : eight)
  const rm = random.pick(general(GENERAL_RM) ? free : eight)
  const modrm = inMemory ? memoryForm(random, reg) : [REGISTER_FORM | (reg << 3) | rm]
  return [...escapes(row), ...modrm, ...(IMMEDIATE_FORM.test(row.form) ? [random.below(256)] : [])]
}
