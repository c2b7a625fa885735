/**
 * Random x87 programs with loops, branches and calls at different depths of the register stack, interpreted and
 * compiled: everything must be the same afterwards, the pointers to the last instruction and operand included.
 */
import { describe, expect, it } from 'vitest'
import { Gpr, stateAddress } from '../../../runtime/state.ts'
import { CompiledBench } from '../../engines/compiled-cpu.ts'
import { CODE, CpuBench, DATA } from '../cpu/bench.ts'

/** More of them with TABPC_X87_PROGRAMS=5000. */
const PROGRAMS = Number(process.env.TABPC_X87_PROGRAMS ?? 400)
const DATA_BYTES = 256
const OPERANDS = 24
const FUNCTION = CODE + 0x1000
const HLT = 0xf4
const PASSES = 20
const BUDGET = 100_000
/** Control words: as Linux and Windows have it, truncating, upwards, single precision, some exceptions unmasked. */
const controlWords = [0x37f, 0x37f, 0x37f, 0x37f, 0x27f, 0xf7f, 0xb7f, 0x07f, 0x35f, 0x37b, 0x37e]

class Random {
  private state: number
  constructor(seed: number) {
    this.state = (Math.imul(seed, 0x9e37_79b1) ^ 0x5bd1_e995) | 1
  }
  below(bound: number): number {
    this.state ^= this.state << 13
    this.state ^= this.state >>> 17
    this.state ^= this.state << 5
    return (this.state >>> 0) % bound
  }
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]
  }
}

/** A double that is mostly ordinary. */
function double(random: Random): number {
  const mantissa = (random.below(1 << 26) - (1 << 25)) / (random.below(5) === 0 ? 1 : 1 + random.below(1 << 20))
  switch (random.below(24)) {
    case 0: return 0
    case 1: return -0
    case 2: return random.pick([Infinity, -Infinity, NaN, 5e-324, 2 ** -1030, 1.7e308])
    case 3: return mantissa * 2 ** (random.below(400) - 200)
    case 4: return Math.trunc(mantissa)
    default: return mantissa
  }
}

function data(random: Random): Uint8Array {
  const view = new DataView(new ArrayBuffer(DATA_BYTES))
  for (let i = 0; i < OPERANDS; i++) {
    if (i < 14) view.setFloat64(i * 8, double(random), true)
    else if (i < 18) view.setFloat32(i * 8, double(random), true)
    else view.setInt32(i * 8, random.below(0x1_0000_0000) | 0, true)
  }
  return new Uint8Array(view.buffer)
}

const word = (value: number) => [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, value >>> 24]
/** ModRM and displacement of an operand in the data, with `reg`. */
const at = (reg: number, operand: number) => [(reg << 3) | 5, ...word(DATA + operand * 8)]

/** Keeps an eye on the depth, so that most programs neither overflow nor underflow. */
class Writer {
  readonly bytes: number[] = []
  depth: number
  private readonly random: Random
  constructor(random: Random, depth: number) {
    this.random = random
    this.depth = depth
  }

  /** One instruction. */
  step(): void {
    const { random, bytes } = this
    const careless = random.below(200) === 0
    const i = random.below(careless ? 8 : Math.max(1, this.depth))
    const float64 = random.below(14)
    const float32 = 14 + random.below(4)
    const integer = 18 + random.below(6)
    const push = (code: number[]) => {
      if (this.depth >= 7 && !careless) return
      bytes.push(...code)
      this.depth++
    }
    const pop = (code: number[]) => {
      if (this.depth <= 2 && !careless) return
      bytes.push(...code)
      this.depth--
    }
    if (this.depth <= 2) {
      push([0xdd, ...at(0, float64)])
      return
    }
    const operation = random.pick([0, 1, 4, 5, 6, 7])
    switch (random.below(30)) {
      case 0: case 1: push([0xdd, ...at(0, float64)]); return
      case 2: push([0xd9, ...at(0, float32)]); return
      case 3: push([0xdb, ...at(0, integer)]); return
      case 4: push([0xd9, 0xc0 + i]); return
      case 5: push([0xd9, 0xe8 + random.below(7)]); return
      case 6: case 7: case 8: bytes.push(0xd8, 0xc0 + operation * 8 + i); return
      case 9: case 10: bytes.push(0xdc, 0xc0 + operation * 8 + i); return
      case 11: case 12: case 13: pop([0xde, 0xc0 + operation * 8 + i]); return
      case 14: case 15: bytes.push(0xdc, ...at(operation, float64)); return
      case 16: bytes.push(0xd8, ...at(operation, float32)); return
      case 17: bytes.push(0xda, ...at(operation, integer)); return
      case 18: bytes.push(0xd9, 0xc8 + i); return
      case 19: bytes.push(0xd9, random.pick([0xe0, 0xe1, 0xe4, 0xe5, 0xfa])); return
      case 20: bytes.push(0xd8, 0xd0 + i); return
      case 21: pop([0xd8, 0xd8 + i]); return
      case 22: pop([0xdd, 0xd8 + i]); return
      case 23: pop([0xdd, ...at(3, random.below(14))]); return
      case 24: bytes.push(0xdd, ...at(2, random.below(14))); return
      case 25: bytes.push(random.pick([0xdb, 0xd9]), ...at(2, integer)); return
      case 26: pop([random.pick([0xdb, 0xdf]), ...at(3, integer)]); return
      // Handlers: FPREM FRNDINT FSIN FSCALE FFREE, FSTP and FLD m80.
      case 27: bytes.push(0xd9, random.pick([0xf8, 0xfc, 0xfe, 0xfd])); return
      case 28: pop([0xdb, ...at(7, 14)]); push([0xdb, ...at(5, 14)]); return
      default: this.branch(i)
    }
  }

  /** A comparison, and one instruction that is executed or not. */
  private branch(i: number): void {
    const { random, bytes } = this
    const skipped = [0xd8, 0xc0 + i]
    // FCOMI or FUCOMI; FCOM and a test of AH; FUCOM and SAHF.
    const compared = random.pick([
      [0xdb, random.pick([0xe8, 0xf0]) + i, 0x70 + random.pick([2, 3, 4, 6, 7, 10])],
      [0xd8, 0xd0 + i, 0xdf, 0xe0, 0xf6, 0xc4, 0x41, 0x74],
      [0x9b, 0xdd, 0xe0 + i, 0xdf, 0xe0, 0x9e, 0x70 + random.pick([2, 4, 6, 7, 8, 10])],
    ])
    bytes.push(...compared, skipped.length, ...skipped)
    if (random.below(3) === 0) bytes.push(0xda + random.below(2), 0xc0 + random.below(4) * 8 + i)
  }

  /** Brings the stack to a depth. */
  level(depth: number): void {
    for (; this.depth < depth; this.depth++) this.bytes.push(0xd9, 0xe8)
    for (; this.depth > depth; this.depth--) this.bytes.push(0xdd, 0xd8)
  }
}

function program(random: Random): { code: number[]; callee: number[] } {
  const writer = new Writer(random, 0)
  const { bytes } = writer
  const toCallee = () => bytes.push(0xe8, ...word(FUNCTION - (CODE + bytes.length + 5)))
  bytes.push(0xdb, 0xe3)
  if (random.below(2) === 0) bytes.push(0xd9, ...at(5, 25))
  writer.level(3)
  const start = bytes.length
  for (let n = 5 + random.below(25); n > 0; n--) {
    if (random.below(16) === 0 && writer.depth >= 3 && writer.depth <= 6) toCallee()
    else if (random.below(60) === 0) bytes.push(0xd9, ...at(5, 25 + random.below(2)))
    else writer.step()
  }
  writer.level(random.below(8) === 0 ? 4 : 3)
  // dec ecx, jnz start
  bytes.push(0x49, 0x0f, 0x85, ...word(start - (bytes.length + 7)), HLT)
  const callee = new Writer(random, 3)
  for (let n = 2 + random.below(6); n > 0; n--) callee.step()
  callee.level(3)
  callee.bytes.push(0xc3)
  return { code: bytes, callee: callee.bytes }
}

function load(cpu: CpuBench, seed: number): void {
  const random = new Random(seed)
  const { code, callee } = program(random)
  cpu.write(CODE, code)
  cpu.write(FUNCTION, callee)
  cpu.write(DATA, data(random))
  cpu.write(DATA + 25 * 8, [...word(random.pick(controlWords)), ...word(0), ...word(random.pick(controlWords))])
}

const fields = [
  'fpuControl', 'fpuStatus', 'fpuTag', 'fpuTop', 'fpuOpcode', 'fpuInstructionOffset', 'fpuInstructionSelector',
  'fpuDataOffset', 'fpuDataSelector',
] as const

/** What a program leaves behind, as text. */
function outcome(cpu: CpuBench): string[] {
  cpu.core.set('halted', 0)
  cpu.core.set('eip', CODE)
  cpu.set(Gpr.Ecx, PASSES)
  const reason = cpu.run(BUDGET)
  const registers = Array.from({ length: 8 }, (_, i) => {
    const address = 8 * 2 * i
    const view = new DataView(cpu.core.memory.buffer, stateAddress('fpr'))
    return `${view.getUint16(address + 8, true).toString(16)}:${view.getBigUint64(address, true).toString(16)}`
  })
  return [
    `stopped ${reason} at ${cpu.eip.toString(16)} ${JSON.stringify(cpu.delivered)}`,
    ...fields.map(name => `${name} ${cpu.core.get(name).toString(16)}`),
    `registers ${registers.join(' ')}`, `flags ${cpu.eflags.toString(16)}`,
    `general ${Array.from({ length: 8 }, (_, i) => cpu.get(i as Gpr).toString(16)).join(' ')}`,
    `memory ${cpu.bytes(DATA, DATA_BYTES).join(' ')}`,
  ]
}

describe('random x87 programs', () => {
  it('are the same interpreted and compiled', () => {
    const compiled = new CompiledBench(1)
    const interpreted = new CpuBench()
    let regions = 0
    for (let seed = 1; seed <= PROGRAMS; seed++) {
      load(interpreted, seed)
      load(compiled, seed)
      const wanted = outcome(interpreted)
      expect(outcome(compiled), `seed ${seed}`).toEqual(wanted)
      regions += compiled.regions.figures().count
    }
    expect(regions).toBeGreaterThan(PROGRAMS)
  }, 3_600_000)
})
