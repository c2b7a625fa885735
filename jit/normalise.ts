/**
 * Facts about an instruction that depend on its bytes but not on any value, settled once for every back end:
 * immediates cut to the size of their destination, the REP prefix that counts, and POP's moved stack pointer.
 */
import { Gpr } from '../runtime/state.ts'
import type { Instruction, Operand } from './decode/instruction.ts'
import { normaliseRepeat } from './handlers.ts'

/** An immediate of an instruction whose operand 0 has `size` bits. */
function cutImmediate(value: number, size: number): number {
  if (size === 8) return value & 0xff
  if (size === 16) return value & 0xffff
  return value | 0
}

/** The same instruction with its facts settled. */
export function normalise(instruction: Instruction): Instruction {
  const { operands } = instruction
  const size = operands.length > 1 && operands[0].kind !== 'immediate' && 'size' in operands[0] ? operands[0].size : 0
  let changed: Operand[] | undefined
  operands.forEach((operand, i) => {
    if (operand.kind === 'immediate' && (size === 8 || size === 16)) {
      changed ??= [...operands]
      changed[i] = { ...operand, value: cutImmediate(operand.value, size) }
    } else if (operand.kind === 'memory' && instruction.mnemonic === 'pop' && operand.base === Gpr.Esp) {
      // The address counts ESP as already incremented (SDM vol. 2, "POP").
      changed ??= [...operands]
      changed[i] = { ...operand, displacement: (operand.displacement + instruction.operandSize / 8) | 0 }
    }
  })
  const repeat = normaliseRepeat(instruction)
  if (!changed && repeat === instruction.repeat) return instruction
  return { ...instruction, operands: changed ?? operands, repeat }
}
