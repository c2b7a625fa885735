/**
 * The trees that a module is written from, as numbers in growing arrays.
 *
 * before: an object and an array of operands for each node => after: six words each, lists apart. A boot of Debian makes
 * a million nodes; building and writing them took half of the compiler's time, most of it the collector's and V8's
 * for objects of many shapes.
 *
 *   word 0  kind, type << 8, count of operands in words 3 to 5 << 16
 *        1  opcode
 *        2  constant, local, offset, number of a name or of an entry of a pool
 *        3  first operand, or first word of a list in `lists`
 *        4  second operand, or length of the list
 *        5  third operand
 */
import { grown } from '../../runtime/growing-array.ts'
import type { WasmType } from './wasm-type.ts'

/** Handle of an expression: its number in the store. It may be used once. */
export type Expression = number

/** Shape of a node: which of its words mean what. */
export enum Kind {
  Operator, Memory, Constant, Constant64, Local, Sequence, Block, Loop, If, Branch, Switch, Call,
  /** Vector instructions, behind their prefix: plain, with a lane index, an access of memory, with 16 bytes. */
  Vector, VectorLane, VectorMemory, VectorBytes,
  FloatConstant,
}

export const NODE_WORDS = 6
const FIRST_NODES = 1024
const FIRST_LIST_WORDS = 1024
/** Operands that fit into a node. */
const INLINE_OPERANDS = 3

/** No operand. */
const NONE = 0

export class NodeStore {
  words = new Int32Array(FIRST_NODES * NODE_WORDS)
  lists = new Int32Array(FIRST_LIST_WORDS)
  private count = 0
  private listWords = 0
  private readonly numbers = new Map<string, number>()
  /** Labels and names of functions by their numbers. */
  readonly names: string[] = []

  /** A node with up to three operands. */
  add(
    kind: Kind, opcode: number, type: WasmType, number: number, operands: number, first = NONE, second = NONE, third = NONE,
  ): Expression {
    const at = this.count * NODE_WORDS
    if (at === this.words.length) this.words = grown(this.words)
    const { words } = this
    words[at] = kind | (type << 8) | (operands << 16)
    words[at + 1] = opcode
    words[at + 2] = number
    words[at + 3] = first
    words[at + 4] = second
    words[at + 5] = third
    return this.count++
  }

  /** A node with the operands of an array, at most three. */
  addSome(kind: Kind, opcode: number, type: WasmType, number: number, args: readonly Expression[]): Expression {
    if (args.length > INLINE_OPERANDS) throw new Error(`a wasm operator of ${args.length} operands`)
    return this.add(kind, opcode, type, number, args.length, args[0], args[1], args[2])
  }

  /** A node with any number of operands, or other numbers, in a list. */
  addList(kind: Kind, opcode: number, type: WasmType, number: number, list: readonly number[], operand?: Expression): Expression {
    while (this.listWords + list.length > this.lists.length) this.lists = grown(this.lists)
    const first = this.listWords
    for (const item of list) this.lists[this.listWords++] = item
    const operands = operand === undefined ? 0 : 1
    return this.add(kind, opcode, type, number, operands, first, list.length, operand)
  }

  typeOf(node: Expression): WasmType {
    return (this.words[node * NODE_WORDS] >> 8) & 0xff
  }

  /** The number of a name, the same each time. */
  numberOf(name: string): number {
    let number = this.numbers.get(name)
    if (number === undefined) {
      number = this.names.push(name) - 1
      this.numbers.set(name, number)
    }
    return number
  }
}
