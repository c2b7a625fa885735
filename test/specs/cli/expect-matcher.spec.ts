/** --expect over a stream: chunk boundaries, lines, the bounded window. */

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { EXPECT_WINDOW, ExpectMatcher } from '../../../src/node/expect-matcher.ts'

const encoder = new TextEncoder()

function feedAll(matcher: ExpectMatcher, ...texts: string[]): boolean {
  return texts.map(text => matcher.feed(encoder.encode(text))).at(-1) ?? false
}

it('finds a match in however small pieces it comes', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.array(fc.nat(5)), (before, after, sizes) => {
      const bytes = encoder.encode(`${before}GUEST-READY ü 42\r\n${after}`)
      const matcher = new ExpectMatcher(/READY ü \d\d$/m)
      let matched = false
      let start = 0
      for (let index = 0; start < bytes.length; index++) {
        const size = 1 + (sizes[index % Math.max(1, sizes.length)] ?? 0)
        matched = matcher.feed(bytes.subarray(start, start + size))
        start += size
      }
      expect(matched).toBe(true)
      expect(matcher.match).toBe('READY ü 42')
    }),
    { numRuns: 200 },
  )
})

it('stays matched, and says with what', () => {
  const matcher = new ExpectMatcher(/l.gin/)
  expect(feedAll(matcher, 'x login: y')).toBe(true)
  expect(feedAll(matcher, 'nothing')).toBe(true)
  expect(matcher.match).toBe('login')
})

it('does not match what was never there', () => {
  expect(feedAll(new ExpectMatcher(/ab/), 'a', 'c', 'b', 'a', '\nb')).toBe(false)
})

it('matches within the window, across more text than it holds', () => {
  const line = `${'.'.repeat(79)}\n`
  const matcher = new ExpectMatcher(/start[\s\S]*end/)
  feedAll(matcher, line.repeat(10000), 'start', line.repeat(100))
  expect(matcher.match).toBeUndefined()
  expect(feedAll(matcher, 'end')).toBe(true)
})

it('forgets what is older than the window', () => {
  const matcher = new ExpectMatcher(/start[\s\S]*end/)
  expect(feedAll(matcher, 'start', '.'.repeat(3 * EXPECT_WINDOW), 'end')).toBe(false)
})

it('does not take the edge of the window for the start of a line', () => {
  const matcher = new ExpectMatcher(/^b/)
  expect(feedAll(matcher, 'a', 'b'.repeat(5 * EXPECT_WINDOW))).toBe(false)
  expect(feedAll(matcher, '\nb')).toBe(true)
})

it('takes one chunk larger than the window whole', () => {
  const matcher = new ExpectMatcher(/needle/)
  expect(feedAll(matcher, `${'.'.repeat(4 * EXPECT_WINDOW)}needle${'.'.repeat(4 * EXPECT_WINDOW)}`)).toBe(true)
})

it("leaves the caller's expression alone", () => {
  const expression = /a/gy
  feedAll(new ExpectMatcher(expression), 'ba')
  expect(expression.lastIndex).toBe(0)
})
