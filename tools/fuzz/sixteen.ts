/**
 * Functions of 16-bit code, in a segment of their own that begins where all code does: random instructions with 16-bit
 * operands and addresses, or 32-bit ones by prefix, in loops and under branches. 32-bit code calls them far.
 *
 *   callf Code16:function -> DS and ES are a segment of 64 KiB over the data -> body -> DS and ES flat -> retf of 32 bits
 *
 * BX, SI and DI may hold anything: every offset is in the segment, but for accesses that run over its end.
 */
import { Gpr } from '../../runtime/state.ts'
import { displacement } from './addresses.ts'
import { absolute, type Item, type Label, type Piece, relative, word32 } from './assembly.ts'
import { type Environment, selectorsOf } from './environment.ts'
import { CODE, LOOP_COUNTERS, LOOP_COUNTERS_COUNT, Selector, SERVICE_VECTOR } from './layout.ts'
import type { Random } from './random.ts'

const ADDRESS_SIZE = 0x67
const OPERAND_SIZE = 0x66
const DS_OVERRIDE = 0x3e
const SS_OVERRIDE = 0x36
/** ModRM.rm of 16-bit addresses without BP: BX+SI, BX+DI, SI, DI, BX. */
const withoutBp = [0, 1, 4, 5, 7] as const
const withBp = [2, 3, 6] as const
const DISPLACEMENT_ONLY = 6
/** Registers that are neither ESP nor EBP; their bytes. */
const free = [Gpr.Eax, Gpr.Ecx, Gpr.Edx, Gpr.Ebx, Gpr.Esi, Gpr.Edi] as const
const bytes = [0, 1, 2, 3, 4, 5, 6, 7] as const
/** Opcodes of two bytes behind 0F: MOVZX, MOVSX, IMUL, BT …, BSF, BSR, XADD, CMPXCHG, SHLD, SHRD by CL. */
const twoByte = [0xb6, 0xbe, 0xb7, 0xbf, 0xaf, 0xbc, 0xbd, 0xc1, 0xb1, 0xa5, 0xad] as const
const ofByte = [0xb6, 0xbe]
const strings = [0xa4, 0xa5, 0xaa, 0xab, 0xac, 0xad, 0xa6, 0xa7, 0xae, 0xaf] as const

/** Selector of 16-bit code in a program's privilege. */
export function sixteenSelector({ user }: Environment): Selector {
  return user ? Selector.UserCode16 : Selector.KernelCode16
}

const word16 = (value: number) => [value & 0xff, (value >>> 8) & 0xff]

/** Prefixes of an operand, and its ModR/M with what follows. */
interface Operand16 {
  readonly prefixes: readonly number[]
  readonly modrm: (reg: number) => number[]
}

/** An operand in memory: in DS by 16-bit addresses, or near EBP in the flat SS. */
function memory16(random: Random): Operand16 {
  const make = (prefixes: readonly number[], mod: number, rm: number, rest: readonly number[]): Operand16 => ({
    prefixes, modrm: reg => [(mod << 6) | (reg << 3) | rm, ...rest],
  })
  const offset = random.oneIn(6) ? 0xffff - random.below(4) : random.word() & 0xffff
  switch (random.below(8)) {
    case 0:
    case 1:
      return make([], 0, random.pick(withoutBp), [])
    case 2:
    case 3:
      return make([], 1, random.pick(withoutBp), [random.below(256)])
    case 4:
      return make([], 2, random.pick(withoutBp), word16(offset))
    case 5:
      // These go through SS by themselves, where the stack is not, so far down.
      return make([DS_OVERRIDE], 2, random.pick(withBp), word16(offset))
    case 6:
      return make([], 0, DISPLACEMENT_ONLY, word16(offset))
    default:
      return make([ADDRESS_SIZE], 2, Gpr.Ebp, word32(displacement(random)))
  }
}

function operand16(random: Random, registers: readonly number[]): Operand16 {
  if (random.oneIn(2)) return memory16(random)
  const register = random.pick(registers)
  return { prefixes: [], modrm: reg => [0xc0 | (reg << 3) | register] }
}

/** One instruction, or a few that belong together. */
function instruction16(random: Random): number[] {
  const wide = random.oneIn(3)
  const size = wide ? [OPERAND_SIZE] : []
  const value = random.interesting()
  const immediate = wide ? word32(value) : word16(value)
  const register = random.pick(free)
  const general = operand16(random, free)
  const narrow = operand16(random, bytes)
  const form = ({ prefixes, modrm }: Operand16, opcode: readonly number[], reg: number, tail: readonly number[] = []) => [
    ...prefixes, ...size, ...opcode, ...modrm(reg), ...tail,
  ]
  switch (random.below(18)) {
    case 0:
    case 1:
    case 2:
      return form(general, [random.below(8) * 8 + random.pick([1, 3])], register)
    case 3:
      return form(narrow, [random.below(8) * 8 + random.pick([0, 2])], random.below(8))
    case 4:
      return random.oneIn(2)
        ? form(general, [0x81], random.below(8), immediate)
        : form(general, [0x83], random.below(8), [value & 0xff])
    case 5:
      return [...size, (random.oneIn(2) ? 0x40 : 0x48) + register]
    case 6:
      return form(general, [random.pick([0xd1, 0xd3])], random.below(8))
    case 7:
      return form(general, [0xc1], random.below(8), [value & 0xff])
    case 8:
      return form(general, [random.pick([0x89, 0x8b, 0x87, 0x85])], register)
    case 9:
      return random.oneIn(2) ? form(general, [0xc7], 0, immediate) : [...size, 0xb8 + register, ...immediate]
    case 10: {
      const opcode = random.pick(twoByte)
      return form(ofByte.includes(opcode) ? narrow : general, [0x0f, opcode], register)
    }
    case 11:
      return random.oneIn(2)
        ? form(narrow, [0x0f, 0x90 + random.below(16)], 0)
        : form(general, [0x0f, 0x40 + random.below(16)], register)
    case 12:
      return form(memory16(random), [0x8d], register)
    case 13:
      // NOT NEG MUL IMUL; AND AL and its like
      return random.oneIn(2)
        ? form(general, [0xf7], random.pick([2, 3, 4, 5]))
        : [...size, random.below(8) * 8 + 5, ...immediate]
    case 14: {
      const repeat = random.oneIn(2) ? [0x83, 0xe1, 0x1f, random.pick([0xf2, 0xf3])] : []
      return [...repeat, ...size, random.pick(strings)]
    }
    case 15:
      return random.pick([
        [...size, 0x50 + random.pick(free), ...size, 0x58 + register],
        [...size, 0x9c, ...size, 0x58 + register],
        [...size, 0x68, ...immediate, ...size, 0x58 + register],
        [0x60, 0x61],
        // A call over data, whose return address is popped.
        [0xe8, 4, 0, ...word32(random.word()), 0x58 + register],
      ])
    case 16:
      // To and from an address without ModR/M.
      return [...size, random.pick([0xa0, 0xa1, 0xa2, 0xa3]), ...word16(random.word())]
    default:
      return [...size, random.pick([0x98, 0x99, 0xf8, 0xf9, 0xf5, 0x9f, 0x9e, 0xfc, 0x27, 0x37])]
  }
}

/** An instruction, one under a branch, a jump, or a call of the handlers' service. */
function item16(random: Random, next: Label): Piece[] {
  switch (random.below(12)) {
    case 0:
    case 1: {
      const over = instruction16(random)
      return [0x70 + random.below(16), over.length, ...over]
    }
    case 2: {
      // A branch or LOOP with a distance of 16 bits, and a jump behind it.
      const over = instruction16(random)
      return [0x0f, 0x80 + random.below(16), ...word16(over.length), ...over]
    }
    case 3:
      // jcc or jmp to what comes behind the body, by 32 bits
      return random.oneIn(2)
        ? [OPERAND_SIZE, 0x0f, 0x80 + random.below(16), relative(next)]
        : [OPERAND_SIZE, 0xb8 + Gpr.Ebx, absolute(next, -CODE), OPERAND_SIZE, 0xff, 0xe3]
    case 4:
      return random.oneIn(6) ? [0xcd, SERVICE_VECTOR] : instruction16(random)
    default:
      return instruction16(random)
  }
}

/** Loads DS and ES: push selector; pop ds; push selector; pop es. */
const loadData = (selector: number): number[] => [0x6a, selector, 0x1f, 0x6a, selector, 0x07]

/** A function at `label`; `newLabel` gives labels. */
export function sixteenFunction(
  random: Random, environment: Environment, label: Label, newLabel: () => Label,
): Item[] {
  const items: Item[] = [{ labels: [label], code: loadData(Selector.Data16), gap: random.below(20) }]
  for (let loops = 1 + random.below(2); loops > 0; loops--) {
    const [head, next] = [newLabel(), newLabel()]
    const counter = word32(LOOP_COUNTERS + 4 * random.below(LOOP_COUNTERS_COUNT))
    const onCounter = [SS_OVERRIDE, ADDRESS_SIZE, OPERAND_SIZE] as const
    // mov dword [counter], n
    items.push({ labels: [], code: [...onCounter, 0xc7, 0x05, ...counter, ...word32(2 + random.below(4))] })
    items.push({ labels: [head], code: instruction16(random) })
    for (let i = 1 + random.below(9); i > 0; i--) items.push({ labels: [], code: item16(random, next) })
    // dec dword [counter]; and dword [counter], 15; jne head
    items.push({
      labels: [next],
      code: [
        ...onCounter, 0xff, 0x0d, ...counter, ...onCounter, 0x83, 0x25, ...counter, 15, OPERAND_SIZE, 0x0f, 0x85,
        relative(head),
      ],
    })
  }
  items.push({ labels: [], code: [...loadData(selectorsOf(environment).data), OPERAND_SIZE, 0xcb] })
  return items
}

/** A far call of such a function from 32-bit code. */
export function callSixteen(environment: Environment, label: Label): Piece[] {
  return [0x9a, absolute(label, -CODE), sixteenSelector(environment), 0]
}
