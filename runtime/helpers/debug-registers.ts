/**
 * MOV to and from the debug registers, and the bits of DR6 and DR7 that read as constants.
 *
 * Source: Intel SDM vol. 3, 17.2; vol. 2, MOV DR.
 */
import { CR4, CR4_DE, DR, VECTOR_DB, VECTOR_UD } from '../../build/helpers/layout'
import { reportDebug, updateBreakpoints } from './breakpoints'
import { DEBUG_FAULT } from './interrupts'
import { raise, raiseCode } from './memory'
import { requirePrivilege0 } from './protection'

const DR7: u32 = DR + (7 << 3)
/** DR6: bits that read as 1, and those that can be written (B0..B3, BD, BS, BT). */
const DR6_ONES: u32 = 0xffff0ff0
const DR6_WRITABLE: u32 = 0x0000e00f
/** DR6.BD: the next instruction would have touched a debug register. */
const DR6_BD: u32 = 1 << 13
/** DR7: bits that read as 1, and those that can be written (enables, GD, R/W and LEN fields). */
const DR7_ONES: u32 = 0x00000400
const DR7_WRITABLE: u32 = 0xffff23ff
/** DR7.GD: general detect. */
const DR7_GD: u32 = 1 << 13

/**
 * The register that `index` means (4 and 5 are 6 and 7 unless CR4.DE is set), or -1 with the exception raised:
 * #UD, #GP(0), or #DB when DR7.GD guards the registers.
 */
function accessible(index: u32): i32 {
  if (index == 4 || index == 5) {
    if (load<u32>(CR4) & CR4_DE) {
      raise(VECTOR_UD)
      return -1
    }
    index += 2
  }
  if (!requirePrivilege0()) return -1
  if (load<u32>(DR7) & DR7_GD) {
    reportDebug(DR6_BD)
    raiseCode(VECTOR_DB, DEBUG_FAULT)
    return -1
  }
  return <i32>index
}

/** MOV r32, DRn. */
export function readDebugRegister(index: u32): u32 {
  const register = accessible(index)
  if (register < 0) return 0
  const value = load<u32>(DR + ((<u32>register) << 3))
  if (register == 6) return (value & DR6_WRITABLE) | DR6_ONES
  return register == 7 ? (value & DR7_WRITABLE) | DR7_ONES : value
}

/** MOV DRn, r32. */
export function writeDebugRegister(index: u32, value: u32): void {
  const register = accessible(index)
  if (register < 0) return
  if (register == 6) value = (value & DR6_WRITABLE) | DR6_ONES
  if (register == 7) value = (value & DR7_WRITABLE) | DR7_ONES
  store<u32>(DR + ((<u32>register) << 3), value)
  if (register != 6) updateBreakpoints()
}
