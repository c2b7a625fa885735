/**
 * Stored records: brotli over the records turned into columns (byte j of every record, then byte j + 1), which
 * compresses better than rows.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib'
import { RECORD_BYTES } from './records.ts'

function transpose(data: Uint8Array, rows: number, columns: number): Uint8Array {
  const turned = new Uint8Array(data.length)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) turned[column * rows + row] = data[row * columns + column]
  }
  return turned
}

/** Writes whole records to `path`. */
export function writeVectors(path: string, records: Uint8Array): void {
  const columns = transpose(records, records.length / RECORD_BYTES, RECORD_BYTES)
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24 }
  writeFileSync(path, brotliCompressSync(columns, { params }))
}

/** Reads the records of `path`, one view each. */
export function readVectors(path: URL): DataView[] {
  const columns = brotliDecompressSync(readFileSync(path))
  const count = columns.length / RECORD_BYTES
  const records = transpose(columns, RECORD_BYTES, count)
  return Array.from({ length: count }, (_, i) => new DataView(records.buffer, i * RECORD_BYTES, RECORD_BYTES))
}
