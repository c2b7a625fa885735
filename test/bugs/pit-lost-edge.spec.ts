/**
 * Found when an idle Debian never woke: with the wall clock, time passes between two looks at it within one access.
 * A rise of OUT0 that fell between the look that delivers and the look that plans was neither delivered nor planned.
 */
import { expect, it } from 'vitest'
import { Pit } from '../../src/devices/pit.ts'
import { SystemBus } from '../../src/bus.ts'
import { VirtualClock } from '../../src/clock.ts'
import { Probe } from '../specs/devices/workbench.ts'

const CONTROL = 0x43
const COUNTER_0 = 0x40
const ONE_SHOT_MODE_4 = 0x38
/** Fifteen pulses, 12.6 us: the shortest one shot that Linux asks for. */
const COUNT = 15
const NS_PER_LOOK = 20_000

it('delivers a one shot that ends while the counter is being programmed', () => {
  let retired = 0
  const clock = new VirtualClock({
    mode: 'virtual',
    retired: () => {
      retired += NS_PER_LOOK
      return retired
    },
  })
  const bus = new SystemBus()
  const irq0 = new Probe()
  new Pit({ bus, clock, irq0 })
  for (let shot = 1; shot <= 5; shot++) {
    bus.writePort(CONTROL, 8, ONE_SHOT_MODE_4)
    bus.writePort(COUNTER_0, 8, COUNT)
    bus.writePort(COUNTER_0, 8, 0)
    const before = irq0.rises.length
    expect(clock.nextDue()).toBeLessThan(Infinity)
    clock.runDue()
    expect(irq0.rises.length).toBeGreaterThan(before)
  }
})
