/**
 * The small intermediate form between a definition and a back end: what one instruction does, as a list of
 * statements over a graph of nodes.
 *
 *   definition --Builder--> Statement[] --backend--> wasm
 *
 * A node is *pure* (arithmetic on other nodes), a *read* (of state, pinned to its place in the list), or an
 * *effect* (may fault or changes state; some yield a value). Reads and effects stand in the statement list in
 * program order; pure nodes stand there too, so that a back end that keeps a value in a local knows where it is born.
 */

/** wasm type of a node's value. */
export type ValueType = 'i32' | 'i64' | 'f32' | 'f64' | 'v128'

/** Operations on values alone. */
export type PureOp =
  | 'const' | 'add' | 'sub' | 'mul' | 'and' | 'or' | 'xor' | 'shl' | 'shr' | 'sar' | 'rotl' | 'rotr'
  | 'eq' | 'ne' | 'ltU' | 'ltS' | 'gtU' | 'gtS' | 'leU' | 'leS' | 'geU' | 'geS' | 'eqz' | 'select'
  | 'clz' | 'ctz' | 'popcnt' | 'extend8' | 'extend16' | 'extend32' | 'widenU' | 'widenS' | 'wrap'
  | 'divU' | 'divS' | 'remU' | 'remS' | 'wasm' | 'vector' | 'shuffle' | 'permute'

/** Reads of state. */
export type ReadOp =
  | 'operand' | 'address' | 'register' | 'field' | 'carry' | 'condition' | 'arithmeticFlags' | 'next' | 'current'
  | 'target' | 'stackMask' | 'recordSegment' | 'peek'

/** Operations that fault or change state. */
export type EffectOp =
  | 'load' | 'store' | 'modifyLoad' | 'modifyStore' | 'setOperand' | 'setRegister' | 'setField' | 'setFlags'
  | 'setCarry' | 'setOverflow' | 'call' | 'faultIf' | 'jump' | 'branch' | 'jumpTo' | 'checkTarget' | 'endRun' | 'if'
  | 'poke' | 'require'

/** Name of an 'if' whose condition nearly always holds. */
export const USUAL = 'usual'

/** Which segment an access goes through: a fixed one, or the one that the instruction names. */
export type SegmentChoice = number | 'operand'

/** One node of the form; which fields matter depends on `op`. */
export interface Node {
  readonly op: PureOp | ReadOp | EffectOp
  /** Type of the value, or none. */
  readonly type: ValueType | 'none'
  readonly args: readonly Node[]
  /** Constant, operand number, register number, condition code, exception vector, lane, offset of a peek or poke. */
  readonly number: number
  /** Access or flag size in bits. */
  readonly size: number
  /** State field, helper, wasm operator; 16 bytes in base 16; 'aligned'; what is required ('sse', 'mmx', 'x87'); USUAL. */
  readonly name: string
  readonly segment: SegmentChoice
  /** Branches of 'if'. */
  readonly then: readonly Node[]
  readonly otherwise: readonly Node[]
  /** Values of the branches of an 'if' that yields one. */
  readonly thenValue: Node | undefined
  readonly otherwiseValue: Node | undefined
}

const pureOps = new Set<string>([
  'const', 'add', 'sub', 'mul', 'and', 'or', 'xor', 'shl', 'shr', 'sar', 'rotl', 'rotr', 'eq', 'ne', 'ltU', 'ltS',
  'gtU', 'gtS', 'leU', 'leS', 'geU', 'geS', 'eqz', 'select', 'clz', 'ctz', 'popcnt', 'extend8', 'extend16',
  'extend32', 'widenU', 'widenS', 'wrap', 'divU', 'divS', 'remU', 'remS', 'wasm', 'vector', 'shuffle', 'permute',
])

const effectOps = new Set<string>([
  'load', 'store', 'modifyLoad', 'modifyStore', 'setOperand', 'setRegister', 'setField', 'setFlags', 'setCarry',
  'setOverflow', 'call', 'faultIf', 'jump', 'branch', 'jumpTo', 'checkTarget', 'endRun', 'if', 'poke', 'require',
])

/** Whether a node depends on its arguments alone. */
export function isPure(node: Node): boolean {
  return pureOps.has(node.op)
}

/** Whether a node must be carried out even if nobody uses its value. */
export function isEffect(node: Node): boolean {
  return effectOps.has(node.op)
}

/** How often each node's value is used by nodes that are themselves carried out. */
export function countUses(statements: readonly Node[]): Map<Node, number> {
  const uses = new Map<Node, number>()
  const visit = (node: Node): void => {
    const seen = uses.get(node) ?? 0
    uses.set(node, seen + 1)
    if (seen === 0 && !isEffect(node)) for (const argument of node.args) visit(argument)
  }
  const walk = (list: readonly Node[]): void => {
    for (const node of list) {
      if (!isEffect(node)) continue
      for (const argument of node.args) visit(argument)
      if (node.op === 'if') {
        walk(node.then)
        walk(node.otherwise)
        if (node.thenValue) visit(node.thenValue)
        if (node.otherwiseValue) visit(node.otherwiseValue)
      }
    }
  }
  walk(statements)
  return uses
}
