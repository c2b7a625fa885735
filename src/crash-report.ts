/** What people see of a machine that died: the reason, the registers, and the last instructions. */
import { decode } from '../jit/decode/decoder.ts'
import { format } from '../jit/decode/disassembler.ts'
import type { Core } from '../runtime/core.ts'
import { linearMemoryAddress, PAGE_BYTES, TRACE_RING_BASE, TRACE_RING_ENTRIES } from '../runtime/memory-map.ts'
import { ModeBit, Segment } from '../runtime/state.ts'
import type { StopReason } from './machine-options.ts'

const GPR_NAMES = ['EAX', 'ECX', 'EDX', 'EBX', 'ESP', 'EBP', 'ESI', 'EDI']
const SEGMENT_NAMES = ['ES', 'CS', 'SS', 'DS', 'FS', 'GS', 'LDTR', 'TR']
const MAX_INSTRUCTION_BYTES = 15

function hex(value: number, digits = 8): string {
  return (value >>> 0).toString(16).padStart(digits, '0')
}

/** Bytes at a linear address, as far as they are mapped to RAM within the page. */
function codeAt(core: Core, linear: number): Uint8Array {
  const physical = core.exports.peekTranslate(linear) >>> 0
  if (!core.isMemory(physical)) return new Uint8Array(0)
  const room = Math.min(MAX_INSTRUCTION_BYTES, PAGE_BYTES - (physical % PAGE_BYTES))
  const start = linearMemoryAddress(physical)
  return core.bytes.subarray(start, start + room)
}

function instructionAt(core: Core, eip: number): string {
  const linear = (core.get('segmentBase', Segment.Cs) + eip) >>> 0
  const bytes = codeAt(core, linear)
  const bits = (core.get('mode') & ModeBit.Code32) !== 0 ? 32 : 16
  const decoded = decode(bytes, 0, bytes.length, { bits })
  const text = decoded.ok ? format(decoded.instruction, eip) : '(no instruction)'
  const length = decoded.ok ? decoded.instruction.length : Math.min(bytes.length, 4)
  const shown = [...bytes.subarray(0, length)].map(byte => hex(byte, 2)).join(' ')
  return `  ${hex(eip)}  ${shown.padEnd(30)} ${text}`
}

/** Offsets in CS where execution has lately been: every instruction with `--trace`, else where jumps led. */
function lastPlaces(core: Core, count: number): number[] {
  const cursor = core.get('traceCursor') >> 2
  const places: number[] = []
  for (let i = 1; i <= Math.min(count, TRACE_RING_ENTRIES); i++) {
    const entry = (cursor - i + TRACE_RING_ENTRIES) % TRACE_RING_ENTRIES
    places.push(core.words[(TRACE_RING_BASE >> 2) + entry])
  }
  while (places.length > 0 && places[places.length - 1] === 0) places.pop()
  return places.reverse()
}

/** The report, as lines of text; `instructions` is how many of the last places to show. */
export function crashReport(core: Core, reason: StopReason | undefined, instructions: number): string {
  const lines = [`reason: ${reason ?? 'running'}`]
  const registers = GPR_NAMES.map((name, i) => `${name}=${hex(core.get('gpr', i))}`)
  lines.push(registers.slice(0, 4).join(' '), registers.slice(4).join(' '))
  lines.push(`EIP=${hex(core.get('eip'))} EFLAGS=${hex(core.exports.getEflags())} CPL=${core.get('cpl')}`)
  SEGMENT_NAMES.forEach((name, i) => {
    lines.push(
      `${name.padEnd(4)} ${hex(core.get('segmentSelector', i), 4)} base=${hex(core.get('segmentBase', i))} ` +
        `limit=${hex(core.get('segmentLimit', i))} access=${hex(core.get('segmentAccess', i), 4)}`,
    )
  })
  lines.push(
    `CR0=${hex(core.get('cr0'))} CR2=${hex(core.get('cr2'))} CR3=${hex(core.get('cr3'))} CR4=${hex(core.get('cr4'))}`,
    `GDTR=${hex(core.get('gdtrBase'))}:${hex(core.get('gdtrLimit'), 4)} IDTR=${hex(core.get('idtrBase'))}:${hex(core.get('idtrLimit'), 4)}`,
  )
  const each = core.get('traceEach') !== 0
  lines.push(each ? 'last instructions:' : 'last places reached (every instruction with --trace):')
  for (const eip of lastPlaces(core, instructions)) lines.push(instructionAt(core, eip))
  return lines.join('\n')
}
