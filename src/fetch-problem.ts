/**
 * Fetching, with errors for people: what `fetch` and servers say is told apart into codes that have a remedy each.
 *
 *   no answer: 'network', or 'cors' when the server answers everybody but this page
 *   an answer that is no success: 'asset-missing'        a page of HTML in place of the file: 'asset-type'
 */
import { PCError } from './errors.ts'

/** Without a byte for so long, a download counts as lost. */
const STALL_MILLISECONDS = 30_000
/** What a server says of a size is believed so far. */
const MOST_EXPECTED_BYTES = 1 << 30

type Fetch = typeof fetch

export interface FetchOptions {
  readonly signal?: AbortSignal
  readonly headers?: Readonly<Record<string, string>>
  /** What to do when the file is not there; `ownFileHint` for files of tabpc itself. */
  readonly hint?: string
  /** In place of the global `fetch`. */
  readonly fetch?: Fetch
}

/** How to bring files of tabpc itself to a page. */
export const ownFileHint =
  'bundlers that do not find the files of tabpc need a copy: run `npx tabpc copy-assets DIR` and give the option `assets`'

/** Asks for `url`. Gives any answer of the server that is a success; breaks its promise with `PCError` otherwise. */
export async function request(url: string, options: FetchOptions = {}): Promise<Response> {
  const { signal, headers, hint = 'check the address', fetch: ask = fetch } = options
  let response: Response
  try {
    response = await ask(url, { signal, headers })
  } catch (error) {
    if (signal?.aborted) throw aborted(signal)
    throw await noAnswer(url, ask, error)
  }
  if (response.ok) return response
  await response.body?.cancel()
  throw new PCError('asset-missing', `'${url}' cannot be fetched: status ${response.status}`, hint)
}

/** The error for a signal that has been given. */
export function aborted(signal: AbortSignal): PCError {
  const { reason } = signal
  if (reason instanceof PCError) return reason
  return new PCError('aborted', 'the signal has ended it', `reason: ${reason instanceof Error ? reason.message : String(reason)}`)
}

/** Tells a server that forbids this page from one that is not there. */
async function noAnswer(url: string, ask: Fetch, error: unknown): Promise<PCError> {
  const reason = error instanceof Error ? error.message : String(error)
  const here = globalThis.location?.origin
  if (here !== undefined && here !== 'null' && new URL(url, here).origin !== here) {
    // An opaque answer cannot be read, but it shows that the server is there.
    const answers = await ask(url, { mode: 'no-cors', method: 'HEAD' }).then(() => true, () => false)
    if (answers) {
      return new PCError(
        'cors', `'${url}' is on another origin, which does not let this page read it`,
        'let that server send Access-Control-Allow-Origin (and allow the header Range), or serve the file from this origin',
      )
    }
  }
  return new PCError('network', `'${url}' cannot be fetched: ${reason}`, 'check the address and the network')
}

export interface DownloadOptions extends FetchOptions {
  readonly onProgress?: (loaded: number, total: number | undefined) => void
  /** First bytes that the file must have, with what it is: 'a WebAssembly module'. */
  readonly magic?: { readonly bytes: readonly number[]; readonly what: string }
  readonly stallMilliseconds?: number
}

/** The bytes of a file. Breaks its promise with `PCError`; a download that stalls ends too. */
export async function download(url: string, options: DownloadOptions = {}): Promise<Uint8Array> {
  const { onProgress, signal, stallMilliseconds = STALL_MILLISECONDS } = options
  const stalled = new PCError(
    'network', `'${url}' cannot be fetched: no byte has come for ${stallMilliseconds / 1000} s`, 'check the network and try again',
  )
  const guard = new AbortController()
  const giveUp = () => guard.abort(stalled)
  let timer = setTimeout(giveUp, stallMilliseconds)
  const forward = () => guard.abort(signal && aborted(signal))
  if (signal?.aborted) forward()
  signal?.addEventListener('abort', forward, { once: true })
  try {
    const response = await request(url, { ...options, signal: guard.signal })
    const total = totalBytes(response)
    const gathered = new Gathered(total)
    onProgress?.(0, total)
    const reader = (response.body ?? new Blob([]).stream()).getReader()
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      clearTimeout(timer)
      timer = setTimeout(giveUp, stallMilliseconds)
      gathered.add(value)
      onProgress?.(gathered.length, total)
    }
    const bytes = gathered.bytes()
    checkType(url, bytes, response, options)
    return bytes
  } catch (error) {
    if (guard.signal.aborted) throw aborted(guard.signal)
    if (error instanceof PCError) throw error
    throw new PCError('network', `'${url}' stopped half-way: ${String(error)}`, 'check the network and try again')
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', forward)
  }
}

/** Content-Length is that of the compressed body when there is an encoding. */
function totalBytes(response: Response): number | undefined {
  const length = Number(response.headers.get('content-length') ?? 0)
  return length > 0 && !response.headers.get('content-encoding') ? length : undefined
}

/** Pieces that come one after the other, in one array from the beginning where the size is known. */
class Gathered {
  length = 0
  private whole: Uint8Array

  constructor(expected = 0) {
    this.whole = new Uint8Array(Math.min(expected, MOST_EXPECTED_BYTES))
  }

  add(piece: Uint8Array): void {
    const length = this.length + piece.length
    if (length > this.whole.length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.whole.length))
      larger.set(this.whole.subarray(0, this.length))
      this.whole = larger
    }
    this.whole.set(piece, this.length)
    this.length = length
  }

  bytes(): Uint8Array {
    return this.length === this.whole.length ? this.whole : this.whole.slice(0, this.length)
  }
}

function checkType(url: string, bytes: Uint8Array, response: Response, { magic, hint }: DownloadOptions): void {
  const isPage = /text\/html/i.test(response.headers.get('content-type') ?? '') && bytes[0] === 0x3c
  const isWrong = magic && !magic.bytes.every((byte, i) => bytes[i] === byte)
  if (!isPage && !isWrong) return
  throw new PCError(
    'asset-type', `'${url}' is ${isPage ? 'a page of HTML' : 'something else'} where ${magic?.what ?? 'a file'} should be`,
    `the server answers unknown addresses with a page: ${hint ?? 'check the address'}`,
  )
}
