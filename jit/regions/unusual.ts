/**
 * Where a region calls helpers for unusual operands instead of leaving (`b.usually` in definitions).
 *
 * An instruction that is known to leave often gets its call; but what is unusual travels: an infinity that one MULPS
 * makes is the operand of the next ADDPS, which would leave until it is reported in its turn.
 * before: each instruction of a loop is found out by a compile of its own => after: the first one stands for its innermost
 * loop, whose registers are in memory around its call anyway. A Mandelbrot loop of four points: six compiles -> two.
 */
import { type Node, USUAL } from '../ir.ts'
import type { PreparedBlock } from './flag-flow.ts'
import type { Structure } from './structure.ts'

function hasUsual(nodes: readonly Node[]): boolean {
  return nodes.some(node => node.name === USUAL || hasUsual(node.then) || hasUsual(node.otherwise))
}

/** The blocks of the loop that a back edge closes. */
function loopOf(header: number, from: number, predecessors: ReadonlyMap<number, readonly number[]>): Set<number> {
  const loop = new Set([header])
  const waiting = [from]
  for (let eip = waiting.pop(); eip !== undefined; eip = waiting.pop()) {
    if (loop.has(eip)) continue
    loop.add(eip)
    waiting.push(...(predecessors.get(eip) ?? []))
  }
  return loop
}

/** Addresses of the blocks that lie in the innermost loop of an instruction which keeps meeting unusual operands. */
export function unusualBlocks(structure: Structure, blocks: ReadonlyMap<number, PreparedBlock>): Set<number> {
  const unusual = new Set<number>()
  const missing = [...blocks.values()].filter(({ instructions }) =>
    instructions.some(({ source, statements }) => source.misses && hasUsual(statements)))
  if (missing.length === 0) return unusual
  const predecessors = new Map<number, number[]>()
  const backEdges: [from: number, to: number][] = []
  for (const { eip, successors } of structure.order)
    for (const to of successors.filter(successor => structure.isKept(eip, successor))) {
      predecessors.set(to, [...(predecessors.get(to) ?? []), eip])
      if (structure.isBackEdge(eip, to)) backEdges.push([eip, to])
    }
  const loops = backEdges.map(([from, to]) => loopOf(to, from, predecessors)).sort((a, b) => a.size - b.size)
  for (const { block } of missing)
    for (const eip of loops.find(loop => loop.has(block.eip)) ?? []) unusual.add(eip)
  return unusual
}
