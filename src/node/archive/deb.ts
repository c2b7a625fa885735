/**
 * Reader of Debian packages: the files that a package would install, as a map in memory.
 * Flow: ar members -> data.tar.{xz,gz} -> files by absolute path.
 * Source: deb(5).
 */

import { unpackTar } from 'modern-tar'
import { PCError } from '../../errors.ts'
import { readAr } from './ar.ts'
import { decompressStream } from './compression.ts'

export interface PackageFile {
  type: 'file' | 'symlink'
  /** Permission bits. */
  permissions: number
  /** Bytes of a file; empty for a symbolic link. */
  data: Uint8Array
  /** Target of a symbolic link. */
  target?: string
}

/** Files of a package by absolute path. */
export type FileMap = Map<string, PackageFile>

const DATA_MEMBER = /^data\.tar(\.\w+)?$/
const FORMAT_MEMBER = 'debian-binary'
const FORMAT_MAJOR = '2.'

/**
 * Unpacks the files of a package. `wanted` is asked with each absolute path, so that a large package does not have
 * to fit in memory whole. Hard links become copies. Throws PCError('bad-file' or 'unsupported').
 */
export async function unpackDeb(
  bytes: Uint8Array,
  name: string,
  wanted: (path: string) => boolean = () => true,
): Promise<FileMap> {
  const members = readAr(bytes)
  const format = members.find(member => member.name === FORMAT_MEMBER)
  if (!format || !new TextDecoder().decode(format.data).startsWith(FORMAT_MAJOR)) {
    throw new PCError('bad-file', `${name} is not a Debian package of format 2`, 'Give the .deb file itself.')
  }
  const data = members.find(member => DATA_MEMBER.test(member.name))
  if (!data) throw new PCError('bad-file', `${name} has no data.tar member`, 'Fetch the package again.')
  const files: FileMap = new Map()
  const entries = await unpackTar(decompressStream(data.data, `${data.name} of ${name}`), {
    strict: true,
    filter: header => header.type !== 'directory' && wanted(absolute(header.name)),
  }).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error)
    throw new PCError('bad-file', `${name} cannot be unpacked: ${reason}`, 'Delete the file and fetch it again.')
  })
  for (const { header, data: body } of entries) {
    const path = absolute(header.name)
    const permissions = header.mode ?? 0o644
    if (header.type === 'file') files.set(path, { type: 'file', permissions, data: body ?? new Uint8Array() })
    if (header.type === 'symlink') {
      files.set(path, { type: 'symlink', permissions, data: new Uint8Array(), target: header.linkname ?? '' })
    }
    if (header.type === 'link') {
      const original = files.get(absolute(header.linkname ?? ''))
      if (original) files.set(path, original)
    }
  }
  return files
}

function absolute(path: string): string {
  return `/${path.replace(/^\.?\/+/, '')}`
}
