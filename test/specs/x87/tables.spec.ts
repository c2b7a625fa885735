/** Every constant of softfloat80-tables.ts, worked out again with big integers. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const source = readFileSync(new URL('../../../runtime/helpers/softfloat80-tables.ts', import.meta.url), 'utf8')
const BITS = 300n
const ONE = 1n << BITS

/** Pairs of 64-bit words of the table `name`, joined. */
function table(name: string): bigint[] {
  const body = new RegExp(`export const ${name}: usize = memory\\.data<u64>\\(\\[([^\\]]*)\\]`).exec(source)?.[1] ?? ''
  const words = [...body.matchAll(/0x[0-9a-f]+/g)].map(match => BigInt(match[0]))
  return words.flatMap((word, i) => (i % 2 === 0 ? [(word << 64n) | words[i + 1]] : []))
}

function constant(name: string): bigint {
  const word = (part: string): bigint =>
    BigInt(new RegExp(`export const ${name}_${part}: u64 = (\\w+)`).exec(source)?.[1] ?? '-1')
  return (word('HIGH') << 64n) | word('LOW')
}

/** `value`, scaled by 2^300, rounded to `fraction` bits. */
const rounded = (value: bigint, fraction: bigint): bigint =>
  (value + (1n << (BITS - fraction - 1n))) >> (BITS - fraction)

function factorial(n: number): bigint {
  return n < 2 ? 1n : BigInt(n) * factorial(n - 1)
}

/** atan(a / b) by Euler's series, scaled. */
function arcTangent(a: bigint, b: bigint): bigint {
  let term = (ONE * a * b) / (a * a + b * b)
  let sum = 0n
  for (let n = 1n; term !== 0n; n++) {
    sum += term
    term = (term * 2n * n * a * a) / ((2n * n + 1n) * (a * a + b * b))
  }
  return sum
}

/** ln 2 = 2 atanh(1/3), scaled. */
function naturalLogarithmOf2(): bigint {
  let power = ONE / 3n
  let sum = 0n
  for (let k = 1n; power !== 0n; k += 2n) {
    sum += power / k
    power /= 9n
  }
  return 2n * sum
}

describe('tables of the transcendental functions', () => {
  it.each([
    ['SINE', (n: number) => ONE / factorial(2 * n + 1)],
    ['COSINE', (n: number) => ONE / factorial(2 * n)],
    ['EXPONENTIAL', (n: number) => ONE / factorial(n + 1)],
    ['ODD_RECIPROCAL', (n: number) => ONE / BigInt(2 * n + 1)],
    ['ARC_TANGENT', (n: number) => arcTangent(BigInt(n), 32n)],
  ])('%s', (name, value) => {
    const entries = table(name)
    expect(entries.length).toBeGreaterThan(10)
    expect(entries).toEqual(entries.map((_, n) => rounded(value(n), 127n)))
  })

  it('pi, ln 2, log2 e and the 66-bit pi', () => {
    const quarterPi = arcTangent(1n, 1n)
    const ln2 = naturalLogarithmOf2()
    expect(constant('HALF_PI')).toBe(rounded(2n * quarterPi, 127n))
    expect(constant('LN2')).toBe(rounded(ln2, 128n))
    expect(constant('LOG2E')).toBe(rounded((ONE * ONE) / ln2, 127n))
    expect(constant('REDUCTION')).toBe((2n * quarterPi) >> (BITS - 65n))
  })
})
