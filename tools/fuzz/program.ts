/**
 * A random program and the machine it runs in: functions of random items that jump, loop and call each other, a main
 * loop that calls them in turn and takes pages away, and handlers that put things right again after a fault.
 *
 *   0x0_a000 handlers   0x1_0000 code   0x2_0000 data   0x2_8000 stack, growing down
 *   linear 0x40_0000 + n: n again      0x50_0000: demand pages      0x60_0000: their page table   0x60_1000: counters
 */
import { Page } from '../../test/engines/test-cpu.ts'
import type { CpuBench } from '../../test/specs/cpu/bench.ts'
import { Gpr, Vector } from '../../runtime/state.ts'
import { absolute, type Assembled, assemble, type Item, type Label, type Piece, relative, word32 } from './assembly.ts'
import { ALIAS, DATA_REACH, DEMAND_BYTES, DEMAND_LINEAR, randomInstruction } from './instructions.ts'
import type { Random } from './random.ts'

const CODE = 0x1_0000
const CODE_BYTES = 0x1_0000
const DATA = 0x2_0000
const DATA_POINTER = DATA + 0x4000
const DATA_BYTES = 0x8000
const STACK_POINTER = 0x3_0000
const HANDLERS = 0xa000
const IDT = 0x1000
const CODE_SELECTOR = 0x08
const INTERRUPT_GATE = 0x8e00
const DEMAND_PHYSICAL = 0x4_0000
const COUNTERS_PHYSICAL = 0x9000
const TABLE_LINEAR = 0x60_0000
const ROUNDS = 0x60_1000
const FUNCTION_TABLE = 0x60_1100
const PAGE_BYTES = 0x1000
const PAGE_DIRECTORY = 0x5000
const LOW_PAGES = 0x10
const FUNCTIONS = 8
const HLT = 0xf4
const INT3 = 0xcc
/** Bytes of the loop counters in front of the data pointer's window, which nothing else aims at. */
const COUNTER_AREA = DATA + DATA_BYTES - 0x80

enum Fixed { Main, Recover, RecoverWithCode, Wild, FirstFree }

/** What a program is made from. */
export interface Program {
  readonly seed: number
  readonly items: readonly Item[]
  /** Address of the first item. */
  readonly start: number
  /** Labels of the functions. */
  readonly functions: readonly Label[]
  /** Which functions are called through the alias of their page. */
  readonly aliased: readonly boolean[]
  readonly registers: readonly number[]
  readonly eflags: number
  readonly data: Uint8Array
}

/** Conditional jump to a label. */
function jcc(random: Random, label: Label): Piece[] {
  return [0x0f, 0x80 + random.below(16), relative(label)]
}

class Generator {
  private readonly random: Random
  private readonly selfModifying: boolean
  private nextLabel: Label = Fixed.FirstFree
  private readonly items: Item[] = []
  private readonly patchable: { label: Label; offset: number; bytes: number }[] = []
  private readonly functions: Label[]
  private loops = 0

  constructor(random: Random) {
    this.random = random
    this.selfModifying = random.oneIn(3)
    this.functions = Array.from({ length: FUNCTIONS }, () => this.nextLabel++)
  }

  private emit(code: readonly Piece[], labels: readonly Label[] = [], gap = 0): void {
    this.items.push({ labels, code, gap })
  }

  private instruction(): void {
    this.emit(randomInstruction(this.random, DATA_POINTER))
  }

  /** One item of a function's body; `ahead` are labels that will stand further on. */
  private bodyItem(index: number, ahead: readonly Label[]): void {
    const { random } = this
    switch (random.below(20)) {
      case 0: case 1: this.emit(jcc(random, random.pick(ahead))); return
      case 2: this.emit([0xe9, relative(random.pick(ahead))]); return
      case 3: {
        // Jcc over the next instruction.
        const over = randomInstruction(random, DATA_POINTER)
        this.emit(over.length < 0x7f ? [0x70 + random.below(16), over.length, ...over] : over)
        return
      }
      case 4: {
        if (index + 1 >= FUNCTIONS) return this.instruction()
        const callee = this.functions[index + 1 + random.below(FUNCTIONS - index - 1)]
        this.emit(random.oneIn(4) ? [0xb8, absolute(callee, random.oneIn(2) ? ALIAS : 0), 0xff, 0xd0] : [0xe8, relative(callee)])
        return
      }
      case 5: {
        // LOOP, LOOPE, LOOPNE, JECXZ to a label ahead: over a short jump.
        this.emit([0xe0 + random.below(4), 2, 0xeb, 5, 0xe9, relative(random.pick(ahead))])
        return
      }
      case 6: if (this.selfModifying) return this.patch(); else return this.instruction()
      case 7: if (this.selfModifying) return this.patchableInstruction(); else return this.instruction()
      case 8: this.emit([0xb8 + Gpr.Edx, absolute(random.pick(ahead)), 0xff, 0xe2]); return
      case 9: this.emit([0xeb, 0]); return
      default: this.instruction()
    }
  }

  /** add r, imm32 or mov r, imm32, whose immediate others write. */
  private patchableInstruction(): void {
    const label = this.nextLabel++
    const register = this.random.pick([Gpr.Eax, Gpr.Ebx, Gpr.Esi])
    const move = this.random.oneIn(2)
    this.patchable.push({ label, offset: move ? 1 : 2, bytes: 4 })
    this.emit([...(move ? [0xb8 + register] : [0x81, 0xc0 + register]), ...word32(this.random.word())], [label])
  }

  private patch(): void {
    const { random } = this
    if (this.patchable.length === 0) return this.patchableInstruction()
    const { label, offset, bytes } = random.pick(this.patchable)
    const at = absolute(label, offset + random.below(bytes) + (random.oneIn(3) ? ALIAS : 0))
    // mov [code], r8 or inc byte [code] or add [code], r8
    this.emit(random.pick<Piece[]>([[0x88, 0x05 | (random.below(8) << 3), at], [0xfe, 0x05, at], [0x00, 0x05 | (random.below(8) << 3), at]]))
  }

  /** A counted loop around what `body` emits. */
  private loop(body: () => void): void {
    const head = this.nextLabel++
    const counter = COUNTER_AREA + 4 * (this.loops++ % 16)
    this.emit([0xc7, 0x05, ...word32(counter), ...word32(2 + this.random.below(12))])
    this.emit([0x90], [head])
    body()
    // Cut to 4 bits, for the loop may have been entered in its middle.
    this.emit([0xff, 0x0d, ...word32(counter), 0x83, 0x25, ...word32(counter), 15, 0x0f, 0x85, relative(head)])
  }

  private function(index: number): void {
    const { random } = this
    const end = this.nextLabel++
    const middle = this.nextLabel++
    const inner = this.nextLabel++
    const gap = random.oneIn(3) ? random.below(200) : random.below(8)
    this.emit([0x90], [this.functions[index]], gap)
    const body = (count: number, ahead: readonly Label[]) => {
      for (let i = 0; i < count; i++) this.bodyItem(index, ahead)
    }
    body(random.below(12), [middle, end, inner])
    if (random.oneIn(2)) this.loop(() => body(1 + random.below(10), [middle, end, inner]))
    this.emit([0x90], [middle])
    this.loop(() => {
      body(2 + random.below(12), [inner, inner, end])
      if (random.oneIn(3)) this.loop(() => body(1 + random.below(6), [inner]))
      this.emit([0x90], [inner])
      body(random.below(5), [end])
    })
    body(random.below(8), [end])
    this.emit(random.oneIn(6) ? [0xc2, 0, 0] : [0xc3], [end])
  }

  generate(seed: number): Program {
    const { random } = this
    for (let i = 0; i < FUNCTIONS; i++) this.function(i)
    const data = new Uint8Array(DATA_BYTES)
    for (let i = 0; i < data.length; i++) data[i] = random.word()
    return {
      seed, items: this.items, start: CODE + (random.oneIn(2) ? random.below(64) : 0x1000 - random.below(300)),
      functions: this.functions, aliased: this.functions.map(() => random.oneIn(4)),
      registers: Array.from({ length: 8 }, () => random.interesting()), eflags: 2 | (random.word() & 0x8d5), data,
    }
  }
}

/** The program of a seed. */
export function randomProgram(random: Random, seed: number): Program {
  return new Generator(random).generate(seed)
}

/** The handlers and the main loop, which are the same in all programs but for the page that is taken away. */
function supervisor(): readonly Item[] {
  const skipCode = [0x83, 0xc4, 4]
  return [
    // Page fault: a demand page is made present and writable and the instruction repeated.
    { labels: [Fixed.FirstFree], code: [0x50, 0x0f, 0x20, 0xd0, 0x2d, ...word32(DEMAND_LINEAR), 0x3d, ...word32(DEMAND_BYTES), 0x0f, 0x83, relative(Fixed.Wild)] },
    { labels: [], code: [0xc1, 0xe8, 12, 0x83, 0x0c, 0x85, ...word32(TABLE_LINEAR + ((DEMAND_LINEAR >>> 12) & 0x3ff) * 4), 3] },
    { labels: [], code: [0x0f, 0x20, 0xd0, 0x0f, 0x01, 0x38, 0x58, ...skipCode, 0xcf] },
    { labels: [Fixed.Wild], code: [0x58] },
    // Others: on with the main loop.
    { labels: [Fixed.RecoverWithCode], code: skipCode },
    { labels: [Fixed.Recover], code: [0xff, 0x05, ...word32(ROUNDS + 8), 0xc7, 0x04, 0x24, absolute(Fixed.Main), 0xcf] },
    { labels: [Fixed.Main], code: [0xbc, ...word32(STACK_POINTER), 0xbd, ...word32(DATA_POINTER), 0xff, 0x05, ...word32(ROUNDS)] },
    // Every fourth round a demand page loses its present or its writable bit.
    { labels: [], code: [0xa1, ...word32(ROUNDS), 0xa8, 3, 0x75, 24, 0xc1, 0xe8, 2, 0x83, 0xe0, 3] },
    { labels: [], code: [0x83, 0x24, 0x85, ...word32(TABLE_LINEAR + ((DEMAND_LINEAR >>> 12) & 0x3ff) * 4), 0xfc, 0xc1, 0xe0, 12, 0x0f, 0x01, 0xb8, ...word32(DEMAND_LINEAR)] },
    { labels: [], code: [0xa1, ...word32(ROUNDS), 0x83, 0xe0, FUNCTIONS - 1, 0xff, 0x14, 0x85, ...word32(FUNCTION_TABLE), 0xe9, relative(Fixed.Main)] },
  ]
}

const codeVectors: readonly number[] = [Vector.DF, Vector.TS, Vector.NP, Vector.SS, Vector.GP, Vector.AC]

/** Puts a program into a new bench, ready to run; where its items are. */
export function loadProgram(bench: CpuBench, program: Program): Assembled {
  const { core } = bench
  bench.map(0, 0, Page.SupervisorReadOnly, LOW_PAGES)
  bench.map(ALIAS + CODE, CODE, Page.Supervisor, (CODE_BYTES + DATA_BYTES) / PAGE_BYTES)
  const demandEntries = [Page.Absent, Page.SupervisorReadOnly, Page.Supervisor & ~0x40, Page.Supervisor & ~0x60]
  demandEntries.forEach((entry, i) => bench.map(DEMAND_LINEAR + i * PAGE_BYTES, DEMAND_PHYSICAL + i * PAGE_BYTES, entry))
  const pageTable = bench.read32(PAGE_DIRECTORY + (DEMAND_LINEAR >>> 22) * 4) & -PAGE_BYTES
  // An absent entry still names its page.
  bench.write32(pageTable + ((DEMAND_LINEAR >>> 12) & 0x3ff) * 4, DEMAND_PHYSICAL | (Page.Supervisor & ~3))
  bench.map(TABLE_LINEAR, pageTable, Page.Supervisor)
  bench.map(ROUNDS, COUNTERS_PHYSICAL, Page.Supervisor)
  bench.setCr3()

  const system = assemble(supervisor(), HANDLERS, HLT)
  bench.write(HANDLERS, system.bytes)
  const place = (label: Label) => system.labels.get(label) as number
  for (let vector = 0; vector < 32; vector++) {
    const handler = place(vector === Vector.PF ? Fixed.FirstFree : codeVectors.includes(vector) ? Fixed.RecoverWithCode : Fixed.Recover)
    bench.write32(IDT + vector * 8, (CODE_SELECTOR << 16) | (handler & 0xffff))
    bench.write32(IDT + vector * 8 + 4, (handler & 0xffff_0000) | INTERRUPT_GATE)
  }

  const code = assemble(program.items, program.start, INT3)
  bench.write(program.start, code.bytes)
  bench.write(DATA, program.data)
  program.functions.forEach((label, i) => {
    bench.write32(COUNTERS_PHYSICAL + FUNCTION_TABLE - ROUNDS + i * 4, (code.labels.get(label) as number) + (program.aliased[i] ? ALIAS : 0))
  })
  program.registers.forEach((value, i) => core.set('gpr', value | 0, i))
  core.exports.setEflags(program.eflags)
  core.set('gpr', STACK_POINTER, Gpr.Esp)
  core.set('gpr', DATA_POINTER, Gpr.Ebp)
  core.set('eip', place(Fixed.Main))
  core.exports.updateMode()
  return code
}

/** How far data reaches on either side of EBP; specs check it against the layout. */
export const dataWindow = { from: DATA_POINTER - DATA_REACH, to: DATA_POINTER + DATA_REACH }
