/** Segment registers: loads in every mode, the access check, LAR LSL VERR VERW, LDTR and TR (SDM vol. 3, 5; vol. 2). */
import { beforeAll, describe, expect, test } from 'vitest'
import { Cr0, ModeBit, Segment } from '../../../runtime/state.ts'
import { ACC, Cpu, GDT, LDT, STACK_TOP, sel, TSS32 } from './cpu.ts'

const { Es, Ss, Ds, Fs } = Segment
let cpu: Cpu

beforeAll(async () => {
  cpu = await Cpu.create()
}, 60000)

describe('loading in 8086 modes', () => {
  test('real mode keeps limit and size', () => {
    cpu.real()
    cpu.cache(Ds, 0x10, 0, 0xffffffff, 0xc093)
    cpu.call('loadSegment', Ds, 0x1234)
    expect([
      cpu.selector(Ds),
      cpu.get('segmentBase', Ds),
      cpu.get('segmentLimit', Ds),
      cpu.get('segmentAccess', Ds),
    ]).toEqual([0x1234, 0x12340, 0xffffffff, 0xc093])
  })
  test('real mode makes an unusable register usable', () => {
    cpu.protect()
    cpu.call('loadSegment', Ds, 0)
    cpu.set('cr0', Cr0.ET)
    cpu.call('loadSegment', Ds, 0x40)
    expect(cpu.call('segmentWrite', Ds, 0xfffe, 2)).toBe(0x400 + 0xfffe)
  })
  test('virtual-8086 mode sets limit and DPL', () => {
    cpu.virtual8086(3)
    cpu.cache(Fs, 0, 0, 5, 0xc091)
    cpu.call('loadSegment', Fs, 0xb800)
    expect([cpu.get('segmentBase', Fs), cpu.get('segmentLimit', Fs), cpu.get('segmentAccess', Fs)]).toEqual([
      0xb8000, 0xffff, 0xf3,
    ])
  })
})

describe('loading in protected mode', () => {
  const scratch = { ...sel }
  type Row = [name: string, cpl: number, segment: Segment, selector: number, expected: string, access?: number]
  const rows: Row[] = [
    ['data', 0, Ds, sel.data0, 'ok'],
    ['readable code into DS', 0, Ds, sel.code0, 'ok'],
    ['execute-only code into DS', 0, Ds, sel.execOnly, '13:a0'],
    ['read-only data into DS', 0, Es, sel.readOnly, 'ok'],
    ['null into DS', 0, Ds, 0, 'ok'],
    ['null with RPL into DS', 3, Ds, 3, 'ok'],
    ['system descriptor into DS', 0, Ds, sel.tss32, '13:40'],
    ['outside the GDT', 0, Ds, 0x1000, '13:1000'],
    ['last entry half outside', 0, Ds, 0xb8, '13:b8'],
    ['outside the LDT', 0, Ds, 0x44, '13:44'],
    ['DPL below RPL', 0, Ds, sel.data0 | 3, '13:10'],
    ['DPL below CPL', 3, Ds, sel.data0, '13:10'],
    ['DPL 3 from level 0', 0, Ds, sel.data3, 'ok'],
    ['conforming code at any level', 3, Ds, sel.conforming0 | 3, 'ok'],
    ['non-conforming inner code', 3, Ds, sel.code0, '13:8'],
    ['not present', 0, Ds, sel.spare, '11:70', 0x12],
    ['not present and not allowed', 3, Ds, sel.spare, '13:70', 0x12],
    ['SS null', 0, Ss, 0, '13:0'],
    ['SS null with RPL', 3, Ss, 3, '13:0'],
    ['SS writable data', 0, Ss, sel.data0, 'ok'],
    ['SS at level 3', 3, Ss, sel.data3, 'ok'],
    ['SS read-only', 0, Ss, sel.readOnly, '13:a8'],
    ['SS code', 0, Ss, sel.code0, '13:8'],
    ['SS with RPL above CPL', 0, Ss, sel.data0 | 3, '13:10'],
    ['SS with DPL above CPL', 0, Ss, sel.data3 & ~3, '13:20'],
    ['SS with DPL below CPL', 3, Ss, sel.data0 | 3, '13:10'],
    ['SS outside the GDT', 0, Ss, 0x8000, '13:8000'],
    ['SS not present', 0, Ss, sel.spare, '12:70', 0x12],
    ['SS expand-down', 0, Ss, sel.expandDown, 'ok'],
  ]
  test.each(rows)('%s', (_name, cpl, segment, selector, expected, access) => {
    cpu.protect(cpl)
    if (access !== undefined) cpu.gdt(scratch.spare, { access })
    if (expected !== 'ok') {
      expect(cpu.faultOf('loadSegment', segment, selector)).toBe(expected)
      return
    }
    cpu.call('loadSegment', segment, selector)
    expect(cpu.selector(segment)).toBe(selector)
  })

  test('fills the cache from a granular descriptor with a scattered base', () => {
    cpu.protect()
    cpu.gdt(sel.spare, { access: ACC.data0, base: 0x89abcdef, limit: 0x12345, flags: 0xd })
    cpu.call('loadSegment', Es, sel.spare)
    expect([cpu.get('segmentBase', Es), cpu.get('segmentLimit', Es), cpu.get('segmentAccess', Es)]).toEqual([
      0x89abcdef, 0x12345fff, 0xd093,
    ])
  })
  test('a null selector makes the register unusable', () => {
    cpu.protect()
    cpu.call('loadSegment', Ds, 2)
    expect(cpu.get('segmentAccess', Ds)).toBe(0)
    expect(cpu.faultOf('segmentRead', Ds, 0, 1)).toBe('13:0')
  })
  test('sets the accessed bit in memory', () => {
    cpu.protect()
    cpu.gdt(sel.spare, { access: 0x92 })
    cpu.call('loadSegment', Ds, sel.spare)
    expect(cpu.read8(GDT + sel.spare + 5)).toBe(0x93)
    expect(cpu.get('segmentAccess', Ds) & 1).toBe(1)
  })
  test('does not write a descriptor that is accessed already, even in a read-only page', () => {
    cpu.protect().page(page => (page === GDT >> 12 ? 5 : 7))
    cpu.set('cr0', (cpu.get('cr0') | Cr0.WP) >>> 0)
    cpu.call('loadSegment', Ds, sel.data0)
    cpu.gdt(sel.spare, { access: 0x92 })
    expect(cpu.faultOf('loadSegment', Ds, sel.spare)).toBe('14:3')
    expect(cpu.get('cr2')).toBe(GDT + sel.spare + 5)
  })
  test('reads descriptors with supervisor rights at level 3', () => {
    cpu.protect(3).page(page => (page === GDT >> 12 ? 3 : 7))
    cpu.call('loadSegment', Ds, sel.data3)
    expect(cpu.selector(Ds)).toBe(sel.data3)
  })
  test('a descriptor in a page that is absent raises #PF without the user bit', () => {
    cpu.protect(3).page(page => (page === GDT >> 12 ? 0 : 7))
    expect(cpu.faultOf('loadSegment', Ds, sel.data3)).toBe('14:0')
  })
  test('uses the LDT, and refuses it when LDTR is null', () => {
    cpu.protect()
    cpu.descriptor(LDT + 8, { access: ACC.data0, base: 0x500 })
    cpu.call('loadSegment', Ds, 0x0c)
    expect(cpu.get('segmentBase', Ds)).toBe(0x500)
    cpu.call('loadLdtr', 0)
    expect(cpu.faultOf('loadSegment', Ds, 0x0c)).toBe('13:c')
  })
  test('the mode word follows SS and flatness', () => {
    cpu.protect()
    expect(cpu.get('mode') & (ModeBit.Flat | ModeBit.Stack32)).toBe(ModeBit.Flat | ModeBit.Stack32)
    cpu.call('loadSegment', Ss, sel.data16)
    expect(cpu.get('mode') & (ModeBit.Flat | ModeBit.Stack32)).toBe(0)
  })
})

describe('MOV, PUSH and POP of segment registers', () => {
  test('MOV SS casts a shadow, MOV DS does not', () => {
    cpu.protect()
    cpu.call('moveToSegment', Ds, sel.data0)
    expect(cpu.get('interruptShadow')).toBe(0)
    cpu.call('moveToSegment', Ss, sel.data0)
    expect(cpu.get('interruptShadow')).toBe(2)
  })
  test('POP SS moves the stack pointer by the old width', () => {
    cpu.protect()
    cpu.cache(Ss, sel.data16, 0, 0xffff, 0x93)
    cpu.esp = 0x1234fffe
    cpu.write16(0xfffe, sel.data0)
    cpu.call('popSegment', Ss, 16)
    expect([cpu.esp, cpu.selector(Ss), cpu.get('interruptShadow')]).toEqual([0x12340000, sel.data0, 2])
  })
  test('POP leaves ESP alone when the load faults', () => {
    cpu.protect()
    cpu.write32(STACK_TOP - 4, sel.tss32)
    cpu.esp = STACK_TOP - 4
    expect(cpu.faultOf('popSegment', Ds, 32)).toBe('13:40')
  })
})

describe('segmentRead and segmentWrite', () => {
  const BIG = 0xc000
  type Row = [name: string, access: number, limit: number, offset: number, bytes: number, read: string, write: string]
  const rows: Row[] = [
    ['inside', 0x93, 0xffff, 0xfffc, 4, 'ok', 'ok'],
    ['last byte outside', 0x93, 0xffff, 0xfffd, 4, '13:0', '13:0'],
    ['wrap at 4 GiB under a small limit', 0x93, 0xffff, 0xffffffff, 2, '13:0', '13:0'],
    ['wrap at 4 GiB in a flat segment', 0x93 | BIG, 0xffffffff, 0xfffffffe, 4, 'ok', 'ok'],
    ['read-only', 0x91, 0xffff, 0, 4, 'ok', '13:0'],
    ['readable code', 0x9b, 0xffff, 0, 4, 'ok', '13:0'],
    ['execute-only code', 0x99, 0xffff, 0, 4, '13:0', '13:0'],
    ['conforming readable code', 0x9f, 0xffff, 0xffff, 1, 'ok', '13:0'],
    ['unusable', 0, 0xffff, 0, 1, '13:0', '13:0'],
    ['expand-down, at the limit', 0x97, 0xfff, 0xfff, 1, '13:0', '13:0'],
    ['expand-down, above the limit', 0x97, 0xfff, 0x1000, 4, 'ok', 'ok'],
    ['expand-down, 16 bits, last byte', 0x97, 0xfff, 0xffff, 1, 'ok', 'ok'],
    ['expand-down, 16 bits, across 64 KiB', 0x97, 0xfff, 0xffff, 2, '13:0', '13:0'],
    ['expand-down, 32 bits, beyond 64 KiB', 0x97 | BIG, 0xfff, 0x10000, 4, 'ok', 'ok'],
    ['expand-down, 32 bits, across 4 GiB', 0x97 | BIG, 0xfff, 0xffffffff, 2, '13:0', '13:0'],
    ['expand-down with the largest limit', 0x97 | BIG, 0xffffffff, 0, 1, '13:0', '13:0'],
    ['expand-down read-only', 0x95, 0xfff, 0x2000, 4, 'ok', '13:0'],
  ]
  test.each(rows)('%s', (_name, access, limit, offset, bytes, read, write) => {
    cpu.protect()
    cpu.cache(Es, sel.spare, 0x100, limit, access)
    for (const [helper, expected] of [
      ['segmentRead', read],
      ['segmentWrite', write],
    ] as const) {
      if (expected === 'ok') expect(cpu.call(helper, Es, offset, bytes)).toBe((offset + 0x100) >>> 0)
      else expect(cpu.faultOf(helper, Es, offset, bytes)).toBe(expected)
    }
  })
  test('SS raises #SS(0)', () => {
    cpu.protect()
    cpu.cache(Ss, sel.spare, 0, 0xfff, 0x93)
    expect(cpu.faultOf('segmentWrite', Ss, 0xfff, 2)).toBe('12:0')
    expect(cpu.faultOf('segmentRead', Ss, 0x1000, 1)).toBe('12:0')
  })
})

describe('LAR, LSL, VERR, VERW', () => {
  type Row = [
    name: string,
    cpl: number,
    selector: number,
    access: number,
    lar: boolean,
    lsl: boolean,
    r: number,
    w: number,
  ]
  const rows: Row[] = [
    ['data', 0, sel.spare, 0x93, true, true, 1, 1],
    ['read-only data', 0, sel.spare, 0x91, true, true, 1, 0],
    ['execute-only code', 0, sel.spare, 0x99, true, true, 0, 0],
    ['readable code', 0, sel.spare, 0x9b, true, true, 1, 0],
    ['inner data', 3, sel.spare | 3, 0x93, false, false, 0, 0],
    ['RPL above DPL', 0, sel.spare | 3, 0xb3, false, false, 0, 0],
    ['inner conforming code', 3, sel.spare | 3, 0x9f, true, true, 1, 0],
    ['inner conforming execute-only code', 3, sel.spare | 3, 0x9d, true, true, 0, 0],
    ['not present', 0, sel.spare, 0x13, true, true, 1, 1],
    ['type 0', 0, sel.spare, 0x80, false, false, 0, 0],
    ['available 16-bit TSS', 0, sel.spare, 0x81, true, true, 0, 0],
    ['LDT', 0, sel.spare, 0x82, true, true, 0, 0],
    ['busy 16-bit TSS', 0, sel.spare, 0x83, true, true, 0, 0],
    ['16-bit call gate', 0, sel.spare, 0x84, true, false, 0, 0],
    ['task gate', 0, sel.spare, 0x85, true, false, 0, 0],
    ['16-bit interrupt gate', 0, sel.spare, 0x86, false, false, 0, 0],
    ['16-bit trap gate', 0, sel.spare, 0x87, false, false, 0, 0],
    ['type 8', 0, sel.spare, 0x88, false, false, 0, 0],
    ['available 32-bit TSS', 0, sel.spare, 0x89, true, true, 0, 0],
    ['type 10', 0, sel.spare, 0x8a, false, false, 0, 0],
    ['busy 32-bit TSS', 0, sel.spare, 0x8b, true, true, 0, 0],
    ['32-bit call gate', 0, sel.spare, 0x8c, true, false, 0, 0],
    ['type 13', 0, sel.spare, 0x8d, false, false, 0, 0],
    ['32-bit interrupt gate', 0, sel.spare, 0x8e, false, false, 0, 0],
    ['32-bit trap gate', 0, sel.spare, 0x8f, false, false, 0, 0],
    ['null', 0, 0, 0x93, false, false, 0, 0],
    ['outside', 0, 0x2000, 0x93, false, false, 0, 0],
  ]
  test.each(rows)('%s', (_name, cpl, selector, access, lar, lsl, readable, writable) => {
    cpu.protect(cpl)
    cpu.gdt(sel.spare, { access, base: 0x123456, limit: 0x54321, flags: 0xc })
    const rights = cpu.call('loadAccessRights', selector)
    expect(cpu.get('result')).toBe(lar ? 1 : 0)
    if (lar) expect(rights & 0xf0ff00).toBe(0xc00000 | (access << 8))
    const limit = cpu.call('loadSegmentLimit', selector)
    expect(cpu.get('result')).toBe(lsl ? 1 : 0)
    if (lsl) expect(limit).toBe(0x54321fff)
    expect([cpu.call('verifyRead', selector), cpu.call('verifyWrite', selector)]).toEqual([readable, writable])
  })
  test('are undefined outside protected mode', () => {
    for (const enter of [() => cpu.real(), () => cpu.virtual8086(3)]) {
      enter()
      for (const helper of ['loadAccessRights', 'loadSegmentLimit', 'verifyRead', 'verifyWrite', 'loadLdtr', 'loadTr'])
        expect(cpu.faultOf(helper, sel.data0)).toBe('6:0')
      for (const helper of ['storeLdtr', 'storeTr']) expect(cpu.faultOf(helper)).toBe('6:0')
    }
  })
})

describe('LLDT and LTR', () => {
  test.each([
    ['loadLdtr', sel.ldt | 4, ACC.ldt, '13:4c'],
    ['loadLdtr', 0x1000, ACC.ldt, '13:1000'],
    ['loadLdtr', sel.spare, ACC.tss32, '13:70'],
    ['loadLdtr', sel.spare, ACC.data0, '13:70'],
    ['loadLdtr', sel.spare, 0x02, '11:70'],
    ['loadTr', 0, ACC.tss32, '13:0'],
    ['loadTr', sel.spare | 4, ACC.tss32, '13:74'],
    ['loadTr', 0x1000, ACC.tss32, '13:1000'],
    ['loadTr', sel.spare, ACC.busy32, '13:70'],
    ['loadTr', sel.spare, ACC.busy16, '13:70'],
    ['loadTr', sel.spare, ACC.ldt, '13:70'],
    ['loadTr', sel.spare, 0x09, '11:70'],
  ])('%s(%i) with access %i raises %s', (helper, selector, access, expected) => {
    cpu.protect()
    cpu.gdt(sel.spare, { access })
    expect(cpu.faultOf(helper, selector)).toBe(expected)
  })
  test('need privilege 0', () => {
    cpu.protect(3)
    expect([cpu.faultOf('loadLdtr', 0), cpu.faultOf('loadTr', sel.otherTss)]).toEqual(['13:0', '13:0'])
  })
  test('LTR marks the TSS busy', () => {
    cpu.protect()
    cpu.call('loadTr', sel.otherTss)
    expect(cpu.read8(GDT + sel.otherTss + 5)).toBe(ACC.busy32)
    expect([cpu.call('storeTr'), cpu.get('segmentAccess', Segment.Tr), cpu.get('segmentLimit', Segment.Tr)]).toEqual([
      sel.otherTss,
      ACC.busy32,
      0x67,
    ])
    expect(TSS32).not.toBe(cpu.get('segmentBase', Segment.Tr))
  })
  test('LLDT loads base and limit', () => {
    cpu.protect()
    cpu.gdt(sel.spare, { access: ACC.ldt, base: 0x7000, limit: 0x17, flags: 0 })
    cpu.call('loadLdtr', sel.spare)
    expect([
      cpu.call('storeLdtr'),
      cpu.get('segmentBase', Segment.Ldtr),
      cpu.get('segmentLimit', Segment.Ldtr),
    ]).toEqual([sel.spare, 0x7000, 0x17])
  })
})
