/** The benchmark programs, compiled and run on the host: same work each round, no vector registers. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterAll, describe, expect, it } from 'vitest'
import { compilerProblem, compileProgram, programNames } from '../../../bench/build-programs.ts'
import { parseLine } from '../../../bench/serial-markers.ts'

/** Apart from the benchmark's own folder, so that a benchmark may run at the same time. */
const folder = mkdtempSync(`${tmpdir()}/tabpc-bench-`)
afterAll(() => rmSync(folder, { recursive: true }))

describe('guest programs', () => {
  it('include those that the speed bar names', () => {
    expect(programNames()).toEqual(expect.arrayContaining(['sieve', 'sha256', 'call-heavy', 'switch-heavy']))
  })

  it.skipIf(compilerProblem() !== null).each(programNames())(
    '%s does the same work in each round, without SSE or MMX registers',
    name => {
      const program = compileProgram(name, folder)
      const run = spawnSync(program, ['2'], { encoding: 'utf8' })
      const events = run.stdout.trimEnd().split('\n').map(parseLine)
      expect(events.map(event => event?.kind)).toEqual(['begin', 'end', 'begin', 'end'])
      expect(events.every(event => event && 'program' in event && event.program === name)).toBe(true)
      expect(events[3]).toEqual(events[1])
      expect(run.status).toBe(0)

      const listing = spawnSync('objdump', ['-d', program], { encoding: 'utf8', maxBuffer: 1 << 26 })
      expect(listing.stdout).toContain('<_start>:')
      expect(listing.stdout).not.toMatch(/%[xy]?mm\d/)
    },
    60_000
  )
})
