/** When interrupts and single steps are taken: shadows of STI and MOV SS, TF (SDM vol. 3, 6.8, 17.3.1.4). */
import { beforeEach, describe, expect, it } from 'vitest'
import { ExitReason } from '../../../runtime/exits.ts'
import { Eflags, Gpr, Vector } from '../../../runtime/state.ts'
import { CODE, CpuBench, paces, STACK_TOP } from './bench.ts'

const { Eax, Ebx, Esp } = Gpr
const BUDGET = 1000
const SINGLE_STEP = 1 << 14

describe('interrupts', () => {
  let cpu: CpuBench

  beforeEach(() => {
    cpu = new CpuBench()
    cpu.core.set('interruptLine', 1)
  })

  it('wait for one instruction after STI', () => {
    cpu.load('fb ; sti\n40 ; inc eax\n40 ; inc eax\nf4 ; hlt')
    expect(cpu.run(BUDGET)).toBe(ExitReason.Interrupt)
    expect([cpu.eip, cpu.get(Eax)]).toEqual([CODE + 2, 1])
  })

  it('do not wait when IF was set before STI', () => {
    cpu.core.set('interruptLine', 0)
    cpu.load('fb ; sti\n90 ; nop\nfb ; sti\n40 ; inc eax\nf4 ; hlt')
    expect(cpu.run(2)).toBe(ExitReason.Budget)
    cpu.core.set('interruptLine', 1)
    expect(cpu.run(BUDGET)).toBe(ExitReason.Interrupt)
    expect(cpu.eip).toBe(CODE + 2)
  })

  it('stay off when CLI follows STI at once', () => {
    cpu.load('fb ; sti\nfa ; cli\n40 ; inc eax\nf4 ; hlt')
    expect(cpu.run(BUDGET)).toBe(ExitReason.Halt)
    expect(cpu.get(Eax)).toBe(1)
  })

  it('end HLT behind STI: the pair is not torn apart', () => {
    cpu.load('fb ; sti\nf4 ; hlt\n90 ; nop')
    expect(cpu.run(BUDGET)).toBe(ExitReason.Halt)
    expect(cpu.eip).toBe(CODE + 2)
  })

  it('wait for one instruction after MOV SS and POP SS', () => {
    cpu.eflags = Eflags.IF | 2
    cpu.core.set('interruptLine', 0)
    cpu.load('8c d0 ; mov eax, ss\n8e d0 ; mov ss, ax\n43 ; inc ebx\n43 ; inc ebx\nf4 ; hlt')
    expect(cpu.run(2)).toBe(ExitReason.Budget)
    cpu.core.set('interruptLine', 1)
    expect(cpu.run(BUDGET)).toBe(ExitReason.Interrupt)
    expect([cpu.eip, cpu.get(Ebx)]).toEqual([CODE + 5, 1])
    cpu.core.set('interruptLine', 0)
    cpu.load('16 ; push ss\n17 ; pop ss\n43 ; inc ebx\n43 ; inc ebx\nf4 ; hlt')
    expect(cpu.run(2)).toBe(ExitReason.Budget)
    cpu.core.set('interruptLine', 1)
    expect(cpu.run(BUDGET)).toBe(ExitReason.Interrupt)
    expect([cpu.eip, cpu.get(Ebx)]).toEqual([CODE + 3, 2])
  })

  it('come at once when POPF sets IF', () => {
    cpu.load('9c ; pushfd\n80 4c 24 01 02 ; or byte [esp+0x1], 0x2\n9d ; popfd\n40 ; inc eax\nf4 ; hlt')
    expect(cpu.run(BUDGET)).toBe(ExitReason.Interrupt)
    expect([cpu.eip, cpu.get(Eax)]).toEqual([CODE + 7, 0])
  })
})

describe.each(paces)('single step, %s', pace => {
  let cpu: CpuBench

  beforeEach(() => {
    cpu = new CpuBench()
  })

  const setTrapFlag = '9c ; pushfd\n80 4c 24 01 01 ; or byte [esp+0x1], 0x1\n9d ; popfd'
  const BEHIND_POPF = CODE + 7

  it('traps after the instruction behind the POPF that sets TF', () => {
    cpu.load(`${setTrapFlag}\n40 ; inc eax\n40 ; inc eax\nf4 ; hlt`)
    cpu.runToHalt(pace)
    expect(cpu.delivered).toMatchObject({ vector: Vector.DB, eip: BEHIND_POPF + 1 })
    expect((cpu.delivered?.eflags ?? 0) & Eflags.TF).toBe(Eflags.TF)
    expect(cpu.eflags & Eflags.TF).toBe(0)
    expect(cpu.core.get('dr', 6) & SINGLE_STEP).toBe(SINGLE_STEP)
    expect(cpu.get(Eax)).toBe(1)
  })

  it('traps behind a taken branch, at its target', () => {
    cpu.load(`${setTrapFlag}\neb 02 ; jmp 0x1000b\n90 ; nop\n90 ; nop\nf4 ; hlt`)
    cpu.runToHalt(pace)
    expect(cpu.delivered).toMatchObject({ vector: Vector.DB, eip: BEHIND_POPF + 4 })
  })

  it('gives way to the exception of the instruction', () => {
    cpu.load(`${setTrapFlag}\n0f 0b ; ud2`)
    cpu.runToHalt(pace)
    expect(cpu.delivered).toMatchObject({ vector: Vector.UD, eip: BEHIND_POPF })
    expect(cpu.core.get('dr', 6) & SINGLE_STEP).toBe(0)
  })

  it('does not trap in the handler of INT n, nor before it', () => {
    cpu.load(`${setTrapFlag}\ncd 80 ; int 0x80`)
    cpu.runToHalt(pace)
    expect(cpu.delivered).toMatchObject({ vector: 0x80, eip: BEHIND_POPF + 2 })
    expect((cpu.delivered?.eflags ?? 0) & Eflags.TF).toBe(Eflags.TF)
  })

  it('skips the trap behind MOV SS and takes the next', () => {
    cpu.load('8c d0 ; mov eax, ss')
    cpu.run(1)
    cpu.load(`${setTrapFlag}\n8e d0 ; mov ss, ax\n43 ; inc ebx\nf4 ; hlt`)
    cpu.runToHalt(pace)
    expect(cpu.delivered).toMatchObject({ vector: Vector.DB, eip: BEHIND_POPF + 3 })
    expect(cpu.get(Ebx)).toBe(1)
  })

  it('traps once more behind the POPF that clears TF', () => {
    cpu.load(`${setTrapFlag}\n9d ; popfd\n40 ; inc eax\nf4 ; hlt`)
    cpu.write32(STACK_TOP - 4, 2)
    cpu.set(Esp, STACK_TOP - 4)
    cpu.runToHalt(pace)
    expect(cpu.delivered).toMatchObject({ vector: Vector.DB, eip: BEHIND_POPF + 1 })
    expect((cpu.delivered?.eflags ?? 0) & Eflags.TF).toBe(0)
    expect(cpu.get(Eax)).toBe(0)
  })
})
