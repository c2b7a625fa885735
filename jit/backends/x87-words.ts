/**
 * What the x87 unit of regions knows by number: fields of the status and control words, constants that instructions load,
 * and how the arguments of helpers tell operations apart (definitions/x87.ts).
 *
 * Source: Intel SDM vol. 1, 8.1.3 and 8.1.5; vol. 2, FLD1 and its kind.
 */
/** Status word (SDM vol. 1, 8.1.3). */
export enum Status { Precision = 0x20, Summary = 0x80, C0 = 0x100, C1 = 0x200, Conditions = 0x4700, C3 = 0x4000 }
export const PRECISION_POSITION = 5
export const C0_POSITION = 8
export const C1_POSITION = 9
export const C3_POSITION = 14
/** Control word (SDM vol. 1, 8.1.5): exception masks, precision and rounding control. */
export enum Control { Exceptions = 0x3f, PM = 0x20, LowestPC = 0x100, PC = 0x300, RC = 0xc00, Truncate = 0x400 }
export const RC_POSITION = 10
/** Bits of a significand that results lose, by the precision control: 24, 64 (a reserved value), 53 and 64 stay. */
export const DROPPED_BITS = [40, 0, 11, 0]
/** Bits of the control word that exist; bit 6 always reads as 1. */
export const CONTROL_IMPLEMENTED = 0x1f3f
export const CONTROL_FIXED = 0x40

/** How the first argument of x87Sum tells which operand changes its sign (definitions/x87.ts). */
const NEGATED_SOURCE = 0x8000_0000
export const NEGATED_DESTINATION = 0x8000
export const DIVIDE_REVERSED = 7

export const REGISTER_BYTES_SHIFT = 4
export const EXPONENT_OFFSET = 8

/** Constants of FLD1 to FLDZ as rounding to nearest gives them: significand, sign and exponent. */
export const constants: readonly (readonly [bigint, number])[] = [
  [0x8000_0000_0000_0000n, 0x3fff], [0xd49a_784b_cd1b_8afen, 0x4000], [0xb8aa_3b29_5c17_f0bcn, 0x3fff],
  [0xc90f_daa2_2168_c235n, 0x4000], [0x9a20_9a84_fbcf_f799n, 0x3ffd], [0xb172_17f7_d1cf_79acn, 0x3ffe], [0n, 0],
]
export const EXACT_CONSTANTS = new Set([0, 6])

/** The helper of an operation of the D8 opcodes by its number, and that helper's first argument. */
export function integerOperation(operation: number): [name: string, variant: number] {
  switch (operation) {
    case 0: return ['x87Sum', 0]
    case 1: return ['x87Product', 0]
    case 4: return ['x87Sum', NEGATED_SOURCE]
    case 5: return ['x87Sum', NEGATED_DESTINATION]
    default: return ['x87Quotient', operation]
  }
}
