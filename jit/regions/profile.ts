/**
 * What running has shown about code, beside its bytes: it steers which blocks a region takes in and how instructions
 * are lowered, never what they mean.
 */

/** Jumps as rare as 2^-COLD of what is hot are left out of regions. */
export const COLD = 6

export interface CodeProfile {
  /** Linear addresses where the indirect jump or call at `site` has gone; empty when it goes almost anywhere. */
  targetsOf(site: number): readonly number[]
  /** Whether the instruction at `eip` has often left its region because an access was not plain. */
  misses(eip: number): boolean
  /**
   * How much more rarely than hot code `eip` has been jumped to: a power of two, 0 for as often or more often, COLD
   * for hardly ever; 0 when nothing is known.
   */
  rarity(eip: number): number
  /** The same for what is behind the conditional branch at `eip`: how rarely the branch is not taken. */
  passRarity(eip: number): number
}

/** The part of a profile that concerns one region, as a message between threads. */
export interface ProfileExcerpt {
  readonly targets: readonly (readonly [site: number, targets: readonly number[]])[]
  readonly misses: readonly number[]
  readonly rarities: readonly (readonly [eip: number, rarity: number])[]
  readonly passRarities: readonly (readonly [eip: number, rarity: number])[]
}

export const emptyExcerpt: ProfileExcerpt = { targets: [], misses: [], rarities: [], passRarities: [] }

/** A profile made of an excerpt. */
export function profileFrom({ targets, misses, rarities, passRarities }: ProfileExcerpt): CodeProfile {
  const bySite = new Map(targets)
  const missing = new Set(misses)
  const byTarget = new Map(rarities)
  const byBranch = new Map(passRarities)
  return {
    targetsOf: site => bySite.get(site) ?? [], misses: eip => missing.has(eip), rarity: eip => byTarget.get(eip) ?? 0,
    passRarity: eip => byBranch.get(eip) ?? 0,
  }
}
