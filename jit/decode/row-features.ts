/**
 * Which CPU feature an opcode row belongs to, and how CPUID announces it: for the CPU models, `npm run coverage` and its spec.
 * Source: Intel SDM vol. 1, chapters 9 to 12 and 5.1 to 5.12; vol. 2, CPUID, tables 3-10 and 3-11.
 */
import type { OpcodeRow } from './opcode-rows.ts'

/** A feature's bit in CPUID: leaf, and register as CPUID's element of the `result` state field (2 ECX, 3 EDX). */
export interface FeatureBit {
  readonly leaf: number
  readonly register: 2 | 3
  readonly bit: number
}

const ecx = (bit: number): FeatureBit => ({ leaf: 1, register: 2, bit })
const edx = (bit: number): FeatureBit => ({ leaf: 1, register: 3, bit })

/** Features that have instructions of their own. Rows of 'base' and 'smm' have no bit. */
export const featureBits = {
  fpu: edx(0), tsc: edx(4), msr: edx(5), cx8: edx(8), sep: edx(11), cmov: edx(15), clfsh: edx(19), mmx: edx(23),
  fxsr: edx(24), sse: edx(25), sse2: edx(26),
  sse3: ecx(0), pclmulqdq: ecx(1), monitor: ecx(3), ssse3: ecx(9), sse41: ecx(19), sse42: ecx(20), movbe: ecx(22),
  popcnt: ecx(23), aes: ecx(25), rdrand: ecx(30),
  rdtscp: { leaf: 0x8000_0001, register: 3, bit: 27 },
} as const satisfies Record<string, FeatureBit>

export type Feature = keyof typeof featureBits | 'base' | 'smm'

/** Rows without vector operands that came with a feature, by mnemonic. */
const scalar: Readonly<Record<string, Feature>> = {
  rdtsc: 'tsc', rdmsr: 'msr', wrmsr: 'msr', cmpxchg8b: 'cx8', sysenter: 'sep', sysexit: 'sep', cmovcc: 'cmov',
  fcmovcc: 'cmov', fxsave: 'fxsr', fxrstor: 'fxsr', clflush: 'clfsh', monitor: 'monitor', mwait: 'monitor',
  rdtscp: 'rdtscp', rdrand: 'rdrand', movbe: 'movbe', popcnt: 'popcnt', crc32: 'sse42', emms: 'mmx',
  ldmxcsr: 'sse', stmxcsr: 'sse', sfence: 'sse', lfence: 'sse2', mfence: 'sse2', movnti: 'sse2', fisttp: 'sse3',
  rsm: 'smm',
}

/** MMX-register rows of map 0F that are younger than MMX. */
const youngMmx: Readonly<Record<string, Feature>> = {
  pshufw: 'sse', pinsrw: 'sse', pextrw: 'sse', pavgb: 'sse', pavgw: 'sse', pmaxsw: 'sse', pmaxub: 'sse', pminsw: 'sse',
  pminub: 'sse', pmovmskb: 'sse', pmulhuw: 'sse', psadbw: 'sse', maskmovq: 'sse', movntq: 'sse', paddq: 'sse2',
  psubq: 'sse2', pmuludq: 'sse2',
}

const sse3 = new Set([
  'movsldup', 'movshdup', 'movddup', 'haddps', 'haddpd', 'hsubps', 'hsubpd', 'addsubps', 'addsubpd', 'lddqu',
])
/** Rows with prefix NP or F3, which otherwise means SSE, that came with SSE2. */
const unprefixedSse2 = new Set([
  'cvtps2pd', 'cvtdq2ps', 'cvtss2sd', 'cvttps2dq', 'cvtdq2pd', 'movdqu', 'pshufhw', 'movq', 'movq2dq',
])

const MMX_OPERAND = /^[PQN][a-z]/
const XMM_OPERAND = /^[VWU][a-z]/
const X87_FIRST = 0xd8
const X87_LAST = 0xdf

function featureOf0f38(row: OpcodeRow): Feature {
  if (row.byte >= 0xdb && row.byte <= 0xdf) return 'aes'
  if (row.byte <= 0x0b || (row.byte >= 0x1c && row.byte <= 0x1e)) return 'ssse3'
  return row.byte === 0x37 ? 'sse42' : 'sse41'
}

function featureOf0f3a(row: OpcodeRow): Feature {
  if (row.byte === 0xdf) return 'aes'
  if (row.byte === 0x44) return 'pclmulqdq'
  if (row.byte === 0x0f) return 'ssse3'
  return row.byte >= 0x60 && row.byte <= 0x63 ? 'sse42' : 'sse41'
}

/** The feature that a row belongs to. */
export function featureOf(row: OpcodeRow): Feature {
  if (Object.hasOwn(scalar, row.mnemonic)) return scalar[row.mnemonic]
  if (row.map === 0 && row.byte >= X87_FIRST && row.byte <= X87_LAST)
    return /^fu?comip?$|^fcmov/.test(row.mnemonic) ? 'cmov' : 'fpu'
  const hasXmm = row.operands.some(operand => XMM_OPERAND.test(operand))
  const hasMmx = row.operands.some(operand => MMX_OPERAND.test(operand))
  if (!hasXmm && !hasMmx) return 'base'
  if (row.map === 2) return featureOf0f38(row)
  if (row.map === 3) return featureOf0f3a(row)
  if (!hasXmm) return youngMmx[row.mnemonic] ?? 'mmx'
  if (sse3.has(row.mnemonic)) return 'sse3'
  const sse = (row.prefix === 'NP' || row.prefix === 'F3') && !unprefixedSse2.has(row.mnemonic)
  return sse ? 'sse' : 'sse2'
}
