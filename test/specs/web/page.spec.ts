/** `PC` in Chromium, with kernels of a few instructions and boot sectors: its life, ports, drives, screen, keys. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { FileServer } from '../../../src/node/file-server.ts'
import { hasFirmware, launch, missing, openPage, startSite } from '../../web/browser.ts'
import { ifAl, in8, loop, multibootKernel, outAl, powerOff, print, SERIAL } from '../machine/kernels.ts'

const LINE_STATUS = SERIAL + 5
const kernels = {
  /** Sends back what it gets. */
  echo: multibootKernel(print(SERIAL, 'echo ready\n'), loop(in8(LINE_STATUS), ifAl(1, in8(SERIAL), outAl(SERIAL)))),
  off: multibootKernel(print(SERIAL, 'bye\n'), powerOff),
}

describe.skipIf(missing).each([['plain', false], ['isolated', true]] as const)('a PC in a page, %s', (_name, isolated) => {
  let browser: Browser
  let site: FileServer
  let page: Page
  let complaints: string[]

  beforeAll(async () => {
    browser = await launch()
    const answers = Object.fromEntries(Object.entries(kernels).map(([name, body]) =>
      [`/${name}.elf`, { body, type: 'application/octet-stream' }]))
    site = await startSite({ isolated, answers })
    ;({ page, complaints } = await openPage(browser, site))
  })
  afterAll(async () => {
    await browser?.close()
    await site?.close()
  })

  it('lives: made, running, paused, stopped, started anew, disposed of', async () => {
    const seen = await page.evaluate(async () => {
      const states: string[] = []
      const warnings: string[] = []
      const pc = await tabpc.PC.create({
        memory: '16M', boot: { kernel: '/off.elf' }, onwarning: ({ code }) => warnings.push(code),
      })
      states.push(pc.state)
      const stopped = () => new Promise<void>(resolve => {
        pc.addEventListener('statechange', ({ detail }) => {
          states.push(detail.reason ? `${detail.state}: ${detail.reason}` : detail.state)
          if (detail.state === 'stopped') resolve()
        })
      })
      let end = stopped()
      await pc.run()
      await end
      const refused = await pc.run().then(() => '', error => error.code as string)
      end = stopped()
      await pc.reset()
      await end
      const text = pc.serial[0].text()
      const { instructions, isIsolated } = await pc.stats()
      await pc.dispose()
      await pc.dispose()
      const late = await pc.stats().then(() => '', error => error.code as string)
      return { states, refused, text, instructions, isIsolated, late, warnings, final: pc.state, description: pc.description }
    })
    expect(seen.states.filter((state, i, all) => state !== all[i - 1])).toEqual(
      ['paused', 'running', 'stopped: power-off', 'paused', 'running', 'stopped: power-off', 'disposed: power-off'],
    )
    expect(seen).toMatchObject({
      refused: 'stopped', text: 'bye\nbye\n', isIsolated: isolated, late: 'disposed', final: 'disposed',
      warnings: isolated ? [] : ['not-isolated'],
    })
    expect(seen.instructions).toBeGreaterThan(10)
    expect(seen.description).toMatch(/Multiboot/)
  })

  it('moves serial bytes by text, streams and terminals, and stands still while paused', async () => {
    const seen = await page.evaluate(async () => {
      const pc = await tabpc.PC.create({ memory: '16M', boot: { kernel: '/echo.elf' } })
      const [com1] = pc.serial
      const reader = com1.readable.getReader()
      await pc.run()
      await pc.waitForText('echo ready\n', { timeout: 20_000 })
      await com1.write('one')
      await pc.waitForText('one', { timeout: 5000 })
      const writer = com1.writable.getWriter()
      await writer.write(new Uint8Array([0x74, 0x77, 0x6f]))
      const { match } = await pc.waitForText(/t(w)o/, { timeout: 5000, source: 'serial' })
      let read = ''
      while (!read.includes('two')) {
        const { value } = await reader.read()
        read += new TextDecoder().decode(value)
      }
      await reader.cancel()

      let onTerminal = ''
      let listener: ((data: string) => void) | undefined
      const detach = com1.attach({
        write: data => {
          onTerminal += typeof data === 'string' ? data : new TextDecoder().decode(data)
        },
        onData: added => {
          listener = added
          return { dispose: () => (listener = undefined) }
        },
      })
      listener?.('key')
      await pc.waitForText('key', { timeout: 5000 })
      detach()
      await pc.pause()
      await com1.write('paused')
      const late = await pc.waitForText('paused', { timeout: 300 }).then(() => 'found', error => error.code as string)
      const before = (await pc.stats()).instructions
      const after = (await pc.stats()).instructions
      await pc.run()
      await pc.waitForText('paused', { timeout: 5000 })
      // Much at once comes back whole.
      const long = Array.from({ length: 1500 }, (_, i) => String.fromCharCode(97 + (i * 7) % 26)).join('')
      const start = com1.text().length
      await com1.write(long)
      while (com1.text().length < start + long.length) await new Promise(resolve => setTimeout(resolve, 20))
      const whole = com1.text().slice(start) === long
      await pc.dispose()
      return { read, group: match[1], onTerminal, gone: listener === undefined, late, still: before === after, whole }
    })
    expect(seen).toEqual({
      read: 'echo ready\nonetwo', group: 'w', onTerminal: 'echo ready\nonetwokey', gone: true, late: 'timeout', still: true, whole: true,
    })
  })

  it.skipIf(!hasFirmware)('boots a floppy disk by the BIOS: keys, text screen, picture', async () => {
    const seen = await page.evaluate(async () => {
      const modes: string[] = []
      const lights: number[] = []
      const pc = await tabpc.PC.create({ memory: '16M', disks: { fda: tabpc.disk.download('/boot/echo.bin') }, boot: { drive: 'fda' } })
      pc.addEventListener('screenmode', ({ detail }) => modes.push(detail.kind))
      pc.addEventListener('diskactivity', ({ detail }) => lights.push(detail.read))
      const canvas = document.querySelector('canvas') as HTMLCanvasElement
      const detach = pc.screen.attach(canvas, { scale: 1 })
      await pc.run()
      await pc.waitForText('ECHO ready', { source: 'screen', timeout: 20_000 })
      const heard: string[] = []
      for (const target of [window, document, document.body]) {
        const listen = target.addEventListener
        target.addEventListener = (type: string, ...rest: unknown[]) => {
          heard.push(type)
          return Reflect.apply(listen, target, [type, ...rest])
        }
      }
      const stop = pc.keyboard.attach(Object.assign(canvas, { tabIndex: 0 }))
      const stopMouse = pc.mouse.attach(canvas)
      pc.mouse.move(3, 4)
      canvas.focus()
      canvas.dispatchEvent(new KeyboardEvent('keydown', { code: 'KeyZ' }))
      canvas.dispatchEvent(new KeyboardEvent('keyup', { code: 'KeyZ' }))
      await pc.keyboard.type('Hello, PC: 1+1=2\n')
      await pc.waitForText(/^zHello, PC: 1\+1=2$/m, { source: 'screen', timeout: 10_000 })
      const missing = await pc.keyboard.type('ä').then(() => '', error => error.message as string)
      // y and z change places on a German keyboard.
      await pc.keyboard.type('xyz', { layout: 'de' })
      await pc.waitForText('xzy', { source: 'screen', timeout: 5000 })
      const picture = await createImageBitmap(await pc.screen.screenshot())
      await new Promise(resolve => setTimeout(resolve, 200))
      const painted = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data ?? []
      const lit = [...painted].filter((value, i) => i % 4 === 0 && value > 100).length
      stop()
      stopMouse()
      detach()
      await pc.dispose()
      return { heard, modes, lights: lights.length, missing, size: [picture.width, picture.height], canvas: [canvas.width, canvas.height], lit }
    })
    // Nothing listens on the whole page: the focus decides.
    expect(seen.heard).toEqual([])
    expect(seen.modes).toContain('text')
    expect(seen.lights).toBeGreaterThan(0)
    expect(seen.missing).toMatch(/'us' has no key for 'ä'/)
    expect(seen.size).toEqual([720, 400])
    expect(seen.canvas).toEqual([720, 400])
    expect(seen.lit).toBeGreaterThan(200)
  })

  it.skipIf(!hasFirmware)('changes a floppy disk and gives its image back', async () => {
    const seen = await page.evaluate(async () => {
      const image = new Uint8Array(await (await fetch('/boot/disk.bin')).arrayBuffer())
      const floppy = new Uint8Array(1_474_560)
      floppy.set(image)
      for (let i = 1024; i < floppy.length; i++) floppy[i] = (i * 31 + (i >> 9)) & 0xff
      const pc = await tabpc.PC.create({
        memory: '16M', disks: { fda: new Blob([floppy]), hda: tabpc.disk.blank('4M') }, boot: { drive: 'fda' },
      })
      await pc.run()
      const { match } = await pc.waitForText(/read (\w{8})\s+back (\w{8})/, { source: 'screen', timeout: 30_000 })
      const fda = pc.drives.get('fda')
      const hda = pc.drives.get('hda')
      const exported = new Uint8Array(await (await fda.export()).arrayBuffer())
      const changed = exported.findIndex((byte, i) => byte !== floppy[i])
      const inside = document.body.appendChild(document.createElement('div'))
      pc.screen.attach(inside)
      const made = inside.children.length
      const blank = (await hda.export()).size
      await fda.flush()
      const refused = await hda.insert(new Uint8Array(512)).then(() => '', error => error.code as string)
      await fda.eject()
      const empty = await fda.export().then(() => '', error => error.code as string)
      await fda.insert(exported)
      const again = (await fda.export()).size
      await pc.dispose()
      return { canvases: [made, inside.children.length], same: match[1] === match[2], length: exported.length, changed, blank, refused, empty, again }
    })
    expect(seen).toEqual({ canvases: [1, 0], same: true, length: 1_474_560, changed: 1024, blank: 4 << 20, refused: 'usage', empty: 'usage', again: 1_474_560 })
  })

  it('has said nothing wrong in the console', () => {
    expect(complaints).toEqual([])
  })
})
