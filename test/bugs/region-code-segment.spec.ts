/** Regions stored through CS, which no code may do (SDM vol. 3, 3.4.5.1): #GP(0). */
import { expect, it } from 'vitest'
import { Gpr, Vector } from '../../runtime/state.ts'
import { CompiledBench } from '../engines/compiled-cpu.ts'
import { CODE, DATA } from '../specs/cpu/bench.ts'

it('a store through CS faults behind a hot loop', () => {
  const cpu = new CompiledBench(2)
  cpu.set(Gpr.Ecx, 50)
  cpu.load(`
    ff 05 04 00 02 00    ; inc dword [0x20004]
    49                   ; dec ecx
    75 f7                ; jne 0x10000
    2e 89 35 00 00 02 00 ; mov dword [cs:0x20000], esi
    f4                   ; hlt`)
  cpu.set(Gpr.Esi, 0x1234)
  cpu.runToHalt()
  expect(cpu.delivered).toMatchObject({ vector: Vector.GP, errorCode: 0, eip: CODE + 9 })
  expect(cpu.read32(DATA)).toBe(0)
  expect(cpu.regions.stats.installed).toBeGreaterThan(0)
})
