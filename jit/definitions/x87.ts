/**
 * The x87 FPU (SDM vol. 1, chapter 8; vol. 2, the instructions named). 80-bit arithmetic lives in helpers
 * (runtime/helpers/x87*.ts, softfloat80*.ts); a definition checks, makes the memory accesses, and calls one.
 *
 *   waiting instruction    #NM and #MF check, loads, helper (frequent ones record instruction and operand themselves)
 *   store                  check, compute, store unless an unmasked exception suppresses it, commit flags and pop
 *   control instruction    #NM check only: FN… do not wait for pending exceptions
 *
 * FIP and FDP are recorded behind the last access, so that a fault leaves them as they were.
 */
import { Lazy } from '../../runtime/flags.ts'
import { Cr0, Eflags, Vector } from '../../runtime/state.ts'
import type { Instruction } from '../decode/instruction.ts'
import { declareHelpers } from '../helper-signatures.ts'
import type { Builder, Definition, Term, Value } from './builder.ts'

declareHelpers(`
  x87Available()! x87Check()! x87Begin()! x87Wait()! x87Record(i32,i32)
  x87Sum(i32,i32,i32,i32) x87SumFloat32(i32,i32,i32,i32) x87SumFloat64(i32,i64,i32,i32)
  x87Product(i32,i32,i32) x87ProductFloat32(i32,i32,i32) x87ProductFloat64(i64,i32,i32)
  x87Quotient(i32,i32,i32,i32) x87QuotientFloat32(i32,i32,i32,i32) x87QuotientFloat64(i32,i64,i32,i32)
  x87ArithmeticInteger(i32,i32,i32,i32)
  x87SquareRoot() x87RoundToInteger() x87Scale() x87Remainder(i32) x87Extract() x87ChangeSign() x87Absolute()
  x87Compare(i32,i32,i32) x87CompareFloat32(i32,i32,i32,i32) x87CompareFloat64(i64,i32,i32,i32)
  x87CompareInteger(i32,i32,i32,i32) x87CompareFlags(i32,i32,i32):i32 x87Test() x87Examine() x87MoveIf(i32,i32)
  x87LoadFloat32(i32,i32,i32) x87LoadFloat64(i64,i32,i32) x87LoadExtended(i64,i32,i32,i32) x87LoadInteger(i64,i32,i32)
  x87LoadDecimal(i64,i32,i32,i32)
  x87LoadRegister(i32) x87LoadConstant(i32) x87StoreRegister(i32,i32) x87Exchange(i32)
  x87Free(i32,i32) x87RotateStack(i32)
  x87PrepareFloat32():i32 x87PrepareFloat64():i64 x87PrepareInteger(i32,i32):i64 x87CommitStore(i32,i32,i32)
  x87StoreExtended(i32)! x87StoreDecimal(i32)!
  x87Initialise() x87ClearExceptions() x87LoadControlWord(i32)
  x87StoreEnvironment(i32,i32)! x87LoadEnvironment(i32,i32)! x87Save(i32,i32)! x87Restore(i32,i32)!
  x87TwoToXMinusOne() x87Logarithm() x87LogarithmPlusOne() x87Tangent() x87ArcTangent() x87Sine()
  x87Cosine() x87SineCosine()
  fxsave(i32)! fxrstor(i32)!
`)

/** Position of TOP in the status word; the state keeps it apart. */
const STATUS_TOP_SHIFT = 11

/** Which operand of a sum changes its sign, as x87Sum takes it: none, the source, the destination. */
enum Negated { None = 0, Source = 0x80000000, Destination = 0x8000 }

/** Operation numbers of runtime/helpers/x87-arithmetic.ts: the reg field of the D8 opcodes. */
enum Operation { Add = 0, Multiply = 1, Subtract = 4, SubtractReversed = 5, Divide = 6, DivideReversed = 7 }

/** Bytes of the FSTENV image at operand size 16; FSAVE appends eight registers of ten bytes. */
const ENVIRONMENT_BYTES_16 = 14
const ENVIRONMENT_BYTES_32 = 28
const REGISTERS_BYTES = 80
const EXTENDED_BYTES = 10
const FXSAVE_BYTES = 512

/** #NM when CR0.EM or CR0.TS is set. */
function checkAvailable(b: Builder): void {
  b.faultIf(b.and(b.field('cr0'), Cr0.EM | Cr0.TS), Vector.NM)
}

/** First of a waiting instruction: #NM, then #MF or FERR# for a pending exception. */
function check(b: Builder): void {
  b.require('x87')
}

/** An instruction on registers alone whose helpers do not record it. */
function onRegisters(body: (b: Builder) => void): Definition {
  return b => {
    b.call('x87Begin')
    body(b)
  }
}

/** An instruction that is one helper call, which records it. */
const recorded =
  (helper: string, args: (b: Builder) => Term[] = () => []): Definition =>
  b => {
    check(b)
    b.call(helper, ...args(b))
  }

/** An instruction on a memory operand whose helpers do not record it; `body` makes every access before it commits. */
function onMemory(b: Builder, body: () => void): void {
  check(b)
  body()
  b.call('x87Record', b.effectiveSegment(), b.addressOf(0))
}

/**
 * Loads the memory operand and calls a helper with it, between `before` and `after`, and with where it lies, which the
 * helper records.
 */
function callLoaded(b: Builder, helper: string, before: Term[], after: Term[] = []): void {
  check(b)
  const offset = b.addressOf(0)
  const bits = b.load('operand', offset, b.sizeOf(0))
  b.call(helper, ...before, bits, ...after, b.effectiveSegment(), offset)
}

/** As `callLoaded`, for an integer of 16 or 32 bits, sign-extended. */
function callLoadedSigned(b: Builder, helper: string, before: Term[], after: Term[] = []): void {
  check(b)
  const offset = b.addressOf(0)
  const value = b.signExtend(b.load('operand', offset, b.sizeOf(0)), b.sizeOf(0))
  b.call(helper, ...before, value, ...after, b.effectiveSegment(), offset)
}

/** A no-operand instruction that is one helper call. */
const simple = (helper: string, ...args: Term[]): Definition => onRegisters(b => void b.call(helper, ...args))

/** Name of the form of a helper for a memory operand of 32 or 64 bits. */
const floatForm = (helper: string, size: number): string => `${helper}Float${size}`

/**
 * FADD FMUL FSUB FSUBR FDIV FDIVR    m32fp, m64fp: ST(0) := ST(0) op src. Registers: dst := dst op src. `helper` takes
 * the operation first when it carries out more than one.
 */
const arithmetic = (helper: string, operation: Term[], pops = 0): Definition => (b, { operands }) => {
  if (operands[0].kind === 'memory') {
    callLoaded(b, floatForm(helper, operands[0].size), operation)
    return
  }
  check(b)
  b.call(helper, ...operation, b.read(0), b.read(1), pops)
}

const sum = (negated: Negated, pops = 0): Definition => arithmetic('x87Sum', [negated], pops)
const product = (pops = 0): Definition => arithmetic('x87Product', [], pops)
const quotient = (operation: Operation, pops = 0): Definition => arithmetic('x87Quotient', [operation], pops)

/** FIADD FIMUL FISUB FISUBR FIDIV FIDIVR    ST(0) := ST(0) op m16int, m32int. */
const integerArithmetic = (operation: Operation): Definition => b => {
  callLoadedSigned(b, 'x87ArithmeticInteger', [operation])
}

/** FCOM FCOMP    compares ST(0) with src: C3 C2 C0 := 000 above, 001 below, 100 equal, 111 unordered. */
const compare = (pops: number): Definition => (b, { operands }) => {
  if (operands[0].kind === 'memory') {
    callLoaded(b, floatForm('x87Compare', operands[0].size), [], [pops])
    return
  }
  check(b)
  b.call('x87Compare', b.read(0), 0, pops)
}

/** FUCOM FUCOMP    as FCOM; a quiet NaN is not invalid. */
const compareQuiet = (pops: number): Definition => recorded('x87Compare', b => [b.read(0), 1, pops])

/** FICOM FICOMP    compares ST(0) with m16int, m32int. */
const compareInteger = (pops: number): Definition => b => callLoadedSigned(b, 'x87CompareInteger', [], [pops])

/** FCOMI FCOMIP FUCOMI FUCOMIP    ZF PF CF := 000 above, 001 below, 100 equal, 111 unordered; OF SF AF := 0. */
const compareFlags = (quiet: number, pops: number): Definition => b => {
  check(b)
  const flags = b.call('x87CompareFlags', b.read(1), quiet, pops)
  const different = b.xor(b.and(flags, Eflags.ZF), Eflags.ZF)
  b.setFlags(Lazy.Explicit, 32, different, undefined, flags, b.and(flags, Eflags.CF))
}

/** FCMOVcc    ST(0) := ST(i) if the condition holds. */
const moveIf = (condition: number): Definition => recorded('x87MoveIf', b => [b.read(1), b.condition(condition)])

/** FLD    pushes m32fp, m64fp, m80fp or ST(i). */
const fld: Definition = (b, { operands }) => {
  if (operands[0].kind === 'memory') {
    if (operands[0].size === 80) loadTenBytes(b, 'x87LoadExtended')
    else callLoaded(b, floatForm('x87Load', operands[0].size), [])
    return
  }
  check(b)
  b.call('x87LoadRegister', b.read(0))
}

/** Loads the ten bytes of the operand and hands them to `helper`. */
function loadTenBytes(b: Builder, helper: string): void {
  check(b)
  const offset = b.addressOf(0)
  const low = b.load('operand', offset, 64)
  const high = b.loadOperand(0, 16, 8)
  b.call(helper, low, high, b.effectiveSegment(), offset)
}

/** FILD    pushes m16int, m32int, m64int. */
const fild: Definition = b => {
  check(b)
  const offset = b.addressOf(0)
  const size = b.sizeOf(0)
  const value = b.load('operand', offset, size)
  b.call('x87LoadInteger', size === 64 ? value : b.widenS(b.signExtend(value, size)), b.effectiveSegment(), offset)
}

/** FBLD    pushes the packed decimal m80. */
const fbld: Definition = b => loadTenBytes(b, 'x87LoadDecimal')

/** Linear address of the first operand, checked for a write or a read of `bytes`. */
function linearAddress(b: Builder, helper: 'segmentWrite' | 'segmentRead', bytes: number): Value {
  return b.call(helper, b.effectiveSegment(), b.addressOf(0), bytes)
}

/**
 * Stores a computed value unless an unmasked exception suppresses the store, then commits flags and pops. Where nothing
 * is stored, memory that cannot be written is a fault all the same, which comes first.
 */
function storeComputed(b: Builder, value: Value, pops: number): void {
  const offset = b.addressOf(0)
  const bytes = b.sizeOf(0) / 8
  b.if(
    b.field('result'),
    () => b.store('operand', offset, b.sizeOf(0), value),
    () => void b.call('probeWrite', linearAddress(b, 'segmentWrite', bytes), bytes),
  )
  b.call('x87CommitStore', pops, b.effectiveSegment(), offset)
}

/** FST FSTP    stores ST(0) as m32fp, m64fp, m80fp or into ST(i). */
const store = (pops: number): Definition => (b, { operands }) => {
  if (operands[0].kind !== 'memory') {
    check(b)
    b.call('x87StoreRegister', b.read(0), pops)
  } else if (operands[0].size === 80) {
    onMemory(b, () => void b.call('x87StoreExtended', linearAddress(b, 'segmentWrite', EXTENDED_BYTES)))
  } else {
    check(b)
    storeComputed(b, b.call(floatForm('x87Prepare', operands[0].size)), pops)
  }
}

/** FIST FISTP FISTTP    stores ST(0) as m16int, m32int, m64int, by the rounding control or truncated. */
const storeInteger = (truncate: number, pops: number): Definition => b => {
  check(b)
  const size = b.sizeOf(0)
  const value = b.call('x87PrepareInteger', size, truncate)
  storeComputed(b, size === 64 ? value : b.wrap(value), pops)
}

/** FBSTP    stores ST(0) as packed decimal and pops. */
const fbstp: Definition = b => {
  onMemory(b, () => void b.call('x87StoreDecimal', linearAddress(b, 'segmentWrite', EXTENDED_BYTES)))
}

/** FNSTCW    m16 := control word. */
const fnstcw: Definition = b => {
  checkAvailable(b)
  b.write(0, b.field('fpuControl'))
}

/** FNSTSW    m16, AX := status word. */
const fnstsw: Definition = b => {
  checkAvailable(b)
  b.write(0, b.or(b.field('fpuStatus'), b.shl(b.field('fpuTop'), STATUS_TOP_SHIFT)))
}

/** FLDCW    control word := m16. */
const fldcw: Definition = b => {
  check(b)
  b.call('x87LoadControlWord', b.read(0))
}

/** FNINIT, FNCLEX. */
const control = (helper: string): Definition => b => {
  b.call('x87Available')
  b.call(helper)
}

/** FNSTENV FNSAVE (no wait), FLDENV FRSTOR (wait)    image of `environment` and, for SAVE and RSTOR, the registers. */
const image = (helper: string, check: string, access: 'segmentWrite' | 'segmentRead', registers: number): Definition =>
  (b, { operandSize }) => {
    b.call(check)
    const bytes = (operandSize === 16 ? ENVIRONMENT_BYTES_16 : ENVIRONMENT_BYTES_32) + registers
    b.call(helper, linearAddress(b, access, bytes), operandSize === 16 ? 16 : 32)
  }

/** FXSAVE FXRSTOR    512-byte image of x87, MMX and SSE state. #GP(0) when it is not 16-byte aligned. */
const extendedImage = (helper: string, access: 'segmentWrite' | 'segmentRead'): Definition => b => {
  b.call('x87Available')
  b.call(helper, linearAddress(b, access, FXSAVE_BYTES))
}

/** WAIT    reports a pending unmasked exception. */
const wait: Definition = b => b.require('wait')

/** FNOP    waits like any other. */
const fnop: Definition = onRegisters(() => {})

/** FNENI FNDISI FNSETPM    what the 8087 and the 80287 did, nothing since; like all FN… they do not wait. */
const obsoleteControl: Definition = checkAvailable

/** Instructions whose helpers have inline code in regions (backends/region-x87.ts). */
const REGION_MNEMONICS: ReadonlySet<string> = new Set([
  'fadd', 'fmul', 'fsub', 'fsubr', 'fdiv', 'fdivr', 'faddp', 'fmulp', 'fsubp', 'fsubrp', 'fdivp', 'fdivrp',
  'fiadd', 'fimul', 'fisub', 'fisubr', 'fidiv', 'fidivr', 'fcom', 'fcomp', 'fcompp', 'fucom', 'fucomp', 'fucompp',
  'ficom', 'ficomp', 'fcomi', 'fcomip', 'fucomi', 'fucomip', 'ftst', 'fcmovb', 'fcmovnb', 'fcmove', 'fcmovne', 'fcmovbe',
  'fcmovnbe', 'fcmovu', 'fcmovnu', 'fld', 'fild', 'fst', 'fstp', 'fist', 'fistp', 'fisttp', 'fld1', 'fldl2t', 'fldl2e',
  'fldpi', 'fldlg2', 'fldln2', 'fldz', 'fxch', 'fchs', 'fabs', 'fsqrt', 'fnstcw', 'fnstsw', 'fldcw', 'wait',
])

/**
 * Whether regions execute an x87 instruction themselves. FSTP m80 checks its ten bytes at once, which they do not; FLD
 * ST(7) reads the register that it pushes into, so that one of its two conditions is never met.
 */
export function isRegionX87({ mnemonic, operands }: Pick<Instruction, 'mnemonic' | 'operands'>): boolean {
  const [first] = operands
  if (mnemonic === 'fld' && first.kind === 'register' && first.index === 7) return false
  return REGION_MNEMONICS.has(mnemonic) && !(mnemonic === 'fstp' && first.kind === 'memory' && first.size === 80)
}

export const x87: Record<string, Definition> = {
  fadd: sum(Negated.None),
  fmul: product(),
  fsub: sum(Negated.Source),
  fsubr: sum(Negated.Destination),
  fdiv: quotient(Operation.Divide),
  fdivr: quotient(Operation.DivideReversed),
  faddp: sum(Negated.None, 1),
  fmulp: product(1),
  fsubp: sum(Negated.Source, 1),
  fsubrp: sum(Negated.Destination, 1),
  fdivp: quotient(Operation.Divide, 1),
  fdivrp: quotient(Operation.DivideReversed, 1),
  fiadd: integerArithmetic(Operation.Add),
  fimul: integerArithmetic(Operation.Multiply),
  fisub: integerArithmetic(Operation.Subtract),
  fisubr: integerArithmetic(Operation.SubtractReversed),
  fidiv: integerArithmetic(Operation.Divide),
  fidivr: integerArithmetic(Operation.DivideReversed),
  fcom: compare(0),
  fcomp: compare(1),
  fcompp: recorded('x87Compare', () => [1, 0, 2]),
  fucom: compareQuiet(0),
  fucomp: compareQuiet(1),
  fucompp: recorded('x87Compare', () => [1, 1, 2]),
  ficom: compareInteger(0),
  ficomp: compareInteger(1),
  fcomi: compareFlags(0, 0),
  fcomip: compareFlags(0, 1),
  fucomi: compareFlags(1, 0),
  fucomip: compareFlags(1, 1),
  ftst: recorded('x87Test'),
  fxam: recorded('x87Examine'),
  fcmovb: moveIf(2),
  fcmovnb: moveIf(3),
  fcmove: moveIf(4),
  fcmovne: moveIf(5),
  fcmovbe: moveIf(6),
  fcmovnbe: moveIf(7),
  fcmovu: moveIf(10),
  fcmovnu: moveIf(11),
  fld, fild, fbld, fbstp,
  fst: store(0),
  fstp: store(1),
  fist: storeInteger(0, 0),
  fistp: storeInteger(0, 1),
  fisttp: storeInteger(1, 1),
  fld1: recorded('x87LoadConstant', () => [0]),
  fldl2t: recorded('x87LoadConstant', () => [1]),
  fldl2e: recorded('x87LoadConstant', () => [2]),
  fldpi: recorded('x87LoadConstant', () => [3]),
  fldlg2: recorded('x87LoadConstant', () => [4]),
  fldln2: recorded('x87LoadConstant', () => [5]),
  fldz: recorded('x87LoadConstant', () => [6]),
  fxch: recorded('x87Exchange', b => [b.read(0)]),
  ffree: onRegisters(b => void b.call('x87Free', b.read(0), 0)),
  ffreep: onRegisters(b => void b.call('x87Free', b.read(0), 1)),
  fincstp: simple('x87RotateStack', 1),
  fdecstp: simple('x87RotateStack', -1),
  fchs: recorded('x87ChangeSign'),
  fabs: recorded('x87Absolute'),
  fsqrt: recorded('x87SquareRoot'),
  frndint: recorded('x87RoundToInteger'),
  fscale: recorded('x87Scale'),
  fprem: recorded('x87Remainder', () => [0]),
  fprem1: recorded('x87Remainder', () => [1]),
  fxtract: recorded('x87Extract'),
  f2xm1: simple('x87TwoToXMinusOne'),
  fyl2x: simple('x87Logarithm'),
  fyl2xp1: simple('x87LogarithmPlusOne'),
  fptan: simple('x87Tangent'),
  fpatan: simple('x87ArcTangent'),
  fsin: simple('x87Sine'),
  fcos: simple('x87Cosine'),
  fsincos: simple('x87SineCosine'),
  fnop, fneni: obsoleteControl, fndisi: obsoleteControl, fnsetpm: obsoleteControl, wait, fnstcw, fnstsw, fldcw,
  fninit: control('x87Initialise'),
  fnclex: control('x87ClearExceptions'),
  fnstenv: image('x87StoreEnvironment', 'x87Available', 'segmentWrite', 0),
  fldenv: image('x87LoadEnvironment', 'x87Check', 'segmentRead', 0),
  fnsave: image('x87Save', 'x87Available', 'segmentWrite', REGISTERS_BYTES),
  frstor: image('x87Restore', 'x87Check', 'segmentRead', REGISTERS_BYTES),
  fxsave: extendedImage('fxsave', 'segmentWrite'),
  fxrstor: extendedImage('fxrstor', 'segmentRead'),
}
