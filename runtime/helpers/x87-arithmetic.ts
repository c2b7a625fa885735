/**
 * x87 arithmetic instructions: FADD FSUB FMUL FDIV with their register, memory and integer forms, FSQRT, FSCALE,
 * FPREM, FPREM1, FRNDINT, FXTRACT, FABS, FCHS. Exported functions are called by the definitions.
 *
 * Source: Intel SDM vol. 2, the instructions named; vol. 1, 8.3.5 and 8.3.6.
 */
import { FPR, FPU_CONTROL, FPU_TAG, FPU_TOP } from '../../build/helpers/layout'
import {
  BIAS, exceptions, INVALID, isNaN80, raiseException, DENORMAL, resultSe, resultSig, SIGN, ZERO_DIVIDE,
} from './softfloat80'
import { add, divide, multiply, squareRoot, subtract } from './softfloat80-arithmetic'
import { loadedDenormal, loadFloat32, loadFloat64, loadInteger } from './softfloat80-convert'
import {
  exponentSe, exponentSig, extract, QUOTIENT_INCOMPLETE, QUOTIENT_NONE, quotientBits, remainder, roundToInteger,
  scale,
} from './softfloat80-remainder'
import { recordInstruction, x87Record } from './x87-control'
import {
  areMiddle, areNear, enterExact, float32Se, float32Sig, float64Se, float64Sig, hasIntegerBit, isMiddle,
  isNormalFloat32, isNormalFloat64, roundsOrdinarily, storeProduct, storeQuotient, storeSquareRoot,
  storeSum,
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

/**
 * Which operands of a sum change their sign: bit 15 for the destination (FSUBR), bit 31 for the source (FSUB), as
 * masks for a word that holds sign and exponent.
 */
const NEGATED_DESTINATION: u32 = 0x00008000
const NEGATED_SOURCE: u32 = 0x80000000
const NEGATED_SOURCE_SHIFT: u32 = 16

/** The operation of a sum whose operands change their sign as `negated` says. */
function sumOperation(negated: u32): i32 {
  if (negated == 0) return OPERATION_ADD
  return negated == NEGATED_DESTINATION ? OPERATION_SUBTRACT_REVERSED : OPERATION_SUBTRACT
}

/** Whether the physical registers `target` and `other` are in use. */
// @ts-ignore: decorator
@inline
function bothInUse(target: u32, other: u32): bool {
  const tag = load<u32>(FPU_TAG)
  return ((tag >> target) & (tag >> other) & 1) != 0
}

/** Whether the physical register `number` is in use. */
// @ts-ignore: decorator
@inline
function inUse(number: u32): bool {
  return ((load<u32>(FPU_TAG) >> number) & 1) != 0
}

/** Pops ST(0), which is `top`, when `pops` is 1. */
// @ts-ignore: decorator
@inline
function popIf(pops: i32, top: u32): void {
  if (pops == 0) return
  store<u32>(FPU_TAG, load<u32>(FPU_TAG) & ~(<u32>1 << top))
  store<u32>(FPU_TOP, (top + 1) & 7)
}

/** FADD FSUB FSUBR    ST(destination) := ±ST(destination) ± ST(source), then `pops` pops (0 or 1). */
export function x87Sum(negated: u32, destination: i32, source: i32, pops: i32): void {
  recordInstruction()
  const top = load<u32>(FPU_TOP)
  const target = (top + <u32>destination) & 7
  const other = (top + <u32>source) & 7
  const to = target << 4
  const from = other << 4
  const control = load<u32>(FPU_CONTROL)
  if (roundsOrdinarily(control)) {
    if (bothInUse(target, other)) {
      const toSe = <u32>load<u16>(to, FPR + 8) ^ (negated & SIGN)
      const fromSe = <u32>load<u16>(from, FPR + 8) ^ (negated >> NEGATED_SOURCE_SHIFT)
      const toSig = load<u64>(to, FPR)
      const fromSig = load<u64>(from, FPR)
      if (isMiddle(toSe)) {
        if (areNear(toSe, fromSe)) {
          if (hasIntegerBit(toSig & fromSig)) {
            storeSum(to, toSig, toSe, fromSig, fromSe, control)
            popIf(pops, top)
            return
          }
        }
      }
    }
  }
  arithmetic(sumOperation(negated), destination, source, pops)
}

/** FADD FSUB FSUBR    ST(0) := ±ST(0) ± single-precision `bits` at `segment:offset`. */
export function x87SumFloat32(negated: u32, bits: u32, segment: u32, offset: u32): void {
  x87Record(segment, offset)
  if (isNormalFloat32(bits)) {
    if (sumLoaded(negated, float32Sig(bits), float32Se(bits))) return
  }
  arithmeticFloat32(sumOperation(negated), bits)
}

/** FADD FSUB FSUBR    ST(0) := ±ST(0) ± double-precision `bits` at `segment:offset`. */
export function x87SumFloat64(negated: u32, bits: u64, segment: u32, offset: u32): void {
  x87Record(segment, offset)
  if (isNormalFloat64(bits)) {
    if (sumLoaded(negated, float64Sig(bits), float64Se(bits))) return
  }
  arithmeticFloat64(sumOperation(negated), bits)
}

/** The ordinary case of ST(0) := ±ST(0) ± a normal number; false when it is not ordinary. */
// @ts-ignore: decorator
@inline
function sumLoaded(negated: u32, sig: u64, se: u32): bool {
  const top = load<u32>(FPU_TOP)
  const to = top << 4
  const control = load<u32>(FPU_CONTROL)
  if (roundsOrdinarily(control)) {
    if (inUse(top)) {
      const topSe = <u32>load<u16>(to, FPR + 8) ^ (negated & SIGN)
      const topSig = load<u64>(to, FPR)
      if (areNear(topSe, se)) {
        if (hasIntegerBit(topSig)) {
          storeSum(to, topSig, topSe, sig, se ^ (negated >> NEGATED_SOURCE_SHIFT), control)
          return true
        }
      }
    }
  }
  return false
}

/** FMUL    ST(destination) := ST(destination) * ST(source), then `pops` pops (0 or 1). */
export function x87Product(destination: i32, source: i32, pops: i32): void {
  recordInstruction()
  const top = load<u32>(FPU_TOP)
  const target = (top + <u32>destination) & 7
  const other = (top + <u32>source) & 7
  const to = target << 4
  const from = other << 4
  const control = load<u32>(FPU_CONTROL)
  if (roundsOrdinarily(control)) {
    if (bothInUse(target, other)) {
      const toSe = <u32>load<u16>(to, FPR + 8)
      const fromSe = <u32>load<u16>(from, FPR + 8)
      const toSig = load<u64>(to, FPR)
      const fromSig = load<u64>(from, FPR)
      if (areMiddle(toSe, fromSe)) {
        if (hasIntegerBit(toSig & fromSig)) {
          storeProduct(to, toSig, toSe, fromSig, fromSe, control)
          popIf(pops, top)
          return
        }
      }
    }
  }
  arithmetic(OPERATION_MULTIPLY, destination, source, pops)
}

/** FMUL    ST(0) := ST(0) * single-precision `bits` at `segment:offset`. */
export function x87ProductFloat32(bits: u32, segment: u32, offset: u32): void {
  x87Record(segment, offset)
  if (isNormalFloat32(bits)) {
    if (productLoaded(float32Sig(bits), float32Se(bits))) return
  }
  arithmeticFloat32(OPERATION_MULTIPLY, bits)
}

/** FMUL    ST(0) := ST(0) * double-precision `bits` at `segment:offset`. */
export function x87ProductFloat64(bits: u64, segment: u32, offset: u32): void {
  x87Record(segment, offset)
  if (isNormalFloat64(bits)) {
    if (productLoaded(float64Sig(bits), float64Se(bits))) return
  }
  arithmeticFloat64(OPERATION_MULTIPLY, bits)
}

/** The ordinary case of ST(0) := ST(0) * a normal number in the middle range; false when it is not ordinary. */
// @ts-ignore: decorator
@inline
function productLoaded(sig: u64, se: u32): bool {
  const top = load<u32>(FPU_TOP)
  const to = top << 4
  const control = load<u32>(FPU_CONTROL)
  if (roundsOrdinarily(control)) {
    if (inUse(top)) {
      const topSe = <u32>load<u16>(to, FPR + 8)
      const topSig = load<u64>(to, FPR)
      if (isMiddle(topSe)) {
        if (hasIntegerBit(topSig)) {
          storeProduct(to, topSig, topSe, sig, se, control)
          return true
        }
      }
    }
  }
  return false
}

/** FDIV FDIVR    ST(destination) := ST(destination) (operation) ST(source), then `pops` pops (0 or 1). */
export function x87Quotient(operation: i32, destination: i32, source: i32, pops: i32): void {
  recordInstruction()
  const top = load<u32>(FPU_TOP)
  const target = (top + <u32>destination) & 7
  const other = (top + <u32>source) & 7
  const reversed = operation == OPERATION_DIVIDE_REVERSED
  const dividend = select<u32>(other, target, reversed) << 4
  const divisor = select<u32>(target, other, reversed) << 4
  const control = load<u32>(FPU_CONTROL)
  if (roundsOrdinarily(control)) {
    if (bothInUse(target, other)) {
      const dividendSe = <u32>load<u16>(dividend, FPR + 8)
      const divisorSe = <u32>load<u16>(divisor, FPR + 8)
      const dividendSig = load<u64>(dividend, FPR)
      const divisorSig = load<u64>(divisor, FPR)
      if (areMiddle(dividendSe, divisorSe)) {
        if (hasIntegerBit(dividendSig & divisorSig)) {
          storeQuotient(target << 4, dividendSig, dividendSe, divisorSig, divisorSe, control)
          popIf(pops, top)
          return
        }
      }
    }
  }
  arithmetic(operation, destination, source, pops)
}

/** FDIV FDIVR    ST(0) := ST(0) (operation) single-precision `bits` at `segment:offset`. */
export function x87QuotientFloat32(operation: i32, bits: u32, segment: u32, offset: u32): void {
  x87Record(segment, offset)
  if (isNormalFloat32(bits)) {
    if (quotientLoaded(operation, float32Sig(bits), float32Se(bits))) return
  }
  arithmeticFloat32(operation, bits)
}

/** FDIV FDIVR    ST(0) := ST(0) (operation) double-precision `bits` at `segment:offset`. */
export function x87QuotientFloat64(operation: i32, bits: u64, segment: u32, offset: u32): void {
  x87Record(segment, offset)
  if (isNormalFloat64(bits)) {
    if (quotientLoaded(operation, float64Sig(bits), float64Se(bits))) return
  }
  arithmeticFloat64(operation, bits)
}

/** The ordinary case of ST(0) := ST(0) (operation) a normal number in the middle range; false when it is not. */
// @ts-ignore: decorator
@inline
function quotientLoaded(operation: i32, sig: u64, se: u32): bool {
  const top = load<u32>(FPU_TOP)
  const to = top << 4
  const reversed = operation == OPERATION_DIVIDE_REVERSED
  const control = load<u32>(FPU_CONTROL)
  if (roundsOrdinarily(control)) {
    if (inUse(top)) {
      const topSe = <u32>load<u16>(to, FPR + 8)
      const topSig = load<u64>(to, FPR)
      if (isMiddle(topSe)) {
        if (hasIntegerBit(topSig)) {
          storeQuotient(
            to, select<u64>(sig, topSig, reversed), select<u32>(se, topSe, reversed),
            select<u64>(topSig, sig, reversed), select<u32>(topSe, se, reversed), control,
          )
          return true
        }
      }
    }
  }
  return false
}

/** FIADD FIMUL FISUB FISUBR FIDIV FIDIVR    ST(0) := ST(0) (operation) `value`, sign-extended, at `segment:offset`. */
export function x87ArithmeticInteger(operation: i32, value: i32, segment: u32, offset: u32): void {
  x87Record(segment, offset)
  if (value != 0) {
    const count = clz(<u32>abs<i32>(value))
    const sig = <u64>(<u32>abs<i32>(value) << count) << 32
    const se = (<u32>(BIAS + 31) - count) | (<u32>(value >> 31) & SIGN)
    switch (operation) {
      case OPERATION_ADD:
        if (sumLoaded(0, sig, se)) return
        break
      case OPERATION_SUBTRACT:
        if (sumLoaded(NEGATED_SOURCE, sig, se)) return
        break
      case OPERATION_SUBTRACT_REVERSED:
        if (sumLoaded(NEGATED_DESTINATION, sig, se)) return
        break
      case OPERATION_MULTIPLY:
        if (productLoaded(sig, se)) return
        break
      default:
        if (quotientLoaded(operation, sig, se)) return
    }
  }
  loadInteger(<i64>value)
  operateLoaded(operation, false)
}

/** FSQRT. */
export function x87SquareRoot(): void {
  recordInstruction()
  const top = load<u32>(FPU_TOP)
  const control = load<u32>(FPU_CONTROL)
  if (roundsOrdinarily(control)) {
    if (inUse(top)) {
      const sig = load<u64>(top << 4, FPR)
      const se = <u32>load<u16>(top << 4, FPR + 8)
      if (isMiddle(se) && (se & SIGN) == 0 && hasIntegerBit(sig)) {
        storeSquareRoot(top << 4, sig, se, control)
        return
      }
    }
  }
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
