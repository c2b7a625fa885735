/**
 * Cases in which the CPU that made the vectors leaves the architecture, so that no engine should follow it.
 */
import { Gpr } from '../../runtime/state.ts'
import { codeBits } from './environment.ts'
import type { Vector } from './vector.ts'

const ADDRESS_SIZE_PREFIX = 0x67
const SHORT_ADDRESS = 0xffff
/** How far apart source and destination are when copying in chunks does no harm. */
const CHUNK_BYTES = 64

function hasShortAddresses(vector: Vector): boolean {
  return (codeBits(vector.environment) === 16) !== vector.bytes.includes(ADDRESS_SIZE_PREFIX)
}

/**
 * INT1 is a trap (SDM vol. 3, 6.15, "#DB"), but under this CPU's hypervisor the address of the instruction is reported.
 * REP MOVS with 16-bit addresses judges by the upper halves of ESI and EDI whether source and destination overlap, so
 * it copies in chunks what must be copied one by one.
 */
export function isCaptureError(vector: Vector): boolean {
  const { mnemonic } = vector.row
  if (mnemonic === 'int1') return true
  if (mnemonic !== 'movs' || !hasShortAddresses(vector)) return false
  const esi = vector.registers[Gpr.Esi]
  const edi = vector.registers[Gpr.Edi]
  const distance = Math.abs((esi & SHORT_ADDRESS) - (edi & SHORT_ADDRESS))
  return (esi ^ edi) >>> 16 !== 0 && distance < CHUNK_BYTES
}
