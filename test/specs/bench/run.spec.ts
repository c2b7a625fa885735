/** One engine, from boot to its last program; the engine is a shell that prints what a guest would. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterAll, describe, expect, it } from 'vitest'
import type { Engine, Guest } from '../../../bench/engines/engine.ts'
import { type EngineRun, runEngine } from '../../../bench/run.ts'

const folder = mkdtempSync(`${tmpdir()}/tabpc-run-`)
afterAll(() => rmSync(folder, { recursive: true }))

const GUEST: Guest = { kernel: '', initrd: '', append: '', memoryMiB: 0, hostPrograms: folder }
const LIMITS = { rounds: 2, bootTimeoutMs: 5000, roundTimeoutMs: 5000 }

/** Runs a program, given as the text of a shell script, on a shell that says it is ready. */
async function runScript(script: string, boots = false): Promise<EngineRun> {
  writeFileSync(`${folder}/program`, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  const engine: Engine = {
    name: 'shell',
    boots,
    unavailable: () => null,
    version: () => '',
    launch: () => ({ command: 'sh', args: ['-c', 'echo GUEST-READY; exec sh'], programs: folder })
  }
  return await runEngine(engine, GUEST, ['program'], 0, LIMITS, () => undefined)
}

const round = (checksum: string) => `echo BENCH program begin; echo BENCH program end ${checksum}`

describe('runEngine', () => {
  it('takes the rounds of a program', async () => {
    const run = await runScript(`${round('00000001')}; ${round('00000001')}`)
    expect(run.failure).toBeNull()
    expect(run.programs[0]).toMatchObject({ program: 'program', checksum: '00000001', unsupported: null })
    expect(run.programs[0].rounds).toHaveLength(2)
    expect(run.boot).toBeNull()
    expect(run.bootResidentBytes).toBeNull()
  })

  it('times the boot and reads memory after it', async () => {
    const run = await runScript(`${round('00000001')}; ${round('00000001')}`, true)
    expect(run.boot?.wallMs).toBeGreaterThan(0)
    expect(run.bootResidentBytes).toBeGreaterThan(0)
  })

  it('notes the feature that a program does without', async () => {
    const run = await runScript('echo BENCH program unsupported SSE2')
    expect(run.failure).toBeNull()
    expect(run.programs[0]).toMatchObject({ rounds: [], unsupported: 'SSE2' })
  })

  it('fails when rounds are missing, differ, or the program fails', async () => {
    expect((await runScript(round('00000001'))).failure).toMatch(/status 0 after 1 rounds/)
    expect((await runScript(`${round('00000001')}; ${round('00000002')}`)).failure).toMatch(/checksum 00000002 after/)
    expect((await runScript(`${round('00000001')}; exit 3`)).failure).toMatch(/status 3/)
  })
})
