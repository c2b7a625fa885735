/**
 * The target profile (runtime/memory-map.ts): both back ends write where an indirect jump or call has gone, so that
 * a region can be compiled with the places in it.
 */
import {
  HASH_MULTIPLIER, TARGET_PROFILE_BASE, TARGET_PROFILE_FIRST, TARGET_PROFILE_ROW_BYTES, TARGET_PROFILE_ROWS,
} from '../../runtime/memory-map.ts'
import type { Expression, RegionModule } from './value.ts'

const WORD_SHIFT = 2
const WORD_BITS = 32
const HALF_BITS = 16
/** Targets that a row may hold. */
export const MOST_TARGETS = (TARGET_PROFILE_ROW_BYTES - TARGET_PROFILE_FIRST) >> WORD_SHIFT

/** Address of the row of the site at `eip`. */
export function targetProfileRow(m: RegionModule, eip: Expression): Expression {
  const hashed = m.i32.shr_u(
    m.i32.mul(eip, m.i32.const(HASH_MULTIPLIER | 0)), m.i32.const(WORD_BITS - Math.log2(TARGET_PROFILE_ROWS)),
  )
  return m.i32.add(
    m.i32.mul(hashed, m.i32.const(TARGET_PROFILE_ROW_BYTES)), m.i32.const(TARGET_PROFILE_BASE),
  )
}

/** The same, known when compiling. */
export function targetProfileRowOf(eip: number): number {
  const hashed = Math.imul(eip, HASH_MULTIPLIER | 0) >>> (WORD_BITS - Math.log2(TARGET_PROFILE_ROWS))
  return TARGET_PROFILE_BASE + hashed * TARGET_PROFILE_ROW_BYTES
}

/** Stores a target in a row. Two targets of one hash replace each other. */
export function noteTarget(m: RegionModule, row: Expression, target: () => Expression): Expression {
  const hashed = m.i32.shr_u(m.i32.mul(target(), m.i32.const(HASH_MULTIPLIER | 0)), m.i32.const(HALF_BITS))
  const word = m.i32.shr_u(m.i32.mul(hashed, m.i32.const(MOST_TARGETS)), m.i32.const(HALF_BITS))
  const address = m.i32.add(row, m.i32.shl(word, m.i32.const(WORD_SHIFT)))
  return m.i32.store(TARGET_PROFILE_FIRST, 4, address, target())
}
