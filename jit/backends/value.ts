/**
 * The part of lowering that the interpreter and the region compiler share: pure arithmetic, and which values live
 * in locals. A value used once is written where it is used; one used more often gets a local where it is born.
 * Reads of state are pinned: they always get a local, because what they read may change before they are used.
 */
import type binaryen from 'binaryen'
import { countUses, isEffect, isPure, type Node, USUAL, type ValueType } from '../ir.ts'
import { type PermutationName, permutations } from '../permutations.ts'
import type { ModuleWriter } from '../wasm/module-writer.ts'
import { bytesOf, operate } from './vector.ts'

/** binaryen's module: the interpreter is built with it, and it shows regions as text. */
export type Module = binaryen.Module
/** What regions ask of a module: less, so that a small writer does, too (wasm/module-writer.ts). */
export type RegionModule = Pick<
  ModuleWriter,
  'i32' | 'i64' | 'f32' | 'f64' | 'v128' | 'i8x16' | 'local' | 'block' | 'loop' | 'if' | 'br' | 'switch' | 'select' | 'call' | 'drop' |
    'addFunction' | 'addFunctionExport'
>
/** A handle, which only the module that gave it understands. */
export type Expression = number

/** Scratch locals of a function, by type; handed out afresh to each instruction. */
export class LocalPool {
  private readonly indices: Record<ValueType, number[]> = { i32: [], i64: [], f32: [], f64: [], v128: [] }
  private readonly used: Record<ValueType, number> = { i32: 0, i64: 0, f32: 0, f64: 0, v128: 0 }
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

  /** A local for good. */
  reserve(type: ValueType): number {
    this.types.push(type)
    return this.first + this.types.length - 1
  }

  /** Starts the next instruction: the locals that were taken are free again. */
  release(): void {
    for (const type of ['i32', 'i64', 'f32', 'f64', 'v128'] as const) this.used[type] = 0
  }
}

/** Marks a node whose value is not known when lowering. */
const UNKNOWN = Symbol('unknown')

function foldUnary(op: Node['op'], a: number): number | undefined {
  switch (op) {
    case 'eqz': return a === 0 ? 1 : 0
    case 'clz': return Math.clz32(a)
    case 'extend8': return (a << 24) >> 24
    case 'extend16': return (a << 16) >> 16
    default: return undefined
  }
}

function foldBinary(op: Node['op'], a: number, b: number): number | undefined {
  switch (op) {
    case 'add': return (a + b) | 0
    case 'sub': return (a - b) | 0
    case 'mul': return Math.imul(a, b)
    case 'and': return a & b
    case 'or': return a | b
    case 'xor': return a ^ b
    case 'shl': return a << b
    case 'shr': return (a >>> b) | 0
    case 'sar': return a >> b
    case 'eq': return a === b ? 1 : 0
    case 'ne': return a !== b ? 1 : 0
    case 'ltU': return a >>> 0 < b >>> 0 ? 1 : 0
    case 'gtU': return a >>> 0 > b >>> 0 ? 1 : 0
    case 'ltS': return a < b ? 1 : 0
    case 'gtS': return a > b ? 1 : 0
    default: return undefined
  }
}

/** Turns the statements of one instruction into expressions. Back ends say what reads and effects become. */
export abstract class ValueLowering<M extends RegionModule> {
  protected readonly m: M
  protected readonly pool: LocalPool
  private readonly typeHandles: Record<ValueType, number>
  private readonly homes = new Map<Node, number>()
  private readonly constants = new Map<Node, number | typeof UNKNOWN>()
  private uses = new Map<Node, number>()

  constructor(m: M, pool: LocalPool, types: Record<ValueType, number>) {
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
    this.constants.clear()
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
      } else if (uses === 0 || this.constantOf(node) !== undefined) {
        // Nobody wants it, or it costs nothing to repeat.
      } else if (!isPure(node)) this.keep(node, this.read(node), out)
      else if (uses > 1) this.keep(node, this.pure(node), out)
    }
  }

  /** A way out where a condition does not hold that nearly always does; undefined to have code for both ways. */
  protected leaveUnless(_condition: Node): Expression | undefined {
    return undefined
  }

  /** Called in front of a condition that is known only when running. */
  protected beforeConditional(_out: Expression[]): void {}

  /** Forgets what is known of the nodes of the last instruction. */
  protected forgetConstants(): void {
    this.constants.clear()
  }

  /** The value of a 32-bit read that is known when lowering (an immediate, the next EIP); undefined for all others. */
  protected knownRead(_node: Node): number | undefined {
    return undefined
  }

  /** The value of an i32 node that is known when lowering: before: computed at run time => after: a constant. */
  protected constantOf(node: Node): number | undefined {
    if (node.op === 'const') return node.number
    if (node.type !== 'i32') return undefined
    const known = this.constants.get(node)
    if (known !== undefined) return known === UNKNOWN ? undefined : known
    const value = isPure(node) ? this.fold(node) : isEffect(node) ? undefined : this.knownRead(node)
    this.constants.set(node, value ?? UNKNOWN)
    return value
  }

  private fold(node: Node): number | undefined {
    if (node.op === 'wasm' || node.args[0].type !== 'i32') return undefined
    const values = node.args.map(argument => this.constantOf(argument))
    const [a, b] = values
    // and(x, 0) is 0 whatever x is.
    if (node.op === 'and' && (a === 0 || b === 0)) return 0
    if (a === undefined) return undefined
    if (node.op === 'select') return a !== 0 ? values[1] : values[2]
    return foldUnary(node.op, a) ?? (b === undefined ? undefined : foldBinary(node.op, a, b))
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
    const known = this.constantOf(node)
    if (known !== undefined && node.type === 'i32') return this.m.i32.const(known)
    if (!isPure(node)) throw new Error(`${node.op} is used before it is lowered`)
    return this.pure(node)
  }

  /** before: x and -1, x or 0, x + 0, x << 0 … => after: x. */
  private identity(node: Node): Node | undefined {
    if (node.type !== 'i32' || node.args.length !== 2) return undefined
    const [a, b] = node.args.map(argument => (argument.type === 'i32' ? this.constantOf(argument) : undefined))
    switch (node.op) {
      case 'and': return b === -1 ? node.args[0] : a === -1 ? node.args[1] : undefined
      case 'or': case 'xor': case 'add': return b === 0 ? node.args[0] : a === 0 ? node.args[1] : undefined
      case 'sub': case 'shl': case 'shr': case 'sar': case 'rotl': case 'rotr': return b === 0 ? node.args[0] : undefined
      default: return undefined
    }
  }

  /** before: select of vectors by a known condition => after: the one. */
  private chosen(node: Node): Node | undefined {
    if (node.op !== 'select') return undefined
    const known = this.constantOf(node.args[0])
    return known === undefined ? undefined : node.args[known !== 0 ? 1 : 2]
  }

  private constantValue(type: Node['type'], value: number): Expression {
    const { m } = this
    switch (type) {
      case 'i64': return m.i64.const(BigInt(value))
      case 'f32': return m.f32.const(value)
      case 'f64': return m.f64.const(value)
      default: return m.i32.const(value)
    }
  }

  private conditional(node: Node, out: Expression[]): void {
    const known = this.constantOf(node.args[0])
    if (known !== undefined) {
      // before: if (const) { a } else { b } => after: a, or b.
      this.lowerList(known !== 0 ? node.then : node.otherwise, out)
      const value = known !== 0 ? node.thenValue : node.otherwiseValue
      if (value && this.isUsed(node)) this.keep(node, this.value(value), out)
      return
    }
    const leave = node.name === USUAL ? this.leaveUnless(node.args[0]) : undefined
    if (leave !== undefined) {
      out.push(leave)
      this.lowerList(node.then, out)
      if (node.thenValue && this.isUsed(node)) this.keep(node, this.value(node.thenValue), out)
      return
    }
    this.beforeConditional(out)
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
    const known = this.constantOf(node)
    if (known !== undefined) return this.constantValue(node.type, known)
    if (node.op === 'vector') return m.v128.const(bytesOf(node.name))
    const [first, second, third] = node.args
    const same = this.identity(node) ?? this.chosen(node)
    if (same) return this.value(same)
    if (node.op === 'wasm') return operate(m, node.name, node.args.map(argument => this.value(argument)), node.number)
    if (node.op === 'permute') {
      const immediate = this.constantOf(third)
      if (immediate === undefined) return this.value(node.args[3])
      return m.i8x16.shuffle(this.value(first), this.value(second), permutations[node.name as PermutationName](immediate))
    }
    if (node.op === 'shuffle') return m.i8x16.shuffle(this.value(first), this.value(second), bytesOf(node.name))
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
