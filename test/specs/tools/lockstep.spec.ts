/** The parts of `npm run lockstep`: machines that stop exactly, and the search for a region that goes wrong. */
import { describe, expect, it } from 'vitest'
import { compile } from '../../../jit/compile.ts'
import type { Compiler } from '../../../jit/region-manager.ts'
import { loadKernel } from '../../../src/loaders/kernel.ts'
import { loadAssets } from '../../../src/node/machine.ts'
import { compareMachines } from '../../../tools/lockstep/compare.ts'
import { narrow } from '../../../tools/lockstep/narrow.ts'
import { SteppedMachine } from '../../../tools/lockstep/stepped-machine.ts'
import { multibootKernel } from '../machine/kernels.ts'

const MEMORY_BYTES = 4 * 2 ** 20
const HEAT = 5
const END = 20_000
/** add ebx, 3, as the kernel has it, and the immediate's place in it. */
const ADD = [0x83, 0xc3, 0x03]
const IMMEDIATE = 2

/** Stores EBX, adds 3 to it and goes round for ever. */
const kernel = multibootKernel([
  0x89, 0x1d, 0, 0, 0x30, 0, ...ADD, 0x41, 0xf6, 0xc1, 0x0f, 0x75, 1, 0x42, 0xeb, 0xee,
])

function machine(name: string, compiler?: Compiler): SteppedMachine {
  const boot = loadKernel({ kernel, memoryBytes: MEMORY_BYTES })
  const options = { memoryBytes: MEMORY_BYTES, clock: 'virtual', boot, heatThreshold: HEAT } as const
  return new SteppedMachine(name, options, { ...loadAssets(), compiler })
}

/** A compiler that takes the 3 for a 4. */
const wrong: Compiler = request => {
  const pages = request.pages.map(page => {
    const bytes = page.bytes.slice()
    const at = bytes.findIndex((_byte, i) => ADD.every((byte, k) => bytes[i + k] === byte))
    if (at >= 0) bytes[at + IMMEDIATE] = 4
    return { ...page, bytes }
  })
  return compile({ ...request, pages })
}

describe('lockstep', () => {
  it('stops both engines after the same instruction, wherever that is', () => {
    const [a, b] = [machine('interpreter'), machine('jit', compile)]
    for (let at = 1; at < END; at += 1 + (at >> 2)) {
      a.runTo(at)
      b.runTo(at)
      expect([a.instructions, b.instructions]).toEqual([at, at])
      expect(compareMachines(a, b)).toEqual([])
    }
    expect(b.machine.cache.compiled).toBeGreaterThan(0)
    expect(a.digest()).toBe(b.digest())
    b.ram[0x38_0000] ^= 1
    expect(a.digest()).not.toBe(b.digest())
    expect(compareMachines(a, b)).toEqual(['[physical 00380000]    00  01'])
  })

  it('finds the region that goes wrong', () => {
    const pair = () => [machine('jit', wrong), machine('interpreter')] as const
    const bring = (stepped: SteppedMachine) => stepped.runTo(10)
    const [a, b] = pair()
    const found = narrow(a, b, bring, { from: 10, to: END, regionsBetweenRam: 1 })
    expect(found?.enteredAt).toBeGreaterThan(10)
    const [c, d] = pair()
    const traced = narrow(c, d, bring, { from: 10, to: END, regionsBetweenRam: 1, traceAt: found?.enteredAt })
    const text = traced?.lines.join('\n') ?? ''
    expect(text).toMatch(/region entered at \d+ instructions, left at \d+/)
    expect(text).toMatch(/^ebx +[0-9a-f]{8} {2}[0-9a-f]{8}$/m)
    expect(text).toMatch(/^\[physical 00300000\]/m)
    expect(text).toMatch(/83 c3 03 +add ebx, 0x3 .*ebx=/)
  })

  it('finds nothing where nothing is wrong', () => {
    const found = narrow(machine('jit', compile), machine('interpreter'), stepped => stepped.runTo(10), {
      from: 10, to: END, regionsBetweenRam: 1,
    })
    expect(found).toBeUndefined()
  })
})
