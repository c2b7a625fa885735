/** The reader of Debian packages. */
import { spawnSync } from 'node:child_process'
import { gzipSync } from 'fflate'
import { packTar } from 'modern-tar'
import { describe, expect, it } from 'vitest'
import { writeAr } from '../../../src/node/archive/ar.ts'
import { compressionOf, decompress } from '../../../src/node/archive/compression.ts'
import { unpackDeb } from '../../../src/node/archive/deb.ts'
import { makeDeb } from './make-package.ts'

const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const hasXz = spawnSync('xz', ['--version']).status === 0
const xz = (data: Uint8Array): Uint8Array => spawnSync('xz', ['-c'], { input: data }).stdout

const binary = { name: 'debian-binary', data: text('2.0\n') }

describe('deb', () => {
  it('gives files, links and permissions by absolute path', async () => {
    const tar = await packTar([
      { header: { name: './', size: 0, type: 'directory' } },
      { header: { name: './bin/tool', size: 4, mode: 0o755 }, body: 'tool' },
      { header: { name: './bin/link', size: 0, type: 'symlink', linkname: 'tool' } },
      { header: { name: './bin/hard', size: 0, type: 'link', linkname: './bin/tool' } },
      { header: { name: './empty', size: 0 } },
    ])
    const files = await unpackDeb(writeAr([binary, { name: 'data.tar.gz', data: gzipSync(tar) }]), 'p')
    expect([...files.keys()]).toEqual(['/bin/tool', '/bin/link', '/bin/hard', '/empty'])
    expect(files.get('/bin/tool')).toEqual({ type: 'file', permissions: 0o755, data: text('tool') })
    expect(files.get('/bin/link')).toMatchObject({ type: 'symlink', target: 'tool' })
    expect(files.get('/bin/hard')?.data).toEqual(text('tool'))
    expect(files.get('/empty')?.data).toEqual(new Uint8Array())
  })

  it('leaves out what nobody wants', async () => {
    const deb = await makeDeb({ '/a': 'A', '/b': 'B' })
    expect([...(await unpackDeb(deb, 'p', path => path === '/b')).keys()]).toEqual(['/b'])
  })

  it('reads uncompressed data', async () => {
    const tar = await packTar([{ header: { name: './x', size: 1 }, body: 'x' }])
    expect((await unpackDeb(writeAr([binary, { name: 'data.tar', data: tar }]), 'p')).get('/x')?.data).toEqual(
      text('x'),
    )
  })

  it.runIf(hasXz)('reads xz data, and refuses a cut stream instead of waiting for the rest', async () => {
    const content = 'y'.repeat(300_000)
    const tar = await packTar([{ header: { name: './y', size: content.length }, body: content }])
    const packed = xz(tar)
    const deb = (data: Uint8Array): Uint8Array => writeAr([binary, { name: 'data.tar.xz', data }])
    expect((await unpackDeb(deb(packed), 'p')).get('/y')?.data.length).toBe(content.length)
    await expect(unpackDeb(deb(packed.subarray(0, packed.length / 2)), 'p')).rejects.toThrow(/p cannot be unpacked/)
  })

  it('says which compression it does not read, and what to do', async () => {
    const deb = writeAr([binary, { name: 'data.tar.zst', data: new Uint8Array([0x28, 0xb5, 0x2f, 0xfd, 0]) }])
    await expect(unpackDeb(deb, 'pack')).rejects.toMatchObject({
      code: 'unsupported',
      message: 'data.tar.zst of pack is compressed with zstd, which tabpc does not read',
      hint: expect.stringContaining('bookworm'),
    })
  })

  it.each([
    ['no format member', [{ name: 'data.tar', data: text('') }], /not a Debian package of format 2/],
    ['an old format', [{ name: 'debian-binary', data: text('0.9\n') }], /not a Debian package of format 2/],
    ['no data member', [binary], /no data\.tar/],
    ['data that is no tar', [binary, { name: 'data.tar', data: text('x'.repeat(1024)) }], /cannot be unpacked/],
  ])('refuses a package with %s', async (_what, members, message) => {
    await expect(unpackDeb(writeAr(members), 'p')).rejects.toThrow(message)
  })
})

describe('compression', () => {
  it('tells formats by their first bytes', () => {
    expect(compressionOf(gzipSync(text('a')))).toBe('gzip')
    expect(compressionOf(new Uint8Array([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]))).toBe('xz')
    expect(compressionOf(text('plain'))).toBe('none')
    expect(compressionOf(new Uint8Array())).toBe('none')
  })

  it('gives plain bytes', async () => {
    const plain = text('plain text '.repeat(5000))
    expect(await decompress(plain, 'f')).toEqual(plain)
    expect(await decompress(gzipSync(plain), 'f')).toEqual(plain)
    if (hasXz) expect(Buffer.from(await decompress(xz(plain), 'f')).equals(plain)).toBe(true)
  })

  it('refuses damaged files by name', async () => {
    const damaged = gzipSync(text('text'.repeat(100))).subarray(0, 20)
    await expect(decompress(damaged, 'index.gz')).rejects.toThrow(/index\.gz cannot be decompressed/)
    const notXz = new Uint8Array([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14])
    await expect(decompress(notXz, 'index.xz')).rejects.toThrow(/index\.xz cannot be decompressed/)
  })
})
