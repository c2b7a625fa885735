/**
 * x87 control instructions, and what every x87 instruction does first: #NM and #MF checks and the record of the last
 * instruction and operand.
 *
 *   frequent waiting instruction:            check in line (jit/definitions/x87.ts), operation, which records itself
 *   other waiting instruction, registers:    x87Begin(), operation
 *   other waiting instruction, memory:       check in line, operation with its accesses, x87Record(segment, offset)
 *   control instruction (FN…):               #NM check in line or x87Available(), operation
 *   WAIT:                                    x87Wait()
 *
 * The record comes last where an access may fault, so that a fault leaves it alone.
 *
 * With CR0.NE = 0 a waiting instruction that finds an exception pending asserts FERR#, which the PC turns into IRQ 13,
 * and waits for an interrupt. A write to port F0h asserts IGNNE# until the exception is settled. Where no interrupt can
 * come, because IF or the interrupt controller holds it off, real CPUs stop for good; this one goes on.
 *
 * Source: Intel SDM vol. 1, 8.1.8 to 8.1.10, 8.6, 8.7; vol. 3, 2.5 (CR0.EM, MP, TS) and table 6-1; vol. 1, appendix D (MS-DOS compatible handling of exceptions).
 */
import {
  CR0, CR0_EM, CR0_MP, CR0_NE, CR0_TS, EFLAGS, EFLAGS_IF, EIP, FAULT_FERR, FPU_CONTROL, FPU_DATA_OFFSET, FPU_DATA_SELECTOR, FPU_IGNORED, FPU_INSTRUCTION_OFFSET,
  FPU_INSTRUCTION_SELECTOR, FPU_OPCODE, FPU_STATUS, FPU_TAG, FPU_TOP, INTERRUPT_LINE, SEGMENT_CS, SEGMENT_SELECTOR, VECTOR_MF,
  VECTOR_NM,
} from '../../build/helpers/layout'
import { floatError } from './host'
import { faulted, raise } from './memory'
import {
  STATUS_BUSY, STATUS_EXCEPTIONS, STATUS_STACK_FAULT, STATUS_SUMMARY, STATUS_TOP_SHIFT, summarise,
} from './x87-state'

/** Control word after FINIT: all exceptions masked, 64 bits, round to nearest. */
const CONTROL_INITIAL: u32 = 0x037f
/** Bits of the control word that exist; bit 6 always reads as 1. */
const CONTROL_IMPLEMENTED: u32 = 0x1f3f
const CONTROL_FIXED: u32 = 0x0040

/** Raises what reports a pending unmasked exception: #MF, or FERR# with CR0.NE clear. */
function reportPending(): void {
  if ((load<u32>(FPU_STATUS) & STATUS_SUMMARY) == 0) return
  if ((load<u32>(CR0) & CR0_NE) != 0) raise(VECTOR_MF)
  else if (load<u32>(FPU_IGNORED) == 0) raise(FAULT_FERR)
}

/** FERR#: the interrupt comes before the waiting instruction, if it can come; else that is passed. */
export function reportOutside(): void {
  floatError()
  if (load<u32>(INTERRUPT_LINE) == 0 || (load<u32>(EFLAGS) & EFLAGS_IF) == 0) store<u32>(FPU_IGNORED, 1)
}

/** FERR# is no longer asserted, so neither is IGNNE#, once no exception is pending. Call when ES may have been cleared. */
function settle(): void {
  if ((load<u32>(FPU_STATUS) & STATUS_SUMMARY) == 0) store<u32>(FPU_IGNORED, 0)
}

/** Raises #NM when CR0.EM or CR0.TS is set. */
export function x87Available(): void {
  if ((load<u32>(CR0) & (CR0_EM | CR0_TS)) != 0) raise(VECTOR_NM)
}

/** First of a waiting instruction: #NM, then a pending #MF. */
export function x87Check(): void {
  if ((load<u32>(CR0) & (CR0_EM | CR0_TS)) != 0) raise(VECTOR_NM)
  else reportPending()
}

/** WAIT: #NM when CR0.MP and CR0.TS are both set, then a pending #MF. */
export function x87Wait(): void {
  if ((load<u32>(CR0) & (CR0_MP | CR0_TS)) == (CR0_MP | CR0_TS)) raise(VECTOR_NM)
  else reportPending()
}

/** Records where the current instruction is: offset in CS, and CS. */
// @ts-ignore: decorator
@inline
export function recordInstruction(): void {
  store<u32>(FPU_INSTRUCTION_OFFSET, load<u32>(EIP))
  store<u32>(FPU_INSTRUCTION_SELECTOR, load<u32>(SEGMENT_SELECTOR + (SEGMENT_CS << 3)))
}

/** `x87Check`, then the record of an instruction without memory operand. */
export function x87Begin(): void {
  x87Check()
  if (!faulted()) recordInstruction()
}

/** Records an instruction whose memory operand lies at `offset` of segment register `segment`. */
export function x87Record(segment: u32, offset: u32): void {
  recordInstruction()
  store<u32>(FPU_DATA_OFFSET, offset)
  store<u32>(FPU_DATA_SELECTOR, load<u32>(SEGMENT_SELECTOR + (segment << 3)))
}

/** FNINIT, and the end of FNSAVE. */
export function x87Initialise(): void {
  store<u32>(FPU_CONTROL, CONTROL_INITIAL)
  store<u32>(FPU_STATUS, 0)
  store<u32>(FPU_TOP, 0)
  store<u32>(FPU_TAG, 0)
  store<u32>(FPU_OPCODE, 0)
  store<u32>(FPU_INSTRUCTION_OFFSET, 0)
  store<u32>(FPU_INSTRUCTION_SELECTOR, 0)
  store<u32>(FPU_DATA_OFFSET, 0)
  store<u32>(FPU_DATA_SELECTOR, 0)
  settle()
}

/** FNCLEX. */
export function x87ClearExceptions(): void {
  const cleared = STATUS_EXCEPTIONS | STATUS_STACK_FAULT | STATUS_SUMMARY | STATUS_BUSY
  store<u32>(FPU_STATUS, load<u32>(FPU_STATUS) & ~cleared)
  settle()
}

/** The control word as FNSTCW stores it. */
export function x87ControlWord(): u32 {
  return load<u32>(FPU_CONTROL)
}

/** FLDCW. Unmasking a flagged exception makes it pending, masking it settles it. */
export function x87LoadControlWord(value: u32): void {
  const word = (value & CONTROL_IMPLEMENTED) | CONTROL_FIXED
  store<u32>(FPU_CONTROL, word)
  store<u32>(FPU_STATUS, summarise(load<u32>(FPU_STATUS), word))
  settle()
}

/** The status word, TOP included. */
export function x87StatusWord(): u32 {
  return load<u32>(FPU_STATUS) | (load<u32>(FPU_TOP) << STATUS_TOP_SHIFT)
}

/** Loads a status word image under the control word in effect. */
export function loadStatusWord(value: u32): void {
  const top: u32 = 7 << STATUS_TOP_SHIFT
  store<u32>(FPU_TOP, (value & top) >> STATUS_TOP_SHIFT)
  store<u32>(FPU_STATUS, summarise(value & 0xffff & ~top, load<u32>(FPU_CONTROL)))
  settle()
}
