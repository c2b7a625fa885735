/** How a run of `tabpc` ends: exit statuses, messages and figures, with real kernels in a real process. */
import { afterAll, describe, expect, it } from 'vitest'
import { Folder } from './command-line.ts'
import {
  CODE_ADDRESS, cli, type Code, DEBUG_CONSOLE, DEBUG_EXIT, forever, hlt, ifAl, ifAlIs, in8, loop, movEax, out8, out16,
  outAl, powerOff, print, SERIAL, tripleFault,
} from './kernels.ts'

const folder = new Folder()
afterAll(() => folder.remove())

const CMOS_INDEX = 0x70
const CMOS_DATA = 0x71
/** LSR: a byte has arrived. */
const RECEIVED = 0x01
/** A byte of CMOS RAM that means nothing to anybody; it survives a reset. */
const CMOS_FREE_BYTE = 0x48

/** Resets by `code` the first time, and powers off after it. */
function resetsOnceBy(code: Code): Code[] {
  const choose = out8(CMOS_INDEX, CMOS_FREE_BYTE)
  return [
    print(SERIAL, 'up\n'), choose, in8(CMOS_DATA),
    ifAlIs(1, powerOff, hlt),
    choose, out8(CMOS_DATA, 1), code, forever,
  ]
}

describe.concurrent('the end of a run', () => {
  it('is a power-off through ACPI: status 0, the output on stdout, nothing on stderr', async () => {
    const run = await folder.runWithStats([print(SERIAL, 'hello\n'), powerOff, print(SERIAL, 'too late'), forever])
    expect(run).toMatchObject({ status: 0, stdout: 'hello\n', stderr: '' })
    expect(run.stats).toMatchObject({ outcome: 'power-off', exitStatus: 0, restarts: 0 })
    expect(run.stats.instructions).toBeGreaterThan(20)
    expect(run.stats.instructions).toBeLessThan(100)
  })

  it('is not a sleep state other than off', async () => {
    const sleepTypeOne = out16(0x604, 0x2400)
    const run = await folder.run([sleepTypeOne, print(SERIAL, 'awake'), powerOff, forever])
    expect(run).toMatchObject({ status: 0, stdout: 'awake' })
  })

  it('is a byte written to the debug exit port', async () => {
    const run = await folder.runWithStats([out8(DEBUG_EXIT, 0x10), print(SERIAL, 'too late'), forever],
      ['--isa-debug-exit'])
    expect(run).toMatchObject({ status: 0x21, stdout: '', stderr: '' })
    expect(run.stats).toMatchObject({ outcome: 'debug-exit', exitStatus: 0x21 })
  })

  it('is no such write without --isa-debug-exit', async () => {
    const run = await folder.run([out8(DEBUG_EXIT, 0x10), print(SERIAL, 'on'), powerOff, forever])
    expect(run).toMatchObject({ status: 0, stdout: 'on' })
  })

  it('is a triple fault: status 3, the registers and the last instructions', async () => {
    const run = await folder.runWithStats([movEax(0x12345678), tripleFault])
    expect(run.status).toBe(3)
    expect(run.stdout).toBe('')
    expect(run.stderr).toMatch(/^tabpc: the guest has crashed by a triple fault\n/)
    expect(run.stderr).toMatch(/EAX=[0-9a-f]{8} ECX=00000000/)
    expect(run.stderr).toMatch(/CS +0010 base=00000000 limit=ffffffff/)
    expect(run.stderr).toMatch(/IDTR=00000000:0000/)
    expect(run.stderr).toMatch(/CR0=00000011 CR2=00000000/)
    expect(run.stderr).not.toMatch(/at .*\.js/)
    expect(run.stats).toMatchObject({ outcome: 'triple-fault', exitStatus: 3 })
  })

  it('shows every instruction before a triple fault with --trace, and as many as asked', async () => {
    const code = [cli, movEax(0x12345678), movEax(2), tripleFault]
    const all = await folder.run(code, ['--trace'])
    expect(all.status).toBe(3)
    const instructions = /last instructions:\n(.*)$/s.exec(all.stderr)?.[1].trimEnd().split('\n') ?? []
    expect(instructions.map(line => line.trim().replace(/\s+/g, ' '))).toEqual([
      expect.stringMatching(new RegExp(`^${CODE_ADDRESS.toString(16).padStart(8, '0')} fa cli$`)),
      expect.stringMatching(/ b8 78 56 34 12 mov eax, 0x12345678$/),
      expect.stringMatching(/ b8 02 00 00 00 mov eax, 0x2$/),
      expect.stringMatching(/ eb 06 jmp /),
      expect.stringMatching(/ e8 00 00 00 00 call /),
      expect.stringMatching(/ 58 pop eax$/),
      expect.stringMatching(/ 0f 01 58 f5 lidt /),
      expect.stringMatching(/ 0f 0b ud2$/),
    ])
    const two = await folder.run(code, ['--trace=2'])
    expect(/last instructions:\n(.*)$/s.exec(two.stderr)?.[1].trimEnd().split('\n')).toHaveLength(2)
  })

  it('is the timeout of a guest that computes for ever', async () => {
    const run = await folder.runWithStats([forever], ['--timeout', '0.5'])
    expect(run.status).toBe(124)
    expect(run.stderr).toBe('tabpc: the --timeout of 0.5 s is over\n')
    expect(run.stats).toMatchObject({ outcome: 'timeout', exitStatus: 124 })
    expect(run.stats.instructions).toBeGreaterThan(100_000)
  })

  it.each(['wall', 'virtual'])('is the timeout of a guest that has halted for good, asleep (%s clock)', async clock => {
    const run = await folder.runWithStats([cli, hlt, forever], ['--timeout', '1', '--clock', clock])
    expect(run.status).toBe(124)
    expect(run.stderr).toBe('tabpc: the guest has halted for good: HLT with interrupts off\n' +
      'tabpc: the --timeout of 1 s is over\n')
    expect(run.stats.seconds).toBeLessThan(0.9)
    expect(run.stats.instructions).toBe(2)
  })

  it('is a match of --expect', async () => {
    const run = await folder.runWithStats([print(SERIAL, 'name: '), forever], ['--expect', 'na.e:', '--timeout', '20'])
    expect(run).toMatchObject({ status: 0, stderr: '' })
    expect(run.stdout).toContain('name:')
    expect(run.stats).toMatchObject({ outcome: 'match', exitStatus: 0 })
    expect(run.stats.bootMarks).toMatchObject({ expectMatch: { seconds: expect.any(Number) } })
  })

  it('tells when --expect has not matched', async () => {
    const run = await folder.run([print(SERIAL, 'nothing'), forever], ['--expect', 'login:', '--timeout', '0.5'])
    expect(run.status).toBe(124)
    expect(run.stderr).toMatch(/^tabpc: the --timeout of 0.5 s is over, and .* --expect\n$/)
  })

  it.each([['SIGTERM', 143], ['SIGINT', 130]] as const)('is %s: status %d, with figures', async (signal, status) => {
    const run = await folder.runWithStats([print(SERIAL, 'ready'), forever], [], { signal, after: 'ready' })
    expect(run).toMatchObject({ status, stderr: '' })
    expect(run.stats).toMatchObject({ outcome: 'signal', exitStatus: status })
  })

  it('also hears a signal while the guest sleeps', async () => {
    const run = await folder.run([print(SERIAL, 'ready'), cli, hlt], [], { signal: 'SIGTERM', after: 'ready' })
    expect(run.status).toBe(143)
  })
})

describe.concurrent('a reset by the guest', () => {
  it.each([
    ['port CF9h', out8(0xcf9, 6)],
    ['the keyboard controller', out8(0x64, 0xfe)],
    ['port 92h', out8(0x92, 3)],
  ])('through %s starts it again', async (_name, code) => {
    const run = await folder.runWithStats(resetsOnceBy(code))
    expect(run).toMatchObject({ status: 0, stdout: 'up\nup\n' })
    expect(run.stderr).toBe('tabpc: the guest has reset the machine; it starts again\n')
    expect(run.stats).toMatchObject({ outcome: 'power-off', restarts: 1 })
  })

  it('again and again takes no more memory, and the timeout is heard', async () => {
    const run = await folder.runWithStats([out8(0xcf9, 6), forever], ['--timeout', '2'])
    expect(run.status).toBe(124)
    expect(run.stats.restarts).toBeGreaterThan(1)
    expect(run.stats.rss).toBeLessThan(166 * 2 ** 20)
  })
})

describe.concurrent('input and output', () => {
  it('sends port E9h where --debugcon says', async () => {
    const both = [print(DEBUG_CONSOLE, 'debug'), print(SERIAL, 'serial'), powerOff, forever]
    expect((await folder.run(both)).stdout).toBe('serial')
    expect((await folder.run(both, ['--debugcon', 'stdio'])).stdout).toBe('debugserial')
    expect((await folder.run(both, ['--debugcon', 'stdio', '--serial', 'none'])).stdout).toBe('debug')
  })

  it('sends POST codes of ports 80h and 190h where --post says, in the order of all output', async () => {
    const codes = [out8(0x80, 0x1f), print(SERIAL, 's'), print(DEBUG_CONSOLE, 'd'), out8(0x190, 0xff), powerOff, forever]
    expect((await folder.run(codes)).stdout).toBe('s')
    expect((await folder.run(codes, ['--post', 'stdio'])).stdout).toBe('post 80 1f\nspost 190 ff\n')
    const noSerial = ['--post', 'stdio', '--debugcon', 'stdio', '--serial', 'none']
    expect((await folder.run(codes, noSerial)).stdout).toBe('post 80 1f\ndpost 190 ff\n')
  })

  it('gives standard input to the serial port, every byte in order', async () => {
    const fifosOn = out8(SERIAL + 2, 1)
    const poll = loop(
      in8(SERIAL + 5),
      ifAl(RECEIVED, in8(SERIAL), outAl(SERIAL), ifAlIs('q'.charCodeAt(0), powerOff, forever)),
    )
    const text = Array.from({ length: 3000 }, (_, i) => String.fromCharCode(0x41 + (i % 13))).join('')
    const run = await folder.run([fifosOn, poll], [], { input: `${text}q` })
    expect(run.status).toBe(0)
    expect(run.stdout).toBe(`${text}q`)
  })
})
