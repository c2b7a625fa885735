/** Local APIC and I/O APIC: priorities, the timer, messages to itself, virtual wire, level-triggered inputs, MSI. */
import { describe, expect, it } from 'vitest'
import { ApicRegister as R } from '../../../src/devices/apic/registers.ts'
import { IoApic } from '../../../src/devices/io-apic.ts'
import { LocalApic } from '../../../src/devices/local-apic.ts'
import { Workbench } from './workbench.ts'

const BASE = 0xfee00000
const ENABLED_BSP = 0xfee00900
const MASKED = 1 << 16
const LEVEL = 1 << 15

function board() {
  const bench = new Workbench()
  const seen = { levels: [] as boolean[], nmi: 0, init: 0, ended: [] as number[] }
  const apic: LocalApic = new LocalApic({
    bus: bench.bus, clock: bench.clock,
    onInterruptLine: level => seen.levels.push(level),
    onNmi: () => seen.nmi++,
    onInit: () => seen.init++,
    onEndOfInterrupt: vector => {
      seen.ended.push(vector)
      io.endOfInterrupt(vector)
    },
  })
  const io = new IoApic({ bus: bench.bus, onMessage: message => apic.deliver(message) })
  apic.setBase(ENABLED_BSP)
  const read = (register: number) => bench.bus.readMemory(BASE + register, 32)
  const write = (register: number, value: number) => bench.bus.writeMemory(BASE + register, 32, value)
  const entry = (input: number, low: number, high = 0) => {
    for (const [index, value] of [[0x11 + 2 * input, high], [0x10 + 2 * input, low]]) {
      bench.bus.writeMemory(0xfec00000, 32, index)
      bench.bus.writeMemory(0xfec00010, 32, value)
    }
  }
  const entryLow = (input: number) => {
    bench.bus.writeMemory(0xfec00000, 8, 0x10 + 2 * input)
    return bench.bus.readMemory(0xfec00010, 32)
  }
  const pending = () => seen.levels.at(-1) === true
  const selfInterrupt = (vector: number) => write(R.CommandLow, 0x40000 | vector)
  write(R.Spurious, 0x1ff)
  write(R.LvtLint0, MASKED)
  return { bench, apic, io, seen, read, write, entry, entryLow, pending, selfInterrupt }
}

describe('local APIC', () => {
  it('says what it is, and ignores narrow writes', () => {
    const { read, bench } = board()
    expect(read(R.Version)).toBe(0x50014)
    expect(read(R.DestinationFormat)).toBe(0xffffffff)
    bench.bus.writeMemory(BASE + R.TaskPriority, 8, 0x55)
    expect(read(R.TaskPriority)).toBe(0)
    expect(bench.bus.readMemory(BASE + R.Version + 2, 8)).toBe(0x05)
  })

  it('serves the highest vector first and nests by class', () => {
    const { apic, read, write, pending, selfInterrupt } = board()
    selfInterrupt(0x31)
    selfInterrupt(0x62)
    selfInterrupt(0x61)
    expect(read(R.Requested + 0x30)).toBe(0x6)
    expect(apic.acknowledge()).toBe(0x62)
    expect(read(R.ProcessorPriority)).toBe(0x60)
    expect(read(R.InService + 0x30)).toBe(0x4)
    // The same class waits.
    expect(pending()).toBe(false)
    selfInterrupt(0x70)
    expect(apic.acknowledge()).toBe(0x70)
    write(R.EndOfInterrupt, 0)
    expect(pending()).toBe(false)
    write(R.EndOfInterrupt, 0)
    expect(apic.acknowledge()).toBe(0x61)
    write(R.EndOfInterrupt, 0)
    expect(apic.acknowledge()).toBe(0x31)
  })

  it('holds back what the task priority holds back', () => {
    const { apic, read, write, pending, selfInterrupt } = board()
    write(R.TaskPriority, 0x5a)
    selfInterrupt(0x5f)
    expect(pending()).toBe(false)
    expect(read(R.ProcessorPriority)).toBe(0x5a)
    // Asked all the same, it gives the spurious vector, which is not in service.
    expect(apic.acknowledge()).toBe(0xff)
    write(R.TaskPriority, 0x4f)
    expect(pending()).toBe(true)
    expect(apic.acknowledge()).toBe(0x5f)
    expect(read(R.ProcessorPriority)).toBe(0x50)
  })

  it('counts down once, or again and again', () => {
    const { apic, bench, read, write, pending } = board()
    write(R.Divide, 0x3)
    write(R.LvtTimer, 0x40)
    write(R.InitialCount, 1000)
    bench.pass(8000)
    expect(read(R.CurrentCount)).toBe(500)
    bench.pass(7999)
    expect([read(R.CurrentCount), pending()]).toEqual([1, false])
    bench.pass(1)
    expect([read(R.CurrentCount), apic.acknowledge()]).toEqual([0, 0x40])
    write(R.EndOfInterrupt, 0)
    // A mode change does not start it again; a count does.
    write(R.LvtTimer, 0x20041)
    bench.pass(100_000)
    expect([read(R.CurrentCount), pending(), read(R.InitialCount)]).toEqual([0, false, 1000])
    write(R.Divide, 0xb)
    write(R.InitialCount, 1000)
    for (let i = 0; i < 3; i++) {
      bench.pass(1000)
      expect(apic.acknowledge()).toBe(0x41)
      write(R.EndOfInterrupt, 0)
    }
    write(R.InitialCount, 0)
    bench.pass(10_000)
    expect([read(R.CurrentCount), pending()]).toEqual([0, false])
  })

  it('sends messages to itself by every kind of destination', () => {
    const { apic, seen, write, pending } = board()
    write(R.Id, 0x03000000)
    const send = (high: number, low: number) => {
      write(R.CommandHigh, high << 24)
      write(R.CommandLow, low)
      if (!pending()) return -1
      const vector = apic.acknowledge()
      write(R.EndOfInterrupt, 0)
      return vector
    }
    expect([send(3, 0x51), send(4, 0x52), send(0xff, 0x53)]).toEqual([0x51, -1, 0x53])
    expect([send(0, 0x80054), send(0, 0xc0055)]).toEqual([0x54, -1])
    write(R.LogicalDestination, 0x02000000)
    expect([send(0x06, 0x856), send(0x05, 0x857)]).toEqual([0x56, -1])
    write(R.DestinationFormat, 0x0fffffff)
    write(R.LogicalDestination, 0x21000000)
    expect([send(0x23, 0x858), send(0x13, 0x859), send(0x22, 0x85a)]).toEqual([0x58, -1, -1])
    send(3, 0x400)
    expect(seen.nmi).toBe(1)
    send(3, 0x8500)
    expect(seen.init).toBe(0)
    send(3, 0xc500)
    expect(seen.init).toBe(1)
  })

  it('notes errors and tells of them', () => {
    const { apic, read, write, selfInterrupt } = board()
    write(R.LvtError, 0x77)
    selfInterrupt(0x0f)
    expect(apic.acknowledge()).toBe(0x77)
    write(R.EndOfInterrupt, 0)
    expect(read(R.ErrorStatus)).toBe(0)
    write(R.ErrorStatus, 0)
    expect(read(R.ErrorStatus)).toBe(0x20)
    read(0x3f0)
    write(R.ErrorStatus, 0)
    expect(read(R.ErrorStatus)).toBe(0x80)
    write(R.ErrorStatus, 0)
    expect(read(R.ErrorStatus)).toBe(0)
  })

  it('lets the 8259 pair through LINT0, and past itself when it is off', () => {
    const { apic, write, read, pending, bench } = board()
    apic.setLint0(true)
    expect(pending()).toBe(false)
    write(R.LvtLint0, 0x8700)
    expect(pending()).toBe(true)
    expect(apic.acknowledge()).toBe(-1)
    // Software-disabled, all entries are masked for good.
    write(R.Spurious, 0xff)
    expect([pending(), read(R.LvtLint0)]).toEqual([false, 0x18700])
    write(R.LvtLint0, 0x700)
    expect(read(R.LvtLint0)).toBe(0x10700)
    apic.setBase(0xfee00100)
    expect([pending(), apic.acknowledge()]).toEqual([true, -1])
    expect(bench.bus.readMemory(BASE + R.Version, 32)).toBe(0xffffffff)
    apic.setBase(0x42000900)
    expect(bench.bus.readMemory(0x42000000 + R.Version, 32)).toBe(0x50014)
  })

  it('takes interrupts that devices write', () => {
    const { apic } = board()
    apic.deliverWrite(0xfee00000, 0x0061)
    apic.deliverWrite(0xfee01000, 0x0062)
    expect([apic.acknowledge(), apic.acknowledge()]).toEqual([0x61, 0xff])
  })
})

describe('I/O APIC', () => {
  it('sends an edge once, and none while masked', () => {
    const { apic, io, entry, entryLow, pending } = board()
    const line = io.line(4)
    entry(4, MASKED | 0x34)
    line.set(true)
    entry(4, 0x34)
    expect(pending()).toBe(false)
    line.set(false)
    line.set(true)
    expect(apic.acknowledge()).toBe(0x34)
    expect([pending(), entryLow(4)]).toEqual([false, 0x34])
  })

  it('asks again at the end of a level-triggered interrupt, while its sources ask', () => {
    const { apic, io, seen, read, write, entry, entryLow, pending } = board()
    const sources = [io.line(10), io.line(10)]
    entry(10, LEVEL | 0x5a)
    for (const source of sources) source.set(true)
    expect(entryLow(10)).toBe(0xc05a)
    expect(apic.acknowledge()).toBe(0x5a)
    expect(read(R.TriggerMode + 0x20)).toBe(1 << 26)
    sources[0].set(false)
    write(R.EndOfInterrupt, 0)
    expect(seen.ended).toEqual([0x5a])
    expect([pending(), apic.acknowledge()]).toEqual([true, 0x5a])
    sources[1].set(false)
    write(R.EndOfInterrupt, 0)
    expect([pending(), entryLow(10)]).toEqual([false, 0x805a])
  })

  it('goes on from a saved state', () => {
    const one = board()
    one.entry(10, LEVEL | 0x5a)
    one.io.line(10).set(true)
    one.write(R.LvtTimer, 0x20041)
    one.write(R.InitialCount, 700)
    const two = board()
    two.io.line(10)
    two.apic.load(structuredClone(one.apic.save()))
    two.io.load(structuredClone(one.io.save()))
    expect(two.apic.save()).toEqual(one.apic.save())
    expect(two.io.save()).toEqual(one.io.save())
    expect([two.pending(), two.apic.acknowledge()]).toEqual([true, 0x5a])
    two.write(R.EndOfInterrupt, 0)
    expect(two.apic.acknowledge()).toBe(0x5a)
  })
})
