/** SCAN commands: a sector is compared with what the host sends. Source: Intel 82077AA datasheet, 5.1.9 and table 5-9. */
import { FloppyCommand } from './commands.ts'

/** A byte of either side that is equal to everything. */
const WILDCARD = 0xff

/** Status register 2: equal everywhere, and not satisfied. */
export const ST2_SCAN_HIT = 0x08
export const ST2_SCAN_NOT_SATISFIED = 0x04

export function isScan(command: FloppyCommand | undefined): boolean {
  return command === FloppyCommand.ScanEqual || command === FloppyCommand.ScanLow || command === FloppyCommand.ScanHigh
}

/** Status register 2 after the comparison of a sector with as many bytes as the host has sent. */
export function scanStatus(command: FloppyCommand | undefined, sector: Uint8Array, sent: Uint8Array): number {
  let isEqual = true
  for (const [i, wanted] of sent.entries()) {
    const found = sector[i]
    if (found === wanted || found === WILDCARD || wanted === WILDCARD) continue
    isEqual = false
    const satisfies = (command === FloppyCommand.ScanLow && found < wanted) || (command === FloppyCommand.ScanHigh && found > wanted)
    if (!satisfies) return ST2_SCAN_NOT_SATISFIED
  }
  return isEqual ? ST2_SCAN_HIT : 0
}
