/**
 * Where the CPU that made the vectors (AMD) and the Intel manual disagree about x87 instructions: what the manual has in
 * place of what was captured.
 *
 *   FCOMI …            clear C1 (SDM vol. 2, "FPU Flags Affected"); AMD leaves it
 *   comparisons        that an unmasked invalid operation stops set no condition; AMD sets those of "unordered"
 *   F2XM1              clears C1 unless the result was rounded up; AMD leaves it where the result is exact
 *   images             that raise #PF: whether the limit or which of the pages is looked at first, and which byte CR2 names,
 *                      is left to the processor
 */
import { Vector } from '../../runtime/state.ts'
import { CONTROL_STATUS_WORD } from './extended-state.ts'
import type { Vector as TestVector, VectorFault, VectorState } from './vector.ts'

const STATUS_SHIFT = 16
/** Bits of the word that has the control word below the status word. */
const C1 = 0x200 << STATUS_SHIFT
const CONDITIONS = 0x4500 << STATUS_SHIFT
const INVALID_MASK = 1
const INVALID = 1 << STATUS_SHIFT

const toFlags = ['fcomi', 'fcomip', 'fucomi', 'fucomip']
const toConditions = ['fcom', 'fcomp', 'fcompp', 'fucom', 'fucomp', 'fucompp', 'ficom', 'ficomp', 'ftst']
const images = ['fldenv', 'fnstenv', 'frstor', 'fnsave', 'fxsave', 'fxrstor']
/** The largest image, FXSAVE's. */
const IMAGE_BYTES = 512


/** The state behind `vector`'s instruction as the manual has it. */
export function manualState(vector: TestVector): VectorState {
  const { out, row } = vector
  const initial = vector.extended?.[CONTROL_STATUS_WORD] ?? 0
  const word = out.extended?.[CONTROL_STATUS_WORD] ?? 0
  if (!out.extended || vector.fault) return out
  const stopped = (word & INVALID_MASK) === 0 && (word & INVALID) !== 0
  let expected = word
  let { eflags } = out
  if (toFlags.includes(row.mnemonic)) {
    expected &= ~C1
    if (stopped) eflags = vector.eflags
  } else if (toConditions.includes(row.mnemonic) && stopped) {
    expected = (word & ~CONDITIONS) | (initial & CONDITIONS)
  } else if (row.mnemonic === 'f2xm1') {
    expected &= ~C1
  }
  if (expected === word && eflags === out.eflags) return out
  const extended = out.extended.map((value, i) => (i === CONTROL_STATUS_WORD ? expected >>> 0 : value))
  return { ...out, eflags, extended }
}

/** Whether `actual` is as good as the page fault within the image that `vector`'s instruction reads or writes. */
export function sameImageFault(vector: TestVector, expected: VectorFault, actual: VectorFault): boolean {
  if (expected.vector !== Vector.PF || !images.includes(vector.row.mnemonic)) return false
  if (actual.vector === Vector.GP || actual.vector === Vector.SS) return actual.errorCode === 0
  return actual.vector === Vector.PF && Math.abs(expected.address - (actual.address >>> 0)) < IMAGE_BYTES
}
