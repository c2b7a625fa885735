/**
 * v86, the nearest peer (npm package `v86`), in a Node process of its own: with its just-in-time compiler off and on.
 * Its child program (v86-child.ts) is bundled first, so that no TypeScript loader runs beside the peer and costs it
 * time or memory.
 */
import { buildSync } from 'esbuild'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { BENCH_CACHE } from '../folders.ts'
import { type Engine, GUEST_PROGRAMS } from './engine.ts'

const CHILD_SOURCE = fileURLToPath(new URL('v86-child.ts', import.meta.url))
const CHILD = `${BENCH_CACHE}/v86-child.mjs`
const PACKAGE = fileURLToPath(new URL('../../node_modules/v86/package.json', import.meta.url))

/** What v86-child.ts is told, as JSON in its only argument. */
export interface V86Settings {
  kernel: string
  initrd: string
  append: string
  memoryMiB: number
  bios: string
  vgaBios: string
  wasm: string
  jit: boolean
}

function v86Engine(name: string, jit: boolean): Engine {
  return {
    name,
    boots: true,
    unavailable: guest => {
      if (!existsSync(PACKAGE)) return 'the package `v86` is not installed: run `npm install`'
      return guest.bios && guest.vgaBios ? null : 'SeaBIOS not found (Debian: apt install seabios)'
    },
    version: () => (JSON.parse(readFileSync(PACKAGE, 'utf8')) as { version: string }).version,
    launch: guest => {
      buildSync({
        entryPoints: [CHILD_SOURCE],
        outfile: CHILD,
        bundle: true,
        platform: 'node',
        format: 'esm',
        packages: 'external'
      })
      const settings: V86Settings = {
        kernel: guest.kernel,
        initrd: guest.initrd,
        append: guest.append,
        memoryMiB: guest.memoryMiB,
        bios: guest.bios ?? '',
        vgaBios: guest.vgaBios ?? '',
        wasm: fileURLToPath(new URL('../../node_modules/v86/build/v86.wasm', import.meta.url)),
        jit
      }
      return { command: process.execPath, args: [CHILD, JSON.stringify(settings)], programs: GUEST_PROGRAMS }
    }
  }
}

export const v86Interpreter = v86Engine('v86-interpreter', false)
export const v86Jit = v86Engine('v86', true)
