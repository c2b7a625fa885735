/**
 * Memory operands: ModR/M, SIB and displacement. Called by operand readers after the ModR/M byte is known.
 *
 *     16-bit:  table of base/index pairs                      32/64-bit:  base (+ index << scale) + disp8/32
 *     mod 00 rm 6 -> disp16 alone                             mod 00 rm 5 -> disp32 alone (64-bit mode: RIP + disp32)
 *
 * Source: Intel SDM volume 2, 2.1.5, tables 2-1, 2-2 and 2-3; default segments: volume 1, 3.7.4.
 */
import { type ByteCursor, signExtend8, signExtend16 } from './byte-cursor.ts'
import type { MemoryOperand } from './instruction.ts'
import { DS, SS } from './registers.ts'

const NONE = -1
const BX = 3
const SP = 4
const BP = 5
const SI = 6
const DI = 7

/** Base and index of the eight 16-bit addressing forms, by rm. */
const BASE_16: readonly number[] = [BX, BX, BP, BP, SI, DI, BP, BX]
const INDEX_16: readonly number[] = [SI, DI, SI, DI, NONE, NONE, NONE, NONE]

const RM_SIB = 4
const RM_DISPLACEMENT_32 = 5
const RM_DISPLACEMENT_16 = 6
const SIB_NO_INDEX = 4

function operand(
  cursor: ByteCursor,
  size: number,
  base: number,
  index: number,
  scale: number,
  displacement: number,
): MemoryOperand {
  const segment = cursor.override >= 0 ? cursor.override : base === BP || base === SP ? SS : DS
  return { kind: 'memory', size, segment, base, index, scale, displacement }
}

function read16(cursor: ByteCursor, size: number): MemoryOperand {
  const rm = cursor.modrm & 7
  const mod = cursor.modrm >> 6
  if (mod === 0 && rm === RM_DISPLACEMENT_16) {
    return operand(cursor, size, NONE, NONE, 0, signExtend16(cursor.next16()))
  }
  let displacement = 0
  if (mod === 1) displacement = signExtend8(cursor.next8())
  else if (mod === 2) displacement = signExtend16(cursor.next16())
  return operand(cursor, size, BASE_16[rm], INDEX_16[rm], 0, displacement)
}

function read32(cursor: ByteCursor, size: number): MemoryOperand {
  const rm = cursor.modrm & 7
  const mod = cursor.modrm >> 6
  let base = rm | cursor.rexB
  let index = NONE
  let scale = 0
  let lowBase = rm
  if (rm === RM_SIB) {
    const sib = cursor.next8()
    lowBase = sib & 7
    base = lowBase | cursor.rexB
    const encodedIndex = ((sib >> 3) & 7) | cursor.rexX
    if (encodedIndex !== SIB_NO_INDEX) {
      index = encodedIndex
      scale = sib >> 6
    }
  }
  if (mod === 0) {
    if (lowBase !== RM_DISPLACEMENT_32) return operand(cursor, size, base, index, scale, 0)
    const memory = operand(cursor, size, NONE, index, scale, cursor.next32())
    // Only the form without SIB is relative to RIP in 64-bit mode.
    return cursor.long && rm !== RM_SIB ? { ...memory, ripRelative: true } : memory
  }
  const displacement = mod === 1 ? signExtend8(cursor.next8()) : cursor.next32()
  return operand(cursor, size, base, index, scale, displacement)
}

/**
 * Reads the rest of a memory operand whose ModR/M byte (mod not 3) is in `cursor.modrm`.
 * @param size bits of the access; 0 for an address that is not accessed as one datum
 */
export function readMemory(cursor: ByteCursor, size: number): MemoryOperand {
  return cursor.addressSize === 16 ? read16(cursor, size) : read32(cursor, size)
}

/** Reads a `moffs` operand: an absolute offset of the address size, no base and no index. */
export function readOffset(cursor: ByteCursor, size: number): MemoryOperand {
  if (cursor.addressSize === 16) return operand(cursor, size, NONE, NONE, 0, signExtend16(cursor.next16()))
  const low = operand(cursor, size, NONE, NONE, 0, cursor.next32())
  return cursor.addressSize === 64 ? { ...low, displacementHigh: cursor.next32() } : low
}
