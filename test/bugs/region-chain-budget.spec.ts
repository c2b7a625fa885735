/**
 * One region went straight on to the next without a look at the budget: when too little was left for that region, the
 * interpreter began its run all the same and stopped some instructions late. Found by `npm run lockstep`.
 */
import { expect, it } from 'vitest'
import { ExitReason } from '../../runtime/exits.ts'
import { Gpr } from '../../runtime/state.ts'
import { CompiledBench } from '../engines/compiled-cpu.ts'

/** Two regions that go to each other by indirect jumps. */
const PROGRAM = `
  41             ; inc ecx
  01 c8          ; add eax, ecx
  f7 d0          ; not eax
  ff e3          ; jmp ebx
  42             ; inc edx
  29 d0          ; sub eax, edx
  d1 c0          ; rol eax, 0x1
  43             ; inc ebx
  4b             ; dec ebx
  ff e6          ; jmp esi`
const SECOND = 0x1_0007
const FIRST = 0x1_0000
const PIECES = 400

it('regions that follow each other stop where they are told to', () => {
  const cpu = new CompiledBench(1)
  cpu.load(PROGRAM)
  cpu.set(Gpr.Ebx, SECOND)
  cpu.set(Gpr.Esi, FIRST)
  let steps = 0
  for (let piece = 60; piece < 60 + PIECES; piece++) {
    expect(cpu.run(piece)).toBe(ExitReason.Budget)
    expect(cpu.core.get('remaining')).toBe(0)
    steps += piece
  }
  expect(cpu.regions.stats.installed).toBeGreaterThan(1)
  // Ten instructions a round, the first of them INC ECX.
  expect(cpu.get(Gpr.Ecx)).toBe(Math.ceil(steps / 10))
})
