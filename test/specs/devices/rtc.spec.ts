/** The MC146818: calendar in every coding, update cycle, alarm and periodic interrupts, CMOS memory sizes. */
import { describe, expect, it } from 'vitest'
import { Cmos, Rtc } from '../../../src/devices/rtc.ts'
import { Probe, Workbench } from './workbench.ts'

function board(start = Date.UTC(2024, 1, 28, 23, 59, 50), memoryBytes = 64 << 20) {
  const bench = new Workbench()
  const irq8 = new Probe(() => bench.clock.now())
  const masks: boolean[] = []
  const rtc = new Rtc({
    bus: bench.bus, clock: bench.clock, irq8, startEpochMs: start, memoryBytes,
    onNmiMask: (masked) => masks.push(masked),
  })
  const read = (index: number) => {
    bench.out8(0x70, index)
    return bench.in8(0x71)
  }
  const write = (index: number, value: number) => {
    bench.out8(0x70, index)
    bench.out8(0x71, value)
  }
  /** Century, year, month, day, weekday, hours, minutes, seconds, in hexadecimal. */
  const calendar = () => [0x32, 9, 8, 7, 6, 4, 2, 0].map((index) => read(index).toString(16).padStart(2, '0')).join(' ')
  return { bench, irq8, rtc, read, write, calendar, masks }
}

describe('RTC calendar', () => {
  it('starts at the given time and counts over a leap day', () => {
    const { bench, calendar } = board()
    expect(calendar()).toBe('20 24 02 28 04 23 59 50')
    bench.pass(9.999e9)
    expect(calendar()).toBe('20 24 02 28 04 23 59 59')
    bench.pass(0.001e9)
    expect(calendar()).toBe('20 24 02 29 05 00 00 00')
    bench.pass(86_400e9)
    expect(calendar()).toBe('20 24 03 01 06 00 00 00')
  })

  it('ticks at the fraction of the second it was started with', () => {
    const { bench, read } = board(Date.UTC(2024, 0, 1) + 250)
    bench.pass(749_999_999)
    expect(read(0)).toBe(0)
    bench.pass(1)
    expect(read(0)).toBe(1)
  })

  it('carries the century', () => {
    const { bench, calendar } = board(Date.UTC(1999, 11, 31, 23, 59, 59))
    bench.pass(1e9)
    expect(calendar()).toBe('20 00 01 01 07 00 00 00')
  })

  it('codes binary and 12-hour time', () => {
    const { bench, read, write } = board()
    write(Cmos.RegisterB, 0x80)
    for (const [index, value] of [[4, 0x12], [2, 0x59], [0, 0x59]]) write(index, value)
    write(Cmos.RegisterB, 0x00)
    bench.pass(1e9)
    expect([read(4), read(2), read(0)]).toEqual([0x01, 0, 0])
    write(Cmos.RegisterB, 0x84)
    for (const [index, value] of [[4, 0x80 | 11], [2, 59], [0, 59]]) write(index, value)
    write(Cmos.RegisterB, 0x04)
    bench.pass(1e9)
    expect([read(4), read(2), read(0)]).toEqual([12, 0, 0])
    bench.pass(12 * 3600e9)
    expect(read(4)).toBe(0x80 | 12)
  })

  it('holds still under SET and starts half a second after the divider is released', () => {
    const { bench, read, write } = board()
    write(Cmos.RegisterB, 0x82)
    bench.pass(5e9)
    expect(read(0)).toBe(0x50)
    write(Cmos.RegisterA, 0x70)
    write(0, 0x10)
    write(Cmos.RegisterB, 0x02)
    bench.pass(5e9)
    expect(read(0)).toBe(0x10)
    write(Cmos.RegisterA, 0x26)
    bench.pass(0.5e9 - 1)
    expect(read(0)).toBe(0x10)
    bench.pass(1)
    expect(read(0)).toBe(0x11)
  })

  it('shows UIP before each update, as long as the data sheet says', () => {
    const { bench, read } = board()
    bench.pass(1e9 - 2_228_001)
    expect(read(Cmos.RegisterA)).toBe(0x26)
    bench.pass(1)
    expect(read(Cmos.RegisterA)).toBe(0xa6)
    bench.pass(2_227_999)
    expect(read(Cmos.RegisterA)).toBe(0xa6)
    bench.pass(1)
    expect(read(Cmos.RegisterA)).toBe(0x26)
  })

  it('survives nonsense in its calendar', () => {
    const { bench, read, write } = board()
    for (let index = 0; index < 10; index++) write(index, 0xff)
    bench.pass(1e9)
    expect(read(0)).not.toBe(0xff)
  })
})

describe('RTC interrupts', () => {
  it('periodic: at the chosen rate, and only after register C is read', () => {
    const { bench, irq8, read, write } = board()
    write(Cmos.RegisterA, 0x2a)
    write(Cmos.RegisterB, 0x42)
    bench.pass(20e6)
    expect(irq8.rises.length).toBe(1)
    let ticks = 0
    for (let ms = 0; ms < 1000; ms++) {
      if (irq8.level) {
        expect(read(Cmos.RegisterC) & 0xc0).toBe(0xc0)
        ticks++
      }
      bench.pass(1e6)
    }
    expect(ticks).toBe(65)
    expect(irq8.rises[1]).toBe(2 * 15_625_000)
  })

  it('sets flags without the enable bits, but no request', () => {
    const { bench, irq8, read } = board()
    bench.pass(1.1e9)
    expect(read(Cmos.RegisterC)).toBe(0x50)
    expect(read(Cmos.RegisterC)).toBe(0)
    expect(irq8.rises.length).toBe(0)
  })

  it('update-ended: once a second', () => {
    const { bench, irq8, read, write } = board()
    write(Cmos.RegisterB, 0x12)
    for (let i = 1; i <= 3; i++) {
      bench.pass(1e9)
      expect(read(Cmos.RegisterC) & 0x90).toBe(0x90)
    }
    expect(irq8.rises).toEqual([1e9, 2e9, 3e9])
  })

  it('alarm: at the time set, every minute with "any" codes, even when looked at late', () => {
    const { bench, irq8, read, write } = board()
    for (const [index, value] of [[5, 0x00], [3, 0x01], [1, 0x05]]) write(index, value)
    write(Cmos.RegisterB, 0x22)
    bench.pass(200e9)
    expect(irq8.rises).toEqual([75e9])
    expect(read(Cmos.RegisterC) & 0xa0).toBe(0xa0)
    write(5, 0xc0)
    write(3, 0xff)
    write(Cmos.RegisterB, 0x02)
    read(Cmos.RegisterC)
    bench.pass(60e9)
    expect(read(Cmos.RegisterC) & 0x20).toBe(0x20)
  })
})

describe('CMOS RAM', () => {
  it('describes the memory', () => {
    const word = (read: (index: number) => number, index: number) => read(index) | (read(index + 1) << 8)
    const small = board(0, 8 << 20)
    expect([0x15, 0x17, 0x30, 0x34].map((i) => word(small.read, i))).toEqual([640, 7168, 7168, 0])
    const large = board(0, 256 << 20)
    expect([0x15, 0x17, 0x30, 0x34].map((i) => word(large.read, i))).toEqual([640, 0xffff, 0xffff, 240 * 16])
  })

  it('keeps 128 bytes and the checksum, across a reset', () => {
    const { rtc, read, write } = board()
    rtc.setByte(Cmos.FloppyTypes, 0x40)
    let sum = 0
    for (let i = 0x10; i <= 0x2d; i++) sum += read(i)
    expect((read(0x2e) << 8) | read(0x2f)).toBe(sum)
    write(0x7f, 0x5a)
    rtc.reset()
    expect([read(0x7f), read(0xff)]).toEqual([0x5a, 0x5a])
  })

  it('masks NMI by bit 7 of port 70h, which is not readable', () => {
    const { bench, rtc, masks } = board()
    bench.out8(0x70, 0x8d)
    expect([rtc.nmiMasked, bench.in8(0x70), bench.in8(0x71)]).toEqual([true, 0xff, 0x80])
    bench.out8(0x70, 0x0d)
    expect(masks).toEqual([true, false])
  })
})
