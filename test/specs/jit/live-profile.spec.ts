/** What a profile reports for compiling again, and how often. */
import { beforeEach, describe, expect, it } from 'vitest'
import { compile, type CompileRequest, regionOf } from '../../../jit/compile.ts'
import { LiveProfile } from '../../../jit/live-profile.ts'
import { COLD } from '../../../jit/regions/profile.ts'
import { MANY_MISSES, MISS_PROFILE_BASE } from '../../../runtime/memory-map.ts'
import { Gpr } from '../../../runtime/state.ts'
import { CompiledBench } from '../../engines/compiled-cpu.ts'
import { CODE, ELSEWHERE } from '../cpu/bench.ts'

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

describe('what a conditional branch hardly ever goes on to', () => {
  const HEAT = 1000
  /** inc ebx; cmp ecx, 5; jne skip; inc edx; skip: dec ecx; jnz CODE; hlt */
  const LOOP = [0x43, 0x83, 0xf9, 0x05, 0x75, 0x01, 0x42, 0x49, 0x75, 0xf6, 0xf4]
  const JNE = CODE + 4
  const BEHIND_JNE = CODE + 6
  const JNZ = CODE + 8
  let requests: CompileRequest[]
  let cpu: CompiledBench
  let profile: LiveProfile
  beforeEach(() => {
    requests = []
    cpu = new CompiledBench(HEAT, request => {
      requests.push(request)
      return compile(request)
    })
    profile = new LiveProfile(cpu.core, cpu.cache)
    cpu.write(CODE, LOOP)
    cpu.set(Gpr.Ebx, 0)
    cpu.set(Gpr.Edx, 0)
  })
  const go = (times: number): void => {
    cpu.core.set('eip', CODE)
    cpu.set(Gpr.Ecx, times)
    cpu.runToHalt()
  }
  const mode = () => cpu.core.get('mode')

  it('is known from the counts of the interpreter', () => {
    go(HEAT - 2)
    expect(profile.passRarity(JNE, mode())).toBe(COLD)
    expect(profile.passRarity(JNZ, mode())).toBe(COLD)
    // As often as not: a branch that is taken every other time.
    cpu.write(CODE, [0x43, 0xf6, 0xc1, 0x01, 0x75, 0x01, 0x42, 0x49, 0x75, 0xf6, 0xf4])
    go(HEAT - 2)
    expect(profile.passRarity(JNE, mode())).toBe(1)
  })
  it('is not known of branches that have not been seen often', () => {
    go(20)
    expect(profile.passRarity(JNE, mode())).toBe(0)
    expect(profile.passRarity(ELSEWHERE, mode())).toBe(0)
  })
  it('stays out of regions, which find it by leaving', () => {
    go(3 * HEAT)
    expect(requests.length).toBeGreaterThan(0)
    const region = regionOf(requests[0])
    expect(region && [...region.blocks.keys()]).not.toContain(BEHIND_JNE)
    expect(cpu.get(Gpr.Edx)).toBe(1)
    expect(cpu.get(Gpr.Ebx)).toBe(3 * HEAT)
    go(7)
    expect(cpu.get(Gpr.Edx)).toBe(2)
  })
})
