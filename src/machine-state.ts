/**
 * The state of a whole machine as plain data: CPU, RAM, time and devices. What disks hold is not in it.
 *
 *     const state = structuredClone(machine.save())
 *     another.load(state)              // made with the same options, and with disks of the same contents
 *
 * Decoded and compiled code stays behind: it is made again from RAM. Between two calls of `run` only.
 */
import type { Core } from '../runtime/core.ts'
import { stateFields, type StateName } from '../runtime/state.ts'
import type { DeviceState } from './devices/device.ts'
import { PCError } from './errors.ts'

/** What `Machine.save` gives: structured-clonable. */
export interface MachineState {
  /** Fields of the CPU state (runtime/state.ts) by name, as bytes. */
  readonly cpu: { readonly [field: string]: Uint8Array }
  /** Instructions retired since power-on. */
  readonly instructions: number
  readonly clock: DeviceState
  readonly devices: { readonly [name: string]: DeviceState }
  readonly ram: RamState
}

/** RAM without the blocks that hold nothing: numbers of the others, and their bytes one after the other. */
interface RamState {
  readonly size: number
  readonly blocks: Uint32Array
  readonly bytes: Uint8Array
}

const BLOCK_BYTES = 65536

/** How this machine is built, the books of its code cache and run loop, and what handlers leave lying: not the guest's. */
const ownFields: ReadonlySet<string> = new Set<StateName>([
  'key', 'mode', 'tlbBase', 'userGeneration', 'supervisorGeneration', 'cpuModel', 'ramBytes', 'traceEach', 'traceCursor', 'wholeRuns',
  'heatThreshold', 'remaining', 'remainingCut', 'windowPhysical', 'windowBytes', 'windowPlace',
  'exitReason', 'exitArgument', 'codeWritten', 'zero', 'result', 'vectorOperand', 'vectorImmediate', 'vectorLengths',
])

const guestFields = Object.values(stateFields).filter(({ name }) => !ownFields.has(name))

export function saveCpu(core: Core): MachineState['cpu'] {
  return Object.fromEntries(guestFields.map(({ name, address, bytes, count }) =>
    [name, core.bytes.slice(address, address + bytes * count)]))
}

/** Throws PCError 'bad-state' when a field is missing. The TLB is emptied. */
export function loadCpu(core: Core, cpu: MachineState['cpu']): void {
  for (const { name, bytes, count } of guestFields)
    if (cpu[name]?.length !== bytes * count) throw misfit(`the CPU's '${name}'`)
  for (const { name, address } of guestFields) core.bytes.set(cpu[name], address)
  core.exports.flushTlb(true)
  core.exports.updateMode()
}

export function saveRam(core: Core): RamState {
  const { ram } = core
  const words = new Int32Array(ram.buffer, ram.byteOffset, ram.length / 4)
  const blocks: number[] = []
  for (let start = 0; start < ram.length; start += BLOCK_BYTES)
    if (holdsSomething(words, start / 4, Math.min(start + BLOCK_BYTES, ram.length) / 4)) blocks.push(start / BLOCK_BYTES)
  const bytes = new Uint8Array(blocks.length * BLOCK_BYTES)
  blocks.forEach((block, i) => {
    bytes.set(ram.subarray(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES), i * BLOCK_BYTES)
  })
  return { size: ram.length, blocks: Uint32Array.from(blocks), bytes }
}

/** The caller drops all code first. Throws PCError 'bad-state' when the size differs. */
export function loadRam(core: Core, { size, blocks, bytes }: RamState): void {
  const { ram } = core
  const words = new Int32Array(ram.buffer, ram.byteOffset, ram.length / 4)
  if (size !== ram.length || bytes.length !== blocks.length * BLOCK_BYTES) throw misfit('RAM')
  const held = new Set(blocks)
  for (let start = 0; start < ram.length; start += BLOCK_BYTES) {
    const end = Math.min(start + BLOCK_BYTES, ram.length)
    // Memory that nobody has touched costs the host nothing: it is not filled.
    if (!held.has(start / BLOCK_BYTES) && holdsSomething(words, start / 4, end / 4)) ram.fill(0, start, end)
  }
  blocks.forEach((block, i) => {
    const start = block * BLOCK_BYTES
    if (start >= size) throw misfit('RAM')
    ram.set(bytes.subarray(i * BLOCK_BYTES, i * BLOCK_BYTES + Math.min(BLOCK_BYTES, size - start)), start)
  })
}

function holdsSomething(words: Int32Array, first: number, end: number): boolean {
  for (let at = first; at < end; at++) if (words[at] !== 0) return true
  return false
}

function misfit(what: string): PCError {
  return new PCError('bad-state', `The saved state does not fit: ${what} is missing or has another shape.`,
    'Load the state into a machine that was made with the same options by the same version of tabpc.')
}
