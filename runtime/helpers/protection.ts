/**
 * Who may do what: privilege and mode checks of single instructions, the flags that CLI, STI, POPF and IRET may
 * change, and the instructions that ask about selectors (LAR, LSL, VERR, VERW).
 *
 * Source: Intel SDM vol. 2 (CLI, STI, PUSHF, POPF, HLT, LAR, LSL, VERR); vol. 3, 5.9 (privileged instructions),
 * 20.2 and 20.3 (virtual-8086 flags, VME), 20.4 (PVI).
 */
import {
  CPL,
  CR0,
  CR0_PE,
  CR4,
  CR4_PVI,
  CR4_VME,
  EFLAGS,
  EFLAGS_AC,
  EFLAGS_AF,
  EFLAGS_CF,
  EFLAGS_DF,
  EFLAGS_ID,
  EFLAGS_IF,
  EFLAGS_IOPL,
  EFLAGS_NT,
  EFLAGS_OF,
  EFLAGS_PF,
  EFLAGS_RF,
  EFLAGS_SF,
  EFLAGS_TF,
  EFLAGS_VIF,
  EFLAGS_VIP,
  EFLAGS_VM,
  EFLAGS_ZF,
  INTERRUPT_LINE,
  INTERRUPT_SHADOW,
  RESULT,
  SHADOW_STI,
  VECTOR_UD,
} from '../../build/helpers/layout'
import {
  ACCESS_SEGMENT,
  accessOf,
  descriptorHigh,
  descriptorLow,
  dplOf,
  isAvailableTss,
  isBusyTss,
  isConforming,
  isNull,
  isReadable,
  isStack,
  limitOf,
  locateDescriptor,
  readDescriptor,
  SELECTOR_RPL,
  TYPE_CALL_GATE16,
  TYPE_CALL_GATE32,
  TYPE_LDT,
  TYPE_TASK_GATE,
  typeOf,
} from './descriptors'
import { getEflags, setEflags } from './flags'
import { raise } from './memory'
import { updateMode } from './mode'
import { inProtectedMode, inVirtual8086Mode, raiseGeneralProtection } from './segments'

/** The flags that arithmetic sets. */
const FLAGS_STATUS: u32 = EFLAGS_CF | EFLAGS_PF | EFLAGS_AF | EFLAGS_ZF | EFLAGS_SF | EFLAGS_OF
/** Flags that POPF and IRET change at any privilege, whatever the operand size. */
export const FLAGS_COMMON: u32 = FLAGS_STATUS | EFLAGS_TF | EFLAGS_DF | EFLAGS_NT
/** Flags above bit 15 that POPFD changes at any privilege. */
export const FLAGS_COMMON_HIGH: u32 = EFLAGS_AC | EFLAGS_ID
/** All flags there are. */
export const FLAGS_ALL: u32 =
  FLAGS_COMMON | FLAGS_COMMON_HIGH | EFLAGS_IF | EFLAGS_IOPL | EFLAGS_RF | EFLAGS_VM | EFLAGS_VIF | EFLAGS_VIP
/** The low word of FLAGS_ALL. */
export const FLAGS_ALL16: u32 = FLAGS_COMMON | EFLAGS_IF | EFLAGS_IOPL
/** Bit 1 of EFLAGS, always set. */
const EFLAGS_FIXED: u32 = 1 << 1
/** Position of IOPL in EFLAGS. */
const IOPL_SHIFT: u32 = 12
/** How far VIF lies above IF. */
const VIF_SHIFT: u32 = 10
/** What PUSHFD stores: VM and RF read as 0. */
const PUSHED_FLAGS: u32 = ~(EFLAGS_VM | EFLAGS_RF)
/** Bits of the second descriptor dword that LAR returns; the top byte only by the wide form. */
const LAR_MASK: u32 = 0x00ffff00

/** The I/O privilege level. */
// @ts-ignore: decorator
@inline
export function ioPrivilegeLevel(): u32 {
  return (load<u32>(EFLAGS) >> IOPL_SHIFT) & 3
}

/** True at CPL 0; otherwise raises #GP(0). */
export function requirePrivilege0(): bool {
  if (load<u32>(CPL) == 0) return true
  raiseGeneralProtection()
  return false
}

/** True in protected mode; otherwise (real, virtual-8086) raises #UD: LLDT, LTR, SLDT, STR, LAR, LSL, VERx, ARPL. */
export function requireProtectedMode(): bool {
  if (inProtectedMode()) return true
  raise(VECTOR_UD)
  return false
}

/** Replaces the flags in `mask` by those of `image`. */
export function mergeFlags(image: u32, mask: u32): void {
  setEflags((getEflags() & ~mask) | (image & mask) | EFLAGS_FIXED)
  updateMode()
}

/** Does CLI/STI act on IF (1), on VIF (2), or is it refused (0)? */
function interruptFlagAccess(): u32 {
  if ((load<u32>(CR0) & CR0_PE) == 0 || ioPrivilegeLevel() >= load<u32>(CPL)) return 1
  if (inVirtual8086Mode()) return load<u32>(CR4) & CR4_VME ? 2 : 0
  return load<u32>(CPL) == 3 && (load<u32>(CR4) & CR4_PVI) != 0 ? 2 : 0
}

/** CLI. Raises #GP(0) where IOPL forbids it. */
export function cli(): void {
  const access = interruptFlagAccess()
  if (access == 0) raiseGeneralProtection()
  else store<u32>(EFLAGS, load<u32>(EFLAGS) & ~(access == 1 ? EFLAGS_IF : EFLAGS_VIF))
}

/** CLI in a region: 1 when it is done, 0 when the interpreter has to do it. */
export function tryCli(_unused: u32): u32 {
  if (interruptFlagAccess() != 1) return 0
  store<u32>(EFLAGS, load<u32>(EFLAGS) & ~EFLAGS_IF)
  return 1
}

/**
 * STI in a region: 1 when it is done, 0 when the interpreter has to do it. It is not done while an interrupt waits,
 * which comes behind the next instruction; the region takes the shadow back there.
 */
export function trySti(_unused: u32): u32 {
  if (interruptFlagAccess() != 1) return 0
  const flags = load<u32>(EFLAGS)
  if (flags & EFLAGS_IF) return 1
  if (load<u32>(INTERRUPT_LINE) != 0) return 0
  store<u32>(INTERRUPT_SHADOW, SHADOW_STI)
  store<u32>(EFLAGS, flags | EFLAGS_IF)
  return 1
}

/** STI, with its one-instruction shadow if IF was clear. Raises #GP(0) where IOPL or a pending VIP forbids it. */
export function sti(): void {
  const access = interruptFlagAccess()
  const flags = load<u32>(EFLAGS)
  if (access == 0 || (access == 2 && (flags & EFLAGS_VIP) != 0)) {
    raiseGeneralProtection()
    return
  }
  if (access == 2) {
    store<u32>(EFLAGS, flags | EFLAGS_VIF)
    return
  }
  if ((flags & EFLAGS_IF) == 0) store<u32>(INTERRUPT_SHADOW, SHADOW_STI)
  store<u32>(EFLAGS, flags | EFLAGS_IF)
}

/** The image that PUSHF (`size` 16) or PUSHFD (32) stores. Raises #GP(0) in virtual-8086 mode with IOPL < 3. */
export function pushFlagsImage(size: u32): u32 {
  const flags = getEflags()
  if (!inVirtual8086Mode() || ioPrivilegeLevel() == 3) return size == 16 ? flags & 0xffff : flags & PUSHED_FLAGS
  if (size == 32 || (load<u32>(CR4) & CR4_VME) == 0) {
    raiseGeneralProtection()
    return 0
  }
  return virtualFlagsImage(flags)
}

/** The 16-bit FLAGS image of an 8086 task under VME with IOPL < 3: VIF shows as IF, IOPL as 3. */
export function virtualFlagsImage(flags: u32): u32 {
  return (flags & 0xffff & ~EFLAGS_IF) | EFLAGS_IOPL | ((flags & EFLAGS_VIF) >> VIF_SHIFT)
}

/**
 * Loads 16-bit FLAGS `image` under VME with IOPL < 3 (POPF, IRET): IF goes to VIF, IOPL stays.
 * Raises #GP(0) if that would set TF, or enable virtual interrupts while one is pending.
 */
export function loadVirtualFlags(image: u32): void {
  const pending = (load<u32>(EFLAGS) & EFLAGS_VIP) != 0 && (image & EFLAGS_IF) != 0
  if (pending || (image & EFLAGS_TF) != 0) {
    raiseGeneralProtection()
    return
  }
  mergeFlags((image & 0xffff) | ((image & EFLAGS_IF) << VIF_SHIFT), FLAGS_COMMON | EFLAGS_VIF)
}

/**
 * POPF (`size` 16) or POPFD (32): loads EFLAGS from `image` as far as CPL, IOPL and mode allow.
 * Raises #GP(0) in virtual-8086 mode with IOPL < 3 (unless VME takes the 16-bit form).
 */
export function popFlags(image: u32, size: u32): void {
  const cpl = load<u32>(CPL)
  const iopl = ioPrivilegeLevel()
  let mask = FLAGS_COMMON
  if (size == 32) mask |= FLAGS_COMMON_HIGH
  if (inVirtual8086Mode()) {
    if (iopl < 3) {
      if (size == 16 && (load<u32>(CR4) & CR4_VME) != 0) loadVirtualFlags(image)
      else raiseGeneralProtection()
      return
    }
    mask |= EFLAGS_IF
  } else {
    if (cpl <= iopl) mask |= EFLAGS_IF
    if (cpl == 0) mask |= EFLAGS_IOPL
  }
  // The wide form clears RF.
  if (size == 32) mask |= EFLAGS_RF
  mergeFlags(image & ~EFLAGS_RF, mask)
}

/** Is the descriptor just read of a kind that LAR (`gates`) or LSL describes? */
function describable(access: u32, gates: bool): bool {
  if (access & ACCESS_SEGMENT) return true
  const type = typeOf(access)
  if (isAvailableTss(access) || isBusyTss(access) || type == TYPE_LDT) return true
  return gates && (type == TYPE_CALL_GATE16 || type == TYPE_CALL_GATE32 || type == TYPE_TASK_GATE)
}

/** Reads the descriptor of `selector` and tells whether CPL and RPL may see it. No exception but page faults. */
function visibleDescriptor(selector: u32): bool {
  if (isNull(selector) || !locateDescriptor(selector) || !readDescriptor()) return false
  const access = accessOf(descriptorHigh)
  if (isConforming(access)) return true
  return dplOf(access) >= load<u32>(CPL) && dplOf(access) >= (selector & SELECTOR_RPL)
}

/**
 * LAR: returns the access rights that `selector` names. `result` of the state is 1 if they are valid (ZF), else 0.
 * Raises #UD outside protected mode.
 */
export function loadAccessRights(selector: u32): u32 {
  store<u32>(RESULT, 0)
  if (!requireProtectedMode() || !visibleDescriptor(selector) || !describable(accessOf(descriptorHigh), true)) return 0
  store<u32>(RESULT, 1)
  return descriptorHigh & LAR_MASK
}

/** LSL: returns the limit in bytes of the segment `selector` names; `result` as in loadAccessRights. */
export function loadSegmentLimit(selector: u32): u32 {
  store<u32>(RESULT, 0)
  if (!requireProtectedMode() || !visibleDescriptor(selector) || !describable(accessOf(descriptorHigh), false)) return 0
  store<u32>(RESULT, 1)
  return limitOf(descriptorLow, descriptorHigh)
}

/** VERR: 1 if the segment of `selector` is readable from here, else 0 (ZF). Raises #UD outside protected mode. */
export function verifyRead(selector: u32): u32 {
  if (!requireProtectedMode() || !visibleDescriptor(selector)) return 0
  return isReadable(accessOf(descriptorHigh)) ? 1 : 0
}

/** VERW: 1 if the segment of `selector` is writable from here, else 0 (ZF). Raises #UD outside protected mode. */
export function verifyWrite(selector: u32): u32 {
  if (!requireProtectedMode() || !visibleDescriptor(selector)) return 0
  return isStack(accessOf(descriptorHigh)) ? 1 : 0
}
