/**
 * What the CPU says it is. This file is the one place that lists features: control-registers.ts and msr.ts take
 * from here which bits and registers exist.
 *
 * The default model is a P6 (family 6, model 8) that reports exactly what is implemented; the others report less.
 *
 * Source: Intel SDM vol. 2, CPUID; AP-485 (Intel Processor Identification).
 */
import {
  APIC_BASE, CPU_MODEL, CPU_MODEL_I486, CPU_MODEL_I686, CPU_MODEL_MAX, CPU_MODEL_PENTIUM, CPU_SIGNATURE_I486, CPU_SIGNATURE_I686,
  CPU_SIGNATURE_MAX, CPU_SIGNATURE_PENTIUM, RESULT,
} from '../../build/helpers/layout'

/** CPUID.1:EDX feature bits. */
const FEATURE_FPU: u32 = 1 << 0
export const FEATURE_VME: u32 = 1 << 1
export const FEATURE_DE: u32 = 1 << 2
export const FEATURE_PSE: u32 = 1 << 3
export const FEATURE_TSC: u32 = 1 << 4
const FEATURE_MSR: u32 = 1 << 5
export const FEATURE_PAE: u32 = 1 << 6
export const FEATURE_MCE: u32 = 1 << 7
const FEATURE_CX8: u32 = 1 << 8
const FEATURE_APIC: u32 = 1 << 9
const FEATURE_SEP: u32 = 1 << 11
const FEATURE_MTRR: u32 = 1 << 12
export const FEATURE_PGE: u32 = 1 << 13
export const FEATURE_CMOV: u32 = 1 << 15
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
const FEATURE_RDRAND: u32 = 1 << 30

/** CPUID.80000001h:EDX feature bits. */
const FEATURE_NX: u32 = 1 << 20

/** CPUID.1:EDX by model. */
const EDX_486: u32 = FEATURE_FPU | FEATURE_VME
const EDX_PENTIUM: u32 = EDX_486 | FEATURE_DE | FEATURE_PSE | FEATURE_TSC | FEATURE_MSR | FEATURE_CX8
const EDX_I686: u32 =
  EDX_PENTIUM |
  FEATURE_PAE |
  FEATURE_APIC |
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
const EDX_MAX: u32 = EDX_I686
/** CPUID.1:ECX of the model that has everything; that of the others is 0. */
const ECX_MAX: u32 =
  FEATURE_SSE3 |
  FEATURE_PCLMULQDQ |
  FEATURE_SSSE3 |
  FEATURE_SSE41 |
  FEATURE_SSE42 |
  FEATURE_MOVBE |
  FEATURE_POPCNT |
  FEATURE_AES |
  FEATURE_RDRAND
/** CPUID.80000001h:EDX, likewise; the others have no extended leaves. */
const EXTENDED_EDX_MAX: u32 = FEATURE_NX

/** IA32_APIC_BASE. */
const APIC_ENABLED: u32 = 1 << 11

/** CPUID.1:EBX: the line that CLFLUSH flushes, in units of 8 bytes, in bits 8..15. */
const CACHE_LINE: u32 = 8 << 8
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

/** Whether the CPU is the model that has everything. */
export function hasEverything(): bool {
  return load<u32>(CPU_MODEL) == CPU_MODEL_MAX
}

/** CPUID.1:EDX. */
export function featuresEdx(): u32 {
  const model = load<u32>(CPU_MODEL)
  if (model == CPU_MODEL_I486) return EDX_486
  if (model == CPU_MODEL_PENTIUM) return EDX_PENTIUM
  const features = model == CPU_MODEL_I686 ? EDX_I686 : EDX_MAX
  // An APIC that IA32_APIC_BASE has switched off is not there (SDM vol. 3, 10.4.3).
  return load<u32>(APIC_BASE) & APIC_ENABLED ? features : features & ~FEATURE_APIC
}

function signature(): u32 {
  const model = load<u32>(CPU_MODEL)
  if (model == CPU_MODEL_I486) return CPU_SIGNATURE_I486
  if (model == CPU_MODEL_PENTIUM) return CPU_SIGNATURE_PENTIUM
  return model == CPU_MODEL_I686 ? CPU_SIGNATURE_I686 : CPU_SIGNATURE_MAX
}

/** The highest basic leaf: the description of caches came with the P6. */
function maxBasicLeaf(): u32 {
  const model = load<u32>(CPU_MODEL)
  return model == CPU_MODEL_I486 || model == CPU_MODEL_PENTIUM ? 1 : 2
}

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
  const all = hasEverything()
  if (leaf >= EXTENDED_BASE ? !all || leaf > MAX_EXTENDED_LEAF : leaf > maxBasicLeaf()) effective = maxBasicLeaf()
  for (let register: u32 = 0; register < 4; register++) answer(register, 0)
  if (effective == 0) {
    answer(0, maxBasicLeaf())
    answer(1, VENDOR_EBX)
    answer(2, VENDOR_ECX)
    answer(3, VENDOR_EDX)
  } else if (effective == 1) {
    answer(0, signature())
    answer(1, featuresEdx() & FEATURE_CLFSH ? CACHE_LINE : 0)
    answer(2, all ? ECX_MAX : 0)
    answer(3, featuresEdx())
  } else if (effective == 2) {
    answer(0, CACHES_EAX)
    answer(3, CACHES_EDX)
  } else if (effective == EXTENDED_BASE) {
    answer(0, MAX_EXTENDED_LEAF)
  } else if (effective == EXTENDED_BASE + 1) {
    answer(3, EXTENDED_EDX_MAX)
  } else {
    const start = (effective - BRAND_LEAF) * BRAND_LEAF_BYTES
    for (let register: u32 = 0; register < 4; register++) answer(register, brandDword(start + (register << 2)))
  }
}
