/**
 * Writes the bodies of functions: the trees of a `NodeStore` as the code of the wasm binary format (WebAssembly core
 * specification, 5.4).
 */
import type { ByteSink } from './byte-sink.ts'
import { type Expression, Kind, NODE_WORDS, type NodeStore } from './node-store.ts'
import { Opcode } from './opcodes.ts'
import { VECTOR_PREFIX } from './vector-opcodes.ts'
import { typeCodes, WasmType } from './wasm-type.ts'

/** What nodes name by numbers, beside the store's names. */
export interface Pools {
  readonly wide: readonly bigint[]
  readonly floats: readonly number[]
  /** Vector constants and lanes of shuffles. */
  readonly patterns: readonly Uint8Array[]
}

/** A label that no construct around has. */
const OUTSIDE = 0

export class BodyWriter {
  private readonly store: NodeStore
  private readonly pools: Pools
  private readonly indexOf: (name: string) => number
  private readonly out: ByteSink
  /** Constructs around what is being written, and how deep each label's construct is, by the label's number. */
  private depth = 0
  private readonly depths: Int32Array
  /** Index of each function that was called, by its name's number, or -1. */
  private readonly indices: Int32Array

  /** `indexOf` gives the index of a function by its name. */
  constructor(store: NodeStore, pools: Pools, indexOf: (name: string) => number, out: ByteSink) {
    this.store = store
    this.pools = pools
    this.indexOf = indexOf
    this.out = out
    this.depths = new Int32Array(store.names.length)
    this.indices = new Int32Array(store.names.length).fill(-1)
  }

  /** Writes an expression and what it is made of. Throws when a label or the name of a function is unknown. */
  write(node: Expression): void {
    const { out, store } = this
    const { words } = store
    const at = node * NODE_WORDS
    const head = words[at]
    const opcode = words[at + 1]
    const number = words[at + 2]
    switch (head & 0xff) {
      case Kind.Operator:
        this.operands(at, head)
        out.byte(opcode)
        return
      case Kind.Memory:
        this.operands(at, head)
        out.byte(opcode & 0xff)
        out.unsigned(opcode >> 8)
        out.unsigned(number)
        return
      case Kind.Vector:
        this.vector(at, head, opcode)
        return
      case Kind.VectorLane:
        this.vector(at, head, opcode)
        out.byte(number)
        return
      case Kind.VectorMemory:
        this.vector(at, head, opcode & 0xff)
        out.unsigned(opcode >> 8)
        out.unsigned(number)
        return
      case Kind.VectorBytes:
        this.vector(at, head, opcode)
        out.append(this.pools.patterns[number])
        return
      case Kind.FloatConstant: {
        const value = this.pools.floats[number]
        out.byte(opcode)
        out.append(new Uint8Array(typeOf(head) === WasmType.F32 ? Float32Array.of(value).buffer : Float64Array.of(value).buffer))
        return
      }
      case Kind.Constant:
        out.byte(opcode)
        out.signed(number)
        return
      case Kind.Constant64:
        out.byte(opcode)
        out.signed64(this.pools.wide[number])
        return
      case Kind.Local:
        this.operands(at, head)
        out.byte(opcode)
        out.unsigned(number)
        return
      case Kind.Sequence:
        this.list(at)
        return
      case Kind.Block:
      case Kind.Loop: {
        out.byte(opcode)
        out.byte(typeCodes[typeOf(head)])
        const hidden = this.depths[number]
        this.depths[number] = ++this.depth
        if ((head & 0xff) === Kind.Block) this.list(at)
        else this.write(words[at + 3])
        this.depth--
        this.depths[number] = hidden
        out.byte(Opcode.End)
        return
      }
      case Kind.If:
        this.write(words[at + 3])
        out.byte(opcode)
        out.byte(typeCodes[typeOf(head)])
        this.depth++
        this.write(words[at + 4])
        if (operandsOf(head) === 3) {
          out.byte(Opcode.Else)
          this.write(words[at + 5])
        }
        this.depth--
        out.byte(Opcode.End)
        return
      case Kind.Branch:
        this.operands(at, head)
        out.byte(opcode)
        this.label(number)
        return
      case Kind.Switch: {
        this.write(words[at + 5])
        const first = words[at + 3]
        const length = words[at + 4]
        out.byte(opcode)
        out.unsigned(length - 1)
        for (let i = 0; i < length; i++) this.label(store.lists[first + i])
        return
      }
      case Kind.Call:
        this.list(at)
        out.byte(opcode)
        out.unsigned(this.functionIndex(number))
    }
  }

  /** A vector instruction but for what follows its opcode. */
  private vector(at: number, head: number, opcode: number): void {
    this.operands(at, head)
    this.out.byte(VECTOR_PREFIX)
    this.out.unsigned(opcode)
  }

  /** Operands in the node itself. */
  private operands(at: number, head: number): void {
    const { words } = this.store
    const count = operandsOf(head)
    for (let i = 0; i < count; i++) this.write(words[at + 3 + i])
  }

  /** Operands in the node's list. */
  private list(at: number): void {
    const { words, lists } = this.store
    const first = words[at + 3]
    const end = first + words[at + 4]
    for (let i = first; i < end; i++) this.write(lists[i])
  }

  /** A branch to a label, as the number of constructs that it leaves. */
  private label(number: number): void {
    const depth = this.depths[number]
    if (depth === OUTSIDE) throw new Error(`there is no label ${this.store.names[number]} around this branch`)
    this.out.unsigned(this.depth - depth)
  }

  private functionIndex(number: number): number {
    if (this.indices[number] < 0) this.indices[number] = this.indexOf(this.store.names[number])
    return this.indices[number]
  }
}

function typeOf(head: number): WasmType {
  return (head >> 8) & 0xff
}

function operandsOf(head: number): number {
  return head >> 16
}
