/**
 * Flags in locals: what each static shape (regions/flag-shape.ts) keeps where, how conditions read it, and how it is
 * spilled to the state.
 *
 *   kind        A        B        E       C
 *   Sub         left     right
 *   Add         result   right
 *   Logic       result
 *   Inc Dec     result                    CF
 *   Adc Sbb     result   left     right   CF
 *   Aux         result   image            CF
 *   Explicit    result   image            CF
 *
 * Operands are kept, not what follows from them: before: result, carry computed after every operation => after:
 * where a branch or an exit asks, so that V8 fuses the comparison and moves the rest into the exit.
 */
import { FLAG_SHIFT_POSITION, Lazy, OVERFLOW_OVERRIDE } from '../../runtime/flags.ts'
import { stateAddress, type StateName } from '../../runtime/state.ts'
import { type FlagShape, shapeKey } from '../regions/flag-shape.ts'
import { WasmType } from '../wasm/module-writer.ts'
import type { Expression, RegionModule } from './value.ts'

/** Indices of the flag locals. */
export interface FlagLocals {
  readonly A: number
  readonly B: number
  readonly E: number
  readonly C: number
  readonly O: number
  /** Number of the shape, where it is dynamic; memory is 0. */
  readonly K: number
}

const CONDITION_O = 0
const CONDITION_B = 1
const CONDITION_Z = 2
const CONDITION_BE = 3
const CONDITION_S = 4
const CONDITION_P = 5
const CONDITION_L = 6

export class RegionFlags {
  private readonly m: RegionModule
  private readonly locals: FlagLocals
  /** Calls the helper that works a condition out of the state. */
  private readonly slowCondition: (code: number) => Expression

  constructor(m: RegionModule, locals: FlagLocals, slowCondition: (code: number) => Expression) {
    this.m = m
    this.locals = locals
    this.slowCondition = slowCondition
  }

  private get(local: keyof FlagLocals): Expression {
    return this.m.local.get(this.locals[local], WasmType.I32)
  }
  private set(local: keyof FlagLocals, value: Expression): Expression {
    return this.m.local.set(this.locals[local], value)
  }
  private constant(value: number): Expression {
    return this.m.i32.const(value)
  }
  private state(name: StateName): Expression {
    return this.m.i32.load(stateAddress(name), 4, this.constant(0))
  }
  private setState(name: StateName, value: Expression): Expression {
    return this.m.i32.store(stateAddress(name), 4, this.constant(0), value)
  }

  /** Sign-extends a zero-extended value of `size` bits. */
  private signed(value: Expression, size: number): Expression {
    if (size === 8) return this.m.i32.extend8_s(value)
    if (size === 16) return this.m.i32.extend16_s(value)
    return value
  }
  private cut(value: Expression, size: number): Expression {
    if (size === 8) return this.m.i32.and(value, this.constant(0xff))
    if (size === 16) return this.m.i32.and(value, this.constant(0xffff))
    return value
  }
  private bit(value: Expression, position: number): Expression {
    const { m } = this
    return position === 31
      ? m.i32.shr_u(value, this.constant(31))
      : m.i32.and(m.i32.shr_u(value, this.constant(position)), this.constant(1))
  }

  /** Records flags; `args` are those of the 'setFlags' node. `carry` is CF before, which INC and DEC keep. */
  record(kind: Lazy, args: readonly (() => Expression)[], carry: () => Expression): Expression[] {
    const [result, second, third, fourth] = args
    switch (kind) {
      // Arguments of Sub: result, left, carry out, right; of Add: result, left, carry out.
      case Lazy.Sub: return [this.set('A', second()), this.set('B', fourth())]
      case Lazy.Add: return [this.set('B', this.m.i32.sub(result(), second())), this.set('A', result())]
      case Lazy.Logic: return [this.set('A', result())]
      case Lazy.Inc:
      case Lazy.Dec: return [this.set('C', carry()), this.set('A', result())]
      case Lazy.Adc:
      case Lazy.Sbb:
        return [this.set('C', third()), this.set('A', result()), this.set('B', second()), this.set('E', fourth())]
      case Lazy.Aux:
      case Lazy.Explicit: return [this.set('C', second()), this.set('A', result()), this.set('B', third())]
      default: throw new Error(`flags of kind ${Lazy[kind]} are never recorded`)
    }
  }

  setCarry(shape: FlagShape, value: Expression): Expression {
    return shape.place === 'memory' ? this.setState('flagCarry', value) : this.set('C', value)
  }

  setOverflow(shape: FlagShape, value: Expression): Expression[] {
    if (shape.place !== 'memory') return [this.set('O', value)]
    const kind = this.m.i32.or(this.state('flagKind'), this.constant(OVERFLOW_OVERRIDE))
    return [this.setState('flagOverflow', value), this.setState('flagKind', kind)]
  }

  private result(shape: FlagShape): Expression {
    if (shape.kind !== Lazy.Sub) return this.get('A')
    return this.cut(this.m.i32.sub(this.get('A'), this.get('B')), shape.size)
  }

  private readonly numbers = new Map<string, number>([['memory', 0]])

  /** Number of a shape in the local K. */
  private numberOf(shape: FlagShape): number {
    const key = shapeKey(shape)
    const known = this.numbers.get(key)
    if (known !== undefined) return known
    this.numbers.set(key, this.numbers.size)
    return this.numbers.size - 1
  }

  /** Notes which shape the flags have, for a place where several meet. */
  nameShape(shape: FlagShape): Expression {
    return this.set('K', this.constant(this.numberOf(shape)))
  }

  /** The value that `of` gives for the shape that a dynamic one turns out to be. */
  private byShape(shape: FlagShape, of: (option: FlagShape) => Expression): Expression {
    const [first, ...rest] = shape.options
    return rest.reduce(
      (otherwise, option) =>
        this.m.if(this.m.i32.eq(this.get('K'), this.constant(this.numberOf(option))), of(option), otherwise),
      of(first),
    )
  }

  /** CF as 0 or 1. */
  carry(shape: FlagShape): Expression {
    if (shape.place === 'dynamic') return this.byShape(shape, option => this.carry(option))
    if (shape.place === 'memory') return this.state('flagCarry')
    if (shape.carryLocal) return this.get('C')
    switch (shape.kind) {
      case Lazy.Sub:
      case Lazy.Add: {
        // Add: the sum wrapped if it is below the operand; B may exceed `size` bits, as result - left was not cut.
        const right = this.cut(this.get('B'), shape.size)
        return this.m.i32.lt_u(this.get('A'), right)
      }
      default: return this.constant(0)
    }
  }

  private zero(shape: FlagShape): Expression {
    return shape.kind === Lazy.Sub
      ? this.m.i32.eq(this.get('A'), this.get('B'))
      : this.m.i32.eqz(this.get('A'))
  }

  /** The result, sign-extended: its sign is SF. */
  private signedResult(shape: FlagShape): Expression {
    return this.signed(this.result(shape), shape.size)
  }

  private sign(shape: FlagShape): Expression {
    if (shape.kind === Lazy.Explicit) return this.bit(this.get('B'), 7)
    return this.m.i32.lt_s(this.signedResult(shape), this.constant(0))
  }

  private parity(shape: FlagShape): Expression {
    const { m } = this
    if (shape.kind === Lazy.Explicit) return this.bit(this.get('B'), 2)
    const byte = m.i32.and(this.result(shape), this.constant(0xff))
    return m.i32.and(m.i32.xor(m.i32.popcnt(byte), this.constant(1)), this.constant(1))
  }

  private overflow(shape: FlagShape): Expression {
    const { m } = this
    if (shape.overflowLocal) return this.get('O')
    const top = shape.size - 1
    const both = (a: Expression, b: Expression, c: Expression, d: Expression) =>
      this.bit(m.i32.and(m.i32.xor(a, b), m.i32.xor(c, d)), top)
    switch (shape.kind) {
      case Lazy.Sub: return both(this.get('A'), this.get('B'), this.get('A'), this.result(shape))
      case Lazy.Add: {
        const left = () => m.i32.sub(this.get('A'), this.get('B'))
        return both(left(), this.get('A'), this.get('B'), this.get('A'))
      }
      case Lazy.Adc: return both(this.get('B'), this.get('A'), this.get('E'), this.get('A'))
      case Lazy.Sbb: return both(this.get('B'), this.get('E'), this.get('B'), this.get('A'))
      case Lazy.Inc: return m.i32.eq(this.get('A'), this.constant(shape.size === 32 ? 0x80000000 | 0 : 1 << top))
      case Lazy.Dec: return m.i32.eq(this.get('A'), this.constant(shape.size === 32 ? 0x7fffffff : (1 << top) - 1))
      case Lazy.Aux:
      case Lazy.Explicit: return this.bit(this.get('B'), 11)
      default: return this.constant(0)
    }
  }

  /** Whether condition `code` holds, as 0 or 1. */
  condition(shape: FlagShape, code: number): Expression {
    const { m } = this
    if (shape.place === 'dynamic') return this.byShape(shape, option => this.condition(option, code))
    if (shape.place === 'memory') return this.memoryCondition(code)
    const negate = (code & 1) !== 0
    const invert = (value: Expression) => (negate ? m.i32.eqz(value) : value)
    const afterSub = shape.kind === Lazy.Sub && !shape.carryLocal && !shape.overflowLocal
    switch (code >> 1) {
      case CONDITION_O: return invert(this.overflow(shape))
      case CONDITION_B: return invert(this.carry(shape))
      case CONDITION_Z: return invert(this.zero(shape))
      case CONDITION_BE:
        if (afterSub)
          return negate ? m.i32.gt_u(this.get('A'), this.get('B')) : m.i32.le_u(this.get('A'), this.get('B'))
        return invert(m.i32.or(this.carry(shape), this.zero(shape)))
      case CONDITION_S: return invert(this.sign(shape))
      case CONDITION_P: return invert(this.parity(shape))
      case CONDITION_L:
        if (afterSub) {
          const [a, b] = [this.signed(this.get('A'), shape.size), this.signed(this.get('B'), shape.size)]
          return negate ? m.i32.ge_s(a, b) : m.i32.lt_s(a, b)
        }
        if (shape.kind === Lazy.Logic && !shape.overflowLocal) return invert(this.sign(shape))
        return invert(m.i32.xor(this.sign(shape), this.overflow(shape)))
      default: {
        if (afterSub) {
          const [a, b] = [this.signed(this.get('A'), shape.size), this.signed(this.get('B'), shape.size)]
          return negate ? m.i32.gt_s(a, b) : m.i32.le_s(a, b)
        }
        if (shape.kind === Lazy.Logic && !shape.overflowLocal) {
          const result = this.signedResult(shape)
          return negate ? m.i32.gt_s(result, this.constant(0)) : m.i32.le_s(result, this.constant(0))
        }
        return invert(m.i32.or(m.i32.xor(this.sign(shape), this.overflow(shape)), this.zero(shape)))
      }
    }
  }

  private memoryCondition(code: number): Expression {
    const { m } = this
    const invert = (value: Expression) => ((code & 1) !== 0 ? m.i32.eqz(value) : value)
    switch (code >> 1) {
      case CONDITION_Z: return invert(m.i32.eqz(this.state('flagResult')))
      case CONDITION_B: return invert(this.state('flagCarry'))
      case CONDITION_BE: return invert(m.i32.or(this.state('flagCarry'), m.i32.eqz(this.state('flagResult'))))
      default: return this.slowCondition(code)
    }
  }

  /** Stores flags of a static shape to the state. */
  spill(shape: FlagShape): Expression[] {
    if (shape.place === 'dynamic')
      return shape.options
        .filter(option => option.place === 'static')
        .map(option =>
          this.m.if(
            this.m.i32.eq(this.get('K'), this.constant(this.numberOf(option))), this.m.block(null, this.spill(option)),
          ),
        )
    if (shape.place !== 'static') return []
    const { m } = this
    const shift = 32 - shape.size
    const top = (value: Expression) => (shift === 0 ? value : m.i32.shl(value, this.constant(shift)))
    const kind = shape.kind | (shift << FLAG_SHIFT_POSITION) | (shape.overflowLocal ? OVERFLOW_OVERRIDE : 0)
    const out = [
      this.setState('flagKind', this.constant(kind)),
      this.setState('flagResult', top(this.result(shape))),
      this.setState('flagCarry', this.carry(shape)),
    ]
    if (shape.overflowLocal) out.push(this.setState('flagOverflow', this.get('O')))
    switch (shape.kind) {
      case Lazy.Sub: out.push(this.setState('flagLeft', top(this.get('A')))); break
      case Lazy.Add: out.push(this.setState('flagLeft', top(m.i32.sub(this.get('A'), this.get('B'))))); break
      case Lazy.Adc:
      case Lazy.Sbb:
        out.push(this.setState('flagLeft', top(this.get('B'))), this.setState('flagRight', top(this.get('E'))))
        break
      case Lazy.Aux:
      case Lazy.Explicit: out.push(this.setState('flagRight', this.get('B'))); break
      default:
    }
    return out
  }
}
