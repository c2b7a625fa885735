/** The benchmark's summary and its bars. */
import { describe, expect, it } from 'vitest'
import { formatSummary, RIVAL, SUBJECT, summarize } from '../../../bench/report.ts'
import type { EngineRun } from '../../../bench/run.ts'

const MIB = 1024 * 1024
const PROGRAMS = [
  { name: 'alpha', path: '/nowhere/alpha', instructions: 50_000_000 },
  { name: 'beta', path: '/nowhere/beta', instructions: null }
]

/** A run whose rounds take the given wall milliseconds and twice as much CPU. */
function run(engine: string, repeat: number, bootMs: number, rounds: Record<string, number[]>): EngineRun {
  return {
    engine,
    repeat,
    boot: { wallMs: bootMs, cpuMs: bootMs * 2 },
    programs: Object.entries(rounds).map(([program, wall]) => ({
      engine,
      program,
      repeat,
      rounds: wall.map(wallMs => ({ wallMs, cpuMs: wallMs * 2 })),
      checksum: '0badcafe'
    })),
    residentBytes: 300 * MIB,
    peakResidentBytes: 320 * MIB,
    failure: null
  }
}

const FAST = [
  run(SUBJECT, 0, 1000, { alpha: [300, 100, 100], beta: [40, 20, 20] }),
  run(SUBJECT, 1, 1000, { alpha: [300, 100, 100], beta: [40, 20, 20] })
]
const SLOW = [
  run(RIVAL, 0, 9000, { alpha: [400, 400, 420], beta: [180, 180, 180] }),
  run(RIVAL, 1, 9000, { alpha: [400, 400, 380], beta: [180, 180, 180] })
]

describe('summarize', () => {
  it('keeps cold and warm rounds apart', () => {
    const { programs } = summarize(FAST, PROGRAMS, 256)
    const alpha = programs.find(entry => entry.program === 'alpha')
    expect(alpha?.cold.wallMs).toBe(300)
    expect(alpha?.warm).toEqual({ wallMs: 100, cpuMs: 200, wallSpread: 0, samples: 4 })
  })

  it('takes a single round for both', () => {
    const { programs } = summarize([run(SUBJECT, 0, 1, { alpha: [70] })], PROGRAMS, 256)
    expect(programs[0].warm).toEqual(programs[0].cold)
  })

  it('derives speed from the warm time, and none without a count', () => {
    const { programs } = summarize(FAST, PROGRAMS, 256)
    expect(programs.map(entry => entry.mips)).toEqual([500, null])
  })

  it('divides the time of the peer by ours', () => {
    const summary = summarize([...SLOW, ...FAST], PROGRAMS, 256)
    expect(summary.ratios.find(ratio => ratio.program === 'alpha')).toMatchObject({ peer: RIVAL, warm: 4, warmCpu: 4 })
    expect(summary.ratios.find(ratio => ratio.program === 'beta')?.warm).toBe(9)
    expect(summary.means).toHaveLength(1)
    expect(summary.means[0].warm).toBeCloseTo(6)
    expect(summary.bootRatios).toEqual([{ peer: RIVAL, wall: 9, cpu: 9 }])
  })

  it('has no ratios when tabpc did not run', () => {
    const summary = summarize(SLOW, PROGRAMS, 256)
    expect(summary.ratios).toEqual([])
    expect(summary.missedBars).toEqual([])
  })

  it('reports checksums that differ between engines or repeats', () => {
    const wrong = run(RIVAL, 0, 9000, { alpha: [400] })
    wrong.programs[0].checksum = 'deadbeef'
    const summary = summarize([...FAST, wrong], PROGRAMS, 256)
    expect(summary.disagreements).toEqual([`alpha: ${SUBJECT} 0badcafe, ${RIVAL} deadbeef`])
    expect(summarize([...SLOW, wrong], PROGRAMS, 256).programs[0].checksum).toBe('0badcafe/deadbeef')
  })

  it('names every bar that is missed', () => {
    expect(summarize([...FAST, ...SLOW], PROGRAMS, 256).missedBars).toEqual([])
    const heavy = run(SUBJECT, 0, 4000, { alpha: [300, 200, 200], beta: [180, 180, 180] })
    heavy.peakResidentBytes = 407 * MIB
    const { missedBars } = summarize([heavy, ...SLOW], PROGRAMS, 256)
    expect(missedBars.map(bar => bar.split(':')[0])).toEqual(['alpha', 'beta', 'boot', 'memory'])
  })

  it('keeps what an engine measured before it failed', () => {
    const broken: EngineRun = { ...run(RIVAL, 0, 9000, { alpha: [400] }), failure: 'no marker within 5 s' }
    const summary = summarize([...FAST, broken], PROGRAMS, 256)
    expect(summary.ratios.map(ratio => ratio.program)).toEqual(['alpha'])
    expect(formatSummary(summary)).toContain(`FAILED ${RIVAL}, repeat 1: no marker within 5 s`)
  })
})

describe('formatSummary', () => {
  const text = formatSummary(summarize([...FAST, ...SLOW], PROGRAMS, 256))

  it('has the ratios and their geometric means', () => {
    expect(text).toMatch(/alpha +4\.00x +4\.00x +1\.33x/)
    expect(text).toMatch(/geometric mean +6\.00x/)
  })

  it('shows a dash for a speed that is not known', () => {
    expect(text).toMatch(/^beta +- +-$/m)
  })
})
