/**
 * A machine that stops after exact numbers of retired instructions, and what of it two engines must have in common.
 * On the virtual clock a stop in between changes nothing for the guest.
 */
import { createHash } from 'node:crypto'
import { stateFields, type StateName } from '../../runtime/state.ts'
import type { MachineOptions, StopReason } from '../../src/machine-options.ts'
import { Machine, type MachineAssets } from '../../src/machine.ts'

/** Fields that say how an engine works, not what the guest sees, and flags, which `getEflags` puts together. */
export const hiddenFields: ReadonlySet<string> = new Set<StateName>([
  'zero', 'eflags', 'flagKind', 'flagResult', 'flagLeft', 'flagRight', 'flagCarry', 'flagOverflow', 'mode',
  'key', 'userGeneration', 'supervisorGeneration', 'tlbBase', 'fault', 'faultErrorCode', 'exitReason', 'exitArgument', 'traceEach', 'heatThreshold',
  'stepRequest', 'stepping', 'trapBefore', 'shadowBefore', 'remaining', 'remainingCut', 'result',
  'traceCursor', 'codeWritten', 'vectorOperand', 'vectorImmediate', 'vectorLengths', 'fpuOtherPrecision',
])

const registerNames = ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi']

/** Name and value of everything that a guest could see of its CPU, in 32-bit words. */
export type CpuImage = readonly (readonly [name: string, value: number])[]

/** How many slices may pass without an instruction before a sleeping guest counts as gone for good. */
const MOST_IDLE_SLICES = 1_000_000

export class SteppedMachine {
  readonly name: string
  readonly machine: Machine
  /** All that the guest has sent to its first serial port. */
  console = ''
  stopped: StopReason | 'asleep' | undefined
  private limit = 0

  constructor(name: string, options: MachineOptions, assets: MachineAssets) {
    this.name = name
    this.machine = new Machine({ ...options, clock: 'virtual' }, assets)
    this.machine.serial[0].onByte = byte => {
      this.console += String.fromCharCode(byte)
    }
    // The clock bounds how far the core runs; here it also ends at the limit.
    const { clock } = this.machine
    const untilEvent = clock.instructionsUntil.bind(clock)
    clock.instructionsUntil = at => Math.min(untilEvent(at), Math.max(0, this.limit - this.instructions))
  }

  /** Instructions retired so far. Exact between runs and when a compiled region begins or ends. */
  get instructions(): number {
    return this.machine.stats().instructions
  }

  /** Runs until exactly `count` instructions have retired in all, or the machine stops. */
  runTo(count: number): void {
    this.limit = count
    let idle = 0
    while (this.instructions < count && this.stopped === undefined) {
      const before = this.instructions
      const result = this.machine.run(0)
      if (result.state === 'stopped') this.stopped = result.reason
      idle = this.instructions === before ? idle + 1 : 0
      if (result.state === 'halted' || idle > MOST_IDLE_SLICES) this.stopped ??= 'asleep'
    }
  }

  /** What the guest sees of the CPU. */
  cpu(): CpuImage {
    const { core } = this.machine
    const image: [string, number][] = registerNames.map((name, i) => [name, core.get('gpr', i) >>> 0])
    image.push(['eflags', core.exports.getEflags() >>> 0])
    for (const { name, address, bytes, count } of Object.values(stateFields)) {
      if (hiddenFields.has(name) || name === 'gpr') continue
      const words = (bytes * count) >> 2
      for (let word = 0; word < words; word++)
        image.push([words > 2 ? `${name}+${word * 4}` : word === 0 ? name : `${name}+4`, core.words[(address >> 2) + word] >>> 0])
    }
    return image
  }

  get ram(): Uint8Array {
    return this.machine.core.ram
  }

  /** The devices and the serial output as text. */
  devices(): string {
    return JSON.stringify([this.machine.saveDevices(), this.console])
  }

  /** Digest of the whole machine: CPU, RAM, devices and output. */
  digest(): string {
    const hash = createHash('sha1').update(this.ram).update(this.devices())
    for (const [name, value] of this.cpu()) hash.update(`${name}=${value} `)
    return hash.digest('hex')
  }
}
