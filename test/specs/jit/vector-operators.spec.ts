/**
 * Every vector and float operator by our writer against the same by binaryen: the opcodes in jit/wasm/vector-opcodes.ts
 * are right when both modules leave the same in memory.
 */
import binaryen from 'binaryen'
import { describe, expect, it } from 'vitest'
import type { RegionModule } from '../../../jit/backends/value.ts'
import { operate } from '../../../jit/backends/vector.ts'
import { ModuleWriter, WasmType } from '../../../jit/wasm/module-writer.ts'
import { operators, type VectorOperator } from '../../../jit/wasm/vector-opcodes.ts'

/** Where operands lie, 16 bytes each, and where the result goes. */
const OPERANDS = 0x100
const RESULT = 0x200
const OPERAND_BYTES = 16
const LANE = 1

type Type = VectorOperator['result']
type Target = RegionModule & Pick<ModuleWriter, 'addMemoryImport'>

/** Types of an operator's operands, which its name tells. */
function operandTypes(name: string, { operands, result, lane }: VectorOperator): Type[] {
  const [shape, ...rest] = name.split('.')
  const operator = rest.join('.')
  if (operator === 'splat') return [laneType(shape)]
  if (/^sh[lr]/.test(operator)) return ['v128', 'i32']
  if (lane && operands === 2) return ['v128', laneType(shape)]
  if (shape.includes('x') || shape === 'v128') return new Array<Type>(operands).fill('v128')
  if (operator.endsWith('.i32')) return ['i32']
  if (operator.endsWith('.i64')) return ['i64']
  if (operator.endsWith('.f32') || operator === 'promote' || name === 'i32.reinterpret') return ['f32']
  if (operator.endsWith('.f64') || operator === 'demote' || name === 'i64.reinterpret') return ['f64']
  if (operator === 'reinterpret') return [shape === 'f32' ? 'i32' : 'i64']
  return new Array<Type>(operands).fill(result === 'i32' ? (shape as Type) : result)
}

function laneType(shape: string): Type {
  if (shape === 'f32x4' || shape === 'f64x2') return shape.slice(0, 3) as Type
  return shape === 'i64x2' ? 'i64' : 'i32'
}

function loadOf(m: Target, type: Type, address: number): number {
  return m[type].load(0, 1, m.i32.const(address))
}

/** A function for each operator that stores what it gives. */
function build(m: Target): void {
  m.addMemoryImport('0', 'env', 'memory')
  let count = 0
  for (const [name, operator] of operators) {
    const args = operandTypes(name, operator).map((type, i) => loadOf(m, type, OPERANDS + i * OPERAND_BYTES))
    const value = operate(m, name, args, LANE)
    const store = m[operator.result].store(0, 1, m.i32.const(RESULT), value)
    m.addFunction(`f${count}`, WasmType.None, WasmType.None, [], m.block(null, [store]))
    m.addFunctionExport(`f${count}`, name)
    count++
  }
  const shuffled = m.i8x16.shuffle(
    loadOf(m, 'v128', OPERANDS), loadOf(m, 'v128', OPERANDS + OPERAND_BYTES),
    [31, 0, 17, 2, 3, 3, 20, 1, 8, 9, 10, 28, 12, 13, 14, 15],
  )
  const constant = m.v128.const([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255, 128])
  const sum = operate(m, 'i8x16.add', [shuffled, constant], 0)
  m.addFunction('bytes', WasmType.None, WasmType.None, [], m.v128.store(16, 16, m.i32.const(RESULT - 16), sum))
  m.addFunctionExport('bytes', 'bytes')
  const partial = operate(m, 'i64x2.add', [m.v128.load64_zero(0, 8, m.i32.const(OPERANDS)), m.v128.load32_zero(4, 4, m.i32.const(OPERANDS))], 0)
  m.addFunction('partial', WasmType.None, WasmType.None, [], m.v128.store(0, 1, m.i32.const(RESULT), partial))
  m.addFunctionExport('partial', 'partial')
  const floats = operate(m, 'f64.add', [m.f64.const(0.1), operate(m, 'f64.promote', [m.f32.const(-2.5)], 0)], 0)
  m.addFunction('floats', WasmType.None, WasmType.None, [], m.f64.store(0, 0, m.i32.const(RESULT), floats))
  m.addFunctionExport('floats', 'floats')
}

const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 })
const bytes = new Uint8Array(memory.buffer)

function instantiate(binary: Uint8Array): Record<string, () => void> {
  const module = new WebAssembly.Module(binary as BufferSource)
  return new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Record<string, () => void>
}

function modules(): [Record<string, () => void>, Record<string, () => void>] {
  const reference = new binaryen.Module()
  reference.setFeatures(binaryen.Features.SignExt | binaryen.Features.SIMD128)
  build(reference as unknown as Target)
  const writer = new ModuleWriter()
  build(writer)
  return [instantiate(reference.emitBinary()), instantiate(writer.emitBinary())]
}

/** Operands: floats of both sizes, and bytes of all kinds. */
const samples = [
  new Uint8Array(new Float32Array([1.5, -2.25, 100.5, 7, 0.5, 3.5, -8.75, 2, 5, 6, 7, 8]).buffer),
  new Uint8Array(new Float64Array([2.5, -3.75, 1.25, 1000.5, -0.5, 42]).buffer),
  Uint8Array.from({ length: 48 }, (_, i) => (i * 37 + 11) & 0x7b),
]

describe('vector and float operators', () => {
  it('do the same by our writer as by binaryen', () => {
    const [reference, ours] = modules()
    const names = Object.keys(reference)
    expect(names.length).toBe(operators.size + 3)
    const resultOf = (run: () => void): string => {
      bytes.fill(0xa5, RESULT, RESULT + 32)
      try {
        run()
      } catch (error) {
        // A float that does not fit an integer.
        if (error instanceof WebAssembly.RuntimeError) return 'trap'
        throw error
      }
      return Buffer.from(bytes.subarray(RESULT, RESULT + 32)).toString('hex')
    }
    const distinct = new Set<string>()
    for (const sample of samples) {
      bytes.set(sample, OPERANDS)
      for (const name of names) {
        const expected = resultOf(reference[name])
        distinct.add(expected)
        expect([name, resultOf(ours[name])]).toEqual([name, expected])
      }
    }
    expect(distinct.size).toBeGreaterThan(operators.size)
  })
})
