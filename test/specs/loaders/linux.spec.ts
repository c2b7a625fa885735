/** The Linux loader against the boot protocol: what is in memory and registers at entry, and what is refused. */

import { describe, expect, it } from 'vitest'
import { PCError } from '../../../src/errors.ts'
import type { BootImage, KernelRequest } from '../../../src/loaders/boot-image.ts'
import { loadKernel } from '../../../src/loaders/kernel.ts'
import { CODE, makeBzImage, MEBIBYTE } from './fixtures.ts'

function load(request: Partial<KernelRequest> = {}): BootImage {
  return loadKernel({ kernel: makeBzImage(), memoryBytes: 64 * MEBIBYTE, ...request })
}

/** The bytes that lie at a physical address after loading. */
function memoryAt(image: BootImage, physical: number, length: number): Uint8Array {
  const load = image.loads.find(({ physical: start, bytes }) => physical >= start && physical < start + bytes.length)
  if (!load) throw new Error(`nothing is loaded at ${physical.toString(16)}`)
  return load.bytes.subarray(physical - load.physical, physical - load.physical + length)
}

function bootParams(image: BootImage): DataView {
  const bytes = memoryAt(image, image.registers.esi ?? 0, 4096)
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
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

describe('the state at entry', () => {
  it('loads the protected-mode part at 1 MiB and enters it there', () => {
    const image = load()
    expect(image.kind).toBe('linux')
    expect(image.registers.eip).toBe(0x100000)
    expect(memoryAt(image, 0x100000, CODE.length)).toEqual(CODE)
  })

  it('is flat protected mode with the selectors that the protocol demands', () => {
    const { segments, cr0, registers, ...image } = load()
    expect(segments.codeSelector).toBe(0x10)
    expect(segments.dataSelector).toBe(0x18)
    expect(cr0 & 1).toBe(1)
    expect(cr0 >>> 31).toBe(0)
    const gdt = memoryAt({ segments, cr0, registers, ...image }, segments.gdtBase, segments.gdtLimit + 1)
    const view = new DataView(gdt.buffer, gdt.byteOffset, gdt.byteLength)
    // Base 0, limit 0xfffff pages, present, DPL 0, 32 bit: code execute/read, data read/write (both accessed).
    expect(view.getBigUint64(0x10, true)).toBe(0x00cf9b000000ffffn)
    expect(view.getBigUint64(0x18, true)).toBe(0x00cf93000000ffffn)
    expect(registers).toMatchObject({ ebp: 0, edi: 0, ebx: 0 })
  })

  it('hands over the setup header with the fields of the boot loader filled in', () => {
    const initrd = Uint8Array.from({ length: 5000 }, (_, index) => index & 0xff)
    const image = load({ initrd, cmdline: 'console=ttyS0 quiet' })
    const params = bootParams(image)
    expect(params.getUint32(0x202, true)).toBe(0x53726448)
    expect(params.getUint8(0x210)).toBe(0xff)
    expect(params.getUint8(0x211) & 1).toBe(1)
    expect(text(memoryAt(image, params.getUint32(0x228, true), 20))).toBe('console=ttyS0 quiet\0')
    const initrdAddress = params.getUint32(0x218, true)
    expect(params.getUint32(0x21c, true)).toBe(5000)
    expect(initrdAddress % 4096).toBe(0)
    expect(memoryAt(image, initrdAddress, 5000)).toEqual(initrd)
    // Nothing of the setup code leaks into the zero page.
    expect(params.getUint8(0x1ef)).toBe(0)
    expect(params.getUint8(0x268)).toBe(0)
  })

  it('describes memory: E820, the kilobytes above 1 MiB, and the text screen', () => {
    const params = bootParams(load({ memoryBytes: 96 * MEBIBYTE }))
    const ranges = Array.from({ length: params.getUint8(0x1e8) }, (_, index) => {
      const at = 0x2d0 + index * 20
      return [
        Number(params.getBigUint64(at, true)),
        Number(params.getBigUint64(at + 8, true)),
        params.getUint32(at + 16, true),
      ]
    })
    expect(ranges).toEqual([
      [0, 0x9fc00, 1],
      [0x9fc00, 0x400, 2],
      [0xe0000, 0x20000, 2],
      [0x100000, 95 * MEBIBYTE, 1],
    ])
    expect(params.getUint32(0x1e0, true)).toBe(95 * 1024)
    expect(params.getUint16(0x002, true)).toBe(0xfc00)
    expect([params.getUint8(0x06), params.getUint8(0x07), params.getUint8(0x0e), params.getUint8(0x0f)]).toEqual([
      3, 80, 25, 1,
    ])
  })

  it('passes the ACPI root pointer on', () => {
    expect(bootParams(load({ acpiRsdp: 0xe0040 })).getBigUint64(0x70, true)).toBe(0xe0040n)
    expect(bootParams(load()).getBigUint64(0x70, true)).toBe(0n)
  })

  it('says what the kernel says that it is', () => {
    expect(load().description).toBe('6.1.0-test (Linux boot protocol 2.15)')
  })

  it('takes a file whose last paragraph is not filled, as memtest86+ makes it', () => {
    expect(load({ kernel: makeBzImage({ code: CODE.subarray(0, 4088) }) }).registers.eip).toBe(0x100000)
  })
})

describe('the initrd', () => {
  const initrd = new Uint8Array(MEBIBYTE)

  function place(request: Partial<KernelRequest>): number {
    return bootParams(load({ initrd, ...request })).getUint32(0x218, true)
  }

  it('lies at the top of memory', () => {
    expect(place({ memoryBytes: 64 * MEBIBYTE })).toBe(63 * MEBIBYTE)
  })

  it('stays below initrd_addr_max, which is inclusive', () => {
    expect(place({ kernel: makeBzImage({ initrdAddrMax: 0x2ffffff }) })).toBe(0x3000000 - MEBIBYTE)
  })

  it('stays above what the kernel needs to unpack itself', () => {
    const needed = makeBzImage({ prefAddress: 0x1000000, initSize: 0x1000000 })
    expect(place({ kernel: needed, memoryBytes: 33 * MEBIBYTE })).toBe(0x2000000)
    expect(failure({ kernel: needed, initrd, memoryBytes: 33 * MEBIBYTE - 4096 }).code).toBe('bad-initrd')
  })

  it('must fit, and must not be empty', () => {
    expect(failure({ initrd: new Uint8Array(64 * MEBIBYTE) })).toMatchObject({
      code: 'bad-initrd',
      hint: expect.stringContaining('give the machine at least'),
    })
    expect(failure({ initrd: new Uint8Array(0) }).code).toBe('bad-initrd')
  })
})

describe('the command line', () => {
  it('may have as many bytes as the header allows, and no more', () => {
    const kernel = makeBzImage({ cmdlineSize: 300 })
    const image = load({ kernel, cmdline: 'x'.repeat(300) })
    expect(memoryAt(image, bootParams(image).getUint32(0x228, true), 301)[300]).toBe(0)
    expect(failure({ kernel, cmdline: 'x'.repeat(301) })).toMatchObject({
      code: 'usage',
      message: 'the kernel command line has 301 bytes, but this kernel takes 300',
    })
    expect(failure({ kernel, cmdline: 'ä'.repeat(151) }).code).toBe('usage')
  })

  it('holds no NUL', () => {
    expect(failure({ cmdline: 'a\0b' }).code).toBe('usage')
  })
})

describe('what is refused', () => {
  const refused: ReadonlyArray<readonly [string, Partial<KernelRequest>, string, RegExp]> = [
    ['an x86-64 kernel', { kernel: makeBzImage({ xloadflags: 1 }) }, 'unsupported', /x86-64/],
    ['protocol 2.05', { kernel: makeBzImage({ version: 0x205 }) }, 'unsupported', /2\.05/],
    ['a zImage', { kernel: makeBzImage({ loadflags: 0 }) }, 'unsupported', /zImage/],
    ['a file that is cut off', { kernel: makeBzImage().subarray(0, 6000) }, 'bad-kernel', /cut off/],
    ['a file that ends in its header', { kernel: makeBzImage().subarray(0, 0x220) }, 'bad-kernel', /cut off/],
    ['no code', { kernel: makeBzImage({ syssize: 0 }) }, 'bad-kernel', /no code/],
    ['a load address below 1 MiB', { kernel: makeBzImage({ code32Start: 0x9000 }) }, 'bad-kernel', /0x9000/],
    [
      'a load address outside of RAM',
      { kernel: makeBzImage({ code32Start: 0xfff00000 }) },
      'bad-kernel',
      /memory ends/,
    ],
    ['too little memory to unpack', { kernel: makeBzImage({ initSize: 0x4000000 }) }, 'bad-memory', /unpack/],
    ['memory without room for anything', { memoryBytes: MEBIBYTE }, 'bad-memory', /1024K/],
    ['an empty file', { kernel: new Uint8Array(0) }, 'bad-kernel', /empty/],
    ['a gzip file', { kernel: Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0) }, 'bad-kernel', /gzip/],
    ['a text', { kernel: new TextEncoder().encode('hello\n') }, 'bad-kernel', /neither/],
  ]
  it.each(refused)('%s', (_, request, code, message) => {
    const error = failure(request)
    expect(error.code).toBe(code)
    expect(error.message).toMatch(message)
    expect(error.hint).not.toBe('')
  })

  it('tells how much memory a kernel needs', () => {
    expect(failure({ kernel: makeBzImage({ initSize: 0x4000000 }) }).hint).toBe(
      'give the machine at least 80M of memory',
    )
  })
})
