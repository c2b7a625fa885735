/**
 * Compares our decoder with iced-x86 on byte strings: validity, length, mnemonic, operands, prefixes.
 * Development only: iced is an independent implementation of the manual, used as a second opinion.
 */
import {
  type Code,
  CodeExt,
  CpuidFeature,
  Decoder,
  DecoderError,
  DecoderOptions,
  EncodingKind,
  Instruction as IcedInstruction,
  MemorySizeExt,
  Mnemonic,
  OpKind,
  Register,
} from 'iced-x86'
import { decode } from '../../../jit/decode/decoder.ts'
import { mnemonicOf, registerName } from '../../../jit/decode/disassembler.ts'
import type {
  DecodeMode,
  Instruction,
  MemoryOperand,
  Operand,
  RegisterOperand,
} from '../../../jit/decode/instruction.ts'
import { fillStrings, randomNumbers, STRING_BYTES } from './byte-strings.ts'
import { missingEncodings, missingFeatures } from './iced-exceptions.ts'

export interface OracleReport {
  strings: number
  /** Both decoded, and every field agreed. */
  agreed: number
  /** Both refused. */
  refused: number
  /** Differences listed in iced-exceptions.ts, by reason. */
  readonly excepted: Map<string, number>
  mismatches: number
  /** The first mismatches, for people. */
  readonly examples: string[]
  /** Rows of the opcode tables that decoded at least once, with how often. */
  readonly rows: Map<string, number>
}

const EXAMPLES = 40
/** Keeps the modes' strings apart for neighbouring seeds. */
const SEED_STRIDE = 1000
const STRINGS_PER_BATCH = 4096
const OPTIONS =
  DecoderOptions.NoMPFX_0FBC | DecoderOptions.NoMPFX_0FBD | DecoderOptions.NoWbnoinvd | DecoderOptions.ForceReservedNop

/** Our name covers undocumented aliases that iced gives names of their own. */
const ALIASES: Readonly<Record<string, readonly string[]>> = {
  fstp: ['fstp', 'fstpnce'],
  nop: ['nop', 'reservednop'],
  shl: ['shl', 'sal'],
  prefetchw: ['reservednop'],
  prefetchnta: ['reservednop'],
  prefetcht0: ['reservednop'],
  prefetcht1: ['reservednop'],
  prefetcht2: ['reservednop'],
}
const STRINGS = new Set(['movs', 'cmps', 'stos', 'lods', 'scas', 'ins', 'outs'])

/** iced's names for an instruction: the manual's, or an alias. */
function icedNames(instruction: Instruction): readonly string[] {
  return ALIASES[instruction.mnemonic] ?? [mnemonicOf(instruction)]
}

/** Operands that iced lists and we do not, because the manual's operand list leaves them out: how many lead. */
function implicitOperands(instruction: Instruction, theirs: number): number {
  const { mnemonic, operands } = instruction
  if (STRINGS.has(mnemonic) || mnemonic === 'xlat') return theirs
  // iced writes fcom, fcomp, fucom, fucomp, fxch, fld... with an explicit ST0 where the manual has ST(i) alone.
  const x87 = /^(fcomp?|fucomp?|fxch)$/.test(mnemonic) && operands[0].kind === 'register'
  if (x87 || mnemonic.startsWith('maskmov')) return 1
  return 0
}

const SEGMENTS = ['ES', 'CS', 'SS', 'DS', 'FS', 'GS']

/** iced's enumerator: upper case, and R8L where we write r8b. */
function icedRegister(register: RegisterOperand): string {
  return registerName(register)
    .toUpperCase()
    .replace(/^(R\d+)B$/, '$1L')
}

function addressRegister(index: number, addressSize: number): string {
  if (index < 0) return 'None'
  return icedRegister({ kind: 'register', class: `gpr${addressSize}` as 'gpr32', index, size: addressSize })
}

/** Selector operands: iced shows the register of the operand size, we the 16 bits that are read. */
const SELECTOR_SOURCES = new Set(['lar', 'lsl', 'lldt', 'ltr', 'verr', 'verw', 'lmsw', 'movseg', 'arpl'])
/** Rows whose operation has one size whatever the operand size is; iced reports the latter. */
const OWN_SIZE: Readonly<Record<string, number>> = {
  63: 16,
  '0F 00 /2': 16,
  '0F 00 /3': 16,
  '0F 00 /4': 16,
  '0F 00 /5': 16,
  '0F 01 /6': 16,
  'F2 0F 38 F0': 8,
}
/** Memory that is not accessed as one datum: our size is 0, iced names the structure. */
const ADDRESSES = new Set(
  `lea invlpg sgdt sidt lgdt lidt bound fldenv fnstenv frstor fnsave fxsave fxrstor clflush prefetchw prefetchnta
   prefetcht0 prefetcht1 prefetcht2`.split(/\s+/),
)

function sameSegment(ours: number, iced: IcedInstruction, mode: DecodeMode): boolean {
  const theirs = SEGMENTS.indexOf(Register[iced.memorySegment])
  // 64-bit mode ignores ES, CS, SS and DS overrides: iced shows the prefix, we the default.
  if (mode.bits === 64 && theirs < SEGMENTS.indexOf('FS'))
    return ours === SEGMENTS.indexOf('DS') || ours === SEGMENTS.indexOf('SS')
  return theirs === ours
}

function compareMemory(
  ours: MemoryOperand,
  instruction: Instruction,
  iced: IcedInstruction,
  mode: DecodeMode,
): string | undefined {
  const bits = instruction.addressSize
  if (!sameSegment(ours.segment, iced, mode)) return 'segment'
  const base = ours.ripRelative ? (bits === 64 ? 'RIP' : 'EIP') : addressRegister(ours.base, bits)
  if (Register[iced.memoryBase] !== base) return `base ${base}`
  if (Register[iced.memoryIndex] !== addressRegister(ours.index, bits)) return 'index'
  // Without an index the scale bits mean nothing; ours is then 0.
  if (iced.memoryIndexScale !== 1 << ours.scale && ours.index >= 0) return 'scale'
  let displacement =
    ours.displacementHigh === undefined
      ? BigInt(ours.displacement)
      : (BigInt(ours.displacementHigh) << 32n) | BigInt(ours.displacement >>> 0)
  if (ours.ripRelative) displacement += BigInt(instruction.length)
  if (BigInt.asUintN(bits, iced.memoryDisplacement) !== BigInt.asUintN(bits, displacement)) return 'displacement'
  if (ADDRESSES.has(instruction.mnemonic)) return ours.size === 0 ? undefined : 'size of an address'
  // Hint NOPs access nothing; iced calls their size unknown or that of the operand.
  if (instruction.mnemonic === 'nop') return undefined
  if (MemorySizeExt.size(iced.memorySize) * 8 !== ours.size) return `size ${MemorySizeExt.size(iced.memorySize) * 8}`
  return undefined
}

function compareOperand(
  ours: Operand,
  instruction: Instruction,
  iced: IcedInstruction,
  index: number,
  mode: DecodeMode,
): string | undefined {
  const kind = iced.opKind(index)
  switch (ours.kind) {
    case 'register': {
      if (kind !== OpKind.Register) return 'not a register'
      const theirs = Register[iced.opRegister(index)]
      if (theirs === icedRegister(ours)) return undefined
      if (SELECTOR_SOURCES.has(instruction.mnemonic) && ours.class === 'gpr16') {
        const sizes = ['gpr32', 'gpr64'] as const
        if (sizes.some((wide) => theirs === icedRegister({ ...ours, class: wide }))) return undefined
      }
      return `register ${theirs}`
    }
    case 'memory':
      return kind === OpKind.Memory ? compareMemory(ours, instruction, iced, mode) : 'not memory'
    case 'immediate': {
      if (kind < OpKind.Immediate8 || kind > OpKind.Immediate32to64) return 'not an immediate'
      const value = ours.high === undefined ? BigInt(ours.value) : (BigInt(ours.high) << 32n) | BigInt(ours.value >>> 0)
      if (BigInt.asUintN(ours.size, iced.immediate(index)) !== BigInt.asUintN(ours.size, value)) return 'immediate'
      // The value must fill `size` and no more.
      return ours.size < 32 && ours.value >>> ours.size !== 0 ? 'immediate is not truncated' : undefined
    }
    case 'relative': {
      const bits = kind === OpKind.NearBranch16 ? 16 : kind === OpKind.NearBranch32 ? 32 : 64
      if (kind < OpKind.NearBranch16 || kind > OpKind.NearBranch64) return 'not a branch'
      if (bits !== instruction.operandSize) return 'branch width'
      const target = BigInt.asUintN(bits, BigInt(instruction.length + ours.value))
      return iced.nearBranchTarget === target ? undefined : 'branch target'
    }
    case 'far': {
      if (kind !== OpKind.FarBranch16 && kind !== OpKind.FarBranch32) return 'not a far pointer'
      if (iced.farBranchSelector !== ours.selector) return 'selector'
      const offset = kind === OpKind.FarBranch16 ? iced.farBranch16 : iced.farBranch32
      if ((kind === OpKind.FarBranch16 ? 16 : 32) !== instruction.operandSize) return 'far pointer width'
      return offset >>> 0 === ours.offset >>> 0 ? undefined : 'offset'
    }
  }
}

function compareString(instruction: Instruction, iced: IcedInstruction, mode: DecodeMode): string | undefined {
  const repeat = iced.hasRepnePrefix ? 'repne' : iced.hasRepPrefix ? 'rep' : 'none'
  if (repeat !== instruction.repeat) return `repeat ${repeat}`
  for (let index = 0; index < iced.opCount; index++) {
    const kind = iced.opKind(index)
    if (kind < OpKind.MemorySegSI || kind > OpKind.MemoryESRDI) continue
    const widths = [16, 32, 64]
    if (widths[(kind - OpKind.MemorySegSI) % 3] !== instruction.addressSize) return 'address size'
    if (kind <= OpKind.MemorySegRSI && !sameSegment(instruction.segment, iced, mode)) return 'segment'
  }
  return undefined
}

/** Operand and address size that iced's table gives an instruction form, 0 for none. */
interface FormSizes {
  readonly operand: number
  readonly address: number
}
const formSizes = new Map<Code, FormSizes>()

function sizesOf(code: Code): FormSizes {
  let sizes = formSizes.get(code)
  if (sizes === undefined) {
    const info = CodeExt.opCode(code)
    sizes = { operand: info.operandSize, address: info.addressSize }
    info.free()
    formSizes.set(code, sizes)
  }
  return sizes
}

/** The first field in which the two decoders differ, or undefined. */
function compareInstructions(instruction: Instruction, iced: IcedInstruction, mode: DecodeMode): string | undefined {
  if (iced.length !== instruction.length) return `length ${iced.length}`
  const name = Mnemonic[iced.mnemonic].toLowerCase()
  if (!icedNames(instruction).includes(name)) return `mnemonic ${name}`
  if (iced.hasLockPrefix !== instruction.lock) return 'lock'
  const sizes = sizesOf(iced.code)
  // Opcode 63 is MOVSXD in 64-bit mode.
  const operandSize =
    instruction.mnemonic === 'movsxd' ? sizes.operand : (OWN_SIZE[instruction.opcode] ?? sizes.operand)
  if (operandSize !== 0 && operandSize !== instruction.operandSize) return `operand size ${sizes.operand}`
  if (sizes.address !== 0 && sizes.address !== instruction.addressSize) return `address size ${sizes.address}`
  if (STRINGS.has(instruction.mnemonic)) return compareString(instruction, iced, mode)
  if (instruction.repeat !== 'none') return 'repeat on no string instruction'
  const skipped = implicitOperands(instruction, iced.opCount)
  const { operands } = instruction
  // Reserved NOPs have a register operand in iced's tables, the manual's NOP has r/m alone; hints have an address.
  const compareCount = name === 'reservednop' ? 1 : iced.opCount - skipped
  if (operands.length !== compareCount) return `operand count ${iced.opCount}`
  // XCHG of the accumulator: the manual puts it first, iced last. The operation is symmetric.
  const swap = instruction.form === 'rAX_Zv'
  for (let index = 0; index < operands.length; index++) {
    const theirs = swap ? 1 - index : index + skipped
    const difference = compareOperand(operands[index], instruction, iced, theirs, mode)
    if (difference !== undefined) return `operand ${index}: ${difference}`
  }
  return undefined
}

/** Why it is right that iced decodes what we refuse, or undefined. */
function exceptionFor(iced: IcedInstruction): string | undefined {
  const encoding = EncodingKind[iced.encoding]
  if (iced.encoding !== EncodingKind.Legacy)
    return missingEncodings[encoding] && `${encoding}: ${missingEncodings[encoding]}`
  for (const feature of iced.cpuidFeatures()) {
    const name = CpuidFeature[feature]
    if (missingFeatures[name] !== undefined) return `${name}: ${missingFeatures[name]}`
  }
  return undefined
}

function hex(bytes: Uint8Array, start: number, length: number): string {
  return Array.from(bytes.subarray(start, start + length), (byte) => byte.toString(16).padStart(2, '0')).join(' ')
}

/** Runs `count` strings through both decoders. The same seed gives the same strings. */
export function compareWithIced(options: { bits: 16 | 32 | 64; count: number; seed: number }): OracleReport {
  const report: OracleReport = {
    strings: 0,
    agreed: 0,
    refused: 0,
    excepted: new Map(),
    mismatches: 0,
    examples: [],
    rows: new Map(),
  }
  const next = randomNumbers(options.seed * SEED_STRIDE + options.bits)
  const mode: DecodeMode = { bits: options.bits }
  const iced = new IcedInstruction()
  try {
    while (report.strings < options.count) {
      const strings = Math.min(STRINGS_PER_BATCH, options.count - report.strings)
      const buffer = new Uint8Array(strings * STRING_BYTES)
      fillStrings(buffer, next, options.bits === 64)
      const decoder = new Decoder(options.bits, buffer, OPTIONS)
      try {
        for (let index = 0; index < strings; index++) {
          compareOne(report, buffer, index * STRING_BYTES, mode, decoder, iced)
        }
      } finally {
        decoder.free()
      }
      report.strings += strings
    }
  } finally {
    iced.free()
  }
  return report
}

function count(map: Map<string, number>, key: string): void {
  map.set(key, (map.get(key) ?? 0) + 1)
}

function compareOne(
  report: OracleReport,
  buffer: Uint8Array,
  start: number,
  mode: DecodeMode,
  decoder: Decoder,
  iced: IcedInstruction,
): void {
  const ours = decode(buffer, start, start + STRING_BYTES, mode)
  decoder.position = start
  decoder.ip = 0n
  decoder.decodeOut(iced)
  const theirsValid = decoder.lastError === DecoderError.None
  let difference: string | undefined
  if (ours.ok && theirsValid) {
    count(report.rows, ours.instruction.opcode)
    difference = compareInstructions(ours.instruction, iced, mode)
    if (difference === undefined) {
      report.agreed++
      return
    }
  } else if (ours.ok) {
    count(report.rows, ours.instruction.opcode)
    difference = 'iced refuses'
  } else if (theirsValid) {
    const reason = ours.failure === 'undefined' ? exceptionFor(iced) : undefined
    if (reason !== undefined) {
      count(report.excepted, reason)
      return
    }
    difference = `we refuse (${ours.failure}), iced: ${Mnemonic[iced.mnemonic]} ${Array.from(iced.cpuidFeatures(), (f) => CpuidFeature[f])}`
  } else {
    report.refused++
    return
  }
  report.mismatches++
  if (report.examples.length < EXAMPLES) {
    const shown = ours.ok
      ? `${ours.instruction.opcode} ${ours.instruction.mnemonic} ${JSON.stringify(ours.instruction.operands)}`
      : ours.failure
    report.examples.push(`${hex(buffer, start, STRING_BYTES)}  ${shown}  ${difference}`)
  }
}
