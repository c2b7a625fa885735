/** What a profile reports for compiling again, and how often. */
import { expect, it } from 'vitest'
import { LiveProfile } from '../../../jit/live-profile.ts'
import { MANY_MISSES, MISS_PROFILE_BASE } from '../../../runtime/memory-map.ts'
import { CompiledBench } from '../../engines/compiled-cpu.ts'
import { CODE } from '../cpu/bench.ts'

it('reports a place again that goes on missing after its first report, but not for ever', () => {
  // A region that was under way at the first report arrives without knowing of it, and leaves at the place as before.
  const cpu = new CompiledBench(10, () => undefined)
  const profile = new LiveProfile(cpu.core, cpu.cache)
  const miss = (times: number): number[] => {
    cpu.core.words[MISS_PROFILE_BASE >> 2] = CODE
    cpu.core.words[(MISS_PROFILE_BASE >> 2) + 1] = times
    return profile.review()
  }
  expect(miss(MANY_MISSES - 1)).toEqual([])
  expect(profile.misses(CODE)).toBe(false)
  expect(miss(MANY_MISSES)).toEqual([CODE])
  expect(profile.misses(CODE)).toBe(true)
  expect(miss(MANY_MISSES)).toEqual([CODE])
  let reports = 2
  while (miss(MANY_MISSES).length > 0) reports++
  expect(reports).toBeLessThan(10)
  expect(profile.misses(CODE)).toBe(true)
})
