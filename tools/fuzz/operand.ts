/** ModR/M operands of random instructions (Intel SDM vol. 2, 2.1). */

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
