/**
 * Floating-point arithmetic and comparison of SSE, SSE2, SSE3 and SSE4.1 (SDM vol. 2). Each has inline code for
 * operands and results that raise nothing new (float.ts) and a helper for all others.
 */
import { Lazy } from '../../runtime/flags.ts'
import { Eflags } from '../../runtime/state.ts'
import { Arithmetic, Element, ELEMENT_POSITION } from '../../runtime/vector-operations.ts'
import { declareHelpers } from '../helper-signatures.ts'
import type { Builder, Definition, Value } from './builder.ts'
import {
  both, comfortable, either, everywhere, finite, isZero, notSmall, operate, ordinary, quiet, type Shape, sizeOf, unfit,
} from './float.ts'
import { begin, formOf, isMemory, readPart, readVector, stashImmediate, stashOperand, writeVector } from './vector.ts'

declareHelpers('vectorArithmetic(i32)!@ vectorCompare(i32):i32!@')

const elements: Readonly<Record<Shape, Element>> = {
  f32x4: Element.PackedSingle, f64x2: Element.PackedDouble, f32: Element.ScalarSingle, f64: Element.ScalarDouble,
}

/** Operand 1: its value as `shape`, and where a helper finds it. */
export interface Source {
  readonly value: Value
  /** Makes it findable; to be called where the helper is. */
  readonly address: () => Value
}

/** Reads operand 1, all of it or its low element. */
export function readSource(b: Builder, shape: Shape): Source {
  if (shape === 'f32' || shape === 'f64') {
    const size = sizeOf(shape)
    if (!isMemory(b, 1)) return { value: b.peek(b.read(1), size, shape), address: () => b.read(1) }
    const value = readPart(b, 1, size, shape)
    return { value, address: () => stashOperand(b, size, value) }
  }
  const value = readVector(b, 1)
  return { value, address: () => (isMemory(b, 1) ? stashOperand(b, 128, value) : b.read(1)) }
}

/** Reads operand 0 as `shape`. */
function readDestination(b: Builder, shape: Shape): Value {
  return shape === 'f32' || shape === 'f64' ? b.peek(b.read(0), sizeOf(shape), shape) : readVector(b, 0)
}

/** Writes operand 0: all of it or its low element. */
function writeDestination(b: Builder, shape: Shape, value: Value): void {
  if (shape === 'f32' || shape === 'f64') b.poke(b.read(0), sizeOf(shape), value)
  else writeVector(b, 0, value)
}

/** Has a helper do the whole instruction. */
function callArithmetic(b: Builder, operation: Arithmetic, shape: Shape, source: Source): void {
  const code = operation | (elements[shape] << ELEMENT_POSITION)
  b.call('vectorArithmetic', formOf(b, code, b.read(0), source.address()))
}

/**
 * ADDPS SUBPS …    dst := dst op src. A sum of normal numbers that is zero is exact; denormal, it is exact as well, but FTZ
 * and an unmasked UE see it.
 */
const arithmetic =
  (operation: Arithmetic, operator: Operator, shape: Shape): Definition =>
  b => {
    begin(b)
    const source = readSource(b, shape)
    const left = readDestination(b, shape)
    const result = operate(b, shape, operator, left, source.value)
    finish(b, shape, operator, [left, source.value, result], () => callArithmetic(b, operation, shape, source))
  }

type Operator = 'add' | 'sub' | 'mul' | 'div'

/** Both operands of an operation, and its result. */
type Operands = readonly [left: Value, right: Value, result: Value]

/** Writes the result where inline code may do the operation, else has a helper do it. Zeros have a second test. */
function finish(b: Builder, shape: Shape, operator: Operator, values: Operands, help: () => void): void {
  const write = () => writeDestination(b, shape, values[2])
  const isQuiet = quiet(b)
  const zerosToo = () => {
    b.usually(b.and(isQuiet, everywhere(b, shape, tolerable(b, shape, operator, ...values))), write, help)
  }
  b.if(b.and(isQuiet, fits(b, shape, operator === 'add' || operator === 'sub', ...values)), write, zerosToo)
}

/** Whether inline code may do an operation on what is not zero: 1 or 0. */
function fits(b: Builder, shape: Shape, isSum: boolean, left: Value, right: Value, result: Value): Value {
  if (shape === 'f32x4' || shape === 'f64x2')
    return b.eqz(b.wasm('v128.any_true', [unfit(b, shape, isSum, left, right, result)]))
  const results = isSum
    ? both(b, shape, ordinary(b, shape, result), finite(b, shape, result))
    : comfortable(b, shape, result)
  return both(b, shape, notSmall(b, shape, left), notSmall(b, shape, right), results)
}

/** Test: inline code may do an operation, on zeros too, which make a product or quotient of zero exact. */
function tolerable(b: Builder, shape: Shape, operator: Operator, left: Value, right: Value, result: Value): Value {
  const operands = both(b, shape, ordinary(b, shape, left), ordinary(b, shape, right), finite(b, shape, result))
  if (operator === 'add' || operator === 'sub') return both(b, shape, operands, ordinary(b, shape, result))
  const first = isZero(b, shape, left)
  const zeros = operator === 'mul' ? either(b, shape, first, isZero(b, shape, right)) : first
  return both(b, shape, operands, either(b, shape, comfortable(b, shape, result), zeros))
}

/** SQRTPS …    dst := square root of src. */
const squareRoot =
  (shape: Shape): Definition =>
  b => {
    begin(b)
    const source = readSource(b, shape)
    const result = operate(b, shape, 'sqrt', source.value)
    // The root of a negative number is a NaN, which is not finite.
    const fine = both(b, shape, notSmall(b, shape, source.value), finite(b, shape, result))
    b.usually(
      b.and(quiet(b), everywhere(b, shape, fine)),
      () => writeDestination(b, shape, result),
      () => callArithmetic(b, Arithmetic.SquareRoot, shape, source),
    )
  }

/** MINPS MAXPS …    dst := dst < src (dst > src) ? dst : src. */
const choose =
  (operation: Arithmetic, shape: Shape): Definition =>
  b => {
    begin(b)
    const source = readSource(b, shape)
    const left = readDestination(b, shape)
    const fine = both(b, shape, ordinary(b, shape, left), ordinary(b, shape, source.value))
    const least = operation === Arithmetic.Minimum
    const result = () => {
      if (shape === 'f32x4' || shape === 'f64x2') return operate(b, shape, least ? 'pmin' : 'pmax', source.value, left)
      return b.select(operate(b, shape, least ? 'lt' : 'gt', left, source.value), left, source.value)
    }
    b.usually(
      everywhere(b, shape, fine),
      () => writeDestination(b, shape, result()),
      () => callArithmetic(b, operation, shape, source),
    )
  }

const NEGATED = 4

/** CMPPS CMPSS …    elements of dst := all ones where the predicate (imm8 bits 0..2) holds, else zeros. */
const compare =
  (packed: 'f32x4' | 'f64x2', shape: Shape): Definition =>
  b => {
    begin(b)
    const scalar = shape !== packed
    const source = readSource(b, shape)
    const left = readDestination(b, shape)
    const predicate = b.and(b.read(2), 7)
    const fine = both(b, shape, ordinary(b, shape, left), ordinary(b, shape, source.value))
    const result = () => {
      const spread = (value: Value) => (scalar ? b.wasm(`${packed}.splat`, [value]) : value)
      const [a, c] = [spread(left), spread(source.value)]
      const kind = b.and(predicate, 3)
      // Ordinary operands are never unordered.
      const never = b.vector(new Array(16).fill(0))
      const equal = b.wasm(`${packed}.eq`, [a, c])
      const less = b.wasm(`${packed}.lt`, [a, c])
      const lessOrEqual = b.wasm(`${packed}.le`, [a, c])
      const holds = b.select(
        b.and(kind, 2), b.select(b.and(kind, 1), never, lessOrEqual), b.select(b.and(kind, 1), less, equal),
      )
      return b.select(b.and(predicate, NEGATED), b.wasm('v128.not', [holds]), holds)
    }
    b.usually(
      everywhere(b, shape, fine),
      () => b.poke(b.read(0), scalar ? sizeOf(shape) : 128, result()),
      () => {
        stashImmediate(b, predicate)
        callArithmetic(b, Arithmetic.Compare, shape, source)
      },
    )
  }

/**
 * COMISS UCOMISS …    ZF PF CF := 111 unordered, 000 greater, 001 less, 100 equal; OF SF AF := 0. For operands that are
 * not ordinary the helper gives a float that lies to zero as they lie to each other.
 */
const compareFlags =
  (operation: Arithmetic, shape: 'f32' | 'f64'): Definition =>
  b => {
    begin(b)
    const source = readSource(b, shape)
    const destination = readDestination(b, shape)
    const fine = both(b, shape, ordinary(b, shape, destination), ordinary(b, shape, source.value))
    const left = b.usually(
      fine,
      () => destination,
      () => {
        const code = operation | (elements[shape] << ELEMENT_POSITION)
        const upper = b.call('vectorCompare', formOf(b, code, b.read(0), source.address()))
        if (shape === 'f32') return b.wasm('f32.reinterpret', [upper])
        return b.wasm('f64.reinterpret', [b.shl(b.widenU(upper), b.constant(32, 'i64'))])
      },
    )
    const right = b.select(fine, source.value, b.constant(0, shape))
    const notBelow = operate(b, shape, 'ge', left, right)
    const different = b.or(operate(b, shape, 'lt', left, right), operate(b, shape, 'gt', left, right))
    flagsOf(b, different, b.eqz(notBelow), operate(b, shape, 'ne', left, left))
  }

/** Sets the flags of a comparison; `different` is 0 where ZF is to be set. */
function flagsOf(b: Builder, different: Value, carry: Value, unordered: Value): void {
  const zeroFlag = b.select(different, 0, Eflags.ZF)
  const image = b.or(b.or(zeroFlag, carry), b.select(unordered, Eflags.PF, 0))
  b.setFlags(Lazy.Explicit, 32, different, undefined, image, carry)
}

/** Instructions that a helper does from beginning to end. */
const helped =
  (operation: Arithmetic, shape: Shape): Definition =>
  b => {
    begin(b)
    callArithmetic(b, operation, shape, readSource(b, shape))
  }

/** Bits of ROUNDPS's immediate: rounding as MXCSR says; no PE. */
const ROUND_BY_MXCSR = 4
const ROUND_QUIETLY = 8

/** ROUNDPS ROUNDSS …    dst := src, rounded to an integer by imm8. */
const roundToInteger =
  (shape: Shape): Definition =>
  b => {
    begin(b)
    const source = readSource(b, shape)
    const immediate = b.read(2)
    // Nearest, down, up, towards zero.
    const mode = b.select(b.and(immediate, ROUND_BY_MXCSR), 0, b.and(immediate, 3))
    const of = (operator: string) => operate(b, shape, operator, source.value)
    const result = b.select(
      b.and(mode, 2),
      b.select(b.and(mode, 1), of('trunc'), of('ceil')), b.select(b.and(mode, 1), of('floor'), of('nearest')),
    )
    const unnoticed = b.eq(b.and(immediate, ROUND_BY_MXCSR | ROUND_QUIETLY), ROUND_QUIETLY)
    b.usually(
      b.and(b.or(unnoticed, quiet(b)), everywhere(b, shape, ordinary(b, shape, source.value))),
      () => writeDestination(b, shape, result),
      () => {
        stashImmediate(b, immediate)
        callArithmetic(b, Arithmetic.Round, shape, source)
      },
    )
  }

/** Numbers of bytes of elements of `size` bits, by the elements' numbers. */
const bytesOf = (size: number, elements: readonly number[]): number[] =>
  elements.flatMap(element => Array.from({ length: size / 8 }, (_, i) => (element * size) / 8 + i))

/** HADDPS HSUBPS …    the elements of dst in pairs, then those of src. */
const horizontal =
  (operation: Arithmetic, operator: 'add' | 'sub', shape: 'f32x4' | 'f64x2'): Definition =>
  b => {
    begin(b)
    const source = readSource(b, shape)
    const destination = readDestination(b, shape)
    const size = sizeOf(shape)
    const pick = (elements: readonly number[]) => b.shuffle(destination, source.value, bytesOf(size, elements))
    const first = pick(size === 32 ? [0, 2, 4, 6] : [0, 2])
    const second = pick(size === 32 ? [1, 3, 5, 7] : [1, 3])
    const result = operate(b, shape, operator, first, second)
    finish(b, shape, operator, [first, second, result], () => callArithmetic(b, operation, shape, source))
  }

/** ADDSUBPS ADDSUBPD    differences in the even elements, sums in the odd ones. */
const addSubtract =
  (shape: 'f32x4' | 'f64x2'): Definition =>
  b => {
    begin(b)
    const source = readSource(b, shape)
    const destination = readDestination(b, shape)
    const bytes = sizeOf(shape) / 8
    const evenSigns = b.vector(Array.from({ length: 16 }, (_, i) => (i % (2 * bytes) === bytes - 1 ? 0x80 : 0)))
    const addend = b.wasm('v128.xor', [source.value, evenSigns])
    const result = operate(b, shape, 'add', destination, addend)
    finish(b, shape, 'add', [destination, addend, result], () => callArithmetic(b, Arithmetic.AddSubtract, shape, source))
  }

/** DPPS DPPD    the sum of the products that imm8 chooses by its upper half, where it says so by its lower one. */
const dotProduct =
  (shape: 'f32x4' | 'f64x2'): Definition =>
  b => {
    begin(b)
    const source = readSource(b, shape)
    const destination = readDestination(b, shape)
    const immediate = b.read(2)
    const size = sizeOf(shape)
    const integers = size === 32 ? 'i32x4' : 'i64x2'
    const each = b.wasm(`${integers}.splat`, [size === 32 ? immediate : b.widenU(immediate)])
    /** Elements whose bit of the immediate, from `position` on, is set. */
    const chosen = (position: number) => {
      const bit = (i: number) => (i % (size / 8) === 0 ? 1 << (position + (i * 8) / size) : 0)
      const bits = b.vector(Array.from({ length: 16 }, (_, i) => bit(i)))
      return b.wasm(`${integers}.eq`, [b.wasm('v128.and', [each, bits]), bits])
    }
    const taken = chosen(4)
    const product = operate(b, shape, 'mul', destination, source.value)
    const products = b.wasm('v128.and', [product, taken])
    const neighbours = (value: Value, elements: readonly number[]) => b.shuffle(value, value, bytesOf(size, elements))
    // What is summed may be zero; a sum of normal numbers or zeros raises nothing unless it is too large.
    const pairs = operate(b, shape, 'add', products, neighbours(products, size === 32 ? [1, 0, 3, 2] : [1, 0]))
    const total = size === 32 ? operate(b, shape, 'add', pairs, neighbours(pairs, [2, 3, 0, 1])) : pairs
    const unfitProducts = b.wasm('v128.and', [unfit(b, shape, false, destination, source.value, product), taken])
    const sums = both(
      b, shape, ordinary(b, shape, pairs), finite(b, shape, pairs), ordinary(b, shape, total), finite(b, shape, total),
    )
    const fine = b.and(b.eqz(b.wasm('v128.any_true', [unfitProducts])), everywhere(b, shape, sums))
    b.usually(
      b.and(quiet(b), fine),
      () => writeDestination(b, shape, b.wasm('v128.and', [total, chosen(0)])),
      () => {
        stashImmediate(b, immediate)
        callArithmetic(b, Arithmetic.DotProduct, shape, source)
      },
    )
  }

/** Suffixes of mnemonics. */
const shapes: Readonly<Record<string, Shape>> = { ps: 'f32x4', pd: 'f64x2', ss: 'f32', sd: 'f64' }
const packedShape = (shape: Shape) => (sizeOf(shape) === 32 ? 'f32x4' : 'f64x2')

/** One definition for each suffix. */
function family(name: string, make: (shape: Shape) => Definition, suffixes = Object.keys(shapes)): [string, Definition][] {
  return suffixes.map(suffix => [name + suffix, make(shapes[suffix])])
}

export const vectorArithmetic: Readonly<Record<string, Definition>> = Object.fromEntries([
  ...family('add', shape => arithmetic(Arithmetic.Add, 'add', shape)),
  ...family('sub', shape => arithmetic(Arithmetic.Subtract, 'sub', shape)),
  ...family('mul', shape => arithmetic(Arithmetic.Multiply, 'mul', shape)),
  ...family('div', shape => arithmetic(Arithmetic.Divide, 'div', shape)),
  ...family('sqrt', squareRoot),
  ...family('min', shape => choose(Arithmetic.Minimum, shape)),
  ...family('max', shape => choose(Arithmetic.Maximum, shape)),
  ...family('cmp', shape => compare(packedShape(shape), shape)),
  ...family('comi', shape => compareFlags(Arithmetic.CompareOrdered, shape as 'f32' | 'f64'), ['ss', 'sd']),
  ...family('ucomi', shape => compareFlags(Arithmetic.CompareUnordered, shape as 'f32' | 'f64'), ['ss', 'sd']),
  ...family('round', roundToInteger),
  ...family('hadd', shape => horizontal(Arithmetic.HorizontalAdd, 'add', packedShape(shape)), ['ps', 'pd']),
  ...family('hsub', shape => horizontal(Arithmetic.HorizontalSubtract, 'sub', packedShape(shape)), ['ps', 'pd']),
  ...family('addsub', shape => addSubtract(packedShape(shape)), ['ps', 'pd']),
  ...family('dp', shape => dotProduct(packedShape(shape)), ['ps', 'pd']),
  ...family('rcp', shape => helped(Arithmetic.Reciprocal, shape), ['ps', 'ss']),
  ...family('rsqrt', shape => helped(Arithmetic.ReciprocalSquareRoot, shape), ['ps', 'ss']),
])
