/**
 * Writer and reader of the "new ASCII" cpio format, the only one that Linux unpacks as an initramfs.
 * Flow: guest files -> cpio bytes -> gzip -> initrd of the boot loader.
 * Source: cpio(5) "New ASCII Format" and Linux Documentation/driver-api/early-userspace/buffer-format.rst:
 * magic 070701, thirteen fields of eight hexadecimal digits, name with NUL, both name and data padded to four bytes,
 * and a last entry named TRAILER!!!.
 */

import { PCError } from '../../errors.ts'

/** Bits of st_mode that say what an entry is. */
export enum FileType {
  Fifo = 0o010000,
  CharacterDevice = 0o020000,
  Directory = 0o040000,
  BlockDevice = 0o060000,
  Regular = 0o100000,
  SymbolicLink = 0o120000,
  Socket = 0o140000,
}

export interface CpioEntry {
  /** Path without a leading slash. */
  path: string
  type: FileType
  /** Permission bits, at most 0o7777. */
  permissions: number
  /** Bytes of a regular file, or the target of a symbolic link. */
  data?: Uint8Array
  /** Numbers of a device node. */
  device?: { major: number; minor: number }
  /** Owner, 0 (root) when absent. */
  uid?: number
  gid?: number
  /** Seconds since 1970, 0 when absent. */
  mtime?: number
}

const MAGIC = '070701'
const MAGIC_WITH_SUM = '070702'
const FIELD_DIGITS = 8
const HEADER_BYTES = 110
const ALIGNMENT = 4
const TRAILER_NAME = 'TRAILER!!!'
const TYPE_MASK = 0o170000
const PERMISSION_MASK = 0o7777
/** Linux refuses longer names in an initramfs (PATH_MAX). */
const MAX_NAME_BYTES = 4096

/** Order of the fields behind the magic. */
enum Field {
  Inode,
  Mode,
  Uid,
  Gid,
  Links,
  Mtime,
  FileBytes,
  DeviceMajor,
  DeviceMinor,
  NodeMajor,
  NodeMinor,
  NameBytes,
  Sum,
  Count,
}

function padded(length: number): number {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT
}

function entryBytes(nameBytes: number, dataBytes: number): number {
  return padded(HEADER_BYTES + nameBytes) + padded(dataBytes)
}

/** Packs entries in the given order; parents must come before children, as Linux makes no missing directories. */
export function writeCpio(entries: readonly CpioEntry[]): Uint8Array {
  const encoder = new TextEncoder()
  const prepared = [...entries.map(entry => prepare(entry, encoder)), trailer(encoder)]
  const bytes = new Uint8Array(prepared.reduce((sum, { name, data }) => sum + entryBytes(name.length, data.length), 0))
  let offset = 0
  prepared.forEach(({ fields, name, data }, index) => {
    fields[Field.Inode] = index + 1
    fields[Field.FileBytes] = data.length
    fields[Field.NameBytes] = name.length
    const header = MAGIC + fields.map(field => field.toString(16).toUpperCase().padStart(FIELD_DIGITS, '0')).join('')
    bytes.set(encoder.encode(header), offset)
    bytes.set(name, offset + HEADER_BYTES)
    bytes.set(data, offset + padded(HEADER_BYTES + name.length))
    offset += entryBytes(name.length, data.length)
  })
  return bytes
}

interface Prepared {
  fields: number[]
  name: Uint8Array
  data: Uint8Array
}

function prepare(entry: CpioEntry, encoder: TextEncoder): Prepared {
  const { path, type, permissions, data = new Uint8Array(), device, uid = 0, gid = 0, mtime = 0 } = entry
  const name = encoder.encode(`${path}\0`)
  if (path === '' || path.startsWith('/') || path.includes('\0') || name.length > MAX_NAME_BYTES) {
    throw new PCError(
      'bad-initrd',
      `'${path}' cannot be a path in an initramfs`,
      'Use a short path without a leading slash.',
    )
  }
  if (path === TRAILER_NAME) {
    throw new PCError('bad-initrd', `'${path}' is the end mark of cpio and cannot be a file`, 'Rename the file.')
  }
  const fields = new Array<number>(Field.Count).fill(0)
  fields[Field.Mode] = type | (permissions & PERMISSION_MASK)
  fields[Field.Uid] = uid
  fields[Field.Gid] = gid
  fields[Field.Links] = type === FileType.Directory ? 2 : 1
  fields[Field.Mtime] = mtime
  fields[Field.NodeMajor] = device?.major ?? 0
  fields[Field.NodeMinor] = device?.minor ?? 0
  return { fields, name, data }
}

function trailer(encoder: TextEncoder): Prepared {
  const fields = new Array<number>(Field.Count).fill(0)
  fields[Field.Links] = 1
  return { fields, name: encoder.encode(`${TRAILER_NAME}\0`), data: new Uint8Array() }
}

/** Lists the entries of an archive up to its trailer; data are views. Throws PCError('bad-initrd') when damaged. */
export function readCpio(bytes: Uint8Array): CpioEntry[] {
  const decoder = new TextDecoder()
  const entries: CpioEntry[] = []
  let offset = 0
  for (;;) {
    const fields = readFields(bytes, offset, decoder)
    const nameStart = offset + HEADER_BYTES
    const nameEnd = nameStart + fields[Field.NameBytes]
    const dataStart = offset + padded(HEADER_BYTES + fields[Field.NameBytes])
    const dataEnd = dataStart + fields[Field.FileBytes]
    if (fields[Field.NameBytes] === 0 || nameEnd > bytes.length || dataEnd > bytes.length) {
      throw damaged(offset, 'an entry runs past the end')
    }
    const path = decoder.decode(bytes.subarray(nameStart, nameEnd - 1))
    if (path === TRAILER_NAME) return entries
    const type: FileType = fields[Field.Mode] & TYPE_MASK
    const entry: CpioEntry = {
      path,
      type,
      permissions: fields[Field.Mode] & PERMISSION_MASK,
      uid: fields[Field.Uid],
      gid: fields[Field.Gid],
      mtime: fields[Field.Mtime],
    }
    if (type === FileType.Regular || type === FileType.SymbolicLink) entry.data = bytes.subarray(dataStart, dataEnd)
    if (type === FileType.CharacterDevice || type === FileType.BlockDevice) {
      entry.device = { major: fields[Field.NodeMajor], minor: fields[Field.NodeMinor] }
    }
    entries.push(entry)
    offset = padded(dataEnd)
  }
}

function readFields(bytes: Uint8Array, offset: number, decoder: TextDecoder): number[] {
  if (offset + HEADER_BYTES > bytes.length) throw damaged(offset, 'the end mark is missing')
  const header = decoder.decode(bytes.subarray(offset, offset + HEADER_BYTES))
  const magic = header.slice(0, MAGIC.length)
  if (magic !== MAGIC && magic !== MAGIC_WITH_SUM) throw damaged(offset, 'the magic is missing')
  const fields: number[] = []
  for (let index = 0; index < Field.Count; index++) {
    const start = MAGIC.length + index * FIELD_DIGITS
    const digits = header.slice(start, start + FIELD_DIGITS)
    if (!/^[0-9a-fA-F]{8}$/.test(digits)) throw damaged(offset, `'${digits}' is not a number`)
    fields.push(Number.parseInt(digits, 16))
  }
  return fields
}

function damaged(offset: number, what: string): PCError {
  return new PCError('bad-initrd', `damaged cpio archive at byte ${offset}: ${what}`, 'Build the initramfs again.')
}
