/**
 * The APIC as programs meet it: interrupts at the exact instruction, from itself, from its timer and by the I/O APIC;
 * NMI; HLT; the registers over RAM. Each program runs interpreted and compiled.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { loadKernel } from '../../../src/loaders/kernel.ts'
import { createMachine } from '../../../src/node/machine.ts'
import {
  cli, CODE_ADDRESS, type Code, DEBUG_CONSOLE, dword, forever, hlt, loadAl, multibootKernel, out8, outAl, powerOff,
} from './kernels.ts'

const MEMORY_BYTES = 16 << 20
const IDT = 0x300000
const IDT_REGISTER = 0x308000
const COUNT = 0x310000
const NMIS = 0x310004
const STAMP = 0x310008
const START = 0x31000c
const APIC = 0xfee00000
const VECTOR = 0x40
const TO_SELF = 0x40000

const store32 = (address: number, value: number): Code => [0xc7, 0x05, ...dword(address), ...dword(value)]
const sti: Code = [0xfb]
const nop: Code = [0x90]
const rdtsc: Code = [0x0f, 0x31]
const storeEax = (address: number): Code => [0xa3, ...dword(address)]
const increment = (address: number): Code => [0xff, 0x05, ...dword(address)]
const tell = (address: number): Code => [...loadAl(address), ...outAl(DEBUG_CONSOLE)]

/** Counts, notes the time-stamp counter, ends the interrupt. */
const handler: Code = [
  0x60, ...rdtsc, ...storeEax(STAMP), ...increment(COUNT), ...store32(APIC + 0xb0, 0), 0x61, 0xcf,
]
const nmiHandler: Code = [...increment(NMIS), 0xcf]
const HANDLER = CODE_ADDRESS + 5
const NMI_HANDLER = HANDLER + handler.length

/** An interrupt gate to `address`, with the code segment that is loaded now. */
const gate = (vector: number, address: number): Code => [
  0x8c, 0xc8, 0xc1, 0xe0, 16, 0x0d, ...dword(address & 0xffff), ...storeEax(IDT + 8 * vector),
  ...store32(IDT + 8 * vector + 4, (address & 0xffff0000) | 0x8e00),
]
const setUp: Code = [
  0xe9, ...dword(handler.length + nmiHandler.length), ...handler, ...nmiHandler,
  ...gate(VECTOR, HANDLER), ...gate(2, NMI_HANDLER),
  ...store32(IDT_REGISTER, 0x7ff | ((IDT & 0xffff) << 16)), ...store32(IDT_REGISTER + 4, IDT >>> 16),
  0x0f, 0x01, 0x1d, ...dword(IDT_REGISTER),
  // A stack of its own.
  0xbc, ...dword(0x320000),
]

async function run(...code: readonly Code[]): Promise<{ debug: number[], word: (address: number) => number }[]> {
  const results = []
  for (const jit of [false, 'sync'] as const) {
    const machine = createMachine({
      memoryBytes: MEMORY_BYTES, clock: 'virtual', jit, heatThreshold: 10,
      boot: loadKernel({ kernel: multibootKernel(setUp, ...code, powerOff, forever), memoryBytes: MEMORY_BYTES }),
    })
    const debug: number[] = []
    machine.debugConsole.onByte = byte => debug.push(byte)
    for (let slice = 0; slice < 500 && machine.run(5).state !== 'stopped'; slice++) await pause(0)
    results.push({ debug, word: (address: number) => machine.memory.read32(address) })
    machine.dispose()
  }
  return results
}

describe('the local APIC and the CPU', () => {
  it('interrupt themselves behind the very instruction', async () => {
    const send = store32(APIC + 0x300, TO_SELF | VECTOR)
    const results = await run(sti, send, tell(COUNT), cli, send, nop, tell(COUNT), sti, loadAl(COUNT), outAl(DEBUG_CONSOLE), tell(COUNT))
    // With interrupts off it waits; the instruction behind STI is still before it.
    for (const { debug } of results) expect(debug).toEqual([1, 1, 1, 2])
  })

  it('take an NMI with interrupts off, one at a time', async () => {
    const send = store32(APIC + 0x300, TO_SELF | 0x400)
    for (const { debug } of await run(cli, send, tell(NMIS), send, send, tell(NMIS))) expect(debug).toEqual([1, 3])
  })

  it('count down to the exact instruction', async () => {
    const spin: Code = [0x80, 0x3d, ...dword(COUNT), 0, 0x74, 0xf7]
    const results = await run(
      store32(APIC + 0x3e0, 0xb), store32(APIC + 0x320, VECTOR), sti, rdtsc, storeEax(START), store32(APIC + 0x380, 5000), spin,
    )
    const waits = results.map(({ word }) => word(STAMP) - word(START))
    // RDTSC, two stores; then 5000 ns; then the handler's first instructions: each is 1 ns.
    expect(waits[0]).toBe(waits[1])
    expect(waits[0]).toBeGreaterThanOrEqual(5000)
    expect(waits[0]).toBeLessThanOrEqual(5005)
  })

  it('wake the CPU from HLT, again and again', async () => {
    const results = await run(
      store32(APIC + 0x3e0, 0xb), store32(APIC + 0x320, 0x20000 | VECTOR), store32(APIC + 0x380, 1_000_000), rdtsc, storeEax(START),
      sti, hlt, hlt, hlt, tell(COUNT),
    )
    for (const { debug, word } of results) {
      expect(debug).toEqual([3])
      expect(Math.abs(word(STAMP) - word(START) - 3_000_000)).toBeLessThan(50)
    }
  })

  it('take the 8254 through the I/O APIC', async () => {
    const redirect = [...store32(0xfec00000, 0x14), ...store32(0xfec00010, VECTOR)]
    const count = [...out8(0x43, 0x34), ...out8(0x40, 0x00), ...out8(0x40, 0x10)]
    for (const { debug } of await run(redirect, count, sti, hlt, hlt, tell(COUNT))) expect(debug).toEqual([2])
  })

  it('hide RAM where IA32_APIC_BASE puts the registers, and give it back', async () => {
    const OTHER = 0x800000
    const base = (value: number): Code => [0xb9, ...dword(0x1b), 0xb8, ...dword(value), 0x31, 0xd2, 0x0f, 0x30]
    const apicBit: Code = [0xb8, ...dword(1), 0x0f, 0xa2, 0x0f, 0xba, 0xe2, 9, 0x0f, 0x92, 0xc0, ...outAl(DEBUG_CONSOLE)]
    const results = await run(
      store32(OTHER + 0x30, 0x77), tell(OTHER + 0x30), base(OTHER | 0x900), tell(OTHER + 0x30), apicBit,
      base(APIC | 0x100), tell(OTHER + 0x30), tell(APIC + 0x30), apicBit, base(APIC | 0x900), tell(APIC + 0x30), apicBit,
    )
    for (const { debug } of results) expect(debug).toEqual([0x77, 0x14, 1, 0x77, 0xff, 0, 0x14, 1])
  })
})
