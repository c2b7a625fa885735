/** SSE4.1 and SSE4.2 instructions with flags or in need of helpers, and CRC32 (SDM vol. 2). */
import { Lazy } from '../../runtime/flags.ts'
import { Eflags, Gpr, stateAddress } from '../../runtime/state.ts'
import { declareHelpers } from '../helper-signatures.ts'
import type { Builder, Definition, Value } from './builder.ts'
import { begin, formOf, isMemory, readVector, stashImmediate, stashOperand } from './vector.ts'

declareHelpers(`
  sumsOfDifferences(i32)@ leastWord(i32)@ compareStrings(i32):i32@ crc32c(i32,i32,i32):i32
`)

/** Address of operand 1's slot, or of the memory operand's copy. `anywhere`: memory need not be aligned. */
export function sourceAddress(b: Builder, anywhere = false): Value {
  if (!isMemory(b, 1)) return b.read(1)
  return stashOperand(b, 128, readVector(b, 1, anywhere))
}

/** PTEST    ZF := (src & dst) is zero, CF := (src & ~dst) is zero; the others := 0. */
const ptest: Definition = b => {
  begin(b)
  const right = readVector(b, 1)
  const left = readVector(b, 0)
  const common = b.wasm('v128.any_true', [b.wasm('v128.and', [right, left])])
  const carry = b.eqz(b.wasm('v128.any_true', [b.wasm('v128.andnot', [right, left])]))
  const image = b.or(b.select(common, 0, Eflags.ZF), carry)
  b.setFlags(Lazy.Explicit, 32, common, undefined, image, carry)
}

/** MPSADBW. */
const mpsadbw: Definition = b => {
  begin(b)
  const source = sourceAddress(b)
  stashImmediate(b, b.read(2))
  b.call('sumsOfDifferences', formOf(b, 0, b.read(0), source))
}

/** PHMINPOSUW. */
const phminposuw: Definition = b => {
  begin(b)
  b.call('leastWord', formOf(b, 0, b.read(0), sourceAddress(b)))
}

/** Low bits of the form of `compareStrings`: lengths are in EAX and EDX; the result is a mask. */
const EXPLICIT_LENGTHS = 1
const AS_MASK = 2
const FLAGS_POSITION = 8

/** PCMPESTRI PCMPESTRM PCMPISTRI PCMPISTRM    ECX := an index, or XMM0 := a mask; CF ZF SF OF. */
const strings =
  (kind: number): Definition =>
  b => {
    begin(b)
    const source = sourceAddress(b, true)
    stashImmediate(b, b.read(2))
    if ((kind & EXPLICIT_LENGTHS) !== 0) {
      b.stash(b.constant(stateAddress('vectorLengths', 0)), 32, b.register(Gpr.Eax, 32))
      b.stash(b.constant(stateAddress('vectorLengths', 1)), 32, b.register(Gpr.Edx, 32))
    }
    const outcome = b.call('compareStrings', formOf(b, kind, b.read(0), source))
    if ((kind & AS_MASK) === 0) b.setRegister(Gpr.Ecx, 32, b.and(outcome, 0xff))
    const image = b.shr(outcome, FLAGS_POSITION)
    const different = b.xor(b.and(image, Eflags.ZF), Eflags.ZF)
    b.setFlags(Lazy.Explicit, 32, different, undefined, image, b.and(image, Eflags.CF))
  }

/** CRC32 r32, r/m    dst := dst with src taken in. */
const crc32: Definition = b => {
  const source = b.read(1)
  b.write(0, b.call('crc32c', b.read(0), source, b.sizeOf(1)))
}

export const sse4: Readonly<Record<string, Definition>> = {
  ptest, mpsadbw, phminposuw, crc32,
  pcmpestri: strings(EXPLICIT_LENGTHS), pcmpestrm: strings(EXPLICIT_LENGTHS | AS_MASK),
  pcmpistri: strings(0), pcmpistrm: strings(AS_MASK),
}
