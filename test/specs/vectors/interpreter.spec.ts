/**
 * The captured vectors on the interpreter, in both of its lowerings of each definition: stepping (general handlers) and
 * in a run (hot handlers where the code is flat). No difference is allowed.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { createEngine, createRunEngine } from '../../engines/interpreter.ts'
import { describeMismatch, replayVectors } from './replay.ts'

const folder = fileURLToPath(new URL('../../vectors/', import.meta.url))
const families = readdirSync(folder)
  .filter(name => name.endsWith('.vectors.gz'))
  .map(name => name.split('.')[0])
/** Share of the cases that an engine must have executed: the rest need features or are left to the other engine. */
const LEAST_SHARE = 0.8
const SHOWN = 5
const SECONDS = 1000

describe.each([createEngine, createRunEngine])('%o', create => {
  const engine = create()

  it.each(families)(
    `${engine.name}: %s`,
    family => {
      const reports: string[] = []
      const summary = replayVectors(engine, readFileSync(`${folder}${family}.vectors.gz`), {
        limit: SHOWN,
        onMismatch: mismatch => reports.push(describeMismatch(mismatch)),
      })
      expect(reports.join('\n')).toBe('')
      expect(summary.run / (summary.run + summary.skipped)).toBeGreaterThan(LEAST_SHARE)
    },
    300 * SECONDS,
  )
})
