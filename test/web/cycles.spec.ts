/** Fifty PCs, one after the other: each takes its workers and its memory with it when it goes. */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { multibootKernel, powerOff, print, SERIAL } from '../specs/machine/kernels.ts'
import { launch, missing, openPage, startSite } from './browser.ts'

const CYCLES = 50
const MOST_GROWTH = 20 * 2 ** 20

/** Resident memory of all processes below this one, in bytes. */
function residentBytes(): number {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc').filter(text => /^\d+$/.test(text))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]))
    } catch {
      // Gone meanwhile.
    }
  }
  const isBelow = (pid: number): boolean => {
    for (let at = parents.get(pid); at !== undefined && at > 1; at = parents.get(at)) if (at === process.pid) return true
    return false
  }
  const pages = Number(execFileSync('getconf', ['PAGESIZE'], { encoding: 'utf8' }))
  let total = 0
  for (const pid of parents.keys()) {
    if (!isBelow(pid)) continue
    try {
      // Field 2 less field 3 of statm: what is not shared with files.
      const [, resident, shared] = readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ').map(Number)
      total += (resident - shared) * pages
    } catch {
      // Gone meanwhile.
    }
  }
  return total
}

describe.skipIf(missing ?? process.platform !== 'linux')('making and disposing', () => {
  it(`of ${CYCLES} PCs leaves nothing behind`, async () => {
    const browser = await launch()
    const body = multibootKernel(print(SERIAL, 'bye\n'), powerOff)
    const site = await startSite({ answers: { '/off.elf': { body, type: 'application/octet-stream' } } })
    try {
      const { page } = await openPage(browser, site)
      const client = await page.context().newCDPSession(page)
      const cycle = (times: number) => page.evaluate(async count => {
        for (let i = 0; i < count; i++) {
          const pc = await tabpc.PC.create({ memory: '64M', boot: { kernel: '/off.elf' } })
          const detach = pc.screen.attach(document.querySelector('canvas') as HTMLCanvasElement)
          await pc.run()
          await pc.waitForText('bye', { timeout: 10_000 })
          detach()
          await pc.dispose()
        }
      }, times)
      const settled = async (): Promise<number> => {
        await client.send('HeapProfiler.collectGarbage')
        await new Promise(resolve => setTimeout(resolve, 3000))
        return residentBytes()
      }
      // The first ones warm caches and pools up.
      await cycle(10)
      const before = await settled()
      await cycle(CYCLES)
      const growth = (await settled()) - before
      console.log(`growth over ${CYCLES} cycles: ${(growth / 2 ** 20).toFixed(1)} MiB of ${(before / 2 ** 20).toFixed(0)}`)
      expect(page.workers()).toHaveLength(0)
      expect(growth).toBeLessThan(MOST_GROWTH)
    } finally {
      await browser.close()
      await site.close()
    }
  })
})
