/** The reader of a distribution's package index. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  compareVersions,
  findDependency,
  findInIndex,
  packageRecord,
  parseStanza,
} from '../../../tools/guest/packages-index.ts'

const hash = 'a'.repeat(64)
const stanza = (name: string, version: string, rest = ''): string =>
  `Package: ${name}\nVersion: ${version}\nArchitecture: i386\n${rest}` +
  `Filename: pool/${name}.deb\nSize: 12\nSHA256: ${hash}\n`

describe('stanzas', () => {
  it('join continuation lines and ignore the case of names', () => {
    const fields = parseStanza('Package: a\nSHA256:\n 11 2 x\n 22 3 y\nDescription: short\n long\n')
    expect(fields.get('sha256')).toBe('\n11 2 x\n22 3 y')
    expect(fields.get('description')).toBe('short\nlong')
  })

  it('become records', () => {
    const record = packageRecord(stanza('linux-image-686', '6.1-1', 'Depends: linux-image-6.1-686 (= 6.1-1), a | b\n'))
    expect(record).toEqual({
      name: 'linux-image-686',
      version: '6.1-1',
      architecture: 'i386',
      filename: 'pool/linux-image-686.deb',
      bytes: 12,
      sha256: hash,
      depends: ['linux-image-6.1-686 (= 6.1-1)', 'a | b'],
    })
  })

  it.each([
    ['no hash', stanza('p', '1').replace(/SHA256.*\n/, ''), /no sha256 for p/],
    ['a hash that is too short', stanza('p', '1').replace(hash, 'abc'), /damaged at p/],
    ['a size that is no number', stanza('p', '1').replace('12', 'big'), /damaged at p/],
  ])('are refused with %s', (_what, text, message) => {
    expect(() => packageRecord(text)).toThrow(message)
  })
})

describe('an index', () => {
  const index = [stanza('ab', '1'), stanza('b', '1.9'), stanza('b', '1.10'), stanza('b', '1.2'), stanza('c', '3')].join(
    '\n',
  )

  it('gives the highest version, or the one asked for', () => {
    expect(findInIndex(index, 'b')?.version).toBe('1.10')
    expect(findInIndex(index, 'b', '1.2')?.version).toBe('1.2')
    expect(findInIndex(index, 'b', '7')).toBeUndefined()
  })

  it('does not confuse names that end alike, nor miss the first and the last', () => {
    expect(findInIndex(index, 'ab')?.name).toBe('ab')
    expect(findInIndex(index, 'c')?.version).toBe('3')
    expect(findInIndex(`X-Package: c\n\n${stanza('d', '1')}`, 'c')).toBeUndefined()
    expect(findInIndex('', 'c')).toBeUndefined()
  })
})

describe('dependencies', () => {
  const record = (depends: string[]) => ({ ...packageRecord(stanza('m', '1')), depends })

  it('are found by name with an exact version', () => {
    const kernel = /^linux-image-\d/
    expect(findDependency(record(['x', 'linux-image-6.1-686 (= 6.1-1)']), kernel)).toEqual({
      name: 'linux-image-6.1-686',
      version: '6.1-1',
    })
    expect(findDependency(record(['linux-image-6.1-686 (>= 6.1)']), kernel)).toEqual({
      name: 'linux-image-6.1-686',
      version: undefined,
    })
    expect(findDependency(record(['linux-headers']), kernel)).toBeUndefined()
  })
})

describe('Debian versions', () => {
  // Ascending, after the rules of deb-version(7).
  const ascending = [
    '0~a',
    '0',
    '1.0~rc1',
    '1.0~rc1+b',
    '1.0',
    '1.0-1~deb12',
    '1.0-1',
    '1.0-1+b1',
    '1.0a',
    '1.0+x',
    '1.9',
    '1.10',
    '1:0.1',
  ]

  it.each(ascending.slice(1).map((version, index) => [ascending[index], version]))(
    '%s is lower than %s',
    (left, right) => {
      expect(compareVersions(left, right)).toBeLessThan(0)
      expect(compareVersions(right, left)).toBeGreaterThan(0)
    },
  )

  it('have a total order', () => {
    const version = fc.string({ unit: fc.constantFrom(...'012~+.-a'), maxLength: 6 })
    fc.assert(
      fc.property(version, version, version, (a, b, c) => {
        expect(compareVersions(a, a)).toBe(0)
        expect(Math.sign(compareVersions(a, b)) + Math.sign(compareVersions(b, a))).toBe(0)
        if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0)
          expect(compareVersions(a, c)).toBeLessThanOrEqual(0)
      }),
    )
  })
})
