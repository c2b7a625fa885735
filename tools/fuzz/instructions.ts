/**
 * Random instructions of 32-bit code. EBP points into the middle of the data, ESP at a stack; the others hold anything,
 * or pointers. Operands come from addresses.ts.
 */
import { Gpr } from '../../runtime/state.ts'
import { word32 } from './assembly.ts'
import { demandAddress, displacement, freeRegisters, FS_OVERRIDE, memoryOperand } from './addresses.ts'
import type { Environment } from './environment.ts'
import { DATA_POINTER, DEMAND_PAGES, PAGE } from './layout.ts'
import { registerOperand } from './operand.ts'
import { movePointer } from './pointers.ts'
import type { Random } from './random.ts'
import { sseInstruction } from './sse.ts'
import { x87Instruction } from './x87.ts'

const OPERAND_SIZE = 0x66
const bytes = [0, 1, 2, 3, 4, 5, 6, 7] as const

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
  [0, 1].flatMap(op => [
    ...rows([[0xfe]], { reg: op, rm: 'byte', ...none }),
    ...rows([[0xff]], { reg: op, rm: 'dword', ...none }),
  ]),
  // Shifts and rotates by 1, CL and an immediate.
  eight.flatMap(op => [
    ...rows([[0xd0], [0xd2]], { reg: op, rm: 'byte', ...none }),
    ...rows([[0xd1], [0xd3]], { reg: op, rm: 'dword', ...none }),
    ...rows([[0xc0]], { reg: op, rm: 'byte', immediate: 'byte' }),
    ...rows([[0xc1]], { reg: op, rm: 'dword', immediate: 'byte' }),
  ]),
  [
    ...rows(
      [
        [0x0f, 0xa4],
        [0x0f, 0xac],
      ],
      { reg: 'register', rm: 'dword', immediate: 'byte' },
    ),
    ...rows(
      [
        [0x0f, 0xa5],
        [0x0f, 0xad],
      ],
      { reg: 'register', rm: 'dword', ...none },
    ),
  ],
  // TEST NOT NEG MUL IMUL DIV IDIV
  [
    ...rows([[0xf6]], { reg: 0, rm: 'byte', immediate: 'byte' }),
    ...rows([[0xf7]], { reg: 0, rm: 'dword', immediate: 'full' }),
    ...[2, 3, 4, 5].flatMap(op => [
      ...rows([[0xf6]], { reg: op, rm: 'byte', ...none }),
      ...rows([[0xf7]], { reg: op, rm: 'dword', ...none }),
    ]),
    ...rows([[0x0f, 0xaf]], { reg: 'register', rm: 'dword', ...none }),
    ...rows([[0x69]], { reg: 'register', rm: 'dword', immediate: 'full' }),
    ...rows([[0x6b]], { reg: 'register', rm: 'dword', immediate: 'byte' }),
  ],
  // MOV, MOVZX, MOVSX, LEA, XCHG, TEST
  [
    ...rows([[0x88], [0x8a], [0x84], [0x86]], { reg: 'byte', rm: 'byte', ...none }),
    ...rows([[0x89], [0x8b], [0x85], [0x87]], { reg: 'register', rm: 'dword', ...none }),
    ...rows([[0x8b], [0x89]], { reg: 'register', rm: 'dword', ...none }),
    ...rows(
      [
        [0x0f, 0xb6],
        [0x0f, 0xbe],
      ],
      { reg: 'register', rm: 'byte', ...none },
    ),
    ...rows(
      [
        [0x0f, 0xb7],
        [0x0f, 0xbf],
      ],
      { reg: 'register', rm: 'dword', never16: true, ...none },
    ),
    ...rows([[0x8d]], { reg: 'register', rm: 'dword', only: 'memory', ...none }),
    ...rows([[0xc6]], { reg: 0, rm: 'byte', immediate: 'byte' }),
    ...rows([[0xc7]], { reg: 0, rm: 'dword', immediate: 'full' }),
  ],
  // Compare and exchange 8 bytes; MOVBE
  [
    ...rows([[0x0f, 0xc7]], { reg: 1, rm: 'dword', only: 'memory', ...none }),
    ...rows(
      [
        [0x0f, 0x38, 0xf0],
        [0x0f, 0x38, 0xf1],
      ],
      { reg: 'register', rm: 'dword', only: 'memory', ...none },
    ),
  ],
  // SETcc, CMOVcc
  sixteen.map(condition => ({ opcode: [0x0f, 0x90 + condition], reg: 0, rm: 'byte', ...none }) as const),
  sixteen.map(condition => ({ opcode: [0x0f, 0x40 + condition], reg: 'register', rm: 'dword', ...none }) as const),
  // BT BTS BTR BTC by a register in a register, by an immediate anywhere; BSF BSR; XADD; CMPXCHG
  [
    ...rows(
      [
        [0x0f, 0xa3],
        [0x0f, 0xab],
        [0x0f, 0xb3],
        [0x0f, 0xbb],
      ],
      { reg: 'register', rm: 'dword', only: 'register', ...none },
    ),
    ...[4, 5, 6, 7].flatMap(op => rows([[0x0f, 0xba]], { reg: op, rm: 'dword', immediate: 'byte' })),
    ...rows(
      [
        [0x0f, 0xbc],
        [0x0f, 0xbd],
        [0x0f, 0xc1],
        [0x0f, 0xb1],
      ],
      { reg: 'register', rm: 'dword', ...none },
    ),
    ...rows(
      [
        [0x0f, 0xc0],
        [0x0f, 0xb0],
      ],
      { reg: 'byte', rm: 'byte', ...none },
    ),
  ],
]

/** DIV and IDIV mostly fault on random operands, so they are rare. */
const divisions = [6, 7].flatMap(op => [
  ...rows([[0xf6]], { reg: op, rm: 'byte', ...none }),
  ...rows([[0xf7]], { reg: op, rm: 'dword', ...none }),
])

/** Opcodes of one byte without operands that touch nothing but registers and flags. */
const plain = [0x90, 0x98, 0x99, 0xf8, 0xf9, 0xf5, 0x9e, 0x9f, 0xfc, 0xfd, 0xfc, 0x27, 0x2f, 0x37, 0x3f, 0xd6]

/** Prefixes that change nothing here, or make a store raise #GP (CS). */
const prefixes = [0x2e, 0x36, 0x3e, 0x26, 0xf0]

function withModrm(random: Random, form: Form, environment: Environment): number[] {
  const wide = form.never16 !== true && form.rm === 'dword' && random.oneIn(4)
  const inMemory = form.only === undefined ? random.oneIn(2) : form.only === 'memory'
  const rm = inMemory
    ? memoryOperand(random, environment)
    : registerOperand(random.pick(form.rm === 'byte' ? bytes : freeRegisters(environment)))
  const reg = typeof form.reg === 'number' ? form.reg : random.pick(form.reg === 'byte' ? bytes : freeRegisters(environment))
  const prefix = inMemory && random.oneIn(25) ? [random.pick(prefixes)] : []
  const value = random.interesting()
  const immediate =
    form.immediate === 'none' ? [] : form.immediate === 'byte' ? [value & 0xff] : word32(value).slice(0, wide ? 2 : 4)
  return [
    ...rm.before,
    ...prefix,
    ...rm.prefix,
    ...(wide ? [OPERAND_SIZE] : []),
    ...form.opcode,
    ...rm.modrm(reg),
    ...immediate,
  ]
}

/** lea register, [ebp + displacement]; or a pointer to a page that comes and goes, or to the data's alias. */
function point(random: Random, register: Gpr, environment: Environment): number[] {
  if (environment.paging !== 'off' && random.oneIn(5))
    return [
      0xb8 + register,
      ...word32(
        random.oneIn(2) ? demandAddress(random, environment) : DATA_POINTER + displacement(random) + environment.alias,
      ),
    ]
  return [0x8d, 0x80 | (register << 3) | Gpr.Ebp, ...word32(displacement(random))]
}

/** A string instruction with its pointers set, with or without REP, the source sometimes in FS. */
export function stringInstruction(random: Random, environment: Environment): number[] {
  const opcode = random.pick([0xa4, 0xa5, 0xaa, 0xab, 0xac, 0xad, 0xa6, 0xa7, 0xae, 0xaf])
  const wide = (opcode & 1) === 1 && random.oneIn(4) ? [OPERAND_SIZE] : []
  const most = random.oneIn(6) ? 0x7f : 0x1f
  const repeat = random.oneIn(2) ? [...[0x83, 0xe1, most], random.pick([0xf2, 0xf3])] : []
  const source = point(random, Gpr.Esi, environment)
  const override = random.oneIn(12) ? [FS_OVERRIDE] : []
  // sub esi, base
  const moved = override.length > 0 ? [0x81, 0xee, ...word32(environment.fsBase)] : []
  return [...source, ...moved, ...point(random, Gpr.Edi, environment), ...repeat, ...override, ...wide, opcode]
}

/** Stack operations of 16 bits, ENTER, and pushes of segment registers. */
function oddStack(random: Random, environment: Environment): number[] {
  const register = random.pick(freeRegisters(environment))
  switch (random.below(6)) {
    case 0:
      return [OPERAND_SIZE, 0x50 + random.pick(eight), OPERAND_SIZE, 0x58 + register]
    case 1:
      return [0xc8, random.below(32) * 4, 0, random.oneIn(4) ? random.below(4) : 0, 0xc9]
    case 2:
      return [random.pick([0x06, 0x0e, 0x16, 0x1e]), 0x58 + register]
    case 3:
      return [OPERAND_SIZE, 0x60, OPERAND_SIZE, 0x61]
    case 4:
      return [0x6a, random.below(256), 0x58 + register]
    default:
      return [0x54, 0x58 + register]
  }
}

/** PUSHF, a change of status flags, DF, ID or AC, POPF. */
function popFlags(random: Random): number[] {
  const bits = random.pick([0x8d5, 0x401, 0x20_0000, 0xc1, 0x800]) & random.word()
  // pushf; xor dword [esp], bits; popf
  return [0x9c, 0x81, 0x34, 0x24, ...word32(bits), 0x9d]
}

/** Instructions that look at or leave the ordinary: time, ports, CPUID, interrupt flag, traps, segment registers. */
function rare(random: Random, environment: Environment): number[] {
  const register = random.pick(freeRegisters(environment))
  switch (random.below(17)) {
    case 0:
      return [0x0f, 0x31]
    case 1:
      return [0xb8, ...word32(random.below(3)), 0x0f, 0xa2]
    case 2:
      return random.pick([[0xec], [0xee], [0xed], [0xe4, 0x21], [0xe6, 0x70]])
    case 3:
      return [random.oneIn(3) ? 0xfa : 0xfb]
    case 4:
      return [0xfb, 0x90 + register]
    // pushf; or dword [esp], TF; popf
    case 5:
      return [0x9c, 0x81, 0x0c, 0x24, ...word32(0x100), 0x9d]
    // mov eax, ss; mov ss, eax
    case 6:
      return [0x8c, 0xd0, 0x8e, 0xd0]
    case 7:
      return [0x16, 0x17]
    case 8:
      return [0x8c, 0xc0 | (random.pick([0, 1, 2, 3, 4, 5]) << 3) | register]
    case 9:
      return [0xce]
    case 10:
      return environment.timer && !environment.user && random.oneIn(3) ? [0xfb, 0xf4] : [0x0f, 0x0b]
    case 11:
      return [0xd7]
    case 12: {
      const bounds = memoryOperand(random, environment)
      return [...bounds.before, ...bounds.prefix, 0x62, ...bounds.modrm(register)]
    }
    case 13:
      // AAM, AAD
      return [random.oneIn(2) ? 0xd4 : 0xd5, random.below(32)]
    case 14:
      return random.pick([
        // SLDT, STR, VERR, VERW of a selector; SMSW; LAR, LSL; ARPL
        [0x0f, 0x00, 0xc0 | (random.pick([0, 1, 4, 5]) << 3) | register],
        [0x0f, 0x01, 0xe0 | register],
        [0x8c, 0xd8, 0x0f, random.pick([0x02, 0x03]), 0xc0 | (register << 3)],
        [0x63, 0xc0 | (random.pick(eight) << 3) | register],
      ])
    case 15: {
      // and index, 0xff; bt [m], index
      const bits = memoryOperand(random, environment)
      const index = random.pick(freeRegisters(environment))
      const small = [0x81, 0xe0 | index, 0xff, 0, 0, 0]
      return [...small, ...bits.before, ...bits.prefix, 0x0f, random.pick([0xa3, 0xab, 0xb3, 0xbb]), ...bits.modrm(index)]
    }
    default:
      return [0xcd, random.below(64)]
  }
}

/** CLI, STI, a segment register pushed and popped or moved to itself, RDTSC. User code may not do the first two. */
function systemInstruction(random: Random, environment: Environment): number[] {
  const free = freeRegisters(environment)
  const register = random.pick(free)
  switch (random.below(5)) {
    case 0:
      return [random.oneIn(3) ? 0xfa : 0xfb]
    case 1:
      return random.pick([[0x1e, 0x1f], [0x06, 0x07]])
    case 2:
      return random.pick([[0x0f, 0xa0, 0x0f, 0xa1], [0x0f, 0xa8, 0x0f, 0xa9]])
    case 3: {
      const segment = random.pick([0, 3, 4, 5])
      return [0x8c, 0xc0 | (segment << 3) | register, 0x8e, 0xc0 | (segment << 3) | register]
    }
    default:
      return free.includes(Gpr.Eax) && free.includes(Gpr.Edx) ? [0x0f, 0x31] : [0x90]
  }
}

/** A value next to where an operation of `size` bits overflows or gives zero. */
function boundary(random: Random, size: number): number {
  const sign = size === 32 ? 0x8000_0000 : 1 << (size - 1)
  return (random.pick([0, sign, 2 * sign]) + random.below(3) - 1) >>> 0
}

/** Arithmetic on registers alone, which cannot fault: op r, r; op r, imm8; inc, dec, shift, rotate, not, test, bt. */
export function registerArithmetic(random: Random, environment: Environment): number[] {
  const [to, from] = [random.pick(freeRegisters(environment)), random.pick(freeRegisters(environment))]
  const wide = random.oneIn(6) ? [OPERAND_SIZE] : []
  const pair = 0xc0 | (from << 3) | to
  switch (random.below(10)) {
    case 8: {
      // At a boundary: mov r, value; an operation of 8, 16 or 32 bits on it; setcc or jcc over nothing.
      const size = random.pick([8, 16, 32])
      const operation = random.pick([0xc0, 0xc8, 0xd0, 0xd8])
      const changes = operation < 0xd0 ? [size === 8 ? 0xfe : 0xff] : [size === 8 ? 0xf6 : 0xf7]
      const [value, on] = [boundary(random, size), size === 8 ? to & 3 : to]
      return [
        0xb8 + on, ...word32(value), ...(size === 16 ? [OPERAND_SIZE] : []), ...changes, operation | on,
        0x0f, 0x90 + random.below(16), 0xc0 | random.pick([0, 1, 2]),
      ]
    }
    case 9:
      // The same of two operands, by registers of 8 bits or a part of a register.
      return [
        0xb8 + (to & 3), ...word32(boundary(random, 8)), 0x80, 0xc0 | (random.below(8) << 3) | (to & 3),
        boundary(random, 8) & 0xff, 0x0f, 0x90 + random.below(16), 0xc0 | random.pick([0, 1, 2]),
      ]
    case 0:
    case 1:
      return [...wide, random.below(8) * 8 + 1, pair]
    case 2:
      return [...wide, 0x83, 0xc0 | (random.below(8) << 3) | to, random.below(256)]
    case 3:
      return [...wide, (random.oneIn(2) ? 0x40 : 0x48) + to]
    case 4:
      return [...wide, 0xc1, 0xc0 | (random.below(8) << 3) | to, random.below(34)]
    case 5:
      return [...wide, random.pick([0xd1, 0xd3]), 0xc0 | (random.below(8) << 3) | to]
    case 6:
      return random.pick([[0xf7, 0xd0 | to], [0xf7, 0xd8 | to], [0x85, pair], [0xf8], [0xf9], [0xf5]])
    default:
      return [...wide, 0x0f, random.pick([0xa3, 0xab, 0xb3, 0xbb, 0xaf, 0xbc]), pair]
  }
}

/** Bytes of one random instruction, with what it needs in front of it. */
export function randomInstruction(random: Random, environment: Environment): number[] {
  if (environment.pointers && random.oneIn(5)) return movePointer(random, environment)
  if (environment.sse && random.oneIn(4)) return sseInstruction(random, environment)
  if (environment.x87 && random.oneIn(4)) return x87Instruction(random, environment)
  const register = random.pick(freeRegisters(environment))
  const value = word32(random.interesting())
  switch (random.below(26)) {
    case 0:
      return [0xb8 + register, ...value]
    case 1:
      return [0xb0 + random.pick(bytes), value[0]]
    case 2:
      return [(random.oneIn(2) ? 0x40 : 0x48) + register]
    case 3:
      if (random.oneIn(4)) return systemInstruction(random, environment)
      return random.oneIn(4) ? popFlags(random) : [random.pick(plain)]
    case 4:
      return [random.below(8) * 8 + 5, ...value]
    case 5:
      return random.oneIn(3) ? stringInstruction(random, environment) : [0x0f, 0xc8 + register]
    case 6:
      return [0x50 + random.pick(eight), 0x58 + register]
    case 7:
      return random.oneIn(2) ? oddStack(random, environment) : [0x68, ...value, 0x58 + register]
    case 8:
      return [0x9c, 0x58 + register]
    case 9:
      return random.oneIn(3) ? withModrm(random, random.pick(divisions), environment) : [0x90 + register]
    case 10:
      return random.oneIn(2) ? [0x60, 0x61] : [0x55, 0x89, 0xe5, 0x83, 0xec, 8, 0xc9]
    case 11: {
      // Through the stack in memory: push dword [m], pop dword [m].
      const from = memoryOperand(random, environment)
      const to = memoryOperand(random, environment)
      return [...from.before, ...from.prefix, 0xff, ...from.modrm(6), ...to.before, ...to.prefix, 0x8f, ...to.modrm(0)]
    }
    case 12:
      return random.oneIn(5) ? rare(random, environment) : [0xa8, value[0]]
    default:
      return withModrm(random, random.pick(random.pick(kinds)), environment)
  }
}

/** An instruction that mostly faults: a division by nothing, no instruction, a privileged one, or a wild address. */
export function faultingInstruction(random: Random, environment: Environment): number[] {
  switch (random.below(6)) {
    case 0:
      return [0x31, 0xc9, 0xf7, 0xf1]
    case 1:
      return [0x0f, 0x0b]
    // mov cr1, edi
    case 2:
      return [0x0f, 0x22, 0xcf]
    case 3:
      return [0x8b, 0x05, ...word32(environment.paging === 'off' ? 0xfff0_0000 : 0x7000_0000 + random.below(PAGE))]
    case 4:
      return [0xf6, 0xf9]
    // A store half in the last page of the demand range, which goes on in none.
    default:
      return [0xc7, 0x05, ...word32(environment.demand + DEMAND_PAGES * PAGE - 2), ...word32(random.word())]
  }
}
