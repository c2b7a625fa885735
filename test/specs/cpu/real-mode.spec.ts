/** 16-bit code in real mode: wrapping offsets, sizes by prefix, limits of 64 KiB (SDM vol. 3, 20.1). */
import { beforeEach, describe, expect, it } from 'vitest'
import { Eflags, Gpr, Segment, Vector } from '../../../runtime/state.ts'
import { CODE, CpuBench, paces, REAL_STACK_TOP } from './bench.ts'

const { Eax, Ebx, Ecx, Edi, Esi, Esp } = Gpr
/** The data segment: at this paragraph. */
const DATA_BASE = 0x2_0000

describe.each(paces)('real mode, %s', pace => {
  let cpu: CpuBench

  beforeEach(() => {
    cpu = new CpuBench('real')
    for (const segment of [Segment.Ds, Segment.Es])
      cpu.setSegment(segment, { selector: DATA_BASE >> 4, base: DATA_BASE, limit: 0xffff, access: 0x93 })
    cpu.core.exports.updateMode()
  })

  function run(text: string, at = CODE): void {
    cpu.load(text, at)
    cpu.runToHalt(pace)
  }

  it('wraps the addresses of operands at 64 KiB', () => {
    cpu.write(DATA_BASE + 0x10, [0x34, 0x12])
    cpu.set(Ebx, 0xffff_fff8)
    cpu.set(Esi, 0x1234_0008)
    run('8b 40 10 ; mov ax, word [bx+si+0x10]\n8d 58 02 ; lea bx, [bx+si+0x2]\nf4 ; hlt')
    expect(cpu.get(Eax)).toBe(0x1234)
    expect(cpu.get(Ebx)).toBe(0xffff_0002)
  })

  it('faults on a word that reaches over the end of the segment', () => {
    cpu.set(Ebx, 0xffff)
    run('8b 07 ; mov ax, word [bx]')
    expect(cpu.delivered).toMatchObject({ vector: Vector.GP, eip: 0 })
  })

  it('uses 32-bit sizes under prefixes, still within the limit', () => {
    cpu.write32(DATA_BASE + 0x100, 0xdead_beef)
    cpu.set(Ecx, 0x100)
    run('67 66 8b 01 ; mov eax, dword [ecx]\nf4 ; hlt')
    expect(cpu.get(Eax)).toBe(0xdead_beef)
    cpu.set(Ecx, 0x1_0000)
    run('67 8a 01 ; mov al, byte [ecx]')
    expect(cpu.delivered).toMatchObject({ vector: Vector.GP, eip: 0 })
  })

  it('wraps SP and keeps the upper half of ESP', () => {
    cpu.set(Esp, 0x1234_0000)
    cpu.set(Eax, 0xabcd)
    run('50 ; push ax\nf4 ; hlt')
    expect(cpu.get(Esp)).toBe(0x1234_fffe)
    expect(cpu.bytes(0xfffe, 2)).toEqual([0xcd, 0xab])
    run('5b ; pop bx\nf4 ; hlt')
    expect(cpu.get(Esp)).toBe(0x1234_0000)
    expect(cpu.get(Ebx)).toBe(0xabcd)
  })

  it('faults on a push that reaches over the end of the stack, with room for the frame', () => {
    cpu.set(Esp, 1)
    cpu.load('50 ; push ax')
    // The frame does not fit either, and neither does the double fault's.
    expect(() => cpu.runToHalt(pace)).toThrow('TripleFault')
    expect([cpu.get(Esp), cpu.eip]).toEqual([1, 0])
  })

  it('calls and returns with 16-bit offsets', () => {
    run('e8 02 00 ; call 0x5\nf4 ; hlt\n90 ; nop\n58 ; pop ax\n50 ; push ax\nc3 ; ret')
    expect(cpu.get(Eax)).toBe(3)
    expect(cpu.get(Esp)).toBe(REAL_STACK_TOP)
  })

  it('wraps the target of a jump, and faults when code runs over the end', () => {
    cpu.load('eb 0e ; jmp 0x10', CODE)
    cpu.load('f4 ; hlt', CODE + 0x10, false)
    cpu.load('e9 12 00 ; jmp 0x10', CODE + 0xfffb)
    cpu.runToHalt(pace)
    expect([cpu.delivered, cpu.eip]).toEqual([undefined, 0x11])
    run('90 ; nop', CODE + 0xffff)
    expect(cpu.delivered).toMatchObject({ vector: Vector.GP })
  })

  it('faults on an instruction that begins inside CS and ends outside, but not on one before', () => {
    cpu.setSegment(Segment.Cs, { selector: CODE >> 4, base: CODE, limit: 0x103, access: 0x9b })
    cpu.core.exports.updateMode()
    run('40 ; inc ax\n40 ; inc ax\nb9 34 12 ; mov cx, 0x1234', CODE + 0x100)
    expect(cpu.delivered).toMatchObject({ vector: Vector.GP, eip: 0x102 })
    expect([cpu.get(Eax), cpu.get(Ecx)]).toEqual([2, 0])
    cpu.setSegment(Segment.Cs, { selector: CODE >> 4, base: CODE, limit: 0x101, access: 0x9b })
    cpu.core.set('eip', 0x100)
    cpu.runToHalt(pace)
    expect(cpu.delivered).toMatchObject({ vector: Vector.GP, eip: 0x102 })
    cpu.setSegment(Segment.Cs, { selector: CODE >> 4, base: CODE, limit: 0xffff, access: 0x9b })
    run('40 ; inc ax\n40 ; inc ax\nb9 34 12 ; mov cx, 0x1234\nf4 ; hlt', CODE + 0x100)
    expect(cpu.get(Ecx)).toBe(0x1234)
  })

  it('faults on an instruction cut off by the limit in the second page', () => {
    cpu.setSegment(Segment.Cs, { selector: CODE >> 4, base: CODE, limit: 0x1000, access: 0x9b })
    cpu.core.exports.updateMode()
    run('b9 34 12 ; mov cx, 0x1234', CODE + 0xfff)
    expect(cpu.delivered).toMatchObject({ vector: Vector.GP, eip: 0xfff })
    cpu.setSegment(Segment.Cs, { selector: CODE >> 4, base: CODE, limit: 0x1002, access: 0x9b })
    run('b9 34 12 ; mov cx, 0x1234\nf4 ; hlt', CODE + 0xffe)
    expect(cpu.get(Ecx)).toBe(0x1234)
  })

  it('counts LOOP and JCXZ with CX, or ECX under a prefix', () => {
    cpu.set(Ecx, 0x7_0003)
    run('40 ; inc ax\ne2 fd ; loop 0x0\nf4 ; hlt')
    expect([cpu.get(Eax), cpu.get(Ecx)]).toEqual([3, 0x7_0000])
    run('e3 01 ; jcxz 0x3\nf4 ; hlt\nbb 01 00 ; mov bx, 0x1\nf4 ; hlt')
    expect(cpu.get(Ebx)).toBe(1)
    run('67 e3 01 ; jecxz 0x4\nf4 ; hlt\nbb 02 00 ; mov bx, 0x2\nf4 ; hlt')
    expect(cpu.get(Ebx)).toBe(1)
  })

  it('goes through segment overrides', () => {
    cpu.write(DATA_BASE + 0x20, [0x99])
    cpu.write(0x20, [0x77])
    run('a0 20 00 ; mov al, byte [0x20]\n36 8a 26 20 00 ; mov ah, byte [ss:0x20]\nf4 ; hlt')
    expect(cpu.get(Eax)).toBe(0x7799)
  })

  it('moves strings between segments with SI and DI', () => {
    cpu.write(DATA_BASE, [1, 2, 3, 4])
    cpu.set(Esi, 0xffff_0000)
    cpu.set(Edi, 0x1_0100)
    cpu.set(Ecx, 0x9_0002)
    run('f3 a5 ; rep movsw\nf4 ; hlt')
    expect(cpu.bytes(DATA_BASE + 0x100, 4)).toEqual([1, 2, 3, 4])
    expect([cpu.get(Esi), cpu.get(Edi), cpu.get(Ecx)]).toEqual([0xffff_0004, 0x1_0104, 0x9_0000])
  })

  it('takes interrupts through the table at 0', () => {
    run('fb ; sti\ncd 40 ; int 0x40')
    expect(cpu.delivered).toMatchObject({ vector: 0x40, eip: 3 })
    expect((cpu.delivered?.eflags ?? 0) & Eflags.IF).toBe(Eflags.IF)
    expect(cpu.eflags & Eflags.IF).toBe(0)
    expect(cpu.get(Esp)).toBe(REAL_STACK_TOP - 6)
  })

  it('divides by zero with the address of the instruction', () => {
    run('90 ; nop\nf7 f1 ; div cx')
    expect(cpu.delivered).toMatchObject({ vector: Vector.DE, eip: 1 })
  })
})
