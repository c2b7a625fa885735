/**
 * Code that writes code: the next instruction already has the new bytes (SDM vol. 3, 11.6: a jump in between is
 * needed only when the write goes through another linear address, which this CPU does not need either).
 */
import { beforeEach, describe, expect, it } from 'vitest'
import { Gpr } from '../../../runtime/state.ts'
import { CODE, CpuBench, ELSEWHERE, paces } from './bench.ts'

const { Eax, Ebx, Ecx } = Gpr
/** First byte of the page behind the program's. */
const PAGE_END = CODE + 0x1000

describe.each(paces)('self-modifying code, %s', pace => {
  let cpu: CpuBench

  beforeEach(() => {
    cpu = new CpuBench()
  })

  function run(text: string): void {
    cpu.load(text)
    cpu.runToHalt(pace)
  }

  it('changes the next instruction', () => {
    run(`
      c6 05 07 00 01 00 43 ; mov byte [0x10007], 0x43
      90                   ; nop
      f4                   ; hlt`)
    expect(cpu.get(Ebx)).toBe(1)
  })

  it('changes an instruction further on in the same run', () => {
    run(`
      c7 05 0c 00 01 00 43 43 43 f4 ; mov dword [0x1000c], 0xf4434343
      90                            ; nop
      90                            ; nop
      90                            ; nop
      90                            ; nop
      90                            ; nop
      f4                            ; hlt`)
    expect(cpu.get(Ebx)).toBe(3)
    expect(cpu.eip).toBe(CODE + 16)
  })

  it('changes the immediate of an instruction in a loop each time round', () => {
    cpu.set(Ecx, 200)
    run(`
      81 c3 01 00 00 00 ; add ebx, 0x1
      ff 05 02 00 01 00 ; inc dword [0x10002]
      49                ; dec ecx
      75 f1             ; jne 0x10000
      f4                ; hlt`)
    expect(cpu.get(Ebx)).toBe((200 * 201) / 2)
  })

  it('overwrites itself and goes on behind', () => {
    run(`
      c7 05 00 00 01 00 90 90 90 90 ; mov dword [0x10000], 0x90909090
      43                            ; inc ebx
      f4                            ; hlt`)
    expect(cpu.get(Ebx)).toBe(1)
    expect(cpu.bytes(CODE, 5)).toEqual([0x90, 0x90, 0x90, 0x90, 1])
  })

  it('writes data in the granule of the code without losing either', () => {
    cpu.set(Ecx, 1000)
    run(`
      ff 05 20 00 01 00 ; inc dword [0x10020]
      49                ; dec ecx
      75 f7             ; jne 0x10000
      f4                ; hlt`)
    expect(cpu.read32(CODE + 0x20)).toBe(1000)
    expect(cpu.cache.invalidations).toBe(0)
  })

  it('changes either part of an instruction that crosses a page', () => {
    const first = PAGE_END - 3
    cpu.load('b8 11 22 33 44 ; mov eax, 0x44332211\nc3 ; ret', first)
    run(`
      e8 f8 0f 00 00       ; call 0x10ffd
      89 c3                ; mov ebx, eax
      c6 05 00 10 01 00 99 ; mov byte [0x11000], 0x99
      e8 ea 0f 00 00       ; call 0x10ffd
      89 c1                ; mov ecx, eax
      c6 05 fe 0f 01 00 77 ; mov byte [0x10ffe], 0x77
      e8 dc 0f 00 00       ; call 0x10ffd
      f4                   ; hlt`)
    expect(cpu.get(Ebx)).toBe(0x4433_2211)
    expect(cpu.get(Ecx)).toBe(0x4499_2211)
    expect(cpu.get(Eax)).toBe(0x4499_2277)
  })

  it('sees a page-crossing instruction change when its second page is mapped elsewhere', () => {
    const first = PAGE_END - 3
    const other = 0x5_0000
    cpu.load('b8 11 22 33 44 ; mov eax, 0x44332211\nf4 ; hlt', first)
    cpu.runToHalt(pace)
    cpu.write(other, [0x55, 0x66, 0xf4])
    cpu.remap(PAGE_END, other)
    cpu.core.set('eip', first)
    cpu.runToHalt(pace)
    expect(cpu.get(Eax)).toBe(0x6655_2211)
  })

  it('is noticed through another linear page of the same physical page', () => {
    cpu.remap(ELSEWHERE, CODE)
    cpu.set(Ecx, 2)
    run(`
      b3 01                ; mov bl, 0x1
      00 d8                ; add al, bl
      c6 05 01 00 40 00 05 ; mov byte [0x400001], 0x5
      49                   ; dec ecx
      75 f2                ; jne 0x10000
      f4                   ; hlt`)
    expect(cpu.get(Eax)).toBe(6)
  })

  it('runs from two linear pages of one physical page, each returning to its own', () => {
    cpu.remap(ELSEWHERE, CODE)
    run(`
      e8 00 00 00 00 ; call 0x10005
      58             ; pop eax
      93             ; xchg eax, ebx
      85 c0          ; test eax, eax
      75 05          ; jne 0x10010
      e9 f0 ff 3e 00 ; jmp 0x400000
      f4             ; hlt`)
    expect(cpu.get(Eax)).toBe(CODE + 5)
    expect(cpu.get(Ebx)).toBe(ELSEWHERE + 5)
    expect(cpu.eip).toBe(ELSEWHERE + 17)
  })

  it('is noticed when a string instruction writes it', () => {
    cpu.set(Eax, 0x43)
    cpu.set(Ecx, 5)
    cpu.set(Gpr.Edi, CODE + 2)
    run(`
      f3 aa ; rep stosb
      90    ; nop
      90    ; nop
      90    ; nop
      90    ; nop
      90    ; nop
      f4    ; hlt`)
    expect(cpu.get(Ebx)).toBe(5)
  })

  it('is noticed when the stack runs into it', () => {
    cpu.set(Gpr.Esp, CODE + 12)
    run(`
      68 43 43 43 43 ; push 0x43434343
      90             ; nop
      90             ; nop
      90             ; nop
      90             ; nop
      90             ; nop
      90             ; nop
      90             ; nop
      f4             ; hlt`)
    expect(cpu.get(Ebx)).toBe(4)
  })

  it('is noticed when the host writes, as DMA does', () => {
    run('43 ; inc ebx\nf4 ; hlt')
    cpu.write(CODE, [0x41])
    cpu.core.set('eip', CODE)
    cpu.runToHalt(pace)
    expect([cpu.get(Ebx), cpu.get(Ecx)]).toEqual([1, 1])
  })
})
