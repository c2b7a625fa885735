/**
 * tabpc and v86 in a page of Chromium: what their users run. The boot that is measured begins with the browser's start,
 * which is the same for both.
 */
import { buildSync } from 'esbuild'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { ROOT } from '../folders.ts'
import { type Engine, GUEST_PROGRAMS } from './engine.ts'
import { tabpc } from './tabpc.ts'
import { v86Jit } from './v86.ts'

const CHILD_SOURCE = fileURLToPath(new URL('page-child.ts', import.meta.url))
const CHILD = `${ROOT}/build/bench/page-child.js`
const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** What page-child.ts is told, as JSON in its only argument. */
export interface PageSettings {
  engine: 'tabpc' | 'v86'
  chromium: string
  /** Folders. */
  tabpc: string
  v86: string
  kernel: string
  initrd: string
  append: string
  memoryMiB: number
  bios: string
  vgaBios: string
}

function pageEngine(name: string, engine: PageSettings['engine'], inNode: Engine): Engine {
  return {
    name,
    boots: true,
    unavailable: guest => {
      if (!CHROMIUM.some(path => existsSync(path))) return 'Chromium not found (Debian: apt install chromium)'
      if (!existsSync(`${ROOT}/build/web/index.js`)) return 'build/web is missing: run `npm run build` first'
      return inNode.unavailable(guest)
    },
    version: inNode.version,
    launch: guest => {
      buildSync({ entryPoints: [CHILD_SOURCE], outfile: CHILD, bundle: true, platform: 'node', format: 'esm', packages: 'external' })
      const settings: PageSettings = {
        engine,
        chromium: CHROMIUM.find(path => existsSync(path)) ?? '',
        tabpc: `${ROOT}/build/web`,
        v86: `${ROOT}/node_modules/v86/build`,
        kernel: guest.kernel,
        initrd: guest.initrd,
        append: guest.append,
        memoryMiB: guest.memoryMiB,
        bios: guest.bios ?? '',
        vgaBios: guest.vgaBios ?? ''
      }
      return { command: process.execPath, args: [CHILD, JSON.stringify(settings)], programs: GUEST_PROGRAMS }
    }
  }
}

export const tabpcPage = pageEngine('tabpc-page', 'tabpc', tabpc)
export const v86Page = pageEngine('v86-page', 'v86', v86Jit)
