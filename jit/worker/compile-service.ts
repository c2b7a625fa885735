/**
 * The worker's side of compiling: requests in, a reply out. It also turns the binary into a WebAssembly.Module, so
 * that V8's baseline compiler runs here and not in the machine's thread.
 */
import { type CompileRequest, compileTogether, failureOf } from '../compile.ts'
import type { ReadyCode, RegionReply, WorkerReply, WorkerRequest } from './messages.ts'

/** Compiles requests into one module. */
function compileBatch(requests: readonly CompileRequest[]): RegionReply[] {
  const started = performance.now()
  const { binary, regions } = compileTogether(requests)
  const count = regions.filter(region => region && 'name' in region).length
  if (count === 0) return [...(regions as readonly Exclude<RegionReply, ReadyCode>[])]
  const module = new WebAssembly.Module(binary as BufferSource)
  const codeBytes = Math.ceil(binary.length / count)
  const milliseconds = (performance.now() - started) / count
  return regions.map(region => (region && 'name' in region ? { ...region, module, codeBytes, milliseconds } : region))
}

/** Compiles a request to a module of its own; undefined when its first instruction is left to the interpreter. */
export function compileReady(request: CompileRequest): ReadyCode | undefined {
  const [region] = compileBatch([request])
  if (region && 'failure' in region) throw new Error(region.failure)
  return region
}

/** Answers one message. Never throws: a fault of the compiler becomes a reply. */
export function answer({ id, requests }: WorkerRequest): WorkerReply {
  try {
    return { id, regions: compileBatch(requests) }
  } catch (error) {
    return { id, regions: requests.map(() => failureOf(error)) }
  }
}
