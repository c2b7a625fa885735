/**
 * What the captured vectors cannot show, because it needs CPL 0: when MMX and SSE instructions are refused, what becomes
 * of unmasked exceptions, and that FXSAVE and FXRSTOR carry the registers.
 */
import { describe, expect, it } from 'vitest'
import { Cr0, Cr4, Gpr, type StateName, stateAddress, Vector } from '../../../runtime/state.ts'
import { CODE, CpuBench, DATA, paces } from './bench.ts'

const SSE_READY = Cr4.OSFXSR | Cr4.OSXMMEXCPT
const MXCSR_DEFAULT = 0x1f80
/** Division by zero is not masked. */
const MXCSR_ZERO_DIVIDE = 0x1d80
const HLT = '\nf4 ; hlt'

const addps = '0f 58 c1 ; addps xmm0, xmm1'
const paddd = '0f fe c1 ; paddd mm0, mm1'
const divss = 'f3 0f 5e c1 ; divss xmm0, xmm1'

function bench(cr4: number, cr0 = 0): CpuBench {
  const cpu = new CpuBench()
  cpu.core.set('cr4', cr4)
  cpu.core.set('cr0', cpu.core.get('cr0') | cr0)
  cpu.core.set('mxcsr', MXCSR_DEFAULT)
  cpu.core.exports.updateMode()
  return cpu
}

/** The exception that a program of one instruction raises, or undefined. */
function exceptionOf(cpu: CpuBench, text: string, pace: (typeof paces)[number]): number | undefined {
  cpu.load(text + HLT)
  cpu.runToHalt(pace)
  return cpu.delivered?.vector
}

describe.each(paces)('%s', pace => {
  it.each([
    ['SSE without OSFXSR', addps, 0, 0, Vector.UD],
    ['SSE with EM', addps, SSE_READY, Cr0.EM, Vector.UD],
    ['SSE with TS', addps, SSE_READY, Cr0.TS, Vector.NM],
    ['SSE with EM and TS', addps, SSE_READY, Cr0.EM | Cr0.TS, Vector.UD],
    ['SSE that is allowed', addps, SSE_READY, 0, undefined],
    ['MMX with EM', paddd, 0, Cr0.EM, Vector.UD],
    ['MMX with TS', paddd, 0, Cr0.TS, Vector.NM],
    ['MMX, which needs no OSFXSR', paddd, 0, 0, undefined],
  ])('%s', (_, text, cr4, cr0, expected) => {
    expect(exceptionOf(bench(cr4, cr0), text, pace)).toBe(expected)
  })

  it.each([
    ['0f 06 ; clts', Cr0.TS, SSE_READY, 0],
    ['0f 22 e0 ; mov cr4, eax', 0, 0, SSE_READY],
    ['0f 22 c1 ; mov cr0, ecx', Cr0.EM, SSE_READY, 0],
    ['0f 01 f1 ; lmsw cx', Cr0.EM | Cr0.TS, SSE_READY, 0],
  ])('%s makes SSE available', (text, cr0, cr4, eax) => {
    const cpu = bench(cr4, cr0)
    cpu.set(Gpr.Eax, eax)
    cpu.set(Gpr.Ecx, cpu.core.get('cr0') & ~(Cr0.EM | Cr0.TS))
    expect(exceptionOf(cpu, `${text}\n${addps}`, pace)).toBeUndefined()
  })

  it('MMX reports a pending x87 exception, SSE does not', () => {
    const pending = () => {
      const cpu = bench(SSE_READY)
      cpu.core.set('fpuStatus', 0x8081)
      return cpu
    }
    expect(exceptionOf(pending(), paddd, pace)).toBe(Vector.MF)
    expect(exceptionOf(pending(), addps, pace)).toBeUndefined()
  })

  it.each([
    [SSE_READY, Vector.XM],
    [Cr4.OSFXSR, Vector.UD],
  ])('an unmasked exception with CR4 = %i is vector %i, and sets its flag', (cr4, expected) => {
    const cpu = bench(cr4)
    cpu.core.set('mxcsr', MXCSR_ZERO_DIVIDE)
    cpu.core.words[stateAddress('xmm', 0) >> 2] = 0x3f80_0000
    expect(exceptionOf(cpu, divss, pace)).toBe(expected)
    expect(cpu.delivered?.eip).toBe(CODE)
    expect(cpu.core.get('mxcsr')).toBe(MXCSR_ZERO_DIVIDE | 4)
    expect(cpu.core.words[stateAddress('xmm', 0) >> 2]).toBe(0x3f80_0000)
  })

  it('a misaligned operand of 16 bytes is #GP(0) before any page fault', () => {
    const cpu = bench(SSE_READY)
    cpu.load(`0f 28 05 08 00 50 00 ; movaps xmm0, oword [0x500008]${HLT}`)
    cpu.runToHalt(pace)
    expect(cpu.delivered).toMatchObject({ vector: Vector.GP, errorCode: 0, eip: CODE })
  })

  it('FXSAVE and FXRSTOR carry XMM registers and MXCSR', () => {
    const cpu = bench(SSE_READY)
    const words = (name: StateName, count: number) =>
      Array.from(cpu.core.words.subarray(stateAddress(name) >> 2, (stateAddress(name) >> 2) + count))
    for (let i = 0; i < 32; i++) cpu.core.words[(stateAddress('xmm') >> 2) + i] = 0x0101_0101 * i
    cpu.core.set('mxcsr', 0xbfc1)
    const before = words('xmm', 32)
    cpu.load(
      `0f ae 05 00 00 02 00 ; fxsave [0x20000]
       66 0f ef c0 ; pxor xmm0, xmm0
       0f 57 ff ; xorps xmm7, xmm7
       0f ae 15 00 02 02 00 ; ldmxcsr dword [0x20200]
       0f ae 0d 00 00 02 00 ; fxrstor [0x20000]${HLT}`,
    )
    cpu.write32(DATA + 0x200, MXCSR_DEFAULT)
    cpu.runToHalt(pace)
    expect(cpu.delivered).toBeUndefined()
    expect(words('xmm', 32)).toEqual(before)
    expect(cpu.core.get('mxcsr')).toBe(0xbfc1)
  })

  it('EMMS empties the x87 registers that MMX has filled', () => {
    const cpu = bench(0)
    cpu.core.set('fpuTop', 5)
    cpu.load(`${paddd}${HLT}`)
    cpu.runToHalt(pace)
    expect([cpu.core.get('fpuTop'), cpu.core.get('fpuTag')]).toEqual([0, 0xff])
    cpu.load(`0f 77 ; emms${HLT}`)
    cpu.runToHalt(pace)
    expect(cpu.core.get('fpuTag')).toBe(0)
  })
})
