/**
 * Tells the known targets of an indirect jump apart with one shift, one mask and one branch table.
 *
 * before: a comparison with each target, one after another => after: (target >> shift) & mask indexes a table, whose
 * arm compares with the one target (rarely two) that it is for. Condition: more targets than `FEW_TARGETS`. Off
 * switch: `branchTables` in optimisations.ts.
 */

export interface TargetHash {
  readonly shift: number
  /** One less than a power of two. */
  readonly mask: number
  /** Targets by the value of their hash, mask + 1 lists. */
  readonly arms: readonly (readonly number[])[]
}

/** So few are compared one by one. */
export const FEW_TARGETS = 3

const MOST_BITS = 7
const MOST_SHIFT = 16

/** The smallest table in which no two targets share an arm; a table with few shared ones if there is none. */
export function hashTargets(targets: readonly number[]): TargetHash {
  let best: TargetHash | undefined
  let fewest = targets.length
  for (let bits = Math.ceil(Math.log2(Math.max(targets.length, 2))); bits <= MOST_BITS; bits++)
    for (let shift = 0; shift <= MOST_SHIFT; shift++) {
      const mask = (1 << bits) - 1
      const used = new Set(targets.map(target => (target >>> shift) & mask)).size
      if (targets.length - used >= fewest) continue
      fewest = targets.length - used
      const arms = Array.from({ length: mask + 1 }, (_, arm) => targets.filter(target => ((target >>> shift) & mask) === arm))
      best = { shift, mask, arms }
      if (fewest === 0) return best
    }
  return best ?? { shift: 0, mask: 0, arms: [targets] }
}
