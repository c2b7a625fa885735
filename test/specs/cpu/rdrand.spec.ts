/** RDRAND: always succeeds, with what the host gives; on the virtual clock, the same in every run. */
import { describe, expect, it } from 'vitest'
import { Eflags, Gpr } from '../../../runtime/state.ts'
import { EntropySource } from '../../../src/entropy.ts'
import { CpuBench, paces } from './bench.ts'

describe('RDRAND', () => {
  it.each(paces)('gives the host\'s word and CF alone, %s', pace => {
    const cpu = new CpuBench()
    cpu.eflags = 0x8d7
    cpu.set(Gpr.Ebx, 0x1234_5678)
    cpu.load(`
      0f c7 f0    ; rdrand eax
      66 0f c7 f3 ; rdrand bx
      f4          ; hlt`)
    cpu.runToHalt(pace)
    expect([cpu.get(Gpr.Eax), cpu.get(Gpr.Ebx)]).toEqual([0x5eed, 0x1234_5eed])
    expect(cpu.eflags & 0x8d5).toBe(Eflags.CF)
  })

  it('draws from the host by the wall clock, from a fixed sequence by the virtual one', () => {
    const words = (clock: 'wall' | 'virtual') => {
      const source = new EntropySource(clock)
      return Array.from({ length: 600 }, () => source.next())
    }
    expect(words('virtual')).toEqual(words('virtual'))
    expect(new Set(words('virtual')).size).toBe(600)
    expect(words('wall')).not.toEqual(words('wall'))
    for (const word of words('wall')) expect(word).toBe(word >>> 0)
  })
})
