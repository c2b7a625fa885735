/** Flags, control and debug registers, MSRs, CPUID, ports, SYSENTER, descriptor table registers. */
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { CpuModel } from '../../../runtime/cpu-models.ts'
import { Cr0, Cr4, Eflags, Gpr, ModeBit, Segment } from '../../../runtime/state.ts'
import { Cpu, STACK_TOP, sel, TSS32 } from './cpu.ts'

const { Cs, Ss, Tr } = Segment
let cpu: Cpu

beforeAll(async () => {
  cpu = await Cpu.create()
}, 60000)

const IOPL = (level: number) => level << 12

describe('CLI, STI', () => {
  type Row = [name: string, enter: () => void, flags: number, cli: number | string, sti: number | string]
  const VIRTUAL = Eflags.VM | 2
  const withCr4 = (bits: number, enter: () => void) => () => {
    enter()
    cpu.set('cr4', bits)
  }
  const rows: Row[] = [
    ['real mode', () => cpu.real(), Eflags.IF | 2, 2, Eflags.IF | 2],
    ['level 0', () => void cpu.protect(), Eflags.IF | 2, 2, Eflags.IF | 2],
    ['level 3, IOPL 0', () => void cpu.protect(3), 2, '13:0', '13:0'],
    ['level 3, IOPL 2', () => void cpu.protect(3), IOPL(2) | 2, '13:0', '13:0'],
    ['level 3, IOPL 3', () => void cpu.protect(3), IOPL(3) | Eflags.IF | 2, IOPL(3) | 2, IOPL(3) | Eflags.IF | 2],
    ['level 1, IOPL 1', () => void cpu.protect(1), IOPL(1) | 2, IOPL(1) | 2, IOPL(1) | Eflags.IF | 2],
    ['level 3, PVI', withCr4(Cr4.PVI, () => cpu.protect(3)), Eflags.VIF | 2, 2, Eflags.VIF | 2],
    ['level 1, PVI', withCr4(Cr4.PVI, () => cpu.protect(1)), 2, '13:0', '13:0'],
    ['level 3, PVI, VIP', withCr4(Cr4.PVI, () => cpu.protect(3)), Eflags.VIP | 2, Eflags.VIP | 2, '13:0'],
    [
      'virtual-8086, IOPL 3',
      () => void cpu.virtual8086(3),
      VIRTUAL | IOPL(3),
      VIRTUAL | IOPL(3),
      VIRTUAL | IOPL(3) | Eflags.IF,
    ],
    ['virtual-8086, IOPL 0', () => void cpu.virtual8086(0), VIRTUAL, '13:0', '13:0'],
    ['virtual-8086, VME', withCr4(Cr4.VME, () => cpu.virtual8086(0)), VIRTUAL, VIRTUAL, VIRTUAL | Eflags.VIF],
    [
      'virtual-8086, VME, VIP',
      withCr4(Cr4.VME, () => cpu.virtual8086(0)),
      VIRTUAL | Eflags.VIP,
      VIRTUAL | Eflags.VIP,
      '13:0',
    ],
    ['virtual-8086, PVI only', withCr4(Cr4.PVI, () => cpu.virtual8086(0)), VIRTUAL, '13:0', '13:0'],
  ]
  test.each(rows)('%s', (_name, enter, flags, cli, sti) => {
    for (const [helper, expected] of [
      ['cli', cli],
      ['sti', sti],
    ] as const) {
      enter()
      cpu.eflags = flags
      if (typeof expected === 'string') {
        expect(cpu.faultOf(helper)).toBe(expected)
        continue
      }
      cpu.call(helper)
      expect(cpu.eflags).toBe(expected)
    }
  })
  test('STI casts a shadow only if IF was clear', () => {
    cpu.real()
    cpu.call('sti')
    expect(cpu.get('interruptShadow')).toBe(1)
    cpu.set('interruptShadow', 0)
    cpu.call('sti')
    expect(cpu.get('interruptShadow')).toBe(0)
  })
})

describe('POPF and PUSHF', () => {
  const ALL = 0x3f7fd5
  type Row = [name: string, enter: () => void, old: number, size: number, image: number, expected: number | string]
  const rows: Row[] = [
    ['real mode, 16 bits', () => cpu.real(), Eflags.AC | 2, 16, 0xffff, Eflags.AC | 0x7fd7],
    [
      'level 0, 32 bits',
      () => void cpu.protect(),
      2,
      32,
      0xffffffff,
      (ALL | 2) & ~(Eflags.VM | Eflags.RF | Eflags.VIF | Eflags.VIP),
    ],
    [
      'level 0 clears RF, keeps VIF and VIP',
      () => void cpu.protect(),
      Eflags.RF | Eflags.VIF | Eflags.VIP | 2,
      32,
      0,
      Eflags.VIF | Eflags.VIP | 2,
    ],
    ['level 3 keeps IOPL and IF', () => void cpu.protect(3), Eflags.IF | 2, 32, IOPL(3), Eflags.IF | 2],
    ['level 3 with IOPL 3 changes IF', () => void cpu.protect(3), IOPL(3) | Eflags.IF | 2, 32, 0, IOPL(3) | 2],
    [
      'level 1 with IOPL 1 keeps IOPL',
      () => void cpu.protect(1),
      IOPL(1) | 2,
      16,
      Eflags.IF | IOPL(3),
      IOPL(1) | Eflags.IF | 2,
    ],
    [
      'virtual-8086, IOPL 3',
      () => void cpu.virtual8086(3),
      Eflags.VM | IOPL(3) | 2,
      16,
      Eflags.IF,
      Eflags.VM | IOPL(3) | Eflags.IF | 2,
    ],
    [
      'virtual-8086, IOPL 3, 32 bits',
      () => void cpu.virtual8086(3),
      Eflags.VM | IOPL(3) | 2,
      32,
      Eflags.AC,
      Eflags.VM | IOPL(3) | Eflags.AC | 2,
    ],
    ['virtual-8086, IOPL 0', () => void cpu.virtual8086(0), Eflags.VM | 2, 16, 0, '13:0'],
    [
      'VME, 32 bits',
      () => {
        cpu.virtual8086(0)
        cpu.set('cr4', 1)
      },
      Eflags.VM | 2,
      32,
      0,
      '13:0',
    ],
    [
      'VME',
      () => {
        cpu.virtual8086(0)
        cpu.set('cr4', 1)
      },
      Eflags.VM | 2,
      16,
      Eflags.IF | IOPL(3),
      Eflags.VM | Eflags.VIF | 2,
    ],
    [
      'VME keeps IF',
      () => {
        cpu.virtual8086(0)
        cpu.set('cr4', 1)
      },
      Eflags.VM | Eflags.IF | Eflags.VIF | 2,
      16,
      0,
      Eflags.VM | Eflags.IF | 2,
    ],
    [
      'VME with TF',
      () => {
        cpu.virtual8086(0)
        cpu.set('cr4', 1)
      },
      Eflags.VM | 2,
      16,
      Eflags.TF,
      '13:0',
    ],
    [
      'VME, IF with VIP',
      () => {
        cpu.virtual8086(0)
        cpu.set('cr4', 1)
      },
      Eflags.VM | Eflags.VIP | 2,
      16,
      Eflags.IF,
      '13:0',
    ],
  ]
  test.each(rows)('%s', (_name, enter, old, size, image, expected) => {
    enter()
    cpu.eflags = old
    if (typeof expected === 'string') {
      expect(cpu.faultOf('popFlags', image, size)).toBe(expected)
      return
    }
    cpu.call('popFlags', image, size)
    expect(cpu.eflags).toBe(expected)
  })
  test('PUSHFD hides VM and RF', () => {
    cpu.virtual8086(3)
    cpu.eflags = Eflags.VM | Eflags.RF | IOPL(3) | Eflags.AC | Eflags.CF | 2
    expect(cpu.call('pushFlagsImage', 32)).toBe(IOPL(3) | Eflags.AC | Eflags.CF | 2)
    expect(cpu.call('pushFlagsImage', 16)).toBe(IOPL(3) | Eflags.CF | 2)
  })
  test('PUSHF in virtual-8086 mode', () => {
    cpu.virtual8086(0)
    expect([cpu.faultOf('pushFlagsImage', 16), cpu.faultOf('pushFlagsImage', 32)]).toEqual(['13:0', '13:0'])
    cpu.set('cr4', Cr4.VME)
    cpu.eflags = Eflags.VM | Eflags.VIF | 2
    expect(cpu.call('pushFlagsImage', 16)).toBe(Eflags.IF | IOPL(3) | 2)
    expect(cpu.faultOf('pushFlagsImage', 32)).toBe('13:0')
  })
})

describe('control registers', () => {
  beforeEach(() => void cpu.protect())
  test.each([
    [0, (Cr0.PG | Cr0.ET) >>> 0, '13:0'],
    [0, Cr0.NW | Cr0.PE, '13:0'],
    [1, 0, '6:0'],
    [5, 0, '6:0'],
    [7, 0, '6:0'],
    [4, 1 << 11, '13:0'],
    [4, 0x80000000, '13:0'],
  ])('MOV CR%i, %i raises %s', (index, value, expected) => {
    expect(cpu.faultOf('writeControlRegister', index, value)).toBe(expected)
  })
  test('need privilege 0', () => {
    cpu.protect(3)
    expect(cpu.faultOf('readControlRegister', 0)).toBe('13:0')
    expect(cpu.faultOf('writeControlRegister', 3, 0)).toBe('13:0')
    expect(cpu.faultOf('readControlRegister', 1)).toBe('6:0')
    for (const helper of ['clearTaskSwitched', 'flushCaches', 'halt', 'requirePrivilege0'])
      expect(cpu.faultOf(helper)).toBe('13:0')
    expect(cpu.faultOf('loadMachineStatusWord', 1)).toBe('13:0')
    expect(cpu.faultOf('invalidatePage', Segment.Ds, 0)).toBe('13:0')
    expect([cpu.faultOf('loadGdtr', 0, 0, 32), cpu.faultOf('loadIdtr', 0, 0, 32)]).toEqual(['13:0', '13:0'])
    expect(cpu.call('storeMachineStatusWord')).toBe(Cr0.PE | Cr0.ET)
  })
  test('ET stays set and bits that do not exist stay clear', () => {
    cpu.call('writeControlRegister', 0, Cr0.PE | 0x0ffcff00)
    expect(cpu.call('readControlRegister', 0)).toBe(Cr0.PE | Cr0.ET | Cr0.AM)
  })
  test('clearing PE leaves protected mode at once', () => {
    cpu.call('writeControlRegister', 0, 0)
    expect([cpu.get('cpl'), cpu.get('mode') & ModeBit.Protected]).toEqual([0, 0])
  })
  test('LMSW sets PE and does not clear it', () => {
    cpu.real()
    cpu.call('loadMachineStatusWord', Cr0.PE | Cr0.TS | 0xffe0)
    expect(cpu.call('readControlRegister', 0)).toBe(Cr0.PE | Cr0.TS | Cr0.ET)
    cpu.call('loadMachineStatusWord', Cr0.MP)
    expect(cpu.call('readControlRegister', 0)).toBe(Cr0.PE | Cr0.MP | Cr0.ET)
  })
  test('CLTS and HLT', () => {
    cpu.set('cr0', Cr0.PE | Cr0.ET | Cr0.TS)
    cpu.call('clearTaskSwitched')
    cpu.call('halt')
    expect([cpu.get('cr0'), cpu.get('halted')]).toEqual([Cr0.PE | Cr0.ET, 1])
  })
  test('PAE loads the four PDPTEs and refuses reserved bits', () => {
    const table = 0x30000
    for (let i = 0; i < 4; i++) {
      cpu.write32(table + 8 * i, 0x31001 + 0x1000 * i)
      cpu.write32(table + 8 * i + 4, i)
    }
    cpu.call('writeControlRegister', 4, Cr4.PAE)
    cpu.call('writeControlRegister', 3, table)
    cpu.write32(table + 8, 0x32003)
    expect(cpu.faultOf('writeControlRegister', 0, (Cr0.PE | Cr0.PG) >>> 0)).toBe('13:0')
    cpu.write32(table + 8, 0x32002)
    cpu.call('writeControlRegister', 0, (Cr0.PE | Cr0.PG) >>> 0)
    expect([0, 1, 2, 3].map(i => cpu.get64('pdpte', i))).toEqual([
      0x31001n,
      0x1_0000_0000n + 0x32002n,
      0x2_0000_0000n + 0x33001n,
      0x3_0000_0000n + 0x34001n,
    ])
    cpu.write32(table + 4, 0x10)
    expect(cpu.faultOf('writeControlRegister', 3, table)).toBe('13:0')
  })
  test('a change of CR3 or INVLPG drops translations, PGE keeps global ones', () => {
    const GLOBAL = 0x100
    cpu.page(page => (page === 0x41 ? 7 | GLOBAL : 7))
    cpu.call('writeControlRegister', 4, Cr4.PGE)
    const entry = (page: number) => 0x21000 + 4 * page
    const remap = () => {
      for (const page of [0x40, 0x41]) cpu.write32(entry(page), ((page + 8) << 12) | 7)
    }
    for (const [page, value] of [
      [0x40, 1],
      [0x41, 2],
      [0x48, 3],
      [0x49, 4],
    ])
      cpu.write8(page << 12, value)
    const seen = () => [cpu.call('read8', 0x40000), cpu.call('read8', 0x41000)]
    expect(seen()).toEqual([1, 2])
    remap()
    expect(seen()).toEqual([1, 2])
    cpu.call('writeControlRegister', 3, cpu.get('cr3'))
    expect(seen()).toEqual([3, 2])
    cpu.call('invalidatePage', Segment.Ds, 0x41800)
    expect(seen()).toEqual([3, 4])
  })
  test('INVLPG anywhere in a large page drops all of it', () => {
    const LARGE = 0x80
    const area = 0x40_0000
    cpu.page(() => 7)
    cpu.call('writeControlRegister', 4, Cr4.PSE)
    const directory = cpu.get('cr3') & ~0xfff
    cpu.write32(directory + 4, 7 | LARGE)
    cpu.write8(0x45000, 1)
    expect([cpu.call('read8', area + 0x45000), cpu.call('read8', area + 0x46000)]).toEqual([1, 0])
    // Not present any more: a page that is still known shows in the value.
    cpu.write32(directory + 4, 0)
    expect(cpu.call('read8', area + 0x45000)).toBe(1)
    cpu.call('invalidatePage', Segment.Ds, area + 0x123000)
    expect(cpu.faultOf('read8', area + 0x45000)).toBe('14:0')
    expect(cpu.faultOf('read8', area + 0x46000)).toBe('14:0')
  })
})

describe('debug registers', () => {
  beforeEach(() => void cpu.protect())
  test('have fixed bits', () => {
    for (const [index, value, expected] of [
      [0, 0x12345678, 0x12345678],
      [6, 0, 0xffff0ff0],
      [6, 0xffffffff, 0xffffeff0 | 0xf],
      [7, 0, 0x400],
      [7, 0xffffdfff, 0xffff07ff],
    ]) {
      cpu.call('writeDebugRegister', index, value)
      expect(cpu.call('readDebugRegister', index)).toBe(expected >>> 0)
    }
  })
  test('DR4 and DR5 are aliases unless CR4.DE is set', () => {
    cpu.call('writeDebugRegister', 5, 0x1)
    expect(cpu.call('readDebugRegister', 7)).toBe(0x401)
    cpu.set('cr4', Cr4.DE)
    expect([cpu.faultOf('readDebugRegister', 4), cpu.faultOf('writeDebugRegister', 5, 0)]).toEqual(['6:0', '6:0'])
  })
  test('need privilege 0', () => {
    cpu.protect(3)
    expect([cpu.faultOf('readDebugRegister', 0), cpu.faultOf('writeDebugRegister', 7, 0)]).toEqual(['13:0', '13:0'])
  })
  test('DR7.GD guards them and reports BD', () => {
    cpu.call('writeDebugRegister', 7, 1 << 13)
    cpu.helpers.readDebugRegister(0)
    expect(cpu.takeFault()).toMatchObject({ vector: 1 })
    expect(cpu.get('dr', 6)).toBe(0xffff2ff0)
    cpu.set('dr', 0x400, 7)
  })
})

describe('MSRs and the time-stamp counter', () => {
  beforeEach(() => void cpu.protect())
  const write = (msr: number, value: bigint) => cpu.faultOf('writeMsr', msr, value)
  test.each([
    [0x174, 0xffffffff12345678n, 0x12345678n],
    [0x175, 0x1000n, 0x1000n],
    [0x176, 0x2000n, 0x2000n],
    [0x1b, 0xfee00900n, 0xfee00900n],
    [0x277, 0x0007040600070406n, 0x0007040600070406n],
    [0x200, 0xf_ffff_f006n, 0xf_ffff_f006n],
    [0x20f, 0xf_0000_0800n, 0xf_0000_0800n],
    [0x250, 0x0606060606060606n, 0x0606060606060606n],
    [0x26f, 0x0505050505050505n, 0x0505050505050505n],
    [0x2ff, 0xc06n, 0xc06n],
    [0xc0000080, 0x800n, 0x800n],
  ])('%i holds what is written', (msr, value, expected) => {
    expect(write(msr, value)).not.toBe('13:0')
    expect(cpu.helpers.readMsr(msr)).toBe(expected)
  })
  test.each([
    [0x277, 0x02n],
    [0x277, 0x0800000000000000n],
    [0x200, 0x0000_0000_0000_0002n],
    [0x200, 0x10_0000_0006n],
    [0x201, 0x400n],
    [0x258, 0x07n],
    [0x2ff, 0x1000n],
    [0x2ff, 0x02n],
    [0x1b, 1n],
    [0xc0000080, 0x100n],
    [0xc0000080, 1n],
    [0xfe, 0x508n],
    [0x1234, 0n],
    [0x179, 0n],
  ])('%i refuses %i', (msr, value) => {
    expect(write(msr, value)).toBe('13:0')
  })
  test('the fixed and variable ranges do not overlap', () => {
    const all = [0x250, 0x258, 0x259, ...Array.from({ length: 8 }, (_, i) => 0x268 + i)]
    const kinds = [0n, 1n, 4n, 5n, 6n]
    for (const [i, msr] of all.entries()) cpu.helpers.writeMsr(msr, kinds[i % 5])
    for (let i = 0; i < 16; i++) cpu.helpers.writeMsr(0x200 + i, BigInt(i << 12))
    cpu.helpers.writeMsr(0x2ff, 6n)
    for (const [i, msr] of all.entries()) expect(cpu.helpers.readMsr(msr)).toBe(kinds[i % 5])
    for (let i = 0; i < 16; i++) expect(cpu.helpers.readMsr(0x200 + i)).toBe(BigInt(i << 12))
    expect(cpu.takeFault()).toBeUndefined()
  })
  test('unknown registers and level 3 raise #GP(0)', () => {
    expect([cpu.faultOf('readMsr', 0x1234), cpu.faultOf('readMsr', 0xc0000081)]).toEqual(['13:0', '13:0'])
    cpu.protect(3)
    expect([cpu.faultOf('readMsr', 0x10), write(0x174, 0n)]).toEqual(['13:0', '13:0'])
  })
  test('the counter runs with the host and can be set', () => {
    cpu.time = 1000
    cpu.helpers.writeMsr(0x10, 5000n)
    cpu.time = 1010
    expect([cpu.helpers.readTimeStamp(), cpu.helpers.readMsr(0x10)]).toEqual([5010n, 5010n])
  })
  test('TSD keeps it for level 0', () => {
    cpu.set('cr4', Cr4.TSD)
    cpu.call('readTimeStamp')
    cpu.protect(3)
    cpu.set('cr4', Cr4.TSD)
    expect(cpu.faultOf('readTimeStamp')).toBe('13:0')
    cpu.set('cr4', 0)
    expect(cpu.faultOf('readTimeStamp')).toBe('none')
    expect(cpu.faultOf('readPerformanceCounter')).toBe('13:0')
  })
})

describe('CPUID', () => {
  const leaf = (number: number) => {
    cpu.call('cpuid', number)
    return [0, 1, 2, 3].map(i => cpu.get('result', i))
  }
  const text = (values: number[]) =>
    values.map(value => Buffer.from(new Uint32Array([value]).buffer).toString('latin1')).join('')
  test('names the vendor and the brand', () => {
    const [max, ebx, ecx, edx] = leaf(0)
    expect([max, text([ebx, edx, ecx])]).toEqual([2, 'GenuineIntel'])
    expect(text([2, 3, 4].flatMap(i => leaf(0x80000000 + i)))).toMatch(/^tabpc virtual CPU [^\0]+\0+$/)
    expect(leaf(0x80000000)[0]).toBe(0x80000004)
  })
  test('reports a P6 with consistent features', () => {
    const [signature, , , features] = leaf(1)
    expect((signature >> 8) & 0xf).toBe(6)
    for (const bit of [0, 1, 2, 3, 4, 5, 6, 8, 9, 11, 12, 13, 15, 16]) expect((features >>> bit) & 1).toBe(1)
    // No machine check exists.
    for (const bit of [7, 14]) expect((features >>> bit) & 1).toBe(0)
  })
  test.each([
    [CpuModel.I486, 4, 1, 0, 0x3],
    [CpuModel.Pentium, 5, 1, 0, 0x13f],
    [CpuModel.I686, 6, 2, 0x800, 0x78bbb7f],
  ])('reports less as model %i', (model, family, maxLeaf, line, expected) => {
    cpu.protect()
    cpu.set('cpuModel', model)
    const [signature, ebx, ecx, features] = leaf(1)
    expect([(signature >> 8) & 0xf, leaf(0)[0], ebx, ecx, features]).toEqual([family, maxLeaf, line, 0, expected])
    // No extended leaves, no EFER, and CR4 has the bits of what is announced.
    expect(leaf(0x80000000)).toEqual(leaf(maxLeaf))
    expect(cpu.faultOf('readMsr', 0xc0000080)).toBe('13:0')
    const has = (bit: number) => (features & bit) !== 0
    const bits = [
      [Cr4.VME, 1 << 1], [Cr4.DE, 1 << 2], [Cr4.PSE, 1 << 3], [Cr4.PGE, 1 << 13], [Cr4.OSFXSR, 1 << 24], [Cr4.OSXMMEXCPT, 1 << 25],
    ] as const
    for (const [bit, feature] of bits)
      expect([bit, cpu.faultOf('writeControlRegister', 4, bit)]).toEqual([bit, has(feature) ? 'none' : '13:0'])
    cpu.set('cr4', 0)
    cpu.set('cpuModel', CpuModel.Max)
  })
  test('answers leaves out of range as the highest basic one', () => {
    expect(leaf(3)).toEqual(leaf(2))
    expect(leaf(0x40000000)).toEqual(leaf(2))
    expect(leaf(0x80000005)).toEqual(leaf(2))
  })
})

describe('ports', () => {
  const MAP = 0x68
  const allow = (port: number, allowed: boolean) => {
    const at = TSS32 + MAP + (port >> 3)
    const bit = 1 << (port & 7)
    cpu.write8(at, allowed ? cpu.read8(at) & ~bit : cpu.read8(at) | bit)
  }
  test('are free in real mode and within IOPL', () => {
    cpu.real()
    expect(cpu.call('portIn', 0x60, 8)).toBe(0x55)
    cpu.protect(1)
    cpu.eflags = IOPL(1) | 2
    cpu.call('portOut', 0x80, 16, 0x1234)
    expect(cpu.ports.slice(-2)).toEqual(['in 60 8', 'out 80 16 1234'])
  })
  test('follow the bitmap beyond IOPL', () => {
    cpu.protect(3)
    allow(0x3f9, false)
    expect(['none', '13:0', '13:0', 'none']).toEqual([
      cpu.faultOf('checkIo', 0x3f8, 1),
      cpu.faultOf('checkIo', 0x3f8, 2),
      cpu.faultOf('checkIo', 0x3f6, 4),
      cpu.faultOf('checkIo', 0x3fa, 4),
    ])
    const before = cpu.ports.length
    expect([cpu.faultOf('portIn', 0x3f9, 8), cpu.faultOf('portOut', 0x3f9, 8, 0)]).toEqual(['13:0', '13:0'])
    expect(cpu.ports.length).toBe(before)
  })
  test('in virtual-8086 mode follow the bitmap even with IOPL 3', () => {
    cpu.virtual8086(3)
    allow(0x20, false)
    expect([cpu.faultOf('checkIo', 0x20, 1), cpu.faultOf('checkIo', 0x21, 1)]).toEqual(['13:0', 'none'])
  })
  test('a bit in the next byte counts', () => {
    cpu.protect(3)
    allow(0x40, false)
    expect([cpu.faultOf('checkIo', 0x3f, 1), cpu.faultOf('checkIo', 0x3f, 2)]).toEqual(['none', '13:0'])
  })
  test('a port whose map bytes lie beyond the TSS limit is refused', () => {
    cpu.protect(3)
    cpu.set('segmentLimit', MAP + 4, Tr)
    expect([cpu.faultOf('checkIo', 0x18, 1), cpu.faultOf('checkIo', 0x20, 1)]).toEqual(['none', '13:0'])
    cpu.set('segmentLimit', 0x66, Tr)
    expect(cpu.faultOf('checkIo', 0, 1)).toBe('13:0')
  })
  test('a 16-bit TSS has no map', () => {
    cpu.protect(3)
    cpu.cache(Tr, sel.tss16, 0x5000, 0xfff, 0x83)
    expect(cpu.faultOf('checkIo', 0, 1)).toBe('13:0')
  })
})

describe('SYSENTER and SYSEXIT', () => {
  test('go to level 0 and back', () => {
    cpu.protect(3)
    cpu.set('sysenterCs', sel.code0)
    cpu.set('sysenterEsp', 0x7000)
    cpu.set('sysenterEip', 0x500)
    cpu.eflags = Eflags.IF | Eflags.RF | Eflags.CF | 2
    cpu.call('sysenter')
    expect([cpu.selector(Cs), cpu.selector(Ss), cpu.get('cpl'), cpu.get('eip'), cpu.esp, cpu.eflags]).toEqual([
      sel.code0,
      sel.code0 + 8,
      0,
      0x500,
      0x7000,
      Eflags.CF | 2,
    ])
    expect([cpu.get('segmentLimit', Cs), cpu.get('segmentAccess', Cs), cpu.get('segmentAccess', Ss)]).toEqual([
      0xffffffff, 0xc09b, 0xc093,
    ])
    cpu.set('gpr', 0x8888, Gpr.Ecx)
    cpu.set('gpr', 0x9999, Gpr.Edx)
    cpu.call('sysexit')
    expect([cpu.selector(Cs), cpu.selector(Ss), cpu.get('cpl'), cpu.get('eip'), cpu.esp]).toEqual([
      sel.code0 + 16 + 3,
      sel.code0 + 24 + 3,
      3,
      0x9999,
      0x8888,
    ])
    expect([cpu.get('segmentAccess', Cs), cpu.get('segmentAccess', Ss)]).toEqual([0xc0fb, 0xc0f3])
  })
  test('raise #GP(0) where they cannot work', () => {
    cpu.real()
    cpu.set('sysenterCs', sel.code0)
    expect([cpu.faultOf('sysenter'), cpu.faultOf('sysexit')]).toEqual(['13:0', '13:0'])
    cpu.protect()
    cpu.set('sysenterCs', 3)
    expect([cpu.faultOf('sysenter'), cpu.faultOf('sysexit')]).toEqual(['13:0', '13:0'])
    cpu.protect(3)
    cpu.set('sysenterCs', sel.code0)
    expect(cpu.faultOf('sysexit')).toBe('13:0')
  })
})

describe('LGDT and LIDT', () => {
  test('load 24 base bits with 16-bit operands, 32 with 32-bit ones', () => {
    cpu.real()
    cpu.call('loadGdtr', 0x1ffff, 0x89abcdef, 16)
    cpu.call('loadIdtr', 0x123, 0x89abcdef, 32)
    expect([cpu.get('gdtrLimit'), cpu.get('gdtrBase'), cpu.get('idtrLimit'), cpu.get('idtrBase')]).toEqual([
      0xffff, 0xabcdef, 0x123, 0x89abcdef,
    ])
    expect(cpu.esp).toBeLessThan(STACK_TOP)
  })
})
