/**
 * The decoder against iced-x86 with fixed seeds, a short run of what tools/decoder-check.ts does for millions of
 * strings. Also: every shorter window of a valid instruction is truncated.
 */
import { describe, expect, it } from 'vitest'
import { decode } from '../../../jit/decode/decoder.ts'
import { opcodeRows } from '../../../jit/decode/opcode-maps.ts'
import { fillStrings, randomNumbers, STRING_BYTES } from './byte-strings.ts'
import { compareWithIced } from './iced-oracle.ts'

const STRINGS = 200_000
const WINDOW_STRINGS = 20_000
/** Rows that a run of this length reaches, of all: whole-ModR/M rows are rare. */
const MINIMUM_ROW_SHARE = 0.98
const TIMEOUT_MS = 60_000

describe.each([16, 32, 64] as const)('%i-bit code', (bits) => {
  it('decodes as iced-x86 does', { timeout: TIMEOUT_MS }, () => {
    const report = compareWithIced({ bits, count: STRINGS, seed: 1 })
    expect(report.examples).toEqual([])
    expect(report.mismatches).toBe(0)
    expect(report.agreed).toBeGreaterThan(STRINGS / 2)
    const rows = opcodeRows.filter((row) => row.modes !== (bits === 64 ? 'legacy' : 'long'))
    expect(report.rows.size).toBeGreaterThan(rows.length * MINIMUM_ROW_SHARE)
  })

  it('answers truncated for every shorter window of a valid instruction', { timeout: TIMEOUT_MS }, () => {
    const buffer = new Uint8Array(WINDOW_STRINGS * STRING_BYTES)
    fillStrings(buffer, randomNumbers(2), bits === 64)
    let windows = 0
    const wrong: string[] = []
    for (let start = 0; start < buffer.length; start += STRING_BYTES) {
      const whole = decode(buffer, start, start + STRING_BYTES, { bits })
      if (!whole.ok) continue
      const { length } = whole.instruction
      for (let end = start; end < start + length; end++, windows++) {
        const part = decode(buffer, start, end, { bits })
        if (part.ok || part.failure !== 'truncated') wrong.push(`${buffer.subarray(start, end)}`)
      }
      const exact = decode(buffer, start, start + length, { bits })
      if (!exact.ok || exact.instruction.length !== length) wrong.push(`${buffer.subarray(start, start + length)}`)
    }
    expect(wrong).toEqual([])
    expect(windows).toBeGreaterThan(WINDOW_STRINGS)
  })
})
