/**
 * A definition in its intermediate form (ir.ts) as text, for `npm run explain`: one line per statement, values
 * numbered in the order in which they are born, constants in place. Values that nobody uses are left out, as the
 * back ends leave them out.
 *
 *     %1 = operand 1
 *     %2 = modifyLoad32 operand 0's address
 *     setFlags Add size 32: result %3, left %2, carry %4
 */
import { Lazy } from '../runtime/flags.ts'
import { FAULT_FERR, Gpr, Segment, Vector } from '../runtime/state.ts'
import { countUses, isEffect, type Node } from './ir.ts'

/** Condition codes by number (SDM vol. 1, appendix B). */
const conditions = ['o', 'no', 'b', 'ae', 'e', 'ne', 'be', 'a', 's', 'ns', 'p', 'np', 'l', 'ge', 'le', 'g']

/** What `setFlags` hands over behind the result. */
const flagParts = ['left', 'carry', 'right']
const auxFlagParts = ['carry', 'image']

const INDENT = '  '
/** Behind the number of a value that is no i32. */
const typeSuffixes = { none: '', i32: '', i64: ':64', f32: ':f32', f64: ':f64', v128: ':128' }
/** Constants beyond this are easier to read in base 16. */
const LARGEST_DECIMAL = 99

/** An exception's name; FERR# is a pin. */
function raisedName(vector: number): string {
  return vector === FAULT_FERR ? 'FERR#' : `#${Vector[vector]}`
}

class DefinitionText {
  private readonly lines: string[] = []
  private readonly names = new Map<Node, string>()
  private readonly uses: Map<Node, number>

  constructor(statements: readonly Node[]) {
    this.uses = countUses(statements)
    this.list(statements, '')
  }

  get text(): string[] {
    return this.lines
  }

  private isUsed(node: Node): boolean {
    return (this.uses.get(node) ?? 0) > 0
  }

  private list(statements: readonly Node[], indent: string): void {
    for (const node of statements) {
      if (node.op === 'if') this.conditional(node, indent)
      else if (isEffect(node) || (this.isUsed(node) && node.op !== 'const')) this.statement(node, indent)
    }
  }

  private statement(node: Node, indent: string): void {
    const text = this.describe(node)
    this.lines.push(node.type !== 'none' && this.isUsed(node) ? `${indent}${this.name(node)} = ${text}` : indent + text)
  }

  private conditional(node: Node, indent: string): void {
    const result = node.type !== 'none' && this.isUsed(node) ? `${this.name(node)} = ` : ''
    this.lines.push(`${indent}${result}if ${this.value(node.args[0])}`)
    this.branch(node.then, node.thenValue, indent + INDENT)
    if (node.otherwise.length === 0 && !node.otherwiseValue) return
    this.lines.push(`${indent}else`)
    this.branch(node.otherwise, node.otherwiseValue, indent + INDENT)
  }

  private branch(statements: readonly Node[], result: Node | undefined, indent: string): void {
    this.list(statements, indent)
    if (result) this.lines.push(`${indent}yield ${this.value(result)}`)
  }

  /** The number of a value; i64 values show their width. */
  private name(node: Node): string {
    let name = this.names.get(node)
    if (name === undefined) {
      name = `%${this.names.size + 1}${typeSuffixes[node.type]}`
      this.names.set(node, name)
    }
    return name
  }

  private value(node: Node): string {
    if (node.op !== 'const') return this.name(node)
    const { number, type } = node
    if (type === 'f32' || type === 'f64') return String(number)
    return Math.abs(number) <= LARGEST_DECIMAL ? String(number) : `0x${(number < 0 ? number >>> 0 : number).toString(16)}`
  }

  private values(nodes: readonly Node[]): string {
    return nodes.map(node => this.value(node)).join(', ')
  }

  /** `segment:[offset]` of an access. */
  private place(node: Node): string {
    const segment = node.segment === 'operand' ? 'segment' : Segment[node.segment].toLowerCase()
    return `${segment}:[${this.value(node.args[0])}]`
  }

  private registerOf(node: Node): string {
    return `${Gpr[node.number].toLowerCase()} (${node.size} bits)`
  }

  private describe(node: Node): string {
    const { op, args, number, size, name } = node
    const element = number > 0 ? `[${number}]` : ''
    const place = number > 0 ? ` + ${number}` : ''
    switch (op) {
      case 'wasm': return `${name}${element} ${this.values(args)}`
      case 'vector': return `bytes ${name}`
      case 'shuffle': return `shuffle ${this.values(args)} by ${name}`
      case 'permute': return `${name} ${this.values(args.slice(0, 3))} or ${this.value(args[3])}`
      case 'peek': return `state${size} at ${this.value(args[0])}${place}`
      case 'poke': return `state${size} at ${this.value(args[0])}${place} <- ${this.value(args[1])}`
      case 'require': return `require ${name}`
      case 'operand': return name === 'selector' ? `selector of operand ${number}` : `operand ${number}`
      case 'address': return `address of operand ${number}`
      case 'register': return `register ${this.registerOf(node)}`
      case 'field': return `field ${name}${element}`
      case 'condition': return `condition ${conditions[number]}`
      case 'load': return `load${size} ${this.place(node)}`
      case 'store': return `store${size} ${this.place(node)} <- ${this.value(args[1])}`
      case 'modifyLoad': return `modifyLoad${size} ${this.place(node)}`
      case 'modifyStore': return `modifyStore${size} where ${this.value(args[0])} was <- ${this.value(args[1])}`
      case 'setOperand': return `operand ${number} <- ${this.value(args[0])}`
      case 'setRegister': return `register ${this.registerOf(node)} <- ${this.value(args[0])}`
      case 'setField': return `field ${name}${element} <- ${this.value(args[0])}`
      case 'setCarry': return `CF <- ${this.value(args[0])}`
      case 'setOverflow': return `OF <- ${this.value(args[0])}`
      case 'setFlags': return this.describeFlags(node)
      case 'call': return `call ${name}(${this.values(args)})`
      case 'faultIf': return `raise ${raisedName(number)}${size > 0 ? `(${this.value(args[1])})` : ''} if ${this.value(args[0])}`
      case 'branch': return `branch to the target if ${this.value(args[0])}`
      case 'jump': return 'jump to the target'
      case 'jumpTo': return `jump to ${this.value(args[0])}`
      case 'endRun': return number === 0 ? 'end of the run' : 'end of the run, EIP is set'
      default: return args.length > 0 ? `${op} ${this.values(args)}` : op
    }
  }

  private describeFlags({ number, size, args }: Node): string {
    const [result, ...rest] = args
    const names = number === Lazy.Aux ? auxFlagParts : flagParts
    const parts = rest.map((node, i) => `${names[i]} ${this.value(node)}`)
    return `setFlags ${Lazy[number]} size ${size}: ${[`result ${this.value(result)}`, ...parts].join(', ')}`
  }
}

/** The lines of a definition's statements. */
export function definitionText(statements: readonly Node[]): string[] {
  return new DefinitionText(statements).text
}
