/** The demo site in Chromium: gallery, a dropped image, an address, sharing, phones. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startDemoSite } from '../../src/node/demo-site.ts'
import type { FileServer } from '../../src/node/file-server.ts'
import { guestFolder, hasFirmware, hasGuest, launch, missing, root } from './browser.ts'

const READY_MILLISECONDS = 120_000
const boot = join(root, 'test/guests/boot')
const screenText = (page: Page) => page.evaluate(() => document.querySelector('tabpc-screen')?.pc?.screen.text())

describe.skipIf(missing ?? !hasFirmware)('the demo site', () => {
  let browser: Browser
  let site: FileServer
  const folder = mkdtempSync(join(tmpdir(), 'tabpc-site-'))

  beforeAll(async () => {
    browser = await launch()
    const floppy = join(folder, 'echo.img')
    writeFileSync(floppy, readFileSync(join(boot, 'echo.bin')))
    site = await startDemoSite({
      isolated: true,
      guests: [
        { id: 'echo', name: 'Echo', about: 'A boot sector.', shows: 'screen', memory: '16M', boot: 'fda', files: { fda: floppy } },
        { id: 'absent', name: 'Absent', about: '', shows: 'screen', files: {}, missing: 'npm run web -- --fetch' },
        ...(hasGuest ? [{
          id: 'debian', name: 'Debian', about: '', shows: 'serial' as const, cmdline: 'console=tty0 console=ttyS0',
          files: { kernel: join(guestFolder, 'vmlinuz'), initrd: join(guestFolder, 'initrd.gz') },
        }] : []),
      ],
    })
  })
  afterAll(async () => {
    await browser?.close()
    await site?.close()
    rmSync(folder, { recursive: true })
  })

  async function open(path: string, options: Parameters<Browser['newContext']>[0] = {}): Promise<{ page: Page, complaints: string[] }> {
    const page = await (await browser.newContext(options)).newPage()
    const complaints: string[] = []
    page.on('pageerror', error => complaints.push(String(error)))
    page.on('console', message => message.type() === 'error' && complaints.push(message.text()))
    await page.goto(`${site.origin}${path}`)
    return { page, complaints }
  }

  it('boots a card, goes back, and shares an address that boots again', async () => {
    const { page, complaints } = await open('/')
    expect(await page.getByText('Not here yet').count()).toBe(1)
    await page.getByRole('link', { name: /^Echo/ }).click()
    await expect.poll(() => screenText(page), { timeout: READY_MILLISECONDS }).toMatch(/ECHO ready/)
    expect(page.url()).toMatch(/\?guest=echo$/)
    await page.keyboard.type('keys')
    await expect.poll(() => screenText(page), { timeout: 5000 }).toMatch(/keys/)
    await page.goBack()
    await page.getByRole('heading', { name: /A whole PC/ }).waitFor()
    await expect.poll(() => page.workers().length).toBe(0)
    const again = await open('/?guest=echo')
    await expect.poll(() => screenText(again.page), { timeout: READY_MILLISECONDS }).toMatch(/ECHO ready/)
    expect([...complaints, ...again.complaints]).toEqual([])
    await again.page.context().close()
    await page.context().close()
  })

  it('boots a file that is chosen, and says what it cannot do with one', async () => {
    const { page } = await open('/')
    await page.locator('#files').setInputFiles({ name: 'thing.gz', mimeType: '', buffer: Buffer.from([0x1f, 0x8b, 8, 0]) })
    await page.getByText(/thing\.gz is compressed/).waitFor()
    await page.locator('#files').setInputFiles({ name: 'my floppy.img', mimeType: '', buffer: readFileSync(join(boot, 'echo.bin')) })
    await expect.poll(() => screenText(page), { timeout: READY_MILLISECONDS }).toMatch(/ECHO ready/)
    expect(await page.title()).toMatch(/my floppy\.img/)
    expect(await page.getByRole('button', { name: 'Share' }).count()).toBe(0)
    await page.context().close()
  })

  it('keeps a saved PC, which goes on from the gallery, from its address, and from its file', async () => {
    const { page, complaints } = await open('/?guest=echo')
    await expect.poll(() => screenText(page), { timeout: READY_MILLISECONDS }).toMatch(/ECHO ready/)
    await page.keyboard.type('before')
    await expect.poll(() => screenText(page), { timeout: 5000 }).toMatch(/before/)
    await page.getByRole('button', { name: /^Save this PC/ }).click()
    await page.getByText('Saved in this browser: it is').waitFor()
    await page.getByRole('button', { name: 'Gallery' }).click()
    const card = page.getByRole('link', { name: /Echo.*Goes on where it was/ })
    await card.waitFor()
    expect(await card.locator('img').evaluate((picture: HTMLImageElement) => picture.decode().then(() => picture.naturalWidth))).toBe(720)
    await card.click()
    await expect.poll(() => screenText(page), { timeout: READY_MILLISECONDS }).toMatch(/before/)
    await page.keyboard.type('after')
    await expect.poll(() => screenText(page), { timeout: 5000 }).toMatch(/beforeafter/)
    await page.reload()
    await expect.poll(() => screenText(page), { timeout: READY_MILLISECONDS }).toMatch(/before$/m)
    await page.goBack()
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download the saved Echo' }).click()])
    expect(download.suggestedFilename()).toBe('echo.tabpc')
    const path = join(folder, 'echo.tabpc')
    await download.saveAs(path)
    await page.getByRole('button', { name: 'Delete the saved Echo' }).click()
    await expect.poll(() => page.locator('#saved').isVisible()).toBe(false)
    await page.locator('#files').setInputFiles(path)
    await expect.poll(() => screenText(page), { timeout: READY_MILLISECONDS }).toMatch(/before$/m)
    await page.goto(`${site.origin}/?saved=none`)
    await page.getByText('not in this browser any more').waitFor()
    expect(complaints).toEqual([])
    await page.context().close()
  })

  it.skipIf(!hasGuest)('shows a terminal beside the screen, and one of them on a phone', async () => {
    const phone = await open('/?guest=debian', { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true })
    await phone.page.waitForFunction(() => /GUEST-READY/.test(document.querySelector('tabpc-screen')?.pc?.serial[0].text() ?? ''), undefined, { timeout: READY_MILLISECONDS })
    expect(await phone.page.locator('#terminal').isVisible()).toBe(true)
    expect(await phone.page.locator('tabpc-screen').isVisible()).toBe(false)
    await phone.page.getByRole('tab', { name: 'Screen' }).click()
    expect(await phone.page.locator('tabpc-screen').isVisible()).toBe(true)
    const overflow = await phone.page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
    expect(overflow).toBeLessThanOrEqual(0)
    expect(await phone.page.locator('#meter-text').textContent()).toMatch(/idle|MIPS/)
    expect(phone.complaints).toEqual([])
    await phone.page.context().close()
  })
})
