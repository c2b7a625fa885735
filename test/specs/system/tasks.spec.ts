/** Hardware task switching (SDM vol. 3, chapter 7). */
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Cr0, Eflags, Gpr, ModeBit, Segment, Vector } from '../../../runtime/state.ts'
import { Cpu, GDT, LDT, OTHER_TSS, PAGE_TABLES, STACK_TOP, sel, TSS16, TSS32 } from './cpu.ts'

const { Es, Cs, Ss, Ds, Fs, Gs, Ldtr, Tr } = Segment
const NEXT = 0x1234
const DPL3 = 0x60
/** Offsets in a 32-bit TSS. */
const at = {
  cr3: 0x1c,
  eip: 0x20,
  eflags: 0x24,
  eax: 0x28,
  esp: 0x38,
  es: 0x48,
  cs: 0x4c,
  ss: 0x50,
  ds: 0x54,
  fs: 0x58,
  gs: 0x5c,
  ldt: 0x60,
  trap: 0x64,
} as const
let cpu: Cpu

beforeAll(async () => {
  cpu = await Cpu.create()
}, 60000)

/** Fills the other TSS with a level 0 task and applies changes by field. */
function task(changes: Partial<Record<keyof typeof at, number>> = {}): void {
  const fields = {
    eip: 0x9000,
    eflags: 2,
    esp: 0x8000,
    es: sel.data0,
    cs: sel.code0,
    ss: sel.data0,
    ds: sel.data0,
    fs: 0,
    gs: 0,
    ...changes,
  }
  for (const [name, value] of Object.entries(fields)) cpu.write32(OTHER_TSS + at[name as keyof typeof at], value)
}

const place = () => [cpu.selector(Cs), cpu.get('eip'), cpu.get('cpl'), cpu.selector(Tr)]
const busy = (selector: number) => (cpu.read8(GDT + selector + 5) & 2) !== 0

describe('switching by JMP, CALL and IRET', () => {
  beforeEach(() => {
    cpu.protect()
    task()
  })
  test('JMP saves the old task, loads the new one and moves the busy bit', () => {
    for (let i = 0; i < 8; i++) {
      if (i !== Gpr.Esp) cpu.set('gpr', 0x11110000 + i, i)
      if (i !== Gpr.Esp) cpu.write32(OTHER_TSS + at.eax + 4 * i, 0x22220000 + i)
    }
    cpu.eflags = Eflags.CF | Eflags.IF | 2
    cpu.call('farJump', sel.otherTss, 0xdead, 32, NEXT)
    expect(place()).toEqual([sel.code0, 0x9000, 0, sel.otherTss])
    for (let i = 0; i < 8; i++) {
      expect(cpu.read32(TSS32 + at.eax + 4 * i)).toBe(i === Gpr.Esp ? STACK_TOP : 0x11110000 + i)
      expect(cpu.get('gpr', i)).toBe(i === Gpr.Esp ? 0x8000 : 0x22220000 + i)
    }
    expect([cpu.read32(TSS32 + at.eip), cpu.read32(TSS32 + at.eflags)]).toEqual([NEXT, Eflags.CF | Eflags.IF | 2])
    expect([at.es, at.cs, at.ss, at.ds].map(offset => cpu.read16(TSS32 + offset))).toEqual([
      sel.data0,
      sel.code0,
      sel.data0,
      sel.data0,
    ])
    expect([busy(sel.tss32), busy(sel.otherTss)]).toEqual([false, true])
    expect([cpu.eflags, cpu.get('cr0') & Cr0.TS]).toEqual([2, Cr0.TS])
    expect(cpu.read16(OTHER_TSS)).toBe(0)
  })
  test('CALL nests and IRET comes back', () => {
    cpu.call('farCall', sel.otherTss, 0, 32, NEXT)
    expect([cpu.read16(OTHER_TSS), cpu.eflags]).toEqual([sel.tss32, Eflags.NT | 2])
    expect([busy(sel.tss32), busy(sel.otherTss)]).toEqual([true, true])
    cpu.call('iret', 32, 0x9100)
    expect(place()).toEqual([sel.code0, NEXT, 0, sel.tss32])
    expect([busy(sel.tss32), busy(sel.otherTss)]).toEqual([true, false])
    expect([cpu.read32(OTHER_TSS + at.eip), cpu.read32(OTHER_TSS + at.eflags)]).toEqual([0x9100, 2])
    expect(cpu.eflags & Eflags.NT).toBe(0)
  })
  test('through a task gate', () => {
    cpu.gate(GDT + sel.taskGate, 0x85, sel.otherTss, 0)
    cpu.call('farCall', sel.taskGate, 0, 32, NEXT)
    expect(place()).toEqual([sel.code0, 0x9000, 0, sel.otherTss])
  })
  test('to level 3 sets the privilege from CS', () => {
    task({ cs: sel.code3, ss: sel.data3, ds: sel.data3, es: sel.data3 })
    cpu.call('farJump', sel.otherTss, 0, 32, NEXT)
    expect([...place(), cpu.get('mode') & ModeBit.User]).toEqual([sel.code3, 0x9000, 3, sel.otherTss, ModeBit.User])
  })
  test('to a virtual-8086 task', () => {
    task({ eflags: Eflags.VM | 2, cs: 0x1000, ss: 0x2000, ds: 0x3000, es: 0x4000, fs: 0x5000, gs: 0x6000 })
    cpu.call('farJump', sel.otherTss, 0, 32, NEXT)
    expect(place()).toEqual([0x1000, 0x9000, 3, sel.otherTss])
    expect([Ss, Ds, Es, Fs, Gs].map(segment => cpu.get('segmentBase', segment))).toEqual([
      0x20000, 0x30000, 0x40000, 0x50000, 0x60000,
    ])
    expect(cpu.get('mode') & ModeBit.Virtual8086).toBe(ModeBit.Virtual8086)
  })
  test('loads the LDT before the segments that use it', () => {
    cpu.gdt(sel.spare, { access: 0x82, base: LDT, limit: 0x3f, flags: 0 })
    cpu.descriptor(LDT + 8, { access: 0x93, base: 0x123 })
    task({ ldt: sel.spare, ds: 0x0c })
    cpu.call('farJump', sel.otherTss, 0, 32, NEXT)
    expect([cpu.selector(Ldtr), cpu.get('segmentBase', Ds)]).toEqual([sel.spare, 0x123])
  })
  test('loads CR3 only while paging is on', () => {
    task({ cr3: 0x5000 })
    cpu.call('farJump', sel.otherTss, 0, 32, NEXT)
    expect(cpu.get('cr3')).not.toBe(0x5000)
    cpu.protect().page()
    for (let i = 0; i < 4; i++) cpu.write32(0x30000 + 4 * i, i === 0 ? (PAGE_TABLES + 0x1000) | 7 : 0)
    task({ cr3: 0x30000 })
    cpu.call('farJump', sel.otherTss, 0, 32, NEXT)
    expect(cpu.get('cr3')).toBe(0x30000)
  })
  test('clears the local breakpoint enables', () => {
    cpu.set('dr', 0x7ff, 7)
    cpu.call('farJump', sel.otherTss, 0, 32, NEXT)
    expect(cpu.get('dr', 7)).toBe(0x6aa)
  })
  test('the T bit raises #DB in the new task', () => {
    task({ trap: 1 })
    cpu.helpers.farJump(sel.otherTss, 0, 32, NEXT)
    expect(cpu.takeFault()).toEqual({ vector: Vector.DB, code: 0 })
    expect([cpu.get('dr', 6), ...place()]).toEqual([0xffff8ff0, sel.code0, 0x9000, 0, sel.otherTss])
  })
})

describe('16-bit tasks', () => {
  beforeEach(() => {
    cpu.protect()
    const words: [number, number][] = [
      [0x0e, 0x7000],
      [0x10, 2],
      [0x12, 0xaaaa],
      [0x1a, 0x8000],
      [0x22, sel.data16],
      [0x24, sel.code16],
      [0x26, sel.data16],
      [0x28, sel.data16],
      [0x2a, 0],
    ]
    for (const [offset, value] of words) cpu.write16(TSS16 + offset, value)
  })
  test('load words; FS and GS become null', () => {
    cpu.call('farCall', sel.tss16, 0, 32, NEXT)
    expect(place()).toEqual([sel.code16, 0x7000, 0, sel.tss16])
    expect([cpu.esp & 0xffff, cpu.get('gpr', Gpr.Eax) & 0xffff]).toEqual([0x8000, 0xaaaa])
    expect([cpu.selector(Fs), cpu.selector(Gs), cpu.eflags]).toEqual([0, 0, Eflags.NT | 2])
  })
  test('save words', () => {
    cpu.call('farCall', sel.tss16, 0, 32, NEXT)
    cpu.set('gpr', 0x12345678, Gpr.Ecx)
    cpu.call('iret', 16, 0x7100)
    expect(place()).toEqual([sel.code0, NEXT, 0, sel.tss32])
    expect([cpu.read16(TSS16 + 0x0e), cpu.read16(TSS16 + 0x14), cpu.read16(TSS16 + 0x24)]).toEqual([
      0x7100,
      0x5678,
      sel.code16,
    ])
    expect(cpu.read16(TSS16 + 0x10) & Eflags.NT).toBe(0)
  })
  test('need a limit of 43', () => {
    cpu.gdt(sel.tss16, { access: 0x81, base: TSS16, limit: 0x2a, flags: 0 })
    expect(cpu.faultOf('farJump', sel.tss16, 0, 32, NEXT)).toBe('10:50')
  })
})

describe('faults in the old task', () => {
  type Row = [name: string, prepare: () => void, selector: number, expected: string]
  const rows: Row[] = [
    ['TSS DPL below RPL', () => {}, sel.otherTss | 3, '13:58'],
    ['TSS DPL below CPL', () => void cpu.protect(3), sel.otherTss, '13:58'],
    ['busy', () => {}, sel.tss32, '13:40'],
    [
      'not present',
      () => cpu.gdt(sel.otherTss, { access: 0x09, base: OTHER_TSS, limit: 0x67, flags: 0 }),
      sel.otherTss,
      '11:58',
    ],
    [
      'too short',
      () => cpu.gdt(sel.otherTss, { access: 0x89, base: OTHER_TSS, limit: 0x66, flags: 0 }),
      sel.otherTss,
      '10:58',
    ],
    [
      'TSS in the LDT',
      () => cpu.descriptor(LDT + 8, { access: 0x89, base: OTHER_TSS, limit: 0x67, flags: 0 }),
      0x0c,
      '13:c',
    ],
    ['task gate DPL', () => cpu.gate(GDT + sel.taskGate, 0x85, sel.otherTss, 0), sel.taskGate | 3, '13:68'],
    ['task gate not present', () => cpu.gate(GDT + sel.taskGate, 0x05, sel.otherTss, 0), sel.taskGate, '11:68'],
    ['task gate to a busy TSS', () => cpu.gate(GDT + sel.taskGate, 0x85, sel.tss32, 0), sel.taskGate, '13:40'],
    ['task gate to data', () => cpu.gate(GDT + sel.taskGate, 0x85, sel.data0, 0), sel.taskGate, '13:10'],
    ['task gate to the LDT', () => cpu.gate(GDT + sel.taskGate, 0x85, 0x0c, 0), sel.taskGate, '13:c'],
    ['old TSS too short', () => cpu.set('segmentLimit', 0x5e, Tr), sel.otherTss, '10:40'],
    ['old TSS not mapped', () => void cpu.page(page => (page === TSS32 >> 12 ? 0 : 7)), sel.otherTss, '14:2'],
    ['new TSS not mapped', () => void cpu.page(page => (page === OTHER_TSS >> 12 ? 0 : 7)), sel.otherTss, '14:0'],
  ]
  test.each(rows)('%s', (_name, prepare, selector, expected) => {
    cpu.protect()
    task()
    prepare()
    expect(cpu.faultOf('farJump', selector, 0, 32, NEXT)).toBe(expected)
    expect(busy(sel.tss32)).toBe(true)
  })
  test.each([
    ['back link outside', 0x6660, '10:6660'],
    ['back link in the LDT', sel.otherTss | 4, '10:5c'],
    ['back link to an available TSS', sel.otherTss, '10:58'],
    ['back link to data', sel.data0, '10:10'],
  ])('IRET: %s', (_name, link, expected) => {
    cpu.protect()
    task()
    cpu.eflags = Eflags.NT | 2
    cpu.write16(TSS32, link)
    expect(cpu.faultOf('iret', 32, NEXT)).toBe(expected)
  })
})

describe('faults in the new task', () => {
  type Row = [name: string, changes: Partial<Record<keyof typeof at, number>>, expected: string, spare?: number]
  const rows: Row[] = [
    ['LDT in the LDT', { ldt: 0x0c }, '10:c'],
    ['LDT outside', { ldt: 0x5550 }, '10:5550'],
    ['LDT is data', { ldt: sel.data0 }, '10:10'],
    ['LDT not present', { ldt: sel.spare }, '10:70', 0x02],
    ['CS null', { cs: 0 }, '10:0'],
    ['CS outside', { cs: 0x4440 }, '10:4440'],
    ['CS data', { cs: sel.data0 }, '10:10'],
    ['CS DPL differs from RPL', { cs: sel.code0 | 3 }, '10:8'],
    ['CS conforming above RPL', { cs: sel.spare }, '10:70', 0xff],
    ['CS not present', { cs: sel.spare }, '11:70', 0x1b],
    ['SS null', { ss: 0 }, '10:0'],
    ['SS outside', { ss: 0x4440 }, '10:4440'],
    ['SS read-only', { ss: sel.readOnly }, '10:a8'],
    ['SS RPL', { ss: sel.data0 | 1 }, '10:10'],
    ['SS DPL', { ss: sel.data3 & ~3 }, '10:20'],
    ['SS not present', { ss: sel.spare }, '12:70', 0x13],
    ['DS outside', { ds: 0x4440 }, '10:4440'],
    ['ES execute-only', { es: sel.execOnly }, '10:a0'],
    ['FS RPL above DPL', { fs: sel.data0 | 3 }, '10:10'],
    ['GS not present', { gs: sel.spare }, '11:70', 0x13],
    ['EIP beyond the limit', { cs: sel.code16, eip: 0x10000 }, '13:0'],
  ]
  test.each(rows)('%s', (_name, changes, expected, spare) => {
    cpu.protect()
    if (spare !== undefined) cpu.gdt(sel.spare, { access: spare })
    task(changes)
    cpu.helpers.farJump(sel.otherTss, 0, 32, NEXT)
    const fault = cpu.takeFault()
    expect(`${fault?.vector}:${fault?.code.toString(16)}`).toBe(expected)
    // The switch itself has happened.
    expect([cpu.selector(Tr), cpu.get('eip'), busy(sel.tss32)]).toEqual([sel.otherTss, changes.eip ?? 0x9000, false])
    expect(cpu.read32(TSS32 + at.eip)).toBe(NEXT)
  })
  test('a level 3 task may not be given level 0 data', () => {
    cpu.protect()
    task({ cs: sel.code3, ss: sel.data3, ds: sel.data0, es: 0 })
    cpu.helpers.farJump(sel.otherTss, 0, 32, NEXT)
    expect(cpu.takeFault()).toEqual({ vector: Vector.TS, code: sel.data0 })
  })
  test('a task gate with DPL 3 serves level 3', () => {
    cpu.protect(3)
    task()
    cpu.gate(GDT + sel.taskGate, 0x85 | DPL3, sel.otherTss, 0)
    cpu.call('farCall', sel.taskGate, 0, 32, NEXT)
    expect(place()).toEqual([sel.code0, 0x9000, 0, sel.otherTss])
  })
})
