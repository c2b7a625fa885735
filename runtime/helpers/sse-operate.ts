/**
 * SSE floating-point instructions as a whole: what their inline code (jit/definitions/sse-arithmetic.ts,
 * sse-convert.ts) leaves to a helper. A form (vector-operations.ts) names operation, destination and source; results
 * gather in `result` of the state and go to the destination when no unmasked exception holds them back.
 *
 * Source: Intel SDM vol. 2, the instructions named; vol. 1, 11.5 (exceptions of packed operations).
 */
import {
  ARITHMETIC_ADD, ARITHMETIC_ADD_SUBTRACT, ARITHMETIC_COMPARE, ARITHMETIC_COMPARE_ORDERED,
  ARITHMETIC_DIVIDE, ARITHMETIC_DOT_PRODUCT, ARITHMETIC_HORIZONTAL_ADD,
  ARITHMETIC_HORIZONTAL_SUBTRACT, ARITHMETIC_MASK, ARITHMETIC_MAXIMUM, ARITHMETIC_MINIMUM, ARITHMETIC_MULTIPLY,
  ARITHMETIC_RECIPROCAL, ARITHMETIC_RECIPROCAL_SQUARE_ROOT, ARITHMETIC_ROUND, ARITHMETIC_SQUARE_ROOT, ARITHMETIC_SUBTRACT, CONVERSION_DQ2_PS, CONVERSION_PD2_DQ,
  CONVERSION_PD2_PI, CONVERSION_PD2_PS, CONVERSION_PI2_PD, CONVERSION_PI2_PS, CONVERSION_PS2_DQ, CONVERSION_PS2_PD,
  CONVERSION_PS2_PI, CONVERSION_SD2_SI, CONVERSION_SD2_SS, CONVERSION_SI2_SS, CONVERSION_SS2_SD,
  CONVERSION_TPD2_DQ, CONVERSION_TPD2_PI, CONVERSION_TPS2_DQ, CONVERSION_TPS2_PI, CONVERSION_TSD2_SI, CONVERSION_TSS2_SI,
  DESTINATION_SHIFT, ELEMENT_POSITION, ELEMENT_SCALAR_DOUBLE, ELEMENT_SCALAR_SINGLE,
  FORM_ADDRESS_MASK, RESULT, SOURCE_SHIFT, VECTOR_IMMEDIATE,
} from '../../build/helpers/layout'
import {
  choose, compare, EQUAL, fromInteger, GREATER, narrow, noteComparison, orderOf, ROUND_CHOP, roundToIntegral, toInteger, UNORDERED,
  widen,
} from './sse-convert'
import { estimateFour, reciprocal, reciprocalSquareRoot } from './sse-estimate'
import { quickDoubles, quickSingles } from './sse-quick'
import { beginFloat, endFloat, nextStep, product, quotient, rounding, squareRoot, sum } from './sse-float'

// @ts-ignore: decorator
@inline
function destinationOf(form: u32): u32 {
  return (form >> DESTINATION_SHIFT) & FORM_ADDRESS_MASK
}
// @ts-ignore: decorator
@inline
function sourceOf(form: u32): u32 {
  return (form >> SOURCE_SHIFT) & FORM_ADDRESS_MASK
}

// @ts-ignore: decorator
@inline
function element(address: u32, index: u32, wide: bool): u64 {
  return wide ? load<u64>(address + (index << 3)) : <u64>load<u32>(address + (index << 2))
}

// @ts-ignore: decorator
@inline
function setElement(address: u32, index: u32, bits: u64, wide: bool): void {
  if (wide) store<u64>(address + (index << 3), bits)
  else store<u32>(address + (index << 2), <u32>bits)
}

/** One element of an operation that takes elements of one number. */
function combine(operation: u32, a: u64, b: u64, index: u32, wide: bool): u64 {
  switch (operation) {
    case ARITHMETIC_ADD: return sum(a, b, false, wide)
    case ARITHMETIC_SUBTRACT: return sum(a, b, true, wide)
    case ARITHMETIC_MULTIPLY: return product(a, b, wide)
    case ARITHMETIC_DIVIDE: return quotient(a, b, wide)
    case ARITHMETIC_SQUARE_ROOT: return squareRoot(b, wide)
    case ARITHMETIC_MINIMUM: return choose(a, b, false, wide)
    case ARITHMETIC_MAXIMUM: return choose(a, b, true, wide)
    case ARITHMETIC_COMPARE: return compare(a, b, load<u32>(VECTOR_IMMEDIATE) & 7, wide) ? 0xffffffffffffffff : 0
    case ARITHMETIC_ROUND: return roundToIntegral(b, load<u32>(VECTOR_IMMEDIATE), wide)
    case ARITHMETIC_ADD_SUBTRACT: return sum(a, b, (index & 1) == 0, wide)
    default: return 0
  }
}

/** HADDPS and its kind: neighbours of the destination, then of the source. */
function horizontal(destination: u32, source: u32, subtract: bool, wide: bool): void {
  const half: u32 = wide ? 1 : 2
  for (let i: u32 = 0; i < half; i++) {
    const low = sum(element(destination, 2 * i, wide), element(destination, 2 * i + 1, wide), subtract, wide)
    const high = sum(element(source, 2 * i, wide), element(source, 2 * i + 1, wide), subtract, wide)
    setElement(RESULT, i, low, wide)
    setElement(RESULT, half + i, high, wide)
  }
}

/** DPPS, DPPD: products chosen by the mask's upper half, summed in pairs, and put where its lower half says. */
function dotProduct(destination: u32, source: u32, wide: bool): void {
  const mask = load<u32>(VECTOR_IMMEDIATE)
  const count: u32 = wide ? 2 : 4
  const scratch = RESULT + 16
  for (let i: u32 = 0; i < count; i++) {
    const chosen = (mask >> (4 + i)) & 1
    setElement(scratch, i, chosen ? product(element(destination, i, wide), element(source, i, wide), wide) : 0, wide)
  }
  if (!nextStep()) return
  let total = sum(element(scratch, 0, wide), element(scratch, 1, wide), false, wide)
  if (!wide) {
    const upper = sum(element(scratch, 2, wide), element(scratch, 3, wide), false, wide)
    if (!nextStep()) return
    total = sum(total, upper, false, wide)
  }
  for (let i: u32 = 0; i < count; i++) setElement(RESULT, i, (mask >> i) & 1 ? total : 0, wide)
}

/** RCPPS and its kind, of `count` elements; MXCSR has no part in it. */
function estimate(operation: u32, destination: u32, source: u32, count: u32): void {
  const roots = operation == ARITHMETIC_RECIPROCAL_SQUARE_ROOT
  if (count == 4 && estimateFour(destination, source, roots)) return
  for (let offset: u32 = 0; offset < count << 2; offset += 4) {
    const bits = load<u32>(source + offset)
    store<u32>(destination + offset, <u32>(roots ? reciprocalSquareRoot(bits) : reciprocal(bits)))
  }
}

/** Writes the first `bytes` bytes of the results when they may be. */
function commit(destination: u32, bytes: u32): void {
  if (endFloat()) memory.copy(destination, RESULT, bytes)
}

/** An Arithmetic on Elements. Raises #XM for an unmasked exception; then the destination is as it was. */
export function vectorArithmetic(form: u32): void {
  const operation = form & ARITHMETIC_MASK
  const shape = (form >> ELEMENT_POSITION) & 3
  const wide = (shape & 1) != 0
  const destination = destinationOf(form)
  const source = sourceOf(form)
  const scalar = shape >= ELEMENT_SCALAR_SINGLE
  if (operation >= ARITHMETIC_RECIPROCAL) {
    estimate(operation, destination, source, scalar ? 1 : 4)
    return
  }
  if (wide ? quickDoubles(operation, destination, source, scalar) : quickSingles(operation, destination, source, scalar)) return
  beginFloat()
  if (operation == ARITHMETIC_HORIZONTAL_ADD || operation == ARITHMETIC_HORIZONTAL_SUBTRACT)
    horizontal(destination, source, operation == ARITHMETIC_HORIZONTAL_SUBTRACT, wide)
  else if (operation == ARITHMETIC_DOT_PRODUCT) dotProduct(destination, source, wide)
  else {
    const count: u32 = scalar ? 1 : wide ? 2 : 4
    for (let i: u32 = 0; i < count; i++) {
      const value = combine(operation, element(destination, i, wide), element(source, i, wide), i, wide)
      setElement(RESULT, i, value, wide)
    }
  }
  commit(destination, shape == ELEMENT_SCALAR_SINGLE ? 4 : shape == ELEMENT_SCALAR_DOUBLE ? 8 : 16)
}

/**
 * COMISS and its kind: raises what comparing raises. Returns the upper (or only) word of a float that lies to zero as
 * the destination lies to the source: 1, -1, 0, or a NaN when they are unordered.
 */
export function vectorCompare(form: u32): u32 {
  const wide = ((form >> ELEMENT_POSITION) & 1) != 0
  const a = element(destinationOf(form), 0, wide)
  const b = element(sourceOf(form), 0, wide)
  beginFloat()
  noteComparison(a, b, (form & ARITHMETIC_MASK) == ARITHMETIC_COMPARE_ORDERED, wide)
  if (!endFloat()) return 0
  const order = orderOf(a, b, wide)
  const one: u32 = wide ? 0x3ff00000 : 0x3f800000
  if (order == UNORDERED) return wide ? 0x7ff80000 : 0x7fc00000
  return order == EQUAL ? 0 : order == GREATER ? one : one | 0x80000000
}

/** `count` floats to integers. */
function allToIntegers(source: u32, count: u32, mode: u32, wide: bool): void {
  for (let i: u32 = 0; i < count; i++) store<u32>(RESULT + (i << 2), toInteger(element(source, i, wide), mode, wide))
}

/** `count` integers to floats. */
function allFromIntegers(source: u32, count: u32, wide: bool): void {
  for (let i: u32 = 0; i < count; i++) setElement(RESULT, i, fromInteger(load<i32>(source + (i << 2)), wide), wide)
}

/** A Conversion to a vector register. Raises #XM for an unmasked exception; then the destination is as it was. */
export function vectorConvert(form: u32): void {
  const source = sourceOf(form)
  const destination = destinationOf(form)
  beginFloat()
  let bytes: u32 = 16
  store<u64>(RESULT, 0, 8)
  switch (form & 0xff) {
    case CONVERSION_PS2_PD:
      store<u64>(RESULT, widen(element(source, 0, false)))
      store<u64>(RESULT, widen(element(source, 1, false)), 8)
      break
    case CONVERSION_PD2_PS:
      store<u32>(RESULT, <u32>narrow(element(source, 0, true)))
      store<u32>(RESULT, <u32>narrow(element(source, 1, true)), 4)
      break
    case CONVERSION_SS2_SD:
      store<u64>(RESULT, widen(element(source, 0, false)))
      bytes = 8
      break
    case CONVERSION_SD2_SS:
      store<u32>(RESULT, <u32>narrow(element(source, 0, true)))
      bytes = 4
      break
    case CONVERSION_DQ2_PS: allFromIntegers(source, 4, false); break
    case CONVERSION_PS2_DQ: allToIntegers(source, 4, rounding, false); break
    case CONVERSION_TPS2_DQ: allToIntegers(source, 4, ROUND_CHOP, false); break
    case CONVERSION_PD2_DQ: allToIntegers(source, 2, rounding, true); break
    case CONVERSION_TPD2_DQ: allToIntegers(source, 2, ROUND_CHOP, true); break
    case CONVERSION_PI2_PS:
      allFromIntegers(source, 2, false)
      bytes = 8
      break
    case CONVERSION_PI2_PD: allFromIntegers(source, 2, true); break
    case CONVERSION_PS2_PI:
      allToIntegers(source, 2, rounding, false)
      bytes = 8
      break
    case CONVERSION_TPS2_PI:
      allToIntegers(source, 2, ROUND_CHOP, false)
      bytes = 8
      break
    case CONVERSION_PD2_PI:
      allToIntegers(source, 2, rounding, true)
      bytes = 8
      break
    case CONVERSION_TPD2_PI:
      allToIntegers(source, 2, ROUND_CHOP, true)
      bytes = 8
      break
    case CONVERSION_SI2_SS:
      allFromIntegers(source, 1, false)
      bytes = 4
      break
  }
  commit(destination, bytes)
}

/** A Conversion to a general register; the result stands when no exception is pending. */
export function vectorToInteger(form: u32): u32 {
  const conversion = form & 0xff
  const wide = conversion == CONVERSION_SD2_SI || conversion == CONVERSION_TSD2_SI
  const chops = conversion == CONVERSION_TSS2_SI || conversion == CONVERSION_TSD2_SI
  beginFloat()
  const value = toInteger(element(sourceOf(form), 0, wide), chops ? ROUND_CHOP : rounding, wide)
  endFloat()
  return value
}
