/**
 * The process in which tabpc or v86 runs in a page of Chromium: serves the files, opens the page, and makes standard
 * input and output the guest's serial port. Bundled and started by page.ts.
 */
import { writeSync } from 'node:fs'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { isolationHeaders, startFileServer } from '../../src/node/file-server.ts'
import type { PageSettings } from './page.ts'

const STDOUT = 1
const settings = JSON.parse(process.argv[2]) as PageSettings

/** Folders and files below the page's address. */
const folders: Readonly<Record<string, string>> = { '/tabpc/': settings.tabpc, '/v86/': settings.v86 }
const files: Readonly<Record<string, string>> = {
  '/kernel': settings.kernel, '/initrd': settings.initrd, '/bios': settings.bios, '/vga-bios': settings.vgaBios,
}

declare global {
  /** To the host: bytes of the guest as Latin-1. */
  var output: (text: string) => void
  /** To the guest. */
  var input: (text: string) => void
}

const site = await startFileServer({
  headers: isolationHeaders,
  answer: path => {
    if (path === '/') return { body: '<!doctype html><title>bench</title><div id="screen"><div></div><canvas></canvas></div>' }
    const folder = Object.keys(folders).find(prefix => path.startsWith(prefix))
    if (folder) return { file: join(folders[folder], path.slice(folder.length)) }
    return files[path] ? { file: files[path] } : undefined
  },
})
const browser = await chromium.launch({ executablePath: settings.chromium, args: ['--no-sandbox'] })
const page = await browser.newPage()
page.on('pageerror', error => console.error(String(error)))
await page.exposeFunction('output', (text: string) => writeSync(STDOUT, Buffer.from(text, 'latin1')))
await page.goto(`${site.origin}/`)
await page.evaluate(async ({ engine, append, memoryMiB }) => {
  const latin1 = (bytes: Uint8Array) => Array.from(bytes, byte => String.fromCharCode(byte)).join('')
  // Variables keep the bundler from looking for the modules.
  if (engine === 'tabpc') {
    const address = '/tabpc/index.js'
    const { PC } = (await import(address)) as typeof import('../../src/web/index.ts')
    const pc = await PC.create({
      memory: `${memoryMiB}M`, boot: { kernel: '/kernel', initrd: '/initrd', cmdline: append },
    })
    globalThis.input = text => void pc.serial[0].write(text)
    pc.serial[0].attach({
      write: data => globalThis.output(typeof data === 'string' ? data : latin1(data)), onData: () => ({ dispose: () => {} }),
    })
    await pc.run()
    return
  }
  const address = '/v86/libv86.mjs'
  const { V86 } = (await import(address)) as typeof import('v86')
  const emulator = new V86({
    wasm_path: '/v86/v86.wasm', memory_size: memoryMiB * 2 ** 20, bios: { url: '/bios' }, vga_bios: { url: '/vga-bios' },
    bzimage: { url: '/kernel' }, initrd: { url: '/initrd' }, cmdline: append, autostart: true, disable_speaker: true,
  })
  let pending = ''
  emulator.add_listener('serial0-output-byte', byte => {
    pending += String.fromCharCode(byte)
    if (byte !== 10) return
    globalThis.output(pending)
    pending = ''
  })
  globalThis.input = text => emulator.serial0_send(text)
}, { engine: settings.engine, append: settings.append, memoryMiB: settings.memoryMiB })

process.stdin.on('data', chunk => void page.evaluate(text => globalThis.input(text), chunk.toString('latin1')))
process.stdin.on('end', () => void browser.close().then(() => process.exit(0)))
