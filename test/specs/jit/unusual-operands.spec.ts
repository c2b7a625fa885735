/** A loop whose vectors hold infinities and NaNs is compiled again once, not once for each instruction that meets them. */
import { expect, it } from 'vitest'
import { MISS_PROFILE_BASE, MISS_PROFILE_ENTRIES, RAM_BASE } from '../../../runtime/memory-map.ts'
import { Gpr, stateAddress } from '../../../runtime/state.ts'
import { CompiledBench } from '../../engines/compiled-cpu.ts'
import { CODE, CpuBench, DATA } from '../cpu/bench.ts'

const PASSES = 5000
const BUDGET = 10_000_000
const HEAT_THRESHOLD = 50
const OSFXSR_AND_OSXMMEXCPT = 0x600
const MXCSR_AFTER_RESET_AND_PE = 0x1fa0

/** x := (x + inf) * y - x: a NaN from the second pass on, in lanes that the rest goes on beside. */
const PROGRAM = `
  0f 28 06 ; movaps xmm0, oword [esi]
  0f 58 c1 ; addps xmm0, xmm1
  0f 59 c2 ; mulps xmm0, xmm2
  0f 5c 46 10 ; subps xmm0, oword [esi+0x10]
  0f 5f c2 ; maxps xmm0, xmm2
  0f 29 46 10 ; movaps oword [esi+0x10], xmm0
  49 ; dec ecx
  75 e9 ; jne 0x10000
  f4 ; hlt`

function prepare<T extends CpuBench>(cpu: T): T {
  cpu.core.set('cr4', OSFXSR_AND_OSXMMEXCPT)
  cpu.core.exports.updateMode()
  cpu.load(PROGRAM)
  const view = new DataView(cpu.core.bytes.buffer)
  const lanes = (address: number, values: readonly number[]) =>
    values.forEach((value, i) => view.setFloat32(address + 4 * i, value, true))
  lanes(RAM_BASE + DATA, [1.5, Infinity, -2.25, 3.1])
  lanes(RAM_BASE + DATA + 16, [0.5, 1, 2, 3])
  lanes(stateAddress('xmm', 1), [1, -Infinity, 1.1, 1])
  lanes(stateAddress('xmm', 2), [0.7, 1, Infinity, 0.3])
  return cpu
}

function run(cpu: CpuBench): string {
  cpu.core.set('mxcsr', MXCSR_AFTER_RESET_AND_PE)
  cpu.core.set('halted', 0)
  cpu.core.set('eip', CODE)
  cpu.set(Gpr.Ecx, PASSES)
  cpu.set(Gpr.Esi, DATA)
  cpu.run(BUDGET)
  return Buffer.from(cpu.core.ram.slice(DATA, DATA + 32)).toString('hex') + cpu.core.get('mxcsr').toString(16)
}

it('settles in the first review', () => {
  const compiled = prepare(new CompiledBench(HEAT_THRESHOLD))
  const interpreted = prepare(new CpuBench())
  const reviewed: number[] = []
  for (let i = 0; i < 4; i++) {
    expect(run(compiled)).toBe(run(interpreted))
    compiled.regions.review()
    reviewed.push(compiled.regions.figures().reviewed)
  }
  expect(reviewed[0]).toBeGreaterThan(0)
  expect(new Set(reviewed).size).toBe(1)
  run(compiled)
  for (let i = 0; i < MISS_PROFILE_ENTRIES; i++) {
    expect(compiled.core.words[(MISS_PROFILE_BASE >> 2) + 2 * i + 1]).toBeLessThan(10)
  }
})
