/** The CPU after reset (SDM vol. 3, table 9-1), and as a boot loader leaves it to a kernel. */
import { signatureOfModel } from '../runtime/cpu-models.ts'
import type { Core } from '../runtime/core.ts'
import { Gpr, Segment, stateAddress, stateFields, type StateName } from '../runtime/state.ts'
import type { BootImage, BootRegister } from './loaders/boot-image.ts'

/** Segment access bits as in `segmentAccess`: present, writable data; present, readable code; D/B and G when flat. */
const REAL_MODE_DATA_ACCESS = 0x93
const REAL_MODE_CODE_ACCESS = 0x9b
const FLAT_DATA_ACCESS = 0xc093
const FLAT_CODE_ACCESS = 0xc09b
const FLAT_LIMIT = -1
const REAL_MODE_LIMIT = 0xffff
const RESET_CS_SELECTOR = 0xf000
const RESET_CS_BASE = 0xffff0000
const RESET_EIP = 0xfff0
const CR0_AFTER_RESET = 0x60000010
const EFLAGS_AFTER_RESET = 2
const DR6_AFTER_RESET = 0xffff0ff0
const DR7_AFTER_RESET = 0x400
const PAT_AFTER_RESET = [0x00070406, 0x00070406]
const APIC_BASE_AFTER_RESET = 0xfee00900
const MXCSR_AFTER_RESET = 0x1f80
const FPU_CONTROL_AFTER_RESET = 0x40
/** All eight registers in use, holding zero (5555H in the full form; runtime/helpers/x87-state.ts has the format). */
const FPU_TAG_AFTER_RESET = 0xff
const SYSTEM_SEGMENT_ACCESS = { ldtr: 0x82, tr: 0x8b }

function setSegment(core: Core, segment: Segment, selector: number, base: number, limit: number, access: number): void {
  core.set('segmentSelector', selector, segment)
  core.set('segmentBase', base, segment)
  core.set('segmentLimit', limit, segment)
  core.set('segmentAccess', access, segment)
}

/**
 * What RESET leaves alone: an input pin, which the interrupt controller drives; the generation that makes cached code
 * stale, which must never come back; how the machine is built; the books of the run loop and of the trace.
 */
const notProcessorState: ReadonlySet<string> = new Set<StateName>([
  'interruptLine', 'key', 'userGeneration', 'supervisorGeneration', 'cpuModel', 'ramBytes', 'traceEach', 'traceCursor', 'wholeRuns',
  'remaining', 'remainingCut', 'heatThreshold', 'windowPhysical', 'windowBytes', 'windowPlace',
])

/** Puts the CPU into its reset state. */
export function resetProcessor(core: Core): void {
  for (const { name, address, bytes, count } of Object.values(stateFields))
    if (!notProcessorState.has(name)) core.bytes.fill(0, address, address + bytes * count)
  core.set('gpr', signatureOfModel(core.get('cpuModel')), Gpr.Edx)
  for (const segment of [Segment.Es, Segment.Ss, Segment.Ds, Segment.Fs, Segment.Gs])
    setSegment(core, segment, 0, 0, REAL_MODE_LIMIT, REAL_MODE_DATA_ACCESS)
  setSegment(core, Segment.Cs, RESET_CS_SELECTOR, RESET_CS_BASE | 0, REAL_MODE_LIMIT, REAL_MODE_CODE_ACCESS)
  setSegment(core, Segment.Ldtr, 0, 0, REAL_MODE_LIMIT, SYSTEM_SEGMENT_ACCESS.ldtr)
  setSegment(core, Segment.Tr, 0, 0, REAL_MODE_LIMIT, SYSTEM_SEGMENT_ACCESS.tr)
  for (const table of ['gdtr', 'idtr'] as const) {
    core.set(`${table}Base`, 0)
    core.set(`${table}Limit`, REAL_MODE_LIMIT)
  }
  core.set('eip', RESET_EIP)
  core.exports.setEflags(EFLAGS_AFTER_RESET)
  core.set('cr0', CR0_AFTER_RESET)
  core.set('dr', DR6_AFTER_RESET | 0, 6)
  core.set('dr', DR7_AFTER_RESET, 7)
  core.set('pat', PAT_AFTER_RESET[0])
  core.words[(stateAddress('pat') >> 2) + 1] = PAT_AFTER_RESET[1]
  core.set('apicBase', APIC_BASE_AFTER_RESET | 0)
  core.set('mxcsr', MXCSR_AFTER_RESET)
  core.set('fpuControl', FPU_CONTROL_AFTER_RESET)
  core.set('fpuTag', FPU_TAG_AFTER_RESET)
  core.set('a20Mask', -1)
  core.set('ramBytes', core.ramBytes)
  core.exports.flushTlb(true)
  core.exports.updateMode()
}

const bootRegisters: readonly BootRegister[] = ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi']

/** Puts the CPU where a boot image says: flat protected mode, paging off. */
export function bootProcessor(core: Core, boot: BootImage): void {
  bootRegisters.forEach((name, register) => {
    core.set('gpr', (boot.registers[name] ?? 0) | 0, register)
  })
  core.set('eip', (boot.registers.eip ?? 0) | 0)
  core.set('cr0', boot.cr0 | 0)
  const { gdtBase, gdtLimit, codeSelector, dataSelector } = boot.segments
  core.set('gdtrBase', gdtBase)
  core.set('gdtrLimit', gdtLimit)
  for (const segment of [Segment.Es, Segment.Ss, Segment.Ds, Segment.Fs, Segment.Gs])
    setSegment(core, segment, dataSelector, 0, FLAT_LIMIT, FLAT_DATA_ACCESS)
  setSegment(core, Segment.Cs, codeSelector, 0, FLAT_LIMIT, FLAT_CODE_ACCESS)
  core.exports.flushTlb(true)
  core.exports.updateMode()
}
