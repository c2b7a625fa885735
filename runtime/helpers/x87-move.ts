/**
 * x87 loads, stores and stack management: FLD FILD FBLD FST FIST FISTTP FBSTP FXCH, constants, FFREE FINCSTP
 * FDECSTP.
 *
 * A store computes, then writes guest memory, then commits flags and pop, so a page fault leaves everything as it
 * was. An unmasked invalid, overflow or underflow suppresses store and pop (SDM vol. 1, 8.5).
 *
 * Source: Intel SDM vol. 2, the instructions named; vol. 1, 8.3.3, 8.3.4.
 */
import { FPR, FPU_CONTROL, FPU_STATUS, FPU_TAG, FPU_TOP, RESULT } from '../../build/helpers/layout'
import { faulted, probeWrite, write16, write64 } from './memory'
import * as core from './softfloat80'
import {
  BIAS, control, DENORMAL, exceptions, EXPONENT_MASK, INDEFINITE_SE, INDEFINITE_SIG, INVALID, isSignaling, OVERFLOW,
  PRECISION, QUIET_BIT, raiseException, resultSe, resultSig, ROUND_CHOP, ROUND_NEAREST, ROUND_UP, roundedUp, setResult,
  SIGN, UNDERFLOW,
} from './softfloat80'
import {
  loadDecimal, loadedDenormal, loadFloat32, loadFloat64, loadInteger, storeDecimal, storeFloat32, storeFloat64,
  storeInteger, storeTruncated, storedHigh, storedLow,
} from './softfloat80-convert'
import { recordInstruction, x87Record } from './x87-control'
import {
  C1_SHIFT, convertsOrdinarily, DOUBLE_EXPONENTS, DOUBLE_TO_EXTENDED, enterExact, float32Se, float32Sig, float64Se,
  float64Sig, isNormalFloat32, isNormalFloat64, nearestUp, PRECISION_SHIFT, SINGLE_EXPONENTS, SINGLE_TO_EXTENDED,
} from './x87-ordinary'
import {
  commit, isEmpty, physical, pop, push, registerAddress, setConditions, setRegister, setRegisterResult, signExponent,
  significand, stackOverflow, stackUnderflow, start, STATUS_C1,
} from './x87-state'

/** Bytes of an 80-bit operand in memory. */
const EXTENDED_BYTES: u32 = 10

/** Pushes the result, or the masked response to stack overflow. */
function pushResult(): void {
  if (!isEmpty(-1)) stackOverflow()
  if (commit()) push(resultSig, resultSe)
}

/** Pushes what a `loadFloat…` left: a signaling NaN is invalid and becomes quiet, a denormal is reported. */
function pushLoadedFloat(): void {
  start()
  if (isEmpty(-1)) {
    if (isSignaling(resultSig, resultSe)) {
      raiseException(INVALID)
      setResult(resultSig | QUIET_BIT, resultSe)
    } else if (loadedDenormal) {
      // Reported after the load: the value is pushed even when the exception is unmasked.
      raiseException(DENORMAL)
      commit()
      push(resultSig, resultSe)
      return
    }
  }
  pushResult()
}

/**
 * The ordinary case of a push: stores in the register before ST(0) and moves TOP there, if that register is free.
 * Nothing is rounded.
 */
// @ts-ignore: decorator
@inline
function pushOrdinary(sig: u64, se: u32): bool {
  const top = (load<u32>(FPU_TOP) - 1) & 7
  const tag = load<u32>(FPU_TAG)
  if (((tag >> top) & 1) != 0) return false
  const to = FPR + (top << 4)
  store<u64>(to, sig)
  store<u16>(to, <u16>se, 8)
  store<u32>(FPU_TAG, tag | (1 << top))
  store<u32>(FPU_TOP, top)
  enterExact()
  return true
}

/** FLD m32fp: `bits` at `segment:offset`. */
export function x87LoadFloat32(bits: u32, segment: u32, offset: u32): void {
  x87Record(segment, offset)
  if (isNormalFloat32(bits) && pushOrdinary(float32Sig(bits), float32Se(bits))) return
  if (bits << 1 == 0 && pushOrdinary(0, bits >> 16)) return
  loadFloat32(bits)
  pushLoadedFloat()
}

/** FLD m64fp: `bits` at `segment:offset`. */
export function x87LoadFloat64(bits: u64, segment: u32, offset: u32): void {
  x87Record(segment, offset)
  if (isNormalFloat64(bits) && pushOrdinary(float64Sig(bits), float64Se(bits))) return
  if (bits << 1 == 0 && pushOrdinary(0, <u32>(bits >> 48))) return
  loadFloat64(bits)
  pushLoadedFloat()
}

/** FLD m80fp at `segment:offset`: bit for bit. */
export function x87LoadExtended(sig: u64, se: u32, segment: u32, offset: u32): void {
  x87Record(segment, offset)
  if (pushOrdinary(sig, se)) return
  start()
  setResult(sig, se)
  pushResult()
}

/** FILD of the integer at `segment:offset`; m16int and m32int are sign-extended by the caller. */
export function x87LoadInteger(value: i64, segment: u32, offset: u32): void {
  x87Record(segment, offset)
  const sign = <u32>(value >> 63) & SIGN
  const magnitude = <u64>(value < 0 ? 0 - value : value)
  const count = clz(magnitude)
  // Zero has the exponent 0, any other integer that of its top bit.
  const exponent = (<u32>(BIAS + 63) - <u32>count) & (0 - <u32>(value != 0))
  if (pushOrdinary(magnitude << count, sign | exponent)) return
  start()
  loadInteger(value)
  pushResult()
}

/** FBLD m80bcd at `segment:offset`: 16 digits in `low`, two digits and the sign in `high`. */
export function x87LoadDecimal(low: u64, high: u32, segment: u32, offset: u32): void {
  x87Record(segment, offset)
  start()
  loadDecimal(low, high)
  pushResult()
}

/** FLD ST(i). */
export function x87LoadRegister(i: i32): void {
  recordInstruction()
  const from = registerAddress(i)
  if (!isEmpty(i) && pushOrdinary(load<u64>(from), <u32>load<u16>(from, 8))) return
  start()
  if (isEmpty(i)) {
    stackUnderflow()
    if (commit()) push(resultSig, resultSe)
    return
  }
  setResult(significand(i), signExponent(i))
  pushResult()
}

/** FLD1 FLDL2T FLDL2E FLDPI FLDLG2 FLDLN2 FLDZ: `index` 0..6 as in the opcode. Rounded by the rounding control. */
export function x87LoadConstant(index: i32): void {
  recordInstruction()
  const mode = (load<u32>(FPU_CONTROL) >> 10) & 3
  // log2(10) rounds down to nearest, the other four round up.
  const above: u64 = mode == ROUND_UP ? 1 : 0
  const below: u64 = mode == ROUND_NEAREST || mode == ROUND_UP ? 0 : 1
  let sig: u64 = 0
  let se: u32 = 0
  switch (index) {
    case 0:
      sig = 0x8000000000000000
      se = 0x3fff
      break
    case 1:
      sig = 0xd49a784bcd1b8afe + above
      se = 0x4000
      break
    case 2:
      sig = 0xb8aa3b295c17f0bc - below
      se = 0x3fff
      break
    case 3:
      sig = 0xc90fdaa22168c235 - below
      se = 0x4000
      break
    case 4:
      sig = 0x9a209a84fbcff799 - below
      se = 0x3ffd
      break
    case 5:
      sig = 0xb17217f7d1cf79ac - below
      se = 0x3ffe
      break
    default:
  }
  if (pushOrdinary(sig, se)) return
  start()
  setResult(sig, se)
  pushResult()
}

/** FST ST(i), FSTP ST(i). */
export function x87StoreRegister(i: i32, pops: i32): void {
  recordInstruction()
  if (!isEmpty(0)) {
    setRegister(i, significand(0), signExponent(0))
    enterExact()
    pop(pops)
    return
  }
  start()
  stackUnderflow()
  if (!commit()) return
  setRegisterResult(i)
  pop(pops)
}

/** FXCH ST(i). Empty registers are filled with the indefinite first. */
export function x87Exchange(i: i32): void {
  recordInstruction()
  const emptyTop = isEmpty(0)
  const emptyOther = isEmpty(i)
  if (emptyTop || emptyOther) {
    start()
    stackUnderflow()
    if (!commit()) return
    if (emptyTop) setRegister(0, INDEFINITE_SIG, INDEFINITE_SE)
    if (emptyOther) setRegister(i, INDEFINITE_SIG, INDEFINITE_SE)
  } else {
    enterExact()
  }
  const top = registerAddress(0)
  const other = registerAddress(i)
  const sig = load<u64>(top)
  const se = load<u16>(top, 8)
  store<u64>(top, load<u64>(other))
  store<u16>(top, load<u16>(other, 8), 8)
  store<u64>(other, sig)
  store<u16>(other, se, 8)
}

/** FFREE ST(i), then pops (FFREEP). */
export function x87Free(i: i32, pops: i32): void {
  store<u32>(FPU_TAG, load<u32>(FPU_TAG) & ~(1 << physical(i)))
  setConditions(STATUS_C1, 0)
  pop(pops)
}

/** FINCSTP (1) and FDECSTP (-1): moves TOP alone. */
export function x87RotateStack(step: i32): void {
  store<u32>(FPU_TOP, (load<u32>(FPU_TOP) + <u32>step) & 7)
  setConditions(STATUS_C1, 0)
}

/** True when an unmasked exception of the computed store keeps memory as it was. */
function storeSuppressed(): bool {
  return (exceptions & ~control & (INVALID | OVERFLOW | UNDERFLOW)) != 0
}

/** Tells the definition, in `RESULT`, whether to write what was computed. */
function reportStore(): void {
  store<u32>(RESULT, storeSuppressed() ? 0 : 1)
}

/**
 * Ends a store at `segment:offset`: commits the flags, then pops `pops` times unless the store was suppressed. The
 * definition calls a `x87Prepare…`, writes memory if `RESULT` is nonzero (which may fault), then calls this.
 */
export function x87CommitStore(pops: i32, segment: u32, offset: u32): void {
  x87Record(segment, offset)
  commitStore(pops)
}

function commitStore(pops: i32): void {
  if ((exceptions & ~control) == 0) {
    store<u32>(FPU_STATUS, (load<u32>(FPU_STATUS) & ~STATUS_C1) | exceptions | roundedUp)
    pop(pops)
    return
  }
  const suppressed = storeSuppressed()
  commit()
  if (!suppressed) pop(pops)
}

/** Leaves a store that lost `rest` and rounded `up` (1 or 0) to `x87CommitStore`. */
// @ts-ignore: decorator
@inline
function prepareOrdinary(rest: u64, up: u64): void {
  start()
  core.exceptions = <u32>(rest != 0) << PRECISION_SHIFT
  core.roundedUp = <u32>up << C1_SHIFT
  store<u32>(RESULT, 1)
}

/** Bits that an empty ST(0) stores: the indefinite of each format. */
const INDEFINITE_FLOAT32: u32 = 0xffc00000
const INDEFINITE_FLOAT64: u64 = 0xfff8000000000000
const INDEFINITE_DECIMAL: u64 = 0xc000000000000000
const INDEFINITE_DECIMAL_HIGH: u32 = 0xffff

/** Computes FST m32fp. Returns the bits. */
export function x87PrepareFloat32(): u32 {
  const ordinarySig = significand(0)
  const ordinarySe = signExponent(0)
  const exponent = (ordinarySe & EXPONENT_MASK) - SINGLE_TO_EXTENDED
  if (convertsOrdinarily() && !isEmpty(0) && <i64>ordinarySig < 0 && exponent - 1 < SINGLE_EXPONENTS) {
    const whole = ordinarySig >> 40
    const rest = ordinarySig << 24
    const up = nearestUp(whole, rest)
    prepareOrdinary(rest, up)
    // The integer bit, and a carry out of rounding, add to the exponent.
    return ((ordinarySe & SIGN) << 16) + ((exponent - 1) << 23) + <u32>(whole + up)
  }
  start()
  let bits = INDEFINITE_FLOAT32
  if (isEmpty(0)) {
    stackUnderflow()
  } else {
    storeFloat32(significand(0), signExponent(0))
    bits = <u32>storedLow
  }
  reportStore()
  return bits
}

/** Computes FST m64fp. Returns the bits. */
export function x87PrepareFloat64(): u64 {
  const ordinarySig = significand(0)
  const ordinarySe = signExponent(0)
  const exponent = (ordinarySe & EXPONENT_MASK) - DOUBLE_TO_EXTENDED
  if (convertsOrdinarily() && !isEmpty(0) && <i64>ordinarySig < 0 && exponent - 1 < DOUBLE_EXPONENTS) {
    const whole = ordinarySig >> 11
    const rest = ordinarySig << 53
    const up = nearestUp(whole, rest)
    prepareOrdinary(rest, up)
    // The integer bit, and a carry out of rounding, add to the exponent.
    return (<u64>(ordinarySe & SIGN) << 48) + (<u64>(exponent - 1) << 52) + whole + up
  }
  start()
  let bits = INDEFINITE_FLOAT64
  if (isEmpty(0)) {
    stackUnderflow()
  } else {
    storeFloat64(significand(0), signExponent(0))
    bits = storedLow
  }
  reportStore()
  return bits
}

/** Whether a conversion to an integer rounds to nearest or truncates, with the precision exception masked. */
// @ts-ignore: decorator
@inline
function convertsWhole(truncate: i32): bool {
  const control = load<u32>(FPU_CONTROL)
  const mode = (control >> 10) & 3
  return (control & PRECISION) != 0 && (truncate != 0 || mode == ROUND_NEAREST || mode == ROUND_CHOP)
}

/** Whether FISTTP or the rounding control, which is nearest otherwise, truncates. */
// @ts-ignore: decorator
@inline
function truncates(truncate: i32): bool {
  return truncate != 0 || (load<u32>(FPU_CONTROL) & (ROUND_CHOP << 10)) != 0
}

/** Computes FIST, or FISTTP when `truncate`, for an integer of `bits` (16, 32, 64). Returns it, zero-extended. */
export function x87PrepareInteger(bits: i32, truncate: i32): u64 {
  const ordinarySig = significand(0)
  const ordinarySe = signExponent(0)
  // Bits behind the point, less one: the point itself is never below the lowest bit.
  const fraction = <u32>(BIAS + 62) - (ordinarySe & EXPONENT_MASK)
  if (convertsWhole(truncate) && !isEmpty(0) && <i64>ordinarySig < 0 && fraction < 63) {
    const rest = ordinarySig << (63 - fraction)
    let whole = (ordinarySig >> 1) >> fraction
    const up = truncates(truncate) ? 0 : nearestUp(whole, rest)
    whole += up
    if (whole < (<u64>1 << (bits - 1))) {
      prepareOrdinary(rest, up)
      const sign: u64 = 0 - <u64>(ordinarySe >> 15)
      return ((whole ^ sign) - sign) & (<u64>-1 >> (64 - bits))
    }
  }
  start()
  let value: u64 = (<u64>1) << (bits - 1)
  if (isEmpty(0)) {
    stackUnderflow()
  } else {
    if (truncate != 0) storeTruncated(significand(0), signExponent(0), bits)
    else storeInteger(significand(0), signExponent(0), bits)
    value = storedLow
  }
  reportStore()
  return value
}

/** FSTP m80fp to `linear`: bit for bit, no exception but stack underflow. */
export function x87StoreExtended(linear: u32): void {
  start()
  let sig = INDEFINITE_SIG
  let se = INDEFINITE_SE
  if (isEmpty(0)) {
    stackUnderflow()
  } else {
    sig = significand(0)
    se = signExponent(0)
  }
  if (!writeTen(linear, sig, se)) return
  commitStore(1)
}

/** FBSTP m80bcd to `linear`. */
export function x87StoreDecimal(linear: u32): void {
  start()
  let low = INDEFINITE_DECIMAL
  let high = INDEFINITE_DECIMAL_HIGH
  if (isEmpty(0)) {
    stackUnderflow()
  } else {
    storeDecimal(significand(0), signExponent(0))
    low = storedLow
    high = storedHigh
  }
  if (!writeTen(linear, low, high)) return
  commitStore(1)
}

/** Writes ten bytes, or none when an unmasked exception suppresses the store; false when the access faults. */
function writeTen(linear: u32, low: u64, high: u32): bool {
  probeWrite(linear, EXTENDED_BYTES)
  if (faulted()) return false
  if (storeSuppressed()) return true
  write64(linear, low)
  write16(linear + 8, high)
  return !faulted()
}
