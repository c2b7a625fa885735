/**
 * Hardware task switching: JMP, CALL, interrupts and IRET to a 16-bit or 32-bit TSS.
 *
 *   checks on gate and descriptor -> switchTask
 *     1 read the new TSS, probe everything that will be written     faults here belong to the old task
 *     2 save the old state, set and clear busy bits, back link      no faults
 *     3 load TR, CR3, flags, registers, selectors                   the new task runs from here on
 *     4 check and load LDTR, CS, SS, data segments                  faults here belong to the new task
 *     5 error code, EIP limit, T-bit trap
 *
 * Source: Intel SDM vol. 3, chapter 7, tables 7-1 and 7-2; vol. 2, JMP, CALL, IRET.
 */
import {
  CPL,
  CR0,
  CR0_PG,
  CR0_TS,
  CR3,
  DR,
  EFLAGS_NT,
  EFLAGS_RF,
  EFLAGS_VM,
  EIP,
  GDTR_BASE,
  GPR,
  HALTED,
  INTERRUPT_SHADOW,
  SEGMENT_ACCESS,
  SEGMENT_BASE,
  SEGMENT_CS,
  SEGMENT_DS,
  SEGMENT_ES,
  SEGMENT_FS,
  SEGMENT_GS,
  SEGMENT_LDTR,
  SEGMENT_LIMIT,
  SEGMENT_SELECTOR,
  SEGMENT_SS,
  SEGMENT_TR,
  SHADOW_NONE,
  TRAP_BEFORE,
  VECTOR_DB,
  VECTOR_GP,
  VECTOR_NP,
  VECTOR_SS,
  VECTOR_TS,
} from '../../build/helpers/layout'
import { reportDebug, updateBreakpoints } from './breakpoints'
import { loadPageDirectoryBase } from './control-registers'
import {
  ACCESS_PRESENT,
  accessOf,
  baseOf,
  clearCache,
  DESCRIPTOR_ACCESS_BYTE,
  descriptorHigh,
  descriptorLinear,
  descriptorLow,
  dplOf,
  fetchDescriptor,
  fillCache,
  isAvailableTss,
  isBusyTss,
  isCode,
  isConforming,
  isNull,
  isReadable,
  isStack,
  limitOf,
  markAccessed,
  raiseSelector,
  SELECTOR_INDEX,
  SELECTOR_RPL,
  SELECTOR_TABLE,
  TYPE_32,
  TYPE_BUSY,
  TYPE_LDT,
  typeOf,
} from './descriptors'
import { getEflags, setEflags } from './flags'
import { checkGate } from './gates'
import { deliverException } from './interrupts'
import {
  faulted,
  probeWriteSystem,
  raise,
  readSystem8,
  readSystem16,
  readSystem32,
  writeSystem8,
  writeSystem16,
  writeSystem32,
} from './memory'
import { updateMode } from './mode'
import { FLAGS_ALL } from './protection'
import { dataAccessible, loadVirtual8086Segment, raiseGeneralProtection } from './segments'
import { closeFrame, framePush, openFrame } from './stack'

/** Why the task is switched: JMP; CALL or an interrupt, which nest; IRET. */
export const TASK_JUMP: u32 = 0
export const TASK_CALL: u32 = 1
export const TASK_RETURN: u32 = 2

/** `errorCode` of switchTask when there is none to push. */
export const NO_ERROR_CODE: i64 = -1

// 32-bit TSS (SDM vol. 3, figure 7-2). Offsets in bytes.
const TSS32_CR3: u32 = 0x1c
const TSS32_EIP: u32 = 0x20
const TSS32_EFLAGS: u32 = 0x24
const TSS32_GPR: u32 = 0x28
const TSS32_SEGMENT: u32 = 0x48
const TSS32_LDT: u32 = 0x60
const TSS32_TRAP: u32 = 0x64
/** Lowest limit a 32-bit TSS may have to be switched to, and to be saved to. */
const TSS32_LIMIT: u32 = 0x67
const TSS32_SAVE_LIMIT: u32 = 0x5f

// 16-bit TSS (SDM vol. 3, figure 7-10).
const TSS16_IP: u32 = 0x0e
const TSS16_FLAGS: u32 = 0x10
const TSS16_GPR: u32 = 0x12
const TSS16_SEGMENT: u32 = 0x22
const TSS16_LDT: u32 = 0x2a
const TSS16_LIMIT: u32 = 0x2b
const TSS16_SAVE_LIMIT: u32 = 0x29

/** ES CS SS DS, and FS GS in a 32-bit TSS. */
const TSS16_SEGMENTS: u32 = 4
const TSS32_SEGMENTS: u32 = 6
/** Upper halves of the general registers after loading a 16-bit TSS, which does not hold them. */
const TSS16_UPPER: u32 = 0xffff0000

/** DR6.BT: a task with its T bit set was switched to. */
const DR6_BT: u32 = 1 << 15
/** DR7: L0..L3 and LE, cleared by a task switch. */
const DR7_LOCAL: u32 = 0x155

// Image of the new task, read before anything is written.
const image: usize = memory.data(64, 8)
const IMAGE_SEGMENT: usize = 32
/** Whether the last switch has come to step 3: what is raised from there on belongs to the new task. */
let committed: bool = false
let newEip: u32 = 0
let newEflags: u32 = 0
let newCr3: u32 = 0
let newLdt: u32 = 0
let newTrap: u32 = 0

/** A field of the cached TR. */
// @ts-ignore: decorator
@inline
function tr(field: u32): u32 {
  return load<u32>(field + (SEGMENT_TR << 3))
}

/** Reads the TSS at linear `base` to the image. False with #PF raised. */
function readImage(base: u32, wide: bool): bool {
  if (wide) {
    newCr3 = readSystem32(base + TSS32_CR3)
    if (faulted()) return false
    newEip = readSystem32(base + TSS32_EIP)
    if (faulted()) return false
    newEflags = readSystem32(base + TSS32_EFLAGS)
    if (faulted()) return false
    newLdt = readSystem16(base + TSS32_LDT)
    if (faulted()) return false
    newTrap = readSystem16(base + TSS32_TRAP) & 1
  } else {
    newEip = readSystem16(base + TSS16_IP)
    if (faulted()) return false
    newEflags = readSystem16(base + TSS16_FLAGS)
    if (faulted()) return false
    newLdt = readSystem16(base + TSS16_LDT)
    newTrap = 0
  }
  if (faulted()) return false
  for (let i: u32 = 0; i < 8; i++) {
    const value = wide ? readSystem32(base + TSS32_GPR + 4 * i) : readSystem16(base + TSS16_GPR + 2 * i) | TSS16_UPPER
    if (faulted()) return false
    store<u32>(image + 4 * i, value)
  }
  for (let i: u32 = 0; i < TSS32_SEGMENTS; i++) {
    let value: u32 = 0
    if (wide) value = readSystem16(base + TSS32_SEGMENT + 4 * i)
    else if (i < TSS16_SEGMENTS) value = readSystem16(base + TSS16_SEGMENT + 2 * i)
    if (faulted()) return false
    store<u32>(image + IMAGE_SEGMENT + 4 * i, value)
  }
  return true
}

/** Saves the running task to its TSS, whose pages have been probed. */
function saveTask(eip: u32, eflags: u32): void {
  const base = tr(SEGMENT_BASE)
  if (tr(SEGMENT_ACCESS) & TYPE_32) {
    writeSystem32(base + TSS32_EIP, eip)
    writeSystem32(base + TSS32_EFLAGS, eflags)
    for (let i: u32 = 0; i < 8; i++) writeSystem32(base + TSS32_GPR + 4 * i, load<u32>(GPR + 8 * i))
    for (let i: u32 = 0; i < TSS32_SEGMENTS; i++)
      writeSystem16(base + TSS32_SEGMENT + 4 * i, load<u32>(SEGMENT_SELECTOR + 8 * i))
    return
  }
  writeSystem16(base + TSS16_IP, eip)
  writeSystem16(base + TSS16_FLAGS, eflags)
  for (let i: u32 = 0; i < 8; i++) writeSystem16(base + TSS16_GPR + 2 * i, load<u32>(GPR + 8 * i))
  for (let i: u32 = 0; i < TSS16_SEGMENTS; i++)
    writeSystem16(base + TSS16_SEGMENT + 2 * i, load<u32>(SEGMENT_SELECTOR + 8 * i))
}

/** Probes the part of the running task's TSS that saveTask writes. Raises #TS if the TSS is too short. */
function probeOldTask(): bool {
  const wide = (tr(SEGMENT_ACCESS) & TYPE_32) != 0
  if (tr(SEGMENT_LIMIT) < (wide ? TSS32_SAVE_LIMIT : TSS16_SAVE_LIMIT)) {
    raiseSelector(VECTOR_TS, tr(SEGMENT_SELECTOR))
    return false
  }
  const first = wide ? TSS32_EIP : TSS16_IP
  const end = wide ? TSS32_SAVE_LIMIT + 1 : TSS16_SAVE_LIMIT + 1
  probeWriteSystem(tr(SEGMENT_BASE) + first, end - first)
  return !faulted()
}

/**
 * Switches to the task whose TSS descriptor {linear, low, high} `selector` names; type and presence are checked.
 * `eip` is what the old task resumes at; `eflags` its flags image; `errorCode` goes on the new stack unless it is
 * NO_ERROR_CODE.
 * A fault before the commit leaves the old task untouched; a later one finds the new task in the state.
 */
export function switchTask(
  selector: u32,
  linear: u32,
  low: u32,
  high: u32,
  source: u32,
  eip: u32,
  eflags: u32,
  errorCode: i64,
): void {
  committed = false
  const wide = (accessOf(high) & TYPE_32) != 0
  const base = baseOf(low, high)
  if (limitOf(low, high) < (wide ? TSS32_LIMIT : TSS16_LIMIT)) {
    raiseSelector(VECTOR_TS, selector)
    return
  }
  if (!probeOldTask()) return
  const oldSelector = tr(SEGMENT_SELECTOR)
  const oldAccessByte = load<u32>(GDTR_BASE) + (oldSelector & SELECTOR_INDEX) + DESCRIPTOR_ACCESS_BYTE
  const newAccessByte = linear + DESCRIPTOR_ACCESS_BYTE
  let oldByte: u32 = 0
  if (source != TASK_CALL) {
    probeWriteSystem(oldAccessByte, 1)
    if (faulted()) return
    oldByte = readSystem8(oldAccessByte)
  }
  if (source == TASK_CALL) probeWriteSystem(base, 2)
  if (faulted()) return
  if (source != TASK_RETURN) probeWriteSystem(newAccessByte, 1)
  if (faulted() || !readImage(base, wide)) return

  // Commit: nothing below can fault until the new task's registers are in place.
  committed = true
  saveTask(eip, source == TASK_RETURN ? eflags & ~EFLAGS_NT : eflags)
  if (source != TASK_CALL) writeSystem8(oldAccessByte, oldByte & ~TYPE_BUSY)
  if (source == TASK_CALL) {
    writeSystem16(base, oldSelector)
    newEflags |= EFLAGS_NT
  }
  let busy = high
  if (source != TASK_RETURN) {
    busy = high | (TYPE_BUSY << 8)
    writeSystem8(newAccessByte, (busy >> 8) & 0xff)
  }
  fillCache(SEGMENT_TR, selector, low, busy)
  store<u32>(CR0, load<u32>(CR0) | CR0_TS)
  if (load<u32>(DR + (7 << 3)) & DR7_LOCAL) {
    store<u32>(DR + (7 << 3), load<u32>(DR + (7 << 3)) & ~DR7_LOCAL)
    updateBreakpoints()
  }
  store<u32>(TRAP_BEFORE, 0)
  store<u32>(HALTED, 0)
  store<u32>(INTERRUPT_SHADOW, SHADOW_NONE)
  enterTask(wide, errorCode)
  updateMode()
}

/**
 * Behind a switch that an instruction has asked for: a fault of step 4 or 5 belongs to the new task and its EIP, not to
 * that instruction, so it is delivered here.
 */
export function settleSwitch(): void {
  if (committed && faulted()) deliverException()
}

/** Steps 3 to 5: makes the image the running task. */
function enterTask(wide: bool, errorCode: i64): void {
  setEflags((newEflags & FLAGS_ALL) | 2)
  store<u32>(EIP, newEip)
  for (let i: u32 = 0; i < 8; i++) store<u32>(GPR + 8 * i, load<u32>(image + 4 * i))
  for (let i: u32 = 0; i < TSS32_SEGMENTS; i++) clearCache(i, load<u32>(image + IMAGE_SEGMENT + 4 * i))
  clearCache(SEGMENT_LDTR, newLdt)
  const virtual8086 = (newEflags & EFLAGS_VM) != 0
  store<u32>(CPL, virtual8086 ? 3 : load<u32>(image + IMAGE_SEGMENT + 4 * SEGMENT_CS) & SELECTOR_RPL)
  if (wide && (load<u32>(CR0) & CR0_PG) != 0) {
    loadPageDirectoryBase(newCr3)
    if (faulted()) return
  }
  if (!loadTaskLdt()) return
  if (virtual8086) {
    for (let i: u32 = 0; i < TSS32_SEGMENTS; i++)
      loadVirtual8086Segment(i, load<u32>(image + IMAGE_SEGMENT + 4 * i))
  } else {
    if (!loadTaskCode() || !loadTaskStack()) return
    if (!loadTaskData(SEGMENT_ES) || !loadTaskData(SEGMENT_DS)) return
    if (!loadTaskData(SEGMENT_FS) || !loadTaskData(SEGMENT_GS)) return
  }
  if (errorCode != NO_ERROR_CODE) {
    openFrame()
    if (!framePush(<u32>errorCode, wide ? 32 : 16)) return
    closeFrame()
  }
  if (newEip > load<u32>(SEGMENT_LIMIT + (SEGMENT_CS << 3))) {
    raiseGeneralProtection()
    return
  }
  if (newTrap) {
    reportDebug(DR6_BT)
    raise(VECTOR_DB)
  }
}

/** LDTR of the new task. */
function loadTaskLdt(): bool {
  if (isNull(newLdt)) return true
  if (newLdt & SELECTOR_TABLE) {
    raiseSelector(VECTOR_TS, newLdt)
    return false
  }
  if (!fetchDescriptor(newLdt, VECTOR_TS)) return false
  const access = accessOf(descriptorHigh)
  if (typeOf(access) != TYPE_LDT || (access & ACCESS_PRESENT) == 0) {
    raiseSelector(VECTOR_TS, newLdt)
    return false
  }
  fillCache(SEGMENT_LDTR, newLdt, descriptorLow, descriptorHigh)
  return true
}

/** Raises `vector` for the segment just fetched, which is not present. */
function absent(vector: u32, selector: u32): bool {
  if (accessOf(descriptorHigh) & ACCESS_PRESENT) return false
  raiseSelector(vector, selector)
  return true
}

/** Sets the accessed bit of the segment just fetched and fills register `segment` from it. */
function fillTaskSegment(segment: u32, selector: u32): bool {
  const high = markAccessed(descriptorLinear, descriptorHigh)
  if (faulted()) return false
  fillCache(segment, selector, descriptorLow, high)
  return true
}

/** Fetches the descriptor of a selector of the new task; null ones and those out of limits raise #TS. */
function fetchTaskSegment(selector: u32): bool {
  if (isNull(selector)) {
    raiseSelector(VECTOR_TS, selector)
    return false
  }
  return fetchDescriptor(selector, VECTOR_TS)
}

/** CS of the new task. */
function loadTaskCode(): bool {
  const selector = load<u32>(SEGMENT_SELECTOR + (SEGMENT_CS << 3))
  if (!fetchTaskSegment(selector)) return false
  const access = accessOf(descriptorHigh)
  const rpl = selector & SELECTOR_RPL
  if (!isCode(access) || (isConforming(access) ? dplOf(access) > rpl : dplOf(access) != rpl)) {
    raiseSelector(VECTOR_TS, selector)
    return false
  }
  return !absent(VECTOR_NP, selector) && fillTaskSegment(SEGMENT_CS, selector)
}

/** SS of the new task. */
function loadTaskStack(): bool {
  const selector = load<u32>(SEGMENT_SELECTOR + (SEGMENT_SS << 3))
  if (!fetchTaskSegment(selector)) return false
  const access = accessOf(descriptorHigh)
  const cpl = load<u32>(CPL)
  if (!isStack(access) || dplOf(access) != cpl || (selector & SELECTOR_RPL) != cpl) {
    raiseSelector(VECTOR_TS, selector)
    return false
  }
  return !absent(VECTOR_SS, selector) && fillTaskSegment(SEGMENT_SS, selector)
}

/** DS, ES, FS or GS of the new task. */
function loadTaskData(segment: u32): bool {
  const selector = load<u32>(SEGMENT_SELECTOR + (segment << 3))
  if (isNull(selector)) return true
  if (!fetchDescriptor(selector, VECTOR_TS)) return false
  const access = accessOf(descriptorHigh)
  if (!isReadable(access) || !dataAccessible(access, selector & SELECTOR_RPL, load<u32>(CPL))) {
    raiseSelector(VECTOR_TS, selector)
    return false
  }
  return !absent(VECTOR_NP, selector) && fillTaskSegment(segment, selector)
}

/**
 * Fetches the TSS that a task gate names: it must be in the GDT, available (#GP) and present (#NP).
 * Leaves it in descriptorLow/High/Linear.
 */
export function fetchGateTask(selector: u32): bool {
  if (selector & SELECTOR_TABLE) {
    raiseSelector(VECTOR_GP, selector)
    return false
  }
  if (!fetchDescriptor(selector, VECTOR_GP)) return false
  if (!isAvailableTss(accessOf(descriptorHigh))) {
    raiseSelector(VECTOR_GP, selector)
    return false
  }
  return !absent(VECTOR_NP, selector)
}

/** Flags of a task that leaves by an instruction, which has cleared RF by then. */
function ownFlags(): u32 {
  return getEflags() & ~EFLAGS_RF
}

/**
 * Far JMP or CALL to system descriptor {low, high}, just fetched: a task gate (`gate`), or a TSS itself.
 * Any other type raises #GP(selector).
 */
export function transferToTask(selector: u32, low: u32, high: u32, gate: bool, source: u32, next: u32): void {
  if (gate) {
    const tss = low >> 16
    if (!checkGate(selector, high) || !fetchGateTask(tss)) return
    switchTask(tss, descriptorLinear, descriptorLow, descriptorHigh, source, next, ownFlags(), NO_ERROR_CODE)
    settleSwitch()
    return
  }
  const access = accessOf(high)
  const hidden = dplOf(access) < load<u32>(CPL) || dplOf(access) < (selector & SELECTOR_RPL)
  if (hidden || !isAvailableTss(access) || (selector & SELECTOR_TABLE) != 0) {
    raiseSelector(VECTOR_GP, selector)
    return
  }
  if ((access & ACCESS_PRESENT) == 0) {
    raiseSelector(VECTOR_NP, selector)
    return
  }
  switchTask(selector, descriptorLinear, low, high, source, next, ownFlags(), NO_ERROR_CODE)
  settleSwitch()
}

/** IRET with NT set: back to the task that the back link of the current TSS names. This task resumes at `next`. */
export function taskReturn(next: u32): void {
  const link = readSystem16(tr(SEGMENT_BASE))
  if (faulted()) return
  if (link & SELECTOR_TABLE) {
    raiseSelector(VECTOR_TS, link)
    return
  }
  if (!fetchDescriptor(link, VECTOR_TS)) return
  if (!isBusyTss(accessOf(descriptorHigh))) {
    raiseSelector(VECTOR_TS, link)
    return
  }
  if (absent(VECTOR_NP, link)) return
  switchTask(
    link,
    descriptorLinear,
    descriptorLow,
    descriptorHigh,
    TASK_RETURN,
    next,
    ownFlags(),
    NO_ERROR_CODE,
  )
  settleSwitch()
}
