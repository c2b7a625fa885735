/** The reader of ar archives, the outer shell of Debian packages. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PCError } from '../../../src/errors.ts'
import { isAr, readAr, writeAr } from '../../../src/node/archive/ar.ts'

const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const header = (name: string, size: string): string =>
  `${name.padEnd(16)}${'0'.padEnd(12)}${'0'.padEnd(6)}${'0'.padEnd(6)}${'100644'.padEnd(8)}${size.padEnd(10)}\`\n`

describe('ar', () => {
  it('reads members as dpkg and System V archivers name them, with padding after odd sizes', () => {
    const bytes = text(`!<arch>\n${header('debian-binary', '4')}2.0\n${header('odd/', '3')}abc\n${header('last', '0')}`)
    const members = readAr(bytes).map(({ name, data }) => [name, new TextDecoder().decode(data)])
    expect(members).toEqual([
      ['debian-binary', '2.0\n'],
      ['odd', 'abc'],
      ['last', ''],
    ])
  })

  it('accepts a last member of odd size without its padding', () => {
    expect(readAr(text(`!<arch>\n${header('a', '1')}x`))[0].data).toEqual(text('x'))
  })

  it('gives back what was written', () => {
    const name = fc.string({ unit: fc.constantFrom(...'abcxyz-._0189'), minLength: 1, maxLength: 16 })
    const member = fc.record({ name, data: fc.uint8Array({ maxLength: 100 }) })
    fc.assert(
      fc.property(fc.array(member, { maxLength: 6 }), members => {
        expect(readAr(writeAr(members)).map(({ name, data }) => ({ name, data: new Uint8Array(data) }))).toEqual(
          members,
        )
      }),
    )
  })

  it('refuses every archive that was cut short inside a member', () => {
    const whole = writeAr([
      { name: 'first', data: text('12345678') },
      { name: 'second', data: text('abcd') },
    ])
    const boundaries = new Set([8, 8 + 60 + 8, whole.length])
    for (let length = 0; length < whole.length; length++) {
      if (boundaries.has(length)) continue
      expect(() => readAr(whole.subarray(0, length)), `cut at ${length}`).toThrow(PCError)
    }
  })

  it.each([
    ['another file', 'PK\x03\x04', /not an ar archive/],
    ['a size that is no number', `!<arch>\n${header('a', '1x')}ab`, /bad size '1x'/],
    ['a header without its end mark', `!<arch>\n${header('a', '0').slice(0, 58)}zz`, /broken header at byte 8/],
  ])('refuses %s', (_what, bytes, message) => {
    expect(() => readAr(text(bytes))).toThrow(message)
  })

  it('knows an archive by its magic', () => {
    expect(isAr(text('!<arch>\nrest'))).toBe(true)
    expect(isAr(text('!<arch>'))).toBe(false)
  })

  it.each(['', 'name with blank', 'seventeen-letters'])('does not write a member named %j', name => {
    expect(() => writeAr([{ name, data: new Uint8Array() }])).toThrow(/cannot be an ar member/)
  })
})
