/**
 * The part of lowering that the interpreter and the region compiler share: pure arithmetic, and which values live
 * in locals. A value used once is written where it is used; one used more often gets a local where it is born.
 * Reads of state are pinned: they always get a local, because what they read may change before they are used.
 */
import type binaryen from 'binaryen'
import { countUses, isEffect, isPure, type Node, type ValueType } from '../ir.ts'

/** binaryen's module, the one place where its handles are opaque numbers. */
export type Module = binaryen.Module
export type Expression = binaryen.ExpressionRef

/** Scratch locals of a function, by type; handed out afresh to each instruction. */
export class LocalPool {
  private readonly indices: Record<ValueType, number[]> = { i32: [], i64: [] }
  private readonly used: Record<ValueType, number> = { i32: 0, i64: 0 }
  /** Types of all scratch locals, in index order behind `first`. */
  readonly types: ValueType[] = []
  private readonly first: number

  /** `first` is the index of the first scratch local: behind parameters and fixed locals. */
  constructor(first: number) {
    this.first = first
  }

  /** A local that nobody uses in the current instruction. */
  take(type: ValueType): number {
    const indices = this.indices[type]
    const i = this.used[type]++
    if (i === indices.length) {
      indices.push(this.first + this.types.length)
      this.types.push(type)
    }
    return indices[i]
  }

  /** Starts the next instruction: all locals are free again. */
  release(): void {
    this.used.i32 = 0
    this.used.i64 = 0
  }
}

/** Turns the statements of one instruction into expressions. Back ends say what reads and effects become. */
export abstract class ValueLowering {
  protected readonly m: Module
  protected readonly pool: LocalPool
  private readonly typeHandles: Record<ValueType, binaryen.Type>
  private readonly homes = new Map<Node, number>()
  private uses = new Map<Node, number>()

  constructor(m: Module, pool: LocalPool, types: Record<ValueType, binaryen.Type>) {
    this.m = m
    this.pool = pool
    this.typeHandles = types
  }

  /** Expression of a read of state. */
  protected abstract read(node: Node): Expression

  /** Expressions of an effect; one that yields a value leaves it with `keep`. */
  protected abstract effect(node: Node, out: Expression[]): void

  /** Lowers a whole instruction. */
  protected lowerAll(statements: readonly Node[]): Expression[] {
    this.homes.clear()
    this.uses = countUses(statements)
    const out: Expression[] = []
    this.lowerList(statements, out)
    return out
  }

  private lowerList(statements: readonly Node[], out: Expression[]): void {
    for (const node of statements) {
      const uses = this.uses.get(node) ?? 0
      if (isEffect(node)) {
        if (node.op === 'if') this.conditional(node, out)
        else this.effect(node, out)
      } else if (uses === 0 || node.op === 'const') {
        // Nobody wants it, or it costs nothing to repeat.
      } else if (!isPure(node)) this.keep(node, this.read(node), out)
      else if (uses > 1) this.keep(node, this.pure(node), out)
    }
  }

  /** Gives a node's value a local. */
  protected keep(node: Node, expression: Expression, out: Expression[]): void {
    out.push(this.m.local.set(this.home(node), expression))
  }

  /** The local of a node's value. */
  protected home(node: Node): number {
    let home = this.homes.get(node)
    if (home === undefined) {
      home = this.pool.take(node.type as ValueType)
      this.homes.set(node, home)
    }
    return home
  }

  /** Whether anybody uses a node's value. */
  protected isUsed(node: Node): boolean {
    return (this.uses.get(node) ?? 0) > 0
  }

  /** An expression for a node's value. */
  protected value(node: Node): Expression {
    const home = this.homes.get(node)
    if (home !== undefined) return this.m.local.get(home, this.typeHandles[node.type as ValueType])
    if (!isPure(node)) throw new Error(`${node.op} is used before it is lowered`)
    return this.pure(node)
  }

  private conditional(node: Node, out: Expression[]): void {
    const condition = this.value(node.args[0])
    const then: Expression[] = []
    this.lowerList(node.then, then)
    if (node.thenValue && this.isUsed(node)) this.keep(node, this.value(node.thenValue), then)
    const otherwise: Expression[] = []
    this.lowerList(node.otherwise, otherwise)
    if (node.otherwiseValue && this.isUsed(node)) this.keep(node, this.value(node.otherwiseValue), otherwise)
    out.push(
      this.m.if(
        condition,
        this.m.block(null, then),
        otherwise.length > 0 ? this.m.block(null, otherwise) : undefined,
      ),
    )
  }

  private pure(node: Node): Expression {
    const { m } = this
    if (node.op === 'const') return node.type === 'i64' ? m.i64.const(BigInt(node.number)) : m.i32.const(node.number)
    const [first, second, third] = node.args
    const a = this.value(first)
    switch (node.op) {
      case 'select': return m.select(a, this.value(second), this.value(third))
      case 'widenU': return m.i64.extend_u(a)
      case 'widenS': return m.i64.extend_s(a)
      case 'wrap': return m.i32.wrap(a)
      default:
    }
    // The type of the operands, which comparisons do not show in their own.
    const wide = first.type === 'i64'
    const t = wide ? m.i64 : m.i32
    switch (node.op) {
      case 'eqz': return t.eqz(a)
      case 'clz': return t.clz(a)
      case 'ctz': return t.ctz(a)
      case 'popcnt': return t.popcnt(a)
      case 'extend8': return t.extend8_s(a)
      case 'extend16': return t.extend16_s(a)
      case 'extend32': return m.i64.extend32_s(a)
      default:
    }
    const b = this.value(second)
    switch (node.op) {
      case 'add': return t.add(a, b)
      case 'sub': return t.sub(a, b)
      case 'mul': return t.mul(a, b)
      case 'and': return t.and(a, b)
      case 'or': return t.or(a, b)
      case 'xor': return t.xor(a, b)
      case 'shl': return t.shl(a, b)
      case 'shr': return t.shr_u(a, b)
      case 'sar': return t.shr_s(a, b)
      case 'rotl': return t.rotl(a, b)
      case 'rotr': return t.rotr(a, b)
      case 'divU': return t.div_u(a, b)
      case 'divS': return t.div_s(a, b)
      case 'remU': return t.rem_u(a, b)
      case 'remS': return t.rem_s(a, b)
      case 'eq': return t.eq(a, b)
      case 'ne': return t.ne(a, b)
      case 'ltU': return t.lt_u(a, b)
      case 'ltS': return t.lt_s(a, b)
      case 'gtU': return t.gt_u(a, b)
      case 'gtS': return t.gt_s(a, b)
      case 'leU': return t.le_u(a, b)
      case 'leS': return t.le_s(a, b)
      case 'geU': return t.ge_u(a, b)
      case 'geS': return t.ge_s(a, b)
      default: throw new Error(`${node.op} is not pure`)
    }
  }
}
