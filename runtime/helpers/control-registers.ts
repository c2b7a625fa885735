/**
 * Control registers and the instructions that only CPL 0 may use on them and on the caches.
 *
 * Source: Intel SDM vol. 3, 2.5 (control registers), 4.4.1 (PDPTEs), 4.10 (TLBs); vol. 2, MOV CR, LMSW, SMSW, CLTS,
 * INVLPG, INVD, WBINVD, HLT.
 */
import {
  A20_MASK,
  CR0,
  CR0_AM,
  CR0_CD,
  CR0_EM,
  CR0_ET,
  CR0_MP,
  CR0_NE,
  CR0_NW,
  CR0_PE,
  CR0_PG,
  CR0_TS,
  CR0_WP,
  CR2,
  CR3,
  CR4,
  CR4_DE,
  CR4_MCE,
  CR4_OSFXSR,
  CR4_OSXMMEXCPT,
  CR4_PAE,
  CR4_PCE,
  CR4_PGE,
  CR4_PSE,
  CR4_PVI,
  CR4_TSD,
  CR4_VME,
  HALTED,
  PDPTE,
  SEGMENT_BASE,
  VECTOR_UD,
} from '../../build/helpers/layout'
import { updateBreakpoints } from './breakpoints'
import {
  FEATURE_CMOV, FEATURE_DE, FEATURE_FXSR, FEATURE_MCE, FEATURE_PAE, FEATURE_PGE, FEATURE_PSE, FEATURE_SSE, FEATURE_TSC,
  FEATURE_VME, featuresEdx,
} from './cpuid'
import { raise, readPhysical } from './memory'
import { updateMode, updateSse } from './mode'
import { flushPage, flushTlb } from './paging'
import { requirePrivilege0 } from './protection'
import { raiseGeneralProtection } from './segments'

/** Bits of CR0 that exist. The rest stay 0 without complaint; ET is always 1. */
const CR0_EXISTING: u32 =
  CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | CR0_PG
/** What LMSW writes: PE, MP, EM, TS. */
const MACHINE_STATUS_WORD: u32 = CR0_PE | CR0_MP | CR0_EM | CR0_TS
/** Bits of CR4 that exist with the features this CPU reports; others raise #GP. Performance counters came with CMOV. */
function existingCr4(): u32 {
  const features = featuresEdx()
  return (
    (features & FEATURE_VME ? CR4_VME | CR4_PVI : 0) |
    (features & FEATURE_TSC ? CR4_TSD : 0) |
    (features & FEATURE_DE ? CR4_DE : 0) |
    (features & FEATURE_PSE ? CR4_PSE : 0) |
    (features & FEATURE_PAE ? CR4_PAE : 0) |
    (features & FEATURE_MCE ? CR4_MCE : 0) |
    (features & FEATURE_PGE ? CR4_PGE : 0) |
    (features & FEATURE_CMOV ? CR4_PCE : 0) |
    (features & FEATURE_FXSR ? CR4_OSFXSR : 0) |
    (features & FEATURE_SSE ? CR4_OSXMMEXCPT : 0)
  )
}

/** CR3 in PAE mode: the page-directory-pointer table is 32-byte aligned. */
const CR3_PAE_BASE: u32 = 0xffffffe0
/** PDPTE: present; reserved bits of the low and high dword (MAXPHYADDR 36; SDM vol. 3, table 4-8). */
const PDPTE_P: u64 = 1
const PDPTE_RESERVED: u64 = 0xfffffff0_000001e6

/** Loads the four PDPTEs that `cr3` points to. If a present one has reserved bits set, raises #GP(0) and loads none. */
function loadPdptes(cr3: u32): bool {
  const base = cr3 & CR3_PAE_BASE & load<u32>(A20_MASK)
  for (let i: u32 = 0; i < 4; i++) {
    const entry = readPhysical<u64>(base + 8 * i)
    if ((entry & PDPTE_P) != 0 && (entry & PDPTE_RESERVED) != 0) {
      raiseGeneralProtection()
      return false
    }
  }
  for (let i: u32 = 0; i < 4; i++) store<u64>(PDPTE + 8 * i, readPhysical<u64>(base + 8 * i))
  return true
}

/** Loads CR3 (and the PDPTEs), as MOV CR3 and a task switch do. Raises #GP(0) on a bad PDPTE. */
export function loadPageDirectoryBase(value: u32): void {
  if ((load<u32>(CR0) & CR0_PG) != 0 && (load<u32>(CR4) & CR4_PAE) != 0 && !loadPdptes(value)) return
  store<u32>(CR3, value)
  flushTlb(false)
}

/** Sets CR0 to `value`, which is already checked for privilege. */
function changeCr0(value: u32): void {
  const old = load<u32>(CR0)
  const next = (value & CR0_EXISTING) | CR0_ET
  if ((next & CR0_PG) != 0 && (next & CR0_PE) == 0) {
    raiseGeneralProtection()
    return
  }
  if ((next & CR0_NW) != 0 && (next & CR0_CD) == 0) {
    raiseGeneralProtection()
    return
  }
  const changed = old ^ next
  const pae = (next & CR0_PG) != 0 && (load<u32>(CR4) & CR4_PAE) != 0
  if (pae && (changed & (CR0_PG | CR0_CD | CR0_NW)) != 0 && !loadPdptes(load<u32>(CR3))) return
  store<u32>(CR0, next)
  if (changed & (CR0_PG | CR0_PE | CR0_WP)) flushTlb(true)
  if (changed & (CR0_PE | CR0_AM)) updateMode()
  updateSse()
}

/** MOV CR4. */
function changeCr4(value: u32): void {
  if (value & ~existingCr4()) {
    raiseGeneralProtection()
    return
  }
  const changed = load<u32>(CR4) ^ value
  const paging = (load<u32>(CR0) & CR0_PG) != 0
  if (paging && (value & CR4_PAE) != 0 && (changed & (CR4_PAE | CR4_PSE | CR4_PGE)) != 0)
    if (!loadPdptes(load<u32>(CR3))) return
  store<u32>(CR4, value)
  updateSse()
  if (changed & CR4_DE) updateBreakpoints()
  if (changed & (CR4_PAE | CR4_PSE | CR4_PGE)) flushTlb(true)
}

/** MOV r32, CRn. Raises #UD for a register that does not exist, #GP(0) unless CPL is 0. */
export function readControlRegister(index: u32): u32 {
  if (index != 0 && (index < 2 || index > 4)) {
    raise(VECTOR_UD)
    return 0
  }
  if (!requirePrivilege0()) return 0
  if (index == 0) return load<u32>(CR0)
  if (index == 2) return load<u32>(CR2)
  return index == 3 ? load<u32>(CR3) : load<u32>(CR4)
}

/**
 * MOV CRn, r32. Raises #UD for a register that does not exist, #GP(0) unless CPL is 0 or for a value the register
 * cannot take.
 */
export function writeControlRegister(index: u32, value: u32): void {
  if (index != 0 && (index < 2 || index > 4)) {
    raise(VECTOR_UD)
    return
  }
  if (!requirePrivilege0()) return
  if (index == 0) changeCr0(value)
  else if (index == 2) store<u32>(CR2, value)
  else if (index == 3) loadPageDirectoryBase(value)
  else changeCr4(value)
}

/** LMSW: loads PE, MP, EM and TS; PE can be set but not cleared. */
export function loadMachineStatusWord(value: u32): void {
  if (!requirePrivilege0()) return
  const old = load<u32>(CR0)
  changeCr0((old & ~(MACHINE_STATUS_WORD & ~CR0_PE)) | (value & MACHINE_STATUS_WORD))
}

/** SMSW: CR0; the definition takes as much of it as the operand holds. Not privileged. */
export function storeMachineStatusWord(): u32 {
  return load<u32>(CR0)
}

/** CLTS. */
export function clearTaskSwitched(): void {
  if (!requirePrivilege0()) return
  store<u32>(CR0, load<u32>(CR0) & ~CR0_TS)
  updateSse()
}

/** INVLPG of the page that `offset` in `segment` lies in. Neither limit nor type of the segment is checked. */
export function invalidatePage(segment: u32, offset: u32): void {
  if (requirePrivilege0()) flushPage(load<u32>(SEGMENT_BASE + (segment << 3)) + offset)
}

/** INVD and WBINVD: there are no caches to empty, but only CPL 0 may ask. */
export function flushCaches(): void {
  requirePrivilege0()
}

/** HLT: the CPU waits for an interrupt after this instruction. */
export function halt(): void {
  if (requirePrivilege0()) store<u32>(HALTED, 1)
}
