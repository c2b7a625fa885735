/**
 * Packages through the machine's own apt, in an apt state of ours: i386 indexes, cache and dpkg status live in the
 * cache directory, so neither root nor `dpkg --add-architecture` is needed and the machine stays as it is.
 * The machine gives its sources, keys and network settings; apt checks the signatures.
 * Source: apt.conf(5), apt-get(8), apt-cache(8).
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PCError } from '../../src/errors.ts'
import { unfinishedPath } from './cache.ts'
import { type PackageRecord, type PackageSource, packageRecord } from './packages-index.ts'
import type { OnProgress } from './progress.ts'

export interface AptOptions {
  /** Directory of the private apt state. */
  directory: string
  architecture: string
  /** Use this suite of the machine's Debian mirror instead of the machine's own suites. */
  suite?: string
  onProgress: OnProgress
}

export const WITHOUT_APT_HINT =
  'Give --mirror URL (a Debian mirror), or --kernel FILE --busybox FILE [--modules DIR] with your own i386 files.'

interface Finished {
  status: number
  stdout: string
  stderr: string
}

const POLL_MILLISECONDS = 100

/** Settings of the machine that are about reaching and trusting mirrors; hooks and everything else stay out. */
const KEPT_SETTINGS = /^(Acquire|Dir::Etc|Dir::Bin::methods|Dir::Bin::apt-key)\b/
const DROPPED_SETTINGS = /^Dir::Etc::(main|parts)\b/

/** Installed by the package debian-archive-keyring, which every Debian machine has. */
const DEBIAN_KEYRINGS = [
  '/usr/share/keyrings/debian-archive-keyring.gpg',
  '/usr/share/keyrings/debian-archive-keyring.pgp',
]

/** Packages through apt. Throws PCError('no-guest') when the machine has no apt or no index can be fetched. */
export async function openAptSource(options: AptOptions): Promise<PackageSource> {
  const apt = new AptSource(options)
  await apt.prepare()
  return apt
}

class AptSource implements PackageSource {
  readonly #directory: string
  readonly #options: AptOptions
  /** First complaint of `apt-get update`, to explain a package that is then missing. */
  #complaint = ''

  constructor(options: AptOptions) {
    this.#options = options
    this.#directory = options.directory
  }

  async prepare(): Promise<void> {
    const { architecture, suite, onProgress } = this.#options
    const dump = await run('apt-config', ['dump'], process.env)
    for (const folder of ['state/lists/partial', 'cache/archives/partial', 'empty']) {
      await mkdir(join(this.#directory, folder), { recursive: true })
    }
    await writeFile(join(this.#directory, 'status'), '')
    const kept = dump.stdout.split('\n').filter(line => KEPT_SETTINGS.test(line) && !DROPPED_SETTINGS.test(line))
    await this.#writeConfiguration(kept)
    onProgress({ step: `update the package lists for ${architecture}` })
    await this.#update()
    if (suite) {
      await this.#writeConfiguration([...kept, ...(await this.#sourcesOfSuite(suite))])
      onProgress({ step: `update the package lists for ${architecture} of ${suite}` })
      await this.#update()
    }
  }

  async #writeConfiguration(kept: readonly string[]): Promise<void> {
    const { architecture } = this.#options
    const lines = [
      'Acquire::Retries "3";',
      ...kept,
      `APT::Architecture "${architecture}";`,
      `APT::Architectures { "${architecture}"; };`,
      `Dir::State "${this.#directory}/state";`,
      `Dir::State::status "${this.#directory}/status";`,
      `Dir::Cache "${this.#directory}/cache";`,
      `Dir::Etc::parts "${this.#directory}/empty";`,
      `Dir::Etc::main "${this.#directory}/no-apt.conf";`,
      'Acquire::Languages "none";',
      // Root would hand downloads to the user _apt, who may not enter the cache directory.
      'APT::Sandbox::User "root";',
    ]
    await writeFile(join(this.#directory, 'apt.conf'), `${lines.join('\n')}\n`)
  }

  /**
   * A failed index is no reason to stop: the package may well be in another one. The status tells nothing either,
   * as apt-get ends with 0 when every index failed for a reason that may pass.
   */
  async #update(): Promise<void> {
    const { stderr } = await this.#run('apt-get', ['-q', 'update'])
    this.#complaint = firstComplaint(stderr)
    const lists = await readdir(join(this.#directory, 'state/lists'))
    if (lists.some(name => /_Packages(\.\w+)?$/.test(name))) return
    throw new PCError(
      'no-guest',
      `apt cannot fetch the package lists: ${this.#complaint || 'its sources name no packages for this architecture'}`,
      `Check the network and the machine's apt sources. ${WITHOUT_APT_HINT}`,
    )
  }

  /** Settings that replace the machine's sources by one suite of its Debian mirror. */
  async #sourcesOfSuite(suite: string): Promise<string[]> {
    const format = '$(ORIGIN)|$(LABEL)|$(REPO_URI)'
    const { stdout } = await this.#run('apt-get', ['indextargets', '--format', format, 'Created-By: Packages'])
    const targets = stdout.split('\n').map(line => line.split('|'))
    const mirror = targets.find(([origin, label]) => origin === 'Debian' && label === 'Debian')?.[2]
    if (!mirror) {
      throw new PCError('no-guest', `the apt sources name no Debian mirror to fetch ${suite} from`, WITHOUT_APT_HINT)
    }
    // Sources of newer machines name the keyring one by one; apt does not tell it, but it is always this one.
    const signedBy = DEBIAN_KEYRINGS.find(path => existsSync(path))
    const list = join(this.#directory, 'suite.list')
    await writeFile(list, `deb ${signedBy ? `[signed-by=${signedBy}] ` : ''}${mirror} ${suite} main\n`)
    return [`Dir::Etc::sourcelist "${list}";`, `Dir::Etc::sourceparts "${this.#directory}/empty";`]
  }

  async find(name: string, version?: string): Promise<PackageRecord | undefined> {
    const { stdout } = await this.#run('apt-cache', [
      'show',
      '--no-all-versions',
      version ? `${name}=${version}` : name,
    ])
    const stanza = stdout.split('\n\n').find(text => /^Filename:/m.test(text))
    return stanza ? packageRecord(stanza) : undefined
  }

  async download(record: PackageRecord, path: string, onBytes: (bytes: number) => void): Promise<void> {
    const directory = unfinishedPath(path)
    await mkdir(directory)
    // apt-get prints progress only for terminals that it owns, so the growing file is watched instead.
    const watch = setInterval(async () => onBytes(await bytesIn(directory)), POLL_MILLISECONDS)
    try {
      const wanted = `${record.name}=${record.version}`
      const { status, stderr } = await this.#run('apt-get', ['-q', 'download', wanted], directory)
      const file = (await readdir(directory)).find(name => name.endsWith('.deb'))
      if (status !== 0 || !file) {
        const reason = firstComplaint(stderr) || this.#complaint || `apt-get ended with status ${status}`
        throw new PCError('no-guest', `apt cannot fetch ${wanted}: ${reason}`, `Try again later. ${WITHOUT_APT_HINT}`)
      }
      await rename(join(directory, file), path)
    } finally {
      clearInterval(watch)
      await rm(directory, { recursive: true, force: true })
    }
  }

  #run(program: string, parameters: string[], directory = this.#directory): Promise<Finished> {
    const environment = { ...process.env, APT_CONFIG: join(this.#directory, 'apt.conf'), LC_ALL: 'C', LANGUAGE: '' }
    return run(program, parameters, environment, directory)
  }
}

function run(
  program: string,
  parameters: string[],
  environment: NodeJS.ProcessEnv,
  directory?: string,
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child: ChildProcess = spawn(program, parameters, {
      cwd: directory,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let stdout = ''
    let stderr = ''
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    child.on('error', (error: NodeJS.ErrnoException) => {
      const missing = error.code === 'ENOENT'
      const reason = missing ? 'this machine has no apt' : `${program} does not start: ${error.message}`
      reject(new PCError('no-guest', `the Debian guest cannot be fetched: ${reason}`, WITHOUT_APT_HINT))
    })
    child.on('close', status => resolve({ status: status ?? 1, stdout, stderr }))
  })
}

/** apt's first error, or its first warning, without the prefix. */
function firstComplaint(stderr: string): string {
  const lines = stderr.split('\n')
  const line = lines.find(text => text.startsWith('E: ')) ?? lines.find(text => text.startsWith('W: ')) ?? ''
  return line.slice(3).trim()
}

async function bytesIn(directory: string): Promise<number> {
  let bytes = 0
  for (const name of await readdir(directory).catch((): string[] => [])) {
    bytes += await stat(join(directory, name)).then(
      ({ size }) => size,
      () => 0,
    )
  }
  return bytes
}
