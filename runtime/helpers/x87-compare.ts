/**
 * x87 comparisons: FCOM FUCOM FICOM FTST FCOMI FUCOMI FXAM, and FCMOVcc.
 *
 * Source: Intel SDM vol. 2, the instructions named; vol. 1, 8.1.4, 8.3.6.
 */
import { EFLAGS_CF, EFLAGS_PF, EFLAGS_ZF, FPU_STATUS } from '../../build/helpers/layout'
import { getArithmeticFlags } from './flags'
import {
  DENORMAL, EXPONENT_MASK, EXPONENT_SPECIAL, exceptions, INTEGER_BIT, INVALID, raiseException, resultSe, resultSig,
  SIGN,
} from './softfloat80'
import { COMPARE_UNORDERED, compare } from './softfloat80-arithmetic'
import { loadedDenormal, loadFloat32, loadFloat64, loadInteger } from './softfloat80-convert'
import { recordInstruction, x87Record } from './x87-control'
import {
  compareOrdinary, enterExact, float32Se, float32Sig, float64Se, float64Sig, isNormalFloat32, isNormalFloat64,
  isOrdinary,
} from './x87-ordinary'
import {
  commit, isEmpty, pop, setConditions, setRegister, setRegisterResult, signExponent, significand, stackUnderflow,
  start, STATUS_C0, STATUS_C1, STATUS_C2, STATUS_C3, STATUS_CONDITIONS,
} from './x87-state'

/** Condition bits that FXAM gives to a class. */
const CLASS_UNSUPPORTED: u32 = 0
const CLASS_NAN: u32 = STATUS_C0
const CLASS_NORMAL: u32 = STATUS_C2
const CLASS_INFINITY: u32 = STATUS_C2 | STATUS_C0
const CLASS_ZERO: u32 = STATUS_C3
const CLASS_EMPTY: u32 = STATUS_C3 | STATUS_C0
const CLASS_DENORMAL: u32 = STATUS_C3 | STATUS_C2

/**
 * Enters the outcome of a comparison and pops. An unmasked invalid operation leaves the condition bits as they were
 * (SDM vol. 2, FCOM); an unmasked denormal operand holds back only the pop.
 */
function finish(conditions: u32, pops: i32): void {
  const committed = commit()
  if (committed || (exceptions & INVALID) == 0) setConditions(STATUS_C0 | STATUS_C2 | STATUS_C3, conditions)
  if (committed) pop(pops)
}

/** Enters the outcome of an ordinary comparison: C3 C2 C0, and C1 cleared. */
// @ts-ignore: decorator
@inline
function enterConditions(conditions: u32): void {
  store<u32>(FPU_STATUS, (load<u32>(FPU_STATUS) & ~STATUS_CONDITIONS) | conditions)
}

/** FCOM, FCOMP, FCOMPP, or FUCOM… when `quiet`: compares ST(0) with ST(source), then pops. */
export function x87Compare(source: i32, quiet: i32, pops: i32): void {
  recordInstruction()
  const used = !isEmpty(0) && !isEmpty(source)
  const aSig = significand(0)
  const aSe = signExponent(0)
  const bSig = significand(source)
  const bSe = signExponent(source)
  if (used && isOrdinary(aSig, aSe) && isOrdinary(bSig, bSe)) {
    enterConditions(compareOrdinary(aSig, aSe, bSig, bSe))
    pop(pops)
    return
  }
  start()
  let conditions = COMPARE_UNORDERED
  if (used) conditions = compare(aSig, aSe, bSig, bSe, quiet != 0)
  else stackUnderflow()
  finish(conditions, pops)
}

/** Compares ST(0) with the value that a `load…` left as the result. */
function compareLoaded(denormal: bool, pops: i32): void {
  start()
  let conditions = COMPARE_UNORDERED
  if (isEmpty(0)) {
    stackUnderflow()
  } else {
    conditions = compare(significand(0), signExponent(0), resultSig, resultSe, false)
    if (denormal && conditions != COMPARE_UNORDERED) raiseException(DENORMAL)
  }
  finish(conditions, pops)
}

/** FCOM(P) with single-precision `bits` at `segment:offset`. */
export function x87CompareFloat32(bits: u32, pops: i32, segment: u32, offset: u32): void {
  x87Record(segment, offset)
  const sig = significand(0)
  const se = signExponent(0)
  if (!isEmpty(0) && isOrdinary(sig, se) && isNormalFloat32(bits)) {
    enterConditions(compareOrdinary(sig, se, float32Sig(bits), float32Se(bits)))
    pop(pops)
    return
  }
  loadFloat32(bits)
  compareLoaded(loadedDenormal, pops)
}

/** FCOM(P) with double-precision `bits` at `segment:offset`. */
export function x87CompareFloat64(bits: u64, pops: i32, segment: u32, offset: u32): void {
  x87Record(segment, offset)
  const sig = significand(0)
  const se = signExponent(0)
  if (!isEmpty(0) && isOrdinary(sig, se) && isNormalFloat64(bits)) {
    enterConditions(compareOrdinary(sig, se, float64Sig(bits), float64Se(bits)))
    pop(pops)
    return
  }
  loadFloat64(bits)
  compareLoaded(loadedDenormal, pops)
}

/** FICOM(P) with `value`, sign-extended, at `segment:offset`. */
export function x87CompareInteger(value: i32, pops: i32, segment: u32, offset: u32): void {
  x87Record(segment, offset)
  loadInteger(<i64>value)
  compareLoaded(false, pops)
}

/** FTST: compares ST(0) with +0. */
export function x87Test(): void {
  recordInstruction()
  loadInteger(0)
  compareLoaded(false, 0)
}

/**
 * FCOMI(P), or FUCOMI(P) when `quiet`. Returns the arithmetic flags of EFLAGS: ZF, PF and CF (OF, SF, AF are 0), or all
 * as they were when an unmasked invalid operation leaves them so (SDM vol. 2, FCOMI).
 */
export function x87CompareFlags(source: i32, quiet: i32, pops: i32): u32 {
  recordInstruction()
  const used = !isEmpty(0) && !isEmpty(source)
  const aSig = significand(0)
  const aSe = signExponent(0)
  const bSig = significand(source)
  const bSe = signExponent(source)
  if (used && isOrdinary(aSig, aSe) && isOrdinary(bSig, bSe)) {
    enterExact()
    pop(pops)
    return flagsOf(compareOrdinary(aSig, aSe, bSig, bSe))
  }
  start()
  let conditions = COMPARE_UNORDERED
  if (used) conditions = compare(aSig, aSe, bSig, bSe, quiet != 0)
  else stackUnderflow()
  if (commit()) pop(pops)
  else if ((exceptions & INVALID) != 0) return getArithmeticFlags()
  return flagsOf(conditions)
}

/** C3, C2 and C0 as ZF, PF and CF: eight bits lower, as FNSTSW AX, SAHF would move them. */
// @ts-ignore: decorator
@inline
function flagsOf(conditions: u32): u32 {
  return (conditions >> 8) & (EFLAGS_ZF | EFLAGS_PF | EFLAGS_CF)
}

/** FXAM: class of ST(0) in C3 C2 C0, its sign in C1. Examines an empty register too. */
export function x87Examine(): void {
  recordInstruction()
  const sig = significand(0)
  const se = signExponent(0)
  const sign: u32 = (se & SIGN) != 0 ? STATUS_C1 : 0
  setConditions(STATUS_CONDITIONS, sign | (isEmpty(0) ? CLASS_EMPTY : classOf(sig, se & EXPONENT_MASK)))
}

function classOf(sig: u64, exponent: u32): u32 {
  if (exponent == 0) return sig == 0 ? CLASS_ZERO : CLASS_DENORMAL
  if (<i64>sig >= 0) return CLASS_UNSUPPORTED
  if (exponent == EXPONENT_SPECIAL) return sig == INTEGER_BIT ? CLASS_INFINITY : CLASS_NAN
  return CLASS_NORMAL
}

/** FCMOVcc: ST(0) := ST(source) when `condition` is nonzero. */
export function x87MoveIf(source: i32, condition: i32): void {
  recordInstruction()
  if (isEmpty(0) || isEmpty(source)) {
    start()
    stackUnderflow()
    if (commit()) setRegisterResult(0)
    return
  }
  if (condition != 0) setRegister(0, significand(source), signExponent(source))
}
