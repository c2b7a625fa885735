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
  private poison(local: number, type: WasmType): Expression {
    const word = (GARBAGE + Math.imul(local, GARBAGE_STEP)) | 0
    return this.local.set(local, this.garbage(word, type))
  }

  private garbage(word: number, type: WasmType): Expression {
    switch (type) {
      case WasmType.I64:
        return this.i64.const(BigInt.asIntN(64, BigInt(word) * WORD_TWICE))
      case WasmType.F32:
        return this.f32.const(word)
      case WasmType.F64:
        return this.f64.const(word)
      case WasmType.V128:
        return this.v128.const(Array.from({ length: 16 }, (_, i) => (word >>> (8 * (i & 3))) & 0xff))
      default:
        return this.i32.const(word)
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
    const garbage = locals.flatMap((type, i) => (first + i === FLAG_SHAPE_LOCAL ? [] : [this.poison(first + i, type)]))
    super.addFunction(name, parameters, result, locals, this.block(null, [...garbage, body], result))
  }
}
