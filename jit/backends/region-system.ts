/**
 * System instructions on the way into and out of kernels, in regions: before, their handlers, with all registers and
 * flags in the state => after, a helper that does the common case and says whether it has. When it has not, nothing
 * has changed and the interpreter does the instruction. Which instructions: isQuickSystem in lowering-choice.ts.
 */
import type { Node } from '../ir.ts'
import type { Expression, RegionModule } from './value.ts'

/** Helpers of definitions, and what does their common case: core.wasm's exports from i32 to i32. */
const quickHelpers: ReadonlyMap<string, string> = new Map([
  ['cli', 'tryCli'], ['sti', 'trySti'], ['moveToSegment', 'tryLoadSegment'],
])

/** What a lowering gives for one such call. */
interface QuickCallFrame {
  callCore(name: string, argument: Expression): Expression
  /** Leaves for the interpreter in front of the instruction when the condition holds. */
  exitBefore(condition: Expression): Expression
}

/** Whether a call of this helper has a quick form. */
export function isQuickHelper(name: string): boolean {
  return quickHelpers.has(name)
}

/** The quick form of a call with these arguments: none, or a segment register's number and a selector of 16 bits. */
export function quickCall(m: RegionModule, { name }: Node, args: readonly Expression[], frame: QuickCallFrame): Expression {
  const [segment, selector] = args
  const argument = segment === undefined ? m.i32.const(0) : m.i32.or(m.i32.shl(segment, m.i32.const(16)), selector)
  return frame.exitBefore(m.i32.eqz(frame.callCore(quickHelpers.get(name) as string, argument)))
}
