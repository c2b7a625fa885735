/**
 * x87 loads, stores and stack management: FLD FILD FBLD FST FIST FISTTP FBSTP FXCH, constants, FFREE FINCSTP
 * FDECSTP.
 *
 * A store computes, then writes guest memory, then commits flags and pop, so a page fault leaves everything as it
 * was. An unmasked invalid, overflow or underflow suppresses store and pop (SDM vol. 1, 8.5).
 *
 * Source: Intel SDM vol. 2, the instructions named; vol. 1, 8.3.3, 8.3.4.
 */
import { FPU_CONTROL, FPU_TAG, FPU_TOP, RESULT } from '../../build/helpers/layout'
import { faulted, probeWrite, write16, write64 } from './memory'
import {
  control, DENORMAL, exceptions, INDEFINITE_SE, INDEFINITE_SIG, INVALID, isSignaling, OVERFLOW, QUIET_BIT,
  raiseException, resultSe, resultSig, ROUND_NEAREST, ROUND_UP, setResult, UNDERFLOW,
} from './softfloat80'
import {
  loadDecimal, loadedDenormal, loadFloat32, loadFloat64, loadInteger, storeDecimal, storeFloat32, storeFloat64,
  storeInteger, storeTruncated, storedHigh, storedLow,
} from './softfloat80-convert'
import {
  commit, isEmpty, physical, pop, push, setConditions, setRegister, setRegisterResult, signExponent, significand,
  stackOverflow, stackUnderflow, start, STATUS_C1,
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

/** FLD m32fp. */
export function x87LoadFloat32(bits: u32): void {
  loadFloat32(bits)
  pushLoadedFloat()
}

/** FLD m64fp. */
export function x87LoadFloat64(bits: u64): void {
  loadFloat64(bits)
  pushLoadedFloat()
}

/** FLD m80fp: bit for bit. */
export function x87LoadExtended(sig: u64, se: u32): void {
  start()
  setResult(sig, se)
  pushResult()
}

/** FILD; m16int and m32int are sign-extended by the caller. */
export function x87LoadInteger(value: i64): void {
  start()
  loadInteger(value)
  pushResult()
}

/** FBLD m80bcd: 16 digits in `low`, two digits and the sign in `high`. */
export function x87LoadDecimal(low: u64, high: u32): void {
  start()
  loadDecimal(low, high)
  pushResult()
}

/** FLD ST(i). */
export function x87LoadRegister(i: i32): void {
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
  start()
  const mode = (load<u32>(FPU_CONTROL) >> 10) & 3
  // log2(10) rounds down to nearest, the other four round up.
  const above: u64 = mode == ROUND_UP ? 1 : 0
  const below: u64 = mode == ROUND_NEAREST || mode == ROUND_UP ? 0 : 1
  switch (index) {
    case 0:
      setResult(0x8000000000000000, 0x3fff)
      break
    case 1:
      setResult(0xd49a784bcd1b8afe + above, 0x4000)
      break
    case 2:
      setResult(0xb8aa3b295c17f0bc - below, 0x3fff)
      break
    case 3:
      setResult(0xc90fdaa22168c235 - below, 0x4000)
      break
    case 4:
      setResult(0x9a209a84fbcff799 - below, 0x3ffd)
      break
    case 5:
      setResult(0xb17217f7d1cf79ac - below, 0x3ffe)
      break
    default:
      setResult(0, 0)
  }
  pushResult()
}

/** FST ST(i), FSTP ST(i). */
export function x87StoreRegister(i: i32, pops: i32): void {
  start()
  if (isEmpty(0)) stackUnderflow()
  else setResult(significand(0), signExponent(0))
  if (!commit()) return
  setRegisterResult(i)
  pop(pops)
}

/** FXCH ST(i). Empty registers are filled with the indefinite first. */
export function x87Exchange(i: i32): void {
  start()
  const emptyTop = isEmpty(0)
  const emptyOther = isEmpty(i)
  if (emptyTop || emptyOther) stackUnderflow()
  if (!commit()) return
  const topSig = emptyTop ? INDEFINITE_SIG : significand(0)
  const topSe = emptyTop ? INDEFINITE_SE : signExponent(0)
  setRegister(0, emptyOther ? INDEFINITE_SIG : significand(i), emptyOther ? INDEFINITE_SE : signExponent(i))
  setRegister(i, topSig, topSe)
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
 * Ends a store: commits the flags, then pops `pops` times unless the store was suppressed. The definition calls a
 * `x87Prepare…`, writes memory if `RESULT` is nonzero (which may fault), then calls this.
 */
export function x87CommitStore(pops: i32): void {
  const suppressed = storeSuppressed()
  commit()
  if (!suppressed) pop(pops)
}

/** Bits that an empty ST(0) stores: the indefinite of each format. */
const INDEFINITE_FLOAT32: u32 = 0xffc00000
const INDEFINITE_FLOAT64: u64 = 0xfff8000000000000
const INDEFINITE_DECIMAL: u64 = 0xc000000000000000
const INDEFINITE_DECIMAL_HIGH: u32 = 0xffff

/** Computes FST m32fp. Returns the bits. */
export function x87PrepareFloat32(): u32 {
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

/** Computes FIST, or FISTTP when `truncate`, for an integer of `bits` (16, 32, 64). Returns it, zero-extended. */
export function x87PrepareInteger(bits: i32, truncate: i32): u64 {
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
  if (!storeSuppressed() && !writeTen(linear, sig, se)) return
  x87CommitStore(1)
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
  if (!storeSuppressed() && !writeTen(linear, low, high)) return
  x87CommitStore(1)
}

/** Writes ten bytes or none; false when the access faults. */
function writeTen(linear: u32, low: u64, high: u32): bool {
  probeWrite(linear, EXTENDED_BYTES)
  if (faulted()) return false
  write64(linear, low)
  write16(linear + 8, high)
  return !faulted()
}
