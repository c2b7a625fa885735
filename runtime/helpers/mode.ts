/** The mode word: what decoding and code lookup depend on (ModeBit in runtime/state.ts). */
import {
  CPL, CR0, CR0_EM, CR0_PE, CR0_TS, CR4, CR4_OSFXSR, EFLAGS, EFLAGS_VM, KEY, MODE, MODE_BITS, MODE_CODE32, MODE_FLAT, MODE_PROTECTED, MODE_STACK32,
  MODE_STEP, MODE_USER, MODE_VIRTUAL8086, SEGMENT_ACCESS, SEGMENT_BASE, SEGMENT_CS, SEGMENT_DS, SEGMENT_ES,
  SEGMENT_LIMIT, SEGMENT_SS, SUPERVISOR_GENERATION, SSE_BLOCKED, TLB_BASE, TLB_SUPERVISOR, TLB_USER, USER_GENERATION,
} from '../../build/helpers/layout'
import { alignmentChecked } from './memory'

/** Bits of SEGMENT_ACCESS (descriptor bits 8..23; SDM vol. 3, 3.4.5). */
const ACCESS_WRITABLE_OR_READABLE: u32 = 1 << 1
const ACCESS_EXPAND_DOWN_OR_CONFORMING: u32 = 1 << 2
const ACCESS_CODE: u32 = 1 << 3
const ACCESS_PRESENT: u32 = 1 << 7
const ACCESS_BIG: u32 = 1 << 14

/** Whether a data segment covers all 4 GiB, writable and expand-up: no access through it can fail a check. */
function flatData(segment: u32): bool {
  const access = load<u32>(SEGMENT_ACCESS + segment * 8)
  const wanted = ACCESS_PRESENT | ACCESS_WRITABLE_OR_READABLE
  return (
    load<u32>(SEGMENT_BASE + segment * 8) == 0 &&
    load<u32>(SEGMENT_LIMIT + segment * 8) == 0xffffffff &&
    (access & (wanted | ACCESS_EXPAND_DOWN_OR_CONFORMING | ACCESS_CODE)) == wanted
  )
}

/** CS likewise, readable. */
function flatCode(): bool {
  const access = load<u32>(SEGMENT_ACCESS + SEGMENT_CS * 8)
  const wanted = ACCESS_PRESENT | ACCESS_WRITABLE_OR_READABLE | ACCESS_CODE
  return (
    load<u32>(SEGMENT_BASE + SEGMENT_CS * 8) == 0 &&
    load<u32>(SEGMENT_LIMIT + SEGMENT_CS * 8) == 0xffffffff &&
    (access & wanted) == wanted
  )
}

/** Recomputes `sseBlocked`. Call after any change of CR0.EM, CR0.TS or CR4.OSFXSR. */
export function updateSse(): void {
  store<u32>(SSE_BLOCKED, (load<u32>(CR0) & (CR0_EM | CR0_TS)) | ((load<u32>(CR4) & CR4_OSFXSR) ^ CR4_OSFXSR))
}

/** Recomputes `mode`, `key`, `tlbBase` and `sseBlocked`. Call after any change of CS, SS, DS, ES, CR0.PE, CR0.AM, EFLAGS.VM, EFLAGS.AC or CPL. */
export function updateMode(): void {
  let mode: u32 = 0
  if ((load<u32>(SEGMENT_ACCESS + SEGMENT_CS * 8) & ACCESS_BIG) != 0) mode |= MODE_CODE32
  if ((load<u32>(SEGMENT_ACCESS + SEGMENT_SS * 8) & ACCESS_BIG) != 0) mode |= MODE_STACK32
  if ((load<u32>(CR0) & CR0_PE) != 0) {
    if ((load<u32>(EFLAGS) & EFLAGS_VM) != 0) mode |= MODE_VIRTUAL8086
    else mode |= MODE_PROTECTED
  }
  // Flat code accesses memory without the helpers, which check alignment.
  if (!alignmentChecked() && flatCode() && flatData(SEGMENT_DS) && flatData(SEGMENT_ES) && flatData(SEGMENT_SS)) mode |= MODE_FLAT
  const user = load<u32>(CPL) == 3
  if (user) mode |= MODE_USER
  store<u32>(TLB_BASE, user ? TLB_USER : TLB_SUPERVISOR)
  updateSse()
  setMode(mode)
}

/** Sets the mode word, and the key that follows from it. */
export function setMode(mode: u32): void {
  store<u32>(MODE, mode)
  const generation = load<u32>((mode & MODE_USER) != 0 ? USER_GENERATION : SUPERVISOR_GENERATION)
  store<u32>(KEY, (generation << MODE_BITS) | mode)
}

/** Turns single-instruction decoding on or off in the mode word. */
export function setStep(on: bool): void {
  const mode = load<u32>(MODE)
  setMode(on ? mode | MODE_STEP : mode & ~MODE_STEP)
}
