/**
 * Found when ISOLINUX loaded a file over PIO for minutes: an event that a device scheduled before the end of the budget
 * was cut off `remaining` in the CPU state, but the interpreter went on with its own copy. The event came late, and
 * the count of retired instructions, so the virtual clock, ran backwards.
 */
import { expect, it } from 'vitest'
import { Segment } from '../../runtime/state.ts'
import { Machine } from '../../src/machine.ts'
import { loadAssets } from '../../src/node/machine.ts'

const LOAD_ADDRESS = 0x1000
const PROBE_PORT = 0x42
const EVENT_NS = 5000

/** l: mov al,1; out 42h,al; in al,61h; jmp l */
const PROGRAM = [0xb0, 0x01, 0xe6, PROBE_PORT, 0xe4, 0x61, 0xeb, 0xf8]

it('lets an event come on time that a port access has scheduled, and time never run back', () => {
  const machine = new Machine({ memoryBytes: 2 << 20, clock: 'virtual' }, loadAssets())
  const { core, clock, bus } = machine
  machine.memory.writeBytes(LOAD_ADDRESS, Uint8Array.from(PROGRAM))
  core.set('segmentSelector', 0, Segment.Cs)
  core.set('segmentBase', 0, Segment.Cs)
  core.set('eip', LOAD_ADDRESS)
  core.exports.updateMode()

  const late: number[] = []
  let due = Infinity
  const timer = clock.timer('probe', () => {
    late.push(clock.now() - due)
    due = Infinity
  })
  const times: number[] = []
  bus.claimPorts(PROBE_PORT, PROBE_PORT, {
    write8: () => {
      times.push(clock.now())
      if (due !== Infinity) return
      due = clock.now() + EVENT_NS
      timer.schedule(due)
    },
  })
  for (let i = 0; i < 100 && late.length < 20; i++) machine.run(1)
  expect(late.length).toBeGreaterThanOrEqual(20)
  expect(late.every(ns => ns === 0)).toBe(true)
  expect(times.every((time, i) => i === 0 || time > times[i - 1])).toBe(true)
})
