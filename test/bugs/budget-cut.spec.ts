/**
 * A device that schedules an earlier event cuts the budget in the middle of `run` (Machine.shortenBudget). The core
 * took the cut off the state but went on with what it had in a local: it ran on to the old end, and the instructions
 * behind the event were never counted. It was right only when cold code made it return. Found by `npm run fuzz`.
 */
import { expect, it } from 'vitest'
import { ExitReason } from '../../runtime/exits.ts'
import { Gpr } from '../../runtime/state.ts'
import { CODE, CpuBench } from '../specs/cpu/bench.ts'

const BUDGET = 1000
/** Instructions of a round. */
const ROUND = 4

it.each([500, 70, 30, 3, 1])('a budget that is cut to %i instructions ends there, in code that is decoded', left => {
  const cpu = new CpuBench()
  cpu.load('41 ; inc ecx\nec ; in al, dx\n90 ; nop\neb fb ; jmp 0x10000')
  // Decodes it all, in steps too.
  for (let i = 0; i < 2 * ROUND; i++) cpu.run(1)
  cpu.run(BUDGET)
  cpu.core.set('eip', CODE)
  cpu.set(Gpr.Ecx, 0)
  let cut = false
  cpu.deviceAccesses.push = () => {
    if (cut) return 0
    cut = true
    const excess = cpu.core.get('remaining') - left
    cpu.core.set('remaining', left)
    cpu.core.set('remainingCut', excess)
    return 0
  }
  expect(cpu.run(BUDGET)).toBe(ExitReason.Budget)
  expect(cpu.core.get('remaining')).toBe(0)
  // Behind INC ECX as many were left.
  const executed = 1 + left
  expect(cpu.eip - CODE).toBe(executed % ROUND)
  expect(cpu.get(Gpr.Ecx)).toBe(Math.ceil(executed / ROUND))
})
