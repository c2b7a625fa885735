/**
 * `npm run coverage`: every row of the opcode tables against the definitions. A row without a definition raises #UD.
 *
 *     npm run coverage             counts by map and by CPU feature, then the rows that are not defined
 *     npm run coverage -- --json   the same as JSON, with a record for every row
 *
 * Exits with 1 when CPUID announces a feature of which a row is missing. Rows of 64-bit mode alone are left out.
 */
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { decode } from '../jit/decode/decoder.ts'
import type { Instruction } from '../jit/decode/instruction.ts'
import { opcodeRows } from '../jit/decode/opcode-maps.ts'
import type { OpcodeRow } from '../jit/decode/opcode-rows.ts'
import { definitions } from '../jit/definitions/index.ts'
import { definedStatements } from '../jit/explain-module.ts'
import { factsOf } from '../jit/handlers.ts'
import { isEffect, type Node } from '../jit/ir.ts'
import { normalise } from '../jit/normalise.ts'
import { Vector } from '../runtime/state.ts'
import { createMachine } from '../src/node/machine.ts'
import { type Feature, featureBits, featureOf } from '../jit/decode/row-features.ts'

const mapNames = ['one byte', '0F', '0F 38', '0F 3A'] as const
const escapes = [[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a]] as const
const MODRM_REGISTER = 0xc0
const MODRM_REG_SHIFT = 3
/** Longer than any instruction. */
const SAMPLE_BYTES = 32
const RAM_BYTES = 1 << 20

/** One row of the tables, judged. */
export interface CoveredRow {
  readonly map: (typeof mapNames)[number]
  readonly opcode: string
  readonly mnemonic: string
  readonly form: string
  readonly feature: Feature
  readonly defined: boolean
}

export interface Coverage {
  readonly rows: readonly CoveredRow[]
  /** Features that CPUID announces, of those that have instructions of their own. */
  readonly announced: readonly Feature[]
  /** Rows that CPUID promises and that are not defined. */
  readonly broken: readonly CoveredRow[]
}

/** ModR/M bytes that reach a row: a memory form and a register form, as far as it has them. */
function modrmBytes(row: OpcodeRow): number[] {
  if (row.modrm >= 0) return [row.modrm]
  const middle = Math.max(row.reg, 0) << MODRM_REG_SHIFT
  return [...(row.mod === 'register' ? [] : [middle]), ...(row.mod === 'memory' ? [] : [MODRM_REGISTER | middle])]
}

/** Instructions that the row decodes to in 32-bit code, one for each kind of ModR/M byte. */
function samplesOf(row: OpcodeRow): Instruction[] {
  const prefix = row.prefix === '66' || row.prefix === 'F2' || row.prefix === 'F3' ? [Number.parseInt(row.prefix, 16)] : []
  return modrmBytes(row).flatMap(modrm => {
    const bytes = new Uint8Array(SAMPLE_BYTES)
    // The last opcode of a span: 90 is NOP, not the first of the XCHGs.
    bytes.set([...prefix, ...escapes[row.map], row.byte + row.span - 1, modrm])
    const decoded = decode(bytes, 0, bytes.length, { bits: 32 })
    return decoded.ok && decoded.instruction.opcode === row.opcode ? [normalise(decoded.instruction)] : []
  })
}

/** Whether every form of a row does something else than to raise #UD; the UD instructions are there to raise it. */
function isDefined(row: OpcodeRow): boolean {
  if (!definitions.has(row.mnemonic)) return false
  if (/^ud\d/.test(row.mnemonic)) return true
  const samples = samplesOf(row)
  return samples.length > 0 && samples.every(sample => !raisesUndefined(definedStatements(factsOf(sample))))
}

/** A definition that only refuses: a mnemonic whose other operand classes are implemented. */
function raisesUndefined(statements: readonly Node[]): boolean {
  const [first] = statements.filter(isEffect)
  return first?.op === 'faultIf' && first.number === Vector.UD && first.args[0].op === 'const' && first.args[0].number === 1
}

/** What the core's own CPUID answers, by feature. Needs the build. */
function announcedFeatures(): Feature[] {
  const { core } = createMachine({ memoryBytes: RAM_BYTES, clock: 'virtual' })
  const { cpuid } = core.exports as unknown as { cpuid(leaf: number): void }
  const names = Object.keys(featureBits) as (keyof typeof featureBits)[]
  return names.filter(name => {
    const { leaf, register, bit } = featureBits[name]
    cpuid(leaf)
    return ((core.get('result', register) >>> bit) & 1) !== 0
  })
}

/** Judges every row that exists outside 64-bit mode. */
export function coverage(): Coverage {
  const rows = opcodeRows
    .filter(row => row.modes !== 'long')
    .map(row => ({
      map: mapNames[row.map], opcode: row.opcode, mnemonic: row.mnemonic, form: row.form, feature: featureOf(row),
      defined: isDefined(row),
    }))
  const announced = announcedFeatures()
  const promised = new Set<Feature>(['base', ...announced])
  return { rows, announced, broken: rows.filter(row => !row.defined && promised.has(row.feature)) }
}

/** 'defined of all' for each group, one line each. */
function countsBy<T extends string>(rows: readonly CoveredRow[], groupOf: (row: CoveredRow) => T, note: (group: T) => string) {
  return [...new Set(rows.map(groupOf))].map(group => {
    const members = rows.filter(row => groupOf(row) === group)
    const defined = members.filter(row => row.defined).length
    return `  ${group.padEnd(10)}${String(defined).padStart(4)} of ${String(members.length).padStart(4)}${note(group)}\n`
  })
}

function report({ rows, announced, broken }: Coverage): string {
  const missing = rows.filter(row => !row.defined)
  const line = (row: CoveredRow): string =>
    `  ${row.opcode.padEnd(20)} ${row.mnemonic.padEnd(16)} ${row.form.padEnd(16)} ${row.feature}`.trimEnd()
  const parts = [
    `rows by map: defined of all (${rows.length - missing.length} of ${rows.length})\n`,
    ...countsBy(rows, row => row.map, () => ''),
    '\nrows by CPU feature\n',
    ...countsBy(rows, row => row.feature, feature => (announced.includes(feature) ? '   announced by CPUID' : '')),
    `\nnot defined, so executing them raises #UD: ${missing.length}\n`,
    ...missing.map(row => `${line(row)}\n`),
  ]
  if (broken.length > 0) parts.push('\npromised but not defined:\n', ...broken.map(row => `${line(row)}\n`))
  return parts.join('')
}

function main(): void {
  const { values } = parseArgs({ options: { json: { type: 'boolean' } } })
  const result = coverage()
  process.stdout.write(values.json ? `${JSON.stringify(result, undefined, 1)}\n` : report(result))
  if (result.broken.length > 0) process.exitCode = 1
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    main()
  } catch (error) {
    process.stderr.write(`coverage: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 1
  }
}
