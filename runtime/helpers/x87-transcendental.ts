/**
 * x87 transcendental instructions: F2XM1 FYL2X FYL2XP1 FSIN FCOS FSINCOS FPTAN FPATAN. Exported functions are called
 * by the definitions. Source: Intel SDM vol. 2, the instructions named.
 */
import { resultSe, resultSig } from './softfloat80'
import { twoToXMinusOne, yLogarithm, yLogarithmOnePlus } from './softfloat80-exponential'
import {
  arcTangent, CIRCULAR_DONE, CIRCULAR_OUT_OF_RANGE, cosine, cosineSe, cosineSig, sine, sineCosine, tangent,
} from './softfloat80-transcendental'
import {
  commit, isEmpty, pop, push, setConditions, setRegisterResult, signExponent, significand, stackOverflow,
  stackUnderflow, start, STATUS_C1, STATUS_C2,
} from './x87-state'

/** 1.0. */
const ONE_SIG: u64 = 0x8000000000000000
const ONE_SE: u32 = 0x3fff

/** F2XM1: ST(0) := 2^ST(0) - 1. */
export function x87TwoToXMinusOne(): void {
  start()
  if (isEmpty(0)) stackUnderflow()
  else twoToXMinusOne(significand(0), signExponent(0))
  if (commit()) setRegisterResult(0)
}

/** Writes the result of a two-operand function to ST(1) and pops. */
function finishTwo(): void {
  if (!commit()) return
  setRegisterResult(1)
  pop(1)
}

/** True when ST(0) or ST(1) is empty, which is then the outcome. */
function twoUnderflow(): bool {
  start()
  if (!isEmpty(0) && !isEmpty(1)) return false
  stackUnderflow()
  return true
}

/** FYL2X: ST(1) := ST(1) * log2(ST(0)), pop. */
export function x87Logarithm(): void {
  if (!twoUnderflow()) yLogarithm(significand(1), signExponent(1), significand(0), signExponent(0))
  finishTwo()
}

/** FYL2XP1: ST(1) := ST(1) * log2(ST(0) + 1), pop. */
export function x87LogarithmPlusOne(): void {
  if (!twoUnderflow()) yLogarithmOnePlus(significand(1), signExponent(1), significand(0), signExponent(0))
  finishTwo()
}

/** FPATAN: ST(1) := angle of the point (ST(0), ST(1)), pop. */
export function x87ArcTangent(): void {
  if (!twoUnderflow()) arcTangent(significand(1), signExponent(1), significand(0), signExponent(0))
  finishTwo()
}

/** Enters the outcome of FSIN or FCOS; C2 tells that the operand was out of range and is unchanged. */
function finishCircular(found: i32): void {
  if (found == CIRCULAR_OUT_OF_RANGE) {
    setConditions(STATUS_C1 | STATUS_C2, STATUS_C2)
    return
  }
  setConditions(STATUS_C2, 0)
  if (commit()) setRegisterResult(0)
}

/** FSIN. */
export function x87Sine(): void {
  start()
  let found = CIRCULAR_DONE
  if (isEmpty(0)) stackUnderflow()
  else found = sine(significand(0), signExponent(0))
  finishCircular(found)
}

/** FCOS. */
export function x87Cosine(): void {
  start()
  let found = CIRCULAR_DONE
  if (isEmpty(0)) stackUnderflow()
  else found = cosine(significand(0), signExponent(0))
  finishCircular(found)
}

/** The masked response of FSINCOS and FPTAN to a stack fault: two indefinites. Returns false when there is none. */
function pairFault(): bool {
  start()
  if (isEmpty(0)) stackUnderflow()
  else if (!isEmpty(-1)) stackOverflow()
  else return false
  setConditions(STATUS_C2, 0)
  if (!commit()) return true
  setRegisterResult(0)
  push(resultSig, resultSe)
  return true
}

/** Enters the outcome of FSINCOS or FPTAN: the result into ST(0), then a push; a NaN is pushed too. */
function finishPair(found: i32, secondSig: u64, secondSe: u32): void {
  if (found == CIRCULAR_OUT_OF_RANGE) {
    setConditions(STATUS_C1 | STATUS_C2, STATUS_C2)
    return
  }
  setConditions(STATUS_C2, 0)
  if (!commit()) return
  setRegisterResult(0)
  if (found == CIRCULAR_DONE) push(resultSig, resultSe)
  else push(secondSig, secondSe)
}

/** FSINCOS: ST(0) := sine, then push the cosine. */
export function x87SineCosine(): void {
  if (pairFault()) return
  const found = sineCosine(significand(0), signExponent(0))
  finishPair(found, cosineSig, cosineSe)
}

/** FPTAN: ST(0) := tangent, then push 1.0. */
export function x87Tangent(): void {
  if (pairFault()) return
  finishPair(tangent(significand(0), signExponent(0)), ONE_SIG, ONE_SE)
}
