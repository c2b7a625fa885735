/** A Debian that travels: booted in Node, frozen, thawed in a page of Chromium, worked with, frozen there, and back to Node. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { disk, PC } from '../../src/node/index.ts'
import { guestFolder, hasGuest, launch, missing, openPage, startSite } from './browser.ts'

const CMDLINE = 'console=tty0 console=ttyS0 quiet mitigations=off cryptomgr.notests noisapnp nokaslr tabpc.modules=ata_piix,sd_mod'
const LONGEST_TASK = 50
const DISK = '/dev/sda'

const folder = mkdtempSync(join(tmpdir(), 'tabpc-travel-'))
afterAll(() => rmSync(folder, { recursive: true }))

const patient = { timeout: 120_000 }

describe.skipIf(missing ?? !hasGuest)('a Debian that travels', () => {
  it('from Node to a page and back, with its processes, files and disk', async () => {
    const file = join(folder, 'debian.state')
    {
      await using pc = await PC.create({
        memory: '256M', disks: { hda: disk.blank('64M') },
        boot: { kernel: join(guestFolder, 'vmlinuz'), initrd: join(guestFolder, 'initrd.gz'), cmdline: CMDLINE },
      })
      await pc.run()
      await pc.waitForText('GUEST-READY', { timeout: 240_000 })
      await pc.exec(`export HOME_WAS=node; (sleep 100000 &) ; echo memory > /tmp/f; echo platter | dd of=${DISK} seek=77 conv=sync 2>/dev/null`, patient)
      writeFileSync(file, new Uint8Array(await (await pc.save()).arrayBuffer()))
    }

    const browser = await launch()
    const site = await startSite({ answers: { '/debian.state': { body: readFileSync(file), type: 'application/octet-stream' } } })
    let back: Buffer
    try {
      const { page, complaints } = await openPage(browser, site)
      const seen = await page.evaluate(async device => {
        const longTasks: number[] = []
        new PerformanceObserver(list => {
          for (const entry of list.getEntries()) longTasks.push(Math.round(entry.duration))
        }).observe({ type: 'longtask' })
        const loaded: string[] = []
        const started = performance.now()
        const pc = await tabpc.PC.create({ state: '/debian.state', onprogress: ({ asset }) => loaded.push(asset) })
        pc.screen.attach(document.querySelector('canvas') as HTMLCanvasElement)
        await pc.run()
        const resumed = performance.now() - started
        const { output } = await pc.exec(`echo $HOME_WAS; cat /tmp/f; dd if=${device} skip=77 count=1 2>/dev/null | head -c 7; pidof sleep | wc -w`, { timeout: 120_000 })
        await pc.exec(`HOME_WAS="$HOME_WAS page"; echo more >> /tmp/f; echo again | dd of=${device} seek=99 conv=sync 2>/dev/null`, { timeout: 120_000 })
        // The longest tasks that matter are those of saving.
        longTasks.length = 0
        const began = performance.now()
        const state = await pc.save()
        const saved = performance.now() - began
        await new Promise(resolve => setTimeout(resolve, 100))
        const tasks = [...longTasks]
        const { output: after } = await pc.exec('echo runs on', { timeout: 120_000 })
        Object.assign(globalThis, { state })
        return { output, after, assets: [...new Set(loaded)].sort(), resumed, saved, tasks, bytes: state.size }
      }, DISK)
      console.log(`resumed in the page in ${seen.resumed.toFixed(0)} ms, saved in ${seen.saved.toFixed(0)} ms, ${(seen.bytes / 2 ** 20).toFixed(1)} MiB, long tasks ${JSON.stringify(seen.tasks)}`)
      expect(seen.output).toBe('node\nmemory\nplatter1\n')
      expect(seen.after).toBe('runs on\n')
      // Neither kernel nor firmware is fetched.
      expect(seen.assets).toEqual(['core', 'state'])
      for (const task of seen.tasks) expect(task).toBeLessThan(LONGEST_TASK)
      expect(complaints).toEqual([])
      const [download] = await Promise.all([page.waitForEvent('download'), page.evaluate(() => {
        const link = document.createElement('a')
        link.href = URL.createObjectURL((globalThis as unknown as { state: Blob }).state)
        link.download = 'debian.state'
        link.click()
      })])
      back = readFileSync(await download.path())
    } finally {
      await browser.close()
      await site.close()
    }

    await using pc = await PC.create({ state: back })
    await pc.run()
    const { output, status } = await pc.exec(`echo $HOME_WAS; cat /tmp/f; dd if=${DISK} skip=77 count=1 2>/dev/null | head -c 8; dd if=${DISK} skip=99 count=1 2>/dev/null | head -c 6; pidof sleep | wc -w; dmesg | grep -cE 'Oops|BUG:|I/O error'`, patient)
    expect([output, status]).toEqual(['node page\nmemory\nmore\nplatter\nagain\n1\n0\n', 1])
    // It starts anew from the kernel that came along.
    await pc.reset()
    await pc.waitForText('GUEST-READY', { timeout: 240_000 })
  })
})
