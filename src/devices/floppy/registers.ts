/** Registers of the 82077AA, their bits, and the times that it takes. Source: Intel 82077AA datasheet. */

export enum Port { Output = 0x3f2, Tape = 0x3f3, Status = 0x3f4, Data = 0x3f5, Input = 0x3f7 }
export const DMA_CHANNEL = 2
export const DRIVES = 4

/** Digital output register. */
export const OUTPUT_NO_RESET = 0x04
export const OUTPUT_DMA = 0x08
/** Main status register. */
export const STATUS_READY = 0x80
export const STATUS_TO_HOST = 0x40
export const STATUS_PIO = 0x20
export const STATUS_BUSY = 0x10
/** Data rate select register. */
export const RATE_RESET = 0x80
export const RATE_MASK = 0x03
export const INPUT_CHANGED = 0x80

/** Status register 0: abnormal end, invalid command, ready changed, seek end, equipment check, not ready. */
export const ST0_ABNORMAL = 0x40
export const ST0_INVALID = 0x80
export const ST0_POLLED = 0xc0
export const ST0_SEEK_END = 0x20
export const ST0_NOT_READY = 0x08
/** Status register 1: end of cylinder, no data, not writable, missing address mark. */
export const ST1_END = 0x80
export const ST1_NO_DATA = 0x04
export const ST1_WRITE_PROTECTED = 0x02
export const ST1_NO_MARK = 0x01
export const ST2_WRONG_CYLINDER = 0x10
export const ST2_NO_MARK = 0x01
export const ST3_WRITE_PROTECTED = 0x40
export const ST3_READY = 0x20
export const ST3_TRACK_0 = 0x10
export const ST3_TWO_SIDES = 0x08

export const VERSION_82077 = 0x90
export const LOCKED = 0x10
export const SECTOR_SIZE_512 = 2
export const CONFIGURE_IMPLIED_SEEK = 0x40
export const SPECIFY_NO_DMA = 0x01

/** Times in ns. Sectors come faster than a disk turns; programs that wait for interrupts cannot tell. */
export const RESET_NS = 20_000
export const SEEK_STEP_NS = 20_000
export const SECTOR_NS = 20_000
/** How soon a transfer looks again whether the DMA channel is open. */
export const RETRY_NS = 100_000

/** What DUMP REGISTERS tells. */
interface Dumped {
  readonly specify: readonly number[]
  readonly lastSector: number
  readonly locked: boolean
  readonly perpendicular: number
  readonly configuration: readonly number[]
}

/** The ten bytes of DUMP REGISTERS; `cylinders` of the four drives. */
export function dumpOf(r: Dumped, cylinders: readonly number[]): number[] {
  const options = (r.locked ? 0x80 : 0) | (r.perpendicular & 0x3f)
  return [...cylinders, ...r.specify, r.lastSector, options, r.configuration[1], r.configuration[2]]
}
