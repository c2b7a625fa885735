/**
 * Interrupts, exceptions and IRET between flat code of levels 3 and 0: what 32-bit kernels do all the time.
 *
 * before: selectors, descriptors, TSS fields and each slot of the stack, one by one, each with its checks => after:
 * descriptors are compared with the only form that flat segments have, the stack is one range, and memory is reached
 * through TLB entries that are there already. Whatever is otherwise gives false, with nothing changed; the general path
 * (interrupts.ts, transfers.ts) does it then, and so raises everything that is to be raised.
 *
 * Source: Intel SDM vol. 3, 5.8.5 (stack switching), 6.12.1 (interrupt and trap gates); vol. 2, INT n, IRET.
 */
import {
  CPL, CR0, CR0_AM, EFLAGS, EFLAGS_AC, EFLAGS_IF, EFLAGS_NT, EFLAGS_RF, EFLAGS_TF, EFLAGS_VM, EIP, GPR, GPR_ESP,
  IDTR_BASE, IDTR_LIMIT, MODE, MODE_CODE32, MODE_FLAT, MODE_PROTECTED, MODE_STACK32, MODE_STEP, MODE_USER,
  SEGMENT_ACCESS, SEGMENT_BASE, SEGMENT_CS, SEGMENT_DS, SEGMENT_ES, SEGMENT_FS, SEGMENT_GS, SEGMENT_LIMIT,
  SEGMENT_SELECTOR, SEGMENT_SS, SEGMENT_TR, TLB_BASE, TLB_SUPERVISOR, TLB_USER,
} from '../../build/helpers/layout'
import { accessOf, DESCRIPTOR_BYTES, descriptorLinear, isNull, locateDescriptor, SELECTOR_RPL, SELECTOR_TABLE, TYPE_32 } from './descriptors'
import { setEflags } from './flags'
import { gateOffset } from './gates'
import { systemHostForRead, systemHostForWrite } from './memory'
import { setMode, updateMode } from './mode'
import { dropInaccessible } from './segments'

const ESP: u32 = GPR + (GPR_ESP << 3)
const SELECTOR_AT_CS: u32 = SEGMENT_SELECTOR + (SEGMENT_CS << 3)
const SELECTOR_AT_SS: u32 = SEGMENT_SELECTOR + (SEGMENT_SS << 3)

/** What `mode` must say: the segments in use are flat, code and stack 32 bits wide. */
const FLAT32: u32 = MODE_FLAT | MODE_CODE32 | MODE_STACK32 | MODE_PROTECTED

/** Descriptors of present, accessed segments with base 0 and limit 4 GiB - 1, 32 bits wide; AVL counts for nothing. */
const FLAT_CODE0: u64 = 0x00cf9b000000ffff
const FLAT_DATA0: u64 = 0x00cf93000000ffff
const FLAT_CODE3: u64 = 0x00cffb000000ffff
const FLAT_DATA3: u64 = 0x00cff3000000ffff
const DESCRIPTOR_AVL: u64 = 1 << 52

/** High dword of a gate: P, S and type but for its lowest bit, which tells a trap gate; then the value of 32-bit ones. */
const GATE_KIND_MASK: u32 = 0x9e00
const GATE_KIND: u32 = 0x8e00
const GATE_TRAP: u32 = 0x100
const GATE_DPL_SHIFT: u32 = 13
/** SS0:ESP0 of a 32-bit TSS: offset, and bytes of both. */
const TSS_STACK0: u32 = 4
const TSS_STACK_BYTES: u32 = 8
/** Bytes of EIP, CS, EFLAGS on a stack, and of those with ESP and SS. */
const SAME_FRAME: u32 = 12
const OUTER_FRAME: u32 = 20

/** The descriptor of a selector of the GDT, or 0 when it is not at hand. */
function globalDescriptor(selector: u32): u64 {
  if ((selector & SELECTOR_TABLE) != 0 || isNull(selector) || !locateDescriptor(selector)) return 0
  const host = systemHostForRead(descriptorLinear, DESCRIPTOR_BYTES)
  return host == 0 ? 0 : load<u64>(host)
}

// @ts-ignore: decorator
@inline
function isForm(descriptor: u64, form: u64): bool {
  return (descriptor & ~DESCRIPTOR_AVL) == form
}

/** Fills a segment register whose descriptor has one of the forms above. */
// @ts-ignore: decorator
@inline
function fillFlat(segment: u32, selector: u32, descriptor: u64): void {
  const at = segment << 3
  store<u32>(SEGMENT_SELECTOR + at, selector)
  store<u32>(SEGMENT_BASE + at, 0)
  store<u32>(SEGMENT_LIMIT + at, 0xffffffff)
  store<u32>(SEGMENT_ACCESS + at, accessOf(<u32>(descriptor >> 32)))
}

/**
 * Goes through the IDT's gate of `vector` to level 0, from there or from level 3: false when it is not such a gate, or
 * anything else stands against it. `eip` and `image` are saved; `software`: the gate's DPL counts; `errorCode` is
 * pushed when `withCode`.
 */
export function enterQuickly(vector: u32, eip: u32, image: u32, software: bool, withCode: bool, errorCode: u32): bool {
  const mode = load<u32>(MODE)
  const cpl = load<u32>(CPL)
  if ((mode & FLAT32) != FLAT32 || (cpl != 0 && cpl != 3)) return false
  const index = vector * DESCRIPTOR_BYTES
  if (index + DESCRIPTOR_BYTES - 1 > load<u32>(IDTR_LIMIT)) return false
  const gate = systemHostForRead(load<u32>(IDTR_BASE) + index, DESCRIPTOR_BYTES)
  if (gate == 0) return false
  const low = load<u32>(gate)
  const high = load<u32>(gate, 4)
  if ((high & GATE_KIND_MASK) != GATE_KIND || (software && ((high >> GATE_DPL_SHIFT) & 3) < cpl)) return false
  const target = low >> 16
  const code = globalDescriptor(target)
  if (!isForm(code, FLAT_CODE0)) return false

  const inner = cpl == 3
  const codeBytes: u32 = withCode ? 4 : 0
  const bytes = (inner ? OUTER_FRAME : SAME_FRAME) + codeBytes
  let top = load<u32>(ESP)
  let selector: u32 = 0
  let stack: u64 = 0
  if (inner) {
    const tss = SEGMENT_TR << 3
    if ((load<u32>(SEGMENT_ACCESS + tss) & TYPE_32) == 0) return false
    if (load<u32>(SEGMENT_LIMIT + tss) < TSS_STACK0 + TSS_STACK_BYTES - 1) return false
    const place = systemHostForRead(load<u32>(SEGMENT_BASE + tss) + TSS_STACK0, TSS_STACK_BYTES)
    if (place == 0) return false
    top = load<u32>(place)
    selector = load<u16>(place, 4)
    stack = globalDescriptor(selector)
    if ((selector & SELECTOR_RPL) != 0 || !isForm(stack, FLAT_DATA0)) return false
  }
  const frame = systemHostForWrite(top - bytes, bytes)
  if (frame == 0) return false

  if (withCode) store<u32>(frame, errorCode)
  const saved = frame + codeBytes
  store<u32>(saved, eip)
  store<u32>(saved, load<u32>(SELECTOR_AT_CS), 4)
  store<u32>(saved, image, 8)
  if (inner) {
    store<u32>(saved, load<u32>(ESP), 12)
    store<u32>(saved, load<u32>(SELECTOR_AT_SS), 16)
    fillFlat(SEGMENT_SS, selector, stack)
    store<u32>(CPL, 0)
    store<u32>(TLB_BASE, TLB_SUPERVISOR)
  }
  fillFlat(SEGMENT_CS, target & ~SELECTOR_RPL, code)
  store<u32>(ESP, top - bytes)
  store<u32>(EIP, gateOffset(low, high))
  const cleared: u32 = EFLAGS_TF | EFLAGS_VM | EFLAGS_RF | EFLAGS_NT | ((high & GATE_TRAP) != 0 ? 0 : EFLAGS_IF)
  store<u32>(EFLAGS, load<u32>(EFLAGS) & ~cleared)
  setMode(mode & ~(MODE_USER | MODE_STEP))
  return true
}

/**
 * IRETD from level 0 to level 0 or 3; false when it is another or anything stands against it. `mask`: the flags that
 * it takes from the stack, among them the six arithmetic ones.
 */
export function returnQuickly(mask: u32): bool {
  const mode = load<u32>(MODE)
  if ((mode & (FLAT32 | MODE_USER)) != FLAT32 || load<u32>(CPL) != 0 || (load<u32>(EFLAGS) & EFLAGS_NT) != 0) return false
  const top = load<u32>(ESP)
  const frame = systemHostForRead(top, OUTER_FRAME)
  if (frame == 0) return false
  const selector = load<u32>(frame, 4) & 0xffff
  const image = load<u32>(frame, 8)
  if ((image & EFLAGS_VM) != 0 || ((image & EFLAGS_AC) != 0 && (load<u32>(CR0) & CR0_AM) != 0)) return false
  const code = globalDescriptor(selector)
  let next = mode & ~MODE_STEP
  let dropped = false
  if ((selector & SELECTOR_RPL) == 0) {
    if (!isForm(code, FLAT_CODE0)) return false
    store<u32>(ESP, top + SAME_FRAME)
  } else {
    const outer = load<u32>(frame, 16) & 0xffff
    if ((selector & outer & SELECTOR_RPL) != 3 || !isForm(code, FLAT_CODE3)) return false
    const stack = globalDescriptor(outer)
    if (!isForm(stack, FLAT_DATA3)) return false
    store<u32>(ESP, load<u32>(frame, 12))
    fillFlat(SEGMENT_SS, outer, stack)
    store<u32>(CPL, 3)
    store<u32>(TLB_BASE, TLB_USER)
    next |= MODE_USER
    dropInaccessible(SEGMENT_FS, 3)
    dropInaccessible(SEGMENT_GS, 3)
    dropped = dropInaccessible(SEGMENT_DS, 3)
    dropped = dropInaccessible(SEGMENT_ES, 3) || dropped
  }
  fillFlat(SEGMENT_CS, selector, code)
  store<u32>(EIP, load<u32>(frame))
  setEflags((load<u32>(EFLAGS) & ~mask) | (image & mask))
  if (dropped) updateMode()
  else setMode(next)
  return true
}
