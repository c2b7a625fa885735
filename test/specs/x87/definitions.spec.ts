/** The whole x87 map through decoder, definitions and interpreter, against what a real processor did. */
import { beforeAll, describe, expect, it } from 'vitest'
import { Interpreter } from './interpreter.ts'
import { compareImage, describeRecord, imageBefore, instructionOf } from './records.ts'
import { readVectors } from './vector-file.ts'

let interpreter: Interpreter

beforeAll(() => {
  interpreter = new Interpreter()
})

/** Runs every record of a stored set; the first differences, and how many instruction forms there were. */
function run(set: string, ulp: number): { found: string[]; forms: number } {
  const forms = new Set<number>()
  const found: string[] = []
  for (const record of readVectors(new URL(`${set}.br`, import.meta.url))) {
    const { opcode, modrm, flags, operand } = instructionOf(record)
    forms.add((opcode << 8) | modrm)
    const outcome = interpreter.execute(opcode, modrm, imageBefore(record), operand, flags)
    const difference = compareImage(record, outcome.image, outcome.memory, outcome.flags, ulp)
    if (difference !== '' && found.length < 10) found.push(`${describeRecord(record)}: ${difference}`)
  }
  return { found, forms: forms.size }
}

describe('x87 definitions in the interpreter', () => {
  it('agree with the processor bit for bit', () => {
    expect(run('arithmetic', 0)).toEqual({ found: [], forms: 120 })
    expect(run('ordinary', 0)).toEqual({ found: [], forms: 120 })
  })

  it('agree on transcendental functions within one unit in the last place', () => {
    expect(run('transcendental', 1)).toEqual({ found: [], forms: 8 })
  })
})
