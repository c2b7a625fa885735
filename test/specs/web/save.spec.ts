/** PCs that are saved and go on: in Node by `PC`, by the command line, and what is told when they cannot. */
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { disk, fileDisk, PC, PCError } from '../../../src/node/index.ts'
import { ifAl, in8, loop, multibootKernel, outAl, powerOff, print, SERIAL, store8 } from '../machine/kernels.ts'
import { tabpc } from '../machine/command-line.ts'

const folder = mkdtempSync(join(tmpdir(), 'tabpc-save-'))
afterAll(() => rmSync(folder, { recursive: true }))

const LARGE = 20 << 20
/** Echoes COM1. */
const echo = loop(in8(SERIAL + 5), ifAl(1, in8(SERIAL), outAl(SERIAL)))
const kernel = multibootKernel(print(SERIAL, 'begin\n'), store8(0x300000, 1), echo)

async function started(options: Parameters<typeof PC.create>[0] = {}): Promise<PC> {
  const pc = await PC.create({ memory: '16M', boot: { kernel }, ...options })
  await pc.run()
  await pc.waitForText('begin', { timeout: 20_000 })
  return pc
}

async function answers(pc: PC, text: string): Promise<string> {
  await pc.serial[0].write(text)
  return (await pc.waitForText(text, { timeout: 20_000 })).text
}

describe('a saved PC', () => {
  it('goes on elsewhere, by itself', async () => {
    await using pc = await started({ cpu: 'i686' })
    const { instructions } = await pc.stats()
    const state = await pc.save()
    expect(await answers(pc, 'still here')).toBe('still here')
    await using other = await PC.create({ state })
    expect([other.state, other.description]).toEqual(['paused', pc.description])
    expect((await other.stats()).instructions).toBeGreaterThanOrEqual(instructions)
    await other.run()
    expect(await answers(other, 'elsewhere')).toBe('elsewhere')
    expect(other.serial[0].text()).not.toContain('begin')
    // Its kernel came along, for the reset button.
    await other.reset()
    await other.waitForText('begin', { timeout: 20_000 })
  })

  it('takes the place of a PC that runs, or of one that has stopped', async () => {
    await using pc = await started()
    const path = join(folder, 'a.state')
    writeFileSync(path, new Uint8Array(await (await pc.save()).arrayBuffer()))
    await pc.load(path)
    expect(pc.state).toBe('running')
    expect(await answers(pc, 'reloaded')).toBe('reloaded')
    const off = multibootKernel(print(SERIAL, 'bye'), powerOff)
    await using stopped = await PC.create({ memory: '32M', boot: { kernel: off } })
    await stopped.run()
    await expect(stopped.waitForText('never', { timeout: 20_000 })).rejects.toMatchObject({ code: 'stopped' })
    await expect(stopped.save()).rejects.toMatchObject({ code: 'stopped' })
    await stopped.load(path)
    expect([stopped.state, stopped.reason]).toEqual(['paused', undefined])
    await stopped.run()
    expect(await answers(stopped, 'risen')).toBe('risen')
  })

  it('is refused when it does not fit, and the PC that was there stays', async () => {
    await using pc = await started()
    const state = await pc.save()
    const bytes = new Uint8Array(await state.arrayBuffer())
    await expect(PC.create({ state, memory: '32M' })).rejects.toMatchObject({ code: 'bad-state', message: expect.stringMatching(/16M in it and 32M/) })
    await expect(PC.create({ state, cpu: '486', clock: 'virtual' })).rejects.toMatchObject({ message: expect.stringMatching(/'max' in it.*'wall' in it/) })
    await expect(PC.create({ state, disks: { hda: disk.blank('1M') } })).rejects.toMatchObject({ message: 'there was no hda when the PC was saved' })
    await expect(pc.load(bytes.subarray(0, bytes.length >> 1))).rejects.toMatchObject({ code: 'bad-state', message: expect.stringMatching(/cut off/) })
    await expect(pc.load(Uint8Array.of(1, 2, 3))).rejects.toBeInstanceOf(PCError)
    await expect(pc.load(join(folder, 'none'))).rejects.toMatchObject({ code: 'bad-file' })
    expect(await answers(pc, 'unharmed')).toBe('unharmed')
  })

  it('has its drives: empty ones, small images, large ones by their file', async () => {
    const large = join(folder, 'large.img')
    writeFileSync(large, new Uint8Array(LARGE).fill(3))
    const floppy = new Uint8Array(1_474_560).fill(9)
    await using pc = await started({ disks: { hda: fileDisk(large, { readOnly: true }), fda: disk.bytes(floppy), cdrom: null, hdb: disk.blank('1G') } })
    const state = await pc.save()
    expect(state.size).toBeLessThan(1 << 20)
    await expect(PC.create({ state })).rejects.toMatchObject({ message: expect.stringMatching(/'large.img' of the first hard disk/) })
    await using other = await PC.create({ state, disks: { hda: large } })
    expect(Object.keys(other.drives).filter(name => name !== 'get')).toEqual(['hda', 'hdb', 'cdrom', 'fda'])
    expect((await other.drives.get('fda').export()).size).toBe(floppy.length)
    // The PC itself has the image still.
    await pc.load(state)
    writeFileSync(large, new Uint8Array(LARGE).fill(4))
    await expect(PC.create({ state, disks: { hda: large } })).rejects.toMatchObject({ message: expect.stringMatching(/not the image with which/) })
  })
})

describe('--save and --load', () => {
  it('end a run and go on with it', async () => {
    const path = join(folder, 'cli.state')
    const file = join(folder, 'kernel.elf')
    writeFileSync(file, multibootKernel(print(SERIAL, 'one\n'), loop(in8(SERIAL + 5), ifAl(1, print(SERIAL, 'two\n'), powerOff))))
    const first = await tabpc(['run', '--kernel', file, '--memory', '16M', '--expect', 'one', '--save', path])
    expect([first.status, first.stdout]).toEqual([0, 'one\n'])
    expect(statSync(path).size).toBeGreaterThan(1000)
    const second = await tabpc(['run', '--load', path, '--expect', 'two'], { input: 'x' })
    expect([second.status, second.stdout]).toEqual([0, 'two\n'])
    const off = await tabpc(['run', '--load', path, '--save', join(folder, 'off.state'), '--timeout', '20'], { input: 'x' })
    expect(off.status).toBe(0)
    expect(off.stderr).toMatch(/has nothing to write/)
    expect(existsSync(join(folder, 'off.state')) || existsSync(join(folder, 'off.state.part'))).toBe(false)
    const other = await tabpc(['run', '--load', path, '--memory', '32M'])
    expect([other.status, other.stderr]).toEqual([1, expect.stringMatching(/16M in it and 32M were asked for/)])
    expect(await tabpc(['run', '--load', file])).toMatchObject({ status: 1, stderr: expect.stringMatching(/no saved PC/) })
  })
})
