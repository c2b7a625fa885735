/** Own boot sectors (boot/*.asm) under SeaBIOS: keyboard, timers, disks, and every kind of picture. */
import { afterEach, describe, expect, it } from 'vitest'
import { MemoryDisk } from '../../src/disks/memory-disk.ts'
import { bootFloppy, PcSession, pixel } from './pc-session.ts'

let session: PcSession | undefined
afterEach(() => {
  session?.dispose()
  session = undefined
})

function start(name: string): PcSession {
  session = new PcSession({ drives: { fda: bootFloppy(name) } })
  return session
}

/** A 6-bit colour of the converter as it is shown. */
function widen(value: number): number {
  return (value << 2) | (value >> 4)
}

describe('the BIOS', () => {
  it('shows its banner, and what it tries to boot, in the order wanted', async () => {
    session = new PcSession({ drives: { fda: new MemoryDisk(new Uint8Array(1474560)), cdrom: null }, boot: 'd' })
    await session.waitFor(/No bootable device/)
    expect(session.text()).toMatch(/^SeaBIOS \(version .*\)/)
    expect(session.text()).toMatch(/DVD\/CD[\s\S]*Hard Disk|DVD\/CD[\s\S]*Floppy/)
    expect(session.debug).toMatch(/Running on QEMU \(i440fx\)/)
    expect(session.debug).toMatch(/Found QEMU fw_cfg/)
  })
})

describe('a boot sector', () => {
  it('echoes keys, and counts 18 ticks a second', async () => {
    const pc = start('echo')
    await pc.waitFor(/ECHO ready/)
    pc.freezeAndThaw()
    await pc.type('hello 42\n')
    await pc.waitFor(/^hello 42$/m)
    pc.machine.keyboard.keyDown('ShiftLeft')
    await pc.type('a1')
    pc.machine.keyboard.keyUp('ShiftLeft')
    await pc.waitFor(/^A!$/m)
    await pc.press('Escape')
    await pc.waitFor(/ticks 1[89]/)
  })

  it('comes back from protected mode by resetting the CPU in three ways', async () => {
    const pc = start('reset')
    await pc.waitFor(/back 1 back 2 back 3 done/)
    expect(pc.text().match(/SeaBIOS/g)).toHaveLength(1)
  })

  it('draws in mode 13h with a palette of its own', async () => {
    const pc = start('mode13')
    await pc.pass(2000)
    pc.freezeAndThaw()
    await pc.pass(2000)
    const picture = pc.picture('mode13')
    expect([picture.width, picture.height]).toEqual([640, 400])
    for (const [x, y] of [[0, 0], [1, 0], [319, 199], [100, 57], [255, 1]]) {
      const color = ((x + y) & 255) >> 2
      expect(pixel(picture, 2 * x, 2 * y)).toEqual([widen(color), 0, widen(63 ^ color)])
      expect(pixel(picture, 2 * x + 1, 2 * y + 1)).toEqual(pixel(picture, 2 * x, 2 * y))
    }
  })

  it('draws in mode X on a second page, by planes and by latches', async () => {
    const pc = start('modex')
    await pc.pass(2000)
    pc.freezeAndThaw()
    await pc.pass(2000)
    const picture = pc.picture('modex')
    expect([picture.width, picture.height]).toEqual([640, 480])
    const colors = [[0, 0, 170], [0, 170, 0], [0, 170, 170], [170, 0, 0]]
    for (const y of [0, 239, 240, 479])
      for (const x of [0, 1, 2, 3, 318, 319]) expect(pixel(picture, 2 * x, y)).toEqual(colors[x % 4])
  })

  it('draws bars, dots and characters in mode 12h', async () => {
    const pc = start('planar')
    await pc.pass(2000)
    pc.freezeAndThaw()
    await pc.pass(2000)
    const picture = pc.picture('planar')
    expect([picture.width, picture.height]).toEqual([640, 480])
    expect(pixel(picture, 1, 0)).toEqual([0, 0, 0])
    expect(pixel(picture, 41, 99)).toEqual([0, 0, 170])
    expect(pixel(picture, 639, 0)).toEqual([255, 255, 255])
    // Colour 0 XOR 15, and 15 XOR 15.
    expect(pixel(picture, 0, 50)).toEqual([255, 255, 255])
    expect(pixel(picture, 632, 50)).toEqual([0, 0, 0])
    expect(pixel(picture, 633, 50)).toEqual([255, 255, 255])
    const letters = Array.from({ length: 16 * 16 }, (_, i) => pixel(picture, i % 16, 320 + (i >> 4)))
    expect(letters.some(([r, g, b]) => r === 255 && g === 255 && b === 85)).toBe(true)
  })

  it('scrolls mode 0Dh by address and dots above a split screen, and reads its palette back', async () => {
    const pc = start('split')
    await pc.waitFor(/PASS|FAIL/)
    expect(pc.debug).toMatch(/PASS/)
    pc.freezeAndThaw()
    await pc.pass(100)
    const picture = pc.picture('split')
    expect([picture.width, picture.height]).toEqual([640, 400])
    const bytesPerLine = 44
    const ega: Readonly<Record<number, readonly number[]>> = {
      1: [0, 0, 170], 2: [0, 170, 0], 3: [0, 170, 170], 4: [170, 0, 0], 5: [0x10, 0x20, 0x3f].map(widen), 6: [170, 85, 0],
      7: [170, 170, 170], 15: [255, 255, 255],
    }
    for (const line of [0, 1, 2, 57, 198, 199, 200, 201, 202, 399])
      for (const x of [0, 1, 2, 3, 4, 10, 11, 100, 318, 319]) {
        // A line of the memory is two of the screen.
        const [first, panning] = line < 200 ? [3 + (line >> 1) * bytesPerLine, 5] : [((line - 200) >> 1) * bytesPerLine, 0]
        const dot = x + panning
        const color = dot % 8 === 0 ? 15 : ((first + (dot >> 3)) % 7) + 1
        expect([line, x, ...pixel(picture, 2 * x, line)]).toEqual([line, x, ...ega[color]])
      }
  })

  it('shows fifty lines of text, and sixteen backgrounds', async () => {
    const pc = start('text50')
    await pc.waitFor(/R$/)
    pc.freezeAndThaw()
    await pc.pass(100)
    const lines = pc.text().split('\n')
    expect(lines).toHaveLength(50)
    for (let i = 0; i < 50; i++) expect(lines[i].slice(0, 2)).toBe(`${Math.floor(i / 10)}${i % 10}`)
    const picture = pc.picture('text50')
    expect([picture.width, picture.height]).toEqual([720, 400])
    const at = (cell: number) => pixel(picture, (32 + cell) * 9 + 4, 399)
    expect([1, 6, 8, 9, 15].map(at)).toEqual([[0, 0, 170], [170, 85, 0], [85, 85, 85], [85, 85, 255], [255, 255, 255]])
  })

  it('reads the keyboard by polling and by its own handler, and the counts of the timer', async () => {
    const pc = start('keys')
    await pc.waitFor(/P$/)
    await pc.press('KeyA')
    await pc.press('KeyS')
    await pc.waitFor(/P1E9E1F9FI/)
    pc.freezeAndThaw()
    await pc.press('KeyD')
    await pc.press('KeyF')
    await pc.waitFor(/I20A021A1[YN]/)
    expect(pc.debug).toMatch(/Y$/)
  })

  it('draws in a VBE mode through the linear frame buffer', async () => {
    const pc = start('vbe')
    await pc.pass(2000)
    pc.freezeAndThaw()
    await pc.pass(2000)
    const picture = pc.picture('vbe')
    expect([picture.width, picture.height]).toEqual([640, 480])
    for (const [x, y] of [[0, 0], [255, 255], [639, 479], [300, 7]])
      expect(pixel(picture, x, y)).toEqual([0x80, y & 0xff, x & 0xff])
  })

  it.each(['fda', 'hda'] as const)('reads and writes %s through the BIOS', async drive => {
    const disk = bootFloppy('disk')
    for (let i = 1024; i < disk.bytes; i++) disk.contents[i] = (i * 31 + (i >> 9)) & 0xff
    const first = disk.contents.slice()
    const pc = new PcSession({ drives: { [drive]: disk }, boot: drive === 'fda' ? 'a' : 'c' })
    session = pc
    await pc.waitFor(/back .{8}/)
    const [, read, back] = /read (\w{8})\s+back (\w{8})/.exec(pc.text()) ?? []
    expect(back).toBe(read)
    const value = Number.parseInt(read, 16)
    expect(new DataView(disk.contents.buffer).getUint32(1024, true)).toBe(value)
    const sectors = drive === 'fda' ? 18 : 63
    // Tracks alternate between the heads, which a disk of two heads, and this one of sixteen on the hard disk, differ in.
    if (drive === 'fda') expect(value).toBe(first.subarray(0, 4 * sectors * 512).reduce((sum, byte) => sum + byte, 0))
    expect(Buffer.compare(disk.contents.subarray(1536), first.subarray(1536))).toBe(0)
  })
})
