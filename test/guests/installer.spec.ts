/** The Debian installer from a disc: its text interface by keyboard, its graphical one by mouse. */
import { afterEach, describe, expect, it } from 'vitest'
import { canMakeDiscs, installerDisc } from './images.ts'
import { disc, fingerprint, PcSession, pixel } from './pc-session.ts'

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
    await session.press('Enter')
    await session.waitFor(/Select your location/, 120)
    await session.press('ArrowDown', 'ArrowUp', 'Enter')
    await session.waitFor(/Configure the keyboard/, 120)
  })

  it('shows its graphical page, and takes the mouse', async () => {
    const path = await installerDisc('gtk', 'vga=788')
    session = new PcSession({ memory: 768, drives: { cdrom: disc(path) }, boot: 'd', clock: 'wall', jit: true })
    // The page stands when the list of languages is there, white on grey, and the same for a while.
    let last = ''
    let steady = 0
    for (let seconds = 0; seconds < 500 && steady < 4; seconds += 2) {
      await session.pass(2000)
      const picture = session.picture('installer-gtk')
      const print = fingerprint(picture)
      const isPage = picture.width === 1024 && pixel(picture, 600, 600).every(part => part > 250)
      steady = isPage && print === last ? steady + 1 : 0
      last = print
    }
    const before = fingerprint(session.picture('installer-gtk'))
    expect(before).toMatch(/^1024x768/)
    session.machine.mouse.move(200, 100, 0)
    await session.pass(2000)
    const moved = fingerprint(session.picture('installer-gtk-mouse'))
    expect(moved).not.toBe(before)
    await session.press('Enter')
    await session.pass(20_000)
    expect(fingerprint(session.picture('installer-gtk-next'))).not.toBe(moved)
  })
})
