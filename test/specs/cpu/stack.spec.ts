/** The stack's corners: operands that use ESP while it moves, and frames that fault half-way (SDM vol. 2). */
import { beforeEach, describe, expect, it } from 'vitest'
import { Gpr, Segment } from '../../../runtime/state.ts'
import { CODE, CpuBench, nextPage, paces, STACK_TOP } from './bench.ts'

const { Eax, Ebp, Ebx, Esp } = Gpr
/** Lowest address of the page in which the stack begins. */
const STACK_PAGE = STACK_TOP - 0x1000

describe.each(paces)('the stack, %s', pace => {
  let cpu: CpuBench

  beforeEach(() => {
    cpu = new CpuBench()
  })

  function run(text: string): void {
    cpu.load(`${text}\nf4 ; hlt`)
    cpu.runToHalt(pace)
  }

  it('POP to memory addressed by ESP uses ESP after the increment', () => {
    run('6a 11 ; push 0x11\n6a 22 ; push 0x22\n6a 33 ; push 0x33\n8f 44 24 04 ; pop dword [esp+0x4]')
    expect(cpu.get(Esp)).toBe(STACK_TOP - 8)
    expect([cpu.read32(STACK_TOP - 8), cpu.read32(STACK_TOP - 4)]).toEqual([0x22, 0x33])
  })

  it('PUSH of memory addressed by ESP uses ESP before the decrement', () => {
    run('6a 11 ; push 0x11\n6a 22 ; push 0x22\nff 74 24 04 ; push dword [esp+0x4]')
    expect(cpu.read32(STACK_TOP - 12)).toBe(0x11)
  })

  it('PUSH ESP stores the old value, POP ESP keeps the popped one', () => {
    run('54 ; push esp\n58 ; pop eax')
    expect(cpu.get(Eax)).toBe(STACK_TOP)
    run('68 00 00 02 00 ; push 0x20000\n5c ; pop esp')
    expect(cpu.get(Esp)).toBe(0x2_0000)
  })

  it('PUSH of a segment register writes two bytes and moves by four', () => {
    cpu.write(STACK_TOP - 8, [0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa])
    run('0e ; push cs\n1e ; push ds\n8c d0 ; mov eax, ss\n8c cb ; mov ebx, cs')
    expect(cpu.get(Esp)).toBe(STACK_TOP - 8)
    const [code, data, stack] = [Segment.Cs, Segment.Ds, Segment.Ss].map(segment => cpu.core.get('segmentSelector', segment))
    expect([cpu.read32(STACK_TOP - 4), cpu.read32(STACK_TOP - 8)].map(word => word >>> 0)).toEqual([0xaaaa0000 + code, 0xaaaa0000 + data])
    expect([cpu.get(Eax), cpu.get(Ebx)]).toEqual([stack, code])
  })

  it('a faulting PUSH, CALL or POP leaves ESP alone', () => {
    cpu.unmap(STACK_PAGE - 0x1000)
    for (const text of ['50 ; push eax', 'e8 00 00 00 00 ; call 0x10005', '66 50 ; push ax']) {
      cpu.set(Esp, STACK_PAGE)
      cpu.load(text)
      cpu.core.set('idtrLimit', 0)
      cpu.core.set('exitReason', 0)
      expect(() => cpu.runToHalt(pace)).toThrow('TripleFault')
      expect([cpu.get(Esp), cpu.eip]).toEqual([STACK_PAGE, CODE])
    }
  })

  it('PUSHA restarts when the page below arrives', () => {
    const below = STACK_PAGE - 0x1000
    const spare = 0x5_0000
    for (let i = 0; i < 8; i++) cpu.set(i, 0x100 + i)
    const top = STACK_PAGE + 12
    cpu.set(Esp, top)
    cpu.unmap(below)
    withoutHandlers(cpu, () => {
      cpu.load('60 ; pushad\nf4 ; hlt')
      expect(() => cpu.runToHalt(pace)).toThrow('TripleFault')
    })
    expect([cpu.get(Esp), cpu.eip]).toEqual([top, CODE])
    cpu.remap(below, spare)
    cpu.core.set('exitReason', 0)
    cpu.runToHalt(pace)
    expect(cpu.get(Esp)).toBe(top - 32)
    const word = (i: number) => cpu.read32(i < 3 ? top - 4 - 4 * i : spare + 0x1000 - 4 * (i - 2))
    expect([0, 1, 2, 3, 4, 5, 6, 7].map(word)).toEqual([0x100, 0x101, 0x102, 0x103, top, 0x105, 0x106, 0x107])
  })

  it('ENTER restarts, and copies frame pointers', () => {
    const below = STACK_PAGE - 0x1000
    const spare = 0x5_0000
    const frame = STACK_PAGE + 0x800
    cpu.write32(frame - 4, 0xaaaa)
    cpu.write32(frame - 8, 0xbbbb)
    cpu.set(Ebp, frame)
    const top = STACK_PAGE + 8
    cpu.set(Esp, top)
    cpu.unmap(below)
    withoutHandlers(cpu, () => {
      cpu.load('c8 10 00 03 ; enter 0x10, 0x3\nf4 ; hlt')
      expect(() => cpu.runToHalt(pace)).toThrow('TripleFault')
    })
    expect([cpu.get(Esp), cpu.get(Ebp), cpu.eip]).toEqual([top, frame, CODE])
    cpu.remap(below, spare)
    cpu.core.set('exitReason', 0)
    cpu.runToHalt(pace)
    expect([cpu.get(Esp), cpu.get(Ebp)]).toEqual([top - 32, top - 4])
    expect([cpu.read32(top - 4), cpu.read32(top - 8)]).toEqual([frame, 0xaaaa])
    expect([cpu.read32(spare + 0xffc), cpu.read32(spare + 0xff8)]).toEqual([0xbbbb, top - 4])
  })

  it('POPA passes over the image of ESP', () => {
    for (let i = 0; i < 8; i++) cpu.write32(STACK_TOP - 32 + 4 * i, i)
    cpu.set(Esp, STACK_TOP - 32)
    run('61 ; popad')
    expect([0, 1, 2, 3, 4, 5, 6, 7].map(i => cpu.get(i))).toEqual([7, 6, 5, 4, STACK_TOP, 2, 1, 0])
  })

  it('RET takes its immediate off behind the address', () => {
    run('6a 01 ; push 0x1\n6a 02 ; push 0x2\ne8 02 00 00 00 ; call 0x1000b\nf4 ; hlt\n90 ; nop\nc2 08 00 ; ret 0x8')
    expect(cpu.get(Esp)).toBe(STACK_TOP)
  })

  it('LEAVE takes ESP from EBP', () => {
    cpu.set(Ebp, STACK_TOP - 16)
    cpu.write32(STACK_TOP - 16, 0x1234)
    run('c9 ; leave')
    expect([cpu.get(Esp), cpu.get(Ebp)]).toEqual([STACK_TOP - 12, 0x1234])
  })

  it('a push across two pages touches neither when one is missing', () => {
    cpu.unmap(STACK_PAGE - 0x1000)
    cpu.set(Esp, STACK_PAGE + 2)
    cpu.set(Ebx, 0x1122_3344)
    cpu.write32(STACK_PAGE, 0x5555_5555)
    withoutHandlers(cpu, () => {
      cpu.load('53 ; push ebx')
      expect(() => cpu.runToHalt(pace)).toThrow('TripleFault')
    })
    expect(cpu.read32(nextPage(STACK_PAGE - 1))).toBe(0x5555_5555)
    expect(cpu.core.get('cr2')).toBe(STACK_PAGE - 2)
  })
})

/**
 * Runs something whose exception cannot be delivered, because its stack is what is missing: the processor shuts down
 * with the state as the instruction left it.
 */
function withoutHandlers(cpu: CpuBench, act: () => void): void {
  const limit = cpu.core.get('idtrLimit')
  cpu.core.set('idtrLimit', 0)
  act()
  cpu.core.set('idtrLimit', limit)
}
