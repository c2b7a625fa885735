/**
 * A region holds linear addresses, but the run that stands for it is found by its physical address: reached through a
 * second linear page of the same physical page, the region went on in the first. Found by `npm run fuzz`.
 */
import { expect, it } from 'vitest'
import { Gpr } from '../../runtime/state.ts'
import { CompiledBench } from '../engines/compiled-cpu.ts'
import { CODE, ELSEWHERE } from '../specs/cpu/bench.ts'

it('a region is entered only where its own addresses hold', () => {
  const cpu = new CompiledBench(2)
  cpu.remap(ELSEWHERE, CODE)
  cpu.load(`
    e8 00 00 00 00 ; call 0x10005
    58             ; pop eax
    49             ; dec ecx
    75 f7          ; jne 0x10000
    f4             ; hlt`)
  for (const start of [CODE, ELSEWHERE, CODE]) {
    cpu.core.set('eip', start)
    cpu.set(Gpr.Ecx, 50)
    cpu.runToHalt()
    expect(cpu.get(Gpr.Eax)).toBe(start + 5)
    expect(cpu.eip).toBe(start + 10)
  }
  expect(cpu.regions.stats.installed).toBeGreaterThan(0)
})
