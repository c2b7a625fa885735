/**
 * Packages straight from a Debian mirror over HTTP, for machines without apt.
 * Flow: dists/<suite>/Release -> SHA-256 of the Packages index -> index -> SHA-256 of each package.
 * The chain of hashes starts at the Release file, whose signature is not checked: use a mirror you trust, or https.
 * Source: the Debian repository format (Release, Packages, by-hash).
 */

import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { PCError } from '../../src/errors.ts'
import { decompress } from '../../src/node/archive/compression.ts'
import { sha256 } from './cache.ts'
import { findInIndex, type PackageRecord, type PackageSource, parseStanza } from './packages-index.ts'
import type { OnProgress } from './progress.ts'

export interface MirrorOptions {
  /** Address of the mirror: the directory that holds dists/ and pool/. */
  mirror: string
  suite: string
  architecture: string
  onProgress: OnProgress
}

const HINT = 'Check the network and the address: it is the directory of a Debian mirror that holds dists/ and pool/.'
/** A connection that is silent for so long is dead. */
const STALL_MILLISECONDS = 30_000

interface IndexFile {
  /** Path below dists/<suite>/. */
  path: string
  sha256: string
  bytes: number
}

/** Packages of one suite of a mirror. Throws PCError('no-guest') when the index cannot be fetched or is damaged. */
export async function openMirrorSource(options: MirrorOptions): Promise<PackageSource> {
  const { suite, architecture, onProgress } = options
  const mirror = mirrorAddress(options.mirror)
  onProgress({ step: `update the package lists for ${architecture} of ${suite}` })
  const release = new TextDecoder().decode(await fetchBytes(new URL(`dists/${suite}/Release`, mirror)))
  const file = findIndexFile(release, architecture, suite)
  const packed = await fetchIndex(new URL(`dists/${suite}/`, mirror), file, onProgress)
  const index = new TextDecoder().decode(await decompress(packed, file.path))
  return {
    async find(name, version) {
      return findInIndex(index, name, version)
    },
    async download(record: PackageRecord, path: string, onBytes: (bytes: number) => void) {
      const pieces = fetchPieces(new URL(record.filename, mirror), onBytes)
      await pipeline(pieces, createWriteStream(path))
    },
  }
}

/** The mirror as a URL that ends in a slash. Throws PCError('usage') unless it is http or https. */
export function mirrorAddress(text: string): URL {
  const address = URL.canParse(text) ? new URL(text) : undefined
  if (!address || !/^https?:$/.test(address.protocol)) {
    throw new PCError('usage', `'${text}' is not the address of a mirror`, 'Give --mirror URL with http or https.')
  }
  if (!address.pathname.endsWith('/')) address.pathname += '/'
  return address
}

/** The Packages index that a Release file names for an architecture, with its SHA-256. */
export function findIndexFile(release: string, architecture: string, suite: string): IndexFile {
  const listed = parseStanza(release).get('sha256') ?? ''
  for (const name of ['Packages.xz', 'Packages.gz', 'Packages']) {
    const path = `main/binary-${architecture}/${name}`
    for (const line of listed.split('\n')) {
      const [hash, bytes, linePath] = line.trim().split(/\s+/)
      if (linePath === path) return { path, sha256: hash, bytes: Number(bytes) }
    }
  }
  throw new PCError(
    'no-guest',
    `the mirror has no ${architecture} packages in ${suite}`,
    'Try another mirror or suite.',
  )
}

/** By hash first: that file stays valid while the mirror is being updated. */
async function fetchIndex(suite: URL, file: IndexFile, onProgress: OnProgress): Promise<Uint8Array> {
  const byHash = new URL(file.path.replace(/[^/]+$/, `by-hash/SHA256/${file.sha256}`), suite)
  const step = `fetch the package list ${file.path}`
  const onBytes = (doneBytes: number): void => onProgress({ step, doneBytes, totalBytes: file.bytes })
  const bytes = await fetchBytes(byHash, onBytes).catch(() => fetchBytes(new URL(file.path, suite), onBytes))
  if (sha256(bytes) === file.sha256) return bytes
  throw new PCError(
    'no-guest',
    'the package list does not match the Release file',
    'The mirror is being updated: try later.',
  )
}

async function fetchBytes(address: URL, onBytes: (bytes: number) => void = () => {}): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  for await (const piece of fetchPieces(address, onBytes)) pieces.push(piece)
  return Buffer.concat(pieces)
}

/** Body of an HTTP answer in pieces. Throws PCError('no-guest') on any failure and when nothing arrives for a while. */
async function* fetchPieces(address: URL, onBytes: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  const stall = new AbortController()
  let timer = setTimeout(() => stall.abort(), STALL_MILLISECONDS)
  try {
    const response = await fetch(address, { signal: stall.signal })
    if (!response.ok || !response.body) {
      throw new PCError('no-guest', `${address} answers ${response.status} ${response.statusText}`, HINT)
    }
    let bytes = 0
    for await (const piece of response.body) {
      clearTimeout(timer)
      timer = setTimeout(() => stall.abort(), STALL_MILLISECONDS)
      bytes += piece.length
      onBytes(bytes)
      yield piece
    }
  } catch (error) {
    if (error instanceof PCError) throw error
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error)
    const reason = stall.signal.aborted ? `nothing arrived for ${STALL_MILLISECONDS / 1000} s` : cause
    throw new PCError('no-guest', `cannot fetch ${address}: ${reason}`, HINT)
  } finally {
    clearTimeout(timer)
  }
}
