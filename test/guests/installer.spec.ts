/** The Debian installer from a disc: its text interface by keyboard, its graphical one by mouse. */
import { afterEach, describe, expect, it } from 'vitest'
import { canMakeDiscs, installerDisc } from '../../tools/guest/images.ts'
import { disc, fingerprint, PcSession, pixel } from './pc-session.ts'

/** Where rows of a list are, and the colours of its background and of the selected row (red parts). */
const LIST_X = 600
const LIST_TOP = 175
const LIST_BOTTOM = 700
const WHITE = 255
const SELECTED_DARKEST = 60

/** Waits until the screen shows a list with a selected row, the same for a while; the row's top. Seconds are the guest's. */
async function selectedRow(pc: PcSession, name: string, seconds: number): Promise<number> {
  let last = ''
  for (let passed = 0; passed < seconds; passed++) {
    await pc.pass(1000)
    const picture = pc.picture(name)
    const print = fingerprint(picture)
    const isSteady = print === last
    last = print
    if (picture.width !== 1024 || !isSteady) continue
    for (let y = LIST_TOP; y < LIST_BOTTOM; y++) {
      const [red] = pixel(picture, LIST_X, y)
      if (red < SELECTED_DARKEST && pixel(picture, LIST_X, y - 5)[0] === WHITE) return y
    }
  }
  throw new Error(`${name}: no list has come up`)
}

let session: PcSession | undefined
afterEach(() => {
  session?.dispose()
  session = undefined
})

describe.runIf(canMakeDiscs())('the Debian installer', () => {
  it('asks for the language on the text screen, and goes on by keyboard', async () => {
    const path = await installerDisc('text', 'vga=normal fb=false modprobe.blacklist=bochs')
    session = new PcSession({ memory: 512, drives: { cdrom: disc(path) }, boot: 'd', clock: 'wall', jit: true })
    await session.waitFor(/Select a language/, 300)
    expect(session.text()).toMatch(/English/)
    session.picture('installer-text')
    session.freezeAndThaw()
    await session.press('Enter')
    await session.waitFor(/Select your location/, 120)
    await session.press('ArrowDown', 'ArrowUp', 'Enter')
    await session.waitFor(/Configure the keyboard/, 120)
  })

  it('shows its graphical page, and takes the mouse', async () => {
    const path = await installerDisc('gtk', 'vga=788')
    session = new PcSession({ memory: 768, drives: { cdrom: disc(path) }, boot: 'd', clock: 'wall', jit: true })
    const language = await selectedRow(session, 'installer-gtk', 600)
    session.freezeAndThaw()
    // The pointer starts in the middle: to a row above, by small steps, as the driver accelerates large ones.
    session.machine.mouse.buttons(0)
    for (let i = 0; i < 10; i++) {
      session.machine.mouse.move(-10, -8)
      await session.pass(40)
    }
    session.machine.mouse.buttons(1)
    await session.pass(100)
    session.machine.mouse.buttons(0)
    await session.pass(2000)
    const clicked = await selectedRow(session, 'installer-gtk-mouse', 60)
    expect(clicked).toBeLessThan(language)
    for (let i = 0; i < (language - clicked) / 20 - 1; i++) await session.press('ArrowDown')
    await session.pass(1000)
    const page = fingerprint(session.picture('installer-gtk-keys'))
    await session.press('Enter')
    await session.pass(5000)
    await selectedRow(session, 'installer-gtk-next', 60)
    expect(fingerprint(session.picture('installer-gtk-next'))).not.toBe(page)
  })
})
