/**
 * Guest memory by linear address: the slow path behind the inline TLB checks of generated code, and the
 * whole path for other helpers. Every access may raise #PF; callers test `faulted()` before they commit.
 *
 * An access that crosses a page translates both pages before it touches either.
 */
import {
  CPL, CR0, CR0_AM, DATA_BREAKPOINTS, EFLAGS, EFLAGS_AC, FAULT, FAULT_ERROR_CODE, FAULT_STEP, GRANULE_SHIFT, LEGACY_VIDEO_BYTES,
  LEGACY_VIDEO_FIRST, PAGE_FLAGS_BASE, PAGE_FLAG_DEVICE, PAGE_FLAG_RAM, PAGE_GRANULES_BASE, QUIET_GRANULE_BITS, QUIET_GRANULE_BYTES, QUIET_GRANULES_BASE, QUIET_GRANULES_ENTRIES, RAM_BASE, STEPPING, TLB_FIELD_ADDEND,
  TLB_FIELD_WRITE_TAG, VECTOR_AC,
} from '../../build/helpers/layout'
import { meetsBreakpoint, noteAccess } from './breakpoints'
import { codeWritten, readDevice, writeDevice } from './host'
import { entryAddress, translate } from './paging'

const OFFSET_MASK: u32 = 0xfff

/** Whether an exception is pending. */
export function faulted(): bool {
  return load<u32>(FAULT) != 0
}

/** Raises an exception without error code. The first one raised by an instruction stands. */
export function raise(vector: i32): void {
  raiseCode(vector, 0)
}

/** Raises an exception with an error code. */
export function raiseCode(vector: i32, code: u32): void {
  if (load<u32>(FAULT) != 0) return
  store<u32>(FAULT, vector + 1)
  store<u32>(FAULT_ERROR_CODE, code)
}

/** Forgets the pending exception. */
export function clearFault(): void {
  store<u32>(FAULT, 0)
}

/** PageFlag of a physical address. */
// @ts-ignore: decorator
@inline
export function pageFlag(physical: u32): u32 {
  return <u32>load<u8>(PAGE_FLAGS_BASE + (physical >> 12))
}

/** Bits of the page's granule word that `bytes` bytes at `physical` (within one page) touch. */
// @ts-ignore: decorator
@inline
function granuleMask(physical: u32, bytes: u32): u32 {
  const first = (physical & OFFSET_MASK) >> GRANULE_SHIFT
  const last = ((physical & OFFSET_MASK) + bytes - 1) >> GRANULE_SHIFT
  return (<u32>1 << first) | (<u32>1 << last)
}

/**
 * Whether `bytes` bytes at `physical` (at most 16) are known to lie beside the code of their granule: the table of
 * runtime/quiet-granules.ts.
 */
function isQuiet(physical: u32, bytes: u32): bool {
  const granule = physical >> GRANULE_SHIFT
  const entry = QUIET_GRANULES_BASE + (granule % QUIET_GRANULES_ENTRIES) * QUIET_GRANULE_BYTES
  if (load<u32>(entry) != granule + 1 || (physical + bytes - 1) >> GRANULE_SHIFT != granule) return false
  const first = physical & ((1 << GRANULE_SHIFT) - 1)
  const bits = load<u32>(entry + QUIET_GRANULE_BITS + (first >> 3)) >> (first & 7)
  return (bits & ((1 << bytes) - 1)) == 0
}

/** Whether any of `bytes` bytes at `physical` (within one page) may be code: they are in a granule of code, and not known to be beside it. */
export function holdsCode(physical: u32, bytes: u32): bool {
  const granules = load<u32>(PAGE_GRANULES_BASE + ((physical >> 12) << 2))
  return (granules & granuleMask(physical, bytes)) != 0 && !isQuiet(physical, bytes)
}

/** Tells the host when a store of `bytes` bytes (at most a granule) has hit decoded code. */
// @ts-ignore: decorator
@inline
function noticeCode(physical: u32, bytes: u32): void {
  const granules = load<u32>(PAGE_GRANULES_BASE + ((physical >> 12) << 2))
  if (granules != 0 && (granules & granuleMask(physical, bytes)) != 0 && !isQuiet(physical, bytes)) codeWritten(physical, bytes)
}

/** Reads `T` at a physical address within one page. */
export function readPhysical<T>(physical: u32): T {
  if (pageFlag(physical) != PAGE_FLAG_DEVICE) return load<T>(RAM_BASE + physical)
  if (sizeof<T>() == 8) {
    const low = <u64>readDevice(physical, 32)
    return <T>(low | (<u64>readDevice(physical + 4, 32) << 32))
  }
  return <T>readDevice(physical, <i32>sizeof<T>() * 8)
}

/** Writes `T` at a physical address within one page. */
export function writePhysical<T>(physical: u32, value: T): void {
  const flag = pageFlag(physical)
  if (flag == PAGE_FLAG_RAM) {
    store<T>(RAM_BASE + physical, value)
    noticeCode(physical, <u32>sizeof<T>())
    return
  }
  if (flag != PAGE_FLAG_DEVICE) return
  if (sizeof<T>() == 8) {
    writeDevice(physical, 32, <u32>value)
    writeDevice(physical + 4, 32, <u32>(<u64>value >> 32))
  } else {
    writeDevice(physical, <i32>sizeof<T>() * 8, <u32>value)
  }
}

/**
 * Asks for the instruction to be executed again in a step of its own when it would touch device memory and is not
 * stepped yet. Only the accesses of instructions ask; exception delivery and descriptor loads go straight through.
 */
// @ts-ignore: decorator
@inline
function needsStep(physical: u32): bool {
  if (pageFlag(physical) != PAGE_FLAG_DEVICE || load<u32>(STEPPING) != 0) return false
  // Memory of the display: whatever is read or written there, nothing interrupts and no time is asked for.
  if (physical - LEGACY_VIDEO_FIRST < LEGACY_VIDEO_BYTES) return false
  raise(FAULT_STEP)
  return true
}

/** Whether unaligned data accesses raise #AC (SDM vol. 3, 6.15). The mode word is not flat then (mode.ts). */
export function alignmentChecked(): bool {
  return (load<u32>(EFLAGS) & EFLAGS_AC) != 0 && load<u32>(CPL) == 3 && (load<u32>(CR0) & CR0_AM) != 0
}

/** Raises #AC for an unaligned access of an instruction where that is wanted. Page faults come first. */
// @ts-ignore: decorator
@inline
function misaligned(linear: u32, bytes: u32): bool {
  if ((linear & (bytes - 1)) == 0 || !alignmentChecked()) return false
  raise(VECTOR_AC)
  return true
}

/** Whether an access that is allowed has to wait: it is misaligned where that counts, or meets a breakpoint. */
// @ts-ignore: decorator
@inline
function isStopped(linear: u32, bytes: u32, write: bool): bool {
  return misaligned(linear, bytes) || (load<u32>(DATA_BREAKPOINTS) != 0 && meetsBreakpoint(linear, bytes, write))
}

/** Whether the tag at `tag` lets `bytes` bytes at `linear` go straight to RAM, as generated code tests it. */
// @ts-ignore: decorator
@inline
function isPlain(tag: u32, linear: u32, bytes: u32, stepped: bool): bool {
  return load<u32>(tag) == ((linear + bytes - 1) & ~OFFSET_MASK) && (!stepped || (linear & (bytes - 1)) == 0)
}

/** Reads `T` at a linear address with user or supervisor rights. */
function readLinear<T>(linear: u32, user: bool, stepped: bool): T {
  const bytes = <u32>sizeof<T>()
  const entry = entryAddress(linear, user)
  if (isPlain(entry, linear, bytes, stepped)) return load<T>(linear + load<u32>(entry, TLB_FIELD_ADDEND))
  const physical = translate(linear, false, user)
  if (faulted() || (stepped && needsStep(physical))) return <T>0
  const room: u32 = 0x1000 - (linear & OFFSET_MASK)
  if (room >= bytes) return stepped && isStopped(linear, bytes, false) ? <T>0 : readPhysical<T>(physical)
  const second = translate(linear + room, false, user)
  if (faulted() || (stepped && (needsStep(second) || isStopped(linear, bytes, false)))) return <T>0
  let value: u64 = 0
  for (let i: u32 = 0; i < bytes; i++) {
    const byte = i < room ? readPhysical<u8>(physical + i) : readPhysical<u8>(second + i - room)
    value |= <u64>byte << (i << 3)
  }
  return <T>value
}

/** Writes `T` at a linear address with user or supervisor rights. */
function writeLinear<T>(linear: u32, value: T, user: bool, stepped: bool): void {
  const bytes = <u32>sizeof<T>()
  const entry = entryAddress(linear, user)
  if (isPlain(entry + TLB_FIELD_WRITE_TAG, linear, bytes, stepped)) {
    store<T>(linear + load<u32>(entry, TLB_FIELD_ADDEND), value)
    return
  }
  const physical = translate(linear, true, user)
  if (faulted() || (stepped && needsStep(physical))) return
  const room: u32 = 0x1000 - (linear & OFFSET_MASK)
  if (room >= bytes) {
    if (!stepped || !isStopped(linear, bytes, true)) writePhysical<T>(physical, value)
    return
  }
  const second = translate(linear + room, true, user)
  if (faulted() || (stepped && (needsStep(second) || isStopped(linear, bytes, true)))) return
  for (let i: u32 = 0; i < bytes; i++) {
    const byte = <u8>(<u64>value >> (i << 3))
    if (i < room) writePhysical<u8>(physical + i, byte)
    else writePhysical<u8>(second + i - room, byte)
  }
}

/** Whether the current privilege level is 3. */
// @ts-ignore: decorator
@inline
function isUser(): bool {
  return load<u32>(CPL) == 3
}

/** Data accesses of instructions, at the current privilege. */
export function read8(linear: u32): u32 {
  return <u32>readLinear<u8>(linear, isUser(), true)
}
export function read16(linear: u32): u32 {
  return <u32>readLinear<u16>(linear, isUser(), true)
}
export function read32(linear: u32): u32 {
  return readLinear<u32>(linear, isUser(), true)
}
export function read64(linear: u32): u64 {
  return readLinear<u64>(linear, isUser(), true)
}
export function write8(linear: u32, value: u32): void {
  writeLinear<u8>(linear, <u8>value, isUser(), true)
}
export function write16(linear: u32, value: u32): void {
  writeLinear<u16>(linear, <u16>value, isUser(), true)
}
export function write32(linear: u32, value: u32): void {
  writeLinear<u32>(linear, value, isUser(), true)
}
export function write64(linear: u32, value: u64): void {
  writeLinear<u64>(linear, value, isUser(), true)
}

/** Descriptor tables, TSS and IDT are read with supervisor rights whatever the CPL (SDM vol. 3, 4.6). */
export function readSystem8(linear: u32): u32 {
  return <u32>readLinear<u8>(linear, false, false)
}
export function readSystem16(linear: u32): u32 {
  return <u32>readLinear<u16>(linear, false, false)
}
export function readSystem32(linear: u32): u32 {
  return readLinear<u32>(linear, false, false)
}
export function readSystem64(linear: u32): u64 {
  return readLinear<u64>(linear, false, false)
}
export function writeSystem8(linear: u32, value: u32): void {
  writeLinear<u8>(linear, <u8>value, false, false)
}
export function writeSystem16(linear: u32, value: u32): void {
  writeLinear<u16>(linear, <u16>value, false, false)
}
export function writeSystem32(linear: u32, value: u32): void {
  writeLinear<u32>(linear, value, false, false)
}

/**
 * Address in linear memory of `bytes` bytes at `linear` with supervisor rights, when the TLB has their page and nothing
 * stands against touching them directly; else 0. Page tables are not looked at.
 */
export function systemHostForRead(linear: u32, bytes: u32): u32 {
  const entry = entryAddress(linear, false)
  return isPlain(entry, linear, bytes, false) ? linear + load<u32>(entry, TLB_FIELD_ADDEND) : 0
}

/** The same for a store. */
export function systemHostForWrite(linear: u32, bytes: u32): u32 {
  const entry = entryAddress(linear, false)
  return isPlain(entry + TLB_FIELD_WRITE_TAG, linear, bytes, false) ? linear + load<u32>(entry, TLB_FIELD_ADDEND) : 0
}

/** Stores with the rights of a privilege level that is about to become current. */
export function writeAs16(linear: u32, value: u32, user: bool): void {
  writeLinear<u16>(linear, <u16>value, user, false)
  if (load<u32>(DATA_BREAKPOINTS) != 0 && !faulted()) noteAccess(linear, 2, true)
}
export function writeAs32(linear: u32, value: u32, user: bool): void {
  writeLinear<u32>(linear, value, user, false)
  if (load<u32>(DATA_BREAKPOINTS) != 0 && !faulted()) noteAccess(linear, 4, true)
}

/**
 * Raises the #PF that an access to any of `bytes` bytes at `linear` would raise. An instruction that touches device
 * memory asks here for a step of its own (`stepped`): later it may have changed what it would do again.
 */
function probe(linear: u32, bytes: u32, write: bool, user: bool, stepped: bool): void {
  const last = linear + bytes - 1
  let page = linear
  for (;;) {
    const physical = translate(page, write, user)
    if (faulted() || (stepped && needsStep(physical)) || ((page ^ last) & ~OFFSET_MASK) == 0) return
    page = (page | OFFSET_MASK) + 1
  }
}

export function probeRead(linear: u32, bytes: u32): void {
  probe(linear, bytes, false, isUser(), true)
}
export function probeWrite(linear: u32, bytes: u32): void {
  probe(linear, bytes, true, isUser(), true)
}
export function probeWriteSystem(linear: u32, bytes: u32): void {
  probe(linear, bytes, true, false, false)
}

/**
 * For an image of a unit's state: whatever can stop an access to its `bytes` bytes does so here, in front of the first,
 * so that the state is not lost. Alignment counts for the image as a whole (SDM vol. 3, table 6-7). True to go on, with
 * the accesses below.
 */
export function probeImage(linear: u32, bytes: u32, alignment: u32, write: bool): bool {
  probe(linear, bytes, write, isUser(), true)
  if (faulted() || misaligned(linear, alignment)) return false
  return load<u32>(DATA_BREAKPOINTS) == 0 || !meetsBreakpoint(linear, bytes, write)
}
export function readImage16(linear: u32): u32 {
  return <u32>readLinear<u16>(linear, isUser(), false)
}
export function readImage32(linear: u32): u32 {
  return readLinear<u32>(linear, isUser(), false)
}
export function readImage64(linear: u32): u64 {
  return readLinear<u64>(linear, isUser(), false)
}
export function writeImage16(linear: u32, value: u32): void {
  writeLinear<u16>(linear, <u16>value, isUser(), false)
}
export function writeImage32(linear: u32, value: u32): void {
  writeLinear<u32>(linear, value, isUser(), false)
}
export function writeImage64(linear: u32, value: u64): void {
  writeLinear<u64>(linear, value, isUser(), false)
}

/** Reads for a read-modify-write: the write permission of every byte is checked before the read. */
export function readForModify8(linear: u32): u32 {
  probeWrite(linear, 1)
  return faulted() ? 0 : read8(linear)
}
export function readForModify16(linear: u32): u32 {
  probeWrite(linear, 2)
  return faulted() ? 0 : read16(linear)
}
export function readForModify32(linear: u32): u32 {
  probeWrite(linear, 4)
  return faulted() ? 0 : read32(linear)
}
export function readForModify64(linear: u32): u64 {
  probeWrite(linear, 8)
  return faulted() ? 0 : read64(linear)
}
