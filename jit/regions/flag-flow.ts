/**
 * Flags over a region: backward, where somebody looks at them; forward, what shape (flag-shape.ts) they have. The
 * back end computes nothing for flags that nobody looks at. Leaving the region counts as looking.
 */
import type { Lazy } from '../../runtime/flags.ts'
import type { Node } from '../ir.ts'
import { deadShape, type FlagShape, type FlagUse, memoryShape, mergeShapes, shapeKey, staticShape } from './flag-shape.ts'
import { isCalled } from './lowering-choice.ts'
import type { Block, RegionInstruction } from './region.ts'
import type { Structure } from './structure.ts'

/** An instruction with what its definition says and what it does to flags. */
export interface Prepared {
  readonly source: RegionInstruction
  readonly statements: readonly Node[]
  readonly flags: FlagUse
  /** Whether anybody looks at the flags after it, before they are set again. */
  neededAfter: boolean
}

export interface PreparedBlock {
  readonly block: Block
  readonly instructions: readonly Prepared[]
  /** Whether the flags at the block's start matter. */
  needed: boolean
  /** Shape of the flags at its start. */
  shape: FlagShape
}

/** The value of a node of an instruction that is known when compiling. */
export type ConstantIn = (prepared: Prepared, node: Node) => number | undefined

export class FlagFlow {
  private readonly structure: Structure
  private readonly blocks: ReadonlyMap<number, PreparedBlock>
  private readonly constantIn: ConstantIn
  private readonly dynamic: boolean

  /** With `dynamic`, flags of different shapes may meet in locals; without, they meet in memory. */
  constructor(
    structure: Structure, blocks: ReadonlyMap<number, PreparedBlock>, constantIn: ConstantIn, dynamic: boolean,
  ) {
    this.dynamic = dynamic
    this.structure = structure
    this.blocks = blocks
    this.constantIn = constantIn
  }

  /** Fills in `needed`, `neededAfter` and `shape` of all blocks; the region is entered at `entry`. */
  solve(entry: number): void {
    this.findNeeded()
    this.findShapes(entry)
  }

  /** Whether an edge stays in the region. */
  stays(from: number, to: number): boolean {
    return this.blocks.has(to) && this.structure.isKept(from, to)
  }

  /** Backward: where flags matter. Leaving the region counts as looking at them. */
  private findNeeded(): void {
    for (const block of this.blocks.values()) block.needed = false
    for (let changed = true; changed; ) {
      changed = false
      for (let i = this.structure.order.length - 1; i >= 0; i--) {
        const prepared = this.blocks.get(this.structure.order[i].eip) as PreparedBlock
        const needed = this.neededAtStart(prepared)
        if (needed !== prepared.needed) {
          prepared.needed = needed
          changed = true
        }
      }
    }
  }

  private neededAtStart({ block, instructions }: PreparedBlock): boolean {
    const targets = targetsOf(block)
    let needed =
      targets === undefined ||
      targets.some(
        to =>
          !this.stays(block.eip, to) || this.structure.isBackEdge(block.eip, to) ||
          (this.blocks.get(to) as PreparedBlock).needed,
      )
    for (let i = instructions.length - 1; i >= 0; i--) {
      const { flags } = instructions[i]
      instructions[i].neededAfter = needed
      if (flags.sets) needed = false
      if (flags.reads || flags.exits) needed = true
    }
    return needed
  }

  /** Forward: the shape at each block's start; where different ones meet, it is dynamic. */
  private findShapes(entry: number): void {
    const incoming = new Map<number, FlagShape>([[entry, memoryShape]])
    /** Blocks where too many shapes meet: memory it is, for good. */
    const crowded = new Set<number>()
    for (let changed = true; changed; ) {
      changed = false
      for (const { eip } of this.structure.order) {
        const shape = incoming.get(eip)
        if (!shape) continue
        const prepared = this.blocks.get(eip) as PreparedBlock
        prepared.shape = prepared.needed ? shape : deadShape
        const after = this.shapeAfter(prepared)
        for (const to of prepared.block.successors) {
          if (!this.stays(eip, to) || crowded.has(to)) continue
          const old = incoming.get(to)
          const meets = old ? mergeShapes(old, after) : after
          const met = meets?.place === 'dynamic' && !this.dynamic ? undefined : meets
          if (!met) crowded.add(to)
          const merged = met ?? memoryShape
          if (old && shapeKey(merged) === shapeKey(old)) continue
          incoming.set(to, merged)
          changed = true
        }
      }
    }
  }

  /** The shape that an instruction leaves. */
  shapeAfterInstruction(shape: FlagShape, prepared: Prepared): FlagShape {
    const { flags, statements } = prepared
    if (flags.sets) {
      if (!prepared.neededAfter) return deadShape
      const node = this.findSetFlags(statements, prepared) as Node
      return staticShape(node.number as Lazy, node.size)
    }
    if (!flags.changes) return shape
    if (isCalled(prepared.source)) return memoryShape
    if (this.isConditionalChange(prepared) || shape.place !== 'static') return memoryShape
    const carry = this.has(prepared, 'setCarry')
    const overflow = this.has(prepared, 'setOverflow')
    return { ...shape, carryLocal: shape.carryLocal || carry, overflowLocal: shape.overflowLocal || overflow }
  }

  private shapeAfter({ instructions, shape }: PreparedBlock): FlagShape {
    return instructions.reduce((before, prepared) => this.shapeAfterInstruction(before, prepared), shape)
  }

  /** The statements that are carried out whatever values are, with known conditions resolved. */
  private *certain(statements: readonly Node[], prepared: Prepared): Generator<Node> {
    for (const node of statements) {
      yield node
      if (node.op !== 'if') continue
      const known = this.constantIn(prepared, node.args[0])
      if (known !== undefined) yield* this.certain(known !== 0 ? node.then : node.otherwise, prepared)
    }
  }

  private findSetFlags(statements: readonly Node[], prepared: Prepared): Node | undefined {
    for (const node of this.certain(statements, prepared)) if (node.op === 'setFlags') return node
    return undefined
  }

  private has(prepared: Prepared, op: Node['op']): boolean {
    for (const node of this.certain(prepared.statements, prepared)) if (node.op === op) return true
    return false
  }

  /** Whether the flags change under a condition that is known only when running (a shift by CL). */
  private isConditionalChange(prepared: Prepared): boolean {
    return !this.has(prepared, 'setCarry') && !this.has(prepared, 'setOverflow')
  }
}

/** Where a block may go, or undefined when that is not known when compiling. */
function targetsOf(block: Block): readonly number[] | undefined {
  const { end } = block
  switch (end.kind) {
    case 'jump':
    case 'call': return [end.target]
    case 'branch': return [end.taken, end.next]
    default: return undefined
  }
}
