/** Parts of `PC` by themselves: layouts, waits, searches, the shell's marks, flow control, typing, the speed meter. */
import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PCError } from '../../../src/errors.ts'
import { download } from '../../../src/fetch-problem.ts'
import { keyOf } from '../../../src/devices/scancodes.ts'
import { disk } from '../../../src/pc/disk-source.ts'
import { layoutNames, strokesOf } from '../../../src/pc/keyboard-layouts.ts'
import type { MachineLink } from '../../../src/pc/link.ts'
import { PCSerialPort } from '../../../src/pc/serial.ts'
import { resultOf, wrapCommand } from '../../../src/pc/shell.ts'
import { asExpression, SerialSearch } from '../../../src/pc/text-search.ts'
import { waitFor } from '../../../src/pc/wait.ts'
import { SpeedMeter } from '../../../src/worker/speed-meter.ts'
import { Typist } from '../../../src/worker/typist.ts'
import { type RawWorker, startRestingWorker } from '../../../src/web/resting-worker.ts'

const encode = (text: string) => new TextEncoder().encode(text)
const noLink = {} as MachineLink

describe('keyboard layouts', () => {
  const printable = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i))

  it.each(layoutNames)('%s writes ASCII and its own letters, each character by keys that exist', layout => {
    const letters = { us: '', uk: '£¬€', de: 'äöüßÄÖÜ§°€áéíóúýÁÉàèùÀâêîôûÂ´', fr: 'éèçàùâêîôûÂÊëïüÿËÏ€µ§¨', es: 'ñÑçÇáéíóúÁÉÍÓÚüÜàèòïâôªº¿¡´¨' }[layout]
    const characters = [...printable, '\n', '\t', ...letters]
    const written = characters.map(character => strokesOf(character, layout))
    expect(written.flatMap(({ missing }) => missing)).toEqual([])
    for (const { code, held = [] } of written.flatMap(({ strokes }) => strokes)) for (const key of [code, ...held]) expect(keyOf(key), key).toBeDefined()
    expect(new Set(written.map(({ strokes }) => JSON.stringify(strokes))).size).toBe(characters.length)
  })

  it('put accents together, however the text is composed, and stand-alone ones with the space bar', () => {
    const acute = { code: 'Quote' }
    expect(strokesOf('é', 'es').strokes).toEqual([acute, { code: 'KeyE' }])
    expect(strokesOf('e\u0301', 'es').strokes).toEqual([acute, { code: 'KeyE' }])
    expect(strokesOf('Ü', 'es').strokes).toEqual([{ code: 'Quote', held: ['ShiftLeft'] }, { code: 'KeyU', held: ['ShiftLeft'] }])
    expect(strokesOf('ô', 'fr').strokes).toEqual([{ code: 'BracketLeft' }, { code: 'KeyO' }])
    expect(strokesOf('é', 'fr').strokes).toEqual([{ code: 'Digit2' }])
    expect(strokesOf('^a', 'de').strokes).toEqual([{ code: 'Backquote' }, { code: 'Space' }, { code: 'KeyA' }])
    expect(strokesOf('é', 'us').missing).toEqual(['é'])
    expect(strokesOf('ñ', 'fr').missing).toEqual(['ñ'])
  })

  it('know their letters', () => {
    expect(strokesOf('aZ\r\n', 'us').strokes).toEqual([{ code: 'KeyA' }, { code: 'KeyZ', held: ['ShiftLeft'] }, { code: 'Enter' }])
    expect(strokesOf('yß@', 'de').strokes).toEqual([{ code: 'KeyZ' }, { code: 'Minus' }, { code: 'KeyQ', held: ['AltRight'] }])
    expect(strokesOf('a1', 'fr').strokes).toEqual([{ code: 'KeyQ' }, { code: 'Digit1', held: ['ShiftLeft'] }])
  })
})

describe('waits', () => {
  it('end by value, time and signal, and clean up once', async () => {
    let cleaned = 0
    const begin = (settle: (value: number) => void) => {
      setTimeout(() => settle(7), 20)
      return () => cleaned++
    }
    expect(await waitFor('x', {}, begin)).toBe(7)
    await expect(waitFor('the text', { timeout: 5 }, begin)).rejects.toMatchObject({ code: 'timeout', message: expect.stringMatching(/the text/) })
    await expect(waitFor('x', { signal: AbortSignal.timeout(5) }, begin)).rejects.toMatchObject({ code: 'aborted' })
    await expect(waitFor('x', { signal: AbortSignal.abort() }, begin)).rejects.toMatchObject({ code: 'aborted' })
    expect(await waitFor<number>('x', {}, settle => {
      settle(1)
      return () => cleaned++
    })).toBe(1)
    await new Promise(resolve => setTimeout(resolve, 50))
    expect(cleaned).toBe(4)
  })
})

describe('a compile worker that rests', () => {
  it('goes when it is idle, comes back with a request, and never goes with one under way', async () => {
    const log: string[] = []
    const workers: RawWorker[] = []
    const start = (): RawWorker => {
      const worker: RawWorker = {
        onmessage: null, onmessageerror: null, onerror: null,
        postMessage: ({ id }) => log.push(`${workers.indexOf(worker)} takes ${id}`), terminate: () => log.push(`${workers.indexOf(worker)} goes`),
      }
      workers.push(worker)
      return worker
    }
    const gone: string[] = []
    const compiler = startRestingWorker(start, { onReply: ({ id }) => log.push(`reply ${id}`), onGone: ({ message }) => gone.push(message) }, 30)
    const reply = (worker: number, id: number) => workers[worker].onmessage?.({ data: { id, regions: [] } } as unknown as MessageEvent)
    const idle = () => new Promise(resolve => setTimeout(resolve, 80))
    compiler.post({ id: 1, requests: [] })
    compiler.post({ id: 2, requests: [] })
    reply(0, 1)
    await idle()
    reply(0, 2)
    await idle()
    compiler.post({ id: 3, requests: [] })
    let prevented = false
    workers[1].onerror?.({ message: 'out of memory', preventDefault: () => {
      prevented = true
    } } as ErrorEvent)
    expect(log).toEqual(['0 takes 1', '0 takes 2', 'reply 1', 'reply 2', '0 goes', '1 takes 3', '1 goes'])
    expect([gone, prevented]).toEqual([['out of memory'], true])
  })
})

describe('searches in serial output', () => {
  it('go on behind the last match, across pieces and what is not kept any more', () => {
    const port = new PCSerialPort(0, noLink, () => {})
    const search = new SerialSearch(port)
    port.receive(encode('login: pro'))
    expect(search.find(asExpression('login:'))?.text).toBe('login:')
    expect(search.find(asExpression('login:'))).toBeUndefined()
    port.receive(encode('mpt$ '))
    expect(search.find(asExpression(/pro(m)pt\$ $/g))?.match[1]).toBe('m')
    for (let i = 0; i < 5; i++) port.receive(encode('-'.repeat(500_000)))
    port.receive(encode('last a.b'))
    expect(port.droppedLength).toBeGreaterThan(0)
    expect(search.find(asExpression('a.b'))?.text).toBe('a.b')
    port.receive(encode('axb'))
    expect(search.find(asExpression('a.b'))).toBeUndefined()
  })

  it('read UTF-8 that is cut anywhere', () => {
    const port = new PCSerialPort(0, noLink, () => {})
    for (const byte of encode('grün ✓')) port.receive(Uint8Array.of(byte))
    expect(port.text()).toBe('grün ✓')
  })
})

describe('flow control', () => {
  it('holds the machine while a reader lags behind, and lets it go on', async () => {
    const holds: boolean[] = []
    const port = new PCSerialPort(0, noLink, (_port, held) => holds.push(held))
    port.receive(new Uint8Array(4 << 20))
    expect(holds).toEqual([])
    const reader = port.readable.getReader()
    for (let i = 0; i < 20; i++) port.receive(new Uint8Array(1 << 16))
    expect(holds).toEqual([true])
    for (let i = 0; i < 20; i++) await reader.read()
    expect(holds).toEqual([true, false])
    for (let i = 0; i < 20; i++) port.receive(new Uint8Array(1 << 16))
    await reader.cancel()
    expect(holds).toEqual([true, false, true, false])
  })

  it('ends streams with the PC', async () => {
    const port = new PCSerialPort(0, noLink, () => {})
    const reader = port.readable.getReader()
    port.receive(encode('x'))
    port.close(new PCError('disposed', '', ''))
    expect((await reader.read()).value).toEqual(encode('x'))
    expect((await reader.read()).done).toBe(true)
    const other = new PCSerialPort(0, noLink, () => {})
    const failing = other.readable.getReader()
    other.close(new PCError('worker', 'gone', ''))
    await expect(failing.read()).rejects.toMatchObject({ code: 'worker' })
  })
})

describe('commands for a shell', () => {
  it('come back as they were written, whatever is in them', () => {
    fc.assert(fc.property(fc.string({ maxLength: 30 }).filter(text => /^[\x20-\x7e]*$/.test(text)), text => {
      const { line, expression } = wrapCommand(`printf '%s' '${text.replace(/'/g, `'\\''`)}'; (exit 3)`)
      const output = execFileSync('sh', ['-c', line], { encoding: 'utf8' })
      const match = expression.exec(`${line}\r\n${output}`)
      expect(match && resultOf(match)).toEqual({ output: text, status: 3 })
    }), { numRuns: 25 })
  })
})

describe('typing', () => {
  it('waits for the guest between strokes', async () => {
    const keys: string[] = []
    const keyboard = { pending: 0, keyDown: (code: string) => void keys.push(`+${code}`), keyUp: (code: string) => void keys.push(`-${code}`) }
    const busy = Object.assign(keyboard, { pending: 1 })
    const typist = new Typist(busy)
    let done = false
    const typed = typist.type([{ code: 'KeyA', held: ['ShiftLeft'] }, { code: 'KeyB' }]).then(() => {
      done = true
    })
    typist.feed()
    expect(keys).toEqual([])
    busy.pending = 0
    typist.feed()
    await typed
    expect([done, typist.busy, keys.join(' ')]).toEqual([true, false, '+ShiftLeft +KeyA -KeyA -ShiftLeft +KeyB -KeyB'])
    busy.pending = 1
    const dropped = typist.type([{ code: 'KeyC' }])
    typist.clear()
    await dropped
  })
})

describe('the speed meter', () => {
  it('tells the last second', () => {
    const meter = new SpeedMeter()
    expect(meter.read(0, 0, 0)).toEqual({ currentMips: 0, load: 0 })
    for (let i = 0; i <= 30; i++) meter.note(i / 10, i * 1e7, i / 20)
    const { currentMips, load } = meter.read(3, 30e7, 1.5)
    expect(currentMips).toBeCloseTo(100)
    expect(load).toBeCloseTo(0.5)
  })
})

describe('sizes and downloads', () => {
  it('of blank disks are whole sectors', () => {
    expect(disk.blank('1.5M')).toEqual({ kind: 'blank', bytes: 1572864 })
    expect(disk.blank(1000)).toEqual({ kind: 'blank', bytes: 1024 })
    for (const wrong of ['5', 'x', '-1M', 0, Number.NaN]) expect(() => disk.blank(wrong)).toThrow(PCError)
  })

  it('that stall come to an end', async () => {
    const silent = ((_url: string, { signal }: RequestInit) => new Promise((_resolve, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason))
    })) as typeof fetch
    await expect(download('http://localhost/x', { fetch: silent, stallMilliseconds: 20 })).rejects.toMatchObject({ code: 'network', message: expect.stringMatching(/no byte/) })
    const halfway = (async () => new Response(new ReadableStream({
      start: controller => {
        controller.enqueue(Uint8Array.of(1))
        controller.error(new TypeError('network error'))
      },
    }))) as typeof fetch
    await expect(download('http://localhost/x', { fetch: halfway })).rejects.toMatchObject({ code: 'network', message: expect.stringMatching(/half-way/) })
  })
})
