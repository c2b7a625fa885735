/** The apt side of the builder against stand-ins for apt's programs: what they are told, what their answers mean. */

import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openAptSource } from '../../../tools/guest/apt-source.ts'
import { buildGuest } from '../../../tools/guest/build-guest.ts'
import { sha256 } from '../../../tools/guest/cache.ts'
import { WANTED_MODULES } from '../../../tools/guest/initramfs.ts'
import { makeDeb, makeKernel, makeModule, makeProgram } from './make-package.ts'

const quiet = (): void => {}
const realPath = process.env.PATH
let root = ''

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'tabpc-apt-'))
  await mkdir(join(root, 'bin'))
  await mkdir(join(root, 'packages'))
  process.env.PATH = `${join(root, 'bin')}${delimiter}${realPath}`
  await program('apt-config', 'cat "$ROOT/dump"')
  await program('apt-get', 'exit 1')
  await program('apt-cache', 'cat "$ROOT/packages/$3.stanza" 2>/dev/null')
  await writeFile(join(root, 'dump'), '')
})
afterEach(async () => {
  process.env.PATH = realPath
  await rm(root, { recursive: true, force: true })
})

/** A stand-in: logs its parameters, then runs `script` with $ROOT and $STATE (the directory of the private state). */
async function program(name: string, script: string): Promise<void> {
  const path = join(root, 'bin', name)
  const head = `#!/bin/sh\nROOT='${root}'\nSTATE=$(dirname "$APT_CONFIG")\necho "${name} $*" >>"$ROOT/log"\n`
  await writeFile(path, `${head}${script}\n`)
  await chmod(path, 0o755)
}

/** apt-get as it should be: `update` makes a list, `download name=version` copies a package here. */
const WORKING = `case "$2" in
  update) : >"$STATE/state/lists/x_Packages" ;;
  download) cp "$ROOT/packages/\${3%%=*}.deb" . ;;
esac`

async function publish(
  name: string,
  version: string,
  files: Record<string, string | Uint8Array>,
  depends = '',
): Promise<void> {
  const deb = await makeDeb(files)
  const head = `Package: ${name}\nVersion: ${version}\nArchitecture: i386\n${depends}`
  const stanza = `${head}Filename: pool/${name}.deb\nSize: ${deb.length}\nSHA256: ${sha256(deb)}\n`
  await writeFile(join(root, 'packages', `${name}.deb`), deb)
  await writeFile(join(root, 'packages', `${name}.stanza`), stanza)
  await writeFile(join(root, 'packages', `${name}=${version}.stanza`), stanza)
}

const open = (suite?: string) =>
  openAptSource({ directory: join(root, 'state'), architecture: 'i386', suite, onProgress: quiet })
const configuration = (): Promise<string> => readFile(join(root, 'state/apt.conf'), 'utf8')

describe('the private apt state', () => {
  it('is for i386 and lies in the cache, away from the machine', async () => {
    await program('apt-get', WORKING)
    await open()
    const text = await configuration()
    expect(text).toContain('APT::Architecture "i386";')
    expect(text).toContain('APT::Architectures { "i386"; };')
    for (const place of [
      'Dir::State "',
      'Dir::State::status "',
      'Dir::Cache "',
      'Dir::Etc::parts "',
      'Dir::Etc::main "',
    ]) {
      expect(text).toContain(`${place}${join(root, 'state')}`)
    }
    expect(await readFile(join(root, 'state/status'), 'utf8')).toBe('')
  })

  it('keeps how the machine reaches mirrors and drops its hooks and places', async () => {
    await program('apt-get', WORKING)
    const dump = [
      'Acquire::http::Proxy "p";',
      'Dir::Etc::sourcelist "s";',
      'Dir::Etc::parts "x";',
      'Dir::Cache "/var/cache";',
      'APT::Update::Post-Invoke:: "rm";',
    ]
    await writeFile(join(root, 'dump'), `${dump.join('\n')}\n`)
    await open()
    const text = await configuration()
    expect(text).toContain(dump[0])
    expect(text).toContain(dump[1])
    for (const line of dump.slice(2)) expect(text).not.toContain(line)
  })

  it('goes on when one index fails', async () => {
    await program('apt-get', `${WORKING}\necho 'E: Failed to fetch security' >&2\nexit 100`)
    await publish('p', '1', {})
    expect((await (await open()).find('p'))?.version).toBe('1')
  })

  it('stops when every index fails, even when apt-get calls that a success', async () => {
    await program('apt-get', "echo 'W: Failed to fetch: no name service' >&2")
    await expect(open()).rejects.toMatchObject({
      code: 'no-guest',
      message: 'apt cannot fetch the package lists: Failed to fetch: no name service',
      hint: expect.stringContaining('--mirror'),
    })
  })

  it('takes another suite from the Debian mirror of the machine', async () => {
    await program(
      'apt-get',
      `case "$*" in *indextargets*) printf 'O|O|http://other/\\nDebian|Debian|http://mirror/\\n' ;; esac\n${WORKING}`,
    )
    await open('bookworm')
    expect(await readFile(join(root, 'state/suite.list'), 'utf8')).toMatch(
      /^deb (\[signed-by=\S+\] )?http:\/\/mirror\/ bookworm main\n$/,
    )
    expect(await configuration()).toContain(`Dir::Etc::sourcelist "${join(root, 'state/suite.list')}";`)
  })
})

describe('a download through apt', () => {
  it('reports its bytes and ends in the given file', async () => {
    await program('apt-get', WORKING.replace('download)', 'download) printf half >part; sleep 0.8; rm part;'))
    await publish('p', '1', { '/f': 'content' })
    const source = await open()
    const record = await source.find('p')
    const bytes: number[] = []
    if (record) await source.download(record, join(root, 'p.deb'), each => bytes.push(each))
    expect(bytes).toContain('half'.length)
    expect(sha256(await readFile(join(root, 'p.deb')))).toBe(record?.sha256)
  })

  it('that fails gives the reason of apt and leaves nothing', async () => {
    await program('apt-get', `case "$2" in download) echo 'E: 404 Not Found' >&2; exit 100 ;; esac\n${WORKING}`)
    await publish('p', '1', {})
    const source = await open()
    const record = await source.find('p')
    if (!record) throw new Error('the stand-in has no package')
    await expect(source.download(record, join(root, 'p.deb'), quiet)).rejects.toThrow(
      'apt cannot fetch p=1: 404 Not Found',
    )
    await expect(readFile(join(root, 'p.deb'))).rejects.toThrow(/ENOENT/)
  })
})

describe('a machine of a later Debian, which has no i386 kernel', () => {
  it('gets the guest from the last suite that has one, and from the cache the second time', async () => {
    const modules = WANTED_MODULES.map(name => [`/lib/modules/6.1-686/${name}.ko`, makeModule([])] as const)
    await publish('linux-image-686', '6.1-1', {}, 'Depends: linux-image-6.1-686 (= 6.1-1)\n')
    await publish('linux-image-6.1-686', '6.1-1', {
      '/boot/vmlinuz-6.1-686': makeKernel('6.1-686'),
      ...Object.fromEntries(modules),
    })
    await publish('busybox-static', '1', { '/bin/busybox': makeProgram() })
    await program('apt-get', `case "$*" in *indextargets*) echo 'Debian|Debian|http://mirror/' ;; esac\n${WORKING}`)
    await program('apt-cache', '[ -e "$STATE/suite.list" ] && cat "$ROOT/packages/$3.stanza"')
    const cache = join(root, 'cache')
    const first = await buildGuest({ cache })
    expect(first.version).toContain('Linux 6.1-686')
    await rm(join(root, 'log'))
    expect(await buildGuest({ cache })).toEqual(first)
    await expect(readFile(join(root, 'log'))).rejects.toThrow(/ENOENT/)
  })
})
