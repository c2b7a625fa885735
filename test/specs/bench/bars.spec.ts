/** The bars: met, missed, and not measured. */
import { describe, expect, it } from 'vitest'
import { type Bar, judgeBars, LIMITS, RIVAL, TRANSLATOR } from '../../../bench/bars.ts'
import { GROUPS } from '../../../bench/groups.ts'
import type { EngineRun } from '../../../bench/run.ts'
import { SUBJECT, summarize } from '../../../bench/summary.ts'
import { MIB, run, withoutFeature } from './summary-fixture.ts'

const NAMES = Object.values(GROUPS).flat()
const PROGRAMS = NAMES.map(name => ({ name, path: '', instructions: null }))

/** A run of the whole suite in which each round takes `ms`, some programs excepted. */
function suite(engine: string, ms: number, bootMs: number, other: Record<string, number> = {}): EngineRun {
  return run(engine, 0, bootMs, Object.fromEntries(NAMES.map(name => [name, [ms, other[name] ?? ms]])))
}

/** A loop beside its stack takes a tenth of the round of the loops apart. */
const OURS = { 'stack-in-code': 16 }
const PEERS = [suite(RIVAL, 100, 1000), suite(TRANSLATOR, 50, 1000)]

function bars(ours: EngineRun, peers: readonly EngineRun[] = PEERS): Bar[] {
  return judgeBars(summarize([ours, ...peers], PROGRAMS))
}

function states(list: readonly Bar[], state: Bar['state']): string[] {
  return list.filter(bar => bar.state === state).map(bar => bar.name)
}

const good = suite(SUBJECT, 30, 500, OURS)
good.bootResidentBytes = 250 * MIB

describe('judgeBars', () => {
  it('finds all bars met', () => {
    const list = bars(good)
    expect(list).toHaveLength(11)
    expect(states(list, 'met')).toHaveLength(11)
    expect(list[0].value).toBeCloseTo(0.3)
    expect(list[1].value).toBeCloseTo(0.6)
  })

  it('finds each bar missed by itself', () => {
    const missed = (change: Partial<EngineRun>, other: Record<string, number> = {}) =>
      states(bars({ ...suite(SUBJECT, 30, 500, { ...OURS, ...other }), bootResidentBytes: 250 * MIB, ...change }), 'missed')
    expect(missed({})).toEqual([])
    expect(missed({}, { sieve: 101 })).toEqual([`worst program, ${SUBJECT} / ${RIVAL}`])
    for (const program of GROUPS.kernel) {
      expect(missed({}, { [program]: 61 })).toEqual([`${program}, ${SUBJECT} / ${RIVAL}`])
    }
    expect(missed({ boot: { wallMs: 610, cpuMs: 1000 } })).toEqual([`boot, wall time, ${SUBJECT} / ${RIVAL}`])
    expect(missed({ boot: { wallMs: 500, cpuMs: 1300 } })).toEqual([`boot, CPU time of all threads, ${SUBJECT} / ${RIVAL}`])
    expect(missed({ bootResidentBytes: 270 * MIB })).toEqual([`resident memory after boot, ${SUBJECT} / ${RIVAL}`])
    expect(missed({}, { 'stack-in-code': 24 })).toEqual([`stack in the page of the code / elsewhere, ${SUBJECT}`])
    expect(missed({ programs: suite(SUBJECT, 46, 1, { ...OURS }).programs })).toEqual(
      [RIVAL, TRANSLATOR].map(peer => `geometric mean of integer programs, ${SUBJECT} / ${peer}`)
    )
  })

  it('does not judge what was not measured', () => {
    const list = bars(good, [PEERS[0]])
    expect(states(list, 'missed')).toEqual([])
    expect(states(list, 'not measured')).toEqual([`geometric mean of integer programs, ${SUBJECT} / ${TRANSLATOR}`])
    expect(states(judgeBars(summarize(PEERS, PROGRAMS)), 'not measured')).toHaveLength(11)
  })

  it('takes no mean of a part of the programs', () => {
    const partial = { ...good, programs: good.programs.filter(entry => entry.program !== 'aes') }
    const [mean] = bars(partial)
    expect(mean).toMatchObject({ state: 'not measured', value: null, detail: 'without aes' })
  })

  it('names the CPU feature that keeps the worst row from being known, unless another row decides', () => {
    const worst = (list: readonly Bar[]) => list.find(bar => bar.limit === LIMITS.worstRow)
    expect(worst(bars(withoutFeature(good, 'sse2', 'SSE2')))).toMatchObject({
      state: 'not measured',
      detail: `without sse2 (no SSE2 in ${SUBJECT})`
    })
    const slow = withoutFeature(suite(SUBJECT, 30, 500, { lz: 120 }), 'sse2', 'SSE2')
    expect(worst(bars(slow))).toMatchObject({ state: 'missed', value: 1.2, detail: 'lz' })
  })
})
