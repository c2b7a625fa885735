/**
 * Reader and writer of the common `ar` archive, the outer wrapping of a Debian package.
 * Flow: package bytes -> ar members -> (deb.ts) tar -> files.
 * Source: ar(5), "common" variant as dpkg uses it (deb(5)): 8 bytes of magic, then 60-byte headers in ASCII,
 * each followed by the member's bytes padded to an even length.
 */

import { PCError } from '../../errors.ts'

export interface ArMember {
  /** Name without trailing blanks and without the '/' that System V archivers append. */
  name: string
  /** A view into the archive, not a copy. */
  data: Uint8Array
}

const MAGIC = '!<arch>\n'
const HEADER_BYTES = 60
const NAME_BYTES = 16
const SIZE_OFFSET = 48
const SIZE_BYTES = 10
const TRAILER_OFFSET = 58
const TRAILER = '`\n'

const HINT = 'The file is damaged or cut short: delete it and fetch it again.'

function ascii(bytes: Uint8Array, offset: number, length: number): string {
  let text = ''
  for (let index = 0; index < length; index++) text += String.fromCharCode(bytes[offset + index])
  return text
}

/** True when the bytes begin with the magic of an `ar` archive. */
export function isAr(bytes: Uint8Array): boolean {
  return bytes.length >= MAGIC.length && ascii(bytes, 0, MAGIC.length) === MAGIC
}

/** Lists the members of an archive in order. Throws PCError('bad-file') on anything that is not a whole archive. */
export function readAr(bytes: Uint8Array): ArMember[] {
  if (!isAr(bytes)) throw new PCError('bad-file', 'not an ar archive: the magic is missing', HINT)
  const members: ArMember[] = []
  let offset = MAGIC.length
  while (offset < bytes.length) {
    if (offset + HEADER_BYTES > bytes.length) {
      throw new PCError('bad-file', `ar archive ends inside the header at byte ${offset}`, HINT)
    }
    if (ascii(bytes, offset + TRAILER_OFFSET, TRAILER.length) !== TRAILER) {
      throw new PCError('bad-file', `ar archive has a broken header at byte ${offset}`, HINT)
    }
    const sizeText = ascii(bytes, offset + SIZE_OFFSET, SIZE_BYTES).trimEnd()
    if (!/^\d+$/.test(sizeText)) {
      throw new PCError('bad-file', `ar archive has a bad size '${sizeText}' at byte ${offset}`, HINT)
    }
    const size = Number(sizeText)
    const start = offset + HEADER_BYTES
    if (start + size > bytes.length) {
      throw new PCError('bad-file', `ar archive ends inside the member at byte ${offset}`, HINT)
    }
    const name = ascii(bytes, offset, NAME_BYTES).trimEnd().replace(/\/$/, '')
    members.push({ name, data: bytes.subarray(start, start + size) })
    offset = start + size + (size & 1)
  }
  return members
}

/** Packs members into an archive: owner root, date 0, so that the same members give the same bytes. */
export function writeAr(members: readonly ArMember[]): Uint8Array {
  const length = members.reduce((sum, { data }) => sum + HEADER_BYTES + data.length + (data.length & 1), MAGIC.length)
  const bytes = new Uint8Array(length)
  const encoder = new TextEncoder()
  bytes.set(encoder.encode(MAGIC))
  let offset = MAGIC.length
  for (const { name, data } of members) {
    if (!/^[\x21-\x7e]{1,16}$/.test(name)) {
      throw new PCError('bad-file', `'${name}' cannot be an ar member`, 'Use 1 to 16 printable characters.')
    }
    const fields = [name.padEnd(NAME_BYTES), '0'.padEnd(12), '0'.padEnd(6), '0'.padEnd(6), '100644'.padEnd(8)]
    bytes.set(encoder.encode(`${fields.join('')}${String(data.length).padEnd(SIZE_BYTES)}${TRAILER}`), offset)
    bytes.set(data, offset + HEADER_BYTES)
    if (data.length & 1) bytes[offset + HEADER_BYTES + data.length] = 0x0a
    offset += HEADER_BYTES + data.length + (data.length & 1)
  }
  return bytes
}
