/** What a page has to fetch before the first instruction runs: at most 400 KB as a server sends it (brotli). */
import { existsSync, readFileSync } from 'node:fs'
import { brotliCompressSync, constants } from 'node:zlib'
import { describe, expect, it } from 'vitest'

const folder = new URL('../../../build/web/', import.meta.url)
const MOST_BYTES = 400_000

/** At 9 of 11, which servers can afford. */
const compressed = (name: string): number =>
  brotliCompressSync(readFileSync(new URL(name, folder)), { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }).length

describe('the start of a page', () => {
  it.each([
    ['a kernel', ['vgabios-stdvga.bin']], ['a disk', ['bios-256k.bin', 'vgabios-stdvga.bin']],
  ] as const)('needs at most 400 KB to begin with %s', (_name, firmware) => {
    const script = readFileSync(new URL('index.js', folder), 'utf8')
    const shared = [...script.matchAll(/["']\.\/(shared-[\w-]+\.js)["']/g)].map(match => match[1])
    const files = ['index.js', ...new Set(shared), 'machine-worker.js', 'core.wasm']
    const images = firmware.filter(name => existsSync(new URL(name, folder)))
    const total = [...files, ...images].reduce((sum, name) => sum + compressed(name), 0)
    expect(total).toBeGreaterThan(100_000)
    expect(total).toBeLessThan(MOST_BYTES)
  })

  it('leaves the compiler for later', () => {
    const worker = readFileSync(new URL('machine-worker.js', folder), 'utf8')
    expect(worker).not.toMatch(/binaryen/i)
    expect(compressed('compile-worker.js')).toBeLessThan(100_000)
  })
})
