/** The operations of the model (model.ts), each from the "Operation" section of its instruction in SDM vol. 2. */
import { Eflags, Vector as Exception } from '../../../runtime/state.ts'
import { ModelFault, type ModelMachine } from './model.ts'

export interface Flags {
  value: number
}

const { CF, PF, AF, ZF, SF, OF } = Eflags
const mask = (size: number) => (size >= 32 ? 0xffff_ffff : 2 ** size - 1)
const cut = (value: number, size: number) => (value & mask(size)) >>> 0
const sign = (value: number, size: number) => (value >>> (size - 1)) & 1
const signed = (value: number, size: number) => (value << (32 - size)) >> (32 - size)

function put(flags: Flags, bit: number, on: boolean | number): void {
  flags.value = on ? flags.value | bit : flags.value & ~bit
}

function parity(value: number): boolean {
  let ones = 0
  for (let i = 0; i < 8; i++) ones += (value >>> i) & 1
  return ones % 2 === 0
}

function resultFlags(flags: Flags, result: number, size: number): void {
  put(flags, SF, sign(result, size))
  put(flags, ZF, result === 0)
  put(flags, PF, parity(result))
}

/** left + right + carry with all six flags. */
function addition(flags: Flags, left: number, right: number, carry: number, size: number): number {
  const total = left + right + carry
  const result = cut(total, size)
  put(flags, CF, total > mask(size))
  put(flags, AF, (left & 15) + (right & 15) + carry > 15)
  put(flags, OF, sign(left, size) === sign(right, size) && sign(left, size) !== sign(result, size))
  resultFlags(flags, result, size)
  return result
}

function subtraction(flags: Flags, left: number, right: number, borrow: number, size: number): number {
  const result = cut(left - right - borrow, size)
  put(flags, CF, left < right + borrow)
  put(flags, AF, (left & 15) < (right & 15) + borrow)
  put(flags, OF, sign(left, size) !== sign(right, size) && sign(left, size) !== sign(result, size))
  resultFlags(flags, result, size)
  return result
}

function logical(flags: Flags, result: number, size: number): number {
  put(flags, CF | OF, 0)
  resultFlags(flags, result, size)
  return result
}

type Operation = (m: ModelMachine) => void
type Binary = (flags: Flags, left: number, right: number, size: number) => number

/** dst := f(dst, src); the destination is translated for writing first. */
const modify =
  (f: Binary): Operation =>
  m => {
    m.probeWrite(0)
    const left = m.read(0)
    const right = m.read(1)
    m.write(0, f(m.flags, left, right, m.size))
  }

const compare =
  (f: Binary): Operation =>
  m => {
    const left = m.read(0)
    f(m.flags, left, m.read(1), m.size)
  }

const unary =
  (f: (flags: Flags, value: number, size: number) => number): Operation =>
  m => {
    m.probeWrite(0)
    m.write(0, f(m.flags, m.read(0), m.size))
  }

/** INC and DEC keep CF. */
const keepCarry = (f: (flags: Flags, value: number, size: number) => number) =>
  unary((flags, value, size) => {
    const carry = flags.value & CF
    const result = f(flags, value, size)
    put(flags, CF, carry)
    return result
  })

const bitAt = (value: number, position: number) => (value >>> position) & 1

/** One rotation or shift by one bit: the new value and the bit that fell out. */
type Step = (value: number, carry: number, size: number) => [value: number, out: number]

/** Shifts as repeated single steps, as the SDM's loops have it. `single` gives OF after a count of one. */
const shift =
  (
    step: Step,
    setsResult: boolean,
    single: (before: number, after: number, carry: number, size: number) => number,
  ): Operation =>
  m => {
    const { size, flags } = m
    const form = m.vector.row.form
    const count = (form.endsWith('_CL') ? m.registers[1] : form.endsWith('_1') ? 1 : m.read(1, 8)) & 31
    m.probeWrite(0)
    const before = m.read(0)
    let value = before
    let carry = flags.value & CF
    for (let i = 0; i < count; i++) [value, carry] = step(value, carry, size)
    if (count > 0) {
      put(flags, CF, carry)
      if (setsResult) resultFlags(flags, value, size)
      if (count === 1) put(flags, OF, single(before, value, carry, size))
    }
    m.write(0, value)
  }

const topAgainstCarry = (_: number, after: number, carry: number, size: number) => sign(after, size) ^ carry
const twoTopBits = (_: number, after: number, __: number, size: number) => sign(after, size) ^ bitAt(after, size - 2)

const left: Step = (v, _, n) => [cut(v << 1, n), sign(v, n)]
const rotateLeft: Step = (v, _, n) => [cut((v << 1) | sign(v, n), n), sign(v, n)]
const rotateRight: Step = (v, _, n) => [cut((v >>> 1) | ((v & 1) << (n - 1)), n), v & 1]

const doubleShift =
  (toLeft: boolean): Operation =>
  m => {
    const { size, flags } = m
    const count = (m.vector.row.form.endsWith('_CL') ? m.registers[1] : m.read(2, 8)) & 31
    m.probeWrite(0)
    const before = m.read(0)
    const fill = m.read(1)
    let value = before
    let carry = 0
    for (let i = 0; i < count; i++) {
      carry = toLeft ? sign(value, size) : value & 1
      value = toLeft
        ? cut((value << 1) | bitAt(fill, size - 1 - i), size)
        : cut((value >>> 1) | (bitAt(fill, i) << (size - 1)), size)
    }
    if (count > 0) {
      put(flags, CF, carry)
      resultFlags(flags, value, size)
      if (count === 1) put(flags, OF, sign(before, size) !== sign(value, size))
    }
    m.write(0, value)
  }

const multiplyWide =
  (isSigned: boolean): Operation =>
  m => {
    const { size, flags } = m
    const asNumber = (v: number) => BigInt(isSigned ? signed(v, size) : v)
    const product = asNumber(m.register(m.accumulator(0, size)).value) * asNumber(m.read(0))
    const low = Number(BigInt.asUintN(size, product))
    const high = Number(BigInt.asUintN(size, product >> BigInt(size)))
    m.setRegister(m.accumulator(0, size), low)
    m.setRegister(m.accumulator(2, size), high)
    put(flags, CF | OF, isSigned ? BigInt(signed(low, size)) !== product : high !== 0)
  }

const multiply: Operation = m => {
  const { size } = m
  const operands = m.instruction.opCount
  if (operands === 1) return multiplyWide(true)(m)
  const factors = operands === 2 ? [m.read(0), m.read(1)] : [m.read(1), m.read(2)]
  const product = BigInt(signed(factors[0], size)) * BigInt(signed(factors[1], size))
  const low = Number(BigInt.asUintN(size, product))
  m.write(0, low)
  put(m.flags, CF | OF, BigInt(signed(low, size)) !== product)
}

const divide =
  (isSigned: boolean): Operation =>
  m => {
    const { size } = m
    const bits = BigInt(size)
    const divisor = m.read(0)
    const whole =
      (BigInt(m.register(m.accumulator(2, size)).value) << bits) | BigInt(m.register(m.accumulator(0, size)).value)
    if (divisor === 0) throw new ModelFault(Exception.DE)
    const dividend = isSigned ? BigInt.asIntN(2 * size, whole) : whole
    const by = BigInt(isSigned ? signed(divisor, size) : divisor)
    const quotient = dividend / by
    const fits = isSigned ? BigInt.asIntN(size, quotient) === quotient : quotient >> bits === 0n
    if (!fits) throw new ModelFault(Exception.DE)
    m.setRegister(m.accumulator(0, size), Number(BigInt.asUintN(size, quotient)))
    m.setRegister(m.accumulator(2, size), Number(BigInt.asUintN(size, dividend % by)))
  }

/** Bit offsets in registers address memory beyond the operand, both ways; immediates do not (SDM vol. 2, BT). */
const bitTest =
  (change: (value: number, bit: number) => number, writes: boolean): Operation =>
  m => {
    const { size } = m
    const byRegister = m.vector.row.form === 'Ev_Gv'
    const offset = byRegister ? signed(m.read(1), size) : m.read(1, 8)
    const position = offset & (size - 1)
    if (m.isMemory(0) && byRegister) {
      const at = m.offset((offset - position) / 8)
      if (writes) m.probe(at, size)
      const value = m.load(at, size)
      put(m.flags, CF, bitAt(value, position))
      if (writes) m.store(at, cut(change(value, 1 << position), size), size)
      return
    }
    if (writes) m.probeWrite(0)
    const value = m.read(0)
    put(m.flags, CF, bitAt(value, position))
    if (writes) m.write(0, cut(change(value, 1 << position), size))
  }

const scan =
  (fromTop: boolean): Operation =>
  m => {
    const value = m.read(1)
    put(m.flags, ZF, value === 0)
    if (value !== 0) m.write(0, fromTop ? 31 - Math.clz32(value) : 31 - Math.clz32(value & -value))
  }

/** Conditions in encoding order, pairs of a test and its negation (SDM vol. 1, appendix B). */
function conditionHolds(eflags: number, condition: number): boolean {
  const is = (bit: number) => (eflags & bit) !== 0
  const tests = [
    is(OF),
    is(CF),
    is(ZF),
    is(CF) || is(ZF),
    is(SF),
    is(PF),
    is(SF) !== is(OF),
    is(ZF) || is(SF) !== is(OF),
  ]
  return tests[condition >> 1] !== ((condition & 1) === 1)
}

/** MOVZX and MOVSX name the size of their source in the form. */
const sourceSize = (m: ModelMachine) => (m.vector.row.form.endsWith('Eb') ? 8 : 16)

const exchange: Operation = m => {
  const memory = m.isMemory(1) ? 1 : 0
  m.probeWrite(memory)
  const a = m.read(memory)
  const b = m.read(1 - memory)
  m.write(memory, b)
  m.write(1 - memory, a)
}

const add: Binary = (f, a, b, n) => addition(f, a, b, 0, n)
const sub: Binary = (f, a, b, n) => subtraction(f, a, b, 0, n)
const and: Binary = (f, a, b, n) => logical(f, cut(a & b, n), n)

/** By mnemonic of the vector's row. */
export const operations: Readonly<Record<string, Operation>> = {
  add: modify(add),
  or: modify((f, a, b, n) => logical(f, cut(a | b, n), n)),
  adc: modify((f, a, b, n) => addition(f, a, b, f.value & CF, n)),
  sbb: modify((f, a, b, n) => subtraction(f, a, b, f.value & CF, n)),
  and: modify(and),
  sub: modify(sub),
  xor: modify((f, a, b, n) => logical(f, cut(a ^ b, n), n)),
  cmp: compare(sub),
  test: compare(and),
  inc: keepCarry((f, v, n) => addition(f, v, 1, 0, n)),
  dec: keepCarry((f, v, n) => subtraction(f, v, 1, 0, n)),
  neg: unary((f, v, n) => subtraction(f, 0, v, 0, n)),
  not: unary((_, v, n) => cut(~v, n)),
  rol: shift(rotateLeft, false, topAgainstCarry),
  ror: shift(rotateRight, false, twoTopBits),
  rcl: shift((v, c, n) => [cut((v << 1) | c, n), sign(v, n)], false, topAgainstCarry),
  rcr: shift((v, c, n) => [cut((v >>> 1) | (c << (n - 1)), n), v & 1], false, twoTopBits),
  shl: shift(left, true, topAgainstCarry),
  shr: shift(
    v => [v >>> 1, v & 1],
    true,
    (before, _, __, n) => sign(before, n),
  ),
  sar: shift(
    (v, _, n) => [cut(signed(v, n) >> 1, n), v & 1],
    true,
    () => 0,
  ),
  shld: doubleShift(true),
  shrd: doubleShift(false),
  mul: multiplyWide(false),
  imul: multiply,
  div: divide(false),
  idiv: divide(true),
  bt: bitTest(v => v, false),
  bts: bitTest((v, bit) => v | bit, true),
  btr: bitTest((v, bit) => v & ~bit, true),
  btc: bitTest((v, bit) => v ^ bit, true),
  bsf: scan(false),
  bsr: scan(true),
  mov: m => {
    m.probeWrite(0)
    m.write(0, m.read(1))
  },
  movzx: m => m.write(0, m.read(1, sourceSize(m))),
  movsx: m => m.write(0, cut(signed(m.read(1, sourceSize(m)), sourceSize(m)), m.size)),
  popcnt: m => {
    const value = m.read(1)
    const ones = Array.from({ length: 32 }, (_, i) => bitAt(value, i)).reduce((sum, bit) => sum + bit)
    put(m.flags, CF | PF | AF | ZF | SF | OF, 0)
    put(m.flags, ZF, value === 0)
    m.write(0, ones)
  },
  bswap: m => {
    const value = m.read(0)
    m.write(
      0,
      [0, 8, 16, 24].reduce((sum, shiftBy) => sum * 256 + ((value >>> shiftBy) & 0xff), 0),
    )
  },
  cbw: m => {
    const half = m.register(m.accumulator(0, m.size / 2)).value
    m.setRegister(m.accumulator(0, m.size), signed(half, m.size / 2))
  },
  cwd: m => m.setRegister(m.accumulator(2, m.size), -sign(m.register(m.accumulator(0, m.size)).value, m.size)),
  lea: m => m.write(0, cut(m.offset(), m.size)),
  xchg: exchange,
  cmovcc: m => {
    const value = m.read(1)
    if (conditionHolds(m.flags.value, m.condition)) m.write(0, value)
  },
  setcc: m => m.write(0, conditionHolds(m.flags.value, m.condition) ? 1 : 0),
  xadd: m => {
    m.probeWrite(0)
    const before = m.read(0)
    const sum = add(m.flags, before, m.read(1), m.size)
    // Memory first, since the source may be part of the address; a register given twice ends as the sum.
    if (m.isMemory(0)) m.write(0, sum)
    m.write(1, before)
    if (!m.isMemory(0)) m.write(0, sum)
  },
  cmpxchg: m => {
    m.probeWrite(0)
    const before = m.read(0)
    const accumulator = m.accumulator(0, m.size)
    const source = m.read(1)
    sub(m.flags, m.register(accumulator).value, before, m.size)
    if (m.flags.value & ZF) m.write(0, source)
    else m.setRegister(accumulator, before)
  },
}
