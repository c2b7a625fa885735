/**
 * What the machine's thread and a compile worker say to each other. Everything survives a structured clone, which is
 * all that worker threads of Node and web workers have in common.
 */
import type { CompiledCode, CompileRequest } from '../compile.ts'

/** A region that only has to be instantiated. */
export interface ReadyCode extends Omit<CompiledCode, 'binary'> {
  readonly module: WebAssembly.Module
  /** Size of the wasm binary. */
  readonly codeBytes: number
  /** Time that compiling took in its own thread. */
  readonly milliseconds: number
}

/** To the worker: a region to compile. */
export interface WorkerRequest {
  readonly id: number
  readonly request: CompileRequest
}

/** From the worker: what has become of request `id`. */
export type WorkerReply =
  | { readonly id: number; readonly code: ReadyCode | undefined }
  /** The compiler has a fault in this region; others may still compile. */
  | { readonly id: number; readonly failure: string }
