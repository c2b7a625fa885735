/**
 * Lowering of vectors and floats: what the interpreter and the region compiler share. Both modules, binaryen's and our
 * writer's, have the same operators (wasm/vector-opcodes.ts) under the same names.
 */
import { ModuleWriter } from '../wasm/module-writer.ts'
import { operatorOf } from '../wasm/vector-opcodes.ts'
import type { Expression, RegionModule } from './value.ts'

type Maker = (...operands: readonly Expression[]) => Expression

/** binaryen's maker of an operator: the property path that the operator's name spells. */
function makerOf(m: RegionModule, name: string): Maker {
  let found: unknown = m
  for (const part of name.split('.')) found = (found as Record<string, unknown>)[part]
  return found as Maker
}

/** An operator on values. `lane` where the operator takes a lane index, which binaryen wants behind the vector. */
export function operate(m: RegionModule, name: string, args: readonly Expression[], lane: number): Expression {
  if (m instanceof ModuleWriter) return m.operate(name, args, lane)
  if (!operatorOf(name).lane) return makerOf(m, name)(...args)
  const [vector, ...rest] = args
  return makerOf(m, name)(vector, lane, ...rest)
}

/** The 16 bytes of a constant or of a shuffle's lanes, from their text in base 16. */
export function bytesOf(text: string): number[] {
  return Array.from({ length: 16 }, (_, i) => Number.parseInt(text.slice(2 * i, 2 * i + 2), 16))
}

/** Bits of memory as a value: an integer, zero-extended, or a vector. */
export function loadBits(m: RegionModule, size: number, offset: number, address: Expression): Expression {
  switch (size) {
    case 8: return m.i32.load8_u(offset, 1, address)
    case 16: return m.i32.load16_u(offset, 1, address)
    case 64: return m.i64.load(offset, 1, address)
    case 128: return m.v128.load(offset, 1, address)
    default: return m.i32.load(offset, 1, address)
  }
}

/** Stores the low bits of an integer, or a vector. */
export function storeBits(
  m: RegionModule, size: number, offset: number, address: Expression, value: Expression,
): Expression {
  switch (size) {
    case 8: return m.i32.store8(offset, 1, address, value)
    case 16: return m.i32.store16(offset, 1, address, value)
    case 64: return m.i64.store(offset, 1, address, value)
    case 128: return m.v128.store(offset, 1, address, value)
    default: return m.i32.store(offset, 1, address, value)
  }
}

/** `size` bits of the state as a value of `type`; parts of a vector register are zero-extended to a vector. */
export function peek(m: RegionModule, type: string, size: number, offset: number, address: Expression): Expression {
  if (type === 'f32') return m.f32.load(offset, 1, address)
  if (type === 'f64') return m.f64.load(offset, 1, address)
  if (type === 'v128' && size === 64) return m.v128.load64_zero(offset, 1, address)
  if (type === 'v128' && size === 32) return m.v128.load32_zero(offset, 1, address)
  return loadBits(m, size, offset, address)
}

/** Stores a value of `type`, or its low `size` bits, to the state. */
export function poke(
  m: RegionModule, type: string, size: number, offset: number, address: Expression, value: Expression,
): Expression {
  if (type === 'f32') return m.f32.store(offset, 1, address, value)
  if (type === 'f64') return m.f64.store(offset, 1, address, value)
  if (type === 'v128' && size === 64) return m.i64.store(offset, 1, address, operate(m, 'i64x2.extract_lane', [value], 0))
  if (type === 'v128' && size === 32) return m.i32.store(offset, 1, address, operate(m, 'i32x4.extract_lane', [value], 0))
  return storeBits(m, size, offset, address, value)
}
