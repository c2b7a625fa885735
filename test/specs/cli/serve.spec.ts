/** `tabpc serve` and `tabpc copy-assets`: arguments, the site's files, images in ranges, headers, the copies. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { copyAssetsCommand } from '../../../src/cli/copy-assets.ts'
import type { RunHost } from '../../../src/cli/run.ts'
import { parseServeArguments, serve } from '../../../src/cli/serve.ts'
import { guestOfImage } from '../../../src/node/demo-site.ts'
import { startFileServer } from '../../../src/node/file-server.ts'

const folder = mkdtempSync(join(tmpdir(), 'tabpc-serve-'))
afterAll(() => rmSync(folder, { recursive: true }))

const image = join(folder, 'a disk.iso')
const bytes = Uint8Array.from({ length: 5000 }, (_, i) => i & 0xff)
writeFileSync(image, bytes)

function host(): RunHost & { said: string } {
  const made = { said: '', stderr: { write: (text: string) => (made.said += text) }, stdout: { write: () => true } }
  return made as unknown as RunHost & { said: string }
}

describe('the arguments of serve', () => {
  it('are options and images in any order', () => {
    expect(parseServeArguments([])).toEqual({ port: 8080, host: undefined, isolated: true, images: [] })
    expect(parseServeArguments(['a.iso', '--port', '0', 'b.img', '--no-isolation', '--host=0.0.0.0'])).toEqual(
      { port: 0, host: '0.0.0.0', isolated: false, images: ['a.iso', 'b.img'] },
    )
    expect(parseServeArguments(['--help'])).toBe('help')
  })

  it.each([[['--port', 'x']], [['--port=70000']], [['--prot', '1']], [['--port']]])('%s is refused', argv => {
    expect(() => parseServeArguments(argv)).toThrow(expect.objectContaining({ code: 'usage' }))
  })
})

describe('the site', () => {
  it('has its page, its files, its guests and their images, isolated or not', async () => {
    const listener = host()
    for (const isolated of [true, false]) {
      const server = await serve({ port: 0, isolated, images: [image] }, [], listener)
      try {
        const page = await fetch(`${server.origin}/`)
        expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
        expect(page.headers.get('cross-origin-embedder-policy')).toBe(isolated ? 'require-corp' : null)
        expect((await fetch(`${server.origin}/core.wasm`)).headers.get('content-type')).toBe('application/wasm')
        const [guest] = (await (await fetch(`${server.origin}/guests.json`)).json()) as { cdrom: string, bytes: number }[]
        expect(guest).toMatchObject({ id: 'image1', name: 'a disk.iso', boot: 'cdrom', bytes: 5000 })
        const part = await fetch(`${server.origin}/${guest.cdrom}`, { headers: { range: 'bytes=10-19' } })
        expect([part.status, part.headers.get('content-range')]).toEqual([206, 'bytes 10-19/5000'])
        expect(new Uint8Array(await part.arrayBuffer())).toEqual(bytes.slice(10, 20))
        expect((await fetch(`${server.origin}/nothing`)).status).toBe(404)
      } finally {
        await server.close()
      }
    }
    expect(listener.said).toMatch(/tabpc: http:\/\/localhost:\d+\//)
  })

  it('says which image is missing, and which port is taken', async () => {
    expect(() => guestOfImage(join(folder, 'none.iso'), 1)).toThrow(expect.objectContaining({ code: 'bad-file' }))
    const taken = await startFileServer({ answer: () => undefined })
    const port = Number(new URL(taken.origin).port)
    await expect(serve({ port, isolated: true, images: [] }, [], host())).rejects.toMatchObject({ code: 'usage', message: expect.stringMatching(/EADDRINUSE/) })
    await taken.close()
  })
})

describe('the file server', () => {
  it('keeps to its files, and to ranges within them', async () => {
    const server = await startFileServer({ answer: path => (path === '/image' ? { file: image } : path === '/folder' ? { file: folder } : undefined) })
    const get = (path: string, headers = {}, method = 'GET') => fetch(`${server.origin}${path}`, { headers, method })
    try {
      expect((await get('/image', { range: 'bytes=-5' })).headers.get('content-range')).toBe('bytes 4995-4999/5000')
      expect((await get('/image', { range: 'bytes=4990-9999' })).headers.get('content-length')).toBe('10')
      expect((await get('/image', { range: 'bytes=5000-' })).status).toBe(416)
      expect((await get('/image', { range: 'lines=1-2' })).status).toBe(200)
      const head = await get('/image', {}, 'HEAD')
      expect([head.status, head.headers.get('content-length'), (await head.arrayBuffer()).byteLength]).toEqual([200, '5000', 0])
      expect((await get('/image', { 'if-none-match': head.headers.get('etag') ?? '' })).status).toBe(304)
      expect((await get('/folder')).status).toBe(404)
      expect((await get('/image', {}, 'POST')).status).toBe(405)
      // An address that fetch would have put right.
      const status = await new Promise<number | undefined>(resolve => {
        request(server.origin, { path: '/%E0%A4%A' }, response => resolve(response.resume().statusCode)).end()
      })
      expect(status).toBe(400)
    } finally {
      await server.close()
    }
  })
})

describe('copy-assets', () => {
  it('copies what a page fetches, and says what it did', async () => {
    const listener = host()
    const target = join(folder, 'public/tabpc')
    expect(await copyAssetsCommand([target], listener)).toBe(0)
    expect(readdirSync(target)).toEqual(expect.arrayContaining(['compile-worker.js', 'core.wasm', 'machine-worker.js']))
    expect(listener.said).toMatch(/files copied to .*core\.wasm/)
    await expect(copyAssetsCommand([], listener)).rejects.toMatchObject({ code: 'usage' })
    await expect(copyAssetsCommand([join(image, 'below')], listener)).rejects.toMatchObject({ code: 'bad-file' })
  })
})
