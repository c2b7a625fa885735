/** The few instructions that handlers and main loops are written with, as bytes (Intel SDM vol. 2). */
import { Gpr } from '../../runtime/state.ts'
import { type Piece, word32 } from './assembly.ts'

const SS_OVERRIDE = 0x36
const DISPLACEMENT_ONLY = 5
const SIB_ESP = 0x24

/** ModR/M and displacement of [address]. */
export function at(reg: number, address: number): number[] {
  return [(reg << 3) | DISPLACEMENT_ONLY, ...word32(address)]
}

/** ModR/M of [esp + displacement]. */
export function onStack(reg: number, displacement: number): number[] {
  return [0x80 | (reg << 3) | Gpr.Esp, SIB_ESP, ...word32(displacement)]
}

/** Opcodes of `op r32, r/m32`, which `op` with a memory operand takes. */
export enum Op {
  Mov = 0x8b,
  Add = 0x03,
  Or = 0x0b,
  And = 0x23,
  Sub = 0x2b,
  Xor = 0x33,
  Cmp = 0x3b,
}

/** op register, ss:[address]. */
export function load(op: Op, register: Gpr, address: number): Piece[] {
  return [SS_OVERRIDE, op, ...at(register, address)]
}

/** mov ss:[address], register. */
export function store(address: number, register: Gpr): Piece[] {
  return [SS_OVERRIDE, 0x89, ...at(register, address)]
}

/** mov register, [esp + displacement]. */
export function fromStack(register: Gpr, displacement: number): Piece[] {
  return [0x8b, ...onStack(register, displacement)]
}

/** mov [esp + displacement], register. */
export function toStack(displacement: number, register: Gpr): Piece[] {
  return [0x89, ...onStack(register, displacement)]
}

/** mov register, value. */
export function set(register: Gpr, value: number | Piece): Piece[] {
  return [0xb8 + register, ...(typeof value === 'number' ? word32(value) : [value])]
}

/** Numbers of the arithmetic group: /n of 81. */
export enum Arithmetic {
  Add,
  Or,
  Adc,
  Sbb,
  And,
  Sub,
  Xor,
  Cmp,
}

/** op register, value. */
export function immediate(op: Arithmetic, register: Gpr, value: number): Piece[] {
  return [0x81, 0xc0 | (op << 3) | register, ...word32(value)]
}

/** op dword ss:[address], value. */
export function toMemory(op: Arithmetic, address: number, value: number): Piece[] {
  return [SS_OVERRIDE, 0x81, ...at(op, address), ...word32(value)]
}

/** inc dword ss:[address]. */
export function increment(address: number): Piece[] {
  return [SS_OVERRIDE, 0xff, ...at(0, address)]
}

/** mov sreg, ax, with a selector; AX is lost. */
export function loadSegment(segment: number, selector: number): Piece[] {
  return [...set(Gpr.Eax, selector), 0x8e, 0xc0 | (segment << 3)]
}
