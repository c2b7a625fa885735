/**
 * A disk behind a URL, read in ranges: blocks of 256 KiB in a cache, and the block behind the last one ahead of time.
 *
 *     const disc = await HttpDisk.open('https://…/debian.iso', { signal })
 *
 * Read only: put an OverlayDisk over it to write. The server must know ranges. Source: RFC 9110, 14 (Range requests).
 */
import { PCError } from '../errors.ts'
import { request } from '../fetch-problem.ts'
import type { Disk } from './disk.ts'

const BLOCK_BYTES = 256 << 10
/** 64 MiB. */
const CACHED_BLOCKS = 256
const STATUS_PARTIAL = 206
const ATTEMPTS = 3

export interface HttpDiskOptions {
  readonly signal?: AbortSignal
  /** Requests headers, such as an authorization. */
  readonly headers?: Readonly<Record<string, string>>
  /** In place of the global `fetch`. */
  readonly fetch?: typeof fetch
}

export class HttpDisk implements Disk {
  readonly bytes: number
  readonly readOnly = true
  private readonly url: string
  private readonly options: HttpDiskOptions
  /** Blocks that are there or on their way; the one used last is the last. */
  private readonly blocks = new Map<number, Promise<Uint8Array>>()
  private lastBlock = -2

  private constructor(url: string, bytes: number, options: HttpDiskOptions) {
    this.url = url
    this.bytes = bytes
    this.options = options
  }

  /** Asks for the size. Breaks its promise with `PCError`: no such file ('asset-missing'), no ranges ('no-range') … */
  static async open(url: string, options: HttpDiskOptions = {}): Promise<HttpDisk> {
    const response = await requestRange(url, 0, 1, options)
    const total = /^bytes 0-\d+\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1]
    await response.arrayBuffer()
    if (total === undefined || Number(total) === 0)
      throw new PCError('no-range', `the server does not tell the size of '${url}'`, 'fetch the file whole: disk.download(url)')
    return new HttpDisk(url, Number(total), options)
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const result = new Uint8Array(length)
    const first = Math.floor(offset / BLOCK_BYTES)
    const last = Math.floor((offset + length - 1) / BLOCK_BYTES)
    const blocks = Array.from({ length: last - first + 1 }, (_, i) => this.block(first + i))
    // A reader that goes on in order gets the next block while it works on this one.
    if (first === this.lastBlock || first === this.lastBlock + 1) {
      if ((last + 1) * BLOCK_BYTES < this.bytes) this.block(last + 1).catch(() => {})
    }
    this.lastBlock = last
    for (const [i, pending] of blocks.entries()) {
      const block = await pending
      const start = (first + i) * BLOCK_BYTES
      const from = Math.max(offset, start)
      result.set(block.subarray(from - start, Math.min(offset + length - start, block.length)), from - offset)
    }
    return result
  }

  write(): void {
    throw new PCError('unsupported', 'a file of a server cannot be written', 'put an overlay over it')
  }

  flush(): void {}

  private block(number: number): Promise<Uint8Array> {
    const known = this.blocks.get(number)
    this.blocks.delete(number)
    const block = known ?? this.fetchBlock(number)
    this.blocks.set(number, block)
    if (this.blocks.size > CACHED_BLOCKS) this.blocks.delete(this.blocks.keys().next().value as number)
    return block
  }

  private async fetchBlock(number: number): Promise<Uint8Array> {
    const start = number * BLOCK_BYTES
    const length = Math.min(BLOCK_BYTES, this.bytes - start)
    for (let attempt = 1; ; attempt++) {
      try {
        const response = await requestRange(this.url, start, length, this.options)
        const bytes = new Uint8Array(await response.arrayBuffer())
        if (bytes.length !== length)
          throw new PCError('bad-file', `the server gave ${bytes.length} bytes of '${this.url}' for ${length}`, 'try again')
        return bytes
      } catch (error) {
        if (attempt < ATTEMPTS && !this.options.signal?.aborted) continue
        // What could not be fetched may be asked for again.
        this.blocks.delete(number)
        throw error
      }
    }
  }
}

async function requestRange(url: string, start: number, length: number, options: HttpDiskOptions): Promise<Response> {
  const headers = { ...options.headers, range: `bytes=${start}-${start + length - 1}` }
  const response = await request(url, { ...options, headers })
  if (response.status === STATUS_PARTIAL) return response
  await response.body?.cancel()
  throw new PCError('no-range', `the server gives no ranges of '${url}'`, 'use one that does, or fetch the file whole: disk.download(url)')
}
