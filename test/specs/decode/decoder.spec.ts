/**
 * The decoder by hand-written cases from the Intel SDM: lengths and windows, prefixes, LOCK, addressing forms,
 * immediates, and what is undefined. The comparison with iced-x86 is in oracle.spec.ts.
 */
import { describe, expect, it } from 'vitest'
import { decode } from '../../../jit/decode/decoder.ts'
import { type Bits, bytesOf, decoded, failure, instruction, text } from './bytes.ts'

const EAX = { kind: 'register', class: 'gpr32', index: 0, size: 32 }
const AX = { kind: 'register', class: 'gpr16', index: 0, size: 16 }
const AL = { kind: 'register', class: 'gpr8', index: 0, size: 8 }
const ES = 0
const CS = 1
const SS = 2
const DS = 3
const FS = 4

describe('length and window', () => {
  it('accepts 15 bytes and refuses 16', () => {
    expect(instruction(32, `${'66'.repeat(14)} 90`).length).toBe(15)
    expect(decoded(32, `${'66'.repeat(15)} 90`)).toEqual({ ok: false, failure: 'length', length: 15 })
    expect(instruction(32, `${'2e'.repeat(5)} 81 05 00000000 00000000`).length).toBe(15)
    expect(failure(32, `${'2e'.repeat(6)} 81 05 00000000 00000000`)).toBe('length')
  })

  it('says truncated, not length, when the window ends before 15 bytes', () => {
    expect(decoded(32, '66'.repeat(14))).toEqual({ ok: false, failure: 'truncated', length: 14 })
    expect(failure(32, '66'.repeat(15))).toBe('length')
    expect(failure(32, '')).toBe('truncated')
  })

  it('asks for more bytes at every shorter window of an instruction', () => {
    const whole = ['66 67 2e 81 84 34 12 78 56', '0f 3a 0f c1 05', '9a 78 56 34 12 cd ab', 'c8 10 00 01'].map(bytesOf)
    for (const bytes of whole) {
      for (let end = 0; end < bytes.length; end++) {
        const result = decode(bytes, 0, end, { bits: 32 })
        expect(result.ok ? 'ok' : result.failure, `${end} of ${bytes}`).toBe('truncated')
      }
    }
  })

  it('reads only inside the window of a larger page', () => {
    const page = new Uint8Array(4096).fill(0xcc)
    page.set(bytesOf('b8 78 56 34 12'), 4091)
    expect(decode(page, 4091, 4096, { bits: 32 })).toMatchObject({ ok: true, instruction: { length: 5 } })
    expect(decode(page, 4091, 4095, { bits: 32 })).toEqual({ ok: false, failure: 'truncated', length: 4 })
    expect(decode(page, 4095, 9999, { bits: 32 })).toMatchObject({ ok: false, failure: 'truncated' })
    expect(decode(page, 4096, 4096, { bits: 32 })).toEqual({ ok: false, failure: 'truncated', length: 0 })
  })

  it('refuses an undefined opcode without needing its tail', () => {
    expect(decoded(32, '0f 04')).toEqual({ ok: false, failure: 'undefined', length: 2 })
    expect(failure(32, 'ff ff')).toBe('undefined')
  })
})

describe('prefixes', () => {
  it('gives sizes by mode, 66 and 67', () => {
    const sizes = (bits: Bits, hex: string) => {
      const { operandSize, addressSize } = instruction(bits, hex)
      return [operandSize, addressSize]
    }
    expect(sizes(16, '01 d8')).toEqual([16, 16])
    expect(sizes(16, '66 01 d8')).toEqual([32, 16])
    expect(sizes(16, '67 66 01 d8')).toEqual([32, 32])
    expect(sizes(32, '01 d8')).toEqual([32, 32])
    expect(sizes(32, '66 66 01 d8')).toEqual([16, 32])
    expect(sizes(32, '67 01 d8')).toEqual([32, 16])
    expect(sizes(64, '48 01 d8')).toEqual([64, 64])
    expect(sizes(64, '66 67 01 d8')).toEqual([16, 32])
  })

  it('takes the last segment override', () => {
    expect(instruction(32, '26 64 8b 00').operands[1]).toMatchObject({ segment: FS })
    expect(instruction(32, '64 26 8b 00').operands[1]).toMatchObject({ segment: ES })
    expect(instruction(32, '2e a4')).toMatchObject({ mnemonic: 'movs', segment: CS })
  })

  it('takes the last of F2 and F3, and reports them for string instructions only', () => {
    expect(instruction(32, 'f3 f2 a6')).toMatchObject({ mnemonic: 'cmps', repeat: 'repne', operandSize: 8 })
    expect(instruction(32, 'f2 f3 66 a7')).toMatchObject({ mnemonic: 'cmps', repeat: 'rep', operandSize: 16 })
    expect(instruction(32, 'f3 01 d8').repeat).toBe('none')
    expect(instruction(32, 'f3 6f')).toMatchObject({ mnemonic: 'outs', repeat: 'rep', operandSize: 32 })
  })

  it('prefers F3 and F2 to 66 as mandatory prefix', () => {
    expect(instruction(32, '0f 10 c1')).toMatchObject({ mnemonic: 'movups', opcode: 'NP 0F 10' })
    expect(instruction(32, '66 0f 10 c1')).toMatchObject({ mnemonic: 'movupd', opcode: '66 0F 10' })
    expect(instruction(32, 'f3 66 0f 10 c1').mnemonic).toBe('movss')
    expect(instruction(32, '66 f2 0f 10 c1').mnemonic).toBe('movsd')
    expect(instruction(32, 'f2 f3 0f 10 c1').mnemonic).toBe('movss')
    expect(failure(32, 'f3 0f 28 c1')).toBe('undefined')
  })

  it('keeps 66 an operand-size prefix beside F3 and F2', () => {
    expect(instruction(32, '66 f3 0f b8 c1')).toMatchObject({ mnemonic: 'popcnt', operandSize: 16, operands: [AX, {}] })
    expect(text(32, '66 f2 0f 38 f1 c1')).toBe('crc32 eax, cx')
    expect(text(32, '66 0f 38 f0 01')).toBe('movbe ax, word [ecx]')
  })

  it('ignores F3 before BSF and BSR: no BMI', () => {
    expect(instruction(32, 'f3 0f bc c1').mnemonic).toBe('bsf')
    expect(instruction(32, 'f3 0f bd c1').mnemonic).toBe('bsr')
  })

  it('counts REX only directly before the opcode', () => {
    expect(text(64, '48 01 d8')).toBe('add rax, rbx')
    expect(text(64, '48 66 01 d8')).toBe('add ax, bx')
    expect(text(64, '40 88 e0')).toBe('mov al, spl')
    expect(text(64, '88 e0')).toBe('mov al, ah')
    expect(text(64, '41 90')).toBe('xchg eax, r8d')
    expect(text(64, '8b 05 10 00 00 00')).toBe('mov eax, dword [rel 0x1016]')
  })
})

describe('lock', () => {
  const allowed = [
    '00',
    '01',
    '08',
    '11',
    '19',
    '21',
    '29',
    '31',
    '86',
    '87',
    '0f b0',
    '0f b1',
    '0f c0',
    '0f ab',
    '0f b3',
    '0f bb',
  ]
  const refused = ['02', '38', '39', '84', '88', '8b', '0f a3', '0f af', '0f a5']

  it('is allowed on read-modify-write instructions with a memory destination only', () => {
    for (const opcode of allowed) {
      expect(instruction(32, `f0 ${opcode} 03`).lock, opcode).toBe(true)
      expect(failure(32, `f0 ${opcode} c3`), opcode).toBe('undefined')
    }
    for (const opcode of refused) expect(failure(32, `f0 ${opcode} 03`), opcode).toBe('undefined')
    expect(failure(32, 'f0 90')).toBe('undefined')
    expect(failure(32, 'f0 a4')).toBe('undefined')
    expect(failure(32, 'f0 0f 20 c0')).toBe('undefined')
  })

  it('tells group members apart', () => {
    expect(failure(32, 'f0 80 38 00')).toBe('undefined')
    expect(instruction(32, 'f0 80 30 00').lock).toBe(true)
    expect(instruction(32, 'f0 f7 18').mnemonic).toBe('neg')
    expect(failure(32, 'f0 f7 20')).toBe('undefined')
    expect(failure(32, 'f0 0f ba 20 01')).toBe('undefined')
    expect(instruction(32, 'f0 0f ba 28 01').mnemonic).toBe('bts')
    expect(instruction(32, 'f0 0f c7 0f').mnemonic).toBe('cmpxchg8b')
  })

  it('is judged when the whole instruction is there', () => {
    expect(failure(32, 'f0 05 01 02')).toBe('truncated')
    expect(failure(32, 'f0 05 01 02 03 04')).toBe('undefined')
  })
})

describe('addressing', () => {
  const memory = (bits: Bits, hex: string) => {
    const { base, index, scale, displacement, segment } = instruction(bits, hex).operands[1] as never
    return [base, index, scale, displacement, segment]
  }

  it('knows the eight 16-bit forms and their default segments', () => {
    expect(memory(16, '8b 00')).toEqual([3, 6, 0, 0, DS])
    expect(memory(16, '8b 01')).toEqual([3, 7, 0, 0, DS])
    expect(memory(16, '8b 02')).toEqual([5, 6, 0, 0, SS])
    expect(memory(16, '8b 03')).toEqual([5, 7, 0, 0, SS])
    expect(memory(16, '8b 04')).toEqual([6, -1, 0, 0, DS])
    expect(memory(16, '8b 05')).toEqual([7, -1, 0, 0, DS])
    expect(memory(16, '8b 06 fe ff')).toEqual([-1, -1, 0, -2, DS])
    expect(memory(16, '8b 07')).toEqual([3, -1, 0, 0, DS])
    expect(memory(16, '8b 46 80')).toEqual([5, -1, 0, -128, SS])
    expect(memory(16, '8b 87 00 80')).toEqual([3, -1, 0, -0x8000, DS])
    expect(memory(16, '3e 8b 46 80')).toEqual([5, -1, 0, -128, DS])
  })

  it('knows the 32-bit forms: no ESP index, no EBP base without displacement', () => {
    expect(memory(32, '8b 00')).toEqual([0, -1, 0, 0, DS])
    expect(memory(32, '8b 05 00 00 00 80')).toEqual([-1, -1, 0, -0x80000000, DS])
    expect(memory(32, '8b 45 ff')).toEqual([5, -1, 0, -1, SS])
    expect(memory(32, '8b 04 24')).toEqual([4, -1, 0, 0, SS])
    expect(memory(32, '8b 04 e4')).toEqual([4, -1, 0, 0, SS])
    expect(memory(32, '8b 04 c5 10 00 00 00')).toEqual([-1, 0, 3, 16, DS])
    expect(memory(32, '8b 44 8d 10')).toEqual([5, 1, 2, 16, SS])
    expect(memory(32, '8b 04 28')).toEqual([0, 5, 0, 0, DS])
    expect(memory(32, '8b 84 88 78 56 34 12')).toEqual([0, 1, 2, 0x12345678, DS])
    expect(memory(16, '67 8b 04 24')).toEqual([4, -1, 0, 0, SS])
    expect(memory(32, '67 8b 46 10')).toEqual([5, -1, 0, 16, SS])
  })

  it('reads moffs of the address size', () => {
    expect(memory(32, 'a1 78 56 34 12')).toEqual([-1, -1, 0, 0x12345678, DS])
    expect(memory(32, '67 a0 34 12')).toEqual([-1, -1, 0, 0x1234, DS])
    expect(instruction(16, '26 a2 00 80').operands).toMatchObject([{ displacement: -0x8000, segment: ES, size: 8 }, AL])
    expect(instruction(32, '66 a3 78 56 34 12').operands).toMatchObject([{ size: 16 }, AX])
  })

  it('gives far pointers and their memory forms', () => {
    expect(instruction(16, 'ea 5b e0 00 f0').operands).toEqual([{ kind: 'far', selector: 0xf000, offset: 0xe05b }])
    expect(instruction(16, '66 ea 78 56 34 92 08 00')).toMatchObject({
      mnemonic: 'jmpf',
      operandSize: 32,
      operands: [{ selector: 8, offset: 0x92345678 | 0 }],
    })
    expect(instruction(32, '66 9a 34 12 08 00').operands).toEqual([{ kind: 'far', selector: 8, offset: 0x1234 }])
    expect(instruction(32, 'ff 18')).toMatchObject({ mnemonic: 'callf', operands: [{ size: 48 }] })
    expect(instruction(16, 'ff 28')).toMatchObject({ mnemonic: 'jmpf', operands: [{ size: 32 }] })
    expect(instruction(16, 'c4 1e 00 01')).toMatchObject({ mnemonic: 'les', operands: [{ index: 3 }, { size: 32 }] })
  })
})

describe('immediates and displacements of branches', () => {
  const last = (bits: Bits, hex: string) => instruction(bits, hex).operands.at(-1)

  it('fills the operand size and no more', () => {
    expect(last(32, '83 c0 ff')).toEqual({ kind: 'immediate', value: -1, size: 32 })
    expect(last(16, '83 c0 ff')).toEqual({ kind: 'immediate', value: 0xffff, size: 16 })
    expect(last(16, '05 ff ff')).toEqual({ kind: 'immediate', value: 0xffff, size: 16 })
    expect(last(32, '05 ff ff ff ff')).toEqual({ kind: 'immediate', value: -1, size: 32 })
    expect(last(32, '04 ff')).toEqual({ kind: 'immediate', value: 0xff, size: 8 })
    expect(last(32, 'cd 80')).toEqual({ kind: 'immediate', value: 0x80, size: 8 })
    expect(last(32, 'c2 08 00')).toEqual({ kind: 'immediate', value: 8, size: 16 })
    expect(last(32, '6a 80')).toEqual({ kind: 'immediate', value: -128, size: 32 })
    expect(last(64, '48 b8 88 77 66 55 44 33 22 11')).toMatchObject({ value: 0x55667788, high: 0x11223344, size: 64 })
  })

  it('orders two immediates as encoded', () => {
    expect(instruction(32, 'c8 10 00 01').operands).toMatchObject([
      { value: 16, size: 16 },
      { value: 1, size: 8 },
    ])
  })

  it('gives signed distances', () => {
    expect(last(32, 'eb fe')).toEqual({ kind: 'relative', value: -2, size: 8 })
    expect(last(16, 'e8 fd ff')).toEqual({ kind: 'relative', value: -3, size: 16 })
    expect(instruction(32, '66 e8 fd ff')).toMatchObject({ operandSize: 16, operands: [{ value: -3, size: 16 }] })
    expect(last(32, '0f 84 00 00 00 80')).toEqual({ kind: 'relative', value: -0x80000000, size: 32 })
  })

  it('makes counts of shifts explicit', () => {
    expect(last(32, 'd1 e0')).toEqual({ kind: 'immediate', value: 1, size: 8 })
    expect(last(32, 'd3 e0')).toEqual({ kind: 'register', class: 'gpr8', index: 1, size: 8 })
    expect(last(32, 'c1 e0 1f')).toMatchObject({ value: 31 })
  })
})

describe('undefined encodings', () => {
  it.each([
    ['LEA of a register', '8d c0'],
    ['MOV CS, r/m', '8e c8'],
    ['MOV segment 6', '8e f0'],
    ['MOV r/m, segment 7', '8c f8'],
    ['LES of a register (VEX)', 'c4 c0'],
    ['LDS of a register (VEX)', 'c5 f8 77'],
    ['BOUND of a register (EVEX)', '62 c0'],
    ['FF /7', 'ff 38'],
    ['FF /3 of a register', 'ff d8'],
    ['FF /5 of a register', 'ff e8'],
    ['FE /2', 'fe 10'],
    ['8F /1 (XOP)', '8f 08'],
    ['C6 /1', 'c6 08 00'],
    ['C7 F8 (XBEGIN)', 'c7 f8 00 00 00 00'],
    ['0F BA /0', '0f ba 00 00'],
    ['MOV CR1', '0f 20 c8'],
    ['MOV CR5', '0f 22 e8'],
    ['CMPXCHG8B of a register', '0f c7 c8'],
    ['SGDT of a register', '0f 01 c5'],
    ['0F 01 /5', '0f 01 28'],
    ['INVLPG of a register', '0f 01 fa'],
    ['0F 00 /6', '0f 00 30'],
    ['D9 /1', 'd9 08'],
    ['D9 D1', 'd9 d1'],
    ['DB /4', 'db 20'],
    ['DE D8', 'de d8'],
    ['DF E1', 'df e1'],
    ['3DNow', '0f 0f c0 9e'],
    ['MOVNTPS of a register', '0f 2b c0'],
    ['MOVLPD of a register', '66 0f 12 c0'],
    ['MASKMOVQ of memory', '0f f7 00'],
    ['POPCNT without F3', '0f b8 c0'],
    ['66 MOVNTI', '66 0f c3 00'],
  ])('%s', (_, hex) => {
    expect(failure(32, hex)).toBe('undefined')
    expect(failure(16, hex)).toBe('undefined')
  })

  it('drops in 64-bit mode what REX and long mode took', () => {
    for (const hex of [
      '06',
      '27',
      '60',
      '62 00',
      '82 c0 00',
      '9a 00 00 00 00 00 00',
      'c4 00',
      'ce',
      'd4 0a',
      'd6',
      'ea',
    ]) {
      expect(failure(64, hex), hex).toBe('undefined')
    }
    expect(failure(32, '0f 05')).toBe('undefined')
    expect(instruction(64, '0f 05').mnemonic).toBe('syscall')
  })
})

describe('undocumented encodings that processors execute', () => {
  it.each([
    ['d0 f0', 'shl al, 0x1'],
    ['c1 f0 03', 'shl eax, 0x3'],
    ['d3 f1', 'shl ecx, cl'],
    ['f6 c8 01', 'test al, 0x1'],
    ['f7 c8 01 00 00 00', 'test eax, 0x1'],
    ['82 c0 01', 'add al, 0x1'],
    ['d6', 'salc'],
    ['f1', 'int1'],
    ['d5 10', 'aad 0x10'],
    ['df c1', 'ffreep st1'],
    ['dc d1', 'fcom st1'],
    ['de d1', 'fcomp st1'],
    ['dd c9', 'fxch st1'],
    ['df c9', 'fxch st1'],
    ['d9 d9', 'fstp st1'],
    ['df d1', 'fstp st1'],
    ['db e0', 'fneni'],
    ['0f 20 00', 'mov eax, cr0'],
    ['0f 0d c0', 'nop eax'],
    ['0f 1e fa', 'nop edx'],
    ['f3 0f 1e fb', 'nop ebx'],
  ])('%s is %s', (hex, expected) => {
    expect(text(32, hex)).toBe(expected)
  })
})

describe('records', () => {
  it('puts the accumulator forms with explicit registers', () => {
    expect(instruction(32, '05 01 00 00 00').operands[0]).toEqual(EAX)
    expect(instruction(32, '66 93').operands).toMatchObject([AX, { class: 'gpr16', index: 3 }])
    expect(instruction(32, 'e6 80').operands).toMatchObject([{ kind: 'immediate', value: 0x80 }, AL])
    expect(instruction(32, '66 ef')).toMatchObject({ operandSize: 16, operands: [{ class: 'gpr16', index: 2 }, AX] })
    expect(instruction(32, 'ee').operandSize).toBe(8)
    expect(instruction(32, '1e').operands).toMatchObject([{ class: 'segment', index: DS }])
  })

  it('uses one mnemonic and the size where the manual has several', () => {
    expect(instruction(16, '98')).toMatchObject({ mnemonic: 'cbw', operandSize: 16 })
    expect(instruction(32, '98')).toMatchObject({ mnemonic: 'cbw', operandSize: 32 })
    expect(instruction(32, '66 cf')).toMatchObject({ mnemonic: 'iret', operandSize: 16 })
    expect(instruction(32, '67 e3 00')).toMatchObject({ mnemonic: 'jcxz', addressSize: 16, operandSize: 32 })
    expect(instruction(32, '0f 9f 00')).toMatchObject({ mnemonic: 'setcc', condition: 15, operandSize: 8 })
    expect(instruction(32, '0f 4c c1')).toMatchObject({ mnemonic: 'cmovcc', condition: 12 })
    expect(instruction(32, '7a 00')).toMatchObject({ mnemonic: 'jcc', condition: 10, opcode: '70+cc' })
    expect(instruction(32, 'f3 90').mnemonic).toBe('pause')
    expect(instruction(32, '90').mnemonic).toBe('nop')
  })

  it('shares frozen register operands and does not share memory operands', () => {
    const first = instruction(32, '01 03')
    const second = instruction(32, '01 03')
    expect(second.operands[1]).toBe(first.operands[1])
    expect(Object.isFrozen(first.operands[1])).toBe(true)
    expect(second.operands[0]).not.toBe(first.operands[0])
    expect(second).toEqual(first)
  })
})
