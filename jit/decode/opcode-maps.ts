/**
 * Compiles opcode rows into lookup arrays, once, when the module loads. Decoding then needs two array reads:
 *
 *     maps[map][opcode] -> slot;   slot.cells[prefix * 72 + modrm cell] -> entry
 *
 *     prefix column   0 none   1 66   2 F3   3 F2
 *     modrm cell      0..7 memory form by reg field;   8..71 register form by the low six bits of ModR/M
 *
 * Slots without ModR/M have one cell per prefix column. A more specific row wins over a less specific one (a whole
 * ModR/M byte over a range, /n over none, a named prefix over any); two rows of equal rank on one cell are an error.
 */

import { type OpcodeRow, type PrefixSelector, parseTable, type SizingAttribute } from './opcode-rows.ts'
import type { OperandReader } from './operand-forms.ts'
import { operandForms } from './operand-forms.ts'
import { groupRows } from './tables/groups.ts'
import { map0f3aRows } from './tables/map-0f3a.ts'
import { map0f38Rows } from './tables/map-0f38.ts'
import { oneByteRows } from './tables/one-byte.ts'
import { sseRows } from './tables/sse.ts'
import { twoByteRows } from './tables/two-byte.ts'
import { x87Rows } from './tables/x87.ts'

export const PREFIX_NONE = 0
export const PREFIX_66 = 1
export const PREFIX_F3 = 2
export const PREFIX_F2 = 3
const PREFIX_COLUMNS = 4

const MEMORY_CELLS = 8
const REGISTER_CELLS = 64
/** Cells of one prefix column of a slot with ModR/M. */
export const MODRM_CELLS = MEMORY_CELLS + REGISTER_CELLS
/** Cell of a register form: this plus the low six bits of ModR/M. */
export const REGISTER_CELL_BASE = MEMORY_CELLS
const MODRM_REGISTER = 0xc0

export type Bits = 8 | 16 | 32 | 64

/** What the decoder needs of a row, ready to use. */
export interface OpcodeEntry {
  readonly opcode: string
  readonly mnemonic: string
  readonly form: string
  readonly condition: number
  readonly readers: readonly OperandReader[]
  readonly lock: boolean
  readonly string: boolean
  /** Reported operand size by size index (16, 32, 64). */
  readonly sizes: readonly [Bits, Bits, Bits]
  readonly longSize: 'v' | 'd64' | 'f64'
}

/** One opcode of one map. */
export interface OpcodeSlot {
  readonly hasModrm: boolean
  readonly cells: readonly (OpcodeEntry | undefined)[]
}

/** Slots by map (one-byte, 0F, 0F 38, 0F 3A) and opcode. */
export type OpcodeMaps = readonly (readonly (OpcodeSlot | undefined)[])[]

/** Every row of every table. */
export const opcodeRows: readonly OpcodeRow[] = [
  oneByteRows,
  groupRows,
  twoByteRows,
  sseRows,
  map0f38Rows,
  map0f3aRows,
  x87Rows,
].flatMap(parseTable)

const SIZES: Readonly<Record<SizingAttribute, readonly [Bits, Bits, Bits]>> = {
  v: [16, 32, 64],
  o8: [8, 8, 8],
  o16: [16, 16, 16],
  y: [32, 32, 64],
  z: [16, 32, 32],
}

const COLUMNS: Readonly<Record<PrefixSelector, readonly number[]>> = {
  any: [PREFIX_NONE, PREFIX_66, PREFIX_F3, PREFIX_F2],
  NFx: [PREFIX_NONE, PREFIX_66],
  NP: [PREFIX_NONE],
  66: [PREFIX_66],
  F3: [PREFIX_F3],
  F2: [PREFIX_F2],
}

/** Higher wins. */
function rank(row: OpcodeRow): number {
  const modrm = row.modrm >= 0 ? (row.modrmSpan === 1 ? 3 : 2) : row.reg >= 0 ? 1 : 0
  return (row.prefix === 'any' ? 0 : 100) + (row.span === 1 ? 10 : 0) + modrm
}

function modrmCells(row: OpcodeRow): number[] {
  const cells: number[] = []
  for (let reg = 0; reg < MEMORY_CELLS; reg++) {
    if (row.mod !== 'register' && row.modrm < 0 && (row.reg < 0 || row.reg === reg)) cells.push(reg)
  }
  for (let low = 0; low < REGISTER_CELLS; low++) {
    const modrm = MODRM_REGISTER | low
    if (row.mod === 'memory') continue
    if (row.reg >= 0 && row.reg !== low >> 3) continue
    if (row.modrm >= 0 && (modrm < row.modrm || modrm >= row.modrm + row.modrmSpan)) continue
    cells.push(REGISTER_CELL_BASE + low)
  }
  return cells
}

function entryOf(row: OpcodeRow, condition: number): OpcodeEntry {
  return Object.freeze({
    opcode: row.opcode,
    mnemonic: row.mnemonic,
    form: row.form,
    condition,
    readers: Object.freeze(row.operands.map((code) => operandForms[code].read)),
    lock: row.lock,
    string: row.string,
    sizes: SIZES[row.sizing],
    longSize: row.longSize,
  })
}

interface Cell {
  readonly entry: OpcodeEntry
  readonly rank: number
}

/** Compiles rows for legacy (16- and 32-bit) or 64-bit mode. Throws when two rows claim the same encoding. */
export function compileMaps(rows: readonly OpcodeRow[], long: boolean): OpcodeMaps {
  const maps: ({ hasModrm: boolean; cells: (Cell | undefined)[] } | undefined)[][] = [[], [], [], []]
  for (const row of rows) {
    if (row.modes === (long ? 'legacy' : 'long')) continue
    const cellsOfRow = row.hasModrm ? modrmCells(row) : [0]
    const width = row.hasModrm ? MODRM_CELLS : 1
    const shared = entryOf(row, -1)
    for (let offset = 0; offset < row.span; offset++) {
      const byte = row.byte + offset
      maps[row.map][byte] ??= { hasModrm: row.hasModrm, cells: new Array(PREFIX_COLUMNS * width).fill(undefined) }
      const slot = maps[row.map][byte]
      if (slot === undefined || slot.hasModrm !== row.hasModrm) {
        throw new Error(`opcode rows disagree about ModR/M: ${row.opcode} ${row.mnemonic}`)
      }
      const entry = row.hasCondition ? entryOf(row, offset) : shared
      for (const column of COLUMNS[row.prefix]) {
        for (const cell of cellsOfRow) claim(slot.cells, column * width + cell, { entry, rank: rank(row) })
      }
    }
  }
  return maps.map((map) =>
    Array.from({ length: 256 }, (_, byte) => {
      const slot = map[byte]
      return slot && { hasModrm: slot.hasModrm, cells: slot.cells.map((cell) => cell?.entry) }
    }),
  )
}

function claim(cells: (Cell | undefined)[], index: number, cell: Cell): void {
  const present = cells[index]
  if (present !== undefined && present.rank === cell.rank) {
    throw new Error(`two opcode rows claim one encoding: ${present.entry.opcode} and ${cell.entry.opcode}`)
  }
  if (present === undefined || present.rank < cell.rank) cells[index] = cell
}

export const legacyMaps: OpcodeMaps = compileMaps(opcodeRows, false)
export const longMaps: OpcodeMaps = compileMaps(opcodeRows, true)
