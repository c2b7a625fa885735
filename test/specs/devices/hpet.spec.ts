/** HPET: the counter, one-shot and periodic comparators, level-triggered status, legacy replacement. */
import { describe, expect, it } from 'vitest'
import { Hpet } from '../../../src/devices/hpet.ts'
import { Probe, Workbench } from './workbench.ts'

const BASE = 0xfed00000
const ENABLE = 0x04
const PERIODIC = 0x08
const SET_VALUE = 0x40
const LEVEL = 0x02
const ROUTE = 9

function board() {
  const bench = new Workbench()
  const now = () => bench.clock.now()
  const routes = new Map<number, Probe>()
  const legacy: boolean[] = []
  const timerLine = new Probe(now)
  const clockLine = new Probe(now)
  const hpet = new Hpet({
    bus: bench.bus, clock: bench.clock, timerLine, clockLine,
    route: input => {
      const probe = new Probe(now)
      routes.set(input, probe)
      return probe
    },
    onLegacy: on => legacy.push(on),
  })
  const read = (offset: number) => bench.bus.readMemory(BASE + offset, 32)
  const write = (offset: number, value: number) => bench.bus.writeMemory(BASE + offset, 32, value)
  return { bench, hpet, routes, legacy, timerLine, clockLine, read, write }
}

describe('HPET', () => {
  it('says what it is, and counts 10 ns while it is on', () => {
    const { bench, read, write } = board()
    expect([read(0) & 0xffff, read(4)]).toEqual([0xa201, 10_000_000])
    bench.pass(1000)
    expect(read(0xf0)).toBe(0)
    write(0xf0, 0xfffffff0)
    write(0x10, 1)
    bench.pass(320)
    expect([read(0xf0), read(0xf4)]).toEqual([0x10, 1])
    write(0x10, 0)
    bench.pass(1000)
    expect(read(0xf0)).toBe(0x10)
  })

  it('fires once on the input that it is routed to', () => {
    const { bench, routes, write } = board()
    write(0x140, ENABLE | (20 << ROUTE))
    write(0x148, 500)
    write(0x14c, 0)
    write(0x10, 1)
    bench.pass(20_000)
    expect(routes.get(20)?.rises).toEqual([5000])
  })

  it('fires again and again, at first where the set-value bit says', () => {
    const { bench, timerLine, legacy, write } = board()
    write(0x10, 2)
    expect(legacy).toEqual([true])
    write(0x100, ENABLE | PERIODIC | SET_VALUE)
    write(0x108, 150)
    write(0x10c, 0)
    write(0x108, 100)
    write(0x10c, 0)
    write(0x10, 3)
    bench.pass(4600)
    expect(timerLine.rises).toEqual([1500, 2500, 3500, 4500])
  })

  it('shows a level-triggered interrupt until it is cleared', () => {
    const { bench, routes, read, write } = board()
    write(0x120, ENABLE | LEVEL | (16 << ROUTE))
    write(0x128, 100)
    write(0x12c, 0)
    write(0x10, 1)
    bench.pass(2000)
    expect([read(0x20), routes.get(16)?.level]).toEqual([2, true])
    write(0x20, 2)
    expect([read(0x20), routes.get(16)?.level]).toEqual([0, false])
  })

  it('goes on from a saved state', () => {
    const one = board()
    one.write(0x100, ENABLE | PERIODIC | SET_VALUE | (16 << ROUTE))
    one.write(0x108, 100)
    one.write(0x10c, 0)
    one.write(0x10, 1)
    one.bench.pass(1450)
    const two = board()
    two.bench.pass(1450)
    two.hpet.load(structuredClone(one.hpet.save()))
    two.bench.clock.load(structuredClone(one.bench.clock.save()))
    for (const { bench } of [one, two]) bench.pass(2000)
    expect(two.read(0xf0)).toBe(345)
    expect(two.hpet.save()).toEqual(one.hpet.save())
  })
})
