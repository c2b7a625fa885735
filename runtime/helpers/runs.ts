/**
 * Finding decoded code and deciding what happens between instructions. The interpreter comes here whenever it is
 * not on a direct link: `attend`, then `findRun`.
 */
import {
  CODE_BREAKPOINTS, CPL, CR0, CR0_PE, CR4, CR4_PVI, CR4_VME, DEBUG_HITS, EFLAGS, EFLAGS_IF, EFLAGS_RF, EFLAGS_TF, EFLAGS_VIF, EFLAGS_VIP, EFLAGS_VM, EIP, EXIT_ARGUMENT, EXIT_BUDGET, EXIT_DECODE, EXIT_HALT, EXIT_INTERRUPT,
  EXIT_NONE, EXIT_REASON, HALTED, HASH_MULTIPLIER, HEADER_BYTES, HEADER_SECOND_PAGE,
  INTERRUPT_LINE, INTERRUPT_SHADOW, JUMP_CACHE_BASE, JUMP_CACHE_ENTRIES, JUMP_CACHE_ENTRY_BYTES, JUMP_CACHE_KEY,
  JUMP_CACHE_LINEAR, JUMP_CACHE_REGION, JUMP_CACHE_RUN,
  KEY, MANY_MISSES, MAX_RUN_INSTRUCTIONS, MISS_PROFILE_BASE, MISS_PROFILE_ENTRIES, MISS_PROFILE_ENTRY_BYTES, MODE, MODE_FLAT,
  MODE_STEP, MOST_TARGETS, NMI_BLOCKED, NOT_CROSSING, PIN_INTR, PIN_NMI, RECORD_BYTES, REMAINING, REMAINING_CUT, REPEATING, RESUME_BEFORE,
  RUN_TABLE_BASE, RUN_TABLE_ENTRIES, RUN_TABLE_ENTRY_BYTES, SEGMENT_BASE, SEGMENT_CS, SEGMENT_LIMIT, SHADOW_BEFORE,
  SHADOW_MOV_SS, STEPPING, STEP_REQUEST, TARGET_PROFILE_FIRST, TARGET_PROFILE_ROW_BYTES, TRACE_EACH, TRAP_BEFORE,
  VECTOR_GP, WHOLE_RUNS,
} from '../../build/helpers/layout'
import { hitsCode } from './breakpoints'
import { deliverCodeBreakpoint, deliverDebugTrap, deliverException } from './interrupts'
import { faulted, raiseCode } from './memory'
import { setStep } from './mode'
import { noteFetched, translateFetch } from './paging'

/** DR6.BS: single step. */
const DR6_BS: u32 = 1 << 14

/** A virtual interrupt is pending and enabled. */
const VIRTUAL_INTERRUPT: u32 = EFLAGS_VIF | EFLAGS_VIP

/** A run table entry whose run was dropped: the probe goes on behind it. */
const TOMBSTONE: u32 = 1

/** Whether an interrupt pin that is raised may interrupt now; the shadows apart. */
// @ts-ignore: decorator
@inline
function interruptWaits(): bool {
  const pins = load<u32>(INTERRUPT_LINE)
  if ((pins & PIN_NMI) != 0 && load<u32>(NMI_BLOCKED) == 0) return true
  return (pins & PIN_INTR) != 0 && (load<u32>(EFLAGS) & EFLAGS_IF) != 0
}

/** Whether VIF and VIP, both set, raise #GP in front of the next instruction (SDM vol. 3, 20.3.3 and 20.4). */
function virtualInterruptDue(): bool {
  if (load<u32>(EFLAGS) & EFLAGS_VM) return (load<u32>(CR4) & CR4_VME) != 0
  return load<u32>(CPL) == 3 && (load<u32>(CR4) & CR4_PVI) != 0 && (load<u32>(CR0) & CR0_PE) != 0
}

/**
 * Runs between instructions, when the interpreter is off the linked path: ends a single step, takes traps, and
 * returns an ExitReason, or EXIT_NONE to go on. An exact stop, where one is wanted, is reached by stepping the last few
 * instructions.
 */
export function attend(): u32 {
  if (load<u32>(STEPPING) != 0) {
    store<u32>(STEPPING, 0)
    setStep(false)
    // The shadow covers one instruction; the stepped one may have cast a new one of the other kind.
    if (load<u32>(SHADOW_BEFORE) != 0 && load<u32>(INTERRUPT_SHADOW) == load<u32>(SHADOW_BEFORE))
      store<u32>(INTERRUPT_SHADOW, 0)
    const traps = (load<u32>(TRAP_BEFORE) != 0 ? DR6_BS : 0) | load<u32>(DEBUG_HITS)
    store<u32>(TRAP_BEFORE, 0)
    if (traps != 0) deliverDebugTrap(traps)
  } else if (load<u32>(DEBUG_HITS) != 0) deliverDebugTrap(load<u32>(DEBUG_HITS))
  if (load<u32>(EXIT_REASON) != 0) return load<u32>(EXIT_REASON)
  if (load<u32>(HALTED) != 0) return EXIT_HALT
  const remaining = <i32>(load<u32>(REMAINING) - load<u32>(REMAINING_CUT))
  store<u32>(REMAINING, remaining)
  store<u32>(REMAINING_CUT, 0)
  const shadow = load<u32>(INTERRUPT_SHADOW)
  if (load<u32>(INTERRUPT_LINE) != 0 && shadow == 0 && interruptWaits()) return EXIT_INTERRUPT
  if (remaining < (load<u32>(WHOLE_RUNS) != 0 ? <i32>MAX_RUN_INSTRUCTIONS : 1)) return EXIT_BUDGET
  if (load<u32>(CODE_BREAKPOINTS) != 0) {
    // MOV SS holds code breakpoints off, and a repeated instruction that goes on has passed its own.
    const passed = (load<u32>(EFLAGS) & EFLAGS_RF) | (shadow & SHADOW_MOV_SS) | load<u32>(REPEATING)
    const hits = passed == 0 ? hitsCode(load<u32>(SEGMENT_BASE + SEGMENT_CS * 8) + load<u32>(EIP)) : 0
    if (hits != 0) {
      // A handler that begins at a breakpoint never gets further: the budget must run out on it.
      store<u32>(REMAINING, remaining - 1)
      deliverCodeBreakpoint(hits)
      return attend()
    }
    store<u32>(RESUME_BEFORE, load<u32>(EFLAGS) & EFLAGS_RF)
    store<u32>(EFLAGS, load<u32>(EFLAGS) & ~EFLAGS_RF)
  }
  if ((load<u32>(EFLAGS) & VIRTUAL_INTERRUPT) == VIRTUAL_INTERRUPT && virtualInterruptDue()) {
    store<u32>(REMAINING, remaining - 1)
    raiseCode(VECTOR_GP, 0)
    deliverException()
    return attend()
  }
  store<u32>(REPEATING, 0)
  const trap = load<u32>(EFLAGS) & EFLAGS_TF
  const alone = shadow | trap | load<u32>(STEP_REQUEST) | load<u32>(TRACE_EACH) | load<u32>(CODE_BREAKPOINTS)
  if (alone != 0 || remaining < <i32>MAX_RUN_INSTRUCTIONS) {
    store<u32>(STEP_REQUEST, 0)
    store<u32>(STEPPING, 1)
    store<u32>(SHADOW_BEFORE, shadow)
    store<u32>(TRAP_BEFORE, trap)
    setStep(true)
  }
  return EXIT_NONE
}

/** Takes back the step that `attend` has begun, because its instruction is not decoded yet. */
export function cancelStep(): void {
  if (load<u32>(STEPPING) == 0) return
  store<u32>(STEPPING, 0)
  store<u32>(TRAP_BEFORE, 0)
  store<u32>(EFLAGS, load<u32>(EFLAGS) | load<u32>(RESUME_BEFORE))
  setStep(false)
}

/** First slot to probe for a run at `physical` in `mode`. The TypeScript side (run-table.ts) computes the same. */
// @ts-ignore: decorator
@inline
function hash(physical: u32, mode: u32): u32 {
  return ((physical ^ (mode << 9)) * HASH_MULTIPLIER) >> 16
}

/** Entry of the jump cache for a linear address; jit/jump-cache.ts computes the same. */
// @ts-ignore: decorator
@inline
function jumpCacheEntry(linear: u32): u32 {
  const index = (linear * HASH_MULTIPLIER) >> (32 - <u32>ctz(JUMP_CACHE_ENTRIES))
  return JUMP_CACHE_BASE + index * JUMP_CACHE_ENTRY_BYTES
}

/**
 * The first record of the run at CS:EIP, or 0: either an exception is pending (test `faulted`), or the code is not
 * decoded (`exitArgument` is its physical address).
 */
export function findRun(): u32 {
  const eip = load<u32>(EIP)
  const mode = load<u32>(MODE)
  const base = load<u32>(SEGMENT_BASE + SEGMENT_CS * 8)
  const linear = base + eip
  const limit = load<u32>(SEGMENT_LIMIT + SEGMENT_CS * 8)
  const limited = (mode & MODE_FLAT) == 0
  if (limited && eip > limit) {
    raiseCode(VECTOR_GP, 0)
    return 0
  }
  const cached = jumpCacheEntry(linear)
  // The limit of flat code is none; for others it may have changed since. A run that was dropped sends control here
  // again, which a step does not survive.
  const quick = !limited && (mode & MODE_STEP) == 0
  if (quick && load<u32>(cached, JUMP_CACHE_LINEAR) == linear && load<u32>(cached, JUMP_CACHE_KEY) == load<u32>(KEY))
    return load<u32>(cached, JUMP_CACHE_RUN)
  const physical = translateFetch(linear, load<u32>(CPL) == 3)
  if (faulted()) return 0
  let slot = hash(physical, mode) & (RUN_TABLE_ENTRIES - 1)
  for (;;) {
    const entry = RUN_TABLE_BASE + slot * RUN_TABLE_ENTRY_BYTES
    const run = load<u32>(entry, 8)
    if (run == 0) break
    if (run != TOMBSTONE && load<u32>(entry) == physical && load<u32>(entry, 4) == mode) {
      // A run decoded for a longer segment.
      if (limited && load<u32>(run - RECORD_BYTES, HEADER_BYTES) - 1 > limit - eip) break
      const crossing = load<u32>(run - RECORD_BYTES, HEADER_SECOND_PAGE)
      if (crossing != NOT_CROSSING) {
        // One instruction across two pages: the second must still be the page that it was decoded from.
        const second = translateFetch((linear | 0xfff) + 1, load<u32>(CPL) == 3)
        if (faulted()) return 0
        if (second != crossing) break
        noteFetched((linear | 0xfff) + 1)
      }
      noteFetched(linear)
      store<u32>(cached, linear, JUMP_CACHE_LINEAR)
      store<u32>(cached, load<u32>(KEY), JUMP_CACHE_KEY)
      store<u32>(cached, run, JUMP_CACHE_RUN)
      store<u32>(cached, 0, JUMP_CACHE_REGION)
      return run
    }
    slot = (slot + 1) & (RUN_TABLE_ENTRIES - 1)
  }
  store<u32>(EXIT_ARGUMENT, physical)
  return 0
}

/** Whether `attend` would find nothing to do at EIP, though the instruction before it ends a run. */
export function isCalm(): bool {
  const interrupts = load<u32>(INTERRUPT_LINE) != 0 && interruptWaits()
  const pending =
    load<u32>(EXIT_REASON) | load<u32>(HALTED) | load<u32>(REMAINING_CUT) | (load<u32>(EFLAGS) & EFLAGS_TF) |
    load<u32>(STEP_REQUEST) | load<u32>(TRACE_EACH) | load<u32>(INTERRUPT_SHADOW) | load<u32>(CODE_BREAKPOINTS) |
    load<u32>(DEBUG_HITS)
  const virtual = (load<u32>(EFLAGS) & VIRTUAL_INTERRUPT) == VIRTUAL_INTERRUPT
  return pending == 0 && !interrupts && !virtual
}

/**
 * Counts that a region was left for the interpreter at `eip`; true when that has become often. Of two places in one
 * entry the more frequent stays.
 */
export function noteMiss(eip: u32): bool {
  const entry = MISS_PROFILE_BASE + ((eip * HASH_MULTIPLIER) >> 16) % MISS_PROFILE_ENTRIES * MISS_PROFILE_ENTRY_BYTES
  const count = load<u32>(entry, 4)
  if (load<u32>(entry) == eip) {
    store<u32>(entry, count + 1, 4)
    return count + 1 == MANY_MISSES
  } else if (count == 0) {
    store<u32>(entry, eip)
    store<u32>(entry, 1, 4)
  } else {
    store<u32>(entry, count - 1, 4)
  }
  return false
}

/** How many words of a row of the target profile, from a target's hash on, may hold it. */
const TARGET_PLACES: u32 = 4

/**
 * Notes in a row of the target profile where its jump has gone. before: in the one word of its hash, where two of a
 * dozen targets often took each other's place, and a region never knew both => after: in the first free of four. Of
 * more, the last takes the first one's place.
 */
export function noteTarget(row: u32, target: u32): void {
  const first = (((target * HASH_MULTIPLIER) >> 16) * MOST_TARGETS) >> 16
  for (let i: u32 = 0; i < TARGET_PLACES; i++) {
    const place = row + TARGET_PROFILE_FIRST + (((first + i) % MOST_TARGETS) << 2)
    const held = load<u32>(place)
    if (held == target) return
    if (held == 0) {
      store<u32>(place, target)
      return
    }
  }
  store<u32>(row + TARGET_PROFILE_FIRST + (first << 2), target)
}

/** The same for regions, the row in the upper half. */
export function notePackedTarget(packed: u64): u64 {
  noteTarget(<u32>(packed >> 32), <u32>packed)
  return 0
}

/** Gives a row of the target profile to the indirect jump or call at `eip`. */
export function startTargetProfile(row: u32, eip: u32): void {
  memory.fill(row, 0, TARGET_PROFILE_ROW_BYTES)
  store<u32>(row, eip)
}
