/**
 * The reference programs (reference/*.asm): thousands of probes of the system parts of the CPU, each logged with what it
 * raised. What they must log was taken from this CPU and compared line by line with Bochs (reference/README.md).
 */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { compile } from '../../../jit/compile.ts'
import { LoadedMachine } from './reference/machine.ts'

const programs = ['debug', 'segments', 'transfers', 'faults', 'real', 'floaterror', 'virtual8086', 'paging', 'registers', 'events', 'tables', 'double', 'random', 'random-real'] as const
const file = (name: string) => readFileSync(new URL(`reference/${name}`, import.meta.url))

test.each(programs)('%s, interpreted', name => {
  expect(new LoadedMachine(file(`${name}.bin`)).log()).toEqual(gunzipSync(file(`${name}.log.gz`)).toString())
})

test.each(programs)('%s, compiled at once', name => {
  const machine = new LoadedMachine(file(`${name}.bin`), { compiler: compile, heatThreshold: 2 })
  expect(machine.log()).toEqual(gunzipSync(file(`${name}.log.gz`)).toString())
})
