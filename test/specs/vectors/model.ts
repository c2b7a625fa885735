/**
 * A small model of the integer instructions, written from the SDM's operation sections alone, to check the capture
 * against something that is neither the capture program nor the emulator. Decoding is iced-x86's. It knows the
 * environment's segments and pages, so addresses and faults are checked as well.
 */
import { Code, Decoder, type Instruction, OpKind, Register } from 'iced-x86'
import { Eflags, Vector as Exception } from '../../../runtime/state.ts'
import { codeBits, codeRange, dataRanges, type SegmentSetup, segmentBase, segments } from '../../vectors/environment.ts'
import { initialByte, type MemoryBytes, type Vector } from '../../vectors/format.ts'
import { type Flags, operations } from './model-operations.ts'
import type { CpuEngine, EngineResult } from './replay.ts'

/** An exception on its way out of an instruction. */
export class ModelFault {
  constructor(
    readonly vector: number,
    readonly errorCode = 0,
    readonly address = 0,
  ) {}
}

const general32 = [
  Register.EAX,
  Register.ECX,
  Register.EDX,
  Register.EBX,
  Register.ESP,
  Register.EBP,
  Register.ESI,
  Register.EDI,
]
const general16 = [
  Register.AX,
  Register.CX,
  Register.DX,
  Register.BX,
  Register.SP,
  Register.BP,
  Register.SI,
  Register.DI,
]
const general8 = [
  Register.AL,
  Register.CL,
  Register.DL,
  Register.BL,
  Register.AH,
  Register.CH,
  Register.DH,
  Register.BH,
]
const segmentRegisters = [Register.ES, Register.CS, Register.SS, Register.DS, Register.FS, Register.GS]
const CODE_SEGMENT = 1
const STACK_SEGMENT = 2

/** Page-fault error code bits (SDM vol. 3, figure 4-12). */
enum PageError {
  Present = 1,
  Write = 2,
  User = 4,
}

const mask = (size: number) => (size >= 32 ? 0xffff_ffff : 2 ** size - 1)

/** What an operation sees of the machine: operands by number, registers, flags. Values are unsigned. */
export class ModelMachine {
  readonly registers: number[]
  readonly flags: Flags
  private readonly written = new Map<number, number>()

  constructor(
    readonly vector: Vector,
    readonly instruction: Instruction,
  ) {
    this.registers = vector.registers.slice()
    this.flags = { value: vector.eflags }
  }

  get size(): number {
    return this.vector.size
  }

  /** Condition code: the low nibble of the last opcode byte, which precedes ModR/M. */
  get condition(): number {
    const at = this.vector.bytes.indexOf(0x0f)
    return this.vector.bytes[at + 1] & 15
  }

  register(register: number): { value: number; size: number } {
    const index8 = general8.indexOf(register)
    if (index8 >= 0) return { value: (this.registers[index8 & 3] >>> (index8 & 4 ? 8 : 0)) & 0xff, size: 8 }
    const index16 = general16.indexOf(register)
    if (index16 >= 0) return { value: this.registers[index16] & 0xffff, size: 16 }
    return { value: this.registers[general32.indexOf(register)] >>> 0, size: 32 }
  }

  setRegister(register: number, value: number): void {
    const index8 = general8.indexOf(register)
    const index16 = general16.indexOf(register)
    const put = (index: number, field: number, shift: number) => {
      this.registers[index] = ((this.registers[index] & ~(field << shift)) | ((value & field) << shift)) >>> 0
    }
    if (index8 >= 0) put(index8 & 3, 0xff, index8 & 4 ? 8 : 0)
    else if (index16 >= 0) put(index16, 0xffff, 0)
    else this.registers[general32.indexOf(register)] = value >>> 0
  }

  /** The accumulator (part 0) or the data register (part 2) at a size; AL and AH for bytes. */
  accumulator(part: 0 | 2, size: number): number {
    return size === 8 ? general8[part * 2] : size === 16 ? general16[part] : general32[part]
  }

  isMemory(operand: number): boolean {
    return this.instruction.opKind(operand) === OpKind.Memory
  }

  /** Offset that the memory operand names, plus `extra` bytes, before the segment. */
  offset(extra = 0): number {
    const i = this.instruction
    const wide =
      i.memoryBase !== Register.None
        ? this.register(i.memoryBase).size
        : i.memoryIndex !== Register.None
          ? this.register(i.memoryIndex).size
          : i.memoryDisplSize * 8
    const part = (register: number) => (register === Register.None ? 0 : this.register(register).value)
    const sum =
      extra +
      part(i.memoryBase) +
      part(i.memoryIndex) * i.memoryIndexScale +
      Number(BigInt.asUintN(32, i.memoryDisplacement))
    return wide === 16 ? sum & 0xffff : sum >>> 0
  }

  read(operand: number, size = this.size): number {
    const i = this.instruction
    switch (i.opKind(operand)) {
      case OpKind.Register:
        return this.register(i.opRegister(operand)).value
      case OpKind.Memory:
        return this.load(this.offset(), size)
      default:
        return (Number(BigInt.asUintN(32, i.immediate(operand))) & mask(size)) >>> 0
    }
  }

  write(operand: number, value: number, size = this.size): void {
    if (this.isMemory(operand)) this.store(this.offset(), value, size)
    else this.setRegister(this.instruction.opRegister(operand), value)
  }

  /** Segment, limit and page checks of a data access; the linear addresses of its bytes. */
  private translate(offset: number, size: number, forWrite: boolean): number[] {
    const index = segmentRegisters.indexOf(this.instruction.memorySegment)
    const segment = segments.find(s => s.selector === this.vector.selectors[index])
    const refusal = index === STACK_SEGMENT ? Exception.SS : Exception.GP
    if (!segment) throw new ModelFault(refusal)
    const bytes = size / 8
    if (forWrite && (segment.code || !segment.accessible)) throw new ModelFault(Exception.GP)
    if (!forWrite && segment.code && !segment.accessible) throw new ModelFault(Exception.GP)
    if (!withinLimit(segment, offset, bytes)) throw new ModelFault(refusal)
    const write = forWrite ? PageError.Write : 0
    const linear = Array.from({ length: bytes }, (_, i) => (segment.base + offset + i) >>> 0)
    for (const address of linear) {
      const range = [...dataRanges, codeRange].find(r => address >= r.base && address < r.base + r.bytes)
      if (!range) throw new ModelFault(Exception.PF, PageError.User | write, address)
      if (forWrite && !range.writable)
        throw new ModelFault(Exception.PF, PageError.User | write | PageError.Present, address)
    }
    if (this.vector.eflags & Eflags.AC && linear[0] % bytes !== 0) throw new ModelFault(Exception.AC)
    return linear
  }

  /** Faults as a write would, for instructions that read first. */
  probeWrite(operand: number, size = this.size): void {
    if (this.isMemory(operand)) this.probe(this.offset(), size)
  }

  probe(offset: number, size: number): void {
    this.translate(offset, size, true)
  }

  load(offset: number, size: number): number {
    let value = 0
    this.translate(offset, size, false).forEach((address, i) => {
      value += (this.written.get(address) ?? initialByte(this.vector, address)) * 2 ** (8 * i)
    })
    return value
  }

  store(offset: number, value: number, size: number): void {
    for (const [i, address] of this.translate(offset, size, true).entries())
      this.written.set(address, (value >>> (8 * i)) & 0xff)
  }

  changes(): MemoryBytes[] {
    return [...this.written].map(([address, byte]) => ({ address, bytes: Uint8Array.of(byte) }))
  }
}

function withinLimit(segment: SegmentSetup, offset: number, bytes: number): boolean {
  const last = offset + bytes - 1
  if (!segment.expandDown) return last <= segment.limit
  return offset > segment.limit && last <= (segment.big ? 0xffff_ffff : 0xffff)
}

/** The engine that `capture.ts --check` runs when it is given this module: the capture checked against the model. */
export function createEngine(): CpuEngine {
  return model
}

/** Forms that the model knows; the rest of the vectors are not its business. */
export function modelKnows(vector: Vector): boolean {
  return vector.row.mnemonic in operations && vector.bytes.length <= 15
}

/** The page fault of an instruction that runs off the code range. */
function fetch(vector: Vector): void {
  const linear = vector.eip + segmentBase(vector.selectors[CODE_SEGMENT])
  const end = codeRange.base + codeRange.bytes
  if (linear + vector.bytes.length > end) throw new ModelFault(Exception.PF, PageError.User, Math.max(linear, end))
}

const MODE_MASK = { 16: 0xffff, 32: 0xffff_ffff }

export const model: CpuEngine = {
  name: 'model',
  supports: () => true,
  knows: modelKnows,
  run(vector: Vector): EngineResult {
    const bits = codeBits(vector.environment)
    const decoder = new Decoder(bits, vector.bytes, 0)
    const instruction = decoder.decode()
    const machine = new ModelMachine(vector, instruction)
    let fault: ModelFault | null = null
    try {
      fetch(vector)
      if (instruction.code === Code.INVALID) throw new ModelFault(Exception.UD)
      if (instruction.length !== vector.bytes.length) throw new Error(`iced-x86 sees ${instruction.length} bytes`)
      operations[vector.row.mnemonic](machine)
    } catch (error) {
      if (!(error instanceof ModelFault)) throw error
      fault = error
    } finally {
      instruction.free()
      decoder.free()
    }
    if (fault) {
      return {
        registers: vector.registers,
        eflags: vector.eflags,
        eip: vector.eip,
        selectors: vector.selectors,
        memoryChanges: [],
        fault,
      }
    }
    return {
      registers: machine.registers,
      eflags: machine.flags.value,
      eip: (vector.eip + vector.bytes.length) & MODE_MASK[bits],
      selectors: vector.selectors,
      memoryChanges: machine.changes(),
      fault: null,
    }
  },
}
