/**
 * What running has shown about code, beside its bytes: it steers which blocks a region takes in and how instructions
 * are lowered, never what they mean.
 */

export interface CodeProfile {
  /** Linear addresses where the indirect jump or call at `site` has gone; empty when it goes almost anywhere. */
  targetsOf(site: number): readonly number[]
  /** Whether the instruction at `eip` has often left its region because an access was not plain. */
  misses(eip: number): boolean
  /** Whether jumps to `eip` have hardly ever been taken, though the code around it has run often. */
  isCold(eip: number): boolean
}

/** The part of a profile that concerns one region, as a message between threads. */
export interface ProfileExcerpt {
  readonly targets: readonly (readonly [site: number, targets: readonly number[]])[]
  readonly misses: readonly number[]
  readonly cold: readonly number[]
}

export const emptyExcerpt: ProfileExcerpt = { targets: [], misses: [], cold: [] }

/** A profile made of an excerpt. */
export function profileFrom({ targets, misses, cold }: ProfileExcerpt): CodeProfile {
  const bySite = new Map(targets)
  const [missing, unused] = [new Set(misses), new Set(cold)]
  return {
    targetsOf: site => bySite.get(site) ?? [], misses: eip => missing.has(eip), isCold: eip => unused.has(eip),
  }
}
