/**
 * Fetches Debian packages and unpacks them in memory; what was fetched once is used again without the network.
 * Flow: name -> record (cached, or from apt or a mirror) -> .deb in the cache, SHA-256 checked -> files by path.
 * Used by the guest builder and by everything that boots other people's packages (memory test, games, firmware).
 */

import { mkdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { PCError } from '../../src/errors.ts'
import { type FileMap, unpackDeb } from '../../src/node/archive/deb.ts'
import { openAptSource } from './apt-source.ts'
import { fileBytes, readJson, sha256, unfinishedPath, writeFileAtomic } from './cache.ts'
import { withCacheLock } from './cache-lock.ts'
import { openMirrorSource } from './mirror-source.ts'
import type { PackageRecord, PackageSource } from './packages-index.ts'
import type { OnProgress } from './progress.ts'

export interface FetchOptions {
  /** The cache directory, see cache.ts. */
  cache: string
  /** Debian architecture, i386 unless given. */
  arch?: string
  /** Debian suite; unless given, whatever suites the machine's apt uses, or bookworm from a mirror. */
  suite?: string
  /** Fetch from this mirror over HTTP instead of through apt. */
  mirror?: string
  /** Ask for the newest versions even when the cache has the packages. */
  force?: boolean
  onProgress?: OnProgress
}

export interface UnpackedPackage {
  record: PackageRecord
  files: FileMap
}

/** The last Debian release with kernels for i386. */
export const DEFAULT_SUITE = 'bookworm'

/**
 * Fetches and unpacks packages: the result maps each name to its files by absolute path.
 * Throws PCError('no-guest') when a package does not exist or cannot be fetched.
 */
export async function fetchDebianPackages(
  names: readonly string[],
  options: FetchOptions,
): Promise<Map<string, UnpackedPackage>> {
  return withCacheLock(options.cache, options.onProgress ?? (() => {}), async () => {
    const store = new PackageStore(options)
    const packages = new Map<string, UnpackedPackage>()
    for (const name of names) {
      const record = await store.resolve(name)
      packages.set(name, { record, files: await store.unpack(record) })
    }
    return packages
  })
}

/**
 * Packages of one architecture and suite, with a memory of what each name meant the last time.
 * Its user holds the cache lock.
 */
export class PackageStore {
  readonly #options: FetchOptions
  readonly #architecture: string
  readonly #directory: string
  readonly #fresh = new Set<string>()
  #resolved: Map<string, PackageRecord> | undefined
  #source: Promise<PackageSource> | undefined

  constructor(options: FetchOptions) {
    this.#options = options
    this.#architecture = options.arch ?? 'i386'
    this.#directory = join(options.cache, 'packages')
  }

  get #onProgress(): OnProgress {
    return this.#options.onProgress ?? (() => {})
  }

  get #resolvedPath(): string {
    return join(this.#directory, `resolved-${this.#options.suite ?? 'default'}-${this.#architecture}.json`)
  }

  /**
   * The record of a package by name and, where given, version. A name that was resolved before means what it meant
   * then, unless `force` is set. Throws PCError('no-guest') when it exists nowhere.
   */
  async resolve(name: string, version?: string): Promise<PackageRecord> {
    const record = await this.find(name, version)
    if (record) return record
    const suite = this.#options.suite ?? "the machine's apt sources"
    throw new PCError(
      'no-guest',
      `there is no package ${name} for ${this.#architecture} in ${suite}`,
      'Check the name, or choose another suite or mirror with --suite and --mirror.',
    )
  }

  /** Whether a name can be resolved without the network. */
  async knows(name: string): Promise<boolean> {
    this.#resolved ??= await readResolved(this.#resolvedPath)
    return this.#resolved.has(name) && !this.#options.force
  }

  /** As `resolve`, but undefined when the package exists nowhere. */
  async find(name: string, version?: string): Promise<PackageRecord | undefined> {
    this.#resolved ??= await readResolved(this.#resolvedPath)
    const key = version ? `${name}=${version}` : name
    const known = this.#resolved.get(key)
    if (known && (!this.#options.force || this.#fresh.has(key))) return known
    const record = await (await this.#open()).find(name, version)
    if (!record) return undefined
    this.#resolved.set(key, record)
    this.#fresh.add(key)
    await writeFileAtomic(this.#resolvedPath, `${JSON.stringify(Object.fromEntries(this.#resolved), undefined, 2)}\n`)
    return record
  }

  /** Fetches a package unless the cache has it; returns the path of the .deb file. */
  async fetch(record: PackageRecord): Promise<string> {
    const path = this.#packagePath(record)
    if ((await fileBytes(path)) === record.bytes) return path
    await mkdir(this.#directory, { recursive: true })
    const source = await this.#open()
    const part = unfinishedPath(path)
    const progress = { step: `fetch ${record.name} ${record.version}`, totalBytes: record.bytes }
    this.#onProgress({ ...progress, doneBytes: 0 })
    try {
      await source.download(record, part, doneBytes => this.#onProgress({ ...progress, doneBytes }))
      const found = sha256(await readFile(part))
      if (found !== record.sha256) {
        throw new PCError('no-guest', `the package ${record.name} arrived damaged: its SHA-256 is wrong`, 'Try again.')
      }
      this.#onProgress({ ...progress, doneBytes: record.bytes })
      await rename(part, path)
    } finally {
      await rm(part, { force: true })
    }
    return path
  }

  /** Fetches a package and unpacks the files that `wanted` accepts. */
  async unpack(record: PackageRecord, wanted?: (path: string) => boolean): Promise<FileMap> {
    const path = await this.fetch(record)
    this.#onProgress({ step: `unpack ${record.name}` })
    try {
      return await unpackDeb(await readFile(path), record.name, wanted)
    } catch (error) {
      // Whatever happened to the file since it was checked, the next run fetches it again.
      await rm(path, { force: true })
      throw error
    }
  }

  #packagePath({ name, version, architecture }: PackageRecord): string {
    return join(this.#directory, `${name}_${version.replaceAll(':', '%3a')}_${architecture}.deb`)
  }

  #open(): Promise<PackageSource> {
    const { mirror, suite, cache } = this.#options
    const shared = { architecture: this.#architecture, onProgress: this.#onProgress }
    this.#source ??= mirror
      ? openMirrorSource({ ...shared, mirror, suite: suite ?? DEFAULT_SUITE })
      : openAptSource({ ...shared, directory: join(cache, 'apt', suite ?? 'default'), suite })
    return this.#source
  }
}

async function readResolved(path: string): Promise<Map<string, PackageRecord>> {
  const known = await readJson(path)
  return new Map(isRecordTable(known) ? Object.entries(known) : [])
}

function isRecordTable(value: unknown): value is Record<string, PackageRecord> {
  if (typeof value !== 'object' || value === null) return false
  return Object.values(value).every(
    record =>
      typeof record?.name === 'string' &&
      typeof record.version === 'string' &&
      typeof record.sha256 === 'string' &&
      typeof record.bytes === 'number' &&
      Array.isArray(record.depends),
  )
}
