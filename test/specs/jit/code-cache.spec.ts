/**
 * The code cache when it is full: generations of runs, regions that outlast their runs or make room, and links that
 * must not lead to what is gone. Its limits are lowered, so that little code fills it.
 */
import { describe, expect, it } from 'vitest'
import { compile } from '../../../jit/compile.ts'
import { RecordWriter } from '../../../jit/record-writer.ts'
import { RegionManager } from '../../../jit/region-manager.ts'
import { CodeCache, type CacheLimits } from '../../../runtime/code-cache.ts'
import type { Core } from '../../../runtime/core.ts'
import { RECORD_BYTES } from '../../../runtime/memory-map.ts'
import { RegionSlots } from '../../../runtime/region-slots.ts'
import { Gpr } from '../../../runtime/state.ts'
import { loadAssets } from '../../../src/node/machine.ts'
import { CODE, CpuBench, DATA } from '../cpu/bench.ts'

const { Eax, Ecx } = Gpr
const HEAT = 5
const ROUTINE_DISTANCE = 0x40
/** Room for the records of some dozen routines. */
const SMALL = { generationBytes: 100 * RECORD_BYTES }

/** The bench with a small code cache, and the region compiler when `heat` is given. */
class SmallBench extends CpuBench {
  readonly regions: RegionManager | undefined

  constructor(limits: CacheLimits, heat = 0) {
    super('flat')
    const { handlers } = loadAssets()
    const own = this as unknown as { cache: CodeCache; writer: RecordWriter }
    own.cache = new CodeCache(this.core, handlers.special, limits)
    own.writer = new RecordWriter(this.core, own.cache, handlers)
    this.regions = heat > 0 ? new RegionManager(this.core, own.cache, own.writer, compile) : undefined
    this.core.set('heatThreshold', heat)
  }

  protected override hot(record: number): void {
    this.regions?.hot(record)
  }

  /** Writes routine number `i`, which adds `i` to EAX ECX times, ECX from 1, and returns. */
  writeRoutine(i: number): void {
    // add eax, i; dec ecx; jne back; ret
    this.write(routine(i), [0x05, i & 0xff, i >> 8, 0, 0, 0x49, 0x75, 0xf8, 0xc3])
  }

  /** Calls the routines in order, each `times` round its loop; gives what was added. */
  call(routines: readonly number[], times: number): number {
    const calls = 0x7000
    const code: number[] = []
    for (const i of routines) {
      code.push(0xb9, times & 0xff, times >> 8, 0, 0)
      const distance = routine(i) - (calls + code.length + 5)
      code.push(0xe8, ...[0, 8, 16, 24].map(shift => (distance >> shift) & 0xff))
    }
    this.write(calls, [...code, 0xf4])
    const before = this.get(Eax)
    this.core.set('eip', calls)
    this.runToHalt()
    return this.get(Eax) - before
  }
}

function routine(i: number): number {
  return CODE + i * ROUTINE_DISTANCE
}

function sum(routines: readonly number[]): number {
  return routines.reduce((total, i) => total + i, 0)
}

const many = Array.from({ length: 100 }, (_, i) => i + 1)

describe('generations', () => {
  it('drop the older half, and code runs on through any number of them', () => {
    const cpu = new SmallBench(SMALL)
    for (const i of many) cpu.writeRoutine(i)
    for (let round = 0; round < 5; round++)
      for (const i of many) expect(cpu.call([i, 1], 3)).toBe((i + 1) * 3)
    expect(cpu.cache.generations).toBeGreaterThan(10)
  })

  it('keep the younger half: code in use is decoded again only now and then', () => {
    const cpu = new SmallBench(SMALL)
    for (const i of many) cpu.writeRoutine(i)
    cpu.call(many, 1)
    const { decoded, generations } = cpu.cache
    cpu.call(many.slice(-4), 1)
    // The calls themselves are new code; the routines are not.
    expect(cpu.cache.decoded - decoded).toBeLessThan(8)
    expect(cpu.cache.generations).toBe(generations)
  })

  it('leave no link to what is gone', () => {
    // Two runs that are linked to each other. With so many runs decoded before, one is the last of a generation and
    // the other the first of the next, some time.
    const start = CODE + 0x10
    for (let before = 0; before < 40; before++) {
      const cpu = new SmallBench(SMALL)
      cpu.load('05 01 00 00 00 ; add eax, 0x1\neb 39 ; jmp 0x10050', start)
      cpu.load('49 ; dec ecx\n75 bd ; jne 0x10010\nf4 ; hlt', start + 0x40, false)
      const spin = () => {
        cpu.set(Eax, 0)
        cpu.set(Ecx, 20)
        cpu.core.set('eip', start)
        cpu.runToHalt()
        return cpu.get(Eax)
      }
      const halt = (i: number) => {
        cpu.write(DATA + i, [0xf4])
        cpu.core.set('eip', DATA + i)
        cpu.runToHalt()
      }
      for (let i = 0; i < before; i++) halt(i)
      for (let i = before; i < 100; i++) {
        expect([before, i, spin()]).toEqual([before, i, 20])
        halt(i)
      }
      expect(cpu.cache.generations).toBeGreaterThan(1)
    }
  })
})

describe('regions in a small cache', () => {
  it('outlast the runs that they are entered from', () => {
    const cpu = new SmallBench(SMALL, HEAT)
    for (const i of many) cpu.writeRoutine(i)
    expect(cpu.call([1], 50)).toBe(50)
    const { installed } = cpu.regions?.stats ?? { installed: 0 }
    expect(installed).toBeGreaterThan(0)
    for (const i of many.slice(1)) cpu.call([i], 1)
    expect(cpu.cache.generations).toBeGreaterThan(2)
    expect(cpu.call([1], 50)).toBe(50)
    expect(cpu.regions?.stats.installed).toBe(installed)
    expect(cpu.cache.slots.count).toBe(installed)
  })

  it('go when their bytes are written while they have no run', () => {
    const cpu = new SmallBench(SMALL, HEAT)
    for (const i of many) cpu.writeRoutine(i)
    cpu.call([1], 50)
    const count = cpu.cache.slots.count
    for (const i of many.slice(1)) cpu.call([i], 1)
    cpu.write(routine(1) + 1, [7])
    expect(cpu.cache.slots.count).toBeLessThan(count)
    expect(cpu.call([1], 50)).toBe(350)
  })

  it('make room one by one when all slots are taken', () => {
    const regions = { slots: 8, codeBytes: 1 << 20 }
    const cpu = new SmallBench({ generationBytes: 4000 * RECORD_BYTES, regions }, HEAT)
    for (const i of many) cpu.writeRoutine(i)
    for (let round = 0; round < 3; round++) expect(cpu.call(many, 50)).toBe(sum(many) * 50)
    expect(cpu.cache.slots.count).toBe(8)
    expect(cpu.cache.slots.evictions).toBe((cpu.regions?.stats.installed ?? 0) - 8)
  })

  it('make room when there is too much code', () => {
    const regions = { slots: 100, codeBytes: 4000 }
    const cpu = new SmallBench({ generationBytes: 4000 * RECORD_BYTES, regions }, HEAT)
    for (const i of many) cpu.writeRoutine(i)
    expect(cpu.call(many, 50)).toBe(sum(many) * 50)
    expect(cpu.cache.slots.codeBytes).toBeLessThanOrEqual(4000)
    expect(cpu.cache.slots.codeBytes).toBeGreaterThan(2000)
    expect(cpu.cache.slots.evictions).toBeGreaterThan(10)
  })

  it('keep the one that is used', () => {
    const regions = { slots: 8, codeBytes: 1 << 20 }
    const cpu = new SmallBench({ generationBytes: 4000 * RECORD_BYTES, regions }, HEAT)
    for (const i of many) cpu.writeRoutine(i)
    cpu.call([1], 50)
    const each = cpu.regions?.stats.installed ?? 0
    expect(each).toBeGreaterThan(0)
    for (const i of many.slice(1)) cpu.call([1, i, 1], 50)
    // Each of the others has been installed once. The one that all of them were called beside had to come back only
    // if it had not been entered yet when the hand passed it for the first time.
    expect(cpu.regions?.stats.installed).toBeLessThanOrEqual(each * (many.length + 1))
    expect(cpu.cache.slots.count).toBe(8)
  })

  it('are all gone after a flush, and come again', () => {
    const cpu = new SmallBench(SMALL, HEAT)
    cpu.writeRoutine(3)
    cpu.call([3], 50)
    cpu.cache.flush()
    expect(cpu.cache.slots.count).toBe(0)
    expect(cpu.cache.slots.codeBytes).toBe(0)
    expect(cpu.call([3], 50)).toBe(150)
    expect(cpu.cache.slots.count).toBeGreaterThan(0)
  })
})

describe('RegionSlots', () => {
  it('has no slot for more code than all may have together', () => {
    const slots = new RegionSlots({} as Core, { slots: 4, codeBytes: 100 })
    expect(slots.reserve(101)).toBeUndefined()
    expect(slots.reserve(100)).toBe(0)
  })
})
