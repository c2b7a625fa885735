/**
 * The stack as transfers, interrupts and the general back-end path use it: checked pushes and pops whose pointer
 * is committed at the end, so that a fault in the middle leaves ESP as it was.
 *
 * A frame is the stack being pushed to: the current one, or that of an inner privilege level which becomes
 * current only when all pushes have succeeded.
 *
 *   openFrame / openInnerFrame -> framePush … -> (checks) -> closeFrame
 *
 * Source: Intel SDM vol. 1, 6.2 (stacks); vol. 3, 5.8.5 (stack switching).
 */
import {
  CPL,
  GPR,
  GPR_ESP,
  SEGMENT_ACCESS,
  SEGMENT_BASE,
  SEGMENT_LIMIT,
  SEGMENT_SS,
  VECTOR_SS,
} from '../../build/helpers/layout'
import { ACCESS_BIG, accessOf, baseOf, isStack, limitOf, raiseSelector } from './descriptors'
import { faulted, read16, read32, writeAs16, writeAs32 } from './memory'
import { moveToSegment, segmentRead, withinLimit } from './segments'

const ESP: u32 = GPR + (GPR_ESP << 3)

let frameBase: u32 = 0
let frameLimit: u32 = 0
let frameAccess: u32 = 0
/** Bits of the stack pointer that move: 0xffff or 0xffffffff. */
let frameMask: u32 = 0
let framePointer: u32 = 0
let frameUser: bool = false
/** Selector that #SS reports: 0 for the current stack. */
let frameError: u32 = 0

/** Bits of ESP that push and pop move in the current stack segment: 0xffff or 0xffffffff. */
// @ts-ignore: decorator
@inline
export function stackMask(): u32 {
  return load<u32>(SEGMENT_ACCESS + (SEGMENT_SS << 3)) & ACCESS_BIG ? 0xffffffff : 0xffff
}

/** `pointer` moved by `bytes`; the bits outside `mask` stay. */
// @ts-ignore: decorator
@inline
function moved(pointer: u32, bytes: i32, mask: u32): u32 {
  return (pointer & ~mask) | ((pointer + bytes) & mask)
}

/** Adds `bytes` to the stack pointer, 16 or 32 bits wide by SS.B. */
export function moveStackPointer(bytes: i32): void {
  store<u32>(ESP, moved(load<u32>(ESP), bytes, stackMask()))
}

/** Sets the stack pointer after a return to an outer level: SP alone if the new SS is 16 bits wide. */
export function setStackPointer(value: u32): void {
  const mask = stackMask()
  store<u32>(ESP, (load<u32>(ESP) & ~mask) | (value & mask))
}

/** Opens a frame on the current stack, with the rights of the current privilege level. */
export function openFrame(): void {
  frameBase = load<u32>(SEGMENT_BASE + (SEGMENT_SS << 3))
  frameLimit = load<u32>(SEGMENT_LIMIT + (SEGMENT_SS << 3))
  frameAccess = load<u32>(SEGMENT_ACCESS + (SEGMENT_SS << 3))
  frameMask = stackMask()
  framePointer = load<u32>(ESP)
  frameUser = load<u32>(CPL) == 3
  frameError = 0
}

/** Opens a frame on the stack of an inner level: its selector, descriptor and stack pointer, and the new CPL. */
export function openInnerFrame(selector: u32, low: u32, high: u32, pointer: u32, cpl: u32): void {
  frameBase = baseOf(low, high)
  frameLimit = limitOf(low, high)
  frameAccess = accessOf(high)
  frameMask = frameAccess & ACCESS_BIG ? 0xffffffff : 0xffff
  framePointer = pointer
  frameUser = cpl == 3
  frameError = selector
}

/** Pushes `value`, `size` bits wide (16 or 32), to the open frame. False with #SS or #PF raised. */
export function framePush(value: u32, size: u32): bool {
  const bytes = size >> 3
  const pointer = moved(framePointer, -(<i32>bytes), frameMask)
  const offset = pointer & frameMask
  if (!isStack(frameAccess) || !withinLimit(frameAccess, frameLimit, offset, bytes)) {
    raiseSelector(VECTOR_SS, frameError)
    return false
  }
  if (size == 16) writeAs16(frameBase + offset, value & 0xffff, frameUser)
  else writeAs32(frameBase + offset, value, frameUser)
  if (faulted()) return false
  framePointer = pointer
  return true
}

/** Makes the pointer of the open frame ESP. For an inner frame, SS has been loaded before. */
export function closeFrame(): void {
  store<u32>(ESP, framePointer)
}

/**
 * Reads the `size`-bit value (16 or 32) that lies `bytes` bytes above the stack pointer, without moving it.
 * Raises #SS(0) or #PF.
 */
export function peek(bytes: u32, size: u32): u32 {
  const offset = (load<u32>(ESP) + bytes) & stackMask()
  const linear = segmentRead(SEGMENT_SS, offset, size >> 3)
  if (faulted()) return 0
  return size == 16 ? read16(linear) : read32(linear)
}

/** POP Sreg: `size` 16 or 32. ESP moves by the width of the stack popped from, also when SS changes. */
export function popSegment(segment: u32, size: u32): void {
  const selector = peek(0, size)
  if (faulted()) return
  const pointer = moved(load<u32>(ESP), <i32>(size >> 3), stackMask())
  moveToSegment(segment, selector & 0xffff)
  if (!faulted()) store<u32>(ESP, pointer)
}
