/**
 * How a random program is run: where it is stopped, what happens to it there (the timer's interrupt, writes of a
 * device to its code), and how its code is compiled.
 */
import { allOptimisations, type Optimisations } from '../../jit/optimisations.ts'
import type { DiscoveryLimits } from '../../jit/regions/discovery.ts'
import { COLD } from '../../jit/regions/profile.ts'
import { mix } from '../../test/vectors/random.ts'
import type { Alteration } from './altered-compile.ts'
import { Random } from './random.ts'

/** Added to a program's seed, so that its stops do not follow its bytes. */
const STOPS_SEED = 0x5bd1e995

/** A write from outside to one of the bytes of code that a program says may change. */
export interface DeviceWrite {
  /** Which of them, modulo how many there are. */
  readonly index: number
  readonly value: number
}

/** Instructions up to a stop, and what happens behind it. */
export interface PlannedPiece {
  readonly instructions: number
  readonly timer: boolean
  readonly write?: DeviceWrite
}

export interface Plan {
  /** Both engines stop behind each piece. */
  readonly pieces: readonly PlannedPiece[]
  readonly heatThreshold: number
  /** The program is also run in single steps, with nothing cached. */
  readonly stepped: boolean
  /** Compiles arrive one piece late. */
  readonly late: boolean
  /** Garbage in all locals of a region (poison.ts). */
  readonly poison: boolean
  readonly limits?: DiscoveryLimits
  /** One in so many instructions is compiled as if it missed the TLB often; 0: those that have been seen to. */
  readonly missEvery: number
  /** One in so many places is taken to be jumped to seldom, the others often; 0: all often. */
  readonly seldomEvery: number
  /** Optimisations that are switched off. */
  readonly off: readonly (keyof Optimisations)[]
  /**
   * Whether the handlers are compiled, too. They are much the same in all programs, get hot in all, and took a third of
   * all regions and half of those that a program may have.
   */
  readonly handlers: boolean
  /** Regions after which nothing more is compiled. */
  readonly mostRegions: number
}

const INSTRUCTIONS = 8_000
const MOST_REGIONS = [5, 8, 8, 16] as const
/** Many programs have no instruction that is taken to miss, some have all. */
const MISS_EVERY = [0, 0, 1, 3] as const
const SELDOM_EVERY = [0, 0, 0, 3, 6] as const
const optimisationNames = Object.keys(allOptimisations) as (keyof Optimisations)[]
/** Blocks of a region; half of the programs have no bounds of their own. */
const BLOCKS = [64, 16, 4, 1] as const
const ALL_INSTRUCTIONS = 256

/** How every region of a plan's program is compiled. */
export function alterationOf(plan: Plan): Alteration {
  const { limits, poison, off } = plan
  const optimisations = off.length > 0 ? Object.fromEntries(off.map(name => [name, false])) : undefined
  return { limits, misses: missesOf(plan), rarity: rarityOf(plan), poison, optimisations }
}

/** Whether the instruction at `eip` is taken to miss; undefined when running decides. */
function missesOf({ missEvery }: Plan): ((eip: number) => boolean) | undefined {
  return missEvery === 0 ? undefined : eip => mix(eip) % missEvery === 0
}

/** How rarely a place is jumped to, in powers of two; undefined when running decides. */
function rarityOf({ seldomEvery }: Plan): ((eip: number) => number) | undefined {
  return seldomEvery === 0 ? undefined : eip => (mix(eip) % seldomEvery === 0 ? mix(eip + 1) % (COLD + 1) : 0)
}

/** A plan that fits a seed. */
export function planOf(seed: number): Plan {
  const random = new Random(seed ^ STOPS_SEED)
  const pieces: PlannedPiece[] = []
  for (let total = 0; total < INSTRUCTIONS; total += pieces[pieces.length - 1].instructions)
    pieces.push({
      instructions: random.oneIn(3) ? 500 + random.below(3000) : 1 + random.below(200),
      timer: random.oneIn(2),
      write: random.oneIn(4) ? { index: random.word(), value: random.below(256) } : undefined,
    })
  return {
    pieces,
    heatThreshold: 1 + random.below(4),
    stepped: random.oneIn(8),
    late: random.oneIn(4),
    poison: random.oneIn(2),
    limits: random.oneIn(2)
      ? { blocks: random.pick(BLOCKS), instructions: random.oneIn(3) ? 1 + random.below(64) : ALL_INSTRUCTIONS }
      : undefined,
    missEvery: random.pick(MISS_EVERY),
    seldomEvery: random.pick(SELDOM_EVERY),
    off: random.oneIn(4) ? optimisationNames.filter(() => random.oneIn(2)) : [],
    mostRegions: random.pick(MOST_REGIONS),
    handlers: random.oneIn(5),
  }
}
