/**
 * A small HTTP server for files: whole and in ranges, with the headers that a page needs to share memory between
 * threads. For `tabpc serve` and the specs of the web page.
 * Sources: RFC 9110, 14 (range requests); HTML Standard, "Cross-origin isolation".
 */
import { createReadStream, statSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname } from 'node:path'

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.mjs': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8',
  '.wasm': 'application/wasm', '.json': 'application/json', '.svg': 'image/svg+xml', '.png': 'image/png',
  '.map': 'application/json', '.webmanifest': 'application/manifest+json', '.md': 'text/plain; charset=utf-8',
}

/** With these a page is cross-origin isolated. */
export const isolationHeaders: Readonly<Record<string, string>> = {
  'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-resource-policy': 'same-origin',
}

/** What a path stands for: a file, or a body by itself. */
export type Answer =
  | { readonly file: string; readonly headers?: Readonly<Record<string, string>> }
  | {
    readonly body: string | Uint8Array; readonly type?: string; readonly status?: number
    readonly headers?: Readonly<Record<string, string>>
  }

export interface FileServerOptions {
  /** What to give for a decoded path such as '/index.html'; undefined: 404. */
  readonly answer: (path: string, request: IncomingMessage) => Answer | undefined
  /** Sent with everything. */
  readonly headers?: Readonly<Record<string, string>>
  /** Absent: one that is free. */
  readonly port?: number
  /** Address to listen on; this host only by default. */
  readonly host?: string
}

export interface FileServer {
  /** 'http://localhost:1234' */
  readonly origin: string
  close(): Promise<void>
}

/** Starts the server. Breaks its promise with what the system says, such as EADDRINUSE. */
export async function startFileServer(options: FileServerOptions): Promise<FileServer> {
  const server: Server = createServer((request, response) => serve(request, response, options))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, options.host ?? '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://localhost:${port}`,
    close: () => new Promise(resolve => {
      server.close(() => resolve())
      server.closeAllConnections()
    }),
  }
}

function serve(request: IncomingMessage, response: ServerResponse, { answer, headers }: FileServerOptions): void {
  const fail = (status: number, text: string) => {
    response.writeHead(status, { ...headers, 'content-type': 'text/plain; charset=utf-8' }).end(text)
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') return fail(405, 'only GET and HEAD')
  let path: string
  try {
    path = decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname)
  } catch {
    return fail(400, 'no such address')
  }
  const found = answer(path, request)
  if (!found) return fail(404, 'not found')
  if ('file' in found) return sendFile(request, response, found.file, { ...headers, ...found.headers }, fail)
  response.writeHead(found.status ?? 200, { ...headers, 'content-type': found.type ?? 'text/html; charset=utf-8', ...found.headers })
  response.end(request.method === 'HEAD' ? undefined : found.body)
}

function sendFile(
  request: IncomingMessage, response: ServerResponse, file: string, headers: Readonly<Record<string, string>>,
  fail: (status: number, text: string) => void,
): void {
  const status = statSync(file, { throwIfNoEntry: false })
  if (!status?.isFile()) return fail(404, 'not found')
  const { size } = status
  const etag = `"${size.toString(36)}-${Math.floor(status.mtimeMs).toString(36)}"`
  const common = {
    'content-type': types[extname(file)] ?? 'application/octet-stream', 'accept-ranges': 'bytes', etag,
    'cache-control': 'no-cache', ...headers,
  }
  const range = rangeOf(request.headers.range, size)
  if (range === 'none') {
    response.writeHead(416, { ...common, 'content-range': `bytes */${size}` }).end()
    return
  }
  if (!range && request.headers['if-none-match'] === etag) {
    response.writeHead(304, common).end()
    return
  }
  const { first, last } = range ?? { first: 0, last: size - 1 }
  response.writeHead(range ? 206 : 200, {
    ...common, 'content-length': last - first + 1, ...(range && { 'content-range': `bytes ${first}-${last}/${size}` }),
  })
  if (request.method === 'HEAD' || size === 0) {
    response.end()
    return
  }
  const stream = createReadStream(file, { start: first, end: last })
  // The answer has begun: a file that cannot be read ends it.
  stream.on('error', () => response.destroy())
  response.on('close', () => stream.destroy())
  stream.pipe(response)
}

/** The one range that is asked for; undefined: the whole file; 'none': outside of it. */
function rangeOf(header: string | undefined, size: number): { first: number, last: number } | 'none' | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '')
  if (!match || (match[1] === '' && match[2] === '')) return undefined
  const first = match[1] === '' ? Math.max(0, size - Number(match[2])) : Number(match[1])
  const last = match[1] === '' || match[2] === '' ? size - 1 : Math.min(Number(match[2]), size - 1)
  return first > last ? 'none' : { first, last }
}
