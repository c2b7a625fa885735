/** `<tabpc-screen>` in Chromium: starts, shows, types, says what is wrong, and goes when it is taken off the page. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TabpcScreen } from '../../../src/element.ts'
import type { FileServer } from '../../../src/node/file-server.ts'
import { hasFirmware, launch, missing, openPage, startSite, strictPolicy } from '../../web/browser.ts'
import { ifAl, in8, loop, multibootKernel, outAl, print, SERIAL } from '../machine/kernels.ts'

const kernel = multibootKernel(print(SERIAL, 'echo ready\n'), loop(in8(SERIAL + 5), ifAl(1, in8(SERIAL), outAl(SERIAL))))

describe.skipIf(missing)('<tabpc-screen>', () => {
  let browser: Browser
  let site: FileServer
  let page: Page
  let complaints: string[]

  beforeAll(async () => {
    browser = await launch()
    site = await startSite({
      isolated: true, headers: { 'content-security-policy': strictPolicy },
      answers: {
        '/echo.elf': { body: kernel, type: 'application/octet-stream' },
        '/spec.js': {
          body: "import * as tabpc from '/tabpc/index.js'; import '/tabpc/element.js'; globalThis.tabpc = tabpc", type: 'text/javascript',
        },
      },
    })
    ;({ page, complaints } = await openPage(browser, site))
  })
  afterAll(async () => {
    await browser?.close()
    await site?.close()
  })

  it('waits for a click, runs, pauses by its button, and ends with the element', async () => {
    await page.evaluate(() => {
      const element = document.createElement('tabpc-screen')
      element.setAttribute('kernel', '/echo.elf')
      element.setAttribute('memory', '16M')
      document.body.append(element)
    })
    await page.getByRole('button', { name: 'Start the PC' }).click()
    await page.getByRole('button', { name: 'Pause' }).click()
    await page.getByRole('button', { name: 'Go on' }).waitFor()
    const states = await page.evaluate(async () => {
      const element = document.querySelector('tabpc-screen') as TabpcScreen
      const { pc } = element
      const before = pc?.state
      element.remove()
      await new Promise(resolve => setTimeout(resolve, 100))
      return [before, pc?.state, element.pc]
    })
    expect(states).toEqual(['paused', 'disposed', undefined])
    await expect.poll(() => page.workers().length).toBe(0)
  })

  it('says what is wrong, with the hint, and tries again', async () => {
    const code = await page.evaluate(async () => {
      const element = document.createElement('tabpc-screen')
      element.setAttribute('kernel', '/nowhere')
      element.setAttribute('autostart', '')
      const failed = new Promise<string>(resolve =>
        element.addEventListener('error', event => resolve((event as unknown as CustomEvent).detail.code)))
      document.body.append(element)
      return await failed
    })
    expect(code).toBe('asset-missing')
    const alert = page.getByRole('alert')
    expect(await alert.textContent()).toMatch(/nowhere' cannot be fetched: status 404\..*Check the address/)
    await page.evaluate(() => document.querySelector('tabpc-screen')?.setAttribute('kernel', '/echo.elf'))
    await page.getByRole('button', { name: 'Try again' }).click()
    await page.getByRole('button', { name: 'Pause' }).waitFor()
    await page.evaluate(() => document.querySelector('tabpc-screen')?.remove())
  })

  it.skipIf(!hasFirmware)('takes keys with the focus, touch keyboards by the layout, and gives the focus back', async () => {
    await page.evaluate(async () => {
      const element = document.createElement('tabpc-screen')
      element.options = { memory: '16M', disks: { fda: tabpc.disk.download('/boot/echo.bin') }, boot: { drive: 'fda' } }
      element.setAttribute('autostart', '')
      element.setAttribute('layout', 'de')
      document.body.append(element)
      await new Promise(resolve => element.addEventListener('ready', resolve))
      await element.pc?.waitForText('ECHO ready', { source: 'screen', timeout: 20_000 })
    })
    await page.locator('tabpc-screen').locator('.stage').focus()
    await page.keyboard.type('abc')
    const screenText = () => page.evaluate(() => document.querySelector('tabpc-screen')?.pc?.screen.text())
    await expect.poll(screenText, { timeout: 5000 }).toMatch(/abc/)
    // A German keyboard writes z where the guest, which is American, reads y.
    await page.getByRole('button', { name: 'Show the touch keyboard' }).click()
    await page.keyboard.insertText('z')
    await expect.poll(screenText, { timeout: 5000 }).toMatch(/abcy/)
    await page.locator('tabpc-screen').locator('.stage').focus()
    await page.keyboard.press('Control+Alt+ArrowUp')
    expect(await page.evaluate(() => document.activeElement?.tagName)).toBe('TABPC-SCREEN')
    await page.keyboard.down('Control')
    await page.keyboard.down('Alt')
    await page.keyboard.up('Alt')
    await page.keyboard.up('Control')
    expect(await page.evaluate(() => document.activeElement?.tagName)).toBe('BODY')
    const box = await page.locator('tabpc-screen').boundingBox()
    expect(box?.width).toBeGreaterThan(300)
    const download = page.waitForEvent('download')
    await page.getByRole('button', { name: 'Save a picture' }).click()
    expect((await download).suggestedFilename()).toBe('screen.png')
    await page.evaluate(() => document.querySelector('tabpc-screen')?.remove())
  })

  it('has said nothing wrong in the console', () => {
    expect(complaints.filter(text => !/404/.test(text))).toEqual([])
  })
})
