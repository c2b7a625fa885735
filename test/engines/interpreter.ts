/**
 * Vector engines over the interpreter (test/specs/vectors/replay.ts drives them). Both build the machine that
 * test/vectors/environment.ts describes, once, with the linear pages scattered over physical memory.
 *
 *   stepping   one instruction, by `remaining` = 1: the exact stop, which only general handlers serve
 *   running    the instruction at the head of a run of many, where flat code has the hot handlers; the INT3 that
 *              fills the code range stops it
 *
 * Every gate leads to a HLT of its own at CPL 0, so the place of the HLT says which exception came, and the frame on
 * the inner stack what was saved.
 */

import { ExitReason } from '../../runtime/exits.ts'
import { PAGE_BYTES, RAM_BASE } from '../../runtime/memory-map.ts'
import { Cr0, Cr4, Segment, Vector } from '../../runtime/state.ts'
import type { CpuEngine, EngineResult } from '../specs/vectors/replay.ts'
import { isCaptureError } from '../vectors/capture-errors.ts'
import {
  CODE_FILLER,
  codeRange,
  dataRanges,
  descriptorWords,
  LDT_LIMIT,
  type MemoryRange,
  segmentBase,
  segments,
  userGates,
} from '../vectors/environment.ts'
import type { MemoryBytes, Vector as TestVector, VectorFault } from '../vectors/format.ts'
import { patternByte } from '../vectors/random.ts'
import { loadExtended, loadPointers, readExtended, readPointers } from './extended-state.ts'
import { Page, type SegmentCache, TestCpu } from './test-cpu.ts'

/** Physical layout below the page tables; all of it is seen at SYSTEM_LINEAR, by the supervisor alone. */
const SYSTEM_LINEAR = 0xe000_0000
const IDT = 0x1000
const LDT = 0x2000
const TSS = 0x2800
const INNER_STACK_TOP = 0x4000
const HANDLERS = 0x4000
const GDT = 0x2_0000
const SYSTEM_PAGES = 0x30
const FIRST_DATA_PAGE = 0x4_0000

const TSS_LIMIT = 0x67
/** Where the I/O bitmap begins: behind the limit, so that there is none. */
const TSS_IO_BASE = 0x66
const GATE_BYTES = 8
const HANDLER_SHIFT = 4
const VECTORS = 256
const HLT = 0xf4

/** The GDT ends with the segments of the handlers, where the vectors expect no descriptor and no right to use one. */
const GDT_LIMIT = 0xffff
const INNER_CODE = 0xfff0
const INNER_DATA = 0xfff8
const FLAT_LIMIT = 0x0000_ffff
const INNER_CODE_HIGH = 0x00cf_9b00
const INNER_DATA_HIGH = 0x00cf_9300
const INTERRUPT_GATE = 0x8e00
const USER_INTERRUPT_GATE = 0xee00
const LOCAL_SELECTOR = 4
/** Bits 8..23 of a descriptor's high dword without the limit's: what a segment register caches. */
const ACCESS_MASK = 0xf0ff

const ERROR_CODE_VECTORS = [Vector.DF, Vector.TS, Vector.NP, Vector.SS, Vector.GP, Vector.PF, Vector.AC]
const REPEAT_PREFIXES = [0xf2, 0xf3]
const stringMnemonics = ['movs', 'cmps', 'stos', 'lods', 'scas', 'ins', 'outs']
/** Enough for any run to reach the INT3 behind it, and for loops to show that they do not end. */
const RUNNING_INSTRUCTIONS = 2000

/** CPUID features that the interpreter executes; cases of others belong to CPUs that it is not. */
const features = ['popcnt', 'movbe', 'mmx', 'sse', 'sse2', 'sse3', 'ssse3', 'sse41', 'sse42', 'aes', 'pclmulqdq', 'sse4.2']

/** A page of the vectors' memory and where it lies. */
interface MappedPage {
  readonly linear: number
  readonly physical: number
  readonly pristine: Buffer
}

function isRepeatedString(vector: TestVector): boolean {
  return stringMnemonics.includes(vector.row.mnemonic) && vector.bytes.some(byte => REPEAT_PREFIXES.includes(byte))
}

/** What the two engines share: the machine, loading a case into it and reading back what became of it. */
abstract class InterpreterEngine implements CpuEngine {
  abstract readonly name: string
  protected readonly cpu = new TestCpu()
  private readonly pages: MappedPage[] = []
  private readonly caches = new Map<number, SegmentCache>()
  private readonly ram = Buffer.from(this.cpu.core.memory.buffer, RAM_BASE)

  constructor() {
    this.buildTables()
    for (const range of [...dataRanges, codeRange]) this.mapRange(range)
    this.cpu.map(SYSTEM_LINEAR, 0, Page.Supervisor, SYSTEM_PAGES)
    this.cpu.setCr3()
  }

  supports(feature: string): boolean {
    return features.includes(feature)
  }

  knows(vector: TestVector): boolean {
    return !isCaptureError(vector)
  }

  /** Executes the instruction of a case that has been loaded. */
  protected abstract execute(vector: TestVector): void

  /** Whether the exception is the instruction's own, not that of what stands behind it. */
  protected abstract faultIsOwn(vector: TestVector, fault: VectorFault, eip: number): boolean

  private buildTables(): void {
    const { cpu } = this
    const write64 = (at: number, low: number, high: number) => {
      cpu.write32(at, low)
      cpu.write32(at + 4, high)
    }
    for (const segment of segments) {
      const [low, high] = descriptorWords(segment)
      const table = (segment.selector & LOCAL_SELECTOR) !== 0 ? LDT : GDT
      write64(table + (segment.selector & ~7), low, high)
      const { selector, base, limit } = segment
      this.caches.set(selector, { selector, base, limit, access: (high >>> 8) & ACCESS_MASK })
    }
    write64(GDT + INNER_CODE, FLAT_LIMIT, INNER_CODE_HIGH)
    write64(GDT + INNER_DATA, FLAT_LIMIT, INNER_DATA_HIGH)
    cpu.write32(TSS + 4, SYSTEM_LINEAR + INNER_STACK_TOP)
    cpu.write32(TSS + 8, INNER_DATA)
    cpu.write(TSS + TSS_IO_BASE, [TSS_LIMIT + 1, 0])
    for (let vector = 0; vector < VECTORS; vector++) {
      const offset = SYSTEM_LINEAR + HANDLERS + (vector << HANDLER_SHIFT)
      const gate = userGates.includes(vector) ? USER_INTERRUPT_GATE : INTERRUPT_GATE
      write64(IDT + vector * GATE_BYTES, (INNER_CODE << 16) | (offset & 0xffff), (offset & 0xffff_0000) | gate)
      cpu.write(HANDLERS + (vector << HANDLER_SHIFT), [HLT])
    }
  }

  /** Maps a range to physical pages in descending order, so that neighbours in one are none in the other. */
  private mapRange(range: MemoryRange): void {
    const entry = range.writable ? Page.User : Page.UserReadOnly
    const isCode = range === codeRange
    for (let offset = range.bytes - PAGE_BYTES; offset >= 0; offset -= PAGE_BYTES) {
      const linear = range.base + offset
      const physical = FIRST_DATA_PAGE + this.pages.length * 2 * PAGE_BYTES
      const pristine = Buffer.alloc(PAGE_BYTES, CODE_FILLER)
      if (!isCode) for (let i = 0; i < PAGE_BYTES; i++) pristine[i] = patternByte(linear + i)
      this.pages.push({ linear, physical, pristine })
      this.cpu.map(linear, physical, entry)
      this.cpu.write(physical, pristine)
    }
  }

  /** Physical address of a byte of the vectors' memory; undefined where nothing is mapped. */
  private physical(linear: number): number | undefined {
    const page = this.pages.find(p => linear >= p.linear && linear < p.linear + PAGE_BYTES)
    return page && page.physical + linear - page.linear
  }

  private poke(linear: number, bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) {
      const physical = this.physical((linear + i) >>> 0)
      if (physical !== undefined) this.cpu.write(physical, [bytes[i]])
    }
  }

  private load(vector: TestVector): void {
    const { core } = this.cpu
    const codeLinear = segmentBase(vector.selectors[Segment.Cs]) + vector.eip
    this.poke(codeLinear, vector.bytes)
    for (const { address, bytes } of vector.memory) this.poke(address, bytes)
    for (let i = 0; i < 8; i++) core.set('gpr', vector.registers[i] | 0, i)
    for (let segment = Segment.Es; segment <= Segment.Gs; segment++) {
      const selector = vector.selectors[segment]
      this.cpu.setSegment(segment, this.caches.get(selector) ?? { selector, base: 0, limit: 0, access: 0 })
    }
    this.cpu.setSegment(Segment.Ldtr, { selector: 0, base: SYSTEM_LINEAR + LDT, limit: LDT_LIMIT, access: 0x82 })
    this.cpu.setSegment(Segment.Tr, { selector: 0, base: SYSTEM_LINEAR + TSS, limit: TSS_LIMIT, access: 0x8b })
    core.set('gdtrBase', (SYSTEM_LINEAR + GDT) | 0)
    core.set('gdtrLimit', GDT_LIMIT)
    core.set('idtrBase', (SYSTEM_LINEAR + IDT) | 0)
    core.set('idtrLimit', VECTORS * GATE_BYTES - 1)
    core.set('cr0', Cr0.PE | Cr0.ET | Cr0.NE | Cr0.WP | Cr0.AM | Cr0.PG)
    core.set('cr2', 0)
    core.set('cr4', Cr4.OSFXSR | Cr4.OSXMMEXCPT)
    core.set('cpl', 3)
    if (vector.extended) loadExtended(core, vector.extended)
    if (vector.pointers) loadPointers(core, vector.pointers)
    core.set('eip', vector.eip | 0)
    core.set('fault', 0)
    core.set('halted', 0)
    core.set('interruptShadow', 0)
    core.set('exitReason', 0)
    core.exports.setEflags(vector.eflags)
    core.exports.updateMode()
  }

  /** Bytes of data memory that differ from the pattern or were patched; puts the pattern back. */
  private collectMemory(vector: TestVector): MemoryBytes[] {
    const changes: MemoryBytes[] = []
    for (const { address, bytes } of vector.memory)
      for (let i = 0; i < bytes.length; i++) {
        const physical = this.physical((address + i) >>> 0)
        if (physical !== undefined)
          changes.push({ address: address + i, bytes: Uint8Array.of(this.cpu.read8(physical)) })
      }
    this.poke(
      segmentBase(vector.selectors[Segment.Cs]) + vector.eip,
      new Uint8Array(vector.bytes.length).fill(CODE_FILLER),
    )
    for (const { linear, physical, pristine } of this.pages) {
      const now = this.ram.subarray(physical, physical + PAGE_BYTES)
      if (now.equals(pristine)) continue
      for (let i = 0; i < PAGE_BYTES; i++)
        if (now[i] !== pristine[i]) changes.push({ address: linear + i, bytes: Uint8Array.of(now[i]) })
      this.cpu.write(physical, pristine)
    }
    return changes
  }

  run(vector: TestVector): EngineResult {
    const { cpu } = this
    const { core } = cpu
    this.load(vector)
    this.execute(vector)
    const registers = [0, 1, 2, 3, 4, 5, 6, 7].map(i => core.get('gpr', i) >>> 0)
    const selectors = [0, 1, 2, 3, 4, 5].map(i => core.get('segmentSelector', i))
    const state = { registers, selectors, eflags: core.exports.getEflags() >>> 0, eip: core.get('eip') >>> 0 }
    const extended = vector.extended ? { extended: readExtended(core), pointers: readPointers(core) } : {}
    const fault = core.get('cpl') === 0 ? this.takeFrame(state) : null
    const memoryChanges = this.collectMemory(vector)
    if (!fault || this.faultIsOwn(vector, fault, state.eip)) return { ...state, ...extended, memoryChanges, fault }
    // The INT3 that has stopped the run lies behind its place in the frame; a fetch fault has nothing to step over.
    if (fault.vector === Vector.BP) state.eip -= 1
    return { ...state, ...extended, memoryChanges, fault: null }
  }

  /** Reads the frame on the inner stack into `state` as it was before; the exception that pushed it. */
  private takeFrame(state: { registers: number[]; selectors: number[]; eflags: number; eip: number }): VectorFault {
    const { cpu } = this
    const vector = (state.eip - SYSTEM_LINEAR - HANDLERS) >> HANDLER_SHIFT
    const hasCode = ERROR_CODE_VECTORS.includes(vector)
    let at = cpu.core.get('gpr', 4) - SYSTEM_LINEAR
    const pop = () => {
      at += 4
      return cpu.read32((at - 4) & 0xf_ffff) >>> 0
    }
    const errorCode = hasCode ? pop() : 0
    state.eip = pop()
    state.selectors[Segment.Cs] = pop() & 0xffff
    state.eflags = pop()
    state.registers[4] = pop()
    state.selectors[Segment.Ss] = pop() & 0xffff
    return { vector, errorCode, address: vector === Vector.PF ? cpu.core.get('cr2') >>> 0 : 0 }
  }
}

class SteppingEngine extends InterpreterEngine {
  readonly name = 'interpreter'

  protected execute(vector: TestVector): void {
    const { core } = this.cpu
    for (;;) {
      const reason = this.cpu.run(1)
      // A repeated string instruction stops between pieces, where EIP stands still.
      const unfinished = isRepeatedString(vector) && core.get('eip') === (vector.eip | 0) && core.get('cpl') === 3
      if (reason !== ExitReason.Budget || !unfinished) return
    }
  }

  protected faultIsOwn(): boolean {
    return true
  }
}

export class RunningEngine extends InterpreterEngine {
  readonly name: string = 'interpreter-run'

  /** What a branch finds at its own bytes or in data memory is no INT3; those cases are the stepping engine's. */
  override knows(vector: TestVector): boolean {
    if (!super.knows(vector)) return false
    if (vector.fault) return true
    const target = segmentBase(vector.out.selectors[Segment.Cs]) + vector.out.eip
    if (dataRanges.some(range => target >= range.base && target < range.base + range.bytes)) return false
    const into = target - segmentBase(vector.selectors[Segment.Cs]) - vector.eip
    return into < 0 || into >= vector.bytes.length
  }

  protected execute(_vector: TestVector): void {
    this.cpu.run(RUNNING_INSTRUCTIONS)
  }

  protected faultIsOwn(vector: TestVector, fault: VectorFault, eip: number): boolean {
    if (fault.vector === Vector.BP) return eip === vector.eip + vector.bytes.length
    return eip === vector.eip || fault.vector === Vector.OF || fault.vector === Vector.DB
  }
}

/** As many instructions as the running engine, one by one: the same program must end the same. */
class StepThroughEngine extends RunningEngine {
  override readonly name = 'interpreter-step-through'

  protected override execute(): void {
    for (let n = 0; n < RUNNING_INSTRUCTIONS; n++) if (this.cpu.run(1) !== ExitReason.Budget) return
  }
}

/** The interpreter, one instruction at a time: general handlers. */
export function createEngine(): CpuEngine {
  return new SteppingEngine()
}

/** The interpreter in its stride: hot handlers where the mode allows them. */
export function createRunEngine(): CpuEngine {
  return new RunningEngine()
}

/** The interpreter stepping through whole programs, to compare with the one in its stride. */
export function createStepThroughEngine(): CpuEngine {
  return new StepThroughEngine()
}
