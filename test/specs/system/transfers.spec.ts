/** Far JMP, CALL, RET and IRET in every mode (SDM vol. 2). */
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Eflags, ModeBit, Segment } from '../../../runtime/state.ts'
import { Cpu, GDT, INNER_STACK_TOP, LDT, STACK_TOP, sel, TSS16, TSS32 } from './cpu.ts'

const { Es, Cs, Ss, Ds, Fs, Gs } = Segment
const NEXT = 0x1234
let cpu: Cpu

beforeAll(async () => {
  cpu = await Cpu.create()
}, 60000)

/** Where the CPU is: CS, EIP, CPL. */
const place = () => [cpu.selector(Cs), cpu.get('eip'), cpu.get('cpl')]

/** Puts values on the current stack, lowest address first, and points ESP at them. */
function stack(size: 16 | 32, ...values: number[]): void {
  cpu.esp = STACK_TOP - 0x100
  values.forEach((value, i) => {
    if (size === 16) cpu.write16(cpu.esp + 2 * i, value)
    else cpu.write32(cpu.esp + 4 * i, value)
  })
}

/** Access bytes of call gates. */
const CALL32 = 0x8c
const CALL16 = 0x84
const DPL3 = 0x60

describe('8086 modes', () => {
  for (const [mode, enter] of [
    ['real', () => cpu.real()],
    ['virtual-8086', () => void cpu.virtual8086(0)],
  ] as const) {
    describe(mode, () => {
      beforeEach(enter)
      test('JMP sets CS and IP', () => {
        cpu.call('farJump', 0x1111, 0x2222, 16, NEXT)
        expect([cpu.selector(Cs), cpu.get('segmentBase', Cs), cpu.get('eip')]).toEqual([0x1111, 0x11110, 0x2222])
      })
      test('JMP cuts a 16-bit offset and refuses a wide one beyond the limit', () => {
        cpu.call('farJump', 0x10, 0xabcd1234, 16, NEXT)
        expect(cpu.get('eip')).toBe(0x1234)
        expect(cpu.faultOf('farJump', 0x10, 0x10000, 32, NEXT)).toBe('13:0')
      })
      test('CALL pushes CS and IP', () => {
        cpu.set('segmentSelector', 0x77, Cs)
        const top = cpu.esp
        cpu.call('farCall', 0x1111, 0x2222, 16, NEXT)
        expect(cpu.values(top - 4, 16, 2)).toEqual([NEXT, 0x77])
        expect(cpu.esp).toBe(top - 4)
      })
      test('CALL with 32-bit operands pushes two dwords, and nothing if the target is outside', () => {
        const top = cpu.esp
        expect(cpu.faultOf('farCall', 0, 0x10000, 32, NEXT)).toBe('13:0')
        cpu.call('farCall', 0, 0xffff, 32, NEXT)
        expect([cpu.esp, cpu.get('eip'), cpu.read32(top - 8)]).toEqual([top - 8, 0xffff, NEXT])
      })
      test('RET pops and releases', () => {
        cpu.esp = 0xff00
        cpu.write16(0xff00, 0x5555)
        cpu.write16(0xff02, 0x300)
        cpu.call('farReturn', 16, 6)
        expect([cpu.get('eip'), cpu.selector(Cs), cpu.esp]).toEqual([0x5555, 0x300, 0xff0a])
      })
      test('RET at the end of the stack segment raises #SS(0)', () => {
        cpu.esp = 0xffff
        expect(cpu.faultOf('farReturn', 16, 0)).toBe('12:0')
      })
    })
  }
  test('a real-mode push at SP = 1 raises #SS(0)', () => {
    cpu.real()
    cpu.esp = 1
    expect(cpu.faultOf('farCall', 0, 0, 16, NEXT)).toBe('12:0')
  })
  test('real-mode pushes wrap at SP = 2', () => {
    cpu.real()
    cpu.esp = 2
    cpu.call('farCall', 0, 0, 16, NEXT)
    expect([cpu.esp, cpu.read16(0), cpu.read16(0xfffe)]).toEqual([0xfffe, 0, NEXT])
  })
  test('real-mode IRET loads all flags but the virtual ones', () => {
    cpu.real()
    cpu.esp = 0xff00
    for (const [i, value] of [0x1000, 0x20, 0xffffffff].entries()) cpu.write32(0xff00 + 4 * i, value)
    cpu.call('iret', 32, NEXT)
    expect([cpu.eflags, cpu.esp, ...place()]).toEqual([0x00257fd7, 0xff0c, 0x20, 0x1000, 0])
  })
  test('real-mode IRET with 16-bit operands keeps the upper flags', () => {
    cpu.real()
    cpu.eflags = Eflags.AC | Eflags.ID | 2
    cpu.esp = 0xff00
    for (const [i, value] of [0x1000, 0x20, 0xffff].entries()) cpu.write16(0xff00 + 2 * i, value)
    cpu.call('iret', 16, NEXT)
    expect(cpu.eflags).toBe(Eflags.AC | Eflags.ID | 0x7fd7)
  })
})

describe('IRET in virtual-8086 mode', () => {
  const frame16 = (flags: number) =>
    [0x1000, 0x20, flags].forEach((value, i) => {
      cpu.write16(0xe000 + 2 * i, value)
      cpu.esp = 0xe000
    })
  test('needs IOPL 3', () => {
    cpu.virtual8086(2)
    frame16(2)
    expect([cpu.faultOf('iret', 16, NEXT), cpu.faultOf('iret', 32, NEXT)]).toEqual(['13:0', '13:0'])
  })
  test('cannot change IOPL or leave the mode', () => {
    cpu.virtual8086(3)
    frame16(Eflags.IF | 2)
    cpu.call('iret', 16, NEXT)
    expect(cpu.eflags).toBe(Eflags.VM | Eflags.IOPL | Eflags.IF | 2)
    expect(cpu.get('cpl')).toBe(3)
  })
  test('under VME moves IF to VIF', () => {
    cpu.virtual8086(0)
    cpu.set('cr4', 1)
    frame16(Eflags.IF | Eflags.CF | 2)
    cpu.call('iret', 16, NEXT)
    expect(cpu.eflags).toBe(Eflags.VM | Eflags.VIF | Eflags.CF | 2)
    expect([cpu.get('eip'), cpu.selector(Cs), cpu.esp]).toEqual([0x1000, 0x20, 0xe006])
  })
  test('under VME refuses TF, and IF while VIP is set', () => {
    cpu.virtual8086(0)
    cpu.set('cr4', 1)
    frame16(Eflags.TF | 2)
    expect(cpu.faultOf('iret', 16, NEXT)).toBe('13:0')
    cpu.eflags = Eflags.VM | Eflags.VIP | 2
    frame16(Eflags.IF | 2)
    expect(cpu.faultOf('iret', 16, NEXT)).toBe('13:0')
    expect(cpu.faultOf('iret', 32, NEXT)).toBe('13:0')
  })
})

describe('JMP and CALL to code segments', () => {
  type Row = [name: string, cpl: number, selector: number, offset: number, expected: string, access?: number]
  const rows: Row[] = [
    ['same level', 0, sel.code0, 0x400000, 'ok'],
    ['16-bit code', 0, sel.code16, 0xffff, 'ok'],
    ['beyond the limit', 0, sel.code16, 0x10000, '13:0'],
    ['null', 0, 3, 0, '13:0'],
    ['outside', 0, 0x1230, 0, '13:1230'],
    ['data', 0, sel.data0, 0, '13:10'],
    ['RPL above CPL', 0, sel.code0 | 3, 0, '13:8'],
    ['outer level', 0, sel.code3 & ~3, 0, '13:18'],
    ['inner level', 3, sel.code0, 0, '13:8'],
    ['inner conforming', 3, sel.conforming0 | 3, 8, 'ok'],
    ['outer conforming', 0, sel.spare, 0, '13:70', 0xff],
    ['not present', 0, sel.spare, 0, '11:70', 0x1b],
    ['not present, wrong level', 3, sel.spare, 0, '13:70', 0x1b],
    ['LDT descriptor', 0, sel.ldt, 0, '13:48'],
    ['busy TSS', 0, sel.tss32, 0, '13:40'],
    ['interrupt gate', 0, sel.spare, 0, '13:70', 0x8e],
    ['type 0', 0, sel.spare, 0, '13:70', 0x80],
  ]
  test.each(rows)('%s', (_name, cpl, selector, offset, expected, access) => {
    for (const helper of ['farJump', 'farCall']) {
      cpu.protect(cpl)
      if (access !== undefined) cpu.gdt(sel.spare, { access })
      if (expected !== 'ok') {
        expect(cpu.faultOf(helper, selector, offset, 32, NEXT)).toBe(expected)
        continue
      }
      cpu.call(helper, selector, offset, 32, NEXT)
      expect(place()).toEqual([(selector & ~3) | cpl, offset, cpl])
    }
  })
  test('CALL pushes CS and the return offset in the operand size', () => {
    cpu.protect(3)
    cpu.call('farCall', sel.code3, 0x500, 32, NEXT)
    expect([cpu.esp, ...cpu.values(STACK_TOP - 8, 32, 2)]).toEqual([STACK_TOP - 8, NEXT, sel.code3])
    cpu.call('farCall', sel.code3, 0x600, 16, 0x10502)
    expect([cpu.esp, ...cpu.values(STACK_TOP - 12, 16, 2)]).toEqual([STACK_TOP - 12, 0x502, sel.code3])
  })
  test('the mode word follows CS', () => {
    cpu.protect()
    cpu.call('farJump', sel.code16, 0, 32, NEXT)
    expect(cpu.get('mode') & ModeBit.Code32).toBe(0)
  })
  test('sets the accessed bit of the target', () => {
    cpu.protect()
    cpu.gdt(sel.spare, { access: 0x9a })
    cpu.call('farJump', sel.spare, 0, 32, NEXT)
    expect(cpu.read8(GDT + sel.spare + 5)).toBe(0x9b)
  })
  test('a stack that cannot take the return address raises #SS(0) or #PF and moves nothing', () => {
    cpu.protect()
    cpu.cache(Ss, sel.data16, 0, 0x7fff, 0x93)
    expect(cpu.faultOf('farCall', sel.code0, 0, 32, NEXT)).toBe('12:0')
    cpu.protect(3).page(page => (page === 0xf ? 0 : 7))
    cpu.esp = STACK_TOP + 4
    expect(cpu.faultOf('farCall', sel.code3, 0, 32, NEXT)).toBe('14:6')
    expect(cpu.get('cr2')).toBe(STACK_TOP - 4)
  })
  test('code in the LDT', () => {
    cpu.protect()
    cpu.descriptor(LDT + 8, { access: 0x9b, base: 0x300 })
    cpu.call('farJump', 0x0c, 0x10, 32, NEXT)
    expect([cpu.selector(Cs), cpu.get('segmentBase', Cs)]).toEqual([0x0c, 0x300])
  })
})

describe('call gates', () => {
  const gate = (access: number, selector: number, offset: number, count = 0) =>
    cpu.gate(GDT + sel.callGate, access, selector, offset, count)

  type Row = [name: string, cpl: number, selector: number, access: number, target: number, jump: string, call: string]
  const rows: Row[] = [
    ['gate DPL below CPL', 3, sel.callGate, CALL32, sel.code3, '13:60', '13:60'],
    ['gate DPL below RPL', 0, sel.callGate | 3, CALL32, sel.code0, '13:60', '13:60'],
    ['gate not present', 3, sel.callGate, DPL3 | 0x0c, sel.code0, '11:60', '11:60'],
    ['null target', 3, sel.callGate, DPL3 | CALL32, 0, '13:0', '13:0'],
    ['target outside', 3, sel.callGate, DPL3 | CALL32, 0x9998, '13:9998', '13:9998'],
    ['target is data', 3, sel.callGate, DPL3 | CALL32, sel.data3, '13:20', '13:20'],
    ['target is a TSS', 3, sel.callGate, DPL3 | CALL32, sel.otherTss, '13:58', '13:58'],
    ['target outer', 0, sel.callGate, DPL3 | CALL32, sel.code3, '13:18', '13:18'],
    ['target inner', 3, sel.callGate, DPL3 | CALL32, sel.code0, '13:8', 'ok'],
    ['target same level, RPL ignored', 3, sel.callGate, DPL3 | CALL32, sel.code3 & ~3, 'ok', 'ok'],
    ['target inner conforming', 3, sel.callGate, DPL3 | CALL32, sel.conforming0, 'ok', 'ok'],
  ]
  test.each(rows)('%s', (_name, cpl, selector, access, target, jump, call) => {
    for (const [helper, expected] of [
      ['farJump', jump],
      ['farCall', call],
    ] as const) {
      cpu.protect(cpl)
      gate(access, target, 0x12345678)
      if (expected !== 'ok') {
        expect(cpu.faultOf(helper, selector, 0xdead, 32, NEXT)).toBe(expected)
        continue
      }
      cpu.call(helper, selector, 0xdead, 32, NEXT)
      expect(cpu.get('eip')).toBe(0x12345678)
    }
  })
  test('target not present', () => {
    cpu.protect(3)
    cpu.gdt(sel.spare, { access: 0x1b })
    gate(DPL3 | CALL32, sel.spare, 0)
    expect(cpu.faultOf('farCall', sel.callGate, 0, 32, NEXT)).toBe('11:70')
  })
  test('to level 0 switches stacks and copies parameters', () => {
    cpu.protect(3)
    gate(DPL3 | CALL32, sel.code0, 0x00345678, 3)
    stack(32, 0x111, 0x222, 0x333, 0x444)
    const outer = cpu.esp
    cpu.call('farCall', sel.callGate, 0, 32, NEXT)
    expect(place()).toEqual([sel.code0, 0x00345678, 0])
    expect([cpu.selector(Ss), cpu.esp]).toEqual([sel.data0, INNER_STACK_TOP - 28])
    expect(cpu.values(cpu.esp, 32, 7)).toEqual([NEXT, sel.code3, 0x111, 0x222, 0x333, outer, sel.data3])
    expect(cpu.get('mode') & ModeBit.User).toBe(0)
  })
  test('and RET comes back with the parameters released on both stacks', () => {
    cpu.protect(3)
    gate(DPL3 | CALL32, sel.code0, 0x100, 2)
    stack(32, 0x111, 0x222, 0x333)
    const outer = cpu.esp
    cpu.call('farCall', sel.callGate, 0, 32, NEXT)
    cpu.call('farReturn', 32, 8)
    expect(place()).toEqual([sel.code3, NEXT, 3])
    expect([cpu.selector(Ss), cpu.esp]).toEqual([sel.data3, outer + 8])
  })
  test('16-bit gates push words and use a 16-bit offset', () => {
    cpu.protect(3)
    gate(DPL3 | CALL16, sel.code0, 0x77771111, 1)
    stack(16, 0xabcd)
    const outer = cpu.esp
    cpu.call('farCall', sel.callGate, 0, 32, 0x54321)
    expect(cpu.get('eip')).toBe(0x1111)
    expect(cpu.values(cpu.esp, 16, 5)).toEqual([0x4321, sel.code3, 0xabcd, outer & 0xffff, sel.data3])
  })
  test('to level 1 takes the stack of level 1', () => {
    cpu.protect(3)
    gate(DPL3 | CALL32, sel.code1, 0x100)
    cpu.call('farCall', sel.callGate, 0, 32, NEXT)
    expect([...place(), cpu.selector(Ss), cpu.esp]).toEqual([
      sel.code1,
      0x100,
      1,
      sel.data1,
      INNER_STACK_TOP - 0x800 - 16,
    ])
  })
  test('with a 16-bit TSS takes SS:SP from there', () => {
    cpu.protect(3)
    cpu.cache(Segment.Tr, sel.tss16, TSS16, 0x2b, 0x83)
    cpu.write16(TSS16 + 2, 0xe000)
    cpu.write16(TSS16 + 4, sel.data16)
    gate(DPL3 | CALL32, sel.code0, 0x100)
    cpu.call('farCall', sel.callGate, 0, 32, NEXT)
    expect([cpu.selector(Ss), cpu.esp]).toEqual([sel.data16, 0xe000 - 16])
  })

  type StackRow = [name: string, prepare: () => void, expected: string]
  const stackRows: StackRow[] = [
    ['TSS too short', () => cpu.set('segmentLimit', 8, Segment.Tr), '10:40'],
    ['TSS just long enough', () => cpu.set('segmentLimit', 9, Segment.Tr), 'none'],
    ['null SS', () => cpu.write16(TSS32 + 8, 0), '10:0'],
    ['SS outside', () => cpu.write16(TSS32 + 8, 0x4320), '10:4320'],
    ['SS with a wrong RPL', () => cpu.write16(TSS32 + 8, sel.data0 | 1), '10:10'],
    ['SS with a wrong DPL', () => cpu.write16(TSS32 + 8, sel.data3 & ~3), '10:20'],
    ['SS not writable', () => cpu.write16(TSS32 + 8, sel.readOnly), '10:a8'],
    ['SS code', () => cpu.write16(TSS32 + 8, sel.code0), '10:8'],
    [
      'SS not present',
      () => {
        cpu.gdt(sel.spare, { access: 0x13 })
        cpu.write16(TSS32 + 8, sel.spare)
      },
      '12:70',
    ],
    [
      'no room on the new stack',
      () => {
        cpu.gdt(sel.spare, { access: 0x97, limit: 0x11 })
        cpu.write16(TSS32 + 8, sel.spare)
        cpu.write32(TSS32 + 4, 0x1200c)
      },
      '12:70',
    ],
    ['new stack not mapped', () => void cpu.page(page => (page === 0x11 ? 0 : 7)), '14:2'],
    ['TSS not mapped', () => void cpu.page(page => (page === TSS32 >> 12 ? 0 : 7)), '14:0'],
  ]
  test.each(stackRows)('inner stack: %s', (_name, prepare, expected) => {
    cpu.protect(3)
    gate(DPL3 | CALL32, sel.code0, 0x100)
    prepare()
    expect(cpu.faultOf('farCall', sel.callGate, 0, 32, NEXT).replace(/ and.*/, '')).toBe(expected)
    if (expected !== 'none') expect(place()).toEqual([sel.code3, 0x100, 3])
  })
  test('an entry point beyond the limit raises #GP(0)', () => {
    cpu.protect(3)
    gate(DPL3 | CALL32, sel.code16, 0x10000)
    expect(cpu.faultOf('farCall', sel.callGate, 0, 32, NEXT)).toBe('13:0')
  })
})

describe('RET', () => {
  type Row = [name: string, cpl: number, frame: number[], expected: string, access?: number]
  const rows: Row[] = [
    ['same level', 0, [0x5000, sel.code0], 'ok'],
    ['null CS', 0, [0, 0], '13:0'],
    ['CS outside', 0, [0, 0x7770], '13:7770'],
    ['CS is data', 0, [0, sel.data0], '13:10'],
    ['inner level', 3, [0, sel.code0], '13:8'],
    ['DPL differs from RPL', 0, [0, sel.code0 | 3], '13:8'],
    ['conforming, DPL above RPL', 0, [0, sel.spare], '13:70', 0xff],
    ['conforming to an outer RPL', 0, [0x10, sel.conforming0 | 3, 0x8000, sel.data3], 'ok'],
    ['CS not present', 0, [0, sel.spare], '11:70', 0x1b],
    ['EIP beyond the limit', 0, [0x10000, sel.code16], '13:0'],
    ['to level 3', 0, [0x10, sel.code3, 0x8000, sel.data3], 'ok'],
    ['to level 3, null SS', 0, [0x10, sel.code3, 0x8000, 0], '13:0'],
    ['to level 3, SS outside', 0, [0x10, sel.code3, 0x8000, 0x5553], '13:5550'],
    ['to level 3, SS RPL', 0, [0x10, sel.code3, 0x8000, sel.data3 & ~3], '13:20'],
    ['to level 3, SS DPL', 0, [0x10, sel.code3, 0x8000, sel.data0 | 3], '13:10'],
    ['to level 3, SS code', 0, [0x10, sel.code3, 0x8000, sel.code3], '13:18'],
    ['to level 3, SS not present', 0, [0x10, sel.code3, 0x8000, sel.spare | 3], '12:70', 0x73],
    ['to level 3, EIP beyond the limit', 0, [0x10000, sel.code16user, 0x8000, sel.data3], '13:0'],
  ]
  test.each(rows)('%s', (_name, cpl, frame, expected, access) => {
    cpu.protect(cpl)
    if (access !== undefined) cpu.gdt(sel.spare, { access })
    stack(32, ...frame)
    if (expected !== 'ok') {
      expect(cpu.faultOf('farReturn', 32, 0)).toBe(expected)
      return
    }
    cpu.call('farReturn', 32, 0)
    expect(place()).toEqual([frame[1], frame[0], frame[1] & 3])
    expect(cpu.esp).toBe(frame.length === 4 ? frame[2] : STACK_TOP - 0x100 + 8)
  })
  test('to an outer level nulls the data segments it may not use', () => {
    cpu.protect()
    cpu.cache(Ds, sel.data0, 0, 0xffffffff, 0xc093)
    cpu.cache(Es, sel.data3, 0, 0xffffffff, 0xc0f3)
    cpu.cache(Fs, sel.conforming0, 0, 0xffffffff, 0xc09f)
    cpu.cache(Gs, sel.code0, 0, 0xffffffff, 0xc09b)
    stack(32, 0x10, sel.code3, 0x8000, sel.data3)
    cpu.call('farReturn', 32, 0)
    expect([Ds, Es, Fs, Gs].map(segment => cpu.selector(segment))).toEqual([0, sel.data3, sel.conforming0, 0])
    expect(cpu.get('segmentAccess', Ds)).toBe(0)
  })
  test('to a 16-bit stack changes SP only', () => {
    cpu.protect()
    cpu.esp = 0x30000
    for (const [i, value] of [0x10, sel.code3, 0xabcd4000, sel.data16user].entries())
      cpu.write32(0x30000 + 4 * i, value)
    cpu.call('farReturn', 32, 0)
    expect(cpu.esp).toBe(0x34000)
  })
  test('with parameters finds SS:ESP above them', () => {
    cpu.protect()
    stack(32, 0x10, sel.code3, 1, 2, 0x8000, sel.data3)
    cpu.call('farReturn', 32, 8)
    expect([cpu.esp, cpu.selector(Ss)]).toEqual([0x8008, sel.data3])
  })
  test('16-bit frames', () => {
    cpu.protect()
    stack(16, 0x10, sel.code3, 0x8000, sel.data3)
    cpu.call('farReturn', 16, 0)
    expect([...place(), cpu.esp]).toEqual([sel.code3, 0x10, 3, 0x8000])
  })
  test('with the frame beyond the stack limit raises #SS(0)', () => {
    cpu.protect()
    cpu.cache(Ss, sel.data16, 0, 0xffff, 0x93)
    cpu.esp = 0xfffc
    cpu.write32(0xfffc, 0)
    cpu.write32(0, sel.code0)
    cpu.call('farReturn', 32, 0)
    expect(cpu.esp).toBe(4)
    cpu.protect()
    cpu.cache(Ss, sel.data16, 0, 0xfffe, 0x93)
    cpu.esp = 0xfffc
    expect(cpu.faultOf('farReturn', 32, 0)).toBe('12:0')
  })
})

describe('IRET in protected mode', () => {
  const ALL = 0xffffffff
  test('at level 0 loads every flag but VM', () => {
    cpu.protect()
    stack(32, 0x10, sel.code0, (ALL & ~Eflags.VM) >>> 0)
    cpu.call('iret', 32, NEXT)
    expect([cpu.eflags, ...place()]).toEqual([0x3d7fd7, sel.code0, 0x10, 0])
  })
  test('at level 3 keeps IOPL, IF, VIF, VIP and VM', () => {
    cpu.protect(3)
    stack(32, 0x10, sel.code3, ALL)
    cpu.call('iret', 32, NEXT)
    expect(cpu.eflags).toBe(0x3d7fd7 & ~(Eflags.IOPL | Eflags.IF | Eflags.VIF | Eflags.VIP))
  })
  test('changes IF if CPL is within IOPL', () => {
    cpu.protect(3)
    cpu.eflags = Eflags.IOPL | 2
    stack(32, 0x10, sel.code3, Eflags.IF)
    cpu.call('iret', 32, NEXT)
    expect(cpu.eflags).toBe(Eflags.IOPL | Eflags.IF | 2)
  })
  test('with 16-bit operands keeps the upper flags', () => {
    cpu.protect()
    cpu.eflags = Eflags.AC | 2
    stack(16, 0x10, sel.code0, 0xbfff)
    cpu.call('iret', 16, NEXT)
    expect(cpu.eflags).toBe(Eflags.AC | 0x3fd7)
  })
  test('to level 3 applies the rights of level 0 to the flags', () => {
    cpu.protect()
    stack(32, 0x10, sel.code3, Eflags.IF | Eflags.IOPL | 2, 0x8000, sel.data3)
    cpu.call('iret', 32, NEXT)
    expect([cpu.eflags, cpu.esp, ...place()]).toEqual([Eflags.IF | Eflags.IOPL | 2, 0x8000, sel.code3, 0x10, 3])
    expect(cpu.get('mode') & ModeBit.User).toBe(ModeBit.User)
  })
  test('faults change no flag', () => {
    cpu.protect()
    stack(32, 0x10000, sel.code16, Eflags.IF)
    expect(cpu.faultOf('iret', 32, NEXT)).toBe('13:0')
    stack(32, 0, sel.code3, Eflags.IF, 0, 0)
    expect(cpu.faultOf('iret', 32, NEXT)).toBe('13:0')
  })
  test('enters virtual-8086 mode', () => {
    cpu.protect()
    const flags = Eflags.VM | Eflags.IF | Eflags.IOPL | 2
    stack(32, 0xfff0, 0xf000, flags, 0x12348000, 0x2000, 0x3000, 0x4000, 0x5000, 0x6000)
    cpu.call('iret', 32, NEXT)
    expect([cpu.eflags, cpu.esp, ...place()]).toEqual([flags, 0x12348000, 0xf000, 0xfff0, 3])
    expect([Ss, Es, Ds, Fs, Gs].map(segment => cpu.selector(segment))).toEqual([0x2000, 0x3000, 0x4000, 0x5000, 0x6000])
    expect([cpu.get('segmentBase', Ss), cpu.get('segmentLimit', Ss), cpu.get('segmentAccess', Cs)]).toEqual([
      0x20000, 0xffff, 0xf3,
    ])
    expect(cpu.get('mode') & (ModeBit.Virtual8086 | ModeBit.Protected | ModeBit.Code32)).toBe(ModeBit.Virtual8086)
  })
  test('does not enter virtual-8086 mode from level 3', () => {
    cpu.protect(3)
    stack(32, 0x10, sel.code3, Eflags.VM | 2)
    cpu.call('iret', 32, NEXT)
    expect(cpu.eflags & Eflags.VM).toBe(0)
  })
  test('a frame for virtual-8086 mode with EIP beyond 64 KiB raises #GP(0)', () => {
    cpu.protect()
    stack(32, 0x10000, 0xf000, Eflags.VM | 2, 0, 0, 0, 0, 0, 0)
    expect(cpu.faultOf('iret', 32, NEXT)).toBe('13:0')
  })
  test('ESP keeps its upper half when returning to a 16-bit stack', () => {
    cpu.protect()
    cpu.esp = 0x30000
    for (const [i, value] of [0x10, sel.code3, 2, 0x77771000, sel.data16user].entries())
      cpu.write32(0x30000 + 4 * i, value)
    cpu.call('iret', 32, NEXT)
    expect(cpu.esp).toBe(0x31000)
  })
})
