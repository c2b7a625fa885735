/**
 * The target profile (runtime/memory-map.ts): both back ends write where an indirect jump or call has gone, so that
 * a region can be compiled with the places in it. The writing is `noteTarget` in runtime/helpers/runs.ts.
 */
import {
  HASH_MULTIPLIER, TARGET_PROFILE_BASE, TARGET_PROFILE_ROW_BYTES, TARGET_PROFILE_ROWS,
} from '../../runtime/memory-map.ts'
import type { Expression, RegionModule } from './value.ts'

const WORD_BITS = 32

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
