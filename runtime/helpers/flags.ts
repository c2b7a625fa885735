/**
 * Working out lazy flags (the format is described in runtime/flags.ts): whole EFLAGS images, single flags and
 * the sixteen conditions.
 */
import {
  EFLAGS, EFLAGS_AF, EFLAGS_CF, EFLAGS_OF, EFLAGS_PF, EFLAGS_SF, EFLAGS_ZF, FLAG_CARRY, FLAG_KIND, FLAG_LEFT,
  FLAG_OPERATION_MASK, FLAG_OVERFLOW, FLAG_RESULT, FLAG_RIGHT, FLAG_SHIFT_POSITION, LAZY_ADC, LAZY_ADD, LAZY_AUX,
  LAZY_DEC, LAZY_EXPLICIT, LAZY_INC, LAZY_SBB, LAZY_SUB, OVERFLOW_OVERRIDE,
} from '../../build/helpers/layout'

/** The six flags that are lazy. */
const ARITHMETIC: u32 = EFLAGS_CF | EFLAGS_PF | EFLAGS_AF | EFLAGS_ZF | EFLAGS_SF | EFLAGS_OF
/** EFLAGS bit 1 always reads as 1. */
const ALWAYS_ONE: u32 = 2

// @ts-ignore: decorator
@inline
function operation(): u32 {
  return load<u32>(FLAG_KIND) & FLAG_OPERATION_MASK
}

/** The second operand, top-aligned: kept, or worked back from the result. */
function right(kind: u32): u32 {
  if (kind == LAZY_ADD) return load<u32>(FLAG_RESULT) - load<u32>(FLAG_LEFT)
  if (kind == LAZY_SUB) return load<u32>(FLAG_LEFT) - load<u32>(FLAG_RESULT)
  return load<u32>(FLAG_RIGHT)
}

/** CF as 0 or 1. */
export function getCarry(): u32 {
  return load<u32>(FLAG_CARRY)
}

/** ZF as 0 or 1. */
export function getZero(): u32 {
  return load<u32>(FLAG_RESULT) == 0 ? 1 : 0
}

/** SF as 0 or 1. */
export function getSign(): u32 {
  if (operation() == LAZY_EXPLICIT) return (load<u32>(FLAG_RIGHT) >> 7) & 1
  return load<u32>(FLAG_RESULT) >> 31
}

/** PF as 0 or 1. */
export function getParity(): u32 {
  const kind = load<u32>(FLAG_KIND)
  if ((kind & FLAG_OPERATION_MASK) == LAZY_EXPLICIT) return (load<u32>(FLAG_RIGHT) >> 2) & 1
  const byte = (load<u32>(FLAG_RESULT) >> (kind >> FLAG_SHIFT_POSITION)) & 0xff
  return ~popcnt(byte) & 1
}

/** AF as 0 or 1. */
export function getAuxiliary(): u32 {
  const word = load<u32>(FLAG_KIND)
  const kind = word & FLAG_OPERATION_MASK
  const shift = word >> FLAG_SHIFT_POSITION
  const result = load<u32>(FLAG_RESULT)
  if (kind == LAZY_ADD || kind == LAZY_SUB || kind == LAZY_ADC || kind == LAZY_SBB)
    return ((load<u32>(FLAG_LEFT) ^ right(kind) ^ result) >> (shift + 4)) & 1
  if (kind == LAZY_INC) return ((result >> shift) & 0xf) == 0 ? 1 : 0
  if (kind == LAZY_DEC) return ((result >> shift) & 0xf) == 0xf ? 1 : 0
  if (kind == LAZY_AUX || kind == LAZY_EXPLICIT) return (load<u32>(FLAG_RIGHT) >> 4) & 1
  return 0
}

/** OF as 0 or 1. */
export function getOverflow(): u32 {
  const word = load<u32>(FLAG_KIND)
  if ((word & OVERFLOW_OVERRIDE) != 0) return load<u32>(FLAG_OVERFLOW) & 1
  const kind = word & FLAG_OPERATION_MASK
  const result = load<u32>(FLAG_RESULT)
  const left = load<u32>(FLAG_LEFT)
  if (kind == LAZY_ADD || kind == LAZY_ADC) return ((left ^ result) & (right(kind) ^ result)) >> 31
  if (kind == LAZY_SUB || kind == LAZY_SBB) return ((left ^ right(kind)) & (left ^ result)) >> 31
  if (kind == LAZY_INC) return result == 0x80000000 ? 1 : 0
  if (kind == LAZY_DEC) {
    const shift = word >> FLAG_SHIFT_POSITION
    return result == (<u32>0x7fffffff >> shift) << shift ? 1 : 0
  }
  if (kind == LAZY_AUX || kind == LAZY_EXPLICIT) return (load<u32>(FLAG_RIGHT) >> 11) & 1
  return 0
}

/** The six arithmetic flags as an EFLAGS image. */
export function getArithmeticFlags(): u32 {
  return (
    getCarry() | (getParity() << 2) | (getAuxiliary() << 4) | (getZero() << 6) | (getSign() << 7) | (getOverflow() << 11)
  )
}

/** Sets the six arithmetic flags from an EFLAGS image, leaving the others. */
export function setArithmeticFlags(value: u32): void {
  store<u32>(FLAG_KIND, LAZY_EXPLICIT)
  store<u32>(FLAG_RIGHT, value & ARITHMETIC)
  store<u32>(FLAG_CARRY, value & EFLAGS_CF)
  store<u32>(FLAG_RESULT, (value & EFLAGS_ZF) != 0 ? 0 : (value & EFLAGS_SF) != 0 ? 0x80000000 : 1)
}

/** The whole EFLAGS image. */
export function getEflags(): u32 {
  return (load<u32>(EFLAGS) & ~ARITHMETIC) | ALWAYS_ONE | getArithmeticFlags()
}

/** Sets the whole EFLAGS image; the caller calls `updateMode` when VM changes. */
export function setEflags(value: u32): void {
  store<u32>(EFLAGS, (value & ~ARITHMETIC) | ALWAYS_ONE)
  setArithmeticFlags(value)
}

/** Condition code 0..15 (SDM vol. 1, appendix B) as 0 or 1. */
export function condition(code: i32): u32 {
  let value: u32 = 0
  switch (code >> 1) {
    case 0: value = getOverflow(); break
    case 1: value = getCarry(); break
    case 2: value = getZero(); break
    case 3: value = getCarry() | getZero(); break
    case 4: value = getSign(); break
    case 5: value = getParity(); break
    case 6: value = getSign() ^ getOverflow(); break
    default: value = (getSign() ^ getOverflow()) | getZero()
  }
  return value ^ (code & 1)
}
