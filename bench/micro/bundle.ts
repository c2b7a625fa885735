/** Bundles the micro-benchmarks and runs them in a Node process of their own, as the product is bundled and run. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'
import { ROOT } from '../folders.ts'

/** Below build/, because core.wasm is looked for in its own folder or ../../build. */
const BUNDLE = `${ROOT}/build/bench/micro.js`

/** Times the families of a comma-separated list, or all; the exit status. */
export function startMicroBenchmarks(only: string | undefined): number {
  buildSync({
    entryPoints: [fileURLToPath(new URL('main.ts', import.meta.url))],
    outfile: BUNDLE,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    external: ['benchmark', 'binaryen']
  })
  const args = only === undefined ? [BUNDLE] : [BUNDLE, only]
  return spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1
}
