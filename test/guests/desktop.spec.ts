/** An X11 desktop (icewm, xterm) from a Debian disk (tools/guest/debian-disk.ts --desktop): keyboard, mouse, what they do. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { OverlayDisk } from '../../src/disks/overlay-disk.ts'
import { cacheDirectory } from '../../tools/guest/cache.ts'
import { disc, fingerprint, PcSession, pixel } from './pc-session.ts'
import type { Picture } from '../../src/devices/vga/picture.ts'

const IMAGE = join(cacheDirectory(), 'disks/debian-desktop.img')
/** The window that .xinitrc opens: its inside, without the prompt's line. */
const WINDOW = { left: 60, right: 500, top: 110, bottom: 390 }
const TASK_BAR_Y = 755
const PROMPT = /root@tabpc:~# $/
const WHITE = 255

let session: PcSession | undefined
afterEach(() => {
  session?.dispose()
  session = undefined
})

/** Dots in the window that are not white: what was written there. */
function inkOf(picture: Picture): number {
  let ink = 0
  for (let y = WINDOW.top; y < WINDOW.bottom; y++)
    for (let x = WINDOW.left; x < WINDOW.right; x++) if (pixel(picture, x, y)[0] !== WHITE) ink++
  return ink
}

describe.runIf(existsSync(IMAGE))('an X11 desktop', () => {
  it('shows a terminal that takes commands, and a menu at a click', async () => {
    session = new PcSession({
      memory: 512, drives: { vda: new OverlayDisk(disc(IMAGE)) }, boot: 'c', clock: 'wall', jit: true,
    })
    await session.waitFor(/tabpc login: $/, 500)
    // The serial console tells how far the other one is.
    await session.send('root\n', /Password: $/)
    await session.send('tabpc\n', PROMPT, 120)
    await session.send('until systemctl -q is-active getty@tty1; do sleep 1; done; sleep 2\n', PROMPT, 120)
    await session.type('root\n')
    await session.pass(3000)
    await session.type('tabpc\n')
    await session.send('until who | grep -q tty1; do sleep 1; done; sleep 2\n', PROMPT, 120)
    await session.type('startx\n')
    // The desktop stands when window and task bar do.
    let picture = session.picture('desktop')
    const stands = () => picture.width === 1024 && pixel(picture, 300, 300).every(part => part === WHITE) &&
      pixel(picture, 800, TASK_BAR_Y).every(part => part > 180)
    for (let seconds = 0; seconds < 240 && !stands(); seconds++) {
      await session.pass(1000)
      picture = session.picture('desktop')
    }
    expect(stands()).toBe(true)
    await session.pass(3000)
    session.freezeAndThaw()
    await click(session, -20, -10, 8)
    const before = inkOf(session.picture('desktop'))
    await session.type('ls /; seq -s - 111 113\n')
    await session.pass(4000)
    expect(inkOf(session.picture('desktop-command')) - before).toBeGreaterThan(500)
    const closed = session.picture('desktop-command')
    // The menu button is at the lower left.
    await move(session, -20, 20, 60)
    await click(session, 10, -6, 2)
    await session.pass(4000)
    const opened = session.picture('desktop-menu')
    expect(fingerprint(opened)).not.toBe(fingerprint(closed))
    let changed = 0
    for (let y = 570; y < 735; y++) for (let x = 5; x < 130; x++) if (pixel(opened, x, y)[0] !== pixel(closed, x, y)[0]) changed++
    expect(changed).toBeGreaterThan(3000)
  })
})

/** Moves by small steps: large ones are accelerated. */
async function move(pc: PcSession, dx: number, dy: number, steps: number): Promise<void> {
  for (let i = 0; i < steps; i++) {
    pc.machine.mouse.move(dx, dy)
    await pc.pass(30)
  }
}

async function click(pc: PcSession, dx: number, dy: number, steps: number): Promise<void> {
  await move(pc, dx, dy, steps)
  await pc.pass(500)
  pc.machine.mouse.buttons(1)
  await pc.pass(80)
  pc.machine.mouse.buttons(0)
  await pc.pass(1500)
}
