/**
 * Packed integers of MMX, SSE and SSE2, and the SSSE3 and SSE4.1 instructions of their kind (SDM vol. 2). Most are one
 * wasm operator; the rest are put together from a few.
 */
import { stateAddress } from '../../runtime/state.ts'
import type { Builder, Definition, Value } from './builder.ts'
import {
  begin, combine, direct, isMemory, readVector, repeated, splat, transform, writeVector, zero,
} from './vector.ts'

/** Low halves of two vectors side by side: what an MMX pack works on. */
function joinLow(b: Builder, left: Value, right: Value): Value {
  return b.shuffle(left, right, [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23])
}

/** PACKSSWB PACKSSDW PACKUSWB PACKUSDW    dst := elements of dst, then of src, halved with saturation. */
const pack = (operator: string): Definition =>
  combine((b, left, right, wide) => {
    if (wide) return b.wasm(operator, [left, right])
    const both = joinLow(b, left, right)
    return b.wasm(operator, [both, both])
  })

/** Lanes that interleave elements of `bytes` bytes from the byte `start` of two vectors on. */
function interleaved(bytes: number, start: number): number[] {
  return Array.from({ length: 16 }, (_, i) => {
    const element = Math.floor(i / bytes)
    return start + (element >> 1) * bytes + (i % bytes) + (element & 1) * 16
  })
}

/** PUNPCKL… UNPCKLPS    elements of the low halves of dst and src in turn. */
const unpackLow = (bytes: number): Definition =>
  combine((b, left, right) => b.shuffle(left, right, interleaved(bytes, 0)))

/** PUNPCKH… UNPCKHPS    elements of the high halves in turn. */
const unpackHigh = (bytes: number): Definition =>
  combine((b, left, right, wide) => b.shuffle(left, right, interleaved(bytes, wide ? 8 : 4)))

/** PMULHW PMULHUW    the high halves of the products of words. */
const multiplyHigh = (sign: 's' | 'u'): Definition =>
  combine((b, left, right) => {
    const low = b.wasm(`i32x4.extmul_low_i16x8_${sign}`, [left, right])
    const high = b.wasm(`i32x4.extmul_high_i16x8_${sign}`, [left, right])
    return b.shuffle(low, high, [2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31])
  })

/** PMULUDQ PMULDQ    products of the even doublewords. */
const multiplyEven = (sign: 's' | 'u'): Definition =>
  combine((b, left, right) => {
    const even = [0, 1, 2, 3, 8, 9, 10, 11, 0, 1, 2, 3, 8, 9, 10, 11]
    const operands = [b.shuffle(left, left, even), b.shuffle(right, right, even)]
    return b.wasm(`i64x2.extmul_low_i32x4_${sign}`, operands)
  })

/** PSADBW    for each half: the sum of the differences of bytes, zero-extended. */
const sumOfDifferences: Definition = combine((b, left, right) => {
  const above = b.wasm('i8x16.sub_saturate_u', [left, right])
  const below = b.wasm('i8x16.sub_saturate_u', [right, left])
  const words = b.wasm('i16x8.extadd_pairwise_i8x16_u', [b.wasm('v128.or', [above, below])])
  const doublewords = b.wasm('i32x4.extadd_pairwise_i16x8_u', [words])
  const upper = b.wasm('i64x2.shr_u', [doublewords, b.constant(32)])
  const lower = b.wasm('v128.and', [doublewords, splat(b, 0xffff_ffff, 64)])
  return b.wasm('i64x2.add', [lower, upper])
})

/** PANDN ANDNPS    dst := ~dst & src. */
const andNot: Definition = combine((b, left, right) => b.wasm('v128.andnot', [right, left]))

/** Names of the wasm shapes by element size in bits. */
const shapes: Readonly<Record<number, string>> = { 8: 'i8x16', 16: 'i16x8', 32: 'i32x4', 64: 'i64x2' }

/** The count of a shift: an immediate, or the low 64 bits of a vector operand; whether it is at least `size`. */
function shiftCount(b: Builder, size: number): { count: Value; excessive: Value } {
  if (b.facts.operands[1].kind === 'immediate') {
    const count = b.read(1)
    return { count, excessive: b.gtU(count, size - 1) }
  }
  // Memory is read whole, and must be aligned, though only half of it counts.
  const source = readVector(b, 1)
  const count = b.wasm('i64x2.extract_lane', [source])
  return { count: b.wrap(count), excessive: b.gtU(count, b.constant(size - 1, 'i64')) }
}

/** PSLLW … PSRLQ    each element shifted; by its size or more, zero. */
const shiftLogical =
  (size: number, direction: 'shl' | 'shr_u'): Definition =>
  b => {
    begin(b)
    const { count, excessive } = shiftCount(b, size)
    const shifted = b.wasm(`${shapes[size]}.${direction}`, [readVector(b, 0), count])
    writeVector(b, 0, b.select(excessive, zero(b), shifted))
  }

/** PSRAW PSRAD    each element shifted; by its size or more, its sign. */
const shiftArithmetic =
  (size: number): Definition =>
  b => {
    begin(b)
    const { count, excessive } = shiftCount(b, size)
    const effective = b.select(excessive, size - 1, count)
    writeVector(b, 0, b.wasm(`${shapes[size]}.shr_s`, [readVector(b, 0), effective]))
  }

/** PMULHRSW    products of words, rounded to their upper 17 bits less one; wasm saturates 8000 * 8000, x86 does not. */
const multiplyRounded: Definition = combine((b, left, right) => {
  const least = splat(b, 0x8000, 16)
  const both = b.wasm('v128.and', [b.wasm('i16x8.eq', [left, least]), b.wasm('i16x8.eq', [right, least])])
  return b.wasm('v128.xor', [b.wasm('i16x8.q15mulr_sat_s', [left, right]), both])
})

/** PSIGNB PSIGNW PSIGND    dst, negated where src is negative, zero where src is. */
const sign = (size: number): Definition =>
  combine((b, left, right) => {
    const shape = shapes[size]
    const negative = b.wasm(`${shape}.lt_s`, [right, zero(b)])
    // x ^ -1 - -1 is -x.
    const signed = b.wasm(`${shape}.sub`, [b.wasm('v128.xor', [left, negative]), negative])
    return b.wasm('v128.andnot', [signed, b.wasm(`${shape}.eq`, [right, zero(b)])])
  })

/** PABSB PABSW PABSD. */
const absolute = (size: number): Definition => transform((b, source) => b.wasm(`${shapes[size]}.abs`, [source]))

/** Bytes of the even (or odd) elements of `size` bits of two vectors; of two low halves for MMX. */
function everyOther(size: number, odd: number, wide: boolean): number[] {
  const bytes = size / 8
  const each = (wide ? 8 : 4) / bytes
  return Array.from({ length: 16 }, (_, i) => {
    const element = Math.floor(i / bytes) % (2 * each)
    const from = element < each ? element * 2 : 16 / bytes + (element - each) * 2
    return (from + odd) * bytes + (i % bytes)
  })
}

/** PHADDW PHSUBD …    sums of neighbours of dst, then of src. */
const horizontal = (size: number, operator: string): Definition =>
  combine((b, left, right, wide) => {
    const even = b.shuffle(left, right, everyOther(size, 0, wide))
    const odd = b.shuffle(left, right, everyOther(size, 1, wide))
    return b.wasm(`${shapes[size]}.${operator}`, [even, odd])
  })

/** PMADDUBSW    unsigned bytes of dst times signed bytes of src, neighbours added with saturation. */
const multiplyAddBytes: Definition = combine((b, left, right) => {
  const products = (half: 'low' | 'high') =>
    b.wasm('i16x8.mul', [
      b.wasm(`i16x8.extend_${half}_i8x16_u`, [left]), b.wasm(`i16x8.extend_${half}_i8x16_s`, [right]),
    ])
  const [low, high] = [products('low'), products('high')]
  const even = b.shuffle(low, high, everyOther(16, 0, true))
  const odd = b.shuffle(low, high, everyOther(16, 1, true))
  return b.wasm('i16x8.add_saturate_s', [even, odd])
})

/** PSHUFB    bytes of dst picked by src; where its top bit is set, zero. */
const shuffleBytes: Definition = combine((b, left, right, wide) => {
  // Swizzle gives zero for any index from 16 on: the top bit of the index stays.
  const indices = b.wasm('v128.and', [right, repeated(b, [wide ? 0x8f : 0x87])])
  return b.wasm('i8x16.swizzle', [left, indices])
})

/** PMOVSXBW … PMOVZXDQ    the low elements of src, extended; `from` and `to` are sizes in bits. */
const extend =
  (from: number, to: number, kind: 's' | 'u'): Definition =>
  b => {
    begin(b)
    const size = (128 / to) * from
    let value = isMemory(b, 1) ? loadLow(b, size) : readVector(b, 1)
    for (let half = from; half < to; half *= 2)
      value = b.wasm(`${shapes[half * 2]}.extend_low_${shapes[half]}_${kind}`, [value])
    writeVector(b, 0, value)
  }

/** 16, 32 or 64 bits of a memory operand as the low part of a vector. */
function loadLow(b: Builder, size: number): Value {
  const value = b.loadOperand(1, size)
  return b.wasm(size === 64 ? 'i64x2.splat' : 'i32x4.splat', [value])
}

/** BLENDVPS BLENDVPD PBLENDVB    elements of src where XMM0 has their top bit set. */
const blendByRegister = (size: number): Definition =>
  combine((b, left, right) => {
    const mask = b.peek(b.constant(stateAddress('xmm')), 128, 'v128')
    const chosen = b.wasm(`${shapes[size]}.shr_s`, [mask, b.constant(size - 1)])
    return b.wasm('v128.bitselect', [right, left, chosen])
  })

/** Elements by direct operators, their names in wasm by mnemonic. */
const directOperators: Readonly<Record<string, string>> = {
  paddb: 'i8x16.add', paddw: 'i16x8.add', paddd: 'i32x4.add', paddq: 'i64x2.add',
  paddsb: 'i8x16.add_saturate_s', paddsw: 'i16x8.add_saturate_s',
  paddusb: 'i8x16.add_saturate_u', paddusw: 'i16x8.add_saturate_u',
  psubb: 'i8x16.sub', psubw: 'i16x8.sub', psubd: 'i32x4.sub', psubq: 'i64x2.sub',
  psubsb: 'i8x16.sub_saturate_s', psubsw: 'i16x8.sub_saturate_s',
  psubusb: 'i8x16.sub_saturate_u', psubusw: 'i16x8.sub_saturate_u',
  pmullw: 'i16x8.mul', pmulld: 'i32x4.mul', pmaddwd: 'i32x4.dot_i16x8_s',
  pcmpeqb: 'i8x16.eq', pcmpeqw: 'i16x8.eq', pcmpeqd: 'i32x4.eq', pcmpeqq: 'i64x2.eq',
  pcmpgtb: 'i8x16.gt_s', pcmpgtw: 'i16x8.gt_s', pcmpgtd: 'i32x4.gt_s', pcmpgtq: 'i64x2.gt_s',
  pminub: 'i8x16.min_u', pminsb: 'i8x16.min_s', pminuw: 'i16x8.min_u', pminsw: 'i16x8.min_s',
  pminud: 'i32x4.min_u', pminsd: 'i32x4.min_s', pmaxub: 'i8x16.max_u', pmaxsb: 'i8x16.max_s',
  pmaxuw: 'i16x8.max_u', pmaxsw: 'i16x8.max_s', pmaxud: 'i32x4.max_u', pmaxsd: 'i32x4.max_s',
  pavgb: 'i8x16.avgr_u', pavgw: 'i16x8.avgr_u',
  pand: 'v128.and', por: 'v128.or', pxor: 'v128.xor',
  andps: 'v128.and', andpd: 'v128.and', orps: 'v128.or', orpd: 'v128.or', xorps: 'v128.xor', xorpd: 'v128.xor',
}

export const vectorIntegers: Readonly<Record<string, Definition>> = {
  ...Object.fromEntries(Object.entries(directOperators).map(([mnemonic, operator]) => [mnemonic, direct(operator)])),
  pandn: andNot, andnps: andNot, andnpd: andNot,
  packsswb: pack('i8x16.narrow_i16x8_s'), packuswb: pack('i8x16.narrow_i16x8_u'),
  packssdw: pack('i16x8.narrow_i32x4_s'), packusdw: pack('i16x8.narrow_i32x4_u'),
  punpcklbw: unpackLow(1), punpcklwd: unpackLow(2), punpckldq: unpackLow(4), punpcklqdq: unpackLow(8),
  punpckhbw: unpackHigh(1), punpckhwd: unpackHigh(2), punpckhdq: unpackHigh(4), punpckhqdq: unpackHigh(8),
  unpcklps: unpackLow(4), unpcklpd: unpackLow(8), unpckhps: unpackHigh(4), unpckhpd: unpackHigh(8),
  pmulhw: multiplyHigh('s'), pmulhuw: multiplyHigh('u'), pmuludq: multiplyEven('u'), pmuldq: multiplyEven('s'),
  psadbw: sumOfDifferences,
  psllw: shiftLogical(16, 'shl'), pslld: shiftLogical(32, 'shl'), psllq: shiftLogical(64, 'shl'),
  psrlw: shiftLogical(16, 'shr_u'), psrld: shiftLogical(32, 'shr_u'), psrlq: shiftLogical(64, 'shr_u'),
  psraw: shiftArithmetic(16), psrad: shiftArithmetic(32),
  pmulhrsw: multiplyRounded, psignb: sign(8), psignw: sign(16), psignd: sign(32),
  pabsb: absolute(8), pabsw: absolute(16), pabsd: absolute(32),
  phaddw: horizontal(16, 'add'), phaddd: horizontal(32, 'add'), phaddsw: horizontal(16, 'add_saturate_s'),
  phsubw: horizontal(16, 'sub'), phsubd: horizontal(32, 'sub'), phsubsw: horizontal(16, 'sub_saturate_s'),
  pmaddubsw: multiplyAddBytes, pshufb: shuffleBytes,
  pmovsxbw: extend(8, 16, 's'), pmovsxbd: extend(8, 32, 's'), pmovsxbq: extend(8, 64, 's'),
  pmovsxwd: extend(16, 32, 's'), pmovsxwq: extend(16, 64, 's'), pmovsxdq: extend(32, 64, 's'),
  pmovzxbw: extend(8, 16, 'u'), pmovzxbd: extend(8, 32, 'u'), pmovzxbq: extend(8, 64, 'u'),
  pmovzxwd: extend(16, 32, 'u'), pmovzxwq: extend(16, 64, 'u'), pmovzxdq: extend(32, 64, 'u'),
  pblendvb: blendByRegister(8), blendvps: blendByRegister(32), blendvpd: blendByRegister(64),
}
