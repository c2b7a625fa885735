/** The whole builder against a small Debian mirror on this machine: no outer network, no apt. */

import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'fflate'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FileType, readCpio } from '../../../src/node/archive/cpio.ts'
import { type BuildOptions, buildGuest, type Guest } from '../../../tools/guest/build-guest.ts'
import { sha256 } from '../../../tools/guest/cache.ts'
import { fetchDebianPackages } from '../../../tools/guest/debian-package.ts'
import { fetchGuestPackages, interestingPaths } from '../../../tools/guest/fetch.ts'
import { WANTED_MODULES } from '../../../tools/guest/initramfs.ts'
import { mirrorAddress } from '../../../tools/guest/mirror-source.ts'
import { kernelRelease } from '../../../tools/guest/own-files.ts'
import { makeDeb, makeKernel, makeModule, makeProgram } from './make-package.ts'

interface Mirror {
  files: Map<string, Uint8Array>
  requests: string[]
  server: Server
  url: string
}

let cache = ''
let mirror: Mirror

beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'tabpc-guest-'))
  mirror = await startMirror()
  await publish('6.1.0-9')
})
afterEach(async () => {
  await stopMirror()
  await rm(cache, { recursive: true, force: true })
})

async function startMirror(): Promise<Mirror> {
  const files = new Map<string, Uint8Array>()
  const requests: string[] = []
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '')
    requests.push(path)
    const data = files.get(path)
    response.writeHead(data ? 200 : 404)
    response.end(data)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return { files, requests, server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/debian` }
}

function stopMirror(): Promise<void> {
  mirror.server.closeAllConnections()
  return new Promise(resolve => mirror.server.close(() => resolve()))
}

/** A kernel with every wanted module; sd_mod stands for those that need others, evdev for those built in. */
async function kernelPackage(release: string): Promise<Uint8Array> {
  const root = `/lib/modules/${release}`
  const files: Record<string, string | Uint8Array> = {
    [`/boot/vmlinuz-${release}`]: makeKernel(release),
    [`${root}/modules.builtin`]: 'kernel/drivers/input/evdev.ko\n',
    [`${root}/kernel/scsi/scsi-common.ko`]: makeModule(['depends=']),
    [`${root}/kernel/sound/unwanted.ko`]: makeModule(['depends=']),
  }
  for (const name of WANTED_MODULES.filter(each => each !== 'evdev')) {
    const depends = name === 'sd_mod' ? 'scsi_common' : ''
    files[`${root}/kernel/${name.replace('_', '-')}.ko`] = gzipSync(
      makeModule([`depends=${depends}`, `alias=for:${name}`]),
    )
  }
  return makeDeb(files)
}

/** Puts a kernel release, busybox and a game on the mirror. */
async function publish(release: string): Promise<void> {
  const full = `${release}-686`
  const packages: [name: string, version: string, depends: string, deb: Uint8Array][] = [
    ['linux-image-686', `${release}-1`, `linux-image-${full} (= ${release}-1), other`, await makeDeb({ '/doc': '' })],
    [`linux-image-${full}`, `${release}-1`, '', await kernelPackage(full)],
    ['busybox-static', '1:1.35-4', '', await makeDeb({ '/bin/busybox': makeProgram() })],
    ['a-game', '1.0-1', '', await makeDeb({ '/boot/game.exec': 'elf', '/usr/share/doc/a-game/copyright': 'free' })],
  ]
  const stanzas: string[] = []
  for (const [name, version, depends, deb] of packages) {
    const filename = `pool/${name}_${version.replace(':', '')}_i386.deb`
    mirror.files.set(`/debian/${filename}`, deb)
    const relation = depends ? `Depends: ${depends}\n` : ''
    stanzas.push(
      `Package: ${name}\nVersion: ${version}\nArchitecture: i386\n${relation}Filename: ${filename}\n` +
        `Size: ${deb.length}\nSHA256: ${sha256(deb)}\n`,
    )
  }
  publishIndex(gzipSync(new TextEncoder().encode(stanzas.join('\n'))))
}

function publishIndex(index: Uint8Array, hash = sha256(index)): void {
  const path = 'main/binary-i386/Packages.gz'
  const release = `Origin: Debian\nSHA256:\n ${hash} ${index.length} ${path}\nAcquire-By-Hash: yes\n`
  mirror.files.set(`/debian/dists/bookworm/${path}`, index)
  mirror.files.set('/debian/dists/bookworm/Release', new TextEncoder().encode(release))
}

const build = (options: Partial<BuildOptions> = {}): Promise<Guest> =>
  buildGuest({ cache, mirror: mirror.url, ...options })
const unpacked = async (guest: Guest) => readCpio(gunzipSync(await readFile(guest.initrd)))
const content = (data: Uint8Array | undefined): string => new TextDecoder().decode(data)

describe('a guest from a mirror', () => {
  it('has the kernel that the metapackage names', async () => {
    const guest = await build()
    expect(Buffer.from(makeKernel('6.1.0-9-686')).equals(await readFile(guest.kernel))).toBe(true)
    expect(guest.version).toBe('Linux 6.1.0-9-686 (Debian 6.1.0-9-1), busybox 1:1.35-4')
  })

  it('has what the kernel needs to start, owned by root', async () => {
    const entries = await unpacked(await build())
    const find = (path: string) => entries.find(entry => entry.path === path)
    expect(find('init')).toMatchObject({ type: FileType.Regular, permissions: 0o755 })
    expect(content(find('init')?.data)).toMatch(/^#!\/bin\/busybox sh\n/)
    expect(find('bin/busybox')).toMatchObject({ permissions: 0o755, data: makeProgram() })
    expect(find('dev/console')).toMatchObject({ type: FileType.CharacterDevice, device: { major: 5, minor: 1 } })
    expect(content(find('bin/sh')?.data)).toBe('busybox')
    expect(entries.every(({ uid, gid }) => uid === 0 && gid === 0)).toBe(true)
  })

  it('makes every directory before what is in it, and nothing twice', async () => {
    const paths = (await unpacked(await build())).map(({ path }) => path)
    expect(new Set(paths).size).toBe(paths.length)
    paths.forEach((path, index) => {
      const parent = path.slice(0, Math.max(0, path.lastIndexOf('/')))
      if (parent) expect(paths.slice(0, index), path).toContain(parent)
    })
  })

  it('has the wanted modules uncompressed in load order, and no others', async () => {
    const entries = await unpacked(await build())
    const root = 'lib/modules/6.1.0-9-686/'
    const order = content(entries.find(({ path }) => path === 'lib/modules/load-order')?.data)
      .trim()
      .split('\n')
    const found = entries.map(({ path }) => path).filter(path => path.endsWith('.ko'))
    expect(found).toEqual(order.map(path => root + path))
    expect(order).toHaveLength(WANTED_MODULES.length)
    expect(order.indexOf('kernel/scsi/scsi-common.ko')).toBeLessThan(order.indexOf('kernel/sd-mod.ko'))
    expect(order.indexOf('kernel/virtio-pci.ko')).toBeLessThan(order.indexOf('kernel/virtio-blk.ko'))
    expect(order).not.toContain('kernel/sound/unwanted.ko')
    expect(entries.find(({ path }) => path === `${root}kernel/ext4.ko`)?.data?.[0]).toBe(0x7f)
    const dep = content(entries.find(({ path }) => path === `${root}modules.dep`)?.data)
    expect(dep).toContain('kernel/sd-mod.ko: kernel/scsi/scsi-common.ko\n')
    expect(dep).toContain('kernel/virtio-blk.ko: kernel/virtio-pci.ko\n')
  })

  it('is the same bytes each time', async () => {
    const first = await readFile((await build()).initrd)
    expect((await readFile((await build({ force: true })).initrd)).equals(first)).toBe(true)
  })

  it('comes from the cache the second time, without any request', async () => {
    const first = await build()
    await stopMirror()
    const steps: string[] = []
    const second = await build({ mirror: undefined, onProgress: ({ step }) => steps.push(step) })
    expect(second).toEqual(first)
    expect(steps).toEqual([])
    mirror = await startMirror()
  })

  it('stays with its kernel until it is told to look for a newer one', async () => {
    const first = await build()
    await publish('6.1.0-10')
    expect(await build()).toEqual(first)
    expect((await build({ force: true })).version).toContain('6.1.0-10-686')
    expect((await build()).version).toContain('6.1.0-10-686')
  })

  it('is built again from fetched packages when its files are damaged', async () => {
    const first = await build()
    await writeFile(first.initrd, 'cut')
    mirror.requests.length = 0
    const second = await build()
    expect((await unpacked(second)).length).toBeGreaterThan(20)
    expect(mirror.requests).toEqual([])
  })

  it('reports bytes of each package up to its size', async () => {
    const seen: [string, number | undefined, number | undefined][] = []
    await build({ onProgress: ({ step, doneBytes, totalBytes }) => seen.push([step, doneBytes, totalBytes]) })
    const kernel = seen.filter(([step]) => step === 'fetch linux-image-6.1.0-9-686 6.1.0-9-1')
    expect(kernel[0][1]).toBe(0)
    expect(kernel.at(-1)?.[1]).toBe(kernel.at(-1)?.[2])
  })
})

describe('a mirror that fails', () => {
  const filesIn = async (): Promise<string[]> => readdir(join(cache, 'packages')).catch(() => [])

  it('with a damaged package leaves nothing of it behind, and a later run succeeds', async () => {
    const path = '/debian/pool/linux-image-6.1.0-9-686_6.1.0-9-1_i386.deb'
    const whole = mirror.files.get(path) ?? new Uint8Array()
    mirror.files.set(path, whole.subarray(0, whole.length - 10))
    await expect(build()).rejects.toMatchObject({ code: 'no-guest', message: expect.stringMatching(/arrived damaged/) })
    expect((await filesIn()).filter(name => name.startsWith('linux'))).toEqual([])
    mirror.files.set(path, whole)
    expect((await build()).version).toContain('6.1.0-9-686')
  })

  it('with an index that is not the one of the Release file is refused', async () => {
    publishIndex(gzipSync(new Uint8Array(10)), 'b'.repeat(64))
    await expect(build()).rejects.toThrow('the package list does not match the Release file')
  })

  it('takes the index by its hash while the plain one is being replaced', async () => {
    const index = mirror.files.get('/debian/dists/bookworm/main/binary-i386/Packages.gz') ?? new Uint8Array()
    mirror.files.set(`/debian/dists/bookworm/main/binary-i386/by-hash/SHA256/${sha256(index)}`, index)
    mirror.files.set('/debian/dists/bookworm/main/binary-i386/Packages.gz', new Uint8Array(5))
    expect((await build()).version).toContain('6.1.0-9-686')
  })

  it('that is not a mirror is named with its answer', async () => {
    await expect(build({ mirror: `${mirror.url}/wrong` })).rejects.toMatchObject({
      code: 'no-guest',
      message: expect.stringMatching(/wrong\/dists\/bookworm\/Release answers 404/),
      hint: expect.stringContaining('dists/'),
    })
  })

  it('that does not answer is named', async () => {
    await stopMirror()
    await expect(build()).rejects.toMatchObject({
      code: 'no-guest',
      message: expect.stringMatching(/^cannot fetch http/),
    })
    mirror = await startMirror()
  })

  it('without a kernel for i386 names the suite to use', async () => {
    publishIndex(gzipSync(new TextEncoder().encode('\n')))
    await expect(build()).rejects.toMatchObject({ code: 'no-guest', hint: expect.stringContaining('bookworm') })
  })

  it.each(['ftp://x/', 'debian', ''])('does not take %j for an address', text => {
    expect(() => mirrorAddress(text)).toThrow(/is not the address of a mirror/)
  })
})

describe('a guest of own files', () => {
  const write = async (name: string, data: Uint8Array | string): Promise<string> => {
    const path = join(cache, name)
    await writeFile(path, data)
    return path
  }
  const own = async (): Promise<{ kernel: string; busybox: string }> => ({
    kernel: await write('k', makeKernel('5.10-own')),
    busybox: await write('b', makeProgram()),
  })

  it('needs neither apt nor a mirror, and no modules', async () => {
    const guest = await buildGuest({ cache, ...(await own()) })
    expect(guest.version).toBe('Linux 5.10-own (k), b')
    const entries = await unpacked(guest)
    expect(content(entries.find(({ path }) => path === 'lib/modules/load-order')?.data ?? new Uint8Array())).toBe('')
    expect(mirror.requests).toEqual([])
  })

  it('takes modules from a directory', async () => {
    const files = { ...(await own()), modules: join(cache, 'modules') }
    await mkdir(join(files.modules, 'kernel'), { recursive: true })
    await writeFile(
      join(files.modules, 'modules.builtin'),
      WANTED_MODULES.slice(1)
        .map(name => `x/${name}.ko\n`)
        .join(''),
    )
    await writeFile(join(files.modules, `kernel/${WANTED_MODULES[0]}.ko`), makeModule(['depends=']))
    const entries = await unpacked(await buildGuest({ cache, ...files }))
    expect(entries.map(({ path }) => path)).toContain(`lib/modules/5.10-own/kernel/${WANTED_MODULES[0]}.ko`)
  })

  it('has another place in the cache for other files', async () => {
    const first = await buildGuest({ cache, ...(await own()) })
    const second = await buildGuest({ cache, ...(await own()), kernel: await write('k2', makeKernel('5.11-own')) })
    expect(second.kernel).not.toBe(first.kernel)
  })

  it.each([
    ['a kernel alone', { kernel: 'k' }, /needs both a kernel and a busybox/],
    ['a busybox alone', { busybox: 'b' }, /needs both a kernel and a busybox/],
    ['a missing file', { kernel: 'nowhere', busybox: 'b' }, /cannot read the kernel: .*nowhere/],
    ['a kernel that is none', { kernel: 'b', busybox: 'b' }, /b is not a Linux bzImage/],
    ['a busybox that is none', { kernel: 'k', busybox: 'k' }, /k is not an i386 program/],
    ['a busybox with shared libraries', { kernel: 'k', busybox: 'dynamic' }, /dynamic needs shared libraries/],
    ['a module directory without modules', { kernel: 'k', busybox: 'b', modules: '' }, /holds no kernel modules/],
  ])('refuses %s in one sentence', async (_what, names, message) => {
    await own()
    await write('dynamic', makeProgram('dynamic'))
    await mkdir(join(cache, 'empty'))
    const paths = Object.fromEntries(Object.entries(names).map(([key, name]) => [key, join(cache, name || 'empty')]))
    await expect(buildGuest({ cache, ...paths })).rejects.toMatchObject({
      message: expect.stringMatching(message),
      hint: expect.stringMatching(/^Give /),
    })
  })

  it('finds the release in the setup header', () => {
    expect(kernelRelease(makeKernel('6.1.0-9-686'), 'k')).toBe('6.1.0-9-686')
  })
})

describe('packages of others', () => {
  it('are unpacked into the cache, once', async () => {
    const packages = await fetchGuestPackages(['a-game'], { cache, mirror: mirror.url })
    const { directory, version, paths } = packages.get('a-game') ?? { directory: '', version: '', paths: [] }
    expect([version, interestingPaths(paths)]).toEqual(['1.0-1', ['/boot/game.exec']])
    expect(await readFile(join(directory, 'boot/game.exec'), 'utf8')).toBe('elf')
    mirror.requests.length = 0
    expect(await fetchGuestPackages(['a-game'], { cache })).toEqual(packages)
    expect(mirror.requests).toEqual([])
  })

  it('are handed out as files in memory', async () => {
    const packages = await fetchDebianPackages(['a-game'], { cache, mirror: mirror.url, arch: 'i386' })
    expect(content(packages.get('a-game')?.files.get('/boot/game.exec')?.data)).toBe('elf')
  })

  it('are named when they do not exist, and cannot leave the cache by their name', async () => {
    await expect(fetchDebianPackages(['nothing'], { cache, mirror: mirror.url })).rejects.toThrow(/no package nothing/)
    await expect(fetchGuestPackages(['../x'], { cache, mirror: mirror.url })).rejects.toMatchObject({ code: 'usage' })
  })

  it('are interesting as far as they can be booted', () => {
    const paths = [
      '/boot/config-6',
      '/boot/m.bin',
      '/usr/share/seabios/bios.bin',
      '/usr/share/doc/x/copyright',
      '/usr/lib/x.iso',
    ]
    expect(interestingPaths(paths)).toEqual(['/boot/m.bin', '/usr/lib/x.iso', '/usr/share/seabios/bios.bin'])
  })
})

describe('without apt', () => {
  it('says how to hand over a kernel and a busybox', async () => {
    const path = process.env.PATH
    process.env.PATH = cache
    try {
      await expect(build({ mirror: undefined })).rejects.toMatchObject({
        code: 'no-guest',
        message: expect.stringContaining('this machine has no apt'),
        hint: expect.stringMatching(/--mirror URL.*--kernel FILE --busybox FILE \[--modules DIR\]/),
      })
    } finally {
      process.env.PATH = path
    }
  })
})
