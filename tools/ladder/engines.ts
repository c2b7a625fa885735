/** The engines of the ladder: each starts a process for a rung and says when its guest has arrived. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'
import { ROOT } from '../../bench/folders.ts'
import { ARRIVED } from './marks.ts'
import { Qemu } from './qemu.ts'
import type { Rung } from './rungs.ts'

export interface Engine {
  readonly name: string
  /** Why it cannot run at all, or cannot run this rung; undefined when it can. */
  unfit(rung: Rung): string | undefined
  /** Seconds from the start of its process until the guest has arrived. Throws when it does not within the limit. */
  climb(rung: Rung, limitSeconds: number): Promise<number>
}

const FIRMWARE = `${ROOT}/build/firmware`
const MODULES = `${ROOT}/node_modules`

function bundle(name: string): string {
  const outfile = `${ROOT}/build/ladder/${name}.mjs`
  buildSync({
    entryPoints: [fileURLToPath(new URL(`${name}.ts`, import.meta.url))], outfile, bundle: true, platform: 'node',
    format: 'esm', target: 'node20', packages: 'external',
  })
  return outfile
}

/** Waits for the line of a child that has arrived; seconds since `began`. Ends the child in any case. */
async function arrival(child: ChildProcess, began: number, limitSeconds: number): Promise<number> {
  let said = ''
  try {
    return await new Promise<number>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`not within ${limitSeconds} s`)), limitSeconds * 1000)
      const listen = (text: string) => {
        said += text
        if (said.includes(ARRIVED)) resolve((performance.now() - began) / 1000)
      }
      child.stdout?.setEncoding('utf8').on('data', listen)
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        said += text
      })
      child.on('error', reject)
      child.on('close', () => {
        clearTimeout(timer)
        reject(new Error(said.trim().split('\n').at(-1) ?? 'it has ended'))
      })
    })
  } finally {
    child.kill('SIGKILL')
  }
}

const tabpc: Engine = {
  name: 'tabpc',
  unfit: () => (existsSync(`${ROOT}/build/core.wasm`) ? undefined : 'not built'),
  climb: (rung, limitSeconds) => {
    const program = bundle('tabpc-child')
    const began = performance.now()
    return arrival(spawn(process.execPath, [program, JSON.stringify(rung)]), began, limitSeconds)
  },
}

const v86: Engine = {
  name: 'v86',
  unfit: rung => (rung.media.vda ? 'has no virtio disks' : existsSync(`${MODULES}/v86`) ? undefined : 'not installed'),
  climb: (rung, limitSeconds) => {
    const program = bundle('v86-child')
    const parts = {
      wasm: `${MODULES}/v86/build/v86.wasm`, bios: `${FIRMWARE}/bios-256k.bin`, vgaBios: `${FIRMWARE}/vgabios-stdvga.bin`,
    }
    const began = performance.now()
    return arrival(spawn(process.execPath, [program, JSON.stringify(rung), JSON.stringify(parts)]), began, limitSeconds)
  },
}

const qemu: Engine = {
  name: 'qemu',
  unfit: () => (spawnSync('qemu-system-i386', ['--version']).status === 0 ? undefined : 'qemu-system-i386 is not installed'),
  climb: async (rung, limitSeconds) => {
    const guest = new Qemu(rung)
    try {
      return await guest.climb(rung.mark, limitSeconds)
    } finally {
      await guest.dispose()
    }
  },
}

export const engines: readonly Engine[] = [tabpc, qemu, v86]
