/** PCI: mechanism 1, base address registers, interrupt routing, reset control, chip set, firmware's setup. */
import { describe, expect, it } from 'vitest'
import { addChipset, type ShadowRegion } from '../../../src/devices/pci-chipset.ts'
import { PciFunction } from '../../../src/devices/pci-function.ts'
import { PM_IO_BASE, setUpPci } from '../../../src/devices/pci-setup.ts'
import { Pci } from '../../../src/devices/pci.ts'
import { Pic } from '../../../src/devices/pic.ts'
import type { AccessSize } from '../../../src/devices/device.ts'
import { Probe, Workbench } from './workbench.ts'

function board() {
  const bench = new Workbench()
  const lines = new Map<number, Probe>()
  const resets: boolean[] = []
  const pci = new Pci({
    bus: bench.bus, onReset: (hard) => resets.push(hard),
    irqLine: (irq) => {
      const probe = new Probe()
      lines.set(irq, probe)
      return probe
    },
  })
  const shadows: ShadowRegion[] = []
  const pmBases: (number | null)[] = []
  addChipset(pci, { onShadow: (region) => shadows.push(region), onPmBase: (base) => pmBases.push(base) })
  const memory = new Uint8Array(4096)
  const maps: (number | null)[] = []
  const card = new PciFunction({
    vendorId: 0x1af4, deviceId: 0x1000, classCode: 0x020000, subsystemId: 1, interruptPin: 1,
    bars: [
      { kind: 'io', size: 32, handler: { read8: (port) => 0x40 + port } },
      {
        kind: 'memory', size: 4096, prefetchable: true, onMap: (base) => maps.push(base),
        handler: { read8: (a) => memory[a], write8: (a, v) => { memory[a] = v } },
      },
    ],
  })
  pci.add(3, 0, card)
  const select = (slot: number, func: number, offset: number) =>
    bench.bus.writePort(0xcf8, 32, (0x80000000 | (slot << 11) | (func << 8) | (offset & 0xfc)) >>> 0)
  const read = (slot: number, func: number, offset: number, size: AccessSize = 32) => {
    select(slot, func, offset)
    return bench.bus.readPort(0xcfc + (offset & 3), size)
  }
  const write = (slot: number, func: number, offset: number, value: number, size: AccessSize = 32) => {
    select(slot, func, offset)
    bench.bus.writePort(0xcfc + (offset & 3), size, value)
  }
  return { bench, pci, lines, resets, shadows, pmBases, memory, maps, card, read, write }
}

describe('configuration mechanism 1', () => {
  it('is found by the usual probe', () => {
    const { bench } = board()
    bench.bus.writePort(0xcfb, 8, 1)
    bench.bus.writePort(0xcf8, 32, 0xffffffff)
    expect(bench.bus.readPort(0xcf8, 32)).toBe(0x80fffffc)
    bench.bus.writePort(0xcf8, 8, 0x55)
    expect(bench.bus.readPort(0xcf8, 32)).toBe(0x80fffffc)
    bench.bus.writePort(0xcf8, 32, 0x80000000)
    expect(bench.bus.readPort(0xcf8, 32)).toBe(0x80000000)
  })

  it('shows the chip set in every width, and all ones elsewhere', () => {
    const { bench, read } = board()
    expect(read(0, 0, 0)).toBe(0x12378086)
    expect(read(1, 0, 0)).toBe(0x70008086)
    expect(read(1, 3, 2, 16)).toBe(0x7113)
    expect([read(1, 0, 0x0b, 8), read(1, 0, 0x0e, 8)]).toEqual([6, 0x80])
    expect(read(2, 0, 0)).toBe(0xffffffff)
    bench.bus.writePort(0xcf8, 32, 0x80010000)
    expect(bench.bus.readPort(0xcfc, 32)).toBe(0xffffffff)
    bench.bus.writePort(0xcf8, 32, 0)
    expect(bench.bus.readPort(0xcfc, 32)).toBe(0xffffffff)
  })

  it('keeps read-only registers', () => {
    const { read, write } = board()
    write(3, 0, 0, 0)
    write(3, 0, 8, 0)
    expect([read(3, 0, 0), read(3, 0, 8) >>> 8]).toEqual([0x10001af4, 0x020000])
    write(3, 0, 0x3c, 0xffff)
    expect(read(3, 0, 0x3c, 16)).toBe(0x01ff)
  })
})

describe('base address registers', () => {
  it('tell their size and kind', () => {
    const { read, write } = board()
    for (const offset of [0x10, 0x14, 0x18]) write(3, 0, offset, 0xffffffff)
    expect([0x10, 0x14, 0x18].map((offset) => read(3, 0, offset))).toEqual([0xffffffe1, 0xfffff008, 0])
  })

  it('map, move and unmap, with offsets for the handler', () => {
    const { bench, write, maps, memory, card } = board()
    write(3, 0, 0x10, 0xc000)
    write(3, 0, 0x14, 0xe0000000)
    expect(bench.in8(0xc003)).toBe(0xff)
    write(3, 0, 4, 3, 16)
    expect([bench.in8(0xc003), bench.in8(0xc020)]).toEqual([0x43, 0xff])
    bench.bus.writeMemory(0xe0000ffc, 32, 0x12345678)
    expect(memory[0xffc]).toBe(0x78)
    write(3, 0, 0x14, 0xe1000000)
    expect(bench.bus.readMemory(0xe1000ffc, 32)).toBe(0x12345678)
    expect(bench.bus.readMemory(0xe0000ffc, 8)).toBe(0xff)
    write(3, 0, 0x14, 0xffffffff)
    write(3, 0, 0x14, 0xe1000000)
    write(3, 0, 4, 0, 16)
    expect(bench.in8(0xc003)).toBe(0xff)
    expect(maps).toEqual([0xe0000000, 0xe1000000, null, 0xe1000000, null])
    expect(card.barAddress(1)).toBe(-1)
  })

  it('come back with a saved state', () => {
    const first = board()
    first.write(3, 0, 0x10, 0xc000)
    first.write(3, 0, 4, 1, 16)
    const second = board()
    second.pci.load(structuredClone(first.pci.save()))
    expect(second.bench.in8(0xc001)).toBe(0x41)
  })
})

describe('interrupt routing', () => {
  it('swizzles pins, follows the route registers and shares lines', () => {
    const { pci, lines, write } = board()
    const a = pci.interruptLine(3, 1)
    const b = pci.interruptLine(7, 1)
    const c = pci.interruptLine(4, 1)
    a.set(true)
    expect([...lines.values()].some((line) => line.level)).toBe(false)
    write(1, 0, 0x60, 0x0b0b0a0a)
    expect(lines.get(11)?.level).toBe(true)
    b.set(true)
    a.set(false)
    expect(lines.get(11)?.level).toBe(true)
    b.set(false)
    c.set(true)
    expect(lines.get(11)?.level).toBe(true)
    write(1, 0, 0x63, 0x05, 8)
    expect([lines.get(11)?.level, lines.get(5)?.level]).toEqual([false, true])
    write(1, 0, 0x63, 0x85, 8)
    expect(lines.get(5)?.level).toBe(false)
  })
})

describe('chip set', () => {
  it('resets by CF9h on the rise of its CPU bit', () => {
    const { bench, resets } = board()
    bench.out8(0xcf9, 0x02)
    bench.out8(0xcf9, 0x06)
    bench.out8(0xcf9, 0x06)
    bench.out8(0xcf9, 0x00)
    bench.out8(0xcf9, 0x04)
    expect(resets).toEqual([true, false])
    expect(bench.in8(0xcf9)).toBe(0x04)
  })

  it('reports shadow regions as they change', () => {
    const { write, shadows } = board()
    write(0, 0, 0x59, 0x30, 8)
    write(0, 0, 0x5a, 0x21, 8)
    write(0, 0, 0x5a, 0x21, 8)
    expect(shadows).toEqual([
      { first: 0xf0000, last: 0xfffff, readRam: true, writeRam: true },
      { first: 0xc0000, last: 0xc3fff, readRam: true, writeRam: false },
      { first: 0xc4000, last: 0xc7fff, readRam: false, writeRam: true },
    ])
  })

  it('is set up as a BIOS would', () => {
    const { bench, pci, read, pmBases, card } = board()
    new Pic({ bus: bench.bus, onInterruptLine: () => {} })
    setUpPci(bench.bus, { pmBase: PM_IO_BASE })
    expect([card.barAddress(0), card.barAddress(1)]).toEqual([0xc000, 0xe0000000])
    expect([read(3, 0, 0x3c, 8), read(3, 0, 4, 16)]).toEqual([11, 3])
    expect(pmBases.at(-1)).toBe(0x600)
    expect(read(1, 0, 0x60)).toBe(0x0b0b0a0a)
    expect(bench.in8(0x4d1)).toBe(0x0e)
    pci.reset()
    expect(card.barAddress(0)).toBe(-1)
  })
})
