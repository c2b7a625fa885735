/** Random MMX, SSE and SSE2 instructions, on registers and on memory that is seldom aligned. */
import { Gpr } from '../../runtime/state.ts'
import { freeRegisters, memoryOperand } from './addresses.ts'
import type { Environment } from './environment.ts'
import { type Operand, registerOperand } from './operand.ts'
import type { Random } from './random.ts'
import { extendedInstruction } from './sse-extensions.ts'

const VECTORS = 8
/** Mandatory prefixes: none, and those that choose double, single scalar and double scalar. */
const [PS, PD, SS, SD] = [[], [0x66], [0xf3], [0xf2]] as const
/** Second opcode bytes of floating-point arithmetic, which exist with all four: square root, logic apart, min, max. */
const arithmetic = [0x51, 0x58, 0x59, 0x5c, 0x5d, 0x5e, 0x5f] as const
/** Those with PS and PD alone: and, andn, or, xor, unpack low and high. */
const packed = [0x54, 0x55, 0x56, 0x57, 0x14, 0x15] as const
/** Integers, in MMX and XMM registers: unpack, pack, compare, shift, add, subtract, multiply, logic, average, min, max. */
const integers = [
  0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x74, 0x75, 0x76, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5,
  0xd8, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xe0, 0xe1, 0xe2, 0xe3, 0xe4, 0xe5, 0xe8, 0xe9, 0xea, 0xeb, 0xec, 0xed,
  0xee, 0xef, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe,
] as const
/** Moves of 128 bits, loads and stores: aligned and not. */
const moves = [
  [...PS, 0x10], [...PS, 0x11], [...PS, 0x28], [...PS, 0x29], [...PD, 0x10], [...PD, 0x11], [...PD, 0x28], [...PD, 0x29],
  [...PD, 0x6f], [...PD, 0x7f], [...SS, 0x6f], [...SS, 0x7f], [...SS, 0x10], [...SS, 0x11], [...SD, 0x10], [...SD, 0x11],
  [...SS, 0x7e], [...PD, 0xd6], [...PS, 0x12], [...PS, 0x16], [...PD, 0x12], [...PD, 0x16],
] as const
/** Conversions between vectors. */
const conversions = [
  [...PS, 0x5a], [...PD, 0x5a], [...SS, 0x5a], [...SD, 0x5a], [...PS, 0x5b], [...PD, 0x5b], [...SS, 0x5b], [...SS, 0xe6],
  [...PD, 0xe6], [...SD, 0xe6],
] as const
/** Conversions from a general register or memory, and to a general register. */
const fromInteger = [[...SS, 0x2a], [...SD, 0x2a], [...PD, 0x6e]] as const
const toInteger = [[...SS, 0x2c], [...SS, 0x2d], [...SD, 0x2c], [...SD, 0x2d]] as const

/** An instruction of the 0F map; `bytes` are its mandatory prefix and its opcode. */
function twoByte(bytes: readonly number[], reg: number, rm: Operand, tail: readonly number[] = []): number[] {
  return [...rm.before, ...rm.prefix, ...bytes.slice(0, -1), 0x0f, bytes[bytes.length - 1], ...rm.modrm(reg), ...tail]
}

/** lea base, [ebp + n] with n aligned, so that aligned forms go on; or an operand as others have it. */
function vectorOperand(random: Random, environment: Environment): Operand {
  if (random.oneIn(2)) return registerOperand(random.below(VECTORS))
  if (random.oneIn(2)) return memoryOperand(random, environment)
  const displacement = (random.below(0x100) - 0x80) * 0x10
  return {
    before: [], prefix: [], isMemory: true,
    modrm: reg => [0x80 | (reg << 3) | Gpr.Ebp, displacement & 0xff, (displacement >> 8) & 0xff, (displacement >> 16) & 0xff, displacement >>> 24],
  }
}

export function sseInstruction(random: Random, environment: Environment): number[] {
  const reg = random.below(VECTORS)
  const general = random.pick(freeRegisters(environment))
  const rm = vectorOperand(random, environment)
  const tail = [random.below(256)]
  if (random.oneIn(4)) return extendedInstruction(random, rm, general)
  switch (random.below(14)) {
    case 0:
    case 1:
    case 2:
      return twoByte(random.pick(moves), reg, rm)
    case 3:
      return twoByte([...random.pick([PS, PD, SS, SD]), random.pick(arithmetic)], reg, rm)
    case 4:
      return twoByte([...random.pick([PS, PD]), random.pick(packed)], reg, rm)
    case 5:
    case 6:
    case 7:
      return twoByte([...(random.oneIn(5) ? PS : PD), random.pick(integers)], reg, rm)
    case 8:
      // Shuffles and comparisons with an immediate.
      return twoByte([...random.pick([PS, PD, SS, SD]), random.pick([0xc2, 0x70, 0xc2, 0xc6])], reg, rm, tail)
    case 9:
      // Shifts by an immediate, /2 /4 /6 and, of 128 bits, /3 /7.
      return [0x66, 0x0f, random.pick([0x71, 0x72, 0x73]), 0xc0 | (random.pick([2, 3, 4, 6, 7]) << 3) | reg, random.below(0x18)]
    case 10:
      return twoByte(random.pick(conversions), reg, rm)
    case 11:
      return twoByte(random.pick(fromInteger), reg, random.oneIn(2) ? registerOperand(general) : memoryOperand(random, environment))
    case 12:
      return random.oneIn(2)
        ? twoByte(random.pick(toInteger), general, rm)
        : twoByte([...PD, 0x7e], reg, random.oneIn(2) ? registerOperand(general) : memoryOperand(random, environment))
    default:
      // ucomis, comis; pmovmskb; movmskps; emms
      return random.pick([
        () => twoByte([...random.pick([PS, PD]), random.pick([0x2e, 0x2f])], reg, rm),
        () => twoByte([...PD, 0xd7], general, registerOperand(reg)),
        () => twoByte([...random.pick([PS, PD]), 0x50], general, registerOperand(reg)),
        () => [0x0f, 0x77],
      ])()
  }
}
