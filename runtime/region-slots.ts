/**
 * The slots that compiled regions occupy: a table of functions, a descriptor each, and a bound on their code. When
 * either is full, a region that has not been entered for a while makes room, never all of them.
 *
 * Second chance: `ValidatedKey` of a descriptor is written when the region is entered in a new address space or after
 * it was cleared here (the jump cache, which leads to regions without a look at it, forgets them then). The hand clears it in passing and takes the first region that has not been entered since.
 */
import type { Core } from './core.ts'
import { JumpCacheField, REGION_DESCRIPTORS_BASE, REGION_SLOTS } from './memory-map.ts'
import { REGION_DESCRIPTOR_BYTES, RegionDescriptor } from './records.ts'

/** Bytes of wasm in all regions; V8 keeps two to five times as much for the same code. */
export const MOST_CODE_BYTES = 24 << 20

/** What occupies a slot. */
export interface SlotHolder {
  readonly slot: number
  /** Bytes of its wasm binary. */
  readonly codeBytes: number
  /** Gives the slot back, through `free`. */
  drop(): void
}

/** What is in a region's descriptor. `pages` are pairs of linear and physical page. */
export interface SlotContents {
  readonly code: () => number
  readonly instructions: number
  readonly pages: readonly (readonly [number, number])[]
}

/** How much may be in the slots at once; smaller in specs. */
export interface SlotLimits {
  readonly slots: number
  readonly codeBytes: number
}

export class RegionSlots {
  /** Bytes of wasm in all occupied slots, and regions that had to make room. */
  codeBytes = 0
  evictions = 0
  private readonly core: Core
  private readonly limits: SlotLimits
  private readonly holders: (SlotHolder | undefined)[] = []
  private readonly freeSlots: number[] = []
  private hand = 0

  constructor(core: Core, limits: SlotLimits = { slots: REGION_SLOTS, codeBytes: MOST_CODE_BYTES }) {
    this.core = core
    this.limits = limits
  }

  /** Occupied slots. */
  get count(): number {
    return this.holders.length - this.freeSlots.length
  }

  private word(slot: number, field: RegionDescriptor): number {
    return (REGION_DESCRIPTORS_BASE + slot * REGION_DESCRIPTOR_BYTES + field) >> 2
  }

  /** A slot for `codeBytes` more bytes; undefined when that is more than all slots together may have. */
  reserve(codeBytes: number): number | undefined {
    if (codeBytes > this.limits.codeBytes) return undefined
    while (this.codeBytes + codeBytes > this.limits.codeBytes || this.count >= this.limits.slots) this.evict()
    return this.freeSlots.pop() ?? this.holders.push(undefined) - 1
  }

  /** Fills the holder's slot, which came from `reserve`. */
  fill(holder: SlotHolder, { code, instructions, pages }: SlotContents): void {
    const { words } = this.core
    const { slot } = holder
    this.core.exports.regions.set(slot, code)
    words[this.word(slot, RegionDescriptor.Instructions)] = instructions
    words[this.word(slot, RegionDescriptor.ValidatedKey)] = 0
    words[this.word(slot, RegionDescriptor.JumpEntry)] = 0
    words[this.word(slot, RegionDescriptor.Pages)] = pages.length
    pages.flat().forEach((page, i) => {
      words[this.word(slot, RegionDescriptor.FirstPage) + i] = page
    })
    this.holders[slot] = holder
    this.codeBytes += holder.codeBytes
  }

  /** Takes a holder out of its slot. */
  free(holder: SlotHolder): void {
    this.forgetJump(holder.slot)
    this.core.exports.regions.set(holder.slot, null)
    this.holders[holder.slot] = undefined
    this.freeSlots.push(holder.slot)
    this.codeBytes -= holder.codeBytes
  }

  /** Takes the slot out of the jump cache. */
  private forgetJump(slot: number): void {
    const { words } = this.core
    const entry = words[this.word(slot, RegionDescriptor.JumpEntry)] + JumpCacheField.Region
    if (words[entry >> 2] === slot + 1) words[entry >> 2] = 0
  }

  /** Drops one region that has not been entered since the hand passed it last. At least one is there. */
  private evict(): void {
    const { words } = this.core
    for (;;) {
      const holder = this.holders[this.hand]
      this.hand = (this.hand + 1) % this.holders.length
      if (!holder) continue
      const key = this.word(holder.slot, RegionDescriptor.ValidatedKey)
      if (words[key] === 0) {
        this.evictions++
        holder.drop()
        return
      }
      words[key] = 0
      this.forgetJump(holder.slot)
    }
  }
}
