/**
 * The worker's side of compiling: a request in, a reply out. It also turns the binary into a WebAssembly.Module, so
 * that V8's baseline compiler runs here and not in the machine's thread.
 */
import { compile, type CompileRequest } from '../compile.ts'
import type { ReadyCode, WorkerReply, WorkerRequest } from './messages.ts'

/** Compiles a request to a module; undefined when its first instruction is left to the interpreter. */
export function compileReady(request: CompileRequest): ReadyCode | undefined {
  const started = performance.now()
  const code = compile(request)
  if (!code) return undefined
  const { binary, instructions, spans } = code
  const module = new WebAssembly.Module(binary as BufferSource)
  return { module, codeBytes: binary.length, instructions, spans, milliseconds: performance.now() - started }
}

/** Answers one message. Never throws: a fault of the compiler becomes a reply. */
export function answer({ id, request }: WorkerRequest): WorkerReply {
  try {
    return { id, code: compileReady(request) }
  } catch (error) {
    return { id, failure: error instanceof Error ? error.message : String(error) }
  }
}
