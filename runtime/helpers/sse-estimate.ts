/**
 * RCPPS, RSQRTPS: estimates with a relative error below 1.5 * 2^-12, those of a real CPU (sse-estimate-tables.ts).
 * Neither looks at MXCSR nor sets a flag: denormals count as zeros, and tiny results are zeros. Source: Intel SDM
 * vol. 2, RCPPS, RSQRTPS.
 */
import {
  RECIPROCALS, RECIPROCALS_FIRST, ROOTS_OF_EVEN, ROOTS_OF_EVEN_FIRST, ROOTS_OF_ODD, ROOTS_OF_ODD_FIRST,
} from './sse-estimate-tables'
import { indefinite, infinity, isDenormal, isInfinity, isNaNBits, isZeroBits, quietBit, signBit } from './sse-float'

const FRACTION: u32 = 0x007fffff
const FRACTION_BITS: u32 = 23
const BIAS: i32 = 127
/** Bits of an operand below those that count, and of a result below its last. */
const OPERAND_SHIFT: u32 = 11
const RESULT_SHIFT: u32 = 11
const HALF: u32 = 0x3f000000

/** Operands between two places of a table that an index holds. */
const INDEX_SHIFT: u32 = 6
const INDEX_ENTRIES: u32 = 64
const INDEX_BYTES: u32 = INDEX_ENTRIES << 1
/** For each table: how many bits stand in front of every 64th operand's. */
const indices = memory.data(384)
let ready = false

/** Bits of `table` up to the end of `zeros` zeros, from bit `from` on. */
function afterZeros(table: usize, from: u32, zeros: u32): u32 {
  let at = from
  for (let left = zeros; left != 0; at++) left -= ((<u32>load<u8>(table + (at >> 3)) >> (at & 7)) & 1) ^ 1
  return at
}

function prepareTable(table: usize, index: usize): void {
  let at: u32 = 0
  for (let i: u32 = 0; i < INDEX_ENTRIES; i++) {
    store<u16>(index + (i << 1), <u16>at)
    at = afterZeros(table, at, 1 << INDEX_SHIFT)
  }
}

function prepare(): void {
  if (ready) return
  ready = true
  prepareTable(RECIPROCALS, indices)
  prepareTable(ROOTS_OF_ODD, indices + INDEX_BYTES)
  prepareTable(ROOTS_OF_EVEN, indices + 2 * INDEX_BYTES)
}

/** The estimate, from one half to one, for the fraction of an operand. */
function look(table: usize, index: usize, first: u32, fraction: u32): u32 {
  prepare()
  const operand = fraction >> OPERAND_SHIFT
  const near = load<u16>(index + ((operand >> INDEX_SHIFT) << 1))
  // All bits in front of the operand's own zero that are no zeros are steps down.
  const end = afterZeros(table, near, (operand & ((1 << INDEX_SHIFT) - 1)) + 1)
  return HALF + ((first - (end - operand - 1)) << RESULT_SHIFT)
}

function isZeroHere(bits: u64): bool {
  return isZeroBits(bits, false) || isDenormal(bits, false)
}

/** RCPSS. */
export function reciprocal(bits: u32): u64 {
  const sign = bits & <u32>signBit(false)
  if (isNaNBits(bits, false)) return bits | quietBit(false)
  if (isZeroHere(bits)) return sign | infinity(false)
  if (isInfinity(bits, false)) return sign
  const exponent = <i32>((bits & ~sign) >> FRACTION_BITS) - BIAS
  const estimate = look(RECIPROCALS, indices, RECIPROCALS_FIRST, bits & FRACTION)
  const field = <i32>(estimate >> FRACTION_BITS) - exponent
  return field < 1 ? sign : sign | (<u32>field << FRACTION_BITS) | (estimate & FRACTION)
}

/** RSQRTSS. */
export function reciprocalSquareRoot(bits: u32): u64 {
  const sign = bits & <u32>signBit(false)
  if (isNaNBits(bits, false)) return bits | quietBit(false)
  if (isZeroHere(bits)) return sign | infinity(false)
  if (sign != 0) return indefinite(false)
  if (isInfinity(bits, false)) return 0
  const exponent = <i32>(bits >> FRACTION_BITS) - BIAS
  const estimate =
    (exponent & 1) != 0
      ? look(ROOTS_OF_ODD, indices + INDEX_BYTES, ROOTS_OF_ODD_FIRST, bits & FRACTION)
      : look(ROOTS_OF_EVEN, indices + 2 * INDEX_BYTES, ROOTS_OF_EVEN_FIRST, bits & FRACTION)
  return estimate - (<u32>(exponent >> 1) << FRACTION_BITS)
}
