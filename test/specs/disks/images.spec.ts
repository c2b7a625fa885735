/** Disk sources: overlays, qcow2 (written by hand here), fixed VHD, HTTP ranges; and images that are damaged. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BlobDisk } from '../../../src/disks/blob-disk.ts'
import type { Disk } from '../../../src/disks/disk.ts'
import { HttpDisk } from '../../../src/disks/http-disk.ts'
import { MemoryDisk } from '../../../src/disks/memory-disk.ts'
import { openImage } from '../../../src/disks/open-image.ts'
import { OverlayDisk } from '../../../src/disks/overlay-disk.ts'
import { PCError } from '../../../src/errors.ts'
import { randomNumbers } from '../devices/workbench.ts'
import { CLUSTER, pattern, qcow2, vhd } from './image-builders.ts'

/** A source that answers by promises. */
function slow(disk: Disk): Disk {
  return {
    bytes: disk.bytes, readOnly: disk.readOnly,
    read: async (offset, length) => disk.read(offset, length),
    write: async (offset, bytes) => disk.write(offset, bytes),
    flush: async () => {},
  }
}

async function failure(image: Uint8Array): Promise<PCError> {
  try {
    await openImage(new MemoryDisk(image))
  } catch (error) {
    if (error instanceof PCError) return error
    throw error
  }
  throw new Error('the image was opened')
}

describe('an overlay', () => {
  it.each(['at once', 'late'])('answers like a disk that was written, over one that answers %s', async when => {
    const below = new MemoryDisk(pattern(50_000))
    const before = below.contents.slice()
    const overlay = new OverlayDisk(when === 'late' ? slow(below) : below)
    const model = below.contents.slice()
    const random = randomNumbers(42)
    for (let i = 0; i < 300; i++) {
      const offset = random() % 49_000
      const length = 1 + (random() % Math.min(9000, 50_000 - offset))
      if (random() & 1) {
        const bytes = pattern(length, i)
        await overlay.write(offset, bytes)
        model.set(bytes, offset)
      } else {
        expect(Buffer.compare(await overlay.read(offset, length), model.subarray(offset, offset + length))).toBe(0)
      }
    }
    expect(below.contents).toEqual(before)
  })
})

describe('images', () => {
  it.each([2, 3])('of qcow2 version %i are read cluster by cluster, and written over in memory', async version => {
    const { image, contents } = qcow2(version)
    for (const source of [new MemoryDisk(image), slow(new MemoryDisk(image))]) {
      const disk = await openImage(source)
      expect(disk.bytes).toBe(contents.length)
      expect(Buffer.compare(await disk.read(0, contents.length), contents)).toBe(0)
      expect([...(await disk.read(CLUSTER - 2, 4))]).toEqual([...contents.subarray(CLUSTER - 2, CLUSTER + 2)])
      await disk.write(CLUSTER, Uint8Array.of(9, 8, 7))
      expect([...(await disk.read(CLUSTER - 1, 4))]).toEqual([contents[CLUSTER - 1], 9, 8, 7])
    }
  })

  it('of fixed VHD are raw without their footer', async () => {
    const contents = pattern(8192)
    const disk = await openImage(new MemoryDisk(vhd(contents)))
    expect(disk.bytes).toBe(8192)
    expect(Buffer.compare(await disk.read(0, 8192), contents)).toBe(0)
  })

  it('without a format are raw', async () => {
    const source = new MemoryDisk(pattern(700))
    expect(await openImage(source)).toBe(source)
  })

  it('of other kinds are refused by name', async () => {
    expect((await failure(Uint8Array.from(Buffer.from(`KDMV${' '.repeat(600)}`)))).message).toMatch(/VMDK/)
    expect(await failure(vhd(pattern(1024), 3))).toMatchObject({ code: 'unsupported', message: expect.stringMatching(/dynamic/) })
    const { image } = qcow2()
    new DataView(image.buffer).setBigUint64(8, 512n)
    expect((await failure(image)).message).toMatch(/backing file/)
  })

  it('that are damaged give errors with names, and never more than their size', async () => {
    const random = randomNumbers(7)
    let refused = 0
    for (let i = 0; i < 4000; i++) {
      const image = i & 1 ? qcow2().image : vhd(pattern(2048))
      const start = i & 1 ? 0 : 2048
      const span = i & 1 ? (i & 2 ? 112 : 3 * CLUSTER) : 512
      for (let n = 0; n <= random() % 4; n++) image[start + (random() % span)] = random()
      try {
        const disk = await openImage(new MemoryDisk(image.subarray(0, random() & 7 ? image.length : random() % image.length)))
        const length = Math.min(disk.bytes, 4 * CLUSTER)
        for (const offset of [0, Math.max(0, disk.bytes - length)])
          expect((await disk.read(offset, length)).length).toBe(length)
      } catch (error) {
        expect(error).toBeInstanceOf(PCError)
        refused++
      }
    }
    expect(refused).toBeGreaterThan(100)
  })
})

describe('a Blob', () => {
  it('is a disk', async () => {
    const contents = pattern(5000)
    const disk = new BlobDisk(new Blob([contents as BlobPart]))
    expect(Buffer.compare(await disk.read(1000, 3000), contents.subarray(1000, 4000))).toBe(0)
  })
})

describe('a URL', () => {
  const contents = pattern(1_000_000)
  const requests: string[] = []
  let server: Server
  let base = ''
  beforeAll(async () => {
    server = createServer((request, response) => {
      const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '')
      requests.push(`${request.url} ${request.headers.range}`)
      if (request.url === '/missing') {
        response.writeHead(404).end()
      } else if (request.url === '/whole' || !range) {
        response.writeHead(200).end(contents)
      } else {
        const [first, last] = [Number(range[1]), Math.min(Number(range[2]), contents.length - 1)]
        response.writeHead(206, { 'content-range': `bytes ${first}-${last}/${contents.length}` })
        response.end(contents.subarray(first, last + 1))
      }
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterAll(() => server.close())

  it('is read in blocks, each of them once', async () => {
    const disk = await HttpDisk.open(`${base}/disk`)
    expect(disk.bytes).toBe(contents.length)
    for (const [offset, length] of [[10, 100], [262_000, 1000], [0, 1_000_000], [999_990, 10]])
      expect(Buffer.compare(await disk.read(offset, length), contents.subarray(offset, offset + length))).toBe(0)
    const blocks = requests.filter(line => line.startsWith('/disk') && !line.endsWith('=0-0'))
    expect(new Set(blocks).size).toBe(blocks.length)
    expect(blocks.length).toBe(4)
  })

  it('that is missing, or without ranges, is refused', async () => {
    await expect(HttpDisk.open(`${base}/missing`)).rejects.toMatchObject({ code: 'asset-missing', message: expect.stringMatching(/404/) })
    await expect(HttpDisk.open(`${base}/whole`)).rejects.toMatchObject({ code: 'no-range', message: expect.stringMatching(/no ranges/) })
    await expect(HttpDisk.open('http://127.0.0.1:1/')).rejects.toMatchObject({ code: 'network' })
  })
})
