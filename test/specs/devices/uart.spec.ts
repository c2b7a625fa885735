/** The 16550A: interrupts and their priorities, FIFOs, time-out, loop-back, modem lines, and nothing lost. */
import { describe, expect, it } from 'vitest'
import { Uart, type UartOptions } from '../../../src/devices/uart.ts'
import { Probe, Workbench } from './workbench.ts'

const [DATA, IER, IIR, LCR, MCR, LSR, MSR, SCRATCH] = [0x3f8, 0x3f9, 0x3fa, 0x3fb, 0x3fc, 0x3fd, 0x3fe, 0x3ff]

function board(options: Partial<UartOptions> = {}) {
  const bench = new Workbench()
  const irq = new Probe(() => bench.clock.now())
  const sent: number[] = []
  const uart = new Uart({
    bus: bench.bus, clock: bench.clock, name: 'uart0', base: 0x3f8, irq, onByte: (byte) => sent.push(byte), ...options,
  })
  const setBaud = (divisor: number) => {
    bench.out8(LCR, 0x83)
    bench.out8(DATA, divisor & 0xff)
    bench.out8(IER, divisor >> 8)
    bench.out8(LCR, 0x03)
  }
  return { bench, irq, sent, uart, setBaud }
}

const text = (s: string) => new TextEncoder().encode(s)
/** One 8N1 character at 115200 baud. */
const CHARACTER_NS = Math.ceil(10 * 16e9 / 1_843_200)

describe('16550A', () => {
  it('comes up as the data sheet says', () => {
    const { bench } = board()
    expect([IER, IIR, LCR, MCR, LSR, MSR].map((port) => bench.in8(port))).toEqual([0, 0x01, 0, 0, 0x60, 0xb0])
    bench.out8(SCRATCH, 0xa5)
    expect(bench.in8(SCRATCH)).toBe(0xa5)
    bench.out8(IER, 0xff)
    bench.out8(MCR, 0xef)
    expect([bench.in8(IER), bench.in8(MCR)]).toEqual([0x0f, 0x0f])
  })

  it('keeps the divisor behind DLAB', () => {
    const { bench, setBaud } = board()
    setBaud(0x0102)
    expect(bench.in8(IER)).toBe(0)
    bench.out8(LCR, 0x83)
    expect([bench.in8(DATA), bench.in8(IER)]).toEqual([0x02, 0x01])
  })

  it('interrupts when the transmitter is empty: on enabling, and again after every write', () => {
    const { bench, irq, sent } = board()
    bench.out8(IER, 0x02)
    expect(irq.level).toBe(true)
    expect(bench.in8(IIR)).toBe(0x02)
    expect([irq.level, bench.in8(IIR)]).toEqual([false, 0x01])
    bench.out8(IER, 0x02)
    expect(irq.level).toBe(false)
    bench.out8(DATA, 0x41)
    expect(irq.level).toBe(true)
    const rises = irq.rises.length
    // A handler that writes without reading IIR still gets a new edge.
    bench.out8(DATA, 0x42)
    expect(irq.rises.length).toBe(rises + 1)
    expect(sent).toEqual([0x41, 0x42])
    expect(bench.in8(LSR)).toBe(0x60)
  })

  it('without FIFOs hands over one byte at a time, with an edge each', () => {
    const { bench, irq, uart, setBaud } = board()
    setBaud(1)
    bench.out8(IER, 0x01)
    uart.receive(text('abc'))
    const got: number[] = []
    for (let i = 0; i < 3; i++) {
      expect(irq.level).toBe(true)
      expect(bench.in8(IIR)).toBe(0x04)
      got.push(bench.in8(DATA))
      expect([irq.level, bench.in8(LSR) & 1]).toEqual([false, 0])
      bench.pass(CHARACTER_NS)
    }
    expect(got).toEqual([...text('abc')])
    expect(irq.rises.length).toBe(3)
  })

  it('with FIFOs interrupts at the trigger level, and after four character times below it', () => {
    const { bench, irq, uart, setBaud } = board()
    setBaud(1)
    bench.out8(IIR, 0x81)
    bench.out8(IER, 0x01)
    expect(bench.in8(IIR)).toBe(0xc1)
    uart.receive(text('1234567'))
    expect([irq.level, bench.in8(LSR) & 1]).toEqual([false, 1])
    uart.receive(text('8'))
    expect([irq.level, bench.in8(IIR)]).toEqual([true, 0xc4])
    bench.in8(DATA)
    expect(irq.level).toBe(false)
    bench.pass(4 * CHARACTER_NS - 1)
    expect(irq.level).toBe(false)
    bench.pass(1)
    expect([irq.level, bench.in8(IIR)]).toEqual([true, 0xcc])
    bench.in8(DATA)
    expect(irq.level).toBe(false)
  })

  it('loses nothing of a long paste', () => {
    const { bench, uart, setBaud } = board()
    setBaud(1)
    bench.out8(IIR, 0xc7)
    const paste = Uint8Array.from({ length: 5000 }, (_, i) => (i * 7) & 0xff)
    for (let i = 0; i < paste.length; i += 37) uart.receive(paste.subarray(i, i + 37))
    const got: number[] = []
    let most = 0
    while (got.length < paste.length && bench.clock.now() < 1e9) {
      let burst = 0
      while (bench.in8(LSR) & 1) {
        got.push(bench.in8(DATA))
        burst++
      }
      most = Math.max(most, burst)
      bench.pass(CHARACTER_NS)
    }
    expect(got).toEqual([...paste])
    expect([most, uart.pending]).toEqual([16, 0])
  })

  it('reports causes in order of priority', () => {
    const { bench, uart } = board()
    bench.out8(IIR, 0x01)
    bench.out8(IER, 0x0f)
    uart.setModemLines({ cts: false, dsr: true, ri: false, dcd: true })
    uart.receive(text('x'))
    bench.pass(1)
    uart.receiveBreak()
    bench.in8(DATA)
    expect(bench.in8(IIR)).toBe(0xc6)
    expect(bench.in8(LSR)).toBe(0x60 | 0x80 | 0x10 | 0x01)
    expect(bench.in8(IIR)).toBe(0xc4)
    expect(bench.in8(DATA)).toBe(0)
    expect(bench.in8(IIR)).toBe(0xc2)
    expect(bench.in8(IIR)).toBe(0xc0)
    expect(bench.in8(MSR)).toBe(0xa1)
    expect(bench.in8(IIR)).toBe(0xc1)
    expect(bench.in8(MSR)).toBe(0xa0)
  })

  it('loops back data, modem lines and interrupts, and overruns when not read', () => {
    const { bench, irq, sent, uart } = board()
    bench.out8(LCR, 0x03)
    bench.out8(MCR, 0x1a)
    expect(bench.in8(MSR) & 0xf0).toBe(0x90)
    bench.out8(IER, 0x05)
    bench.out8(DATA, 0xae)
    expect([irq.level, bench.in8(DATA), sent.length]).toEqual([true, 0xae, 0])
    bench.out8(DATA, 1)
    bench.out8(DATA, 2)
    expect(bench.in8(LSR) & 0x1f).toBe(0x03)
    expect(bench.in8(LSR) & 0x1f).toBe(0x01)
    expect(bench.in8(DATA)).toBe(2)
    uart.receive(text('z'))
    expect(bench.in8(LSR) & 1).toBe(0)
    bench.out8(MCR, 0x08)
    bench.pass(1e9)
    expect(bench.in8(DATA)).toBe(0x7a)
  })

  it('marks the trailing edge of RI only', () => {
    const { bench, uart } = board()
    uart.setModemLines({ cts: true, dsr: true, ri: true, dcd: true })
    expect(bench.in8(MSR)).toBe(0xf0)
    uart.setModemLines({ cts: true, dsr: true, ri: false, dcd: true })
    expect(bench.in8(MSR)).toBe(0xb4)
  })

  it('paced, takes a character time for each byte and shows THRE and TEMT apart', () => {
    const { bench, irq, sent, setBaud } = board({ pacing: 'baud' })
    setBaud(1)
    bench.out8(IIR, 0x01)
    bench.out8(IER, 0x02)
    bench.in8(IIR)
    for (let i = 0; i < 16; i++) bench.out8(DATA, i)
    expect(bench.in8(LSR) & 0x60).toBe(0)
    bench.pass(CHARACTER_NS * 15)
    expect([sent.length, bench.in8(LSR) & 0x60, irq.level]).toEqual([15, 0x20, true])
    bench.pass(CHARACTER_NS)
    expect([sent.length, bench.in8(LSR) & 0x60]).toEqual([16, 0x60])
    expect(sent).toEqual(Array.from({ length: 16 }, (_, i) => i))
  })

  it('gates the interrupt by OUT2 when wired so', () => {
    const { bench, irq } = board({ gateByOut2: true })
    bench.out8(IER, 0x02)
    expect(irq.level).toBe(false)
    bench.out8(MCR, 0x08)
    expect(irq.level).toBe(true)
    bench.out8(MCR, 0x18)
    expect(irq.level).toBe(false)
  })

  it('tells the host of breaks and control lines', () => {
    const events: unknown[] = []
    const { bench } = board({ onBreak: (on) => events.push(on), onControlLines: (dtr, rts) => events.push([dtr, rts]) })
    bench.out8(LCR, 0x43)
    bench.out8(LCR, 0x03)
    bench.out8(MCR, 0x03)
    expect(events).toEqual([true, false, [true, true]])
  })

  it('keeps waiting bytes in its saved state', () => {
    const first = board()
    first.uart.receive(text('hello'))
    first.bench.in8(DATA)
    const second = board()
    second.uart.load(structuredClone(first.uart.save()))
    second.bench.clock.load(first.bench.clock.save())
    const got: string[] = []
    for (let i = 0; i < 10; i++) {
      second.bench.pass(1e9)
      if (second.bench.in8(LSR) & 1) got.push(String.fromCharCode(second.bench.in8(DATA)))
    }
    expect(got.join('')).toBe('ello')
  })
})
