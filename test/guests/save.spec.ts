/**
 * Guests that move from machine to machine while they work: each time the whole state is saved, and another machine goes
 * on with it. The other rungs do so once (PcSession.freezeAndThaw); here it is in the middle of everything.
 */
import { createHash } from 'node:crypto'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { MemoryDisk } from '../../src/disks/memory-disk.ts'
import { buildGuest, type Guest } from '../../tools/guest/build-guest.ts'
import { cacheDirectory } from '../../tools/guest/cache.ts'
import { bootFloppy, digestOf, PcSession } from './pc-session.ts'

const DISK_BYTES = 24 << 20
const PROMPT = /~# (\x1b\[6n)?$/
const CURSOR_ANSWER = '\x1b[1;1R\n'
/** Compiled code stays behind at every move, so that a guest on the road is slow. */
const PATIENCE_MS = 1_200_000

let session: PcSession | undefined
afterEach(() => {
  session?.dispose()
  session = undefined
})

describe('a boot sector', () => {
  it.each(['echo', 'reset', 'mode13', 'modex', 'planar', 'vbe', 'disk'])('%s does the same in two machines at once', async name => {
    const start = () => new PcSession({ drives: { fda: bootFloppy(name) } })
    session = start()
    await session.pass(37)
    for (let moves = 0; moves < 6; moves++) {
      await session.pass(97)
      const copy = start()
      copy.machine.load(structuredClone(session.machine.save()))
      const written = session.serial.length + session.debug.length
      await copy.pass(61)
      await session.pass(61)
      const [one, other] = [session.machine.save(), copy.machine.save()]
      expect(digestOf(other)).toEqual(digestOf(one))
      expect([other.instructions, other.clock]).toEqual([one.instructions, one.clock])
      expect(copy.serial.length + copy.debug.length).toBe(session.serial.length + session.debug.length - written)
      copy.dispose()
    }
  })
})

describe('Debian', () => {
  let guest: Guest
  beforeAll(async () => {
    guest = await buildGuest({ cache: cacheDirectory() })
  })

  it.each(['hda', 'vda'] as const)('boots, computes and reads %s while it moves', async drive => {
    const disk = new MemoryDisk(new Uint8Array(DISK_BYTES))
    for (let i = 0; i < DISK_BYTES; i += 7) disk.contents[i] = (i * 31) ^ (i >> 12)
    const modules = drive === 'hda' ? 'ata_piix,sd_mod' : 'virtio_pci,virtio_blk'
    session = new PcSession({
      memory: 192, kernel: guest.kernel, initrd: guest.initrd, clock: 'wall', jit: true, drives: { [drive]: disk },
      append: `console=ttyS0 quiet mitigations=off cryptomgr.notests nokaslr tabpc.modules=${modules}`,
    })
    for (let moves = 0; moves < 5; moves++) {
      await session.pass(300)
      session.freezeAndThaw()
    }
    await session.waitFor(/GUEST-READY/, 200)
    await session.send(CURSOR_ANSWER, PROMPT)
    session.freezeAndThaw()
    const path = drive === 'hda' ? '/dev/sda' : '/dev/vda'
    const working = session.send(
      `seq 1 50000 | gzip | gunzip | sha256sum; dd if=${path} bs=64k 2>&1 | md5sum; seq 1 300000 | dd of=${path} conv=fsync; ` +
        `echo 3 >/proc/sys/vm/drop_caches; md5sum ${path}; echo do""ne\n`, /done\r?\n/, 300, 100)
    const answer = await working
    const numbers = (count: number) => Array.from({ length: count }, (_, i) => `${i + 1}\n`).join('')
    expect(answer).toContain(createHash('sha256').update(numbers(50_000)).digest('hex'))
    // What the guest has written and read back is what the disk holds.
    expect(answer).toContain(createHash('md5').update(disk.contents).digest('hex'))
    expect(Buffer.from(disk.contents.subarray(0, 1000)).toString('latin1')).toBe(numbers(300).slice(0, 1000))
    expect(await session.send('dmesg | grep -cE "Oops|BUG:|Call Trace|I/O error|timeout|frozen"; echo\n', PROMPT)).toMatch(/^0\r?$/m)
  }, PATIENCE_MS)
})
