/**
 * The cache directory: where fetched packages and built guests stay between runs.
 * Files appear whole or not at all (written beside, then renamed), so a run that is interrupted damages nothing,
 * and a lock (cache-lock.ts) keeps two builders from working in the same apt state.
 *
 *     .cache/packages/*.deb, resolved.json   fetched packages and which version each name meant
 *     .cache/apt/                            apt's own state for i386
 *     .cache/guest/<key>/                    vmlinuz, initrd.gz, guest.json
 *     .cache/guests/<package>/               files of other packages (memory test, games, firmware)
 */

import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PCError } from '../../src/errors.ts'

const PROJECT_ROOT = fileURLToPath(new URL('../../', import.meta.url))
const CACHE_VARIABLE = 'TABPC_CACHE'
const UNFINISHED_SUFFIX = '.part'
const FOLDERS = ['packages', 'guest', 'guests']

/** The cache directory: $TABPC_CACHE, or .cache in the project root. */
export function cacheDirectory(environment: NodeJS.ProcessEnv = process.env): string {
  const chosen = environment[CACHE_VARIABLE]
  return chosen ? resolve(chosen) : join(PROJECT_ROOT, '.cache')
}

/** A name for a file or directory that is not finished, beside `path` so that the rename stays in one file system. */
export function unfinishedPath(path: string): string {
  return `${path}.${process.pid}-${randomBytes(4).toString('hex')}${UNFINISHED_SUFFIX}`
}

/** Writes a file so that readers see the old bytes or the new ones, never half of them. */
export async function writeFileAtomic(path: string, data: Uint8Array | string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const part = unfinishedPath(path)
  try {
    await writeFile(part, data)
    await rename(part, path)
  } finally {
    await rm(part, { force: true })
  }
}

/** Fills a directory through `fill` and moves it into place, replacing what is there. */
export async function writeDirectoryAtomic(path: string, fill: (directory: string) => Promise<void>): Promise<void> {
  const part = unfinishedPath(path)
  const old = unfinishedPath(path)
  await mkdir(part, { recursive: true })
  try {
    await fill(part)
    await rename(path, old).catch(ignoreMissing)
    await rename(part, path)
  } finally {
    await rm(part, { recursive: true, force: true })
    await rm(old, { recursive: true, force: true })
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error
}

/** Size of a regular file in bytes, or undefined when there is none. */
export async function fileBytes(path: string): Promise<number | undefined> {
  try {
    const found = await stat(path)
    return found.isFile() ? found.size : undefined
  } catch {
    return undefined
  }
}

/** Parsed JSON of a file; undefined when it is missing or not JSON, as a cache may always be empty. */
export async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch {
    return undefined
  }
}

/** SHA-256 in lower case hexadecimal. */
export function sha256(data: Uint8Array | string): string {
  return createHash('sha256').update(data).digest('hex')
}

/** Makes the cache directory. Throws PCError('no-guest') when it cannot be made. */
export async function makeCache(cache: string): Promise<void> {
  try {
    await mkdir(cache, { recursive: true })
  } catch (error) {
    throw cacheError(error)
  }
}

/** Removes what interrupted runs left unfinished. Only for the holder of the lock. */
export async function sweepCache(cache: string): Promise<void> {
  for (const folder of FOLDERS) {
    const names = await readdir(join(cache, folder)).catch((): string[] => [])
    for (const name of names.filter(text => text.endsWith(UNFINISHED_SUFFIX))) {
      await rm(join(cache, folder, name), { recursive: true, force: true })
    }
  }
}

/** The error for a cache directory that cannot be used. */
export function cacheError(error: unknown): PCError {
  const reason = error instanceof Error ? error.message : String(error)
  return new PCError(
    'no-guest',
    `cannot write to the cache: ${reason}`,
    `Set ${CACHE_VARIABLE} to a writable directory.`,
  )
}
