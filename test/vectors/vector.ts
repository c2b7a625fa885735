/** One CPU test vector: a machine state, an instruction, and what a real CPU made of it. */
import type { Environment } from './environment.ts'
import type { X87Pointers } from './extended-state.ts'

/** General registers (EAX ECX EDX EBX ESP EBP ESI EDI), flags, instruction pointer, segment selectors. */
export interface VectorState {
  /** Eight unsigned 32-bit values in encoding order. */
  readonly registers: readonly number[]
  /** EFLAGS without TF and RF. */
  readonly eflags: number
  /** Offset in CS. */
  readonly eip: number
  /** ES CS SS DS FS GS. */
  readonly selectors: readonly number[]
  /** Vector and x87 state (extended-state.ts), in families that have it. */
  readonly extended?: readonly number[]
}

/** Bytes at a linear address. */
export interface MemoryBytes {
  readonly address: number
  readonly bytes: Uint8Array
}

export interface VectorFault {
  /** Exception vector (SDM vol. 3, table 6-1). */
  readonly vector: number
  /** Error code as pushed; 0 for vectors that have none. */
  readonly errorCode: number
  /** CR2 for #PF, else 0. */
  readonly address: number
}

/** What the generator knew of the instruction: the row of its table. */
export interface VectorRow {
  readonly mnemonic: string
  /** Operand form as in the decoder's tables: 'Ev_Gv'. */
  readonly form: string
  /** CPUID feature the instruction needs, or '' (then it belongs to every CPU from the Pentium Pro on). */
  readonly feature: string
  /** Opcode without prefixes: 0xNN, 0x0FNN, 0x0F38NN. */
  readonly opcode: number
  /** Opcode digit in ModR/M.reg; -1 when reg is an operand; -2 without ModR/M. */
  readonly modrm: number
  /** Mandatory prefix, or 0. */
  readonly prefix: number
}

export interface Vector extends VectorState {
  /** Initial pointers of the x87 environment, in families with extended state. */
  readonly pointers?: X87Pointers
  readonly environment: Environment
  /** Number of the case in its file. */
  readonly index: number
  readonly row: VectorRow
  /** Operand size in bits. */
  readonly size: number
  /** The instruction, at `eip`; INT3 fills the rest of the code range. */
  readonly bytes: Uint8Array
  /** Data memory that differs from the pattern. */
  readonly memory: readonly MemoryBytes[]
  /** State behind the instruction, or in front of its handler: for a fault, EIP is what would be pushed. */
  readonly out: VectorState
  /** Data memory that the instruction changed (unchanged bytes may lie between). */
  readonly memoryChanges: readonly MemoryBytes[]
  readonly fault: VectorFault | null
}
