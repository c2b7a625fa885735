/**
 * A machine in Node: reads the build's outputs from beside this file, or from build/ when run from source. Hot code is
 * compiled in a thread that all machines share (compiler.ts).
 */
import { existsSync, readFileSync } from 'node:fs'
import type { HandlerTable } from '../../jit/handlers.ts'
import { compileReady } from '../../jit/worker/compile-service.ts'
import { PCError } from '../errors.ts'
import type { MachineOptions } from '../machine-options.ts'
import { Machine, type MachineAssets } from '../machine.ts'
import { SharedCompiler, threadStarter } from './compiler.ts'

interface BuildOutputs extends MachineAssets {
  readonly compilers: SharedCompiler
}

let cached: BuildOutputs | undefined

/** The compiled core and its handler table; read once. Throws `PCError` 'assets' when they are not built. */
export function loadAssets(): MachineAssets {
  const { core, handlers } = loadOutputs()
  return { core, handlers }
}

function loadOutputs(): BuildOutputs {
  if (cached) return cached
  const folder = ['./', '../../build/'].find(path => existsSync(new URL(`${path}core.wasm`, import.meta.url)))
  if (!folder) throw new PCError('assets', 'core.wasm is missing', 'build it with `npm run build`')
  const core = new WebAssembly.Module(readFileSync(new URL(`${folder}core.wasm`, import.meta.url)))
  const handlers = JSON.parse(
    readFileSync(new URL(`${folder}handlers.json`, import.meta.url), 'utf8'),
  ) as HandlerTable
  const compilers = new SharedCompiler(threadStarter(new URL(`${folder}compile-worker.js`, import.meta.url)))
  cached = { core, handlers, compilers }
  return cached
}

/** Makes a machine. Throws `PCError` when the host lacks the memory for it. */
export function createMachine(options: MachineOptions): Machine {
  const { core, handlers, compilers } = loadOutputs()
  const jit = options.jit ?? true
  const share = jit === true ? compilers.share() : undefined
  const compiler = jit === 'sync' ? compileReady : share?.compile
  const onWarning = (message: string) => process.emitWarning(message, 'TabpcWarning')
  try {
    return new Machine({ onWarning, ...options }, { core, handlers, compiler, onDispose: share?.release })
  } catch (error) {
    share?.release()
    if (!(error instanceof RangeError)) throw error
    throw new PCError('bad-memory', `no room for a machine with ${options.memoryBytes / 2 ** 20} MiB`, 'give a smaller --memory')
  }
}
