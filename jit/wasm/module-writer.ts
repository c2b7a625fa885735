/**
 * Writes small wasm modules. It takes the calls that binaryen's Module takes, as far as regions make them, and writes
 * the binary straight from the tree.
 *
 * before: binaryen, 5.8 ms of CPU time on average (warm, loaded host) to build and write a region of 78 instructions,
 * most of it looking through whole subtrees for branches to each named block => after: 1.3 ms (0.8 with the worker's
 * larger young generation), and no compiler of 14 MB to load.
 *
 *   RegionLowering -> i32.add(a, b) … -> tree of nodes -> emitBinary() -> sections
 *
 * Source: WebAssembly core specification 2.0, chapter 5.
 */
import { ByteSink } from './byte-sink.ts'
import {
  binaryI32, binaryI64, comparisonI64, extendI32, loadI32, loadI64, Opcode, storeI32, storeI64, testI64, unaryI32,
  unaryI64, wrapI64,
} from './opcodes.ts'
import {
  floatConstant, floatMemory, isVectorOperator, operatorOf, VECTOR_PREFIX, vectorConstant, vectorMemory, vectorShuffle,
  type VectorOperator,
} from './vector-opcodes.ts'

/** Handle of an expression. It may be used once. */
export type Expression = number

/** Types of values, by the numbers that binaryen gives them. */
export enum WasmType {
  None = 0,
  I32 = 2,
  I64 = 3,
  F32 = 4,
  F64 = 5,
  V128 = 6,
}

/** Encodings of value types and of a block without a result (5.3.1, 5.4.1). */
const typeCodes: Readonly<Record<WasmType, number>> = {
  [WasmType.None]: 0x40, [WasmType.I32]: 0x7f, [WasmType.I64]: 0x7e, [WasmType.F32]: 0x7d, [WasmType.F64]: 0x7c,
  [WasmType.V128]: 0x7b,
}
const resultTypes: Readonly<Record<VectorOperator['result'], WasmType>> = {
  i32: WasmType.I32, i64: WasmType.I64, f32: WasmType.F32, f64: WasmType.F64, v128: WasmType.V128,
}
const FUNCTION_TYPE = 0x60

/** Sections, in the order of a module (5.5.2), and what imports and exports are of. */
enum Section { Type = 1, Import = 2, Function = 3, Export = 7, Code = 10 }
enum External { Function = 0, Memory = 2 }

const HEADER = Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00)

/** Shape of a node: which of its fields mean what. */
enum Kind {
  Operator, Memory, Constant, Constant64, Local, Sequence, Block, Loop, If, Branch, Switch, Call,
  /** Vector instructions, behind their prefix: plain, with a lane index, an access of memory, with 16 bytes. */
  Vector, VectorLane, VectorMemory, VectorBytes,
  FloatConstant,
}

interface Node {
  readonly kind: Kind
  readonly opcode: number
  readonly type: WasmType
  readonly args: readonly Expression[]
  /** Constant, local, offset in memory. */
  readonly number: number
  /** Label, name of a function; labels of a switch with blanks between them, the default last. */
  readonly name: string
}

interface WasmFunction {
  readonly name: string
  readonly parameters: WasmType
  readonly result: WasmType
  readonly locals: readonly WasmType[]
  readonly body: Expression
}

interface FunctionImport {
  readonly name: string
  readonly module: string
  readonly base: string
  readonly parameters: WasmType
  readonly result: WasmType
}

type Unary = (value: Expression) => Expression
type Binary = (left: Expression, right: Expression) => Expression
type Load = (offset: number, align: number, address: Expression) => Expression
type Store = (offset: number, align: number, address: Expression, value: Expression) => Expression

/** Bytes of an access by opcode, where the name does not tell. */
const naturalShift: Readonly<Record<number, number>> = {
  [loadI32.load]: 2, [storeI32.store]: 2, [loadI64.load]: 3, [storeI64.store]: 3,
  [loadI32.load16_s]: 1, [loadI32.load16_u]: 1, [storeI32.store16]: 1,
  [floatMemory.f32.load]: 2, [floatMemory.f32.store]: 2, [floatMemory.f64.load]: 3, [floatMemory.f64.store]: 3,
}

/** Index of a function among the imports and those of the module. Throws when there is none of the name. */
function indexIn(indexOf: ReadonlyMap<string, number>, name: string): number {
  const index = indexOf.get(name)
  if (index === undefined) throw new Error(`there is no wasm function ${name}`)
  return index
}

export class ModuleWriter {
  private readonly nodes: Node[] = []
  private readonly wide: bigint[] = []
  /** Vector constants and lanes of shuffles. */
  private readonly patterns: Uint8Array[] = []
  private readonly functions: WasmFunction[] = []
  private readonly imports: FunctionImport[] = []
  private readonly exports: { readonly name: string; readonly external: string }[] = []
  private memory: { readonly module: string; readonly base: string } | undefined
  private readonly depths = new Map<string, number>()
  private depth = 0

  readonly i32 = {
    const: (value: number): Expression => this.add(Kind.Constant, Opcode.I32Const, WasmType.I32, [], value),
    wrap: (value: Expression): Expression => this.add(Kind.Operator, wrapI64, WasmType.I32, [value]),
    ...this.unary(unaryI32, WasmType.I32),
    ...this.binary(binaryI32, WasmType.I32),
    ...this.loads(loadI32, WasmType.I32),
    ...this.stores(storeI32),
  }

  readonly i64 = {
    const: (value: bigint): Expression =>
      this.add(Kind.Constant64, Opcode.I64Const, WasmType.I64, [], this.wide.push(value) - 1),
    ...this.unary(unaryI64, WasmType.I64),
    ...this.unary(testI64, WasmType.I32),
    ...this.unary(extendI32, WasmType.I64),
    ...this.binary(binaryI64, WasmType.I64),
    ...this.binary(comparisonI64, WasmType.I32),
    ...this.loads(loadI64, WasmType.I64),
    ...this.stores(storeI64),
  }

  readonly f32 = this.floats(WasmType.F32, floatMemory.f32, floatConstant.f32)
  readonly f64 = this.floats(WasmType.F64, floatMemory.f64, floatConstant.f64)

  readonly v128 = {
    const: (bytes: ArrayLike<number>): Expression => this.withBytes(vectorConstant, [], bytes),
    ...this.each(
      { load: vectorMemory.load, load32_zero: vectorMemory.load32_zero, load64_zero: vectorMemory.load64_zero },
      (opcode): Load => (offset, align, address) =>
        this.vectorAccess(opcode, WasmType.V128, [address], offset, align),
    ),
    store: (offset: number, align: number, address: Expression, value: Expression): Expression =>
      this.vectorAccess(vectorMemory.store, WasmType.None, [address, value], offset, align),
  }

  readonly i8x16 = {
    shuffle: (left: Expression, right: Expression, lanes: ArrayLike<number>): Expression =>
      this.withBytes(vectorShuffle, [left, right], lanes),
  }

  readonly local = {
    get: (index: number, type: WasmType): Expression => this.add(Kind.Local, Opcode.LocalGet, type, [], index),
    set: (index: number, value: Expression): Expression =>
      this.add(Kind.Local, Opcode.LocalSet, WasmType.None, [value], index),
    tee: (index: number, value: Expression, type: WasmType): Expression =>
      this.add(Kind.Local, Opcode.LocalTee, type, [value], index),
  }

  private add(
    kind: Kind, opcode: number, type: WasmType, args: readonly Expression[], number = 0, name = '',
  ): Expression {
    return this.nodes.push({ kind, opcode, type, args, number, name }) - 1
  }

  private floats(type: WasmType, memory: { load: number; store: number }, constant: number) {
    return {
      const: (value: number): Expression => this.add(Kind.FloatConstant, constant, type, [], value),
      ...this.loads({ load: memory.load }, type),
      ...this.stores({ store: memory.store }),
    }
  }

  private withBytes(opcode: number, args: readonly Expression[], bytes: ArrayLike<number>): Expression {
    return this.add(Kind.VectorBytes, opcode, WasmType.V128, args, this.patterns.push(Uint8Array.from(bytes)) - 1)
  }

  private vectorAccess(
    opcode: number, type: WasmType, args: readonly Expression[], offset: number, align: number,
  ): Expression {
    return this.add(Kind.VectorMemory, opcode | (Math.log2(Math.max(align, 1)) << 8), type, args, offset)
  }

  /** An operator of vector-opcodes.ts on values, by its name there; `lane` where it takes a lane index. */
  operate(name: string, args: readonly Expression[], lane = 0): Expression {
    const { opcode, result, lane: hasLane } = operatorOf(name)
    const kind = !isVectorOperator(name) ? Kind.Operator : hasLane ? Kind.VectorLane : Kind.Vector
    return this.add(kind, opcode, resultTypes[result], args, lane)
  }

  private each<Name extends string, Maker>(
    opcodes: Readonly<Record<Name, number>>, make: (opcode: number) => Maker,
  ): Record<Name, Maker> {
    const makers = Object.entries(opcodes).map(([name, opcode]) => [name, make(opcode as number)])
    return Object.fromEntries(makers) as Record<Name, Maker>
  }

  private unary<Name extends string>(opcodes: Readonly<Record<Name, number>>, type: WasmType): Record<Name, Unary> {
    return this.each(opcodes, opcode => value => this.add(Kind.Operator, opcode, type, [value]))
  }

  private binary<Name extends string>(opcodes: Readonly<Record<Name, number>>, type: WasmType): Record<Name, Binary> {
    return this.each(opcodes, opcode => (left, right) => this.add(Kind.Operator, opcode, type, [left, right]))
  }

  private loads<Name extends string>(opcodes: Readonly<Record<Name, number>>, type: WasmType): Record<Name, Load> {
    return this.each(
      opcodes, opcode => (offset, align, address) => this.memoryAccess(opcode, type, [address], offset, align),
    )
  }

  private stores<Name extends string>(opcodes: Readonly<Record<Name, number>>): Record<Name, Store> {
    return this.each(
      opcodes,
      opcode => (offset, align, address, value) =>
        this.memoryAccess(opcode, WasmType.None, [address, value], offset, align),
    )
  }

  private memoryAccess(
    opcode: number, type: WasmType, args: readonly Expression[], offset: number, align: number,
  ): Expression {
    // An alignment is a hint; 0 asks for the natural one, as in binaryen.
    const shift = align === 0 ? (naturalShift[opcode] ?? 0) : Math.log2(align)
    return this.add(Kind.Memory, opcode | (shift << 8), type, args, offset)
  }

  /** Expressions one after another; named, a branch to the name goes behind them. */
  block(name: string | null, children: readonly Expression[], type?: WasmType): Expression {
    const last = children.length > 0 ? this.nodes[children[children.length - 1]].type : WasmType.None
    const kind = name === null ? Kind.Sequence : Kind.Block
    return this.add(kind, Opcode.Block, type ?? (name === null ? last : WasmType.None), children, 0, name ?? '')
  }

  /** A branch to `name` goes back to the start of `body`. */
  loop(name: string, body: Expression): Expression {
    return this.add(Kind.Loop, Opcode.Loop, WasmType.None, [body], 0, name)
  }

  if(condition: Expression, then: Expression, otherwise?: Expression): Expression {
    if (otherwise === undefined) return this.add(Kind.If, Opcode.If, WasmType.None, [condition, then])
    return this.add(Kind.If, Opcode.If, this.nodes[then].type, [condition, then, otherwise])
  }

  br(name: string, condition?: Expression): Expression {
    return condition === undefined
      ? this.add(Kind.Branch, Opcode.Br, WasmType.None, [], 0, name)
      : this.add(Kind.Branch, Opcode.BrIf, WasmType.None, [condition], 0, name)
  }

  /** Branches to the label at `index` of `names`, or to `otherwise` when there are not so many. */
  switch(names: readonly string[], otherwise: string, index: Expression): Expression {
    return this.add(Kind.Switch, Opcode.BrTable, WasmType.None, [index], 0, [...names, otherwise].join(' '))
  }

  select(condition: Expression, then: Expression, otherwise: Expression): Expression {
    return this.add(Kind.Operator, Opcode.Select, this.nodes[then].type, [then, otherwise, condition])
  }

  call(name: string, args: readonly Expression[], type: WasmType): Expression {
    return this.add(Kind.Call, Opcode.Call, type, args, 0, name)
  }

  drop(value: Expression): Expression {
    return this.add(Kind.Operator, Opcode.Drop, WasmType.None, [value])
  }

  /** Memories have no names inside a module: there is one. */
  addMemoryImport(_name: string, module: string, base: string): void {
    this.memory = { module, base }
  }

  /** `parameters` is the type of the only parameter, or none. */
  addFunctionImport(name: string, module: string, base: string, parameters: WasmType, result: WasmType): void {
    this.imports.push({ name, module, base, parameters, result })
  }

  addFunction(
    name: string, parameters: WasmType, result: WasmType, locals: readonly WasmType[], body: Expression,
  ): void {
    this.functions.push({ name, parameters, result, locals, body })
  }

  addFunctionExport(name: string, external: string): void {
    this.exports.push({ name, external })
  }

  /** The module. Throws when a name of a label or a function is unknown. */
  emitBinary(): Uint8Array {
    const out = new ByteSink()
    out.append(HEADER)
    const callables = [...this.imports, ...this.functions]
    const indexOf = new Map(callables.map(({ name }, index) => [name, index]))
    // One type for each function; that some are the same does no harm.
    this.section(out, Section.Type, callables, (sink, { parameters, result }) => {
      sink.byte(FUNCTION_TYPE)
      this.types(sink, parameters)
      this.types(sink, result)
    })
    const functionImports = this.imports.map(({ name, module, base }) => ({ module, base, index: indexIn(indexOf, name) }))
    const imports = [...(this.memory ? [{ ...this.memory, index: undefined }] : []), ...functionImports]
    this.section(out, Section.Import, imports, (sink, { module, base, index }) => {
      sink.name(module)
      sink.name(base)
      if (index === undefined) {
        // No maximum, and at least no page: any memory will do.
        sink.byte(External.Memory)
        sink.byte(0)
        sink.unsigned(0)
      } else {
        sink.byte(External.Function)
        sink.unsigned(index)
      }
    })
    this.section(out, Section.Function, this.functions, (sink, { name }) => sink.unsigned(indexIn(indexOf, name)))
    this.section(out, Section.Export, this.exports, (sink, { name, external }) => {
      sink.name(external)
      sink.byte(External.Function)
      sink.unsigned(indexIn(indexOf, name))
    })
    this.section(out, Section.Code, this.functions, (sink, item) => {
      const code = new ByteSink()
      this.locals(code, item.locals)
      this.write(code, item.body, indexOf)
      code.byte(Opcode.End)
      sink.unsigned(code.length)
      sink.append(code.written)
    })
    return out.written.slice()
  }

  private section<Item>(
    out: ByteSink, section: Section, items: readonly Item[], write: (sink: ByteSink, item: Item) => void,
  ): void {
    if (items.length === 0) return
    const sink = new ByteSink()
    sink.unsigned(items.length)
    for (const item of items) write(sink, item)
    out.byte(section)
    out.unsigned(sink.length)
    out.append(sink.written)
  }

  /** A list of no or one type. */
  private types(sink: ByteSink, type: WasmType): void {
    sink.byte(type === WasmType.None ? 0 : 1)
    if (type !== WasmType.None) sink.byte(typeCodes[type])
  }

  /** Locals of one type behind each other are one entry. */
  private locals(sink: ByteSink, locals: readonly WasmType[]): void {
    const groups: { type: WasmType; count: number }[] = []
    for (const type of locals) {
      const last = groups[groups.length - 1]
      if (last?.type === type) last.count++
      else groups.push({ type, count: 1 })
    }
    sink.unsigned(groups.length)
    for (const { type, count } of groups) {
      sink.unsigned(count)
      sink.byte(typeCodes[type])
    }
  }

  /** Writes an expression behind its arguments. */
  private write(out: ByteSink, expression: Expression, indexOf: ReadonlyMap<string, number>): void {
    const node = this.nodes[expression]
    const { kind, opcode, args, number } = node
    switch (kind) {
      case Kind.Block:
      case Kind.Loop: this.writeLabelled(out, node, indexOf); return
      case Kind.If: this.writeIf(out, node, indexOf); return
      default: for (let i = 0; i < args.length; i++) this.write(out, args[i], indexOf)
    }
    switch (kind) {
      case Kind.Operator: out.byte(opcode); return
      case Kind.Memory:
        out.byte(opcode & 0xff)
        out.unsigned(opcode >> 8)
        out.unsigned(number)
        return
      case Kind.Constant:
        out.byte(opcode)
        out.signed(number)
        return
      case Kind.Local:
        out.byte(opcode)
        out.unsigned(number)
        return
      case Kind.Sequence: return
      case Kind.Branch:
        out.byte(opcode)
        out.unsigned(this.depth - this.depthOf(node.name))
        return
      case Kind.Switch: {
        const labels = node.name.split(' ')
        out.byte(opcode)
        out.unsigned(labels.length - 1)
        for (const label of labels) out.unsigned(this.depth - this.depthOf(label))
        return
      }
      case Kind.Call:
        out.byte(opcode)
        out.unsigned(indexIn(indexOf, node.name))
        return
      default: this.writeWide(out, node)
    }
  }

  /** What is behind the arguments of a vector instruction, and constants that are wider than a word. */
  private writeWide(out: ByteSink, { kind, opcode, type, number }: Node): void {
    if (kind === Kind.FloatConstant) {
      out.byte(opcode)
      out.append(new Uint8Array(type === WasmType.F32 ? Float32Array.of(number).buffer : Float64Array.of(number).buffer))
      return
    }
    if (kind === Kind.Constant64) {
      out.byte(opcode)
      out.signed64(this.wide[number])
      return
    }
    out.byte(VECTOR_PREFIX)
    if (kind === Kind.VectorMemory) {
      out.unsigned(opcode & 0xff)
      out.unsigned(opcode >> 8)
      out.unsigned(number)
      return
    }
    out.unsigned(opcode)
    if (kind === Kind.VectorLane) out.byte(number)
    if (kind === Kind.VectorBytes) out.append(this.patterns[number])
  }

  private writeLabelled(out: ByteSink, { opcode, type, args, name }: Node, indexOf: ReadonlyMap<string, number>): void {
    const hidden = this.depths.get(name)
    out.byte(opcode)
    out.byte(typeCodes[type])
    this.depths.set(name, ++this.depth)
    for (let i = 0; i < args.length; i++) this.write(out, args[i], indexOf)
    this.depth--
    if (hidden === undefined) this.depths.delete(name)
    else this.depths.set(name, hidden)
    out.byte(Opcode.End)
  }

  private writeIf(out: ByteSink, { opcode, type, args }: Node, indexOf: ReadonlyMap<string, number>): void {
    this.write(out, args[0], indexOf)
    out.byte(opcode)
    out.byte(typeCodes[type])
    this.depth++
    this.write(out, args[1], indexOf)
    if (args.length > 2) {
      out.byte(Opcode.Else)
      this.write(out, args[2], indexOf)
    }
    this.depth--
    out.byte(Opcode.End)
  }

  private depthOf(name: string): number {
    const depth = this.depths.get(name)
    if (depth === undefined) throw new Error(`there is no label ${name} around this branch`)
    return depth
  }
}
