/**
 * Orders the blocks of a region for wasm's structured control: dominators, loop headers, merge points. Follows
 * Ramsey, "Beyond Relooper" (ICFP 2022): a tree walk over the dominators puts every merge point behind a nested block.
 * An edge into the middle of a loop (an irreducible graph) is cut: it becomes an exit.
 */
import type { Block, Region } from './region.ts'

export interface Structure {
  /** Blocks in reverse postorder. */
  readonly order: readonly Block[]
  /** Position in `order` by linear address. */
  readonly position: ReadonlyMap<number, number>
  /** Blocks whose immediate dominator is the key, in reverse postorder. */
  readonly children: ReadonlyMap<number, readonly number[]>
  readonly loopHeaders: ReadonlySet<number>
  /** Blocks with more than one forward edge into them. */
  readonly merges: ReadonlySet<number>
  /** Edges that go against the order: to a loop header. */
  isBackEdge(from: number, to: number): boolean
  /** Whether an edge is kept; a cut one leaves the region. */
  isKept(from: number, to: number): boolean
}

/** Reverse postorder of the blocks from the entry. */
function reversePostorder(region: Region): Block[] {
  const seen = new Set<number>([region.entry])
  const postorder: Block[] = []
  const stack: { block: Block; next: number }[] = [{ block: region.blocks.get(region.entry) as Block, next: 0 }]
  while (stack.length > 0) {
    const top = stack[stack.length - 1]
    if (top.next < top.block.successors.length) {
      const successor = top.block.successors[top.next++]
      if (seen.has(successor)) continue
      seen.add(successor)
      stack.push({ block: region.blocks.get(successor) as Block, next: 0 })
    } else {
      postorder.push(top.block)
      stack.pop()
    }
  }
  return postorder.reverse()
}

/** Immediate dominators by position (Cooper, Harvey and Kennedy, "A Simple, Fast Dominance Algorithm"). */
function dominators(order: readonly Block[], predecessors: readonly (readonly number[])[]): number[] {
  const idom = new Array<number>(order.length).fill(-1)
  idom[0] = 0
  const intersect = (a: number, b: number) => {
    while (a !== b) {
      while (a > b) a = idom[a]
      while (b > a) b = idom[b]
    }
    return a
  }
  for (let changed = true; changed; ) {
    changed = false
    for (let i = 1; i < order.length; i++) {
      let best = -1
      for (const predecessor of predecessors[i])
        if (idom[predecessor] >= 0) best = best < 0 ? predecessor : intersect(best, predecessor)
      if (best !== idom[i]) {
        idom[i] = best
        changed = true
      }
    }
  }
  return idom
}

export function structure(region: Region): Structure {
  const order = reversePostorder(region)
  const position = new Map(order.map((block, i) => [block.eip, i]))
  const predecessors: number[][] = order.map(() => [])
  order.forEach((block, i) => {
    for (const successor of block.successors) predecessors[position.get(successor) as number].push(i)
  })
  let idom = dominators(order, predecessors)
  const dominates = (a: number, b: number) => {
    while (b > a) b = idom[b]
    return a === b
  }
  // Edges against the order whose target does not dominate their source make the graph irreducible.
  const cut = new Set<string>()
  order.forEach((_block, i) => {
    predecessors[i] = predecessors[i].filter(from => {
      const keep = from < i || dominates(i, from)
      if (!keep) cut.add(`${from} ${i}`)
      return keep
    })
  })
  if (cut.size > 0) idom = dominators(order, predecessors)
  const children = new Map<number, number[]>()
  const loopHeaders = new Set<number>()
  const merges = new Set<number>()
  for (let i = 0; i < order.length; i++) {
    if (i > 0 && idom[i] >= 0) {
      const parent = order[idom[i]].eip
      children.set(parent, [...(children.get(parent) ?? []), order[i].eip])
    }
    if (predecessors[i].some(from => from >= i)) loopHeaders.add(order[i].eip)
    if (predecessors[i].filter(from => from < i).length > 1) merges.add(order[i].eip)
  }
  const at = (eip: number) => position.get(eip) as number
  return {
    order, position, children, loopHeaders, merges,
    isBackEdge: (from, to) => at(from) >= at(to),
    isKept: (from, to) => position.has(to) && !cut.has(`${at(from)} ${at(to)}`),
  }
}
