/** Types of wasm values, by the numbers that binaryen gives them, and their encodings (WebAssembly core specification, 5.3.1). */
export enum WasmType {
  None = 0,
  I32 = 2,
  I64 = 3,
  F32 = 4,
  F64 = 5,
  V128 = 6,
}

/** Encodings by type; that of none is what a block without a result has (5.4.1). */
export const typeCodes: readonly number[] = [0x40, 0, 0x7f, 0x7e, 0x7d, 0x7c, 0x7b]
