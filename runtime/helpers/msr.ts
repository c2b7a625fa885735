/**
 * Model-specific registers and the time-stamp counter.
 *
 * Layout of the `mtrr` field of the state: elements 0..15 are the variable-range pairs (base, mask), 16..26 the
 * fixed ranges (64K, 16K x 2, 4K x 8), 27 the default type.
 *
 * Source: Intel SDM vol. 3, 11.11 (MTRRs), 11.12 (PAT), 17.15 (TSC); vol. 4, table 2-55 (P6 MSRs); vol. 2, RDMSR,
 * WRMSR, RDTSC, RDPMC.
 */
import {
  APIC_BASE,
  CPL,
  CR4,
  CR4_TSD,
  EFER,
  MISC_ENABLE,
  MTRR,
  PAT,
  REMAINING,
  SYSENTER_CS,
  SYSENTER_EIP,
  SYSENTER_ESP,
  TSC_OFFSET,
} from '../../build/helpers/layout'
import { hasEverything } from './cpuid'
import { apicBaseWritten, timestamp } from './host'
import { faulted } from './memory'
import { flushTlb } from './paging'
import { requirePrivilege0 } from './protection'
import { raiseGeneralProtection } from './segments'

const MSR_TSC: u32 = 0x10
const MSR_PLATFORM_ID: u32 = 0x17
const MSR_APIC_BASE: u32 = 0x1b
const MSR_EBL_CR_POWERON: u32 = 0x2a
const MSR_BIOS_UPDATE_TRIGGER: u32 = 0x79
const MSR_BIOS_SIGNATURE: u32 = 0x8b
const MSR_MTRR_CAP: u32 = 0xfe
const MSR_SYSENTER_CS: u32 = 0x174
const MSR_SYSENTER_ESP: u32 = 0x175
const MSR_SYSENTER_EIP: u32 = 0x176
const MSR_MISC_ENABLE: u32 = 0x1a0
const MSR_MTRR_PHYS_BASE0: u32 = 0x200
const MSR_MTRR_PHYS_MASK7: u32 = 0x20f
const MSR_MTRR_FIX_64K: u32 = 0x250
const MSR_MTRR_FIX_16K_80000: u32 = 0x258
const MSR_MTRR_FIX_16K_A0000: u32 = 0x259
const MSR_MTRR_FIX_4K_C0000: u32 = 0x268
const MSR_MTRR_FIX_4K_F8000: u32 = 0x26f
const MSR_PAT: u32 = 0x277
const MSR_MTRR_DEFAULT_TYPE: u32 = 0x2ff
const MSR_EFER: u32 = 0xc0000080

/** Eight variable ranges, fixed ranges, write combining. */
const MTRR_CAPABILITIES: u64 = 0x508
const MTRR_FIXED_INDEX: u32 = 16
const MTRR_DEFAULT_INDEX: u32 = 27
/** Bits that exist: 36 physical address bits. */
const PHYS_BASE_BITS: u64 = 0xf_ffff_f0ff
const PHYS_MASK_BITS: u64 = 0xf_ffff_f800
const DEFAULT_TYPE_BITS: u64 = 0xcff
const APIC_BASE_BITS: u64 = 0xf_ffff_f900
/** EFER.NXE. Nothing else of EFER exists without long mode. */
const EFER_NXE: u64 = 1 << 11
/** Bit n: memory type n exists. UC, WC, WT, WP, WB; and UC- in the PAT only. */
const MTRR_TYPES: u32 = (1 << 0) | (1 << 1) | (1 << 4) | (1 << 5) | (1 << 6)
const PAT_TYPES: u32 = MTRR_TYPES | (1 << 7)

/** Index of a MTRR in the `mtrr` field of the state, or -1 if `msr` is none. */
function mtrrIndex(msr: u32): i32 {
  if (msr >= MSR_MTRR_PHYS_BASE0 && msr <= MSR_MTRR_PHYS_MASK7) return <i32>(msr - MSR_MTRR_PHYS_BASE0)
  if (msr == MSR_MTRR_FIX_64K) return MTRR_FIXED_INDEX
  if (msr == MSR_MTRR_FIX_16K_80000 || msr == MSR_MTRR_FIX_16K_A0000)
    return <i32>(MTRR_FIXED_INDEX + 1 + msr - MSR_MTRR_FIX_16K_80000)
  if (msr >= MSR_MTRR_FIX_4K_C0000 && msr <= MSR_MTRR_FIX_4K_F8000)
    return <i32>(MTRR_FIXED_INDEX + 3 + msr - MSR_MTRR_FIX_4K_C0000)
  return msr == MSR_MTRR_DEFAULT_TYPE ? MTRR_DEFAULT_INDEX : -1
}

/** Are the low `count` bytes of `value` all memory types in `types`? */
function allTypes(value: u64, count: u32, types: u32): bool {
  for (let i: u32 = 0; i < count; i++) {
    const type = <u32>(value >> (i << 3)) & 0xff
    if (type > 7 || ((types >> type) & 1) == 0) return false
  }
  return true
}

/** May MTRR `index` hold `value`? */
function validMtrr(index: u32, value: u64): bool {
  if (index == MTRR_DEFAULT_INDEX) return (value & ~DEFAULT_TYPE_BITS) == 0 && allTypes(value, 1, MTRR_TYPES)
  if (index >= MTRR_FIXED_INDEX) return allTypes(value, 8, MTRR_TYPES)
  if (index & 1) return (value & ~PHYS_MASK_BITS) == 0
  return (value & ~PHYS_BASE_BITS) == 0 && allTypes(value, 1, MTRR_TYPES)
}

/** The time-stamp counter. */
function timeStamp(): u64 {
  return <u64>timestamp() + load<u64>(TSC_OFFSET)
}

/** RDMSR of register `msr`. Raises #GP(0) unless CPL is 0 and the register exists. */
export function readMsr(msr: u32): u64 {
  if (!requirePrivilege0()) return 0
  const mtrr = mtrrIndex(msr)
  if (mtrr >= 0) return load<u64>(MTRR + ((<u32>mtrr) << 3))
  switch (msr) {
    case MSR_TSC:
      return timeStamp()
    case MSR_APIC_BASE:
      return load<u64>(APIC_BASE)
    case MSR_SYSENTER_CS:
      return load<u32>(SYSENTER_CS)
    case MSR_SYSENTER_ESP:
      return load<u32>(SYSENTER_ESP)
    case MSR_SYSENTER_EIP:
      return load<u32>(SYSENTER_EIP)
    case MSR_PAT:
      return load<u64>(PAT)
    case MSR_MTRR_CAP:
      return MTRR_CAPABILITIES
    case MSR_MISC_ENABLE:
      return load<u64>(MISC_ENABLE)
    case MSR_EFER:
      if (hasEverything()) return load<u64>(EFER)
      raiseGeneralProtection()
      return 0
    // No platform fuses, no bus options, microcode revision 0.
    case MSR_PLATFORM_ID:
    case MSR_EBL_CR_POWERON:
    case MSR_BIOS_SIGNATURE:
      return 0
    default:
      raiseGeneralProtection()
      return 0
  }
}

/** Stores `value` if `valid`, else raises #GP(0). */
function storeChecked(field: u32, value: u64, valid: bool): void {
  if (valid) store<u64>(field, value)
  else raiseGeneralProtection()
}

/** WRMSR of register `msr`. Raises #GP(0) unless CPL is 0, the register exists and can hold `value`. */
export function writeMsr(msr: u32, value: u64): void {
  if (!requirePrivilege0()) return
  const mtrr = mtrrIndex(msr)
  if (mtrr >= 0) {
    storeChecked(MTRR + ((<u32>mtrr) << 3), value, validMtrr(<u32>mtrr, value))
    return
  }
  switch (msr) {
    case MSR_TSC:
      store<u64>(TSC_OFFSET, value - <u64>timestamp())
      return
    case MSR_APIC_BASE:
      storeChecked(APIC_BASE, value, (value & ~APIC_BASE_BITS) == 0)
      if (!faulted()) apicBaseWritten()
      return
    case MSR_SYSENTER_CS:
      store<u32>(SYSENTER_CS, <u32>value)
      return
    case MSR_SYSENTER_ESP:
      store<u32>(SYSENTER_ESP, <u32>value)
      return
    case MSR_SYSENTER_EIP:
      store<u32>(SYSENTER_EIP, <u32>value)
      return
    case MSR_PAT:
      storeChecked(PAT, value, allTypes(value, 8, PAT_TYPES))
      return
    case MSR_MISC_ENABLE:
      store<u64>(MISC_ENABLE, value)
      return
    case MSR_EFER:
      storeChecked(EFER, value, hasEverything() && (value & ~EFER_NXE) == 0)
      // NX decides what the cached translations mean.
      if (!faulted()) flushTlb(true)
      return
    // Microcode updates are taken and forgotten; their signature register is written before it is read.
    case MSR_EBL_CR_POWERON:
    case MSR_BIOS_UPDATE_TRIGGER:
    case MSR_BIOS_SIGNATURE:
      return
    default:
      raiseGeneralProtection()
  }
}

/** RDTSC. Raises #GP(0) if CR4.TSD keeps it for CPL 0. */
export function readTimeStamp(): u64 {
  if ((load<u32>(CR4) & CR4_TSD) != 0 && load<u32>(CPL) != 0) {
    raiseGeneralProtection()
    return 0
  }
  return timeStamp()
}

/** RDTSC in a region with `remaining` instructions of the budget left; all ones when the interpreter has to do it. */
export function timeStampAt(remaining: u64): u64 {
  if ((load<u32>(CR4) & CR4_TSD) != 0 && load<u32>(CPL) != 0) return ~(<u64>0)
  store<u32>(REMAINING, <u32>remaining)
  return timeStamp()
}

/** RDPMC: no performance counter exists, so every index raises #GP(0). */
export function readPerformanceCounter(): void {
  raiseGeneralProtection()
}
