/**
 * Delivery of interrupts and exceptions in every mode.
 *
 *   INT n, INT3, INTO, INT1 -> deliverInterrupt       -> fault stays pending for deliverException
 *   interrupt controller    -> deliverHardwareInterrupt \
 *   pending fault           -> deliverException          > deliver, faults in delivery handled in a loop
 *   single step, breakpoint -> deliverDebugTrap         /
 *
 * deliver -> IVT (real mode) | IDT: interrupt/trap gate, same or inner privilege, from virtual-8086 | task gate
 *
 * Source: Intel SDM vol. 2, INT n; vol. 3, chapter 6 (6.3, 6.8, 6.12, 6.13, table 6-5), 20.2, 20.3.
 */
import {
  CODE_BREAKPOINTS,
  CPL,
  CR0,
  CR0_PE,
  CR4,
  CR4_VME,
  DEBUG_HITS,
  DR,
  EFLAGS_AC,
  EFLAGS_IF,
  EFLAGS_NT,
  EFLAGS_RF,
  EFLAGS_TF,
  EFLAGS_VIF,
  EFLAGS_VM,
  EIP,
  EIP_MOVED,
  EXIT_REASON,
  EXIT_TRIPLE_FAULT,
  FAULT,
  FAULT_ERROR_CODE,
  FAULT_FERR,
  GPR,
  GPR_ESP,
  HALTED,
  IDTR_BASE,
  IDTR_LIMIT,
  INTERRUPT_SHADOW,
  REPEATING,
  SEGMENT_BASE,
  SEGMENT_CS,
  SEGMENT_DS,
  SEGMENT_ES,
  SEGMENT_FS,
  SEGMENT_GS,
  SEGMENT_LIMIT,
  SEGMENT_SELECTOR,
  SEGMENT_SS,
  SEGMENT_TR,
  SHADOW_MOV_SS,
  SHADOW_NONE,
  TRAP_BEFORE,
  VECTOR_DB,
  VECTOR_DE,
  VECTOR_DF,
  VECTOR_GP,
  VECTOR_MC,
  VECTOR_NP,
  VECTOR_OF,
  VECTOR_PF,
  VECTOR_TS,
} from '../../build/helpers/layout'
import {
  ACCESS_PRESENT,
  accessOf,
  clearCache,
  descriptorHigh,
  descriptorLinear,
  descriptorLow,
  dplOf,
  externalBit,
  isCode,
  isConforming,
  raiseSelector,
  setExternalEvent,
  TYPE_INTERRUPT_GATE16,
  TYPE_INTERRUPT_GATE32,
  TYPE_TASK_GATE,
  TYPE_TRAP_GATE16,
  TYPE_TRAP_GATE32,
  typeOf,
} from './descriptors'
import { reportDebug } from './breakpoints'
import { getEflags, getOverflow, setEflags } from './flags'
import {
  commitInnerStack,
  commitTarget,
  fetchInnerStack,
  fetchTarget,
  gateOffset,
  gateSize,
  markInnerStack,
  markTarget,
  openFetchedStack,
  targetHigh,
  targetHolds,
  targetPresent,
  targetSelector,
} from './gates'
import { clearFault, faulted, raiseCode, readSystem8, readSystem16, readSystem32 } from './memory'
import { updateMode } from './mode'
import { ioPrivilegeLevel, virtualFlagsImage } from './protection'
import { inVirtual8086Mode, load8086Segment, raiseGeneralProtection } from './segments'
import { enterQuickly } from './quick-gates'
import { closeFrame, framePush, openFrame } from './stack'
import { fetchGateTask, NO_ERROR_CODE, switchTask, TASK_CALL } from './tasks'
import { reportOutside } from './x87-control'

/** Kinds of event. INT n; INT3 and INTO; INT1; the interrupt controller and NMI; an exception. */
export const EVENT_INT_N: u32 = 0
export const EVENT_INT3_INTO: u32 = 1
export const EVENT_INT1: u32 = 2
export const EVENT_HARDWARE: u32 = 3
export const EVENT_EXCEPTION: u32 = 4

/** Error-code bit that says the index is one into the IDT. */
const ERROR_IDT: u32 = 1 << 1
/** Vectors that push an error code: 8, 10..14, 17. */
const ERROR_CODE_VECTORS: u32 = (1 << 8) | (0x1f << 10) | (1 << 17)
/** Bytes of an entry of the IDT and of the real-mode table. */
const GATE_BYTES_SHIFT: u32 = 3
const VECTOR_BYTES_SHIFT: u32 = 2

/** The interrupt redirection bitmap of VME ends where the I/O bitmap begins (SDM vol. 3, 20.3.3). */
const TSS_IO_BASE: u32 = 0x66
const REDIRECTION_BYTES: u32 = 32

/** Error code, which #DB pushes none of, of those that leave their instruction to be resumed (DR7.GD). */
export const DEBUG_FAULT: u32 = 1
/** Whether the debug exception being delivered is one of those. */
let debugFault: bool = false

const DR7: u32 = DR + (7 << 3)
/** DR7.GD: accesses to debug registers trap. Cleared when #DB is delivered. */
const DR7_GD: u32 = 1 << 13

/** Bookkeeping of any delivered event: it ends shadows, HLT and the trap of the interrupted instruction. */
function settle(vector: u32): void {
  store<u32>(INTERRUPT_SHADOW, SHADOW_NONE)
  store<u32>(HALTED, 0)
  store<u32>(TRAP_BEFORE, 0)
  store<u32>(REPEATING, 0)
  if (vector == VECTOR_DB) store<u32>(DR7, load<u32>(DR7) & ~DR7_GD)
}

/** Whether the exception being delivered leaves its instruction to be resumed. Debug exceptions say so themselves. */
function isFault(vector: u32): bool {
  return vector == VECTOR_DB ? debugFault : vector != VECTOR_DF && vector != VECTOR_MC
}

/**
 * Flags image that goes on the stack. RF is set for faults but code breakpoints, and within a repeated instruction;
 * otherwise it is as it is between two instructions (SDM vol. 3, 17.3.1.1).
 */
function savedFlags(vector: u32, kind: u32): u32 {
  let flags = getEflags()
  // RF is kept up to date only where it matters.
  if (load<u32>(CODE_BREAKPOINTS) == 0) flags &= ~EFLAGS_RF
  const resumed = kind == EVENT_EXCEPTION ? isFault(vector) || load<u32>(REPEATING) != 0
    : kind == EVENT_HARDWARE && load<u32>(REPEATING) != 0
  return resumed ? flags | EFLAGS_RF : flags
}

/** Enters the handler that 8086-style table at linear `table` names, pushing `image`, CS and `eip` in 16 bits. */
function enterByTable(vector: u32, table: u32, eip: u32, image: u32, cleared: u32): void {
  const entry = readSystem32(table + (vector << VECTOR_BYTES_SHIFT))
  if (faulted()) return
  openFrame()
  if (!framePush(image, 16)) return
  if (!framePush(load<u32>(SEGMENT_SELECTOR + (SEGMENT_CS << 3)), 16) || !framePush(eip, 16)) return
  if ((entry & 0xffff) > load<u32>(SEGMENT_LIMIT + (SEGMENT_CS << 3))) {
    raiseGeneralProtection()
    return
  }
  closeFrame()
  setEflags(getEflags() & ~cleared)
  load8086Segment(SEGMENT_CS, entry >> 16)
  store<u32>(EIP, entry & 0xffff)
  updateMode()
  settle(vector)
}

/** Delivery in real mode. */
function deliverReal(vector: u32, eip: u32): void {
  if ((vector << VECTOR_BYTES_SHIFT) + 3 > load<u32>(IDTR_LIMIT)) {
    raiseSelector(VECTOR_GP, 0)
    return
  }
  const cleared = EFLAGS_IF | EFLAGS_TF | EFLAGS_AC | EFLAGS_RF
  enterByTable(vector, load<u32>(IDTR_BASE), eip, getEflags(), cleared)
}

/**
 * Does VME send INT `vector` of a virtual-8086 task to its own table? Reads the redirection bitmap, which follows
 * supervisor rights; a set bit, or a bitmap outside the TSS, means no.
 */
function redirected(vector: u32): bool {
  const base = load<u32>(SEGMENT_BASE + (SEGMENT_TR << 3))
  const limit = load<u32>(SEGMENT_LIMIT + (SEGMENT_TR << 3))
  if (TSS_IO_BASE + 1 > limit) return false
  const end = readSystem16(base + TSS_IO_BASE)
  if (faulted()) return false
  const offset = end - REDIRECTION_BYTES + (vector >> 3)
  if (end < REDIRECTION_BYTES || offset > limit) return false
  const bits = readSystem8(base + offset)
  return !faulted() && ((bits >> (vector & 7)) & 1) == 0
}

/** INT n in virtual-8086 mode under VME, redirected to the task's own table at linear 0. */
function deliverRedirected(vector: u32, eip: u32): void {
  const flags = getEflags()
  if (ioPrivilegeLevel() == 3) enterByTable(vector, 0, eip, flags, EFLAGS_IF | EFLAGS_TF)
  else enterByTable(vector, 0, eip, virtualFlagsImage(flags), EFLAGS_VIF | EFLAGS_TF)
}

/** Is a gate type one that interrupts may go through? */
function isInterruptGate(type: u32): bool {
  return (
    type == TYPE_INTERRUPT_GATE16 ||
    type == TYPE_TRAP_GATE16 ||
    type == TYPE_INTERRUPT_GATE32 ||
    type == TYPE_TRAP_GATE32
  )
}

/** Delivery through the IDT. `errorCode` is NO_ERROR_CODE or a dword. */
function deliverProtected(vector: u32, eip: u32, kind: u32, errorCode: i64): void {
  const image = savedFlags(vector, kind)
  if (enterQuickly(vector, eip, image, kind <= EVENT_INT3_INTO, errorCode != NO_ERROR_CODE, <u32>errorCode)) {
    settle(vector)
    return
  }
  const index = vector << GATE_BYTES_SHIFT
  const linear = load<u32>(IDTR_BASE) + index
  const error = index | ERROR_IDT
  if (index + 7 > load<u32>(IDTR_LIMIT)) {
    raiseCode(VECTOR_GP, error | externalBit())
    return
  }
  const low = readSystem32(linear)
  if (faulted()) return
  const high = readSystem32(linear + 4)
  if (faulted()) return
  const access = accessOf(high)
  const type = typeOf(access)
  if (type != TYPE_TASK_GATE && !isInterruptGate(type)) {
    raiseCode(VECTOR_GP, error | externalBit())
    return
  }
  // Only INT n, INT3 and INTO need the right to use the gate.
  if (kind <= EVENT_INT3_INTO && dplOf(access) < load<u32>(CPL)) {
    raiseCode(VECTOR_GP, error | externalBit())
    return
  }
  if ((access & ACCESS_PRESENT) == 0) {
    raiseCode(VECTOR_NP, error | externalBit())
    return
  }
  if (type == TYPE_TASK_GATE) {
    const tss = low >> 16
    if (!fetchGateTask(tss)) return
    switchTask(tss, descriptorLinear, descriptorLow, descriptorHigh, TASK_CALL, eip, image, errorCode)
    if (!faulted()) settle(vector)
    return
  }
  enterByGate(low, high, eip, image, errorCode)
  if (!faulted()) settle(vector)
}

/** Goes through the interrupt or trap gate {low, high}. */
function enterByGate(low: u32, high: u32, eip: u32, image: u32, errorCode: i64): void {
  if (!fetchTarget(low >> 16)) return
  const access = accessOf(targetHigh)
  const cpl = load<u32>(CPL)
  const level = dplOf(access)
  if (!isCode(access) || level > cpl) {
    raiseSelector(VECTOR_GP, targetSelector)
    return
  }
  if (!targetPresent()) return
  const inner = !isConforming(access) && level < cpl
  const virtual8086 = inVirtual8086Mode()
  // From virtual-8086 mode there is only the way to level 0.
  if (virtual8086 && (!inner || level != 0)) {
    raiseSelector(VECTOR_GP, targetSelector)
    return
  }
  const size = gateSize(high)
  const offset = gateOffset(low, high)
  if (inner) {
    if (!fetchInnerStack(level)) return
    openFetchedStack(level)
    if (virtual8086 && !pushDataSegments(size)) return
    if (!framePush(load<u32>(SEGMENT_SELECTOR + (SEGMENT_SS << 3)), size)) return
    if (!framePush(load<u32>(GPR + (GPR_ESP << 3)), size)) return
  } else openFrame()
  if (!framePush(image, size)) return
  if (!framePush(load<u32>(SEGMENT_SELECTOR + (SEGMENT_CS << 3)), size) || !framePush(eip, size)) return
  if (errorCode != NO_ERROR_CODE && !framePush(<u32>errorCode, size)) return
  if (!targetHolds(offset) || (inner && !markInnerStack()) || !markTarget()) return

  if (virtual8086) {
    clearCache(SEGMENT_GS, 0)
    clearCache(SEGMENT_FS, 0)
    clearCache(SEGMENT_DS, 0)
    clearCache(SEGMENT_ES, 0)
  }
  if (inner) commitInnerStack()
  closeFrame()
  commitTarget(offset, inner ? level : cpl)
  const type = typeOf(accessOf(high))
  let cleared: u32 = EFLAGS_TF | EFLAGS_VM | EFLAGS_RF | EFLAGS_NT
  if (type == TYPE_INTERRUPT_GATE16 || type == TYPE_INTERRUPT_GATE32) cleared |= EFLAGS_IF
  setEflags(getEflags() & ~cleared)
  updateMode()
}

/** The data segments of an interrupted virtual-8086 task, pushed first. */
function pushDataSegments(size: u32): bool {
  return (
    framePush(load<u32>(SEGMENT_SELECTOR + (SEGMENT_GS << 3)), size) &&
    framePush(load<u32>(SEGMENT_SELECTOR + (SEGMENT_FS << 3)), size) &&
    framePush(load<u32>(SEGMENT_SELECTOR + (SEGMENT_DS << 3)), size) &&
    framePush(load<u32>(SEGMENT_SELECTOR + (SEGMENT_ES << 3)), size)
  )
}

/** Delivers one event; `eip` is what is saved. A fault of the delivery itself is left pending. */
function deliver(vector: u32, eip: u32, kind: u32, errorCode: i64): void {
  setExternalEvent(kind <= EVENT_INT3_INTO ? 0 : 1)
  if ((load<u32>(CR0) & CR0_PE) == 0) deliverReal(vector, eip)
  else if (kind == EVENT_INT_N && inVirtual8086Mode()) deliverVirtual8086(vector, eip)
  else deliverProtected(vector, eip, kind, errorCode)
  setExternalEvent(0)
}

/** INT n in virtual-8086 mode: sensitive to IOPL, and redirected by VME (SDM vol. 3, table 20-2). */
function deliverVirtual8086(vector: u32, eip: u32): void {
  if (load<u32>(CR4) & CR4_VME) {
    const own = redirected(vector)
    if (faulted()) return
    if (own) {
      deliverRedirected(vector, eip)
      return
    }
  }
  if (ioPrivilegeLevel() < 3) raiseGeneralProtection()
  else deliverProtected(vector, eip, EVENT_INT_N, NO_ERROR_CODE)
}

/**
 * INT n, INT3, INTO, INT1: delivers `vector`; the handler returns to `next`. `kind` is an EVENT_ constant.
 * A fault leaves the state as before the instruction.
 */
export function deliverInterrupt(vector: u32, next: u32, kind: u32): void {
  deliver(vector, next, kind, NO_ERROR_CODE)
}

/** INTO: #OF as a trap if OF is set, else on to `next`. */
export function interruptOnOverflow(next: u32): void {
  if (getOverflow()) deliver(VECTOR_OF, next, EVENT_INT3_INTO, NO_ERROR_CODE)
  else store<u32>(EIP, next)
}

/** Contributory exceptions of table 6-5: #DE, #TS, #NP, #SS, #GP. */
function isContributory(vector: u32): bool {
  return vector == VECTOR_DE || (vector >= VECTOR_TS && vector <= VECTOR_GP)
}

/** The vector to deliver when `second` was raised while `first` was being delivered. */
function combined(first: u32, second: u32): u32 {
  if (isContributory(first)) return isContributory(second) ? VECTOR_DF : second
  if (first == VECTOR_PF) return isContributory(second) || second == VECTOR_PF ? VECTOR_DF : second
  return second
}

/**
 * Delivers the pending exception, and what its delivery raises, until one handler is entered.
 * Returns 0, or 1 on a triple fault: `exitReason` says so and the CPU stops.
 */
export function deliverException(): i32 {
  let vector = load<u32>(FAULT) - 1
  // What the instruction that has failed had hit before does not count.
  store<u32>(DEBUG_HITS, 0)
  if (vector == FAULT_FERR) {
    clearFault()
    reportOutside()
    return 0
  }
  while (true) {
    const code = vector == VECTOR_DF ? 0 : load<u32>(FAULT_ERROR_CODE)
    const pushed = (ERROR_CODE_VECTORS >> vector) & 1
    clearFault()
    store<u32>(EIP_MOVED, 0)
    debugFault = vector == VECTOR_DB && code == DEBUG_FAULT
    deliver(vector, load<u32>(EIP), EVENT_EXCEPTION, pushed ? <i64>code : NO_ERROR_CODE)
    if (!faulted()) return 0
    const second = load<u32>(FAULT) - 1
    if (vector == VECTOR_DF && (isContributory(second) || second == VECTOR_PF)) {
      clearFault()
      store<u32>(EXIT_REASON, EXIT_TRIPLE_FAULT)
      return 1
    }
    vector = combined(vector, second)
  }
}

/**
 * Delivers an interrupt from outside: a vector of the interrupt controller, or NMI (2). The caller has checked IF
 * and shadows. Returns as deliverException.
 */
export function deliverHardwareInterrupt(vector: u32): i32 {
  deliver(vector, load<u32>(EIP), EVENT_HARDWARE, NO_ERROR_CODE)
  return faulted() ? deliverException() : 0
}

/**
 * Delivers the debug trap #DB after the instruction that ended at EIP; `bits` are the DR6 bits that say why
 * (BS for a single step, B0..B3 for data breakpoints). Returns as deliverException.
 * After MOV SS and POP SS nothing is delivered: they hold debug traps off (SDM vol. 3, 6.8.3).
 */
export function deliverDebugTrap(bits: u32): i32 {
  if (load<u32>(INTERRUPT_SHADOW) == SHADOW_MOV_SS) return 0
  return deliverDebug(bits)
}

/** Delivers #DB in front of the instruction at EIP, which code breakpoints `bits` of DR6 stand at. As deliverDebugTrap. */
export function deliverCodeBreakpoint(bits: u32): i32 {
  return deliverDebug(bits)
}

function deliverDebug(bits: u32): i32 {
  reportDebug(bits)
  store<u32>(DEBUG_HITS, 0)
  debugFault = false
  deliver(VECTOR_DB, load<u32>(EIP), EVENT_EXCEPTION, NO_ERROR_CODE)
  return faulted() ? deliverException() : 0
}
