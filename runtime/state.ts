/**
 * The CPU state table: every field of one virtual CPU, once, with its name and width.
 *
 * Everything that touches the state takes its offsets from here: the interpreter generator, the region
 * compiler, the TypeScript machine, and the AssemblyScript helpers (through the constants that
 * `tools/build.ts` writes to `build/helpers/layout.ts`). Fields are 8-byte strided where long mode will widen them.
 *
 * The state sits below 64 KiB of linear memory, so that a decoded record can name any register slot,
 * sub-registers included (AH is the address of EAX plus one), in 16 bits, as an absolute address.
 */

import { WINDOWS } from './memory-map.ts'

/** Address of the state of the virtual CPU in linear memory, in bytes. */
export const STATE_BASE = 0x400

/** One field of the state table: `count` elements of `bytes` each. */
export interface StateField {
  readonly name: string
  readonly bytes: number
  readonly count: number
  /** Address of element 0 in linear memory. */
  readonly address: number
}

type Row = readonly [name: string, bytes: number, count?: number]

const rows = [
  // General registers in encoding order: AX CX DX BX SP BP SI DI R8..R15. Each slot is 8 bytes.
  ['gpr', 8, 16],
  // Pseudo-register of decoded records: always zero.
  ['zero', 8],
  // Instruction pointer (offset in CS, not linear), valid whenever no handler is executing.
  ['eip', 8],
  // EFLAGS without CF PF AF ZF SF OF, which live in the lazy fields below (see flags.ts).
  ['eflags', 8],
  ['flagKind', 8],
  ['flagResult', 8],
  ['flagLeft', 8],
  ['flagRight', 8],
  ['flagCarry', 8],
  ['flagOverflow', 8],
  // Segment registers: ES CS SS DS FS GS LDTR TR (see Segment). `base` is 8 bytes; `limit` is in bytes,
  // inclusive, granularity applied; `access` is bits 8..23 of the descriptor's second dword, shifted right by 8.
  ['segmentSelector', 8, 8],
  ['segmentBase', 8, 8],
  ['segmentLimit', 8, 8],
  ['segmentAccess', 8, 8],
  ['gdtrBase', 8],
  ['gdtrLimit', 8],
  ['idtrBase', 8],
  ['idtrLimit', 8],
  ['cr0', 8],
  ['cr2', 8],
  ['cr3', 8],
  ['cr4', 8],
  ['pdpte', 8, 4],
  ['dr', 8, 8],
  ['cpl', 8],
  // What decoding and lookup depend on: ModeBit flags, plus the generation of the address map above them.
  ['mode', 8],
  ['key', 8],
  // Generations of the address map, as code at CPL 3 and at the other levels sees it; `key` has the one in force.
  ['userGeneration', 8],
  ['supervisorGeneration', 8],
  // Address of the TLB of the current privilege (supervisor or user).
  ['tlbBase', 8],
  ['a20Mask', 8],
  ['ramBytes', 8],
  // Where video memory is seen: first physical address, bytes (0: closed), and the place of the first byte.
  ['windowPhysical', 8, WINDOWS],
  ['windowBytes', 8, WINDOWS],
  ['windowPlace', 8, WINDOWS],
  // Pending exception raised by a helper: 0 = none, else vector + 1. Consumers test it after every slow path.
  ['fault', 8],
  ['faultErrorCode', 8],
  // Nonzero: the pending exception belongs to EIP as it is, in a new task, and not to the instruction that raised it.
  ['eipMoved', 8],
  // Exit plumbing.
  ['exitReason', 8],
  ['exitArgument', 8],
  // Nonzero: decode and run every instruction alone, so that the trace ring holds each one.
  ['traceEach', 8],
  // Nonzero: a budget may end some instructions early, at a place where the rest could be overdrawn, instead of being
  // stepped to its exact end.
  ['wholeRuns', 8],
  // Entries by jump after which a run is hot; 0 means never.
  ['heatThreshold', 8],
  // Set when decoded or compiled code has been dropped because its bytes were written.
  ['codeWritten', 8],
  // Set when a device access asks for its instruction to be stepped (see FAULT_STEP).
  ['stepRequest', 8],
  // Pins that ask for an interrupt: InterruptPin; and whether NMI waits for the end of the last one (IRET).
  ['interruptLine', 8],
  ['nmiBlocked', 8],
  // Interrupts are held off for one instruction after STI, MOV SS, POP SS: InterruptShadow.
  ['interruptShadow', 8],
  ['halted', 8],
  // The instruction executing now was decoded alone (ModeBit.Step); whether TF and a shadow were set before it.
  ['stepping', 8],
  ['trapBefore', 8],
  ['shadowBefore', 8],
  // Breakpoints in force, bit n for DRn (helpers/breakpoints.ts): on execution, on data, on ports; DR6 bits hit already.
  ['codeBreakpoints', 8],
  ['dataBreakpoints', 8],
  ['portBreakpoints', 8],
  ['debugHits', 8],
  // EFLAGS.RF as it was before the instruction being stepped; whether EIP is at a REP instruction that has begun.
  ['resumeBefore', 8],
  ['repeating', 8],
  // Instructions left to the next event within the current `run`.
  ['remaining', 8],
  // Instructions to take off `remaining` at the next look around: a device has scheduled an earlier event.
  ['remainingCut', 8],
  ['tscOffset', 8],
  // Model-specific registers.
  ['sysenterCs', 8],
  ['sysenterEsp', 8],
  ['sysenterEip', 8],
  ['apicBase', 8],
  ['efer', 8],
  ['pat', 8],
  ['mtrr', 8, 32],
  ['miscEnable', 8],
  // x87: physical registers R0..R7, 16 bytes each (10 used: 64-bit significand, then sign and exponent).
  ['fpr', 16, 8],
  ['fpuControl', 8],
  ['fpuStatus', 8],
  ['fpuTag', 8],
  ['fpuTop', 8],
  ['fpuOpcode', 8],
  ['fpuInstructionOffset', 8],
  ['fpuInstructionSelector', 8],
  ['fpuDataOffset', 8],
  ['fpuDataSelector', 8],
  // IGNNE#: pending exceptions are ignored while CR0.NE is clear (helpers/x87-control.ts).
  ['fpuIgnored', 8],
  // Where a compiled region was left last because it was compiled for another precision control; 0: nowhere.
  ['fpuOtherPrecision', 8],
  ['mxcsr', 8],
  // Nonzero when SSE instructions raise #UD or #NM, which follows from CR0 and CR4 (helpers/mode.ts).
  ['sseBlocked', 8],
  ['xmm', 16, 16],
  // Where a definition leaves the memory operand and the immediate of a vector helper (vector-operations.ts).
  ['vectorOperand', 16],
  ['vectorImmediate', 8],
  // Lengths of the strings of PCMPESTRI: destination, source.
  ['vectorLengths', 8, 2],
  // Scratch where helpers leave a second result (the high half, a remainder, an 80-bit value …).
  ['result', 16, 4],
  ['cpuModel', 8],
  // Ring of the addresses of the last runs entered, for --trace and crash reports.
  ['traceCursor', 8],
] as const satisfies readonly Row[]

export type StateName = (typeof rows)[number][0]

function layOut(): { fields: Record<StateName, StateField>; end: number } {
  const fields = {} as Record<StateName, StateField>
  let address = STATE_BASE
  for (const [name, bytes, count = 1] of rows as readonly Row[]) {
    if (bytes === 16) address = (address + 15) & ~15
    fields[name as StateName] = { name, bytes, count, address }
    address += bytes * count
  }
  return { fields, end: address }
}

const laidOut = layOut()

/** All fields by name. */
export const stateFields: Readonly<Record<StateName, StateField>> = laidOut.fields

/** First address behind the state. */
export const STATE_END = laidOut.end

/** Address of element `index` of field `name`. */
export function stateAddress(name: StateName, index = 0): number {
  const field = stateFields[name]
  if (index < 0 || index >= field.count) throw new RangeError(`state field ${name} has no element ${index}`)
  return field.address + index * field.bytes
}

/** General registers by encoding. */
export enum Gpr { Eax, Ecx, Edx, Ebx, Esp, Ebp, Esi, Edi }

/** Segment registers by encoding (Intel SDM vol. 2, table B-8), then the two system segments. */
export enum Segment { Es, Cs, Ss, Ds, Fs, Gs, Ldtr, Tr }

/** EFLAGS bits (SDM vol. 1, figure 3-8). */
export enum Eflags {
  CF = 1 << 0, PF = 1 << 2, AF = 1 << 4, ZF = 1 << 6, SF = 1 << 7, TF = 1 << 8, IF = 1 << 9, DF = 1 << 10,
  OF = 1 << 11, IOPL = 3 << 12, NT = 1 << 14, RF = 1 << 16, VM = 1 << 17, AC = 1 << 18, VIF = 1 << 19,
  VIP = 1 << 20, ID = 1 << 21,
}

/** CR0 bits (SDM vol. 3, 2.5). */
export enum Cr0 {
  PE = 1 << 0, MP = 1 << 1, EM = 1 << 2, TS = 1 << 3, ET = 1 << 4, NE = 1 << 5, WP = 1 << 16, AM = 1 << 18,
  NW = 1 << 29, CD = 1 << 30, PG = 1 << 31,
}

/** CR4 bits (SDM vol. 3, 2.5). */
export enum Cr4 {
  VME = 1 << 0, PVI = 1 << 1, TSD = 1 << 2, DE = 1 << 3, PSE = 1 << 4, PAE = 1 << 5, MCE = 1 << 6, PGE = 1 << 7,
  PCE = 1 << 8, OSFXSR = 1 << 9, OSXMMEXCPT = 1 << 10,
}

/** Exception vectors (SDM vol. 3, table 6-1). */
export enum Vector {
  DE = 0, DB = 1, NMI = 2, BP = 3, OF = 4, BR = 5, UD = 6, NM = 7, DF = 8, TS = 10, NP = 11, SS = 12, GP = 13,
  PF = 14, MF = 16, AC = 17, MC = 18, XM = 19,
}

/**
 * Facts about the CPU mode on which decoding, definitions and code lookup depend. `state.mode` holds them; the low
 * byte of `state.key` repeats them below the address-map generation, so one compare validates a cached code pointer.
 */
export enum ModeBit {
  /** CS.D: default operand and address size are 32. */
  Code32 = 1 << 0,
  /** SS.B: the stack pointer is ESP, else SP. */
  Stack32 = 1 << 1,
  /** CS, DS, ES and SS have base 0, limit 4 GiB - 1, expand up, DS/ES/SS writable: no segment checks are needed. */
  Flat = 1 << 2,
  /** CPL is 3. */
  User = 1 << 3,
  /** CR0.PE is set and EFLAGS.VM clear: selectors are descriptors. */
  Protected = 1 << 4,
  /** EFLAGS.VM is set. */
  Virtual8086 = 1 << 5,
  /** Decode runs of one instruction only: exact stops, TF, interrupt shadows, breakpoints. */
  Step = 1 << 6,
}

/** What `mode` has in code that needs no segment checks and is 32 bits wide. */
export const FLAT32_MODE = ModeBit.Flat | ModeBit.Code32 | ModeBit.Stack32

/**
 * Pseudo-vector: not an exception, but the request to execute this instruction again in a step of its own. Device
 * memory is touched in single steps alone, so that an interrupt it raises is taken right after the instruction.
 */
export const FAULT_STEP = 255

/** Pseudo-vector: a pending x87 exception is reported outside, by FERR# (CR0.NE clear). */
export const FAULT_FERR = 254

/** Number of mode bits below the generation in `state.key`. */
export const MODE_BITS = 8

/** `state.interruptLine`: INTR, which IF lets in, and an edge on NMI that waits. */
export enum InterruptPin { Intr = 1, Nmi = 2 }

/** `state.interruptShadow`: what the previous instruction holds off (SDM vol. 3, 6.8.3). */
export enum InterruptShadow { None, Sti, MovSs }
