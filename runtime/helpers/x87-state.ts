/**
 * The x87 register stack and status word, and the commit of an operation's outcome.
 *
 * `FPU_STATUS` holds the status word without TOP, `FPU_TOP` holds TOP, and `FPU_TAG` one bit per physical register
 * R0..R7, set when the register is in use (the abridged form of FXSAVE); the two-bit tags of FSTENV are worked out
 * from contents. An instruction runs `begin`, an operation of softfloat80*, then `commit`, which tells whether an
 * unmasked exception holds the result back; only then are registers written.
 *
 * Source: Intel SDM vol. 1, 8.1 (environment), 8.4, 8.5 (exceptions), 8.7 (handling).
 */
import {
  EIP, FPR, FPU_CONTROL, FPU_OPCODE, FPU_STATUS, FPU_TAG, FPU_TOP, SEGMENT_BASE, SEGMENT_CS,
} from '../../build/helpers/layout'
import { clearFault, faulted, read8 } from './memory'
import {
  begin, control, DENORMAL, exceptions, INDEFINITE_SE, INDEFINITE_SIG, INVALID, raiseException, roundedUp, setResult,
  ZERO_DIVIDE,
} from './softfloat80'
import * as core from './softfloat80'

/** Status word bits. */
export const STATUS_EXCEPTIONS: u32 = 0x3f
export const STATUS_STACK_FAULT: u32 = 0x40
export const STATUS_SUMMARY: u32 = 0x80
export const STATUS_C0: u32 = 0x100
export const STATUS_C1: u32 = 0x200
export const STATUS_C2: u32 = 0x400
export const STATUS_C3: u32 = 0x4000
export const STATUS_CONDITIONS: u32 = 0x4700
export const STATUS_BUSY: u32 = 0x8000
export const STATUS_TOP_SHIFT: u32 = 11

/** Exceptions found before the result is computed: unmasked, they leave every register as it was. */
const BEFORE_RESULT: u32 = INVALID | DENORMAL | ZERO_DIVIDE

/** Physical register number of ST(i). */
export function physical(i: i32): u32 {
  return (load<u32>(FPU_TOP) + <u32>i) & 7
}

/** Address of ST(i): significand, then sign and exponent 8 bytes on. */
export function registerAddress(i: i32): u32 {
  return FPR + (physical(i) << 4)
}

export function significand(i: i32): u64 {
  return load<u64>(registerAddress(i))
}

/** Sign and exponent of ST(i). */
export function signExponent(i: i32): u32 {
  return <u32>load<u16>(registerAddress(i), 8)
}

export function isEmpty(i: i32): bool {
  return ((load<u32>(FPU_TAG) >> physical(i)) & 1) == 0
}

/** Writes ST(i) and marks it in use. */
export function setRegister(i: i32, sig: u64, se: u32): void {
  const number = physical(i)
  const address = FPR + (number << 4)
  store<u64>(address, sig)
  store<u16>(address, <u16>se, 8)
  store<u32>(FPU_TAG, load<u32>(FPU_TAG) | (1 << number))
}

/** Writes the outcome of the operation to ST(i). */
export function setRegisterResult(i: i32): void {
  setRegister(i, core.resultSig, core.resultSe)
}

/** Pushes a value; the caller has checked for overflow. */
export function push(sig: u64, se: u32): void {
  store<u32>(FPU_TOP, (load<u32>(FPU_TOP) - 1) & 7)
  setRegister(0, sig, se)
}

/** Marks ST(0) empty and moves TOP, `count` times (0 to 2). */
// @ts-ignore: decorator
@inline
export function pop(count: i32): void {
  const top = load<u32>(FPU_TOP)
  const freed = (((<u32>1 << count) - 1) << top)
  store<u32>(FPU_TAG, load<u32>(FPU_TAG) & ~(freed | (freed >> 8)))
  store<u32>(FPU_TOP, (top + <u32>count) & 7)
}

/** Starts an operation under the control word. */
export function start(): void {
  begin(load<u32>(FPU_CONTROL))
}

/** An operand register is empty: the masked response is the real indefinite. C1 stays 0. */
export function stackUnderflow(): void {
  raiseException(INVALID | STATUS_STACK_FAULT)
  setResult(INDEFINITE_SIG, INDEFINITE_SE)
}

/** The register to push into is in use: the masked response pushes the real indefinite. C1 is 1. */
export function stackOverflow(): void {
  stackUnderflow()
  core.roundedUp = STATUS_C1
}

/** ES and B follow from the flags and the masks. */
export function summarise(status: u32, controlWord: u32): u32 {
  if ((status & ~controlWord & STATUS_EXCEPTIONS) != 0) return status | STATUS_SUMMARY | STATUS_BUSY
  return status & ~(STATUS_SUMMARY | STATUS_BUSY)
}

/** First byte of x87 opcodes, and longest run of bytes that an instruction has. */
const ESCAPE: u32 = 0xd8
const LONGEST_INSTRUCTION: u32 = 15

/**
 * Records the opcode of the current instruction: low 3 bits of the escape byte, then ModRM. Only an unmasked
 * exception does so (SDM vol. 1, 8.1.9.1, fopcode compatibility mode off), which is rare enough to read the code
 * bytes again.
 */
function recordOpcode(): void {
  const linear = load<u32>(SEGMENT_BASE + (SEGMENT_CS << 3)) + load<u32>(EIP)
  for (let i: u32 = 0; i < LONGEST_INSTRUCTION; i++) {
    const byte = read8(linear + i)
    if (faulted()) break
    if ((byte & ESCAPE) != ESCAPE || byte >= 0xe0) continue
    store<u32>(FPU_OPCODE, ((byte & 7) << 8) | read8(linear + i + 1))
    break
  }
  // The bytes were fetched a moment ago; a mapping gone since must not fault an instruction that is done.
  clearFault()
}

/**
 * Enters the flags and C1 of the operation into the status word. Returns false when an unmasked invalid, denormal or
 * zero-divide exception holds the result (and the pop) back.
 */
export function commit(): bool {
  const status = load<u32>(FPU_STATUS) & ~STATUS_C1
  const flags = exceptions
  if ((flags & ~control & STATUS_EXCEPTIONS) == 0) {
    store<u32>(FPU_STATUS, status | flags | roundedUp)
    return true
  }
  recordOpcode()
  const pending = STATUS_SUMMARY | STATUS_BUSY
  if ((flags & ~control & BEFORE_RESULT) == 0) {
    store<u32>(FPU_STATUS, status | flags | roundedUp | pending)
    return true
  }
  const overflowed = (flags & STATUS_STACK_FAULT) != 0 ? roundedUp : 0
  store<u32>(FPU_STATUS, status | (flags & (BEFORE_RESULT | STATUS_STACK_FAULT)) | overflowed | pending)
  return false
}

/** Replaces the condition bits in `mask`. */
export function setConditions(mask: u32, value: u32): void {
  store<u32>(FPU_STATUS, (load<u32>(FPU_STATUS) & ~mask) | value)
}
