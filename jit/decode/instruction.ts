/**
 * A decoded instruction: what the decoder hands to the record writer (interpreter), the region compiler and the
 * disassembler. Everything here is a fact about the bytes; nothing depends on values at run time.
 */

/** Bits. */
export type OperandSize = 8 | 16 | 32 | 64 | 80 | 128
export type AddressSize = 16 | 32 | 64

/** Which register file an operand names. `gpr8` uses indices 0..7 = AL CL DL BL AH CH DH BH (without REX);
 *  with REX 8..15 = R8B..R15B and 20..23 = SPL BPL SIL DIL. */
export type RegisterClass = 'gpr8' | 'gpr16' | 'gpr32' | 'gpr64' | 'segment' | 'control' | 'debug' | 'st' | 'mm' | 'xmm'

export interface RegisterOperand { readonly kind: 'register'; readonly class: RegisterClass; readonly index: number; readonly size: number }
/** `base`/`index` are register numbers of the address size, or -1. `segment` is the effective one (0..5, encoding order ES CS SS DS FS GS). `scale` is the shift 0..3. */
export interface MemoryOperand {
  readonly kind: 'memory'
  /** Size of the access in bits; 0 for LEA, INVLPG and other addresses that are not accessed as one datum. */
  readonly size: number
  readonly segment: number
  readonly base: number
  readonly index: number
  readonly scale: number
  /** Sign-extended to 32 bits (as a signed integer), for 16-bit addressing too. */
  readonly displacement: number
  /** 64-bit mode: the displacement counts from the end of the instruction. */
  readonly ripRelative?: true
  /** 64-bit moffs: the upper 32 bits of the absolute offset, as a signed integer. */
  readonly displacementHigh?: number
}
/** `value` is sign-extended or zero-extended as the form says, as a signed 32-bit integer. */
export interface ImmediateOperand {
  readonly kind: 'immediate'
  /** Extended to `size` bits and zero above them: `83 /0` with 16-bit operands and FF gives 0xFFFF, with 32-bit ones -1. */
  readonly value: number
  /** Bits that the instruction uses: the operand size for Iz and sign-extended Ib, 8 for counts, ports and vectors. */
  readonly size: number
  /** Bits 63..32 of a 64-bit immediate, as a signed integer. */
  readonly high?: number
}
/** A relative branch target: signed distance from the end of the instruction; `size` is its encoded width in bits. */
export interface RelativeOperand { readonly kind: 'relative'; readonly value: number; readonly size: number }
/** ptr16:16 / ptr16:32. */
export interface FarOperand { readonly kind: 'far'; readonly selector: number; readonly offset: number }

export type Operand = RegisterOperand | MemoryOperand | ImmediateOperand | RelativeOperand | FarOperand

/** REP prefix in effect: 0xF3 = 'rep' (REPE for CMPS/SCAS), 0xF2 = 'repne'. Mandatory prefixes are not reported here. */
export type RepeatPrefix = 'none' | 'rep' | 'repne'

export interface Instruction {
  /** Lower-case Intel mnemonic: 'add', 'jnz' is 'jcc' with `condition` 5, likewise 'setcc', 'cmovcc'. */
  readonly mnemonic: string
  /** Operand form as in the tables: 'Ev_Gv', 'Eb_Ib', 'Jz', ''. */
  readonly form: string
  /** Condition code 0..15 (low nibble of the opcode) of jcc, setcc, cmovcc; else -1. */
  readonly condition: number
  /** Bytes, 1..15. */
  readonly length: number
  /** Effective operand size in bits (16, 32, 64), also where no operand shows it (PUSHF, CWDE, IRET, MOVS is 'movs' with its element size here). */
  readonly operandSize: 8 | 16 | 32 | 64
  readonly addressSize: AddressSize
  readonly operands: readonly Operand[]
  readonly lock: boolean
  readonly repeat: RepeatPrefix
  /** Effective segment for string sources, XLAT and moffs: override or DS. */
  readonly segment: number
  /** Row of the opcode table, for coverage and tools. */
  readonly opcode: string
}

/**
 * Why bytes are not an instruction. 'length': more than 15 bytes (#GP). 'undefined': #UD. 'truncated': the bytes
 * handed over end inside the instruction; the caller fetches more (a page fault may come of that) and asks again.
 */
export type DecodeFailure = 'undefined' | 'length' | 'truncated'

/** The outcome of decoding: an instruction, or the exception that executing the bytes raises. */
export type Decoded =
  | { readonly ok: true; readonly instruction: Instruction }
  | { readonly ok: false; readonly failure: DecodeFailure; readonly length: number }

/** Mode that decoding depends on. */
export interface DecodeMode { readonly bits: 16 | 32 | 64 }
