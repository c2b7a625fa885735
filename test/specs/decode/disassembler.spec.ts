/** The disassembler: names by size, operands, prefixes, branch targets. */
import { describe, expect, it } from 'vitest'
import { type Bits, text } from './bytes.ts'

describe('format', () => {
  it.each<[Bits, string, string]>([
    [32, '01 d8', 'add eax, ebx'],
    [32, '66 01 d8', 'add ax, bx'],
    [32, '8b 44 8d f0', 'mov eax, dword [ebp+ecx*4-0x10]'],
    [32, '64 a1 14 00 00 00', 'mov eax, dword [fs:0x14]'],
    [32, '36 8b 45 00', 'mov eax, dword [ebp]'],
    [32, '3e 8b 45 00', 'mov eax, dword [ds:ebp]'],
    [16, '8b 00', 'mov ax, word [bx+si]'],
    [16, 'a0 fe ff', 'mov al, byte [0xfffe]'],
    [32, '8d 04 40', 'lea eax, [eax+eax*2]'],
    [32, 'f3 a5', 'rep movsd'],
    [32, 'f3 a6', 'repe cmpsb'],
    [32, 'f2 66 af', 'repne scasw'],
    [32, '2e ac', 'cs lodsb'],
    [32, 'f0 0f c7 0f', 'lock cmpxchg8b qword [edi]'],
    [32, '75 05', 'jne 0x1007'],
    [32, 'e8 fb ff ff ff', 'call 0x1000'],
    [16, 'e9 fd ef', 'jmp 0x0'],
    [16, 'eb ee', 'jmp 0xff0'],
    [16, 'ea 5b e0 00 f0', 'jmp 0xf000:0xe05b'],
    [32, 'ff 2d 00 00 00 00', 'jmp dword far [0x0]'],
    [32, '99', 'cdq'],
    [16, '66 99', 'cdq'],
    [32, '66 60', 'pusha'],
    [32, '60', 'pushad'],
    [32, 'e3 fe', 'jecxz 0x1000'],
    [32, '66 6a ff', 'push 0xffff'],
    [32, '0f 22 d8', 'mov cr3, eax'],
    [32, '8e d8', 'mov ds, ax'],
    [32, 'db 28', 'fld tword [eax]'],
    [32, 'd8 c1', 'fadd st0, st1'],
    [32, 'f2 0f 10 05 00 00 00 00', 'movsd xmm0, qword [0x0]'],
    [32, '0f 6f c1', 'movq mm0, mm1'],
    [64, '66 48 0f 6e c0', 'movq xmm0, rax'],
    [64, '48 a1 88 77 66 55 44 33 22 11', 'mov rax, qword [0x1122334455667788]'],
    [64, '6a ff', 'push 0xffffffffffffffff'],
  ])('%i-bit %s is %s', (bits, hex, expected) => {
    expect(text(bits, hex)).toBe(expected)
  })
})
