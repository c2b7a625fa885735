/** What others do on the host while an engine runs. */
import { describe, expect, it } from 'vitest'
import { hostBusyMs, otherCpus } from '../../../bench/host-load.ts'

describe('hostBusyMs', () => {
  it('grows while this process computes', () => {
    const before = hostBusyMs()
    const end = performance.now() + 200
    while (performance.now() < end);
    expect(hostBusyMs() - before).toBeGreaterThan(100)
  })
})

describe('otherCpus', () => {
  it('leaves out what the engine used', () => {
    expect(otherCpus(3000, 1000, 1000)).toBe(2)
    expect(otherCpus(990, 1000, 1000)).toBe(0)
    expect(otherCpus(10, 0, 0)).toBe(0)
  })
})
