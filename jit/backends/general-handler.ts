/**
 * General handlers: functions for every mode, with segment checks and limits, and address and stack size as the
 * state and the record say; and the repeated string instructions.
 */
import { RecordField, RecordFlag } from '../../runtime/records.ts'
import { Gpr, ModeBit, Segment, stateAddress, Vector } from '../../runtime/state.ts'
import type { Node } from '../ir.ts'
import { HandlerLowering, slowAccess } from './handler.ts'
import type { Expression } from './value.ts'

/** What a general handler returns. */
export enum Outcome {
  /** Go on with the next record. */
  Next = 0,
  /** An exception is pending. */
  Fault = 1,
  /** EIP is set; only the place has changed. */
  Jump = 2,
  /** EIP is set; mode, mapping or what may interrupt has changed. */
  Dispatch = 3,
}

/** Parameters of a general handler: (record, eipDelta) -> Outcome. */
const GENERAL_RECORD = 0
const GENERAL_EIP_DELTA = 1
/** Index of the first scratch local of a general handler. */
export const GENERAL_LOCALS = 2

/** Handlers as functions, for every mode: segment checks, address and stack size as the state and record say. */
export class GeneralLowering extends HandlerLowering {
  protected override get recordLocal(): number { return GENERAL_RECORD }
  protected override get eipDeltaLocal(): number { return GENERAL_EIP_DELTA }

  /** The function's body; it returns an Outcome. */
  lower(statements: readonly Node[]): Expression[] {
    return this.lowerAll(statements)
  }

  private leave(outcome: Outcome): Expression {
    return this.m.return(this.m.i32.const(outcome))
  }

  protected override fault(): Expression { return this.leave(Outcome.Fault) }

  protected override address(): Expression {
    const { m } = this
    const narrow = m.i32.and(this.field8(RecordField.Flags), m.i32.const(RecordFlag.Address16))
    return m.i32.and(this.sumAddress(true), m.select(narrow, m.i32.const(0xffff), m.i32.const(-1)))
  }

  protected override stackMask(): Expression {
    const { m } = this
    const wide = m.i32.and(this.get32(stateAddress('mode')), m.i32.const(ModeBit.Stack32))
    return m.select(wide, m.i32.const(-1), m.i32.const(0xffff))
  }

  /** Linear address of an access after the segment checks, in a local. */
  private translate(node: Node, write: boolean, out: Expression[]): number {
    const { m } = this
    const linear = this.pool.take('i32')
    const segment = node.segment === 'operand' ? this.field8(RecordField.Segment) : m.i32.const(node.segment)
    const check = this.callHelper(write ? 'segmentWrite' : 'segmentRead', [
      segment, this.value(node.args[0]), m.i32.const(node.size / 8),
    ])
    out.push(m.local.set(linear, check), this.faultCheck())
    return linear
  }

  protected override load(node: Node, out: Expression[]): void {
    const linear = this.translate(node, false, out)
    this.keep(node, this.callHelper(slowAccess('read', node), [this.local(linear)]), out)
    out.push(this.faultCheck())
  }

  protected override store(node: Node, out: Expression[]): void {
    const linear = this.translate(node, true, out)
    const value = this.value(node.args[1])
    out.push(this.callHelper(slowAccess('write', node), [this.local(linear), value]), this.faultCheck())
  }

  protected override modifyLoad(node: Node, out: Expression[]): void {
    const linear = this.translate(node, true, out)
    this.modifyAddress.set(node, linear)
    this.keep(node, this.callHelper(`readForModify${node.size}`, [this.local(linear)]), out)
    out.push(this.faultCheck())
  }

  protected override modifyStore(node: Node, out: Expression[]): void {
    const linear = this.modifyAddress.get(node.args[0])
    if (linear === undefined) throw new Error('a modify ends that has not begun')
    out.push(this.callHelper(`write${node.size}`, [this.local(linear), this.value(node.args[1])]))
  }

  /** Raises #GP(0) when an offset is beyond the limit of CS. */
  private checkLimit(offset: Expression): Expression {
    const { m } = this
    return m.if(
      m.i32.gt_u(offset, this.get32(stateAddress('segmentLimit', Segment.Cs))),
      m.block(null, [
        this.set32(stateAddress('fault'), m.i32.const(Vector.GP + 1)),
        this.set32(stateAddress('faultErrorCode'), m.i32.const(0)),
        this.fault(),
      ]),
    )
  }

  private follow(): Expression[] {
    return [
      this.checkLimit(this.targetEip()),
      this.set32(stateAddress('eip'), this.targetEip()),
      this.leave(Outcome.Jump),
    ]
  }

  protected override control(node: Node, out: Expression[]): void {
    const { m } = this
    switch (node.op) {
      case 'checkTarget': out.push(this.checkLimit(this.value(node.args[0]))); return
      case 'jump': out.push(...this.follow()); return
      case 'branch': out.push(m.if(this.value(node.args[0]), m.block(null, this.follow()))); return
      case 'jumpTo':
        out.push(this.set32(stateAddress('eip'), this.value(node.args[0])), this.leave(Outcome.Jump))
        return
      case 'endRun':
        if (node.number === 0) out.push(this.set32(stateAddress('eip'), this.nextEip()))
        out.push(this.leave(Outcome.Dispatch))
        return
      default: throw new Error(`${node.op} cannot be lowered`)
    }
  }
}

/** Iterations of a repeated string instruction between looks at what may interrupt. */
const PIECE_ITERATIONS = 2048

/**
 * A repeated string instruction: steps until the count register is zero, the condition of REPE or REPNE ends it, an
 * exception is raised (the finished steps stand), or the piece is used up; then EIP stays and the loop looks around.
 */
export class RepeatLowering extends GeneralLowering {
  private readonly loop = 'step'
  private atomic = false

  override lower(statements: readonly Node[]): Expression[] {
    const { m, facts } = this
    const size = facts.addressSize
    const address = stateAddress('gpr', Gpr.Ecx)
    const zero = () => m.i32.const(0)
    const count = () => (size === 16 ? m.i32.load16_u(address, 2, zero()) : m.i32.load(address, 4, zero()))
    const setCount = (value: Expression) =>
      size === 16 ? m.i32.store16(address, 2, zero(), value) : m.i32.store(address, 4, zero(), value)
    const compares = facts.mnemonic === 'cmps' || facts.mnemonic === 'scas'
    const iterations = this.pool.take('i32')
    const step = this.lowerAll(statements)
    const body: Expression[] = [...step, setCount(m.i32.sub(count(), m.i32.const(1)))]
    const finished = this.atomic
      ? m.block(null, [this.set32(stateAddress('eip'), this.nextEip()), this.leaveWith(Outcome.Dispatch)])
      : this.leaveWith(Outcome.Next)
    body.push(m.if(m.i32.eqz(count()), finished))
    if (compares) {
      const equal = m.i32.eqz(this.get32(stateAddress('flagResult')))
      const stop = facts.repeat === 'rep' ? m.i32.eqz(equal) : equal
      body.push(m.if(stop, this.leaveWith(Outcome.Next)))
    }
    const suspend = this.suspend()
    if (this.atomic) body.push(...suspend)
    else {
      body.push(
        m.local.set(iterations, m.i32.sub(this.local(iterations), m.i32.const(1))),
        m.br_if(this.loop, this.local(iterations)),
        ...suspend,
      )
    }
    const alone = m.i32.or(this.get32(stateAddress('trapBefore')), this.get32(stateAddress('dataBreakpoints')))
    const piece = m.select(alone, m.i32.const(1), m.i32.const(PIECE_ITERATIONS))
    const bulk = this.bulkStep(iterations, m.i32.eqz(count()))
    return [
      m.if(m.i32.eqz(count()), this.leaveWith(Outcome.Next)),
      m.local.set(iterations, piece),
      m.loop(this.loop, m.block(null, [...bulk, ...body])),
    ]
  }

  /** Many elements at once where runtime/helpers/bulk.ts can; the ordinary step comes after when it cannot. */
  private bulkStep(iterations: number, finished: Expression): Expression[] {
    const { m, facts } = this
    const helper = facts.mnemonic === 'movs' ? 'bulkMove' : facts.mnemonic === 'stos' ? 'bulkStore' : undefined
    if (!helper || facts.operandSize === 64) return []
    const moved = this.pool.take('i32')
    const shift = m.i32.const(Math.log2(facts.operandSize / 8))
    const mask = m.i32.const(facts.addressSize === 16 ? 0xffff : -1)
    // STOS writes through ES whatever the override.
    const args = helper === 'bulkMove' ? [shift, this.field8(RecordField.Segment), mask] : [shift, mask]
    return [
      m.local.set(moved, this.callHelper(helper, args)),
      m.if(
        this.local(moved),
        m.block(null, [
          m.if(finished, this.leaveWith(Outcome.Next)),
          m.local.set(iterations, m.i32.sub(this.local(iterations), this.local(moved))),
          m.br_if(this.loop, m.i32.gt_s(this.local(iterations), m.i32.const(0))),
          ...this.suspend(),
        ]),
      ),
    ]
  }

  /** Leaves with EIP at the instruction, which is to go on after a look around. */
  private suspend(): Expression[] {
    const { m } = this
    return [
      this.set32(stateAddress('eip'), this.currentEip()), this.set32(stateAddress('repeating'), m.i32.const(1)),
      this.leaveWith(Outcome.Dispatch),
    ]
  }

  private leaveWith(outcome: Outcome): Expression {
    return this.m.return(this.m.i32.const(outcome))
  }

  protected override control(node: Node, out: Expression[]): void {
    // A step that may change what interrupts (INS, OUTS) is a piece of its own.
    if (node.op === 'endRun') this.atomic = true
    else super.control(node, out)
  }
}
