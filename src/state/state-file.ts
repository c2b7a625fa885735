/**
 * The file of a saved PC: a header that says what is in it, and bytes in compressed pieces. All numbers little-endian.
 *
 *     0   'tabpc' CR LF 1Ah     so that a transfer as text shows        8   version of this format, 32 bits
 *     12  bytes of the header, 32 bits                                 16   its CRC-32
 *     20  header: JSON in UTF-8: { bodyBytes, tree }
 *     then for each 512 KiB of the body (the last piece is shorter):
 *     bytes of the piece, 32 bits; CRC-32 of what it unpacks to, 32 bits; the piece, by DEFLATE (RFC 1951)
 *
 *   tree -> packTree -> header, pieces -> this file -> unpackTree -> tree
 */
import { deflateSync, inflateSync } from 'fflate'
import { crc32 } from '../crc32.ts'
import { PCError } from '../errors.ts'
import { type PackedTree, packTree, type Tree, unpackTree } from './tree.ts'

const MAGIC = [0x74, 0x61, 0x62, 0x70, 0x63, 0x0d, 0x0a, 0x1a]
const VERSION = 1
const VERSION_OFFSET = 8
const HEADER_LENGTH = 12
const HEADER_CRC = 16
const START_BYTES = 20
const PIECE_START_BYTES = 8
/** Unpacked bytes of a piece: some 20 ms of packing, so that whatever shares the thread goes on meanwhile. */
const PIECE_BYTES = 512 << 10
/** The fastest: a higher one takes a third more time for 4 % less. */
const LEVEL = 1
/** DEFLATE makes at most 258 bytes of two bits or more. */
const MOST_RATIO = 1040

interface Header {
  readonly bodyBytes: number
  readonly tree: PackedTree
}

/** Lets others on this thread have a turn between two pieces. */
export type Turn = () => Promise<void>

/** The parts of the file that holds `tree`, in order. */
export async function writeStateFile(tree: Tree, turn: Turn): Promise<Uint8Array[]> {
  const { packed, pieces } = packTree(tree)
  const bodyBytes = pieces.reduce((sum, piece) => sum + piece.length, 0)
  const json = new TextEncoder().encode(JSON.stringify({ bodyBytes, tree: packed } satisfies Header))
  const start = new Uint8Array(START_BYTES)
  const view = new DataView(start.buffer)
  start.set(MAGIC)
  view.setUint32(VERSION_OFFSET, VERSION, true)
  view.setUint32(HEADER_LENGTH, json.length, true)
  view.setUint32(HEADER_CRC, crc32(json), true)
  const parts: Uint8Array[] = [start, json]
  for (const piece of evenPieces(pieces)) {
    const packedPiece = deflateSync(piece, { level: LEVEL })
    const before = new Uint8Array(PIECE_START_BYTES)
    const beforeView = new DataView(before.buffer)
    beforeView.setUint32(0, packedPiece.length, true)
    beforeView.setUint32(4, crc32(piece), true)
    parts.push(before, packedPiece)
    await turn()
  }
  return parts
}

/** The bytes of `pieces`, one after the other, in pieces of PIECE_BYTES. A piece is valid until the next one. */
function* evenPieces(pieces: readonly Uint8Array[]): Generator<Uint8Array> {
  const buffer = new Uint8Array(PIECE_BYTES)
  let filled = 0
  for (const piece of pieces) {
    for (let at = 0; at < piece.length; ) {
      const count = Math.min(piece.length - at, PIECE_BYTES - filled)
      buffer.set(piece.subarray(at, at + count), filled)
      at += count
      filled += count
      if (filled < PIECE_BYTES) continue
      yield buffer
      filled = 0
    }
  }
  if (filled > 0) yield buffer.subarray(0, filled)
}

/** The tree in a file. Breaks its promise with `PCError` 'bad-state' for anything else than a whole file of `writeStateFile`. */
export async function readStateFile(file: Uint8Array, turn: Turn): Promise<Tree> {
  const header = readHeader(file)
  const { bodyBytes } = header
  let at = START_BYTES + headerBytes(file)
  if (!Number.isSafeInteger(bodyBytes) || bodyBytes < 0) throw damaged('its header makes no sense')
  // Before so much memory is asked for.
  if (bodyBytes > file.length * MOST_RATIO) throw cutOff()
  const body = new Uint8Array(bodyBytes)
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  for (let filled = 0; filled < bodyBytes; filled += PIECE_BYTES) {
    if (at + PIECE_START_BYTES > file.length) throw cutOff()
    const length = view.getUint32(at, true)
    const sum = view.getUint32(at + 4, true)
    at += PIECE_START_BYTES
    if (at + length > file.length) throw cutOff()
    const out = body.subarray(filled, Math.min(filled + PIECE_BYTES, bodyBytes))
    if (inflated(file.subarray(at, at + length), out) !== out.length || crc32(out) !== sum) throw damaged('a checksum is wrong')
    at += length
    await turn()
  }
  return unpackTree(header.tree, body)
}

function headerBytes(file: Uint8Array): number {
  return new DataView(file.buffer, file.byteOffset, file.byteLength).getUint32(HEADER_LENGTH, true)
}

function readHeader(file: Uint8Array): Header {
  if (file.length < MAGIC.length || !MAGIC.every((byte, i) => file[i] === byte)) {
    throw new PCError('bad-state', 'this file is no saved PC', 'give one that save() or `tabpc run --save` has written')
  }
  if (file.length < START_BYTES) throw cutOff()
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const version = view.getUint32(VERSION_OFFSET, true)
  if (version > VERSION) {
    throw new PCError(
      'bad-state', `the PC was saved by a newer tabpc (its format is ${version}, this one reads ${VERSION})`, 'update tabpc',
    )
  }
  const end = START_BYTES + headerBytes(file)
  if (end > file.length) throw cutOff()
  const json = file.subarray(START_BYTES, end)
  if (crc32(json) !== view.getUint32(HEADER_CRC, true)) throw damaged('the checksum of its header is wrong')
  return JSON.parse(new TextDecoder().decode(json)) as Header
}

/** Unpacks into `out`; gives the number of bytes, or -1 when it cannot be done. */
function inflated(packed: Uint8Array, out: Uint8Array): number {
  try {
    return inflateSync(packed, { out }).length
  } catch {
    return -1
  }
}

function cutOff(): PCError {
  return new PCError('bad-state', 'the saved PC is cut off: its end is missing', 'get the whole file')
}

function damaged(how: string): PCError {
  return new PCError('bad-state', `the saved PC is damaged: ${how}`, 'save it again, or get the file again')
}
