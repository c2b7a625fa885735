/** Medians, spreads and geometric means of the benchmark. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { geometricMean, median, spread } from '../../../bench/statistics.ts'

const times = fc.array(fc.double({ min: 1e-3, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 20 })

describe('median', () => {
  it('takes the middle value, and the mean of two middle ones', () => {
    expect(median([9, 1, 5])).toBe(5)
    expect(median([8, 1, 2, 4])).toBe(3)
    expect(median([])).toBeNaN()
  })

  it('does not depend on order and leaves its input alone', () => {
    fc.assert(
      fc.property(times, values => {
        const copy = [...values]
        expect(median([...values].reverse())).toBe(median(values))
        expect(values).toEqual(copy)
      })
    )
  })

  it('has at least half of the values on either side', () => {
    fc.assert(
      fc.property(times, values => {
        const middle = median(values)
        expect(values.filter(value => value <= middle).length * 2).toBeGreaterThanOrEqual(values.length)
        expect(values.filter(value => value >= middle).length * 2).toBeGreaterThanOrEqual(values.length)
      })
    )
  })
})

describe('spread', () => {
  it('is the range as a fraction of the median', () => {
    expect(spread([4, 4, 4])).toBe(0)
    expect(spread([8, 10, 14])).toBeCloseTo(0.6)
    expect(spread([])).toBeNaN()
  })
})

describe('geometricMean', () => {
  it('is the root of the product', () => {
    expect(geometricMean([2, 8])).toBeCloseTo(4)
    expect(geometricMean([1, 10, 100])).toBeCloseTo(10)
  })

  it('is not a number without values or with one that is not positive', () => {
    expect(geometricMean([])).toBeNaN()
    expect(geometricMean([1, 0])).toBeNaN()
    expect(geometricMean([1, Number.NaN])).toBeNaN()
  })

  it('of ratios is the inverse of the mean of inverse ratios', () => {
    fc.assert(
      fc.property(times, values => {
        const inverse = geometricMean(values.map(value => 1 / value))
        expect(geometricMean(values) * inverse).toBeCloseTo(1, 6)
      })
    )
  })
})
