/**
 * Reads qcow2 images, versions 2 and 3: clusters that are allocated, zero, compressed with deflate, or absent.
 *
 *   guest offset -> L1 table -> L2 table -> cluster in the image (or zeros)
 *
 * Read only: put an OverlayDisk over it to write. Without backing files, encryption, external data and snapshots'
 * states. Source: QEMU documentation, docs/interop/qcow2.
 */
import { inflateSync } from 'fflate'
import { PCError } from '../errors.ts'
import { chain, type Disk } from './disk.ts'

const MAGIC = 0x514649fb
const HEADER_BYTES = 72
const HEADER_BYTES_3 = 104
const LEAST_CLUSTER_BITS = 9
const MOST_CLUSTER_BITS = 21
/** 8 MiB of table: with clusters of 64 KiB enough for 512 TiB. */
const MOST_L1_ENTRIES = 1 << 20
const ENTRY_BYTES = 8
/** L2 tables that are kept. */
const CACHED_TABLES = 64
const FEATURE_DIRTY = 1
const FEATURE_CORRUPT = 2

const OFFSET_MASK = 0x00fffffffffffe00n
const COMPRESSED = 1n << 62n
const ZERO = 1n
const SECTOR_BYTES = 512

interface Layout {
  readonly bytes: number
  readonly clusterBits: number
  readonly l1Entries: number
  readonly l1Offset: number
}

function damaged(what: string): PCError {
  return new PCError('bad-file', `the qcow2 image is damaged: ${what}`, 'check it with qemu-img check, or get it anew')
}

function unsupported(what: string): PCError {
  return new PCError('unsupported', `the qcow2 image ${what}`, 'convert it: qemu-img convert -O raw IMAGE disk.img')
}

/** Whether an image begins as qcow2 does. */
export function isQcow2(start: Uint8Array): boolean {
  return start.length >= 4 && new DataView(start.buffer, start.byteOffset).getUint32(0) === MAGIC
}

/** Opens an image. Throws (or breaks the promise with) `PCError` when it is damaged or of a kind that is not read. */
export function openQcow2(source: Disk): Qcow2Disk | Promise<Qcow2Disk> {
  if (source.bytes < HEADER_BYTES) throw damaged('it ends within its header')
  return chain(source.read(0, Math.min(HEADER_BYTES_3, source.bytes)), header => {
    const layout = parseHeader(header.slice(), source.bytes)
    return chain(source.read(layout.l1Offset, layout.l1Entries * ENTRY_BYTES), table =>
      new Qcow2Disk(source, layout, entries(table)))
  })
}

function parseHeader(header: Uint8Array, imageBytes: number): Layout {
  const view = new DataView(header.buffer)
  const version = view.getUint32(4)
  if (version !== 2 && version !== 3) throw unsupported(`has version ${version}`)
  if (view.getBigUint64(8) !== 0n) throw unsupported('has a backing file')
  const clusterBits = view.getUint32(20)
  if (clusterBits < LEAST_CLUSTER_BITS || clusterBits > MOST_CLUSTER_BITS) throw damaged(`its clusters have 2^${clusterBits} bytes`)
  if (view.getUint32(32) !== 0) throw unsupported('is encrypted')
  if (version === 3) {
    if (header.length < HEADER_BYTES_3) throw damaged('it ends within its header')
    const features = view.getBigUint64(72)
    if (features & BigInt(FEATURE_CORRUPT)) throw damaged('it says so itself')
    if (features & ~BigInt(FEATURE_DIRTY)) throw unsupported('needs features that are not known here')
  }
  const size = view.getBigUint64(24)
  const l1Entries = view.getUint32(36)
  const l1Offset = view.getBigUint64(40)
  const perTable = 2n ** BigInt(2 * clusterBits - 3)
  if (size > BigInt(Number.MAX_SAFE_INTEGER)) throw damaged('its size is out of all bounds')
  if (l1Entries > MOST_L1_ENTRIES || BigInt(l1Entries) < (size + perTable - 1n) / perTable)
    throw damaged(`its first table has ${l1Entries} entries`)
  if (l1Offset + BigInt(l1Entries * ENTRY_BYTES) > BigInt(imageBytes)) throw damaged('its first table lies behind its end')
  return { bytes: Number(size), clusterBits, l1Entries, l1Offset: Number(l1Offset) }
}

/** The big-endian 64-bit numbers of a table. */
function entries(table: Uint8Array): BigUint64Array {
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength)
  return BigUint64Array.from({ length: table.length / ENTRY_BYTES }, (_, i) => view.getBigUint64(i * ENTRY_BYTES))
}

export class Qcow2Disk implements Disk {
  readonly bytes: number
  readonly readOnly = true
  private readonly source: Disk
  private readonly clusterBits: number
  private readonly l1: BigUint64Array
  /** L2 tables by their place; the one used last is the last. */
  private readonly tables = new Map<number, BigUint64Array>()

  /** For `openQcow2`. */
  constructor(source: Disk, layout: Layout, l1: BigUint64Array) {
    this.source = source
    this.bytes = layout.bytes
    this.clusterBits = layout.clusterBits
    this.l1 = l1
  }

  read(offset: number, length: number): Uint8Array | Promise<Uint8Array> {
    const result = new Uint8Array(length)
    const clusterBytes = 2 ** this.clusterBits
    const readFrom = (done: number): Uint8Array | Promise<Uint8Array> => {
      let at = done
      while (at < length) {
        const within = (offset + at) % clusterBytes
        const count = Math.min(clusterBytes - within, length - at)
        const piece = this.readCluster(Math.floor((offset + at) / clusterBytes), within, count)
        const place = at
        at += count
        if (piece instanceof Promise) {
          const next = at
          return piece.then(bytes => {
            result.set(bytes, place)
            return readFrom(next)
          })
        }
        result.set(piece, place)
      }
      return result
    }
    return readFrom(0)
  }

  write(): void {
    throw new PCError('unsupported', 'qcow2 images are only read', 'put an overlay over it')
  }

  flush(): void {}

  private readCluster(cluster: number, within: number, count: number): Uint8Array | Promise<Uint8Array> {
    const perTable = 2 ** (this.clusterBits - 3)
    const place = this.l1[Math.floor(cluster / perTable)] & OFFSET_MASK
    if (place === 0n) return new Uint8Array(count)
    return chain(this.table(Number(place)), table => this.readEntry(table[cluster % perTable], within, count))
  }

  private readEntry(entry: bigint, within: number, count: number): Uint8Array | Promise<Uint8Array> {
    if (entry & COMPRESSED) return chain(this.inflate(entry), bytes => bytes.subarray(within, within + count))
    const place = Number(entry & OFFSET_MASK)
    if (place === 0 || entry & ZERO) return new Uint8Array(count)
    return this.readSource(place + within, count)
  }

  /** A compressed cluster: its place in the low bits, the sectors that it takes above. */
  private inflate(entry: bigint): Uint8Array | Promise<Uint8Array> {
    const sizeBit = BigInt(62 - (this.clusterBits - 8))
    const place = Number(entry & ((1n << sizeBit) - 1n))
    const sectors = Number((entry & (COMPRESSED - 1n)) >> sizeBit) + 1
    const most = sectors * SECTOR_BYTES - (place % SECTOR_BYTES)
    const length = Math.max(0, Math.min(most, this.source.bytes - place))
    return chain(this.source.read(Math.min(place, this.source.bytes), length), bytes => {
      const cluster = new Uint8Array(2 ** this.clusterBits)
      try {
        inflateSync(bytes, { out: cluster })
      } catch {
        throw damaged('a compressed cluster cannot be unpacked')
      }
      return cluster
    })
  }

  private table(place: number): BigUint64Array | Promise<BigUint64Array> {
    const known = this.tables.get(place)
    if (known) {
      this.tables.delete(place)
      this.tables.set(place, known)
      return known
    }
    return chain(this.readSource(place, 2 ** this.clusterBits), bytes => {
      const table = entries(bytes)
      this.tables.set(place, table)
      if (this.tables.size > CACHED_TABLES) this.tables.delete(this.tables.keys().next().value as number)
      return table
    })
  }

  /** Bytes of the image; zeros behind its end, where the last cluster may lie. */
  private readSource(place: number, count: number): Uint8Array | Promise<Uint8Array> {
    const { source } = this
    if (place + count <= source.bytes) return source.read(place, count)
    const there = Math.max(0, source.bytes - place)
    const padded = new Uint8Array(count)
    if (there === 0) return padded
    return chain(source.read(place, there), bytes => {
      padded.set(bytes)
      return padded
    })
  }
}
