/**
 * What the code of the interpreter's function is written with: its fixed locals and labels, and expressions for state,
 * records and helpers.
 */
import binaryen from 'binaryen'
import { RECORD_BYTES } from '../runtime/memory-map.ts'
import { RecordField, type RunHeader } from '../runtime/records.ts'
import { Segment, stateAddress, type StateName } from '../runtime/state.ts'
import type { HelperNames } from './backends/handler.ts'
import type { HotFrame } from './backends/hot-handler.ts'
import type { Expression, Module } from './backends/value.ts'

export const frame: HotFrame = {
  record: 0, eipDelta: 1, remaining: 2, tlb: 3, target: 4, linkFrom: 5,
  next: 'next', fault: 'fault', linked: 'linked', indirect: 'indirect', dispatch: 'dispatch',
}
/** More fixed locals of `run`, then the scratch locals. */
export const SCRATCH_LOCAL = 6
/** RegionOutcome of the region left last, until its instruction is found; None of them for the rest of the time. */
export const OUTCOME_LOCAL = 7
/** Whether `run` has executed something: what it begins with may just have been reported as hot. */
export const UNDER_WAY_LOCAL = 8

export abstract class InterpreterExpressions {
  protected readonly m: Module
  protected readonly helperNames: HelperNames

  constructor(m: Module, helperNames: HelperNames) {
    this.m = m
    this.helperNames = helperNames
  }

  protected local(index: number): Expression { return this.m.local.get(index, binaryen.i32) }
  protected constant(value: number): Expression { return this.m.i32.const(value) }
  protected state(name: StateName, index = 0): Expression {
    return this.m.i32.load(stateAddress(name, index), 4, this.constant(0))
  }
  protected setState(name: StateName, value: Expression): Expression {
    return this.m.i32.store(stateAddress(name), 4, this.constant(0), value)
  }
  protected helper(name: string, args: Expression[], result: binaryen.Type): Expression {
    const internal = this.helperNames.get(name)
    if (!internal) throw new Error(`the helpers export no ${name}`)
    return this.m.call(internal, args, result)
  }
  protected recordField(field: RecordField, record = this.local(frame.record)): Expression {
    if (field === RecordField.Ordinal || field === RecordField.Length || field === RecordField.Flags)
      return this.m.i32.load8_u(field, 1, record)
    return this.m.i32.load16_u(field, 2, record)
  }
  /** A field of the header in front of `record`, a run's first. */
  protected header(field: RunHeader): Expression {
    return this.m.i32.load(field, 4, this.m.i32.sub(this.local(frame.record), this.constant(RECORD_BYTES)))
  }
  protected countDown(by: Expression): Expression {
    return this.m.local.set(frame.remaining, this.m.i32.sub(this.local(frame.remaining), by))
  }
  protected currentEip(): Expression {
    return this.m.i32.add(this.local(frame.eipDelta), this.recordField(RecordField.Offset))
  }
  /** An offset in CS as a linear address. */
  protected linear(offset: Expression): Expression {
    return this.m.i32.add(offset, this.state('segmentBase', Segment.Cs))
  }
}
