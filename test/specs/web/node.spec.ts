/** `PC` in Node: the same class, its machine in a thread, with file disks and a terminal. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EventEmitter } from 'node:events'
import { afterAll, describe, expect, it } from 'vitest'
import { disk, fileDisk, PC, PCError, tty } from '../../../src/node/index.ts'
import { hasFirmware } from '../../web/browser.ts'
import { ifAl, in8, loop, multibootKernel, outAl, powerOff, print, SERIAL } from '../machine/kernels.ts'

const folder = mkdtempSync(join(tmpdir(), 'tabpc-pc-'))
afterAll(() => rmSync(folder, { recursive: true }))

const kernel = multibootKernel(print(SERIAL, 'echo ready\n'), loop(in8(SERIAL + 5), ifAl(1, in8(SERIAL), outAl(SERIAL))))

describe('a PC in Node', () => {
  it('takes a kernel by its path, bytes by its port, and keys of a terminal', async () => {
    const path = join(folder, 'echo.elf')
    writeFileSync(path, kernel)
    const pc = await PC.create({ memory: '16M', boot: { kernel: path } })
    const output: string[] = []
    const input = Object.assign(new EventEmitter(), {
      isTTY: true, raw: false, pause() {}, resume() {}, setRawMode(raw: boolean) {
        this.raw = raw
      },
    })
    let left = false
    const detach = pc.serial[0].attach(tty({
      input, output: { write: data => output.push(typeof data === 'string' ? data : new TextDecoder().decode(data)) },
      onLeave: () => {
        left = true
      },
    }))
    expect(input.raw).toBe(true)
    await pc.run()
    await pc.waitForText('echo ready', { timeout: 20_000 })
    input.emit('data', new TextEncoder().encode('keys'))
    await pc.waitForText('keys', { timeout: 5000 })
    input.emit('data', Uint8Array.of(1, 0x78))
    detach()
    expect([output.join(''), left, input.raw]).toEqual(['echo ready\nkeys', true, false])
    expect(() => pc.screen.attach({} as HTMLCanvasElement)).toThrow(PCError)
    expect((await pc.screen.screenshot()).size).toBeGreaterThan(50)
    expect(await pc.stats()).toMatchObject({ isIsolated: true, restarts: 0 })
    await pc.dispose()
    expect(pc.state).toBe('disposed')
  })

  it('goes by itself at the end of its scope', async () => {
    const off = multibootKernel(print(SERIAL, 'bye\n'), powerOff)
    let states: string[] = []
    {
      await using pc = await PC.create({ memory: '16M', boot: { kernel: off } })
      pc.addEventListener('statechange', ({ detail }) => {
        states = [...states, detail.state]
      })
      await pc.run()
      await pc.waitForText('bye', { timeout: 20_000 })
    }
    expect(states.at(-1)).toBe('disposed')
  })

  it('says what is wrong', async () => {
    await expect(PC.create({ boot: { kernel: join(folder, 'none') } })).rejects.toMatchObject({ code: 'bad-file', message: expect.stringMatching(/does not exist/) })
    await expect(PC.create({ disks: { hda: join(folder, 'none') } })).rejects.toMatchObject({ code: 'bad-file', message: expect.stringMatching(/does not exist/) })
    await expect(PC.create({ memory: '1K' })).rejects.toMatchObject({ code: 'bad-memory' })
    await expect(PC.create()).rejects.toMatchObject({ code: 'unbootable' })
  })

  it.skipIf(!hasFirmware)('writes file disks in place, or leaves them alone', async () => {
    const image = new Uint8Array(1_474_560)
    image.set(readFileSync(new URL('../../guests/boot/disk.bin', import.meta.url)))
    for (let i = 1024; i < image.length; i++) image[i] = (i * 31) & 0xff
    for (const readOnly of [true, false]) {
      const path = join(folder, `disk-${readOnly}.img`)
      writeFileSync(path, image)
      const pc = await PC.create({
        memory: '16M', disks: { fda: fileDisk(path, { readOnly }), cdrom: null, hda: disk.blank('1M') }, boot: { drive: 'fda' },
      })
      await pc.run()
      await pc.waitForText(/back \w{8}/, { source: 'screen', timeout: 30_000 })
      await pc.drives.get('fda').flush()
      const exported = Buffer.from(await (await pc.drives.get('fda').export()).arrayBuffer())
      await pc.dispose()
      expect(Buffer.compare(readFileSync(path), image) === 0).toBe(readOnly)
      expect(Buffer.compare(exported, image)).not.toBe(0)
    }
  })
})
