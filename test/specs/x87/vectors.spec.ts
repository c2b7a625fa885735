/** The x87 helpers against what a real processor did, instruction by instruction. */
import { beforeAll, describe, expect, it } from 'vitest'
import { X87Machine } from './machine.ts'
import { describeRecord, runRecord } from './records.ts'
import { readVectors } from './vector-file.ts'

let machine: X87Machine

beforeAll(() => {
  machine = X87Machine.create()
}, 120_000)

/** Runs all records; the first few differences, with the state before. */
function differences(records: readonly DataView[], ulp: number): string[] {
  const found: string[] = []
  for (const record of records) {
    const difference = runRecord(machine, record, { ulp })
    if (difference !== '' && found.length < 5) found.push(`${describeRecord(record)}: ${difference}`)
  }
  return found
}

describe('x87 against captured vectors', () => {
  it('agrees bit for bit on arithmetic, conversions, comparisons and the stack', () => {
    const records = readVectors(new URL('arithmetic.br', import.meta.url))
    expect(records.length).toBe(20020)
    expect(differences(records, 0)).toEqual([])
  })

  it('agrees bit for bit under the control words that most programs run with', () => {
    const records = readVectors(new URL('ordinary.br', import.meta.url))
    expect(records.length).toBe(12000)
    expect(differences(records, 0)).toEqual([])
  })

  it('agrees within one unit in the last place on transcendental functions', () => {
    const records = readVectors(new URL('transcendental.br', import.meta.url))
    expect(records.length).toBe(4000)
    expect(differences(records, 1)).toEqual([])
  })

  it('notices a result that is off by one bit', () => {
    const [record] = readVectors(new URL('arithmetic.br', import.meta.url))
    const altered = new DataView(record.buffer.slice(record.byteOffset, record.byteOffset + record.byteLength))
    altered.setUint8(58, altered.getUint8(58) ^ 1)
    expect(runRecord(machine, altered)).not.toBe('')
  })
})
