/**
 * Replays vector files on an engine and says precisely where the two part. The engine sets up the machine that
 * test/vectors/environment.ts describes, runs exactly one instruction (a whole REP string), and reports.
 */
import { decode } from '../../../jit/decode/decoder.ts'
import { format } from '../../../jit/decode/disassembler.ts'
import type { Instruction } from '../../../jit/decode/instruction.ts'
import { codeBits } from '../../vectors/environment.ts'
import { extendedName, MM_WORD, MXCSR_WORD, type X87Pointers, XMM_WORD } from '../../vectors/extended-state.ts'
import { initialByte, type MemoryBytes, readVectors, type Vector, type VectorFault } from '../../vectors/format.ts'
import { undefinedFlags } from '../../vectors/undefined-flags.ts'
import { manualState, sameImageFault } from '../../vectors/vendor-differences.ts'
import { pointersBehind } from '../../vectors/x87-pointers.ts'

/** What an engine made of a vector. */
export interface EngineResult {
  /** Eight unsigned or signed 32-bit values, EAX ECX EDX EBX ESP EBP ESI EDI. */
  readonly registers: ArrayLike<number>
  readonly eflags: number
  /** Offset in CS; for a fault, what would be pushed. */
  readonly eip: number
  /** ES CS SS DS FS GS; left out by engines that cannot tell. */
  readonly selectors?: ArrayLike<number>
  /** Data memory that the instruction wrote; bytes that did not change may be among it. */
  readonly memoryChanges: readonly MemoryBytes[]
  readonly fault: VectorFault | null
  /** Vector and x87 state (extended-state.ts) of cases that have it. */
  readonly extended?: readonly number[]
  /** Last x87 instruction and operand, likewise. */
  readonly pointers?: X87Pointers
}

/** Something that executes instructions. */
export interface CpuEngine {
  readonly name: string
  /** Does it have this CPUID feature ('popcnt', 'movbe' …)? Cases that need a missing one are skipped. */
  supports(feature: string): boolean
  /** Cases that the engine can run; all when left out. The others are skipped. */
  knows?(vector: Vector): boolean
  run(vector: Vector): EngineResult
  /** A line about how the cases were run, for the end of a long check. */
  account?(): string
}

export interface FieldMismatch {
  readonly field: string
  readonly expected: string
  readonly actual: string
}

export interface Mismatch {
  readonly vector: Vector
  readonly fields: readonly FieldMismatch[]
}

export interface ReplaySummary {
  readonly run: number
  readonly skipped: number
  readonly failed: number
  /** Failures by 'opcode mnemonic form', most frequent first. */
  readonly failedByRow: ReadonlyMap<string, number>
}

export interface ReplayOptions {
  readonly onMismatch?: (mismatch: Mismatch) => void
  /** Which vectors to run; all by default. */
  readonly filter?: (vector: Vector) => boolean
  /** Stop after this many failures. */
  readonly limit?: number
}

/** TF and RF belong to the tracer; the I/D bit of a page fault's error code exists only with NX enabled. */
const UNRECORDED_FLAGS = 0x1_0100
const PAGE_FAULT = 14
const FETCH_BIT = 0x10

const registerNames = ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi']
const segmentNames = ['es', 'cs', 'ss', 'ds', 'fs', 'gs']
const flagNames: readonly [number, string][] = [
  [1, 'CF'],
  [4, 'PF'],
  [0x10, 'AF'],
  [0x40, 'ZF'],
  [0x80, 'SF'],
  [0x200, 'IF'],
  [0x400, 'DF'],
  [0x800, 'OF'],
  [0x4000, 'NT'],
  [0x4_0000, 'AC'],
  [0x20_0000, 'ID'],
]

const hex = (value: number, digits = 8) => (value >>> 0).toString(16).padStart(digits, '0')

function flagText(eflags: number): string {
  const names = flagNames.filter(([bit]) => eflags & bit).map(([, name]) => name)
  return `${hex(eflags, 6)} ${names.join(' ')}`
}

function faultText(fault: VectorFault | null): string {
  return fault ? `vector ${fault.vector} error ${hex(fault.errorCode, 4)} address ${hex(fault.address)}` : 'none'
}

/** Error codes are compared without the fetch bit. */
function sameFault(vector: Vector, actual: VectorFault | null): boolean {
  const expected = vector.fault
  if (!expected || !actual) return expected === actual
  if (sameImageFault(vector, expected, actual)) return true
  const ignored = expected.vector === PAGE_FAULT ? FETCH_BIT : 0
  return (
    expected.vector === actual.vector &&
    (expected.errorCode & ~ignored) === (actual.errorCode & ~ignored) &&
    (expected.vector !== PAGE_FAULT || expected.address === actual.address >>> 0)
  )
}

function byteMap(changes: readonly MemoryBytes[]): Map<number, number> {
  const map = new Map<number, number>()
  for (const { address, bytes } of changes) {
    for (const [i, byte] of bytes.entries()) map.set(address + i, byte)
  }
  return map
}

/** Where memory after the two differs, one field per byte. */
function compareMemory(vector: Vector, actual: readonly MemoryBytes[]): FieldMismatch[] {
  const expectedBytes = byteMap(vector.memoryChanges)
  const actualBytes = byteMap(actual)
  const addresses = [...new Set([...expectedBytes.keys(), ...actualBytes.keys()])].sort((a, b) => a - b)
  const fields: FieldMismatch[] = []
  for (const address of addresses) {
    const expected = expectedBytes.get(address) ?? initialByte(vector, address)
    const got = actualBytes.get(address) ?? initialByte(vector, address)
    if (expected !== got) fields.push({ field: `[${hex(address)}]`, expected: hex(expected, 2), actual: hex(got, 2) })
  }
  return fields
}

/** All fields in which a result differs from the real CPU's; empty when it agrees. Undefined flags are left out. */
export function compareResult(vector: Vector, result: EngineResult): FieldMismatch[] {
  const fields: FieldMismatch[] = []
  const expect = (field: string, expected: number, actual: number) => {
    if (expected >>> 0 !== actual >>> 0) fields.push({ field, expected: hex(expected), actual: hex(actual) })
  }
  if (!sameFault(vector, result.fault)) {
    fields.push({ field: 'fault', expected: faultText(vector.fault), actual: faultText(result.fault) })
  }
  const out = manualState(vector)
  for (const [i, name] of registerNames.entries()) expect(name, out.registers[i], result.registers[i])
  expect('eip', out.eip, result.eip)
  const { selectors } = result
  for (const [i, word] of (out.extended ?? []).entries()) {
    if (result.extended) expect(extendedName(i), word, result.extended[i])
  }
  const pointers = result.pointers && pointersBehind(vector)
  for (const [name, value] of Object.entries(pointers ?? {})) {
    if (result.pointers) expect(`x87 ${name}`, value, result.pointers[name as keyof X87Pointers])
  }
  for (const [i, name] of segmentNames.entries()) {
    if (selectors) expect(name, out.selectors[i], selectors[i])
  }
  const ignored = undefinedFlags(vector) | UNRECORDED_FLAGS
  if ((out.eflags ^ result.eflags) & ~ignored) {
    fields.push({ field: 'eflags', expected: flagText(out.eflags), actual: flagText(result.eflags) })
  }
  fields.push(...compareMemory(vector, result.memoryChanges))
  return fields
}

/** Name of a vector's row, for counts and messages. */
export function rowName(vector: Vector): string {
  const { opcode, modrm, mnemonic, form } = vector.row
  return `${hex(opcode, 2)}${modrm >= 0 ? `/${modrm}` : ''} ${mnemonic} ${form}`.trimEnd()
}

/** Vector registers that the instruction names, before it, and MXCSR. */
function extendedLines(vector: Vector, words: readonly number[], instruction: Instruction | undefined): string[] {
  const lines = [`          mxcsr=${hex(words[MXCSR_WORD])} -> ${hex(vector.out.extended?.[MXCSR_WORD] ?? 0)}`]
  for (const operand of instruction?.operands ?? []) {
    if (operand.kind !== 'register' || (operand.class !== 'xmm' && operand.class !== 'mm')) continue
    const count = operand.class === 'xmm' ? 4 : 2
    const first = (operand.class === 'xmm' ? XMM_WORD : MM_WORD) + count * operand.index
    const text = words.slice(first, first + count).reverse().map(word => hex(word)).join(' ')
    lines.push(`          ${operand.class}${operand.index}=${text}`)
  }
  return lines
}

/** Several lines for people: the instruction, the state it started from, expected against actual by field. */
export function describeMismatch(mismatch: Mismatch): string {
  const { vector, fields } = mismatch
  const bits = codeBits(vector.environment)
  const bytes = [...vector.bytes].map(byte => hex(byte, 2)).join(' ')
  const decoded = decode(vector.bytes, 0, vector.bytes.length, { bits })
  const text = decoded.ok ? format(decoded.instruction, vector.eip) : `(${decoded.failure})`
  const selectors = segmentNames.map((name, i) => `${name}=${hex(vector.selectors[i], 2)}`).join(' ')
  const lines = [
    `case ${vector.index} (${rowName(vector)}, ${vector.size}-bit operands, ${bits}-bit code): ${bytes}   ${text}`,
    `  before  ${registerNames.map((name, i) => `${name}=${hex(vector.registers[i])}`).join(' ')}`,
    `          eip=${hex(vector.eip)} eflags=${flagText(vector.eflags)}  ${selectors}`,
  ]
  if (vector.extended) lines.push(...extendedLines(vector, vector.extended, decoded.ok ? decoded.instruction : undefined))
  for (const { address, bytes: patch } of vector.memory) {
    lines.push(`          [${hex(address)}]=${[...patch].map(byte => hex(byte, 2)).join(' ')}`)
  }
  for (const { field, expected, actual } of fields)
    lines.push(`  ${field.padEnd(10)} expected ${expected}  actual ${actual}`)
  const undefinedBits = undefinedFlags(vector)
  if (undefinedBits) lines.push(`  (undefined flags, not compared: ${flagText(undefinedBits)})`)
  return lines.join('\n')
}

/** Replays cases one after another. */
export function replay(engine: CpuEngine, vectors: Iterable<Vector>, options: ReplayOptions = {}): ReplaySummary {
  const failures = new Map<string, number>()
  let run = 0
  let skipped = 0
  let failed = 0
  for (const vector of vectors) {
    const { feature } = vector.row
    if (
      (feature && !engine.supports(feature)) ||
      engine.knows?.(vector) === false ||
      options.filter?.(vector) === false
    ) {
      skipped++
      continue
    }
    run++
    const fields = compareResult(vector, engine.run(vector))
    if (fields.length === 0) continue
    failed++
    failures.set(rowName(vector), (failures.get(rowName(vector)) ?? 0) + 1)
    options.onMismatch?.({ vector, fields })
    if (options.limit !== undefined && failed >= options.limit) break
  }
  return { run, skipped, failed, failedByRow: new Map([...failures].sort((a, b) => b[1] - a[1])) }
}

/** Replays one vector file (its bytes as read from disk). */
export function replayVectors(engine: CpuEngine, file: Uint8Array, options: ReplayOptions = {}): ReplaySummary {
  return replay(engine, readVectors(file), options)
}
