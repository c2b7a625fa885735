/**
 * core.wasm as it is shipped: the module, and the table of its handlers in a custom section, so that the two always
 * belong together and a page fetches one file. Written by tools/build-core.ts.
 */
import type { HandlerTable } from '../jit/handlers.ts'
import { PCError } from './errors.ts'

/** Name of the custom section with the `HandlerTable` as JSON. */
export const HANDLER_SECTION = 'tabpc.handlers'

/** First bytes of every WebAssembly module. */
export const WASM_MAGIC = { bytes: [0x00, 0x61, 0x73, 0x6d], what: 'a WebAssembly module' } as const

/** Compiles the bytes of core.wasm. Breaks its promise with `PCError`: 'csp' where WebAssembly is forbidden. */
export async function compileCore(bytes: Uint8Array): Promise<{ core: WebAssembly.Module, handlers: HandlerTable }> {
  let core: WebAssembly.Module
  try {
    core = await WebAssembly.compile(bytes as BufferSource)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    if (/content security policy|unsafe-eval/i.test(reason)) {
      throw new PCError(
        'csp', 'the Content Security Policy of this page forbids WebAssembly',
        "add 'wasm-unsafe-eval' to script-src, on the answers with the worker scripts too",
      )
    }
    throw new PCError('asset-type', `core.wasm does not compile: ${reason}`, 'it is damaged or of another version: copy it anew')
  }
  const [section] = WebAssembly.Module.customSections(core, HANDLER_SECTION)
  if (!section) {
    throw new PCError('asset-type', 'core.wasm is none of tabpc', 'copy it anew with `npx tabpc copy-assets DIR`')
  }
  return { core, handlers: JSON.parse(new TextDecoder().decode(section)) as HandlerTable }
}
