/**
 * Address translation: the TLB and the page walk (SDM vol. 3, chapter 4): 32-bit paging with PSE, PAE with NX,
 * global pages, CR0.WP, accessed and dirty bits, and exact #PF error codes.
 *
 * TLB entry, 16 bytes, direct mapped by linear page, one table for supervisor and one for user rights:
 *   +0  readTag   linear page when loads may go straight to RAM; | TLB_TAG_DEVICE when they may not (devices, watched pages); TLB_TAG_EMPTY when unused
 *   +4  writeTag  linear page when stores may too (writable, dirty, RAM); | TLB_TAG_CODE when it holds code; else TLB_TAG_EMPTY
 *   +8  addend    linear-memory address minus linear address
 *   +12 info      physical page | INFO_ bits
 * Generated code compares a tag with the page of the access's last byte, which also sends page-crossing accesses here.
 */
import {
  A20_MASK, CPL, CR0, CR0_PG, CR0_WP, CR2, CR3, CR4, CR4_PAE, CR4_PGE, CR4_PSE, DATA_BREAKPOINTS, EFER, FETCHED_PAGES, FETCHED_PAGES_BASE,
  JUMP_CACHE_BASE, JUMP_CACHE_ENTRIES, JUMP_CACHE_ENTRY_BYTES, KEY, LARGE_AREAS, LARGE_AREAS_BASE, LARGE_AREA_SHIFT,
  MODE, MODE_BITS, PAGE_FLAG_DEVICE, PAGE_FLAG_RAM, PAGE_GRANULES_BASE, PDPTE, RAM_BASE, ROM_PLACE,
  SUPERVISOR_GENERATION, TLB_BYTES,
  TLB_ENTRIES, TLB_ENTRY_BYTES, TLB_FILLED_BASE, TLB_SUPERVISOR, TLB_TAG_CODE,
  TLB_TAG_DEVICE, TLB_TAG_EMPTY, TLB_USER, USER_GENERATION, VECTOR_PF, VIDEO_PLACE, WINDOW_BYTES,
  WINDOW_PHYSICAL, WINDOW_PLACE, WINDOWS,
} from '../../build/helpers/layout'
import { isWatched } from './breakpoints'
import { pageFlag, raiseCode, readPhysical, writePhysical } from './memory'
import { setMode } from './mode'

const PAGE_MASK: u32 = 0xfffff000
const OFFSET_MASK: u32 = 0xfff

const INFO_GLOBAL: u32 = 1
const INFO_WRITABLE: u32 = 2
const INFO_EXECUTABLE: u32 = 4
/** Part of a page of 2 or 4 MiB. */
const INFO_LARGE: u32 = 16
/** Set in every entry that has been filled since the last flush, so that a page number of 0 is no empty entry. */
const INFO_LISTED: u32 = 8

/** Page-table entry bits (SDM vol. 3, tables 4-5 and 4-6). */
const ENTRY_P: u32 = 1 << 0
const ENTRY_W: u32 = 1 << 1
const ENTRY_U: u32 = 1 << 2
const ENTRY_A: u32 = 1 << 5
const ENTRY_D: u32 = 1 << 6
const ENTRY_PS: u32 = 1 << 7
const ENTRY_G: u32 = 1 << 8

/** #PF error code bits (SDM vol. 3, 4.7). */
const ERROR_P: u32 = 1
const ERROR_W: u32 = 2
const ERROR_U: u32 = 4
const ERROR_RSVD: u32 = 8
const ERROR_I: u32 = 16

const EFER_NXE: u32 = 1 << 11

/** Kinds of access. */
const READ: u32 = 0
const WRITE: u32 = 1
const FETCH: u32 = 2

/** Bits 62..36 of a PAE entry's high dword are reserved: MAXPHYADDR is 36. Bit 63 is NX. */
const PAE_HIGH_RESERVED: u32 = 0x7ffffff0
const PAE_NX: u32 = 0x80000000

/** Stands for every physical page above 4 GiB, where there is no RAM: an address that no device claims. */
const NOWHERE: u32 = 0xfed80000

// Outcome of the last walk: the physical page and its INFO_ bits.
let walkedPage: u32 = 0
let walkedInfo: u32 = 0

/**
 * What stands behind a physical address: within a window the video memory, at its place; else the address itself.
 * The place itself is no address of the PC. Everything that follows translation goes by places.
 */
function placeOf(physical: u32): u32 {
  for (let i: u32 = 0; i < WINDOWS; i++) {
    const offset = physical - load<u32>(WINDOW_PHYSICAL + (i << 3))
    if (offset < load<u32>(WINDOW_BYTES + (i << 3))) return load<u32>(WINDOW_PLACE + (i << 3)) + offset
  }
  return physical >= VIDEO_PLACE && physical < ROM_PLACE ? NOWHERE : physical
}

// @ts-ignore: decorator
@inline
export function entryAddress(linear: u32, user: bool): u32 {
  return (user ? TLB_USER : TLB_SUPERVISOR) + ((linear >> 12) & (TLB_ENTRIES - 1)) * TLB_ENTRY_BYTES
}

/**
 * Physical address of `linear` for a data access with user or supervisor rights. Raises #PF (and sets CR2); the
 * result means nothing then.
 */
export function translate(linear: u32, write: bool, user: bool): u32 {
  const entry = entryAddress(linear, user)
  if ((load<u32>(entry) & ~TLB_TAG_DEVICE) == (linear & PAGE_MASK)) {
    const info = load<u32>(entry, 12)
    if (!write || (info & INFO_WRITABLE) != 0) {
      if (write) refreshWriteTag(entry, linear & PAGE_MASK, info)
      return (info & PAGE_MASK) | (linear & OFFSET_MASK)
    }
  }
  if (!walk(linear, write ? WRITE : READ, user)) return 0
  fill(entry, linear & PAGE_MASK)
  return walkedPage | (linear & OFFSET_MASK)
}

/** Physical address of an instruction byte at the current privilege. Raises #PF. */
export function translateFetch(linear: u32, user: bool): u32 {
  const entry = entryAddress(linear, user)
  if ((load<u32>(entry) & ~TLB_TAG_DEVICE) == (linear & PAGE_MASK)) {
    const info = load<u32>(entry, 12)
    if ((info & INFO_EXECUTABLE) != 0) return (info & PAGE_MASK) | (linear & OFFSET_MASK)
  }
  if (!walk(linear, FETCH, user)) return 0
  fill(entry, linear & PAGE_MASK)
  return walkedPage | (linear & OFFSET_MASK)
}

/**
 * Physical address of `linear` without any effect: no fault, no accessed bits, no TLB entry. All ones when it is
 * not mapped. For debuggers and traces.
 */
export function peekTranslate(linear: u32): u32 {
  if ((load<u32>(CR0) & CR0_PG) == 0) return linear & load<u32>(A20_MASK)
  if ((load<u32>(CR4) & CR4_PAE) != 0) {
    const pdpte = load<u32>(PDPTE + (linear >> 30) * 8)
    if ((pdpte & ENTRY_P) == 0) return 0xffffffff
    const pde = readPhysical<u32>((pdpte & PAGE_MASK) + ((linear >> 21) & 0x1ff) * 8)
    if ((pde & ENTRY_P) == 0) return 0xffffffff
    if ((pde & ENTRY_PS) != 0) return (pde & 0xffe00000) | (linear & 0x1fffff)
    const pte = readPhysical<u32>((pde & PAGE_MASK) + ((linear >> 12) & 0x1ff) * 8)
    return (pte & ENTRY_P) == 0 ? 0xffffffff : (pte & PAGE_MASK) | (linear & OFFSET_MASK)
  }
  const pde = readPhysical<u32>((load<u32>(CR3) & PAGE_MASK) + (linear >> 22) * 4)
  if ((pde & ENTRY_P) == 0) return 0xffffffff
  if ((pde & ENTRY_PS) != 0 && (load<u32>(CR4) & CR4_PSE) != 0) return (pde & 0xffc00000) | (linear & 0x3fffff)
  const pte = readPhysical<u32>((pde & PAGE_MASK) + ((linear >> 12) & 0x3ff) * 4)
  return (pte & ENTRY_P) == 0 ? 0xffffffff : (pte & PAGE_MASK) | (linear & OFFSET_MASK)
}

/**
 * Physical address that an instruction byte at `linear` would be fetched from, without any effect. All ones when the
 * fetch would fault, or would have to set an accessed bit first.
 */
export function peekFetch(linear: u32, user: bool): u32 {
  const entry = entryAddress(linear, user)
  const info = load<u32>(entry, 12)
  if ((load<u32>(entry) & ~TLB_TAG_DEVICE) == (linear & PAGE_MASK) && (info & INFO_EXECUTABLE) != 0)
    return (info & PAGE_MASK) | (linear & OFFSET_MASK)
  const physical = peekWalk(linear, user)
  return physical == 0xffffffff ? physical : placeOf(physical)
}

/** The page walk of `peekFetch`. */
function peekWalk(linear: u32, user: bool): u32 {
  const mask = load<u32>(A20_MASK)
  if ((load<u32>(CR0) & CR0_PG) == 0) return linear & mask
  const wanted = ENTRY_P | ENTRY_A | (user ? ENTRY_U : 0)
  if ((load<u32>(CR4) & CR4_PAE) != 0) {
    const pdpte = load<u32>(PDPTE + (linear >> 30) * 8)
    if ((pdpte & ENTRY_P) == 0) return 0xffffffff
    const pdeAddress = ((pdpte & PAGE_MASK) + ((linear >> 21) & 0x1ff) * 8) & mask
    const pde = readPhysical<u32>(pdeAddress)
    // A high dword is NX, reserved, or leads above 4 GiB, where there is no RAM.
    if ((pde & wanted) != wanted || readPhysical<u32>(pdeAddress + 4) != 0) return 0xffffffff
    if ((pde & ENTRY_PS) != 0)
      return (pde & 0x1fe000) != 0 ? 0xffffffff : ((pde & 0xffe00000) | (linear & 0x1fffff)) & mask
    const pteAddress = ((pde & PAGE_MASK) + ((linear >> 12) & 0x1ff) * 8) & mask
    const pte = readPhysical<u32>(pteAddress)
    if ((pte & wanted) != wanted || readPhysical<u32>(pteAddress + 4) != 0) return 0xffffffff
    return ((pte & PAGE_MASK) | (linear & OFFSET_MASK)) & mask
  }
  const pde = readPhysical<u32>(((load<u32>(CR3) & PAGE_MASK) + (linear >> 22) * 4) & mask)
  if ((pde & wanted) != wanted) return 0xffffffff
  if ((pde & ENTRY_PS) != 0 && (load<u32>(CR4) & CR4_PSE) != 0)
    return (pde & 0x3fe000) != 0 ? 0xffffffff : ((pde & 0xffc00000) | (linear & 0x3fffff)) & mask
  const pte = readPhysical<u32>(((pde & PAGE_MASK) + ((linear >> 12) & 0x3ff) * 4) & mask)
  return (pte & wanted) != wanted ? 0xffffffff : ((pte & PAGE_MASK) | (linear & OFFSET_MASK)) & mask
}

/** Opens the fast path for stores when the page may be written; with TLB_TAG_CODE when it holds decoded code. */
function refreshWriteTag(entry: u32, page: u32, info: u32): void {
  if (load<u32>(DATA_BREAKPOINTS) != 0 && isWatched(page)) return
  const physical = info & PAGE_MASK
  if (pageFlag(physical) != PAGE_FLAG_RAM) return
  const code = load<u32>(PAGE_GRANULES_BASE + ((physical >> 12) << 2)) != 0
  store<u32>(entry, code ? page | TLB_TAG_CODE : page, 4)
}

/** Whether the tables have been emptied for the first time. */
let initialised: bool = false

/** How many addresses the list of filled entries holds. */
let filled: u32 = 0

/** Every entry fits the list, for one leaves it only by a flush. */
// @ts-ignore: decorator
@inline
function noteFilled(entry: u32): void {
  store<u32>(TLB_FILLED_BASE + (filled << 2), entry)
  filled++
}

function fill(entry: u32, page: u32): void {
  if (load<u32>(entry, 12) == 0) noteFilled(entry)
  const slow = pageFlag(walkedPage) == PAGE_FLAG_DEVICE || (load<u32>(DATA_BREAKPOINTS) != 0 && isWatched(page))
  store<u32>(entry, slow ? page | TLB_TAG_DEVICE : page)
  store<u32>(entry, TLB_TAG_EMPTY, 4)
  store<u32>(entry, RAM_BASE + walkedPage - page, 8)
  store<u32>(entry, walkedPage | walkedInfo | INFO_LISTED, 12)
  if ((walkedInfo & INFO_WRITABLE) != 0) refreshWriteTag(entry, page, walkedPage | walkedInfo)
}

function pageFault(linear: u32, access: u32, user: bool, bits: u32): bool {
  let code = bits
  if (access == WRITE) code |= ERROR_W
  if (user) code |= ERROR_U
  // The I bit is defined only where NX can exist (SDM vol. 3, 4.7).
  if (access == FETCH && (load<u32>(CR4) & CR4_PAE) != 0 && (load<u32>(EFER) & EFER_NXE) != 0) code |= ERROR_I
  store<u32>(CR2, linear)
  raiseCode(VECTOR_PF, code)
  return false
}

/** Walks the page tables; sets `walkedPage` and `walkedInfo`, or raises #PF and returns false. */
function walk(linear: u32, access: u32, user: bool): bool {
  if ((load<u32>(CR0) & CR0_PG) == 0) {
    walkedPage = linear & PAGE_MASK & load<u32>(A20_MASK)
    walkedInfo = INFO_WRITABLE | INFO_EXECUTABLE | INFO_GLOBAL
  } else {
    const mapped = (load<u32>(CR4) & CR4_PAE) != 0 ? walkPae(linear, access, user) : walk32(linear, access, user)
    if (!mapped) return false
  }
  walkedPage = placeOf(walkedPage)
  return true
}

/** Checks the rights accumulated over the levels; `rights` has W and U where every level grants them. */
// @ts-ignore: decorator
@inline
function permits(rights: u32, access: u32, user: bool): bool {
  if (user && (rights & ENTRY_U) == 0) return false
  return access != WRITE || (rights & ENTRY_W) != 0 || (!user && (load<u32>(CR0) & CR0_WP) == 0)
}

/** INFO_ bits of a leaf whose dirty bit is `dirty`: stores stay on the slow path until a store has set it. */
function leafInfo(rights: u32, leaf: u32, user: bool, executable: bool): u32 {
  let info: u32 = 0
  if ((leaf & ENTRY_D) != 0 && permits(rights, WRITE, user)) info |= INFO_WRITABLE
  if (executable) info |= INFO_EXECUTABLE
  if ((leaf & ENTRY_G) != 0 && (load<u32>(CR4) & CR4_PGE) != 0) info |= INFO_GLOBAL
  return info
}

function markLeaf(address: u32, leaf: u32, access: u32): u32 {
  const marked = leaf | ENTRY_A | (access == WRITE ? ENTRY_D : 0)
  if (marked != leaf) writePhysical<u32>(address, marked)
  return marked
}

function walk32(linear: u32, access: u32, user: bool): bool {
  const mask = load<u32>(A20_MASK)
  const pdeAddress = ((load<u32>(CR3) & PAGE_MASK) + (linear >> 22) * 4) & mask
  const pde = readPhysical<u32>(pdeAddress)
  if ((pde & ENTRY_P) == 0) return pageFault(linear, access, user, 0)
  if ((pde & ENTRY_PS) != 0 && (load<u32>(CR4) & CR4_PSE) != 0) {
    // PSE-36: bits 20..13 are address bits 39..32, of which 36-bit parts reserve the upper four; bit 21 is reserved.
    if ((pde & 0x3e0000) != 0) return pageFault(linear, access, user, ERROR_P | ERROR_RSVD)
    if (!permits(pde, access, user)) return pageFault(linear, access, user, ERROR_P)
    const leaf = markLeaf(pdeAddress, pde, access)
    walkedPage = (pde & 0x1e000) != 0 ? NOWHERE : ((pde & 0xffc00000) | (linear & 0x3ff000)) & mask
    walkedInfo = leafInfo(pde, leaf, user, true) | INFO_LARGE
    noteLarge(linear)
    return true
  }
  const pteAddress = ((pde & PAGE_MASK) + ((linear >> 12) & 0x3ff) * 4) & mask
  const pte = readPhysical<u32>(pteAddress)
  if ((pde & ENTRY_A) == 0) writePhysical<u32>(pdeAddress, pde | ENTRY_A)
  if ((pte & ENTRY_P) == 0) return pageFault(linear, access, user, 0)
  const rights = pde & pte
  if (!permits(rights, access, user)) return pageFault(linear, access, user, ERROR_P)
  const leaf = markLeaf(pteAddress, pte, access)
  walkedPage = pte & PAGE_MASK & mask
  walkedInfo = leafInfo(rights, leaf, user, true)
  return true
}

/** Whether the high dword of a PAE entry has reserved bits set. */
// @ts-ignore: decorator
@inline
function reservedHigh(high: u32): bool {
  if ((high & PAE_HIGH_RESERVED) != 0) return true
  return (high & PAE_NX) != 0 && (load<u32>(EFER) & EFER_NXE) == 0
}

function walkPae(linear: u32, access: u32, user: bool): bool {
  const mask = load<u32>(A20_MASK)
  const pdpte = load<u64>(PDPTE + (linear >> 30) * 8)
  if ((<u32>pdpte & ENTRY_P) == 0) return pageFault(linear, access, user, 0)
  const pdeAddress = ((<u32>pdpte & PAGE_MASK) + ((linear >> 21) & 0x1ff) * 8) & mask
  const pde = readPhysical<u32>(pdeAddress)
  const pdeHigh = readPhysical<u32>(pdeAddress + 4)
  if ((pde & ENTRY_P) == 0) return pageFault(linear, access, user, 0)
  if (reservedHigh(pdeHigh)) return pageFault(linear, access, user, ERROR_P | ERROR_RSVD)
  if ((pde & ENTRY_PS) != 0) {
    // Bits 20..13 of a 2 MiB page are reserved (SDM vol. 3, table 4-9).
    if ((pde & 0x1fe000) != 0) return pageFault(linear, access, user, ERROR_P | ERROR_RSVD)
    const executable = (pdeHigh & PAE_NX) == 0
    if (!permits(pde, access, user) || (access == FETCH && !executable)) return pageFault(linear, access, user, ERROR_P)
    const leaf = markLeaf(pdeAddress, pde, access)
    walkedPage = (pdeHigh & ~PAE_NX) != 0 ? NOWHERE : ((pde & 0xffe00000) | (linear & 0x1ff000)) & mask
    walkedInfo = leafInfo(pde, leaf, user, executable) | INFO_LARGE
    noteLarge(linear)
    return true
  }
  const pteAddress = ((pde & PAGE_MASK) + ((linear >> 12) & 0x1ff) * 8) & mask
  const pte = readPhysical<u32>(pteAddress)
  const pteHigh = readPhysical<u32>(pteAddress + 4)
  if ((pde & ENTRY_A) == 0) writePhysical<u32>(pdeAddress, pde | ENTRY_A)
  if ((pte & ENTRY_P) == 0) return pageFault(linear, access, user, 0)
  if (reservedHigh(pteHigh)) return pageFault(linear, access, user, ERROR_P | ERROR_RSVD)
  const rights = pde & pte
  const executable = ((pdeHigh | pteHigh) & PAE_NX) == 0
  if (!permits(rights, access, user) || (access == FETCH && !executable))
    return pageFault(linear, access, user, ERROR_P)
  const leaf = markLeaf(pteAddress, pte, access)
  walkedPage = (pteHigh & ~PAE_NX) != 0 ? NOWHERE : pte & PAGE_MASK & mask
  walkedInfo = leafInfo(rights, leaf, user, executable)
  return true
}

/** Address of the byte that holds the bit of a linear page. */
// @ts-ignore: decorator
@inline
function fetchedByte(linear: u32): u32 {
  return FETCHED_PAGES_BASE + (((linear >> 12) & (FETCHED_PAGES - 1)) >> 3)
}

/** Whether supervisor code has been looked up on a page that is not global. */
let supervisorLocal: bool = false

/** Notes that the jump cache or a region's check rests on the mapping of a linear page, at the current privilege. */
export function noteFetched(linear: u32): void {
  const byte = fetchedByte(linear)
  store<u8>(byte, load<u8>(byte) | (<u8>1 << <u8>((linear >> 12) & 7)))
  if (load<u32>(CPL) == 3 || supervisorLocal) return
  const entry = entryAddress(linear, false)
  const known = (load<u32>(entry) & ~TLB_TAG_DEVICE) == (linear & PAGE_MASK)
  if (!known || (load<u32>(entry, 12) & INFO_GLOBAL) == 0) supervisorLocal = true
}

/** One generation on; when it wraps, entries of the jump cache from its last life would look fresh. */
function advance(generation: u32): void {
  const next = load<u32>(generation) + 1
  store<u32>(generation, next)
  if ((next << MODE_BITS) == 0) memory.fill(JUMP_CACHE_BASE, 0xff, JUMP_CACHE_ENTRIES * JUMP_CACHE_ENTRY_BYTES)
}

/**
 * Advances the generation of the address map, which makes entries of the jump cache stale at once: all of them, or
 * those of user code alone when global pages stay and supervisor code has been looked up on such pages only.
 */
function advanceGeneration(globalToo: bool): void {
  advance(USER_GENERATION)
  if (globalToo || supervisorLocal) {
    advance(SUPERVISOR_GENERATION)
    memory.fill(FETCHED_PAGES_BASE, 0, FETCHED_PAGES >> 3)
    supervisorLocal = false
  }
  setMode(load<u32>(MODE))
}

/** Empties the TLBs: wholly, or all but global pages (MOV to CR3 with CR4.PGE). */
export function flushTlb(includingGlobal: bool): void {
  advanceGeneration(includingGlobal)
  if (!initialised) {
    // Fresh memory is all zeros, which would be a valid tag of page 0.
    for (let entry = TLB_SUPERVISOR; entry < TLB_SUPERVISOR + 2 * TLB_BYTES; entry += TLB_ENTRY_BYTES)
      store<u64>(entry, (<u64>TLB_TAG_EMPTY << 32) | TLB_TAG_EMPTY)
    initialised = true
  }
  if (includingGlobal) memory.fill(LARGE_AREAS_BASE, 0, LARGE_AREAS >> 3)
  let kept: u32 = 0
  for (let i: u32 = 0; i < filled; i++) {
    const entry = load<u32>(TLB_FILLED_BASE + (i << 2))
    if (!includingGlobal && (load<u32>(entry, 12) & INFO_GLOBAL) != 0) {
      store<u32>(TLB_FILLED_BASE + (kept << 2), entry)
      kept++
      continue
    }
    store<u64>(entry, (<u64>TLB_TAG_EMPTY << 32) | TLB_TAG_EMPTY)
    store<u32>(entry, 0, 12)
  }
  filled = kept
}

function noteLarge(linear: u32): void {
  const area = linear >> LARGE_AREA_SHIFT
  const byte = LARGE_AREAS_BASE + (area >> 3)
  store<u8>(byte, load<u8>(byte) | (<u8>1 << <u8>(area & 7)))
}

/** Forgets what the TLB has of large pages in the area around `linear`. */
function flushLargeArea(linear: u32): void {
  advanceGeneration(true)
  for (let i: u32 = 0; i < filled; i++) {
    const entry = load<u32>(TLB_FILLED_BASE + (i << 2))
    const page = load<u32>(entry) & ~TLB_TAG_DEVICE
    if ((load<u32>(entry, 12) & INFO_LARGE) != 0 && page >> LARGE_AREA_SHIFT == linear >> LARGE_AREA_SHIFT) dropEntry(entry, page)
  }
}

/** Forgets one linear page (INVLPG), global or not, of whatever size it is. */
export function flushPage(linear: u32): void {
  const area = linear >> LARGE_AREA_SHIFT
  if ((<u32>load<u8>(LARGE_AREAS_BASE + (area >> 3)) & (<u32>1 << (area & 7))) != 0) flushLargeArea(linear)
  if ((<u32>load<u8>(fetchedByte(linear)) & (<u32>1 << ((linear >> 12) & 7))) != 0) advanceGeneration(true)
  dropEntry(entryAddress(linear, false), linear & PAGE_MASK)
  dropEntry(entryAddress(linear, true), linear & PAGE_MASK)
}

function dropEntry(entry: u32, page: u32): void {
  if ((load<u32>(entry) & ~TLB_TAG_DEVICE) == page) {
    store<u64>(entry, (<u64>TLB_TAG_EMPTY << 32) | TLB_TAG_EMPTY)
    // Still in the list of filled entries, so the info word keeps a mark.
    store<u32>(entry, INFO_LISTED, 12)
  }
}

/** Sends stores to a physical page to the slow path: it has come to hold decoded code. */
export function closePage(physical: u32): void {
  const page = physical & PAGE_MASK
  for (let i: u32 = 0; i < filled; i++) {
    const entry = load<u32>(TLB_FILLED_BASE + (i << 2))
    if ((load<u32>(entry, 12) & PAGE_MASK) != page) continue
    const tag = load<u32>(entry, 4)
    if (tag != TLB_TAG_EMPTY) store<u32>(entry, tag | TLB_TAG_CODE, 4)
  }
}
