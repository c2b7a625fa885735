/** The benchmark's tables. */
import { describe, expect, it } from 'vitest'
import { formatBars, formatSummary } from '../../../bench/report.ts'
import { SUBJECT, summarize } from '../../../bench/summary.ts'
import { PROGRAMS, run, withoutFeature } from './summary-fixture.ts'

const ours = run(SUBJECT, 0, 1000, { sieve: [300, 100, 100], pipes: [40, 20, 20], sse2: [1] })
const rival = run('v86', 0, 9000, { sieve: [400, 400, 400], pipes: [200, 180, 180], sse2: [10, 10] })

describe('formatSummary', () => {
  const text = formatSummary(summarize([withoutFeature(ours, 'sse2', 'SSE2'), rival], PROGRAMS))

  it('has the ratios, by group, with their geometric means', () => {
    expect(text).toMatch(/^sieve +0\.25 +0\.25 +0\.75$/m)
    expect(text).toMatch(/^= integer +0\.25/m)
    expect(text).toMatch(/^= all +0\.17/m)
  })

  it('shows a dash for a speed that is not known', () => {
    expect(text).toMatch(/^pipes +- +-$/m)
  })

  it('says that a CPU lacks a feature, and does not call it a failure', () => {
    expect(text).toMatch(/^sse2 +no SSE2 +10 \/ 20 \/ 10$/m)
    expect(text).toContain(`not supported by this CPU: sse2 on ${SUBJECT}, whose CPUID has no SSE2`)
    expect(text).not.toContain('FAILED')
  })

  it('has boot and memory with their ratios', () => {
    expect(text).toMatch(/^v86 +9\.00 s ±0% +0\.11 +18\.00 s +0\.11 +290 MiB +1\.00 +300 MiB +320 MiB/m)
  })

  it('tells failures and checksums that differ', () => {
    const wrong = run('qemu', 0, 10, { sieve: [40] })
    wrong.programs[0].checksum = 'deadbeef'
    const other = formatSummary(summarize([ours, { ...wrong, failure: 'gone' }], PROGRAMS))
    expect(other).toContain('FAILED qemu, repeat 1: gone')
    expect(other).toContain(`CHECKSUMS DIFFER sieve: ${SUBJECT} 0badcafe, qemu deadbeef`)
  })
})

describe('a busy host', () => {
  it('is told', () => {
    const text = formatSummary(summarize([ours, { ...rival, otherCpus: 1.25 }], PROGRAMS))
    expect(text).toContain('THE HOST WAS BUSY (1.3 CPUs beside v86)')
    expect(formatSummary(summarize([ours, rival], PROGRAMS))).not.toContain('BUSY')
  })
})

describe('formatBars', () => {
  it('has a line for each bar and the count', () => {
    const text = formatBars([
      { name: 'alpha', limit: 0.5, value: 0.4, state: 'met', detail: '' },
      { name: 'beta', limit: 0.5, value: 0.6, state: 'missed', detail: 'lz' },
      { name: 'gamma', limit: 0.5, value: null, state: 'not measured', detail: 'without lz' }
    ])
    expect(text).toMatch(/^alpha +0\.40 +0\.50 +met$/m)
    expect(text).toMatch(/^beta +0\.60 +0\.50 +MISSED +lz$/m)
    expect(text).toMatch(/^gamma +- +0\.50 +not measured +without lz$/m)
    expect(text).toMatch(/1 met, 1 missed, 1 not measured$/)
  })
})
