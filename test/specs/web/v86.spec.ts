/** The class `V86` over `PC`, by the usage that v86's own documentation shows. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { FileServer } from '../../../src/node/file-server.ts'
import { codeOfKeyCode, keysOfScancodes } from '../../../src/v86/key-codes.ts'
import { hasFirmware, launch, missing, openPage, startSite } from '../../web/browser.ts'
import { ifAl, in8, loop, multibootKernel, outAl, print, SERIAL } from '../machine/kernels.ts'

const kernel = multibootKernel(print(SERIAL, 'boot\n'), loop(in8(SERIAL + 5), ifAl(1, in8(SERIAL), outAl(SERIAL))))

declare global {
  var V86: typeof import('../../../src/v86.ts').V86
}

describe('keys of v86', () => {
  it('are found by keyCode and by scan code', () => {
    expect([65, 13, 49, 112, 190, 97].map(codeOfKeyCode)).toEqual(['KeyA', 'Enter', 'Digit1', 'F1', 'Period', 'Numpad1'])
    expect(codeOfKeyCode(7)).toBeUndefined()
    expect(keysOfScancodes([0x1e, 0x9e, 0xe0, 0x48, 0xe0, 0xc8, 0x00])).toEqual([
      { code: 'KeyA', down: true }, { code: 'KeyA', down: false }, { code: 'ArrowUp', down: true }, { code: 'ArrowUp', down: false },
    ])
  })
})

describe.skipIf(missing)('V86 in a page', () => {
  let browser: Browser
  let site: FileServer
  let page: Page

  beforeAll(async () => {
    browser = await launch()
    site = await startSite({
      answers: {
        '/echo.elf': { body: kernel, type: 'application/octet-stream' },
        '/spec.js': {
          body: "import * as tabpc from '/tabpc/index.js'; import { V86 } from '/tabpc/v86.js'; Object.assign(globalThis, { tabpc, V86 })",
          type: 'text/javascript',
        },
      },
    })
    ;({ page } = await openPage(browser, site))
  })
  afterAll(async () => {
    await browser?.close()
    await site?.close()
  })

  it('boots a kernel, tells bytes and events, takes bytes, stops, runs and goes', async () => {
    const seen = await page.evaluate(async () => {
      const container = document.body.appendChild(document.createElement('div'))
      container.append(document.createElement('div'), document.createElement('canvas'))
      const area = document.body.appendChild(document.createElement('textarea'))
      const emulator = new V86({
        wasm_path: '../build/v86.wasm', memory_size: 16 * 1024 * 1024, bios: { url: '../bios/seabios.bin' },
        multiboot: { url: '/echo.elf' }, cmdline: 'tsc=reliable', screen_container: container, serial_container: area, autostart: true,
      })
      const events: string[] = []
      for (const name of ['emulator-ready', 'emulator-started', 'emulator-stopped'] as const) emulator.add_listener(name, () => events.push(name))
      let serial = ''
      const onByte = (byte: number) => {
        serial += String.fromCharCode(byte)
      }
      emulator.add_listener('serial0-output-byte', onByte)
      let progress = 0
      emulator.add_listener('download-progress', ({ loaded }) => {
        progress = Math.max(progress, loaded)
      })
      const until = async (test: () => boolean) => {
        for (let i = 0; i < 500 && !test(); i++) await new Promise(resolve => setTimeout(resolve, 20))
      }
      await until(() => serial === 'boot\n')
      emulator.serial0_send('hello')
      await until(() => serial.endsWith('hello'))
      const running = emulator.is_running()
      await emulator.stop()
      const stopped = emulator.is_running()
      await emulator.run()
      emulator.remove_listener('serial0-output-byte', onByte)
      emulator.serial_send_bytes(0, new Uint8Array([0x21]))
      await until(() => area.value.endsWith('!'))
      emulator.get_instruction_counter()
      await until(() => emulator.get_instruction_counter() > 0)
      await emulator.destroy()
      const gone = await emulator.save_state().then(() => '', error => error.code as string)
      return { events, serial, running, stopped, area: area.value, progress, gone, canvas: container.querySelectorAll('canvas').length }
    })
    expect(seen).toMatchObject({
      events: ['emulator-ready', 'emulator-started', 'emulator-stopped', 'emulator-started'], serial: 'boot\nhello', running: true,
      stopped: false, area: 'boot\nhello!', gone: 'disposed', canvas: 1,
    })
    expect(seen.progress).toBeGreaterThan(100_000)
    await expect.poll(() => page.workers().length).toBe(0)
  })

  it.skipIf(!hasFirmware)('boots a floppy disk, types, and waits for its screen', async () => {
    const seen = await page.evaluate(async () => {
      const container = document.body.appendChild(document.createElement('div'))
      const emulator = new V86({ screen_container: container, fda: { url: '/boot/echo.bin' }, autostart: true })
      const sizes: number[][] = []
      emulator.add_listener('screen-set-size', size => sizes.push([...size]))
      const ready = await emulator.wait_until_vga_screen_contains('ECHO ready', { timeout_msec: 20_000 })
      await emulator.keyboard_send_text('hello')
      await emulator.keyboard_send_scancodes([0x1e, 0x9e])
      await emulator.keyboard_send_keys([66])
      const typed = await emulator.wait_until_vga_screen_contains(/helloab/, { timeout_msec: 5000 })
      const never = await emulator.wait_until_vga_screen_contains('never', { timeout_msec: 100 })
      const picture = emulator.screen_make_screenshot()
      await new Promise(resolve => picture.addEventListener('load', resolve))
      const size = [picture.naturalWidth, picture.naturalHeight]
      await emulator.destroy()
      return { ready, typed, never, size, sizes }
    })
    expect(seen).toMatchObject({ ready: true, typed: true, never: false, size: [720, 400] })
    expect(seen.sizes).toContainEqual([720, 400, 32])
  })

  it('saves, restores, and begins with a saved state', async () => {
    const seen = await page.evaluate(async () => {
      const make = (options: object) => {
        const emulator = new V86({ autostart: true, ...options })
        let serial = ''
        emulator.add_listener('serial0-output-byte', byte => {
          serial += String.fromCharCode(byte)
        })
        const says = async (text: string) => {
          for (let i = 0; i < 400 && !serial.includes(text); i++) await new Promise(resolve => setTimeout(resolve, 25))
          return serial
        }
        return { emulator, says }
      }
      const first = make({ memory_size: 16 << 20, multiboot: { url: '/echo.elf' } })
      await first.says('boot\n')
      const state = await first.emulator.save_state()
      first.emulator.serial0_send('one')
      await first.says('one')
      await first.emulator.restore_state(state)
      const runs = first.emulator.is_running()
      first.emulator.serial0_send('two')
      const one = await first.says('two')
      const bad = await first.emulator.restore_state(new Uint8Array(100)).then(() => '', error => error.code as string)
      await first.emulator.destroy()
      const second = make({ memory_size: 64 << 20, initial_state: { buffer: state } })
      await new Promise<void>(resolve => second.emulator.add_listener('emulator-started', () => resolve()))
      second.emulator.serial0_send('three')
      const other = await second.says('three')
      await second.emulator.destroy()
      return { isBuffer: state instanceof ArrayBuffer, runs, one, bad, other }
    })
    expect(seen).toEqual({ isBuffer: true, runs: true, one: 'boot\nonetwo', bad: 'bad-state', other: 'three' })
  })

  it('says what it does not have', async () => {
    const code = await page.evaluate(async () => {
      const emulator = new V86({ filesystem: { baseurl: '/files' } })
      const failed = new Promise<string>(resolve => emulator.add_listener('tabpc-error', ({ code: told }) => resolve(told)))
      const told = await failed
      await emulator.destroy()
      return told
    })
    expect(code).toBe('unsupported')
  })
})
