/** The ring of the last places where control came off the direct path (runtime/memory-map.ts), for crash reports. */
import binaryen from 'binaryen'
import { TRACE_RING_BASE, TRACE_RING_ENTRIES } from '../runtime/memory-map.ts'
import { stateAddress } from '../runtime/state.ts'
import type { Expression, Module } from './backends/value.ts'

const WORD_BYTES = 4

/** Writes an offset into the ring; `scratch` is a local for the place. */
export function noteInRing(m: Module, scratch: number, eip: Expression): Expression[] {
  const place = () => m.local.get(scratch, binaryen.i32)
  const next = m.i32.and(m.i32.add(place(), m.i32.const(WORD_BYTES)), m.i32.const((TRACE_RING_ENTRIES - 1) * WORD_BYTES))
  const cursor = stateAddress('traceCursor')
  return [
    m.local.set(scratch, m.i32.load(cursor, WORD_BYTES, m.i32.const(0))),
    m.i32.store(TRACE_RING_BASE, WORD_BYTES, place(), eip),
    m.i32.store(cursor, WORD_BYTES, m.i32.const(0), next),
  ]
}
