/**
 * Lazy arithmetic flags. An instruction records what it computed; a flag is worked out when somebody asks.
 *
 * The record is: `flagKind` (operation and size), `flagResult` and `flagLeft`, both aligned to the top of their
 * word (an 8-bit 0x80 is stored as 0x80000000), and `flagCarry`, CF itself as 0 or 1. Top alignment makes
 * ZF = (result == 0), SF = (result < 0) and the signed comparison after CMP the same at every size.
 * CF is kept eagerly, because INC, DEC, ADC, JB and the rotates want it at once and it costs one comparison.
 *
 *   kind     AF                              OF                                   CF when recorded
 *   Add      left ^ right ^ result           (left ^ result) & (right ^ result)   result <u left
 *   Sub      left ^ right ^ result           (left ^ right) & (left ^ result)     left <u right
 *   Adc/Sbb  as Add/Sub, `flagRight` kept    as Add/Sub                           given
 *   Logic    0                               0                                    0
 *   Inc/Dec  low nibble of result 0 / 15     result is min / max                  unchanged
 *   Aux      bit 4 of flagRight              bit 11 of flagRight                  given
 *   Explicit all six from flagRight, as an EFLAGS image; flagResult and flagCarry agree with its ZF and CF
 *
 * `flagKind | OverflowOverride`: OF is bit 0 of `flagOverflow` whatever the kind (rotates set OF and CF alone).
 * Size is in bits 8..15 of the kind, as the shift that top-aligned the result (24, 16, 0).
 */
export enum Lazy {
  Add = 0, Sub = 1, Adc = 2, Sbb = 3, Logic = 4, Inc = 5, Dec = 6, Aux = 7, Explicit = 8,
}

/** Bit of `flagKind`: `flagOverflow` holds OF. */
export const OVERFLOW_OVERRIDE = 0x80
/** Mask of the operation in `flagKind`. */
export const FLAG_OPERATION_MASK = 0x7f
/** Position of the top-alignment shift in `flagKind`. */
export const FLAG_SHIFT_POSITION = 8
