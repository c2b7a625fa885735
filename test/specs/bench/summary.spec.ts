/** What the benchmark makes of its runs: medians, ratios, means, and what did not fit together. */
import { describe, expect, it } from 'vitest'
import { STACK_APART_LOOPS, STACK_IN_CODE_LOOPS } from '../../../bench/groups.ts'
import { SUBJECT, summarize } from '../../../bench/summary.ts'
import { MIB, PROGRAMS, run, withoutFeature } from './summary-fixture.ts'

const PEER = 'v86'
const FAST = [
  run(SUBJECT, 0, 1000, { sieve: [300, 100, 100], pipes: [40, 20, 20] }),
  run(SUBJECT, 1, 1000, { sieve: [300, 100, 100], pipes: [40, 20, 20] })
]
const SLOW = [
  run(PEER, 0, 9000, { sieve: [400, 400, 420], pipes: [200, 180, 180] }),
  run(PEER, 1, 9000, { sieve: [400, 400, 380], pipes: [200, 180, 180] })
]

describe('summarize', () => {
  it('keeps cold and warm rounds apart', () => {
    const { programs } = summarize(FAST, PROGRAMS)
    const sieve = programs.find(entry => entry.program === 'sieve')
    expect(sieve?.cold.wallMs).toBe(300)
    expect(sieve?.warm).toEqual({ wallMs: 100, cpuMs: 200, wallSpread: 0, samples: 4 })
  })

  it('takes a single round for both', () => {
    const { programs } = summarize([run(SUBJECT, 0, 1, { sieve: [70] })], PROGRAMS)
    expect(programs[0].warm).toEqual(programs[0].cold)
  })

  it('derives speed from the warm time, and none without a count or a time', () => {
    const { programs } = summarize(FAST, PROGRAMS)
    expect(programs.map(entry => entry.mips)).toEqual([500, null])
    expect(summarize([run('native', 0, 1, { sieve: [0, 0] })], PROGRAMS).programs[0].mips).toBeNull()
  })

  it('divides our time by that of the peer', () => {
    const summary = summarize([...SLOW, ...FAST], PROGRAMS)
    const sieve = summary.ratios.find(ratio => ratio.program === 'sieve')
    expect(sieve).toEqual({ peer: PEER, program: 'sieve', warm: 0.25, warmCpu: 0.25, cold: 0.75 })
    expect(summary.ratios.find(ratio => ratio.program === 'pipes')?.warm).toBeCloseTo(1 / 9)
    expect(summary.bootRatios).toEqual([{ peer: PEER, wall: 1 / 9, cpu: 1 / 9, memory: 1 }])
  })

  it('has geometric means by group and over all', () => {
    const { means } = summarize([...SLOW, ...FAST], PROGRAMS)
    const warm = Object.fromEntries(means.map(mean => [mean.group, mean.warm]))
    expect(Object.keys(warm)).toEqual(['integer', 'kernel', 'all'])
    expect(warm.integer).toBeCloseTo(0.25)
    expect(warm.all).toBeCloseTo(1 / 6)
  })

  it('leaves out rows that were too short for the clock', () => {
    const instant = run('native', 0, 1, { sieve: [0, 0], pipes: [2, 2] })
    expect(summarize([...FAST, instant], PROGRAMS).ratios.map(ratio => ratio.program)).toEqual(['pipes'])
  })

  it('has no ratios when tabpc did not run', () => {
    const summary = summarize(SLOW, PROGRAMS)
    expect(summary.ratios).toEqual([])
    expect(summary.bootRatios).toEqual([])
  })

  it('reports checksums that differ between engines or repeats', () => {
    const wrong = run(PEER, 0, 9000, { sieve: [400] })
    wrong.programs[0].checksum = 'deadbeef'
    expect(summarize([...FAST, wrong], PROGRAMS).disagreements).toEqual([`sieve: ${SUBJECT} 0badcafe, ${PEER} deadbeef`])
    expect(summarize([...SLOW, wrong], PROGRAMS).disagreements).toEqual([`sieve: ${PEER} 0badcafe/deadbeef`])
    expect(summarize([...FAST, ...SLOW], PROGRAMS).disagreements).toEqual([])
  })

  it('tells who lacks a feature, once, and takes no figures from it', () => {
    const ours = [0, 1].map(repeat => withoutFeature(run(SUBJECT, repeat, 1, { sse2: [5] }), 'sse2', 'SSE2'))
    const summary = summarize([...ours, run(PEER, 0, 1, { sse2: [5] })], PROGRAMS)
    expect(summary.unsupported).toEqual([{ program: 'sse2', engine: SUBJECT, feature: 'SSE2' }])
    expect(summary.programs.map(entry => entry.engine)).toEqual([PEER])
    expect(summary.ratios).toEqual([])
    expect(summary.disagreements).toEqual([])
  })

  it('takes memory after boot as the median of the repeats', () => {
    const runs = [280, 300, 500].map((size, repeat) => ({ ...run(SUBJECT, repeat, 1, {}), bootResidentBytes: size * MIB }))
    expect(summarize(runs, PROGRAMS).engines[0].bootMiB).toBe(300)
  })

  it('compares the loop with its stack in the code with the same loop apart', () => {
    const programs = ['stack-apart', 'stack-in-code'].map(name => ({ name, path: '', instructions: null }))
    const both = run(SUBJECT, 0, 1, { 'stack-apart': [9, 50], 'stack-in-code': [90, 20] })
    expect(summarize([both], programs).engines[0].stackRatio).toBeCloseTo(20 / STACK_IN_CODE_LOOPS / (50 / STACK_APART_LOOPS))
    expect(summarize([run(SUBJECT, 0, 1, { 'stack-apart': [9, 50] })], programs).engines[0].stackRatio).toBeNull()
  })

  it('keeps what an engine measured before it failed', () => {
    const broken = { ...run(PEER, 0, 9000, { sieve: [400] }), failure: 'no marker within 5 s' }
    const summary = summarize([...FAST, broken], PROGRAMS)
    expect(summary.ratios.map(ratio => ratio.program)).toEqual(['sieve'])
    expect(summary.engines.find(entry => entry.engine === PEER)?.failures).toEqual(['repeat 1: no marker within 5 s'])
  })
})
