/**
 * System instructions as guest code: guest/modes.asm goes through real, protected and virtual-8086 mode, level 3,
 * gates, tasks and single steps on the whole machine, and checks every step itself.
 */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Segment } from '../../../runtime/state.ts'
import { Machine } from '../../../src/machine.ts'

const LOAD_ADDRESS = 0x7c00
/** Checks that modes.asm contains. */
const CHECKS = 144

const build = (name: string) => readFileSync(new URL(`../../../build/${name}`, import.meta.url))

test('modes.asm passes all its checks', () => {
  const core = new WebAssembly.Module(build('core.wasm'))
  const handlers = JSON.parse(build('handlers.json').toString())
  const machine = new Machine({ memoryBytes: 4 << 20, clock: 'virtual', isaDebugExit: true }, { core, handlers })
  let output = ''
  machine.debugConsole.onByte = byte => {
    output += String.fromCharCode(byte)
  }
  machine.memory.writeBytes(LOAD_ADDRESS, readFileSync(new URL('guest/modes.bin', import.meta.url)))
  machine.core.set('segmentSelector', 0, Segment.Cs)
  machine.core.set('segmentBase', 0, Segment.Cs)
  machine.core.set('eip', LOAD_ADDRESS)
  machine.core.exports.updateMode()
  const result = machine.run(20_000)
  expect(output).toBe(`done ${String(CHECKS).padStart(5, '0')}\n`)
  expect(result).toMatchObject({ state: 'stopped', reason: 'debug-exit' })
})
