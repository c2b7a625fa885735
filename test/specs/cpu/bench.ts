/**
 * A bench for hand-written code: a CPU with flat 32-bit segments at CPL 0 (or in real mode), its first megabyte mapped
 * to itself, and a HLT behind every exception vector.
 *
 *   physical 0x0000 real-mode vectors   0x1000 IDT   0x2000 HLTs   0x3000 GDT   0x5000 page tables
 *            CODE   DATA   STACK_TOP    (all in the first megabyte)
 */
import { decode } from '../../../jit/decode/decoder.ts'
import { format } from '../../../jit/decode/disassembler.ts'
import { ExitReason } from '../../../runtime/exits.ts'
import { PAGE_BYTES } from '../../../runtime/memory-map.ts'
import { Cr0, Gpr, Segment, Vector } from '../../../runtime/state.ts'
import { Page, TestCpu } from '../../engines/test-cpu.ts'

export const CODE = 0x1_0000
export const DATA = 0x2_0000
export const STACK_TOP = 0x3_0000
/** Free for further mappings: linear addresses behind the first megabyte. */
export const ELSEWHERE = 0x40_0000

const IDT = 0x1000
const HANDLERS = 0x2000
const HANDLER_BYTES = 16
const GDT = 0x3000
const GDT_LIMIT = 0x17
const CODE_SELECTOR = 0x08
const DATA_SELECTOR = 0x10
const FLAT_LIMIT_WORD = 0xffff
const FLAT_CODE_HIGH = 0x00cf_9b00
const FLAT_DATA_HIGH = 0x00cf_9300
const FLAT_LIMIT = 0xffff_ffff
const FLAT_CODE_ACCESS = 0xc09b
const FLAT_DATA_ACCESS = 0xc093
const REAL_CODE_ACCESS = 0x9b
const REAL_DATA_ACCESS = 0x93
const REAL_LIMIT = 0xffff
const TRAP_GATE = 0x8f00
const VECTORS = 256
const MEGABYTE_PAGES = 256
const HLT = 0xf4
const ERROR_CODE_VECTORS = [Vector.DF, Vector.TS, Vector.NP, Vector.SS, Vector.GP, Vector.PF, Vector.AC]
/** Instructions after which a program that has not halted counts as lost. */
const MOST_INSTRUCTIONS = 1_000_000

/** An exception that has been delivered: what its frame says. */
export interface Delivered {
  readonly vector: number
  readonly errorCode: number
  readonly eip: number
  readonly eflags: number
}

/**
 * Bytes of a program written as `hex bytes ; assembly`, one instruction a line. The assembly is compared with the
 * disassembly, so that neither can lie; addresses in it are absolute. Throws when they differ.
 */
export function assemble(text: string, at: number, bits: 16 | 32 = 32): Uint8Array {
  const program: number[] = []
  for (const line of text.split('\n')) {
    const [hex, assembly = ''] = line.split(';').map(part => part.trim())
    if (hex === '') continue
    const bytes = Uint8Array.from(hex.replaceAll(' ', '').match(/../g) ?? [], pair => Number.parseInt(pair, 16))
    const decoded = decode(bytes, 0, bytes.length, { bits })
    const shown = decoded.ok ? format(decoded.instruction, at + program.length) : decoded.failure
    const length = decoded.ok ? decoded.instruction.length : 0
    if (shown !== assembly || length !== bytes.length) throw new Error(`${hex} is ${shown}, not ${assembly}`)
    program.push(...bytes)
  }
  return Uint8Array.from(program)
}

/** How `runToHalt` executes: one instruction at a time by general handlers, or in runs with the hot ones. */
export type Pace = 'stepping' | 'running'
export const paces: readonly Pace[] = ['stepping', 'running']

export class CpuBench extends TestCpu {
  private readonly bits: 16 | 32

  constructor(mode: 'flat' | 'real' = 'flat') {
    super()
    this.bits = mode === 'flat' ? 32 : 16
    for (let vector = 0; vector < VECTORS; vector++) {
      const handler = HANDLERS + vector * HANDLER_BYTES
      this.write(handler, [HLT])
      this.write32(IDT + vector * 8, (CODE_SELECTOR << 16) | handler)
      this.write32(IDT + vector * 8 + 4, TRAP_GATE)
      // Offset 0 of its own paragraph: within any limit of CS, which real mode keeps.
      this.write32(vector * 4, (handler >> 4) << 16)
    }
    if (mode === 'flat') this.enterFlat()
    else this.enterReal()
    this.set(Gpr.Esp, mode === 'flat' ? STACK_TOP : REAL_STACK_TOP)
  }

  private enterFlat(): void {
    const { core } = this
    this.write32(GDT + CODE_SELECTOR, FLAT_LIMIT_WORD)
    this.write32(GDT + CODE_SELECTOR + 4, FLAT_CODE_HIGH)
    this.write32(GDT + DATA_SELECTOR, FLAT_LIMIT_WORD)
    this.write32(GDT + DATA_SELECTOR + 4, FLAT_DATA_HIGH)
    core.set('gdtrBase', GDT)
    core.set('gdtrLimit', GDT_LIMIT)
    core.set('idtrBase', IDT)
    core.set('idtrLimit', VECTORS * 8 - 1)
    const flat = { base: 0, limit: FLAT_LIMIT }
    for (const segment of [Segment.Es, Segment.Ss, Segment.Ds, Segment.Fs, Segment.Gs])
      this.setSegment(segment, { ...flat, selector: DATA_SELECTOR, access: FLAT_DATA_ACCESS })
    this.setSegment(Segment.Cs, { ...flat, selector: CODE_SELECTOR, access: FLAT_CODE_ACCESS })
    core.set('cr0', Cr0.PE | Cr0.ET | Cr0.NE | Cr0.WP | Cr0.PG)
    this.map(0, 0, Page.Supervisor, MEGABYTE_PAGES)
    this.setCr3()
    core.exports.updateMode()
  }

  private enterReal(): void {
    const { core } = this
    core.set('idtrBase', 0)
    core.set('idtrLimit', REAL_LIMIT)
    const real = { selector: 0, base: 0, limit: REAL_LIMIT, access: REAL_DATA_ACCESS }
    for (const segment of [Segment.Es, Segment.Ss, Segment.Ds, Segment.Fs, Segment.Gs]) this.setSegment(segment, real)
    const code = { selector: CODE >> 4, base: CODE, limit: REAL_LIMIT, access: REAL_CODE_ACCESS }
    this.setSegment(Segment.Cs, code)
    core.exports.updateMode()
  }

  /**
   * Writes a program (see `assemble`) at a physical address, where EIP is put as well unless `start` says no. In real
   * mode CS starts at CODE, and the addresses in the assembly are offsets.
   */
  load(text: string, at = CODE, start = true): void {
    const offset = this.bits === 32 ? at : at - CODE
    this.write(at, assemble(text, offset, this.bits))
    if (start) this.core.set('eip', offset)
  }

  get(register: Gpr): number {
    return this.core.get('gpr', register) >>> 0
  }

  set(register: Gpr, value: number): void {
    this.core.set('gpr', value | 0, register)
  }

  get eip(): number {
    return this.core.get('eip') >>> 0
  }

  get eflags(): number {
    return this.core.exports.getEflags() >>> 0
  }

  set eflags(value: number) {
    this.core.exports.setEflags(value)
    this.core.exports.updateMode()
  }

  /** Makes a page absent. */
  unmap(linear: number): void {
    this.map(linear, 0, Page.Absent)
    this.core.exports.flushTlb(true)
  }

  /** Maps pages and forgets what was there. */
  remap(linear: number, physical: number, pages = 1): void {
    this.map(linear, physical, Page.Supervisor, pages)
    this.core.exports.flushTlb(true)
  }

  /** Runs until HLT, in a handler or in the program. Throws when there is none in sight. */
  runToHalt(pace: Pace = 'running'): void {
    const { core } = this
    core.set('halted', 0)
    for (let n = 0; n < MOST_INSTRUCTIONS; n++) {
      const reason = this.run(pace === 'stepping' ? 1 : MOST_INSTRUCTIONS)
      if (reason === ExitReason.Halt) return
      if (reason !== ExitReason.Budget) throw new Error(`stopped by ${ExitReason[reason]}`)
      if (pace === 'running') break
    }
    throw new Error(`no HLT; EIP is ${this.eip.toString(16)}`)
  }

  /** The exception whose handler has halted; undefined if the program has. */
  get delivered(): Delivered | undefined {
    const { core } = this
    const linear = (core.get('segmentBase', Segment.Cs) + this.eip) >>> 0
    const offset = linear - HANDLERS
    if (offset < 0 || offset >= VECTORS * HANDLER_BYTES) return undefined
    const vector = Math.floor(offset / HANDLER_BYTES)
    const frame = core.get('segmentBase', Segment.Ss) + this.get(Gpr.Esp)
    if (this.bits === 16) {
      const word = (at: number) => this.read8(at) | (this.read8(at + 1) << 8)
      return { vector, errorCode: 0, eip: word(frame), eflags: word(frame + 4) }
    }
    const coded = ERROR_CODE_VECTORS.includes(vector) ? 4 : 0
    const errorCode = coded === 0 ? 0 : this.read32(frame)
    return { vector, errorCode, eip: this.read32(frame + coded) >>> 0, eflags: this.read32(frame + coded + 8) >>> 0 }
  }

  /** Bytes of RAM. */
  bytes(physical: number, length: number): number[] {
    return Array.from({ length }, (_, i) => this.read8(physical + i))
  }
}

/** Where the stack of real mode begins: offset 0 of its segment comes long before. */
export const REAL_STACK_TOP = 0xf000

/** Address of the page behind `address`. */
export function nextPage(address: number): number {
  return (address & ~(PAGE_BYTES - 1)) + PAGE_BYTES
}
