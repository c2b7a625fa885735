/** CPU time and memory of a process tree, as the benchmark reads them. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { parseStat, parseStatusBytes, readUsage } from '../../../bench/process-usage.ts'

describe('parseStat', () => {
  it('starts at the state, whatever the name of the command holds', () => {
    expect(parseStat('12 (a b) c) S 7 12').slice(0, 2)).toEqual(['S', '7'])
  })
})

describe('parseStatusBytes', () => {
  it('reads kB and gives 0 for a field that is missing', () => {
    const text = 'Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t      12 kB\n'
    expect(parseStatusBytes(text, 'VmHWM')).toBe(2048 * 1024)
    expect(parseStatusBytes(text, 'VmRSS')).toBe(12 * 1024)
    expect(parseStatusBytes(text, 'VmSwap')).toBe(0)
  })
})

describe.skipIf(process.platform !== 'linux')('readUsage', () => {
  it('counts a child of the process too', async () => {
    const script = 'dd if=/dev/zero of=/dev/null bs=1M count=20000 2>/dev/null & echo started; wait'
    const shell = spawn('sh', ['-c', script], { detached: true })
    await once(shell.stdout, 'data')
    const pid = shell.pid as number
    try {
      const before = readUsage(pid)
      let after = before
      for (let tries = 0; tries < 50 && (after?.cpuMs ?? 0) <= (before?.cpuMs ?? 0); tries++) {
        await new Promise(resolve => setTimeout(resolve, 20))
        after = readUsage(pid)
      }
      expect(after?.cpuMs).toBeGreaterThan(before?.cpuMs ?? 0)
      expect(after?.peakResidentBytes).toBeGreaterThanOrEqual(after?.residentBytes ?? 0)
    } finally {
      process.kill(-pid, 'SIGKILL')
    }
  })

  it('is null for a process that has ended', async () => {
    const child = spawn('true')
    await once(child, 'close')
    expect(readUsage(child.pid as number)).toBeNull()
  })
})
