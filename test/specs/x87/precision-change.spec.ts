/** Code that got hot under one precision control and goes on under another: it is compiled again, and stays compiled. */
import { expect, it } from 'vitest'
import { type CompileRequest, compile } from '../../../jit/compile.ts'
import { MISS_PROFILE_BASE, MISS_PROFILE_ENTRIES, RAM_BASE } from '../../../runtime/memory-map.ts'
import { Gpr, stateAddress } from '../../../runtime/state.ts'
import { CompiledBench } from '../../engines/compiled-cpu.ts'
import { CODE, CpuBench, DATA } from '../cpu/bench.ts'

const PASSES = 3000
const ROUNDS = 6
const BUDGET = 10_000_000
const HEAT_THRESHOLD = 50
const DOUBLE_PRECISION = 0x27f
const EXTENDED_PRECISION = 0x37f

/** x := x * 0.75 + 0.1, time after time, in registers. */
const PROGRAM = `
  dd 06 ; fld qword [esi]
  d8 c9 ; fmul st0, st1
  d8 c2 ; fadd st0, st2
  dd 1e ; fstp qword [esi]
  49 ; dec ecx
  75 f5 ; jne 0x10000
  f4 ; hlt`

function prepare<T extends CpuBench>(cpu: T): T {
  cpu.load(PROGRAM)
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, 1 / 3, true)
  cpu.write(DATA, new Uint8Array(view.buffer))
  return cpu
}

/** Runs the loop at a precision; gives the number in memory. */
function round(cpu: CpuBench, control: number): number {
  cpu.core.set('halted', 0)
  cpu.core.set('eip', CODE)
  cpu.set(Gpr.Ecx, PASSES)
  cpu.set(Gpr.Esi, DATA)
  cpu.core.set('fpuControl', control)
  cpu.core.set('fpuTop', 0)
  cpu.core.set('fpuTag', 3)
  const { bytes } = cpu.core
  const registers = new DataView(bytes.buffer, bytes.byteOffset)
  const fpr = stateAddress('fpr')
  // 0.75, and 0.1 with the 64 bits that only extended precision keeps.
  registers.setBigUint64(fpr, 0xc000_0000_0000_0000n, true)
  registers.setUint16(fpr + 8, 0x3ffe, true)
  registers.setBigUint64(fpr + 16, 0xcccc_cccc_cccc_cccdn, true)
  registers.setUint16(fpr + 24, 0x3ffb, true)
  cpu.run(BUDGET)
  return registers.getFloat64(RAM_BASE + DATA, true)
}

/** How often regions were left for the interpreter since the last review. */
function leaves(cpu: CpuBench): number {
  let sum = 0
  for (let i = 0; i < MISS_PROFILE_ENTRIES; i++) sum += cpu.core.words[(MISS_PROFILE_BASE >> 2) + 2 * i + 1]
  return sum
}

it('is compiled again for it, and is as exact', () => {
  let last: CompileRequest | undefined
  const compiler = (request: CompileRequest) => {
    last = request
    return compile(request)
  }
  const compiled = prepare(new CompiledBench(HEAT_THRESHOLD, compiler))
  const interpreted = prepare(new CpuBench())
  for (const control of [EXTENDED_PRECISION, DOUBLE_PRECISION, EXTENDED_PRECISION]) {
    for (let i = 0; i < ROUNDS; i++) {
      expect(round(compiled, control)).toBe(round(interpreted, control))
      if (i < ROUNDS - 1) compiled.regions.review()
    }
    expect(leaves(compiled)).toBeLessThan(10)
    // Code in place, no calls of handlers.
    expect(last).toMatchObject({ fpuControl: control, profile: { misses: [] } })
  }
  expect(compiled.regions.figures().reviewed).toBeGreaterThanOrEqual(2)
})
