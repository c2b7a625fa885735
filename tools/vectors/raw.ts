/** Reads the raw stream of the capture program (its layout: native/main.c) into vectors. */
import { ByteReader } from '../../test/vectors/columns.ts'
import type { Environment } from '../../test/vectors/environment.ts'
import { CONTROL_STATUS_WORD, casePointers } from '../../test/vectors/extended-state.ts'
import type { MemoryBytes, Vector, VectorHeader, VectorRow, VectorState } from '../../test/vectors/format.ts'

const RAW_MAGIC = 0x31564354 // 'TCV1'
const NO_FAULT = 0xff

/** XMM, MM and MXCSR are words already; the x87 halves follow (test/vectors/extended-state.ts). */
function readExtended(r: ByteReader): number[] {
  const words = Array.from({ length: CONTROL_STATUS_WORD }, () => r.uint(4))
  words.push(r.uint(4), r.uint(2))
  for (let i = 0; i < 4; i++) words.push(r.uint(4))
  return [...words, 0]
}

function readState(r: ByteReader, extended: boolean): VectorState {
  const registers = Array.from({ length: 8 }, () => r.uint(4))
  const eflags = r.uint(4)
  const eip = r.uint(4)
  const state = { registers, eflags, eip, selectors: Array.from({ length: 6 }, () => r.uint(2)) }
  return extended ? { ...state, extended: readExtended(r) } : state
}

function readMemory(r: ByteReader): MemoryBytes[] {
  return Array.from({ length: r.u8() }, () => {
    const address = r.uint(4)
    return { address, bytes: r.bytes(r.u8()) }
  })
}

function readRow(r: ByteReader): VectorRow {
  const text = () => r.text(r.u8())
  const mnemonic = text()
  const form = text()
  const feature = text()
  const opcode = r.uint(4)
  const modrm = (r.u8() << 24) >> 24
  return { mnemonic, form, feature, opcode, modrm, prefix: r.u8() }
}

/** The header and the cases of one family's capture. Throws when the stream is not complete. */
export function readRaw(data: Uint8Array, family: string): { header: Omit<VectorHeader, 'count'>; vectors: Vector[] } {
  const r = new ByteReader(data)
  if (r.uint(4) !== RAW_MAGIC) throw new Error(`the capture of ${family} wrote something else`)
  const fileSeed = r.uint(4)
  const environment = r.uint(4) as Environment
  const extended = r.uint(4) !== 0
  const rows = Array.from({ length: r.uint(4) }, () => readRow(r))
  const vectors: Vector[] = []
  while (r.u8() === 1) {
    const row = rows[r.uint(2)]
    const size = r.u8()
    const bytes = r.bytes(r.u8())
    const state = readState(r, extended)
    const memory = readMemory(r)
    const out = readState(r, extended)
    const memoryChanges = readMemory(r)
    const vector = r.u8()
    const errorCode = r.uint(4)
    const address = r.uint(4)
    const fault = vector === NO_FAULT ? null : { vector, errorCode, address }
    const index = vectors.length
    const pointers = extended ? { pointers: casePointers(fileSeed, index) } : {}
    vectors.push({ ...state, ...pointers, environment, index, row, size, bytes, memory, out, memoryChanges, fault })
  }
  return { header: { family, fileSeed, environment, ...(extended && { extended }), rows }, vectors }
}
