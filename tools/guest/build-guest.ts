/**
 * Builds the Linux guest that `npm start` boots: Debian's i386 kernel and an initramfs around busybox.
 * Flow: package records -> cache key -> (unpack -> kernel, busybox, modules -> initramfs) -> .cache/guest/<key>/.
 * The key holds the package versions and the recipe, so a second run finds the guest without network or work.
 */

import { rename, rm, symlink, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { PCError } from '../../src/errors.ts'
import { decompress } from '../../src/node/archive/compression.ts'
import { WITHOUT_APT_HINT } from './apt-source.ts'
import { fileBytes, readJson, sha256, unfinishedPath, writeDirectoryAtomic } from './cache.ts'
import { withCacheLock } from './cache-lock.ts'
import { DEFAULT_SUITE, type FetchOptions, PackageStore } from './debian-package.ts'
import {
  EXTRA_DEPENDENCIES,
  type GuestModules,
  initramfsEntries,
  packInitramfs,
  recipeHash,
  WANTED_MODULES,
} from './initramfs.ts'
import { builtinNames, loadOrder, type ModuleInfo, moduleInfo } from './kernel-modules.ts'
import { checkBusybox, kernelRelease, readModuleDirectory, readOwnFile } from './own-files.ts'
import { findDependency, type PackageRecord } from './packages-index.ts'
import type { OnProgress } from './progress.ts'

export interface BuildOptions {
  /** The cache directory, see cache.ts. */
  cache: string
  /** Fetch from this Debian mirror over HTTP instead of through apt. */
  mirror?: string
  /** Debian suite; the machine's own unless given. */
  suite?: string
  /** A bzImage of one's own; needs `busybox`. */
  kernel?: string
  /** A static i386 busybox of one's own; needs `kernel`. */
  busybox?: string
  /** Directory of the modules of that kernel: lib/modules/<release>. */
  modules?: string
  /** Look for newer packages and build again. */
  force?: boolean
  onProgress?: OnProgress
}

export interface Guest {
  /** Path of the bzImage. */
  kernel: string
  /** Path of the gzipped initramfs. */
  initrd: string
  /** Kernel release and package versions, for people. */
  version: string
}

const KERNEL_METAPACKAGE = 'linux-image-686'
const KERNEL_PACKAGE = /^linux-image-\d/
const BUSYBOX_PACKAGE = 'busybox-static'
const KERNEL_FILE = 'vmlinuz'
const INITRD_FILE = 'initrd.gz'
const ABOUT_FILE = 'guest.json'
/** Last built guest, for people and shell scripts. */
const CURRENT_LINK = 'current'
const KEY_DIGITS = 12
const MODULE_PATH = /^\/(?:usr\/)?lib\/modules\/([^/]+)\/(.*)$/

/**
 * Builds the guest, or finds it in the cache. Returns paths in the cache.
 * Throws PCError('no-guest') when it cannot be fetched, PCError('usage' or 'bad-kernel') for unusable own files.
 */
export async function buildGuest(options: BuildOptions): Promise<Guest> {
  const onProgress = options.onProgress ?? (() => {})
  return withCacheLock(options.cache, onProgress, () =>
    options.kernel || options.busybox || options.modules ? buildFromFiles(options) : buildFromDebian(options),
  )
}

interface Parts {
  kernel: Uint8Array
  busybox: Uint8Array
  modules?: GuestModules
  version: string
}

async function buildFromDebian(options: BuildOptions): Promise<Guest> {
  const { store, kernel, busybox } = await resolvePackages(options)
  const key = sha256([kernel.sha256, busybox.sha256, await recipeHash()].join()).slice(0, KEY_DIGITS)
  const directory = join(options.cache, 'guest', `${kernel.name}_${kernel.version.replaceAll(':', '%3a')}_${key}`)
  return finishGuest(options, directory, async () => {
    const busyboxFiles = await store.unpack(busybox, path => path.endsWith('/bin/busybox'))
    const kernelFiles = await store.unpack(
      kernel,
      path => path.startsWith('/boot/vmlinuz-') || path.endsWith('/modules.builtin') || /\.ko(\.\w+)?$/.test(path),
    )
    const kernelPath = [...kernelFiles.keys()].find(path => path.startsWith('/boot/vmlinuz-'))
    const busyboxPath = [...busyboxFiles.keys()][0]
    if (!kernelPath || !busyboxPath) {
      const missing = kernelPath ? `${busybox.name} holds no busybox` : `${kernel.name} holds no kernel`
      throw new PCError('no-guest', `the package ${missing}`, 'Try another suite or mirror.')
    }
    const release = kernelPath.slice('/boot/vmlinuz-'.length)
    const plainFiles = new Map([...kernelFiles].map(([path, { data }]) => [path, data]))
    return {
      kernel: kernelFiles.get(kernelPath)?.data ?? new Uint8Array(),
      busybox: busyboxFiles.get(busyboxPath)?.data ?? new Uint8Array(),
      modules: await selectModules(plainFiles, release),
      version: `Linux ${release} (Debian ${kernel.version}), busybox ${busybox.version}`,
    }
  })
}

interface ResolvedPackages {
  store: PackageStore
  kernel: PackageRecord
  busybox: PackageRecord
}

/** Debian 13 has no kernel for i386 any more: on such a machine the guest comes from the last suite that has one. */
async function resolvePackages(options: BuildOptions): Promise<ResolvedPackages> {
  const fetchOptions: FetchOptions = { ...options, arch: 'i386' }
  let store = new PackageStore(fetchOptions)
  const fallback = new PackageStore({ ...fetchOptions, suite: options.suite ?? DEFAULT_SUITE })
  if (!(await store.knows(KERNEL_METAPACKAGE)) && (await fallback.knows(KERNEL_METAPACKAGE))) store = fallback
  let metapackage = await store.find(KERNEL_METAPACKAGE)
  if (!metapackage && !options.suite) {
    store = fallback
    metapackage = await store.find(KERNEL_METAPACKAGE)
  }
  if (!metapackage) {
    throw new PCError(
      'no-guest',
      `${options.suite ?? DEFAULT_SUITE} has no i386 kernel (package ${KERNEL_METAPACKAGE})`,
      `Leave out --suite, or use ${DEFAULT_SUITE}: later Debian releases have none. ${WITHOUT_APT_HINT}`,
    )
  }
  const dependency = findDependency(metapackage, KERNEL_PACKAGE)
  if (!dependency) {
    throw new PCError('no-guest', `${KERNEL_METAPACKAGE} depends on no kernel`, 'Try another suite or mirror.')
  }
  const kernel = await store.resolve(dependency.name, dependency.version)
  return { store, kernel, busybox: await store.resolve(BUSYBOX_PACKAGE) }
}

async function buildFromFiles(options: BuildOptions): Promise<Guest> {
  if (!options.kernel || !options.busybox) {
    throw new PCError(
      'usage',
      'a guest of your own files needs both a kernel and a busybox',
      'Give --kernel FILE and --busybox FILE; --modules DIR is optional.',
    )
  }
  const kernel = await readOwnFile(options.kernel, 'kernel')
  const busybox = await readOwnFile(options.busybox, 'busybox')
  const release = kernelRelease(kernel, options.kernel)
  checkBusybox(busybox, options.busybox)
  const moduleFiles = options.modules ? await readModuleDirectory(options.modules, release) : new Map()
  const moduleHashes = [...moduleFiles].map(([path, data]) => `${path} ${sha256(data)}`)
  const key = sha256([sha256(kernel), sha256(busybox), await recipeHash(), ...moduleHashes].join()).slice(0, KEY_DIGITS)
  return finishGuest(options, join(options.cache, 'guest', `own_${key}`), async () => ({
    kernel,
    busybox,
    modules: options.modules ? await selectModules(moduleFiles, release) : undefined,
    version: `Linux ${release} (${basename(options.kernel ?? '')}), ${basename(options.busybox ?? '')}`,
  }))
}

/** Returns the guest in `directory`, making it with `collect` unless it is there already. */
async function finishGuest(options: BuildOptions, directory: string, collect: () => Promise<Parts>): Promise<Guest> {
  const guest = { kernel: join(directory, KERNEL_FILE), initrd: join(directory, INITRD_FILE) }
  const about = await readJson(join(directory, ABOUT_FILE))
  if (!options.force && isAbout(about) && (await fileBytes(guest.kernel)) === about.kernelBytes) {
    if ((await fileBytes(guest.initrd)) === about.initrdBytes) {
      await pointCurrentAt(options.cache, directory)
      return { ...guest, version: about.version }
    }
  }
  const { kernel, busybox, modules, version } = await collect()
  options.onProgress?.({ step: 'pack the initramfs' })
  const initrd = packInitramfs(await initramfsEntries(busybox, modules))
  const made: About = { version, kernelBytes: kernel.length, initrdBytes: initrd.length }
  await writeDirectoryAtomic(directory, async part => {
    await writeFile(join(part, KERNEL_FILE), kernel)
    await writeFile(join(part, INITRD_FILE), initrd)
    await writeFile(join(part, ABOUT_FILE), `${JSON.stringify(made, undefined, 2)}\n`)
  })
  await pointCurrentAt(options.cache, directory)
  return { ...guest, version }
}

interface About {
  version: string
  kernelBytes: number
  initrdBytes: number
}

function isAbout(value: unknown): value is About {
  return (
    typeof value === 'object' &&
    value !== null &&
    'version' in value &&
    'kernelBytes' in value &&
    'initrdBytes' in value
  )
}

/** A convenience only: file systems without symbolic links do without. */
async function pointCurrentAt(cache: string, directory: string): Promise<void> {
  const link = join(cache, 'guest', CURRENT_LINK)
  const part = unfinishedPath(link)
  try {
    await symlink(basename(directory), part)
    await rename(part, link)
  } catch {
    await rm(part, { force: true })
  }
}

/** Picks the wanted modules and what they need out of all modules of a kernel; `files` have absolute paths. */
async function selectModules(files: ReadonlyMap<string, Uint8Array>, release: string): Promise<GuestModules> {
  const infos: ModuleInfo[] = []
  const packed = new Map<string, Uint8Array>()
  let builtin = new Set<string>()
  for (const [path, data] of files) {
    const parts = MODULE_PATH.exec(path)
    if (!parts || parts[1] !== release) continue
    if (parts[2] === 'modules.builtin') builtin = builtinNames(new TextDecoder().decode(data))
    if (/\.ko(\.\w+)?$/.test(parts[2])) packed.set(parts[2], data)
  }
  for (const [path, data] of packed) {
    const info = moduleInfo(await decompress(data, path), path)
    info.softDepends.push(...(EXTRA_DEPENDENCIES.get(info.name) ?? []))
    infos.push(info)
  }
  const order = loadOrder(WANTED_MODULES, infos, builtin)
  const plain = new Map<string, Uint8Array>()
  const flat = await Promise.all(
    order.map(async info => {
      const path = info.path.replace(/\.ko\.\w+$/, '.ko')
      plain.set(path, await decompress(packed.get(info.path) ?? new Uint8Array(), info.path))
      return { ...info, path }
    }),
  )
  return { release, order: flat, files: plain }
}
