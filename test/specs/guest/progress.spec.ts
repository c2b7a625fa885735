/** The progress line of the guest builder. */
import { describe, expect, it } from 'vitest'
import { createProgressReporter, progressText } from '../../../tools/guest/progress.ts'

function record(terminal: { isTTY?: boolean; columns?: number }, now: () => number = () => 0) {
  let written = ''
  const output = { ...terminal, write: (text: string) => (written += text) }
  return { ...createProgressReporter(output, now), text: () => written }
}

describe('progress', () => {
  it('draws a bar with bytes', () => {
    expect(progressText({ step: 'fetch x', doneBytes: 12.5e6, totalBytes: 50e6 })).toBe(
      '[######..................]  25%  12.5/50.0 MB  fetch x',
    )
    expect(progressText({ step: 'list', doneBytes: 2e6 })).toBe('list  2.0 MB')
    expect(progressText({ step: 'unpack' })).toBe('unpack')
  })

  it('never draws beyond the end of the bar', () => {
    expect(progressText({ step: 's', doneBytes: 99, totalBytes: 10 })).toMatch(/^\[#{24}\] 100%/)
  })

  it('prints each step once when nobody looks at a terminal', () => {
    const { onProgress, finish, text } = record({ isTTY: false })
    onProgress({ step: 'fetch', doneBytes: 0, totalBytes: 3e6 })
    onProgress({ step: 'fetch', doneBytes: 2e6, totalBytes: 3e6 })
    onProgress({ step: 'unpack' })
    finish()
    expect(text()).toBe('fetch (3.0 MB)\nunpack\n')
  })

  it('redraws one line on a terminal, not too often, and shows the end of each step', () => {
    let now = 1000
    const { onProgress, finish, text } = record({ isTTY: true, columns: 200 }, () => now)
    onProgress({ step: 'fetch', doneBytes: 0, totalBytes: 100 })
    onProgress({ step: 'fetch', doneBytes: 50, totalBytes: 100 })
    now += 100
    onProgress({ step: 'fetch', doneBytes: 75, totalBytes: 100 })
    onProgress({ step: 'fetch', doneBytes: 100, totalBytes: 100 })
    finish()
    const percentages = [...text().matchAll(/(\d+)%/g)].map(match => match[1])
    expect(percentages).toEqual(['0', '75', '100', '100'])
    expect(text().match(/\n/g)).toHaveLength(1)
    expect(text().endsWith('\n')).toBe(true)
  })

  it('fits the terminal, also one that does not know its width', () => {
    for (const [columns, most] of [
      [20, 19],
      [0, 79],
    ]) {
      const { onProgress, text } = record({ isTTY: true, columns })
      onProgress({ step: 'x'.repeat(300) })
      expect(text().match(/x+/)?.[0]).toHaveLength(most)
    }
  })
})
