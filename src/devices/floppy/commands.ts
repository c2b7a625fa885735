/** Commands of the 82077AA by the low bits of their first byte, with the number of bytes that they take. */

export enum FloppyCommand {
  ReadTrack = 0x02, Specify = 0x03, SenseDrive = 0x04, Write = 0x05, Read = 0x06, Recalibrate = 0x07,
  SenseInterrupt = 0x08, WriteDeleted = 0x09, ReadId = 0x0a, ReadDeleted = 0x0c, Format = 0x0d, DumpRegisters = 0x0e,
  Seek = 0x0f, Version = 0x10, ScanEqual = 0x11, Perpendicular = 0x12, Configure = 0x13, Unlock = 0x14, Verify = 0x16,
  ScanLow = 0x19, ScanHigh = 0x1d, Lock = 0x94, SeekOut = 0x8f, SeekIn = 0xcf,
}

/** Bits of read and write commands: both heads, double density, skip deleted data. */
export const MULTI_TRACK = 0x80
const MFM_AND_SKIP = 0x60

/** Bytes of each command, the first one included. */
const lengths = new Map<FloppyCommand, number>([
  [FloppyCommand.ReadTrack, 9], [FloppyCommand.Specify, 3], [FloppyCommand.SenseDrive, 2], [FloppyCommand.Write, 9],
  [FloppyCommand.Read, 9], [FloppyCommand.Recalibrate, 2], [FloppyCommand.SenseInterrupt, 1],
  [FloppyCommand.WriteDeleted, 9], [FloppyCommand.ReadId, 2], [FloppyCommand.ReadDeleted, 9],
  [FloppyCommand.Format, 6], [FloppyCommand.DumpRegisters, 1], [FloppyCommand.Seek, 3], [FloppyCommand.Version, 1],
  [FloppyCommand.ScanEqual, 9], [FloppyCommand.Perpendicular, 2], [FloppyCommand.Configure, 4],
  [FloppyCommand.Unlock, 1], [FloppyCommand.Verify, 9], [FloppyCommand.ScanLow, 9], [FloppyCommand.ScanHigh, 9],
  [FloppyCommand.Lock, 1], [FloppyCommand.SeekOut, 3], [FloppyCommand.SeekIn, 3],
])

/** Commands whose top bits are options. */
const withOptions = [
  FloppyCommand.ReadTrack, FloppyCommand.Write, FloppyCommand.Read, FloppyCommand.WriteDeleted, FloppyCommand.ReadId,
  FloppyCommand.ReadDeleted, FloppyCommand.Format, FloppyCommand.ScanEqual, FloppyCommand.Verify, FloppyCommand.ScanLow,
  FloppyCommand.ScanHigh,
]

/** The command that a first byte begins; undefined when it is none. */
export function commandOf(byte: number): FloppyCommand | undefined {
  if (lengths.has(byte)) return byte as FloppyCommand
  const plain = byte & ~(MULTI_TRACK | MFM_AND_SKIP)
  return withOptions.find(command => command === plain)
}

export function commandBytes(command: FloppyCommand): number {
  return lengths.get(command) ?? 1
}
