/** What becomes of hot runs: when they are sent to the compiler, what is thrown away, and what happens without one. */
import { beforeEach, describe, expect, it } from 'vitest'
import { compile, type CompileRequest } from '../../../jit/compile.ts'
import { type CompileOutcome, MOST_UNDER_WAY, MOST_WAITING, RegionManager } from '../../../jit/region-manager.ts'
import { CompilerGone } from '../../../jit/worker/worker-compiler.ts'
import { Gpr } from '../../../runtime/state.ts'
import { CompiledBench } from '../../engines/compiled-cpu.ts'
import { CODE, CpuBench, ELSEWHERE } from '../cpu/bench.ts'

const { Eax, Ebx, Ecx, Edx } = Gpr
const HEAT = 10
/** Bytes between loops of `writeLoops`: none shares a granule with another. */
const LOOP_DISTANCE = 0x100

/** A compiler that does what it is told, when it is told. */
class ManualCompiler {
  readonly requests: CompileRequest[] = []
  private readonly settlers: { resolve: (code: CompileOutcome) => void; reject: (error: Error) => void }[] = []

  readonly compile = (request: CompileRequest): Promise<CompileOutcome> => {
    this.requests.push(request)
    return new Promise((resolve, reject) => this.settlers.push({ resolve, reject }))
  }

  /** Compiles request number `i` and waits until that has had its effect. */
  async finish(i: number): Promise<void> {
    this.settlers[i].resolve(compile(this.requests[i]))
    await settled()
  }

  async fail(i: number, error: Error): Promise<void> {
    this.settlers[i].reject(error)
    await settled()
  }
}

function settled(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

describe('RegionManager', () => {
  let compiler: ManualCompiler
  let cpu: CompiledBench

  beforeEach(() => {
    compiler = new ManualCompiler()
    cpu = new CompiledBench(HEAT, compiler.compile)
  })

  /** inc ebx, ECX times. */
  function loop(times: number, at = CODE): void {
    cpu.write(at, [0x43, 0x49, 0x75, 0xfc, 0xf4])
    go(times, at)
  }

  function go(times: number, at = CODE): void {
    cpu.core.set('eip', at)
    cpu.set(Ecx, times)
    cpu.runToHalt()
  }

  /** Runs `count` loops, each of which gets hot; the first is one distance behind CODE. */
  function runLoops(count: number): void {
    for (let i = 1; i <= count; i++) loop(HEAT + 5, CODE + i * LOOP_DISTANCE)
  }

  it('asks once, goes on interpreting, and enters what arrives', async () => {
    loop(1000)
    expect(compiler.requests).toHaveLength(1)
    expect(compiler.requests[0].entry).toBe(CODE)
    expect(cpu.regions.stats).toMatchObject({ requested: 1, installed: 0 })
    await compiler.finish(0)
    expect(cpu.regions.stats.installed).toBe(1)
    go(1000)
    expect(cpu.get(Ebx)).toBe(2000)
    expect(cpu.cache.slots.count).toBe(1)
    expect(compiler.requests).toHaveLength(1)
  })

  it('has few requests under way, and sends the hottest of what waits next', async () => {
    const last = MOST_UNDER_WAY + 1
    runLoops(last + 1)
    expect(compiler.requests).toHaveLength(MOST_UNDER_WAY)
    go(500, CODE + last * LOOP_DISTANCE)
    await compiler.finish(0)
    expect(compiler.requests).toHaveLength(MOST_UNDER_WAY + 1)
    expect(compiler.requests[MOST_UNDER_WAY].entry).toBe(CODE + last * LOOP_DISTANCE)
  })

  it('refuses the coldest when too many wait; they can ask again', () => {
    const loops = MOST_UNDER_WAY + MOST_WAITING + 40
    runLoops(loops)
    const { refused } = cpu.regions.stats
    expect(refused).toBe(40)
    expect(compiler.requests.length + refused).toBeLessThan(loops)
    // All are as hot, so the last of them were refused.
    go(2, CODE + loops * LOOP_DISTANCE)
    expect(cpu.regions.stats.refused).toBe(refused)
    go(HEAT + 5, CODE + loops * LOOP_DISTANCE)
    expect(cpu.regions.stats.refused).toBeGreaterThan(refused)
  })

  it('throws away what arrives for bytes that have changed, those too that were never decoded', async () => {
    // The code behind JE is never reached, so nobody watches it, but it is compiled.
    cpu.load(`
      43                ; inc ebx
      85 db             ; test ebx, ebx
      0f 84 f7 00 00 00 ; je 0x10100
      49                ; dec ecx
      75 f4             ; jne 0x10000
      f4                ; hlt`)
    cpu.load('40 ; inc eax\nf4 ; hlt', CODE + 0x100, false)
    cpu.set(Ecx, 100)
    cpu.runToHalt()
    expect(compiler.requests).toHaveLength(1)
    cpu.write(CODE + 0x100, [0x48])
    expect(cpu.cache.invalidations).toBe(0)
    await compiler.finish(0)
    expect(cpu.regions.stats).toMatchObject({ installed: 0, discarded: 1 })
    go(100)
    expect(compiler.requests).toHaveLength(2)
    await compiler.finish(1)
    expect(cpu.regions.stats).toMatchObject({ installed: 1, discarded: 1 })
  })

  it('installs what arrives for bytes that were written, but not changed', async () => {
    loop(1000)
    cpu.write(CODE + 0x40, [0x90])
    await compiler.finish(0)
    expect(cpu.regions.stats.installed).toBe(1)
  })

  it('does not send what a region that arrives holds', async () => {
    runLoops(MOST_UNDER_WAY + 4)
    expect(compiler.requests).toHaveLength(MOST_UNDER_WAY)
    // Two loops around each other: both are hot, and a region from either holds the other. The outer one is the
    // coldest of all that wait.
    cpu.load(`
      43    ; inc ebx
      49    ; dec ecx
      75 fd ; jne 0x10001
      41    ; inc ecx
      4a    ; dec edx
      75 f8 ; jne 0x10000
      f4    ; hlt`)
    cpu.set(Edx, HEAT + 2)
    go(100)
    const nested = () => compiler.requests.filter(({ entry }) => entry === CODE || entry === CODE + 1)
    // The inner one is the hottest, so it goes next; when it arrives, the outer one still waits.
    await compiler.finish(0)
    await compiler.finish(MOST_UNDER_WAY)
    for (let i = 1; i < compiler.requests.length; i++) if (i !== MOST_UNDER_WAY) await compiler.finish(i)
    expect(nested()).toHaveLength(1)
    expect(cpu.regions.stats.covered).toBe(1)
  })

  it('gives up a run whose page is mapped elsewhere when its turn comes', async () => {
    cpu.remap(ELSEWHERE, CODE, 16)
    for (let i = 0; i < MOST_UNDER_WAY + 4; i++) loop(HEAT + 5, ELSEWHERE + i * LOOP_DISTANCE - ELSEWHERE + CODE)
    const before = compiler.requests.length
    cpu.map(CODE, CODE + 0x10000, 0x63, 2)
    cpu.core.exports.flushTlb(true)
    await compiler.finish(0)
    expect(compiler.requests).toHaveLength(before)
    expect(cpu.regions.stats.refused).toBe(4)
  })

  it('counts a fault of the compiler and goes on with the next', async () => {
    loop(100)
    await compiler.fail(0, new Error('a fault'))
    expect(cpu.regions.stats.failed).toBe(1)
    loop(100, CODE + LOOP_DISTANCE)
    await compiler.finish(1)
    expect(cpu.regions.stats.installed).toBe(1)
  })

  it('ignores what arrives after it was disposed of', async () => {
    loop(100)
    cpu.regions.dispose()
    await compiler.finish(0)
    expect(cpu.cache.slots.count).toBe(0)
    loop(100, CODE + LOOP_DISTANCE)
    expect(compiler.requests).toHaveLength(1)
  })
})

describe('a compiler that is gone', () => {
  it('is told once, and the machine interprets from then on', async () => {
    const warnings: string[] = []
    class LostBench extends CpuBench {
      readonly regions = new RegionManager(
        this.core, this.cache, this.writer, () => Promise.reject(new CompilerGone('the worker has crashed')),
        message => warnings.push(message),
      )
      protected override hot(record: number): void {
        this.regions.hot(record)
      }
    }
    const cpu = new LostBench()
    cpu.core.set('heatThreshold', HEAT)
    for (let round = 0; round < 5; round++) {
      cpu.write(CODE + round * LOOP_DISTANCE, [0x40, 0x49, 0x75, 0xfc, 0xf4])
      cpu.core.set('eip', CODE + round * LOOP_DISTANCE)
      cpu.set(Ecx, 100)
      cpu.runToHalt()
      if (round > 1) await settled()
    }
    expect(cpu.get(Eax)).toBe(500)
    expect(warnings).toEqual([expect.stringContaining('the worker has crashed')])
    expect(cpu.core.get('heatThreshold')).toBe(0)
    expect(cpu.cache.slots.count).toBe(0)
  })
})
