/** The writer of cpio archives, which become the initramfs. */
import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PCError } from '../../../src/errors.ts'
import { type CpioEntry, FileType, readCpio, writeCpio } from '../../../src/node/archive/cpio.ts'

const file = (path: string, content: string): CpioEntry => ({
  path,
  type: FileType.Regular,
  permissions: 0o644,
  data: new TextEncoder().encode(content),
})
const hasCpio = spawnSync('cpio', ['--version']).status === 0

describe('cpio', () => {
  it('writes the new ASCII format byte for byte', () => {
    const bytes = new TextDecoder().decode(writeCpio([{ ...file('ab', 'hello'), mtime: 0x5e }]))
    const fields = ['1', '81A4', '0', '0', '1', '5E', '5', '0', '0', '0', '0', '3', '0']
    const head = `070701${fields.map(field => field.padStart(8, '0')).join('')}`
    // 110 header bytes + 3 of name leave 3 to the next multiple of four; 5 of data leave 3.
    expect(bytes.slice(0, 124)).toBe(`${head}ab\0\0\0\0hello\0\0\0`)
    expect(bytes.slice(124, 130)).toBe('070701')
    expect(bytes.slice(124 + 110, 124 + 121)).toBe('TRAILER!!!\0')
    expect(bytes.length % 4).toBe(0)
  })

  it('belongs to root and has no dates unless told otherwise', () => {
    expect(readCpio(writeCpio([file('f', '')]))[0]).toMatchObject({ uid: 0, gid: 0, mtime: 0 })
  })

  it('keeps device numbers, link targets and the sticky bit', () => {
    const entries: CpioEntry[] = [
      { path: 'dev/console', type: FileType.CharacterDevice, permissions: 0o600, device: { major: 5, minor: 1 } },
      { path: 'bin/sh', type: FileType.SymbolicLink, permissions: 0o777, data: new TextEncoder().encode('busybox') },
      { path: 'tmp', type: FileType.Directory, permissions: 0o1777 },
    ]
    expect(readCpio(writeCpio(entries))).toMatchObject(entries)
  })

  it('gives back what was written', () => {
    const number = fc.integer({ min: 0, max: 0xffffffff })
    const common = {
      path: fc
        .string({ unit: 'grapheme', minLength: 1, maxLength: 30 })
        .filter(path => !/^\/|\0|^TRAILER!!!$/.test(path)),
      permissions: fc.integer({ min: 0, max: 0o7777 }),
      uid: number,
      gid: number,
      mtime: number,
    }
    const entry: fc.Arbitrary<CpioEntry> = fc.oneof(
      fc.record({ ...common, type: fc.constant(FileType.Regular), data: fc.uint8Array({ maxLength: 50 }) }),
      fc.record({ ...common, type: fc.constant(FileType.Directory) }),
      fc.record({
        ...common,
        type: fc.constantFrom(FileType.BlockDevice, FileType.CharacterDevice),
        device: fc.record({ major: number, minor: number }),
      }),
    )
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 8 }), entries => {
        const found = readCpio(writeCpio(entries))
        expect(found.map(each => (each.data ? { ...each, data: new Uint8Array(each.data) } : each))).toEqual(entries)
      }),
    )
  })

  it('refuses every archive that was cut short', () => {
    const whole = writeCpio([file('name', 'content')])
    for (let length = 0; length < whole.length - 4; length++) {
      expect(() => readCpio(whole.subarray(0, length)), `cut at ${length}`).toThrow(PCError)
    }
  })

  it.each(['', '/absolute', 'nul\0inside', 'TRAILER!!!', 'x'.repeat(4096)])('does not write the path %j', path => {
    expect(() => writeCpio([file(path, '')])).toThrow(PCError)
  })

  it.runIf(hasCpio)('is listed by the cpio program', () => {
    const input = writeCpio([file('one', '1'), file('two', 'longer text'), file('three', '')])
    const { stdout, status } = spawnSync('cpio', ['-t', '--quiet'], { input, encoding: 'utf8' })
    expect([status, stdout]).toEqual([0, 'one\ntwo\nthree\n'])
  })
})
