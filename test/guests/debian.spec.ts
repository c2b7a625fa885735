/**
 * Debian's i386 kernel and a busybox shell, used over the serial port. The guest is built into the cache first, which
 * fetches its packages when they are not there yet.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { buildGuest, type Guest } from '../../tools/guest/build-guest.ts'
import { cacheDirectory } from '../../tools/guest/cache.ts'
import { GuestSession } from './guest-session.ts'

const MIB = 2 ** 20
/** What a run may take besides the guest's RAM: Node, V8's code, records and translations. In MiB. */
const OVERHEAD_MIB = 150

let guest: Guest
let session: GuestSession | undefined

beforeAll(async () => {
  guest = await buildGuest({ cache: cacheDirectory() })
})

afterEach(async () => {
  await session?.dispose()
  session = undefined
})

function start(append: string, ...more: string[]): GuestSession {
  session = new GuestSession(['--kernel', guest.kernel, '--initrd', guest.initrd, '--append', append, ...more])
  return session
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

describe('Debian on 256 MiB', () => {
  it('boots with console=ttyS0 alone, computes right, keeps time, and powers off', async () => {
    const shell = start('console=ttyS0', '--memory', '256M')
    await shell.ready()
    expect(await shell.shell('uname -sm')).toBe('Linux i686\n')
    expect(await shell.shell('dmesg | grep -cE "Oops|BUG:|Call Trace|panic|segfault"')).toBe('0\n')

    const numbers = Array.from({ length: 50_000 }, (_, i) => `${i + 1}\n`).join('')
    expect(await shell.shell('seq 1 50000 | sha256sum')).toBe(`${sha256(numbers)}  -\n`)
    expect(await shell.shell('seq 1 50000 | gzip | gunzip | md5sum')).toMatch(
      createHash('md5').update(numbers).digest('hex'),
    )
    expect(await shell.shell('echo $((123456789 * 987654321 % 1000007))')).toBe(
      `${(123456789n * 987654321n) % 1000007n}\n`,
    )
    // Doubles, by the x87.
    expect(await shell.shell(`awk 'BEGIN { for (i = 1; i < 1000; i++) s += 1 / i / i; printf "%.13f\\n", s }'`)).toBe(
      `${Array.from({ length: 999 }, (_, i) => 1 / (i + 1) / (i + 1)).reduce((a, b) => a + b).toFixed(13)}\n`,
    )
    expect(await shell.shell('dd if=/dev/urandom bs=1M count=8 2>&1 >/tmp/r; wc -c </tmp/r')).toMatch(/8388608\n$/)

    const drift = Number(await shell.shell('date +%s')) - Date.now() / 1000
    expect(Math.abs(drift)).toBeLessThan(5)
    const began = performance.now()
    expect(await shell.shell('time sleep 5')).toMatch(/real\t0m 5\.[01]\d?s/)
    expect(performance.now() - began).toBeGreaterThan(4800)

    shell.type('poweroff -f\n')
    expect(await shell.ended()).toBe(0)
    const { rss, outcome } = shell.stats()
    expect(outcome).toBe('power-off')
    expect(rss).toBeLessThan((256 + OVERHEAD_MIB) * MIB)
  })

  it('controls jobs and edits a file', async () => {
    const shell = start('console=ttyS0 quiet')
    await shell.ready()
    shell.type('sleep 1000\n')
    await pause(500)
    shell.type('\x1a')
    await shell.waitFor(/Stopped.*sleep 1000[\s\S]*root@tabpc:/)
    expect(await shell.shell('bg')).toMatch(/sleep 1000/)
    shell.type('fg\n')
    await pause(500)
    shell.type('\x03')
    await shell.waitFor(/root@tabpc:/)
    expect(await shell.shell('echo status $?')).toBe('status 130\n')

    shell.type('vi /tmp/note\n')
    await pause(1500)
    shell.type('ione line\x1b')
    await pause(500)
    shell.type(':wq\n')
    await shell.waitFor(/root@tabpc:/)
    expect(await shell.shell('cat /tmp/note')).toBe('one line\n')
    // Completion of a name that is unique.
    shell.type('cat /proc/cpui\t\n')
    await shell.waitFor(/vendor_id.*GenuineIntel/)
  })

  it.runIf(process.platform === 'linux')('uses almost no host CPU at the prompt', async () => {
    const shell = start('console=ttyS0 quiet')
    await shell.ready()
    await pause(3000)
    // Fields 14 and 15 of proc(5) stat: user and system time, in hundredths of a second.
    const ticks = () => {
      const [, fields] = readFileSync(`/proc/${shell.pid}/stat`, 'utf8').split(') ')
      return Number(fields.split(' ')[11]) + Number(fields.split(' ')[12])
    }
    const before = ticks()
    await pause(10_000)
    expect((ticks() - before) / 1000).toBeLessThan(0.1)
  })

  it('starts again after reboot -f', async () => {
    const shell = start('console=ttyS0 quiet')
    await shell.ready()
    shell.type('reboot -f\n')
    await shell.ready()
    expect(shell.messages).toMatch(/the guest has reset the machine/)
    shell.type('poweroff -f\n')
    expect(await shell.ended()).toBe(0)
    expect(shell.stats()).toMatchObject({ restarts: 1 })
    expect(shell.stats().rss).toBeLessThan((256 + OVERHEAD_MIB) * MIB)
  })
})

describe('Debian on 64 MiB', () => {
  it('boots and shuts down in good order, and takes little more than its RAM without the compiler', async () => {
    const shell = start('console=ttyS0', '--memory', '64M', '--no-jit')
    await shell.ready()
    expect(Number(await shell.shell('awk "/MemTotal/ { print \\$2 }" /proc/meminfo'))).toBeLessThan(65536)
    shell.type('poweroff\n')
    expect(await shell.ended()).toBe(0)
    expect(shell.output).toMatch(/reboot: Power down/)
    expect(shell.stats().rss).toBeLessThan((64 + OVERHEAD_MIB) * MIB)
  })
})

describe('Debian by the virtual clock', () => {
  it('boots the same way twice, to the microsecond of every kernel message', async () => {
    const boots: string[] = []
    for (const _ of [1, 2]) {
      const shell = start('console=ttyS0', '--clock', 'virtual')
      const { index, 0: ready } = await shell.waitFor(/GUEST-READY.*/, 240)
      boots.push(shell.output.slice(0, index + ready.length))
      await shell.dispose()
      session = undefined
    }
    expect(boots[0]).toMatch(/^\[ +\d+\.\d{6}\] .*GUEST-READY kernel=/s)
    // A comparison that prints no difference: it would be of thousands of lines.
    expect(boots[1] === boots[0]).toBe(true)
  })
})
