/**
 * Builds core.wasm: state layout -> AssemblyScript helpers (asc) -> interpreter (binaryen) -> build/core.wasm and
 * build/handlers.json. Run by `npm run build`.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import asc from 'assemblyscript/asc'
import { buildInterpreter } from '../jit/interpreter-module.ts'
import { HANDLER_SECTION } from '../src/core-asset.ts'
import { HELPER_DATA_BASE } from '../runtime/memory-map.ts'
import { writeLayout } from './build-layout.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Compiles the helpers to wasm; throws with asc's messages when they do not compile. */
async function compileHelpers(): Promise<Uint8Array> {
  const output = `${root}build/helpers/helpers.wasm`
  const { error, stderr } = await asc.main(
    [
      'runtime/helpers/index.ts', '--baseDir', root, '--outFile', 'build/helpers/helpers.wasm', '--importMemory',
      '--runtime', 'stub', '--memoryBase', String(HELPER_DATA_BASE), '-O3', '--noAssert', '--debug',
      '--disableWarning', '--enable', 'simd',
    ],
  )
  if (error) throw new Error(`the helpers do not compile:\n${stderr.toString()}`)
  return readFileSync(output)
}

/** An unsigned LEB128 number. Source: WebAssembly Core Specification, 5.2.2. */
function leb128(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...leb128(value >>> 7)]
}

/** A module with a custom section at its end. Source: WebAssembly Core Specification, 5.5.3. */
function withSection(module: Uint8Array, name: string, payload: Uint8Array): Uint8Array {
  const text = new TextEncoder().encode(name)
  const head = [...leb128(text.length), ...text]
  return Buffer.concat([module, Uint8Array.from([0, ...leb128(head.length + payload.length), ...head]), payload])
}

const started = performance.now()
mkdirSync(`${root}build`, { recursive: true })
writeLayout()
const helpers = await compileHelpers()
const { binary, handlers } = buildInterpreter(helpers)
writeFileSync(`${root}build/core.wasm`, withSection(binary, HANDLER_SECTION, new TextEncoder().encode(JSON.stringify(handlers))))
writeFileSync(`${root}build/handlers.json`, JSON.stringify(handlers))
console.error(
  `core.wasm: ${binary.length} bytes, ${handlers.hot.length} hot and ${handlers.general.length} general handlers, ` +
    `${((performance.now() - started) / 1000).toFixed(1)} s`,
)
