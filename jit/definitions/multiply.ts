/** Multiplication and division (SDM vol. 2). Flags that the manual leaves undefined stay as they were. */
import { Gpr, Vector } from '../../runtime/state.ts'
import type { Builder, Definition, Value } from './builder.ts'

/** CF and OF from one bit; SF, ZF, AF, PF (undefined) stay, as on AMD parts. */
function setOverflowAndCarry(b: Builder, bit: Value): void {
  b.setOverflow(bit)
  b.setCarry(bit)
}

/** MUL r/m    AX := AL * src, DX:AX := AX * src, EDX:EAX := EAX * src. CF, OF := high half is not zero. */
const mul: Definition = b => {
  const size = b.sizeOf(0)
  const right = b.read(0)
  const left = b.register(Gpr.Eax, size)
  if (size === 32) {
    const product = b.mul(b.widenU(left), b.widenU(right))
    const high = b.wrap(b.shr(product, 32))
    const low = b.wrap(product)
    b.setRegister(Gpr.Eax, 32, low)
    b.setRegister(Gpr.Edx, 32, high)
    setOverflowAndCarry(b, b.ne(high, 0))
    return
  }
  const product = b.mul(left, right)
  const high = b.shr(product, size)
  if (size === 8) b.setRegister(Gpr.Eax, 16, product)
  else {
    b.setRegister(Gpr.Eax, 16, b.and(product, 0xffff))
    b.setRegister(Gpr.Edx, 16, high)
  }
  setOverflowAndCarry(b, b.ne(high, 0))
}

/** The signed product of two operands of `size` bits as an i64, and whether it does not fit `size` bits. */
function signedProduct(b: Builder, left: Value, right: Value, size: number): { product: Value; overflow: Value } {
  const product = b.mul(b.widenS(b.signExtend(left, size)), b.widenS(b.signExtend(right, size)))
  return { product, overflow: b.ne(product, b.signExtend(product, size)) }
}

/**
 * IMUL r/m             as MUL, signed.
 * IMUL r, r/m          dst := dst * src.
 * IMUL r, r/m, imm     dst := src * imm.    CF, OF := the product does not fit the destination.
 */
const imul: Definition = (b, { operands }) => {
  const size = b.sizeOf(0)
  if (operands.length > 1) {
    const right = operands.length === 3 ? b.read(2) : b.read(0)
    const { product, overflow } = signedProduct(b, b.read(1), right, size)
    const result = b.truncate(b.wrap(product), size)
    b.write(0, result)
    setOverflowAndCarry(b, overflow)
    return
  }
  const right = b.read(0)
  const { product, overflow } = signedProduct(b, b.register(Gpr.Eax, size), right, size)
  const low = b.wrap(product)
  if (size === 32) {
    b.setRegister(Gpr.Eax, 32, low)
    b.setRegister(Gpr.Edx, 32, b.wrap(b.shr(product, 32)))
  } else if (size === 16) {
    b.setRegister(Gpr.Eax, 16, b.and(low, 0xffff))
    b.setRegister(Gpr.Edx, 16, b.and(b.shr(low, 16), 0xffff))
  } else b.setRegister(Gpr.Eax, 16, b.and(low, 0xffff))
  setOverflowAndCarry(b, overflow)
}

/** The dividend of DIV and IDIV as an i64: AX, DX:AX or EDX:EAX, zero- or sign-extended. */
function dividend(b: Builder, size: number, signed: boolean): Value {
  if (size === 8) {
    const ax = b.register(Gpr.Eax, 16)
    return signed ? b.widenS(b.signExtend(ax, 16)) : b.widenU(ax)
  }
  if (size === 16) {
    const pair = b.or(b.shl(b.register(Gpr.Edx, 16), 16), b.register(Gpr.Eax, 16))
    return signed ? b.widenS(pair) : b.widenU(pair)
  }
  return b.or(b.shl(b.widenU(b.register(Gpr.Edx, 32)), 32), b.widenU(b.register(Gpr.Eax, 32)))
}

function writeQuotient(b: Builder, size: number, quotient: Value, remainder: Value): void {
  const low = b.wrap(quotient)
  const rest = b.wrap(remainder)
  if (size === 8) {
    b.setRegister(Gpr.Eax, 16, b.or(b.shl(b.and(rest, 0xff), 8), b.and(low, 0xff)))
    return
  }
  b.setRegister(Gpr.Eax, size, b.truncate(low, size))
  b.setRegister(Gpr.Edx, size, b.truncate(rest, size))
}

/** DIV r/m    quotient and remainder of the double-width accumulator. #DE when src is 0 or the quotient too large. */
const div: Definition = b => {
  const size = b.sizeOf(0)
  const divisor = b.widenU(b.read(0))
  const whole = dividend(b, size, false)
  b.faultIf(b.eqz(divisor), Vector.DE)
  const quotient = b.divU(whole, divisor)
  b.faultIf(b.ne(b.shr(quotient, size), b.constant(0, 'i64')), Vector.DE)
  writeQuotient(b, size, quotient, b.remU(whole, divisor))
}

/** IDIV r/m    as DIV, signed, rounding towards zero. */
const idiv: Definition = b => {
  const size = b.sizeOf(0)
  const divisor = b.widenS(b.signExtend(b.read(0), size))
  const whole = dividend(b, size, true)
  b.faultIf(b.eqz(divisor), Vector.DE)
  if (size === 32) {
    // The one quotient that wasm's own division refuses: -2^63 / -1.
    const least = b.eqz(b.xor(whole, b.shl(b.constant(1, 'i64'), 63)))
    b.faultIf(b.and(least, b.eq(divisor, b.constant(-1, 'i64'))), Vector.DE)
  }
  const quotient = b.divS(whole, divisor)
  b.faultIf(b.ne(quotient, b.signExtend(quotient, size)), Vector.DE)
  writeQuotient(b, size, quotient, b.remS(whole, divisor))
}

export const multiplication: Readonly<Record<string, Definition>> = { mul, imul, div, idiv }
