/**
 * An installed Debian on an ext4 disk (tools/guest/debian-disk.ts), booted by the BIOS from IDE and from virtio: login,
 * work, throughput, power off, and a file system that is clean afterwards.
 */
import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { FileDisk } from '../../src/node/file-disk.ts'
import { cacheDirectory } from '../../tools/guest/cache.ts'
import { PcSession } from './pc-session.ts'

const IMAGE = join(cacheDirectory(), 'disks/debian-desktop.img')
const PARTITION_OFFSET = 1 << 20
const PROMPT = /root@tabpc:~# $/
const RANDOM_READS = 20_000
/** Reads of 4 KiB at random places, one at a time, each from the disk: nothing is cached, nothing is read ahead. */
const RANDOM_READ_SCRIPT = `open(F, "<", $ARGV[0]) or die; my $b;
for (1..${RANDOM_READS}) { sysseek(F, 4096 * (($_ * 7919) % 200003), 0); sysread(F, $b, 4096) == 4096 or die }`

const folder = mkdtempSync(join(tmpdir(), 'tabpc-debian-disk-'))
let session: PcSession | undefined
afterEach(() => {
  session?.dispose()
  session = undefined
})
afterAll(() => rmSync(folder, { recursive: true }))

describe.runIf(existsSync(IMAGE))('Debian on a disk', () => {
  it.each([['hda', '/dev/sda'], ['vda', '/dev/vda']])('on %s: login, work, clean after power-off', async (drive, path) => {
    const image = join(folder, `${drive}.img`)
    copyFileSync(IMAGE, image)
    session = new PcSession({
      memory: 512, drives: { [drive]: new FileDisk(image, drive, { readOnly: false }) }, boot: 'c', clock: 'wall', jit: true,
    })
    await session.waitFor(/tabpc login: $/, 500)
    await session.send('root\n', /Password: $/)
    await session.send('tabpc\n', PROMPT)
    const about = await session.send('findmnt -no SOURCE,FSTYPE /; apt-get --version | head -n 1; cat /proc/interrupts\n', PROMPT)
    expect(about).toMatch(new RegExp(`${path}1\\s+ext4`))
    expect(about).toMatch(/apt 2\.\d/)
    expect(about).toMatch(drive === 'vda' ? /PCI-MSI.*virtio0-req/ : /IO-APIC +14-edge +ata_piix/)
    const sorted = await session.send('mkdir work; seq 1 200000 > work/numbers; sort -R work/numbers | sort -n | cmp - work/numbers && echo sa""me\n', PROMPT)
    expect(sorted).toMatch(/same/)
    session.freezeAndThaw()
    const sum = await session.send('sha256sum work/numbers\n', PROMPT)
    expect(sum).toContain(execFileSync('sh', ['-c', 'seq 1 200000 | sha256sum'], { encoding: 'utf8' }).split(' ')[0])
    const speed = await session.send(`dd if=${path} of=/dev/null bs=1M count=400 iflag=direct\n`, PROMPT)
    await session.send(`blockdev --setra 0 ${path}; echo 3 > /proc/sys/vm/drop_caches\n`, PROMPT)
    const random = await session.send(
      `a=$(date +%s%N); perl -e '${RANDOM_READ_SCRIPT.replaceAll('\n', ' ')}' ${path} && ` +
        `echo RATE=$((${RANDOM_READS}000000000 / ($(date +%s%N) - a)))\n`, PROMPT, 120,
    )
    process.stderr.write(`${drive}: ${/copied.*/.exec(speed)?.[0]}; random 4 KiB: ${/RATE=(\d+)/.exec(random)?.[1]}/s\n`)
    expect(speed).toMatch(/copied/)
    expect(random).toMatch(/RATE=\d+/)
    session.machine.serial[0].receive(new TextEncoder().encode('systemctl poweroff\n'))
    await session.waitForPowerOff(120)
    const check = execFileSync('e2fsck', ['-fn', `${image}?offset=${PARTITION_OFFSET}`], { encoding: 'utf8', stdio: 'pipe' })
    expect(check).toMatch(/tabpc-root: \d+\/\d+ files/)
    expect(execFileSync('debugfs', ['-R', 'cat /root/work/numbers', `${image}?offset=${PARTITION_OFFSET}`], {
      encoding: 'utf8', stdio: 'pipe', maxBuffer: 1 << 24,
    })).toMatch(/^1\n2\n3\n/)
  })
})
