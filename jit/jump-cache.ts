/** The jump cache as generated code sees it (runtime/memory-map.ts): which run a linear address and key lead to. */
import {
  HASH_MULTIPLIER, JUMP_CACHE_BASE, JUMP_CACHE_ENTRIES, JUMP_CACHE_ENTRY_BYTES, JumpCacheField, REGION_DESCRIPTORS_BASE,
} from '../runtime/memory-map.ts'
import { RegionDescriptor } from '../runtime/records.ts'
import type { Expression, Module } from './backends/value.ts'

/** Right shift of the hash that leaves an index times the bytes of an entry, with low bits to be cleared. */
const PLACE_SHIFT = 32 - Math.log2(JUMP_CACHE_ENTRIES * JUMP_CACHE_ENTRY_BYTES)

/**
 * Offset of the entry of a linear address in the jump cache. The address is hashed: functions begin at multiples of
 * 16, so its low bits alone would leave most entries unused.
 */
export function jumpCachePlace(m: Module, linear: Expression): Expression {
  const hashed = m.i32.mul(linear, m.i32.const(HASH_MULTIPLIER | 0))
  return m.i32.and(m.i32.shr_u(hashed, m.i32.const(PLACE_SHIFT)), m.i32.const(-JUMP_CACHE_ENTRY_BYTES))
}

/** A field of the entry at an offset. */
export function jumpCacheField(m: Module, field: JumpCacheField, place: Expression): Expression {
  return m.i32.load(JUMP_CACHE_BASE + field, 4, place)
}

/** Lets the entry at a place name a region, by its slot, whose descriptor is at an offset from the first. */
export function nameRegion(m: Module, place: () => Expression, slot: () => Expression, descriptor: Expression): Expression {
  const entry = m.i32.add(place(), m.i32.const(JUMP_CACHE_BASE))
  return m.block(null, [
    m.i32.store(JUMP_CACHE_BASE + JumpCacheField.Region, 4, place(), m.i32.add(slot(), m.i32.const(1))),
    m.i32.store(REGION_DESCRIPTORS_BASE + RegionDescriptor.JumpEntry, 4, descriptor, entry),
  ])
}

/** Makes the entry at an offset unknown: no mode has the key 0. */
export function forgetJump(m: Module, place: Expression): Expression {
  return m.i32.store(JUMP_CACHE_BASE + JumpCacheField.Key, 4, place, m.i32.const(0))
}

/** Whether the entry at an offset is that of a linear address under a key. */
export function isJumpKnown(m: Module, place: () => Expression, linear: Expression, key: Expression): Expression {
  return m.i32.and(
    m.i32.eq(jumpCacheField(m, JumpCacheField.Linear, place()), linear),
    m.i32.eq(jumpCacheField(m, JumpCacheField.Key, place()), key),
  )
}
