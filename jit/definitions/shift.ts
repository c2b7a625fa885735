/**
 * Shifts, rotates and double shifts (SDM vol. 2, "SAL/SAR/SHL/SHR", "RCL/RCR/ROL/ROR", "SHLD", "SHRD").
 * Counts are masked to 5 bits. A count of zero changes no flag; the store to the destination still happens.
 * OF for counts above 1 is undefined; it is set by a formula that covers 1, and AF, always undefined, is set: both as
 * AMD parts do.
 */
import { Lazy } from '../../runtime/flags.ts'
import { Eflags } from '../../runtime/state.ts'
import type { Builder, Definition, Value } from './builder.ts'

const OF_POSITION = Math.log2(Eflags.OF)

/** Counts are taken modulo 32 for 8-, 16- and 32-bit operands, modulo 64 for 64-bit ones. */
function readCount(b: Builder, size: number): Value {
  return b.and(b.read(1), size === 64 ? 63 : 31)
}

/** The EFLAGS image behind a shift: OF from 0 or 1, and AF. */
function shiftImage(b: Builder, overflow: Value): Value {
  return b.or(b.shl(overflow, OF_POSITION), Eflags.AF)
}

/** Whether the upper two bits differ, as 0 or 1. */
function topBitsDiffer(b: Builder, result: Value, size: number): Value {
  return b.xor(b.signBit(result, size), b.signBit(b.shl(result, 1), size))
}

/**
 * A shift: `shifted` gives the result and `carryOf` CF for a count of 1..31 (1..63 for 64-bit operands) from the
 * zero-extended operand; `overflow` gives OF. Both are worked out apart, so that CF costs nothing where it is dead.
 */
function shift(
  shifted: (b: Builder, left: Value, count: Value, size: number) => Value,
  carryOf: (b: Builder, left: Value, count: Value, size: number) => Value,
  overflow: (b: Builder, result: Value, carry: Value, size: number) => Value,
): Definition {
  return b => {
    const size = b.sizeOf(0)
    const masked = readCount(b, size)
    const left = b.readForModify(0)
    const count = size === 64 ? b.widenU(masked) : masked
    const result = b.truncate(shifted(b, left, count, size), size)
    b.writeModified(0, result)
    b.if(masked, () => {
      const bit = b.and(carryOf(b, left, count, size), 1)
      const carry = size === 64 ? b.wrap(bit) : bit
      const image = shiftImage(b, overflow(b, result, carry, size))
      b.setFlags(Lazy.Aux, size, result, undefined, image, carry)
    })
  }
}

/** SHL/SAL r/m, count    dst := dst << count. Sets OSZPC. */
const shl = shift(
  (b, left, count) => b.shl(left, count),
  // A narrow operand has room above it for the bit shifted out last; none is left behind counts that exceed it.
  (b, left, count, size) => (size < 32 ? b.shr(b.shl(left, count), size) : b.shr(left, b.sub(size, count))),
  (b, result, carry, size) => b.xor(b.signBit(result, size), carry),
)

/** SHR r/m, count    dst := dst >> count, unsigned. Sets OSZPC. */
const shr = shift(
  (b, left, count) => b.shr(left, count),
  (b, left, count) => b.shr(left, b.sub(count, 1)),
  (b, result, _carry, size) => topBitsDiffer(b, result, size),
)

/** SAR r/m, count    dst := dst >> count, signed. Sets OSZPC. */
const sar = shift(
  (b, left, count, size) => b.sar(b.signExtend(left, size), count),
  (b, left, count, size) => b.sar(b.signExtend(left, size), b.sub(count, 1)),
  b => b.constant(0),
)

/** Rotates set CF and OF alone, and only when the masked count is not zero. */
function rotate(
  rotated: (b: Builder, left: Value, count: Value, size: number) => Value,
  carryOf: (b: Builder, result: Value, size: number) => Value,
  overflow: (b: Builder, result: Value, carry: Value, size: number) => Value,
): Definition {
  return b => {
    const size = b.sizeOf(0)
    const count = readCount(b, size)
    const left = b.readForModify(0)
    const result = rotated(b, left, count, size)
    b.writeModified(0, result)
    b.if(count, () => {
      const carry = carryOf(b, result, size)
      b.setOverflow(overflow(b, result, carry, size))
      b.setCarry(carry)
    })
  }
}

/** A narrow operand repeated until it fills 32 bits, so that a 32-bit rotate does the work. */
function repeated(b: Builder, left: Value, size: number): Value {
  if (size === 8) return b.mul(left, 0x01010101)
  if (size === 16) return b.mul(left, 0x00010001)
  return left
}

/** ROL r/m, count    Sets OC. */
const rol = rotate(
  (b, left, count, size) => b.truncate(b.rotl(repeated(b, left, size), count), size),
  (b, result) => b.and(result, 1),
  (b, result, carry, size) => b.xor(b.signBit(result, size), carry),
)

/** ROR r/m, count    Sets OC. */
const ror = rotate(
  (b, left, count, size) => b.truncate(b.rotr(repeated(b, left, size), count), size),
  (b, result, size) => b.signBit(result, size),
  (b, result, _carry, size) => topBitsDiffer(b, result, size),
)

/**
 * RCL and RCR rotate through CF: a (size + 1)-bit rotate, done in i64 on CF:dst. The count is further taken modulo
 * size + 1 for 8- and 16-bit operands (SDM: "masked to 5 bits, then MOD 9 / MOD 17").
 */
function rotateThroughCarry(left: boolean): Definition {
  return b => {
    const size = b.sizeOf(0)
    const masked = readCount(b, size)
    const count = b.widenU(size < 32 ? b.remU(masked, size + 1) : masked)
    const operand = b.readForModify(0)
    const carryIn = b.carry()
    const wide = b.or(b.widenU(operand), b.shl(b.widenU(carryIn), size))
    const width = size + 1
    const up = left ? count : b.sub(width, count)
    const down = left ? b.sub(width, count) : count
    // size + 1 <= 33 and the counts sum to it, so nothing is lost above bit 63 that belongs to the result:
    // the part shifted up is cut to `width` bits below.
    const mixed = b.or(b.shl(wide, up), b.shr(wide, down))
    const result = b.truncate(b.wrap(mixed), size)
    const carry = b.wrap(b.and(b.shr(mixed, size), 1))
    b.writeModified(0, result)
    b.if(masked, () => {
      const overflow = left
        ? b.xor(b.signBit(result, size), carry)
        : topBitsDiffer(b, result, size)
      b.setOverflow(overflow)
      b.setCarry(carry)
    })
  }
}

/** RCL r/m, count    Sets OC. */
const rcl = rotateThroughCarry(true)

/** RCR r/m, count    Sets OC. */
const rcr = rotateThroughCarry(false)

/**
 * Double shifts, in i64 on the two operands side by side. For 16-bit operands and counts above 16 the result is
 * undefined; a third copy of the first operand is shifted in, as P6 parts do.
 */
function doubleShift(left: boolean): Definition {
  return b => {
    const size = b.sizeOf(0)
    const count = b.and(b.read(2), 31)
    const source = b.widenU(b.read(1))
    const destination = b.readForModify(0)
    const wide = b.widenU(destination)
    const wideCount = b.widenU(count)
    let result: Value
    let carry: Value
    if (left) {
      // 32: dst:src; 16: dst:src:dst. The bits above `size` of the shifted value hold the bit shifted out last.
      const joined =
        size === 16
          ? b.or(b.or(b.shl(wide, 32), b.shl(source, 16)), wide)
          : b.or(b.shl(wide, 32), source)
      // One place down first: bit 63 must not be lost before CF is read.
      const below = b.shl(b.shr(joined, 1), wideCount)
      result = b.truncate(b.wrap(b.shr(below, 31)), size)
      carry = b.wrap(b.and(b.shr(below, 31 + size), 1))
    } else {
      const joined =
        size === 16
          ? b.or(b.or(b.shl(wide, 32), b.shl(source, 16)), wide)
          : b.or(b.shl(source, 32), wide)
      const lastOut = b.shr(joined, b.and(b.sub(wideCount, 1), 63))
      result = b.truncate(b.wrap(b.shr(joined, wideCount)), size)
      carry = b.wrap(b.and(lastOut, 1))
    }
    b.writeModified(0, result)
    b.if(count, () => {
      const overflow = left ? b.xor(b.signBit(result, size), carry) : topBitsDiffer(b, result, size)
      b.setFlags(Lazy.Aux, size, result, undefined, shiftImage(b, overflow), carry)
    })
  }
}

/** SHLD r/m, r, count    dst := high part of dst:src << count. Sets OSZPC. */
const shld = doubleShift(true)

/** SHRD r/m, r, count    dst := low part of src:dst >> count. Sets OSZPC. */
const shrd = doubleShift(false)

export const shifts: Readonly<Record<string, Definition>> = { shl, shr, sar, rol, ror, rcl, rcr, shld, shrd }
