/**
 * Where a drive's image comes from, as plain data for the machine's worker.
 *
 *     disks: { cdrom: disk.http('debian.iso'), hda: disk.blank('512M'), fda: file }
 *
 * Nothing is written back to a source, except by a file disk of Node: writes stay in memory, and `export` gives them.
 */
import { PCError } from '../errors.ts'

/** A source that says how it is to be read. */
export type DiskDescription =
  /** Read in ranges as the guest needs it. */
  | { readonly kind: 'http'; readonly url: string; readonly headers?: Readonly<Record<string, string>> }
  /** Fetched whole before the machine starts. */
  | { readonly kind: 'download'; readonly url: string }
  | { readonly kind: 'blob'; readonly blob: Blob; readonly name?: string }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  /** Zeros. */
  | { readonly kind: 'blank'; readonly bytes: number }
  /** A file of the host, written in place unless `readOnly` (copy on write) says otherwise. Node only. */
  | { readonly kind: 'file'; readonly path: string; readonly readOnly: boolean }

/** What the drives take: a description by `disk`, an address (read in ranges), bytes or a Blob. */
export type DiskSource = DiskDescription | string | URL | Uint8Array | ArrayBuffer | Blob

const UNITS: Readonly<Record<string, number>> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 }
const SECTOR_BYTES = 512

/** '512M' or a number of bytes, in whole sectors. Throws `PCError` 'usage'. */
function diskBytes(size: string | number): number {
  const match = typeof size === 'string' ? /^(\d+(?:\.\d+)?)([KMGT])$/i.exec(size.trim()) : undefined
  const bytes = typeof size === 'number' ? size : match ? Number(match[1]) * UNITS[match[2].toUpperCase()] : Number.NaN
  if (!(bytes > 0) || bytes > 2 ** 48)
    throw new PCError('usage', `'${size}' is no size of a disk`, 'write a number and K, M, G or T, such as 512M')
  return Math.ceil(bytes / SECTOR_BYTES) * SECTOR_BYTES
}

/** Makes sources. Addresses are relative to the page. */
export const disk = {
  /** An image on a server that knows ranges: only what the guest reads is fetched. */
  http(url: string | URL, options: { readonly headers?: Readonly<Record<string, string>> } = {}): DiskDescription {
    return { kind: 'http', url: absolute(url), ...options }
  },
  /** An image that is fetched whole first: for servers without ranges, and for small images. */
  download(url: string | URL): DiskDescription {
    return { kind: 'download', url: absolute(url) }
  },
  /** A File or Blob of the page. */
  blob(blob: Blob): DiskDescription {
    return { kind: 'blob', blob, name: 'name' in blob && typeof blob.name === 'string' ? blob.name : undefined }
  },
  bytes(bytes: Uint8Array | ArrayBuffer): DiskDescription {
    return { kind: 'bytes', bytes: bytes instanceof ArrayBuffer ? new Uint8Array(bytes) : bytes }
  },
  /** An empty disk of '512M' or so many bytes; it takes memory as it is written. */
  blank(size: string | number): DiskDescription {
    return { kind: 'blank', bytes: diskBytes(size) }
  },
} as const

/** The description of whatever stands for a source. */
export function describeDisk(source: DiskSource): DiskDescription {
  if (typeof source === 'string' || source instanceof URL) return disk.http(source)
  if (source instanceof Uint8Array || source instanceof ArrayBuffer) return disk.bytes(source)
  if (source instanceof Blob) return disk.blob(source)
  return source
}

/** An address as the worker needs it, whose own base is another. */
export function absolute(url: string | URL): string {
  const base = typeof document === 'undefined' ? globalThis.location?.href : document.baseURI
  try {
    return new URL(url, base).href
  } catch {
    throw new PCError('usage', `'${url}' is no address`, 'give an absolute one, such as https://example.org/disk.img')
  }
}
