/**
 * What it costs to make a region, by instruction: finding it, the whole way to a binary, V8's module of it, and an
 * instance. The input is fixed: straight code with loads, stores and branches as compilers make it, in one loop.
 */
import { compile, regionOf, type CompileRequest } from '../../jit/compile.ts'
import { PAGE_BYTES } from '../../runtime/memory-map.ts'
import { ModeBit } from '../../runtime/state.ts'
import { assemble, CODE, CpuBench } from '../../test/specs/cpu/bench.ts'
import type { Piece } from './piece.ts'

/** Ten instructions: a compare and a branch over one of them end a block each time. */
const BODY = `8b 44 9e 08 ; mov eax, dword [esi+ebx*4+0x8]
      01 d0 ; add eax, edx
      89 44 9f 04 ; mov dword [edi+ebx*4+0x4], eax
      c1 c2 05 ; rol edx, 0x5
      31 c2 ; xor edx, eax
      39 d0 ; cmp eax, edx
      72 03 ; jb 0x10016
      0f b6 c0 ; movzx eax, al
      29 c2 ; sub edx, eax
      43 ; inc ebx`
const REPEATS = 12
/** A custom section: id 0, five bytes, a name of no bytes, and a number (WebAssembly Core, section 5.5.3). */
const CUSTOM_SECTION = [0, 5, 0, 0, 0, 0, 0]

function request(): CompileRequest {
  const body = assemble(BODY, CODE)
  const code = [...Array.from({ length: REPEATS }, () => [...body]).flat(), 0x49]
  const distance = -(code.length + 6)
  // JNE rel32 back to the start, then HLT.
  code.push(0x0f, 0x85, ...[0, 8, 16, 24].map(shift => (distance >> shift) & 0xff), 0xf4)
  const bytes = new Uint8Array(PAGE_BYTES)
  bytes.set(code)
  const mode = ModeBit.Flat | ModeBit.Code32 | ModeBit.Stack32
  return { entry: CODE, mode, pages: [{ linear: CODE, physical: CODE, bytes }] }
}

/** Gives the binary with another number at its end each time, so that V8 finds no module of the same bytes. */
function numbered(binary: Uint8Array): () => Uint8Array {
  const bytes = new Uint8Array([...binary, ...CUSTOM_SECTION])
  const number = new DataView(bytes.buffer, bytes.length - 4)
  let next = 0
  return () => {
    number.setUint32(0, next++)
    return bytes
  }
}

/** The pieces; throws when the region is not what is wanted. */
export function compilePieces(): Piece[] {
  const input = request()
  const code = compile(input)
  const wanted = REPEATS * 10 + 2
  if (!code || code.instructions < wanted) throw new Error(`the region has ${code?.instructions} instructions, not ${wanted}`)
  const { core } = new CpuBench()
  const { instructions: units, binary } = code
  const module = new WebAssembly.Module(binary as BufferSource)
  const imports = { env: { memory: core.memory }, core: core.exports as unknown as WebAssembly.ModuleImports }
  const fresh = numbered(binary)
  const unit = 'instruction'
  return [
    { name: 'discover a region', unit, units, run: () => void regionOf(input) },
    { name: 'compile to a binary', unit, units, run: () => void compile(input) },
    { name: "V8's module", unit, units, run: () => void new WebAssembly.Module(fresh() as BufferSource) },
    { name: 'an instance', unit: 'region', units: 1, run: () => void new WebAssembly.Instance(module, imports) }
  ]
}
