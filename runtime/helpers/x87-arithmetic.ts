/**
 * x87 arithmetic instructions: FADD FSUB FMUL FDIV with their register, memory and integer forms, FSQRT, FSCALE,
 * FPREM, FPREM1, FRNDINT, FXTRACT, FABS, FCHS. Exported functions are called by the definitions.
 *
 * Source: Intel SDM vol. 2, the instructions named; vol. 1, 8.3.5 and 8.3.6.
 */
import { FPR, FPU_TAG, FPU_TOP } from '../../build/helpers/layout'
import {
  exceptions, INVALID, isNaN80, raiseException, DENORMAL, resultSe, resultSig, SIGN, ZERO_DIVIDE,
} from './softfloat80'
import { add, divide, multiply, squareRoot, subtract } from './softfloat80-arithmetic'
import { loadedDenormal, loadFloat32, loadFloat64, loadInteger } from './softfloat80-convert'
import {
  exponentSe, exponentSig, extract, QUOTIENT_INCOMPLETE, QUOTIENT_NONE, quotientBits, remainder, roundToInteger,
  scale,
} from './softfloat80-remainder'
import {
  commit, isEmpty, pop, push, setConditions, setRegister, setRegisterResult, signExponent, significand,
  stackOverflow, stackUnderflow, start, STATUS_C0, STATUS_C1, STATUS_C2, STATUS_C3, STATUS_CONDITIONS,
} from './x87-state'

/** Arithmetic operation, as in the reg field of the D8 and DC opcodes (2 and 3 are comparisons). */
export const OPERATION_ADD: i32 = 0
export const OPERATION_MULTIPLY: i32 = 1
export const OPERATION_SUBTRACT: i32 = 4
export const OPERATION_SUBTRACT_REVERSED: i32 = 5
export const OPERATION_DIVIDE: i32 = 6
export const OPERATION_DIVIDE_REVERSED: i32 = 7

/** result := destination (operation) source; the reversed operations swap their operands. */
function operate(operation: i32, destinationSig: u64, destinationSe: u32, sourceSig: u64, sourceSe: u32): void {
  switch (operation) {
    case OPERATION_ADD:
      add(destinationSig, destinationSe, sourceSig, sourceSe)
      return
    case OPERATION_MULTIPLY:
      multiply(destinationSig, destinationSe, sourceSig, sourceSe)
      return
    case OPERATION_SUBTRACT:
      subtract(destinationSig, destinationSe, sourceSig, sourceSe)
      return
    case OPERATION_SUBTRACT_REVERSED:
      subtract(sourceSig, sourceSe, destinationSig, destinationSe)
      return
    case OPERATION_DIVIDE:
      divide(destinationSig, destinationSe, sourceSig, sourceSe)
      return
    default:
      divide(sourceSig, sourceSe, destinationSig, destinationSe)
  }
}

/**
 * ST(destination) := ST(destination) (operation) ST(source), then `pops` pops. TOP is read once: this is the hot
 * path.
 */
export function x87Arithmetic(operation: i32, destination: i32, source: i32, pops: i32): void {
  const top = load<u32>(FPU_TOP)
  const tag = load<u32>(FPU_TAG)
  const target = (top + <u32>destination) & 7
  const other = (top + <u32>source) & 7
  const to = FPR + (target << 4)
  const from = FPR + (other << 4)
  start()
  if (((tag >> target) & (tag >> other) & 1) == 0) {
    stackUnderflow()
  } else {
    operate(operation, load<u64>(to), <u32>load<u16>(to, 8), load<u64>(from), <u32>load<u16>(from, 8))
  }
  if (!commit()) return
  store<u64>(to, resultSig)
  store<u16>(to, <u16>resultSe, 8)
  store<u32>(FPU_TAG, tag | (1 << target))
  if (pops != 0) pop(pops)
}

/** ST(0) := ST(0) (operation) the value that a `load…` left as the result. */
function operateLoaded(operation: i32, denormal: bool): void {
  const top = load<u32>(FPU_TOP)
  const tag = load<u32>(FPU_TAG)
  const to = FPR + (top << 4)
  start()
  if (((tag >> top) & 1) == 0) {
    stackUnderflow()
  } else {
    operate(operation, load<u64>(to), <u32>load<u16>(to, 8), resultSig, resultSe)
    const reported = (exceptions & (INVALID | ZERO_DIVIDE)) == 0 && !isNaN80(resultSig, resultSe)
    if (denormal && reported) raiseException(DENORMAL)
  }
  if (!commit()) return
  store<u64>(to, resultSig)
  store<u16>(to, <u16>resultSe, 8)
  store<u32>(FPU_TAG, tag | (1 << top))
}

/** ST(0) := ST(0) (operation) single-precision `bits`. */
export function x87ArithmeticFloat32(operation: i32, bits: u32): void {
  loadFloat32(bits)
  operateLoaded(operation, loadedDenormal)
}

/** ST(0) := ST(0) (operation) double-precision `bits`. */
export function x87ArithmeticFloat64(operation: i32, bits: u64): void {
  loadFloat64(bits)
  operateLoaded(operation, loadedDenormal)
}

/** ST(0) := ST(0) (operation) `value`; m16int is sign-extended by the caller. */
export function x87ArithmeticInteger(operation: i32, value: i32): void {
  loadInteger(<i64>value)
  operateLoaded(operation, false)
}

/** FSQRT. */
export function x87SquareRoot(): void {
  start()
  if (isEmpty(0)) stackUnderflow()
  else squareRoot(significand(0), signExponent(0))
  if (commit()) setRegisterResult(0)
}

/** FRNDINT. */
export function x87RoundToInteger(): void {
  start()
  if (isEmpty(0)) stackUnderflow()
  else roundToInteger(significand(0), signExponent(0))
  if (commit()) setRegisterResult(0)
}

/** FSCALE: ST(0) := ST(0) * 2^trunc(ST(1)). */
export function x87Scale(): void {
  start()
  if (isEmpty(0) || isEmpty(1)) stackUnderflow()
  else scale(significand(0), signExponent(0), significand(1), signExponent(1))
  if (commit()) setRegisterResult(0)
}

/**
 * FPREM, or FPREM1 when `nearest`. C2: incomplete; C0 C3 C1: bits 2, 1, 0 of the quotient, C0 and C3 kept without
 * one.
 */
export function x87Remainder(nearest: i32): void {
  start()
  if (isEmpty(0) || isEmpty(1)) {
    stackUnderflow()
    if (commit()) setRegisterResult(0)
    setConditions(STATUS_C2, 0)
    return
  }
  remainder(significand(0), signExponent(0), significand(1), signExponent(1), nearest != 0)
  const committed = commit()
  if (committed) setRegisterResult(0)
  if (!committed || quotientBits == QUOTIENT_NONE) {
    setConditions(STATUS_C2, 0)
    return
  }
  let conditions: u32 = 0
  if (quotientBits == QUOTIENT_INCOMPLETE) {
    conditions = STATUS_C2
  } else {
    if ((quotientBits & 1) != 0) conditions |= STATUS_C1
    if ((quotientBits & 2) != 0) conditions |= STATUS_C3
    if ((quotientBits & 4) != 0) conditions |= STATUS_C0
  }
  setConditions(STATUS_CONDITIONS, conditions)
}

/** FXTRACT: ST(0) := exponent, then push the significand. */
export function x87Extract(): void {
  start()
  if (isEmpty(0)) {
    stackUnderflow()
    if (!commit()) return
    setRegisterResult(0)
    push(resultSig, resultSe)
    return
  }
  if (!isEmpty(-1)) {
    stackOverflow()
    if (!commit()) return
    setRegisterResult(0)
    push(resultSig, resultSe)
    return
  }
  extract(significand(0), signExponent(0))
  if (!commit()) return
  setRegister(0, exponentSig, exponentSe)
  push(resultSig, resultSe)
}

/** FCHS. */
export function x87ChangeSign(): void {
  unary(SIGN, 0xffff)
}

/** FABS. */
export function x87Absolute(): void {
  unary(0, ~SIGN)
}

/** Changes the sign of any value, NaN and unsupported ones too, without an exception. */
function unary(flip: u32, keep: u32): void {
  start()
  if (isEmpty(0)) {
    stackUnderflow()
    if (commit()) setRegisterResult(0)
    return
  }
  commit()
  setRegister(0, significand(0), (signExponent(0) ^ flip) & keep)
}
