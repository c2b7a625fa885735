/**
 * Memory for the records of instructions that compiled regions hand to the interpreter's handlers. A region's records
 * lie behind each other, from when it is compiled until it is dropped.
 */
import { RECORD_BYTES, REGION_RECORDS_BASE, REGION_RECORDS_BYTES } from './memory-map.ts'

export class RegionRecords {
  private next = REGION_RECORDS_BASE
  /** Addresses given back, by the number of records there. */
  private readonly spare = new Map<number, number[]>()

  /** Address of `count` records; undefined when there is no room. */
  reserve(count: number): number | undefined {
    const known = this.spare.get(count)?.pop()
    if (known !== undefined) return known
    const address = this.next
    if (address + count * RECORD_BYTES > REGION_RECORDS_BASE + REGION_RECORDS_BYTES) return undefined
    this.next += count * RECORD_BYTES
    return address
  }

  /** Gives back what `reserve(count)` gave. The records stay as they are until somebody else gets them. */
  release(address: number, count: number): void {
    if (count === 0) return
    const list = this.spare.get(count)
    if (list) list.push(address)
    else this.spare.set(count, [address])
  }
}
