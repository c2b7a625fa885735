/**
 * 80-bit arithmetic in compiled regions: wasm for the ordinary case of what the helpers of runtime/helpers/x87-* do.
 *
 * before: a call of the instruction's handler, which calls its helper => after: integer arithmetic in place, on
 * significands and exponents in locals. Ordinary are operands that are normal or zero, in the middle of the range of
 * exponents, under rounding to nearest at the expected precision with the precision exception masked: PE and C1 are
 * all that can come of it. `unless` gets the condition under which something is not ordinary, before anything has been changed.
 *
 * Source: Intel SDM vol. 1, 4.8.4 (rounding), 8.1.5 (control word); vol. 2, the instructions.
 */
import { WasmType } from '../wasm/module-writer.ts'
import type { Expression, LocalPool, RegionModule } from './value.ts'
import { divideSignificands, rootOfSignificand } from './x87-division.ts'

/** A value in a local: each call reads it anew, because an expression may be used once. */
export type Read = () => Expression

/** A number: its significand, an i64, and sign and exponent, an i32. */
export interface Number80 {
  readonly sig: Read
  readonly se: Read
  /** Whether the integer bit is set unless the number is zero; if not so, it has to be looked at. */
  readonly sound: boolean
}

/** Takes a condition under which the region is left in front of the instruction. */
type Unless = (condition: Expression) => void

/** A local that branches leave their results in. */
interface Variable {
  readonly get: Read
  readonly set: (value: Expression) => Expression
}

/** Parts of a number in memory: its exponent's field, fraction at the top of 64 bits, sign, and the number itself. */
interface FloatParts {
  readonly field: Read
  readonly fraction: Expression
  readonly sign: Read
  readonly sig: Variable
  readonly se: Variable
}

/** An outcome: the number, what rounding has lost (nonzero: PE), and whether it went up (C1: 1 or 0). */
export interface Rounded extends Number80 {
  readonly lost: Read | undefined
  readonly up: Read | undefined
}

const INTEGER_BIT = 1n << 63n
const HALF = 1n << 63n
const LOW_WORD = 0xffff_ffffn
const SIGN = 0x8000
const EXPONENT = 0x7fff
const BIAS = 0x3fff
const FLOAT64_BIAS = 0x3ff
const FLOAT32_BIAS = 0x7f
/** Exponents 0x3000 to 0x4fff: see runtime/helpers/x87-ordinary.ts. */
const MIDDLE_FIRST = 0x3000
const MIDDLE_CLEAR = 0x6000
/** Largest distance of exponents at which a shifted addend keeps all its bits within 128. */
const SUM_DISTANCE = 63

/** Formats of memory operands: bits of the fraction and of the exponent's field. */
interface Format {
  readonly size: 32 | 64
  readonly fraction: number
  readonly special: number
  readonly rebias: number
}
export const float64: Format = { size: 64, fraction: 52, special: 0x7ff, rebias: BIAS - FLOAT64_BIAS }
export const float32: Format = { size: 32, fraction: 23, special: 0xff, rebias: BIAS - FLOAT32_BIAS }

export class X87Values {
  readonly m: RegionModule
  private readonly pool: LocalPool
  private readonly dropped: bigint
  /** Where code goes. */
  out: Expression[] = []
  /** Choices so far: their labels have numbers. */
  private choices = 0

  /** Results lose `dropped` bits of their significands. */
  constructor(m: RegionModule, pool: LocalPool, dropped: number) {
    this.dropped = BigInt(dropped)
    this.m = m
    this.pool = pool
  }

  // --- small expressions ---

  int(value: number): Expression {
    return this.m.i32.const(value)
  }
  long(value: bigint): Expression {
    return this.m.i64.const(BigInt.asIntN(64, value))
  }
  /** Keeps an i32. */
  word(value: Expression): Read {
    const local = this.pool.take('i32')
    this.out.push(this.m.local.set(local, value))
    return () => this.m.local.get(local, WasmType.I32)
  }
  /** Keeps an i64. */
  wide(value: Expression): Read {
    const local = this.pool.take('i64')
    this.out.push(this.m.local.set(local, value))
    return () => this.m.local.get(local, WasmType.I64)
  }
  /** Keeps an f64. */
  double(value: Expression): Read {
    const local = this.pool.take('f64')
    this.out.push(this.m.local.set(local, value))
    return () => this.m.local.get(local, WasmType.F64)
  }
  /** A local of each kind that branches leave their results in. */
  private variable(type: 'i32' | 'i64'): Variable {
    const local = this.pool.take(type)
    const wasmType = type === 'i32' ? WasmType.I32 : WasmType.I64
    return { get: () => this.m.local.get(local, wasmType), set: value => this.m.local.set(local, value) }
  }
  /** Code of a branch, apart. */
  apart(build: () => void): Expression {
    const outer = this.out
    this.out = []
    build()
    const code = this.m.block(null, this.out)
    this.out = outer
    return code
  }
  private or(...conditions: Expression[]): Expression {
    return conditions.reduce((left, right) => this.m.i32.or(left, right))
  }
  exponent(number: Pick<Number80, 'se'>): Expression {
    return this.m.i32.and(number.se(), this.int(EXPONENT))
  }
  /** Nonzero for 1.0 and others with neither a zero nor a special exponent. */
  private notNormal(exponent: Expression): Expression {
    return this.m.i32.ge_u(this.m.i32.sub(exponent, this.int(1)), this.int(EXPONENT - 1))
  }

  // --- rounding ---

  /** `sig:extra` with `se`, rounded to nearest at the precision; `zeroSe` is the sign if there is nothing at all. */
  private round(sig: Read, extra: Read, se: Read, zeroSe: () => Expression): Rounded {
    const { m, dropped } = this
    const up = this.variable('i64')
    const rounded = this.variable('i64')
    const exponent = this.variable('i32')
    const sticky = () => m.i64.extend_u(m.i64.ne(extra(), this.long(0n)))
    const lost = dropped === 0n ? extra : this.wide(m.i64.or(m.i64.shl(sig(), this.long(64n - dropped)), sticky()))
    const whole = dropped === 0n ? sig : this.wide(m.i64.shr_u(sig(), this.long(dropped)))
    const sum = m.i64.add(whole(), up.get())
    this.out.push(
      up.set(m.i64.shr_u(lost(), this.long(63n))),
      // Ties are so rare that a branch keeps them out of the way.
      m.if(m.i64.eq(lost(), this.long(HALF)), up.set(m.i64.and(whole(), this.long(1n)))),
      rounded.set(dropped === 0n ? sum : m.i64.shl(sum, this.long(dropped))),
      exponent.set(se()),
      // Rounded up to the next power of two, or nothing there at all.
      m.if(
        m.i64.eqz(rounded.get()),
        m.block(null, [
          rounded.set(m.i64.shl(up.get(), this.long(63n))),
          exponent.set(m.select(m.i64.eqz(up.get()), zeroSe(), m.i32.add(exponent.get(), this.int(1)))),
        ]),
      ),
    )
    return { sig: rounded.get, se: exponent.get, sound: true, lost, up: up.get }
  }

  /** Conditions under which one of two numbers has no integer bit. */
  private unsound(...numbers: Number80[]): Expression[] {
    return numbers.filter(({ sound }) => !sound).map(({ sig }) => this.m.i64.ge_s(sig(), this.long(0n)))
  }

  /** Nonzero when one of two numbers is not in the middle range. */
  private extreme(...numbers: Number80[]): Expression {
    const { m } = this
    return m.i32.and(this.or(...numbers.map(({ se }) => m.i32.sub(se(), this.int(MIDDLE_FIRST)))), this.int(MIDDLE_CLEAR))
  }

  /** A number with its sign turned if `negated`. */
  private signed(number: Number80, negated: boolean): Number80 {
    if (!negated) return number
    return { ...number, se: this.word(this.m.i32.xor(number.se(), this.int(SIGN))) }
  }

  /** Carries out `rare`, out of the way, when one of the conditions holds. */
  private whenAny(conditions: readonly Expression[], rare: () => void): void {
    const { m } = this
    const [done, other] = [`x87done${this.choices}`, `x87rare${this.choices++}`]
    const usual = m.block(other, [...conditions.map(condition => m.br(other, condition)), m.br(done)])
    this.out.push(m.block(done, [usual, this.apart(rare)]))
  }

  // --- arithmetic ---

  /**
   * ±a ± b. The larger one has to be in the middle range, unless both are zero. Of a smaller one that is too far away to
   * keep its bits only matters whether it is there at all; so a zero needs no code of its own.
   */
  sum(left: Number80, right: Number80, negated: { left: boolean; right: boolean }, unless: Unless): Rounded {
    const { m } = this
    const a = this.signed(left, negated.left)
    const b = this.signed(right, negated.right)
    for (const number of [a, b]) this.requireSound(number, unless)
    const difference = this.word(m.i32.sub(this.exponent(a), this.exponent(b)))
    const swapped = this.word(m.i32.lt_s(difference(), m.i64.lt_u(a.sig(), b.sig())))
    const largerSe = this.word(m.select(swapped(), b.se(), a.se()))
    // Exclusive ors exchange both significands in fewer steps than two selects do.
    const change = this.wide(
      m.i64.and(m.i64.xor(a.sig(), b.sig()), m.i64.sub(this.long(0n), m.i64.extend_u(swapped()))),
    )
    const larger = this.wide(m.i64.xor(a.sig(), change()))
    const opposite = m.i32.sub(this.int(0), difference())
    const distance = this.variable('i32')
    const smaller = this.variable('i64')
    const differ = this.variable('i32')
    this.out.push(
      distance.set(m.select(m.i32.lt_s(difference(), this.int(0)), opposite, difference())),
      smaller.set(m.i64.xor(b.sig(), change())),
      differ.set(m.i32.shr_u(m.i32.xor(a.se(), b.se()), this.int(15))),
    )
    const bothZero = this.apart(() => {
      unless(m.i64.ne(this.bits(a, b), this.long(0n)))
      this.out.push(differ.set(this.int(0)))
    })
    const farAway = this.apart(() => {
      const thereAtAll = this.word(m.i64.ne(smaller.get(), this.long(0n)))
      const smallerExponent = this.exponent({ se: () => m.select(swapped(), a.se(), b.se()) })
      unless(m.i32.and(m.i32.eqz(smallerExponent), thereAtAll()))
      // One further, and half a unit of the larger one's lowest bit may still be reached: all else gathers in the lowest bit.
      const halved = m.i64.or(m.i64.shr_u(smaller.get(), this.long(1n)), m.i64.and(smaller.get(), this.long(1n)))
      const isNext = m.i32.eq(distance.get(), this.int(SUM_DISTANCE + 1))
      this.out.push(
        smaller.set(m.select(isNext, halved, m.i64.extend_u(thereAtAll()))), distance.set(this.int(SUM_DISTANCE)),
        // A zero takes nothing away.
        differ.set(m.i32.and(differ.get(), thereAtAll())),
      )
    })
    this.out.push(
      m.if(m.i32.and(m.i32.sub(largerSe(), this.int(MIDDLE_FIRST)), this.int(MIDDLE_CLEAR)), bothZero),
      m.if(m.i32.gt_u(distance.get(), this.int(SUM_DISTANCE)), farAway),
    )
    // Two zeros of one sign keep it; what cancels is +0.
    const zeroSe = () => m.i32.and(m.i32.and(a.se(), b.se()), this.int(SIGN))
    return this.sumOfSignificands(
      larger, smaller.get, largerSe, this.wide(m.i64.extend_u(distance.get())), m.i64.extend_u(differ.get()), zeroSe,
    )
  }

  private sumOfSignificands(
    larger: Read, smaller: Read, largerSe: Read, distance: Read, differ: Expression, zeroSe: () => Expression,
  ): Rounded {
    const { m } = this
    // A subtrahend becomes negative. Both are shifted right by one, so that the sum cannot carry out.
    const negative = this.wide(m.i64.sub(this.long(0n), differ))
    const addend = this.wide(m.i64.sub(m.i64.xor(smaller(), negative()), negative()))
    const addendLow = this.wide(m.i64.shl(addend(), m.i64.xor(distance(), this.long(63n))))
    const half = m.i64.or(m.i64.shr_u(addend(), this.long(1n)), m.i64.shl(negative(), this.long(63n)))
    const addendHigh = m.i64.shr_s(half, distance())
    const low = this.wide(m.i64.add(m.i64.shl(larger(), this.long(63n)), addendLow()))
    const carry = m.i64.extend_u(m.i64.lt_u(low(), addendLow()))
    const high = this.variable('i64')
    const rest = this.variable('i64')
    const se = this.variable('i32')
    this.out.push(
      high.set(m.i64.add(m.i64.add(m.i64.shr_u(larger(), this.long(1n)), addendHigh), carry)),
      rest.set(low()),
      se.set(m.i32.add(largerSe(), this.int(1))),
      // Only the lower word is left; of a number and its opposite nothing is, which is +0.
      m.if(
        m.i64.eqz(high.get()),
        m.block(null, [high.set(low()), rest.set(this.long(0n)), se.set(m.i32.sub(se.get(), this.int(64)))]),
      ),
    )
    const count = this.wide(m.i64.clz(high.get()))
    const sig = this.wide(
      m.i64.or(
        m.i64.shl(high.get(), count()),
        m.i64.shr_u(m.i64.shr_u(rest.get(), this.long(1n)), m.i64.xor(count(), this.long(63n))),
      ),
    )
    const extra = this.wide(m.i64.shl(rest.get(), count()))
    return this.round(sig, extra, this.word(m.i32.sub(se.get(), m.i32.wrap(count()))), zeroSe)
  }

  /** Significands and exponents of two numbers, put together: zero for two zeros. */
  private bits(a: Number80, b: Number80): Expression {
    const { m } = this
    const exponents = m.i32.and(m.i32.or(a.se(), b.se()), this.int(EXPONENT))
    return m.i64.or(m.i64.or(a.sig(), b.sig()), m.i64.extend_u(exponents))
  }

  /** Leaves unless a number has its integer bit or is zero. */
  private requireSound(number: Number80, unless: Unless): void {
    const { m } = this
    if (number.sound) return
    const rare = this.apart(() => unless(m.i32.eqz(this.isZero(number))))
    this.out.push(m.if(m.i64.ge_s(number.sig(), this.long(0n)), rare))
  }

  private isZero(number: Number80): Expression {
    const { m } = this
    return m.i64.eqz(m.i64.or(number.sig(), m.i64.extend_u(this.exponent(number))))
  }

  /** Conditions under which the other one of two numbers, one of which is zero, is neither zero nor normal. */
  private notSound(a: Number80, b: Number80, sig: Read, exponent: Expression): Expression[] {
    const { m } = this
    const exponents = m.i32.and(m.i32.or(a.se(), b.se()), this.int(EXPONENT))
    const pseudo = a.sound && b.sound ? [] : [m.i32.and(m.i64.eqz(sig()), m.i32.ne(exponents, this.int(0)))]
    const special = m.i32.and(m.i64.ne(sig(), this.long(0n)), this.notNormal(exponent))
    return [m.i64.gt_s(sig(), this.long(0n)), special, ...pseudo]
  }

  /** Nonzero unless one of two numbers is zero. An encoding with an exponent but no significand is not. */
  private neitherZero(a: Number80, b: Number80): Expression {
    const { m } = this
    return m.i32.eqz(m.i32.or(this.isZero(a), this.isZero(b)))
  }

  /** a * b. Zeros need no code of their own, but for what they may be multiplied with. */
  product(a: Number80, b: Number80, unless: Unless): Rounded {
    const { m } = this
    this.whenAny([this.extreme(a, b), ...this.unsound(a, b)], () => unless(this.neitherZeroNorSound(a, b)))
    const halves = ({ sig }: Number80): [Read, Read] => {
      return [this.wide(m.i64.and(sig(), this.long(LOW_WORD))), this.wide(m.i64.shr_u(sig(), this.long(32n)))]
    }
    const [a0, a1] = halves(a)
    const [b0, b1] = a.sig === b.sig ? [a0, a1] : halves(b)
    const p00 = this.wide(m.i64.mul(a0(), b0()))
    const middle = this.wide(m.i64.add(m.i64.mul(a1(), b0()), m.i64.shr_u(p00(), this.long(32n))))
    const cross = this.wide(m.i64.add(m.i64.mul(a0(), b1()), m.i64.and(middle(), this.long(LOW_WORD))))
    const upper = m.i64.add(m.i64.mul(a1(), b1()), m.i64.shr_u(middle(), this.long(32n)))
    const high = this.wide(m.i64.add(upper, m.i64.shr_u(cross(), this.long(32n))))
    // before: cross << 32 | low word of p00 => after: the product of the lowest words of all, modulo 2^64.
    const low = this.wide(m.i64.mul(a.sig(), b.sig()))
    // 1 where the product has to be shifted left by one.
    const short = m.i64.ge_s(high(), this.long(0n))
    const twice = m.i64.add(m.i64.add(high(), high()), m.i64.shr_u(low(), this.long(63n)))
    const sig = this.wide(m.select(short, twice, high()))
    const extra = this.wide(m.select(m.i64.ge_s(high(), this.long(0n)), m.i64.add(low(), low()), low()))
    const longer = m.i32.wrap(m.i64.shr_u(high(), this.long(63n)))
    // Signs add up as exponents do: what goes beyond bit 15 is cut off.
    const sum = m.i32.add(m.i32.sub(m.i32.add(a.se(), b.se()), this.int(BIAS)), longer)
    return this.round(sig, extra, this.word(m.i32.and(sum, this.int(SIGN | EXPONENT))), this.signOfBoth(a, b))
  }

  /** The sign of a product or quotient. */
  private signOfBoth(a: Number80, b: Number80): Read {
    return () => this.m.i32.and(this.m.i32.xor(a.se(), b.se()), this.int(SIGN))
  }

  /** Nonzero unless one of two numbers is zero and the other is zero or normal. */
  private neitherZeroNorSound(a: Number80, b: Number80): Expression {
    const { m } = this
    const exponent = m.i32.and(m.i32.or(a.se(), b.se()), this.int(EXPONENT))
    if (a.sound && b.sound) {
      const neither = m.i32.and(m.i64.ne(a.sig(), this.long(0n)), m.i64.ne(b.sig(), this.long(0n)))
      return m.i32.or(neither, m.i32.eq(exponent, this.int(EXPONENT)))
    }
    const other = this.wide(m.i64.or(a.sig(), b.sig()))
    return this.or(this.neitherZero(a, b), ...this.notSound(a, b, other, exponent))
  }

  /** a / b. */
  quotient(a: Number80, b: Number80, unless: Unless): Rounded {
    const { m } = this
    // Zero divided by a normal number is zero.
    this.whenAny([this.extreme(a, b), ...this.unsound(a, b)], () => {
      unless(this.or(
        m.i32.eqz(this.isZero(a)), m.i64.ge_s(b.sig(), this.long(0n)), this.notNormal(this.exponent(b)),
      ))
    })
    const { quotient, rest, halved } = divideSignificands(this, a.sig, b.sig, unless)
    const exponent = m.i32.add(m.i32.add(m.i32.sub(a.se(), b.se()), this.int(BIAS - 1)), halved())
    const se = this.word(m.i32.and(exponent, this.int(SIGN | EXPONENT)))
    return this.round(quotient, rest, se, this.signOfBoth(a, b))
  }

  /** Square root of a positive normal number. */
  squareRoot(number: Number80, unless: Unless): Rounded {
    const { m } = this
    unless(m.i32.and(m.i32.sub(number.se(), this.int(MIDDLE_FIRST)), this.int(MIDDLE_CLEAR | SIGN)))
    for (const condition of this.unsound(number)) unless(condition)
    // The bias is odd, so an even biased exponent is an odd power of two.
    const odd = this.word(m.i32.xor(m.i32.and(number.se(), this.int(1)), this.int(1)))
    const { root, rest } = rootOfSignificand(this, number.sig, odd, unless)
    const exponent = this.word(m.i32.shr_u(m.i32.add(number.se(), this.int(BIAS)), this.int(1)))
    return this.round(root, rest, exponent, () => this.int(0))
  }

  // --- conversions ---

  /** Single or double precision bits (i32 or i64) that are loaded; `unless` gets denormals and signaling NaNs. */
  fromFloat(format: Format, value: Expression, unless: Unless): Number80 {
    const { m } = this
    return this.floatNumber(format, value, ({ field, fraction, sign, sig, se }) => {
      const isZero = this.word(m.i32.eqz(field()))
      const rest = this.wide(fraction)
      const signaling = m.i32.and(m.i32.eqz(isZero()), m.i64.gt_s(rest(), this.long(0n)))
      unless(m.i32.or(signaling, m.i32.and(isZero(), m.i64.ne(rest(), this.long(0n)))))
      this.out.push(
        sig.set(m.select(isZero(), this.long(0n), sig.get())),
        se.set(m.i32.or(sign(), m.select(isZero(), this.int(0), this.int(EXPONENT)))),
      )
    })
  }

  /** The same for an operand of arithmetic: `unless` gets all but zeros and normal numbers. */
  operand(format: Format, value: Expression, unless: Unless): Number80 {
    const { m } = this
    return this.floatNumber(format, value, ({ field, fraction, sign, sig, se }) => {
      unless(m.i64.ne(m.i64.or(m.i64.extend_u(field()), fraction), this.long(0n)))
      this.out.push(sig.set(this.long(0n)), se.set(sign()))
    })
  }

  /** A number in memory; `rare` mends what is neither normal nor special, given the number as if it were. */
  private floatNumber(format: Format, value: Expression, rare: (parts: FloatParts) => void): Number80 {
    const { m } = this
    const narrow = format.size === 32
    const bits = narrow ? this.wide(m.i64.extend_u(value)) : this.wide(value)
    const field = this.word(
      m.i32.and(m.i32.wrap(m.i64.shr_u(bits(), this.long(BigInt(format.fraction)))), this.int(format.special)),
    )
    const top = BigInt(format.size - 16)
    const sign = this.word(m.i32.and(m.i32.wrap(m.i64.shr_u(bits(), this.long(top))), this.int(SIGN)))
    const toTop = BigInt(63 - format.fraction)
    const sig = this.variable('i64')
    const se = this.variable('i32')
    this.out.push(
      sig.set(m.i64.or(m.i64.shl(bits(), this.long(toTop)), this.long(INTEGER_BIT))),
      se.set(m.i32.or(sign(), m.i32.add(field(), this.int(format.rebias)))),
    )
    const fraction = m.i64.shl(bits(), this.long(toTop + 1n))
    const unusual = m.i32.ge_u(m.i32.sub(field(), this.int(1)), this.int(format.special - 1))
    this.out.push(m.if(unusual, this.apart(() => rare({ field, fraction, sign, sig, se }))))
    return { sig: sig.get, se: se.get, sound: true }
  }

  /** An i64 integer. Exact. */
  fromInteger(value: Expression): Number80 {
    const { m } = this
    const integer = this.wide(value)
    const mask = this.wide(m.i64.shr_s(integer(), this.long(63n)))
    const magnitude = this.wide(m.i64.sub(m.i64.xor(integer(), mask()), mask()))
    const count = this.wide(m.i64.clz(magnitude()))
    const exponent = m.i32.sub(this.int(BIAS + 63), m.i32.wrap(count()))
    const signed = m.i32.or(exponent, m.i32.and(m.i32.wrap(mask()), this.int(SIGN)))
    const se = this.word(m.select(m.i64.eqz(magnitude()), this.int(0), signed))
    return { sig: this.wide(m.i64.shl(magnitude(), count())), se, sound: true }
  }

  /**
   * Single or double precision bits of a number, as an i64, rounded to nearest; `unless` gets what is neither zero nor
   * well within normal numbers.
   */
  toFloat(
    format: Format, number: Number80, unless: Unless,
  ): { bits: Read; lost: Read; up: Read } {
    const { m } = this
    const kept = BigInt(63 - format.fraction)
    const exponent = this.word(m.i32.sub(this.exponent(number), this.int(format.rebias)))
    const whole = this.wide(m.i64.shr_u(number.sig(), this.long(kept)))
    const lost = this.wide(m.i64.shl(number.sig(), this.long(64n - kept)))
    const up = this.variable('i64')
    const bits = this.variable('i64')
    const sign = m.i64.shl(
      m.i64.extend_u(m.i32.shr_u(number.se(), this.int(15))), this.long(BigInt(format.size - 1)),
    )
    const signed = this.wide(sign)
    const placed = m.i64.shl(m.i64.extend_u(m.i32.sub(exponent(), this.int(1))), this.long(BigInt(format.fraction)))
    this.out.push(
      up.set(m.i64.shr_u(lost(), this.long(63n))),
      m.if(m.i64.eq(lost(), this.long(HALF)), up.set(m.i64.and(whole(), this.long(1n)))),
      // The integer bit, and a carry out of rounding, add to the exponent.
      bits.set(m.i64.add(m.i64.add(m.i64.add(signed(), placed), whole()), up.get())),
    )
    const extreme = m.i32.ge_u(m.i32.sub(exponent(), this.int(1)), this.int(format.special - 2))
    const unsound = number.sound ? [] : [m.i64.ge_s(number.sig(), this.long(0n))]
    const rare = this.apart(() => {
      unless(m.i64.ne(m.i64.or(number.sig(), m.i64.extend_u(this.exponent(number))), this.long(0n)))
      this.out.push(bits.set(signed()))
    })
    this.out.push(m.if(this.or(extreme, ...unsound), rare))
    return { bits: bits.get, lost, up: up.get }
  }

  /**
   * An integer of `size` bits (the low ones of an i64); `truncated` is nonzero to cut the fraction off, else it is
   * rounded to nearest. `unless` gets what does not fit, or is a NaN.
   */
  toInteger(
    size: number, number: Number80, truncated: Expression, unless: Unless,
  ): { bits: Read; lost: Read; up: Read } {
    const { m } = this
    const zero = this.word(m.i64.eqz(m.i64.or(number.sig(), m.i64.extend_u(this.exponent(number)))))
    // Bits behind the point, less one; numbers below one half lose all their bits, and what is lost is below one half.
    const fraction = this.word(m.i32.sub(this.int(BIAS + 62), this.exponent(number)))
    const count = this.wide(m.i64.extend_u(fraction()))
    const small = this.word(m.i32.gt_s(fraction(), this.int(63)))
    const rest = m.i64.shl(number.sig(), m.i64.sub(this.long(63n), count()))
    const lost = this.wide(
      m.select(small(), m.i64.extend_u(m.i32.eqz(zero())), rest),
    )
    const whole = this.wide(
      m.select(small(), this.long(0n), m.i64.shr_u(m.i64.shr_u(number.sig(), this.long(1n)), count())),
    )
    const up = this.variable('i64')
    this.out.push(
      up.set(m.i64.shr_u(lost(), this.long(63n))),
      m.if(m.i64.eq(lost(), this.long(HALF)), up.set(m.i64.and(whole(), this.long(1n)))),
      m.if(truncated, up.set(this.long(0n))),
    )
    const magnitude = this.wide(m.i64.add(whole(), up.get()))
    const limit = 1n << BigInt(size - 1)
    const unsound = number.sound ? [] : [m.i32.and(m.i64.ge_s(number.sig(), this.long(0n)), m.i32.eqz(zero()))]
    // A small number may be a denormal, which is reported.
    const denormal = m.i32.and(m.i32.eqz(this.exponent(number)), m.i32.eqz(zero()))
    const large = this.or(m.i32.lt_s(fraction(), this.int(0)), m.i64.ge_u(magnitude(), this.long(limit)))
    unless(this.or(large, denormal, ...unsound))
    const sign = this.wide(m.i64.sub(this.long(0n), m.i64.extend_u(m.i32.shr_u(number.se(), this.int(15)))))
    const bits = this.wide(m.i64.sub(m.i64.xor(magnitude(), sign()), sign()))
    return { bits, lost, up: up.get }
  }

  // --- comparison ---

  /** Whether a < b and a = b, for numbers that are no NaN; `unless` gets those that may be. */
  compare(a: Number80, b: Number80, unless: Unless): { less: Read; equal: Read } {
    const { m } = this
    const exponentA = this.word(this.exponent(a))
    const exponentB = this.word(this.exponent(b))
    const special = (exponent: Read) => m.i32.eq(exponent(), this.int(EXPONENT))
    const unsound = (number: Number80, exponent: Read) =>
      number.sound
        ? []
        : [
          m.i32.and(
            m.i64.ge_s(number.sig(), this.long(0n)),
            m.i64.ne(m.i64.or(number.sig(), m.i64.extend_u(exponent())), this.long(0n)),
          ),
          m.i32.and(m.i32.eqz(exponent()), m.i64.ne(number.sig(), this.long(0n))),
        ]
    unless(this.or(special(exponentA), special(exponentB), ...unsound(a, exponentA), ...unsound(b, exponentB)))
    const same = this.word(m.i32.eq(exponentA(), exponentB()))
    const smaller = this.word(
      m.i32.or(m.i32.lt_u(exponentA(), exponentB()), m.i32.and(same(), m.i64.lt_u(a.sig(), b.sig()))),
    )
    const differ = this.word(m.i32.shr_u(m.i32.xor(a.se(), b.se()), this.int(15)))
    const negative = this.word(m.i32.shr_u(a.se(), this.int(15)))
    const alike = m.i32.and(m.i32.and(same(), m.i64.eq(a.sig(), b.sig())), m.i32.eqz(differ()))
    const equal = this.word(m.i32.or(alike, m.i64.eqz(m.i64.or(a.sig(), b.sig()))))
    const below = m.select(differ(), negative(), m.i32.xor(smaller(), negative()))
    return { less: this.word(m.i32.and(below, m.i32.eqz(equal()))), equal }
  }
}
