/** ModR/M operands of random instructions (Intel SDM vol. 2, 2.1). */
import { Gpr } from '../../runtime/state.ts'
import type { Random } from './random.ts'

/** A ModR/M operand: instructions and prefixes in front of the instruction, and the bytes behind its opcode. */
export interface Operand {
  readonly before: readonly number[]
  readonly prefix: readonly number[]
  readonly modrm: (reg: number) => number[]
  readonly isMemory: boolean
}

/** An operand in memory; `rest` are SIB and displacement. */
export function memory(
  rm: number,
  mod: number,
  rest: readonly number[],
  before: readonly number[] = [],
  prefix: readonly number[] = [],
): Operand {
  return { before, prefix, isMemory: true, modrm: reg => [(mod << 6) | (reg << 3) | rm, ...rest] }
}

export function registerOperand(register: number): Operand {
  return { before: [], prefix: [], isMemory: false, modrm: reg => [0xc0 | (reg << 3) | register] }
}

/** ModR/M and displacement of [EBP + n], where programs keep what the next instruction looks at; `plus` bytes behind. */
export interface Scratch {
  at(reg: number, plus?: number): number[]
}

/** A place near EBP that is aligned to 16 bytes. */
export function scratch(random: Random): Scratch {
  const displacement = 16 * (random.below(14) - 7)
  return { at: (reg, plus = 0) => [0x40 | (reg << 3) | Gpr.Ebp, (displacement + plus) & 0xff] }
}
