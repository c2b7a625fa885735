/** ENTER (SDM vol. 2): the stack frame with nested frame pointers, in one piece because its length varies. */
import { GPR, GPR_EBP, GPR_ESP, MODE, MODE_STACK32, SEGMENT_SS } from '../../build/helpers/layout'
import { faulted, probeWrite, read16, read32, write16, write32 } from './memory'
import { segmentRead, segmentWrite } from './segments'

/** Loads from SS:offset. */
function peekStack(offset: u32, size: u32): u32 {
  const linear = segmentRead(SEGMENT_SS, offset, size >> 3)
  if (faulted()) return 0
  return size == 32 ? read32(linear) : read16(linear)
}

/** Stores to SS:offset. */
function pokeStack(offset: u32, value: u32, size: u32): void {
  const linear = segmentWrite(SEGMENT_SS, offset, size >> 3)
  if (faulted()) return
  if (size == 32) write32(linear, value)
  else write16(linear, value)
}

/**
 * ENTER with `locals` bytes of locals, nesting `level` 0..31 and operand `size` 16 or 32. Stores below the stack
 * pointer may have happened when it raises #SS or #PF; ESP and EBP have not changed then, so it can be repeated.
 */
export function enter(locals: u32, level: u32, size: u32): void {
  const mask: u32 = (load<u32>(MODE) & MODE_STACK32) != 0 ? 0xffffffff : 0xffff
  const bytes = size >> 3
  const esp = load<u32>(GPR + GPR_ESP * 8)
  const ebp = load<u32>(GPR + GPR_EBP * 8)
  let top = (esp - bytes) & mask
  pokeStack(top, ebp, size)
  if (faulted()) return
  // The frame pointer has all bits of ESP even when the stack moves SP alone.
  const frame = (esp & ~mask) | top
  for (let i: u32 = 1; i < level; i++) {
    const pointer = peekStack((ebp - bytes * i) & mask, size)
    if (faulted()) return
    top = (top - bytes) & mask
    pokeStack(top, pointer, size)
    if (faulted()) return
  }
  if (level > 0) {
    top = (top - bytes) & mask
    pokeStack(top, frame, size)
    if (faulted()) return
  }
  top = (top - locals) & mask
  // The manual demands that the final top of stack can be written (SDM vol. 2, "ENTER", page-fault conditions).
  const linear = segmentWrite(SEGMENT_SS, top, bytes)
  if (faulted()) return
  probeWrite(linear, bytes)
  if (faulted()) return
  store<u32>(GPR + GPR_EBP * 8, size == 32 ? frame : (ebp & 0xffff0000) | (frame & 0xffff))
  store<u32>(GPR + GPR_ESP * 8, (esp & ~mask) | top)
}
