/**
 * The run-time back end: one wasm function for a region. Operands are constants, general registers are locals, flags
 * are locals of a known shape, translation is inline. Whatever is rare leaves the function in front of the
 * instruction, and the interpreter does it.
 *
 *   blocks + Structure -> nested wasm blocks and loops; each place that may leave has an exit, out of line behind
 *   the body, that puts EIP, flags and the instruction count right and joins the common exit, which stores registers
 */
import { RegionOutcome } from '../../runtime/exits.ts'
import type { Lazy } from '../../runtime/flags.ts'
import { RECORD_BYTES } from '../../runtime/memory-map.ts'
import { ModeBit, Segment, stateAddress, type StateName } from '../../runtime/state.ts'
import type { Instruction, RegisterOperand } from '../decode/instruction.ts'
import { Builder } from '../definitions/builder.ts'
import { definitions } from '../definitions/index.ts'
import { popQuickSegment } from '../definitions/segment.ts'
import { factsOf } from '../handlers.ts'
import type { Node } from '../ir.ts'
import type { Optimisations } from '../optimisations.ts'
import { AccessGroups } from '../regions/access-groups.ts'
import { FlagFlow, type Prepared, type PreparedBlock } from '../regions/flag-flow.ts'
import { type FlagShape, type FlagUse, flagUseOf, memoryShape, staticShape } from '../regions/flag-shape.ts'
import { isCalled, isQuiet, loadsBase, Lowering, mayLoadSegment } from '../regions/lowering-choice.ts'
import type { Block, Region, RegionInstruction } from '../regions/region.ts'
import { offsetIn } from '../regions/segmentation.ts'
import type { Structure } from '../regions/structure.ts'
import { afterHandler, isInlineX87, touchesX87, X87Flow } from '../regions/x87-flow.ts'
import { unusualBlocks } from '../regions/unusual.ts'
import { WasmType } from '../wasm/module-writer.ts'
import { FEW_TARGETS, hashTargets, type TargetHash } from '../regions/target-hash.ts'
import {
  EXIT_EIP, FIRST_SCRATCH, HIGH_BYTES, OUTCOME, RegionFrame, REMAINING, segmentLocals, valueTypes,
} from './region-frame.ts'
import type { HostAddress } from './region-memory.ts'
import { callVectorHelper, FIRST_XMM, requirement } from './region-vector.ts'
import { isQuickHelper, quickCall } from './region-system.ts'
import { RegionX87 } from './region-x87.ts'
import { targetProfileRowOf } from './target-profile.ts'
import type { Expression, RegionModule } from './value.ts'

/** What `handleRecord` of core.wasm gives: an Outcome of the general handler, or that code has been written. */
enum HandlerResult { Next, Fault, Jump, Dispatch, CodeWritten }

/** A handler may do anything to the flags, in memory, unless it is known not to touch them. */
function handledFlags(instruction: Instruction): FlagUse {
  const loud = !isQuiet(instruction)
  return { reads: loud, sets: false, changes: loud, exits: true }
}

/** The unit whose state a 'require' looks at. WAIT passes in some cases that other x87 instructions do not; those leave. */
function unitOf({ name }: Node): string {
  return name === 'wait' ? 'x87' : name
}

export class RegionLowering extends RegionFrame {
  private readonly structure: Structure
  private readonly blocks = new Map<number, PreparedBlock>()
  private readonly flow: FlagFlow
  private readonly records: number
  private readonly optimisations: Optimisations
  private readonly fpuControl: number | undefined
  private currentBlock!: Block
  private readonly modified = new Map<Node, HostAddress>()
  /** Blocks where unusual operands get their calls. */
  private unusual: ReadonlySet<number> = new Set()

  /** `records` is the address of the records of the region's handled instructions; `fpuControl` as in CompileRequest. */
  constructor(
    m: RegionModule, region: Region, structure: Structure, records: number, optimisations: Optimisations, fpuControl?: number,
  ) {
    super(m, region)
    this.structure = structure
    this.records = records
    this.optimisations = optimisations
    this.fpuControl = fpuControl
    this.flow = new FlagFlow(
      structure, this.blocks, (prepared, node) => this.constantIn(prepared, node), optimisations.dynamicFlags,
    )
  }

  // --- preparation ---

  private prepare(): void {
    for (const block of this.structure.order) {
      const instructions = block.instructions.map(source => this.prepareInstruction(source))
      this.blocks.set(block.eip, { block, instructions, needed: true, shape: memoryShape })
    }
    this.flow.solve(this.region.entry)
    this.prepareX87()
    this.unusual = unusualBlocks(this.structure, this.blocks)
    if (!this.optimisations.groupAccesses || this.unflat) return
    this.memory.groups = new AccessGroups(
      this.structure, this.blocks, (prepared, node) => this.constantIn(prepared, node),
      (from, to) => this.flow.stays(from, to), segment => segment <= Segment.Ds || !this.loadsSegments,
      this.optimisations.groupTables,
    )
  }

  private prepareX87(): void {
    const executes = ({ source, statements }: Prepared) =>
      source.lowering === Lowering.Inline &&
      statements.some(node => (node.op === 'require' && unitOf(node) === 'x87') || (node.op === 'call' && isInlineX87(node.name)))
    if (![...this.blocks.values()].some(({ instructions }) => instructions.some(executes))) return
    const flow = new X87Flow(
      this.structure, this.blocks, (prepared, node) => this.constantIn(prepared, node),
      (from, to) => this.flow.stays(from, to), this.region.entry,
    )
    this.x87 = new RegionX87(this.m, this.pool, this, flow, this.fpuControl)
  }

  private prepareInstruction(source: RegionInstruction): Prepared {
    const facts = factsOf(source.instruction)
    const builder = new Builder(facts)
    const quickPop = source.lowering === Lowering.Inline && facts.mnemonic === 'pop' && facts.operands[0].class === 'segment'
    const definition = quickPop ? popQuickSegment : definitions.get(facts.mnemonic)
    definition?.(builder, facts)
    const prepared: Prepared = {
      source, statements: builder.statements, neededAfter: true,
      flags: { reads: false, sets: false, changes: false, exits: false },
    }
    this.current = prepared
    this.forgetConstants()
    this.noteRegisters(builder.statements)
    if (isCalled(source)) return { ...prepared, flags: handledFlags(source.instruction) }
    if (this.unflat) this.unflat.note(builder.statements, source.instruction)
    else this.noteSegments(source.instruction)
    const flags = flagUseOf(builder.statements, node => this.constantOf(node))
    return { ...prepared, flags }
  }

  private noteSegments({ operands }: Instruction): void {
    for (const operand of operands)
      if (operand.kind === 'memory' && segmentLocals.has(operand.segment)) this.segments.add(operand.segment)
  }

  private noteRegisters(statements: readonly Node[]): void {
    const { used, written } = this.registersOf(statements)
    for (const register of used) this.used.add(register)
    for (const register of written) this.written.add(register)
  }

  private constantIn(prepared: Prepared, node: Node): number | undefined {
    if (this.current !== prepared) {
      this.current = prepared
      this.forgetConstants()
    }
    return this.constantOf(node)
  }

  // --- the function ---

  /** Adds the function to the module, and exports it, by the name given. */
  lower(name: string): void {
    const { m } = this
    this.prepare()
    const opened = this.x87 ? [...this.x87.open(), this.x87.lookAround()] : []
    const body = [...this.openSegments(), ...this.openUnflat(), ...this.tree(this.region.entry)]
    let nested: Expression = m.block(null, body)
    for (const { label, code } of this.exits.values()) nested = m.block(null, [m.block(label, [nested]), ...code])
    const whole = m.block(
      null,
      [
        ...this.load([...this.used]),
        m.local.set(REMAINING, m.i32.load(stateAddress('remaining'), 4, this.constant(0))),
        ...opened,
        m.block('leave', [nested]),
        ...this.store([...this.written]),
        ...(this.x87?.close() ?? []),
        this.setState(stateAddress('eip'), this.local(EXIT_EIP)),
        this.setState(stateAddress('remaining'), this.local(REMAINING)),
        this.local(OUTCOME),
      ],
      WasmType.I32,
    )
    const fixed = Array.from({ length: FIRST_SCRATCH }, () => WasmType.I32)
    m.addFunction(
      name, WasmType.None, WasmType.I32, [...fixed, ...this.pool.types.map(type => valueTypes[type])], whole,
    )
    m.addFunctionExport(name, name)
  }

  /** A block and all that it dominates. */
  private tree(eip: number): Expression[] {
    const { structure, m } = this
    const merges = (structure.children.get(eip) ?? []).filter(child => structure.merges.has(child))
    const position = (child: number) => structure.position.get(child) as number
    merges.sort((a, b) => position(b) - position(a))
    const within = this.within(eip, merges)
    return structure.loopHeaders.has(eip) ? [m.loop(`loop${position(eip)}`, m.block(null, within))] : within
  }

  private within(eip: number, merges: readonly number[]): Expression[] {
    if (merges.length === 0) return this.blockCode(this.blocks.get(eip) as PreparedBlock)
    const [outermost, ...rest] = merges
    const label = `merge${this.structure.position.get(outermost)}`
    return [this.m.block(label, this.within(eip, rest)), ...this.tree(outermost)]
  }

  /** Goes to another block: a branch, its code in place, or an exit. The block's instructions are counted. */
  private edge(from: number, to: number): Expression[] {
    const { m, structure } = this
    if (!this.flow.stays(from, to)) return [m.br(this.exit(to, RegionOutcome.Jump, 0))]
    const target = this.blocks.get(to) as PreparedBlock
    const out: Expression[] = []
    const back = structure.isBackEdge(from, to)
    if (back) {
      const low = m.i32.lt_s(this.local(REMAINING), this.constant(this.region.instructions))
      out.push(m.br(this.exit(to, RegionOutcome.Jump, 0), low))
    }
    // before: flags stored at every join => after: only where shapes differ and somebody may look.
    if (target.shape.place === 'memory') out.push(...this.flags.spill(this.shape))
    else if (target.shape.place === 'dynamic' && this.shape.place !== 'dynamic')
      out.push(this.flags.nameShape(this.shape))
    const place = this.x87?.place
    out.push(...(this.x87?.edge(to) ?? []))
    const position = structure.position.get(to)
    if (back) out.push(m.br(`loop${position}`))
    else if (structure.merges.has(to)) out.push(m.br(`merge${position}`))
    else {
      const shape = this.shape
      out.push(...this.tree(to))
      this.shape = shape
    }
    if (this.x87 && place) this.x87.place = place
    return out
  }

  private blockCode({ block, instructions, shape }: PreparedBlock): Expression[] {
    const out: Expression[] = []
    this.currentBlock = block
    this.shape = shape
    this.before = 0
    this.required.clear()
    this.x87?.begin(block.eip)
    for (const prepared of instructions) {
      this.instruction(prepared, out)
      this.before++
    }
    if (!this.endsItself(block)) {
      out.push(...this.countBlock(block))
      out.push(...this.end(block))
    }
    return out
  }

  /** Whether the block's last instruction has lowered the end itself, because it needs values of its own. */
  private endsItself(block: Block): boolean {
    return ['branch', 'return', 'indirect', 'transfer'].includes(block.end.kind)
  }

  private countBlock(block: Block): Expression[] {
    const { m } = this
    const count = block.instructions.length
    return count === 0
      ? []
      : [m.local.set(REMAINING, m.i32.sub(this.local(REMAINING), this.constant(count)))]
  }

  private end(block: Block): Expression[] {
    const { end } = block
    switch (end.kind) {
      case 'jump':
      case 'call': return this.edge(block.eip, end.target)
      // No region begins with such an instruction, so none is entered there and the interpreter does it.
      case 'interpret': return [this.m.br(this.exit(end.eip, this.outcomeBehind(end.eip), 0))]
      default: throw new Error(`a block cannot end in ${end.kind} here`)
    }
  }

  /** How a block is left that the region does not go on behind: beyond CS, no code of another segment may be found. */
  private outcomeBehind(eip: number): RegionOutcome {
    const { segmentation } = this.region
    const beyond = segmentation !== undefined && offsetIn(segmentation, eip) > segmentation.limit
    return beyond ? RegionOutcome.Dispatch : RegionOutcome.Jump
  }

  private instruction(prepared: Prepared, out: Expression[]): void {
    this.current = prepared
    this.pool.release()
    this.modified.clear()
    const { flags, source: { instruction } } = prepared
    const { shadowed } = this
    if (isCalled(prepared.source)) {
      this.required.clear()
      this.handled(prepared, out)
      return
    }
    // A change under a condition is made in memory, where the flags must be by then.
    this.pending = this.flow.shapeAfterInstruction(this.shape, prepared)
    this.current = prepared
    if (flags.changes && !flags.sets && this.pending.place === 'memory') this.movesFlagsToMemory = true
    out.push(...this.lowerAll(prepared.statements))
    this.movesFlagsToMemory = false
    if (flags.sets || flags.changes) this.shape = this.pending
    if (loadsBase(instruction)) out.push(...this.openSegments())
    if (shadowed) out.push(this.setState(stateAddress('interruptShadow'), this.constant(0)))
    this.shadowed = instruction.mnemonic === 'sti'
  }

  /**
   * Calls the interpreter's handler: registers and flags go to the state and come back. The region is left when it
   * raises an exception, wants to be looked after, or has written code, which may be the region's own; behind a
   * transfer always.
   */
  private handled(prepared: Prepared, out: Expression[]): void {
    const { m } = this
    const { instruction, eip } = prepared.source
    const quiet = isQuiet(instruction)
    const transfers = prepared.source.lowering === Lowering.Transfer
    const named = this.registersOf(prepared.statements)
    const record = this.records + this.region.handled.indexOf(prepared.source) * RECORD_BYTES
    if (!quiet) {
      out.push(...this.flags.spill(this.shape))
      this.shape = memoryShape
    }
    const stores = [...this.written].filter(register => !quiet || named.used.has(register))
    const loads = quiet ? [...named.written] : [...new Set([...this.used, ...this.written])]
    const before = m.i32.sub(this.local(REMAINING), this.constant(this.before))
    const x87 = touchesX87(instruction) ? this.x87 : undefined
    out.push(
      ...this.store(stores),
      ...(x87 ? [...x87.settle(), ...x87.close()] : []),
      this.setState(stateAddress('remaining'), before),
      m.local.set(OUTCOME, this.callCore('handleRecord', this.constant(record))),
      ...this.load(loads),
      ...(x87?.reopen(afterHandler(x87.place.known, instruction)) ?? []),
      ...(this.x87 ? [this.x87.lookAround()] : []),
      m.br(this.exitHandled(eip, eip + instruction.length, transfers), transfers ? undefined : this.local(OUTCOME)),
    )
    if (transfers) return
    if (mayLoadSegment(instruction)) out.push(...this.reopenUnflat(eip + instruction.length))
    if (loadsBase(instruction)) out.push(...this.openSegments())
  }

  /** Label of the exit behind a handled instruction: the handler's result is in OUTCOME. */
  private exitHandled(eip: number, next: number, transfers: boolean): string {
    const { m } = this
    const label = `handled${this.exits.size}`
    const is = (outcome: HandlerResult) => m.i32.eq(this.local(OUTCOME), this.constant(outcome))
    const state = (name: StateName) => m.i32.load(stateAddress(name), 4, this.constant(0))
    // A task switch that fails in the new task leaves EIP there.
    const faultEip = m.select(state('eipMoved'), state('eip'), this.constant(this.offsetOf(eip)))
    // Behind a region of flat code, EIP is taken for a linear address.
    const flat = m.i32.and(state('mode'), this.constant(ModeBit.Flat))
    const unflat = m.if(m.i32.eqz(flat), m.block(null, this.leave(RegionOutcome.Dispatch, this.before + 1)))
    const jump = [...(transfers && !this.unflat ? [unflat] : []), ...this.leave(RegionOutcome.Jump, this.before + 1)]
    const code = [
      m.if(
        is(HandlerResult.Fault),
        m.block(null, [m.local.set(EXIT_EIP, faultEip), ...this.leave(RegionOutcome.Fault, this.before)]),
      ),
      m.local.set(EXIT_EIP, m.select(is(HandlerResult.CodeWritten), this.constant(this.offsetOf(next)), state('eip'))),
      m.if(is(HandlerResult.Jump), m.block(null, jump)),
      ...this.leave(RegionOutcome.Dispatch, this.before + 1),
    ]
    this.exits.set(label, { label, code })
    return label
  }

  /** Shape after the current instruction. */
  private pending: FlagShape = memoryShape
  private movesFlagsToMemory = false

  /**
   * before: a helper for what is rare => after: the interpreter does it. A call anywhere in a loop costs it the machine's
   * registers; an instruction that leaves often gets its call when the region is compiled again.
   */
  protected override leaveUnless(condition: Node): Expression | undefined {
    const calls = this.current.source.misses || this.unusual.has(this.currentBlock.eip)
    if (!this.optimisations.leaveUnusual || calls) return undefined
    return this.exitBefore(this.m.i32.eqz(this.value(condition)))
  }

  // --- for the x87 unit ---

  get eip(): number {
    return this.current.source.eip
  }

  protected override beforeConditional(out: Expression[]): void {
    if (!this.movesFlagsToMemory) return
    out.push(...this.flags.spill(this.shape))
    this.shape = memoryShape
    this.movesFlagsToMemory = false
  }

  // --- effects ---

  protected override effect(node: Node, out: Expression[]): void {
    const { m } = this
    const { operands } = this.current.source.instruction
    switch (node.op) {
      case 'load':
        this.keep(node, this.memory.load(node.size, this.memory.locate(node, node.size, false, out)), out)
        return
      case 'store': {
        const place = this.memory.locate(node, node.size, true, out)
        out.push(this.memory.store(node.size, place, this.value(node.args[1])))
        return
      }
      case 'modifyLoad': {
        const place = this.memory.locate(node, node.size, true, out)
        this.modified.set(node, place)
        this.keep(node, this.memory.load(node.size, place), out)
        return
      }
      case 'modifyStore': {
        const place = this.modified.get(node.args[0])
        if (place === undefined) throw new Error('a modify ends that has not begun')
        out.push(this.memory.store(node.size, place, this.value(node.args[1])))
        return
      }
      case 'setOperand': {
        const operand = operands[node.number] as RegisterOperand
        const high = operand.class === 'gpr8' && operand.index >= HIGH_BYTES
        out.push(this.writeRegister(this.registerOf(operand), operand.size, high, this.value(node.args[0])))
        return
      }
      case 'setRegister': out.push(this.writeRegister(node.number, node.size, false, this.value(node.args[0]))); return
      case 'setField':
        out.push(this.setState(stateAddress(node.name as StateName, node.number), this.value(node.args[0])))
        return
      case 'faultIf': out.push(this.exitBefore(this.value(node.args[0]))); return
      case 'poke': {
        const [address, value] = node.args
        out.push(this.vectors.poke(node, this.constantOf(address), () => this.value(address), this.value(value)))
        return
      }
      case 'require':
        // before: tested by every instruction => after: by the first of a block; nothing in a region changes it.
        if (!this.required.has(unitOf(node)))
          out.push(this.exitBefore(unitOf(node) === 'x87' && this.x87 ? this.x87.requirement() : requirement(m, node.name)))
        this.required.add(unitOf(node))
        return
      case 'call': this.callHelper(node, out); return
      case 'setFlags': this.setFlags(node, out); return
      case 'setCarry':
        this.settleDynamic(out)
        if (this.current.neededAfter) out.push(this.flags.setCarry(this.pending, this.value(node.args[0])))
        return
      case 'setOverflow':
        this.settleDynamic(out)
        if (this.current.neededAfter) out.push(...this.flags.setOverflow(this.pending, this.value(node.args[0])))
        return
      default: this.control(node, out)
    }
  }

  /** Calls a vector helper, with the registers that the instruction names in the state. */
  private callHelper(node: Node, out: Expression[]): void {
    if (this.x87 && isInlineX87(node.name)) {
      const value = this.x87.call(node, out)
      if (value !== undefined) this.keep(node, value, out)
      return
    }
    const loads = node.name === 'moveToSegment' || node.name === 'loadSegment'
    if (this.unflat && loads) {
      this.unflat.loadParagraph(this.constantOf(node.args[0]) as number, this.value(node.args[1]), out)
      return
    }
    if (isQuickHelper(node.name)) {
      out.push(quickCall(this.m, node, node.args.map(argument => this.value(argument)), this))
      return
    }
    if (node.name === 'readTimeStamp') {
      const remaining = this.m.i32.sub(this.local(REMAINING), this.constant(this.before))
      this.wideHelpers.add('timeStampAt')
      this.keep(node, this.m.call('timeStampAt', [this.m.i64.extend_u(remaining)], WasmType.I64), out)
      out.push(this.exitBefore(this.m.i64.eq(this.value(node), this.m.i64.const(-1n))))
      return
    }
    this.vectorHelpers.add(node.name)
    const args = node.args.map(argument => this.value(argument))
    const result = node.type !== 'none' && this.isUsed(node) ? this.home(node) : undefined
    const named = this.registersOf(this.current.statements)
    const vectorsOf = (registers: ReadonlySet<number>) => [...registers].filter(register => register >= FIRST_XMM)
    out.push(
      ...this.store(vectorsOf(named.used).filter(register => this.written.has(register))),
      ...callVectorHelper(this.m, node, args, result, this.exit(this.current.source.eip, this.missOutcome, this.before)),
      ...this.load(vectorsOf(named.written)),
    )
  }

  /** Flags of a dynamic shape go to memory before one of them alone is changed. */
  private settleDynamic(out: Expression[]): void {
    if (this.shape.place !== 'dynamic') return
    out.push(...this.flags.spill(this.shape))
    this.shape = memoryShape
  }

  private setFlags(node: Node, out: Expression[]): void {
    if (!this.current.neededAfter && this.current.flags.sets) return
    const args = node.args.map(argument => () => this.value(argument))
    const shape = staticShape(node.number as Lazy, node.size)
    const before = this.shape
    out.push(...this.flags.record(node.number as Lazy, args, () => this.flags.carry(before)))
    // Under a condition that is known only when running, the flags of both ways meet in memory.
    if (!this.current.flags.sets) out.push(...this.flags.spill(shape))
  }

  private control(node: Node, out: Expression[]): void {
    const { m } = this
    const block = this.currentBlock
    switch (node.op) {
      case 'checkTarget': this.unflat?.checkTarget(node.args[0], out); return
      case 'jump': return
      // What the interpreter looks after behind the instruction, its quick form has looked after.
      case 'endRun': return
      case 'branch': {
        const { end } = block
        if (end.kind !== 'branch') throw new Error('a branch inside a block')
        if (end.taken === end.next) {
          // Both ways lead to one place: two edges would write all that follows twice, doubling with each such branch.
          out.push(...this.countBlock(block), ...this.edge(block.eip, end.next))
          return
        }
        const condition = this.value(node.args[0])
        out.push(...this.countBlock(block))
        const shape = this.shape
        const taken = this.edge(block.eip, end.taken)
        this.shape = shape
        const next = this.edge(block.eip, end.next)
        out.push(m.if(condition, m.block(null, taken), m.block(null, next)))
        return
      }
      case 'jumpTo': this.jumpTo(block, this.value(node.args[0]), out); return
      default: throw new Error(`${node.op} cannot be lowered in a region`)
    }
  }

  /** A return or an indirect jump: compares with the known targets, then leaves. */
  private jumpTo(block: Block, target: Expression, out: Expression[]): void {
    const { m } = this
    const { end } = block
    out.push(m.local.set(EXIT_EIP, target), ...this.countBlock(block))
    const wanted = end.kind === 'return' ? end.sites : end.kind === 'indirect' ? end.targets : []
    const known = wanted.filter(to => this.flow.stays(block.eip, to))
    if (known.length > FEW_TARGETS && this.optimisations.branchTables) out.push(this.selectTarget(block, hashTargets(known)))
    else out.push(...known.map(to => this.ifTarget(block, to)))
    if (end.kind === 'indirect') out.push(this.noteUnknownTarget(end.site))
    out.push(...this.leave(RegionOutcome.Jump, 0))
  }

  /** Linear address of the offset in EXIT_EIP. */
  private linearTarget(): Expression {
    const offset = this.local(EXIT_EIP)
    return this.unflat ? this.m.i32.add(offset, this.constant(this.unflat.base)) : offset
  }

  private ifTarget(block: Block, to: number): Expression {
    const { m, shape } = this
    const is = m.i32.eq(this.local(EXIT_EIP), this.constant(this.offsetOf(to)))
    const edge = m.if(is, m.block(null, this.edge(block.eip, to)))
    this.shape = shape
    return edge
  }

  /** A branch table over the known targets; goes on behind it when the target is none of them. */
  private selectTarget(block: Block, { shift, mask, arms }: TargetHash): Expression {
    const { m } = this
    const name = (arm: number) => `arm${this.structure.position.get(block.eip)}.${arm}`
    const unknown = `unknown${this.structure.position.get(block.eip)}`
    const hashed = m.i32.and(m.i32.shr_u(this.linearTarget(), this.constant(shift)), this.constant(mask))
    const labels = arms.map((targets, arm) => (targets.length > 0 ? name(arm) : unknown))
    let nested = m.switch(labels, unknown, hashed)
    arms.forEach((targets, arm) => {
      if (targets.length === 0) return
      const inside = m.block(name(arm), [nested])
      nested = m.block(null, [inside, ...targets.map(to => this.ifTarget(block, to)), m.br(unknown)])
    })
    return m.block(unknown, [nested])
  }

  /** Counts that a jump has gone somewhere else, and notes where, for the next time its region is compiled. */
  private noteUnknownTarget(site: number): Expression {
    const { m } = this
    const row = targetProfileRowOf(site)
    const count = m.i32.load(4, 4, this.constant(row))
    const packed = m.i64.or(m.i64.const(BigInt(row) << 32n), m.i64.extend_u(this.linearTarget()))
    this.wideHelpers.add('notePackedTarget')
    return m.if(
      m.i32.eq(m.i32.load(0, 4, this.constant(row)), this.constant(site | 0)),
      m.block(null, [
        m.i32.store(4, 4, this.constant(row), m.i32.add(count, this.constant(1))),
        m.drop(m.call('notePackedTarget', [packed], WasmType.I64)),
      ]),
    )
  }
}
