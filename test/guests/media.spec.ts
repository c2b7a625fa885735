/** The guest from media that a BIOS boots (tools/guest/boot-media.ts): a disc, and a hard disk whose files survive. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { FileDisk } from '../../src/node/file-disk.ts'
import { makeBootDisc, makeBootDisk } from '../../tools/guest/boot-media.ts'
import { buildGuest, type Guest } from '../../tools/guest/build-guest.ts'
import { cacheDirectory } from '../../tools/guest/cache.ts'
import { disc, PcSession } from './pc-session.ts'

const APPEND = 'console=ttyS0 quiet mitigations=off cryptomgr.notests nokaslr'
const PROMPT = /~# (\x1b\[6n)?$/
const CURSOR_ANSWER = '\x1b[1;1R\n'

function has(tool: string, argument: string): boolean {
  try {
    execFileSync(tool, [argument], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const folder = mkdtempSync(join(tmpdir(), 'tabpc-media-'))
let guest: Guest
let session: PcSession | undefined
beforeAll(async () => {
  guest = await buildGuest({ cache: cacheDirectory() })
})
afterEach(() => {
  session?.dispose()
  session = undefined
})
afterAll(() => rmSync(folder, { recursive: true }))

describe('the guest on media', () => {
  it.runIf(has('xorriso', '--version'))('boots from a disc with ISOLINUX', async () => {
    const image = join(folder, 'guest.iso')
    await makeBootDisc(image, { ...guest, append: APPEND })
    session = new PcSession({ memory: 128, drives: { cdrom: disc(image) }, boot: 'd', clock: 'wall', jit: true })
    await session.waitFor(/GUEST-READY/, 200)
  })

  it.runIf(has('syslinux', '--version') && has('mtools', '--version'))('boots from a hard disk, where files survive a reboot', async () => {
    const image = join(folder, 'guest.img')
    await makeBootDisk(image, { ...guest, append: APPEND })
    const start = async () => {
      session = new PcSession({
        memory: 128, drives: { hda: new FileDisk(image, 'hda', { readOnly: false }) }, boot: 'c', clock: 'wall', jit: true,
      })
      await session.waitFor(/GUEST-READY/, 200)
      await session.send(CURSOR_ANSWER, PROMPT)
      await session.send('for m in ata_piix sd_mod ext4; do modprobe $m; done; until [ -e /dev/sda2 ]; do sleep 1; done\n', PROMPT)
      await session.send('mkdir -p /files && mount -t ext4 /dev/sda2 /files\n', PROMPT)
      return session
    }
    const first = await start()
    first.freezeAndThaw()
    await first.send('seq 1 50000 > /files/numbers && md5sum /files/numbers && umount /files && sync\n', /[0-9a-f]{32}[\s\S]*~# /)
    first.machine.serial[0].receive(new TextEncoder().encode('poweroff -f\n'))
    await first.waitForPowerOff(60)
    first.dispose()
    const second = await start()
    const sum = await second.send('md5sum /files/numbers\n', /[0-9a-f]{32}[\s\S]*~# /)
    expect(sum).toContain(execFileSync('sh', ['-c', 'seq 1 50000 | md5sum'], { encoding: 'utf8' }).split(' ')[0])
  })
})
