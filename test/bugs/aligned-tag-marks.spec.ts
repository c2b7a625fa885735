/**
 * Marks in TLB tags stood in the low bits that an access which must be aligned is compared with, so that a misaligned
 * one hit: beside code, in device memory, in the first page.
 */
import { describe, expect, it } from 'vitest'
import { Cr4, Gpr, Vector } from '../../runtime/state.ts'
import { CompiledBench } from '../engines/compiled-cpu.ts'
import { CODE, DATA } from '../specs/cpu/bench.ts'

const NEVER = 0
const AT_ONCE = 1
const DEVICE = 0xfee0_0000
const DEVICE_PAGE = 0x40_0000

describe.each([['interpreted', NEVER], ['compiled', AT_ONCE]] as const)('%s', (_name, heat) => {
  it.each([4, 8, 12, 1, 2])('a store %i bytes off, in a page that holds code, raises #GP', distance => {
    const cpu = new CompiledBench(heat)
    cpu.core.exports.writeControlRegister(4, Cr4.OSFXSR)
    cpu.load(`
      66 0f 7f 06          ; movdqa oword [esi], xmm0
      49                   ; dec ecx
      75 f9                ; jne 0x10000
      01 fe                ; add esi, edi
      b1 01                ; mov cl, 0x1
      eb f3                ; jmp 0x10000`)
    cpu.set(Gpr.Ecx, 50)
    cpu.set(Gpr.Esi, CODE + 0xf00)
    cpu.set(Gpr.Edi, distance)
    cpu.runToHalt()
    expect(cpu.delivered).toMatchObject({ vector: Vector.GP, errorCode: 0, eip: CODE })
    expect(cpu.get(Gpr.Esi)).toBe(CODE + 0xf00 + distance)
  })

  it.each([['in the first page', 0], ['in device memory', DEVICE_PAGE]] as const)('a misaligned load %s raises #GP', (_where, page) => {
    for (const distance of [1, 2, 4, 8]) {
      const cpu = new CompiledBench(heat)
      cpu.core.exports.writeControlRegister(4, Cr4.OSFXSR)
      cpu.remap(DEVICE_PAGE, DEVICE)
      cpu.load(`
        66 0f 6f 06          ; movdqa xmm0, oword [esi]
        49                   ; dec ecx
        75 f9                ; jne 0x10000
        89 fe                ; mov esi, edi
        41                   ; inc ecx
        eb f4                ; jmp 0x10000`)
      cpu.set(Gpr.Ecx, 50)
      cpu.set(Gpr.Esi, page === 0 ? DATA : page)
      cpu.set(Gpr.Edi, page + distance)
      cpu.runToHalt()
      expect(cpu.delivered).toMatchObject({ vector: Vector.GP, errorCode: 0, eip: CODE })
    }
  })
})
