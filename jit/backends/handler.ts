/**
 * The build-time back end: instructions whose operands are fields of a decoded record (runtime/records.ts).
 * `HandlerLowering` is what the two kinds of handler share; `HotLowering` (hot-handler.ts) emits handlers inline in
 * the interpreter's one function, for flat 32-bit code; `GeneralLowering` (general-handler.ts) emits a function for
 * any mode, with every segment check.
 */
import binaryen from 'binaryen'
import { FLAG_OPERATION_MASK, FLAG_SHIFT_POSITION, Lazy, OVERFLOW_OVERRIDE } from '../../runtime/flags.ts'
import { RecordField } from '../../runtime/records.ts'
import { Cr0, stateAddress } from '../../runtime/state.ts'
import type { Facts } from '../definitions/builder.ts'
import { helperSignatures } from '../helper-signatures.ts'
import type { Node } from '../ir.ts'
import { type Expression, type LocalPool, type Module, ValueLowering } from './value.ts'
import { peek, poke } from './vector.ts'

/** Types by the names that the intermediate form uses. */
export const valueTypes = {
  i32: binaryen.i32, i64: binaryen.i64, f32: binaryen.f32, f64: binaryen.f64, v128: binaryen.v128,
}

/** ES of the x87 status word: an unmasked exception is pending. */
const X87_SUMMARY = 0x80

/** Helpers that find out which exception an instruction of a unit raises, if any. */
const REPORTS: Readonly<Record<string, string>> = {
  sse: 'sseUnavailable', mmx: 'mmxUnavailable', x87: 'x87Check', wait: 'x87Wait',
}

/** Condition codes without their inverting low bit (SDM vol. 1, appendix B). */
enum ConditionPair { O, B, Z, BE, S, P, L, LE }

/** Tells whether an operand is a general register, whose record field is the address of its slot. */
function isGeneral(facts: Facts, index: number): boolean {
  return facts.operands[index].class?.startsWith('gpr') ?? false
}

/** The helper that carries out a load ('read') or a store ('write') with every check. */
export function slowAccess(kind: 'read' | 'write', node: Node): string {
  return `${kind}${node.size}${node.name === 'aligned' ? 'Aligned' : ''}`
}

/** Internal names of helper functions in the module, which differ from their export names. */
export type HelperNames = ReadonlyMap<string, string>

export abstract class HandlerLowering extends ValueLowering<Module> {
  protected readonly facts: Facts
  private readonly helperNames: HelperNames
  /** Linear addresses of read-modify-write accesses, by their load. */
  protected readonly modifyAddress = new Map<Node, number>()

  constructor(m: Module, pool: LocalPool, facts: Facts, helperNames: HelperNames) {
    super(m, pool, valueTypes)
    this.facts = facts
    this.helperNames = helperNames
  }

  /** Locals that both kinds of function have. */
  protected abstract readonly recordLocal: number
  protected abstract readonly eipDeltaLocal: number

  /** Leaves the handler because an exception is pending. */
  protected abstract fault(): Expression
  protected abstract load(node: Node, out: Expression[]): void
  protected abstract store(node: Node, out: Expression[]): void
  protected abstract modifyLoad(node: Node, out: Expression[]): void
  protected abstract modifyStore(node: Node, out: Expression[]): void
  protected abstract control(node: Node, out: Expression[]): void
  protected abstract address(): Expression
  protected abstract stackMask(): Expression

  protected get32(address: number): Expression {
    return this.m.i32.load(address, 4, this.m.i32.const(0))
  }

  protected set32(address: number, value: Expression): Expression {
    return this.m.i32.store(address, 4, this.m.i32.const(0), value)
  }

  protected local(index: number): Expression {
    return this.m.local.get(index, binaryen.i32)
  }

  protected record(): Expression {
    return this.local(this.recordLocal)
  }

  protected field8(field: RecordField): Expression {
    return this.m.i32.load8_u(field, 1, this.record())
  }

  protected field16(field: RecordField): Expression {
    return this.m.i32.load16_u(field, 2, this.record())
  }

  protected field32(field: RecordField): Expression {
    return this.m.i32.load(field, 4, this.record())
  }

  /** Offset in CS of this instruction. */
  protected currentEip(): Expression {
    return this.m.i32.add(this.local(this.eipDeltaLocal), this.field16(RecordField.Offset))
  }

  /** Offset in CS of the next instruction. */
  protected nextEip(): Expression {
    return this.m.i32.add(this.local(this.eipDeltaLocal), this.field16(RecordField.Next))
  }

  /** Target of the relative operand, cut to the operand size. */
  protected targetEip(): Expression {
    const target = this.m.i32.add(this.nextEip(), this.field32(RecordField.Immediate))
    return this.facts.operandSize === 16 ? this.m.i32.and(target, this.m.i32.const(0xffff)) : target
  }

  protected callHelper(name: string, args: Expression[]): Expression {
    const internal = this.helperNames.get(name)
    const signature = helperSignatures.get(name)
    if (!internal || !signature) throw new Error(`${this.facts.mnemonic}: helper ${name} is missing from the module`)
    const type = signature.result === 'none' ? binaryen.none : valueTypes[signature.result]
    return this.m.call(internal, args, type)
  }

  protected override read(node: Node): Expression {
    const { m } = this
    switch (node.op) {
      case 'operand': return this.readOperand(node)
      case 'address': return this.address()
      case 'register': {
        const address = stateAddress('gpr', node.number)
        if (node.size === 8) return m.i32.load8_u(address, 1, m.i32.const(0))
        if (node.size === 16) return m.i32.load16_u(address, 2, m.i32.const(0))
        if (node.size === 64) return m.i64.load(address, 8, m.i32.const(0))
        return this.get32(address)
      }
      case 'field': return this.get32(stateAddress(node.name as Parameters<typeof stateAddress>[0], node.number))
      case 'carry': return this.get32(stateAddress('flagCarry'))
      case 'condition': return this.condition(node.number)
      case 'arithmeticFlags': return this.callHelper('getArithmeticFlags', [])
      case 'next': return this.nextEip()
      case 'current': return this.currentEip()
      case 'target': return this.targetEip()
      case 'stackMask': return this.stackMask()
      case 'recordSegment': return this.field8(RecordField.Segment)
      case 'peek': return peek(m, node.type, node.size, node.number, this.value(node.args[0]))
      default: throw new Error(`${node.op} is not a read`)
    }
  }

  /** Reads a register operand from its slot, an immediate from the record, the number of any other register. */
  private readOperand(node: Node): Expression {
    const { m } = this
    const operand = this.facts.operands[node.number]
    if (node.name === 'selector') return m.i32.and(this.field32(RecordField.Displacement), m.i32.const(0xffff))
    if (operand.kind !== 'register') return this.field32(this.immediateField(node.number))
    const slot = this.slot(node.number)
    if (!isGeneral(this.facts, node.number)) return slot
    if (node.size === 8) return m.i32.load8_u(0, 1, slot)
    if (node.size === 16) return m.i32.load16_u(0, 2, slot)
    if (node.size === 64) return m.i64.load(0, 8, slot)
    return m.i32.load(0, 4, slot)
  }

  /** A second immediate is kept where a displacement would be. */
  private immediateField(index: number): RecordField {
    const earlier = this.facts.operands.slice(0, index).some(operand => operand.kind === 'immediate')
    return earlier ? RecordField.Displacement : RecordField.Immediate
  }

  /** Address (or number) of the register of an operand. */
  private slot(index: number): Expression {
    if (index === 0) return this.field16(RecordField.Destination)
    if (index === 1) return this.field16(RecordField.Source)
    return this.field32(RecordField.Immediate)
  }

  /** base + (index << scale) + displacement. */
  protected sumAddress(indexed: boolean): Expression {
    const { m } = this
    const base = m.i32.load(0, 4, this.field16(RecordField.Base))
    const sum = m.i32.add(base, this.field32(RecordField.Displacement))
    if (!indexed) return sum
    const index = m.i32.load(0, 4, this.field16(RecordField.Index))
    return m.i32.add(sum, m.i32.shl(index, this.field8(RecordField.Scale)))
  }

  protected override effect(node: Node, out: Expression[]): void {
    const { m } = this
    switch (node.op) {
      case 'load': this.load(node, out); return
      case 'store': this.store(node, out); return
      case 'modifyLoad': this.modifyLoad(node, out); return
      case 'modifyStore': this.modifyStore(node, out); return
      case 'setOperand': {
        const value = this.value(node.args[0])
        const slot = this.slot(node.number)
        if (node.size === 8) out.push(m.i32.store8(0, 1, slot, value))
        else if (node.size === 16) out.push(m.i32.store16(0, 2, slot, value))
        else if (node.size === 64) out.push(m.i64.store(0, 8, slot, value))
        else out.push(m.i32.store(0, 4, slot, value))
        return
      }
      case 'setRegister': {
        const value = this.value(node.args[0])
        const address = stateAddress('gpr', node.number)
        const zero = m.i32.const(0)
        if (node.size === 8) out.push(m.i32.store8(address, 1, zero, value))
        else if (node.size === 16) out.push(m.i32.store16(address, 2, zero, value))
        else if (node.size === 64) out.push(m.i64.store(address, 8, zero, value))
        else out.push(this.set32(address, value))
        return
      }
      case 'setField':
        out.push(
          this.set32(
            stateAddress(node.name as Parameters<typeof stateAddress>[0], node.number), this.value(node.args[0]),
          ),
        )
        return
      case 'setFlags': this.setFlags(node, out); return
      case 'setCarry': out.push(this.set32(stateAddress('flagCarry'), this.value(node.args[0]))); return
      case 'setOverflow': {
        const kind = stateAddress('flagKind')
        out.push(this.set32(stateAddress('flagOverflow'), this.value(node.args[0])))
        out.push(this.set32(kind, m.i32.or(this.get32(kind), m.i32.const(OVERFLOW_OVERRIDE))))
        return
      }
      case 'call': this.call(node, out); return
      case 'poke': {
        const [address, value] = node.args
        out.push(poke(m, value.type, node.size, node.number, this.value(address), this.value(value)))
        return
      }
      case 'require': this.require(node.name, out); return
      case 'faultIf': {
        const [condition, code] = node.args
        const raise = [this.set32(stateAddress('fault'), m.i32.const(node.number + 1))]
        raise.push(this.set32(stateAddress('faultErrorCode'), this.value(code)))
        out.push(m.if(this.value(condition), m.block(null, [...raise, this.fault()])))
        return
      }
      default: this.control(node, out)
    }
  }

  private call(node: Node, out: Expression[]): void {
    const signature = helperSignatures.get(node.name)
    const args = node.args.map(argument => this.value(argument))
    out.push(this.set32(stateAddress('eip'), this.currentEip()))
    const call = this.callHelper(node.name, args)
    if (node.type === 'none') out.push(call)
    else if (this.isUsed(node)) this.keep(node, call, out)
    else out.push(this.m.drop(call))
    if (signature?.faults) out.push(this.faultCheck())
  }

  /** What x87, MMX and SSE instructions look at first; the helpers find out which exception it is. */
  private require(unit: string, out: Expression[]): void {
    const { m } = this
    const condition =
      unit === 'sse'
        ? this.get32(stateAddress('sseBlocked'))
        : m.i32.or(
            m.i32.and(this.get32(stateAddress('cr0')), m.i32.const(Cr0.EM | Cr0.TS)),
            m.i32.and(this.get32(stateAddress('fpuStatus')), m.i32.const(X87_SUMMARY)),
          )
    const report = [this.callHelper(REPORTS[unit], []), this.faultCheck()]
    out.push(m.if(condition, m.block(null, report)))
  }

  /** Leaves the handler if an exception is pending. */
  protected faultCheck(): Expression {
    return this.m.if(this.get32(stateAddress('fault')), this.fault())
  }

  private setFlags(node: Node, out: Expression[]): void {
    const { m } = this
    const kind = node.number as Lazy
    const shift = node.size >= 32 ? 0 : 32 - node.size
    const topAligned = (value: Expression) => (shift === 0 ? value : m.i32.shl(value, m.i32.const(shift)))
    const [result, ...rest] = node.args
    out.push(this.set32(stateAddress('flagKind'), m.i32.const(kind | (shift << FLAG_SHIFT_POSITION))))
    out.push(this.set32(stateAddress('flagResult'), topAligned(this.value(result))))
    switch (kind) {
      case Lazy.Add:
      case Lazy.Sub:
        out.push(this.set32(stateAddress('flagLeft'), topAligned(this.value(rest[0]))))
        out.push(this.set32(stateAddress('flagCarry'), this.value(rest[1])))
        return
      case Lazy.Adc:
      case Lazy.Sbb:
        out.push(this.set32(stateAddress('flagLeft'), topAligned(this.value(rest[0]))))
        out.push(this.set32(stateAddress('flagCarry'), this.value(rest[1])))
        out.push(this.set32(stateAddress('flagRight'), topAligned(this.value(rest[2]))))
        return
      case Lazy.Logic:
        out.push(this.set32(stateAddress('flagCarry'), m.i32.const(0)))
        return
      case Lazy.Aux:
      case Lazy.Explicit:
        out.push(this.set32(stateAddress('flagCarry'), this.value(rest[0])))
        out.push(this.set32(stateAddress('flagRight'), this.value(rest[1])))
        return
      default:
    }
  }

  /** A condition: the common flags from the lazy record inline, the rest by the helper. */
  private condition(code: number): Expression {
    const { m } = this
    const negate = (code & 1) !== 0
    const invert = (value: Expression) => (negate ? m.i32.eqz(value) : value)
    const kind = () => this.get32(stateAddress('flagKind'))
    const result = () => this.get32(stateAddress('flagResult'))
    const left = () => this.get32(stateAddress('flagLeft'))
    const carry = () => this.get32(stateAddress('flagCarry'))
    const slow = () => this.callHelper('condition', [m.i32.const(code)])
    const operation = (mask: number) => m.i32.and(kind(), m.i32.const(mask))
    const isKind = (mask: number, wanted: Lazy) => m.i32.eq(operation(mask), m.i32.const(wanted))
    const anyKind = FLAG_OPERATION_MASK | OVERFLOW_OVERRIDE
    switch ((code >> 1) as ConditionPair) {
      case ConditionPair.Z: return invert(m.i32.eqz(result()))
      case ConditionPair.B: return negate ? m.i32.eqz(carry()) : carry()
      case ConditionPair.BE: return invert(m.i32.or(carry(), m.i32.eqz(result())))
      case ConditionPair.S:
        return m.if(
          isKind(FLAG_OPERATION_MASK, Lazy.Explicit), slow(), invert(m.i32.lt_s(result(), m.i32.const(0))),
        )
      case ConditionPair.L:
      case ConditionPair.LE: {
        const orEqual = code >> 1 === ConditionPair.LE
        const right = m.i32.sub(left(), result())
        const afterSub = orEqual ? m.i32.le_s(left(), right) : m.i32.lt_s(left(), right)
        const afterLogic = orEqual
          ? m.i32.le_s(result(), m.i32.const(0))
          : m.i32.lt_s(result(), m.i32.const(0))
        return m.if(
          isKind(anyKind, Lazy.Sub), invert(afterSub), m.if(isKind(anyKind, Lazy.Logic), invert(afterLogic), slow()),
        )
      }
      default: return slow()
    }
  }
}
