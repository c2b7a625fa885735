/**
 * Entering a region checked all of its pages and thereby marked those as accessed that the guest had not reached. Found
 * by `npm run lockstep` over the boot of Linux.
 */
import { expect, it } from 'vitest'
import { Gpr } from '../../runtime/state.ts'
import { CompiledBench } from '../engines/compiled-cpu.ts'
import { Page } from '../engines/test-cpu.ts'
import { CODE, nextPage } from '../specs/cpu/bench.ts'

const ACCESSED = 0x20
const PAGE_DIRECTORY = 0x5000

it('a region marks no page as accessed before the guest gets there', () => {
  const cpu = new CompiledBench(2)
  const second = nextPage(CODE)
  cpu.map(second, second, Page.Supervisor & ~ACCESSED)
  cpu.setCr3()
  const entry = (cpu.read32(PAGE_DIRECTORY) & ~0xfff) + (second >> 12) * 4
  cpu.load('43 ; inc ebx\nc3 ; ret', second)
  cpu.load(`
    85 d2          ; test edx, edx
    74 05          ; je 0x10009
    e8 f7 0f 00 00 ; call 0x11000
    49             ; dec ecx
    75 f4          ; jne 0x10000
    f4             ; hlt`)
  const run = (edx: number) => {
    cpu.core.set('eip', CODE)
    cpu.set(Gpr.Ecx, 30)
    cpu.set(Gpr.Edx, edx)
    cpu.runToHalt()
  }
  run(0)
  expect(cpu.regions.stats.installed).toBeGreaterThan(0)
  run(0)
  expect(cpu.read32(entry) & ACCESSED).toBe(0)
  run(1)
  expect(cpu.get(Gpr.Ebx)).toBe(30)
  expect(cpu.read32(entry) & ACCESSED).toBe(ACCESSED)
})
