/**
 * `remaining` is exact: stopping after any number of instructions, wherever that falls in a run, gives the state that
 * stepping one by one gives.
 */
import { describe, expect, it } from 'vitest'
import { ExitReason } from '../../../runtime/exits.ts'
import { CODE, CpuBench, DATA } from './bench.ts'

/** Calls, branches both ways, a string instruction, a store and a counter; it never ends. */
const PROGRAM = `
  41                   ; inc ecx
  8d 04 89             ; lea eax, [ecx+ecx*4]
  89 05 00 00 02 00    ; mov dword [0x20000], eax
  a8 01                ; test al, 0x1
  74 06                ; je 0x10014
  e8 0b 00 00 00       ; call 0x1001e
  aa                   ; stosb
  bf 00 01 02 00       ; mov edi, 0x20100
  6a 03                ; push 0x3
  5e                   ; pop esi
  eb e2                ; jmp 0x10000
  43                   ; inc ebx
  87 da                ; xchg edx, ebx
  c3                   ; ret
`
const LONGEST = 300

function fresh(): CpuBench {
  const cpu = new CpuBench()
  cpu.load(PROGRAM)
  return cpu
}

function snapshot(cpu: CpuBench): string {
  const registers = [0, 1, 2, 3, 4, 5, 6, 7].map(i => cpu.get(i).toString(16))
  return [...registers, cpu.eip.toString(16), cpu.eflags.toString(16), cpu.read32(DATA).toString(16)].join(' ')
}

describe('exact stops', () => {
  const stepped = fresh()
  const states = [snapshot(stepped)]
  for (let n = 1; n <= LONGEST; n++) {
    expect(stepped.run(1)).toBe(ExitReason.Budget)
    states.push(snapshot(stepped))
  }

  it('steps differ from one another, so that the comparison can fail', () => {
    expect(new Set(states).size).toBe(states.length)
  })

  it.each([1, 2, 3, 7, 63, 64, 65, 100, 128, 129, 200, 257, LONGEST])('after %i instructions', count => {
    const cpu = fresh()
    expect(cpu.run(count)).toBe(ExitReason.Budget)
    expect(cpu.core.get('remaining')).toBe(0)
    expect(snapshot(cpu)).toBe(states[count])
  })

  it('in pieces of any size', () => {
    const cpu = fresh()
    let done = 0
    for (let piece = 1; done + piece <= LONGEST; piece++) {
      cpu.run(piece)
      done += piece
      expect(snapshot(cpu)).toBe(states[done])
    }
  })

  it('do not count an instruction that faults', () => {
    const cpu = new CpuBench()
    cpu.load('90 ; nop\n90 ; nop\n0f 0b ; ud2', CODE)
    expect(cpu.run(3)).toBe(ExitReason.Halt)
    // Two NOPs and the handler's HLT.
    expect(cpu.core.get('remaining')).toBe(0)
    expect(cpu.delivered?.eip).toBe(CODE + 2)
  })
})
