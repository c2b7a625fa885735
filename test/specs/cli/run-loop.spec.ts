/** The run loop against a fake machine: slices, sleep, wake, end, backpressure. */

import { describe, expect, it } from 'vitest'
import { RunLoop } from '../../../src/node/run-loop.ts'
import type { RunResult } from '../../../src/machine-options.ts'
import { fakeMachine } from './fakes.ts'

const powerOff: RunResult = { state: 'stopped', reason: 'power-off' }
const running: RunResult = { state: 'running' }
const asleep: RunResult = { state: 'halted', wakeAt: null }

function milliseconds(duration: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, duration))
}

describe('a machine that runs', () => {
  it('runs slice after slice until it stops', async () => {
    const machine = fakeMachine((_, slice) => (slice < 5 ? running : powerOff))
    let flushes = 0
    const end = await new RunLoop(machine, () => void flushes++).run()
    expect(end).toEqual({ by: 'machine', result: powerOff })
    expect([machine.slices, flushes]).toEqual([6, 6])
  })

  it('lets timers and input in between slices, and ends from outside', async () => {
    const machine = fakeMachine(() => running)
    const loop = new RunLoop<string>(machine, () => undefined)
    setTimeout(() => loop.end('timer'), 20)
    expect(await loop.run()).toEqual({ by: 'end', reason: 'timer' })
  })

  it('keeps the first of several ends, also one from before the start', async () => {
    const machine = fakeMachine(() => running)
    const loop = new RunLoop<string>(machine, () => undefined)
    loop.end('first')
    loop.end('second')
    expect(await loop.run()).toEqual({ by: 'end', reason: 'first' })
    expect(machine.slices).toBe(0)
  })

  it('passes on what the machine throws', async () => {
    const machine = fakeMachine(() => {
      throw new Error('broken')
    })
    await expect(new RunLoop(machine, () => undefined).run()).rejects.toThrow('broken')
  })
})

describe('a machine that sleeps', () => {
  it('costs one slice until its timer is due', async () => {
    const machine = fakeMachine((_, slice) => (slice === 0 ? { state: 'halted', wakeAt: 60 } : powerOff))
    const start = performance.now()
    await new RunLoop(machine, () => undefined).run()
    expect(machine.slices).toBe(2)
    expect(performance.now() - start).toBeGreaterThan(50)
  })

  it('wakes for input', async () => {
    const machine = fakeMachine((_, slice) => (slice === 0 ? asleep : powerOff))
    const loop = new RunLoop(machine, () => undefined)
    const ended = loop.run()
    await milliseconds(20)
    expect(machine.slices).toBe(1)
    loop.wake()
    await ended
    expect(machine.slices).toBe(2)
  })

  it('does not sleep through input that came during the slice', async () => {
    const machine = fakeMachine((_, slice) => {
      if (slice > 0) return powerOff
      loop.wake()
      return asleep
    })
    const loop = new RunLoop(machine, () => undefined)
    await loop.run()
    expect(machine.slices).toBe(2)
  })

  it('ends from outside', async () => {
    const loop = new RunLoop<string>(
      fakeMachine(() => asleep),
      () => undefined,
    )
    setTimeout(() => loop.end('over'), 10)
    expect(await loop.run()).toEqual({ by: 'end', reason: 'over' })
  })

  it('sleeps longer than a timer of the host can', async () => {
    const machine = fakeMachine(() => ({ state: 'halted', wakeAt: 1e12 }))
    const loop = new RunLoop<string>(machine, () => undefined)
    setTimeout(() => loop.end('over'), 20)
    await loop.run()
    expect(machine.slices).toBe(1)
  })
})

describe('output that is full', () => {
  it('holds the machine until it drains; input does not shorten the wait', async () => {
    let drain: () => void = () => undefined
    const machine = fakeMachine((_, slice) => (slice === 0 ? running : powerOff))
    const loop = new RunLoop(machine, () =>
      machine.slices > 1
        ? undefined
        : new Promise<void>(resolve => {
            drain = resolve
          }),
    )
    const ended = loop.run()
    await milliseconds(10)
    loop.wake()
    await milliseconds(10)
    expect(machine.slices).toBe(1)
    drain()
    await ended
    expect(machine.slices).toBe(2)
  })

  it('does not hold an end', async () => {
    const loop = new RunLoop<string>(
      fakeMachine(() => running),
      () => new Promise<void>(() => undefined),
    )
    setTimeout(() => loop.end('timeout'), 10)
    expect(await loop.run()).toEqual({ by: 'end', reason: 'timeout' })
  })

  it('passes its failure on', async () => {
    const loop = new RunLoop(
      fakeMachine(() => running),
      () => Promise.reject(new Error('disk full')),
    )
    await expect(loop.run()).rejects.toThrow('disk full')
  })
})
