/** Bitwise logic (SDM vol. 2). AF, undefined after these, is cleared. */
import { Lazy } from '../../runtime/flags.ts'
import type { Builder, Definition, Value } from './builder.ts'

function logical(combine: (b: Builder, left: Value, right: Value) => Value): Definition {
  return b => {
    const size = b.sizeOf(0)
    const right = b.read(1)
    b.modify(0, left => {
      const result = combine(b, left, right)
      b.setFlags(Lazy.Logic, size, result)
      return result
    })
  }
}

/** AND r/m, r    dst := dst and src. Sets SZP; OF, CF := 0. */
const and = logical((b, left, right) => b.and(left, right))

/** OR r/m, r    dst := dst or src. Sets SZP; OF, CF := 0. */
const or = logical((b, left, right) => b.or(left, right))

/** XOR r/m, r    dst := dst xor src. Sets SZP; OF, CF := 0. */
const xor = logical((b, left, right) => b.xor(left, right))

/** TEST r/m, r    dst and src, for its flags. Sets SZP; OF, CF := 0. */
const test: Definition = b => {
  const right = b.read(1)
  b.setFlags(Lazy.Logic, b.sizeOf(0), b.and(b.read(0), right))
}

/** NOT r/m    dst := not dst. No flags. */
const not: Definition = b => {
  const size = b.sizeOf(0)
  b.modify(0, left => b.truncate(b.not(left), size))
}

export const logic: Readonly<Record<string, Definition>> = { and, or, xor, test, not }
