/**
 * A bench for the x87 helpers: compiles them alone, gives them a linear memory with identity-mapped RAM, and reads and
 * writes their state. Used by the x87 specs; no decoder, interpreter or definitions are involved.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { linearMemoryBytes, PAGE_FLAGS_BASE, PageFlag, RAM_BASE } from '../../../runtime/memory-map.ts'
import { Cr0, stateAddress } from '../../../runtime/state.ts'

const root = new URL('../../../', import.meta.url).pathname
const RAM_BYTES = 1 << 20
const PAGE_DIRECTORY = 0x20000
const PAGE_TABLE = 0x21000

/** The exported helpers, by name. */
export type X87Helpers = Record<string, (...args: (number | bigint)[]) => number>

/** An 80-bit value: significand, then sign and exponent. */
export interface Extended {
  readonly sig: bigint
  readonly se: number
}

export class X87Machine {
  readonly view: DataView
  readonly helpers: X87Helpers

  private constructor(memory: WebAssembly.Memory, helpers: X87Helpers) {
    this.view = new DataView(memory.buffer)
    this.helpers = helpers
  }

  /** Compiles the helpers to a cache directory of the process and instantiates them with 1 MiB of RAM. */
  static create(): X87Machine {
    const directory = `${root}node_modules/.cache/x87-${process.pid}`
    mkdirSync(directory, { recursive: true })
    if (!existsSync(`${root}build/helpers/layout.ts`))
      execFileSync('npx', ['tsx', 'tools/build-layout.ts'], { cwd: root, stdio: 'pipe' })
    const output = `${directory}/x87.wasm`
    const options = ['--importMemory', '--runtime', 'stub', '--memoryBase', '8192', '-O3', '--noAssert', '-o', output]
    execFileSync(process.execPath, ['node_modules/assemblyscript/bin/asc.js', 'test/specs/x87/entry.ts', ...options], {
      cwd: root,
      stdio: 'pipe',
    })
    const memory = new WebAssembly.Memory({ initial: Math.ceil(linearMemoryBytes(RAM_BYTES) / 65536) })
    const nothing = (): number => 0
    const host = {
      readDevice: nothing,
      writeDevice: nothing,
      readPort: nothing,
      writePort: nothing,
      codeWritten: nothing,
      timestamp: () => 0,
      floatError: nothing,
      apicBaseWritten: nothing,
      random: () => 0x5eed,
    }
    const abort = (): never => {
      throw new Error('helper aborted')
    }
    const module = new WebAssembly.Module(readFileSync(output))
    const instance = new WebAssembly.Instance(module, { env: { memory, abort }, host })
    const machine = new X87Machine(memory, instance.exports as unknown as X87Helpers)
    for (let page = 0; page < RAM_BYTES / 4096; page++) machine.view.setUint8(PAGE_FLAGS_BASE + page, PageFlag.Ram)
    machine.setField('a20Mask', 0xffffffff)
    machine.setField('ramBytes', RAM_BYTES)
    machine.reset()
    return machine
  }

  /** Protected mode without paging, native exception reporting, FNINIT state, no pending fault. */
  reset(): void {
    this.setField('cr0', Cr0.PE | Cr0.NE | Cr0.ET)
    this.setField('eflags', 0)
    this.setField('fault', 0)
    this.helpers.x87Initialise()
    this.helpers.flushTlb(1)
  }

  /** Takes the pending exception: its vector, or -1. */
  takeFault(): number {
    const vector = this.field('fault') - 1
    this.setField('fault', 0)
    return vector
  }

  /** Turns paging on: identity for the RAM, but `missing` is not present. */
  pageWithout(missing: number): void {
    for (let page = 0; page < RAM_BYTES / 4096; page++) {
      const present = page === missing >> 12 ? 0 : 3
      this.view.setUint32(this.ram(PAGE_TABLE + page * 4), (page << 12) | present, true)
    }
    this.view.setUint32(this.ram(PAGE_DIRECTORY), PAGE_TABLE | 3, true)
    this.setField('cr3', PAGE_DIRECTORY)
    this.setField('cr0', this.field('cr0') | Cr0.PG)
    this.helpers.flushTlb(1)
  }

  field(name: Parameters<typeof stateAddress>[0], index = 0): number {
    return this.view.getUint32(stateAddress(name, index), true)
  }

  setField(name: Parameters<typeof stateAddress>[0], value: number, index = 0): void {
    this.view.setUint32(stateAddress(name, index), value, true)
  }

  /** Physical register `number` (0..7). */
  register(number: number): Extended {
    const address = stateAddress('fpr', number & 7)
    return { sig: this.view.getBigUint64(address, true), se: this.view.getUint16(address + 8, true) }
  }

  setRegister(number: number, value: Extended): void {
    const address = stateAddress('fpr', number & 7)
    this.view.setBigUint64(address, value.sig, true)
    this.view.setUint16(address + 8, value.se, true)
  }

  /** Address in linear memory of guest RAM at `physical`. */
  ram(physical: number): number {
    return RAM_BASE + physical
  }
}
