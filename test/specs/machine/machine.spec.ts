/** How machine.ts wires the parts: gates, shadow RAM, resets, time, the serial backlog. Real kernels, in process. */
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { loadKernel } from '../../../src/loaders/kernel.ts'
import type { Machine } from '../../../src/machine.ts'
import type { MachineOptions, RunResult } from '../../../src/machine-options.ts'
import { createMachine } from '../../../src/node/machine.ts'
import {
  cli, type Code, DEBUG_CONSOLE, forever, hlt, ifAl, in8, loadAl, loop, multibootKernel, out8, out16, out32, outAl,
  powerOff, SERIAL, store8,
} from './kernels.ts'

const MEMORY_BYTES = 16 * 2 ** 20

function boot(code: readonly Code[], options: Partial<MachineOptions> = {}) {
  const memoryBytes = options.memoryBytes ?? MEMORY_BYTES
  const machine = createMachine({
    memoryBytes,
    clock: 'virtual',
    boot: loadKernel({ kernel: multibootKernel(...code), memoryBytes }),
    ...options,
  })
  const debug: number[] = []
  machine.debugConsole.onByte = byte => debug.push(byte)
  return { machine, debug }
}

/** Runs until the machine stops, sleeps for good, or `done` holds. */
function run(machine: Machine, done = () => false): RunResult {
  for (let slice = 0; slice < 2000; slice++) {
    const result = machine.run(5)
    if (result.state === 'stopped' || (result.state === 'halted' && result.forever) || done()) return result
  }
  throw new Error('the guest does not come to an end')
}

const tell: Code = outAl(DEBUG_CONSOLE)

describe('fw_cfg', () => {
  it('is there for kernels, too: its signature, and one CPU', () => {
    const read: Code = [...in8(0x511), ...tell]
    const { machine, debug } = boot([
      ...[0, 5].flatMap(key => [out16(0x510, key), read, read]), powerOff, forever,
    ])
    run(machine)
    expect(debug).toEqual([...new TextEncoder().encode('QE'), 1, 0])
  })
})

describe('the A20 gate', () => {
  const PORT_92 = 0x92
  const CONTROLLER_COMMAND = 0x64
  const CONTROLLER_DATA = 0x60
  const EVEN = 0x400000
  const ODD = 0x500000
  const readOutputPort = [...out8(CONTROLLER_COMMAND, 0xd0), ...in8(CONTROLLER_DATA)]
  const A20_BIT = 2

  it('folds odd mebibytes onto even ones, and shows in both of its switches', () => {
    const look = [loadAl(ODD), tell, in8(PORT_92), tell, readOutputPort, tell].flat()
    const { machine, debug } = boot([
      store8(EVEN, 0x44), store8(ODD, 0x55),
      look, out8(PORT_92, 0),
      look, out8(CONTROLLER_COMMAND, 0xdf),
      look, out8(CONTROLLER_COMMAND, 0xdd),
      look, out8(PORT_92, A20_BIT),
      look, powerOff, forever,
    ])
    expect(run(machine)).toEqual({ state: 'stopped', reason: 'power-off' })
    const seen = Array.from({ length: 5 }, (_, i) => {
      const [byte, port92, output] = debug.slice(3 * i, 3 * i + 3)
      return [byte, port92 & A20_BIT, output & A20_BIT]
    })
    const open = [0x55, A20_BIT, A20_BIT]
    const closed = [0x44, 0, 0]
    expect(seen).toEqual([open, closed, open, closed, open])
  })
})

describe('shadow RAM', () => {
  /** PAM register of C0000h..C7FFFh, low nibble C0000h..C3FFFh. */
  const access = (bits: number) => [...out32(0xcf8, 0x80000058), ...out8(0xcfe, bits)]
  const PLACE = 0xc1234
  const ROM_READS = 0xff

  it('follows the host bridge between ROM, RAM and both', () => {
    const { machine, debug } = boot([
      store8(PLACE, 0x11), loadAl(PLACE), tell,
      access(3), store8(PLACE, 0x12), loadAl(PLACE), tell,
      access(0), store8(PLACE, 0x13), loadAl(PLACE), tell,
      access(2), store8(PLACE, 0x14), loadAl(PLACE), tell,
      access(1), store8(PLACE, 0x15), loadAl(PLACE), tell,
      powerOff, forever,
    ])
    expect(run(machine)).toEqual({ state: 'stopped', reason: 'power-off' })
    expect(debug).toEqual([0, 0x12, ROM_READS, ROM_READS, 0x14])
  })

  it('drops code when the other memory comes into place', () => {
    const movAl = (value: number): Code => [0xb0, value]
    const ret = 0xc3
    const call: Code = [0xb9, ...[PLACE & 0xff, (PLACE >> 8) & 0xff, PLACE >> 16, 0], 0xff, 0xd1]
    const write = (value: number) => [...movAl(value), ret].flatMap((byte, i) => store8(PLACE + i, byte))
    const { machine, debug } = boot([
      access(3), write(0x21), call, tell,
      // RAM with other code, written while the ROM is in place.
      access(2), write(0x22), access(1), call, tell,
      powerOff, forever,
    ])
    expect(run(machine)).toEqual({ state: 'stopped', reason: 'power-off' })
    expect(debug).toEqual([0x21, 0x22])
  })

  it('keeps what lies aside in the saved state', () => {
    const { machine, debug } = boot([access(3), store8(PLACE, 0x31), access(0), in8(0x80), forever])
    machine.run(5)
    const saved = structuredClone(machine.saveDevices())
    const other = boot([access(1), loadAl(PLACE), outAl(DEBUG_CONSOLE), powerOff, forever])
    other.machine.loadDevices(saved)
    run(other.machine)
    expect(other.debug).toEqual([0x31])
    expect(debug).toEqual([])
  })
})

describe('addresses without memory', () => {
  it('read as ones', () => {
    const { machine, debug } = boot([loadAl(MEMORY_BYTES + 0x1000), tell, loadAl(0xa0000), tell, powerOff, forever])
    run(machine)
    expect(debug).toEqual([0xff, 0xff])
  })
})

describe('a restart', () => {
  it('begins with clean RAM and devices as after power-on', () => {
    const scratch = 0x400000
    const mask = 0x21
    const { machine, debug } = boot([
      loadAl(scratch), tell, loadAl(0xc0000), tell, in8(mask), tell,
      store8(scratch, 0x77), out32(0xcf8, 0x80000058), out8(0xcfe, 3), store8(0xc0000, 0x77), out8(mask, 0x5a),
      out8(0xcf9, 6), forever,
    ])
    for (let boots = 1; boots <= 3; boots++) {
      const before = machine.stats().instructions
      expect(run(machine)).toEqual({ state: 'stopped', reason: 'reset' })
      expect(machine.stats().instructions).toBeGreaterThan(before)
      machine.restart()
    }
    const [first, second, third] = [0, 3, 6].map(i => debug.slice(i, i + 3))
    expect(first.slice(0, 2)).toEqual([0, 0])
    expect(second).toEqual(first)
    expect(third).toEqual(first)
  })
})

describe('time', () => {
  it('of the wall clock stands still until the first run', async () => {
    const { machine } = boot([cli, hlt], { clock: 'wall' })
    await pause(30)
    expect(machine.clock.now()).toBeLessThan(1e6)
    machine.run(1)
    await pause(30)
    expect(machine.clock.now()).toBeGreaterThan(20e6)
  })

  it('of the virtual clock is the same in every run', () => {
    // MOV ECX, 5000; LOOP to itself: 5 us.
    const wait = [0xb9, 0x88, 0x13, 0, 0, 0xe2, 0xfe]
    const readTimer = [...wait, ...out8(0x43, 0), ...in8(0x40), ...tell, ...in8(0x40), ...tell]
    const startTimer = [...out8(0x43, 0x34), ...out8(0x40, 0), ...out8(0x40, 0)]
    const runs = [1, 2].map(() => {
      const { machine, debug } = boot([startTimer, ...Array<Code>(50).fill(readTimer), powerOff, forever])
      run(machine)
      return { debug, instructions: machine.stats().instructions, now: machine.clock.now() }
    })
    expect(runs[0]).toEqual(runs[1])
    expect(new Set(runs[0].debug).size).toBeGreaterThan(10)
  })

  it('passes for a sleeping CPU until a timer interrupts it', () => {
    const sti = 0xfb
    // Without a handler the interrupt is a triple fault: it has come.
    const code = [out8(0x43, 0x30), out8(0x40, 0), out8(0x40, 0x80), out8(0x21, 0xfe), [sti], hlt, forever]
    const { machine } = boot(code)
    expect(run(machine)).toMatchObject({ state: 'stopped', reason: 'triple-fault' })
    expect(machine.clock.now()).toBeGreaterThan(27e6)
    expect(machine.clock.now()).toBeLessThan(28e6)
  })
})

describe('the outside', () => {
  it('presses the power button', () => {
    const PM1_STATUS_HIGH = 0x601
    const { machine, debug } = boot([
      out8(0xb2, 0xf1), out16(0x602, 0x0100), tell,
      loop(in8(PM1_STATUS_HIGH), ifAl(0x01, powerOff, forever)),
    ])
    run(machine, () => debug.length > 0)
    expect(machine.run(5).state).toBe('running')
    machine.pressPowerButton()
    expect(run(machine)).toEqual({ state: 'stopped', reason: 'power-off' })
  })

  it('sees how much serial input waits', () => {
    const fifosOn = out8(SERIAL + 2, 1)
    const readOne = [...in8(SERIAL), ...tell]
    const { machine, debug } = boot([fifosOn, loop(in8(SERIAL + 5), ifAl(0x01, readOne))])
    const [serial] = machine.serial
    expect(serial.backlog).toBe(0)
    serial.receive(new Uint8Array(5000).fill(0x41))
    const atFirst = serial.backlog ?? 0
    expect(atFirst).toBeGreaterThan(4980)
    run(machine, () => debug.length > 100)
    expect(serial.backlog).toBeLessThan(atFirst - 90)
  })
})

describe('host memory', () => {
  const rss = () => process.memoryUsage.rss() / 2 ** 20

  it('does not grow with the machines made and disposed of', async () => {
    const once = () => {
      const { machine } = boot([cli, hlt], { memoryBytes: 128 * 2 ** 20 })
      machine.memory.writeBytes(8 * 2 ** 20, new Uint8Array(16 * 2 ** 20).fill(1))
      run(machine)
      machine.dispose()
    }
    once()
    const before = rss()
    for (let i = 0; i < 40; i++) {
      once()
      // Lets the garbage collector see the memory of the machine.
      await pause(0)
    }
    expect(rss() - before).toBeLessThan(300)
  })
})
