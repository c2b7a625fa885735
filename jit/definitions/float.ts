/**
 * When the host's arithmetic gives what MXCSR asks for, exception flags included. Inline code takes it then; a helper,
 * which is exact under every MXCSR, does the rest (runtime/helpers/sse-operate.ts).
 *
 *   quiet      round to nearest, PE masked and set already: rounding goes unnoticed
 *   normal     neither zero, denormal, infinite nor NaN: no IE, DE, ZE, and DAZ has nothing to do
 *   ordinary   zero, normal or infinite: comparing raises nothing
 *
 * PE is sticky and set by the first inexact result of a program, so that inline code serves almost always.
 */
import { Mxcsr } from '../../runtime/vector-operations.ts'
import type { Builder, Value } from './builder.ts'
import { splat } from './vector.ts'

/** Kinds of float: what the elements are and whether one or all are meant. */
export type Shape = 'f32' | 'f64' | 'f32x4' | 'f64x2'

/** Size of an element in bits. */
export function sizeOf(shape: Shape): 32 | 64 {
  return shape.startsWith('f32') ? 32 : 64
}

const isPacked = (shape: Shape): boolean => shape.includes('x')

/** Least normal and greatest finite number, as numbers and as the upper word of their bits. */
const bounds = {
  32: { least: 2 ** -126, greatest: (2 - 2 ** -23) * 2 ** 127, leastBits: 0x0080_0000, greatestBits: 0x7f7f_ffff },
  64: { least: 2 ** -1022, greatest: Number.MAX_VALUE, leastBits: 0x0010_0000, greatestBits: 0x7fef_ffff },
}

/** A vector of equal doubles whose upper word is `upper` and whose lower word repeats `lower`. */
function doubles(b: Builder, upper: number, lower: number): Value {
  const word = (value: number) => [0, 8, 16, 24].map(shift => (value >>> shift) & 0xff)
  const one = [...word(lower), ...word(upper)]
  return b.vector([...one, ...one])
}

/** A constant of a shape, by value and by its bits (the upper word's, for doubles). */
function constant(b: Builder, shape: Shape, value: number, bits: number, lower: number): Value {
  if (!isPacked(shape)) return b.constant(value, shape as 'f32' | 'f64')
  return shape === 'f32x4' ? splat(b, bits, 32) : doubles(b, bits, lower)
}

function least(b: Builder, shape: Shape): Value {
  const { least: value, leastBits } = bounds[sizeOf(shape)]
  return constant(b, shape, value, leastBits, 0)
}

function greatest(b: Builder, shape: Shape): Value {
  const { greatest: value, greatestBits } = bounds[sizeOf(shape)]
  return constant(b, shape, value, greatestBits, 0xffff_ffff)
}

/** An operator of the shape. */
export function operate(b: Builder, shape: Shape, operator: string, ...args: Value[]): Value {
  return b.wasm(`${shape}.${operator}`, args)
}

/** Both of two tests of a shape: i32 for one element, masks for packed ones. */
export function both(b: Builder, shape: Shape, ...tests: Value[]): Value {
  const join = (left: Value, right: Value) => (isPacked(shape) ? b.wasm('v128.and', [left, right]) : b.and(left, right))
  return tests.reduce(join)
}

/** One of two tests of a shape, or both. */
export function either(b: Builder, shape: Shape, left: Value, right: Value): Value {
  return isPacked(shape) ? b.wasm('v128.or', [left, right]) : b.or(left, right)
}

/** Whether a test holds for every element, as 0 or 1. */
export function everywhere(b: Builder, shape: Shape, test: Value): Value {
  return isPacked(shape) ? b.wasm(shape === 'f32x4' ? 'i32x4.all_true' : 'i64x2.all_true', [test]) : test
}

/** MXCSR rounds to nearest and nobody will notice another inexact result. */
export function quiet(b: Builder): Value {
  const noticed = Mxcsr.RC | Mxcsr.PM | Mxcsr.PE
  return b.eq(b.and(b.field('mxcsr'), noticed), Mxcsr.PM | Mxcsr.PE)
}

/** Test: an operand's magnitude is not below the least normal number (and it is no NaN). */
export function notSmall(b: Builder, shape: Shape, value: Value): Value {
  return operate(b, shape, 'ge', operate(b, shape, 'abs', value), least(b, shape))
}

/** Test: finite. */
export function finite(b: Builder, shape: Shape, value: Value): Value {
  return operate(b, shape, 'le', operate(b, shape, 'abs', value), greatest(b, shape))
}

/** Test: a result is finite, and so far above the denormals that rounding has not brought it out of them. */
export function comfortable(b: Builder, shape: Shape, value: Value): Value {
  const magnitude = operate(b, shape, 'abs', value)
  const above = operate(b, shape, 'gt', magnitude, least(b, shape))
  return both(b, shape, above, operate(b, shape, 'le', magnitude, greatest(b, shape)))
}

/**
 * Where an operation on packed floats is not for inline code: an element of an operand is zero, denormal, infinite or
 * a NaN, or one of the result is denormal, infinite or a NaN; of a product also zero, or so small that rounding may have
 * brought it out of the denormals. Infinite and NaN operands are seen by the result.
 */
export function unfit(
  b: Builder, shape: 'f32x4' | 'f64x2', isSum: boolean, left: Value, right: Value, result: Value,
): Value {
  const [a, c, r] = [left, right, result].map(value => operate(b, shape, 'abs', value))
  // Zero becomes a NaN, which the pseudo-minimum passes over.
  const zero = isSum ? operate(b, shape, 'eq', result, constant(b, shape, 0, 0, 0)) : undefined
  const size = zero ? b.wasm('v128.or', [r, zero]) : r
  const smallest = operate(b, shape, 'pmin', operate(b, shape, 'pmin', a, c), size)
  const small = operate(b, shape, isSum ? 'lt' : 'le', smallest, least(b, shape))
  const large = b.wasm(shape === 'f32x4' ? 'i32x4.gt_s' : 'i64x2.gt_s', [r, greatest(b, shape)])
  return b.wasm('v128.or', [small, large])
}

/** Test: zero. */
export function isZero(b: Builder, shape: Shape, value: Value): Value {
  return operate(b, shape, 'eq', value, constant(b, shape, 0, 0, 0))
}

/** Test: zero, normal or infinite. */
export function ordinary(b: Builder, shape: Shape, value: Value): Value {
  return either(b, shape, isZero(b, shape, value), notSmall(b, shape, value))
}
