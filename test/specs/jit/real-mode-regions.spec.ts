/**
 * Real-mode loops (guest/real-mode.asm) through compiled regions: wrapping offsets, SP and IP, limits, far calls, one
 * piece of code under two segments, variables beside code, a data segment of 4 GiB. Memory and registers at the end are
 * those of the interpreter.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { compile } from '../../../jit/compile.ts'
import { RegionManager } from '../../../jit/region-manager.ts'
import { ExitReason } from '../../../runtime/exits.ts'
import { RAM_BASE } from '../../../runtime/memory-map.ts'
import { Gpr, Segment, stateFields } from '../../../runtime/state.ts'
import { TestCpu } from '../../engines/test-cpu.ts'

const program = readFileSync(new URL('guest/real-mode.bin', import.meta.url))
const START = 0x1000
const STACK = 0xf00
const RESULTS = 0x800
const RESULT_WORDS = 19
const ENOUGH = 1_000_000
const REAL_MODE = { selector: 0, base: 0, limit: 0xffff, access: 0x93 }

class HeatedCpu extends TestCpu {
  readonly regions: RegionManager | undefined

  /** Compiles what is entered `heat` times; nothing when that is 0. */
  constructor(heat: number) {
    super()
    if (heat > 0) this.regions = new RegionManager(this.core, this.cache, this.writer, compile)
    this.core.set('heatThreshold', heat)
  }

  protected override hot(record: number): void {
    this.regions?.hot(record)
  }
}

function run(heat: number): HeatedCpu {
  const cpu = new HeatedCpu(heat)
  const { core } = cpu
  for (const segment of [Segment.Es, Segment.Cs, Segment.Ss, Segment.Ds, Segment.Fs, Segment.Gs])
    cpu.setSegment(segment, REAL_MODE)
  core.exports.updateMode()
  cpu.write(START, program)
  core.set('gpr', STACK, Gpr.Esp)
  core.set('eip', START)
  expect(cpu.run(ENOUGH)).toBe(ExitReason.Halt)
  return cpu
}

/** Registers, segments and the results of the tests. */
function outcome({ core }: HeatedCpu): unknown {
  const words = new Uint16Array(core.memory.buffer, RAM_BASE + RESULTS, RESULT_WORDS)
  const names = ['gpr', 'eip', 'segmentSelector', 'segmentBase', 'segmentLimit', 'segmentAccess', 'remaining'] as const
  const state = names.map(name => Array.from({ length: Math.min(8, stateFields[name].count) }, (_, i) => core.get(name, i) >>> 0))
  return { results: [...words], state, flags: core.exports.getEflags() }
}

describe('real-mode loops in regions', () => {
  const expected = run(0)

  it('come to what the program is about, in the interpreter', () => {
    const { results } = outcome(expected) as { results: number[] }
    const rounds = 40
    const sum = (rounds * (rounds + 1)) / 2
    expect(results[0]).toBe(sum)
    // Two faults a round: the word is read, and written.
    expect(results[10]).toBe(2 * rounds)
    expect(results[2]).toBe(rounds)
    expect(results[7]).toBe((200 * 201) / 2)
    expect(results[11]).toBe(100)
    expect(results[12]).toBe(0)
    expect(results[14]).toBe(rounds * 0x40)
  })

  it.each([1, 2, 7, 20])('are the same when what is entered %i times is compiled', heat => {
    const cpu = run(heat)
    expect(outcome(cpu)).toEqual(outcome(expected))
    expect(Buffer.compare(cpu.core.ram, expected.core.ram)).toBe(0)
    expect(cpu.regions?.figures().installed).toBeGreaterThan(10)
  })
})
