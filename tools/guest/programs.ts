/**
 * A Debian root file system with programs of the archive, for test/guests/programs.spec.ts: a folder to run natively in
 * (chroot), and the same as an ext4 image for a guest's hard disk.
 * `npx tsx tools/guest/programs.ts` builds them in .cache/programs and prints both paths. Needs root, debootstrap, mke2fs.
 *
 *   debootstrap (the machine's own mirror) -> root/ -> + test/guests/programs as /tabpc -> mke2fs -d -> root.ext4
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { PCError } from '../../src/errors.ts'
import { cacheDirectory } from './cache.ts'
import { runCommand } from './command-line.ts'

const SUITE = 'bookworm'
const PACKAGES = [
  'openssl', 'python3', 'sqlite3', 'gzip', 'xz-utils', 'bzip2', '7zip', 'perl', 'lua5.4', 'gcc', 'libc6-dev',
]
const CHECKS = fileURLToPath(new URL('../../test/guests/programs', import.meta.url))
/** Free space in the image, in MiB. */
const SPARE_MIB = 64

const run = promisify(execFile)

export interface Programs {
  /** The root file system as a folder. The checks are in /tabpc. */
  readonly root: string
  /** The same as an ext4 image. */
  readonly image: string
}

/** Whether this machine can build and use the programs: root, debootstrap and mke2fs. */
export async function canBuildPrograms(): Promise<boolean> {
  if (process.getuid?.() !== 0) return false
  const found = await Promise.allSettled([run('debootstrap', ['--version']), run('mke2fs', ['-V'])])
  return found.every(({ status }) => status === 'fulfilled')
}

/** The mirror that this machine's apt uses for the suite. */
async function mirror(): Promise<string> {
  const { stdout } = await run('apt-get', ['indextargets', '--format', '$(SITE) $(RELEASE)'])
  const line = stdout.split('\n').find(text => text.endsWith(` ${SUITE}`))
  if (!line)
    throw new PCError('no-guest', `apt knows no mirror with ${SUITE}`, 'Add one to /etc/apt/sources.list and run apt-get update.')
  return line.split(' ')[0]
}

/** Digest of the checks, so that an image is made anew when they change. */
function checksDigest(): string {
  const hash = createHash('sha256')
  for (const name of readdirSync(CHECKS).sort()) hash.update(name).update(readFileSync(join(CHECKS, name)))
  return hash.digest('hex')
}

/** Builds what is not there yet. Throws PCError('no-guest') when it cannot. */
export async function buildPrograms(cache: string): Promise<Programs> {
  const folder = join(cache, 'programs')
  const root = join(folder, 'root')
  const image = join(folder, 'root.ext4')
  const stamp = join(folder, 'checks')
  if (!existsSync(root)) {
    const part = `${root}.part`
    rmSync(part, { recursive: true, force: true })
    mkdirSync(folder, { recursive: true })
    const options = ['--arch=i386', '--variant=minbase', `--include=${PACKAGES.join(',')}`, SUITE, part, await mirror()]
    try {
      await run('debootstrap', options, { maxBuffer: 1 << 26 })
    } catch (error) {
      throw new PCError('no-guest', `debootstrap failed: ${String(error).slice(0, 300)}`, 'Look at debootstrap.log in the cache.')
    }
    rmSync(join(part, 'var/cache/apt/archives'), { recursive: true, force: true })
    renameSync(part, root)
  }
  const digest = checksDigest()
  if (!existsSync(image) || !existsSync(stamp) || readFileSync(stamp, 'utf8') !== digest) {
    rmSync(join(root, 'tabpc'), { recursive: true, force: true })
    cpSync(CHECKS, join(root, 'tabpc'), { recursive: true })
    const { stdout } = await run('du', ['-sm', root])
    rmSync(image, { force: true })
    await run('mke2fs', ['-q', '-t', 'ext4', '-O', '^has_journal', '-d', root, image, `${Math.ceil(Number.parseInt(stdout, 10) * 1.2) + SPARE_MIB}M`])
    writeFileSync(stamp, digest)
  }
  return { root, image }
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  await runCommand(async () => {
    const { root, image } = await buildPrograms(cacheDirectory())
    return { messages: ['programs'], results: [root, image] }
  })
