/**
 * Calls back whenever a machine leaves a compiled region, by wrapping each region in a small wasm function:
 *
 *     region' = () => { enter(); outcome = region(); leave(outcome); return outcome }
 */
import binaryen from 'binaryen'
import type { Machine } from '../../src/machine.ts'

/** What a watcher is told; the state of the CPU is exact at both calls. */
export interface RegionWatcher {
  enter(): void
  leave(outcome: number): void
}

const OUTCOME = 0

function trampoline(): WebAssembly.Module {
  const m = new binaryen.Module()
  m.addFunctionImport('code', 'region', 'code', binaryen.none, binaryen.i32)
  m.addFunctionImport('enter', 'region', 'enter', binaryen.none, binaryen.none)
  m.addFunctionImport('leave', 'region', 'leave', binaryen.i32, binaryen.none)
  const outcome = () => m.local.get(OUTCOME, binaryen.i32)
  const body = m.block(
    null,
    [
      m.call('enter', [], binaryen.none),
      m.local.set(OUTCOME, m.call('code', [], binaryen.i32)),
      m.call('leave', [outcome()], binaryen.none),
      outcome(),
    ],
    binaryen.i32,
  )
  m.addFunction('region', binaryen.none, binaryen.i32, [binaryen.i32], body)
  m.addFunctionExport('region', 'region')
  const module = new WebAssembly.Module(m.emitBinary() as BufferSource)
  m.dispose()
  return module
}

/** Watches every region that `machine` installs from now on. */
export function watchRegions(machine: Machine, watcher: RegionWatcher): void {
  const module = trampoline()
  const { cache } = machine
  const install = cache.installRegion.bind(cache)
  cache.installRegion = (record, code, ...rest) => {
    const { exports } = new WebAssembly.Instance(module, {
      region: { code, enter: () => watcher.enter(), leave: (outcome: number) => watcher.leave(outcome) },
    })
    return install(record, exports.region as () => number, ...rest)
  }
}
