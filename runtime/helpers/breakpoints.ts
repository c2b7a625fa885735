/**
 * Debug registers at work: which breakpoints are enabled, and what hits them. debug-registers.ts has the registers.
 *
 *   MOV DR, CR4.DE, task switch -> updateBreakpoints -> codeBreakpoints, dataBreakpoints, portBreakpoints
 *   codeBreakpoints   attend() (runs.ts) steps every instruction and asks hitsCode before it
 *   dataBreakpoints   pages with one are closed to the quick path (paging.ts); the slow path asks meetsBreakpoint, which
 *                     has the instruction done again in a step of its own, and then notes the hit
 *   portBreakpoints   IN and OUT ask notePort
 *   debugHits         what has been hit; attend() delivers the trap behind the instruction
 *
 * While none is enabled, code pays for none of this.
 * Source: Intel SDM vol. 3, 17.2 (debug registers), 17.3.1 (#DB).
 */
import {
  CODE_BREAKPOINTS, CR4, CR4_DE, DATA_BREAKPOINTS, DEBUG_HITS, DR, EFLAGS, EFLAGS_RF, FAULT_STEP, PORT_BREAKPOINTS,
  RESUME_BEFORE, STEPPING,
} from '../../build/helpers/layout'
import { raise } from './memory'
import { flushTlb } from './paging'

const DR6: u32 = DR + (6 << 3)
const DR7: u32 = DR + (7 << 3)
const BREAKPOINTS: u32 = 4
/** DR6.B0..B3: every debug exception begins by clearing them. */
const DR6_BREAKPOINTS: u32 = 0x0f
/** DR6.B0..B3, BD, BS, BT. */
const DR6_REPORTS: u32 = 0xe00f

/** DR7: R/W and LEN of breakpoint 0; each breakpoint has four bits of them, and two enable bits. */
const DR7_READ_WRITE_SHIFT: u32 = 16
const DR7_LENGTH_SHIFT: u32 = 18
const ON_EXECUTION: u32 = 0
const ON_WRITE: u32 = 1
const ON_PORT: u32 = 2
/** LEN 0..3 stands for 1, 2, 8 and 4 bytes. */
const LENGTHS: u32 = 0x04080201

const PAGE_MASK: u32 = 0xfffff000

/** R/W field of breakpoint `index`. */
// @ts-ignore: decorator
@inline
function conditionOf(index: u32): u32 {
  return (load<u32>(DR7) >> (DR7_READ_WRITE_SHIFT + 4 * index)) & 3
}

/** Bytes that breakpoint `index` covers; its address is aligned to them. */
// @ts-ignore: decorator
@inline
function bytesOf(index: u32): u32 {
  const length = (load<u32>(DR7) >> (DR7_LENGTH_SHIFT + 4 * index)) & 3
  return (LENGTHS >> (8 * length)) & 0xff
}

/** First address that breakpoint `index` covers. */
// @ts-ignore: decorator
@inline
function startOf(index: u32): u32 {
  return load<u32>(DR + (index << 3)) & ~(bytesOf(index) - 1)
}

/** Recomputes which breakpoints are enabled. Call after any change of DR0..DR3, DR7 or CR4.DE. */
export function updateBreakpoints(): void {
  let code: u32 = 0
  let data: u32 = 0
  let port: u32 = 0
  for (let i: u32 = 0; i < BREAKPOINTS; i++) {
    if (((load<u32>(DR7) >> (2 * i)) & 3) == 0) continue
    const bit = <u32>1 << i
    const condition = conditionOf(i)
    if (condition == ON_EXECUTION) code |= bit
    else if (condition != ON_PORT) data |= bit
    else if (load<u32>(CR4) & CR4_DE) port |= bit
  }
  // RF is looked after only while instructions are stepped for code breakpoints: an old one is void.
  if (code != 0 && load<u32>(CODE_BREAKPOINTS) == 0) store<u32>(EFLAGS, load<u32>(EFLAGS) & ~EFLAGS_RF)
  const watched = data | load<u32>(DATA_BREAKPOINTS)
  if (code == 0) store<u32>(RESUME_BEFORE, 0)
  store<u32>(CODE_BREAKPOINTS, code)
  store<u32>(DATA_BREAKPOINTS, data)
  store<u32>(PORT_BREAKPOINTS, port)
  if (watched != 0) flushTlb(true)
}

/** Puts `bits` of DR6 on record, as every debug exception does. */
export function reportDebug(bits: u32): void {
  store<u32>(DR6, (load<u32>(DR6) & ~DR6_BREAKPOINTS) | (bits & DR6_REPORTS))
}

/** Whether a data breakpoint lies in the linear page that begins at `page`. */
export function isWatched(page: u32): bool {
  const data = load<u32>(DATA_BREAKPOINTS)
  for (let i: u32 = 0; i < BREAKPOINTS; i++)
    if (((data >> i) & 1) != 0 && (startOf(i) & PAGE_MASK) == page) return true
  return false
}

/** Those of `candidates` whose bytes overlap `bytes` bytes at `start`. */
function overlapping(candidates: u32, start: u32, bytes: u32): u32 {
  let hits: u32 = 0
  for (let i: u32 = 0; i < BREAKPOINTS; i++) {
    if (((candidates >> i) & 1) == 0) continue
    const at = startOf(i)
    if (start - at < bytesOf(i) || at - start < bytes) hits |= <u32>1 << i
  }
  return hits
}

/** Data breakpoints that an access meets. */
function hitsData(linear: u32, bytes: u32, write: bool): u32 {
  const hits = overlapping(load<u32>(DATA_BREAKPOINTS), linear, bytes)
  if (write || hits == 0) return hits
  let readable: u32 = 0
  for (let i: u32 = 0; i < BREAKPOINTS; i++) if (conditionOf(i) != ON_WRITE) readable |= <u32>1 << i
  return hits & readable
}

/**
 * An access of an instruction, about to be made: true when it meets a data breakpoint and the instruction has to be
 * done again in a step; within a step the hit is noted.
 */
export function meetsBreakpoint(linear: u32, bytes: u32, write: bool): bool {
  const hits = hitsData(linear, bytes, write)
  if (hits == 0) return false
  if (load<u32>(STEPPING) == 0) {
    raise(FAULT_STEP)
    return true
  }
  store<u32>(DEBUG_HITS, load<u32>(DEBUG_HITS) | hits)
  return false
}

/** Notes an access that has been made, by an instruction or event after which `attend` looks. */
export function noteAccess(linear: u32, bytes: u32, write: bool): void {
  store<u32>(DEBUG_HITS, load<u32>(DEBUG_HITS) | hitsData(linear, bytes, write))
}

/** Notes an access to `bytes` ports from `port`. */
export function notePort(port: u32, bytes: u32): void {
  const candidates = load<u32>(PORT_BREAKPOINTS)
  if (candidates != 0) store<u32>(DEBUG_HITS, load<u32>(DEBUG_HITS) | overlapping(candidates, port, bytes))
}

/** Code breakpoints at an instruction's linear address. */
export function hitsCode(linear: u32): u32 {
  let hits: u32 = 0
  for (let i: u32 = 0; i < BREAKPOINTS; i++)
    if (((load<u32>(CODE_BREAKPOINTS) >> i) & 1) != 0 && load<u32>(DR + (i << 3)) == linear) hits |= <u32>1 << i
  return hits
}
