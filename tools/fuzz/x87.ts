/**
 * Random x87 instructions (Intel SDM vol. 2, appendix A, opcode opcodes): mostly on values that are ordinary numbers,
 * in sequences that keep the stack in order, now and then on anything at all, under other precisions and roundings.
 */
import { memoryOperand } from './addresses.ts'
import { word32 } from './assembly.ts'
import type { Environment } from './environment.ts'
import { type Operand, scratch } from './operand.ts'
import type { Random } from './random.ts'

/** Escape opcode and ModRM.reg of loads, stores and arithmetic with an operand in memory. */
const loads = [[0xd9, 0], [0xdd, 0], [0xdb, 0], [0xdf, 0], [0xdf, 5]] as const
const arithmetic = [0xd8, 0xdc, 0xda, 0xde] as const
const stores = [[0xd9, 2], [0xdd, 2], [0xdb, 2], [0xdf, 2]] as const
const popping = [[0xd9, 3], [0xdd, 3], [0xdb, 3], [0xdf, 3], [0xdf, 7], [0xdd, 1], [0xdb, 1], [0xdf, 1], [0xdb, 7]] as const
const MANY_BYTES = [[0xdb, 5], [0xdb, 7], [0xdf, 4], [0xdf, 6]] as const
/** D9 with a register byte: constants, which push; sign, absolute value, test, examine, root, rounding; stack pointer. */
const constants = [0xe8, 0xe9, 0xea, 0xeb, 0xec, 0xed, 0xee] as const
const unary = [0xe0, 0xe1, 0xe4, 0xe5, 0xfa, 0xfc] as const
const rare = [0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfb, 0xfd, 0xfe, 0xff] as const

/** The middle of the range of doubles, sign and exponent in the upper word. */
function ordinaryUpper(random: Random): number {
  const sign = random.oneIn(2) ? 0x8000_0000 : 0
  return (sign | ((0x3ff - 32 + random.below(64)) << 20) | (random.oneIn(3) ? 0 : random.word() & 0xf_ffff)) >>> 0
}

/** mov dword [low], x; mov dword [high], y; fld qword: a number of ordinary size. */
function loadOrdinary(random: Random): number[] {
  const place = scratch(random)
  const low = random.oneIn(2) ? 0 : random.word()
  return [
    0xc7, ...place.at(0), ...word32(low), 0xc7, ...place.at(0, 4), ...word32(ordinaryUpper(random)), 0xdd, ...place.at(0),
  ]
}

/** mov word [m], control; fldcw [m]: mostly with exceptions masked. */
function loadControl(random: Random): number[] {
  const place = scratch(random)
  const masks = random.oneIn(6) ? random.below(64) : 0x3f
  const precision = random.pick([0, 2, 3, 3, 3]) << 8
  const rounding = random.pick([0, 0, 0, 1, 2, 3]) << 10
  return [0xc7, ...place.at(0), ...word32(masks | precision | rounding), 0xd9, ...place.at(5)]
}

/** An instruction on registers of the stack. */
function onStack(random: Random): number[] {
  const i = random.oneIn(2) ? random.below(2) : random.below(8)
  switch (random.below(12)) {
    case 0:
    case 1:
    case 2:
      return [0xd8, 0xc0 | (random.below(8) << 3) | i]
    case 3:
    case 4:
      return [0xdc, 0xc0 | (random.pick([0, 1, 4, 5, 6, 7]) << 3) | i]
    case 5:
      return [0xde, 0xc0 | (random.pick([0, 1, 4, 5, 6, 7]) << 3) | i]
    case 6:
      return [0xd9, (random.oneIn(2) ? 0xc0 : 0xc8) | i]
    case 7:
      return [0xdd, random.pick([0xd0, 0xd8, 0xc0]) | i]
    case 8:
      // FCOMI, FUCOMI, and the same with a pop.
      return [random.oneIn(4) ? 0xdf : 0xdb, (random.oneIn(2) ? 0xe8 : 0xf0) | i]
    case 9:
      // FCMOVcc
      return [random.oneIn(2) ? 0xda : 0xdb, 0xc0 | (random.below(4) << 3) | i]
    case 10:
      return random.pick([[0xda, 0xe9], [0xde, 0xd9], [0xdd, 0xe0 | i], [0xdd, 0xe8 | i]])
    default:
      return [0xd9, random.pick(unary)]
  }
}

/** Status, environment and all of the state, in and out. */
function whole(random: Random, { before, prefix, modrm }: Operand): number[] {
  const memory = (opcode: number, reg: number) => [...before, ...prefix, opcode, ...modrm(reg)]
  switch (random.below(9)) {
    case 0:
      return [0xdf, 0xe0]
    case 1:
      return memory(0xd9, 7)
    case 2:
      return memory(0xdd, 7)
    // fnstenv, then fldenv of the same: the address is the same if it does not depend on what changes between.
    case 3:
      return [...memory(0xd9, 6), ...prefix, 0xd9, ...modrm(4)]
    case 4:
      return [...memory(0xdd, 6), ...prefix, 0xdd, ...modrm(4)]
    case 5:
      return random.oneIn(6) ? memory(0xd9, 4) : [0x9b]
    case 6:
      return [0xdb, 0xe2]
    case 7:
      return random.oneIn(3) ? [0xdb, 0xe3] : [0xdd, 0xc0 | random.below(8)]
    default:
      return random.oneIn(2) ? [0xdf, 0xe0, 0x9e] : [0x0f, 0x77]
  }
}

export function x87Instruction(random: Random, environment: Environment): number[] {
  const rm = memoryOperand(random, environment)
  const memory = ([opcode, reg]: readonly [number, number]) => [...rm.before, ...rm.prefix, opcode, ...rm.modrm(reg)]
  switch (random.below(20)) {
    case 0:
    case 1:
    case 2:
      return loadOrdinary(random)
    case 3:
      return [0xd9, random.pick(constants)]
    case 4:
      return memory(random.pick(loads))
    case 5:
      return memory(random.oneIn(4) ? random.pick(MANY_BYTES) : random.pick(loads))
    case 6:
    case 7:
      return memory(random.pick(stores))
    case 8:
    case 9:
      return memory(random.pick(popping))
    case 10:
    case 11:
      return memory([random.pick(arithmetic), random.below(8)])
    case 12:
      return random.oneIn(2) ? loadControl(random) : whole(random, rm)
    case 13:
      return random.oneIn(3) ? [0xd9, random.pick(rare)] : onStack(random)
    default:
      return onStack(random)
  }
}
