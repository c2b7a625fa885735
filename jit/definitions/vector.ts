/**
 * What the definitions of MMX and SSE instructions share: reading and writing vector operands, constants, and the
 * forms that their helpers take (runtime/vector-operations.ts).
 *
 * An MM register is worked on as the low half of a 128-bit vector, so that one definition serves both register files.
 * MM registers are the significands of the x87 registers: an MMX instruction marks all of them in use and sets TOP to
 * 0, and one that writes a register sets the bits above its significand (SDM vol. 1, 9.5.1).
 */
import { stateAddress } from '../../runtime/state.ts'
import { DESTINATION_SHIFT, SOURCE_SHIFT } from '../../runtime/vector-operations.ts'
import type { ValueType } from '../ir.ts'
import type { Builder, Definition, OperandIndex, Value } from './builder.ts'

/** Offset of sign and exponent in the slot of an x87 register, and what MMX writes there. */
const EXPONENT_OFFSET = 8
const MMX_EXPONENT = 0xffff
const ALL_IN_USE = 0xff

/** Whether an operand is an MM register. */
export function isMmx(b: Builder, index: OperandIndex): boolean {
  return b.facts.operands[index].class === 'mm'
}

/** Whether an operand is memory. */
export function isMemory(b: Builder, index: OperandIndex): boolean {
  return b.facts.operands[index].kind === 'memory'
}

/** What comes first: checks of the units whose registers the instruction names. */
export function begin(b: Builder): void {
  const { operands } = b.facts
  const mmx = operands.some(operand => operand.class === 'mm')
  if (!mmx || operands.some(operand => operand.class === 'xmm')) b.require('sse')
  if (mmx) b.require('mmx')
}

/** The x87 state as an MMX instruction leaves it; after everything that can fault. */
export function enterMmx(b: Builder): void {
  b.setField('fpuTop', 0)
  b.setField('fpuTag', ALL_IN_USE)
}

export function zero(b: Builder): Value {
  return repeated(b, [0])
}

/** A vector that repeats some bytes. */
export function repeated(b: Builder, bytes: readonly number[]): Value {
  return b.vector(Array.from({ length: 16 }, (_, i) => bytes[i % bytes.length]))
}

/** A vector of equal elements of `size` bits. */
export function splat(b: Builder, value: number, size: number): Value {
  return repeated(b, Array.from({ length: size / 8 }, (_, i) => Math.floor(value / 2 ** (8 * i)) & 0xff))
}

/** A vector of an integer in its lowest bits and zeros above. */
export function fromInteger(b: Builder, value: Value, size: number): Value {
  return b.wasm(size === 64 ? 'i64x2.replace_lane' : 'i32x4.replace_lane', [zero(b), value])
}

/**
 * An operand as a vector: a register, or memory of the operand's size, zero-extended. Memory of 128 bits must be
 * aligned unless `anywhere`.
 */
export function readVector(b: Builder, index: OperandIndex, anywhere = false): Value {
  if (!isMemory(b, index)) return b.peek(b.read(index), isMmx(b, index) ? 64 : 128, 'v128')
  const size = b.sizeOf(index)
  const value = b.load('operand', b.addressOf(index), size, size === 128 && !anywhere)
  return size === 128 ? value : fromInteger(b, value, size)
}

/** Writes a register operand: all of an XMM register, or an MM register with what belongs to that. */
export function writeVector(b: Builder, index: OperandIndex, value: Value): void {
  const address = b.read(index)
  if (!isMmx(b, index)) {
    b.poke(address, 128, value)
    return
  }
  b.poke(address, 64, value)
  b.poke(address, 16, b.constant(MMX_EXPONENT), EXPONENT_OFFSET)
  enterMmx(b)
}

/** Low part of a vector register operand, or memory of the operand's size, as a value of `type`. */
export function readPart(b: Builder, index: OperandIndex, size: number, type?: ValueType): Value {
  if (!isMemory(b, index)) return b.peek(b.read(index), size, type)
  const bits = b.load('operand', b.addressOf(index), size)
  if (type === 'f32' || type === 'f64') return b.wasm(`${type}.reinterpret`, [bits])
  return bits
}

/** dst := operation(dst, src) on MM or XMM registers; `wide` says which. */
export const combine =
  (operation: (b: Builder, left: Value, right: Value, wide: boolean) => Value): Definition =>
  b => {
    begin(b)
    const right = readVector(b, 1)
    const left = readVector(b, 0)
    writeVector(b, 0, operation(b, left, right, !isMmx(b, 0)))
  }

/** dst := operator(dst, src), a wasm operator. */
export const direct = (operator: string): Definition => combine((b, left, right) => b.wasm(operator, [left, right]))

/** dst := operation(src). */
export const transform =
  (operation: (b: Builder, source: Value, wide: boolean) => Value): Definition =>
  b => {
    begin(b)
    const source = readVector(b, 1)
    writeVector(b, 0, operation(b, source, !isMmx(b, 0)))
  }

const SCRATCH = stateAddress('vectorOperand')

/** Leaves a value where helpers take an operand that is no register; gives the address. */
export function stashOperand(b: Builder, size: number, value: Value): Value {
  b.stash(b.constant(SCRATCH), size, value)
  return b.constant(SCRATCH)
}

/** Leaves an immediate where helpers take it. */
export function stashImmediate(b: Builder, immediate: Value): void {
  b.stash(b.constant(stateAddress('vectorImmediate')), 32, immediate)
}

/** A form: operation, address of the destination's slot, address of the source's. */
export function formOf(b: Builder, operation: number, destination: Value, source: Value): Value {
  const registers = b.or(b.shl(destination, DESTINATION_SHIFT), b.shl(source, SOURCE_SHIFT))
  return b.or(registers, operation)
}
