/** What people boot with a BIOS, from Debian packages: boot loaders and bare-metal programs. */
import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import { MemoryDisk } from '../../src/disks/memory-disk.ts'
import { packageFile } from '../../tools/guest/images.ts'
import { disc, PcSession } from './pc-session.ts'

let session: PcSession | undefined
afterEach(() => {
  session?.dispose()
  session = undefined
})

/** Reads a floppy image whole: what the guest writes is forgotten. */
function floppy(path: string): MemoryDisk {
  return new MemoryDisk(Uint8Array.from(readFileSync(path)))
}

describe('GRUB', () => {
  it.each(['floppy.img', 'cdrom.iso'])('of grub-rescue-%s shows its menu, moves by arrow keys and has a shell', async image => {
    const path = await packageFile('grub-rescue-pc', `usr/lib/grub-rescue/grub-rescue-${image}`)
    const isFloppy = image.startsWith('floppy')
    session = new PcSession({
      drives: isFloppy ? { fda: floppy(path) } : { cdrom: disc(path) }, boot: isFloppy ? 'a' : 'd', clock: 'wall',
    })
    await session.waitFor(/\*GNU\/Linux/)
    session.freezeAndThaw()
    await session.press('ArrowDown', 'ArrowDown')
    await session.waitFor(/\*FreeBSD/)
    await session.type('c')
    await session.waitFor(/grub> *$/m)
    await session.type('echo it answers\n')
    await session.waitFor(/^it answers$/m)
    await session.type('ls\n')
    await session.waitFor(isFloppy ? /\(fd0\)/ : /\(cd0?\)/)
    session.picture(`grub-${image}`)
  })
})

describe('memtest86+', () => {
  it('boots from its disc and finds no error in its first tests', async () => {
    const path = await packageFile('memtest86+', 'usr/lib/memtest86+/memtest86+ia32.iso')
    session = new PcSession({ drives: { cdrom: disc(path) }, boot: 'd', memory: 16, clock: 'wall' })
    await session.waitFor(/Memtest86\+/)
    session.freezeAndThaw()
    await session.waitFor(/Test #[3-9]/, 200)
    expect(session.text()).toMatch(/Errors: 0 *$/m)
    session.picture('memtest')
  })
})

describe('iPXE', () => {
  it('comes to its prompt, and to its command line by Ctrl-B', async () => {
    const path = await packageFile('ipxe', 'usr/lib/ipxe/ipxe.iso')
    session = new PcSession({ drives: { cdrom: disc(path) }, boot: 'd', clock: 'wall' })
    await session.waitFor(/Press Ctrl-B/, 100)
    session.freezeAndThaw()
    session.machine.keyboard.keyDown('ControlLeft')
    await session.press('KeyB')
    session.machine.keyboard.keyUp('ControlLeft')
    await session.waitFor(/iPXE> *$/m)
    await session.type('echo hello\n')
    await session.waitFor(/^hello$/m)
  })
})

describe('GRUB invaders', () => {
  it('draws ship and enemies, and moves the ship by keys', async () => {
    session = new PcSession({ kernel: await packageFile('grub-invaders', 'boot/invaders.exec'), clock: 'wall' })
    await session.waitFor(/-\*-/, 30)
    const ship = () => session?.text().split('\n').at(-1)?.indexOf('/ \\') ?? -1
    const start = ship()
    expect(start).toBeGreaterThan(0)
    session.picture('invaders')
    session.freezeAndThaw()
    for (const [key, moves] of [['ArrowRight', 1], ['ArrowLeft', -1]] as const) {
      const from = ship()
      session.machine.keyboard.keyDown(key)
      await session.pass(500)
      session.machine.keyboard.keyUp(key)
      expect(Math.sign(ship() - from)).toBe(moves)
    }
  })
})
