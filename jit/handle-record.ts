/**
 * `handleRecord` of core.wasm: how a region has the interpreter's general handler carry out an instruction that is not
 * lowered (Lowering.Handler and Transfer in regions/lowering-choice.ts).
 */
import binaryen from 'binaryen'
import { RecordField } from '../runtime/records.ts'
import { Outcome } from './backends/general-handler.ts'
import type { HelperNames } from './backends/handler.ts'
import type { Module } from './backends/value.ts'
import { InterpreterExpressions } from './interpreter-expressions.ts'

/** The function's parameter and locals. */
const RECORD = 0
const OUTCOME = 1
const KEY = 2

class HandleRecord extends InterpreterExpressions {
  add(firstGeneral: number, table: string): void {
    const { m } = this
    const field = (offset: RecordField) => this.recordField(offset, this.local(RECORD))
    const number = m.i32.sub(field(RecordField.Handler), this.constant(firstGeneral))
    const delta = () => m.i32.load(RecordField.Link, 4, this.local(RECORD))
    const types = binaryen.createType([binaryen.i32, binaryen.i32])
    const call = m.call_indirect(table, number, [this.local(RECORD), delta()], types, binaryen.i32)
    const isNext = m.i32.eq(this.state('eip'), m.i32.add(delta(), field(RecordField.Next)))
    const sameKey = m.i32.eq(this.state('key'), this.local(KEY))
    const set = (value: number) => m.local.set(OUTCOME, this.constant(value))
    const goOn = m.if(m.i32.and(isNext, sameKey), set(Outcome.Next), set(Outcome.Jump))
    const body = [
      this.setState('codeWritten', this.constant(0)),
      m.local.set(KEY, this.state('key')),
      m.local.set(OUTCOME, call),
      m.if(
        m.i32.eq(this.local(OUTCOME), this.constant(Outcome.Dispatch)),
        m.if(this.helper('isCalm', [], binaryen.i32), goOn),
      ),
      m.if(m.i32.eqz(this.local(OUTCOME)), m.if(this.state('codeWritten'), set(Outcome.Dispatch + 1))),
      this.local(OUTCOME),
    ]
    const locals = [binaryen.i32, binaryen.i32]
    m.addFunction('handleRecord', binaryen.i32, binaryen.i32, locals, m.block(null, body, binaryen.i32))
    m.addFunctionExport('handleRecord', 'handleRecord')
  }
}

/**
 * Adds and exports the function: it carries out the record at the address given, whose `Link` is the EIP delta. Gives
 * the handler's Outcome, or one more when it has written code and would go on. An instruction that ends a run counts as
 * one that does not when there is nothing to look after, and as a jump when it has gone elsewhere or changed the mode.
 * `firstGeneral` is the number of the first handler of `table`.
 */
export function addHandleRecord(m: Module, helperNames: HelperNames, firstGeneral: number, table: string): void {
  new HandleRecord(m, helperNames).add(firstGeneral, table)
}
