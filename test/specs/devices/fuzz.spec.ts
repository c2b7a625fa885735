/**
 * Any byte to any register: no device throws, and a state saved and loaded in the middle goes on in the same way.
 */
import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { DeviceState } from '../../../src/devices/device.ts'
import { Board, operate, PORT_RANGES } from './board.ts'
import { randomNumbers } from './workbench.ts'

/** The state with its long byte arrays as checksums, which compare faster. */
function digest(value: DeviceState[string]): DeviceState[string] {
  if (value instanceof Uint8Array) return createHash('sha1').update(value).digest('hex')
  if (Array.isArray(value)) return value.map(inner => digest(inner)) as DeviceState[]
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, digest(inner)]))
}

describe('devices under random operations', () => {
  it.each([1, 2, 3, 4])('survive 25,000 operations and a change of board in the middle (seed %i)', (seed) => {
    const board = new Board()
    const random = randomNumbers(seed * 7919)
    for (let i = 0; i < 15_000; i++) operate(board, random)
    const state = board.save()
    const copy = new Board()
    copy.load(state)
    expect(digest(copy.save())).toEqual(digest(state))
    board.output.length = 0
    copy.output.length = 0
    const left = randomNumbers(seed * 104_729)
    const right = randomNumbers(seed * 104_729)
    for (let i = 0; i < 10_000; i++) {
      operate(board, left)
      operate(copy, right)
    }
    expect(board.output.length).toBeGreaterThan(1000)
    expect(copy.output.findIndex((value, i) => value !== board.output[i])).toBe(-1)
    expect(copy.output.length).toBe(board.output.length)
    expect(board.canariesLive() && copy.canariesLive()).toBe(true)
    expect(digest(copy.save())).toEqual(digest(board.save()))
  })

  it.each(PORT_RANGES)('survive 100,000 accesses to the ports from %i on', (first, count) => {
    const board = new Board()
    const random = randomNumbers(first + 1)
    for (let i = 0; i < 100_000; i++) {
      const bits = random()
      const port = first + (bits % count)
      const size = ([8, 8, 16, 32] as const)[(bits >>> 16) & 3]
      if (bits & 0x80000000) board.bench.bus.writePort(port, size, random())
      else if (!(board.bench.bus.readPort(port, size) < 2 ** size)) expect.unreachable(`port ${port} read out of range`)
      if ((bits >>> 8) % 64 === 0) board.bench.pass(bits & 0xffff)
    }
    board.bench.pass(2e9)
  })

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('survive a state full of nonsense of the right shape (seed %i)', (seed) => {
    const random = randomNumbers(seed)
    const nonsense = (value: DeviceState[string]): DeviceState[string] => {
      if (typeof value === 'number') return [random() % 256, random(), -random(), random() * 2 ** 21][random() % 4]
      if (typeof value === 'boolean') return random() % 2 === 0
      if (typeof value === 'string') return ['', 'KeyA', 'no such', '+KeyA -KeyA +'][random() % 4]
      if (value instanceof Uint8Array) return value.map(() => random())
      if (Array.isArray(value) && typeof value[0] === 'object')
        return (value as DeviceState[]).map(inner => nonsense(inner) as DeviceState)
      if (Array.isArray(value)) return Array.from({ length: random() % 40 }, () => random() - 2 ** 31)
      return Object.fromEntries(Object.entries(value ?? {}).map(([key, inner]) => [key, nonsense(inner)]))
    }
    const board = new Board()
    for (let i = 0; i < 3000; i++) operate(board, random)
    for (const device of board.devices) device.load(nonsense(device.save()) as DeviceState)
    for (let i = 0; i < 3000; i++) operate(board, random)
    expect(board.output.length).toBeGreaterThan(0)
  })

  it('answer like a new board after a reset', () => {
    const board = new Board()
    const random = randomNumbers(99)
    for (let i = 0; i < 5000; i++) operate(board, random)
    for (const device of board.devices) device.reset()
    const fresh = new Board()
    for (const device of fresh.devices) device.reset()
    for (const port of [0x21, 0xa1, 0x64, 0x92, 0x3f9, 0x3fa, 0x3fb, 0x3fc, 0x2f9, 0x2fb, 0xcf9, 0x4d0, 0x4d1]) {
      expect([port, board.bench.in8(port)]).toEqual([port, fresh.bench.in8(port)])
    }
  })

  it('refuse a state of another shape with a PCError', () => {
    const board = new Board()
    for (const device of board.devices) {
      if (Object.keys(device.save()).length === 0) continue
      expect(() => device.load({ nonsense: 1 }), device.name).toThrow(expect.objectContaining({ code: 'bad-state' }))
    }
  })
})
