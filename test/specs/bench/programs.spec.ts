/** The benchmark programs, compiled and run on the host: same work each round, vector registers only where meant. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterAll, describe, expect, it } from 'vitest'
import { compilerProblem, compileProgram, programNames } from '../../../bench/build-programs.ts'
import { GROUPS } from '../../../bench/groups.ts'
import { parseLine } from '../../../bench/serial-markers.ts'

/** Apart from the benchmark's own folder, so that a benchmark may run at the same time. */
const folder = mkdtempSync(`${tmpdir()}/tabpc-bench-`)
afterAll(() => rmSync(folder, { recursive: true }))

const VECTOR = /%[xy]?mm\d/

/** The disassembly of the functions whose names match. */
function bodies(listing: string, name: RegExp): string {
  return listing
    .split(/^[0-9a-f]+ </m)
    .slice(1)
    .filter(body => name.test(body))
    .join('')
}

describe('guest programs', () => {
  it('are each in one group', () => {
    expect(Object.values(GROUPS).flat().sort()).toEqual(programNames())
    expect(programNames().length).toBeGreaterThanOrEqual(20)
  })

  it.skipIf(compilerProblem() !== null).each(programNames())(
    '%s does the same work in each round, with vector registers only where its name says so',
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
      // What start.c runs before it has asked CPUID is in `_start` and `bench_main`: compiled without vectors in any case.
      const [own, shared] = [bodies(listing.stdout, /^(?!bench_main|_start)/), bodies(listing.stdout, /^(bench_main|_start)/)]
      expect(VECTOR.test(own)).toBe(name === 'sse2')
      expect(shared).toContain('call')
      expect(shared).not.toMatch(VECTOR)
    },
    60_000
  )
})
