/** Delivery of interrupts and exceptions in every mode (SDM vol. 2, INT n; vol. 3, chapter 6, 20.2, 20.3). */
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { ExitReason } from '../../../runtime/exits.ts'
import { Eflags, ModeBit, Segment, Vector } from '../../../runtime/state.ts'
import { Cpu, GDT, IDT, INNER_STACK_TOP, OTHER_TSS, REAL_STACK_TOP, STACK_TOP, sel, TSS32 } from './cpu.ts'

const { Es, Cs, Ss, Ds, Fs, Gs } = Segment
const NEXT = 0x1234
/** Kinds of event: INT n, INT3 and INTO, INT1. */
const INT_N = 0
const INT3 = 1
const INT1 = 2
/** Access bytes of gates with DPL 0. */
const INT32 = 0x8e
const TRAP32 = 0x8f
const INT16 = 0x86
const TASK = 0x85
const DPL3 = 0x60
const HANDLER = 0x00456789
let cpu: Cpu

beforeAll(async () => {
  cpu = await Cpu.create()
}, 60000)

const place = () => [cpu.selector(Cs), cpu.get('eip'), cpu.get('cpl')]
const idt = (vector: number, access: number, selector: number, offset = HANDLER) =>
  cpu.gate(IDT + vector * 8, access, selector, offset)

/** Makes an exception pending and delivers it; gives what deliverException answers. */
function deliver(vector: number, code = 0): number {
  cpu.set('fault', vector + 1)
  cpu.set('faultErrorCode', code)
  return cpu.call('deliverException')
}

describe('real mode', () => {
  beforeEach(() => cpu.real())
  test('pushes FLAGS, CS, IP and clears IF, TF, AC', () => {
    cpu.write32(0x21 * 4, 0x12345678)
    cpu.eflags = Eflags.IF | Eflags.TF | Eflags.AC | Eflags.CF | 2
    cpu.set('segmentSelector', 0x77, Cs)
    cpu.call('deliverInterrupt', 0x21, NEXT, INT_N)
    expect(cpu.values(cpu.esp, 16, 3)).toEqual([NEXT, 0x77, Eflags.IF | Eflags.TF | Eflags.CF | 2])
    expect([cpu.eflags, cpu.esp]).toEqual([Eflags.CF | 2, REAL_STACK_TOP - 6])
    expect([cpu.selector(Cs), cpu.get('segmentBase', Cs), cpu.get('eip')]).toEqual([0x1234, 0x12340, 0x5678])
  })
  test('finds the table at IDTR.base', () => {
    cpu.set('idtrBase', 0x800)
    cpu.write32(0x800 + 4 * 4, 0x00100020)
    cpu.call('deliverInterrupt', 4, NEXT, INT_N)
    expect([cpu.selector(Cs), cpu.get('eip')]).toEqual([0x10, 0x20])
  })
  test('a vector beyond IDTR.limit raises #GP', () => {
    cpu.set('idtrLimit', 0x21 * 4 + 2)
    expect(cpu.faultOf('deliverInterrupt', 0x21, NEXT, INT_N)).toBe('13:0')
  })
  test('exceptions push no error code and resume at the instruction', () => {
    cpu.write32(Vector.GP * 4, 0x00300040)
    cpu.set('eip', 0x777)
    expect(deliver(Vector.GP, 0)).toBe(0)
    expect([cpu.read16(cpu.esp), cpu.esp]).toEqual([0x777, REAL_STACK_TOP - 6])
  })
  test('no room on the stack ends in a triple fault', () => {
    cpu.esp = 1
    expect(deliver(Vector.GP)).toBe(1)
    expect(cpu.get('exitReason')).toBe(ExitReason.TripleFault)
  })
  test('hardware interrupts wake from HLT and end shadows', () => {
    cpu.set('halted', 1)
    cpu.set('interruptShadow', 1)
    cpu.call('deliverHardwareInterrupt', 8)
    expect([cpu.get('halted'), cpu.get('interruptShadow')]).toEqual([0, 0])
  })
})

describe('protected mode gates', () => {
  test('interrupt gate at the same level pushes EFLAGS, CS, EIP and clears IF', () => {
    cpu.protect()
    idt(0x30, INT32, sel.code0)
    cpu.eflags = Eflags.IF | Eflags.NT | Eflags.CF | 2
    cpu.call('deliverInterrupt', 0x30, NEXT, INT_N)
    expect(cpu.values(cpu.esp, 32, 3)).toEqual([NEXT, sel.code0, Eflags.IF | Eflags.NT | Eflags.CF | 2])
    expect([cpu.eflags, cpu.esp, ...place()]).toEqual([Eflags.CF | 2, STACK_TOP - 12, sel.code0, HANDLER, 0])
  })
  test('trap gate keeps IF and clears TF', () => {
    cpu.protect()
    idt(0x30, TRAP32, sel.code0)
    cpu.eflags = Eflags.IF | Eflags.TF | 2
    cpu.call('deliverInterrupt', 0x30, NEXT, INT_N)
    expect(cpu.eflags).toBe(Eflags.IF | 2)
  })
  test('16-bit gate pushes words and takes a 16-bit offset', () => {
    cpu.protect()
    idt(0x30, INT16, sel.code0, 0xabcd1234)
    cpu.call('deliverInterrupt', 0x30, NEXT, INT_N)
    expect([cpu.esp, cpu.get('eip')]).toEqual([STACK_TOP - 6, 0x1234])
    expect(cpu.values(cpu.esp, 16, 3)).toEqual([NEXT, sel.code0, 2])
  })
  test('from level 3 to level 0 switches the stack', () => {
    cpu.protect(3)
    idt(0x30, INT32 | DPL3, sel.code0)
    cpu.call('deliverInterrupt', 0x30, NEXT, INT_N)
    expect(cpu.values(cpu.esp, 32, 5)).toEqual([NEXT, sel.code3, 2, STACK_TOP, sel.data3])
    expect([cpu.esp, cpu.selector(Ss), ...place()]).toEqual([INNER_STACK_TOP - 20, sel.data0, sel.code0, HANDLER, 0])
  })
  test('a conforming handler runs at the interrupted level', () => {
    cpu.protect(3)
    idt(0x30, INT32 | DPL3, sel.conforming0)
    cpu.call('deliverInterrupt', 0x30, NEXT, INT_N)
    expect([...place(), cpu.esp]).toEqual([sel.conforming0 | 3, HANDLER, 3, STACK_TOP - 12])
  })

  type Row = [
    name: string,
    cpl: number,
    kind: number,
    access: number,
    selector: number,
    expected: string,
    spare?: number,
  ]
  const error = (0x30 * 8 + 2).toString(16)
  const rows: Row[] = [
    ['INT n through a DPL 0 gate from level 3', 3, INT_N, INT32, sel.code0, `13:${error}`],
    ['INT3 through a DPL 0 gate from level 3', 3, INT3, INT32, sel.code0, `13:${error}`],
    ['INT1 through a DPL 0 gate from level 3', 3, INT1, INT32, sel.code0, 'ok'],
    ['gate not present', 0, INT_N, 0x0e, sel.code0, `11:${error}`],
    ['gate not present, EXT', 0, INT1, 0x0e, sel.code0, `11:${(0x30 * 8 + 3).toString(16)}`],
    ['DPL is checked before P', 3, INT_N, 0x0e, sel.code0, `13:${error}`],
    ['call gate', 0, INT_N, 0x8c, sel.code0, `13:${error}`],
    ['data descriptor', 0, INT_N, 0x92, sel.code0, `13:${error}`],
    ['TSS descriptor', 0, INT_N, 0x89, sel.code0, `13:${error}`],
    ['null selector', 0, INT_N, INT32, 0, '13:0'],
    ['null selector, EXT', 0, INT1, INT32, 0, '13:1'],
    ['selector outside', 0, INT_N, INT32, 0x6660, '13:6660'],
    ['selector outside, EXT', 0, INT1, INT32, 0x6660, '13:6661'],
    ['data segment', 0, INT_N, INT32, sel.data0, '13:10'],
    ['outer handler', 0, INT_N, INT32, sel.code3, '13:18'],
    ['handler not present', 0, INT_N, INT32, sel.spare, '11:70', 0x1b],
    ['offset beyond the limit', 0, INT_N, INT32, sel.code16, '13:0'],
    ['task gate to a busy TSS', 0, INT_N, TASK, sel.tss32, '13:40'],
    ['task gate into the LDT', 0, INT_N, TASK, sel.otherTss | 4, '13:5c'],
    ['task gate outside the GDT', 0, INT1, TASK, 0x7770, '13:7771'],
    ['task gate to a TSS that is absent', 0, INT_N, TASK, sel.spare, '11:70', 0x09],
  ]
  test.each(rows)('%s', (_name, cpl, kind, access, selector, expected, spare) => {
    cpu.protect(cpl)
    if (spare !== undefined) cpu.gdt(sel.spare, { access: spare })
    idt(0x30, access, selector)
    if (expected === 'ok') cpu.call('deliverInterrupt', 0x30, NEXT, kind)
    else expect(cpu.faultOf('deliverInterrupt', 0x30, NEXT, kind)).toBe(expected)
  })
  test('a vector beyond IDTR.limit names itself', () => {
    cpu.protect()
    cpu.set('idtrLimit', 0x30 * 8 + 6)
    expect(cpu.faultOf('deliverInterrupt', 0x30, NEXT, INT_N)).toBe(`13:${error}`)
  })
  test('inner stack faults carry EXT for events from outside', () => {
    cpu.protect(3)
    idt(0x30, INT32 | DPL3, sel.code0)
    cpu.write16(TSS32 + 8, sel.data3)
    expect(cpu.faultOf('deliverInterrupt', 0x30, NEXT, INT_N)).toBe('10:20')
    expect(cpu.faultOf('deliverInterrupt', 0x30, NEXT, INT1)).toBe('10:21')
  })
  test('no room on the current stack raises #SS(0)', () => {
    cpu.protect()
    idt(0x30, INT32, sel.code0)
    cpu.cache(Ss, sel.data16, 0, 0x7fff, 0x93)
    expect(cpu.faultOf('deliverInterrupt', 0x30, NEXT, INT_N)).toBe('12:0')
  })
  test('INTO goes on when OF is clear', () => {
    cpu.protect()
    cpu.call('interruptOnOverflow', NEXT)
    expect(place()).toEqual([sel.code0, NEXT, 0])
    idt(Vector.OF, TRAP32, sel.code0)
    cpu.eflags = Eflags.OF | 2
    cpu.call('interruptOnOverflow', NEXT)
    expect([cpu.get('eip'), cpu.read32(cpu.esp)]).toEqual([HANDLER, NEXT])
  })
})

describe('exceptions', () => {
  test.each([
    [Vector.DE, undefined],
    [Vector.UD, undefined],
    [Vector.NM, undefined],
    [Vector.MF, undefined],
    [Vector.TS, 0x40],
    [Vector.NP, 0x50],
    [Vector.SS, 0x18],
    [Vector.GP, 0x1232],
    [Vector.PF, 7],
    [Vector.AC, 0],
  ])('vector %i pushes error code %s and sets RF in the image', (vector, code) => {
    cpu.protect(3)
    idt(vector, INT32, sel.code0)
    cpu.set('eip', 0x4444)
    expect(deliver(vector, code ?? 0x99)).toBe(0)
    const frame = [0x4444, sel.code3, Eflags.RF | 2, STACK_TOP, sel.data3]
    const expected = code === undefined ? frame : [code, ...frame]
    expect(cpu.esp).toBe(INNER_STACK_TOP - 4 * expected.length)
    expect(cpu.values(cpu.esp, 32, expected.length)).toEqual(expected)
    expect(cpu.eflags & Eflags.RF).toBe(0)
  })
  test('a 16-bit gate pushes a 16-bit error code', () => {
    cpu.protect()
    idt(Vector.GP, INT16, sel.code0)
    deliver(Vector.GP, 0x1238)
    expect(cpu.values(cpu.esp, 16, 2)).toEqual([0x1238, 0x100])
    expect(cpu.esp).toBe(STACK_TOP - 8)
  })
  /** What is delivered when `first` meets an absent gate (#NP) or a page fault on its way. */
  const NONE = 0
  type Row = [first: number, gates: number[], delivered: number, code: number]
  const rows: Row[] = [
    // A benign exception is followed by the #NP of its gate, with EXT.
    [Vector.UD, [Vector.NP], Vector.NP, Vector.UD * 8 + 3],
    [Vector.DB, [Vector.NP], Vector.NP, Vector.DB * 8 + 3],
    // Contributory and page faults make #DF.
    [Vector.DE, [Vector.NP, Vector.DF], Vector.DF, 0],
    [Vector.GP, [Vector.NP, Vector.DF], Vector.DF, 0],
    [Vector.TS, [Vector.NP, Vector.DF], Vector.DF, 0],
    [Vector.SS, [Vector.NP, Vector.DF], Vector.DF, 0],
    [Vector.PF, [Vector.NP, Vector.DF], Vector.DF, 0],
    // #NP itself has no gate: contributory after contributory.
    [Vector.UD, [Vector.DF], Vector.DF, 0],
    [Vector.GP, [], NONE, 0],
  ]
  test.each(rows)('vector %i with gates %j delivers %i', (first, gates, delivered, code) => {
    cpu.protect()
    for (let vector = 0; vector < 32; vector++) idt(vector, 0x0e, sel.code0)
    for (const vector of gates) idt(vector, INT32, sel.code0, 0x1000 + vector)
    if (delivered === NONE) {
      expect(deliver(first)).toBe(1)
      expect(cpu.get('exitReason')).toBe(ExitReason.TripleFault)
      return
    }
    expect(deliver(first)).toBe(0)
    expect(cpu.get('eip')).toBe(0x1000 + delivered)
    expect(cpu.read32(cpu.esp)).toBe(code)
    expect(cpu.read32(cpu.esp + 4)).toBe(0x100)
  })
  test('a page fault while a contributory exception is delivered is handled in turn', () => {
    cpu.protect(3).page(page => (page === 0x11 ? 0 : 7))
    idt(Vector.GP, INT32, sel.code0)
    idt(Vector.PF, INT32, sel.conforming0)
    expect(deliver(Vector.GP)).toBe(0)
    expect([cpu.get('eip'), cpu.get('cr2'), cpu.selector(Cs)]).toEqual([
      HANDLER,
      INNER_STACK_TOP - 4,
      sel.conforming0 | 3,
    ])
  })
  test('a page fault while a page fault is delivered is a double fault', () => {
    cpu.protect(3).page(page => (page === 0x11 ? 0 : 7))
    idt(Vector.PF, INT32, sel.code0)
    idt(Vector.DF, INT32, sel.conforming0, 0x888)
    expect(deliver(Vector.PF, 4)).toBe(0)
    expect([cpu.get('eip'), cpu.read32(cpu.esp)]).toEqual([0x888, 0])
  })
  test('a failing hardware interrupt delivers the fault with EXT', () => {
    cpu.protect()
    idt(0x40, 0x0e, sel.code0)
    idt(Vector.NP, INT32, sel.code0)
    expect(cpu.call('deliverHardwareInterrupt', 0x40)).toBe(0)
    expect(cpu.read32(cpu.esp)).toBe(0x40 * 8 + 3)
  })
  test('EXT does not stick to later faults', () => {
    cpu.protect()
    idt(Vector.NP, INT32, sel.code0)
    cpu.call('deliverHardwareInterrupt', 0x40)
    expect(cpu.faultOf('loadSegment', Ds, 0x5550)).toBe('13:5550')
  })
})

describe('#DB', () => {
  test('a single step pushes the next EIP without RF, reports BS and disarms GD', () => {
    cpu.protect()
    idt(Vector.DB, INT32, sel.code0)
    cpu.eflags = Eflags.TF | 2
    cpu.set('dr', 0x2400, 7)
    expect(cpu.call('deliverDebugTrap', 1 << 14)).toBe(0)
    expect(cpu.values(cpu.esp, 32, 3)).toEqual([0x100, sel.code0, Eflags.TF | 2])
    expect([cpu.get('dr', 6), cpu.get('dr', 7), cpu.eflags]).toEqual([0xffff4ff0, 0x400, 2])
  })
  test('MOV SS holds it off', () => {
    cpu.protect()
    cpu.call('moveToSegment', Ss, sel.data0)
    expect(cpu.call('deliverDebugTrap', 1 << 14)).toBe(0)
    expect(place()).toEqual([sel.code0, 0x100, 0])
  })
})

describe('virtual-8086 mode', () => {
  const VME = 1
  test('goes to level 0 with all segments pushed and nulled', () => {
    cpu.virtual8086(3)
    for (const [segment, selector] of [
      [Es, 0x1],
      [Ds, 0x2],
      [Fs, 0x3],
      [Gs, 0x4],
      [Ss, 0x5],
      [Cs, 0x6],
    ])
      cpu.set('segmentSelector', selector * 0x1111, segment)
    idt(0x30, INT32 | DPL3, sel.code0)
    cpu.call('deliverInterrupt', 0x30, NEXT, INT_N)
    expect(cpu.values(cpu.esp, 32, 9)).toEqual([
      NEXT,
      0x6666,
      Eflags.VM | Eflags.IOPL | 2,
      REAL_STACK_TOP,
      0x5555,
      0x1111,
      0x2222,
      0x3333,
      0x4444,
    ])
    expect([Es, Ds, Fs, Gs].map(segment => cpu.selector(segment) + cpu.get('segmentAccess', segment))).toEqual([
      0, 0, 0, 0,
    ])
    expect([...place(), cpu.eflags & Eflags.VM]).toEqual([sel.code0, HANDLER, 0, 0])
    expect(cpu.get('mode') & ModeBit.Virtual8086).toBe(0)
  })
  test('an exception pushes its error code above that', () => {
    cpu.virtual8086(0)
    idt(Vector.GP, INT32, sel.code0)
    deliver(Vector.GP, 0)
    expect(cpu.esp).toBe(INNER_STACK_TOP - 40)
    expect(cpu.read32(cpu.esp + 12)).toBe(Eflags.VM | Eflags.RF | 2)
  })
  test('INT n needs IOPL 3, INT3 does not', () => {
    cpu.virtual8086(2)
    idt(0x30, INT32 | DPL3, sel.code0)
    idt(3, INT32 | DPL3, sel.code0)
    expect(cpu.faultOf('deliverInterrupt', 0x30, NEXT, INT_N)).toBe('13:0')
    cpu.call('deliverInterrupt', 3, NEXT, INT3)
    expect(cpu.get('eip')).toBe(HANDLER)
  })
  test.each([
    ['level 3', sel.code3, '13:18'],
    ['level 1', sel.code1 & ~3, '13:78'],
    ['conforming', sel.conforming0, '13:28'],
  ])('a handler at %s is refused', (_name, selector, expected) => {
    cpu.virtual8086(3)
    idt(0x30, INT32 | DPL3, selector)
    expect(cpu.faultOf('deliverInterrupt', 0x30, NEXT, INT_N)).toBe(expected)
  })

  describe('VME redirection', () => {
    /** The redirection bitmap lies below the I/O bitmap, at 0x88 here. */
    const redirect = (vector: number, set: boolean) => {
      cpu.write16(TSS32 + 0x66, 0x88)
      cpu.write8(TSS32 + 0x68 + (vector >> 3), set ? 1 << (vector & 7) : 0)
    }
    beforeEach(() => {
      cpu.virtual8086(0)
      cpu.write32(0x21 * 4, 0x00500060)
    })
    test('a clear bit with IOPL 3 uses the table at 0 and the real IF', () => {
      cpu.set('cr4', VME)
      cpu.eflags = Eflags.VM | Eflags.IOPL | Eflags.IF | 2
      redirect(0x21, false)
      cpu.call('deliverInterrupt', 0x21, NEXT, INT_N)
      expect([cpu.selector(Cs), cpu.get('eip'), cpu.eflags]).toEqual([0x50, 0x60, Eflags.VM | Eflags.IOPL | 2])
      expect(cpu.values(cpu.esp, 16, 3)).toEqual([NEXT, 0, Eflags.IOPL | Eflags.IF | 2])
    })
    test('a clear bit with IOPL 0 virtualises IF', () => {
      cpu.set('cr4', VME)
      cpu.eflags = Eflags.VM | Eflags.VIF | Eflags.IF | 2
      redirect(0x21, false)
      cpu.call('deliverInterrupt', 0x21, NEXT, INT_N)
      expect(cpu.eflags).toBe(Eflags.VM | Eflags.IF | 2)
      expect(cpu.read16(cpu.esp + 4)).toBe(Eflags.IOPL | Eflags.IF | 2)
    })
    test('a set bit with IOPL 0 raises #GP(0), with IOPL 3 uses the IDT', () => {
      cpu.set('cr4', VME)
      redirect(0x21, true)
      expect(cpu.faultOf('deliverInterrupt', 0x21, NEXT, INT_N)).toBe('13:0')
      cpu.eflags = Eflags.VM | Eflags.IOPL | 2
      idt(0x21, INT32 | DPL3, sel.code0)
      cpu.call('deliverInterrupt', 0x21, NEXT, INT_N)
      expect(place()).toEqual([sel.code0, HANDLER, 0])
    })
  })
})

describe('task gates', () => {
  beforeEach(() => {
    cpu.protect()
    cpu.write32(OTHER_TSS + 0x20, 0x9000)
    cpu.write32(OTHER_TSS + 0x24, 2)
    cpu.write32(OTHER_TSS + 0x38, 0x8000)
    for (const [i, selector] of [sel.data0, sel.code0, sel.data0, sel.data0, 0, 0].entries())
      cpu.write32(OTHER_TSS + 0x48 + 4 * i, selector)
    cpu.write32(OTHER_TSS + 0x60, 0)
    cpu.write32(OTHER_TSS + 0x64, 0x680000)
  })
  test('an exception switches the task and pushes its error code on the new stack', () => {
    idt(Vector.GP, TASK, sel.otherTss)
    expect(deliver(Vector.GP, 0x77)).toBe(0)
    expect([...place(), cpu.esp, cpu.read32(cpu.esp)]).toEqual([sel.code0, 0x9000, 0, 0x7ffc, 0x77])
    expect([cpu.read16(OTHER_TSS), cpu.eflags]).toEqual([sel.tss32, Eflags.NT | 2])
    expect(cpu.read32(TSS32 + 0x24)).toBe(Eflags.RF | 2)
    expect(cpu.read32(TSS32 + 0x20)).toBe(0x100)
  })
  test('a double fault through a task gate saves the faulting place', () => {
    idt(Vector.DF, TASK, sel.otherTss)
    expect(deliver(Vector.GP)).toBe(0)
    expect([cpu.get('eip'), cpu.read32(TSS32 + 0x20), cpu.read32(cpu.esp)]).toEqual([0x9000, 0x100, 0])
  })
  test('INT n saves the next instruction', () => {
    idt(0x30, TASK, sel.otherTss)
    cpu.call('deliverInterrupt', 0x30, NEXT, INT_N)
    expect(cpu.read32(TSS32 + 0x20)).toBe(NEXT)
    expect(cpu.read8(GDT + sel.otherTss + 5)).toBe(0x8b)
  })
})
