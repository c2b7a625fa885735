/** Opcode tables against definitions: what the CPU of CPUID promises is defined, and the integer maps are complete. */
import { describe, expect, it } from 'vitest'
import { coverage } from '../../../tools/coverage.ts'

const { rows, announced, broken } = coverage()

const isVector = (feature: string): boolean =>
  ['mmx', 'sse', 'sse2', 'sse3', 'ssse3', 'sse41', 'sse42', 'aes', 'pclmulqdq'].includes(feature)

/**
 * Rows outside MMX and SSE that are not defined. RSM raises #UD outside system management mode, which this PC does
 * not have; the others belong to features that CPUID does not announce.
 */
const undefinedByIntent = ['monitor', 'mwait', 'rdtscp', 'rsm']

describe('coverage of the opcode tables', () => {
  it('sees all maps', () => {
    expect([...new Set(rows.map(row => row.map))]).toEqual(['one byte', '0F', '0F 38', '0F 3A'])
    expect(rows.length).toBeGreaterThan(800)
  })

  it('knows the feature of each kind of row', () => {
    const featureOf = (opcode: string, mnemonic: string): string | undefined =>
      rows.find(row => row.opcode === opcode && row.mnemonic === mnemonic)?.feature
    expect(featureOf('01', 'add')).toBe('base')
    expect(featureOf('NP 0F 6F', 'movq')).toBe('mmx')
    expect(featureOf('NP 0F D4', 'paddq')).toBe('sse2')
    expect(featureOf('NP 0F 58', 'addps')).toBe('sse')
    expect(featureOf('66 0F EF', 'pxor')).toBe('sse2')
    expect(featureOf('F3 0F 12', 'movsldup')).toBe('sse3')
    expect(featureOf('66 0F 38 00', 'pshufb')).toBe('ssse3')
    expect(featureOf('F2 0F 38 F0', 'crc32')).toBe('sse42')
  })

  it('has a definition for every integer and x87 instruction', () => {
    const missing = rows.filter(row => !row.defined && !isVector(row.feature))
    expect(missing.map(row => row.mnemonic).filter(mnemonic => !undefinedByIntent.includes(mnemonic))).toEqual([])
  })

  it('defines all that CPUID announces', () => {
    expect(announced).toEqual(expect.arrayContaining(['fpu', 'tsc', 'msr', 'cx8', 'sep', 'cmov', 'fxsr']))
    expect(broken).toEqual([])
  })
})
