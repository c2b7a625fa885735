/** x87 environment, state images, exceptions on entry, and faults in the middle of an image. */
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { FAULT_FERR, Cr0, Eflags, Segment, Vector } from '../../../runtime/state.ts'
import { X87Machine } from './machine.ts'

const IMAGE = 0x3000
const MISSING = 0x5000
/** FSTENV images of 28 bytes that begin here run into the missing page. */
const STRADDLING = MISSING - 16
const ONE = { sig: 0x8000000000000000n, se: 0x3fff }

let m: X87Machine

beforeAll(() => {
  m = X87Machine.create()
}, 120_000)

beforeEach(() => m.reset())

const words = (count: number, at = IMAGE): string[] =>
  Array.from({ length: count }, (_, i) =>
    m.view
      .getUint16(m.ram(at + i * 2), true)
      .toString(16)
      .padStart(4, '0'),
  )
const doublewords = (count: number, at = IMAGE): string[] =>
  Array.from({ length: count }, (_, i) =>
    m.view
      .getUint32(m.ram(at + i * 4), true)
      .toString(16)
      .padStart(8, '0'),
  )

/** TOP 5, ST(0) = 1, ST(1) = 0, ST(2) a NaN; pointers with recognisable values. */
function fill(): void {
  m.setField('fpuControl', 0x027f)
  m.setField('fpuStatus', 0x4121)
  m.setField('fpuTop', 5)
  m.setField('fpuTag', 0b11100000)
  m.setRegister(5, ONE)
  m.setRegister(6, { sig: 0n, se: 0x8000 })
  m.setRegister(7, { sig: 0xc000000000000001n, se: 0x7fff })
  m.setField('fpuOpcode', 0x5a1)
  m.setField('fpuInstructionOffset', 0x12345678)
  m.setField('fpuInstructionSelector', 0x23)
  m.setField('fpuDataOffset', 0x9abcdef0)
  m.setField('fpuDataSelector', 0x2b)
}

/** Status with TOP 5; tags of R7, R6, R5 are special, zero, valid. */
const STATUS = '6921'
const TAGS = '93ff'

describe('FNSTENV layouts (SDM vol. 1, figures 8-9 to 8-12)', () => {
  it('protected, 32 bits', () => {
    fill()
    m.helpers.x87StoreEnvironment(IMAGE, 32)
    expect(doublewords(7)).toEqual([
      'ffff027f',
      `ffff${STATUS}`,
      `ffff${TAGS}`,
      '12345678',
      '05a10023',
      '9abcdef0',
      'ffff002b',
    ])
  })

  it('protected, 16 bits', () => {
    fill()
    m.helpers.x87StoreEnvironment(IMAGE, 16)
    expect(words(7)).toEqual(['027f', STATUS, TAGS, '5678', '0023', 'def0', '002b'])
  })

  it.each([
    ['real mode', Cr0.NE, 0],
    ['virtual 8086', Cr0.PE | Cr0.NE, Eflags.VM],
  ])('%s, both sizes: linear addresses', (_name, cr0, eflags) => {
    fill()
    m.setField('cr0', cr0)
    m.setField('eflags', eflags)
    m.setField('fpuInstructionOffset', 0x5678)
    m.setField('fpuInstructionSelector', 0xa234)
    m.setField('fpuDataOffset', 0xfff0)
    m.setField('fpuDataSelector', 0xb001)
    m.helpers.x87StoreEnvironment(IMAGE, 32)
    expect(doublewords(7)).toEqual([
      'ffff027f',
      `ffff${STATUS}`,
      `ffff${TAGS}`,
      'ffff79b8',
      '0000a5a1',
      'ffff0000',
      '0000c000',
    ])
    m.helpers.x87StoreEnvironment(IMAGE, 16)
    expect(words(7)).toEqual(['027f', STATUS, TAGS, '79b8', 'a5a1', '0000', 'c000'])
  })

  it('masks all exceptions afterwards and settles what was pending', () => {
    m.helpers.x87LoadControlWord(0x37e)
    m.setField('fpuStatus', 0x0001)
    m.helpers.x87LoadControlWord(0x37e)
    expect(m.helpers.x87StatusWord()).toBe(0x8081)
    m.helpers.x87StoreEnvironment(IMAGE, 32)
    expect(doublewords(2)).toEqual(['ffff037e', 'ffff8081'])
    expect(m.helpers.x87ControlWord()).toBe(0x37f)
    expect(m.helpers.x87StatusWord()).toBe(0x0001)
  })
})

describe('FLDENV', () => {
  it.each([
    ['protected', Cr0.PE | Cr0.NE, 32],
    ['protected', Cr0.PE | Cr0.NE, 16],
    ['real', Cr0.NE, 32],
    ['real', Cr0.NE, 16],
  ])('takes back what FNSTENV gave: %s mode', (_mode, cr0, size) => {
    fill()
    m.setField('cr0', cr0)
    m.setField('fpuDataOffset', 0x1234)
    m.setField('fpuInstructionOffset', 0x4321)
    m.helpers.x87StoreEnvironment(IMAGE, size)
    const before = size === 32 ? doublewords(7) : words(7)
    m.helpers.x87Initialise()
    m.helpers.x87LoadEnvironment(IMAGE, size)
    m.helpers.x87StoreEnvironment(IMAGE, size)
    expect(size === 32 ? doublewords(7) : words(7)).toEqual(before)
  })

  it('works out ES and B, whatever the image says', () => {
    fill()
    m.helpers.x87StoreEnvironment(IMAGE, 32)
    m.view.setUint32(m.ram(IMAGE), 0x37e, true)
    m.view.setUint32(m.ram(IMAGE + 4), 0x0001, true)
    m.helpers.x87LoadEnvironment(IMAGE, 32)
    expect(m.helpers.x87StatusWord()).toBe(0x8081)
    m.view.setUint32(m.ram(IMAGE), 0x37f, true)
    m.view.setUint32(m.ram(IMAGE + 4), 0x8081, true)
    m.helpers.x87LoadEnvironment(IMAGE, 32)
    expect(m.helpers.x87StatusWord()).toBe(0x0001)
  })
})

describe('FNSAVE and FRSTOR', () => {
  it.each([16, 32])('store registers from ST(0) on and initialise; size %i', size => {
    fill()
    for (let i = 0; i < 8; i++) m.setRegister(i, { sig: 0x8000000000000000n + BigInt(i), se: 0x3ff0 + i })
    m.helpers.x87Save(IMAGE, size)
    const registers = IMAGE + (size === 16 ? 14 : 28)
    const stored = Array.from({ length: 8 }, (_, i) => m.view.getUint16(m.ram(registers + i * 10 + 8), true))
    expect(stored).toEqual([0x3ff5, 0x3ff6, 0x3ff7, 0x3ff0, 0x3ff1, 0x3ff2, 0x3ff3, 0x3ff4])
    expect([m.helpers.x87ControlWord(), m.helpers.x87StatusWord(), m.helpers.tagWord()]).toEqual([0x37f, 0, 0xffff])
    for (let i = 0; i < 8; i++) m.setRegister(i, { sig: 0n, se: 0 })
    m.helpers.x87Restore(IMAGE, size)
    expect(m.helpers.x87StatusWord()).toBe(0x6921)
    expect(Array.from({ length: 8 }, (_, i) => m.register(i).se)).toEqual(
      Array.from({ length: 8 }, (_, i) => 0x3ff0 + i),
    )
    expect(m.register(3).sig).toBe(0x8000000000000003n)
  })
})

describe('FXSAVE and FXRSTOR', () => {
  it('store and take back the whole state', () => {
    fill()
    m.setField('mxcsr', 0x1fa0)
    for (let i = 0; i < 8; i++) m.setField('xmm', 0x11110000 + i, i)
    m.helpers.fxsave(IMAGE)
    expect(doublewords(8)).toEqual([
      '6921027f',
      '05a100e0',
      '12345678',
      '00000023',
      '9abcdef0',
      '0000002b',
      '00001fa0',
      '0000ffff',
    ])
    expect(m.view.getBigUint64(m.ram(IMAGE + 32), true)).toBe(ONE.sig)
    expect(m.view.getUint32(m.ram(IMAGE + 160 + 16 * 3), true)).toBe(0x11110003)
    const first = doublewords(72)
    m.reset()
    m.setField('mxcsr', 0x1f80)
    for (let i = 0; i < 8; i++) {
      m.setField('xmm', 0, i)
      m.setRegister(i, { sig: 0n, se: 0 })
    }
    m.helpers.fxrstor(IMAGE)
    m.helpers.fxsave(IMAGE)
    expect(doublewords(72)).toEqual(first)
  })

  it('fault on a misaligned image and on reserved MXCSR bits, changing nothing', () => {
    fill()
    m.helpers.fxsave(IMAGE + 8)
    expect(m.takeFault()).toBe(Vector.GP)
    m.helpers.fxsave(IMAGE)
    m.view.setUint32(m.ram(IMAGE + 24), 0x10000, true)
    m.view.setUint16(m.ram(IMAGE), 0x300, true)
    m.helpers.fxrstor(IMAGE)
    expect(m.takeFault()).toBe(Vector.GP)
    expect(m.helpers.x87ControlWord()).toBe(0x27f)
  })

  it('raise #NM when the task has switched', () => {
    m.setField('cr0', Cr0.PE | Cr0.TS)
    m.helpers.fxsave(IMAGE + 1)
    expect(m.takeFault()).toBe(Vector.NM)
  })
})

describe('exceptions on entry', () => {
  const PENDING = 0x8081

  it.each([
    // helper, CR0, status, vector
    ['x87Check', Cr0.NE, 0, -1],
    ['x87Check', Cr0.NE | Cr0.TS, 0, Vector.NM],
    ['x87Check', Cr0.NE | Cr0.EM, PENDING, Vector.NM],
    ['x87Check', Cr0.NE | Cr0.MP, PENDING, Vector.MF],
    ['x87Check', 0, PENDING, FAULT_FERR],
    ['x87Begin', Cr0.NE, PENDING, Vector.MF],
    ['x87Available', Cr0.NE, PENDING, -1],
    ['x87Available', Cr0.NE | Cr0.EM, 0, Vector.NM],
    ['x87Wait', Cr0.NE | Cr0.TS, 0, -1],
    ['x87Wait', Cr0.NE | Cr0.MP, 0, -1],
    ['x87Wait', Cr0.NE | Cr0.EM, 0, -1],
    ['x87Wait', Cr0.NE | Cr0.MP | Cr0.TS, PENDING, Vector.NM],
    ['x87Wait', Cr0.NE, PENDING, Vector.MF],
  ])('%s with CR0 %i, status %i: vector %i', (helper, cr0, status, vector) => {
    m.setField('cr0', Cr0.PE | cr0)
    m.setField('fpuControl', 0x37e)
    m.setField('fpuStatus', status)
    m.helpers[helper]()
    expect(m.takeFault()).toBe(vector)
  })

  it('a refused instruction is not recorded', () => {
    m.setField('fpuInstructionOffset', 0x1111)
    m.setField('eip', 0x2222)
    m.setField('cr0', Cr0.PE | Cr0.TS)
    m.helpers.x87Begin()
    m.takeFault()
    expect(m.field('fpuInstructionOffset')).toBe(0x1111)
    m.setField('cr0', Cr0.PE)
    m.helpers.x87Begin()
    expect(m.field('fpuInstructionOffset')).toBe(0x2222)
  })

  it('records the selector and offset of a memory operand', () => {
    m.setField('segmentSelector', 0x33, Segment.Es)
    m.setField('segmentSelector', 0x1b, Segment.Cs)
    m.helpers.x87Record(Segment.Es, 0x777)
    expect([m.field('fpuDataSelector'), m.field('fpuDataOffset'), m.field('fpuInstructionSelector')]).toEqual([
      0x33, 0x777, 0x1b,
    ])
  })

  it('records the opcode of an instruction that raises an unmasked exception', () => {
    // 2E D8 30: FDIV dword CS:[EAX], division of 1 by 0.
    m.setField('eip', 0x4000)
    m.setField('segmentBase', 0, Segment.Cs)
    for (const [i, byte] of [0x2e, 0xd8, 0x30].entries()) m.view.setUint8(m.ram(0x4000 + i), byte)
    m.helpers.x87LoadConstant(0)
    m.helpers.x87QuotientFloat32(6, 0, Segment.Ds, 0)
    expect(m.field('fpuOpcode')).toBe(0)
    m.reset()
    m.helpers.x87LoadControlWord(0x37b)
    m.helpers.x87LoadConstant(0)
    m.helpers.x87QuotientFloat32(6, 0, Segment.Ds, 0)
    expect(m.field('fpuOpcode')).toBe(0x030)
    expect(m.register(7)).toEqual(ONE)
  })
})

describe('page faults leave everything as it was', () => {
  it.each([
    ['x87StoreEnvironment', 32],
    ['x87Save', 16],
    ['x87LoadEnvironment', 32],
    ['x87Restore', 32],
  ])('%s', (helper, size) => {
    fill()
    m.pageWithout(MISSING)
    for (let i = 0; i < 16; i++) m.view.setUint8(m.ram(STRADDLING + i), 0x5a)
    m.helpers[helper](STRADDLING, size)
    expect(m.takeFault()).toBe(Vector.PF)
    expect(words(8, STRADDLING)).toEqual(Array(8).fill('5a5a'))
    expect([m.helpers.x87ControlWord(), m.helpers.x87StatusWord(), m.field('fpuTag')]).toEqual([
      0x27f, 0x6921, 0b11100000,
    ])
  })

  it.each(['x87StoreExtended', 'x87StoreDecimal'])('%s neither writes nor pops', helper => {
    fill()
    m.pageWithout(MISSING)
    m.view.setUint16(m.ram(MISSING - 2), 0x5a5a, true)
    m.helpers[helper](MISSING - 2)
    expect(m.takeFault()).toBe(Vector.PF)
    expect(words(1, MISSING - 2)).toEqual(['5a5a'])
    expect([m.helpers.x87StatusWord(), m.field('fpuTag')]).toEqual([0x6921, 0b11100000])
  })

  it.each(['fxsave', 'fxrstor'])('%s', helper => {
    fill()
    m.setField('mxcsr', 0x1f80)
    m.pageWithout(MISSING)
    m.helpers[helper](MISSING - 256)
    expect(m.takeFault()).toBe(Vector.PF)
    expect([m.helpers.x87ControlWord(), m.helpers.x87StatusWord()]).toEqual([0x27f, 0x6921])
  })
})
