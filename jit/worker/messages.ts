/**
 * What the machine's thread and a compile worker say to each other. Everything survives a structured clone, which is
 * all that worker threads of Node and web workers have in common.
 */
import type { CompileRequest, NamedRegion } from '../compile.ts'

/** A region that only has to be instantiated: an export of a module that it may share with others. */
export interface ReadyCode extends NamedRegion {
  readonly module: WebAssembly.Module
  /** Its share of the size of the wasm binary. */
  readonly codeBytes: number
  /** Its share of the time that compiling took in its own thread. */
  readonly milliseconds: number
}

/** To the worker: regions to compile into one module. */
export interface WorkerRequest {
  readonly id: number
  readonly requests: readonly CompileRequest[]
}

/** A region, none because its first instruction is left to the interpreter, or the compiler's fault in it. */
export type RegionReply = ReadyCode | undefined | { readonly failure: string }

/** From the worker: what has become of the requests of a message, in their order. */
export interface WorkerReply {
  readonly id: number
  readonly regions: readonly RegionReply[]
}
