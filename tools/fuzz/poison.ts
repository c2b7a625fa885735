/**
 * Writes wasm as the JIT does, but with garbage in every local when a region is entered. wasm sets locals to zero, which
 * hides code that reads what was never written: a register that is not loaded, flags that are dead, a scratch value.
 */
import { type Expression, ModuleWriter, WasmType } from '../../jit/wasm/module-writer.ts'

const GARBAGE = 0xdeadbeef | 0
const GARBAGE_STEP = 0x01010101
/** Times a word: the word in both halves of 64 bits, nearly. */
const WORD_TWICE = 0x1_0000_0001n

/** The local that says in which locals the flags are (FLAG_K of jit/backends/region.ts): 0, in memory, is right at first. */
const FLAG_SHAPE_LOCAL = 16

export class PoisonWriter extends ModuleWriter {
  /** Garbage of a type; undefined for floating point, where no bits are sure to stay. */
  private garbage(local: number, type: WasmType): Expression | undefined {
    const word = (GARBAGE + Math.imul(local, GARBAGE_STEP)) | 0
    switch (type) {
      case WasmType.I32:
        return this.i32.const(word)
      case WasmType.I64:
        return this.i64.const(BigInt.asIntN(64, BigInt(word) * WORD_TWICE))
      case WasmType.V128:
        return this.v128.const(Array.from({ length: 16 }, (_, byte) => (word >>> (8 * (byte & 3))) & 0xff))
      default:
        return undefined
    }
  }

  override addFunction(
    name: string,
    parameters: WasmType,
    result: WasmType,
    locals: readonly WasmType[],
    body: Expression,
  ): void {
    const first = parameters === WasmType.None ? 0 : 1
    const garbage = locals.flatMap((type, i) => {
      const value = first + i === FLAG_SHAPE_LOCAL ? undefined : this.garbage(first + i, type)
      return value === undefined ? [] : [this.local.set(first + i, value)]
    })
    super.addFunction(name, parameters, result, locals, this.block(null, [...garbage, body], result))
  }
}
