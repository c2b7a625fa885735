/**
 * Runs records through the built interpreter: bytes -> decoder -> definitions -> core.wasm -> x87 helpers. The guest is
 * in flat protected mode and executes FRSTOR, the instruction, FNSAVE, HLT, just as capture.c does on a processor.
 */
import { readFileSync } from 'node:fs'
import type { HandlerTable } from '../../../jit/handlers.ts'
import { RecordWriter } from '../../../jit/record-writer.ts'
import { CodeCache } from '../../../runtime/code-cache.ts'
import { Core } from '../../../runtime/core.ts'
import { ExitReason } from '../../../runtime/exits.ts'
import { PAGE_FLAGS_BASE, PageFlag, RAM_BASE } from '../../../runtime/memory-map.ts'
import { Cr0, Gpr, Segment } from '../../../runtime/state.ts'
import { resetProcessor } from '../../../src/cpu-reset.ts'

const RAM_BYTES = 1 << 20
const CODE = 0x10000
const CODE_BYTES = 64
const IMAGE_IN = 0x2000
const IMAGE_OUT = 0x3000
const OPERAND = 0x1000
const ALWAYS_ONE = 2
const BUDGET = 100

/** Descriptor tables and stack of the guest, for exceptions; the handler of vector n is a HLT at HANDLERS + n. */
const GDT = 0x4000
const IDT = 0x5000
const HANDLERS = 0x6000
const STACK = 0x8000
const VECTORS = 32
const CODE_SELECTOR = 8
const FLAT_CODE = [0xff, 0xff, 0, 0, 0, 0x9b, 0xcf, 0]
const INTERRUPT_GATE = 0x8e00

/** Control word after FNINIT. */
const CONTROL_INITIAL = 0x37f

const FRSTOR_DISP32 = [0xdd, 0x25]
const FNSAVE_DISP32 = [0xdd, 0x35]
const HLT = 0xf4

const doubleword = (value: number): number[] => [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, value >>> 24]

/** What an instruction left behind. */
export interface Outcome {
  /** The FNSAVE image. */
  readonly image: DataView
  readonly memory: DataView
  readonly flags: number
}

export class Interpreter {
  protected readonly core: Core
  protected readonly writer: RecordWriter
  private readonly placed = new Map<number, number>()

  constructor() {
    const core = new WebAssembly.Module(readFileSync(new URL('../../../build/core.wasm', import.meta.url)))
    const handlers = JSON.parse(
      readFileSync(new URL('../../../build/handlers.json', import.meta.url), 'utf8'),
    ) as HandlerTable
    this.core = Core.create(core, RAM_BYTES, {
      readDevice: () => 0,
      writeDevice: () => {},
      readPort: () => 0,
      writePort: () => {},
      timestamp: () => 0,
      random: () => 0x5eed,
      codeWritten: () => {
        throw new Error('the guest wrote its code')
      },
    })
    this.core.bytes.fill(PageFlag.Ram, PAGE_FLAGS_BASE, PAGE_FLAGS_BASE + RAM_BYTES / 4096)
    this.writer = new RecordWriter(this.core, new CodeCache(this.core, handlers.special), handlers)
    resetProcessor(this.core)
    this.core.set('cr0', Cr0.PE | Cr0.NE | Cr0.ET)
    for (let segment = Segment.Es; segment <= Segment.Gs; segment++) {
      this.core.set('segmentBase', 0, segment)
      this.core.set('segmentLimit', -1, segment)
      this.core.set('segmentAccess', segment === Segment.Cs ? 0xc09b : 0xc093, segment)
    }
    this.core.exports.updateMode()
  }

  /** Address of the code that runs `opcode` `modrm` (a memory form takes its operand from OPERAND). */
  protected codeFor(opcode: number, modrm: number): number {
    const key = (opcode << 8) | modrm
    const known = this.placed.get(key)
    if (known !== undefined) return known
    const address = CODE + this.placed.size * CODE_BYTES
    const instruction = modrm < 0xc0 ? [opcode, (modrm & 0x38) | 5, ...doubleword(OPERAND)] : [opcode, modrm]
    const code = [
      ...FRSTOR_DISP32,
      ...doubleword(IMAGE_IN),
      ...instruction,
      ...FNSAVE_DISP32,
      ...doubleword(IMAGE_OUT),
      HLT,
    ]
    this.core.ram.set(code, address)
    this.placed.set(key, address)
    return address
  }

  /** Runs from `eip` until the guest halts. */
  protected runUntilHalt(eip: number): void {
    const { core } = this
    core.set('eip', eip)
    core.set('halted', 0)
    core.set('remaining', BUDGET)
    for (;;) {
      const reason = core.exports.run() as ExitReason
      if (reason === ExitReason.Halt) return
      if (reason !== ExitReason.Decode) throw new Error(`the guest left with ${ExitReason[reason]}`)
      this.writer.translate(core.get('exitArgument') >>> 0)
      core.exports.cancelStep()
    }
  }

  /** Lets every exception end at a HLT of its own. */
  private catchExceptions(): void {
    const { core } = this
    core.ram.set(FLAT_CODE, GDT + CODE_SELECTOR)
    for (let vector = 0; vector < VECTORS; vector++) {
      const handler = HANDLERS + vector
      core.ram[handler] = HLT
      core.ram.set([...doubleword((CODE_SELECTOR << 16) | handler), ...doubleword(INTERRUPT_GATE)], IDT + vector * 8)
    }
    core.set('gdtrBase', GDT)
    core.set('gdtrLimit', CODE_SELECTOR + FLAT_CODE.length - 1)
    core.set('idtrBase', IDT)
    core.set('idtrLimit', VECTORS * 8 - 1)
    core.set('gpr', STACK, Gpr.Esp)
  }

  /** Vector that one instruction raises under `cr0` and the status word `status`; -1 for none. */
  exceptionOf(opcode: number, modrm: number, cr0: number, status: number): number {
    const { core } = this
    this.catchExceptions()
    const before = core.get('cr0')
    core.set('fpuControl', CONTROL_INITIAL)
    core.set('fpuTag', 0)
    core.set('fpuStatus', status)
    core.set('cr0', cr0)
    this.runUntilHalt(this.codeFor(opcode, modrm) + FRSTOR_DISP32.length + 4)
    core.set('cr0', before)
    const vector = core.get('eip') - HANDLERS - 1
    return vector >= 0 && vector < VECTORS ? vector : -1
  }

  private viewOf(physical: number): DataView {
    return new DataView(this.core.memory.buffer, RAM_BASE + physical)
  }

  /** Executes one instruction from the state that `image` (FRSTOR, protected 32-bit) and the operand bytes give. */
  execute(opcode: number, modrm: number, image: Uint8Array, operand: Uint8Array, flags: number): Outcome {
    const { core } = this
    core.ram.set(image, IMAGE_IN)
    core.ram.set(operand, OPERAND)
    core.exports.setEflags(flags | ALWAYS_ONE)
    this.runUntilHalt(this.codeFor(opcode, modrm))
    return { image: this.viewOf(IMAGE_OUT), memory: this.viewOf(OPERAND), flags: core.exports.getEflags() }
  }
}
