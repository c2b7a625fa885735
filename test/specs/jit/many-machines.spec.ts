/**
 * Machines come and go: a hundred of them, each of which runs a guest and compiles its code, leave nothing behind. What
 * counts is what the process keeps after garbage collection, on the JavaScript heap, in wasm memories and in compiled
 * code.
 */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const MACHINES = 100
const MEBIBYTE = 2 ** 20
const MOST_LEFT = 10 * MEBIBYTE
const SECONDS = 1000
const program = fileURLToPath(new URL('./many-machines.ts', import.meta.url))

interface Report {
  readonly installed: number
  /** Bytes, after the first machines and after the last. */
  readonly before: { readonly heap: number; readonly external: number; readonly resident: number }
  readonly after: { readonly heap: number; readonly external: number; readonly resident: number }
}

describe('a hundred machines', () => {
  it(
    'that compile, in their own thread and beside it, leave nothing behind',
    () => {
      const text = execFileSync(process.execPath, ['--expose-gc', '--import', 'tsx', program, String(MACHINES)], {
        encoding: 'utf8',
      })
      const { installed, before, after } = JSON.parse(text) as Report
      expect(installed).toBeGreaterThan(MACHINES)
      for (const what of ['heap', 'external', 'resident'] as const)
        expect(after[what] - before[what], `${what}: ${before[what]} before, ${after[what]} after`).toBeLessThan(
          MOST_LEFT,
        )
    },
    120 * SECONDS,
  )
})
