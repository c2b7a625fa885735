/**
 * Decompression by content: gzip, xz, or stored, told apart by the first bytes rather than by a file name.
 * Flow: downloaded index, package member or kernel module -> plain bytes.
 * Source: RFC 1952 (gzip), the .xz file format 1.2.0, RFC 8878 (zstd magic), bzip2 and lzma magics.
 */

import { gunzipSync } from 'fflate'
import * as xzModule from 'xz-decompress'
import { PCError } from '../../errors.ts'

export type Compression = 'none' | 'gzip' | 'xz' | 'zstd' | 'bzip2'

const MAGICS: readonly [Compression, readonly number[]][] = [
  ['gzip', [0x1f, 0x8b]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['bzip2', [0x42, 0x5a, 0x68]],
]

/** The package is CommonJS: bundlers give its exports as names, Node gives them under `default`. */
const { XzReadableStream } = ('default' in xzModule ? xzModule.default : xzModule) as typeof xzModule

/** Names the compression of some bytes from their magic. */
export function compressionOf(bytes: Uint8Array): Compression {
  for (const [name, magic] of MAGICS) {
    if (magic.every((byte, index) => bytes[index] === byte)) return name
  }
  return 'none'
}

/** A stream over bytes in memory, in pieces small enough that a consumer can run ahead of the end. */
export function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  const pieceBytes = 1 << 20
  let offset = 0
  return new ReadableStream({
    pull(controller) {
      if (offset >= bytes.length) return controller.close()
      controller.enqueue(bytes.subarray(offset, offset + pieceBytes))
      offset += pieceBytes
    },
  })
}

/** Plain bytes of a compressed file as a stream. `name` is only for messages. */
export function decompressStream(bytes: Uint8Array, name: string): ReadableStream<Uint8Array> {
  const compression = compressionOf(bytes)
  switch (compression) {
    case 'none':
      return streamOf(bytes)
    case 'gzip':
      return streamOf(gunzip(bytes, name))
    case 'xz':
      return new XzReadableStream(streamOf(bytes))
    default:
      throw new PCError(
        'unsupported',
        `${name} is compressed with ${compression}, which tabpc does not read`,
        'Use the Debian 12 (bookworm) package, or repack the file with xz or gzip.',
      )
  }
}

/** Plain bytes of a compressed file. `name` is only for messages. */
export async function decompress(bytes: Uint8Array, name: string): Promise<Uint8Array> {
  const compression = compressionOf(bytes)
  if (compression === 'none') return bytes
  if (compression === 'gzip') return gunzip(bytes, name)
  const pieces: Uint8Array[] = []
  let length = 0
  const reader = decompressStream(bytes, name).getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      pieces.push(value)
      length += value.length
    }
  } catch (error) {
    throw damaged(name, error)
  }
  const plain = new Uint8Array(length)
  let offset = 0
  for (const piece of pieces) {
    plain.set(piece, offset)
    offset += piece.length
  }
  return plain
}

function gunzip(bytes: Uint8Array, name: string): Uint8Array {
  try {
    return gunzipSync(bytes)
  } catch (error) {
    throw damaged(name, error)
  }
}

function damaged(name: string, error: unknown): PCError {
  const reason = error instanceof Error ? error.message : String(error)
  return new PCError('bad-file', `${name} cannot be decompressed: ${reason}`, 'Delete the file and fetch it again.')
}
