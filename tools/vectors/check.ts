/** The long check: captures fresh random cases round after round and replays them on an engine, storing none. */

import { type CpuEngine, describeMismatch, replay } from '../../test/specs/vectors/replay.ts'
import type { Vector } from '../../test/vectors/format.ts'

/** Mismatches shown per family and round; the rest are counted. */
const SHOWN = 5
const SEED_STEP = 0x1000

interface EngineModule {
  createEngine(): CpuEngine | Promise<CpuEngine>
}

/**
 * Runs `rounds` rounds over the families. `moduleUrl` names a module with `createEngine`; `capture` makes the cases
 * of one family from a seed. Returns the exit code: 0 when the engine agreed everywhere, else 1.
 */
export async function checkFresh(
  moduleUrl: string,
  families: readonly string[],
  seed: number,
  rounds: number,
  capture: (family: string, seed: number) => Iterable<Vector>,
): Promise<number> {
  const { createEngine } = (await import(moduleUrl)) as EngineModule
  const engine = await createEngine()
  let failed = 0
  let run = 0
  for (let round = 0; round < rounds; round++) {
    const roundSeed = (seed + round * SEED_STEP) >>> 0
    for (const family of families) {
      let shown = 0
      const summary = replay(engine, capture(family, roundSeed), {
        onMismatch: mismatch => {
          if (shown++ < SHOWN) console.log(describeMismatch(mismatch))
        },
      })
      run += summary.run
      failed += summary.failed
      console.log(
        `seed ${roundSeed} ${family}: ${summary.run} run, ${summary.skipped} skipped, ${summary.failed} failed`,
      )
      for (const [row, count] of summary.failedByRow) console.log(`  ${row}: ${count}`)
    }
  }
  console.log(`${engine.name}: ${run} cases, ${failed} failed`)
  const account = engine.account?.()
  if (account) console.log(account)
  return failed === 0 ? 0 : 1
}
