/** Every error code that a page can meet, provoked in Chromium: `create` rejects soon, with a text and a hint. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Answer, FileServer } from '../../../src/node/file-server.ts'
import type { AssetLocations, PCOptions } from '../../../src/web/index.ts'
import { launch, missing, openPage, type SiteOptions, startSite, strictPolicy } from '../../web/browser.ts'
import { loop, movEax, multibootKernel, powerOff, print, SERIAL, ud2 } from '../machine/kernels.ts'

const MOST_MILLISECONDS = 5000
const binary = (body: Uint8Array): Answer => ({ body, type: 'application/octet-stream' })
/** A disk that a BIOS would start from. */
const bootable = new Uint8Array(1 << 20).fill(0x55, 510, 511).fill(0xaa, 511, 512)
const html: Answer = { body: '<!doctype html><title>app</title>', status: 200 }

const answers: Readonly<Record<string, Answer>> = {
  '/off.elf': binary(multibootKernel(print(SERIAL, 'bye\n'), powerOff)),
  '/crash.elf': binary(multibootKernel(ud2)),
  '/empty.img': binary(new Uint8Array(1 << 20)),
  '/spa/core.wasm': html, '/spa/machine-worker.js': html, '/spa/compile-worker.js': html, '/spa/kernel': html,
  '/text.wasm': { body: 'no module', type: 'application/wasm' },
  '/foreign.wasm': { body: Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]), type: 'application/wasm' },
  '/short.js': { body: "import '/no-memory.js'; import '/tabpc/machine-worker.js'", type: 'text/javascript' },
  '/no-memory.js': {
    body: "WebAssembly.Memory = class { constructor() { throw new RangeError('could not allocate memory') } }", type: 'text/javascript',
  },
  '/hot.elf': binary(multibootKernel(loop(movEax(1)))),
  '/broken.js': { body: 'throw new Error("broken on purpose")', type: 'text/javascript' },
}

interface Failure {
  readonly code: string
  readonly message: string
  readonly hint: string
  readonly milliseconds: number
}

/** What `create` rejects with, and how soon. The address EXTERNAL in the options stands for another origin. */
function failure(page: Page, options: PCOptions): Promise<Failure> {
  return page.evaluate(async given => {
    const started = performance.now()
    try {
      const pc = await tabpc.PC.create(given)
      await pc.dispose()
      return { code: 'none', message: '', hint: '', milliseconds: 0 }
    } catch (error) {
      if (!(error instanceof tabpc.PCError)) throw error
      return { code: error.code, message: error.message, hint: error.hint, milliseconds: performance.now() - started }
    }
  }, options)
}

describe.skipIf(missing)('errors of a page', () => {
  let browser: Browser
  let site: FileServer
  let page: Page
  /** Another origin, which says nothing of CORS. */
  let other: Server
  let otherOrigin = ''
  const sites: FileServer[] = []

  const open = async (options: SiteOptions): Promise<Page> => {
    const made = await startSite({ ...options, answers: { ...answers, ...options.answers } })
    sites.push(made)
    return (await openPage(browser, made)).page
  }

  beforeAll(async () => {
    browser = await launch()
    page = await open({})
    site = sites[0]
    other = createServer((_request, response) => response.end('bytes'))
    await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve))
    otherOrigin = `http://127.0.0.1:${(other.address() as AddressInfo).port}`
  })
  afterAll(async () => {
    await browser?.close()
    await Promise.all(sites.map(one => one.close()))
    other?.close()
  })

  const kernel = { kernel: '/off.elf' }
  const assets = (given: AssetLocations): PCOptions => ({ memory: '16M', boot: kernel, assets: given })
  const table: readonly [string, PCOptions, string, RegExp][] = [
    ['a kernel that is not there', { boot: { kernel: '/missing' } }, 'asset-missing', /missing.*404/],
    ['an initrd that is not there', { boot: { ...kernel, initrd: '/missing' } }, 'asset-missing', /404/],
    ['a disk that is not there', { disks: { hda: '/missing' } }, 'asset-missing', /first hard disk.*404/],
    ['core.wasm that is not there', assets({ core: '/missing' }), 'asset-missing', /404/],
    ['a worker that is not there', assets({ machineWorker: '/missing' }), 'asset-missing', /404/],
    ['a compiler that is not there', assets({ compileWorker: '/missing' }), 'asset-missing', /404/],
    ['a page in place of the compiler', assets({ compileWorker: '/spa/compile-worker.js' }), 'asset-type', /text\/html/],
    ['a BIOS that is not there', { disks: { hda: bootable }, assets: { bios: '/missing' }, boot: { drive: 'hda' } }, 'asset-missing', /404/],
    ['a page in place of core.wasm', assets({ core: '/spa/core.wasm' }), 'asset-type', /page of HTML.*WebAssembly/],
    ['a page in place of the worker', assets({ machineWorker: '/spa/machine-worker.js' }), 'asset-type', /text\/html/],
    ['a page in place of the kernel', { boot: { kernel: '/spa/kernel' } }, 'asset-type', /page of HTML/],
    ['a text in place of core.wasm', assets({ core: '/text.wasm' }), 'asset-type', /something else/],
    ['a module of somebody else', assets({ core: '/foreign.wasm' }), 'asset-type', /none of tabpc/],
    ['a worker that throws', assets({ machineWorker: '/broken.js' }), 'worker', /broken on purpose/],
    ['a server without ranges', { disks: { hda: '/empty.img' } }, 'no-range', /ranges/],
    ['nothing to boot', {}, 'unbootable', /neither a kernel nor a drive/],
    ['a disk without a system', { disks: { hda: new Uint8Array(1 << 20) } }, 'unbootable', /no drive has a system/],
    ['too little memory', { memory: '16K', boot: kernel }, 'bad-memory', /too little/],
    ['more memory than there is', assets({ machineWorker: '/short.js' }), 'bad-memory', /no room/],
    ['memory in half pages', { memory: 2 ** 24 + 1, boot: kernel }, 'bad-memory', /out of range/],
    ['a kernel that is none', { boot: { kernel: '/empty.img' } }, 'bad-kernel', /neither/],
    ['a file that is empty', { disks: { hda: new Uint8Array(0) } }, 'bad-file', /empty/],
    ['a floppy disk too large', { disks: { fda: new Uint8Array(5 << 20) } }, 'bad-file', /floppy/],
    ['a CPU that nobody knows', { boot: kernel, cpu: 'z80' }, 'usage', /z80/],
    ['a file of the host', { disks: { hda: { kind: 'file', path: '/x', readOnly: true } } }, 'unsupported', /path/],
    ['an address that is none', { boot: { kernel: 'http://' } }, 'usage', /address/],
  ]
  it.each(table)('%s', async (_name, options, code, message) => {
    const seen = await failure(page, options)
    expect(seen).toMatchObject({ code, message: expect.stringMatching(message) })
    expect(seen.hint.length).toBeGreaterThan(10)
    expect(seen.milliseconds).toBeLessThan(MOST_MILLISECONDS)
  })

  it('another origin: not allowed, and not there', async () => {
    expect(await failure(page, { boot: { kernel: `${otherOrigin}/kernel` } })).toMatchObject({ code: 'cors' })
    expect(await failure(page, { disks: { hda: `${otherOrigin}/disk` } })).toMatchObject({ code: 'cors' })
    expect(await failure(page, { boot: { kernel: 'http://127.0.0.1:9/kernel' } })).toMatchObject({ code: 'network' })
  })

  it('a strict Content Security Policy lets it work, one without wasm-unsafe-eval is told', async () => {
    const strict = await open({ headers: { 'content-security-policy': strictPolicy } })
    expect(await failure(strict, { memory: '16M', boot: kernel })).toMatchObject({ code: 'none' })
    const without = await open({ headers: { 'content-security-policy': strictPolicy.replace(" 'wasm-unsafe-eval'", '') } })
    expect(await failure(without, { memory: '16M', boot: kernel })).toMatchObject({ code: 'csp', hint: expect.stringMatching(/wasm-unsafe-eval/) })
    const noWorker = await open({ headers: { 'content-security-policy': strictPolicy.replace("worker-src 'self'", "worker-src 'none'") } })
    expect(await failure(noWorker, { memory: '16M', boot: kernel })).toMatchObject({ code: 'worker', hint: expect.stringMatching(/worker-src/) })
  })

  it('signals end create, waits, and the PC', async () => {
    const codes = await page.evaluate(async () => {
      const code = (promise: Promise<unknown>) => promise.then(() => 'none', error => (error as { code: string }).code)
      const control = new AbortController()
      const boot = { kernel: '/off.elf' }
      const early = await code(tabpc.PC.create({ boot, signal: AbortSignal.abort() }))
      const making = code(tabpc.PC.create({ memory: '16M', boot, signal: control.signal }))
      control.abort()
      const during = await making
      const later = new AbortController()
      const pc = await tabpc.PC.create({ memory: '16M', boot, signal: later.signal })
      const waiting = code(pc.waitForText('never', { signal: AbortSignal.timeout(50) }))
      const wait = await waiting
      const late = await code(pc.waitForText('never', { timeout: 50 }))
      const orphan = code(pc.waitForText('never'))
      await pc.run()
      const ended = await orphan
      later.abort()
      return { early, during, wait, late, ended, state: pc.state, gone: await code(pc.stats()) }
    })
    expect(codes).toEqual({
      early: 'aborted', during: 'aborted', wait: 'aborted', late: 'timeout', ended: 'stopped', state: 'disposed', gone: 'aborted',
    })
  })

  it('a guest that crashes says where', async () => {
    const report = await page.evaluate(async () => {
      const pc = await tabpc.PC.create({ memory: '16M', boot: { kernel: '/crash.elf' } })
      const crash = new Promise<string>(resolve => pc.addEventListener('triplefault', ({ detail }) => resolve(detail.report)))
      await pc.run()
      const text = await crash
      const { reason } = pc
      await pc.dispose()
      return `${reason} ${text}`
    })
    expect(report).toMatch(/triple-fault[\s\S]*eip/i)
  })

  it('a compiler that breaks is a warning, and the guest runs on', async () => {
    const seen = await page.evaluate(async () => {
      let warn: ((warning: { code: string, message: string }) => void) | undefined
      const warned = new Promise<{ code: string, message: string }>(resolve => {
        warn = resolve
      })
      const pc = await tabpc.PC.create({
        memory: '16M', boot: { kernel: '/hot.elf' }, assets: { compileWorker: '/broken.js' },
        onwarning: warning => warning.code === 'compiler' && warn?.(warning),
      })
      await pc.run()
      const { code, message } = await warned
      const before = (await pc.stats()).instructions
      await new Promise(resolve => setTimeout(resolve, 100))
      const after = (await pc.stats()).instructions
      await pc.dispose()
      return { code, message, runs: after > before }
    })
    expect(seen).toMatchObject({ code: 'compiler', runs: true })
  })

  it('keeps the page alive through all that', async () => {
    expect(await failure(page, { memory: '16M', boot: kernel })).toMatchObject({ code: 'none' })
    expect(site.origin).toMatch(/localhost/)
  })
})
