/** Moves of MMX and SSE registers, whole and in part (SDM vol. 2). Nothing is computed and no exception flag set. */
import { Gpr } from '../../runtime/state.ts'
import { declareHelpers } from '../helper-signatures.ts'
import type { Builder, Definition, OperandIndex, Value } from './builder.ts'
import { begin, enterMmx, formOf, fromInteger, isMemory, isMmx, readPart, readVector, writeVector } from './vector.ts'

declareHelpers('maskedStore(i32,i32,i32,i32)! loadMxcsr(i32)!@')

/** Offset of the high half of an XMM register's slot. */
const HIGH = 8

/** MOVAPS MOVUPS MOVDQA MOVDQU LDDQU MOVNTDQ …    dst := src, 128 bits; `anywhere`: memory need not be aligned. */
const whole =
  (anywhere: boolean): Definition =>
  b => {
    begin(b)
    const value = readVector(b, 1, anywhere)
    if (isMemory(b, 0)) b.store('operand', b.addressOf(0), 128, value, !anywhere)
    else writeVector(b, 0, value)
  }

/** MOVSS MOVSD    low element; from memory the rest of the register is cleared. */
const scalar =
  (size: number): Definition =>
  b => {
    begin(b)
    if (isMemory(b, 1)) writeVector(b, 0, readVector(b, 1))
    else {
      const value = readPart(b, 1, size)
      if (isMemory(b, 0)) b.storeOperand(0, size, value)
      else b.poke(b.read(0), size, value)
    }
  }

/** A 64-bit half of one operand to a half of the other; memory has one. Offsets are those in registers. */
const half =
  (to: number, from: number): Definition =>
  b => {
    begin(b)
    const value = isMemory(b, 1) ? b.loadOperand(1, 64) : b.peek(b.read(1), 64, 'i64', from)
    if (isMemory(b, 0)) b.storeOperand(0, 64, value)
    else b.poke(b.read(0), 64, value, to)
  }

/** MOVHPS MOVHPD    the high half of the register, and memory. */
const high: Definition = b => (isMemory(b, 0) ? half(0, HIGH) : half(HIGH, 0))(b, b.facts)

/** Stores or writes an integer of `size` bits, zero-extended in a register. */
function writeInteger(b: Builder, index: OperandIndex, value: Value, size: number): void {
  if (isMemory(b, index)) b.storeOperand(index, size, value)
  else writeVector(b, index, fromInteger(b, value, size))
}

/** MOVD    between a vector register, where it is zero-extended, and r/m32. */
const movd: Definition = b => {
  begin(b)
  const [destination] = b.facts.operands
  if (destination.class === 'mm' || destination.class === 'xmm') {
    const value = b.read(1)
    writeInteger(b, 0, value, 32)
    return
  }
  const value = b.peek(b.read(1), 32)
  b.write(0, value)
  if (isMmx(b, 1)) enterMmx(b)
}

/** MOVQ    64 bits; an XMM register is cleared above them. */
const movq: Definition = b => {
  begin(b)
  writeInteger(b, 0, readPart(b, 1, 64), 64)
  if (isMmx(b, 1)) enterMmx(b)
}

/** MOVQ2DQ, MOVDQ2Q    between an MM and an XMM register. */
const movqBetween: Definition = b => {
  begin(b)
  writeVector(b, 0, b.peek(b.read(1), 64, 'v128'))
  enterMmx(b)
}

/** MOVNTI m32, r32    a store. */
const movnti: Definition = b => b.write(0, b.read(1))

/** MOVMSKPS MOVMSKPD PMOVMSKB    dst := the sign bits of src's elements. */
const signs =
  (operator: string): Definition =>
  b => {
    begin(b)
    const mask = b.wasm(operator, [readVector(b, 1)])
    b.write(0, isMmx(b, 1) ? b.and(mask, 0xff) : mask)
    if (isMmx(b, 1)) enterMmx(b)
  }

/** Address of element `immediate` of a vector register operand. */
function elementAddress(b: Builder, index: OperandIndex, immediate: Value, count: number, size: number): Value {
  return b.add(b.read(index), b.shl(b.and(immediate, count - 1), Math.log2(size / 8)))
}

/** PEXTRW PEXTRB PEXTRD EXTRACTPS    dst := element imm8 of src, zero-extended. */
const extract =
  (size: number): Definition =>
  b => {
    begin(b)
    const count = (isMmx(b, 1) ? 64 : 128) / size
    b.write(0, b.peek(elementAddress(b, 1, b.read(2), count, size), size))
    if (isMmx(b, 1)) enterMmx(b)
  }

/** PINSRW PINSRB PINSRD    element imm8 of dst := src. */
const insert =
  (size: number): Definition =>
  b => {
    begin(b)
    const value = b.read(1)
    const count = (isMmx(b, 0) ? 64 : 128) / size
    b.poke(elementAddress(b, 0, b.read(2), count, size), size, value)
    if (isMmx(b, 0)) writeVector(b, 0, readVector(b, 0))
  }

/** MOVDDUP MOVSLDUP MOVSHDUP    elements of src, each twice. */
const duplicate =
  (lanes: readonly number[]): Definition =>
  b => {
    begin(b)
    const source = readVector(b, 1)
    writeVector(b, 0, b.shuffle(source, source, lanes))
  }

/** MASKMOVQ MASKMOVDQU    bytes of dst to seg:[EDI] where src has its top bit set. */
const masked: Definition = (b, { addressSize }) => {
  begin(b)
  const offset = b.register(Gpr.Edi, addressSize)
  const bytes = isMmx(b, 0) ? 8 : 16
  b.call('maskedStore', formOf(b, 0, b.read(0), b.read(1)), b.effectiveSegment(), offset, bytes)
  if (isMmx(b, 0)) enterMmx(b)
}

/** LDMXCSR    MXCSR := m32. */
const ldmxcsr: Definition = b => {
  b.require('sse')
  b.call('loadMxcsr', b.read(0))
}

/** STMXCSR    m32 := MXCSR. */
const stmxcsr: Definition = b => {
  b.require('sse')
  b.write(0, b.field('mxcsr'))
}

/** EMMS    all x87 registers are empty. */
const emms: Definition = b => {
  b.require('mmx')
  b.setField('fpuTop', 0)
  b.setField('fpuTag', 0)
}

/** CLFLUSH    an access of one byte; there are no caches to write back. */
const clflush: Definition = b => {
  b.loadOperand(0, 8)
}

/** MOVLPS MOVLPD    the low half of the register, and memory. */
const low = half(0, 0)

export const vectorMoves: Readonly<Record<string, Definition>> = {
  movaps: whole(false), movapd: whole(false), movdqa: whole(false), movntps: whole(false), movntpd: whole(false),
  movntdq: whole(false), movntdqa: whole(false), movups: whole(true), movupd: whole(true), movdqu: whole(true),
  lddqu: whole(true), movss: scalar(32), movsd: scalar(64), movlps: low, movlpd: low, movhps: high, movhpd: high,
  movhlps: half(0, HIGH), movlhps: half(HIGH, 0), movd, movq, movntq: movq, movq2dq: movqBetween, movdq2q: movqBetween,
  movnti, movmskps: signs('i32x4.bitmask'), movmskpd: signs('i64x2.bitmask'), pmovmskb: signs('i8x16.bitmask'),
  pextrb: extract(8), pextrw: extract(16), pextrd: extract(32), extractps: extract(32),
  pinsrb: insert(8), pinsrw: insert(16), pinsrd: insert(32),
  movddup: duplicate([0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7]),
  movsldup: duplicate([0, 1, 2, 3, 0, 1, 2, 3, 8, 9, 10, 11, 8, 9, 10, 11]),
  movshdup: duplicate([4, 5, 6, 7, 4, 5, 6, 7, 12, 13, 14, 15, 12, 13, 14, 15]),
  maskmovq: masked, maskmovdqu: masked, ldmxcsr, stmxcsr, emms, clflush,
}
