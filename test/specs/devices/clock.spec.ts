/** Virtual time: exact rates, order of timers, skipping, wall mode with pauses and slow hosts, saved timers. */
import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../../../src/clock.ts'
import { randomNumbers } from './workbench.ts'

describe('VirtualClock, virtual mode', () => {
  it('derives ns from instructions by an exact fraction', () => {
    let retired = 0
    const nsPerInstruction = { ns: 3, instructions: 7 }
    const clock = new VirtualClock({ mode: 'virtual', retired: () => retired, nsPerInstruction })
    const random = randomNumbers(5)
    for (let i = 0; i < 1000; i++) {
      retired += random()
      expect(clock.now()).toBe(Number((BigInt(retired) * 3n) / 7n))
      const due = clock.now() + (random() % 1000) + 1
      const wait = clock.instructionsUntil(due)
      expect(Number((BigInt(retired + wait) * 3n) / 7n)).toBeGreaterThanOrEqual(due)
      expect(Number((BigInt(retired + wait - 1) * 3n) / 7n)).toBeLessThan(due)
    }
    expect(clock.instructionsUntil(Infinity)).toBe(Infinity)
    expect(clock.instructionsUntil(0)).toBe(0)
  })

  it('fires in order of time, ties in order of registration', () => {
    let retired = 0
    const clock = new VirtualClock({ mode: 'virtual', retired: () => retired })
    const fired: string[] = []
    const timers = Array.from({ length: 50 }, (_, i) => clock.timer(`t${i}`, () => fired.push(`t${i}`)))
    const random = randomNumbers(9)
    const due = timers.map(() => random() % 20)
    for (const i of [...due.keys()].reverse()) timers[i].schedule(due[i])
    timers[3].cancel()
    retired = 12
    clock.runDue()
    const expected = due.map((at, i) => ({ at, i })).filter(({ at, i }) => at <= 12 && i !== 3)
      .sort((a, b) => a.at - b.at || a.i - b.i).map(({ i }) => `t${i}`)
    expect(fired).toEqual(expected)
    expect(timers[3].due).toBe(Infinity)
    expect(clock.nextDue()).toBe(Math.min(...due.filter((at, i) => at > 12 && i !== 3)))
  })

  it('skips idle time and tells when a timer comes first', () => {
    let retired = 0
    const clock = new VirtualClock({ mode: 'virtual', retired: () => retired })
    const earlier: number[] = []
    clock.onEarlierDue = (due) => earlier.push(due)
    const a = clock.timer('a', () => {})
    const b = clock.timer('b', () => {})
    a.schedule(1000)
    b.schedule(2000)
    b.schedule(500)
    expect(earlier).toEqual([1000, 500])
    clock.skipTo(clock.nextDue())
    expect(clock.now()).toBe(500)
    clock.skipTo(100)
    clock.skipTo(Infinity)
    retired += 10
    expect(clock.now()).toBe(510)
  })

  it('does bounded work for a timer that reschedules itself in the past', () => {
    const clock = new VirtualClock({ mode: 'virtual', retired: () => 1000 })
    let fired = 0
    const timer = clock.timer('greedy', () => {
      fired++
      timer.schedule(1)
    })
    timer.schedule(1)
    clock.runDue()
    expect(fired).toBe(10_000)
  })

  it('saves and loads pending timers by name', () => {
    let retired = 5
    const make = () => {
      const fired: string[] = []
      const clock = new VirtualClock({ mode: 'virtual', retired: () => retired })
      const timers = ['a', 'b', 'c'].map((name) => clock.timer(name, () => fired.push(name)))
      return { clock, timers, fired }
    }
    const first = make()
    first.timers[1].schedule(30)
    first.timers[0].schedule(40)
    first.clock.skipTo(20)
    const state = structuredClone(first.clock.save())
    const second = make()
    second.timers[2].schedule(1)
    second.clock.load(state)
    expect([second.clock.now(), second.clock.nextDue()]).toEqual([20, 30])
    retired += 20
    second.clock.runDue()
    expect(second.fired).toEqual(['b', 'a'])
    const foreign = { now: 1, timers: { nobody: 3 } }
    expect(() => second.clock.load(foreign)).toThrow(expect.objectContaining({ code: 'bad-state' }))
  })

  it('refuses a rate that is not a fraction of integers', () => {
    expect(() => new VirtualClock({ mode: 'virtual', nsPerInstruction: { ns: 0.5, instructions: 1 } }))
      .toThrow(expect.objectContaining({ code: 'usage' }))
  })
})

describe('VirtualClock, wall mode', () => {
  function wall() {
    const host = { ms: 1000 }
    return { host, clock: new VirtualClock({ mode: 'wall', hostTime: () => host.ms }) }
  }

  it('follows the host from zero, never backwards', () => {
    const { host, clock } = wall()
    expect(clock.now()).toBe(0)
    host.ms += 1.5
    expect(clock.now()).toBe(1_500_000)
    host.ms -= 1
    expect(clock.now()).toBe(1_500_000)
  })

  it('stands still while paused and goes on from there', () => {
    const { host, clock } = wall()
    host.ms += 10
    clock.pause()
    host.ms += 5000
    expect(clock.now()).toBe(10e6)
    clock.resume()
    host.ms += 1
    expect(clock.now()).toBe(11e6)
  })

  it('lets a sleeping guest sleep, but does not make up for a frozen host', () => {
    const { host, clock } = wall()
    let fired = 0
    const timer = clock.timer('tick', () => {
      fired++
      timer.schedule(timer.due === Infinity ? clock.now() + 10e6 : timer.due)
    })
    timer.schedule(3000e6)
    host.ms += 3000
    expect(clock.now()).toBe(3000e6)
    clock.runDue()
    host.ms += 3600e3
    expect(clock.now()).toBe(3010e6 + 5e6)
    clock.runDue()
    expect(fired).toBe(2)
    // An hour is not made up for, 200 ms are, at twice the speed.
    timer.schedule(1e12)
    host.ms += 1
    expect(clock.now()).toBe(3015e6 + 2e6)
    host.ms += 1000
    expect(clock.now()).toBe(3015e6 + 1001e6 + 200e6)
  })
})
