/** The lines by which guest programs tell the benchmark where they are. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { IDLE_COMMAND, parseLine, SerialLines } from '../../../bench/serial-markers.ts'

describe('parseLine', () => {
  it('knows the ready line of the guest with and without its details', () => {
    expect(parseLine('GUEST-READY')).toEqual({ kind: 'ready' })
    expect(parseLine('GUEST-READY kernel=6.1.0 uptime=3.20')).toEqual({ kind: 'ready' })
    expect(parseLine('[    3.1] GUEST-READY')).toEqual({ kind: 'ready' })
    expect(parseLine('NOT-A-GUEST-READY')).toBeNull()
  })

  it('knows begin and end of a round, also behind a prompt', () => {
    expect(parseLine('BENCH call-heavy begin')).toEqual({ kind: 'begin', program: 'call-heavy' })
    expect(parseLine('root@tabpc:~# BENCH x87 end 00ff12ab')).toEqual({
      kind: 'end',
      program: 'x87',
      checksum: '00ff12ab'
    })
  })

  it('knows a program that the CPU cannot run', () => {
    const event = { kind: 'unsupported', program: 'sse2', feature: 'SSE2' }
    expect(parseLine('BENCH sse2 unsupported SSE2')).toEqual(event)
    expect(parseLine('BENCH sse2 unsupported')).toBeNull()
  })

  it('refuses damaged markers', () => {
    expect(parseLine('BENCH sieve end 123')).toBeNull()
    expect(parseLine('BENCH sieve beginning')).toBeNull()
    expect(parseLine('BENCH sieve end 0123456789')).toBeNull()
  })

  it('takes the end of a command but not its echo', () => {
    expect(parseLine('BENCH-IDLE 139')).toEqual({ kind: 'idle', status: 139 })
    expect(parseLine(`# /bench/sieve 3; ${IDLE_COMMAND}`)).toBeNull()
  })

  it('sees a kernel panic', () => {
    const line = '[    1.2] Kernel panic - not syncing: Attempted to kill init!'
    expect(parseLine(line)).toEqual({ kind: 'panic', line })
  })
})

describe('SerialLines', () => {
  it('keeps a line that is not complete', () => {
    const lines = new SerialLines()
    expect(lines.push('BENCH si')).toEqual([])
    expect(lines.push('eve begin\r')).toEqual([])
    expect(lines.push('\nBENCH sieve')).toEqual(['BENCH sieve begin'])
  })

  it('gives the same lines however the text is cut', () => {
    const line = fc.stringMatching(/^[ -~]{0,20}$/)
    fc.assert(
      fc.property(fc.array(line, { maxLength: 8 }), fc.integer({ min: 1, max: 7 }), (expected, pieceLength) => {
        const text = expected.map(entry => `${entry}\r\n`).join('')
        const lines = new SerialLines()
        const seen: string[] = []
        for (let at = 0; at < text.length; at += pieceLength) seen.push(...lines.push(text.slice(at, at + pieceLength)))
        expect(seen).toEqual(expected)
      })
    )
  })
})
