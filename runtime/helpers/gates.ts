/**
 * What far transfers and interrupts share: checks of a code segment that control goes to, the commit of CS:EIP,
 * the stack of an inner privilege level from the TSS, and call gates.
 *
 * Source: Intel SDM vol. 3, 5.8 (privilege checks of transfers), 5.8.5 (stack switching), 7.2 (TSS);
 * vol. 2, CALL, JMP.
 */
import {
  CPL,
  EIP,
  GPR,
  GPR_ESP,
  SEGMENT_ACCESS,
  SEGMENT_BASE,
  SEGMENT_CS,
  SEGMENT_LIMIT,
  SEGMENT_SELECTOR,
  SEGMENT_SS,
  SEGMENT_TR,
  VECTOR_GP,
  VECTOR_NP,
  VECTOR_SS,
  VECTOR_TS,
} from '../../build/helpers/layout'
import {
  ACCESS_PRESENT,
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
  limitOf,
  markAccessed,
  raiseSelector,
  SELECTOR_RPL,
  TYPE_32,
} from './descriptors'
import { faulted, readSystem16, readSystem32 } from './memory'
import { updateMode } from './mode'
import { raiseGeneralProtection } from './segments'
import { closeFrame, framePush, openFrame, openInnerFrame, peek } from './stack'

/** Offset of SS:ESP for level 0 in a TSS, and the distance from one level to the next, in bytes. */
const TSS32_STACK: u32 = 4
const TSS32_STACK_STRIDE: u32 = 8
const TSS16_STACK: u32 = 2
const TSS16_STACK_STRIDE: u32 = 4
/** Parameter count in the high dword of a call gate. */
const GATE_COUNT: u32 = 0x1f

/** A code segment that control is about to go to, checked. */
export let targetSelector: u32 = 0
export let targetLow: u32 = 0
export let targetHigh: u32 = 0
export let targetLinear: u32 = 0

/** The stack of the inner level that control is about to enter, checked. */
export let innerSelector: u32 = 0
export let innerLow: u32 = 0
export let innerHigh: u32 = 0
export let innerLinear: u32 = 0
export let innerPointer: u32 = 0

/** Fetches the code segment of `selector` to target…; null and out-of-limit selectors raise #GP. */
export function fetchTarget(selector: u32): bool {
  if (isNull(selector)) {
    raiseGeneralProtection()
    return false
  }
  if (!fetchDescriptor(selector, VECTOR_GP)) return false
  targetSelector = selector
  targetLow = descriptorLow
  targetHigh = descriptorHigh
  targetLinear = descriptorLinear
  return true
}

/** Raises #NP(selector) unless the target is present. */
export function targetPresent(): bool {
  if (accessOf(targetHigh) & ACCESS_PRESENT) return true
  raiseSelector(VECTOR_NP, targetSelector)
  return false
}

/** Raises #GP(0) unless `offset` lies within the target. */
export function targetHolds(offset: u32): bool {
  if (offset <= limitOf(targetLow, targetHigh)) return true
  raiseGeneralProtection()
  return false
}

/** Sets the accessed bit of the target. False if that raised a page fault. */
export function markTarget(): bool {
  targetHigh = markAccessed(targetLinear, targetHigh)
  return !faulted()
}

/** Makes the target CS, at privilege `cpl` (also the RPL of CS), and EIP `offset`. */
export function commitTarget(offset: u32, cpl: u32): void {
  fillCache(SEGMENT_CS, (targetSelector & ~SELECTOR_RPL) | cpl, targetLow, targetHigh)
  store<u32>(CPL, cpl)
  store<u32>(EIP, offset)
}

/** Checks a direct JMP or CALL to the fetched code segment (not a gate): type, privilege, presence. */
export function checkDirectTarget(): bool {
  const access = accessOf(targetHigh)
  const cpl = load<u32>(CPL)
  const dpl = dplOf(access)
  const allowed = isConforming(access)
    ? dpl <= cpl
    : isCode(access) && (targetSelector & SELECTOR_RPL) <= cpl && dpl == cpl
  if (!allowed) {
    raiseSelector(VECTOR_GP, targetSelector)
    return false
  }
  return targetPresent()
}

/**
 * Finds the stack for privilege level `level` in the current TSS and checks it: inner….
 * Raises #TS (TSS too short, bad SS) or #SS (not present).
 */
export function fetchInnerStack(level: u32): bool {
  const tss = load<u32>(SEGMENT_BASE + (SEGMENT_TR << 3))
  const limit = load<u32>(SEGMENT_LIMIT + (SEGMENT_TR << 3))
  const wide = (load<u32>(SEGMENT_ACCESS + (SEGMENT_TR << 3)) & TYPE_32) != 0
  const offset = wide ? level * TSS32_STACK_STRIDE + TSS32_STACK : level * TSS16_STACK_STRIDE + TSS16_STACK
  // The last byte needed is that of SS, which follows the pointer.
  const last = wide ? offset + 5 : offset + 3
  if (last > limit) {
    raiseSelector(VECTOR_TS, load<u32>(SEGMENT_SELECTOR + (SEGMENT_TR << 3)))
    return false
  }
  const pointer = wide ? readSystem32(tss + offset) : readSystem16(tss + offset)
  if (faulted()) return false
  const selector = readSystem16(tss + offset + (wide ? 4 : 2))
  if (faulted()) return false
  if (isNull(selector)) {
    raiseSelector(VECTOR_TS, selector)
    return false
  }
  if (!fetchDescriptor(selector, VECTOR_TS)) return false
  const access = accessOf(descriptorHigh)
  if ((selector & SELECTOR_RPL) != level || dplOf(access) != level || !isStack(access)) {
    raiseSelector(VECTOR_TS, selector)
    return false
  }
  if ((access & ACCESS_PRESENT) == 0) {
    raiseSelector(VECTOR_SS, selector)
    return false
  }
  innerSelector = selector
  innerLow = descriptorLow
  innerHigh = descriptorHigh
  innerLinear = descriptorLinear
  innerPointer = pointer
  return true
}

/** Opens the frame of the inner stack just fetched, for the new privilege `level`. */
export function openFetchedStack(level: u32): void {
  openInnerFrame(innerSelector, innerLow, innerHigh, innerPointer, level)
}

/** Sets the accessed bit of the inner stack segment. False if that raised a page fault. */
export function markInnerStack(): bool {
  innerHigh = markAccessed(innerLinear, innerHigh)
  return !faulted()
}

/** Makes the inner stack SS. ESP follows with closeFrame. */
export function commitInnerStack(): void {
  fillCache(SEGMENT_SS, innerSelector, innerLow, innerHigh)
}

/** Offset in a gate: 16 or 32 bits by its type. */
export function gateOffset(low: u32, high: u32): u32 {
  const offset = low & 0xffff
  return accessOf(high) & TYPE_32 ? offset | (high & 0xffff0000) : offset
}

/** Width of what a gate pushes, in bits. */
export function gateSize(high: u32): u32 {
  return accessOf(high) & TYPE_32 ? 32 : 16
}

/** Checks that CPL and the RPL of `selector` may use the gate (call or task) and that it is present. */
export function checkGate(selector: u32, high: u32): bool {
  const access = accessOf(high)
  if (dplOf(access) < load<u32>(CPL) || dplOf(access) < (selector & SELECTOR_RPL)) {
    raiseSelector(VECTOR_GP, selector)
    return false
  }
  if (access & ACCESS_PRESENT) return true
  raiseSelector(VECTOR_NP, selector)
  return false
}

/** JMP through the call gate {low, high} that `selector` named. */
export function jumpThroughGate(selector: u32, low: u32, high: u32): void {
  if (!checkGate(selector, high) || !fetchTarget(low >> 16)) return
  const access = accessOf(targetHigh)
  const cpl = load<u32>(CPL)
  // A jump never changes privilege.
  const allowed = isConforming(access) ? dplOf(access) <= cpl : isCode(access) && dplOf(access) == cpl
  if (!allowed) {
    raiseSelector(VECTOR_GP, targetSelector)
    return
  }
  const offset = gateOffset(low, high)
  if (!targetPresent() || !targetHolds(offset) || !markTarget()) return
  commitTarget(offset, cpl)
  updateMode()
}

/** CALL through the call gate {low, high} that `selector` named; returns to `next`. */
export function callThroughGate(selector: u32, low: u32, high: u32, next: u32): void {
  if (!checkGate(selector, high) || !fetchTarget(low >> 16)) return
  const access = accessOf(targetHigh)
  const cpl = load<u32>(CPL)
  if (!isCode(access) || dplOf(access) > cpl) {
    raiseSelector(VECTOR_GP, targetSelector)
    return
  }
  if (!targetPresent()) return
  const size = gateSize(high)
  const offset = gateOffset(low, high)
  if (!isConforming(access) && dplOf(access) < cpl) {
    callInner(dplOf(access), size, high & GATE_COUNT, offset, next)
    return
  }
  openFrame()
  if (!framePush(load<u32>(SEGMENT_SELECTOR + (SEGMENT_CS << 3)), size) || !framePush(next, size)) return
  if (!targetHolds(offset) || !markTarget()) return
  closeFrame()
  commitTarget(offset, cpl)
  updateMode()
}

/** The call-gate entry to the more privileged `level`: new stack, `count` parameters of `size` bits copied. */
function callInner(level: u32, size: u32, count: u32, offset: u32, next: u32): void {
  if (!fetchInnerStack(level)) return
  openFetchedStack(level)
  const bytes = size >> 3
  if (!framePush(load<u32>(SEGMENT_SELECTOR + (SEGMENT_SS << 3)), size)) return
  if (!framePush(load<u32>(GPR + (GPR_ESP << 3)), size)) return
  for (let index: i32 = <i32>count - 1; index >= 0; index--) {
    const parameter = peek(<u32>index * bytes, size)
    if (faulted() || !framePush(parameter, size)) return
  }
  if (!framePush(load<u32>(SEGMENT_SELECTOR + (SEGMENT_CS << 3)), size) || !framePush(next, size)) return
  if (!targetHolds(offset) || !markInnerStack() || !markTarget()) return
  commitInnerStack()
  closeFrame()
  commitTarget(offset, level)
  updateMode()
}
