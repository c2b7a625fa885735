/**
 * What an x87 instruction leaves in FIP, FCS, FDP, FDS and FOP. Vectors do not hold it, since the kernel under the capture
 * program does not hand it over; it follows from the instruction.
 *
 *   most instructions            FIP and FCS are the instruction's own; FDP and FDS its operand's, if that is in memory
 *   FNINIT, FNSAVE               all are 0
 *   FLDCW, WAIT, FN… …           nothing changes, nor where the instruction faults
 *   FOP                          changes only where an unmasked exception is raised
 *
 * Source: SDM vol. 1, 8.1.8, 8.1.9.1 (fopcode compatibility mode off).
 */
import { decode } from '../../jit/decode/decoder.ts'
import { Segment } from '../../runtime/state.ts'
import { codeBits } from './environment.ts'
import { CONTROL_STATUS_WORD, type X87Pointers } from './extended-state.ts'
import type { Vector } from './vector.ts'

const keeping = ['fldcw', 'fnstcw', 'fnstsw', 'fnclex', 'fnstenv', 'wait', 'fneni', 'fndisi', 'fnsetpm', 'fxsave']
const clearing = ['fninit', 'fnsave']
/** What these leave is in the image they load. */
const loading = ['fldenv', 'frstor', 'fxrstor']

const ZERO: X87Pointers = { instructionOffset: 0, instructionSelector: 0, dataOffset: 0, dataSelector: 0, opcode: 0 }
const EXCEPTIONS = 0x3f
const ESCAPE = 0xd8
const PREFIXES = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67]

/** Whether the instruction has raised an unmasked exception: none was pending, or it would not have run. */
function raised(vector: Vector): boolean {
  const word = vector.out.extended?.[CONTROL_STATUS_WORD] ?? 0
  return ((word >>> 16) & ~word & EXCEPTIONS) !== 0
}

/** Eleven bits: the low three of the escape byte, then ModR/M. */
function opcodeOf(bytes: Uint8Array): number {
  const at = bytes.findIndex(byte => !PREFIXES.includes(byte))
  return ((bytes[at] & 7) << 8) | bytes[at + 1]
}

/** The pointers behind `vector`'s instruction; undefined where it is none that these rules cover. */
export function pointersBehind(vector: Vector): X87Pointers | undefined {
  const { pointers, row, bytes, registers } = vector
  const first = row.opcode > 0xff ? row.opcode >> 8 : row.opcode
  const isX87 = first >> 3 === ESCAPE >> 3 || row.mnemonic === 'wait' || row.mnemonic === 'fxsave'
  if (!pointers || !isX87 || loading.includes(row.mnemonic)) return undefined
  if (vector.fault || keeping.includes(row.mnemonic)) return pointers
  if (clearing.includes(row.mnemonic)) return ZERO
  const decoded = decode(bytes, 0, bytes.length, { bits: codeBits(vector.environment) })
  if (!decoded.ok) return undefined
  const { instruction } = decoded
  const behind = {
    ...pointers,
    instructionOffset: vector.eip,
    instructionSelector: vector.selectors[Segment.Cs],
    ...(raised(vector) && { opcode: opcodeOf(bytes) }),
  }
  const memory = instruction.operands.find(operand => operand.kind === 'memory')
  if (memory?.kind !== 'memory') return behind
  const part = (register: number) => (register < 0 ? 0 : registers[register])
  const offset = part(memory.base) + part(memory.index) * 2 ** memory.scale + memory.displacement
  const dataOffset = instruction.addressSize === 16 ? offset & 0xffff : offset >>> 0
  return { ...behind, dataOffset, dataSelector: vector.selectors[memory.segment] }
}
