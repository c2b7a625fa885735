/**
 * The vocabulary in which instructions are defined. A definition calls these methods once per decoded shape; they
 * record what the instruction does (ir.ts), and a back end turns the record into wasm.
 *
 * Facts known when decoding come from `Facts` and plain `if`; values known when running come only from here.
 * Sub-word values are kept zero-extended in an i32. Operand sizes are 8, 16, 32 or 64 bits; 64-bit values are i64.
 *
 * The builder holds definitions to "fault first, commit last": once a register, flag or memory has been written,
 * nothing that can fault may follow, unless the definition calls `restartable()` and says why.
 */
import { Lazy } from '../../runtime/flags.ts'
import { Eflags, Gpr, Segment, type StateName } from '../../runtime/state.ts'
import type { Instruction, RegisterClass } from '../decode/instruction.ts'
import { helperSignatures } from '../helper-signatures.ts'
import { type EffectOp, type Node, type PureOp, type ReadOp, type SegmentChoice, USUAL, type ValueType } from '../ir.ts'
import type { PermutationName } from '../permutations.ts'
import { operatorOf } from '../wasm/vector-opcodes.ts'

/** What a definition may know about an operand when decoding: never a register number or an immediate's value. */
export interface OperandFacts {
  readonly kind: 'register' | 'memory' | 'immediate' | 'relative' | 'far'
  /** Bits; 0 where the operand has no size. */
  readonly size: number
  readonly class?: RegisterClass
}

/** What a definition may know about its instruction when decoding. */
export interface Facts {
  readonly mnemonic: string
  /** Condition code of jcc, setcc, cmovcc; else -1. */
  readonly condition: number
  readonly operandSize: number
  readonly addressSize: number
  readonly repeat: Instruction['repeat']
  readonly operands: readonly OperandFacts[]
}

declare const brand: unique symbol
/** A value known when running. Opaque: it cannot be mixed up with facts. */
export interface Value {
  readonly [brand]: ValueType
}

/** A value, or a constant of the same type as its partner. */
export type Term = Value | number

/** One instruction's meaning. */
export type Definition = (b: Builder, facts: Facts) => void

/** Operands by role: 0 is the destination, 1 the source, 2 and 3 the rest, as in the manual's syntax. */
export type OperandIndex = 0 | 1 | 2 | 3

interface NodeFields {
  number?: number
  size?: number
  name?: string
  segment?: SegmentChoice
  then?: readonly Node[]
  otherwise?: readonly Node[]
  thenValue?: Node
  otherwiseValue?: Node
}

function makeNode(op: Node['op'], type: Node['type'], args: readonly Node[], fields: NodeFields): Node {
  return {
    op, type, args,
    number: fields.number ?? 0,
    size: fields.size ?? 0,
    name: fields.name ?? '',
    segment: fields.segment ?? 'operand',
    then: fields.then ?? [],
    otherwise: fields.otherwise ?? [],
    thenValue: fields.thenValue,
    otherwiseValue: fields.otherwiseValue,
  }
}

/** 16 bytes as text in base 16. */
function hex16(bytes: readonly number[]): string {
  if (bytes.length !== 16) throw new Error(`a vector has 16 bytes, not ${bytes.length}`)
  return bytes.map(byte => (byte & 0xff).toString(16).padStart(2, '0')).join('')
}

export class Builder {
  readonly facts: Facts
  private list: Node[] = []
  private committed = false
  private mayRestart = false
  private readonly modified = new Map<OperandIndex, Node>()

  constructor(facts: Facts) {
    this.facts = facts
  }

  /** The recorded statements. */
  get statements(): readonly Node[] {
    return this.list
  }

  // --- recording ---

  private node(value: Value): Node {
    return value as unknown as Node
  }

  private value(node: Node): Value {
    return node as unknown as Value
  }

  private pure(op: PureOp, type: ValueType, args: readonly Node[], fields: NodeFields = {}): Value {
    const node = makeNode(op, type, args, fields)
    this.list.push(node)
    return this.value(node)
  }

  private state(op: ReadOp, type: ValueType, fields: NodeFields = {}): Value {
    const node = makeNode(op, type, [], fields)
    this.list.push(node)
    return this.value(node)
  }

  private effect(op: EffectOp, type: ValueType | 'none', args: readonly Node[], fields: NodeFields = {}): Value {
    const node = makeNode(op, type, args, fields)
    this.list.push(node)
    return this.value(node)
  }

  private canFault(what: string): void {
    if (this.committed && !this.mayRestart)
      throw new Error(`${this.facts.mnemonic}: ${what} may fault after the first architectural write`)
  }

  /** Lifts the fault-first rule for this definition: re-executing it from the start gives the same result. */
  restartable(): void {
    this.mayRestart = true
  }

  private typeOf(size: number): ValueType {
    return size === 128 ? 'v128' : size === 64 ? 'i64' : 'i32'
  }

  private term(term: Term, type: ValueType): Node {
    return typeof term === 'number' ? this.node(this.constant(term, type)) : this.node(term)
  }

  private binary(op: PureOp, left: Term, right: Term, compare = false): Value {
    const type =
      typeof left !== 'number' ? this.node(left).type : typeof right !== 'number' ? this.node(right).type : 'i32'
    if (type === 'none') throw new Error(`${this.facts.mnemonic}: ${op} of something without a value`)
    return this.pure(op, compare ? 'i32' : type, [this.term(left, type), this.term(right, type)])
  }

  private unary(op: PureOp, operand: Term, type?: ValueType): Value {
    const node = this.term(operand, 'i32')
    return this.pure(op, type ?? (node.type as ValueType), [node])
  }

  // --- arithmetic on values ---

  constant(value: number, type: ValueType = 'i32'): Value {
    return this.pure('const', type, [], { number: value })
  }
  add(left: Term, right: Term): Value { return this.binary('add', left, right) }
  sub(left: Term, right: Term): Value { return this.binary('sub', left, right) }
  mul(left: Term, right: Term): Value { return this.binary('mul', left, right) }
  and(left: Term, right: Term): Value { return this.binary('and', left, right) }
  or(left: Term, right: Term): Value { return this.binary('or', left, right) }
  xor(left: Term, right: Term): Value { return this.binary('xor', left, right) }
  shl(left: Term, right: Term): Value { return this.binary('shl', left, right) }
  shr(left: Term, right: Term): Value { return this.binary('shr', left, right) }
  sar(left: Term, right: Term): Value { return this.binary('sar', left, right) }
  rotl(left: Term, right: Term): Value { return this.binary('rotl', left, right) }
  rotr(left: Term, right: Term): Value { return this.binary('rotr', left, right) }
  divU(left: Term, right: Term): Value { return this.binary('divU', left, right) }
  divS(left: Term, right: Term): Value { return this.binary('divS', left, right) }
  remU(left: Term, right: Term): Value { return this.binary('remU', left, right) }
  remS(left: Term, right: Term): Value { return this.binary('remS', left, right) }
  eq(left: Term, right: Term): Value { return this.binary('eq', left, right, true) }
  ne(left: Term, right: Term): Value { return this.binary('ne', left, right, true) }
  ltU(left: Term, right: Term): Value { return this.binary('ltU', left, right, true) }
  ltS(left: Term, right: Term): Value { return this.binary('ltS', left, right, true) }
  gtU(left: Term, right: Term): Value { return this.binary('gtU', left, right, true) }
  gtS(left: Term, right: Term): Value { return this.binary('gtS', left, right, true) }
  leU(left: Term, right: Term): Value { return this.binary('leU', left, right, true) }
  leS(left: Term, right: Term): Value { return this.binary('leS', left, right, true) }
  geU(left: Term, right: Term): Value { return this.binary('geU', left, right, true) }
  geS(left: Term, right: Term): Value { return this.binary('geS', left, right, true) }
  eqz(operand: Value): Value { return this.unary('eqz', operand, 'i32') }
  not(operand: Value): Value { return this.xor(operand, -1) }
  clz(operand: Value): Value { return this.unary('clz', operand) }
  ctz(operand: Value): Value { return this.unary('ctz', operand) }
  popcnt(operand: Value): Value { return this.unary('popcnt', operand) }
  /** i32 to i64. */
  widenU(operand: Value): Value { return this.unary('widenU', operand, 'i64') }
  widenS(operand: Value): Value { return this.unary('widenS', operand, 'i64') }
  /** Low half of an i64. */
  wrap(operand: Value): Value { return this.unary('wrap', operand, 'i32') }
  /** `condition ? yes : no`, both evaluated. */
  select(condition: Value, yes: Term, no: Term): Value {
    const type = typeof yes !== 'number' ? this.node(yes).type : typeof no !== 'number' ? this.node(no).type : 'i32'
    return this.pure('select', type as ValueType, [
      this.node(condition), this.term(yes, type as ValueType), this.term(no, type as ValueType),
    ])
  }
  /** Clears the bits above `size`. */
  truncate(operand: Value, size: number): Value {
    if (size === 8) return this.and(operand, 0xff)
    if (size === 16) return this.and(operand, 0xffff)
    return operand
  }
  /** Sign-extends from `size` bits to the width of the value's type. */
  signExtend(operand: Value, size: number): Value {
    if (size === 8) return this.unary('extend8', operand)
    if (size === 16) return this.unary('extend16', operand)
    if (size === 32 && this.node(operand).type === 'i64') return this.unary('extend32', operand)
    return operand
  }
  /** Bit `size - 1` as 0 or 1. */
  signBit(operand: Value, size: number): Value {
    const bit = this.and(this.shr(operand, size - 1), 1)
    return size === 64 ? this.wrap(bit) : bit
  }

  // --- vectors and floats ---

  /** A wasm operator on vectors or floats, by its name in jit/wasm/vector-opcodes.ts; `lane` where it takes one. */
  wasm(name: string, args: readonly Value[], lane = 0): Value {
    const { result, operands } = operatorOf(name)
    if (args.length !== operands) throw new Error(`${this.facts.mnemonic}: ${name} takes ${operands} operands`)
    return this.pure('wasm', result, args.map(argument => this.node(argument)), { name, number: lane })
  }

  /** A vector of 16 bytes. */
  vector(bytes: readonly number[]): Value { return this.pure('vector', 'v128', [], { name: hex16(bytes) }) }

  /** A vector of bytes picked from two: 0 to 15 from `low`, 16 to 31 from `high`. */
  shuffle(low: Value, high: Value, lanes: readonly number[]): Value {
    return this.pure('shuffle', 'v128', [this.node(low), this.node(high)], { name: hex16(lanes) })
  }

  /**
   * A rearrangement of two vectors that an immediate chooses (jit/permutations.ts). `computed` is the same for an
   * immediate that is known when running only.
   */
  permute(name: PermutationName, low: Value, high: Value, immediate: Value, computed: Value): Value {
    const args = [low, high, immediate, computed].map(argument => this.node(argument))
    return this.pure('permute', 'v128', args, { name })
  }

  /**
   * Reads `size` bits of the state at an address that `read` gave for a vector register, plus `offset` bytes. Parts of
   * a register that are read as a vector are zero-extended.
   */
  peek(address: Value, size: number, type: ValueType = this.typeOf(size), offset = 0): Value {
    const node = makeNode('peek', type, [this.node(address)], { size, number: offset })
    this.list.push(node)
    return this.value(node)
  }

  /** Writes a value, or the low `size` bits of a vector, to a vector register at an address that `read` gave. */
  poke(address: Value, size: number, value: Value, offset = 0): void {
    this.stash(address, size, value, offset)
    this.committed = true
  }

  /** As `poke`, but to a place that is no architectural state: what a helper takes its operand from. */
  stash(address: Value, size: number, value: Value, offset = 0): void {
    this.effect('poke', 'none', [this.node(address), this.node(value)], { size, number: offset })
  }

  /** Raises what an SSE, MMX or waiting x87 instruction, or WAIT itself, raises first (#UD, #NM, #MF). */
  require(unit: 'sse' | 'mmx' | 'x87' | 'wait'): void {
    this.canFault('a check')
    this.effect('require', 'none', [], { name: unit })
  }

  // --- operands ---

  /** Size in bits of an operand. */
  sizeOf(index: OperandIndex): number {
    return this.facts.operands[index].size
  }

  /**
   * Reads an operand, zero-extended. Memory is loaded (and may fault). An immediate comes cut to the size of operand
   * 0 (normalise.ts). A segment, control, debug or ST register operand yields its number, an MM or XMM register the
   * address of its slot in the state, for `peek` and `poke`.
   */
  read(index: OperandIndex): Value {
    const operand = this.facts.operands[index]
    if (operand.kind === 'memory') return this.loadOperand(index, operand.size)
    const wide = operand.kind === 'immediate' && this.sizeOf(0) === 64 && this.facts.operands[0].class !== 'mm'
    const size = operand.class?.startsWith('gpr') ? operand.size : wide ? 64 : 32
    return this.state('operand', this.typeOf(size), { number: index, size })
  }

  /** Selector of a far pointer operand; `read` gives its offset. */
  farSelector(index: OperandIndex): Value {
    return this.state('operand', 'i32', { number: index, size: 16, name: 'selector' })
  }

  /** Loads `size` bits at a memory operand's address, plus `delta` bytes. */
  loadOperand(index: OperandIndex, size: number, delta = 0): Value {
    return this.load('operand', this.addressOf(index, delta), size)
  }

  /** Stores at a memory operand's address, plus `delta` bytes. */
  storeOperand(index: OperandIndex, size: number, value: Value, delta = 0): void {
    this.store('operand', this.addressOf(index, delta), size, value)
  }

  /** Effective address (offset in its segment) of a memory operand, plus `delta` bytes, in the address size. */
  addressOf(index: OperandIndex, delta: Term = 0): Value {
    const address = this.state('address', 'i32', { number: index })
    if (delta === 0) return address
    return this.maskAddress(this.add(address, delta))
  }

  /** Wraps an offset to the address size. */
  maskAddress(offset: Value): Value {
    return this.facts.addressSize === 16 ? this.and(offset, 0xffff) : offset
  }

  /** Writes an operand. */
  write(index: OperandIndex, value: Value): void {
    const operand = this.facts.operands[index]
    if (operand.kind === 'memory') {
      this.storeOperand(index, operand.size, value)
      return
    }
    this.effect('setOperand', 'none', [this.node(value)], { number: index, size: operand.size })
    this.committed = true
  }

  /** Reads, transforms and writes an operand; memory is checked for writing before it is read. */
  modify(index: OperandIndex, transform: (left: Value) => Value): void {
    const operand = this.facts.operands[index]
    if (operand.kind !== 'memory') {
      this.write(index, transform(this.read(index)))
      return
    }
    this.writeModified(index, transform(this.readForModify(index)))
  }

  /** First half of `modify` on its own: reads an operand, plus `delta` bytes, that `writeModified` will write. */
  readForModify(index: OperandIndex, delta: Term = 0): Value {
    const operand = this.facts.operands[index]
    if (operand.kind !== 'memory') return this.read(index)
    this.canFault('a load')
    const handle = this.effect('modifyLoad', this.typeOf(operand.size), [this.node(this.addressOf(index, delta))], {
      size: operand.size, segment: 'operand',
    })
    this.modified.set(index, this.node(handle))
    return handle
  }

  /** Second half of `modify`: writes an operand that `readForModify` has read; this cannot fault. */
  writeModified(index: OperandIndex, value: Value): void {
    const handle = this.modified.get(index)
    if (!handle) {
      this.write(index, value)
      return
    }
    this.effect('modifyStore', 'none', [handle, this.node(value)], { size: handle.size })
    this.committed = true
  }

  /** Reads a fixed general register (Gpr), zero-extended. High bytes are not reachable this way. */
  register(index: Gpr, size: number): Value {
    return this.state('register', this.typeOf(size), { number: index, size })
  }

  /** Writes the low `size` bits of a fixed general register. */
  setRegister(index: Gpr, size: number, value: Value): void {
    this.effect('setRegister', 'none', [this.node(value)], { number: index, size })
    this.committed = true
  }

  /** Reads AH. */
  highByteOfAx(): Value {
    return this.and(this.shr(this.register(Gpr.Eax, 32), 8), 0xff)
  }

  // --- memory ---

  /** Loads from `segment:offset`. May fault; when `aligned`, a misaligned access of 128 bits raises #GP(0). */
  load(segment: SegmentChoice, offset: Value, size: number, aligned = false): Value {
    this.canFault('a load')
    const name = aligned ? 'aligned' : ''
    return this.effect('load', this.typeOf(size), [this.node(offset)], { size, segment, name })
  }

  /** Stores to `segment:offset`. May fault; `aligned` as for loads. */
  store(segment: SegmentChoice, offset: Value, size: number, value: Value, aligned = false): void {
    this.canFault('a store')
    const name = aligned ? 'aligned' : ''
    this.effect('store', 'none', [this.node(offset), this.node(value)], { size, segment, name })
    this.committed = true
  }

  // --- stack ---

  /** Offset of the top of the stack plus `delta` bytes, wrapped to the stack size. */
  stackAt(delta: Term): Value {
    const pointer = this.register(Gpr.Esp, 32)
    return this.and(this.add(pointer, delta), this.state('stackMask', 'i32'))
  }

  /** Wraps an offset to the stack size. */
  maskStack(offset: Value): Value {
    return this.and(offset, this.state('stackMask', 'i32'))
  }

  /** Sets ESP or SP, as the stack size says. */
  setStackPointer(offset: Value): void {
    const mask = this.state('stackMask', 'i32')
    const kept = this.and(this.register(Gpr.Esp, 32), this.not(mask))
    this.setRegister(Gpr.Esp, 32, this.or(kept, this.and(offset, mask)))
  }

  /** Pushes a value of `size` bits. */
  push(value: Value, size: number): void {
    const top = this.stackAt(-size / 8)
    this.store(Segment.Ss, top, size, value)
    this.setStackPointer(top)
  }

  /** Loads the top of the stack; `setStackPointer(stackAt(size / 8))` then commits the pop. */
  top(size: number): Value {
    return this.load(Segment.Ss, this.stackAt(0), size)
  }

  /** Commits a pop of `bytes` bytes. */
  release(bytes: Term): void {
    this.setStackPointer(this.stackAt(bytes))
  }

  // --- flags ---

  /**
   * Records what an operation of `size` bits computed, so that all six flags can be worked out (runtime/flags.ts).
   * `left` and `right` are the operands; `carry` is the carry in of Adc and Sbb, and CF itself for Aux and Explicit, whose
   * `right` is an EFLAGS image with OF and AF, or with all six; an Explicit result agrees with its ZF. Inc and Dec leave CF alone.
   */
  setFlags(kind: Lazy, size: number, result: Value, left?: Value, right?: Value, carry?: Value): void {
    const nodes: Node[] = [this.node(result)]
    if (kind === Lazy.Add && left) nodes.push(this.node(left), this.node(this.ltU(result, left)))
    else if (kind === Lazy.Sub && left && right)
      nodes.push(this.node(left), this.node(this.ltU(left, right)), this.node(right))
    else if ((kind === Lazy.Adc || kind === Lazy.Sbb) && left && right && carry) {
      const out =
        kind === Lazy.Adc
          ? this.or(this.ltU(result, left), this.and(carry, this.eq(result, left)))
          : this.or(this.ltU(left, right), this.and(carry, this.eq(left, right)))
      nodes.push(this.node(left), this.node(out), this.node(right))
    } else if ((kind === Lazy.Aux || kind === Lazy.Explicit) && right && carry) nodes.push(this.node(carry), this.node(right))
    else if (kind !== Lazy.Logic && kind !== Lazy.Inc && kind !== Lazy.Dec)
      throw new Error(`${this.facts.mnemonic}: flags of kind ${Lazy[kind]} lack an operand`)
    this.effect('setFlags', 'none', nodes, { number: kind, size })
    this.committed = true
  }

  /** CF as 0 or 1. */
  carry(): Value { return this.state('carry', 'i32') }

  /** Sets CF alone, to 0 or 1. */
  setCarry(value: Term): void {
    this.effect('setCarry', 'none', [this.term(value, 'i32')])
    this.committed = true
  }

  /** Sets OF alone, to 0 or 1. */
  setOverflow(value: Term): void {
    this.effect('setOverflow', 'none', [this.term(value, 'i32')])
    this.committed = true
  }

  /** Whether condition code `code` (0..15) holds, as 0 or 1. */
  condition(code: number): Value { return this.state('condition', 'i32', { number: code }) }

  /** CF PF AF ZF SF OF as an EFLAGS image. */
  arithmeticFlags(): Value { return this.state('arithmeticFlags', 'i32') }

  /** Sets the six arithmetic flags from an EFLAGS image. */
  setArithmeticFlags(image: Value): void { this.call('setArithmeticFlags', image) }

  /** 1 or -1 times `bytes`, as DF says. */
  step(bytes: number): Value {
    return this.select(this.and(this.field('eflags'), Eflags.DF), -bytes, bytes)
  }

  // --- state fields and helpers ---

  /** Reads a 32-bit state field (element `index`). */
  field(name: StateName, index = 0): Value { return this.state('field', 'i32', { name, number: index }) }

  /** Writes a 32-bit state field (element `index`). */
  setField(name: StateName, value: Term, index = 0): void {
    this.effect('setField', 'none', [this.term(value, 'i32')], { name, number: index })
    this.committed = true
  }

  /** Calls a helper; `eip` in the state is the current instruction's while it runs. May fault if it is declared so. */
  call(name: string, ...args: Term[]): Value {
    const signature = helperSignatures.get(name)
    if (!signature) throw new Error(`${this.facts.mnemonic}: no helper is called ${name}`)
    if (signature.parameters.length !== args.length)
      throw new Error(`${this.facts.mnemonic}: ${name} takes ${signature.parameters.length} arguments`)
    if (signature.faults) this.canFault(`helper ${name}`)
    const nodes = args.map((argument, i) => this.term(argument, signature.parameters[i]))
    return this.effect('call', signature.result, nodes, { name })
  }

  /** Number of the segment that the memory operand (or the string source) goes through. */
  effectiveSegment(): Value { return this.state('recordSegment', 'i32') }

  /** Raises exception `vector` if the condition holds. */
  faultIf(condition: Value, vector: number, code: Term = 0): void {
    this.canFault('a check')
    this.effect('faultIf', 'none', [this.node(condition), this.term(code, 'i32')], {
      number: vector, size: typeof code === 'number' && code === 0 ? 0 : 1,
    })
  }

  /** Raises exception `vector`. */
  fault(vector: number): void { this.faultIf(this.constant(1), vector) }

  // --- control ---

  /** Does `then` when the condition holds, else `otherwise`. */
  if(condition: Value, then: () => void, otherwise: () => void = () => {}): void {
    this.conditional(condition, then, otherwise)
  }

  /** The value of `then` when the condition holds, else that of `otherwise`; only one is evaluated. */
  ifElse(condition: Value, then: () => Value, otherwise: () => Value): Value {
    return this.conditional(condition, then, otherwise)
  }

  /** As `if` or `ifElse`, where the condition nearly always holds: a region may leave the other way to the interpreter. */
  usually(condition: Value, then: () => Value | void, otherwise: () => Value | void): Value {
    return this.conditional(condition, then, otherwise, USUAL)
  }

  private conditional(condition: Value, then: () => Value | void, otherwise: () => Value | void, name = ''): Value {
    const outer = this.list
    const before = this.committed
    this.list = []
    const thenValue = then()
    const thenList = this.list
    const afterThen = this.committed
    this.committed = before
    this.list = []
    const otherwiseValue = otherwise()
    const otherwiseList = this.list
    this.committed = this.committed || afterThen
    this.list = outer
    const type = thenValue ? this.node(thenValue).type : 'none'
    return this.effect('if', type, [this.node(condition)], {
      name,
      then: thenList,
      otherwise: otherwiseList,
      thenValue: thenValue ? this.node(thenValue) : undefined,
      otherwiseValue: otherwiseValue ? this.node(otherwiseValue) : undefined,
    })
  }

  /** Offset of this instruction in CS. */
  current(): Value { return this.state('current', 'i32') }

  /** Offset of the next instruction in CS. */
  next(): Value { return this.state('next', 'i32') }

  /** Target of the relative operand, wrapped to the operand size. */
  target(): Value { return this.state('target', 'i32') }

  /** Raises #GP(0) when `offset` is outside CS; to be checked before anything is pushed. */
  checkTarget(offset: Value): void {
    this.canFault('a branch target')
    this.effect('checkTarget', 'none', [this.node(offset)])
  }

  /** Goes to the target of the relative operand, which must be checked. Ends the instruction. */
  jump(): void { this.effect('jump', 'none', []) }

  /** Goes to the target of the relative operand if the condition holds, else to the next instruction. */
  branch(condition: Value): void { this.effect('branch', 'none', [this.node(condition)]) }

  /** Goes to an offset in CS, which must be checked. */
  jumpTo(offset: Value): void { this.effect('jumpTo', 'none', [this.node(offset)]) }

  /**
   * Ends the run after this instruction, because the mode, the address map or what may interrupt has changed.
   * With `eipSet`, a helper has stored the new EIP; otherwise execution goes on with the next instruction.
   */
  endRun(eipSet = false): void { this.effect('endRun', 'none', [], { number: eipSet ? 1 : 0 }) }
}
