/** The cache of the guest builder: locks, partial files, abandoned work. */
import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  cacheDirectory,
  readJson,
  unfinishedPath,
  writeDirectoryAtomic,
  writeFileAtomic,
} from '../../../tools/guest/cache.ts'
import { withCacheLock } from '../../../tools/guest/cache-lock.ts'

let cache = ''
const quiet = (): void => {}
beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'tabpc-cache-'))
})
afterEach(() => rm(cache, { recursive: true, force: true }))

describe('the cache directory', () => {
  it('is .cache in the project unless TABPC_CACHE names another', () => {
    expect(cacheDirectory({})).toMatch(/[/\\]\.cache$/)
    expect(cacheDirectory({ TABPC_CACHE: '/somewhere/else' })).toBe('/somewhere/else')
    expect(cacheDirectory({ TABPC_CACHE: '' })).toBe(cacheDirectory({}))
  })

  it('keeps the old files when a new directory cannot be filled', async () => {
    const path = join(cache, 'guest')
    await writeDirectoryAtomic(path, part => writeFile(join(part, 'f'), 'old'))
    const failing = writeDirectoryAtomic(path, async part => {
      await writeFile(join(part, 'f'), 'half')
      throw new Error('disk full')
    })
    await expect(failing).rejects.toThrow('disk full')
    expect(await readFile(join(path, 'f'), 'utf8')).toBe('old')
    await writeDirectoryAtomic(path, part => writeFile(join(part, 'f'), 'new'))
    expect(await readFile(join(path, 'f'), 'utf8')).toBe('new')
    expect(await readdir(cache)).toEqual(['guest'])
  })

  it('writes files whole, in directories that need not exist', async () => {
    await writeFileAtomic(join(cache, 'a/b'), '{"x": 1}')
    expect(await readJson(join(cache, 'a/b'))).toEqual({ x: 1 })
    expect(await readdir(join(cache, 'a'))).toEqual(['b'])
    await writeFileAtomic(join(cache, 'a/b'), 'not json')
    expect(await readJson(join(cache, 'a/b'))).toBeUndefined()
    expect(await readJson(join(cache, 'missing'))).toBeUndefined()
  })
})

describe('the lock', () => {
  it('lets one in after the other', async () => {
    const seen: string[] = []
    const work = (name: string) => async (): Promise<void> => {
      seen.push(`${name} in`)
      await new Promise(resolve => setTimeout(resolve, 30))
      seen.push(`${name} out`)
    }
    await Promise.all([withCacheLock(cache, quiet, work('a')), withCacheLock(cache, quiet, work('b'))])
    expect(seen.map(text => text.split(' ')[1])).toEqual(['in', 'out', 'in', 'out'])
    expect(await readdir(cache)).toEqual([])
  })

  it('is given back after an error', async () => {
    await expect(withCacheLock(cache, quiet, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(await withCacheLock(cache, quiet, async () => 'yes')).toBe('yes')
  })

  it('is taken over from a process that is gone', async () => {
    const gone = spawnSync(process.execPath, ['-e', '']).pid
    await writeFile(join(cache, 'lock'), `${gone} ${hostname()}`)
    expect(await withCacheLock(cache, quiet, async () => 'in')).toBe('in')
  })

  it('is taken over when nobody has touched it for long, though a process of that number runs', async () => {
    await writeFile(join(cache, 'lock'), `${process.pid} ${hostname()}`)
    const longAgo = new Date(Date.now() - 60_000)
    await utimes(join(cache, 'lock'), longAgo, longAgo)
    expect(await withCacheLock(cache, quiet, async () => 'in')).toBe('in')
  })

  it('says that it waits while another process works', async () => {
    await writeFile(join(cache, 'lock'), `${process.pid} ${hostname()}`)
    const steps: string[] = []
    const onProgress = ({ step }: { step: string }): void => {
      steps.push(step)
      void rm(join(cache, 'lock'), { force: true })
    }
    await withCacheLock(cache, onProgress, async () => {})
    expect(steps[0]).toMatch(/wait for another guest build/)
  })

  it('sweeps what an interrupted run left', async () => {
    await mkdir(join(cache, 'packages'))
    await writeFile(unfinishedPath(join(cache, 'packages/x.deb')), 'half')
    await writeFile(join(cache, 'packages/y.deb'), 'whole')
    await withCacheLock(cache, quiet, async () => {})
    expect(await readdir(join(cache, 'packages'))).toEqual(['y.deb'])
  })

  it('explains a cache that cannot be written', async () => {
    await writeFile(join(cache, 'file'), '')
    await expect(withCacheLock(join(cache, 'file/inside'), quiet, async () => {})).rejects.toMatchObject({
      code: 'no-guest',
      hint: expect.stringContaining('TABPC_CACHE'),
    })
  })
})
