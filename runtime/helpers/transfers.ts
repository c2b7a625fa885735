/**
 * Far control transfers: JMP, CALL, RET and IRET in real, virtual-8086 and protected mode.
 *
 *   farJump / farCall -> code segment | call gate (gates.ts) | task gate or TSS (tasks.ts)
 *   farReturn / iret  -> same privilege | outer privilege | virtual-8086 mode | previous task
 *
 * Each stores the new CS:EIP to the state, or raises and leaves everything as before the instruction.
 *
 * Source: Intel SDM vol. 2, JMP, CALL, RET, IRET.
 */
import {
  CPL,
  CR4,
  CR4_VME,
  EFLAGS,
  EFLAGS_IF,
  EFLAGS_IOPL,
  EFLAGS_NT,
  EFLAGS_RF,
  EFLAGS_VIF,
  EFLAGS_VIP,
  EFLAGS_VM,
  EIP,
  GPR,
  GPR_ESP,
  NMI_BLOCKED,
  SEGMENT_CS,
  SEGMENT_DS,
  SEGMENT_ES,
  SEGMENT_FS,
  SEGMENT_GS,
  SEGMENT_LIMIT,
  SEGMENT_SELECTOR,
  SEGMENT_SS,
  VECTOR_GP,
  VECTOR_SS,
} from '../../build/helpers/layout'
import {
  ACCESS_PRESENT,
  ACCESS_SEGMENT,
  accessOf,
  descriptorHigh,
  descriptorLinear,
  descriptorLow,
  dplOf,
  fetchDescriptor,
  fillCache,
  isCode,
  isConforming,
  isNull,
  isStack,
  markAccessed,
  raiseSelector,
  SELECTOR_RPL,
  TYPE_CALL_GATE16,
  TYPE_CALL_GATE32,
  TYPE_TASK_GATE,
  typeOf,
} from './descriptors'
import { setEflags } from './flags'
import {
  callThroughGate,
  checkDirectTarget,
  commitTarget,
  fetchTarget,
  jumpThroughGate,
  markTarget,
  targetHigh,
  targetHolds,
  targetLow,
  targetPresent,
  targetSelector,
} from './gates'
import { faulted } from './memory'
import { updateMode } from './mode'
import {
  FLAGS_ALL,
  FLAGS_ALL16,
  FLAGS_COMMON,
  FLAGS_COMMON_HIGH,
  ioPrivilegeLevel,
  loadVirtualFlags,
  mergeFlags,
} from './protection'
import { returnQuickly } from './quick-gates'
import {
  dropInaccessible,
  inProtectedMode,
  inVirtual8086Mode,
  LIMIT_8086,
  load8086Segment,
  loadVirtual8086Segment,
  raiseGeneralProtection,
} from './segments'
import { closeFrame, framePush, moveStackPointer, openFrame, peek, setStackPointer } from './stack'
import { TASK_CALL, TASK_JUMP, taskReturn, transferToTask } from './tasks'

const ESP: u32 = GPR + (GPR_ESP << 3)

/** Offset as wide as the operand size (16 or 32 bits). */
// @ts-ignore: decorator
@inline
function truncated(offset: u32, size: u32): u32 {
  return size == 16 ? offset & 0xffff : offset
}

/** Raises #GP(0) unless `offset` lies within the limit of the current CS: 8086 transfers keep the limit. */
function currentCodeHolds(offset: u32): bool {
  if (offset <= load<u32>(SEGMENT_LIMIT + (SEGMENT_CS << 3))) return true
  raiseGeneralProtection()
  return false
}

/** Sets CS:EIP in real or virtual-8086 mode. */
function commit8086(selector: u32, offset: u32): void {
  load8086Segment(SEGMENT_CS, selector)
  store<u32>(EIP, offset)
  updateMode()
}

/**
 * JMP ptr16:16/32, JMP m16:16/32: `size` 16 or 32. `next` is the offset of the next instruction, which a task
 * switch saves.
 */
export function farJump(selector: u32, offset: u32, size: u32, next: u32): void {
  selector &= 0xffff
  offset = truncated(offset, size)
  if (!inProtectedMode()) {
    if (currentCodeHolds(offset)) commit8086(selector, offset)
    return
  }
  if (!fetchTarget(selector)) return
  const access = accessOf(targetHigh)
  if (access & ACCESS_SEGMENT) {
    if (!checkDirectTarget() || !targetHolds(offset) || !markTarget()) return
    commitTarget(offset, load<u32>(CPL))
    updateMode()
    return
  }
  const type = typeOf(access)
  if (type == TYPE_CALL_GATE16 || type == TYPE_CALL_GATE32) jumpThroughGate(selector, targetLow, targetHigh)
  else transferToTask(selector, targetLow, targetHigh, type == TYPE_TASK_GATE, TASK_JUMP, next)
}

/** CALL ptr16:16/32, CALL m16:16/32: `size` 16 or 32; returns to `next`. */
export function farCall(selector: u32, offset: u32, size: u32, next: u32): void {
  selector &= 0xffff
  offset = truncated(offset, size)
  const protectedMode = inProtectedMode()
  if (protectedMode) {
    if (!fetchTarget(selector)) return
    const access = accessOf(targetHigh)
    if ((access & ACCESS_SEGMENT) == 0) {
      const type = typeOf(access)
      if (type == TYPE_CALL_GATE16 || type == TYPE_CALL_GATE32) callThroughGate(selector, targetLow, targetHigh, next)
      else transferToTask(selector, targetLow, targetHigh, type == TYPE_TASK_GATE, TASK_CALL, next)
      return
    }
    if (!checkDirectTarget()) return
  }
  openFrame()
  if (!framePush(load<u32>(SEGMENT_SELECTOR + (SEGMENT_CS << 3)), size) || !framePush(next, size)) return
  if (!protectedMode) {
    if (!currentCodeHolds(offset)) return
    closeFrame()
    commit8086(selector, offset)
    return
  }
  if (!targetHolds(offset) || !markTarget()) return
  closeFrame()
  commitTarget(offset, load<u32>(CPL))
  updateMode()
}

/** Fetches the code segment that RET or IRET goes back to and checks type, privilege and presence. */
function fetchReturnTarget(selector: u32): bool {
  if (!fetchTarget(selector)) return false
  const access = accessOf(targetHigh)
  const rpl = selector & SELECTOR_RPL
  const allowed =
    isCode(access) && rpl >= load<u32>(CPL) && (isConforming(access) ? dplOf(access) <= rpl : dplOf(access) == rpl)
  if (!allowed) {
    raiseSelector(VECTOR_GP, selector)
    return false
  }
  return targetPresent()
}

/**
 * The end of a return to an outer level: takes SS:ESP from `bytes` above the stack pointer, then commits CS:EIP,
 * SS:ESP and the data segments. False if anything was raised; nothing is changed then.
 */
function returnOuter(offset: u32, bytes: u32, size: u32): bool {
  const level = targetSelector & SELECTOR_RPL
  const pointer = peek(bytes, size)
  if (faulted()) return false
  const selector = peek(bytes + (size >> 3), size) & 0xffff
  if (faulted()) return false
  if (isNull(selector)) {
    raiseGeneralProtection()
    return false
  }
  if (!fetchDescriptor(selector, VECTOR_GP)) return false
  const low = descriptorLow
  let high = descriptorHigh
  const linear = descriptorLinear
  const access = accessOf(high)
  if ((selector & SELECTOR_RPL) != level || dplOf(access) != level || !isStack(access)) {
    raiseSelector(VECTOR_GP, selector)
    return false
  }
  if ((access & ACCESS_PRESENT) == 0) {
    raiseSelector(VECTOR_SS, selector)
    return false
  }
  if (!targetHolds(offset)) return false
  high = markAccessed(linear, high)
  if (faulted() || !markTarget()) return false
  commitTarget(offset, level)
  fillCache(SEGMENT_SS, selector, low, high)
  setStackPointer(pointer)
  dropInaccessible(SEGMENT_ES, level)
  dropInaccessible(SEGMENT_DS, level)
  dropInaccessible(SEGMENT_FS, level)
  dropInaccessible(SEGMENT_GS, level)
  return true
}

/**
 * Reads the outer SS:ESP `bytes` above the stack pointer when `selector` names another level than the current one:
 * CPUs do this before they check `selector`. The slot furthest up is read first. False with #SS or #PF raised.
 */
function outerStackReadable(selector: u32, bytes: u32, size: u32): bool {
  if ((selector & SELECTOR_RPL) == load<u32>(CPL)) return true
  peek(bytes + (size >> 3), size)
  if (!faulted()) peek(bytes, size)
  return !faulted()
}

/** RET far: `size` 16 or 32; `release` bytes of parameters are dropped from the stack (both stacks, if it changes). */
export function farReturn(size: u32, release: u32): void {
  const bytes = size >> 3
  const selector = peek(bytes, size) & 0xffff
  if (faulted()) return
  const offset = peek(0, size)
  if (faulted()) return
  if (!inProtectedMode()) {
    if (!currentCodeHolds(offset)) return
    moveStackPointer(2 * bytes + release)
    commit8086(selector, offset)
    return
  }
  if (!outerStackReadable(selector, 2 * bytes + release, size) || !fetchReturnTarget(selector)) return
  if ((selector & SELECTOR_RPL) == load<u32>(CPL)) {
    if (!targetHolds(offset) || !markTarget()) return
    moveStackPointer(2 * bytes + release)
    commitTarget(offset, load<u32>(CPL))
  } else {
    if (!returnOuter(offset, 2 * bytes + release, size)) return
    moveStackPointer(release)
  }
  updateMode()
}

/** IRET in virtual-8086 mode. */
function iretVirtual8086(size: u32): void {
  const virtualFlags = ioPrivilegeLevel() < 3
  if (virtualFlags && (size == 32 || (load<u32>(CR4) & CR4_VME) == 0)) {
    raiseGeneralProtection()
    return
  }
  iret8086(size, virtualFlags)
}

/** IRET by 8086 rules: pops IP, CS, FLAGS. `virtualFlags`: IF stands for VIF (VME). */
function iret8086(size: u32, virtualFlags: bool): void {
  const bytes = size >> 3
  const offset = peek(0, size)
  if (faulted()) return
  const selector = peek(bytes, size) & 0xffff
  if (faulted()) return
  const image = peek(2 * bytes, size)
  if (faulted() || !currentCodeHolds(offset)) return
  if (virtualFlags) {
    loadVirtualFlags(image)
    if (faulted()) return
  } else {
    let mask = size == 16 ? FLAGS_ALL16 : FLAGS_ALL & ~(EFLAGS_VM | EFLAGS_VIF | EFLAGS_VIP)
    if (inVirtual8086Mode()) mask &= ~EFLAGS_IOPL
    mergeFlags(image, mask)
  }
  moveStackPointer(3 * bytes)
  commit8086(selector, offset)
}

/** IRETD at CPL 0 with VM in the image: goes to the virtual-8086 code at `selector`:`offset`. */
function iretToVirtual8086(offset: u32, selector: u32, image: u32): void {
  // Above EIP, CS and EFLAGS: ESP, SS, ES, DS, FS, GS.
  const pointer = peek(12, 32)
  if (faulted()) return
  const ss = peek(16, 32)
  if (faulted()) return
  const es = peek(20, 32)
  if (faulted()) return
  const ds = peek(24, 32)
  if (faulted()) return
  const fs = peek(28, 32)
  if (faulted()) return
  const gs = peek(32, 32)
  if (faulted()) return
  if (offset > LIMIT_8086) {
    raiseGeneralProtection()
    return
  }
  setEflags((image & FLAGS_ALL) | 2)
  loadVirtual8086Segment(SEGMENT_CS, selector)
  loadVirtual8086Segment(SEGMENT_SS, ss)
  loadVirtual8086Segment(SEGMENT_ES, es)
  loadVirtual8086Segment(SEGMENT_DS, ds)
  loadVirtual8086Segment(SEGMENT_FS, fs)
  loadVirtual8086Segment(SEGMENT_GS, gs)
  store<u32>(CPL, 3)
  store<u32>(EIP, offset)
  store<u32>(ESP, pointer)
  updateMode()
}

/** Flags that IRET changes in protected mode, by operand size and the privilege it returns from. */
function iretMask(size: u32): u32 {
  const cpl = load<u32>(CPL)
  let mask = FLAGS_COMMON
  if (size == 32) mask |= FLAGS_COMMON_HIGH | EFLAGS_RF
  if (cpl <= ioPrivilegeLevel()) mask |= EFLAGS_IF
  if (cpl == 0) {
    mask |= EFLAGS_IOPL
    if (size == 32) mask |= EFLAGS_VIF | EFLAGS_VIP
  }
  return mask
}

/**
 * IRET (`size` 16) or IRETD (32). `next` is the offset of the next instruction, which a return to another task saves.
 */
export function iret(size: u32, next: u32): void {
  // Even one that faults lets the next NMI in (SDM vol. 3, 6.7.1).
  store<u32>(NMI_BLOCKED, 0)
  if (inVirtual8086Mode()) {
    iretVirtual8086(size)
    return
  }
  if (!inProtectedMode()) {
    iret8086(size, false)
    return
  }
  if (load<u32>(EFLAGS) & EFLAGS_NT) {
    taskReturn(next)
    return
  }
  if (size == 32 && returnQuickly(iretMask(size))) return
  const bytes = size >> 3
  const image = peek(2 * bytes, size)
  if (faulted()) return
  const selector = peek(bytes, size) & 0xffff
  if (faulted()) return
  const offset = peek(0, size)
  if (faulted()) return
  if (size == 32 && (image & EFLAGS_VM) != 0 && load<u32>(CPL) == 0) {
    iretToVirtual8086(offset, selector, image)
    return
  }
  if (!outerStackReadable(selector, 3 * bytes, size) || !fetchReturnTarget(selector)) return
  const mask = iretMask(size)
  if ((selector & SELECTOR_RPL) == load<u32>(CPL)) {
    if (!targetHolds(offset) || !markTarget()) return
    moveStackPointer(3 * bytes)
    commitTarget(offset, load<u32>(CPL))
  } else if (!returnOuter(offset, 3 * bytes, size)) return
  mergeFlags(image, mask)
}
