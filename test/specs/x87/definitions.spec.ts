/** The whole x87 map through decoder, definitions, interpreter and regions, against what a real processor did. */
import { beforeAll, describe, expect, it } from 'vitest'
import { Cr0, Vector } from '../../../runtime/state.ts'
import { Interpreter } from './interpreter.ts'
import { compareImage, describeRecord, imageBefore, instructionOf } from './records.ts'
import { RegionInterpreter } from './regions.ts'
import { readVectors } from './vector-file.ts'

let interpreter: Interpreter

beforeAll(() => {
  interpreter = new Interpreter()
})

/** Runs every record of a stored set; the first differences, and how many instruction forms there were. */
function run(set: string, ulp: number, engine = interpreter): { found: string[]; forms: number } {
  const forms = new Set<number>()
  const found: string[] = []
  for (const record of readVectors(new URL(`${set}.br`, import.meta.url))) {
    const { opcode, modrm, flags, operand } = instructionOf(record)
    forms.add((opcode << 8) | modrm)
    const outcome = engine.execute(opcode, modrm, imageBefore(record), operand, flags)
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

  const PENDING = 0x8081
  const NONE = -1

  it.each([
    ['FADD ST, ST(1)', 0xd8, 0xc1, Vector.MF],
    ['FLD m64fp', 0xdd, 0x00, Vector.MF],
    ['FSTP m64fp', 0xdd, 0x18, Vector.MF],
    ['FISTP m32int', 0xdb, 0x18, Vector.MF],
    ['FUCOMIP ST(1)', 0xdf, 0xe9, Vector.MF],
    ['FLDCW m16', 0xd9, 0x28, Vector.MF],
    ['FSIN', 0xd9, 0xfe, Vector.MF],
    ['FNSTCW m16', 0xd9, 0x38, NONE],
    ['FNSTSW m16', 0xdd, 0x38, NONE],
    ['FNCLEX', 0xdb, 0xe2, NONE],
  ])('%s raises #NM first, then #MF where it waits', (_name, opcode, modrm, waiting) => {
    const raised = (cr0: number, status: number): number =>
      interpreter.exceptionOf(opcode, modrm, Cr0.PE | Cr0.ET | cr0, status)
    expect(raised(Cr0.NE, 0)).toBe(NONE)
    expect(raised(Cr0.NE, PENDING)).toBe(waiting)
    // FERR# instead of #MF is not modelled.
    expect(raised(0, PENDING)).toBe(NONE)
    expect(raised(Cr0.NE | Cr0.TS, PENDING)).toBe(Vector.NM)
    expect(raised(Cr0.NE | Cr0.EM, 0)).toBe(Vector.NM)
    expect(raised(Cr0.TS, 0)).toBe(Vector.NM)
  })
})

describe('x87 definitions in regions', () => {
  it('agree with the processor bit for bit', () => {
    const regions = new RegionInterpreter()
    expect(run('arithmetic', 0, regions)).toEqual({ found: [], forms: 120 })
    expect(run('ordinary', 0, regions)).toEqual({ found: [], forms: 120 })
    // The records are chosen for what is hard; the ordinary ones, with rounding to nearest, are what code in place is for.
    expect(regions.compiled).toBeGreaterThan(5000)
    expect(regions.left).toBeGreaterThan(5000)
  }, 120_000)
})
