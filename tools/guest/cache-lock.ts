/**
 * One builder at a time per cache directory: a file that says who works there.
 * The owner touches it while it works. It is taken over when its process is gone from this machine or nobody has
 * touched it for a while, as in a container where the number of a dead process soon belongs to another one.
 */

import { open, readFile, rm, stat, utimes } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { cacheError, makeCache, sweepCache } from './cache.ts'
import type { OnProgress } from './progress.ts'

const LOCK_FILE = 'lock'
const POLL_MILLISECONDS = 300
const TOUCH_MILLISECONDS = 2_000
const ABANDONED_MILLISECONDS = 30_000

/** Runs `work` while no other process works in this cache. Throws PCError('no-guest') for an unusable cache. */
export async function withCacheLock<T>(cache: string, onProgress: OnProgress, work: () => Promise<T>): Promise<T> {
  await makeCache(cache)
  const path = join(cache, LOCK_FILE)
  while (!(await takeLock(path))) {
    if (await isAbandoned(path)) await rm(path, { force: true })
    else onProgress({ step: 'wait for another guest build in the same cache' })
    await sleep(POLL_MILLISECONDS)
  }
  const touching = setInterval(() => utimes(path, new Date(), new Date()).catch(() => {}), TOUCH_MILLISECONDS)
  try {
    await sweepCache(cache)
    return await work()
  } finally {
    clearInterval(touching)
    await rm(path, { force: true })
  }
}

async function takeLock(path: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx')
    await file.writeFile(`${process.pid} ${hostname()}`)
    await file.close()
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw cacheError(error)
  }
}

/** False for a lock that has just gone: the next try takes it. */
async function isAbandoned(path: string): Promise<boolean> {
  try {
    const touched = (await stat(path)).mtimeMs
    const [owner, host] = (await readFile(path, 'utf8')).split(' ')
    if (host === hostname() && !isRunning(Number(owner))) return true
    return Date.now() - touched > ABANDONED_MILLISECONDS
  } catch {
    return false
  }
}

function isRunning(processId: number): boolean {
  try {
    process.kill(processId, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
