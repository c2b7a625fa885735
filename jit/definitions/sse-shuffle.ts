/**
 * Rearrangements that an immediate chooses: PSHUFD, SHUFPS, PALIGNR, PSLLDQ, blends, INSERTPS (SDM vol. 2). A region
 * knows the immediate and shuffles by it (jit/permutations.ts); the interpreter computes the lanes it needs.
 */
import type { Builder, Definition, Value } from './builder.ts'
import { begin, isMemory, isMmx, readVector, splat, writeVector, zero } from './vector.ts'

/** A vector of doublewords. */
function doublewords(b: Builder, values: readonly number[]): Value {
  return b.vector(values.flatMap(value => [0, 8, 16, 24].map(shift => (value >>> shift) & 0xff)))
}

/** The four two-bit fields of an immediate, each times `factor`, in doublewords. */
function fields(b: Builder, immediate: Value, factor: number): Value {
  // Field i comes to bits 6 and 7 when multiplied by 4^(3 - i).
  const aligned = b.wasm('i32x4.mul', [b.wasm('i32x4.splat', [immediate]), doublewords(b, [64, 16, 4, 1])])
  const numbers = b.wasm('v128.and', [b.wasm('i32x4.shr_u', [aligned, b.constant(6)]), splat(b, 3, 32)])
  return b.wasm('i32x4.mul', [numbers, splat(b, factor, 32)])
}

/** Indices of the bytes of four doublewords that an immediate chooses. */
function doublewordIndices(b: Builder, immediate: Value): Value {
  return b.wasm('i32x4.add', [fields(b, immediate, 0x04040404), splat(b, 0x03020100, 32)])
}

/** Indices of the bytes of four words that an immediate chooses, from the byte `start` on: one in each doubleword. */
function wordIndices(b: Builder, immediate: Value, start: number): Value {
  return b.wasm('i32x4.add', [fields(b, immediate, 0x0202), splat(b, 0x0100 + start * 0x0101, 32)])
}

/** PSHUFD    dst := doublewords of src. */
const pshufd: Definition = b => {
  begin(b)
  const source = readVector(b, 1)
  const immediate = b.read(2)
  const computed = b.wasm('i8x16.swizzle', [source, doublewordIndices(b, immediate)])
  writeVector(b, 0, b.permute('pshufd', source, source, immediate, computed))
}

/** Indices of four words that stay where they are, one in each doubleword. */
const LOW_WORDS = [0x0100, 0x0302, 0x0504, 0x0706]
const HIGH_WORDS = [0x0908, 0x0b0a, 0x0d0c, 0x0f0e]

/** PSHUFLW PSHUFW PSHUFHW    the low (or high) words of src rearranged, the others as they are. */
const shuffleWords =
  (name: 'pshuflw' | 'pshufhw'): Definition =>
  b => {
    begin(b)
    const source = readVector(b, 1)
    const immediate = b.read(2)
    const indices =
      name === 'pshuflw'
        ? [wordIndices(b, immediate, 0), doublewords(b, HIGH_WORDS)]
        : [doublewords(b, LOW_WORDS), wordIndices(b, immediate, 8)]
    const computed = b.wasm('i8x16.swizzle', [source, b.wasm('i16x8.narrow_i32x4_u', indices)])
    writeVector(b, 0, b.permute(name, source, source, immediate, computed))
  }

/** SHUFPS    two doublewords of dst, then two of src. */
const shufps: Definition = b => {
  begin(b)
  const right = readVector(b, 1)
  const left = readVector(b, 0)
  const immediate = b.read(2)
  const indices = doublewordIndices(b, immediate)
  const low = b.wasm('i8x16.swizzle', [left, indices])
  const high = b.wasm('i8x16.swizzle', [right, indices])
  const computed = b.shuffle(low, high, [0, 1, 2, 3, 4, 5, 6, 7, 24, 25, 26, 27, 28, 29, 30, 31])
  writeVector(b, 0, b.permute('shufps', left, right, immediate, computed))
}

/** SHUFPD    one quadword of dst, then one of src. */
const shufpd: Definition = b => {
  begin(b)
  const right = readVector(b, 1)
  const left = readVector(b, 0)
  const immediate = b.read(2)
  const high = [8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15]
  const first = b.select(b.and(immediate, 1), b.shuffle(left, left, high), left)
  const second = b.select(b.and(immediate, 2), right, b.shuffle(right, right, [0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7]))
  const computed = b.shuffle(first, second, [0, 1, 2, 3, 4, 5, 6, 7, 24, 25, 26, 27, 28, 29, 30, 31])
  writeVector(b, 0, b.permute('shufpd', left, right, immediate, computed))
}

const IDENTITY = Array.from({ length: 16 }, (_, i) => i)

/** Bytes of a vector moved down by `count` (up, if negative), zeros moved in; any count of 16 and more clears all. */
function moveBytes(b: Builder, source: Value, count: Value): Value {
  const indices = b.wasm('i8x16.add', [b.vector(IDENTITY), b.wasm('i8x16.splat', [count])])
  return b.wasm('i8x16.swizzle', [source, indices])
}

/** The count of a byte shift, at most `most`. */
function limited(b: Builder, count: Value, most: number): Value {
  return b.select(b.gtU(count, most), most, count)
}

/** PSRLDQ PSLLDQ    dst shifted by bytes. */
const shiftBytes =
  (left: boolean): Definition =>
  b => {
    begin(b)
    const source = readVector(b, 0)
    const immediate = b.read(1)
    const count = limited(b, immediate, 16)
    if (left) {
      const computed = moveBytes(b, source, b.sub(0, count))
      writeVector(b, 0, b.permute('alignLeft', zero(b), source, immediate, computed))
    } else writeVector(b, 0, b.permute('align', source, zero(b), immediate, moveBytes(b, source, count)))
  }

/** PALIGNR    dst := (dst:src) shifted right by imm8 bytes, its low half. */
const palignr: Definition = b => {
  begin(b)
  const right = readVector(b, 1)
  const left = readVector(b, 0)
  const immediate = b.read(2)
  if (isMmx(b, 0)) {
    const both = b.shuffle(right, left, [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23])
    const count = limited(b, immediate, 16)
    writeVector(b, 0, b.permute('align', both, zero(b), immediate, moveBytes(b, both, count)))
    return
  }
  const count = limited(b, immediate, 32)
  const computed = b.wasm('v128.or', [moveBytes(b, right, count), moveBytes(b, left, b.sub(count, 16))])
  // Up to 16 bytes the two lie side by side; beyond, dst and zeros do.
  const beyond = b.gtU(immediate, 16)
  const far = b.permute('align', left, zero(b), b.sub(immediate, 16), moveBytes(b, left, b.sub(count, 16)))
  writeVector(b, 0, b.select(beyond, far, b.permute('align', right, left, immediate, computed)))
}

/** BLENDPS BLENDPD PBLENDW    elements of src where the immediate has their bit set. */
const blend =
  (name: 'blendps' | 'blendpd' | 'pblendw', bits: readonly number[], bytes: number): Definition =>
  b => {
    begin(b)
    const right = readVector(b, 1)
    const left = readVector(b, 0)
    const immediate = b.read(2)
    const wanted = b.vector(bits.flatMap(bit => Array.from({ length: bytes }, () => bit)))
    const spread = b.wasm('v128.and', [b.wasm('i8x16.splat', [immediate]), wanted])
    const mask = b.wasm('i8x16.eq', [spread, wanted])
    const computed = b.wasm('v128.bitselect', [right, left, mask])
    writeVector(b, 0, b.permute(name, left, right, immediate, computed))
  }

/** INSERTPS    a doubleword of src into dst, then zeros where the immediate says. */
const insertps: Definition = b => {
  begin(b)
  const immediate = b.read(2)
  const value = isMemory(b, 1)
    ? b.loadOperand(1, 32)
    : b.peek(b.add(b.read(1), b.and(b.shr(immediate, 4), 12)), 32)
  const at = b.and(b.shr(immediate, 4), 3)
  const place = b.wasm('i32x4.eq', [b.wasm('i32x4.splat', [at]), doublewords(b, [0, 1, 2, 3])])
  const inserted = b.wasm('v128.bitselect', [b.wasm('i32x4.splat', [value]), readVector(b, 0), place])
  const bits = doublewords(b, [1, 2, 4, 8])
  const spread = b.wasm('v128.and', [b.wasm('i32x4.splat', [immediate]), bits])
  writeVector(b, 0, b.wasm('v128.andnot', [inserted, b.wasm('i32x4.eq', [spread, bits])]))
}

export const vectorShuffles: Readonly<Record<string, Definition>> = {
  pshufd, pshuflw: shuffleWords('pshuflw'), pshufw: shuffleWords('pshuflw'), pshufhw: shuffleWords('pshufhw'), shufps, shufpd,
  psrldq: shiftBytes(false), pslldq: shiftBytes(true), palignr,
  blendps: blend('blendps', [1, 2, 4, 8], 4), blendpd: blend('blendpd', [1, 2], 8),
  pblendw: blend('pblendw', [1, 2, 4, 8, 16, 32, 64, 128], 2), insertps,
}
