/**
 * Random programs out of the instructions of the captured vectors: loops with branches, memory and faults end the
 * same whether they are stepped through (general handlers) or run (hot handlers, links, exact stop by budget). What
 * single instructions do is known from the vectors; this is about what they do to one another.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { decode } from '../../../jit/decode/decoder.ts'
import type { Operand } from '../../../jit/decode/instruction.ts'
import { Gpr, Segment } from '../../../runtime/state.ts'
import { createRunEngine, createStepThroughEngine } from '../../engines/interpreter.ts'
import { Environment } from '../../vectors/environment.ts'
import { readVectors, type Vector } from '../../vectors/format.ts'
import { mix } from '../../vectors/random.ts'

const PROGRAMS = 1000
const MOST_INSTRUCTIONS = 14
const SEED = 0x7ab9
const START = 0x2000_0400
const DATA = 0x1000_0400
const STACK = 0x1800_1000
const COUNTER = 0x1000_1f00
const ROUNDS = 30
const NEAR = 0x80
const pointers: readonly number[] = [Gpr.Ebx, Gpr.Ebp, Gpr.Esi, Gpr.Edi, Gpr.Esp]
/** The sequences of random numbers that a program takes: registers, shapes, instructions. */
enum Stream {
  Registers = 1,
  Shape,
  Instruction,
}

const folder = fileURLToPath(new URL('../../vectors/', import.meta.url))

/** Memory operands near a pointer hit data memory while the pointers hold. */
function staysNear(operand: Operand): boolean {
  if (operand.kind !== 'memory') return operand.kind !== 'relative' && operand.kind !== 'far'
  return (
    pointers.includes(operand.base) &&
    operand.index < 0 &&
    operand.segment !== Segment.Fs &&
    operand.segment !== Segment.Gs &&
    operand.displacement >= -NEAR &&
    operand.displacement < NEAR
  )
}

function usable({ bytes, row, fault }: Vector): boolean {
  if (row.feature !== '' || (fault && fault.vector !== 0)) return false
  const decoded = decode(bytes, 0, bytes.length, { bits: 32 })
  if (!decoded.ok) return false
  const { instruction } = decoded
  return instruction.addressSize === 32 && instruction.mnemonic !== 'popf' && instruction.operands.every(staysNear)
}

const pool: Uint8Array[] = []
for (const family of ['arithmetic', 'shift', 'multiply', 'bit', 'move', 'stack', 'string'])
  for (const vector of readVectors(readFileSync(`${folder}${family}.vectors.gz`)))
    if (usable(vector)) pool.push(vector.bytes)

/** JNZ rel8 and the like, over the instruction behind. */
function skip(condition: number, bytes: number): number[] {
  return [0x70 | condition, bytes]
}

const le32 = (value: number) => [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24]

/** Program number `index`: a body that is repeated ROUNDS times, if nothing stops it. */
function makeProgram(index: number): Vector {
  const random = (stream: Stream, i: number, below: number) => mix(mix(SEED + index) + stream * 0x1000 + i) % below
  const body: number[] = []
  const length = 2 + random(Stream.Shape, 0, MOST_INSTRUCTIONS - 1)
  for (let i = 0; i < length; i++) {
    const instruction = pool[random(Stream.Instruction, i, pool.length)]
    if (random(Stream.Shape, 1 + i, 4) === 0) body.push(...skip(random(Stream.Shape, 100 + i, 16), instruction.length))
    body.push(...instruction)
  }
  // sub dword [COUNTER], 1; jnz START
  body.push(0x83, 0x2d, ...le32(COUNTER), 1)
  body.push(0x0f, 0x85, ...le32(-(body.length + 6)))
  const registers = [0, 1, 2, 3, 4, 5, 6, 7].map(i => {
    if (i === Gpr.Esp) return STACK
    const value = random(Stream.Registers, i, 2 ** 32)
    if (i === Gpr.Ecx) return value & 0xf
    return pointers.includes(i) ? DATA + (value & 0x3ff) : value
  })
  const state = { registers, eflags: 0x202, eip: START, selectors: [0x2b, 0x23, 0x2b, 0x2b, 0x07, 0x0f] }
  return {
    ...state,
    environment: Environment.Flat32,
    index,
    size: 32,
    bytes: Uint8Array.from(body),
    out: state,
    memoryChanges: [],
    memory: [{ address: COUNTER, bytes: Uint8Array.of(ROUNDS, 0, 0, 0) }],
    fault: null,
    row: { mnemonic: 'program', form: '', feature: '', opcode: 0, modrm: -1, prefix: 0 },
  }
}

describe('random programs', () => {
  const running = createRunEngine()
  const stepping = createStepThroughEngine()

  it('end the same in steps and in runs', () => {
    let finished = 0
    for (let index = 0; index < PROGRAMS; index++) {
      const program = makeProgram(index)
      const result = running.run(program)
      expect({ index, ...result }).toEqual({ index, ...stepping.run(program) })
      if (result.fault === null) finished++
    }
    // Programs that fault at once would prove little.
    expect(finished).toBeGreaterThan(PROGRAMS / 10)
  }, 120_000)
})
