/**
 * 128-bit accesses by linear address, the slow path behind the TLB: page faults and device steps come before any byte
 * is written, as with smaller accesses (memory.ts). Masked stores, which write some of their bytes.
 *
 * Source: Intel SDM vol. 1, 11.4.4 (alignment); vol. 2, MASKMOVDQU.
 */
import { FORM_ADDRESS_MASK, SOURCE_SHIFT, VECTOR_GP } from '../../build/helpers/layout'
import { faulted, probeRead, probeWrite, raiseCode, read64, write64, write8 } from './memory'
import { segmentWrite } from './segments'

const BYTES: u32 = 16

/** Raises #GP(0) for a misaligned operand of an instruction that does not allow it. Returns true when raised. */
function misaligned(linear: u32): bool {
  if ((linear & (BYTES - 1)) == 0) return false
  raiseCode(VECTOR_GP, 0)
  return true
}

export function read128(linear: u32): v128 {
  probeRead(linear, BYTES)
  if (faulted()) return i64x2.splat(0)
  const low = read64(linear)
  const high = read64(linear + 8)
  return i64x2.replace_lane(i64x2.splat(low), 1, high)
}

export function write128(linear: u32, value: v128): void {
  probeWrite(linear, BYTES)
  if (faulted()) return
  write64(linear, i64x2.extract_lane(value, 0))
  if (!faulted()) write64(linear + 8, i64x2.extract_lane(value, 1))
}

export function read128Aligned(linear: u32): v128 {
  return misaligned(linear) ? i64x2.splat(0) : read128(linear)
}

export function write128Aligned(linear: u32, value: v128): void {
  if (!misaligned(linear)) write128(linear, value)
}

/**
 * MASKMOVQ, MASKMOVDQU: stores those of `bytes` bytes (8 or 16) at `offset` in `segment` whose mask byte has its top
 * bit set. The form's source is the mask, its destination slot the data.
 */
export function maskedStore(form: u32, segment: u32, offset: u32, bytes: u32): void {
  const data = (form >> 4) & FORM_ADDRESS_MASK
  const mask = (form >> SOURCE_SHIFT) & FORM_ADDRESS_MASK
  const linear = segmentWrite(segment, offset, bytes)
  if (faulted()) return
  // The whole operand must be writable, its bytes that are not stored among it.
  probeWrite(linear, bytes)
  for (let i: u32 = 0; i < bytes && !faulted(); i++)
    if ((load<u8>(mask + i) & 0x80) != 0) write8(linear + i, <u32>load<u8>(data + i))
}
