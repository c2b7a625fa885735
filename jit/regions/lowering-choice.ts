/**
 * What a region does with an instruction: lower its definition, call the interpreter's handler, or leave.
 */
import { ModeBit, Segment } from '../../runtime/state.ts'
import type { Instruction, RegisterOperand } from '../decode/instruction.ts'
import { Builder } from '../definitions/builder.ts'
import { definitions } from '../definitions/index.ts'
import { regionVectorMnemonics } from '../definitions/vector-families.ts'
import { isRegionX87 } from '../definitions/x87.ts'
import { factsOf, signatureOf } from '../handlers.ts'
import type { Node, SegmentChoice } from '../ir.ts'
import { is8086, type Segmentation } from './segmentation.ts'

export enum Lowering {
  /** From the definition: registers and flags stay in locals. */
  Inline,
  /** The interpreter's general handler is called, with registers and flags in the state. */
  Handler,
  /** The interpreter's general handler is called, and the region left for wherever it has gone to. */
  Transfer,
  /** The region is left in front of it: it goes elsewhere, or changes what the region depends on. */
  Leave,
}

export const BRANCHES: ReadonlySet<string> = new Set(['jcc', 'loop', 'loope', 'loopne', 'jcxz'])

const INLINE = new Set([
  'mov', 'movzx', 'movsx', 'lea', 'xchg', 'cmovcc', 'setcc', 'cbw', 'cwd', 'nop', 'pause', 'bswap', 'movbe', 'xlat',
  'add', 'adc', 'sub', 'sbb', 'cmp', 'inc', 'dec', 'neg', 'xadd', 'cmpxchg', 'and', 'or', 'xor', 'test', 'not',
  'shl', 'shr', 'sar', 'rol', 'ror', 'rcl', 'rcr', 'shld', 'shrd', 'mul', 'imul', 'div', 'idiv',
  'bt', 'bts', 'btr', 'btc', 'bsf', 'bsr', 'movseg', 'push', 'pop', 'leave', 'cld', 'std', 'clc', 'stc', 'cmc', 'sahf',
  'jcc', 'jmp', 'call', 'ret', 'loop', 'loope', 'loopne', 'jcxz', 'movs', 'stos', 'lods',
])
/** Instructions that go elsewhere or move the stack: with 32-bit operands only. */
const WIDE_ONLY = new Set([...BRANCHES, 'jmp', 'call', 'ret', 'push', 'pop', 'leave'])

const FAR_POINTER_LOADS = new Set(['les', 'lds', 'lfs', 'lgs'])
const FLAT_LIMIT = 0xffff_ffff

/** Mnemonics that read memory through a segment without an operand that names it. */
const IMPLICIT_SOURCES = new Set(['movs', 'lods', 'xlat'])

/** Whether an operand is a segment register whose selector is read. */
function readsSelector({ mnemonic, operands }: Instruction, operand: RegisterOperand): boolean {
  return operand.class === 'segment' && (mnemonic === 'push' || (mnemonic === 'movseg' && operand === operands[1]))
}

/** Whether backends/region-system.ts has the common case; of STI, when an instruction that is in line follows. */
export function isQuickSystem(instruction: Instruction): boolean {
  const { mnemonic, operands: [first, second] } = instruction
  if (mnemonic === 'cli' || mnemonic === 'sti' || mnemonic === 'rdtsc') return true
  if (!loadsSegment(instruction) || instruction.operandSize !== 32 || instruction.addressSize !== 32) return false
  if (second?.kind === 'memory' && second.segment === Segment.Cs) return false
  // SS goes with the stack's width and a shadow, and CS cannot be loaded.
  return first.kind === 'register' && first.index !== Segment.Ss && first.index !== Segment.Cs
}

/**
 * Loads of DS, ES, FS and GS that are a shift and two stores where selectors are paragraphs, if that cannot make the
 * code flat.
 */
function isQuick8086Load(instruction: Instruction, mode: number, { limit }: Segmentation): boolean {
  const { mnemonic, operands: [first] } = instruction
  if (!is8086(mode) || limit === FLAT_LIMIT) return false
  if (FAR_POINTER_LOADS.has(mnemonic)) return true
  return loadsSegment(instruction) && first.kind === 'register' && first.index !== Segment.Ss && first.index !== Segment.Cs
}

/** What is lowered of code that is not flat: any address size and stack, and reads through CS. */
function isSegmentedInline(instruction: Instruction, mode: number, segmentation: Segmentation): boolean {
  const { mnemonic, operands } = instruction
  if (mnemonic === 'cli' || mnemonic === 'rdtsc' || isQuick8086Load(instruction, mode, segmentation)) return true
  const vector = regionVectorMnemonics.has(mnemonic)
  if ((!vector && !INLINE.has(mnemonic)) || instruction.repeat !== 'none') return false
  return operands.every(operand => {
    if (operand.kind === 'register')
      return operand.class.startsWith('gpr') || vector || readsSelector(instruction, operand)
    return operand.kind !== 'far'
  })
}

function isInline(instruction: Instruction): boolean {
  const { mnemonic, operands } = instruction
  const x87 = isRegionX87(instruction)
  const vector = regionVectorMnemonics.has(mnemonic)
  if (isQuickSystem(instruction)) return mnemonic !== 'sti'
  if ((!vector && !x87 && !INLINE.has(mnemonic)) || instruction.repeat !== 'none') return false
  if (instruction.addressSize !== 32 && mnemonic !== 'nop') return false
  if (WIDE_ONLY.has(mnemonic) && instruction.operandSize !== 32) return false
  for (const operand of operands) {
    // Flat code says nothing of CS but its base and limit: it may not be read, and cannot be written.
    if (operand.kind === 'memory' && operand.segment === Segment.Cs) return false
    if (operand.kind === 'register' && !operand.class.startsWith('gpr') && !vector && !x87 && !readsSelector(instruction, operand)) return false
    if (operand.kind === 'far') return false
  }
  return !IMPLICIT_SOURCES.has(mnemonic) || (instruction.segment <= Segment.Ds && instruction.segment !== Segment.Cs)
}

/**
 * Instructions that end an interpreter's run, because mode or interrupts may have changed, but mostly have not:
 * `handleRecord` looks, and the region goes on when nothing has.
 */
const MOSTLY_QUIET = new Set(['sti', 'popf', 'in', 'out', 'movseg', 'pop', 'lfs', 'lgs', 'les', 'lds'])

/**
 * before: left in front of them, looked up, begun as a run of their own => after: carried out at the end of the block.
 * They go to other privilege levels and segments, or change what regions stand on.
 */
const TRANSFERS = new Set(['int', 'int3', 'into', 'iret', 'sysenter', 'sysexit', 'jmpf', 'callf', 'retf'])

/** Statements after which the interpreter does not go on with the next record. */
const LEAVING = new Set<Node['op']>(['jump', 'branch', 'jumpTo', 'endRun'])

function goesOn(statements: readonly Node[], mayEnd: boolean): boolean {
  return statements.every(
    ({ op, then, otherwise }) =>
      (!LEAVING.has(op) || (mayEnd && op === 'endRun')) && goesOn(then, mayEnd) && goesOn(otherwise, mayEnd),
  )
}

const handled = new Map<string, boolean>()

/** Whether the handler of an instruction always goes on behind it, or raises an exception. */
function isHandled(instruction: Instruction): boolean {
  const facts = factsOf(instruction)
  const signature = signatureOf(facts)
  let known = handled.get(signature)
  if (known === undefined) {
    const definition = definitions.get(facts.mnemonic)
    const builder = new Builder(facts)
    definition?.(builder, facts)
    known = definition !== undefined && goesOn(builder.statements, MOSTLY_QUIET.has(facts.mnemonic))
    handled.set(signature, known)
  }
  return known
}

/** The segment that an access of an instruction goes through. */
export function segmentOf(choice: SegmentChoice, { operands, segment: implicit }: Instruction): number {
  if (choice !== 'operand') return choice
  const operand = operands.find(({ kind }) => kind === 'memory')
  return operand?.kind === 'memory' ? operand.segment : implicit
}

/** Whether an instruction may load FS or GS, whose bases regions keep. */
export function loadsBase(instruction: Instruction): boolean {
  const { mnemonic, operands: [first] } = instruction
  if (mnemonic === 'lfs' || mnemonic === 'lgs') return true
  return loadsSegment(instruction) && first.kind === 'register' && first.index >= Segment.Fs
}

/** MOV to, and POP of, a segment register. */
function loadsSegment({ mnemonic, operands: [first] }: Instruction): boolean {
  return (mnemonic === 'movseg' || mnemonic === 'pop') && first.kind === 'register' && first.class === 'segment'
}

/** Whether an instruction may load any segment register, and go on behind itself. */
export function mayLoadSegment(instruction: Instruction): boolean {
  return loadsSegment(instruction) || FAR_POINTER_LOADS.has(instruction.mnemonic)
}

/** What a region does with a normalised instruction; without a `segmentation`, in flat 32-bit code. */
export function loweringOf(instruction: Instruction, mode: number, segmentation: Segmentation | undefined): Lowering {
  const inline = segmentation ? isSegmentedInline(instruction, mode, segmentation) : isInline(instruction)
  if (inline) return Lowering.Inline
  // It may turn alignment checks on, of which only the mode of flat code tells.
  if (segmentation && instruction.mnemonic === 'popf' && (mode & ModeBit.User) !== 0) return Lowering.Leave
  if (TRANSFERS.has(instruction.mnemonic)) return Lowering.Transfer
  return isHandled(instruction) ? Lowering.Handler : Lowering.Leave
}

/** Whether an instruction of a region calls its handler, for which it has a record. */
export function isCalled({ lowering }: { readonly lowering: Lowering }): boolean {
  return lowering === Lowering.Handler || lowering === Lowering.Transfer
}

/** Whether a handler touches no general register but those that its definition names, and no arithmetic flag. */
export function isQuiet({ mnemonic, operands }: Instruction): boolean {
  const vector = operands.some(({ kind, ...rest }) => kind === 'register' && 'class' in rest && /^(xmm|mm)$/.test(`${rest.class}`))
  return (mnemonic.startsWith('f') || vector) && !FLAG_SETTERS.has(mnemonic)
}

/** x87 and SSE comparisons that set EFLAGS; images that hold vector registers, which are registers of regions, too. */
const FLAG_SETTERS = new Set(['fxsave', 'fxrstor', 'fcomi', 'fcomip', 'fucomi', 'fucomip', 'comiss', 'comisd', 'ucomiss', 'ucomisd', 'ptest', 'pcmpestri', 'pcmpestrm', 'pcmpistri', 'pcmpistrm'])
