/** `tabpc run` as a whole against fake machines: exit statuses, messages, statistics, restarts, signals. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCommandLine } from '../../../src/cli/commands.ts'
import { complain } from '../../../src/cli/complain.ts'
import type { RunResult } from '../../../src/machine-options.ts'
import { makeBzImage } from '../loaders/fixtures.ts'
import { type FakeHost, type FakeMachine, fakeHost } from './fakes.ts'

let folder: string
let kernel: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tabpc-'))
  kernel = join(folder, 'bzImage')
  writeFileSync(kernel, makeBzImage())
})
afterAll(() => rmSync(folder, { recursive: true }))

function run(host: FakeHost, ...argv: string[]): Promise<number> {
  return runCommandLine(['run', '--kernel', kernel, ...argv], host)
}

function stop(reason: 'power-off' | 'reset' | 'triple-fault' | 'debug-exit', status?: number): RunResult {
  return { state: 'stopped', reason, status }
}

function says(text: string, end: RunResult) {
  return (machine: FakeMachine, slice: number): RunResult => {
    if (slice === 0) machine.send(text)
    return slice === 0 ? { state: 'running' } : end
  }
}

const asleep: RunResult = { state: 'halted', wakeAt: null }

describe('the exit status', () => {
  it("is 0 for a power-off, and stdout is the guest's alone", async () => {
    const host = fakeHost(says('hello\r\n', stop('power-off')))
    expect(await run(host)).toBe(0)
    expect(host.stdout.text).toBe('hello\r\n')
    expect(host.errors).toEqual([])
    expect(host.machines[0].disposed).toBe(true)
  })

  it('is 0 when --expect matches, at once', async () => {
    const host = fakeHost(says('boot\nlogin: ', asleep))
    expect(await run(host, '--expect', 'log.n:')).toBe(0)
    expect(host.stdout.text).toBe('boot\nlogin: ')
  })

  it('is 0 with a note when the guest powers off before --expect matches', async () => {
    const host = fakeHost(says('panic\n', stop('power-off')))
    expect(await run(host, '--expect', 'login:')).toBe(0)
    expect(host.errors.join('')).toMatch(/^tabpc: the guest has powered off, and .*--expect\n$/)
  })

  it('is 3 for a triple fault, with the report on stderr', async () => {
    const host = fakeHost(says('', stop('triple-fault')))
    expect(await run(host)).toBe(3)
    expect(host.errors.join('')).toBe(
      'tabpc: the guest has crashed by a triple fault\nEAX=00000000\nlast 20 instructions\n',
    )
  })

  it.each([
    [1, 1],
    [0x21, 0x21],
    [0x1ff, 0xff],
  ])('of debug-exit is the low byte of what the guest gave, %i: %i', async (given, status) => {
    const host = fakeHost(says('', stop('debug-exit', given)))
    expect(await run(host, '--isa-debug-exit')).toBe(status)
    expect(host.options[0].isaDebugExit).toBe(true)
  })

  it('is 124 after --timeout, asleep or busy', async () => {
    for (const state of [asleep, { state: 'running' } as const]) {
      const host = fakeHost(() => state)
      expect(await run(host, '--timeout', '0.05')).toBe(124)
      expect(host.errors).toEqual(['tabpc: the --timeout of 0.05 s is over\n'])
    }
  })

  it('is 128 + n for a signal', async () => {
    const host = fakeHost(() => asleep, { tty: true })
    setTimeout(() => host.process.emit('SIGTERM'), 20)
    expect(await run(host)).toBe(143)
    expect(host.stdin.modes).toEqual([true, false])
    expect(host.process.eventNames()).toEqual([])
  })
})

describe('input and output', () => {
  it('a terminal types to the serial port, and Ctrl-A X leaves', async () => {
    const host = fakeHost(() => asleep, { tty: true })
    setTimeout(() => host.stdin.type('ls\r'), 10)
    setTimeout(() => host.stdin.type('\x01x'), 30)
    expect(await run(host)).toBe(0)
    expect(host.machines[0].received).toEqual([0x6c, 0x73, 0x0d])
    expect(host.errors).toEqual(['tabpc: left by Ctrl-A X\n'])
    expect(host.stdin.modes).toEqual([true, false])
  })

  it('what the guest did to the terminal is undone, and messages have their own lines', async () => {
    const host = fakeHost(says('\x1b[31mred', asleep), { tty: true })
    host.stdout.isTTY = true
    setTimeout(() => host.stdin.type('\x01h'), 20)
    setTimeout(() => host.stdin.type('\x01x'), 40)
    await run(host)
    expect(host.stdout.text).toContain('\x1b[0m')
    expect(host.errors[0]).toBe('\n')
    expect(host.errors[1]).toMatch(/^tabpc: Ctrl-A X leaves/)
  })

  it('nothing is read when the serial port is not on stdio', async () => {
    const host = fakeHost(says('x', stop('power-off')), { tty: true })
    expect(await run(host, '--serial', 'none')).toBe(0)
    expect(host.stdin.modes).toEqual([])
    expect(host.stdout.text).toBe('')
  })

  it('ports write to files, and --expect sees the serial port all the same', async () => {
    const serial = join(folder, 'serial.log')
    const debugcon = join(folder, 'debugcon.log')
    const host = fakeHost((machine, slice) => {
      machine.send('to the file')
      machine.debugConsole.onByte(0x21)
      return slice < 2 ? { state: 'running' } : asleep
    })
    expect(await run(host, '--serial', `file:${serial}`, '--debugcon', `file:${debugcon}`, '--expect', 'e{1}to')).toBe(
      0,
    )
    expect(readFileSync(serial, 'utf8')).toBe('to the fileto the file')
    expect(readFileSync(debugcon, 'utf8')).toBe('!!')
  })

  it('a reader that goes away ends the run quietly', async () => {
    const host = fakeHost(machine => {
      machine.send('y')
      return { state: 'running' }
    })
    setTimeout(() => host.stdout.emit('error', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })), 20)
    expect(await run(host)).toBe(0)
    expect(host.errors).toEqual([])
  })

  it('a reader that is slow holds the guest', async () => {
    const host = fakeHost(machine => {
      machine.send('y')
      return machine.slices < 3 ? { state: 'running' } : stop('power-off')
    })
    host.stdout.full = true
    const ended = run(host)
    await new Promise(resolve => setTimeout(resolve, 30))
    expect(host.machines[0].slices).toBe(1)
    host.stdout.full = false
    host.stdout.emit('drain')
    expect(await ended).toBe(0)
    expect(host.stdout.text).toBe('yyy')
  })
})

describe('a reset by the guest', () => {
  it('starts the same machine again', async () => {
    const host = fakeHost((machine, _slice, boot) => {
      machine.send(`boot ${boot}\n`)
      return stop(boot < 2 ? 'reset' : 'power-off')
    })
    const stats = join(folder, 'reset.json')
    expect(await run(host, '--stats', stats)).toBe(0)
    expect(host.stdout.text).toBe('boot 0\nboot 1\nboot 2\n')
    expect(host.machines.map(machine => machine.disposed)).toEqual([true])
    expect(JSON.parse(readFileSync(stats, 'utf8'))).toMatchObject({
      restarts: 2,
      instructions: 3000,
      exits: { Budget: 3 },
    })
  })

  it('without end still hears the timeout', async () => {
    const host = fakeHost(() => stop('reset'))
    expect(await run(host, '--timeout', '0.1')).toBe(124)
  })
})

describe('--stats', () => {
  async function stats(host: FakeHost, ...argv: string[]) {
    const file = join(folder, 'stats.json')
    const ended = await run(host, '--stats', file, ...argv).catch(() => 'failed')
    return { ended, ...JSON.parse(readFileSync(file, 'utf8')) }
  }

  it('holds the figures and the marks of the boot', async () => {
    const result = await stats(fakeHost(says('login: ', asleep)), '--expect', 'login')
    expect(result).toMatchObject({
      ended: 0,
      outcome: 'match',
      exitStatus: 0,
      instructions: 1000,
      exits: { Budget: 1 },
      compiles: 0,
      invalidations: 1,
      bootMarks: { firstSerialByte: { instructions: 1000 }, expectMatch: { instructions: 1000 } },
    })
    expect(result.mips).toBeCloseTo(0.1)
    expect(result.seconds).toBeCloseTo(0.01)
    expect(result.rss).toBeGreaterThan(1e6)
    expect(result.wallSeconds).toBeGreaterThanOrEqual(result.bootMarks.expectMatch.seconds)
  })

  it('is written however the run ends', async () => {
    expect(
      await stats(
        fakeHost(() => asleep),
        '--timeout',
        '0.05',
      ),
    ).toMatchObject({ outcome: 'timeout', exitStatus: 124 })
    expect(await stats(fakeHost(() => stop('triple-fault')))).toMatchObject({ outcome: 'triple-fault', exitStatus: 3 })
    const broken = fakeHost(() => {
      throw new Error('broken')
    })
    expect(await stats(broken)).toMatchObject({ ended: 'failed', outcome: 'failed', exitStatus: 70 })
    const exiting = fakeHost(() => asleep)
    setTimeout(() => exiting.process.emit('exit'), 20)
    setTimeout(() => exiting.process.emit('SIGTERM'), 40)
    expect(await stats(exiting)).toMatchObject({ outcome: 'failed' })
  })
})

describe('bad input', () => {
  async function line(...argv: string[]): Promise<string> {
    const host = fakeHost(() => stop('power-off'))
    const error = await runCommandLine(argv, host).then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    const { text, status } = complain(error)
    expect(status).toBe(1)
    expect(text).not.toContain('\n')
    expect(host.machines).toEqual([])
    return text
  }

  it('is told in one line: files', async () => {
    const empty = join(folder, 'empty')
    writeFileSync(empty, '')
    const text = join(folder, 'two\nlines')
    writeFileSync(text, 'no kernel')
    expect(await line('run', '--kernel', join(folder, 'absent'))).toMatch(/absent' does not exist; check/)
    expect(await line('run', '--kernel', folder)).toMatch(/is a folder; give a file$/)
    expect(await line('run', '--kernel', empty)).toMatch(/is empty/)
    expect(await line('run', '--kernel', '/dev/zero')).toMatch(/is a device/)
    expect(await line('run', '--kernel', text)).toMatch(/neither a Linux bzImage nor/)
    expect(await line('run', '--kernel', kernel, '--initrd', join(folder, 'two\nlinez'))).toMatch(
      /two linez' does not exist/,
    )
    expect(await line('run', '--kernel', kernel, '--stats', join(folder, 'no', 'stats'))).toMatch(
      /--stats .* does not exist/,
    )
    expect(await line('run', '--kernel', kernel, '--serial', `file:${folder}`)).toMatch(/--serial .* is a folder/)
  })

  it('is told in one line: commands', async () => {
    expect(await line()).toMatch(/^tabpc: no command is given; try/)
    expect(await line('rnu')).toMatch(/no command 'rnu'/)
    expect(await line('ru')).toMatch(/did you mean run\?$/)
    expect(await line('--memory', '64M')).toMatch(/write tabpc run first/)
    expect(await line('constructor')).toMatch(/no command 'constructor'/)
  })

  it('a fault of ours shows its stack and has a status of its own', () => {
    const { text, status } = complain(new TypeError('x is undefined'))
    expect(status).toBe(70)
    expect(text).toMatch(/^tabpc: a fault in tabpc itself.*\nTypeError: x is undefined\n +at /)
  })
})

describe('help and version', () => {
  it('go to stdout', async () => {
    for (const [argv, pattern] of [
      [['--help'], /Usage: tabpc <command>/],
      [['--version'], /^tabpc \d+\.\d+\.\d+\n$/],
      [['run', '--help'], /--isa-debug-exit[\s\S]*Exit status/],
    ] as const) {
      const host = fakeHost(() => stop('power-off'))
      expect(await runCommandLine(argv, host)).toBe(0)
      expect(host.stdout.text).toMatch(pattern)
    }
  })
})
