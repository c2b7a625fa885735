/**
 * SYSENTER and SYSEXIT: fast calls to level 0 and back, with flat segments whose descriptors are not read.
 *
 * Source: Intel SDM vol. 2, SYSENTER, SYSEXIT; vol. 3, 5.8.7.
 */
import {
  CPL,
  CR0,
  CR0_PE,
  EFLAGS,
  EFLAGS_IF,
  EFLAGS_RF,
  EFLAGS_VM,
  EIP,
  GPR,
  GPR_ECX,
  GPR_EDX,
  GPR_ESP,
  SEGMENT_ACCESS,
  SEGMENT_BASE,
  SEGMENT_CS,
  SEGMENT_LIMIT,
  SEGMENT_SELECTOR,
  SEGMENT_SS,
  SYSENTER_CS,
  SYSENTER_EIP,
  SYSENTER_ESP,
} from '../../build/helpers/layout'
import {
  ACCESS_ACCESSED,
  ACCESS_BIG,
  ACCESS_CODE,
  ACCESS_GRANULAR,
  ACCESS_PRESENT,
  ACCESS_SEGMENT,
  ACCESS_WRITABLE,
  isNull,
  SELECTOR_RPL,
} from './descriptors'
import { updateMode } from './mode'
import { raiseGeneralProtection } from './segments'

/** A present, accessed, 32-bit, page-granular segment: read/write data, or execute/read code with ACCESS_CODE. */
const FLAT: u32 = ACCESS_PRESENT | ACCESS_SEGMENT | ACCESS_WRITABLE | ACCESS_ACCESSED | ACCESS_BIG | ACCESS_GRANULAR
/** Distances of the other three selectors from SYSENTER_CS. */
const STACK0: u32 = 8
const CODE3: u32 = 16
const STACK3: u32 = 24

/** Loads a segment register with a flat segment of privilege `level`. */
function loadFlat(segment: u32, selector: u32, access: u32, level: u32): void {
  const at = segment << 3
  store<u32>(SEGMENT_SELECTOR + at, (selector & 0xfffc) | level)
  store<u32>(SEGMENT_BASE + at, 0)
  store<u32>(SEGMENT_LIMIT + at, 0xffffffff)
  store<u32>(SEGMENT_ACCESS + at, access | (level << 5))
}

/** SYSENTER. Raises #GP(0) in real mode or if SYSENTER_CS is null. */
export function sysenter(): void {
  const base = load<u32>(SYSENTER_CS) & 0xffff & ~SELECTOR_RPL
  if ((load<u32>(CR0) & CR0_PE) == 0 || isNull(base)) {
    raiseGeneralProtection()
    return
  }
  store<u32>(EFLAGS, load<u32>(EFLAGS) & ~(EFLAGS_VM | EFLAGS_IF | EFLAGS_RF))
  loadFlat(SEGMENT_CS, base, FLAT | ACCESS_CODE, 0)
  loadFlat(SEGMENT_SS, base + STACK0, FLAT, 0)
  store<u32>(CPL, 0)
  store<u32>(GPR + (GPR_ESP << 3), load<u32>(SYSENTER_ESP))
  store<u32>(EIP, load<u32>(SYSENTER_EIP))
  updateMode()
}

/** SYSEXIT: to EDX with stack ECX at level 3. Raises #GP(0) in real mode, above CPL 0, or if SYSENTER_CS is null. */
export function sysexit(): void {
  const base = load<u32>(SYSENTER_CS) & 0xffff & ~SELECTOR_RPL
  if ((load<u32>(CR0) & CR0_PE) == 0 || load<u32>(CPL) != 0 || isNull(base)) {
    raiseGeneralProtection()
    return
  }
  loadFlat(SEGMENT_CS, base + CODE3, FLAT | ACCESS_CODE, 3)
  loadFlat(SEGMENT_SS, base + STACK3, FLAT, 3)
  store<u32>(CPL, 3)
  store<u32>(GPR + (GPR_ESP << 3), load<u32>(GPR + (GPR_ECX << 3)))
  store<u32>(EIP, load<u32>(GPR + (GPR_EDX << 3)))
  updateMode()
}
