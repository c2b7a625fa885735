/**
 * The profile that running code writes (runtime/memory-map.ts), read for compiling: where indirect jumps go, and
 * which instructions keep leaving their regions.
 *
 *   interpreter, regions -> target rows, miss counts -> LiveProfile -> discover, ProfileExcerpt
 *
 * The counts are looked through now and then. What a region was compiled without knowing is then known, so the
 * region is dropped and compiled again when it gets hot.
 */
import type { CodeCache } from '../runtime/code-cache.ts'
import type { Core } from '../runtime/core.ts'
import {
  MANY_MISSES, MISS_PROFILE_BASE, MISS_PROFILE_ENTRIES, MISS_PROFILE_ENTRY_BYTES, MOST_TARGETS, TARGET_PROFILE_BASE, TARGET_PROFILE_FIRST,
  TARGET_PROFILE_ROW_BYTES, TARGET_PROFILE_ROWS,
} from '../runtime/memory-map.ts'
import { targetProfileRowOf } from './backends/target-profile.ts'
import { COLD, type CodeProfile, type ProfileExcerpt } from './regions/profile.ts'

/** Remembered places that miss. When there are more, all are forgotten and found again. */
const MOST_MISSES = 4096
/**
 * How often a place makes its region be compiled again: an indirect jump that goes anywhere and a store that always
 * misses would do so for ever, but a region may be under way that was begun without knowing of the first time.
 */
const MOST_RETRIES = 3
/** How often code is compiled again because it runs at another precision of the x87 than it was compiled for. */
const MOST_PRECISION_CHANGES = 8
/** Entries that make a run hot before nothing can be said about what is cold beside it. */
const LEAST_OBSERVED = 256

export class LiveProfile {
  private readonly core: Core
  private readonly cache: CodeCache
  /** How often each missing place was reported, by physical address: programs share linear ones. */
  private readonly missing = new Map<number, number>()
  private readonly retries = new Map<number, number>()
  private readonly precisionChanges = new Map<number, number>()

  constructor(core: Core, cache: CodeCache) {
    this.core = core
    this.cache = cache
  }

  targetsOf(site: number): readonly number[] {
    const { words } = this.core
    const row = targetProfileRowOf(site) >> 2
    if (words[row] >>> 0 !== site) return []
    const first = row + (TARGET_PROFILE_FIRST >> 2)
    const targets = [...words.subarray(first, first + MOST_TARGETS)].filter(target => target !== 0)
    return targets.map(target => target >>> 0).sort((a, b) => a - b)
  }

  /** `mode` is that of the code being compiled. */
  rarity(eip: number, mode: number): number {
    const threshold = this.core.get('heatThreshold')
    if (threshold < LEAST_OBSERVED) return 0
    const entries = this.cache.entries(this.core.exports.peekTranslate(eip | 0) >>> 0, mode) ?? 0
    return rarityOf(entries, threshold)
  }

  /** `mode` is that of the code being compiled. */
  passRarity(eip: number, mode: number): number {
    const threshold = this.core.get('heatThreshold')
    if (threshold < LEAST_OBSERVED) return 0
    const { executed, passed } = this.cache.passed(this.core.exports.peekTranslate(eip | 0) >>> 0, mode)
    return executed < LEAST_OBSERVED ? 0 : rarityOf(passed, threshold)
  }

  misses(eip: number): boolean {
    return this.missing.size > 0 && this.missing.has(this.core.exports.peekTranslate(eip | 0))
  }

  /**
   * Linear addresses of instructions whose regions should be compiled again: they have left often, for a reason that
   * was not known when they were compiled. The counts start again.
   */
  review(): number[] {
    const { words } = this.core
    const places: number[] = []
    const otherPrecision = this.core.get('fpuOtherPrecision') >>> 0
    this.core.set('fpuOtherPrecision', 0)
    for (let i = 0; i < MISS_PROFILE_ENTRIES; i++) {
      const word = (MISS_PROFILE_BASE + i * MISS_PROFILE_ENTRY_BYTES) >> 2
      const eip = words[word] >>> 0
      if (words[word + 1] >= MANY_MISSES) {
        const place = this.core.exports.peekTranslate(eip | 0)
        // A region for the precision that is set now needs to know of nothing missing.
        const precise = eip === otherPrecision && isRetried(this.precisionChanges, place, MOST_PRECISION_CHANGES)
        if (this.missing.size >= MOST_MISSES && !this.missing.has(place)) this.missing.clear()
        if (precise || isRetried(this.missing, place)) places.push(eip)
      }
      words[word + 1] = 0
    }
    for (let i = 0; i < TARGET_PROFILE_ROWS; i++) {
      const word = (TARGET_PROFILE_BASE + i * TARGET_PROFILE_ROW_BYTES) >> 2
      const site = words[word] >>> 0
      if (words[word + 1] >= MANY_MISSES && isRetried(this.retries, site)) places.push(site)
      words[word + 1] = 0
    }
    return places
  }
}

/** How much more rarely than code that is just hot something has happened `count` times. */
function rarityOf(count: number, threshold: number): number {
  return Math.min(COLD, Math.max(0, Math.floor(Math.log2(threshold / count))))
}

/** Counts a report of a place; whether it is among the first `most`. */
function isRetried(reports: Map<number, number>, place: number, most = MOST_RETRIES): boolean {
  const earlier = reports.get(place) ?? 0
  if (earlier >= most) return false
  reports.set(place, earlier + 1)
  return true
}

/** Notes what a compile asks of a profile, so that it can be sent to another thread. */
export class ProfileRecorder implements CodeProfile {
  private readonly profile: LiveProfile
  private readonly mode: number
  private readonly targets = new Map<number, readonly number[]>()
  private readonly missing = new Set<number>()
  private readonly rarities = new Map<number, number>()
  private readonly passRarities = new Map<number, number>()

  /** `mode` is that of the region. */
  constructor(profile: LiveProfile, mode: number) {
    this.profile = profile
    this.mode = mode
  }

  targetsOf(site: number): readonly number[] {
    const targets = this.profile.targetsOf(site)
    this.targets.set(site, targets)
    return targets
  }

  misses(eip: number): boolean {
    const misses = this.profile.misses(eip)
    if (misses) this.missing.add(eip)
    return misses
  }

  rarity(eip: number): number {
    const rarity = this.rarities.get(eip) ?? this.profile.rarity(eip, this.mode)
    this.rarities.set(eip, rarity)
    return rarity
  }

  passRarity(eip: number): number {
    const rarity = this.passRarities.get(eip) ?? this.profile.passRarity(eip, this.mode)
    this.passRarities.set(eip, rarity)
    return rarity
  }

  get excerpt(): ProfileExcerpt {
    // What is not rare needs no word: it is what a profile says of places that it does not know.
    const rare = (rarities: Map<number, number>) => [...rarities].filter(([, rarity]) => rarity > 0)
    return {
      targets: [...this.targets], misses: [...this.missing], rarities: rare(this.rarities), passRarities: rare(this.passRarities),
    }
  }
}
