/**
 * Segment registers (SDM vol. 2): MOV, PUSH and POP of them, the far pointer loads, and the questions about selectors.
 * The checks are in runtime/helpers/segments.ts and protection.ts; a helper that raises has changed nothing.
 */
import { Eflags, Segment, stateAddress } from '../../runtime/state.ts'
import { declareHelpers } from '../helper-signatures.ts'
import type { Builder, Definition, OperandIndex, Value } from './builder.ts'

declareHelpers(`
  loadSegment(i32,i32)! moveToSegment(i32,i32)! popSegment(i32,i32)!
  requirePrivilege0():i32! requireProtectedMode():i32!
  loadAccessRights(i32):i32! loadSegmentLimit(i32):i32! verifyRead(i32):i32! verifyWrite(i32):i32!
`)

const SELECTOR_BITS = 16

/** The selector in the segment register that an operand names. */
function selectorOf(b: Builder, index: OperandIndex): Value {
  const [first, second] = [stateAddress('segmentSelector', 0), stateAddress('segmentSelector', 1)]
  return b.peek(b.add(b.mul(b.read(index), second - first), first), SELECTOR_BITS)
}

/** MOV r/m, Sreg; MOV Sreg, r/m    a wide register takes the selector zero-extended. SS holds interrupts off. */
const movseg: Definition = (b, { operands }) => {
  if (operands[0].class === 'segment') {
    b.call('moveToSegment', b.read(0), b.and(b.read(1), 0xffff))
    b.endRun()
    return
  }
  b.write(0, selectorOf(b, 1))
}

/** PUSH Sreg    32-bit operand size moves ESP by four and writes two bytes. */
export const pushSegment: Definition = (b, { operandSize }) => {
  const bytes = operandSize / 8
  b.store(Segment.Ss, b.stackAt(-bytes), SELECTOR_BITS, selectorOf(b, 0))
  b.release(-bytes)
}

/** POP DS, ES, FS, GS where the stack's width cannot change: what regions do. */
export const popQuickSegment: Definition = (b, { operandSize }) => {
  b.call('moveToSegment', b.read(0), b.and(b.top(operandSize), 0xffff))
  b.release(operandSize / 8)
  b.endRun()
}

/** POP Sreg    SS holds interrupts off for one instruction. */
export const popSegment: Definition = (b, { operandSize }) => {
  b.call('popSegment', b.read(0), operandSize)
  b.endRun()
}

/** LES, LDS, LSS, LFS, LGS r, m16:16/32    register := offset, segment := selector. */
function loadFarPointer(segment: Segment): Definition {
  return (b, { operandSize }) => {
    const offset = b.loadOperand(1, operandSize)
    const selector = b.loadOperand(1, 16, operandSize / 8)
    b.call('loadSegment', segment, selector)
    b.write(0, offset)
    b.endRun()
  }
}

/** Sets ZF to `value` (0 or 1) and leaves the other flags. */
function setZero(b: Builder, value: Value): void {
  const others = b.and(b.arithmeticFlags(), ~Eflags.ZF)
  b.setArithmeticFlags(b.select(value, b.or(others, Eflags.ZF), others))
}

/** LAR, LSL r, r/m16    ZF := selector is visible; then register := access rights or limit. */
function describeSelector(helper: 'loadAccessRights' | 'loadSegmentLimit'): Definition {
  return b => {
    // #UD comes before the faults of the operand.
    b.call('requireProtectedMode')
    const size = b.sizeOf(0)
    const value = b.call(helper, b.and(b.read(1), 0xffff))
    const valid = b.field('result')
    const old = b.read(0)
    setZero(b, valid)
    b.write(0, b.select(valid, b.truncate(value, size), old))
  }
}

/** VERR, VERW r/m16    ZF := the segment may be read (written) from here. */
function verify(helper: 'verifyRead' | 'verifyWrite'): Definition {
  return b => {
    b.call('requireProtectedMode')
    setZero(b, b.call(helper, b.read(0)))
  }
}

/** ARPL r/m16, r16    ZF := RPL of the destination is lower; then it is raised to that of the source. */
const arpl: Definition = b => {
  b.call('requireProtectedMode')
  const RPL = 3
  const left = b.read(0)
  const right = b.read(1)
  const raised = b.ltU(b.and(left, RPL), b.and(right, RPL))
  // Memory is written only when it changes: an operand that may not be written faults only then.
  b.if(raised, () => b.write(0, b.or(b.and(left, ~RPL & 0xffff), b.and(right, RPL))))
  setZero(b, raised)
}

export const segments: Readonly<Record<string, Definition>> = {
  movseg,
  arpl,
  les: loadFarPointer(Segment.Es),
  lds: loadFarPointer(Segment.Ds),
  lss: loadFarPointer(Segment.Ss),
  lfs: loadFarPointer(Segment.Fs),
  lgs: loadFarPointer(Segment.Gs),
  lar: describeSelector('loadAccessRights'),
  lsl: describeSelector('loadSegmentLimit'),
  verr: verify('verifyRead'),
  verw: verify('verifyWrite'),
}
