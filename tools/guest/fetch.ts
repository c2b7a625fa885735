/**
 * Fetches Debian packages that hold things to boot and unpacks them into .cache/guests/<package>/:
 * `npx tsx tools/guest/fetch.ts memtest86+ grub-invaders seabios [--force] [--mirror URL] [--suite NAME] [--arch NAME]`
 * stdout gets the paths of the interesting files: kernels, firmware and boot images, one a line.
 */

import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { PCError } from '../../src/errors.ts'
import type { FileMap } from '../../src/node/archive/deb.ts'
import { cacheDirectory, readJson, writeDirectoryAtomic } from './cache.ts'
import { withCacheLock } from './cache-lock.ts'
import { type Outcome, runCommand } from './command-line.ts'
import { type FetchOptions, PackageStore } from './debian-package.ts'
import type { OnProgress } from './progress.ts'

const USAGE = 'tools/guest/fetch.ts [--force] [--mirror URL] [--suite NAME] [--arch NAME] PACKAGE...'
/** Debian package names (policy 5.6.7), so that none can leave the cache directory. */
const PACKAGE_NAME = /^[a-z0-9][a-z0-9+.-]+$/
const VERSION_FILE = '.version.json'

/** What a machine boots or runs as firmware; documentation and scripts are not interesting. */
const INTERESTING = /^\/boot\/(?!System\.map|config-)|\.(bin|rom|elf|exec|img|iso|aml|fd|efi|lkrn|dsk)$/

/** Paths inside a package that hold something to boot or firmware, sorted. */
export function interestingPaths(paths: Iterable<string>): string[] {
  return [...paths].filter(path => INTERESTING.test(path)).sort()
}

export interface GuestPackage {
  /** Where the package is unpacked. */
  directory: string
  version: string
  /** All its files, relative to `directory`, with a leading slash. */
  paths: string[]
}

/**
 * Fetches packages and unpacks each to <cache>/guests/<name>/, unless that version is there already.
 * Throws PCError('usage' or 'no-guest').
 */
export async function fetchGuestPackages(
  names: readonly string[],
  options: FetchOptions,
): Promise<Map<string, GuestPackage>> {
  const wrong = names.find(name => !PACKAGE_NAME.test(name))
  if (wrong !== undefined) throw new PCError('usage', `'${wrong}' is not a package name`, `Usage: ${USAGE}`)
  return withCacheLock(options.cache, options.onProgress ?? (() => {}), async () => {
    const store = new PackageStore(options)
    const packages = new Map<string, GuestPackage>()
    for (const name of names) packages.set(name, await unpackToCache(name, options, store))
    return packages
  })
}

async function unpackToCache(name: string, options: FetchOptions, store: PackageStore): Promise<GuestPackage> {
  const record = await store.resolve(name)
  const directory = join(options.cache, 'guests', name)
  const about = { version: record.version, architecture: record.architecture, sha256: record.sha256 }
  const there = await readJson(join(directory, VERSION_FILE))
  if (options.force || JSON.stringify(there) !== JSON.stringify(about)) {
    const files = await store.unpack(record)
    await writeDirectoryAtomic(directory, async part => {
      await writeFiles(part, files)
      await writeFile(join(part, VERSION_FILE), JSON.stringify(about))
    })
  }
  return { directory, version: record.version, paths: await listFiles(directory) }
}

async function writeFiles(directory: string, files: FileMap): Promise<void> {
  for (const [path, { type, permissions, data, target }] of files) {
    const destination = join(directory, path)
    await mkdir(dirname(destination), { recursive: true })
    if (type === 'file') await writeFile(destination, data, { mode: permissions | 0o200 })
    else await symlink(target ?? '', destination)
  }
}

async function listFiles(directory: string, prefix = ''): Promise<string[]> {
  const paths: string[] = []
  for (const entry of await readdir(join(directory, prefix), { withFileTypes: true })) {
    const path = `${prefix}/${entry.name}`
    if (entry.isDirectory()) paths.push(...(await listFiles(directory, path)))
    else if (path !== `/${VERSION_FILE}`) paths.push(path)
  }
  return paths
}

/** The program behind the command line; `main` because specs import this file for its functions. */
export async function main(parameters: string[], onProgress: OnProgress): Promise<Outcome> {
  const { values, positionals } = parse(parameters)
  if (positionals.length === 0) throw new PCError('usage', 'no package is named', `Usage: ${USAGE}`)
  const packages = await fetchGuestPackages(positionals, { ...values, cache: cacheDirectory(), onProgress })
  const outcome: Outcome = { messages: [], results: [] }
  for (const [name, { directory, version, paths }] of packages) {
    const interesting = interestingPaths(paths)
    outcome.messages.push(`${name} ${version}: ${directory}`)
    outcome.results.push(...(interesting.length > 0 ? interesting : paths).map(path => join(directory, path)))
  }
  return outcome
}

function parse(parameters: string[]) {
  try {
    return parseArgs({
      args: parameters,
      allowPositionals: true,
      options: {
        force: { type: 'boolean' },
        mirror: { type: 'string' },
        suite: { type: 'string' },
        arch: { type: 'string' },
      },
    })
  } catch (error) {
    throw new PCError('usage', error instanceof Error ? error.message : String(error), `Usage: ${USAGE}`)
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await runCommand(onProgress => main(process.argv.slice(2), onProgress))
}
