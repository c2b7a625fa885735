/**
 * Operand codes of the opcode tables ("Ev", "Gb", "Wss"...), each with the function that reads such an operand.
 *
 * The letters follow the SDM's opcode map (volume 2, appendix A.2), with these additions: `Zb Zv` a register in the
 * low three opcode bits (the appendix writes the register's name), `Ibs` an immediate byte sign-extended to the
 * operand size, `Rv/Mw` a form whose register and memory sizes differ, and `M` without a size for an address that is
 * not accessed as one datum (LEA, FXSAVE, descriptor-table registers, bounds, environments).
 *
 *     E r/m   G reg   R r/m, register only   M r/m, memory only   Z register in the opcode
 *     S segment   C control   D debug   P mm reg   Q mm/m64   N mm, register only   V xmm reg   W xmm/m   U xmm only
 *     I immediate   J relative   O moffs   A far pointer
 *     b 8   w 16   d 32   q 64   dq 128   v 16/32/64   y 32/64   z 16/32   p far pointer   t 80   ss/sd/ps/pd floats
 */
import { type ByteCursor, SIZE_16, signExtend8, signExtend16 } from './byte-cursor.ts'
import type { ImmediateOperand, Operand, RegisterOperand } from './instruction.ts'
import { readMemory, readOffset } from './modrm.ts'
import type { RegisterFile } from './registers.ts'
import * as registers from './registers.ts'

/** Reads one operand at the cursor; `undefined` when the encoding names none (#UD). */
export type OperandReader = (cursor: ByteCursor) => Operand | undefined

/** What an operand demands of ModR/M: nothing, any ModR/M byte, mod not 3, or mod 3. */
export type ModrmDemand = 'none' | 'any' | 'memory' | 'register'

export interface OperandForm {
  readonly read: OperandReader
  readonly modrm: ModrmDemand
  /** Set for general registers and r/m of 8 bits: as first operand they make the instruction an 8-bit one. */
  readonly byte: boolean
  /** The operand follows the operand size (v, z), so that a 66 prefix matters to it. */
  readonly sized: boolean
}

/** By operand size 16, 32, 64. */
type Triple<T> = readonly [T, T, T]
type Files = Triple<RegisterFile>
type Sizes = Triple<number>

const same = <T>(value: T): Triple<T> => [value, value, value]

const FILE_V: Files = [registers.gpr16, registers.gpr32, registers.gpr64]
const FILE_Y: Files = [registers.gpr32, registers.gpr32, registers.gpr64]
const FILE_Z: Files = [registers.gpr16, registers.gpr32, registers.gpr32]
const FILE_W = same(registers.gpr16)
const FILE_D = same(registers.gpr32)
const SIZES_V: Sizes = [16, 32, 64]
const SIZES_Y: Sizes = [32, 32, 64]
const SIZES_Z: Sizes = [16, 32, 32]
const SELECTOR_BITS = 16
/** A far pointer in memory: an offset of the operand size, then the selector. */
const SIZES_P: Sizes = [16 + SELECTOR_BITS, 32 + SELECTOR_BITS, 64 + SELECTOR_BITS]
/** mod = 3 begins here. */
const MODRM_REGISTER = 0xc0

const form = (
  read: OperandReader,
  modrm: ModrmDemand = 'none',
  options: { byte?: boolean; sized?: boolean } = {},
): OperandForm => ({ read, modrm, byte: options.byte ?? false, sized: options.sized ?? false })

/** ModR/M.reg as a register. */
const reg =
  (files: Files): OperandReader =>
  (cursor) =>
    files[cursor.sizeIndex][((cursor.modrm >> 3) & 7) | cursor.rexR]

/** ModR/M.rm as a register or memory. */
const rm =
  (files: Files, sizes: Sizes): OperandReader =>
  (cursor) =>
    cursor.modrm >= MODRM_REGISTER
      ? files[cursor.sizeIndex][(cursor.modrm & 7) | cursor.rexB]
      : readMemory(cursor, sizes[cursor.sizeIndex])

/** ModR/M.rm as a register, whatever mod is. */
const rmRegister =
  (files: Files): OperandReader =>
  (cursor) =>
    files[cursor.sizeIndex][(cursor.modrm & 7) | cursor.rexB]

const memory =
  (sizes: Sizes): OperandReader =>
  (cursor) =>
    readMemory(cursor, sizes[cursor.sizeIndex])

const opcodeRegister =
  (files: Files): OperandReader =>
  (cursor) =>
    files[cursor.sizeIndex][(cursor.opcode & 7) | cursor.rexB]

/** A register that the opcode implies. */
const implied =
  (files: Files, encoding: number): OperandReader =>
  (cursor) =>
    files[cursor.sizeIndex][encoding]

const byteFile = (cursor: ByteCursor): RegisterFile => (cursor.hasRex ? registers.gpr8WithRex : registers.gpr8)

const regByte: OperandReader = (cursor) => byteFile(cursor)[((cursor.modrm >> 3) & 7) | cursor.rexR]
const rmByte: OperandReader = (cursor) =>
  cursor.modrm >= MODRM_REGISTER ? byteFile(cursor)[(cursor.modrm & 7) | cursor.rexB] : readMemory(cursor, 8)
const opcodeByte: OperandReader = (cursor) => byteFile(cursor)[(cursor.opcode & 7) | cursor.rexB]

/** Every 8-bit immediate, made once. */
const BYTE_IMMEDIATES: readonly ImmediateOperand[] = Array.from({ length: 256 }, (_, value) =>
  Object.freeze({ kind: 'immediate', value, size: 8 }),
)

const operandBits = (cursor: ByteCursor): number => SIZES_V[cursor.sizeIndex]

function immediate(value: number, size: number): ImmediateOperand {
  // Sign bits above bit 31 of a 64-bit immediate are spelled out, so that a reader need not know the form.
  return size === 64 ? { kind: 'immediate', value, size, high: value >> 31 } : { kind: 'immediate', value, size }
}

const immediateByte: OperandReader = (cursor) => BYTE_IMMEDIATES[cursor.next8()]
const immediateByteSigned: OperandReader = (cursor) => {
  const value = signExtend8(cursor.next8())
  return cursor.sizeIndex === SIZE_16 ? immediate(value & 0xffff, 16) : immediate(value, operandBits(cursor))
}
const immediateWord: OperandReader = (cursor) => immediate(cursor.next16(), 16)
/** 16 or 32 bits; with 64-bit operands the 32 bits are sign-extended. */
const immediateZ: OperandReader = (cursor) =>
  cursor.sizeIndex === SIZE_16 ? immediate(cursor.next16(), 16) : immediate(cursor.next32(), operandBits(cursor))
/** Full operand size: only MOV r, imm has 64 immediate bits. */
const immediateV: OperandReader = (cursor) => {
  if (operandBits(cursor) !== 64) return immediateZ(cursor)
  const value = cursor.next32()
  return { kind: 'immediate', value, size: 64, high: cursor.next32() }
}
const relativeByte: OperandReader = (cursor) => ({ kind: 'relative', value: signExtend8(cursor.next8()), size: 8 })
const relativeZ: OperandReader = (cursor) =>
  cursor.sizeIndex === SIZE_16
    ? { kind: 'relative', value: signExtend16(cursor.next16()), size: 16 }
    : { kind: 'relative', value: cursor.next32(), size: 32 }
const farPointer: OperandReader = (cursor) => {
  const offset = cursor.sizeIndex === SIZE_16 ? cursor.next16() : cursor.next32()
  return { kind: 'far', selector: cursor.next16(), offset }
}
const moffs =
  (sizes: Sizes): OperandReader =>
  (cursor) =>
    readOffset(cursor, sizes[cursor.sizeIndex])

const vector = (sizes: number): OperandForm => form(rm(same(registers.xmm), same(sizes)), 'any')
const vectorRegister = form(reg(same(registers.xmm)), 'any')
const vectorRmRegister = form(rmRegister(same(registers.xmm)), 'register')
const memoryOf = (size: number): OperandForm => form(memory(same(size)), 'memory')
const impliedFixed = (operand: RegisterOperand | undefined): OperandForm => form(() => operand)
const sized = { sized: true }
const byte = { byte: true }

/** Every operand code that the tables use. */
export const operandForms: Readonly<Record<string, OperandForm>> = {
  Eb: form(rmByte, 'any', byte),
  Ew: form(rm(FILE_W, same(16)), 'any'),
  Ed: form(rm(FILE_D, same(32)), 'any'),
  Ev: form(rm(FILE_V, SIZES_V), 'any', sized),
  Ez: form(rm(FILE_Z, SIZES_Z), 'any', sized),
  Ey: form(rm(FILE_Y, SIZES_Y), 'any'),
  Gb: form(regByte, 'any', byte),
  Gw: form(reg(FILE_W), 'any'),
  Gd: form(reg(FILE_D), 'any'),
  Gv: form(reg(FILE_V), 'any', sized),
  Gy: form(reg(FILE_Y), 'any'),
  Rv: form(rmRegister(FILE_V), 'register', sized),
  /** MOV to and from control and debug registers: mod is ignored, the operand is always a register. */
  Ry: form(rmRegister(FILE_Y), 'any'),
  'Rv/Mw': form(rm(FILE_V, same(16)), 'any', sized),
  'Ry/Mb': form(rm(FILE_Y, same(8)), 'any'),
  'Ry/Mw': form(rm(FILE_Y, same(16)), 'any'),
  'Ry/Md': form(rm(FILE_Y, same(32)), 'any'),
  M: memoryOf(0),
  Mb: memoryOf(8),
  Mw: memoryOf(16),
  Md: memoryOf(32),
  Mq: memoryOf(64),
  Mt: memoryOf(80),
  Mdq: memoryOf(128),
  Mps: memoryOf(128),
  Mpd: memoryOf(128),
  Mv: form(memory(SIZES_V), 'memory', sized),
  My: form(memory(SIZES_Y), 'memory'),
  Mp: form(memory(SIZES_P), 'memory', sized),
  /** CMPXCHG8B, and CMPXCHG16B with REX.W. */
  'Mq/Mdq': form(memory([64, 64, 128]), 'memory'),
  Zb: form(opcodeByte, 'none', byte),
  Zv: form(opcodeRegister(FILE_V), 'none', sized),
  Sw: form(reg(same(registers.segments)), 'any'),
  Sl: form(reg(same(registers.loadableSegments)), 'any'),
  Cy: form(reg([registers.control32, registers.control32, registers.control64]), 'any'),
  Dy: form(reg([registers.debug32, registers.debug32, registers.debug64]), 'any'),

  AL: form(implied(same(registers.gpr8), 0), 'none', byte),
  CL: form(implied(same(registers.gpr8), 1), 'none', byte),
  AX: impliedFixed(registers.gpr16[0]),
  DX: impliedFixed(registers.gpr16[2]),
  rAX: form(implied(FILE_V, 0), 'none', sized),
  eAX: form(implied(FILE_Z, 0), 'none', sized),
  ES: impliedFixed(registers.segments[registers.ES]),
  CS: impliedFixed(registers.segments[registers.CS]),
  SS: impliedFixed(registers.segments[registers.SS]),
  DS: impliedFixed(registers.segments[registers.DS]),
  FS: impliedFixed(registers.segments[registers.FS]),
  GS: impliedFixed(registers.segments[registers.GS]),
  ST0: impliedFixed(registers.st[0]),
  STi: form(rmRegister(same(registers.st)), 'register'),

  1: form(() => BYTE_IMMEDIATES[1]),
  Ib: form(immediateByte),
  Ibs: form(immediateByteSigned, 'none', sized),
  Iw: form(immediateWord),
  Iz: form(immediateZ, 'none', sized),
  Iv: form(immediateV, 'none', sized),
  Jb: form(relativeByte, 'none', sized),
  Jz: form(relativeZ, 'none', sized),
  Ap: form(farPointer, 'none', sized),
  Ob: form(moffs(same(8)), 'none', byte),
  Ov: form(moffs(SIZES_V), 'none', sized),

  Pq: form(reg(same(registers.mm)), 'any'),
  Qd: form(rm(same(registers.mm), same(32)), 'any'),
  Qq: form(rm(same(registers.mm), same(64)), 'any'),
  Nq: form(rmRegister(same(registers.mm)), 'register'),
  Vdq: vectorRegister,
  Vps: vectorRegister,
  Vpd: vectorRegister,
  Vss: vectorRegister,
  Vsd: vectorRegister,
  Vq: vectorRegister,
  Ww: vector(16),
  Wd: vector(32),
  Wss: vector(32),
  Wq: vector(64),
  Wsd: vector(64),
  Wdq: vector(128),
  Wps: vector(128),
  Wpd: vector(128),
  Udq: vectorRmRegister,
  Ups: vectorRmRegister,
  Upd: vectorRmRegister,
  Uq: vectorRmRegister,
}
