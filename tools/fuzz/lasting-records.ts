/**
 * A code cache for the variants of one code (variants.ts): the records of handled instructions, whose addresses are
 * constants of compiled regions, stay where they are until another code comes, so that a region that is known from an
 * earlier variant finds its own.
 */
import { CodeCache } from '../../runtime/code-cache.ts'
import { RECORD_BYTES, REGION_RECORDS_BASE, REGION_RECORDS_BYTES } from '../../runtime/memory-map.ts'
import { RegionRecords } from '../../runtime/region-records.ts'

/** The lower half is left to regions whose records come and go. */
const FIRST = REGION_RECORDS_BASE + REGION_RECORDS_BYTES / 2

export class LastingRecords extends RegionRecords {
  /** Whether records last; when not, their memory is used again as ever. */
  lasting = false
  private nextLasting = FIRST
  private readonly counts = new Map<number, number>()

  override reserve(count: number): number | undefined {
    if (!this.lasting) return super.reserve(count)
    const address = this.nextLasting
    if (address + count * RECORD_BYTES > REGION_RECORDS_BASE + REGION_RECORDS_BYTES) return undefined
    this.nextLasting += count * RECORD_BYTES
    this.counts.set(address, count)
    return address
  }

  override release(address: number, count: number): void {
    if (address < FIRST) super.release(address, count)
  }

  /** How many records lie at an address that `reserve` gave. */
  countAt(address: number): number {
    return this.counts.get(address) ?? 0
  }

  /** Another code begins. */
  begin(lasting: boolean): void {
    this.lasting = lasting
    this.nextLasting = FIRST
    this.counts.clear()
  }
}

export class LastingCodeCache extends CodeCache {
  override readonly handledRecords = new LastingRecords()
}
