/** The Multiboot loader against the specification: the state at entry, the information structure, what is refused. */

import { describe, expect, it } from 'vitest'
import { PCError } from '../../../src/errors.ts'
import type { BootImage, KernelRequest } from '../../../src/loaders/boot-image.ts'
import { loadKernel } from '../../../src/loaders/kernel.ts'
import { CODE, makeElf, MEBIBYTE, multibootHeader } from './fixtures.ts'

function load(request: Partial<KernelRequest> = {}): BootImage {
  return loadKernel({ kernel: makeElf(), memoryBytes: 32 * MEBIBYTE, ...request })
}

function failure(request: Partial<KernelRequest>): PCError {
  try {
    load(request)
  } catch (error) {
    if (error instanceof PCError) return error
    throw error
  }
  throw new Error('the kernel was accepted')
}

/** An ELF file whose Multiboot header lies behind the first 8192 bytes. */
function lateHeader(): Uint8Array {
  const kernel = new Uint8Array(16384)
  kernel.set(makeElf().subarray(0, 84))
  kernel.set(multibootHeader(3), 8192)
  return kernel
}

/** RAM after loading. */
function memory(image: BootImage): DataView {
  const bytes = new Uint8Array(32 * MEBIBYTE)
  for (const { physical, bytes: loaded } of image.loads) bytes.set(loaded, physical)
  return new DataView(bytes.buffer)
}

function string(ram: DataView, physical: number): string {
  let end = physical
  while (ram.getUint8(end) !== 0) end++
  return new TextDecoder().decode(new Uint8Array(ram.buffer, physical, end - physical))
}

describe('the command line', () => {
  const line = (request: Partial<KernelRequest>): string => {
    const image = load(request)
    const ram = memory(image)
    return string(ram, ram.getUint32((image.registers.ebx ?? 0) + 16, true))
  }

  it('begins with the name of the kernel file, where there is one', () => {
    expect(line({ kernelName: 'tests/timer.elf', cmdline: 'one two' })).toBe('tests/timer.elf one two')
    expect(line({ kernelName: 'tests/timer.elf' })).toBe('tests/timer.elf')
    expect(line({ cmdline: 'one two' })).toBe('one two')
  })
})

describe('the state at entry', () => {
  it('has the magic values and enters the kernel in flat protected mode', () => {
    const image = load()
    expect(image.kind).toBe('multiboot')
    expect(image.registers).toMatchObject({ eax: 0x2badb002, eip: 0x100000 })
    expect(image.cr0 & 0x80000001).toBe(1)
    expect(image.loads.some(({ physical, bytes }) => physical === 0x100000 && bytes.length === CODE.length)).toBe(true)
  })

  it('gives memory, command line, map, module and the name of the loader', () => {
    const initrd = Uint8Array.from({ length: 6000 }, (_, index) => (index * 3) & 0xff)
    const image = load({ cmdline: 'one two', initrd, initrdName: 'disk.img' })
    const ram = memory(image)
    const info = image.registers.ebx ?? 0
    const field = (offset: number) => ram.getUint32(info + offset, true)
    expect(field(0)).toBe((1 << 0) | (1 << 2) | (1 << 3) | (1 << 6) | (1 << 9))
    expect(field(4)).toBe(639)
    expect(field(8)).toBe(31 * 1024)
    expect(string(ram, field(16))).toBe('one two')
    expect(string(ram, field(64))).toBe('tabpc')

    expect(field(20)).toBe(1)
    const module = field(24)
    const start = ram.getUint32(module, true)
    expect(ram.getUint32(module + 4, true)).toBe(start + initrd.length)
    expect(string(ram, ram.getUint32(module + 8, true))).toBe('disk.img')
    expect(start % 4096).toBe(0)
    expect(start).toBeGreaterThanOrEqual(0x103000)
    expect(new Uint8Array(ram.buffer, start, initrd.length)).toEqual(initrd)

    const map: number[][] = []
    for (let at = field(48); at < field(48) + field(44); at += ram.getUint32(at, true) + 4) {
      map.push([
        Number(ram.getBigUint64(at + 4, true)),
        Number(ram.getBigUint64(at + 12, true)),
        ram.getUint32(at + 20, true),
      ])
    }
    expect(map).toEqual([
      [0, 0x9fc00, 1],
      [0x9fc00, 0x400, 2],
      [0xe0000, 0x20000, 2],
      [0x100000, 31 * MEBIBYTE, 1],
    ])
  })

  it('answers a wish for graphics by leaving VBE and framebuffer invalid', () => {
    const image = load({ kernel: makeElf({ flags: 7 }) })
    expect(memory(image).getUint32(image.registers.ebx ?? 0, true) & ((1 << 11) | (1 << 12))).toBe(0)
  })

  it('translates the entry point of a kernel linked high', () => {
    const segments = [{ physical: 0x200000, virtual: 0xc0200000, bytes: CODE }]
    expect(load({ kernel: makeElf({ segments, entry: 0xc0200010 }) }).registers.eip).toBe(0x200010)
    expect(load({ kernel: makeElf({ segments, entry: 0x200010 }) }).registers.eip).toBe(0x200010)
  })

  it('leaves out file headers that the linker put below 1 MiB, and nothing else', () => {
    const kernel = makeElf({ segments: [{ physical: 0xff000, bytes: CODE, memoryBytes: 0x2000 }], entry: 0x100800 })
    const view = new DataView(kernel.buffer)
    expect(failure({ kernel }).message).toMatch(/video memory and BIOS/)
    // The segment now begins at the start of the file.
    view.setUint32(52 + 4, 0, true)
    const sizes = (physical: number) => load({ kernel }).loads.filter(part => part.physical === physical).length
    expect([sizes(0xff000), sizes(0x100000)]).toEqual([0, 0])
    view.setUint32(52 + 12, 0xff800, true)
    view.setUint32(52 + 8, 0xff800, true)
    expect(load({ kernel }).loads[0]).toMatchObject({ physical: 0x100000, bytes: kernel.subarray(0x800, CODE.length) })
    view.setUint32(24, 0xff900, true)
    expect(failure({ kernel }).message).toMatch(/video memory and BIOS/)
  })

  it('keeps its own structures out of a kernel that lies in conventional memory', () => {
    const segments = [
      { physical: 0x1000, bytes: new Uint8Array(0x9e000).fill(0xcc) },
      { physical: 0x100000, bytes: CODE },
    ]
    const image = load({ kernel: makeElf({ segments }) })
    const ram = memory(image)
    for (let at = 0x1000; at < 0x9f000; at += 4)
      if (ram.getUint32(at, true) !== 0xcccccccc) throw new Error(`overwritten at ${at}`)
    expect(ram.getUint32((image.registers.ebx ?? 0) + 4, true)).toBe(639)
  })
})

describe('a header with address fields', () => {
  /** Magic at file offset 16, loaded at 0x100000 with the 16 bytes before it. */
  function flat(fields: { headerAddr?: number; loadEnd?: number; bssEnd?: number; entry?: number } = {}): Uint8Array {
    const file = new Uint8Array(1024).fill(0x90)
    file.set(
      multibootHeader(0x10003, [
        fields.headerAddr ?? 0x100010,
        0x100000,
        fields.loadEnd ?? 0,
        fields.bssEnd ?? 0,
        fields.entry ?? 0x100040,
      ]),
      16,
    )
    return file
  }

  it('is followed in place of an ELF header', () => {
    const image = load({ kernel: flat() })
    expect(image.registers.eip).toBe(0x100040)
    expect(image.loads[0]).toMatchObject({ physical: 0x100000 })
    expect(image.loads[0].bytes.length).toBe(1024)
  })

  it('loads to load_end_addr and keeps the bss clear', () => {
    const image = load({ kernel: flat({ loadEnd: 0x100100, bssEnd: 0x140000 }), initrd: CODE })
    expect(image.loads[0].bytes.length).toBe(0x100)
    expect(image.loads[1].physical).toBe(0x140000)
  })

  it.each([
    ['a header that is not where it says', { headerAddr: 0x200000 }],
    ['a header before the load address', { headerAddr: 0xfffff }],
    ['an end behind the file', { loadEnd: 0x200000 }],
    ['an end before the start', { loadEnd: 0x1000 }],
    ['an entry outside', { entry: 0x100400 }],
    ['a bss outside of memory', { bssEnd: 0xffffffff }],
  ])('refuses %s', (_, fields) => {
    expect(failure({ kernel: flat(fields) }).code).toBe('bad-kernel')
  })
})

describe('what is refused', () => {
  const refused: ReadonlyArray<readonly [string, Partial<KernelRequest>, string, RegExp]> = [
    ['unknown demands', { kernel: makeElf({ flags: 0x8 }) }, 'unsupported', /0x8/],
    ['a 64-bit ELF', { kernel: makeElf({ patches8: [[4, 2]] }) }, 'unsupported', /64-bit/],
    ['another processor', { kernel: makeElf({ patches16: [[18, 40]] }) }, 'bad-kernel', /ELF machine 40/],
    ['an object file', { kernel: makeElf({ patches16: [[16, 1]] }) }, 'bad-kernel', /not an executable/],
    ['no program headers', { kernel: makeElf({ patches16: [[44, 0]] }) }, 'bad-kernel', /no program headers/],
    [
      'program headers behind the end',
      { kernel: makeElf({ patches16: [[44, 9000]] }) },
      'bad-kernel',
      /program headers/,
    ],
    ['an entry outside', { kernel: makeElf({ entry: 0x500000 }) }, 'bad-kernel', /entry point/],
    ['a file that is cut off', { kernel: makeElf().subarray(0, 2000) }, 'bad-kernel', /end of the file/],
    [
      'a segment outside of memory',
      { kernel: makeElf({ segments: [{ physical: 0x1fff000, bytes: new Uint8Array(0x2000) }] }) },
      'bad-kernel',
      /memory ends/,
    ],
    [
      'a segment over the video memory',
      { kernel: makeElf({ segments: [{ physical: 0x9f000, bytes: CODE }] }) },
      'bad-kernel',
      /video memory/,
    ],
    [
      'a bss that wraps around',
      { kernel: makeElf({ segments: [{ physical: 0xfffff000, bytes: CODE, memoryBytes: 0x2000 }] }) },
      'bad-kernel',
      /memory ends/,
    ],
    [
      'overlapping segments',
      {
        kernel: makeElf({
          segments: [
            { physical: 0x100000, bytes: CODE },
            { physical: 0x100800, bytes: CODE },
          ],
        }),
      },
      'bad-kernel',
      /over segment 0/,
    ],
    ['an initrd that does not fit', { initrd: new Uint8Array(32 * MEBIBYTE) }, 'bad-initrd', /does not fit/],
    ['a command line without end', { cmdline: 'x'.repeat(20000) }, 'usage', /20000 bytes/],
    [
      'an ELF file without Multiboot header',
      { kernel: makeElf().fill(0, 84, 88) },
      'bad-kernel',
      /without a Multiboot header/,
    ],
    ['a Multiboot header too far back', { kernel: lateHeader() }, 'bad-kernel', /in its first 8192 bytes/],
    ['Multiboot 2', { kernel: Uint8Array.of(0xd6, 0x50, 0x52, 0xe8, 0, 0, 0, 0) }, 'unsupported', /Multiboot 2/],
  ]
  it.each(refused)('%s', (_, request, code, message) => {
    const error = failure(request)
    expect(error.code).toBe(code)
    expect(error.message).toMatch(message)
  })
})
