/**
 * Contents of the guest's initial RAM disk: busybox, a few scripts, device nodes and kernel modules.
 * Flow: busybox + modules -> cpio entries -> newc -> gzip. The same input gives the same bytes.
 */

import { readFile } from 'node:fs/promises'
import { gzipSync } from 'fflate'
import { type CpioEntry, FileType, writeCpio } from '../../src/node/archive/cpio.ts'
import { sha256 } from './cache.ts'
import { type ModuleInfo, modulesAlias, modulesDep } from './kernel-modules.ts'

export interface GuestModules {
  /** Release of the kernel, as uname -r prints it. */
  release: string
  /** Dependencies first. */
  order: readonly ModuleInfo[]
  /** Bytes of each module by its path below /lib/modules/<release>/. */
  files: ReadonlyMap<string, Uint8Array>
}

/** Kernel modules that a guest may want for the devices of a PC; what they depend on comes with them. */
export const WANTED_MODULES: readonly string[] = [
  'ata_piix',
  'sd_mod',
  'sr_mod',
  'isofs',
  'ext4',
  'virtio_pci',
  'virtio_blk',
  'virtio_net',
  'e1000',
  'ne2k_pci',
  'psmouse',
  'evdev',
]

/** A virtio device is found only when the driver of its bus is there, which its own driver does not depend on. */
export const EXTRA_DEPENDENCIES: ReadonlyMap<string, readonly string[]> = new Map([
  ['virtio_blk', ['virtio_pci']],
  ['virtio_net', ['virtio_pci']],
])

const HOSTNAME = 'tabpc'
const SMALLEST_LEVEL = 9

const DIRECTORIES: readonly [path: string, permissions: number][] = [
  ['bin', 0o755],
  ['dev', 0o755],
  ['etc', 0o755],
  ['etc/udhcpc', 0o755],
  ['lib', 0o755],
  ['lib/modules', 0o755],
  ['mnt', 0o755],
  ['proc', 0o555],
  ['root', 0o700],
  ['run', 0o755],
  ['sbin', 0o755],
  ['sys', 0o555],
  ['tmp', 0o1777],
  ['usr', 0o755],
  ['usr/bin', 0o755],
  ['usr/sbin', 0o755],
  ['var', 0o755],
]

/** Linux Documentation/admin-guide/devices.txt. The kernel itself opens /dev/console before /init runs. */
const DEVICES: readonly [path: string, major: number, minor: number, permissions: number][] = [
  ['dev/null', 1, 3, 0o666],
  ['dev/zero', 1, 5, 0o666],
  ['dev/random', 1, 8, 0o666],
  ['dev/urandom', 1, 9, 0o666],
  ['dev/tty0', 4, 0, 0o620],
  ['dev/tty1', 4, 1, 0o620],
  ['dev/ttyS0', 4, 64, 0o620],
  ['dev/tty', 5, 0, 0o666],
  ['dev/console', 5, 1, 0o600],
  ['dev/ptmx', 5, 2, 0o666],
]

/** Files that come from rootfs/ beside this program. */
const SCRIPTS: readonly [source: string, path: string, permissions: number][] = [
  ['init', 'init', 0o755],
  ['profile', 'etc/profile', 0o644],
  ['load-modules', 'bin/load-modules', 0o755],
  ['udhcpc', 'etc/udhcpc/default.script', 0o755],
]

const TEXTS: readonly [path: string, text: string][] = [
  ['etc/hostname', `${HOSTNAME}\n`],
  ['etc/hosts', `127.0.0.1 localhost ${HOSTNAME}\n`],
  ['etc/passwd', 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n'],
  ['etc/group', 'root:x:0:\ntty:x:5:\nnogroup:x:65534:\n'],
]

const encoder = new TextEncoder()

function directory(path: string, permissions = 0o755): CpioEntry {
  return { path, type: FileType.Directory, permissions }
}

function file(path: string, data: Uint8Array | string, permissions = 0o644): CpioEntry {
  return { path, type: FileType.Regular, permissions, data: typeof data === 'string' ? encoder.encode(data) : data }
}

async function scriptText(source: string): Promise<string> {
  return readFile(new URL(`./rootfs/${source}`, import.meta.url), 'utf8')
}

/** A hash of everything that this file puts into a guest, so that a changed recipe makes a new guest. */
export async function recipeHash(): Promise<string> {
  const scripts = await Promise.all(SCRIPTS.map(([source]) => scriptText(source)))
  return sha256(
    JSON.stringify([DIRECTORIES, DEVICES, SCRIPTS, TEXTS, WANTED_MODULES, [...EXTRA_DEPENDENCIES], scripts]),
  )
}

/** Entries of the initramfs, parents before children. */
export async function initramfsEntries(busybox: Uint8Array, modules: GuestModules | undefined): Promise<CpioEntry[]> {
  const entries = DIRECTORIES.map(([path, permissions]) => directory(path, permissions))
  for (const [path, major, minor, permissions] of DEVICES) {
    entries.push({ path, type: FileType.CharacterDevice, permissions, device: { major, minor } })
  }
  for (const [source, path, permissions] of SCRIPTS) entries.push(file(path, await scriptText(source), permissions))
  for (const [path, text] of TEXTS) entries.push(file(path, text))
  entries.push(file('bin/busybox', busybox, 0o755))
  // /init starts before `busybox --install` has made the other names.
  entries.push({ path: 'bin/sh', type: FileType.SymbolicLink, permissions: 0o777, data: encoder.encode('busybox') })
  if (modules) entries.push(...moduleEntries(modules))
  return entries
}

function moduleEntries({ release, order, files }: GuestModules): CpioEntry[] {
  const root = `lib/modules/${release}`
  const entries: CpioEntry[] = []
  const made = new Set<string>(['lib/modules'])
  const makeParents = (path: string): void => {
    const parent = path.replace(/\/[^/]*$/, '')
    if (made.has(parent)) return
    makeParents(parent)
    made.add(parent)
    entries.push(directory(parent))
  }
  for (const { path } of order) {
    makeParents(`${root}/${path}`)
    entries.push(file(`${root}/${path}`, files.get(path) ?? new Uint8Array()))
  }
  entries.push(file('lib/modules/load-order', order.map(({ path }) => `${path}\n`).join('')))
  if (order.length > 0) {
    entries.push(file(`${root}/modules.dep`, modulesDep(order)))
    entries.push(file(`${root}/modules.alias`, modulesAlias(order)))
  }
  return entries
}

/** The initramfs as the kernel takes it: a gzipped newc archive. */
export function packInitramfs(entries: readonly CpioEntry[]): Uint8Array {
  return gzipSync(writeCpio(entries), { level: SMALLEST_LEVEL, mtime: 0 })
}
