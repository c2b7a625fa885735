/**
 * Chromium and a server of pages for the specs of the web page. Without Chromium, or a build, or the guest, the specs
 * are skipped with a reason.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Browser, chromium, type Page } from 'playwright-core'
import { cacheDirectory } from '../../tools/guest/cache.ts'
import { type Answer, type FileServer, isolationHeaders, startFileServer } from '../../src/node/file-server.ts'

export const root = fileURLToPath(new URL('../../', import.meta.url))
export const guestFolder = join(cacheDirectory(), 'guest/current')

const candidates = [process.env.TABPC_CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
export const chromiumPath = candidates.find(path => path !== undefined && existsSync(path))

export const hasGuest = existsSync(join(guestFolder, 'vmlinuz'))
export const hasFirmware = existsSync(join(root, 'build/web/bios-256k.bin'))

/** Why browser specs cannot run, or undefined when they can. */
export const missing = !chromiumPath || !hasFirmware
  ? 'Chromium is not installed (apt-get install chromium)'
  : existsSync(join(root, 'build/web/index.js')) ? undefined : 'build/web is missing (npm run build)'

if (missing) console.warn(`browser specs are skipped: ${missing}`)

export async function launch(): Promise<Browser> {
  return await chromium.launch({ executablePath: chromiumPath, args: ['--no-sandbox', '--disable-dev-shm-usage'] })
}

/** A policy without anything that tabpc does not need. */
export const strictPolicy =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self' blob:"

export interface SiteOptions {
  readonly isolated?: boolean
  readonly headers?: Readonly<Record<string, string>>
  /** In place of what lies at a path. */
  readonly answers?: Readonly<Record<string, Answer>>
}

const pages: Readonly<Record<string, Answer>> = {
  '/': {
    body: '<!doctype html><html lang="en"><meta charset="utf-8"><title>spec</title>' +
      '<script type="module" src="/spec.js"></script><body><canvas id="screen"></canvas></body></html>',
  },
  '/favicon.ico': { body: '', type: 'image/x-icon' },
  '/spec.js': { body: "import * as tabpc from '/tabpc/index.js'; globalThis.tabpc = tabpc", type: 'text/javascript' },
}

/** Serves build/web under /tabpc/, the guest under /guest/, and a page with `tabpc` at /. */
export async function startSite({ isolated = false, headers = {}, answers = {} }: SiteOptions = {}): Promise<FileServer> {
  return await startFileServer({
    headers: { ...(isolated ? isolationHeaders : {}), ...headers },
    answer: path => {
      const own = answers[path] ?? pages[path]
      if (own) return own
      if (path.includes('..')) return undefined
      if (path.startsWith('/tabpc/')) return { file: join(root, 'build/web', path.slice(7)) }
      if (path.startsWith('/guest/')) return { file: join(guestFolder, path.slice(7)) }
      if (path.startsWith('/boot/')) return { file: join(root, 'test/guests/boot', path.slice(6)) }
      return undefined
    },
  })
}

declare global {
  /** What the pages of the specs have imported. */
  var tabpc: typeof import('../../src/web/index.ts')
}

/** A page of the site, in a context of its own, once `tabpc` is there; and what went wrong in it. */
export async function openPage(browser: Browser, site: FileServer): Promise<{ page: Page, complaints: string[] }> {
  const context = await browser.newContext()
  const opened = await context.newPage()
  const complaints: string[] = []
  opened.on('pageerror', error => complaints.push(String(error)))
  opened.on('console', message => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  await opened.goto(`${site.origin}/`)
  await opened.waitForFunction(() => typeof tabpc !== 'undefined')
  return { page: opened, complaints }
}
