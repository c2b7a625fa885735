/**
 * I/O instructions: the right to use a port, and the access itself.
 *
 * Source: Intel SDM vol. 1, 18.5 (IOPL, I/O permission bitmap); vol. 2, IN, OUT.
 */
import { CPL, CR0, CR0_PE, SEGMENT_ACCESS, SEGMENT_BASE, SEGMENT_LIMIT, SEGMENT_TR } from '../../build/helpers/layout'
import { notePort } from './breakpoints'
import { TYPE_32 } from './descriptors'
import { readPort, writePort } from './host'
import { faulted, readSystem16 } from './memory'
import { ioPrivilegeLevel } from './protection'
import { inVirtual8086Mode, raiseGeneralProtection } from './segments'

/** Offset of the 16-bit I/O map base in a 32-bit TSS. */
const TSS_IO_BASE: u32 = 0x66

/** Raises #GP(0) unless this code may use the `bytes` ports from `port` (1, 2 or 4). */
export function checkIo(port: u32, bytes: u32): void {
  if ((load<u32>(CR0) & CR0_PE) == 0) return
  if (!inVirtual8086Mode() && load<u32>(CPL) <= ioPrivilegeLevel()) return
  const limit = load<u32>(SEGMENT_LIMIT + (SEGMENT_TR << 3))
  const wide = (load<u32>(SEGMENT_ACCESS + (SEGMENT_TR << 3)) & TYPE_32) != 0
  if (!wide || TSS_IO_BASE + 1 > limit) {
    raiseGeneralProtection()
    return
  }
  const base = load<u32>(SEGMENT_BASE + (SEGMENT_TR << 3))
  const map = readSystem16(base + TSS_IO_BASE)
  if (faulted()) return
  // The CPU always reads two bytes of the map, hence the byte of ones that must follow it.
  const offset = map + ((port & 0xffff) >> 3)
  if (offset + 1 > limit) {
    raiseGeneralProtection()
    return
  }
  const bits = readSystem16(base + offset)
  if (faulted()) return
  if ((bits >> (port & 7)) & ((1 << bytes) - 1)) raiseGeneralProtection()
}

/** IN: reads `bits` (8, 16, 32) from `port`. Raises #GP(0) where that is not allowed. */
export function portIn(port: u32, bits: u32): u32 {
  checkIo(port, bits >> 3)
  if (faulted()) return 0
  notePort(port & 0xffff, bits >> 3)
  return readPort(port & 0xffff, <i32>bits)
}

/** OUT: writes `bits` (8, 16, 32) to `port`. Raises #GP(0) where that is not allowed. */
export function portOut(port: u32, bits: u32, value: u32): void {
  checkIo(port, bits >> 3)
  if (faulted()) return
  notePort(port & 0xffff, bits >> 3)
  writePort(port & 0xffff, <i32>bits, value)
}
