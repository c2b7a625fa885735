/** Opcodes of the wasm instructions that regions use (WebAssembly core specification, 5.4). */

/** Control and variables. */
export enum Opcode {
  Block = 0x02,
  Loop = 0x03,
  If = 0x04,
  Else = 0x05,
  End = 0x0b,
  Br = 0x0c,
  BrIf = 0x0d,
  BrTable = 0x0e,
  Call = 0x10,
  Drop = 0x1a,
  Select = 0x1b,
  LocalGet = 0x20,
  LocalSet = 0x21,
  LocalTee = 0x22,
  I32Const = 0x41,
  I64Const = 0x42,
}

/** Operators on i32 with one operand, then with two; the result is i32. */
export const unaryI32 = { eqz: 0x45, clz: 0x67, ctz: 0x68, popcnt: 0x69, extend8_s: 0xc0, extend16_s: 0xc1 } as const
export const binaryI32 = {
  eq: 0x46, ne: 0x47, lt_s: 0x48, lt_u: 0x49, gt_s: 0x4a, gt_u: 0x4b, le_s: 0x4c, le_u: 0x4d, ge_s: 0x4e, ge_u: 0x4f,
  add: 0x6a, sub: 0x6b, mul: 0x6c, div_s: 0x6d, div_u: 0x6e, rem_s: 0x6f, rem_u: 0x70,
  and: 0x71, or: 0x72, xor: 0x73, shl: 0x74, shr_s: 0x75, shr_u: 0x76, rotl: 0x77, rotr: 0x78,
} as const

/** Operators on i64 that give an i64. */
export const unaryI64 = { clz: 0x79, ctz: 0x7a, popcnt: 0x7b, extend8_s: 0xc2, extend16_s: 0xc3, extend32_s: 0xc4 } as const
export const binaryI64 = {
  add: 0x7c, sub: 0x7d, mul: 0x7e, div_s: 0x7f, div_u: 0x80, rem_s: 0x81, rem_u: 0x82,
  and: 0x83, or: 0x84, xor: 0x85, shl: 0x86, shr_s: 0x87, shr_u: 0x88, rotl: 0x89, rotr: 0x8a,
} as const

/** Tests of i64, which give an i32, and changes of width. */
export const testI64 = { eqz: 0x50 } as const
export const comparisonI64 = {
  eq: 0x51, ne: 0x52, lt_s: 0x53, lt_u: 0x54, gt_s: 0x55, gt_u: 0x56, le_s: 0x57, le_u: 0x58, ge_s: 0x59, ge_u: 0x5a,
} as const
export const wrapI64 = 0xa7
export const extendI32 = { extend_s: 0xac, extend_u: 0xad } as const

/** Loads and stores. */
export const loadI32 = { load: 0x28, load8_s: 0x2c, load8_u: 0x2d, load16_s: 0x2e, load16_u: 0x2f } as const
export const loadI64 = { load: 0x29 } as const
export const storeI32 = { store: 0x36, store8: 0x3a, store16: 0x3b } as const
export const storeI64 = { store: 0x37 } as const
