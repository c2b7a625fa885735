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
import { recordInstruction, x87Record } from './x87-control'
import {
  enterExact, float32Se, float32Sig, float64Se, float64Sig, isNormalFloat32, isNormalFloat64, productOrdinary, quotientOrdinary,
  roundsOrdinarily, sumOrdinary,
} from './x87-ordinary'
import {
  commit, isEmpty, pop, push, registerAddress, setConditions, setRegister, setRegisterResult, signExponent, significand,
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
 * ST(destination) := ST(destination) (operation) ST(source), then `pops` pops: the general case of x87Sum, x87Product
 * and x87Quotient.
 */
function arithmetic(operation: i32, destination: i32, source: i32, pops: i32): void {
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
  pop(pops)
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

function arithmeticFloat32(operation: i32, bits: u32): void {
  loadFloat32(bits)
  operateLoaded(operation, loadedDenormal)
}

function arithmeticFloat64(operation: i32, bits: u64): void {
  loadFloat64(bits)
  operateLoaded(operation, loadedDenormal)
}

/** ST(0) := ST(0) (operation) `value`; m16int is sign-extended by the caller. */
export function x87ArithmeticInteger(operation: i32, value: i32): void {
  loadInteger(<i64>value)
  operateLoaded(operation, false)
}

/** The sign bit when the operation is FSUB, which negates its source, else 0. */
// @ts-ignore: decorator
@inline
function negatedSource(operation: i32): u32 {
  return <u32>(operation == OPERATION_SUBTRACT) << 15
}

/** The sign bit when the operation is FSUBR, which negates its destination, else 0. */
// @ts-ignore: decorator
@inline
function negatedDestination(operation: i32): u32 {
  return <u32>(operation == OPERATION_SUBTRACT_REVERSED) << 15
}

/** Address of ST(i) under `top`. */
// @ts-ignore: decorator
@inline
function addressUnder(top: u32, i: i32): u32 {
  return FPR + (((top + <u32>i) & 7) << 4)
}

/** Whether ST(i) and ST(j) under `top` are in use. */
// @ts-ignore: decorator
@inline
function bothInUse(top: u32, i: i32, j: i32): bool {
  const tag = load<u32>(FPU_TAG)
  return ((tag >> ((top + <u32>i) & 7)) & (tag >> ((top + <u32>j) & 7)) & 1) != 0
}

/** Whether ST(0) under `top` is in use. */
// @ts-ignore: decorator
@inline
function topInUse(top: u32): bool {
  return ((load<u32>(FPU_TAG) >> top) & 1) != 0
}

/** FADD FSUB FSUBR    ST(destination) := ST(destination) (operation) ST(source), then `pops` pops. */
export function x87Sum(operation: i32, destination: i32, source: i32, pops: i32): void {
  recordInstruction()
  const top = load<u32>(FPU_TOP)
  if (roundsOrdinarily() && bothInUse(top, destination, source)) {
    const to = addressUnder(top, destination)
    const from = addressUnder(top, source)
    const toSe = <u32>load<u16>(to, 8) ^ negatedDestination(operation)
    const fromSe = <u32>load<u16>(from, 8) ^ negatedSource(operation)
    if (sumOrdinary(to, load<u64>(to), toSe, load<u64>(from), fromSe)) {
      pop(pops)
      return
    }
  }
  arithmetic(operation, destination, source, pops)
}

/** FADD FSUB FSUBR    ST(0) := ST(0) (operation) single-precision `bits` at `segment:offset`. */
export function x87SumFloat32(operation: i32, bits: u32, segment: u32, offset: u32): void {
  x87Record(segment, offset)
  const top = load<u32>(FPU_TOP)
  if (roundsOrdinarily() && topInUse(top) && isNormalFloat32(bits)) {
    const to = FPR + (top << 4)
    const toSe = <u32>load<u16>(to, 8) ^ negatedDestination(operation)
    if (sumOrdinary(to, load<u64>(to), toSe, float32Sig(bits), float32Se(bits) ^ negatedSource(operation))) return
  }
  arithmeticFloat32(operation, bits)
}

/** FADD FSUB FSUBR    ST(0) := ST(0) (operation) double-precision `bits` at `segment:offset`. */
export function x87SumFloat64(operation: i32, bits: u64, segment: u32, offset: u32): void {
  x87Record(segment, offset)
  const top = load<u32>(FPU_TOP)
  if (roundsOrdinarily() && topInUse(top) && isNormalFloat64(bits)) {
    const to = FPR + (top << 4)
    const toSe = <u32>load<u16>(to, 8) ^ negatedDestination(operation)
    if (sumOrdinary(to, load<u64>(to), toSe, float64Sig(bits), float64Se(bits) ^ negatedSource(operation))) return
  }
  arithmeticFloat64(operation, bits)
}

/** FMUL    ST(destination) := ST(destination) * ST(source), then `pops` pops. */
export function x87Product(destination: i32, source: i32, pops: i32): void {
  recordInstruction()
  const top = load<u32>(FPU_TOP)
  if (roundsOrdinarily() && bothInUse(top, destination, source)) {
    const to = addressUnder(top, destination)
    const from = addressUnder(top, source)
    if (productOrdinary(to, load<u64>(to), <u32>load<u16>(to, 8), load<u64>(from), <u32>load<u16>(from, 8))) {
      pop(pops)
      return
    }
  }
  arithmetic(OPERATION_MULTIPLY, destination, source, pops)
}

/** FMUL    ST(0) := ST(0) * single-precision `bits` at `segment:offset`. */
export function x87ProductFloat32(bits: u32, segment: u32, offset: u32): void {
  x87Record(segment, offset)
  const top = load<u32>(FPU_TOP)
  if (roundsOrdinarily() && topInUse(top) && isNormalFloat32(bits)) {
    const to = FPR + (top << 4)
    if (productOrdinary(to, load<u64>(to), <u32>load<u16>(to, 8), float32Sig(bits), float32Se(bits))) return
  }
  arithmeticFloat32(OPERATION_MULTIPLY, bits)
}

/** FMUL    ST(0) := ST(0) * double-precision `bits` at `segment:offset`. */
export function x87ProductFloat64(bits: u64, segment: u32, offset: u32): void {
  x87Record(segment, offset)
  const top = load<u32>(FPU_TOP)
  if (roundsOrdinarily() && topInUse(top) && isNormalFloat64(bits)) {
    const to = FPR + (top << 4)
    if (productOrdinary(to, load<u64>(to), <u32>load<u16>(to, 8), float64Sig(bits), float64Se(bits))) return
  }
  arithmeticFloat64(OPERATION_MULTIPLY, bits)
}

/** FDIV FDIVR    ST(destination) := ST(destination) (operation) ST(source), then `pops` pops. */
export function x87Quotient(operation: i32, destination: i32, source: i32, pops: i32): void {
  recordInstruction()
  const top = load<u32>(FPU_TOP)
  if (roundsOrdinarily() && bothInUse(top, destination, source)) {
    const to = addressUnder(top, destination)
    const reversed = operation == OPERATION_DIVIDE_REVERSED
    const dividend = addressUnder(top, reversed ? source : destination)
    const divisor = addressUnder(top, reversed ? destination : source)
    const dividendSe = <u32>load<u16>(dividend, 8)
    if (quotientOrdinary(to, load<u64>(dividend), dividendSe, load<u64>(divisor), <u32>load<u16>(divisor, 8))) {
      pop(pops)
      return
    }
  }
  arithmetic(operation, destination, source, pops)
}

/** FDIV FDIVR    ST(0) := ST(0) (operation) single-precision `bits` at `segment:offset`. */
export function x87QuotientFloat32(operation: i32, bits: u32, segment: u32, offset: u32): void {
  x87Record(segment, offset)
  if (isNormalFloat32(bits) && quotientLoaded(operation, float32Sig(bits), float32Se(bits))) return
  arithmeticFloat32(operation, bits)
}

/** FDIV FDIVR    ST(0) := ST(0) (operation) double-precision `bits` at `segment:offset`. */
export function x87QuotientFloat64(operation: i32, bits: u64, segment: u32, offset: u32): void {
  x87Record(segment, offset)
  if (isNormalFloat64(bits) && quotientLoaded(operation, float64Sig(bits), float64Se(bits))) return
  arithmeticFloat64(operation, bits)
}

/** The ordinary case of ST(0) := ST(0) (operation) a value; false when it is not ordinary. */
function quotientLoaded(operation: i32, sig: u64, se: u32): bool {
  const top = load<u32>(FPU_TOP)
  if (!roundsOrdinarily() || !topInUse(top)) return false
  const to = FPR + (top << 4)
  const reversed = operation == OPERATION_DIVIDE_REVERSED
  const topSig = load<u64>(to)
  const topSe = <u32>load<u16>(to, 8)
  return quotientOrdinary(
    to, reversed ? sig : topSig, reversed ? se : topSe, reversed ? topSig : sig, reversed ? topSe : se,
  )
}

/** FSQRT. */
export function x87SquareRoot(): void {
  recordInstruction()
  start()
  if (isEmpty(0)) stackUnderflow()
  else squareRoot(significand(0), signExponent(0))
  if (commit()) setRegisterResult(0)
}

/** FRNDINT. */
export function x87RoundToInteger(): void {
  recordInstruction()
  start()
  if (isEmpty(0)) stackUnderflow()
  else roundToInteger(significand(0), signExponent(0))
  if (commit()) setRegisterResult(0)
}

/** FSCALE: ST(0) := ST(0) * 2^trunc(ST(1)). */
export function x87Scale(): void {
  recordInstruction()
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
  recordInstruction()
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
  recordInstruction()
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
// @ts-ignore: decorator
@inline
function unary(flip: u32, keep: u32): void {
  recordInstruction()
  if (isEmpty(0)) {
    start()
    stackUnderflow()
    if (commit()) setRegisterResult(0)
    return
  }
  const address = registerAddress(0)
  store<u16>(address, <u16>((<u32>load<u16>(address, 8) ^ flip) & keep), 8)
  enterExact()
}
