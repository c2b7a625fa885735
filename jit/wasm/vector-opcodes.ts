/**
 * Opcodes of the wasm instructions on floats and vectors (WebAssembly core specification 2.0, 5.4.8 and 5.4.10), by
 * the names that binaryen's module gives them: `m.i16x8.add_saturate_s` is 'i16x8.add_saturate_s'. One table serves
 * the module writer, which makes an operator of each row, and the definitions, which name operators by its keys.
 *
 *   shape  operator=opcode operator=opcode …
 */

/** What an operator takes and gives. Lane indices are not counted among the operands. */
export interface VectorOperator {
  /** Opcode; those of vectors stand behind VECTOR_PREFIX. */
  readonly opcode: number
  readonly result: 'i32' | 'i64' | 'f32' | 'f64' | 'v128'
  readonly operands: number
  /** Whether a lane index follows the opcode. */
  readonly lane: boolean
}

/** First byte of every vector instruction. */
export const VECTOR_PREFIX = 0xfd

type Shape = 'i8x16' | 'i16x8' | 'i32x4' | 'i64x2' | 'f32x4' | 'f64x2'

/** Type of one lane as a wasm value. */
const laneTypes: Readonly<Record<Shape, VectorOperator['result']>> = {
  i8x16: 'i32', i16x8: 'i32', i32x4: 'i32', i64x2: 'i64', f32x4: 'f32', f64x2: 'f64',
}

/** Two vectors to a vector. */
const binaryRows = `
i8x16  swizzle=0e eq=23 ne=24 lt_s=25 lt_u=26 gt_s=27 gt_u=28 le_s=29 le_u=2a ge_s=2b ge_u=2c narrow_i16x8_s=65
i8x16  narrow_i16x8_u=66 add=6e add_saturate_s=6f add_saturate_u=70 sub=71 sub_saturate_s=72 sub_saturate_u=73
i8x16  min_s=76 min_u=77 max_s=78 max_u=79 avgr_u=7b
i16x8  eq=2d ne=2e lt_s=2f lt_u=30 gt_s=31 gt_u=32 le_s=33 le_u=34 ge_s=35 ge_u=36 q15mulr_sat_s=82 narrow_i32x4_s=85
i16x8  narrow_i32x4_u=86 add=8e add_saturate_s=8f add_saturate_u=90 sub=91 sub_saturate_s=92 sub_saturate_u=93 mul=95
i16x8  min_s=96 min_u=97 max_s=98 max_u=99 avgr_u=9b
i16x8  extmul_low_i8x16_s=9c extmul_high_i8x16_s=9d extmul_low_i8x16_u=9e extmul_high_i8x16_u=9f
i32x4  eq=37 ne=38 lt_s=39 lt_u=3a gt_s=3b gt_u=3c le_s=3d le_u=3e ge_s=3f ge_u=40 add=ae sub=b1 mul=b5
i32x4  min_s=b6 min_u=b7 max_s=b8 max_u=b9 dot_i16x8_s=ba
i32x4  extmul_low_i16x8_s=bc extmul_high_i16x8_s=bd extmul_low_i16x8_u=be extmul_high_i16x8_u=bf
i64x2  add=ce sub=d1 mul=d5 eq=d6 ne=d7 lt_s=d8 gt_s=d9 le_s=da ge_s=db
i64x2  extmul_low_i32x4_s=dc extmul_high_i32x4_s=dd extmul_low_i32x4_u=de extmul_high_i32x4_u=df
f32x4  eq=41 ne=42 lt=43 gt=44 le=45 ge=46 add=e4 sub=e5 mul=e6 div=e7 min=e8 max=e9 pmin=ea pmax=eb
f64x2  eq=47 ne=48 lt=49 gt=4a le=4b ge=4c add=f0 sub=f1 mul=f2 div=f3 min=f4 max=f5 pmin=f6 pmax=f7
v128   and=4e andnot=4f or=50 xor=51
`

/** A vector to a vector. */
const unaryRows = `
v128   not=4d
i8x16  abs=60 neg=61 popcnt=62
i16x8  extadd_pairwise_i8x16_s=7c extadd_pairwise_i8x16_u=7d abs=80 neg=81
i16x8  extend_low_i8x16_s=87 extend_high_i8x16_s=88 extend_low_i8x16_u=89 extend_high_i8x16_u=8a
i32x4  extadd_pairwise_i16x8_s=7e extadd_pairwise_i16x8_u=7f abs=a0 neg=a1
i32x4  extend_low_i16x8_s=a7 extend_high_i16x8_s=a8 extend_low_i16x8_u=a9 extend_high_i16x8_u=aa
i32x4  trunc_sat_f32x4_s=f8 trunc_sat_f64x2_s_zero=fc
i64x2  abs=c0 neg=c1
i64x2  extend_low_i32x4_s=c7 extend_high_i32x4_s=c8 extend_low_i32x4_u=c9 extend_high_i32x4_u=ca
f32x4  demote_f64x2_zero=5e ceil=67 floor=68 trunc=69 nearest=6a abs=e0 neg=e1 sqrt=e3 convert_i32x4_s=fa
f64x2  promote_low_f32x4=5f ceil=74 floor=75 trunc=7a nearest=94 abs=ec neg=ed sqrt=ef convert_low_i32x4_s=fe
`

/** Three vectors to a vector. */
const ternaryRows = 'v128 bitselect=52'

/** A vector to an i32. */
const testRows = `
v128   any_true=53
i8x16  all_true=63 bitmask=64
i16x8  all_true=83 bitmask=84
i32x4  all_true=a3 bitmask=a4
i64x2  all_true=c3 bitmask=c4
`

/** A vector and a count (i32) to a vector. */
const shiftRows = `
i8x16  shl=6b shr_s=6c shr_u=6d
i16x8  shl=8b shr_s=8c shr_u=8d
i32x4  shl=ab shr_s=ac shr_u=ad
i64x2  shl=cb shr_s=cc shr_u=cd
`

const splatRows = `
i8x16  splat=0f
i16x8  splat=10
i32x4  splat=11
i64x2  splat=12
f32x4  splat=13
f64x2  splat=14
`

const extractRows = `
i8x16  extract_lane_s=15 extract_lane_u=16
i16x8  extract_lane_s=18 extract_lane_u=19
i32x4  extract_lane=1b
i64x2  extract_lane=1d
f32x4  extract_lane=1f
f64x2  extract_lane=21
`

const replaceRows = `
i8x16  replace_lane=17
i16x8  replace_lane=1a
i32x4  replace_lane=1c
i64x2  replace_lane=1e
f32x4  replace_lane=20
f64x2  replace_lane=22
`

/** Floats: comparisons give an i32, the rest a float of the same size. */
const floatComparisonRows = `
f32  eq=5b ne=5c lt=5d gt=5e le=5f ge=60
f64  eq=61 ne=62 lt=63 gt=64 le=65 ge=66
`
const floatUnaryRows = `
f32  abs=8b neg=8c ceil=8d floor=8e trunc=8f nearest=90 sqrt=91
f64  abs=99 neg=9a ceil=9b floor=9c trunc=9d nearest=9e sqrt=9f
`
const floatBinaryRows = `
f32  add=92 sub=93 mul=94 div=95 min=96 max=97 copysign=98
f64  add=a0 sub=a1 mul=a2 div=a3 min=a4 max=a5 copysign=a6
`
/** Conversions to the type that the row begins with. */
const conversionRows = `
f32  convert_s.i32=b2 demote=b6 reinterpret=be
f64  convert_s.i32=b7 convert_s.i64=b9 promote=bb reinterpret=bf
i32  trunc_s.f32=a8 trunc_s.f64=aa reinterpret=bc
i64  reinterpret=bd
`

const table = new Map<string, VectorOperator>()

/** Adds the operators of some rows; `resultOf` gives the type of what an operator of a shape leaves. */
function enter(rows: string, operands: number, resultOf: (shape: string) => string, lane = false): void {
  for (const row of rows.trim().split('\n')) {
    const [shape, ...operators] = row.trim().split(/\s+/)
    for (const operator of operators) {
      const [name, opcode] = operator.split('=')
      const result = resultOf(shape) as VectorOperator['result']
      table.set(`${shape}.${name}`, { opcode: Number.parseInt(opcode, 16), result, operands, lane })
    }
  }
}

const vector = () => 'v128'
const truth = () => 'i32'
const laneOf = (shape: string) => laneTypes[shape as Shape]
const same = (shape: string) => shape

enter(binaryRows, 2, vector)
enter(unaryRows, 1, vector)
enter(ternaryRows, 3, vector)
enter(testRows, 1, truth)
enter(shiftRows, 2, vector)
enter(splatRows, 1, vector)
enter(extractRows, 1, laneOf, true)
enter(replaceRows, 2, vector, true)
const vectorOperators = new Set(table.keys())
enter(floatComparisonRows, 2, truth)
enter(floatUnaryRows, 1, same)
enter(floatBinaryRows, 2, same)
enter(conversionRows, 1, same)

/** All operators by name. */
export const operators: ReadonlyMap<string, VectorOperator> = table

/** Whether an operator's opcode stands behind VECTOR_PREFIX. */
export function isVectorOperator(name: string): boolean {
  return vectorOperators.has(name)
}

/** The operator of a name. Throws when there is none. */
export function operatorOf(name: string): VectorOperator {
  const operator = table.get(name)
  if (!operator) throw new Error(`there is no wasm operator ${name}`)
  return operator
}

/** Loads and stores of vectors and floats; constants and shuffles, which carry 16 bytes. */
export const vectorMemory = { load: 0x00, store: 0x0b, load32_zero: 0x5c, load64_zero: 0x5d } as const
export const vectorConstant = 0x0c
export const vectorShuffle = 0x0d
export const floatMemory = { f32: { load: 0x2a, store: 0x38 }, f64: { load: 0x2b, store: 0x39 } } as const
export const floatConstant = { f32: 0x43, f64: 0x44 } as const
