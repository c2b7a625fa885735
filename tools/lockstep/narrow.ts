/**
 * Finds the first compiled region after which two machines differ, between two checkpoints: the machine with regions
 * runs, and each time that it leaves one the other catches up and both are compared.
 */
import { decode } from '../../jit/decode/decoder.ts'
import { format } from '../../jit/decode/disassembler.ts'
import { RAM_BASE } from '../../runtime/memory-map.ts'
import type { Machine } from '../../src/machine.ts'
import { compareCpu, compareMachines, compareRam, hex } from './compare.ts'
import { watchRegions } from './region-watch.ts'
import type { CpuImage, SteppedMachine } from './stepped-machine.ts'

/** Instructions shown of a region that goes wrong. */
const SHOWN_INSTRUCTIONS = 60
const OUTCOMES = ['goes on', 'leaves the next instruction to the interpreter']
const MAX_INSTRUCTION_BYTES = 15

/** Where and how they part. */
export interface Divergence {
  /** Instructions retired when they were last known to be the same. */
  readonly from: number
  /** Instructions retired when the region that goes wrong was entered; undefined when none was. */
  readonly enteredAt: number | undefined
  readonly lines: readonly string[]
}

export interface NarrowOptions {
  /** Instructions retired when both are known to be the same, and when they are known to differ. */
  readonly from: number
  readonly to: number
  /** Regions left between two comparisons of RAM. */
  readonly regionsBetweenRam: number
  /** Show the instructions of the region that is entered here. */
  readonly traceAt?: number
}

class StopNarrowing extends Error {}

function instructionText(machine: Machine, eip: number): { text: string; next: number } {
  const { core } = machine
  const bytes = new Uint8Array(MAX_INSTRUCTION_BYTES)
  for (let i = 0; i < bytes.length; i++) {
    const physical = core.exports.peekTranslate((eip + i) | 0) >>> 0
    bytes[i] = physical < core.ramBytes ? core.bytes[RAM_BASE + physical] : 0
  }
  const decoded = decode(bytes, 0, bytes.length, { bits: 32 })
  if (!decoded.ok) return { text: `  ${hex(eip)}  (${decoded.failure})`, next: eip + 1 }
  const { length } = decoded.instruction
  const shown = [...bytes.subarray(0, length)].map(byte => hex(byte, 2)).join(' ')
  return { text: `  ${hex(eip)}  ${shown.padEnd(30)} ${format(decoded.instruction, eip)}`, next: eip + length }
}

/** Runs `reference` one by one to `count`; the last instructions it went through with what each changed. */
function traceTo(reference: SteppedMachine, count: number): string[] {
  const lines: string[] = []
  while (reference.instructions < count && reference.stopped === undefined) {
    const eip = reference.machine.core.get('eip') >>> 0
    const { text } = instructionText(reference.machine, eip)
    const before = reference.cpu()
    reference.runTo(reference.instructions + 1)
    const changes = reference.cpu().flatMap(([name, value], i) => (value === before[i][1] || name === 'eip' ? [] : [`${name}=${hex(value)}`]))
    lines.push(`${text.padEnd(76)} ${changes.join(' ')}`.trimEnd())
    if (lines.length > SHOWN_INSTRUCTIONS) lines.shift()
  }
  return lines
}

function cpuLines(image: CpuImage): string {
  return image.slice(0, 9).concat(image.filter(([name]) => name === 'eip')).map(([name, value]) => `${name}=${hex(value)}`).join(' ')
}

/**
 * Looks for the first region that goes wrong. `machine` has the regions; `reference` is the interpreter. Both must be
 * new, and `bring` takes each to its last checkpoint before `from`, in the steps in which the difference was found.
 */
export function narrow(
  machine: SteppedMachine, reference: SteppedMachine, bring: (both: SteppedMachine) => void,
  { from, to, regionsBetweenRam, traceAt }: NarrowOptions,
): Divergence | undefined {
  let active = false
  let good = from
  let entered: CpuImage = []
  let enteredAt = 0
  let regions = 0
  let found: Divergence | undefined
  const stop = (divergence: Divergence): never => {
    found = divergence
    throw new StopNarrowing('found')
  }
  const order = `first ${machine.name}, then ${reference.name}`
  watchRegions(machine.machine, {
    enter: () => {
      if (!active || machine.instructions < from) return
      entered = machine.cpu()
      enteredAt = machine.instructions
      reference.runTo(enteredAt)
    },
    leave: outcome => {
      const count = machine.instructions
      // Where nothing has retired, one may have taken a fault or an interrupt here that the other takes next.
      if (!active || entered.length === 0 || count === enteredAt) return
      regions++
      const image = machine.cpu()
      const trace = enteredAt === traceAt ? traceTo(reference, count) : []
      reference.runTo(count)
      const lines = compareCpu(image, reference.cpu())
      const wholeRam = regions % regionsBetweenRam === 0 || enteredAt === traceAt
      if (wholeRam) lines.push(...compareRam(machine.ram, reference.ram))
      if (lines.length > 0)
        stop({
          from: good, enteredAt,
          lines: [
            `region entered at ${enteredAt} instructions, left at ${count}; it ${OUTCOMES[outcome] ?? outcome}`,
            `entered with ${cpuLines(entered)}`, `differences (${order}):`, ...lines,
            ...(trace.length > 0 ? [`its last instructions as ${reference.name} executes them:`, ...trace] : []),
          ],
        })
      if (wholeRam) good = count
    },
  })
  bring(machine)
  bring(reference)
  active = true
  try {
    machine.runTo(to)
  } catch (error) {
    if (!(error instanceof StopNarrowing)) throw error
    return found
  }
  active = false
  reference.runTo(to)
  const lines = compareMachines(machine, reference)
  return lines.length > 0 ? { from: good, enteredAt: undefined, lines: [`behind the last region (${order}):`, ...lines] } : undefined
}
