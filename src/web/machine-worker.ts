/**
 * The machine's worker of a page (build/web/machine-worker.js): fetches core.wasm and the firmware, and starts the
 * compile worker when the first code gets hot.
 */
import { type StartWorker, WorkerCompiler } from '../../jit/worker/worker-compiler.ts'
import { compileCore, WASM_MAGIC } from '../core-asset.ts'
import { PCError } from '../errors.ts'
import { ownFileHint } from '../fetch-problem.ts'
import { Machine } from '../machine.ts'
import { MachineService, type ServiceHost } from '../worker/machine-service.ts'
import { readFile } from '../worker/prepare.ts'
import type { ToMachine, WireAssets, WireOptions } from '../worker/protocol.ts'
import { startRestingWorker } from './resting-worker.ts'
import { startWorker } from './start-worker.ts'
import { checkWorkerScript } from './worker-failure.ts'

function assetsOf(options: WireOptions): WireAssets {
  if (!options.assets) throw new PCError('usage', 'the page has not said where its files are', 'use PC.create')
  return options.assets
}

function compilerStarter(url: string): StartWorker {
  return events => startRestingWorker(() => startWorker(url, 'tabpc compile'), events)
}

/** Once for all machines that follow one another here. */
let compiled: ReturnType<typeof compileCore> | undefined

const host: ServiceHost = {
  send: (message, transfer = []) => self.postMessage(message, { transfer: [...transfer] }),
  async createMachine(options, reader) {
    const assets = assetsOf(options)
    compiled ??= readFile(reader, 'core', assets.core, { magic: WASM_MAGIC, hint: ownFileHint }).then(compileCore)
    const [{ core, handlers }] = await Promise.all([
      compiled, options.jit ? checkWorkerScript(assets.compileWorker, reader.signal) : undefined,
    ])
    return machineOptions => {
      const compilers = options.jit ? new WorkerCompiler(compilerStarter(assets.compileWorker)) : undefined
      return new Machine(machineOptions, {
        core, handlers, compiler: compilers && (request => compilers.compile(request)), onDispose: () => compilers?.dispose(),
      })
    }
  },
  ownFirmware: (options, reader) => ({
    bios: () => readFile(reader, 'bios', assetsOf(options).bios, { hint: ownFileHint }),
    vgaBios: () => readFile(reader, 'vgaBios', assetsOf(options).vgaBios, { hint: ownFileHint }),
  }),
}

const service = new MachineService(host)
self.onmessage = ({ data }: MessageEvent<ToMachine>) => void service.receive(data)
host.send({ event: 'ready', detail: undefined })
