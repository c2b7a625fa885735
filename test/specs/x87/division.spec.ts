/** Quotients and roots of compiled regions (jit/backends/x87-division.ts) beside exact integer arithmetic. */
import { describe, expect, it } from 'vitest'
import { type Expression, LocalPool } from '../../../jit/backends/value.ts'
import { divideSignificands, rootOfSignificand } from '../../../jit/backends/x87-division.ts'
import { type Read, X87Values } from '../../../jit/backends/x87-values.ts'
import { ModuleWriter, WasmType } from '../../../jit/wasm/module-writer.ts'

/** More of them with TABPC_X87_CASES=10000000. */
const CASES = Number(process.env.TABPC_X87_CASES ?? 60_000)
const TOP = 1n << 63n
const LOW = (1n << 64n) - 1n
const DIVISOR_LIMIT = 0xffff_0000_0000_0000n

/** Where operands are, and where the code leaves what it computes: result, rest, and 1 when it leaves the case alone. */
enum Place { First = 0, Second = 8, Result = 16, Rest = 24, Left = 32 }

type Unless = (condition: Expression) => void
type Make = (values: X87Values, first: Read, second: Read, unless: Unless) => readonly [result: Read, rest: Read]
type Outcome = { readonly result: bigint; readonly rest: bigint } | undefined

const types = { i32: WasmType.I32, i64: WasmType.I64, f32: WasmType.F32, f64: WasmType.F64, v128: WasmType.V128 } as const

/** A function of two words that does what `make` writes; undefined where that leaves. */
function build(make: Make): (first: bigint, second: bigint) => Outcome {
  const m = new ModuleWriter()
  const pool = new LocalPool(0)
  const values = new X87Values(m, pool, 0)
  const code: Expression[] = []
  values.out = code
  const operand = (place: Place) => values.wide(m.i64.load(place, 8, m.i32.const(0)))
  const [result, rest] = make(
    values, operand(Place.First), operand(Place.Second), condition => code.push(m.br('left', condition)),
  )
  code.push(
    m.i64.store(Place.Result, 8, m.i32.const(0), result()), m.i64.store(Place.Rest, 8, m.i32.const(0), rest()),
    m.i32.store(Place.Left, 4, m.i32.const(0), m.i32.const(0)),
  )
  const body = m.block(null, [m.i32.store(Place.Left, 4, m.i32.const(0), m.i32.const(1)), m.block('left', code)])
  m.addMemoryImport('0', 'env', 'memory')
  m.addFunction('run', WasmType.None, WasmType.None, pool.types.map(type => types[type]), body)
  m.addFunctionExport('run', 'run')
  const memory = new WebAssembly.Memory({ initial: 1 })
  const module = new WebAssembly.Module(m.emitBinary() as BufferSource)
  const run = new WebAssembly.Instance(module, { env: { memory } }).exports.run as () => void
  const view = new DataView(memory.buffer)
  return (first, second) => {
    view.setBigUint64(Place.First, first, true)
    view.setBigUint64(Place.Second, second, true)
    run()
    if (view.getInt32(Place.Left, true) !== 0) return undefined
    return { result: view.getBigUint64(Place.Result, true), rest: view.getBigUint64(Place.Rest, true) }
  }
}

let state = 0x1234_5678_9abc_def1n
function random(): bigint {
  state ^= (state << 13n) & LOW
  state ^= state >> 7n
  state ^= (state << 17n) & LOW
  return state
}

/** A significand: any, one with few bits at the top or at the bottom, or one near a power of two. */
function significand(): bigint {
  const bits = random() % 63n
  switch (Number(random() % 5n)) {
    case 0: return TOP | ((random() << bits) & LOW)
    case 1: return TOP | (random() >> (1n + bits))
    case 2: return LOW - (random() >> (1n + bits))
    default: return TOP | random()
  }
}

/** What rounding wants: the top bit for half a unit and more, the lowest for anything at all. */
const restOf = (aboveHalf: boolean, isExact: boolean) => (aboveHalf ? TOP : 0n) | (isExact ? 0n : 1n)

describe('in place', () => {
  it('quotients of significands are exact', () => {
    const divide = build((values, a, b, unless) => {
      const { quotient, rest } = divideSignificands(values, a, b, unless)
      return [quotient, rest]
    })
    for (let i = 0; i < CASES; i++) {
      const a = significand()
      const b = i % 7 === 0 ? a + (random() % 5n) - 2n : significand()
      if (b < TOP || b > LOW) continue
      const outcome = divide(a, b)
      if (b >= DIVISOR_LIMIT) {
        expect(outcome).toBe(undefined)
        continue
      }
      const whole = a << (a >= b ? 63n : 64n)
      const left = whole % b
      if (outcome?.result !== whole / b || outcome.rest !== restOf(2n * left > b, left === 0n))
        expect.fail(`${a.toString(16)} / ${b.toString(16)}: ${outcome?.result.toString(16)} ${outcome?.rest.toString(16)}`)
    }
    expect(divide(0n, TOP)).toEqual({ result: 0n, rest: 0n })
  })

  it('square roots of significands are exact', () => {
    const roots = [0, 1].map(odd => build((values, sig, _none, unless) => {
      const { root, rest } = rootOfSignificand(values, sig, values.word(values.m.i32.const(odd)), unless)
      return [root, rest]
    }))
    for (let i = 0; i < CASES; i++) {
      const odd = i & 1
      const some = significand()
      // Every fourth is at or beside a square.
      const sig = i % 4 < 2 ? some : ((some >> 32n) ** 2n + (random() % 3n) - 1n) & LOW
      if (sig < TOP) continue
      const outcome = roots[odd](sig, 0n)
      // Roots of what is just beside a power of two are nearly half way between two results.
      if (!outcome) continue
      const number = sig << (odd ? 64n : 63n)
      const { result, rest } = outcome
      const remainder = number - result * result
      const isFloor = remainder >= 0n && remainder <= 2n * result
      if (!isFloor || rest !== restOf(remainder > result, remainder === 0n))
        expect.fail(`root of ${sig.toString(16)}, ${odd}: ${result.toString(16)} ${rest.toString(16)}`)
    }
    const usual = Array.from({ length: CASES }, (_, i) => roots[i & 1](TOP | random(), 0n))
    expect(usual.filter(outcome => outcome === undefined).length).toBeLessThan(5 + CASES / 10_000)
  })
})
