/** CPU models: instructions that a model does not announce raise #UD, in the interpreter and in compiled code. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { compile } from '../../../jit/compile.ts'
import { absentRows } from '../../../jit/cpu-features.ts'
import { opcodeRows } from '../../../jit/decode/opcode-maps.ts'
import { type Feature, featureBits, featureOf } from '../../../jit/decode/row-features.ts'
import { CpuModel } from '../../../runtime/cpu-models.ts'
import { stateAddress } from '../../../runtime/state.ts'
import { Machine } from '../../../src/machine.ts'

const build = (name: string) => readFileSync(new URL(`../../../build/${name}`, import.meta.url))
const core = new WebAssembly.Module(build('core.wasm'))
const handlers = JSON.parse(build('handlers.json').toString())

const LOAD_ADDRESS = 0x7c00
const names = { [CpuModel.I486]: '486', [CpuModel.Pentium]: 'pentium', [CpuModel.I686]: 'i686' } as const
const models = [CpuModel.I486, CpuModel.Pentium, CpuModel.I686] as const

/** Runs real-mode code at 7C00h until port F4h is written; gives what was written, which the exit status holds. */
function run(cpu: string, code: readonly number[]): number | undefined {
  const machine = new Machine(
    { memoryBytes: 2 << 20, clock: 'virtual', isaDebugExit: true, cpu, heatThreshold: 4 },
    { core, handlers, compiler: compile },
  )
  machine.memory.writeBytes(LOAD_ADDRESS, Uint8Array.from(code))
  machine.core.set('segmentSelector', 0, 1)
  machine.core.set('segmentBase', 0, 1)
  machine.core.set('eip', LOAD_ADDRESS)
  machine.core.exports.updateMode()
  const result = machine.run(5000)
  return result.state === 'stopped' && result.status !== undefined ? result.status >> 1 : undefined
}

/** Interrupt 6 leads to code that reports 6; the instruction, then code that reports 1. */
function probe(instruction: readonly number[]): number[] {
  const handler = 0x7c40
  const code = [0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xd0, 0xbc, 0x00, 0x7c]
  code.push(0xc7, 0x06, 0x18, 0x00, handler & 0xff, handler >> 8, 0xc7, 0x06, 0x1a, 0x00, 0, 0)
  code.push(...instruction, 0xb0, 0x01, 0xe6, 0xf4)
  while (code.length < handler - LOAD_ADDRESS) code.push(0x90)
  return [...code, 0xb0, 0x06, 0xe6, 0xf4]
}

describe('a CPU model', () => {
  it.each(models)('%i lacks the rows of each feature that its CPUID lacks, and no other', model => {
    const machine = new Machine({ memoryBytes: 1 << 20, clock: 'virtual', cpu: names[model] }, { core, handlers })
    const exports = machine.core.exports as unknown as { cpuid(leaf: number): void }
    const announced = (feature: Feature): boolean => {
      if (feature === 'base' || feature === 'smm') return true
      const { leaf, register, bit } = featureBits[feature]
      if (leaf > 1) return false
      exports.cpuid(leaf)
      return ((machine.core.words[stateAddress('result', register) >> 2] >>> bit) & 1) !== 0
    }
    for (const row of opcodeRows) {
      const feature = featureOf(row)
      if (feature === 'base' || feature === 'smm') continue
      expect([row.opcode, absentRows(model).has(row.opcode)]).toEqual([row.opcode, !announced(feature)])
    }
  })

  it.each([
    ['cmovz ax, ax', [0x0f, 0x44, 0xc0], { 486: 6, pentium: 6, i686: 1, max: 1 }],
    ['cmpxchg8b [7000h]', [0x0f, 0xc7, 0x0e, 0x00, 0x70], { 486: 6, pentium: 1, i686: 1, max: 1 }],
    ['rdtsc', [0x0f, 0x31], { 486: 6, pentium: 1, i686: 1, max: 1 }],
    ['nop word [bx]', [0x0f, 0x1f, 0x07], { 486: 6, pentium: 6, i686: 1, max: 1 }],
    ['emms', [0x0f, 0x77], { 486: 6, pentium: 6, i686: 1, max: 1 }],
    ['popcnt ax, ax', [0xf3, 0x0f, 0xb8, 0xc0], { 486: 6, pentium: 6, i686: 6, max: 1 }],
    ['movbe ax, [7000h]', [0x0f, 0x38, 0xf0, 0x06, 0x00, 0x70], { 486: 6, pentium: 6, i686: 6, max: 1 }],
    ['bswap eax', [0x66, 0x0f, 0xc8], { 486: 1, pentium: 1, i686: 1, max: 1 }],
    ['fcomi st0, st0', [0xdb, 0xf0], { 486: 6, pentium: 6, i686: 1, max: 1 }],
  ] as const)('%s', (_name, instruction, expected) => {
    for (const [cpu, outcome] of Object.entries(expected)) expect([cpu, run(cpu, probe(instruction))]).toEqual([cpu, outcome])
  })

  it('compiles no code that a Pentium does not have', () => {
    const code = Uint8Array.from([0x49, 0x0f, 0x44, 0xc3, 0x75, 0xfa, 0xcf])
    const bytes = new Uint8Array(4096)
    bytes.set(code)
    const pages = [{ linear: 0x1000, physical: 0x1000, bytes }]
    const mode = 0x17
    const whole = compile({ entry: 0x1000, mode, pages })
    const part = compile({ entry: 0x1000, mode, pages, model: CpuModel.Pentium })
    expect(whole?.instructions).toBe(4)
    expect(part?.instructions).toBe(1)
  })
})
