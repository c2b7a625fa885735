/**
 * Random vector instructions of later extensions, and what is around vectors: MMX moves, MXCSR, FXSAVE, stores past the
 * caches. sse.ts has MMX, SSE and SSE2.
 */
import { Gpr } from '../../runtime/state.ts'
import { word32 } from './assembly.ts'
import { type Operand, registerOperand, scratch } from './operand.ts'
import type { Random } from './random.ts'

const VECTORS = 8
const OPERAND_SIZE = 0x66
/** Where FXSAVE puts its image, from EBP: aligned. */
const IMAGE = 0x200
const range = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, i) => first + i)

/** Of the map 0F 38, in MMX and XMM registers, and in XMM registers alone: SSSE3; SSE4, AES. */
const ssse3 = [...range(0x00, 0x0b), 0x1c, 0x1d, 0x1e]
const sse4 = [
  0x10, 0x14, 0x15, 0x17, ...range(0x20, 0x25), 0x28, 0x29, 0x2a, 0x2b, ...range(0x30, 0x35), ...range(0x37, 0x41),
  ...range(0xdb, 0xdf),
]
/** Of the map 0F 3A, with an immediate: rounding, blends, PALIGNR, lanes, dot products, strings, AES. */
const withImmediate = [
  ...range(0x08, 0x0f), ...range(0x14, 0x17), 0x20, 0x21, 0x22, 0x40, 0x41, 0x42, 0x44, ...range(0x60, 0x63), 0xdf,
]
/** MMX: loads, stores, to and from general registers, shifts by an immediate, shuffles and lanes. */
const mmx = [0x6f, 0x7f, 0x6e, 0x7e, 0x6f, 0x7f] as const
/** SSE3 and moves between the files, with their prefixes. */
const others = [
  [0xf2, 0x12], [0xf3, 0x12], [0xf3, 0x16], [0x66, 0x7c], [0xf2, 0x7c], [0x66, 0x7d], [0xf2, 0x7d], [0x66, 0xd0],
  [0xf2, 0xd0], [0xf2, 0xf0], [0xf3, 0xd6], [0xf2, 0xd6], [0x66, 0xc4], [0x66, 0xc5], [0xf2, 0x70], [0xf3, 0x70],
] as const
const TAKES_IMMEDIATE = [0x70, 0xc4, 0xc5] as const
/** Stores past the caches: MOVNTPS, MOVNTPD, MOVNTDQ, MOVNTQ, MOVNTI. */
const nonTemporal = [[0x2b], [OPERAND_SIZE, 0x2b], [OPERAND_SIZE, 0xe7], [0xe7], [0xc3]] as const

/** mov dword [m], image; ldmxcsr [m]. */
function loadMxcsr(random: Random): number[] {
  const place = scratch(random)
  const masks = random.oneIn(5) ? random.below(64) << 7 : 0x1f80
  const rounding = random.pick([0, 0, 0, 1, 2, 3]) << 13
  const zeros = random.oneIn(4) ? random.pick([0x8000, 0x40, 0x8040]) : 0
  const flags = random.oneIn(3) ? random.below(64) : 0x20
  return [0xc7, ...place.at(0), ...word32(masks | rounding | zeros | flags), 0x0f, 0xae, ...place.at(2)]
}

/** An instruction on `rm`, an operand of vectors, or of general registers. */
export function extendedInstruction(random: Random, rm: Operand, general: number): number[] {
  const reg = random.below(VECTORS)
  const wide = random.oneIn(3) ? [] : [OPERAND_SIZE]
  const make = (prefix: readonly number[], opcode: readonly number[], tail: readonly number[] = []) => [
    ...rm.before, ...rm.prefix, ...prefix, 0x0f, ...opcode, ...rm.modrm(reg), ...tail,
  ]
  switch (random.below(16)) {
    case 0:
    case 1:
      return make(wide, [0x38, random.pick(ssse3)])
    case 2:
    case 3:
      return make([OPERAND_SIZE], [0x38, random.pick(sse4)])
    case 4:
    case 5:
      return make([OPERAND_SIZE], [0x3a, random.pick(withImmediate)], [random.below(256)])
    case 6:
      return make([], [0x3a, 0x0f], [random.below(20)])
    case 7:
    case 8: {
      const [prefix, opcode] = random.pick(others)
      return make([prefix], [opcode], TAKES_IMMEDIATE.some(each => each === opcode) ? [random.below(256)] : [])
    }
    case 9:
    case 10:
      return make([], [random.pick(mmx)])
    case 11:
      return [0x0f, random.pick([0x71, 0x72, 0x73]), 0xc0 | (random.pick([2, 4, 6]) << 3) | reg, random.below(0x40)]
    case 12:
      return loadMxcsr(random)
    case 13:
      // stmxcsr; fxsave and fxrstor of the same; fences
      return random.pick([
        () => [0x0f, 0xae, ...scratch(random).at(3)],
        () => {
          // lea register, [ebp + n]; fxsave [register]; fxrstor [register]
          const address = [0x8d, 0x80 | (general << 3) | Gpr.Ebp, ...word32(IMAGE)]
          return [...address, 0x0f, 0xae, 0x40 | general, 0, 0x0f, 0xae, 0x48 | general, 0]
        },
        () => [0x0f, 0xae, random.pick([0xe8, 0xf0, 0xf8])],
      ])()
    case 14: {
      const bytes = random.pick(nonTemporal)
      return rm.isMemory ? make(bytes.slice(0, -1), bytes.slice(-1)) : [0x0f, 0x77]
    }
    default: {
      // CRC32 and POPCNT, of a general register or memory.
      const from = rm.isMemory ? rm : registerOperand(general)
      const bytes = random.pick([[0xf2, 0x0f, 0x38, 0xf0], [0xf2, 0x0f, 0x38, 0xf1], [0xf3, 0x0f, 0xb8]])
      return [...from.before, ...from.prefix, ...bytes, ...from.modrm(general === Gpr.Esp ? Gpr.Eax : general)]
    }
  }
}
