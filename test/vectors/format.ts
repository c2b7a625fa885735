/**
 * Vector files: reading and writing. The layout is described in README.md beside this file. A file is gzip around a
 * header and columns; each field of the cases has a column of its own, because like compresses well beside like.
 * Initial registers come from the file's seed, final ones from the initial ones; only bytes that differ are stored.
 */
import { gunzipSync, gzipSync } from 'node:zlib'
import { ByteReader, ByteWriter } from './columns.ts'
import { CODE_FILLER, codeRange, type Environment, segmentBase } from './environment.ts'
import { casePointers, defaultExtended } from './extended-state.ts'
import { caseWord, patternByte } from './random.ts'
import type { MemoryBytes, Vector, VectorFault, VectorRow, VectorState } from './vector.ts'

export type * from './vector.ts'

const MAGIC = 0x56435054 // 'TPCV'
const VERSION = 1
const NO_FAULT = 0xff

/** EFLAGS bits that a case draws from the seed (CF PF AF ZF SF OF), and those always set (IF and bit 1). */
const RANDOM_FLAGS = 0x8d5
const FIXED_FLAGS = 0x202
/** EIP of a case: a first offset plus the seed's word modulo a span; 32-bit code adds the base of the code range. */
const FIRST_OFFSET = 0x100
const OFFSET_SPAN = 0x1d00
const CODE_SEGMENT = 1
const DEFAULT_SELECTORS: Readonly<Record<Environment, readonly number[]>> = {
  0: [0x2b, 0x23, 0x2b, 0x2b, 0x07, 0x0f],
  1: [0x2b, 0x17, 0x1f, 0x2b, 0x07, 0x0f],
}

const columnNames = [
  'row',
  'size',
  'length',
  'code',
  'inMask',
  'inBytes',
  'patchCount',
  'patchAddress',
  'patchLength',
  'patchBytes',
  'outMask',
  'outBytes',
  'flagsOut',
  'eipOut',
  'changeCount',
  'changeAddress',
  'changeLength',
  'changeBytes',
  'vector',
  'faultBytes',
  'extendedInMask',
  'extendedInBytes',
  'extendedOutMask',
  'extendedOutBytes',
] as const
type ColumnName = (typeof columnNames)[number]

export interface VectorHeader {
  readonly family: string
  readonly fileSeed: number
  readonly environment: Environment
  /** Cases have vector and x87 state. */
  readonly extended?: boolean
  readonly count: number
  readonly rows: readonly VectorRow[]
}

/** Lengths of columns; one that is not named is empty. */
type StoredHeader = VectorHeader & { readonly columns: Readonly<Partial<Record<ColumnName, number>>> }

/** Byte of memory at `linear` before the instruction runs: the code, its filler, patches, or the pattern. */
export function initialByte(vector: Vector, linear: number): number {
  if (linear >= codeRange.base && linear < codeRange.base + codeRange.bytes) {
    const offset = linear - vector.eip - segmentBase(vector.selectors[CODE_SEGMENT])
    return offset >= 0 && offset < vector.bytes.length ? vector.bytes[offset] : CODE_FILLER
  }
  for (let i = vector.memory.length - 1; i >= 0; i--) {
    const offset = linear - vector.memory[i].address
    if (offset >= 0 && offset < vector.memory[i].bytes.length) return vector.memory[i].bytes[offset]
  }
  return patternByte(linear)
}

function defaultState(fileSeed: number, index: number, environment: Environment): VectorState {
  const word = (slot: number) => caseWord(fileSeed, index, slot)
  return {
    registers: [0, 1, 2, 3, 4, 5, 6, 7].map(word),
    eflags: (word(8) & RANDOM_FLAGS) | FIXED_FLAGS,
    eip: FIRST_OFFSET + (word(9) % OFFSET_SPAN) + (environment === 0 ? codeRange.base : 0),
    selectors: DEFAULT_SELECTORS[environment],
  }
}

/** A state as the words the masks number: registers, EFLAGS, EIP, then selectors. */
const EFLAGS_WORD = 8
const EIP_WORD = 9

function toWords(state: VectorState): number[] {
  return [...state.registers, state.eflags, state.eip, ...state.selectors]
}

function fromWords(words: readonly number[]): VectorState {
  return { registers: words.slice(0, 8), eflags: words[EFLAGS_WORD], eip: words[EIP_WORD], selectors: words.slice(10) }
}

/** Writes which bytes of each word differ from `base` (a mask byte for two words), and those bytes. */
function writeDifference(words: readonly number[], base: readonly number[], mask: ByteWriter, bytes: ByteWriter): void {
  for (let w = 0; w < words.length; w += 2) {
    let bits = 0
    for (let b = 0; b < 8; b++) {
      const word = w + (b >> 2)
      const shift = 8 * (b & 3)
      if (((words[word] ^ base[word]) >>> shift) & 0xff) {
        bits |= 1 << b
        bytes.u8((words[word] >>> shift) & 0xff)
      }
    }
    mask.u8(bits)
  }
}

function readDifference(base: readonly number[], mask: ByteReader, bytes: ByteReader): number[] {
  const words = base.slice()
  for (let w = 0; w < words.length; w += 2) {
    const bits = mask.u8()
    for (let b = 0; b < 8; b++) {
      if (!(bits & (1 << b))) continue
      const word = w + (b >> 2)
      const shift = 8 * (b & 3)
      words[word] = ((words[word] & ~(0xff << shift)) | (bytes.u8() << shift)) >>> 0
    }
  }
  return words
}

/** The final state a case has unless stored otherwise: as before, EIP behind the instruction unless it faulted. */
function expectedOut(words: readonly number[], length: number, faulted: boolean): number[] {
  const base = words.slice()
  if (!faulted) base[EIP_WORD] = (base[EIP_WORD] + length) >>> 0
  return base
}

type Columns<T> = Record<ColumnName, T>

function makeColumns<T>(make: (name: ColumnName) => T): Columns<T> {
  return Object.fromEntries(columnNames.map(name => [name, make(name)])) as Columns<T>
}

function writeMemory(
  list: readonly MemoryBytes[],
  origin: number,
  count: ByteWriter,
  address: ByteWriter,
  length: ByteWriter,
  bytes: ByteWriter,
): void {
  count.u8(list.length)
  let last = origin
  for (const item of list) {
    address.uint((item.address - last) >>> 0, 4)
    last = item.address
    length.u8(item.bytes.length)
    bytes.bytes(item.bytes)
  }
}

function readMemory(
  origin: number,
  count: ByteReader,
  address: ByteReader,
  length: ByteReader,
  bytes: ByteReader,
): MemoryBytes[] {
  const list: MemoryBytes[] = []
  let last = origin
  for (let n = count.u8(); n > 0; n--) {
    last = (last + address.uint(4)) >>> 0
    list.push({ address: last, bytes: bytes.bytes(length.u8()) })
  }
  return list
}

/** Addresses of changes are relative to the first patch, which is often the same operand. */
function changeOrigin(memory: readonly MemoryBytes[]): number {
  return memory.length > 0 ? memory[0].address : 0
}

/** Packs cases into the bytes of a vector file. `vectors` must be in order of `index` from 0. */
export function packVectors(header: Omit<VectorHeader, 'count'>, vectors: Iterable<Vector>): Uint8Array {
  const columns = makeColumns(() => new ByteWriter())
  const rowIndex = new Map(header.rows.map((row, i) => [row, i]))
  let count = 0
  for (const v of vectors) {
    const row = rowIndex.get(v.row)
    if (row === undefined || v.index !== count) throw new Error(`case ${v.index} does not belong here`)
    columns.row.uint(row, 2)
    columns.size.u8(v.size)
    columns.length.u8(v.bytes.length)
    columns.code.bytes(v.bytes)
    const words = toWords(v)
    writeDifference(
      words,
      toWords(defaultState(header.fileSeed, count, header.environment)),
      columns.inMask,
      columns.inBytes,
    )
    writeMemory(v.memory, 0, columns.patchCount, columns.patchAddress, columns.patchLength, columns.patchBytes)
    const base = expectedOut(words, v.bytes.length, v.fault !== null)
    const out = toWords(v.out)
    columns.flagsOut.uint((out[EFLAGS_WORD] ^ base[EFLAGS_WORD]) >>> 0, 4)
    columns.eipOut.uint((out[EIP_WORD] - base[EIP_WORD]) >>> 0, 4)
    base[EFLAGS_WORD] = out[EFLAGS_WORD]
    base[EIP_WORD] = out[EIP_WORD]
    writeDifference(out, base, columns.outMask, columns.outBytes)
    writeMemory(
      v.memoryChanges,
      changeOrigin(v.memory),
      columns.changeCount,
      columns.changeAddress,
      columns.changeLength,
      columns.changeBytes,
    )
    columns.vector.u8(v.fault ? v.fault.vector : NO_FAULT)
    if (v.fault) {
      columns.faultBytes.uint(v.fault.errorCode, 4)
      columns.faultBytes.uint(v.fault.address, 4)
    }
    if (v.extended && v.out.extended) {
      const initial = defaultExtended(header.fileSeed, count)
      writeDifference(v.extended, initial, columns.extendedInMask, columns.extendedInBytes)
      writeDifference(v.out.extended, v.extended, columns.extendedOutMask, columns.extendedOutBytes)
    }
    count++
  }
  const sizes = makeColumns(name => columns[name].length)
  const stored: StoredHeader = { ...header, count, columns: sizes }
  const json = new TextEncoder().encode(JSON.stringify(stored))
  const file = new ByteWriter()
  file.uint(MAGIC, 4)
  file.uint(VERSION, 1)
  file.uint(json.length, 4)
  file.bytes(json)
  for (const name of columnNames) file.bytes(columns[name].take())
  return gzipSync(file.take(), { level: 9 })
}

function open(file: Uint8Array): { header: StoredHeader; columns: Columns<ByteReader> } {
  const data = gunzipSync(file)
  const reader = new ByteReader(data)
  if (reader.uint(4) !== MAGIC) throw new Error('not a vector file')
  const version = reader.uint(1)
  if (version !== VERSION) throw new Error(`vector file of version ${version}, not ${VERSION}`)
  const header = JSON.parse(reader.text(reader.uint(4))) as StoredHeader
  const columns = makeColumns(name => new ByteReader(reader.bytes(header.columns[name] ?? 0)))
  return { header, columns }
}

/** What a vector file says of itself. Throws when `file` is not a vector file. */
export function readHeader(file: Uint8Array): VectorHeader {
  return open(file).header
}

/** All cases of a vector file, in order. Throws when `file` is not a vector file or ends early. */
export function* readVectors(file: Uint8Array): Generator<Vector> {
  const { header, columns: c } = open(file)
  for (let index = 0; index < header.count; index++) {
    const row = header.rows[c.row.uint(2)]
    const size = c.size.u8()
    const bytes = c.code.bytes(c.length.u8())
    const words = readDifference(toWords(defaultState(header.fileSeed, index, header.environment)), c.inMask, c.inBytes)
    const memory = readMemory(0, c.patchCount, c.patchAddress, c.patchLength, c.patchBytes)
    const vector = c.vector.u8()
    const fault: VectorFault | null =
      vector === NO_FAULT ? null : { vector, errorCode: c.faultBytes.uint(4), address: c.faultBytes.uint(4) }
    const base = expectedOut(words, bytes.length, fault !== null)
    base[EFLAGS_WORD] = (base[EFLAGS_WORD] ^ c.flagsOut.uint(4)) >>> 0
    base[EIP_WORD] = (base[EIP_WORD] + c.eipOut.uint(4)) >>> 0
    const out = fromWords(readDifference(base, c.outMask, c.outBytes))
    const memoryChanges = readMemory(
      changeOrigin(memory),
      c.changeCount,
      c.changeAddress,
      c.changeLength,
      c.changeBytes,
    )
    const extended = header.extended
      ? readDifference(defaultExtended(header.fileSeed, index), c.extendedInMask, c.extendedInBytes)
      : undefined
    const extendedOut = extended && readDifference(extended, c.extendedOutMask, c.extendedOutBytes)
    yield {
      ...fromWords(words),
      ...(extended && { extended, pointers: casePointers(header.fileSeed, index) }),
      environment: header.environment,
      index,
      row,
      size,
      bytes,
      memory,
      out: extendedOut ? { ...out, extended: extendedOut } : out,
      memoryChanges,
      fault,
    }
  }
}
