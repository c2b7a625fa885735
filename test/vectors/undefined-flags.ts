/**
 * EFLAGS bits that the manual leaves undefined behind an instruction, so that a replay does not hold an engine to
 * what one make of CPU happens to do. Source: Intel SDM vol. 2, "Flags Affected" of each instruction, and vol. 1,
 * appendix A (EFLAGS cross-reference).
 */
import { Eflags, Vector } from '../../runtime/state.ts'
import type { Vector as TestVector } from './vector.ts'

const { CF, PF, AF, ZF, SF, OF } = Eflags
const ALL = CF | PF | AF | ZF | SF | OF

/** Rows that do not depend on operands. Mnemonics that are missing leave nothing undefined, or are handled below. */
const always: Readonly<Record<string, number>> = {
  and: AF,
  or: AF,
  xor: AF,
  test: AF,
  mul: SF | ZF | AF | PF,
  imul: SF | ZF | AF | PF,
  div: CF | OF | SF | ZF | AF | PF,
  idiv: CF | OF | SF | ZF | AF | PF,
  aaa: OF | SF | ZF | PF,
  aas: OF | SF | ZF | PF,
  aam: OF | AF | CF,
  aad: OF | AF | CF,
  daa: OF,
  das: OF,
  bt: OF | SF | AF | PF,
  bts: OF | SF | AF | PF,
  btr: OF | SF | AF | PF,
  btc: OF | SF | AF | PF,
  bsf: CF | OF | SF | AF | PF,
  bsr: CF | OF | SF | AF | PF,
  tzcnt: OF | SF | AF | PF,
  lzcnt: OF | SF | AF | PF,
}

/** Shift and rotate counts are masked to five bits (SDM vol. 2, SAL/SAR/SHL/SHR). */
const COUNT_MASK = 31
const ECX = 1

/** The masked count of a shift, from its form: one, the immediate (the last byte), or CL. */
function shiftCount(vector: TestVector): number {
  const { form } = vector.row
  if (form.endsWith('_1')) return 1
  if (form.endsWith('_Ib')) return vector.bytes[vector.bytes.length - 1] & COUNT_MASK
  return vector.registers[ECX] & COUNT_MASK
}

const REPEAT_PREFIXES = [0xf2, 0xf3]

/**
 * A repeated CMPS or SCAS that faulted on the way. The SDM restores the EFLAGS of before the instruction, the CPU that
 * made the vectors (AMD) leaves those of the last comparison; both restart correctly.
 */
function isRepeatedCompare(vector: TestVector): boolean {
  const { mnemonic } = vector.row
  return (mnemonic === 'cmps' || mnemonic === 'scas') && vector.bytes.some(byte => REPEAT_PREFIXES.includes(byte))
}

/** Bits of EFLAGS that are undefined after `vector`'s instruction; 0 when all are defined. */
export function undefinedFlags(vector: TestVector): number {
  const { mnemonic } = vector.row
  if (vector.fault && vector.fault.vector !== Vector.DE) return isRepeatedCompare(vector) ? ALL : 0
  switch (mnemonic) {
    case 'rol':
    case 'ror':
    case 'rcl':
    case 'rcr':
      return shiftCount(vector) > 1 ? OF : 0
    case 'shl':
    case 'shr':
    case 'sar': {
      const count = shiftCount(vector)
      if (count === 0) return 0
      const carry = mnemonic !== 'sar' && count >= vector.size ? CF : 0
      return AF | carry | (count > 1 ? OF : 0)
    }
    case 'shld':
    case 'shrd': {
      const count = shiftCount(vector)
      if (count === 0) return 0
      if (count > vector.size) return CF | OF | SF | ZF | AF | PF
      return AF | (count > 1 ? OF : 0)
    }
    default:
      return always[mnemonic] ?? 0
  }
}
