/**
 * A random program: functions of random items that jump, loop, call each other and themselves, change their own code
 * and fault, with what they run in. `loadProgram` (loader.ts) puts it into a CPU.
 */
import { Gpr, Segment } from '../../runtime/state.ts'
import { FS_OVERRIDE, GS_OVERRIDE } from './addresses.ts'
import { absolute, type Item, type Label, type Piece, relative, word32 } from './assembly.ts'
import { at, loadSegment } from './encode.ts'
import { type Environment, randomEnvironment, twinOf } from './environment.ts'
import { FIRST_FREE_LABEL } from './handlers.ts'
import { faultingInstruction, randomInstruction, registerArithmetic, stringInstruction } from './instructions.ts'
import {
  CODE,
  DATA_BYTES,
  DATA_REACH,
  DEPTH,
  ESCAPE,
  LOOP_COUNTERS,
  LOOP_COUNTERS_COUNT,
  RESUME,
  Selector,
  SERVICE_VECTOR,
  STACK_IN_CODE,
  WRITTEN_CODE,
} from './layout.ts'
import { movePointer, setPointers, touch } from './pointers.ts'
import type { Random } from './random.ts'
import { services } from './services.ts'
import { callSixteen, sixteenFunction } from './sixteen.ts'

/** A byte of code that may change: by an exclusive or with `mask`, or to anything when that is 0. */
export interface Patchable {
  readonly label: Label
  readonly offset: number
  readonly mask: number
}

/** What a program is made from. */
export interface Program {
  readonly seed: number
  readonly environment: Environment
  readonly items: readonly Item[]
  /** Address of the first item. */
  readonly start: number
  /** Code of the two pages that stand at `twinOf` in turn, and where in them it begins. */
  readonly twins: readonly (readonly Item[])[]
  readonly twinOffset: number
  /** What the service of the handlers does. */
  readonly services: readonly Item[]
  /** Labels of the functions that the main loop calls in turn; fewer come up the more often. */
  readonly functions: readonly Label[]
  /** Which of them it calls through the alias of their page. */
  readonly aliased: readonly boolean[]
  readonly patchable: readonly Patchable[]
  readonly registers: readonly number[]
  readonly data: Uint8Array
}

/** How many functions the main loop calls: a power of two. */
export const FUNCTIONS = 8
/** How many different ones they are. */
const BUSY_FUNCTIONS = [1, 2, 4, 4, 8] as const
const TARGETS = [2, 4, 8, 16, 32] as const
const LEAF_BYTES = 16
const LEAVES = 4
const CMP = 0x3d
const RET = 0xc3

/** Conditional jump to a label. */
function jcc(random: Random, label: Label): Piece[] {
  return [0x0f, 0x80 + random.below(16), relative(label)]
}

class Generator {
  private readonly random: Random
  private readonly environment: Environment
  private readonly selfModifying: boolean
  /** Divides how many items there are. */
  private readonly smaller: number
  private nextLabel: Label = FIRST_FREE_LABEL
  private items: Item[] = []
  /** Jump tables, which stand behind their function. */
  private tables: Item[] = []
  private readonly patchable: Patchable[] = []
  private readonly functions: Label[]
  private readonly leaves: Label[]
  /** 16-bit functions. */
  private readonly sixteens: readonly Label[]
  private readonly alias: number
  private loops = 0

  constructor(random: Random) {
    this.random = random
    this.environment = randomEnvironment(random)
    this.selfModifying = random.oneIn(3)
    this.smaller = random.pick([1, 2, 2, 3, 3, 4])
    this.alias = this.environment.alias
    this.functions = this.labels(FUNCTIONS)
    this.leaves = this.labels(LEAVES)
    this.sixteens = this.environment.sixteen ? this.labels(1 + random.below(3)) : []
  }

  private label(): Label {
    return this.nextLabel++
  }

  private labels(count: number): Label[] {
    return Array.from({ length: count }, () => this.label())
  }

  private emit(code: readonly Piece[], labels: readonly Label[] = [], gap = 0): void {
    this.items.push({ labels, code, gap })
  }

  private instruction(): void {
    this.emit(randomInstruction(this.random, this.environment))
  }

  /** The alias or nothing, to add to an address. */
  private either(times = 3): number {
    return this.random.oneIn(times) ? this.alias : 0
  }

  /** One item of a function's body; `ahead` are labels that will stand further on. */
  private bodyItem(index: number, ahead: readonly Label[]): void {
    const { random } = this
    if (this.sixteens.length > 0 && random.oneIn(12))
      return this.emit(callSixteen(this.environment, random.pick(this.sixteens)))
    switch (random.below(26)) {
      case 0:
      case 1:
      case 2:
        this.emit(jcc(random, random.pick(ahead)))
        return
      case 3:
        random.oneIn(2) ? this.emit([0xe9, relative(random.pick(ahead))]) : this.emit([0xeb, 0])
        return
      case 4: {
        // Jcc over the next instruction.
        const over = randomInstruction(random, this.environment)
        this.emit(over.length < 0x7f ? [0x70 + random.below(16), over.length, ...over] : over)
        return
      }
      case 5:
      case 6:
        this.call(index)
        return
      // LOOP, LOOPE, LOOPNE, JECXZ to a label ahead: over a short jump.
      case 7:
        this.emit([0xe0 + random.below(4), 2, 0xeb, 5, 0xe9, relative(random.pick(ahead))])
        return
      case 8:
        if (this.selfModifying) return this.modify()
        else return this.instruction()
      case 9:
        if (this.selfModifying) return this.patchableInstruction()
        else return this.instruction()
      case 10:
        if (random.oneIn(2)) return this.jumpTable(ahead)
        else return this.instruction()
      case 11:
        this.oddTransfer(random.pick(ahead))
        return
      case 12:
        if (random.oneIn(3)) return this.guarded()
        else return this.instruction()
      case 13:
        if (random.oneIn(4)) this.emit(stringInstruction(random, this.environment))
        else this.instruction()
        return
      case 14:
        if (this.environment.changesSegments && random.oneIn(2)) return this.changeSegment()
        else return this.instruction()
      case 15:
        if (random.oneIn(5)) return this.systemCall()
        else return this.instruction()
      case 16:
        // Register arithmetic in a row, now and then with an exit between: what flags and registers are kept for.
        for (let i = random.below(4); i >= 0; i--) this.emit(registerArithmetic(random, this.environment))
        return
      default:
        this.instruction()
    }
  }

  /** A call of a function further on, of itself up to some depth, of a leaf, or of the page that is one of two. */
  private call(index: number): void {
    const { random } = this
    switch (random.below(6)) {
      case 0: {
        // dec dword [DEPTH]; js over: itself
        this.emit([0xff, ...at(1, DEPTH), 0x78, 5, 0xe8, relative(this.functions[index])])
        return
      }
      case 1:
        this.emit([0xe8, relative(random.pick(this.leaves))])
        return
      case 2: {
        if (this.environment.paging === 'off') return this.instruction()
        this.emit([0xb8 + Gpr.Edx, ...word32(twinOf(this.environment) + this.twinOffset), 0xff, 0xd2])
        return
      }
      default: {
        if (index + 1 >= FUNCTIONS) return this.instruction()
        const callee = this.functions[index + 1 + random.below(FUNCTIONS - index - 1)]
        if (random.oneIn(3)) this.emit([0xb8, absolute(callee, this.either(2)), 0xff, 0xd0])
        else this.emit([0xe8, relative(callee, this.either(8))])
      }
    }
  }

  /** Jumps or calls through a table by the low bits of a register. */
  private jumpTable(ahead: readonly Label[]): void {
    const { random } = this
    const table = this.label()
    const count = random.pick(TARGETS)
    const register = random.pick([Gpr.Eax, Gpr.Ecx, Gpr.Edx, Gpr.Ebx, Gpr.Esi, Gpr.Edi])
    const calls = random.oneIn(4)
    const targets = Array.from({ length: count }, () =>
      absolute(random.pick(calls ? this.leaves : ahead), this.either(8)),
    )
    this.tables.push({ labels: [table], code: targets })
    // and register, count - 1; jmp or call [register * 4 + table]
    this.emit([
      0x83,
      0xe0 | register,
      count - 1,
      0xff,
      calls ? 0x14 : 0x24,
      0x80 | (register << 3) | 5,
      absolute(table, this.either(6)),
    ])
  }

  /** Jumps that are none by their looks: returns to what was pushed, far ones, out of all calls, a pop of EIP. */
  private oddTransfer(target: Label): void {
    const { random } = this
    const there = absolute(target, this.either(6))
    switch (random.below(9)) {
      case 0:
        this.emit([0x68, there, RET])
        return
      case 1:
        this.emit([0xb8 + Gpr.Edx, there, 0xff, 0xe2])
        return
      case 2:
        this.emit([0x0e, 0x68, there, 0xcb])
        return
      case 3:
        this.emit([0x9c, 0x0e, 0x68, there, 0xcf])
        return
      // call over 4 bytes of data; pop
      case 4:
        this.emit([0xe8, 4, 0, 0, 0, ...word32(random.word()), 0x58 + random.pick([Gpr.Eax, Gpr.Ecx, Gpr.Ebx])])
        return
      case 5:
        this.emit([0xea, there, this.environment.user ? Selector.UserCode : Selector.KernelCode, 0])
        return
      // mov [ESCAPE], esp; mov dword [ESCAPE + 4], target
      case 6:
        this.emit([0x89, ...at(Gpr.Esp, ESCAPE), 0xc7, ...at(0, ESCAPE + 4), there])
        return
      // mov esp, [ESCAPE]; jmp [ESCAPE + 4]
      case 7:
        if (random.oneIn(3)) this.emit([0x8b, ...at(Gpr.Esp, ESCAPE), 0xff, ...at(4, ESCAPE + 4)])
        else this.instruction()
        return
      // The return address moves by nothing: it no longer is where the call put it.
      default:
        this.emit([0x58 + Gpr.Edx, 0x52])
    }
  }

  /** Into the handlers and back: INT, SYSENTER, which is for user code, or a far call. */
  private systemCall(): void {
    const { random, environment } = this
    const behind = this.label()
    const selector = environment.user ? Selector.UserCode : Selector.KernelCode
    switch (random.below(4)) {
      case 0:
        this.emit([0xcd, SERVICE_VECTOR])
        return
      case 1: {
        // callf behind; add esp, 8
        this.emit([0x9a, absolute(behind), selector, 0])
        this.emit([0x83, 0xc4, 8], [behind])
        return
      }
      default:
        if (!environment.user || environment.pointers) return this.emit([0xcd, SERVICE_VECTOR])
        // mov ecx, esp; mov edx, behind; sysenter
        this.emit([0x89, 0xe1, 0xb8 + Gpr.Edx, absolute(behind, this.either(6)), 0x0f, 0x34])
        this.emit([0x90], [behind])
    }
  }

  /** A fault, behind which the program goes on. */
  private guarded(): void {
    const behind = this.label()
    this.emit([0xc7, ...at(0, RESUME), absolute(behind), ...faultingInstruction(this.random, this.environment)])
    this.emit([0x83, ...at(4, RESUME), 0], [behind])
  }

  private changeSegment(): void {
    const { random } = this
    if (random.oneIn(2)) {
      const selector = random.pick([Selector.Limited, Selector.Limited, Selector.UserData, 0])
      const segment = random.pick([Segment.Es, Segment.Ds])
      // push selector; pop es or ds
      if (random.oneIn(2)) this.emit([0x6a, selector, segment === Segment.Es ? 0x07 : 0x1f])
      else this.emit(loadSegment(segment, selector))
      return
    }
    const [segment, override, base] = random.oneIn(2)
      ? [Segment.Fs, FS_OVERRIDE, this.environment.fsBase]
      : [Segment.Gs, GS_OVERRIDE, this.environment.gsBase]
    this.emit(loadSegment(segment, random.pick([Selector.Fs, Selector.Gs, Selector.Gs, Selector.Limited])))
    // add ecx, [ebp + n] through it
    this.emit([override, 0x03, 0x80 | (Gpr.Ecx << 3) | Gpr.Ebp, ...word32(random.below(DATA_REACH) - base)])
  }

  // --- code that changes ---

  /** An instruction that others write: its immediate, INC or DEC, or the condition of a jump. */
  private patchableInstruction(): void {
    const { random } = this
    const label = this.label()
    const register = random.pick([Gpr.Eax, Gpr.Ebx, Gpr.Esi])
    switch (random.below(4)) {
      case 0: {
        this.patchable.push({ label, offset: 0, mask: 8 })
        this.emit([0x40 + register], [label])
        return
      }
      case 1: {
        this.patchable.push({ label, offset: 0, mask: 1 })
        this.emit([0x70 + random.below(16), 2, 0x31, 0xc0 | (register << 3) | register], [label])
        return
      }
      default: {
        const move = random.oneIn(2)
        for (let byte = 0; byte < 4; byte++) this.patchable.push({ label, offset: (move ? 1 : 2) + byte, mask: 0 })
        this.emit([...(move ? [0xb8 + register] : [0x81, 0xc0 + register]), ...word32(random.word())], [label])
      }
    }
  }

  private modify(): void {
    const { random } = this
    if (random.oneIn(5)) return this.writeCode()
    if (this.patchable.length === 0) return this.patchableInstruction()
    const { label, offset, mask } = random.pick(this.patchable)
    if (random.oneIn(3)) {
      // xor dword [code - n], with what leaves the bytes before it alone: across granules, pages and instructions.
      const before = random.below(4)
      const bits = (mask !== 0 ? mask : random.below(256)) << (8 * before)
      this.emit([0x81, 0x35, absolute(label, offset - before + this.either()), ...word32(bits)])
      return
    }
    const place = absolute(label, offset + this.either())
    // xor byte [code], mask; mov [code], r8; inc byte [code]; add [code], r8
    this.emit(
      mask !== 0
        ? [0x80, 0x35, place, mask]
        : random.pick<Piece[]>([
            [0x88, 0x05 | (random.below(8) << 3), place],
            [0xfe, 0x05, place],
            [0x00, 0x05 | (random.below(8) << 3), place],
          ]),
    )
  }

  /** Copies a leaf elsewhere and calls it there. */
  private writeCode(): void {
    const { random } = this
    const to = WRITTEN_CODE + LEAF_BYTES * random.below(LEAVES)
    const [esi, edi, ecx] = [0xb8 + Gpr.Esi, 0xb8 + Gpr.Edi, 0xb8 + Gpr.Ecx]
    const copy = random.oneIn(2)
      ? [ecx, ...word32(LEAF_BYTES / 4), 0xf3, 0xa5]
      : [ecx, ...word32(LEAF_BYTES), 0xf3, 0xa4]
    this.emit([
      0xfc,
      esi,
      absolute(random.pick(this.leaves), this.either()),
      edi,
      ...word32(to + this.either()),
      ...copy,
    ])
    this.emit([0xb8 + Gpr.Edx, ...word32(to + this.either()), 0xff, 0xd2])
  }

  /** Small functions without jumps, which work wherever they stand. */
  private leaf(label: Label): void {
    const { random } = this
    const code: number[] = []
    while (code.length < LEAF_BYTES - 8)
      code.push(
        ...random.pick([
          [0x05, ...word32(random.word())],
          [0x31, 0xc3],
          [0x11, 0xd1],
          [0x43],
          [0x49],
          [0xd1, 0xc6],
          [0x0f, 0xc8],
          [0x83, 0xd8, random.below(128)],
          [0x0f, 0x94, 0xc2],
        ]),
      )
    const fill = LEAF_BYTES - code.length - 1
    this.emit([...code, ...Array<number>(fill).fill(0x90), RET], [label])
  }

  // --- structure ---

  /** A counted loop around what `body` emits. */
  private loop(body: () => void): void {
    const head = this.label()
    const counter = LOOP_COUNTERS + 4 * (this.loops++ % LOOP_COUNTERS_COUNT)
    // Mostly few rounds: what gets hot does so soon, and more of the program has its turn.
    const rounds = 2 + this.random.below(this.random.oneIn(4) ? 12 : 3)
    this.emit([0xc7, 0x05, ...word32(counter), ...word32(rounds)])
    const { pointers } = this.environment
    // What lies around a pointer is used in front of the loop, in it, and behind a step of the pointer.
    if (pointers) this.emit(touch(this.random))
    // cmp ecx, imm32: what the flags were does not matter where the loop begins.
    const compares = this.random.oneIn(2)
    this.emit(compares ? [0x81, 0xf9, ...word32(this.random.interesting())] : [0x90], [head])
    if (pointers) this.emit(touch(this.random))
    body()
    if (pointers && this.random.oneIn(2)) this.emit(movePointer(this.random, this.environment))
    if (pointers) this.emit(touch(this.random))
    // Cut to 4 bits, for the loop may have been entered in its middle.
    const count = [0xff, 0x0d, ...word32(counter), 0x83, 0x25, ...word32(counter), 15, 0x0f]
    if (this.random.oneIn(2)) this.emit([...count, 0x85, relative(head)])
    else {
      // A jump back, in front of which registers and flags change: je end; …; jmp head
      const end = this.label()
      this.emit([...count, 0x84, relative(end)])
      for (let i = this.random.below(3); i >= 0; i--) this.emit(registerArithmetic(this.random, this.environment))
      this.emit([0xe9, relative(head)])
      this.emit([], [end])
    }
  }

  private function(index: number): void {
    const { random } = this
    const [end, middle, inner] = this.labels(3)
    const gap = random.oneIn(3) ? random.below(200) : random.below(8)
    this.emit([0x90], [this.functions[index]], gap)
    const body = (most: number, ahead: readonly Label[]) => {
      for (let i = random.below(Math.ceil(most / this.smaller) + 1); i > 0; i--) this.bodyItem(index, ahead)
    }
    if (this.environment.pointers) this.emit(setPointers(random, this.environment))
    // mov dword [RESUME], middle, and then end: what faults is left behind, so that the rest has its turn.
    const resumes = random.oneIn(2)
    const resume = (label: Label) => resumes && this.emit([0xc7, ...at(0, RESUME), absolute(label)])
    resume(middle)
    body(12, [middle, end, inner])
    if (random.oneIn(3)) this.loop(() => body(10, [middle, end, inner]))
    this.emit([0x90], [middle])
    resume(end)
    this.loop(() => {
      body(12, [inner, inner, end])
      if (random.oneIn(3)) this.loop(() => body(6, [inner]))
      this.emit([0x90], [inner])
      body(5, [end])
    })
    body(8, [end])
    // cmp eax, imm32: flags that live on behind the return.
    if (random.oneIn(4)) this.emit([CMP, ...word32(random.interesting())])
    this.emit(random.oneIn(6) ? [0xc2, 0, 0] : [RET], [end])
    this.items.push(...this.tables)
    this.tables = []
  }

  private twinOffset = 0

  /** A function of the page that is one of two: a short loop and a return, without labels outside. */
  private twin(): Item[] {
    const { random, items } = this
    this.items = []
    const head = this.label()
    this.emit([0xb8 + Gpr.Ecx, ...word32(1 + random.below(6))])
    this.emit([0x90], [head])
    for (let i = random.below(5); i >= 0; i--) this.instruction()
    // and ecx, 15; loop head, as dec ecx; jg head
    this.emit([0x83, 0xe1, 15, 0x49, 0x0f, 0x8f, relative(head)])
    this.emit([RET])
    const made = this.items
    this.items = items
    return made
  }

  generate(seed: number): Program {
    const { random, environment } = this
    const busy = random.pick(BUSY_FUNCTIONS)
    this.twinOffset = random.below(64)
    for (let i = 0; i < FUNCTIONS; i++) this.function(i)
    for (const label of this.leaves) this.leaf(label)
    for (const label of this.sixteens)
      this.items.push(...sixteenFunction(random, environment, label, () => this.label()))
    const data = random.bytes(DATA_BYTES)
    const twins = environment.paging === 'off' ? [] : [this.twin(), this.twin()]
    const patched = this.patchable.filter(({ mask }) => mask === 0).map(({ label, offset }) => absolute(label, offset))
    const served = services(random, environment, patched, () => this.label())
    return {
      seed,
      environment,
      items: this.items,
      twins,
      twinOffset: this.twinOffset,
      services: served,
      start: environment.stackInCode
        ? STACK_IN_CODE + random.below(16)
        : CODE + (random.oneIn(2) ? random.below(64) : 0x1000 - random.below(300)),
      functions: this.functions.map((_, i) => this.functions[i % busy]),
      aliased: this.functions.map(() => this.alias !== 0 && random.oneIn(4)),
      patchable: this.patchable,
      registers: Array.from({ length: 8 }, () => random.interesting()),
      data,
    }
  }
}

/** The program of a seed. */
export function randomProgram(random: Random, seed: number): Program {
  return new Generator(random).generate(seed)
}
