/**
 * The translator that the runtime is handed for cold code: decodes a run at a physical address and writes its
 * records (runtime/records.ts).
 */
import type { CodeCache } from '../runtime/code-cache.ts'
import type { Core } from '../runtime/core.ts'
import { linearMemoryAddress, MAX_RUN_INSTRUCTIONS, PAGE_BYTES, RECORD_BYTES } from '../runtime/memory-map.ts'
import { RecordField, RecordFlag } from '../runtime/records.ts'
import { FLAT32_MODE, ModeBit, Segment, stateAddress } from '../runtime/state.ts'
import { isAbsent } from './cpu-features.ts'
import { decode } from './decode/decoder.ts'
import type { Decoded, Instruction, RegisterOperand } from './decode/instruction.ts'
import { factsOf, type HandlerTable, signatureOf, type SpecialHandler } from './handlers.ts'
import { normalise } from './normalise.ts'
import { BRANCHES } from './regions/lowering-choice.ts'

/** Longest legal instruction, in bytes (SDM vol. 2, 2.3.11). */
const MAX_INSTRUCTION_BYTES = 15

const HIGH_BYTE_REGISTERS = 4

/** Segments through which flat code may read and write without a check; code is not writable. */
const hotSegments: ReadonlySet<number> = new Set([Segment.Es, Segment.Ss, Segment.Ds])

interface Handlers {
  readonly hot: number
  readonly hotIndexed: number
  readonly general: number
  readonly endsRun: boolean
}

/** Slot of a general or vector register operand, sub-registers included; the number of any other register. */
function slotOf(operand: RegisterOperand): number {
  if (operand.class === 'xmm') return stateAddress('xmm', operand.index)
  if (operand.class === 'mm') return stateAddress('fpr', operand.index)
  if (!operand.class.startsWith('gpr')) return operand.index
  if (operand.class === 'gpr8' && operand.index >= HIGH_BYTE_REGISTERS)
    return stateAddress('gpr', operand.index - HIGH_BYTE_REGISTERS) + 1
  return stateAddress('gpr', operand.index)
}

export class RecordWriter {
  private readonly core: Core
  private readonly cache: CodeCache
  private readonly handlers = new Map<string, Handlers>()
  private readonly byOpcode = new Map<string, Map<number, Handlers | null>>()
  private readonly special: Readonly<Record<SpecialHandler, number>>
  /** Bytes of an instruction that crosses a page, put together. */
  private readonly crossing = new Uint8Array(2 * MAX_INSTRUCTION_BYTES)
  private readonly zero = stateAddress('zero')

  constructor(core: Core, cache: CodeCache, table: HandlerTable) {
    this.core = core
    this.cache = cache
    this.special = table.special
    const hot = new Map(table.hot.map(([signature, plain, indexed]) => [signature, [plain, indexed] as const]))
    for (const [signature, general, ends] of table.general) {
      const [plain, indexed] = hot.get(signature) ?? [-1, -1]
      this.handlers.set(signature, { hot: plain, hotIndexed: indexed, general, endsRun: ends === 1 })
    }
  }

  /**
   * Decodes the run at CS:EIP, whose first byte is at `physical`, and installs it. Nothing is installed when
   * fetching its second page raises an exception, which is then pending.
   */
  translate(physical: number): void {
    const { core } = this
    const mode = core.get('mode')
    const eip = core.get('eip')
    const linear = (core.get('segmentBase', Segment.Cs) + eip) >>> 0
    const room = PAGE_BYTES - (physical & (PAGE_BYTES - 1))
    const inMemory = core.isMemory(physical)
    const bits = (mode & ModeBit.Code32) !== 0 ? 32 : 16
    const bytes = inMemory ? core.bytes : this.crossing.fill(0xff)
    const start = inMemory ? linearMemoryAddress(physical) : 0
    const allowed = this.bytesToLimit(mode, eip)
    const available = Math.min(inMemory ? room : MAX_INSTRUCTION_BYTES, allowed)
    const first = decode(bytes, start, start + available, { bits })
    if (first.ok || first.failure !== 'truncated') this.translateWithin(bytes, start, available, physical, mode)
    else if (allowed <= room) this.translateBeyondLimit(physical, allowed, -1, mode)
    else this.translateCrossing(physical, linear, room, mode)
  }

  /** Bytes from `eip` to the end of CS; the limit of flat code is none. */
  private bytesToLimit(mode: number, eip: number): number {
    if ((mode & ModeBit.Flat) !== 0) return Number.POSITIVE_INFINITY
    return (this.core.get('segmentLimit', Segment.Cs) >>> 0) - (eip >>> 0) + 1
  }

  /** An instruction of which only `bytes` bytes lie within CS: #GP(0), like those that are too long. */
  private translateBeyondLimit(physical: number, bytes: number, secondPage: number, mode: number): void {
    const run = this.cache.reserve(2)
    const offset = physical & (PAGE_BYTES - 1)
    this.writePlace(run, this.special.tooLong, offset, bytes, 1)
    this.writeEnd(run + RECORD_BYTES, offset + bytes, 1, mode)
    this.cache.install(run, { physical, mode, bytes, instructions: 1, secondPage })
  }

  /** One instruction across two pages: a run of its own. */
  private translateCrossing(physical: number, linear: number, room: number, mode: number): void {
    const { core, crossing } = this
    const user = (mode & ModeBit.User) !== 0
    const second = core.exports.translateFetch((linear + room) | 0, user) >>> 0
    if (core.get('fault') !== 0) return
    crossing.fill(0xff)
    crossing.set(bytesAt(core, physical, room))
    if (core.isMemory(second)) crossing.set(bytesAt(core, second, MAX_INSTRUCTION_BYTES), room)
    const bits = (mode & ModeBit.Code32) !== 0 ? 32 : 16
    const allowed = this.bytesToLimit(mode, core.get('eip'))
    const decoded = decode(crossing, 0, Math.min(room + MAX_INSTRUCTION_BYTES, allowed), { bits })
    if (!decoded.ok && decoded.failure === 'truncated') {
      this.translateBeyondLimit(physical, allowed, second, mode)
      return
    }
    const run = this.cache.reserve(2)
    const offset = physical & (PAGE_BYTES - 1)
    const length = this.writeInstruction(run, decoded, offset, 1, mode)
    this.writeEnd(run + RECORD_BYTES, offset + length, 1, mode)
    this.cache.install(run, {
      physical, mode, bytes: Math.max(length, room + 1), instructions: 1, secondPage: second,
    })
  }

  private translateWithin(bytes: Uint8Array, start: number, room: number, physical: number, mode: number): void {
    const most = (mode & ModeBit.Step) !== 0 ? 1 : MAX_RUN_INSTRUCTIONS
    const bits = (mode & ModeBit.Code32) !== 0 ? 32 : 16
    const decodeMode = { bits } as const
    const run = this.cache.reserve(most + 1)
    const offset = physical & (PAGE_BYTES - 1)
    let record = run
    let position = 0
    let count = 0
    this.ended = false
    while (count < most && position < room && !this.ended) {
      const decoded = decode(bytes, start + position, start + room, decodeMode)
      if (!decoded.ok && decoded.failure === 'truncated') break
      count++
      position += this.writeInstruction(record, decoded, offset + position, count, mode)
      record += RECORD_BYTES
    }
    this.writeEnd(record, offset + position, count, mode)
    this.cache.install(run, {
      physical, mode, bytes: position, instructions: count, secondPage: -1,
    })
  }

  /**
   * Writes the record of one instruction at linear address `linear`, for `handleRecord` of core.wasm: its general
   * handler, and the EIP delta in `Link`. `base` is that of CS.
   */
  writeAlone(record: number, instruction: Instruction, linear: number, mode: number, base = 0): void {
    const handlers = this.find(instruction)
    if (!handlers) throw new Error(`${instruction.mnemonic} has no handler`)
    const offset = linear & (PAGE_BYTES - 1)
    this.writePlace(record, handlers.general, offset, instruction.length, 1)
    this.writeOperands(record, instruction, mode)
    this.core.words[(record + RecordField.Link) >> 2] = (linear - base - offset) | 0
  }

  /** Whether control never goes on behind the instruction written last. */
  private ended = false

  /** Writes one record; gives the length of the instruction in bytes. */
  private writeInstruction(record: number, decoded: Decoded, offset: number, ordinal: number, mode: number): number {
    if (!decoded.ok) {
      this.ended = true
      const handler = decoded.failure === 'length' ? this.special.tooLong : this.special.undefined
      this.writePlace(record, handler, offset, Math.max(decoded.length, 1), ordinal)
      return Math.max(decoded.length, 1)
    }
    const instruction = normalise(decoded.instruction)
    const handlers = this.find(instruction)
    if (!handlers) {
      this.ended = true
      this.writePlace(record, this.special.undefined, offset, instruction.length, ordinal)
      return instruction.length
    }
    this.ended = handlers.endsRun
    this.writePlace(record, this.choose(handlers, instruction, mode), offset, instruction.length, ordinal)
    this.writeOperands(record, instruction, mode)
    return instruction.length
  }

  /**
   * before: build the signature of every instruction => after: once for each opcode row and shape, which decide it.
   * Gives undefined for an instruction without a definition.
   */
  private find(instruction: Instruction): Handlers | undefined {
    let shapes = this.byOpcode.get(instruction.opcode)
    if (!shapes) {
      shapes = new Map()
      this.byOpcode.set(instruction.opcode, shapes)
    }
    let shape = instruction.operandSize | (instruction.addressSize << 7) | ((instruction.condition + 1) << 14)
    if (instruction.repeat !== 'none') shape |= instruction.repeat === 'rep' ? 1 << 19 : 1 << 20
    for (let i = 0; i < instruction.operands.length; i++)
      if (instruction.operands[i].kind === 'memory') shape |= 1 << (21 + i)
    let handlers = shapes.get(shape)
    if (handlers === undefined) {
      const absent = isAbsent(instruction, this.core.get('cpuModel'))
      handlers = absent ? null : (this.handlers.get(signatureOf(factsOf(instruction))) ?? null)
      shapes.set(shape, handlers)
    }
    return handlers ?? undefined
  }

  /** Hot handlers serve flat 32-bit code and the segments known to be flat. */
  private choose(handlers: Handlers, instruction: Instruction, mode: number): number {
    if (handlers.hot < 0 || !isHot(mode)) return handlers.general
    for (const operand of instruction.operands)
      if (operand.kind === 'memory') {
        if (instruction.addressSize !== 32 || !hotSegments.has(operand.segment)) return handlers.general
        return operand.index < 0 ? handlers.hot : handlers.hotIndexed
      }
    return handlers.hot
  }

  private writePlace(record: number, handler: number, offset: number, length: number, ordinal: number): void {
    const { bytes, words } = this.core
    const word = record >> 2
    words.fill(0, word, word + (RECORD_BYTES >> 2))
    words[word] = handler | (offset << 16)
    bytes[record + RecordField.Length] = length
    bytes[record + RecordField.Ordinal] = ordinal
    words[(record + RecordField.Base) >> 2] = this.zero | (this.zero << 16)
    words[(record + RecordField.Next) >> 2] = offset + length
  }

  private writeOperands(record: number, instruction: Instruction, mode: number): void {
    const { bytes, words } = this.core
    bytes[record + RecordField.Segment] = instruction.segment
    let immediates = 0
    instruction.operands.forEach((operand, i) => {
      switch (operand.kind) {
        case 'register':
          if (i < 2) {
            const field = record + (i === 0 ? RecordField.Destination : RecordField.Source)
            bytes[field] = slotOf(operand) & 0xff
            bytes[field + 1] = slotOf(operand) >> 8
          } else words[(record + RecordField.Immediate) >> 2] = slotOf(operand)
          return
        case 'memory': {
          const base = operand.base < 0 ? this.zero : stateAddress('gpr', operand.base)
          const index = operand.index < 0 ? this.zero : stateAddress('gpr', operand.index)
          words[(record + RecordField.Base) >> 2] = base | (index << 16)
          words[(record + RecordField.Displacement) >> 2] = operand.displacement
          bytes[record + RecordField.Scale] = operand.scale
          bytes[record + RecordField.Segment] = operand.segment
          if (instruction.addressSize === 16) bytes[record + RecordField.Flags] |= RecordFlag.Address16
          return
        }
        case 'immediate': {
          const field = immediates++ === 0 ? RecordField.Immediate : RecordField.Displacement
          words[(record + field) >> 2] = operand.value
          return
        }
        case 'relative':
          words[(record + RecordField.Immediate) >> 2] = operand.value
          this.writeLinkable(record, operand.value, mode)
          if (BRANCHES.has(instruction.mnemonic) && isHot(mode)) bytes[record + RecordField.Flags] |= RecordFlag.Counted
          return
        case 'far':
          words[(record + RecordField.Immediate) >> 2] = operand.offset
          words[(record + RecordField.Displacement) >> 2] = operand.selector
      }
    })
  }

  private writeLinkable(record: number, distance: number, mode: number): void {
    const { bytes, words } = this.core
    const next = words[(record + RecordField.Next) >> 2] & 0xffff
    const target = next + distance
    if ((mode & ModeBit.Flat) !== 0 && target >= 0 && target < PAGE_BYTES)
      bytes[record + RecordField.Flags] |= RecordFlag.Linkable
  }

  /** The record behind the last instruction: a jump to where it stands. */
  private writeEnd(record: number, offset: number, count: number, mode: number): void {
    const hot = isHot(mode)
    this.writePlace(record, hot ? this.special.end : this.special.endGeneral, offset, 0, count)
    if (hot && offset < PAGE_BYTES) this.core.bytes[record + RecordField.Flags] |= RecordFlag.Linkable
  }
}

/** Whether code of a mode is served by hot handlers. */
function isHot(mode: number): boolean {
  return (mode & (FLAT32_MODE | ModeBit.Step)) === FLAT32_MODE
}

/** `length` bytes of memory from a physical address on. */
function bytesAt(core: Core, physical: number, length: number): Uint8Array {
  const start = linearMemoryAddress(physical)
  return core.bytes.subarray(start, start + length)
}
