/**
 * Hot handlers: inline in the interpreter's one function, for flat 32-bit code. No segment checks, translation
 * inline, branches linked.
 */
import { MAX_RUN_INSTRUCTIONS, RECORD_BYTES, TLB_ENTRIES, TLB_ENTRY_BYTES } from '../../runtime/memory-map.ts'
import { RecordField } from '../../runtime/records.ts'
import { stateAddress } from '../../runtime/state.ts'
import type { Facts } from '../definitions/builder.ts'
import type { Node } from '../ir.ts'
import { HandlerLowering, type HelperNames, slowAccess, valueTypes } from './handler.ts'
import { targetProfileRow } from './target-profile.ts'
import type { Expression, LocalPool, Module } from './value.ts'
import { loadBits, storeBits } from './vector.ts'

const OFFSET_IN_PAGE = 0xfff

/** Labels and locals of the interpreter's one function. */
export interface HotFrame {
  readonly record: number
  readonly eipDelta: number
  readonly remaining: number
  readonly tlb: number
  readonly target: number
  readonly linkFrom: number
  /** Loop head: execute the record in `record`. */
  readonly next: string
  /** An exception is pending in the instruction of `record`. */
  readonly fault: string
  /** Continue at the run whose first record is `target`. */
  readonly linked: string
  /** Continue at offset `target` through the jump cache; the instruction is already counted. */
  readonly indirect: string
  /** EIP in the state is set and the instruction counted: attend to events, find the code. */
  readonly dispatch: string
}

/** Handlers inline in `run`, for flat 32-bit code: no segment checks, translation inline, branches linked. */
export class HotLowering extends HandlerLowering {
  private readonly frame: HotFrame
  private readonly indexed: boolean
  private ended = false

  /** `indexed` says whether the memory operand may have an index register. */
  constructor(m: Module, pool: LocalPool, facts: Facts, helpers: HelperNames, frame: HotFrame, indexed: boolean) {
    super(m, pool, facts, helpers)
    this.frame = frame
    this.indexed = indexed
  }

  protected override get recordLocal(): number { return this.frame.record }
  protected override get eipDeltaLocal(): number { return this.frame.eipDelta }

  /** The handler's code; it ends by leaving for one of the frame's labels. */
  lower(statements: readonly Node[]): Expression[] {
    const out = this.lowerAll(statements)
    if (!this.ended) out.push(...this.goOn())
    return out
  }

  private goOn(): Expression[] {
    const { m } = this
    const step = m.i32.add(this.record(), m.i32.const(RECORD_BYTES))
    return [m.local.set(this.frame.record, step), m.br(this.frame.next)]
  }

  protected override fault(): Expression { return this.m.br(this.frame.fault) }
  protected override address(): Expression { return this.sumAddress(this.indexed) }
  protected override stackMask(): Expression { return this.m.i32.const(-1) }

  /**
   * Page number part of the address of the last byte of an access: what a tag must equal. Where the access must be
   * aligned, the low bits of its address stay, so that a misaligned one misses.
   */
  private tagOf(linear: number, size: number, aligned: boolean): Expression {
    const { m } = this
    if (aligned) return m.i32.and(this.local(linear), m.i32.const(~OFFSET_IN_PAGE | (size / 8 - 1)))
    const last = size > 8 ? m.i32.add(this.local(linear), m.i32.const(size / 8 - 1)) : this.local(linear)
    return m.i32.and(last, m.i32.const(~OFFSET_IN_PAGE))
  }

  /** Address of the TLB entry of a linear address. */
  private entryOf(linear: number): Expression {
    const { m } = this
    const shift = 12 - Math.log2(TLB_ENTRY_BYTES)
    const index = m.i32.shr_u(this.local(linear), m.i32.const(shift))
    return m.i32.add(
      this.local(this.frame.tlb), m.i32.and(index, m.i32.const((TLB_ENTRIES - 1) * TLB_ENTRY_BYTES)),
    )
  }

  /** Computes an access's linear address and TLB entry into locals; gives the hit test. `tag`: 0 load, 4 store. */
  private translate(offset: Node, { size, name }: Node, tag: number, out: Expression[]) {
    const { m } = this
    const linear = this.pool.take('i32')
    const entry = this.pool.take('i32')
    out.push(m.local.set(linear, this.value(offset)))
    out.push(m.local.set(entry, this.entryOf(linear)))
    const hit = m.i32.eq(m.i32.load(tag, 4, this.local(entry)), this.tagOf(linear, size, name === 'aligned'))
    const host = () => m.i32.add(this.local(linear), m.i32.load(8, 4, this.local(entry)))
    return { linear, hit, host }
  }

  private loadAt(size: number, host: Expression): Expression {
    return loadBits(this.m, size, 0, host)
  }

  private storeAt(size: number, host: Expression, value: Expression): Expression {
    return storeBits(this.m, size, 0, host, value)
  }

  protected override load(node: Node, out: Expression[]): void {
    const { m } = this
    const { linear, hit, host } = this.translate(node.args[0], node, 0, out)
    const home = this.home(node)
    const slow = [m.local.set(home, this.callHelper(slowAccess('read', node), [this.local(linear)])), this.faultCheck()]
    out.push(m.if(hit, m.local.set(home, this.loadAt(node.size, host())), m.block(null, slow)))
  }

  protected override store(node: Node, out: Expression[]): void {
    const { m } = this
    const [offset, value] = node.args
    const { linear, hit, host } = this.translate(offset, node, 4, out)
    const type = value.type === 'none' ? 'i32' : value.type
    const kept = this.pool.take(type)
    out.push(m.local.set(kept, this.value(value)))
    const stored = () => m.local.get(kept, valueTypes[type])
    const slow = [this.callHelper(slowAccess('write', node), [this.local(linear), stored()]), this.faultCheck()]
    out.push(m.if(hit, this.storeAt(node.size, host(), stored()), m.block(null, slow)))
  }

  protected override modifyLoad(node: Node, out: Expression[]): void {
    const { m } = this
    const { linear, hit, host } = this.translate(node.args[0], node, 4, out)
    const address = this.pool.take('i32')
    const home = this.home(node)
    this.modifyAddress.set(node, address)
    this.modifyAddress.set(node.args[0], linear)
    const fast = [m.local.set(address, host()), m.local.set(home, this.loadAt(node.size, this.local(address)))]
    const slow = [
      m.local.set(address, m.i32.const(0)),
      m.local.set(home, this.callHelper(`readForModify${node.size}`, [this.local(linear)])),
      this.faultCheck(),
    ]
    out.push(m.if(hit, m.block(null, fast), m.block(null, slow)))
  }

  protected override modifyStore(node: Node, out: Expression[]): void {
    const { m } = this
    const [handle, value] = node.args
    const address = this.modifyAddress.get(handle)
    const linear = this.modifyAddress.get(handle.args[0])
    if (address === undefined || linear === undefined) throw new Error('a modify ends that has not begun')
    const type = node.size === 64 ? 'i64' : 'i32'
    const kept = this.pool.take(type)
    out.push(m.local.set(kept, this.value(value)))
    const stored = () => m.local.get(kept, valueTypes[type])
    out.push(
      m.if(
        this.local(address),
        this.storeAt(node.size, this.local(address), stored()),
        this.callHelper(`write${node.size}`, [this.local(linear), stored()]),
      ),
    )
  }

  /** Counts the instructions of the run up to and with this one. */
  private count(): Expression {
    const { m } = this
    return m.local.set(
      this.frame.remaining, m.i32.sub(this.local(this.frame.remaining), this.field8(RecordField.Ordinal)),
    )
  }

  /**
   * Follows the direct branch. before: look the target up => after: the link in the record, when it is filled in.
   * Links exist only within a page and between runs of one mode, so no mapping can come between.
   */
  private follow(): Expression[] {
    const { m } = this
    const { frame } = this
    const linked = m.i32.and(
      m.i32.ne(this.local(frame.target), m.i32.const(0)),
      m.i32.ge_s(this.local(frame.remaining), m.i32.const(MAX_RUN_INSTRUCTIONS)),
    )
    return [
      this.count(),
      m.local.set(frame.target, this.field32(RecordField.Link)),
      m.br(frame.linked, linked),
      m.local.set(frame.linkFrom, this.record()),
      m.local.set(frame.target, this.targetEip()),
      m.br(frame.indirect),
    ]
  }

  /** Counts a branch that is taken, for the regions that it will be part of (CodeCache.passed). */
  private countTaken(): Expression {
    const { m } = this
    return m.i32.store(
      RecordField.Displacement, 4, this.record(), m.i32.add(this.field32(RecordField.Displacement), m.i32.const(1)),
    )
  }

  /** Notes where an indirect jump or call goes, for the region that it will be part of. */
  private noteTarget(): Expression[] {
    const { m } = this
    const row = this.pool.take('i32')
    return [
      m.local.set(row, targetProfileRow(m, this.currentEip())),
      m.if(
        m.i32.ne(m.i32.load(0, 4, this.local(row)), this.currentEip()),
        this.callHelper('startTargetProfile', [this.local(row), this.currentEip()]),
      ),
      this.callHelper('noteTarget', [this.local(row), this.local(this.frame.target)]),
    ]
  }

  protected override control(node: Node, out: Expression[]): void {
    const { m } = this
    switch (node.op) {
      case 'checkTarget': return
      case 'jump':
        this.ended = true
        out.push(...this.follow())
        return
      case 'branch':
        this.ended = true
        out.push(m.if(this.value(node.args[0]), m.block(null, [this.countTaken(), ...this.follow()])), ...this.goOn())
        return
      case 'jumpTo':
        this.ended = true
        out.push(
          m.local.set(this.frame.target, this.value(node.args[0])),
          ...(this.facts.mnemonic === 'ret' ? [] : this.noteTarget()),
          this.count(),
          m.local.set(this.frame.linkFrom, m.i32.const(0)),
          m.br(this.frame.indirect),
        )
        return
      case 'endRun':
        this.ended = true
        if (node.number === 0) out.push(this.set32(stateAddress('eip'), this.nextEip()))
        out.push(this.count(), m.br(this.frame.dispatch))
        return
      default: throw new Error(`${node.op} cannot be lowered`)
    }
  }
}
