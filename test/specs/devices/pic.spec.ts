/** The 8259A pair: initialisation, priorities, every kind of EOI, cascade, ELCR, poll, spurious requests. */
import { describe, expect, it } from 'vitest'
import { Pic } from '../../../src/devices/pic.ts'
import { Workbench } from './workbench.ts'

function board(icw4 = 0x01) {
  const bench = new Workbench()
  const levels: boolean[] = []
  const pic = new Pic({ bus: bench.bus, onInterruptLine: (level) => levels.push(level) })
  for (const [base, vector, icw3] of [[0x20, 0x20, 0x04], [0xa0, 0x28, 0x02]]) {
    bench.out8(base, 0x11)
    bench.out8(base + 1, vector)
    bench.out8(base + 1, icw3)
    bench.out8(base + 1, icw4)
    bench.out8(base + 1, 0x00)
  }
  const lines = Array.from({ length: 16 }, (_, irq) => (irq === 2 ? undefined : pic.line(irq)))
  const raise = (irq: number, level = true) => lines[irq]?.set(level)
  const isr = (base: number) => {
    bench.out8(base, 0x0b)
    return bench.in8(base)
  }
  const irr = (base: number) => {
    bench.out8(base, 0x0a)
    return bench.in8(base)
  }
  return { bench, pic, raise, levels, isr, irr }
}

describe('8259A pair', () => {
  it('is masked before it is initialised', () => {
    const pic = new Pic({ bus: new Workbench().bus, onInterruptLine: () => expect.unreachable() })
    pic.line(0).set(true)
    expect(pic.interruptLine).toBe(false)
  })

  it('serves by priority and nests', () => {
    const { pic, raise, bench, isr } = board()
    raise(4)
    expect(pic.acknowledge()).toBe(0x24)
    raise(5)
    expect(pic.interruptLine).toBe(false)
    raise(1)
    expect(pic.acknowledge()).toBe(0x21)
    expect(isr(0x20)).toBe(0x12)
    bench.out8(0x20, 0x20)
    expect(isr(0x20)).toBe(0x10)
    bench.out8(0x20, 0x64)
    expect(isr(0x20)).toBe(0x00)
    expect(pic.acknowledge()).toBe(0x25)
  })

  it('an edge counts once; a request withdrawn before its acknowledge is spurious', () => {
    const { pic, raise, bench, isr } = board()
    raise(3)
    expect(pic.acknowledge()).toBe(0x23)
    bench.out8(0x20, 0x20)
    expect(pic.interruptLine).toBe(false)
    raise(3, false)
    raise(3)
    raise(3, false)
    expect(pic.interruptLine).toBe(false)
    expect(pic.acknowledge()).toBe(0x27)
    expect(isr(0x20)).toBe(0)
  })

  it('level inputs ask again until they fall', () => {
    const { pic, raise, bench } = board()
    bench.out8(0x4d0, 0xff)
    bench.out8(0x4d1, 0xff)
    expect([bench.in8(0x4d0), bench.in8(0x4d1)]).toEqual([0xf8, 0xde])
    raise(11)
    expect(pic.acknowledge()).toBe(0x2b)
    bench.out8(0xa0, 0x20)
    bench.out8(0x20, 0x20)
    expect(pic.acknowledge()).toBe(0x2b)
    raise(11, false)
    bench.out8(0xa0, 0x20)
    bench.out8(0x20, 0x20)
    expect(pic.interruptLine).toBe(false)
  })

  it('several devices share an input', () => {
    const { pic, bench } = board()
    bench.out8(0x4d1, 0x08)
    const [a, b] = [pic.line(11), pic.line(11)]
    a.set(true)
    b.set(true)
    a.set(false)
    expect(pic.acknowledge()).toBe(0x2b)
    b.set(false)
    bench.out8(0xa0, 0x20)
    bench.out8(0x20, 0x20)
    expect(pic.interruptLine).toBe(false)
  })

  it('cascades: the slave comes between IRQ1 and IRQ3', () => {
    const { pic, raise, bench, isr } = board()
    raise(3)
    raise(14)
    raise(8)
    expect(pic.acknowledge()).toBe(0x28)
    expect([isr(0x20), isr(0xa0)]).toEqual([0x04, 0x01])
    bench.out8(0xa0, 0x20)
    bench.out8(0x20, 0x20)
    expect(pic.acknowledge()).toBe(0x2e)
    bench.out8(0xa0, 0x20)
    bench.out8(0x20, 0x20)
    expect(pic.acknowledge()).toBe(0x23)
  })

  it('a slave request masked before its acknowledge leaves the master with a spurious one', () => {
    const { pic, raise, bench, isr } = board()
    raise(10)
    expect(pic.interruptLine).toBe(true)
    bench.out8(0xa1, 0x04)
    expect(pic.acknowledge()).toBe(0x27)
    expect([isr(0x20), isr(0xa0)]).toEqual([0, 0])
  })

  it('special fully nested mode lets a higher slave request through', () => {
    const plain = board()
    plain.raise(12)
    plain.pic.acknowledge()
    plain.raise(8)
    expect(plain.pic.interruptLine).toBe(false)
    const nested = board(0x11)
    nested.raise(12)
    nested.pic.acknowledge()
    nested.raise(8)
    expect(nested.pic.interruptLine).toBe(true)
    expect(nested.pic.acknowledge()).toBe(0x28)
  })

  it('automatic EOI keeps nothing in service, and rotates when told to', () => {
    const { pic, raise, bench, isr } = board(0x03)
    bench.out8(0x20, 0x80)
    raise(4)
    expect(pic.acknowledge()).toBe(0x24)
    expect(isr(0x20)).toBe(0)
    raise(4, false)
    raise(4)
    raise(5)
    expect(pic.acknowledge()).toBe(0x25)
    expect(pic.acknowledge()).toBe(0x24)
  })

  it('rotates priorities', () => {
    const { pic, raise, bench } = board()
    bench.out8(0x20, 0xc4)
    raise(4)
    raise(5)
    expect(pic.acknowledge()).toBe(0x25)
    bench.out8(0x20, 0xa0)
    raise(5, false)
    raise(5)
    raise(6)
    expect(pic.acknowledge()).toBe(0x26)
    bench.out8(0x20, 0xe6)
    expect(pic.acknowledge()).toBe(0x24)
  })

  it('special mask mode lets everything that is not masked through', () => {
    const { pic, raise, bench, isr } = board()
    raise(4)
    pic.acknowledge()
    bench.out8(0x21, 0x10)
    raise(6)
    expect(pic.interruptLine).toBe(false)
    bench.out8(0x20, 0x68)
    expect(pic.acknowledge()).toBe(0x26)
    bench.out8(0x20, 0x20)
    expect(isr(0x20)).toBe(0x10)
    bench.out8(0x20, 0x20)
    expect(isr(0x20)).toBe(0x10)
    bench.out8(0x20, 0x48)
    bench.out8(0x20, 0x20)
    expect(isr(0x20)).toBe(0)
  })

  it('polls', () => {
    const { raise, bench, isr } = board()
    bench.out8(0x20, 0x0c)
    expect(bench.in8(0x20)).toBe(0)
    raise(6)
    bench.out8(0x20, 0x0c)
    expect(bench.in8(0x20)).toBe(0x86)
    expect(isr(0x20)).toBe(0x40)
  })

  it('masks, shows its registers, and ICW1 clears the edge latches and the mask', () => {
    const { pic, raise, bench, irr } = board()
    bench.out8(0x21, 0x08)
    raise(3)
    expect([pic.interruptLine, irr(0x20), bench.in8(0x21)]).toEqual([false, 0x08, 0x08])
    bench.out8(0x20, 0x13)
    bench.out8(0x21, 0x40)
    bench.out8(0x21, 0x01)
    expect([bench.in8(0x21), bench.in8(0x20), pic.interruptLine]).toEqual([0, 0, false])
    raise(3, false)
    raise(3)
    expect(pic.acknowledge()).toBe(0x43)
  })

  it('makes an edge for the master when a second slave request follows the first', () => {
    const { pic, raise, bench, levels } = board()
    raise(9)
    raise(10)
    expect(pic.acknowledge()).toBe(0x29)
    bench.out8(0xa0, 0x20)
    bench.out8(0x20, 0x20)
    expect(levels.at(-1)).toBe(true)
    expect(pic.acknowledge()).toBe(0x2a)
  })

  it('restores the INTR line with its state', () => {
    const { pic, raise } = board()
    raise(1)
    const state = structuredClone(pic.save())
    const other = board()
    other.pic.load(state)
    expect(other.levels.at(-1)).toBe(true)
    expect(other.pic.acknowledge()).toBe(0x21)
  })
})
