/**
 * The x87 register stack over a region: where TOP is at each place, and what is known of registers there.
 *
 * A region numbers registers by where they lie from ST(0) at its entry, modulo 8 (*slots*), so that the code does not
 * depend on TOP. Where paths of different depth meet, one numbering holds from then on, and the edges of the others
 * turn theirs into it.
 *
 *   definitions -> calls of x87 helpers -> StackEffect of each -> X87Flow -> backends/region-x87.ts
 *
 * Source: Intel SDM vol. 1, 8.1.2 (register stack), 8.5.1.1 (stack overflow and underflow).
 */
import type { Instruction } from '../decode/instruction.ts'
import type { Node } from '../ir.ts'
import type { ConstantIn, Prepared, PreparedBlock } from './flag-flow.ts'
import { isCalled } from './lowering-choice.ts'
import type { Structure } from './structure.ts'

/** Registers of the stack, and the mask of all. */
export const X87_REGISTERS = 8
const ALL = 0xff

/** What an operation does to the stack; registers are numbers of ST(i) before it. */
export interface StackEffect {
  /** Must not be empty. */
  readonly needs: readonly number[]
  readonly writes: readonly number[]
  /** Whether ST(-1), which must be empty, becomes the new top. */
  readonly pushes: boolean
  readonly pops: number
  /** Registers that change places. */
  readonly exchanges: readonly number[]
}

const nothing: StackEffect = { needs: [], writes: [], pushes: false, pops: 0, exchanges: [] }
const popping = (pops: number) => ({ pops })
const push = (): StackEffect => ({ ...nothing, pushes: true })
const onTop = (): StackEffect => ({ ...nothing, needs: [0], writes: [0] })
const looking = (pops = 0): StackEffect => ({ ...nothing, needs: [0], ...popping(pops) })

/** Effects of the helpers that regions replace by inline code, by name, from their constant arguments. */
const effects: Readonly<Record<string, (...args: number[]) => StackEffect>> = {
  x87LoadFloat32: push, x87LoadFloat64: push, x87LoadExtended: push, x87LoadInteger: push, x87LoadConstant: push,
  x87LoadRegister: i => ({ ...push(), needs: [i] }),
  x87StoreRegister: (i, pops) => ({ ...nothing, needs: [0], writes: [i], ...popping(pops) }),
  x87Exchange: i => ({ ...nothing, needs: [0, i], exchanges: [0, i] }),
  x87ChangeSign: onTop, x87Absolute: onTop, x87SquareRoot: onTop,
  x87Sum: (_negated, to, from, pops) => ({ ...nothing, needs: [to, from], writes: [to], ...popping(pops) }),
  x87Product: (to, from, pops) => ({ ...nothing, needs: [to, from], writes: [to], ...popping(pops) }),
  x87Quotient: (_operation, to, from, pops) => ({ ...nothing, needs: [to, from], writes: [to], ...popping(pops) }),
  x87SumFloat32: onTop, x87SumFloat64: onTop, x87ProductFloat32: onTop, x87ProductFloat64: onTop,
  x87QuotientFloat32: onTop, x87QuotientFloat64: onTop, x87ArithmeticInteger: onTop,
  x87Compare: (from, _quiet, pops) => ({ ...nothing, needs: [0, from], ...popping(pops) }),
  x87CompareFlags: (from, _quiet, pops) => ({ ...nothing, needs: [0, from], ...popping(pops) }),
  x87CompareFloat32: (_bits, pops) => looking(pops),
  x87CompareFloat64: (_bits, pops) => looking(pops),
  x87CompareInteger: (_value, pops) => looking(pops),
  x87Test: () => looking(),
  x87MoveIf: from => ({ ...nothing, needs: [0, from], writes: [0] }),
  x87PrepareFloat32: () => looking(), x87PrepareFloat64: () => looking(), x87PrepareInteger: () => looking(),
  x87CommitStore: pops => ({ ...nothing, ...popping(pops) }),
  x87LoadControlWord: () => nothing,
}

/** Whether regions have inline code for a helper. */
export function isInlineX87(name: string): boolean {
  return name in effects
}

/** The effect of a call of a helper with inline code; `constant` gives arguments that are known. */
export function effectOf({ name, args }: Node, constant: (node: Node) => number | undefined): StackEffect {
  return effects[name](...args.map(argument => (argument.type === 'i32' ? (constant(argument) ?? 0) : 0)))
}

/** By how much TOP moves in handlers of instructions that regions do not execute themselves. */
const handledMoves: Readonly<Record<string, number>> = {
  fbld: -1, fbstp: 1, fsincos: -1, fptan: -1, fpatan: 1, fyl2x: 1, fyl2xp1: 1, fxtract: -1, fincstp: 1, fdecstp: -1,
}

/** What is known at a place: slots as bits of masks. */
export interface X87Knowledge {
  /** TOP is this far behind where it was at the entry. */
  readonly depth: number
  readonly full: number
  readonly empty: number
  /** Registers whose significand has its integer bit, or is zero with the exponent zero. */
  readonly sound: number
}

export const unknown: X87Knowledge = { depth: 0, full: 0, empty: 0, sound: 0 }

/** Turns a mask of slots so that bit `by` becomes bit 0. */
export function turn(mask: number, by: number): number {
  const turned = by & 7
  return ((mask >> turned) | (mask << (X87_REGISTERS - turned))) & ALL
}

/** Slot of ST(i). */
export function slotOf({ depth }: X87Knowledge, i: number): number {
  return (depth + i) & 7
}

/** What is known behind an operation that has been carried out in the ordinary way. */
export function after(before: X87Knowledge, effect: StackEffect): X87Knowledge {
  let { full, empty, sound } = before
  const bit = (i: number) => 1 << slotOf(before, i)
  const fill = (mask: number) => {
    full |= mask
    empty &= ~mask
  }
  const clear = (mask: number) => {
    empty |= mask
    full &= ~mask
  }
  for (const i of effect.needs) fill(bit(i))
  if (effect.pushes) {
    fill(bit(-1))
    sound |= bit(-1)
  }
  for (const i of effect.writes) {
    fill(bit(i))
    sound |= bit(i)
  }
  if (effect.exchanges.length === 2) {
    const [a, b] = effect.exchanges.map(bit)
    const kept = sound & ~(a | b)
    sound = kept | (sound & a ? b : 0) | (sound & b ? a : 0)
  }
  for (let i = 0; i < effect.pops; i++) clear(bit(i))
  return { depth: (before.depth + effect.pops - (effect.pushes ? 1 : 0)) & 7, full, empty, sound }
}

/** What is known behind the handler of an x87 instruction. */
export function afterHandler(before: X87Knowledge, { mnemonic, operands }: Instruction): X87Knowledge {
  const stored = mnemonic === 'fstp' ? 1 : mnemonic === 'fld' && operands[0].kind === 'memory' ? -1 : 0
  return { ...unknown, depth: (before.depth + (handledMoves[mnemonic] ?? stored)) & 7 }
}

/** Whether a handled instruction may look at the x87 state or change it. */
export function touchesX87(instruction: Instruction): boolean {
  const { mnemonic } = instruction
  return mnemonic.startsWith('f') || mnemonic === 'wait' || usesMmx(instruction)
}

/** Whether an instruction works on MM registers, which lie in x87 registers. */
export function usesMmx({ mnemonic, operands }: Instruction): boolean {
  return mnemonic === 'emms' || operands.some(operand => operand.kind === 'register' && operand.class === 'mm')
}

export class X87Flow {
  /** Slots that values are read from or written to. */
  used = 0
  written = 0
  private readonly entries = new Map<number, X87Knowledge>()
  private readonly constantIn: ConstantIn

  /** `stays`: whether an edge stays in the region. */
  constructor(
    structure: Structure, blocks: ReadonlyMap<number, PreparedBlock>, constantIn: ConstantIn,
    stays: (from: number, to: number) => boolean, entry: number,
  ) {
    this.constantIn = constantIn
    this.entries.set(entry, unknown)
    for (let changed = true; changed; ) {
      changed = false
      for (const { eip } of structure.order) {
        const known = this.entries.get(eip)
        if (!known) continue
        const prepared = blocks.get(eip) as PreparedBlock
        const left = prepared.instructions.reduce((state, each) => this.afterInstruction(state, each), known)
        for (const to of prepared.block.successors) {
          if (stays(eip, to) && this.meet(to, left)) changed = true
        }
      }
    }
  }

  /** What is known at the start of a block. */
  at(eip: number): X87Knowledge {
    return this.entries.get(eip) ?? unknown
  }

  /** Takes in what is known on an edge; true when less is known of its target than before. */
  private meet(to: number, left: X87Knowledge): boolean {
    const old = this.entries.get(to)
    if (!old) {
      this.entries.set(to, left)
      return true
    }
    const by = left.depth - old.depth
    // Turning moves every register.
    if ((by & 7) !== 0) this.used = this.written = ALL
    const met = {
      depth: old.depth, full: old.full & turn(left.full, by), empty: old.empty & turn(left.empty, by),
      sound: old.sound & turn(left.sound, by),
    }
    if (met.full === old.full && met.empty === old.empty && met.sound === old.sound) return false
    this.entries.set(to, met)
    return true
  }

  private afterInstruction(before: X87Knowledge, prepared: Prepared): X87Knowledge {
    const { instruction, lowering } = prepared.source
    if (isCalled({ lowering })) return touchesX87(instruction) ? afterHandler(before, instruction) : before
    let state = before
    for (const node of prepared.statements) {
      if (node.op !== 'call' || !isInlineX87(node.name)) continue
      const effect = effectOf(node, argument => this.constantIn(prepared, argument))
      const slots = (list: readonly number[]) => list.reduce((mask, i) => mask | (1 << slotOf(state, i)), 0)
      const written = slots([...effect.writes, ...effect.exchanges, ...(effect.pushes ? [-1] : [])])
      this.used |= slots(effect.needs) | written
      this.written |= written
      state = after(state, effect)
    }
    return state
  }
}
