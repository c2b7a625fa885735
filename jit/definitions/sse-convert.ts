/**
 * Conversions between floats and integers of SSE and SSE2 (SDM vol. 2): inline where nothing new is raised (float.ts),
 * else by a helper.
 */
import { Conversion } from '../../runtime/vector-operations.ts'
import { declareHelpers } from '../helper-signatures.ts'
import type { Builder, Definition, Value } from './builder.ts'
import { both, comfortable, everywhere, finite, notSmall, operate, ordinary, quiet, type Shape, sizeOf } from './float.ts'
import { readSource } from './sse-arithmetic.ts'
import {
  begin, enterMmx, formOf, isMemory, isMmx, readVector, splat, stashOperand, writeVector,
} from './vector.ts'

declareHelpers('vectorConvert(i32)!@ vectorToInteger(i32):i32!@')

/** Floats of this magnitude and more do not fit 32 bits; -2^31 would, and is left to the helper. */
const INTEGER_LIMIT = 2 ** 31
const LIMIT_BITS_32 = 0x4f00_0000
const LIMIT_UPPER_64 = 0x41e0_0000

function callConvert(b: Builder, conversion: Conversion, source: Value): void {
  b.call('vectorConvert', formOf(b, conversion, b.read(0), source))
}

/** Inline code for results that raise nothing, else the helper. `fine` is 0 or 1; `inline` writes the destination. */
function convert(b: Builder, conversion: Conversion, fine: Value, source: () => Value, inline: () => void): void {
  b.usually(fine, inline, () => callConvert(b, conversion, source()))
}

/** CVTSS2SD CVTSD2SS    the low element. Widening is exact. */
const scalarToScalar =
  (conversion: Conversion, from: 'f32' | 'f64', to: 'f32' | 'f64'): Definition =>
  b => {
    begin(b)
    const source = readSource(b, from)
    const result = b.wasm(to === 'f64' ? 'f64.promote' : 'f32.demote', [source.value])
    const fine =
      to === 'f64'
        ? ordinary(b, from, source.value)
        : b.and(quiet(b), b.and(notSmall(b, from, source.value), comfortable(b, to, result)))
    convert(b, conversion, fine, source.address, () => b.poke(b.read(0), sizeOf(to), result))
  }

/** Reads two floats of 32 bits, or two integers, from the low half of operand 1. */
function readHalf(b: Builder): { value: Value; address: () => Value } {
  if (isMmx(b, 1) || !isMemory(b, 1)) return { value: b.peek(b.read(1), 64, 'v128'), address: () => b.read(1) }
  const value = b.wasm('i64x2.splat', [b.loadOperand(1, 64)])
  return { value, address: () => stashOperand(b, 128, value) }
}

/** CVTPS2PD    two floats, exact. */
const cvtps2pd: Definition = b => {
  begin(b)
  const { value, address } = readHalf(b)
  // The upper half is zero, or repeats the lower.
  const fine = everywhere(b, 'f32x4', ordinary(b, 'f32x4', value))
  convert(b, Conversion.Ps2Pd, fine, address, () => writeVector(b, 0, b.wasm('f64x2.promote_low_f32x4', [value])))
}

/** CVTPD2PS    two floats; the upper half is cleared. */
const cvtpd2ps: Definition = b => {
  begin(b)
  const source = readSource(b, 'f64x2')
  const result = b.wasm('f32x4.demote_f64x2_zero', [source.value])
  const widened = b.wasm('f64x2.promote_low_f32x4', [result])
  const least = b.vector([0, 0, 0, 0, 0, 0, 0x10, 0x38, 0, 0, 0, 0, 0, 0, 0x10, 0x38])
  // Above the least normal float of 32 bits, 2^-126, and finite.
  const above = operate(b, 'f64x2', 'gt', operate(b, 'f64x2', 'abs', widened), least)
  const fine = both(b, 'f64x2', above, finite(b, 'f64x2', widened))
  convert(b, Conversion.Pd2Ps, b.and(quiet(b), everywhere(b, 'f64x2', fine)), source.address, () =>
    writeVector(b, 0, result),
  )
}

/** CVTDQ2PD    two integers, exact. */
const cvtdq2pd: Definition = b => {
  begin(b)
  writeVector(b, 0, b.wasm('f64x2.convert_low_i32x4_s', [readHalf(b).value]))
}

/** CVTDQ2PS    four integers. */
const cvtdq2ps: Definition = b => {
  begin(b)
  const value = readVector(b, 1)
  const address = () => (isMemory(b, 1) ? stashOperand(b, 128, value) : b.read(1))
  convert(b, Conversion.Dq2Ps, quiet(b), address, () =>
    writeVector(b, 0, b.wasm('f32x4.convert_i32x4_s', [value])),
  )
}

/** The values of `shape` rounded as MXCSR does by default, or towards zero. */
function rounded(b: Builder, shape: Shape, value: Value, chops: boolean): Value {
  return operate(b, shape, chops ? 'trunc' : 'nearest', value)
}

/** CVTPS2DQ CVTTPS2DQ CVTPD2DQ CVTTPD2DQ    floats to integers; the upper half is cleared for two. */
const packedToIntegers =
  (conversion: Conversion, shape: 'f32x4' | 'f64x2', chops: boolean): Definition =>
  b => {
    begin(b)
    const source = readSource(b, shape)
    const whole = rounded(b, shape, source.value, chops)
    const limit =
      shape === 'f32x4'
        ? splat(b, LIMIT_BITS_32, 32)
        : splat(b, LIMIT_UPPER_64 * 2 ** 32, 64)
    const fits = operate(b, shape, 'lt', operate(b, shape, 'abs', whole), limit)
    const operator = shape === 'f32x4' ? 'i32x4.trunc_sat_f32x4_s' : 'i32x4.trunc_sat_f64x2_s_zero'
    convert(b, conversion, b.and(quiet(b), everywhere(b, shape, fits)), source.address, () =>
      writeVector(b, 0, b.wasm(operator, [whole])),
    )
  }

/** CVTSS2SI CVTTSS2SI CVTSD2SI CVTTSD2SI    r32 := the low element. */
const toRegister =
  (conversion: Conversion, shape: 'f32' | 'f64', chops: boolean): Definition =>
  b => {
    begin(b)
    const source = readSource(b, shape)
    const whole = rounded(b, shape, source.value, chops)
    const fits = operate(b, shape, 'lt', operate(b, shape, 'abs', whole), b.constant(INTEGER_LIMIT, shape))
    const result = b.usually(
      b.and(quiet(b), fits),
      () => b.wasm(`i32.trunc_s.${shape}`, [whole]),
      () => b.call('vectorToInteger', formOf(b, conversion, b.constant(0), source.address())),
    )
    b.write(0, result)
  }

/** CVTSI2SD    dst := r/m32, exact. */
const cvtsi2sd: Definition = b => {
  begin(b)
  const value = b.wasm('f64.convert_s.i32', [b.read(1)])
  b.poke(b.read(0), 64, value)
}

/** CVTSI2SS    dst := r/m32. */
const cvtsi2ss: Definition = b => {
  begin(b)
  const integer = b.read(1)
  convert(b, Conversion.Si2Ss, quiet(b), () => stashOperand(b, 32, integer), () =>
    b.poke(b.read(0), 32, b.wasm('f32.convert_s.i32', [integer])),
  )
}

/**
 * CVTPI2PS CVTPI2PD    two integers of an MM register or memory. The x87 state becomes that of MMX before #XM may be
 * raised, as on real CPUs: executed again, the instruction finds it so.
 */
const fromMmx =
  (conversion: Conversion): Definition =>
  b => {
    begin(b)
    b.restartable()
    const { address } = readHalf(b)
    if (isMmx(b, 1)) enterMmx(b)
    callConvert(b, conversion, address())
  }

/** CVTPS2PI CVTTPS2PI CVTPD2PI CVTTPD2PI    two integers to an MM register. As to #XM, see above. */
const toMmx =
  (conversion: Conversion, size: number): Definition =>
  b => {
    begin(b)
    b.restartable()
    const source = size === 64 ? readHalf(b) : readSource(b, 'f64x2')
    enterMmx(b)
    callConvert(b, conversion, source.address())
    writeVector(b, 0, readVector(b, 0))
  }

export const vectorConversions: Readonly<Record<string, Definition>> = {
  cvtss2sd: scalarToScalar(Conversion.Ss2Sd, 'f32', 'f64'), cvtsd2ss: scalarToScalar(Conversion.Sd2Ss, 'f64', 'f32'),
  cvtps2pd, cvtpd2ps, cvtdq2pd, cvtdq2ps,
  cvtps2dq: packedToIntegers(Conversion.Ps2Dq, 'f32x4', false),
  cvttps2dq: packedToIntegers(Conversion.Tps2Dq, 'f32x4', true),
  cvtpd2dq: packedToIntegers(Conversion.Pd2Dq, 'f64x2', false),
  cvttpd2dq: packedToIntegers(Conversion.Tpd2Dq, 'f64x2', true),
  cvtss2si: toRegister(Conversion.Ss2Si, 'f32', false), cvttss2si: toRegister(Conversion.Tss2Si, 'f32', true),
  cvtsd2si: toRegister(Conversion.Sd2Si, 'f64', false), cvttsd2si: toRegister(Conversion.Tsd2Si, 'f64', true),
  cvtsi2sd, cvtsi2ss, cvtpi2ps: fromMmx(Conversion.Pi2Ps), cvtpi2pd: fromMmx(Conversion.Pi2Pd),
  cvtps2pi: toMmx(Conversion.Ps2Pi, 64), cvttps2pi: toMmx(Conversion.Tps2Pi, 64),
  cvtpd2pi: toMmx(Conversion.Pd2Pi, 128), cvttpd2pi: toMmx(Conversion.Tpd2Pi, 128),
}
