/**
 * Plain data with byte arrays in it, as JSON and one row of bytes: a state as its file keeps it.
 *
 *     { eip: Uint8Array of 4, halted: 0 }   ->   { eip: { $bytes: [0, 4] }, halted: 0 }   and the four bytes
 */
import { PCError } from '../errors.ts'

/** What a state is made of: what survives JSON, and bytes. */
export type Tree = number | string | boolean | null | undefined | Uint8Array | readonly Tree[] | { readonly [key: string]: Tree }

/** JSON, with `{ $bytes: [offset, length] }` for bytes and `{ $number: text }` for numbers that JSON does not know. */
export type PackedTree = number | string | boolean | null | readonly PackedTree[] | { readonly [key: string]: PackedTree }

const BYTES = '$bytes'
const NUMBER = '$number'

/** Packs `tree`; the bytes are not copied. */
export function packTree(tree: Tree): { readonly packed: PackedTree, readonly pieces: readonly Uint8Array[] } {
  const pieces: Uint8Array[] = []
  let offset = 0
  const pack = (value: Tree): PackedTree => {
    if (value instanceof Uint8Array) {
      pieces.push(value)
      offset += value.length
      return { [BYTES]: [offset - value.length, value.length] }
    }
    if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0) ? value : { [NUMBER]: Object.is(value, -0) ? '-0' : String(value) }
    if (value === null || value === undefined || typeof value !== 'object') return value ?? null
    if (Array.isArray(value)) return (value as readonly Tree[]).map(pack)
    const entries = Object.entries(value as { readonly [key: string]: Tree }).filter(([, child]) => child !== undefined)
    return Object.fromEntries(entries.map(([key, child]) => [key, pack(child)]))
  }
  return { packed: pack(tree), pieces }
}

/** The tree again; its bytes are views of `body`. Throws `PCError` 'bad-state' where they lie outside. */
export function unpackTree(packed: PackedTree, body: Uint8Array): Tree {
  if (packed === null || typeof packed !== 'object') return packed
  if (isList(packed)) return packed.map(child => unpackTree(child, body))
  if (BYTES in packed) {
    const [offset, length] = Array.isArray(packed[BYTES]) ? (packed[BYTES] as readonly number[]) : []
    const isWithin = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0 && offset + length <= body.length
    if (!isWithin) throw new PCError('bad-state', 'the saved PC is damaged: bytes are missing in it', 'save it again, or get the file again')
    return body.subarray(offset, offset + length)
  }
  if (NUMBER in packed) return Number(packed[NUMBER])
  return Object.fromEntries(Object.entries(packed).map(([key, child]) => [key, unpackTree(child, body)]))
}

function isList(packed: PackedTree): packed is readonly PackedTree[] {
  return Array.isArray(packed)
}
