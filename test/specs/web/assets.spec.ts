/** Where the files of tabpc may lie: a folder of the page, another origin; and workers that can do less. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Answer, FileServer } from '../../../src/node/file-server.ts'
import { hasFirmware, launch, missing, openPage, startSite, strictPolicy } from '../../web/browser.ts'
import { loop, movEax, multibootKernel, print, SERIAL } from '../machine/kernels.ts'

/** Says something and then gets hot, so that the compile worker is needed too. */
const hot: Answer = { body: multibootKernel(print(SERIAL, 'ready\n'), loop(movEax(1))), type: 'application/octet-stream' }

describe.skipIf(missing)('files of tabpc', () => {
  let browser: Browser
  const sites: FileServer[] = []
  const open = async (options: Parameters<typeof startSite>[0]): Promise<Page> => {
    const site = await startSite({ ...options, answers: { '/hot.elf': hot, ...options?.answers } })
    sites.push(site)
    return (await openPage(browser, site)).page
  }

  beforeAll(async () => {
    browser = await launch()
  })
  afterAll(async () => {
    await browser?.close()
    await Promise.all(sites.map(site => site.close()))
  })

  /** What a PC says, whether code was compiled, and the warnings, with the files of tabpc at `assets`. */
  const runs = (page: Page, assets: string) => page.evaluate(async where => {
    const warnings: string[] = []
    const pc = await tabpc.PC.create({ memory: '16M', boot: { kernel: '/hot.elf' }, assets: where, onwarning: ({ message }) => warnings.push(message) })
    await pc.run()
    const { text } = await pc.waitForText('ready', { timeout: 20_000 })
    let installed = 0
    for (let i = 0; i < 200 && installed === 0; i++) {
      await new Promise(resolve => setTimeout(resolve, 25))
      installed = (await pc.stats()).compiled?.installed ?? 0
    }
    await pc.dispose()
    return { text, compiles: installed > 0, warnings: warnings.filter(warning => !/isolated/.test(warning)) }
  }, assets)
  const fine = { text: 'ready', compiles: true, warnings: [] }

  it('lie in a folder, with or without a slash at its end', async () => {
    const page = await open({})
    expect(await runs(page, '/tabpc/')).toEqual(fine)
    expect(await runs(page, 'tabpc')).toEqual(fine)
  })

  it.each([['plain', false], ['isolated', true]] as const)('lie on another origin that allows it, %s', async (_name, isolated) => {
    const network = await startSite({
      isolated, headers: { 'access-control-allow-origin': '*', 'cross-origin-resource-policy': 'cross-origin' },
    })
    sites.push(network)
    const page = await open({ isolated })
    expect(await runs(page, `${network.origin.replace('localhost', '127.0.0.1')}/tabpc/`)).toEqual(fine)
  })

  it('on an origin that does not allow it are told', async () => {
    const network = await startSite()
    sites.push(network)
    const page = await open({})
    const code = await page.evaluate(async assets => await tabpc.PC.create({ boot: { kernel: '/hot.elf' }, assets }).then(
      () => 'none', error => error.code as string), `${network.origin.replace('localhost', '127.0.0.1')}/tabpc/`)
    expect(code).toBe('cors')
  })

  it.skipIf(!hasFirmware)('show pictures from workers without OffscreenCanvas, under a strict policy', async () => {
    const page = await open({
      headers: { 'content-security-policy': strictPolicy },
      answers: {
        '/old.js': { body: "import '/no-canvas.js'; import '/tabpc/machine-worker.js'", type: 'text/javascript' },
        '/no-canvas.js': { body: 'delete globalThis.OffscreenCanvas', type: 'text/javascript' },
      },
    })
    const colors = await page.evaluate(async () => {
      const pc = await tabpc.PC.create({
        memory: '16M', disks: { fda: tabpc.disk.download('/boot/mode13.bin') }, boot: { drive: 'fda' }, assets: { machineWorker: '/old.js' },
      })
      const canvas = document.querySelector('canvas') as HTMLCanvasElement
      pc.screen.attach(canvas)
      await pc.run()
      const graphics = () => pc.screen.mode.kind === 'graphics' && canvas.width === 640
      for (let i = 0; i < 400 && !graphics(); i++) await new Promise(resolve => setTimeout(resolve, 25))
      await new Promise(resolve => setTimeout(resolve, 500))
      const { data } = (canvas.getContext('2d') as CanvasRenderingContext2D).getImageData(0, 0, 640, 400)
      await pc.dispose()
      return new Set(Array.from({ length: 640 }, (_, x) => `${data[4 * x]} ${data[4 * x + 2]}`)).size
    })
    // The boot sector draws 64 steps from blue to red.
    expect(colors).toBeGreaterThanOrEqual(60)
  })
})
