/**
 * Records that capture.c takes from a real x87: reading one, running it on the helpers, and telling what differs.
 */
import { Eflags } from '../../../runtime/state.ts'
import type { Extended, X87Helpers, X87Machine } from './machine.ts'

/** Bytes of a record (struct record in capture.c). */
export const RECORD_BYTES = 88

/** Bytes of an FSAVE image of 32 bits, and where its registers begin. */
const IMAGE_BYTES = 108
const IMAGE_REGISTERS = 28
/** OF SF ZF AF PF CF. */
const ARITHMETIC_FLAGS = 0x8d5

/** Guest address of the memory operand, and the segment register that it is said to lie in. */
const OPERAND = 0x1000
const SEGMENT = 3

const at = {
  opcode: 0,
  modrm: 1,
  tags: 3,
  control: 4,
  status: 6,
  flags: 8,
  st0: 10,
  st1: 20,
  memory: 30,
  controlAfter: 40,
  statusAfter: 42,
  tagsAfter: 44,
  flagsAfter: 46,
  before: 48,
  top: 58,
  behind: 68,
  memoryAfter: 78,
}

/** Content that capture.c gives to the registers behind ST(1). */
const filler = (i: number): Extended => ({ sig: 0x8765432112345678n + BigInt(i), se: 0x4000 + i })

const extended = (view: DataView, offset: number): Extended => ({
  sig: view.getBigUint64(offset, true),
  se: view.getUint16(offset + 8, true),
})

const show = (value: Extended): string =>
  `${value.se.toString(16).padStart(4, '0')}:${value.sig.toString(16).padStart(16, '0')}`

/** The bit of an operation number (x87-arithmetic.ts) that tells FSUBR from FSUB and FDIVR from FDIV. */
const REVERSE = 1

type Runner = (h: X87Helpers, m: X87Machine) => number | void

/** Calls the helper of FADD (0), FMUL (1), FSUB (4), FSUBR (5), FDIV (6) or FDIVR (7) for a form of operand. */
function arithmetic(
  h: X87Helpers,
  form: '' | 'Float32' | 'Float64',
  operation: number,
  rest: (number | bigint)[],
): number {
  if (operation === 1) return h[`x87Product${form}`](...rest)
  if (operation >= 6) return h[`x87Quotient${form}`](operation, ...rest)
  const negated = operation === 0 ? 0 : operation === 4 ? 0x80000000 : 0x8000
  return h[`x87Sum${form}`](negated, ...rest)
}

/** Runs the condition of FCMOVcc: 0 B, 1 E, 2 BE, 3 U. */
function moveCondition(flags: number, code: number): boolean {
  const masks = [Eflags.CF, Eflags.ZF, Eflags.CF | Eflags.ZF, Eflags.PF]
  return (flags & masks[code]) !== 0
}

/** A store as the definitions make it: compute, write unless suppressed, commit. */
function store(
  h: X87Helpers,
  m: X87Machine,
  pops: number,
  prepare: () => number | bigint,
  write: (bits: number | bigint) => void,
): undefined {
  const bits = prepare()
  if (m.field('result') !== 0) write(bits)
  h.x87CommitStore(pops, SEGMENT, OPERAND)
}

function memoryRunner(opcode: number, reg: number, m: X87Machine): Runner {
  const operand = m.ram(OPERAND)
  const bits32 = (): number => m.view.getUint32(operand, true)
  const bits64 = (): bigint => m.view.getBigUint64(operand, true)
  const int16 = (): number => m.view.getInt16(operand, true)
  const int32 = (): number => m.view.getInt32(operand, true)
  /** FIST and FISTP by reg 2, 3, 6, 7; FISTTP by reg 1. */
  const integerStore =
    (bits: number): Runner =>
    h =>
      store(
        h,
        m,
        reg === 2 ? 0 : 1,
        () => h.x87PrepareInteger(bits, reg === 1 ? 1 : 0),
        value => {
          const wide = BigInt(value)
          if (bits === 16) m.view.setUint16(operand, Number(wide & 0xffffn), true)
          else if (bits === 32) m.view.setUint32(operand, Number(wide & 0xffffffffn), true)
          else m.view.setBigUint64(operand, wide, true)
        },
      )
  const compared = reg === 2 || reg === 3
  const pops = reg === 3 ? 1 : 0
  switch (opcode) {
    case 0xd8:
      return h =>
        compared
          ? h.x87CompareFloat32(bits32(), pops, SEGMENT, OPERAND)
          : arithmetic(h, 'Float32', reg, [bits32(), SEGMENT, OPERAND])
    case 0xdc:
      return h =>
        compared
          ? h.x87CompareFloat64(bits64(), pops, SEGMENT, OPERAND)
          : arithmetic(h, 'Float64', reg, [bits64(), SEGMENT, OPERAND])
    case 0xda:
      return h =>
        compared
          ? h.x87CompareInteger(int32(), pops, SEGMENT, OPERAND)
          : h.x87ArithmeticInteger(reg, int32(), SEGMENT, OPERAND)
    case 0xde:
      return h =>
        compared
          ? h.x87CompareInteger(int16(), pops, SEGMENT, OPERAND)
          : h.x87ArithmeticInteger(reg, int16(), SEGMENT, OPERAND)
    case 0xd9:
      if (reg === 0) return h => h.x87LoadFloat32(bits32(), SEGMENT, OPERAND)
      if (reg === 5) return h => h.x87LoadControlWord(bits32() & 0xffff)
      if (reg === 7) return h => m.view.setUint16(operand, h.x87ControlWord(), true)
      return h =>
        store(
          h,
          m,
          pops,
          () => h.x87PrepareFloat32(),
          bits => m.view.setUint32(operand, Number(bits), true),
        )
    case 0xdb:
      if (reg === 0) return h => h.x87LoadInteger(BigInt(int32()), SEGMENT, OPERAND)
      if (reg === 5) return h => h.x87LoadExtended(bits64(), m.view.getUint16(operand + 8, true), SEGMENT, OPERAND)
      if (reg === 7) return h => h.x87StoreExtended(OPERAND)
      return integerStore(32)
    case 0xdd:
      if (reg === 0) return h => h.x87LoadFloat64(bits64(), SEGMENT, OPERAND)
      if (reg === 1) return integerStore(64)
      if (reg === 7) return h => m.view.setUint16(operand, h.x87StatusWord(), true)
      return h =>
        store(
          h,
          m,
          pops,
          () => h.x87PrepareFloat64(),
          bits => m.view.setBigUint64(operand, BigInt(bits), true),
        )
    default:
      if (reg === 0) return h => h.x87LoadInteger(BigInt(int16()), SEGMENT, OPERAND)
      if (reg === 4) return h => h.x87LoadDecimal(bits64(), m.view.getUint16(operand + 8, true), SEGMENT, OPERAND)
      if (reg === 5) return h => h.x87LoadInteger(m.view.getBigInt64(operand, true), SEGMENT, OPERAND)
      if (reg === 6) return h => h.x87StoreDecimal(OPERAND)
      if (reg === 7) return integerStore(64)
      return integerStore(16)
  }
}

function registerRunner(opcode: number, modrm: number, flags: number): Runner {
  const reg = (modrm >> 3) & 7
  const i = modrm & 7
  switch (opcode) {
    case 0xd8:
      if (reg === 2 || reg === 3) return h => h.x87Compare(i, 0, reg - 2)
      return h => arithmetic(h, '', reg, [0, i, 0])
    // The reg field of the DC and DE forms names SUB and SUBR, DIV and DIVR the other way round.
    case 0xdc:
      return h => arithmetic(h, '', reg < 4 ? reg : reg ^ REVERSE, [i, 0, 0])
    case 0xde:
      if (modrm === 0xd9) return h => h.x87Compare(1, 0, 2)
      return h => arithmetic(h, '', reg < 4 ? reg : reg ^ REVERSE, [i, 0, 1])
    case 0xda:
      if (modrm === 0xe9) return h => h.x87Compare(1, 1, 2)
      return h => h.x87MoveIf(i, moveCondition(flags, reg) ? 1 : 0)
    case 0xdb:
      if (modrm === 0xe2) return h => h.x87ClearExceptions()
      if (modrm === 0xe3) return h => h.x87Initialise()
      if (reg === 6 || reg === 5) return h => h.x87CompareFlags(i, reg === 5 ? 1 : 0, 0)
      return h => h.x87MoveIf(i, moveCondition(flags, reg) ? 0 : 1)
    case 0xdd:
      if (reg === 0) return h => h.x87Free(i, 0)
      if (reg === 4 || reg === 5) return h => h.x87Compare(i, 1, reg - 4)
      return h => h.x87StoreRegister(i, reg === 3 ? 1 : 0)
    case 0xdf:
      if (reg === 0) return h => h.x87Free(i, 1)
      return h => h.x87CompareFlags(i, reg === 5 ? 1 : 0, 1)
    default:
      if (reg === 0) return h => h.x87LoadRegister(i)
      if (reg === 1) return h => h.x87Exchange(i)
      if (reg === 2) return () => undefined
      if (modrm >= 0xe8 && modrm <= 0xee) return h => h.x87LoadConstant(modrm - 0xe8)
      return singleRunner(modrm)
  }
}

/** Instructions D9 E0 to D9 FF without operands. */
const singles: ReadonlyMap<number, (h: X87Helpers) => number> = new Map([
  [0xe0, (h: X87Helpers) => h.x87ChangeSign()],
  [0xe1, h => h.x87Absolute()],
  [0xe4, h => h.x87Test()],
  [0xe5, h => h.x87Examine()],
  [0xf0, h => h.x87TwoToXMinusOne()],
  [0xf1, h => h.x87Logarithm()],
  [0xf2, h => h.x87Tangent()],
  [0xf3, h => h.x87ArcTangent()],
  [0xf4, h => h.x87Extract()],
  [0xf5, h => h.x87Remainder(1)],
  [0xf6, h => h.x87RotateStack(-1)],
  [0xf7, h => h.x87RotateStack(1)],
  [0xf8, h => h.x87Remainder(0)],
  [0xf9, h => h.x87LogarithmPlusOne()],
  [0xfa, h => h.x87SquareRoot()],
  [0xfb, h => h.x87SineCosine()],
  [0xfc, h => h.x87RoundToInteger()],
  [0xfd, h => h.x87Scale()],
  [0xfe, h => h.x87Sine()],
  [0xff, h => h.x87Cosine()],
])

function singleRunner(modrm: number): Runner {
  const run = singles.get(modrm)
  if (!run) throw new Error(`no instruction D9 ${modrm.toString(16)}`)
  return run
}

/** Distance in units in the last place of two values of like sign and near exponents; Infinity otherwise. */
export function distance(a: Extended, b: Extended): number {
  if (a.sig === b.sig && a.se === b.se) return 0
  const line = (v: Extended): bigint => (BigInt(v.se & 0x7fff) << 63n) | (v.sig & 0x7fffffffffffffffn)
  if (((a.se ^ b.se) & 0x8000) !== 0) return Number.POSITIVE_INFINITY
  const gap = line(a) - line(b)
  return Math.abs(Number(gap))
}

/** Puts the machine into the state before the record. */
function setUp(m: X87Machine, view: DataView): void {
  const status = view.getUint16(at.status, true)
  const top = (status >> 11) & 7
  m.setField('fpuControl', view.getUint16(at.control, true))
  m.setField('fpuStatus', status & ~0x3800)
  m.setField('fpuTop', top)
  m.setField('fpuTag', view.getUint8(at.tags))
  m.setField('fault', 0)
  m.setRegister(top, extended(view, at.st0))
  m.setRegister(top + 1, extended(view, at.st1))
  for (let i = 2; i < 8; i++) m.setRegister(top + i, filler(i))
  for (let i = 0; i < 10; i++) m.view.setUint8(m.ram(OPERAND + i), view.getUint8(at.memory + i))
}

/** Name of a record's instruction, for reports. */
export function instructionName(view: DataView): string {
  const modrm = view.getUint8(at.modrm)
  const form = modrm < 0xc0 ? `/${(modrm >> 3) & 7}` : modrm.toString(16)
  return `${view.getUint8(at.opcode).toString(16)} ${form}`
}

/**
 * Status bits in which AMD processors, on which the records were captured, differ from Intel's manual: FCOMI keeps C1
 * (the manual clears it), and FCOM sets the condition bits even when an unmasked invalid operation stops it.
 */
function vendorDifference(opcode: number, modrm: number, view: DataView): number {
  const reg = (modrm >> 3) & 7
  if (modrm >= 0xe8 && (opcode === 0xdb || opcode === 0xdf)) return 0x200
  const memoryForm = modrm < 0xc0 && (opcode & 1) === 0 && opcode !== 0xdf
  const compares = (reg === 2 || reg === 3) && (memoryForm || opcode === 0xd8 || modrm === 0xd9)
  const others =
    (opcode === 0xdd && modrm >= 0xe0) || (opcode === 0xda && modrm === 0xe9) || (opcode === 0xd9 && modrm === 0xe4)
  const unmaskedInvalid =
    (view.getUint16(at.control, true) & 1) === 0 && (view.getUint16(at.statusAfter, true) & 1) !== 0
  return (compares || others) && unmaskedInvalid ? 0x4500 : 0
}

/** What an exact comparison may leave out. */
export interface Tolerance {
  /** Units in the last place by which a register may differ, PE and C1 then not compared. */
  readonly ulp: number
}

/**
 * Runs one record. Returns '' when everything agrees with the processor, else what differs.
 */
export function runRecord(m: X87Machine, view: DataView, tolerance: Tolerance = { ulp: 0 }): string {
  setUp(m, view)
  const opcode = view.getUint8(at.opcode)
  const modrm = view.getUint8(at.modrm)
  const flags = view.getUint16(at.flags, true)
  const run = modrm < 0xc0 ? memoryRunner(opcode, (modrm >> 3) & 7, m) : registerRunner(opcode, modrm, flags)
  const returned = run(m.helpers, m)
  const differences: string[] = []
  const expect = (what: string, actual: string | number, wanted: string | number): void => {
    if (actual !== wanted) differences.push(`${what} ${hex(actual)} wanted ${hex(wanted)}`)
  }
  const hex = (value: string | number): string => (typeof value === 'number' ? value.toString(16) : value)
  const top = (view.getUint16(at.status, true) >> 11) & 7
  let inexact = false
  for (const [name, offset, number] of [
    ['before', at.before, top + 7],
    ['top', at.top, top],
    ['behind', at.behind, top + 1],
  ] as const) {
    const actual = m.register(number)
    const wanted = extended(view, offset)
    const gap = distance(actual, wanted)
    if (gap > tolerance.ulp) differences.push(`${name} ${show(actual)} wanted ${show(wanted)} (${gap})`)
    if (gap > 0) inexact = true
  }
  let ignored = inexact || tolerance.ulp > 0 ? 0x200 : 0
  ignored |= vendorDifference(opcode, modrm, view)
  expect('status', m.helpers.x87StatusWord() & ~ignored, view.getUint16(at.statusAfter, true) & ~ignored)
  expect('control', m.field('fpuControl'), view.getUint16(at.controlAfter, true))
  expect('tags', m.helpers.tagWord(), view.getUint16(at.tagsAfter, true))
  for (let i = 0; i < 10; i++) {
    const actual = m.view.getUint8(m.ram(OPERAND + i))
    if (actual !== view.getUint8(at.memoryAfter + i)) {
      const bytes = (v: DataView, from: number): string =>
        [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
          .map(n =>
            v
              .getUint8(from + n)
              .toString(16)
              .padStart(2, '0'),
          )
          .join('')
      differences.push(`memory ${bytes(m.view, m.ram(OPERAND))} wanted ${bytes(view, at.memoryAfter)}`)
      break
    }
  }
  if (returned !== undefined && modrm >= 0xc0 && (opcode === 0xdb || opcode === 0xdf) && modrm >= 0xe8) {
    // The processor that was captured sets EFLAGS even then; Intel's manual says that it does not.
    if (!vendorKeepsFlags(view)) expect('flags', returned, view.getUint16(at.flagsAfter, true))
  }
  return differences.join('; ')
}

/** FRSTOR image (protected, 32 bits) of the state before a record, as capture.c loads it. */
export function imageBefore(record: DataView): Uint8Array {
  const image = new DataView(new ArrayBuffer(IMAGE_BYTES))
  const status = record.getUint16(at.status, true)
  const tags = record.getUint8(at.tags)
  let tagWord = 0
  for (let i = 0; i < 8; i++) tagWord |= ((tags >> i) & 1 ? 0 : 3) << (2 * i)
  image.setUint32(0, record.getUint16(at.control, true), true)
  image.setUint32(4, status, true)
  image.setUint32(8, tagWord, true)
  for (let i = 0; i < 8; i++) {
    const value = i === 0 ? extended(record, at.st0) : i === 1 ? extended(record, at.st1) : filler(i)
    image.setBigUint64(IMAGE_REGISTERS + i * 10, value.sig, true)
    image.setUint16(IMAGE_REGISTERS + i * 10 + 8, value.se, true)
  }
  return new Uint8Array(image.buffer)
}

/** Fields of a record that a whole-system run needs. */
export function instructionOf(record: DataView): { opcode: number; modrm: number; flags: number; operand: Uint8Array } {
  const operand = new Uint8Array(record.buffer, record.byteOffset + at.memory, 10).slice()
  return {
    opcode: record.getUint8(at.opcode),
    modrm: record.getUint8(at.modrm),
    flags: record.getUint16(at.flags, true),
    operand,
  }
}

/**
 * What differs between the FNSAVE image, operand and flags of a run and the record; '' when nothing does. With `ulp`,
 * registers may be that far off and C1 may differ.
 */
export function compareImage(record: DataView, image: DataView, memory: DataView, flags: number, ulp = 0): string {
  const { opcode, modrm } = instructionOf(record)
  const ignored = vendorDifference(opcode, modrm, record) | (ulp > 0 ? 0x200 : 0)
  const differences: string[] = []
  const expect = (what: string, actual: number, wanted: number): void => {
    if (actual !== wanted) differences.push(`${what} ${actual.toString(16)} wanted ${wanted.toString(16)}`)
  }
  const status = image.getUint16(4, true)
  expect('control', image.getUint16(0, true), record.getUint16(at.controlAfter, true))
  expect('status', status & ~ignored, record.getUint16(at.statusAfter, true) & ~ignored)
  expect('tags', image.getUint16(8, true), record.getUint16(at.tagsAfter, true))
  const top = (record.getUint16(at.status, true) >> 11) & 7
  const topAfter = (status >> 11) & 7
  for (const [name, offset, number] of [
    ['before', at.before, top + 7],
    ['top', at.top, top],
    ['behind', at.behind, top + 1],
  ] as const) {
    const actual = extended(image, IMAGE_REGISTERS + ((number - topAfter) & 7) * 10)
    const wanted = extended(record, offset)
    if (distance(actual, wanted) > ulp) differences.push(`${name} ${show(actual)} wanted ${show(wanted)}`)
  }
  for (let i = 0; i < 10; i++) {
    if (memory.getUint8(i) !== record.getUint8(at.memoryAfter + i)) differences.push(`memory byte ${i}`)
  }
  const comparesFlags = (opcode === 0xdb || opcode === 0xdf) && modrm >= 0xe8
  const kept = comparesFlags && vendorKeepsFlags(record)
  if (!kept) expect('flags', flags & ARITHMETIC_FLAGS, record.getUint16(at.flagsAfter, true))
  return differences.join('; ')
}

/** FCOMI with an unmasked invalid operation: the manual keeps EFLAGS, the captured processor sets them. */
function vendorKeepsFlags(record: DataView): boolean {
  return (record.getUint16(at.control, true) & 1) === 0 && (record.getUint16(at.statusAfter, true) & 1) !== 0
}

/** The state before a record, for reports. */
export function describeRecord(view: DataView): string {
  const word = (offset: number): string => view.getUint16(offset, true).toString(16).padStart(4, '0')
  const operand = modrmIsMemory(view) ? ` memory ${show(extended(view, at.memory))}` : ''
  return (
    `${instructionName(view)} control ${word(at.control)} status ${word(at.status)} tags ${view.getUint8(at.tags).toString(2)} ` +
    `flags ${word(at.flags)} st0 ${show(extended(view, at.st0))} st1 ${show(extended(view, at.st1))}${operand}`
  )
}

function modrmIsMemory(view: DataView): boolean {
  return view.getUint8(at.modrm) < 0xc0
}
