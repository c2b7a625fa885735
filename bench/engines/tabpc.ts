/** tabpc itself, through its command line: with the just-in-time compiler, and interpreter only. */
import { buildSync } from 'esbuild'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { ROOT } from '../folders.ts'
import { type Engine, GUEST_PROGRAMS } from './engine.ts'

const CLI = `${ROOT}/build/cli.js`
/** Below build/, because the machine looks for core.wasm and the compile worker in its own folder or ../../build. */
const CHILD = `${ROOT}/build/bench/tabpc-child.js`
const CHILD_SOURCE = fileURLToPath(new URL('tabpc-child.ts', import.meta.url))

function packageVersion(): string {
  return (JSON.parse(readFileSync(`${ROOT}/package.json`, 'utf8')) as { version: string }).version
}

/** Bundles the child as tools/build.ts bundles the command line. */
function buildChild(): void {
  buildSync({
    entryPoints: [CHILD_SOURCE],
    outfile: CHILD,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    define: { 'process.env.TABPC_VERSION': JSON.stringify(packageVersion()) }
  })
}

function tabpcEngine(name: string, program: string, options: string[]): Engine {
  return {
    name,
    boots: true,
    unavailable: () => (existsSync(CLI) ? null : 'build/cli.js is missing: run `npm run build` first'),
    version: packageVersion,
    launch: guest => {
      if (program === CHILD) buildChild()
      return {
        command: process.execPath,
        args: [
          ...[program, 'run', '--kernel', guest.kernel, '--initrd', guest.initrd, '--append', guest.append],
          ...['--memory', `${guest.memoryMiB}M`, '--serial', 'stdio', ...options]
        ],
        programs: GUEST_PROGRAMS
      }
    }
  }
}

export const tabpc = tabpcEngine('tabpc', CHILD, [])
export const tabpcInterpreter = tabpcEngine('tabpc-interpreter', CLI, ['--no-jit'])
