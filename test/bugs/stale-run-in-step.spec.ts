/**
 * The jump cache gave a run that had been dropped because its bytes were written. In a single step its `stale` record
 * went to look around, which ended the step: the trap came before the instruction, and the shadow of MOV SS was gone.
 * Found by the specs of the CPU.
 */
import { expect, it } from 'vitest'
import { ExitReason } from '../../runtime/exits.ts'
import { Eflags, Gpr, Vector } from '../../runtime/state.ts'
import { CODE, CpuBench } from '../specs/cpu/bench.ts'

it('code that was written is stepped through like any other', () => {
  const cpu = new CpuBench()
  for (const times of [1, 2, 3]) {
    cpu.load('43 ; inc ebx\n90 ; nop\nf4 ; hlt')
    cpu.eflags = 2 | Eflags.TF
    cpu.runToHalt()
    expect(cpu.delivered?.vector).toBe(Vector.DB)
    expect(cpu.delivered?.eip).toBe(CODE + 1)
    expect(cpu.get(Gpr.Ebx)).toBe(times)
  }
})

it('code that was written is in the shadow of MOV SS like any other', () => {
  const cpu = new CpuBench()
  cpu.eflags = 2 | Eflags.IF
  for (const times of [1, 2, 3]) {
    cpu.core.set('interruptLine', 0)
    cpu.load('16 ; push ss\n17 ; pop ss\n43 ; inc ebx\n43 ; inc ebx\nf4 ; hlt')
    expect(cpu.run(2)).toBe(ExitReason.Budget)
    cpu.core.set('interruptLine', 1)
    expect(cpu.run(1000)).toBe(ExitReason.Interrupt)
    expect([cpu.eip, cpu.get(Gpr.Ebx)]).toEqual([CODE + 3, times])
  }
})
