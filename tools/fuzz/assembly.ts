/**
 * Random programs as lists of items, so that a failing one can be made smaller by leaving items out: their labels stay.
 */

/** A place in the code, by number. */
export type Label = number

/** A byte, or a reference to a label in 4 bytes: the distance to it or its address, plus `plus`. */
export type Piece = number | { readonly label: Label; readonly relative: boolean; readonly plus: number }

/** What belongs together: one instruction, or a few that make sense only in a row. */
export interface Item {
  /** Labels that stand in front of it. */
  readonly labels: readonly Label[]
  readonly code: readonly Piece[]
  /** Bytes of padding in front of it. */
  readonly gap?: number
}

export function relative(label: Label, plus = 0): Piece {
  return { label, relative: true, plus }
}

export function absolute(label: Label, plus = 0): Piece {
  return { label, relative: false, plus }
}

export function word32(value: number): number[] {
  return [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, (value >>> 24) & 0xff]
}

function bytesOf(piece: Piece): number {
  return typeof piece === 'number' ? 1 : 4
}

/** Code at an address, and where its labels are. */
export interface Assembled {
  readonly bytes: Uint8Array
  readonly labels: ReadonlyMap<Label, number>
  /** Address of each item. */
  readonly addresses: readonly number[]
}

/** Bytes of an item without its padding. */
export function lengthOf(item: Item): number {
  return item.code.reduce<number>((sum, piece) => sum + bytesOf(piece), 0)
}

/** Lays items out from `start`; `known` are labels that stand elsewhere. Throws RangeError when a label is missing. */
export function assemble(
  items: readonly Item[],
  start: number,
  filler: number,
  known: Iterable<readonly [Label, number]> = [],
): Assembled {
  const labels = new Map<Label, number>(known)
  const addresses: number[] = []
  let at = start
  for (const item of items) {
    at += item.gap ?? 0
    addresses.push(at)
    for (const label of item.labels) labels.set(label, at)
    for (const piece of item.code) at += bytesOf(piece)
  }
  const bytes = new Uint8Array(at - start).fill(filler)
  items.forEach((item, i) => {
    let place = addresses[i]
    for (const piece of item.code) {
      if (typeof piece === 'number') bytes[place - start] = piece
      else {
        const target = labels.get(piece.label)
        if (target === undefined) throw new RangeError(`no label ${piece.label}`)
        bytes.set(word32(target + piece.plus - (piece.relative ? place + 4 : 0)), place - start)
      }
      place += bytesOf(piece)
    }
  })
  return { bytes, labels, addresses }
}
