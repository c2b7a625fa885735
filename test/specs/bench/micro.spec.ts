/** The pieces that micro-benchmarks time: each makes sure of what it executes, so here each is run once. */
import { describe, expect, it } from 'vitest'
import { FAMILIES, runMicroBenchmarks } from '../../../bench/micro/suite.ts'

describe('micro-benchmarks', () => {
  it.each(Object.keys(FAMILIES))('%s has pieces that run', family => {
    const pieces = FAMILIES[family]()
    expect(pieces.length).toBeGreaterThan(1)
    for (const piece of pieces) {
      expect(piece.units).toBeGreaterThan(0)
      piece.run()
    }
    expect(new Set(pieces.map(piece => piece.name)).size).toBe(pieces.length)
  })

  it('refuse a name that is not theirs', () => {
    expect(() => runMicroBenchmarks('dispatch,sieve')).toThrow("no micro-benchmarks named 'sieve'")
  })
})
