/**
 * The switches of what makes regions fast and could be left out: a tool that looks for the cause of a wrong result
 * turns them off one by one (tools/bisect), a measurement likewise. All are on unless a request says otherwise.
 */
export interface Optimisations {
  /** Accesses at constant distances share one TLB look-up (regions/access-groups.ts). */
  readonly groupAccesses: boolean
  /** Accesses to small tables with small indices count as accesses to all of the table (access-groups.ts). */
  readonly groupTables: boolean
  /** Indirect jumps go through a branch table instead of a chain of comparisons (regions/target-hash.ts). */
  readonly branchTables: boolean
  /** Regions take in the places where indirect jumps and calls were seen to go (regions/profile.ts). */
  readonly observedTargets: boolean
  /** Flags stay in locals across joins where different shapes meet (regions/flag-shape.ts), instead of in memory. */
  readonly dynamicFlags: boolean
  /** x87 registers are locals, ordinary x87 arithmetic is code in place (backends/region-x87.ts). */
  readonly inlineX87: boolean
  /** Vector instructions leave their regions for rare operands instead of calling a helper (backends/region.ts). */
  readonly leaveUnusual: boolean
}

export const allOptimisations: Optimisations = {
  groupAccesses: true,
  groupTables: true,
  branchTables: true,
  observedTargets: true,
  dynamicFlags: true,
  inlineX87: true,
  leaveUnusual: true,
}
