/**
 * Random instructions of 32-bit code. EBP points into the middle of the data, ESP at a stack; the others hold anything.
 * Most memory operands hit data; some run over a page's end, hit pages that are absent or read-only, or go astray.
 */
import { Gpr } from '../../runtime/state.ts'
import { word32 } from './assembly.ts'
import type { Random } from './random.ts'

/** Bytes of data on either side of EBP. */
export const DATA_REACH = 0x3f00
/** Linear address of the page tables' playground, whose entries come and go. */
export const DEMAND_LINEAR = 0x50_0000
export const DEMAND_BYTES = 0x4000
/** What to add to an address of code or data for the same byte through other pages. */
export const ALIAS = 0x40_0000

const OPERAND_SIZE = 0x66
const PAGE = 0x1000
/** Registers that instructions may write. */
const free = [Gpr.Eax, Gpr.Ecx, Gpr.Edx, Gpr.Ebx, Gpr.Esi, Gpr.Edi] as const
const bytes = [0, 1, 2, 3, 4, 5, 6, 7] as const

/** ModRM.rm and SIB of a memory operand. */
const SIB = 4
const DISPLACEMENT_ONLY = 5

/** A ModR/M operand: what must stand in front of the instruction, and the bytes behind its opcode. */
interface Operand {
  readonly before: readonly number[]
  readonly modrm: (reg: number) => number[]
  readonly isMemory: boolean
}

function memory(rm: number, mod: number, rest: readonly number[], before: readonly number[] = []): Operand {
  return { before, isMemory: true, modrm: reg => [(mod << 6) | (reg << 3) | rm, ...rest] }
}

/** Displacement from EBP, often at the end of a page. */
function displacement(random: Random): number {
  const at = random.below(2 * DATA_REACH) - DATA_REACH
  return random.oneIn(6) ? (at & -PAGE) + PAGE - 1 - random.below(4) : at
}

export function memoryOperand(random: Random, dataBase: number): Operand {
  const disp = displacement(random)
  switch (random.below(16)) {
    case 0: case 1: return memory(Gpr.Ebp, 1, [random.below(256)])
    case 2: case 3: {
      // and index, 0x3ff; [ebp + index * scale + disp]
      const index = random.pick(free)
      const scale = random.below(4)
      const far = (disp >> 2) & ~0xfff
      return memory(SIB, 2, [(scale << 6) | (index << 3) | Gpr.Ebp, ...word32(far)], [0x81, 0xe0 | index, 0xff, 3, 0, 0])
    }
    case 4: return memory(DISPLACEMENT_ONLY, 0, word32(dataBase + disp + ALIAS))
    case 5: return memory(DISPLACEMENT_ONLY, 0, word32(dataBase + disp))
    case 6: case 7:
      return memory(DISPLACEMENT_ONLY, 0, word32(DEMAND_LINEAR + (random.oneIn(3) ? PAGE * random.below(4) + PAGE - 2 : random.below(DEMAND_BYTES))))
    case 8: return memory(SIB, 1, [0x24, random.below(64)])
    case 9: {
      // lea base, [ebp + disp]; [base + disp8]
      const base = random.pick(free)
      return memory(base, 1, [random.below(256)], [0x8d, 0x80 | (base << 3) | Gpr.Ebp, ...word32(disp)])
    }
    case 10: return random.oneIn(8) ? memory(random.pick(free), 0, []) : memory(Gpr.Ebp, 2, word32(disp))
    default: return memory(Gpr.Ebp, 2, word32(disp))
  }
}

function registerOperand(register: number): Operand {
  return { before: [], isMemory: false, modrm: reg => [0xc0 | (reg << 3) | register] }
}

/** Opcodes with ModR/M; the forms say which operands they write and what stands behind. */
interface Form {
  readonly opcode: readonly number[]
  /** ModRM.reg: a number, or a general or byte register. */
  readonly reg: number | 'register' | 'byte'
  readonly rm: 'dword' | 'byte'
  readonly immediate: 'none' | 'byte' | 'full'
  /** No register operand (LEA), or none in memory (MOVZX is fine with both). */
  readonly only?: 'memory' | 'register'
  readonly never16?: boolean
}

function rows(opcodes: readonly (readonly number[])[], rest: Omit<Form, 'opcode'>): Form[] {
  return opcodes.map(opcode => ({ opcode, ...rest }))
}

const eight = [0, 1, 2, 3, 4, 5, 6, 7]
const sixteen = Array.from({ length: 16 }, (_, i) => i)
const none = { immediate: 'none' } as const

/** By kind, so that each kind comes up often enough. */
const kinds: readonly (readonly Form[])[] = [
  // ADD OR ADC SBB AND SUB XOR CMP
  eight.flatMap(op => [
    ...rows([[op * 8], [op * 8 + 2]], { reg: 'byte', rm: 'byte', ...none }),
    ...rows([[op * 8 + 1], [op * 8 + 3]], { reg: 'register', rm: 'dword', ...none }),
  ]),
  eight.flatMap(op => [
    ...rows([[0x80]], { reg: op, rm: 'byte', immediate: 'byte' }),
    ...rows([[0x81]], { reg: op, rm: 'dword', immediate: 'full' }),
    ...rows([[0x83]], { reg: op, rm: 'dword', immediate: 'byte' }),
  ]),
  // INC DEC
  [0, 1].flatMap(op => [...rows([[0xfe]], { reg: op, rm: 'byte', ...none }), ...rows([[0xff]], { reg: op, rm: 'dword', ...none })]),
  // Shifts and rotates by 1, CL and an immediate.
  eight.flatMap(op => [
    ...rows([[0xd0], [0xd2]], { reg: op, rm: 'byte', ...none }),
    ...rows([[0xd1], [0xd3]], { reg: op, rm: 'dword', ...none }),
    ...rows([[0xc0]], { reg: op, rm: 'byte', immediate: 'byte' }),
    ...rows([[0xc1]], { reg: op, rm: 'dword', immediate: 'byte' }),
  ]),
  [
    ...rows([[0x0f, 0xa4], [0x0f, 0xac]], { reg: 'register', rm: 'dword', immediate: 'byte' }),
    ...rows([[0x0f, 0xa5], [0x0f, 0xad]], { reg: 'register', rm: 'dword', ...none }),
  ],
  // TEST NOT NEG MUL IMUL DIV IDIV
  [
    ...rows([[0xf6]], { reg: 0, rm: 'byte', immediate: 'byte' }), ...rows([[0xf7]], { reg: 0, rm: 'dword', immediate: 'full' }),
    ...[2, 3, 4, 5].flatMap(op => [...rows([[0xf6]], { reg: op, rm: 'byte', ...none }), ...rows([[0xf7]], { reg: op, rm: 'dword', ...none })]),
    ...rows([[0x0f, 0xaf]], { reg: 'register', rm: 'dword', ...none }),
    ...rows([[0x69]], { reg: 'register', rm: 'dword', immediate: 'full' }),
    ...rows([[0x6b]], { reg: 'register', rm: 'dword', immediate: 'byte' }),
  ],
  // MOV, MOVZX, MOVSX, LEA, XCHG, TEST
  [
    ...rows([[0x88], [0x8a], [0x84], [0x86]], { reg: 'byte', rm: 'byte', ...none }),
    ...rows([[0x89], [0x8b], [0x85], [0x87]], { reg: 'register', rm: 'dword', ...none }),
    ...rows([[0x8b], [0x89]], { reg: 'register', rm: 'dword', ...none }),
    ...rows([[0x0f, 0xb6], [0x0f, 0xbe]], { reg: 'register', rm: 'byte', ...none }),
    ...rows([[0x0f, 0xb7], [0x0f, 0xbf]], { reg: 'register', rm: 'dword', never16: true, ...none }),
    ...rows([[0x8d]], { reg: 'register', rm: 'dword', only: 'memory', ...none }),
    ...rows([[0xc6]], { reg: 0, rm: 'byte', immediate: 'byte' }), ...rows([[0xc7]], { reg: 0, rm: 'dword', immediate: 'full' }),
  ],
  // SETcc, CMOVcc
  sixteen.map(condition => ({ opcode: [0x0f, 0x90 + condition], reg: 0, rm: 'byte', ...none }) as const),
  sixteen.map(condition => ({ opcode: [0x0f, 0x40 + condition], reg: 'register', rm: 'dword', ...none }) as const),
  // BT BTS BTR BTC by a register in a register, by an immediate anywhere; BSF BSR; XADD; CMPXCHG
  [
    ...rows([[0x0f, 0xa3], [0x0f, 0xab], [0x0f, 0xb3], [0x0f, 0xbb]], { reg: 'register', rm: 'dword', only: 'register', ...none }),
    ...[4, 5, 6, 7].flatMap(op => rows([[0x0f, 0xba]], { reg: op, rm: 'dword', immediate: 'byte' })),
    ...rows([[0x0f, 0xbc], [0x0f, 0xbd], [0x0f, 0xc1], [0x0f, 0xb1]], { reg: 'register', rm: 'dword', ...none }),
    ...rows([[0x0f, 0xc0], [0x0f, 0xb0]], { reg: 'byte', rm: 'byte', ...none }),
  ],
]

/** DIV and IDIV mostly fault on random operands, so they are rare. */
const divisions = [6, 7].flatMap(op => [...rows([[0xf6]], { reg: op, rm: 'byte', ...none }), ...rows([[0xf7]], { reg: op, rm: 'dword', ...none })])

/** Opcodes of one byte without operands that touch nothing but registers and flags. */
const plain = [0x90, 0x98, 0x99, 0xf8, 0xf9, 0xf5, 0x9e, 0x9f, 0xfc, 0xfd, 0xfc, 0x27, 0x2f, 0x37, 0x3f, 0xd6]

/** Prefixes that change nothing here, or make a store raise #GP (CS) or leave a region (FS). */
const prefixes = [0x2e, 0x36, 0x3e, 0x26, 0x64, 0x65, 0xf0]

function withModrm(random: Random, form: Form, dataBase: number): number[] {
  const wide = form.never16 !== true && form.rm === 'dword' && random.oneIn(4)
  const inMemory = form.only === undefined ? random.oneIn(2) : form.only === 'memory'
  const rm = inMemory ? memoryOperand(random, dataBase) : registerOperand(random.pick(form.rm === 'byte' ? bytes : free))
  const reg = typeof form.reg === 'number' ? form.reg : random.pick(form.reg === 'byte' ? bytes : free)
  const prefix = inMemory && random.oneIn(25) ? [random.pick(prefixes)] : []
  const value = random.interesting()
  const immediate = form.immediate === 'none' ? [] : form.immediate === 'byte' ? [value & 0xff] : word32(value).slice(0, wide ? 2 : 4)
  return [...rm.before, ...prefix, ...(wide ? [OPERAND_SIZE] : []), ...form.opcode, ...rm.modrm(reg), ...immediate]
}

/** ESI or EDI to somewhere in the data: lea r, [ebp + disp]. */
function point(random: Random, register: Gpr): number[] {
  return [0x8d, 0x80 | (register << 3) | Gpr.Ebp, ...word32(displacement(random))]
}

/** A string instruction with its pointers set, with or without REP. */
function stringInstruction(random: Random): number[] {
  const opcode = random.pick([0xa4, 0xa5, 0xaa, 0xab, 0xac, 0xad, 0xa6, 0xa7, 0xae, 0xaf])
  const wide = (opcode & 1) === 1 && random.oneIn(4) ? [OPERAND_SIZE] : []
  const repeat = random.oneIn(3) ? [...[0x83, 0xe1, random.below(40)], random.pick([0xf2, 0xf3])] : []
  return [...point(random, Gpr.Esi), ...point(random, Gpr.Edi), ...repeat, ...wide, opcode]
}

/** Bytes of one random instruction, with what it needs in front of it. `dataBase` is the value of EBP. */
export function randomInstruction(random: Random, dataBase: number): number[] {
  const register = random.pick(free)
  const value = word32(random.interesting())
  switch (random.below(24)) {
    case 0: return [0xb8 + register, ...value]
    case 1: return [0xb0 + random.pick(bytes), value[0]]
    case 2: return [(random.oneIn(2) ? 0x40 : 0x48) + register]
    case 3: return [random.pick(plain)]
    case 4: return [random.below(8) * 8 + 5, ...value]
    case 5: return random.oneIn(3) ? stringInstruction(random) : [0x0f, 0xc8 + register]
    case 6: return [0x50 + random.pick(eight), 0x58 + register]
    case 7: return [0x68, ...value, 0x58 + register]
    case 8: return [0x9c, 0x58 + register]
    case 9: return random.oneIn(3) ? withModrm(random, random.pick(divisions), dataBase) : [0x90 + register]
    case 10: return random.oneIn(2) ? [0x60, 0x61] : [0x55, 0x89, 0xe5, 0x83, 0xec, 8, 0xc9]
    case 11: {
      // Through the stack in memory: push dword [m], pop dword [m].
      const from = memoryOperand(random, dataBase)
      const to = memoryOperand(random, dataBase)
      return [...from.before, 0xff, ...from.modrm(6), ...to.before, 0x8f, ...to.modrm(0)]
    }
    default: return withModrm(random, random.pick(random.pick(kinds)), dataBase)
  }
}
