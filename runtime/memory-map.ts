/**
 * Where things are in the linear memory that core.wasm, compiled regions and the machine share.
 *
 *   0x0000_0400  CPU state (state.ts), below 64 KiB so that records can name slots in 16 bits
 *   0x0000_2000  static data of the AssemblyScript helpers
 *   0x0001_0000  TLBs: supervisor, then user
 *   0x0003_0000  jump cache: linear address + key -> run
 *   0x0005_0000  run table: physical address + mode -> run (open hash)
 *   0x0015_0000  trace ring
 *   0x0016_0000  descriptors of compiled regions
 *   0x001e_0000  addresses of the TLB entries in use
 *   0x001e_8000  instructions that made regions leave for the interpreter, and how often
 *   0x001e_a000  linear pages that code has been fetched from
 *   0x001f_0000  where indirect jumps and calls have gone
 *   0x0020_0000  decoded records
 *   0x00e0_0000  per physical page: flags (1 byte), code granules (4), version (4)
 *   0x0170_0000  records of instructions in compiled regions
 *   0x01f0_0000  video memory
 *   0x02f0_0000  BIOS ROM below 4 GiB
 *   0x0300_0000  guest RAM, physical address 0
 *
 * Memory at physical address p lies at RAM_BASE + p modulo 2^32, the ROM too: FFFF0000h + RAM_BASE wraps round to the
 * place right in front of RAM. Video memory lies at the place VIDEO_PLACE, an address that no device decodes, and is
 * seen where its window says (`state.window…`, paging.ts).
 *
 * The per-page tables cover all 4 GiB, so that every address here is a constant of generated code; pages of linear
 * memory that nobody touches cost no host memory.
 */

export const HELPER_DATA_BASE = 0x2000

/** TLB: direct mapped by linear page. Entry: readTag, writeTag, addend, physicalPage (see tlb.ts), 16 bytes. */
export const TLB_ENTRIES = 4096
export const TLB_ENTRY_BYTES = 16
export const TLB_BYTES = TLB_ENTRIES * TLB_ENTRY_BYTES
export const TLB_SUPERVISOR = 0x10000
export const TLB_USER = TLB_SUPERVISOR + TLB_BYTES

/** Fields of a TLB entry (helpers/paging.ts). */
export enum TlbField {
  ReadTag = 0,
  WriteTag = 4,
  Addend = 8,
  Info = 12,
}
/**
 * Marks in tags, which no address of an access that may go straight to RAM equals. They lie above the low bits that
 * accesses of up to 16 bytes keep when they must be aligned (`lookUp`, `tagOf`).
 */
export const TLB_TAG_EMPTY = 0x100
/** In a read tag: the page is no memory. */
export const TLB_TAG_DEVICE = 0x200
/** In a write tag: the page may be written, but holds code; stores look which of its granules do. */
export const TLB_TAG_CODE = 0x400

/** Addresses of the TLB entries in use, so that a flush costs what was filled and not the whole table. */
export const TLB_FILLED_BASE = 0x1e0000
export const TLB_FILLED_ENTRIES = 8192

/** Instructions that made a region leave for the interpreter: direct mapped by EIP. Entry: EIP, count; 8 bytes. */
export const MISS_PROFILE_BASE = 0x1e8000
export const MISS_PROFILE_ENTRIES = 1024
export const MISS_PROFILE_ENTRY_BYTES = 8
/**
 * Linear pages, by a hash, from which code has been looked up since the map last changed: one bit each. INVLPG of
 * another page leaves the jump cache and the regions' checks as they are.
 */
export const FETCHED_PAGES_BASE = MISS_PROFILE_BASE + MISS_PROFILE_ENTRIES * MISS_PROFILE_ENTRY_BYTES
export const FETCHED_PAGES = 4096

/** Areas of 4 MiB of linear memory of which large pages are in the TLB: one bit each. INVLPG there drops all of them. */
export const LARGE_AREAS_BASE = FETCHED_PAGES_BASE + FETCHED_PAGES / 8
export const LARGE_AREA_SHIFT = 22
export const LARGE_AREAS = 1024

/**
 * Exits at one place, within REVIEW_INSTRUCTIONS, that make its region be compiled again. Code that expects to miss
 * is a quarter slower when it does not, an exit costs as much as some hundred instructions: so it pays where more
 * than one access in a few hundred misses, and not where each page of a large table misses once.
 */
export const MANY_MISSES = 2000
export const REVIEW_INSTRUCTIONS = 500_000

/**
 * Where indirect jumps and calls have gone: a row for a site, by a hash of its EIP. Words of a row: the site's EIP,
 * how often a region did not know the target, then targets by a hash of theirs.
 */
export const TARGET_PROFILE_BASE = 0x1f0000
export const TARGET_PROFILE_ROWS = 512
export const TARGET_PROFILE_ROW_BYTES = 128
export const TARGET_PROFILE_FIRST = 8
/** Targets that a row may hold. */
export const MOST_TARGETS = (TARGET_PROFILE_ROW_BYTES - TARGET_PROFILE_FIRST) / 4

/** Multiplier of the hashes: 2^32 over the golden ratio. */
export const HASH_MULTIPLIER = 0x9e3779b1

/** Jump cache: direct mapped by a hash of the linear EIP. */
export const JUMP_CACHE_BASE = 0x30000
export const JUMP_CACHE_ENTRIES = 8192
export const JUMP_CACHE_ENTRY_BYTES = 16

/** Words of an entry of the jump cache. */
export enum JumpCacheField {
  Linear = 0,
  Key = 4,
  /** Address of the run's first record. */
  Run = 8,
  /** One more than the slot of the region that may be entered there under this key; 0 for none. */
  Region = 12,
}

/** Run table: open hash of {physical address, mode, run, unused}; 16 bytes an entry. */
export const RUN_TABLE_BASE = 0x50000
export const RUN_TABLE_ENTRIES = 65536
export const RUN_TABLE_ENTRY_BYTES = 16

export const TRACE_RING_BASE = 0x150000
export const TRACE_RING_ENTRIES = 4096

/** Granules that hold code and data (quiet-granules.ts): entries of a number and, behind it, a bit for each byte. */
export const QUIET_GRANULES_BASE = 0x158000
export const QUIET_GRANULES_ENTRIES = 512
export const QUIET_GRANULE_BYTES = 32
export const QUIET_GRANULE_BITS = 16

/** Descriptors of compiled regions, by slot (records.ts). */
export const REGION_DESCRIPTORS_BASE = 0x160000
export const REGION_SLOTS = 8192

export const RECORDS_BASE = 0x200000
export const RECORDS_BYTES = 12 << 20
export const RECORD_BYTES = 32

/** Most instructions in one run. A stop within this distance is reached by stepping. At most 255. */
export const MAX_RUN_INSTRUCTIONS = 64

export const PAGE_BYTES = 4096
export const PAGE_SHIFT = 12

/** Largest guest RAM in bytes. */
export const MAX_RAM_BYTES = 2 ** 31

/** Pages of the physical address space. */
export const PHYSICAL_PAGES = 2 ** 32 / PAGE_BYTES

export const PAGE_FLAGS_BASE = RECORDS_BASE + RECORDS_BYTES
export const PAGE_GRANULES_BASE = PAGE_FLAGS_BASE + PHYSICAL_PAGES
export const PAGE_VERSIONS_BASE = PAGE_GRANULES_BASE + PHYSICAL_PAGES * 4

/** Records of instructions that compiled regions hand to the interpreter's handlers (region-records.ts). */
export const REGION_RECORDS_BASE = 0x1700000
export const REGION_RECORDS_BYTES = 8 << 20

/** Linear-memory address of guest physical address 0. */
export const RAM_BASE = 0x3000000

/** The BIOS ROM ends at 4 GiB; at most so many bytes. */
export const ROM_BYTES = 1 << 20
export const ROM_PLACE = 2 ** 32 - ROM_BYTES

/** Video memory, and the address that stands for its first byte once a window has been looked through. */
export const VIDEO_BYTES = 16 << 20
export const VIDEO_PLACE = ROM_PLACE - VIDEO_BYTES

/** Physical addresses where the display answers in text and planar modes. */
export const LEGACY_VIDEO_FIRST = 0xa0000
export const LEGACY_VIDEO_BYTES = 0x20000

/** Windows through which video memory is seen (`state.window…`). */
export const WINDOWS = 2

/** Bytes of one code granule: the unit in which self-modifying writes are noticed. 32 granules a page, one bit each. */
export const GRANULE_SHIFT = 7

/** What a physical page is. */
export enum PageFlag {
  Device = 0,
  Ram = 1,
  Rom = 2,
}

/** Linear-memory address of memory at a physical address or place. */
export function linearMemoryAddress(physical: number): number {
  return (RAM_BASE + physical) % 2 ** 32
}

/** Bytes of linear memory for a machine with `ramBytes` of RAM. */
export function linearMemoryBytes(ramBytes: number): number {
  return RAM_BASE + ramBytes
}
