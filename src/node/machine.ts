/** A machine in Node: reads the build's outputs from beside this file, or from build/ when run from source. */
import { existsSync, readFileSync } from 'node:fs'
import type { HandlerTable } from '../../jit/handlers.ts'
import { PCError } from '../errors.ts'
import type { MachineOptions } from '../machine-options.ts'
import { Machine, type MachineAssets } from '../machine.ts'

let cached: MachineAssets | undefined

/** The compiled core and its handler table; read once. Throws `PCError` 'assets' when they are not built. */
export function loadAssets(): MachineAssets {
  if (cached) return cached
  const folder = ['./', '../../build/'].find(path => existsSync(new URL(`${path}core.wasm`, import.meta.url)))
  if (!folder) throw new PCError('assets', 'core.wasm is missing', 'build it with `npm run build`')
  const core = new WebAssembly.Module(readFileSync(new URL(`${folder}core.wasm`, import.meta.url)))
  const handlers = JSON.parse(
    readFileSync(new URL(`${folder}handlers.json`, import.meta.url), 'utf8'),
  ) as HandlerTable
  cached = { core, handlers }
  return cached
}

/** Makes a machine. Throws `PCError` when the host lacks the memory for it. */
export function createMachine(options: MachineOptions): Machine {
  try {
    return new Machine(options, loadAssets())
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new PCError('bad-memory', `no room for a machine with ${options.memoryBytes / 2 ** 20} MiB`, 'give a smaller --memory')
  }
}
