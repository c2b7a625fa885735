/** Linux with IDE disks and a CD-ROM: files survive, the file system is clean afterwards, reads are fast. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { buildGuest, type Guest } from '../../tools/guest/build-guest.ts'
import { cacheDirectory } from '../../tools/guest/cache.ts'
import { GuestSession } from './guest-session.ts'
import { packageFile } from '../../tools/guest/images.ts'

const MKFS = '/sbin/mkfs.ext4'
const FSCK = '/sbin/e2fsck'
const DISK_BYTES = 64 << 20
const DRIVERS = 'ata_piix sd_mod sr_mod ext4 isofs'
/** Sequential reads by bus-master DMA, at least: in bytes a second. */
const LEAST_BYTES_PER_SECOND = 40e6

function hasTools(): boolean {
  try {
    execFileSync(MKFS, ['-V'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

let session: GuestSession | undefined
let guest: Guest
const folder = mkdtempSync(join(tmpdir(), 'tabpc-disks-'))
const disk = join(folder, 'ext4.img')

beforeAll(async () => {
  guest = await buildGuest({ cache: cacheDirectory() })
})
afterEach(async () => {
  await session?.dispose()
})
afterAll(() => rmSync(folder, { recursive: true }))

/** Boots the guest with drives, loads their drivers and waits for the last of them. */
async function boot(...drives: string[]): Promise<GuestSession> {
  session = new GuestSession([
    '--kernel', guest.kernel, '--initrd', guest.initrd,
    '--append', 'console=ttyS0 mitigations=off cryptomgr.notests nokaslr', ...drives,
  ])
  await session.ready()
  await session.shell(`for m in ${DRIVERS}; do modprobe $m; done; while [ ! -e /dev/sr0 ]; do sleep 1; done; dmesg -n 1`)
  return session
}

describe.runIf(hasTools())('IDE disks under Linux', () => {
  it('keep files over a reboot, and a clean file system', async () => {
    writeFileSync(disk, '')
    truncateSync(disk, DISK_BYTES)
    execFileSync(MKFS, ['-q', '-F', disk])
    const iso = await packageFile('memtest86+', 'usr/lib/memtest86+/memtest86+ia32.iso')
    const drives = ['--hda', disk, '--cdrom', iso]

    const first = await boot(...drives)
    expect(await first.shell('mount -t ext4 /dev/sda /mnt && seq 1 100000 > /mnt/numbers && md5sum < /mnt/numbers')).toMatch(/^[0-9a-f]{32}/)
    const sum = await first.shell('md5sum < /mnt/numbers')
    expect(await first.shell('mkdir /cd; mount -t iso9660 /dev/sr0 /cd && ls /cd')).toMatch(/boot/i)
    await first.shell('umount /mnt')
    first.type('poweroff -f\n')
    expect(await first.ended()).toBe(0)

    const second = await boot(...drives)
    await second.shell('mount -t ext4 /dev/sda /mnt')
    expect(await second.shell('md5sum < /mnt/numbers')).toBe(sum)
    const [, elapsed] = /real\s+0m ([\d.]+)s/.exec(
      await second.shell('time dd if=/dev/sda of=/dev/null bs=1M iflag=direct'),
    ) as RegExpExecArray
    expect(DISK_BYTES / Number(elapsed)).toBeGreaterThan(LEAST_BYTES_PER_SECOND)
    await second.shell('umount /mnt')
    second.type('poweroff -f\n')
    await second.ended()
    expect(execFileSync(FSCK, ['-fn', disk], { encoding: 'utf8' })).not.toMatch(/FIXED|errors/i)
  })
})
