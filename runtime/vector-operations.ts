/**
 * What the definitions of SSE instructions ask of their helpers (helpers/sse-operate.ts), in one word, the *form*:
 *
 *   bits 0..7     operation: an Arithmetic and, above ELEMENT_POSITION, an Element; or a Conversion
 *   bits 8..19    destination: address of its slot in the state, divided by 16
 *   bits 20..31   source: likewise; `vectorOperand` when the instruction's operand is no vector register
 *
 * An immediate lies in `vectorImmediate` of the state.
 */

/** Operations on floats of one kind. */
export enum Arithmetic {
  Add, Subtract, Multiply, Divide, SquareRoot, Minimum, Maximum,
  /** CMPPS: the predicate is the immediate. */
  Compare,
  /** COMISS and UCOMISS: exceptions only. */
  CompareOrdered, CompareUnordered,
  /** ROUNDPS: the mode is the immediate. */
  Round,
  HorizontalAdd, HorizontalSubtract, AddSubtract,
  /** DPPS: the mask is the immediate. */
  DotProduct,
  Reciprocal, ReciprocalSquareRoot,
}

/** Which elements an Arithmetic works on: all or the lowest, of 32 or 64 bits. */
export enum Element { PackedSingle, PackedDouble, ScalarSingle, ScalarDouble }

export const ELEMENT_POSITION = 5
export const ARITHMETIC_MASK = 31

/** Conversions; the letters are those of the mnemonics (Pi: two integers in an MM register). */
export enum Conversion {
  Ps2Pd = 0x80, Pd2Ps, Ss2Sd, Sd2Ss, Dq2Ps, Ps2Dq, Tps2Dq, Pd2Dq, Tpd2Dq,
  Pi2Ps, Pi2Pd, Ps2Pi, Tps2Pi, Pd2Pi, Tpd2Pi, Si2Ss, Ss2Si, Tss2Si, Sd2Si, Tsd2Si,
}

/** Positions in the form; an address has its low four bits clear. */
export const DESTINATION_SHIFT = 4
export const SOURCE_SHIFT = 16
export const FORM_ADDRESS_MASK = 0xfff0

/** MXCSR (SDM vol. 1, figure 10-3): exception flags are bits 0..5, their masks MXCSR_MASK_POSITION higher. */
export enum Mxcsr {
  IE = 1 << 0, DE = 1 << 1, ZE = 1 << 2, OE = 1 << 3, UE = 1 << 4, PE = 1 << 5, DAZ = 1 << 6,
  IM = 1 << 7, DM = 1 << 8, ZM = 1 << 9, OM = 1 << 10, UM = 1 << 11, PM = 1 << 12, RC = 3 << 13, FTZ = 1 << 15,
}

export const MXCSR_MASK_POSITION = 7
export const MXCSR_ROUNDING_POSITION = 13
/** After reset: all exceptions masked, round to nearest. */
export const MXCSR_INITIAL = 0x1f80
