/**
 * `handleRecord` of core.wasm: how a region has the interpreter's general handler carry out an instruction that is not
 * lowered (Lowering.Handler and Transfer in regions/lowering-choice.ts).
 */
import binaryen from 'binaryen'
import { RecordField } from '../runtime/records.ts'
import { stateAddress, type StateName } from '../runtime/state.ts'
import { Outcome } from './backends/general-handler.ts'
import type { HelperNames } from './backends/handler.ts'
import type { Expression, Module } from './backends/value.ts'

/** The function's parameter and locals. */
const RECORD = 0
const OUTCOME = 1
const KEY = 2

/**
 * Adds and exports the function: it carries out the record at the address given, whose `Link` is the EIP delta. Gives
 * the handler's Outcome, or one more when it has written code and would go on. An instruction that ends a run counts as
 * one that does not when there is nothing to look after, and as a jump when it has gone elsewhere or changed the mode.
 * `firstGeneral` is the number of the first handler of `table`.
 */
export function addHandleRecord(m: Module, helperNames: HelperNames, firstGeneral: number, table: string): void {
  const local = (index: number): Expression => m.local.get(index, binaryen.i32)
  const constant = (value: number): Expression => m.i32.const(value)
  const state = (name: StateName): Expression => m.i32.load(stateAddress(name), 4, constant(0))
  const field = (offset: RecordField): Expression => m.i32.load16_u(offset, 2, local(RECORD))
  const isCalm = helperNames.get('isCalm')
  if (!isCalm) throw new Error('the helpers export no isCalm')
  const number = m.i32.sub(field(RecordField.Handler), constant(firstGeneral))
  const delta = () => m.i32.load(RecordField.Link, 4, local(RECORD))
  const types = binaryen.createType([binaryen.i32, binaryen.i32])
  const call = m.call_indirect(table, number, [local(RECORD), delta()], types, binaryen.i32)
  const isNext = m.i32.eq(state('eip'), m.i32.add(delta(), field(RecordField.Next)))
  const set = (value: number) => m.local.set(OUTCOME, constant(value))
  const goOn = m.if(m.i32.and(isNext, m.i32.eq(state('key'), local(KEY))), set(Outcome.Next), set(Outcome.Jump))
  const body = [
    m.i32.store(stateAddress('codeWritten'), 4, constant(0), constant(0)),
    m.local.set(KEY, state('key')),
    m.local.set(OUTCOME, call),
    m.if(m.i32.eq(local(OUTCOME), constant(Outcome.Dispatch)), m.if(m.call(isCalm, [], binaryen.i32), goOn)),
    m.if(m.i32.eqz(local(OUTCOME)), m.if(state('codeWritten'), set(Outcome.Dispatch + 1))),
    local(OUTCOME),
  ]
  const locals = [binaryen.i32, binaryen.i32]
  m.addFunction('handleRecord', binaryen.i32, binaryen.i32, locals, m.block(null, body, binaryen.i32))
  m.addFunctionExport('handleRecord', 'handleRecord')
}
