/**
 * Memory accesses of a region: where an access's bytes are in linear memory, or a way out.
 *
 *   alone      TLB entry of the page; when its tag differs, the region is left in front of the instruction
 *   in a group the leader looks up the page of all (regions/access-groups.ts), members use the host address it found
 *   misses     known to miss often: a helper walks the page tables instead, and a store beside code looks which
 *              granules of the page hold code; the region is left only for what is not plain RAM
 */
import {
  GRANULE_SHIFT, PAGE_BYTES, PAGE_GRANULES_BASE, PAGE_SHIFT, TLB_ENTRIES, TLB_ENTRY_BYTES, TLB_SUPERVISOR,
  TLB_TAG_CODE, TLB_USER, TlbField,
} from '../../runtime/memory-map.ts'
import type { AccessGroups, GroupMember } from '../regions/access-groups.ts'
import type { Node } from '../ir.ts'
import { WasmType } from '../wasm/module-writer.ts'
import type { Expression, LocalPool, RegionModule } from './value.ts'
import { loadBits, storeBits } from './vector.ts'

/** Bytes of a byte, in bits. */
const BITS = 8
const WORD_SHIFT = 2

/** What RegionMemory asks of the lowering that it works for. */
export interface MemoryFrame {
  /** Adds what must come first; gives the linear address of an access. */
  linear(access: Node, out: Expression[]): Expression
  /** The linear address of an access of a memory operand without its index, or base if it has no index. */
  fixedLinear(access: Node): Expression
  /** Whether the current instruction is known to miss. */
  readonly misses: boolean
  /** Leaves for the interpreter in front of the current instruction when `condition` holds. */
  exitBefore(condition: Expression): Expression
  callCore(name: string, argument: Expression): Expression
}

/** An address in linear memory: a local, and a distance from it. */
export interface HostAddress {
  readonly local: number
  readonly offset: number
}

export class RegionMemory {
  private readonly m: RegionModule
  private readonly pool: LocalPool
  private readonly frame: MemoryFrame
  private readonly tlb: number
  /** The host address of a group's first byte, and its distance from the linear one where somebody has an index. */
  private readonly groupLocals = new Map<GroupMember['group'], { readonly host: number; readonly addend: number }>()
  groups: AccessGroups | undefined

  constructor(m: RegionModule, pool: LocalPool, frame: MemoryFrame, user: boolean) {
    this.m = m
    this.pool = pool
    this.frame = frame
    this.tlb = user ? TLB_USER : TLB_SUPERVISOR
  }

  private local(index: number): Expression {
    return this.m.local.get(index, WasmType.I32)
  }
  private constant(value: number): Expression {
    return this.m.i32.const(value)
  }
  private plus(value: Expression, distance: number): Expression {
    return distance === 0 ? value : this.m.i32.add(value, this.constant(distance))
  }

  /** Where the bytes of an access of `size` bits are; leaves the region when they are not plain RAM. */
  locate(access: Node, size: number, write: boolean, out: Expression[]): HostAddress {
    const member = this.groups?.memberOf(access)
    if (member?.group.shared) return this.locateInGroup(access, member, out)
    const linear = this.pool.take('i32')
    const host = this.pool.take('i32')
    out.push(this.m.local.set(linear, this.frame.linear(access, out)))
    const bytes = size / BITS
    if (this.frame.misses && size <= 32) this.locateCarefully(linear, host, size, write, out)
    else this.lookUp(linear, bytes, write, host, out, access.name === 'aligned')
    return { local: host, offset: 0 }
  }

  private locateInGroup(access: Node, { group, offset, indexed }: GroupMember, out: Expression[]): HostAddress {
    const { m, pool } = this
    let locals = this.groupLocals.get(group)
    if (locals === undefined) {
      locals = { host: pool.reserve('i32'), addend: group.indexed ? pool.reserve('i32') : -1 }
      this.groupLocals.set(group, locals)
    }
    const { host, addend } = locals
    if (group.leader === access) {
      const first = pool.take('i32')
      const address = indexed ? this.frame.fixedLinear(access) : this.frame.linear(access, out)
      out.push(m.local.set(first, this.plus(address, -offset)))
      this.lookUp(first, group.end - group.first, group.writes, host, out)
      if (group.indexed) out.push(m.local.set(addend, m.i32.sub(this.local(host), this.local(first))))
    }
    if (indexed) {
      const place = pool.take('i32')
      out.push(m.local.set(place, m.i32.add(this.frame.linear(access, out), this.local(addend))))
      return { local: place, offset: 0 }
    }
    if (access.name === 'aligned') this.checkAlignment(access, { group, offset }, host, out)
    return { local: host, offset }
  }

  /** Leaves when an access that must be aligned is not; one at a multiple of its size from its group's leader is. */
  private checkAlignment(access: Node, { group, offset }: Omit<GroupMember, 'indexed'>, host: number, out: Expression[]): void {
    const { leader } = group
    const low = access.size / BITS - 1
    const distance = offset - (this.groups?.memberOf(leader)?.offset ?? 0)
    if (leader !== access && leader.name === 'aligned' && (distance & low) === 0) return
    out.push(this.frame.exitBefore(this.m.i32.and(this.plus(this.local(host), offset), this.constant(low))))
  }

  /** Index of the TLB entry of a linear address, in bytes. */
  private entryOf(linear: number): Expression {
    const { m } = this
    const shift = PAGE_SHIFT - Math.log2(TLB_ENTRY_BYTES)
    const mask = (TLB_ENTRIES - 1) * TLB_ENTRY_BYTES
    return m.i32.and(m.i32.shr_u(this.local(linear), this.constant(shift)), this.constant(mask))
  }

  private tlbField(field: TlbField, entry: number): Expression {
    return this.m.i32.load(this.tlb + field, 4, this.local(entry))
  }

  /**
   * Sets `host` for `bytes` bytes at `linear`, all in one page. The tag is compared with the page of the last byte,
   * the entry is that of the first: when these are two pages, no tag fits. Nor does one when they must be `aligned`
   * and are not, as the low bits of the address stay.
   */
  private lookUp(
    linear: number, bytes: number, write: boolean, host: number, out: Expression[], aligned = false,
  ): void {
    const { m } = this
    out.push(m.local.set(host, this.entryOf(linear)))
    const wanted = aligned
      ? m.i32.and(this.local(linear), this.constant(-PAGE_BYTES | (bytes - 1)))
      : m.i32.and(this.plus(this.local(linear), bytes - 1), this.constant(-PAGE_BYTES))
    const tag = this.tlbField(write ? TlbField.WriteTag : TlbField.ReadTag, host)
    out.push(this.frame.exitBefore(m.i32.ne(tag, wanted)))
    out.push(m.local.set(host, m.i32.add(this.local(linear), this.tlbField(TlbField.Addend, host))))
  }

  private locateCarefully(linear: number, host: number, size: number, write: boolean, out: Expression[]): void {
    const { m } = this
    const entry = this.pool.take('i32')
    const last = () => this.plus(this.local(linear), size / BITS - 1)
    const difference = this.pool.take('i32')
    const tag = this.tlbField(write ? TlbField.WriteTag : TlbField.ReadTag, entry)
    const found = () => m.local.set(host, m.i32.add(this.local(linear), this.tlbField(TlbField.Addend, entry)))
    const ask = () => m.local.set(host, this.frame.callCore(`hostFor${write ? 'Write' : 'Read'}${size}`, this.local(linear)))
    out.push(
      m.local.set(entry, this.entryOf(linear)),
      m.local.set(difference, m.i32.xor(tag, m.i32.and(last(), this.constant(-PAGE_BYTES)))),
    )
    const other = write ? m.if(
      m.i32.eq(this.local(difference), this.constant(TLB_TAG_CODE)),
      m.block(null, [
        found(),
        // In a granule of code it may be a variable beside it.
        m.if(this.holdsCode(entry, linear, last), ask()),
      ]),
      ask(),
    ) : ask()
    out.push(
      m.if(m.i32.eqz(this.local(difference)), found(), other),
      this.frame.exitBefore(m.i32.eqz(this.local(host))),
    )
  }

  /** Whether a store would touch a granule of code. */
  private holdsCode(entry: number, linear: number, last: () => Expression): Expression {
    const { m } = this
    const granules = this.pool.take('i32')
    const page = m.i32.shr_u(this.tlbField(TlbField.Info, entry), this.constant(PAGE_SHIFT))
    const word = m.i32.load(PAGE_GRANULES_BASE, 4, m.i32.shl(page, this.constant(WORD_SHIFT)))
    // A shift count is taken modulo 32, the number of granules of a page.
    const bit = (address: Expression) =>
      m.i32.shr_u(this.local(granules), m.i32.shr_u(address, this.constant(GRANULE_SHIFT)))
    const both = m.i32.or(bit(this.local(linear)), bit(last()))
    return m.block(
      null, [m.local.set(granules, word), m.i32.and(both, this.constant(1))], WasmType.I32,
    )
  }

  load(size: number, { local, offset }: HostAddress): Expression {
    return loadBits(this.m, size, offset, this.local(local))
  }

  store(size: number, { local, offset }: HostAddress, value: Expression): Expression {
    return storeBits(this.m, size, offset, this.local(local), value)
  }
}
