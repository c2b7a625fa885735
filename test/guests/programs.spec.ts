/**
 * Programs of Debian's i386 archive compute in the guest what they compute natively on this host: the same files, once by
 * chroot and once from an emulated hard disk (tools/guest/programs.ts, programs/check.sh).
 */
import { execFileSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildGuest } from '../../tools/guest/build-guest.ts'
import { cacheDirectory } from '../../tools/guest/cache.ts'
import { buildPrograms, canBuildPrograms, type Programs } from '../../tools/guest/programs.ts'
import { GuestSession } from './guest-session.ts'

const NAMES = ['openssl', 'python', 'sqlite', 'archives', 'perl', 'lua', 'gcc'] as const
/** What the slowest of them may take, in seconds. */
const PATIENCE = 500

describe.runIf(await canBuildPrograms())('programs of the archive', () => {
  let programs: Programs
  let guest: GuestSession

  beforeAll(async () => {
    programs = await buildPrograms(cacheDirectory())
    const { kernel, initrd } = await buildGuest({ cache: cacheDirectory() })
    guest = new GuestSession([
      '--kernel', kernel, '--initrd', initrd, '--append', 'console=ttyS0 tabpc.modules=ata_piix,sd_mod,ext4',
      '--memory', '512M', '--hda', programs.image,
    ])
    await guest.ready()
    await guest.shell('mount -t ext4 -o ro /dev/sda /mnt && mount -t tmpfs tmpfs /mnt/tmp && mount --bind /dev /mnt/dev')
  })

  afterAll(async () => {
    await guest?.dispose()
  })

  it.each(NAMES)('%s', async name => {
    const native = execFileSync('setarch', ['i386', 'chroot', programs.root, '/bin/sh', '/tabpc/check.sh', name], {
      encoding: 'utf8',
    })
    expect(native.split('\n').length).toBeGreaterThan(5)
    expect(native).not.toMatch(/Traceback|not found|No such file/)
    const emulated = await guest.shell(`chroot /mnt /bin/sh /tabpc/check.sh ${name}`, PATIENCE)
    expect(emulated.split('\n')).toEqual(native.split('\n'))
  })
})
