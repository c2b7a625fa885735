/**
 * Which memory accesses of a region may share one address check.
 *
 * before: each access looks its page up in the TLB => after: accesses at fixed distances from each other are a group;
 * the first looks up the page that all of them must lie in, the others use the host address that it found.
 * Conditions: the first dominates the others, and the addresses differ by a constant; nothing in a region changes
 * the address map. A group that straddles two pages leaves the region, which is then compiled with its accesses
 * apart (`misses` in regions/profile.ts). Off switch: `groupAccesses` in optimisations.ts.
 *
 * An access to a small table, whose index is known to be small (a byte, a masked value), counts as one to all of the
 * table: before: the look-up waits for the index => after: only the load does. Off switch: `groupTables`.
 *
 * An address is a root and an offset. Roots name values in the way of static single assignment: one for what a
 * register holds where different values meet, one for the result of an instruction that is not understood.
 */
import { Segment } from '../../runtime/state.ts'
import type { MemoryOperand, RegisterOperand } from '../decode/instruction.ts'
import type { Node } from '../ir.ts'
import type { ConstantIn, Prepared, PreparedBlock } from './flag-flow.ts'
import { isCalled, isQuiet, segmentOf } from './lowering-choice.ts'
import type { Structure } from './structure.ts'

/** Accesses that share a check. Offsets are relative to their root. */
export interface AccessGroup {
  /** The access that checks; the others are dominated by it. */
  readonly leader: Node
  /** Offset of the first byte of all, and behind the last. */
  first: number
  end: number
  /** Whether any of them stores. */
  writes: boolean
  /** Whether there are others than the leader, or the leader has an index: the look-up is worth being kept. */
  shared: boolean
  /** Whether any of them has an index. */
  indexed: boolean
}

export interface GroupMember {
  readonly group: AccessGroup
  /** Offset of the access in the group's span; without its index, when it has one. */
  readonly offset: number
  readonly indexed: boolean
}

/** Bytes that a group may span: the more, the likelier it straddles two pages. */
const MOST_SPAN = 256

/** The same for one with a table. */
const MOST_TABLE_SPAN = 2048

const REGISTERS = 8
const GPR_BITS = 32

/** Bytes that the index of a table may add. */
const MOST_INDEX = 2047

/** A value as a root and a distance from it. Root 0 is zero. */
interface Place {
  readonly root: number
  readonly offset: number
}

/** An address: a place, and how much an index may add to it. */
interface Address extends Place {
  readonly index: number
}

const nowhere: Place = { root: 0, offset: 0 }

interface OpenGroup extends AccessGroup {
  readonly block: PreparedBlock
}

type OnAccess = (node: Node, place: Address, prepared: Prepared, conditional: boolean) => void

/** The general register of a 32-bit register operand, else undefined. */
function wholeRegister({ class: kind, index }: RegisterOperand): number | undefined {
  return kind === 'gpr32' ? index : undefined
}

/** The general register that any register operand is a part of. */
function containing({ class: kind, index }: RegisterOperand): number | undefined {
  if (!kind.startsWith('gpr')) return undefined
  return kind === 'gpr8' ? index & 3 : index
}

export class AccessGroups {
  private readonly structure: Structure
  private readonly blocks: ReadonlyMap<number, PreparedBlock>
  private readonly constantIn: ConstantIn
  private readonly roots = new Map<string | Node, number>()
  /** Largest values of roots, where they are known. */
  private readonly largest = new Map<number, number>()
  private readonly tables: boolean
  private readonly starts = new Map<number, Place[]>()
  private readonly members = new Map<Node, GroupMember>()
  private readonly available = new Map<number, OpenGroup[]>()
  /** Roots with an access that is known to miss: their accesses stay apart. */
  private readonly apart = new Set<number>()

  /** `stays` tells which edges stay in the region, `mayGroup` which segments keep their bases. */
  constructor(
    structure: Structure, blocks: ReadonlyMap<number, PreparedBlock>, constantIn: ConstantIn,
    stays: (from: number, to: number) => boolean, mayGroup: (segment: number) => boolean, tables: boolean,
  ) {
    this.tables = tables
    this.structure = structure
    this.blocks = blocks
    this.constantIn = constantIn
    this.findStarts(stays)
    const onAccess: OnAccess = (node, place, prepared) => {
      if (prepared.source.misses) this.apart.add(this.rootOf(node, place, prepared))
    }
    for (const { eip } of structure.order) this.walkBlock(eip, onAccess)
    this.collect(structure.order[0].eip, mayGroup)
  }

  /** The group of an access, if it has one. */
  memberOf(node: Node): GroupMember | undefined {
    return this.members.get(node)
  }

  private root(key: string | Node): number {
    const known = this.roots.get(key)
    if (known !== undefined) return known
    const root = this.roots.size + 1
    this.roots.set(key, root)
    return root
  }

  /** A value of which nothing is known, but perhaps that it is at most `most`. */
  fresh(key: string | Node, most?: number): Place {
    const root = this.root(key)
    if (most !== undefined) this.largest.set(root, most)
    return { root, offset: 0 }
  }

  /** The largest value of a place, if it is known to be small. */
  mostOf({ root, offset }: Place): number | undefined {
    const most = this.largest.get(root)
    return this.tables && most !== undefined && offset >= 0 && most + offset <= MOST_INDEX ? most + offset : undefined
  }

  // --- what registers hold ---

  /** Finds what registers hold at the start of each block: hopeful first, then without what turned out different. */
  private findStarts(stays: (from: number, to: number) => boolean): void {
    const { order } = this.structure
    const predecessors = new Map<number, number[]>(order.map(({ eip }) => [eip, []]))
    for (const block of order)
      for (const to of block.successors) if (stays(block.eip, to)) predecessors.get(to)?.push(block.eip)
    const merged = new Set<string>()
    const ends = new Map<number, Place[]>()
    const startOf = (eip: number, known: readonly number[]): Place[] =>
      Array.from({ length: REGISTERS }, (_, register) => {
        const key = `${eip} ${register}`
        const places = known.map(from => (ends.get(from) as Place[])[register])
        const [first] = places
        if (!first || merged.has(key)) return this.fresh(key)
        if (places.every(({ root, offset }) => root === first.root && offset === first.offset)) return first
        merged.add(key)
        return this.fresh(key)
      })
    for (let changed = true; changed; ) {
      changed = false
      ends.clear()
      for (const { eip } of order) {
        const known = (predecessors.get(eip) as number[]).filter(from => ends.has(from))
        this.starts.set(eip, startOf(eip, eip === order[0].eip ? [] : known))
        ends.set(eip, this.walkBlock(eip, () => {}))
      }
      for (const { eip } of order) {
        const start = this.starts.get(eip) as Place[]
        for (const from of predecessors.get(eip) as number[])
          (ends.get(from) as Place[]).forEach(({ root, offset }, register) => {
            const key = `${eip} ${register}`
            if ((root === start[register].root && offset === start[register].offset) || merged.has(key)) return
            if (eip === order[0].eip) return
            merged.add(key)
            changed = true
          })
      }
    }
  }

  /** Follows a block from its start; gives what registers hold at its end. */
  private walkBlock(eip: number, onAccess: OnAccess): Place[] {
    const registers = [...(this.starts.get(eip) as Place[])]
    for (const prepared of (this.blocks.get(eip) as PreparedBlock).instructions) {
      if (isCalled(prepared.source)) this.walkHandled(prepared, registers)
      else {
        const walk = new InstructionWalk(prepared, registers, this.constantIn, this, onAccess)
        walk.list(prepared.statements, false)
      }
    }
    return registers
  }

  /** A handler may write any register, unless it is known to write those alone that its definition names. */
  private walkHandled(prepared: Prepared, registers: Place[]): void {
    const { instruction, eip } = prepared.source
    const written = new Set<number>()
    const visit = (statements: readonly Node[]): void => {
      for (const node of statements) {
        if (node.op === 'setRegister') written.add(node.number)
        if (node.op === 'setOperand') {
          const operand = instruction.operands[node.number]
          const register = operand.kind === 'register' ? containing(operand) : undefined
          if (register !== undefined) written.add(register)
        }
        visit(node.then)
        visit(node.otherwise)
      }
    }
    visit(prepared.statements)
    const quiet = isQuiet(instruction)
    for (let register = 0; register < REGISTERS; register++)
      if (!quiet || written.has(register)) registers[register] = this.fresh(`${eip} after ${register}`)
  }

  // --- groups ---

  private rootOf(node: Node, { root }: Address, { source }: Prepared): number {
    const segment = segmentOf(node.segment, source.instruction)
    return segment <= Segment.Ds ? root : this.root(`${root} in ${segment}`)
  }

  /** Forms the groups of a block and of all that it dominates. */
  private collect(eip: number, mayGroup: (segment: number) => boolean): void {
    const block = this.blocks.get(eip) as PreparedBlock
    const opened: number[] = []
    this.walkBlock(eip, (node, place, prepared, conditional) => {
      if (!mayGroup(segmentOf(node.segment, prepared.source.instruction))) return
      const root = this.rootOf(node, place, prepared)
      if (this.apart.has(root)) return
      const groups = this.available.get(root) ?? []
      const writes = node.op !== 'load'
      const bytes = node.size / 8 + place.index
      const indexed = place.index > 0
      const found = groups.filter(group => accepts(group, block, place, bytes, writes, conditional)).at(-1)
      if (found) {
        found.first = Math.min(found.first, place.offset)
        found.end = Math.max(found.end, place.offset + bytes)
        found.writes ||= writes
        found.shared = true
        found.indexed ||= indexed
        this.members.set(node, memberIn(found, place))
      } else if (!conditional) {
        const group: OpenGroup = {
          leader: node, first: place.offset, end: place.offset + bytes, writes, shared: indexed, indexed, block,
        }
        this.members.set(node, memberIn(group, place))
        this.available.set(root, [...groups, group])
        opened.push(root)
      }
    })
    for (const child of this.structure.children.get(eip) ?? []) this.collect(child, mayGroup)
    for (const root of opened) this.available.get(root)?.pop()
  }
}

/** A member whose offset follows the group's first byte, which may still move. */
function memberIn(group: AccessGroup, { offset, index }: Address): GroupMember {
  return {
    group,
    indexed: index > 0,
    get offset() {
      return offset - group.first
    },
  }
}

function accepts(
  group: OpenGroup, block: PreparedBlock, place: Address, bytes: number, writes: boolean, conditional: boolean,
): boolean {
  // A store makes the leader ask for a page that may be written: only where it is certain to come.
  if (writes && !group.writes && (conditional || group.block !== block)) return false
  const first = Math.min(group.first, place.offset)
  const end = Math.max(group.end, place.offset + bytes)
  return end - first <= (place.index > 0 || group.indexed ? MOST_TABLE_SPAN : MOST_SPAN)
}

/** Follows the statements of one instruction through the places that registers hold. */
class InstructionWalk {
  private readonly prepared: Prepared
  private readonly registers: Place[]
  private readonly constantIn: ConstantIn
  private readonly groups: AccessGroups
  private readonly onAccess: OnAccess
  /** Values of reads where they stand, and of what follows from them. */
  private readonly places = new Map<Node, Place>()
  private conditions = 0

  constructor(
    prepared: Prepared, registers: Place[], constantIn: ConstantIn, groups: AccessGroups, onAccess: OnAccess,
  ) {
    this.prepared = prepared
    this.registers = registers
    this.constantIn = constantIn
    this.groups = groups
    this.onAccess = onAccess
  }

  list(statements: readonly Node[], conditional: boolean): void {
    for (const node of statements) this.statement(node, conditional)
  }

  private statement(node: Node, conditional: boolean): void {
    const { operands } = this.prepared.source.instruction
    switch (node.op) {
      case 'register':
      case 'operand':
      case 'address': this.places.set(node, this.read(node)); return
      case 'load':
      case 'store':
      case 'modifyLoad': this.onAccess(node, this.target(node), this.prepared, conditional); return
      case 'setRegister': this.write(node.number, node.size === GPR_BITS, node); return
      case 'setOperand': {
        const operand = operands[node.number] as RegisterOperand
        const register = containing(operand)
        if (register !== undefined) this.write(register, wholeRegister(operand) !== undefined, node)
        return
      }
      case 'if': this.conditional(node, conditional); return
      default:
    }
  }

  private write(register: number, whole: boolean, node: Node): void {
    this.registers[register] = whole ? this.place(node.args[0]) : this.groups.fresh(node)
  }

  private conditional(node: Node, conditional: boolean): void {
    const known = this.constantIn(this.prepared, node.args[0])
    if (known !== undefined) {
      this.list(known !== 0 ? node.then : node.otherwise, conditional)
      return
    }
    const before = [...this.registers]
    this.list(node.then, true)
    const then = [...this.registers]
    before.forEach((place, register) => {
      this.registers[register] = place
    })
    this.list(node.otherwise, true)
    const { eip } = this.prepared.source
    const number = this.conditions++
    then.forEach((place, register) => {
      if (place !== before[register] || this.registers[register] !== before[register])
        this.registers[register] = this.groups.fresh(`${eip} if ${number} ${register}`)
    })
  }

  private read(node: Node): Place {
    const { operands } = this.prepared.source.instruction
    if (node.op === 'register')
      return node.size === GPR_BITS ? this.registers[node.number] : this.groups.fresh(node, largestOf(node.size))
    if (node.op === 'address') return this.address(operands[node.number] as MemoryOperand)
    const operand = operands[node.number]
    const register = operand.kind === 'register' ? wholeRegister(operand) : undefined
    return register !== undefined ? this.registers[register] : this.groups.fresh(node, largestOf(node.size))
  }

  /** The address of an access: a memory operand's index may be small, and so may a base without one. */
  private target({ args: [node], name }: Node): Address {
    const { operands } = this.prepared.source.instruction
    const place = this.place(node)
    // What must be aligned is tested by its offset.
    const plain = node.op === 'address' && name !== 'aligned'
    const operand = plain ? (operands[node.number] as MemoryOperand) : undefined
    const table = operand && this.table(operand)
    return table ?? { ...place, index: 0 }
  }

  private table({ base, index, scale, displacement }: MemoryOperand): Address | undefined {
    const [variable, shift, fixed] = index >= 0 ? [index, scale, base] : [base, 0, -1]
    const most = variable >= 0 ? this.groups.mostOf(this.registers[variable]) : undefined
    if (most === undefined || most << shift > MOST_INDEX) return undefined
    const first = fixed >= 0 ? this.registers[fixed] : nowhere
    return { root: first.root, offset: (first.offset + displacement) | 0, index: most << shift }
  }

  private address({ base, index, scale, displacement }: MemoryOperand): Place {
    const first = base >= 0 ? this.registers[base] : nowhere
    const second = index >= 0 ? this.registers[index] : nowhere
    const offset = (first.offset + (second.offset << scale) + displacement) | 0
    if (second.root === 0) return { root: first.root, offset }
    return { root: this.groups.fresh(`${first.root} + ${second.root} << ${scale}`).root, offset }
  }

  private place(node: Node): Place {
    const known = this.places.get(node)
    if (known) return known
    const place = this.computed(node)
    this.places.set(node, place)
    return place
  }

  private computed(node: Node): Place {
    const constant = node.type === 'i32' ? this.constantIn(this.prepared, node) : undefined
    if (constant !== undefined) return { root: 0, offset: constant | 0 }
    if (node.op === 'load') return this.groups.fresh(node, largestOf(node.size))
    if (node.op === 'shr') {
      const count = this.constantIn(this.prepared, node.args[1])
      return this.groups.fresh(node, count ? largestOf(GPR_BITS - (count & (GPR_BITS - 1))) : undefined)
    }
    if (node.op !== 'add' && node.op !== 'sub' && node.op !== 'and') return this.groups.fresh(node)
    const [a, b] = node.args.map(argument => this.place(argument))
    if (node.op === 'add' && b.root === 0) return { root: a.root, offset: (a.offset + b.offset) | 0 }
    if (node.op === 'add' && a.root === 0) return { root: b.root, offset: (a.offset + b.offset) | 0 }
    if (node.op === 'sub' && b.root === 0) return { root: a.root, offset: (a.offset - b.offset) | 0 }
    if (node.op === 'and' && b.root === 0 && b.offset === -1) return a
    if (node.op === 'and' && b.root === 0 && b.offset >= 0) return this.groups.fresh(node, b.offset)
    if (node.op === 'and' && a.root === 0 && a.offset >= 0) return this.groups.fresh(node, a.offset)
    return this.groups.fresh(node)
  }
}

/** The largest value of `bits` bits, if that is small. */
function largestOf(bits: number): number | undefined {
  return bits < GPR_BITS / 2 ? 2 ** bits - 1 : undefined
}
