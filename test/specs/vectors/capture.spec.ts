/**
 * The captured vectors against the model: results, flags, addresses and faults of the integer instructions agree with
 * what the SDM says, for every case of the forms that the model knows.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { readVectors, type Vector } from '../../vectors/format.ts'
import { model, modelKnows } from './model.ts'
import { compareResult, describeMismatch, replay, replayVectors } from './replay.ts'

const folder = fileURLToPath(new URL('../../vectors/', import.meta.url))
const file = (family: string) => readFileSync(`${folder}${family}.vectors.gz`)

/** Fewest cases of each family that the model has to have an opinion on. */
const families: Readonly<Record<string, number>> = {
  arithmetic: 28_000,
  multiply: 8_000,
  shift: 25_000,
  bit: 8_000,
  move: 12_000,
  fault: 2_000,
  segment: 400,
  code16: 15_000,
}
const SECONDS = 1000

describe('captured vectors agree with the model', () => {
  it.each(Object.entries(families))(
    '%s',
    (family, fewest) => {
      const reports: string[] = []
      const summary = replayVectors(model, file(family), {
        limit: 5,
        onMismatch: mismatch => reports.push(describeMismatch(mismatch)),
      })
      expect(reports.join('\n')).toBe('')
      expect(summary.run).toBeGreaterThanOrEqual(fewest)
    },
    120 * SECONDS,
  )
})

describe('the replay driver', () => {
  const vectors = [...readVectors(file('arithmetic'))].filter(modelKnows).slice(0, 200)

  it('notices each field that is wrong', () => {
    const vector = vectors.find(v => !v.fault && v.memoryChanges.length > 0) as Vector
    const right = model.run(vector)
    expect(compareResult(vector, right)).toEqual([])
    const fields = (changed: Partial<typeof right>) => compareResult(vector, { ...right, ...changed }).map(f => f.field)
    expect(fields({ registers: vector.out.registers.map((r, i) => (i === 5 ? r ^ 1 : r)) })).toEqual(['ebp'])
    expect(fields({ eip: right.eip + 1 })).toEqual(['eip'])
    expect(fields({ eflags: right.eflags ^ 1 })).toEqual(['eflags'])
    expect(fields({ selectors: vector.out.selectors.map((s, i) => (i === 3 ? 0 : s)) })).toEqual(['ds'])
    expect(fields({ fault: { vector: 13, errorCode: 0, address: 0 } })).toEqual(['fault'])
    expect(fields({ memoryChanges: [] })[0]).toMatch(/^\[[0-9a-f]{8}\]$/)
    expect(
      fields({ memoryChanges: [...right.memoryChanges, { address: 0x1000_0000, bytes: Uint8Array.of(0xee) }] }),
    ).toEqual(['[10000000]'])
  })

  it('counts failures by row and stops at the limit', () => {
    const wrong = { ...model, run: (v: Vector) => ({ ...model.run(v), eip: 0 }) }
    const summary = replay(wrong, vectors, { limit: 7 })
    expect(summary.failed).toBe(7)
    expect([...summary.failedByRow.values()].reduce((a, b) => a + b)).toBe(7)
  })

  it('describes a mismatch with bytes, state and both values', () => {
    const text = describeMismatch({ vector: vectors[0], fields: [{ field: 'eax', expected: '1', actual: '2' }] })
    expect(text).toContain([...vectors[0].bytes].map(b => b.toString(16).padStart(2, '0')).join(' '))
    expect(text).toMatch(/eax\s+expected 1 {2}actual 2/)
  })

  it('skips what the engine lacks', () => {
    const old = { ...model, supports: () => false }
    const popcnt = [...readVectors(file('bit'))].filter(v => v.row.feature === 'popcnt').slice(0, 10)
    expect(replay(old, popcnt).skipped).toBe(10)
  })
})
