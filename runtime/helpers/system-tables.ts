/**
 * The registers that point to system tables: GDTR, IDTR, LDTR, TR.
 *
 * Source: Intel SDM vol. 2, LGDT, LIDT, SGDT, SIDT, LLDT, SLDT, LTR, STR; vol. 3, 2.4.
 */
import {
  GDTR_BASE,
  GDTR_LIMIT,
  IDTR_BASE,
  IDTR_LIMIT,
  SEGMENT_LDTR,
  SEGMENT_SELECTOR,
  SEGMENT_TR,
  VECTOR_GP,
  VECTOR_NP,
} from '../../build/helpers/layout'
import {
  ACCESS_PRESENT,
  accessOf,
  clearCache,
  DESCRIPTOR_ACCESS_BYTE,
  descriptorHigh,
  descriptorLinear,
  descriptorLow,
  fetchDescriptor,
  fillCache,
  isAvailableTss,
  isNull,
  raiseSelector,
  SELECTOR_TABLE,
  TYPE_BUSY,
  TYPE_LDT,
  typeOf,
} from './descriptors'
import { faulted, writeSystem8 } from './memory'
import { requirePrivilege0, requireProtectedMode } from './protection'
import { raiseGeneralProtection } from './segments'

/** With 16-bit operand size only 24 bits of a table base are loaded. */
const BASE24: u32 = 0x00ffffff

/** LGDT with the loaded limit and base; `size` is the operand size (16: 24-bit base). Raises #GP(0) unless CPL is 0. */
export function loadGdtr(limit: u32, base: u32, size: u32): void {
  if (!requirePrivilege0()) return
  store<u32>(GDTR_LIMIT, limit & 0xffff)
  store<u32>(GDTR_BASE, size == 16 ? base & BASE24 : base)
}

/** LIDT with the loaded limit and base; `size` is the operand size (16: 24-bit base). Raises #GP(0) unless CPL is 0. */
export function loadIdtr(limit: u32, base: u32, size: u32): void {
  if (!requirePrivilege0()) return
  store<u32>(IDTR_LIMIT, limit & 0xffff)
  store<u32>(IDTR_BASE, size == 16 ? base & BASE24 : base)
}

/** LLDT. Raises #UD outside protected mode, #GP, #NP. */
export function loadLdtr(selector: u32): void {
  if (!requireProtectedMode() || !requirePrivilege0()) return
  selector &= 0xffff
  if (isNull(selector)) {
    clearCache(SEGMENT_LDTR, selector)
    return
  }
  if (selector & SELECTOR_TABLE) {
    raiseSelector(VECTOR_GP, selector)
    return
  }
  if (!fetchDescriptor(selector, VECTOR_GP)) return
  const access = accessOf(descriptorHigh)
  if (typeOf(access) != TYPE_LDT) {
    raiseSelector(VECTOR_GP, selector)
    return
  }
  if ((access & ACCESS_PRESENT) == 0) {
    raiseSelector(VECTOR_NP, selector)
    return
  }
  fillCache(SEGMENT_LDTR, selector, descriptorLow, descriptorHigh)
}

/** LTR: loads TR and marks the TSS busy. Raises #UD outside protected mode, #GP, #NP. */
export function loadTr(selector: u32): void {
  if (!requireProtectedMode() || !requirePrivilege0()) return
  selector &= 0xffff
  if (isNull(selector)) {
    raiseGeneralProtection()
    return
  }
  if (selector & SELECTOR_TABLE) {
    raiseSelector(VECTOR_GP, selector)
    return
  }
  if (!fetchDescriptor(selector, VECTOR_GP)) return
  const access = accessOf(descriptorHigh)
  if (!isAvailableTss(access)) {
    raiseSelector(VECTOR_GP, selector)
    return
  }
  if ((access & ACCESS_PRESENT) == 0) {
    raiseSelector(VECTOR_NP, selector)
    return
  }
  const high = descriptorHigh | (TYPE_BUSY << 8)
  writeSystem8(descriptorLinear + DESCRIPTOR_ACCESS_BYTE, (high >> 8) & 0xff)
  if (faulted()) return
  fillCache(SEGMENT_TR, selector, descriptorLow, high)
}

/** SLDT: the selector in LDTR. Raises #UD outside protected mode. */
export function storeLdtr(): u32 {
  return requireProtectedMode() ? load<u32>(SEGMENT_SELECTOR + (SEGMENT_LDTR << 3)) : 0
}

/** STR: the selector in TR. Raises #UD outside protected mode. */
export function storeTr(): u32 {
  return requireProtectedMode() ? load<u32>(SEGMENT_SELECTOR + (SEGMENT_TR << 3)) : 0
}
