/**
 * The decoder: bytes to `Instruction`. The only one in tabpc; the interpreter's record writer, the region compiler and
 * the disassembler all start from its output.
 *
 *     prefixes -> opcode map -> slot -> (ModR/M, prefix column) -> entry -> operand readers -> Instruction
 *
 * The instruction set is a P6-class processor with SSE4.2, AES, PCLMULQDQ, MOVBE, RDRAND and RDTSCP, without VEX.
 * Source: Intel SDM volume 2, chapter 2 (format, prefixes, REX) and appendix A.
 */
import { ByteCursor, MAX_INSTRUCTION_BYTES, SIZE_16, SIZE_32, SIZE_64 } from './byte-cursor.ts'
import type { Decoded, DecodeFailure, DecodeMode, Operand, RepeatPrefix } from './instruction.ts'
import {
  legacyMaps,
  longMaps,
  MODRM_CELLS,
  type OpcodeEntry,
  type OpcodeMaps,
  PREFIX_66,
  PREFIX_F2,
  PREFIX_F3,
  PREFIX_NONE,
  REGISTER_CELL_BASE,
} from './opcode-maps.ts'
import { CS, DS, ES, FS, GS, SS } from './registers.ts'

const OPERAND_SIZE_PREFIX = 0x66
const ADDRESS_SIZE_PREFIX = 0x67
const LOCK_PREFIX = 0xf0
const REPNE_PREFIX = 0xf2
const REP_PREFIX = 0xf3
const ESCAPE = 0x0f
const ESCAPE_38 = 0x38
const ESCAPE_3A = 0x3a
const NOP_OPCODE = 0x90
/** mod = 3 begins here. */
const MODRM_REGISTER = 0xc0
const REX_FIRST = 0x40
const REX_LAST = 0x4f
const REX_W = 8
const REX_R = 4
const REX_X = 2
const REX_B = 1
/** A REX bit ORed into a three-bit register number. */
const REX_EXTENSION = 8

/** Kinds of byte before the opcode; 0 is "not a prefix", segment overrides are SEGMENT_KIND plus the segment. */
const OPERAND_SIZE_KIND = 1
const ADDRESS_SIZE_KIND = 2
const LOCK_KIND = 3
const REPNE_KIND = 4
const REP_KIND = 5
const REX_KIND = 6
const SEGMENT_KIND = 8

function prefixKinds(long: boolean): Uint8Array {
  const kinds = new Uint8Array(256)
  kinds[OPERAND_SIZE_PREFIX] = OPERAND_SIZE_KIND
  kinds[ADDRESS_SIZE_PREFIX] = ADDRESS_SIZE_KIND
  kinds[LOCK_PREFIX] = LOCK_KIND
  kinds[REPNE_PREFIX] = REPNE_KIND
  kinds[REP_PREFIX] = REP_KIND
  kinds[0x26] = SEGMENT_KIND + ES
  kinds[0x2e] = SEGMENT_KIND + CS
  kinds[0x36] = SEGMENT_KIND + SS
  kinds[0x3e] = SEGMENT_KIND + DS
  kinds[0x64] = SEGMENT_KIND + FS
  kinds[0x65] = SEGMENT_KIND + GS
  if (long) kinds.fill(REX_KIND, REX_FIRST, REX_LAST + 1)
  return kinds
}

const legacyPrefixes = prefixKinds(false)
const longPrefixes = prefixKinds(true)

const cursor = new ByteCursor()
const NO_OPERANDS: readonly Operand[] = Object.freeze([])

/**
 * Decodes the instruction at `bytes[start]`.
 * @param end first index that must not be read; a shorter window than the instruction gives 'truncated'
 * @returns the instruction, or the failure and the number of bytes looked at
 */
export function decode(bytes: Uint8Array, start: number, end: number, mode: DecodeMode): Decoded {
  const available = Math.min(end, bytes.length)
  const long = mode.bits === 64
  const kinds = long ? longPrefixes : legacyPrefixes
  cursor.bytes = bytes
  cursor.limit = Math.min(available, start + MAX_INSTRUCTION_BYTES)
  cursor.overrun = false

  let operandSizePrefix = false
  let addressSizePrefix = false
  let lock = false
  let repeatPrefix = 0
  let override = -1
  let rex = 0
  let position = start
  let opcode = 0
  for (;;) {
    if (position >= cursor.limit) return shortage(start, available)
    opcode = bytes[position++]
    const kind = kinds[opcode]
    if (kind === 0) break
    // A REX prefix counts only directly before the opcode.
    rex = kind === REX_KIND ? opcode : 0
    if (kind >= SEGMENT_KIND) {
      const segment = kind - SEGMENT_KIND
      if (!long || segment >= FS) override = segment
    } else if (kind === OPERAND_SIZE_KIND) operandSizePrefix = true
    else if (kind === ADDRESS_SIZE_KIND) addressSizePrefix = true
    else if (kind === LOCK_KIND) lock = true
    else if (kind !== REX_KIND) repeatPrefix = opcode
  }

  let map = 0
  if (opcode === ESCAPE) {
    if (position >= cursor.limit) return shortage(start, available)
    opcode = bytes[position++]
    map = 1
    if (opcode === ESCAPE_38 || opcode === ESCAPE_3A) {
      map = opcode === ESCAPE_38 ? 2 : 3
      if (position >= cursor.limit) return shortage(start, available)
      opcode = bytes[position++]
    }
  }

  const maps: OpcodeMaps = long ? longMaps : legacyMaps
  // NOP is XCHG with both operands the accumulator; with REX.B they differ, and the neighbouring slot has XCHG.
  // F3 makes it PAUSE all the same.
  const isXchg = map === 0 && opcode === NOP_OPCODE && (rex & REX_B) !== 0 && repeatPrefix !== REP_PREFIX
  const slot = maps[map][isXchg ? NOP_OPCODE + 1 : opcode]
  if (slot === undefined) return failure('undefined', position - start)
  // F3 and F2 select a row in preference to 66, which then is an operand-size prefix again.
  const column =
    repeatPrefix === REP_PREFIX
      ? PREFIX_F3
      : repeatPrefix === REPNE_PREFIX
        ? PREFIX_F2
        : operandSizePrefix
          ? PREFIX_66
          : PREFIX_NONE
  let modrm = 0
  let entry: OpcodeEntry | undefined
  if (slot.hasModrm) {
    if (position >= cursor.limit) return shortage(start, available)
    modrm = bytes[position++]
    const cell = modrm >= MODRM_REGISTER ? REGISTER_CELL_BASE + (modrm & 0x3f) : (modrm >> 3) & 7
    entry = slot.cells[column * MODRM_CELLS + cell]
  } else {
    entry = slot.cells[column]
  }
  if (entry === undefined) return failure('undefined', position - start)

  cursor.position = position
  cursor.override = override
  cursor.opcode = opcode
  cursor.modrm = modrm
  cursor.rexR = rex & REX_R ? REX_EXTENSION : 0
  cursor.rexX = rex & REX_X ? REX_EXTENSION : 0
  cursor.rexB = rex & REX_B ? REX_EXTENSION : 0
  cursor.hasRex = rex !== 0
  cursor.long = long
  if (long) {
    cursor.addressSize = addressSizePrefix ? 32 : 64
    cursor.sizeIndex = longSizeIndex(entry, (rex & REX_W) !== 0, operandSizePrefix)
  } else {
    cursor.addressSize = (mode.bits === 32) === addressSizePrefix ? 16 : 32
    cursor.sizeIndex = (mode.bits === 32) === operandSizePrefix ? SIZE_16 : SIZE_32
  }

  const readers = entry.readers
  let operands = NO_OPERANDS
  if (readers.length > 0) {
    const list: Operand[] = []
    for (let index = 0; index < readers.length; index++) {
      const operand = readers[index](cursor)
      if (operand === undefined) return failure('undefined', cursor.position - start)
      list.push(operand)
    }
    operands = list
  }
  if (cursor.overrun) return shortage(start, available)
  const length = cursor.position - start
  if (lock && !(entry.lock && modrm < MODRM_REGISTER)) return failure('undefined', length)

  return {
    ok: true,
    instruction: {
      mnemonic: entry.mnemonic,
      form: entry.form,
      condition: entry.condition,
      length,
      operandSize: entry.sizes[cursor.sizeIndex],
      addressSize: cursor.addressSize,
      operands,
      lock,
      repeat: entry.string ? repeatOf(repeatPrefix) : 'none',
      segment: override >= 0 ? override : DS,
      opcode: entry.opcode,
    },
  }
}

function longSizeIndex(entry: OpcodeEntry, rexW: boolean, operandSizePrefix: boolean): number {
  if (rexW || entry.longSize === 'f64') return SIZE_64
  if (operandSizePrefix) return SIZE_16
  return entry.longSize === 'd64' ? SIZE_64 : SIZE_32
}

function repeatOf(prefix: number): RepeatPrefix {
  if (prefix === REP_PREFIX) return 'rep'
  return prefix === REPNE_PREFIX ? 'repne' : 'none'
}

function failure(kind: DecodeFailure, length: number): Decoded {
  return { ok: false, failure: kind, length }
}

/** Bytes ran out: because the window ended, or because the sixteenth byte would be needed. */
function shortage(start: number, available: number): Decoded {
  const length = Math.min(available - start, MAX_INSTRUCTION_BYTES)
  return failure(available - start < MAX_INSTRUCTION_BYTES ? 'truncated' : 'length', Math.max(length, 0))
}
