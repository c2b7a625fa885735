/**
 * Where the arithmetic flags of a region are at a point of its code, as known when compiling.
 *
 *   memory   in the state, in the format of runtime/flags.ts; nothing in locals
 *   static   in flag locals, recorded by an operation of a known kind and size
 *   dynamic  in memory or in locals, in one of a few known shapes; a local holds the number of the one
 *   dead     nobody will look before they are set again
 *
 * A shape has a key, so that joins can compare: equal shapes meet as they are, different ones as a dynamic one.
 */
import { Lazy } from '../../runtime/flags.ts'
import { type Node, USUAL } from '../ir.ts'

export interface FlagShape {
  readonly place: 'memory' | 'static' | 'dynamic' | 'dead'
  readonly kind: Lazy
  readonly size: number
  /** CF is in its own local, whatever the kind says. */
  readonly carryLocal: boolean
  /** OF is in its own local, whatever the kind says. */
  readonly overflowLocal: boolean
  /** The shapes that a dynamic one may be: memory or static, in the order of their keys. */
  readonly options: readonly FlagShape[]
}

export const memoryShape: FlagShape = {
  place: 'memory', kind: Lazy.Add, size: 0, carryLocal: false, overflowLocal: false, options: [],
}
export const deadShape: FlagShape = { ...memoryShape, place: 'dead' }

/** Kinds that do not say what CF is, so that it has a local. */
const CARRY_APART = new Set([Lazy.Adc, Lazy.Sbb, Lazy.Inc, Lazy.Dec, Lazy.Aux, Lazy.Explicit])

/** The shape after an operation has recorded its flags. */
export function staticShape(kind: Lazy, size: number): FlagShape {
  return { place: 'static', kind, size, carryLocal: CARRY_APART.has(kind), overflowLocal: false, options: [] }
}

/** Text that is equal for equal shapes. */
export function shapeKey(shape: FlagShape): string {
  if (shape.place === 'dynamic') return `(${shape.options.map(shapeKey).join('|')})`
  if (shape.place !== 'static') return shape.place
  return `${shape.kind} ${shape.size} ${shape.carryLocal ? 'c' : ''}${shape.overflowLocal ? 'o' : ''}`
}

/** More shapes than this meet in memory: every exit has code for each. */
const MOST_OPTIONS = 4

/** The shape where two meet, or undefined when there are too many for a dynamic one. */
export function mergeShapes(a: FlagShape, b: FlagShape): FlagShape | undefined {
  if (a.place === 'dead' || shapeKey(a) === shapeKey(b)) return b
  if (b.place === 'dead') return a
  const options = new Map<string, FlagShape>()
  for (const shape of [a, b])
    for (const option of shape.place === 'dynamic' ? shape.options : [shape]) options.set(shapeKey(option), option)
  if (options.size > MOST_OPTIONS) return undefined
  const keys = [...options.keys()].sort()
  return { ...memoryShape, place: 'dynamic', options: keys.map(key => options.get(key) as FlagShape) }
}

/** What an instruction does with the flags. */
export interface FlagUse {
  /** Looks at flags as they were before. */
  readonly reads: boolean
  /** Sets all six whatever they were (INC and DEC count: they take CF along). */
  readonly sets: boolean
  /** Changes some of them, or all of them only under a condition. */
  readonly changes: boolean
  /** May leave the region before it has done anything. */
  readonly exits: boolean
}

const READS = new Set(['carry', 'condition', 'arithmeticFlags'])
const EXITS = new Set(['load', 'store', 'modifyLoad', 'faultIf', 'call', 'require'])

/** Scans an instruction's statements; `constantOf` resolves conditions that are known when compiling. */
export function flagUseOf(statements: readonly Node[], constantOf: (node: Node) => number | undefined): FlagUse {
  let reads = false
  let sets = false
  let changes = false
  let exits = false
  const scan = (list: readonly Node[], conditional: boolean): void => {
    for (const node of list) {
      if (READS.has(node.op)) reads = true
      if (EXITS.has(node.op)) exits = true
      if (node.op === 'setFlags') {
        if (conditional) changes = true
        else sets = true
        // INC and DEC keep CF, so they read it.
        if (node.number === Lazy.Inc || node.number === Lazy.Dec) reads = true
      }
      if (node.op === 'setCarry' || node.op === 'setOverflow') {
        changes = true
        reads = true
      }
      if (node.op === 'if') {
        if (node.name === USUAL) exits = true
        const known = constantOf(node.args[0])
        if (known === undefined || known !== 0) scan(node.then, conditional || known === undefined)
        if (known === undefined || known === 0) scan(node.otherwise, conditional || known === undefined)
      }
    }
  }
  scan(statements, false)
  if (changes && !sets) reads = true
  return { reads, sets, changes, exits }
}
