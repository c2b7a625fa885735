/** String instructions: direction, count, faults on the way, and what a single step sees of REP (SDM vol. 2, "REP"). */
import { beforeEach, describe, expect, it } from 'vitest'
import { Eflags, Gpr, Vector } from '../../../runtime/state.ts'
import { CODE, CpuBench, DATA, ELSEWHERE, nextPage, paces } from './bench.ts'

const { Eax, Ecx, Esi, Edi } = Gpr
const PAGE = 0x1000

describe.each(paces)('string instructions, %s', pace => {
  let cpu: CpuBench

  beforeEach(() => {
    cpu = new CpuBench()
  })

  /** Runs one instruction with these registers. */
  function run(text: string, registers: Partial<Record<Gpr, number>>): void {
    for (const [register, value] of Object.entries(registers)) cpu.set(Number(register), value)
    cpu.load(`${text}\nf4 ; hlt`)
    cpu.runToHalt(pace)
  }

  it('go down when DF is set', () => {
    cpu.write(DATA, [1, 2, 3, 4, 5, 6, 7, 8])
    run('fd ; std\nf3 a5 ; rep movsd', { [Ecx]: 2, [Esi]: DATA + 4, [Edi]: DATA + 0x104 })
    expect(cpu.bytes(DATA + 0x100, 8)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    expect([cpu.get(Ecx), cpu.get(Esi), cpu.get(Edi)]).toEqual([0, DATA - 4, DATA + 0xfc])
  })

  it('do nothing at all when the count is zero, not even fault', () => {
    const before = cpu.eflags
    run('f3 a4 ; rep movsb\nf3 a6 ; repe cmpsb\nf2 ae ; repne scasb', { [Ecx]: 0, [Esi]: ELSEWHERE, [Edi]: ELSEWHERE })
    expect(cpu.delivered).toBeUndefined()
    expect([cpu.get(Ecx), cpu.get(Esi), cpu.get(Edi), cpu.eflags]).toEqual([0, ELSEWHERE, ELSEWHERE, before])
  })

  it('count with CX and address with SI and DI under a 67 prefix', () => {
    cpu.write(0x4000, [7])
    run('67 f3 a4 ; rep movsb', { [Ecx]: 0xabcd_0003, [Esi]: 0x1234_4000, [Edi]: 0x5678_4001 })
    expect(cpu.bytes(0x4000, 4)).toEqual([7, 7, 7, 7])
    expect(cpu.get(Ecx)).toBe(0xabcd_0000)
    expect([cpu.get(Esi), cpu.get(Edi)]).toEqual([0x1234_4003, 0x5678_4004])
  })

  it('repeat a pattern when source and destination overlap', () => {
    cpu.write(DATA, [1, 2, 3, 0, 0, 0, 0, 0, 0])
    run('f3 a4 ; rep movsb', { [Ecx]: 6, [Esi]: DATA, [Edi]: DATA + 3 })
    expect(cpu.bytes(DATA, 9)).toEqual([1, 2, 3, 1, 2, 3, 1, 2, 3])
  })

  it('go on for any length', () => {
    run('f3 aa ; rep stosb', { [Eax]: 0x5a, [Ecx]: 0x8003, [Edi]: DATA })
    expect(cpu.bytes(DATA, 0x8004)).toEqual([...new Array(0x8003).fill(0x5a), 0])
    expect(cpu.get(Edi)).toBe(DATA + 0x8003)
  })

  it('keep what they have done when a page is missing, and resume there', () => {
    cpu.unmap(nextPage(DATA))
    const start = nextPage(DATA) - 6
    run('f3 ab ; rep stosd', { [Eax]: 0x1122_3344, [Ecx]: 5, [Edi]: start })
    expect(cpu.delivered).toMatchObject({ vector: Vector.PF, errorCode: 2, eip: CODE })
    expect(cpu.core.get('cr2')).toBe(nextPage(DATA))
    expect([cpu.get(Ecx), cpu.get(Edi)]).toEqual([4, start + 4])
    expect(cpu.bytes(start + 4, 2)).toEqual([0, 0])
    cpu.remap(nextPage(DATA), nextPage(DATA))
    cpu.load('f3 ab ; rep stosd\nf4 ; hlt')
    cpu.runToHalt(pace)
    expect(cpu.delivered).toBeUndefined()
    expect([cpu.get(Ecx), cpu.get(Edi)]).toEqual([0, start + 20])
    expect(cpu.bytes(start, 20)).toEqual(new Array(5).fill([0x44, 0x33, 0x22, 0x11]).flat())
  })

  it('stop behind the element that decides', () => {
    cpu.write(DATA, [5, 5, 5, 9, 5])
    run('f3 ae ; repe scasb', { [Eax]: 5, [Ecx]: 5, [Edi]: DATA })
    expect([cpu.get(Ecx), cpu.get(Edi), cpu.eflags & Eflags.ZF]).toEqual([1, DATA + 4, 0])
    run('f2 ae ; repne scasb', { [Eax]: 9, [Ecx]: 5, [Edi]: DATA })
    expect([cpu.get(Ecx), cpu.get(Edi), cpu.eflags & Eflags.ZF]).toEqual([1, DATA + 4, Eflags.ZF])
  })

  it('compare in the right order', () => {
    cpu.write(DATA, [1])
    cpu.write(DATA + PAGE, [2])
    run('a6 ; cmpsb', { [Esi]: DATA, [Edi]: DATA + PAGE })
    expect(cpu.eflags & Eflags.CF).toBe(Eflags.CF)
  })

  it('trap after every iteration of REP in single step, and once behind it', () => {
    run('f3 aa ; rep stosb', { [Eax]: 1, [Ecx]: 3, [Edi]: DATA })
    cpu.load('f3 aa ; rep stosb\n90 ; nop')
    cpu.set(Ecx, 3)
    const places: number[] = []
    for (let trap = 0; trap < 3; trap++) {
      const at = trap === 0 ? CODE : (cpu.delivered?.eip ?? 0)
      cpu.core.set('eip', at)
      cpu.eflags = 2 | Eflags.TF
      cpu.runToHalt(pace)
      expect(cpu.delivered?.vector).toBe(Vector.DB)
      places.push(cpu.delivered?.eip ?? 0)
    }
    expect(places).toEqual([CODE, CODE, CODE + 2])
    expect(cpu.get(Ecx)).toBe(0)
  })
})
