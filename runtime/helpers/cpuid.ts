/**
 * What the CPU says it is. This file is the one place that lists features: control-registers.ts and msr.ts take
 * from here which bits and registers exist.
 *
 * The model is a P6 (family 6, model 8): it reports exactly what is implemented.
 *
 * Source: Intel SDM vol. 2, CPUID; AP-485 (Intel Processor Identification).
 */
import { RESULT } from '../../build/helpers/layout'

/** CPUID.1:EDX feature bits. */
const FEATURE_FPU: u32 = 1 << 0
const FEATURE_VME: u32 = 1 << 1
const FEATURE_DE: u32 = 1 << 2
const FEATURE_PSE: u32 = 1 << 3
const FEATURE_TSC: u32 = 1 << 4
const FEATURE_MSR: u32 = 1 << 5
const FEATURE_PAE: u32 = 1 << 6
export const FEATURE_MCE: u32 = 1 << 7
const FEATURE_CX8: u32 = 1 << 8
const FEATURE_SEP: u32 = 1 << 11
const FEATURE_MTRR: u32 = 1 << 12
const FEATURE_PGE: u32 = 1 << 13
const FEATURE_CMOV: u32 = 1 << 15
const FEATURE_PAT: u32 = 1 << 16
const FEATURE_PSE36: u32 = 1 << 17
const FEATURE_CLFSH: u32 = 1 << 19
const FEATURE_MMX: u32 = 1 << 23
export const FEATURE_FXSR: u32 = 1 << 24
export const FEATURE_SSE: u32 = 1 << 25
const FEATURE_SSE2: u32 = 1 << 26

/** CPUID.1:ECX feature bits. */
const FEATURE_SSE3: u32 = 1 << 0
const FEATURE_PCLMULQDQ: u32 = 1 << 1
const FEATURE_SSSE3: u32 = 1 << 9
const FEATURE_SSE41: u32 = 1 << 19
const FEATURE_SSE42: u32 = 1 << 20
const FEATURE_MOVBE: u32 = 1 << 22
const FEATURE_POPCNT: u32 = 1 << 23
const FEATURE_AES: u32 = 1 << 25

/** CPUID.80000001h:EDX feature bits. */
const FEATURE_NX: u32 = 1 << 20

/** CPUID.1:EDX of this CPU. */
export const FEATURES_EDX: u32 =
  FEATURE_FPU |
  FEATURE_VME |
  FEATURE_DE |
  FEATURE_PSE |
  FEATURE_TSC |
  FEATURE_MSR |
  FEATURE_PAE |
  FEATURE_CX8 |
  FEATURE_SEP |
  FEATURE_MTRR |
  FEATURE_PGE |
  FEATURE_CMOV |
  FEATURE_PAT |
  FEATURE_PSE36 |
  FEATURE_CLFSH |
  FEATURE_MMX |
  FEATURE_FXSR |
  FEATURE_SSE |
  FEATURE_SSE2
/** CPUID.1:ECX of this CPU. */
export const FEATURES_ECX: u32 =
  FEATURE_SSE3 |
  FEATURE_PCLMULQDQ |
  FEATURE_SSSE3 |
  FEATURE_SSE41 |
  FEATURE_SSE42 |
  FEATURE_MOVBE |
  FEATURE_POPCNT |
  FEATURE_AES
/** CPUID.80000001h:EDX of this CPU. */
export const EXTENDED_FEATURES_EDX: u32 = FEATURE_NX

/** CPUID.1:EBX: the line that CLFLUSH flushes, in units of 8 bytes, in bits 8..15. */
const CACHE_LINE: u32 = 8 << 8
/** CPUID.1:EAX: family 6, model 8, stepping 3. */
const SIGNATURE: u32 = 0x683
const MAX_BASIC_LEAF: u32 = 2
const EXTENDED_BASE: u32 = 0x80000000
const MAX_EXTENDED_LEAF: u32 = 0x80000004
/** 'Genu', 'ineI', 'ntel'. */
const VENDOR_EBX: u32 = 0x756e6547
const VENDOR_EDX: u32 = 0x49656e69
const VENDOR_ECX: u32 = 0x6c65746e
/** Leaf 2: TLBs for 4 KiB and large pages (01 02 03 04), 16 KiB caches (08 0C), 256 KiB second level (82). */
const CACHES_EAX: u32 = 0x03020101
const CACHES_EDX: u32 = 0x0c040882

/** 48 characters with the padding. */
const BRAND = 'tabpc virtual CPU (P6 family)'
const BRAND_LEAF: u32 = 0x80000002
const BRAND_LEAF_BYTES: u32 = 16

/** Leaves one register of the answer (0..3 = EAX, EBX, ECX, EDX) in the `result` field of the state. */
function answer(register: u32, value: u32): void {
  store<u32>(RESULT + (register << 4), value)
}

/** Four characters of the brand string from `start`, zeros behind its end. */
function brandDword(start: u32): u32 {
  let value: u32 = 0
  for (let i: u32 = 0; i < 4; i++) {
    const at = <i32>(start + i)
    if (at < BRAND.length) value |= (<u32>BRAND.charCodeAt(at)) << (i << 3)
  }
  return value
}

/** CPUID with `leaf` in EAX: leaves EAX, EBX, ECX, EDX in elements 0..3 of the `result` field of the state. */
export function cpuid(leaf: u32): void {
  let effective = leaf
  // Leaves out of range answer as the highest basic one does.
  if (leaf >= EXTENDED_BASE ? leaf > MAX_EXTENDED_LEAF : leaf > MAX_BASIC_LEAF) effective = MAX_BASIC_LEAF
  for (let register: u32 = 0; register < 4; register++) answer(register, 0)
  if (effective == 0) {
    answer(0, MAX_BASIC_LEAF)
    answer(1, VENDOR_EBX)
    answer(2, VENDOR_ECX)
    answer(3, VENDOR_EDX)
  } else if (effective == 1) {
    answer(0, SIGNATURE)
    answer(1, CACHE_LINE)
    answer(2, FEATURES_ECX)
    answer(3, FEATURES_EDX)
  } else if (effective == 2) {
    answer(0, CACHES_EAX)
    answer(3, CACHES_EDX)
  } else if (effective == EXTENDED_BASE) {
    answer(0, MAX_EXTENDED_LEAF)
  } else if (effective == EXTENDED_BASE + 1) {
    answer(3, EXTENDED_FEATURES_EDX)
  } else {
    const start = (effective - BRAND_LEAF) * BRAND_LEAF_BYTES
    for (let register: u32 = 0; register < 4; register++) answer(register, brandDword(start + (register << 2)))
  }
}
