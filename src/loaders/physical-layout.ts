/**
 * Who lies where in the RAM of a machine about to boot, and the memory map that firmware would report.
 *
 *   0x0000_0000 .. 0x0009_fbff  conventional memory
 *   0x0009_fc00 .. 0x0009_ffff  where a BIOS keeps its extended data area: reserved
 *   0x000a_0000 .. 0x000f_ffff  video memory and ROMs: not RAM to the guest
 *   0x0010_0000 .. top of RAM   extended memory
 *
 * Sources: ACPI 6.5, 15.3 (INT 15h E820h and its range types); Multiboot 0.6.96, 3.3 (mem_lower, mmap).
 */

import { PAGE_BYTES } from '../../runtime/memory-map.ts'
import { PCError, type PCErrorCode } from '../errors.ts'
import { MOST_MEMORY_BYTES } from '../memory-size.ts'

/** First byte behind conventional memory, and the first byte of extended memory. */
export const LOW_MEMORY_END = 0x9fc00
export const HIGH_MEMORY_START = 0x100000

const VIDEO_START = 0xa0000
const BIOS_START = 0xe0000

/** Least RAM with which any kernel can be described: the first MiB and one page of extended memory. */
const MINIMUM_BYTES = HIGH_MEMORY_START + PAGE_BYTES

/** Range types of the E820 map. */
export enum MapKind {
  Usable = 1,
  Reserved = 2,
}

/** One range of the memory map. */
export interface MapRange {
  readonly physical: number
  readonly bytes: number
  readonly kind: MapKind
}

/** The memory map of a machine with `memoryBytes` of RAM. */
export function firmwareMap(memoryBytes: number): MapRange[] {
  return [
    { physical: 0, bytes: LOW_MEMORY_END, kind: MapKind.Usable },
    { physical: LOW_MEMORY_END, bytes: VIDEO_START - LOW_MEMORY_END, kind: MapKind.Reserved },
    { physical: BIOS_START, bytes: HIGH_MEMORY_START - BIOS_START, kind: MapKind.Reserved },
    { physical: HIGH_MEMORY_START, bytes: memoryBytes - HIGH_MEMORY_START, kind: MapKind.Usable },
  ]
}

/** An address as people read it in error messages. */
export function hexadecimal(value: number): string {
  return `0x${value.toString(16)}`
}

/** A number of bytes as the --memory option takes it, rounded up. */
export function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / (1 << 20))}M`
}

interface Range {
  readonly physical: number
  readonly end: number
  readonly what: string
}

function alignUp(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment
}

function alignDown(value: number, alignment: number): number {
  return Math.floor(value / alignment) * alignment
}

/** The ranges of RAM that are taken. Claims are checked against RAM, the hole below 1 MiB, and each other. */
export class PhysicalLayout {
  readonly memoryBytes: number
  readonly #taken: Range[] = []

  /** Throws `PCError` 'bad-memory' when the RAM cannot hold even the first MiB. */
  constructor(memoryBytes: number) {
    if (!Number.isSafeInteger(memoryBytes) || memoryBytes < MINIMUM_BYTES) {
      throw new PCError(
        'bad-memory',
        `a kernel cannot start in ${Math.floor(memoryBytes / 1024)}K of memory`,
        'give the machine more memory, such as 64M',
      )
    }
    this.memoryBytes = memoryBytes
  }

  /**
   * Takes `bytes` at a fixed physical address. Throws `PCError` with `code` when they are not RAM that is still free.
   * `what` names the claimant in the message: 'segment 2 of the kernel'.
   */
  claim(physical: number, bytes: number, what: string, code: PCErrorCode): void {
    if (bytes === 0) return
    const end = physical + bytes
    const place = `${hexadecimal(physical)}..${hexadecimal(end - 1)}`
    if (end > this.memoryBytes) {
      throw new PCError(
        code,
        `${what} lies at ${place}, but memory ends at ${hexadecimal(this.memoryBytes)}`,
        end <= MOST_MEMORY_BYTES
          ? `give the machine at least ${mebibytes(end)} of memory`
          : 'the file is damaged; get it anew',
      )
    }
    if (!this.isUsable(physical, bytes)) {
      throw new PCError(
        code,
        `${what} lies at ${place}, where a PC has its video memory and BIOS`,
        'link the kernel to start at 0x100000',
      )
    }
    const other = this.#taken.find(range => physical < range.end && range.physical < end)
    if (other) {
      throw new PCError(
        code,
        `${what} lies at ${place}, over ${other.what}`,
        'link the kernel so that its parts do not overlap',
      )
    }
    this.#taken.push({ physical, end, what })
  }

  /** Takes the lowest free place at or above `from`; returns its address, or undefined if none ends below `below`. */
  placeLow(bytes: number, alignment: number, from: number, below: number, what: string): number | undefined {
    const limit = Math.min(below, this.memoryBytes)
    const ends = [from, HIGH_MEMORY_START, ...this.#taken.map(range => range.end)]
    const candidates = ends
      .filter(end => end >= from)
      .map(end => alignUp(end, alignment))
      .sort((a, b) => a - b)
    return this.#take(
      candidates.find(start => start + bytes <= limit && this.#isFree(start, bytes)),
      bytes,
      what,
    )
  }

  /** Takes the highest free place at or above `from` and below `below`; returns its address, or undefined. */
  placeHigh(bytes: number, alignment: number, from: number, below: number, what: string): number | undefined {
    const limit = Math.min(below, this.memoryBytes)
    const starts = [limit, ...this.#taken.map(range => range.physical).filter(start => start <= limit)]
    const candidates = starts.map(start => alignDown(start - bytes, alignment)).sort((a, b) => b - a)
    return this.#take(
      candidates.find(start => start >= from && this.#isFree(start, bytes)),
      bytes,
      what,
    )
  }

  /** Whether a range is RAM of the kind that a kernel may lie in, free or not. */
  isUsable(physical: number, bytes: number): boolean {
    const end = physical + bytes
    return end <= this.memoryBytes && (physical >= HIGH_MEMORY_START || end <= LOW_MEMORY_END)
  }

  #isFree(physical: number, bytes: number): boolean {
    const end = physical + bytes
    if (!this.isUsable(physical, bytes)) return false
    return !this.#taken.some(range => physical < range.end && range.physical < end)
  }

  #take(physical: number | undefined, bytes: number, what: string): number | undefined {
    if (physical !== undefined && bytes > 0) this.#taken.push({ physical, end: physical + bytes, what })
    return physical
  }
}
