/** The standard formats of floppy disks, found by the size of the image. Source: 82077AA datasheet; ECMA-125 and others. */

/** Values of the data rate bits: 500, 300, 250 and 1000 kbit/s. */
export enum DataRate { Kbit500, Kbit300, Kbit250, Kbit1000 }

/** Drive types as CMOS byte 10h names them. */
export enum DriveType { None, Kb360, Mb12, Kb720, Mb144, Mb288 }

export interface FloppyFormat {
  readonly cylinders: number
  readonly heads: number
  readonly sectors: number
  readonly rate: DataRate
  readonly drive: DriveType
}

export const FLOPPY_SECTOR_BYTES = 512

const formats: readonly FloppyFormat[] = [
  { cylinders: 80, heads: 2, sectors: 18, rate: DataRate.Kbit500, drive: DriveType.Mb144 },
  { cylinders: 80, heads: 2, sectors: 36, rate: DataRate.Kbit1000, drive: DriveType.Mb288 },
  { cylinders: 80, heads: 2, sectors: 9, rate: DataRate.Kbit250, drive: DriveType.Mb144 },
  { cylinders: 80, heads: 2, sectors: 15, rate: DataRate.Kbit500, drive: DriveType.Mb12 },
  { cylinders: 40, heads: 2, sectors: 9, rate: DataRate.Kbit300, drive: DriveType.Mb12 },
  { cylinders: 40, heads: 1, sectors: 9, rate: DataRate.Kbit300, drive: DriveType.Mb12 },
  { cylinders: 40, heads: 2, sectors: 8, rate: DataRate.Kbit300, drive: DriveType.Mb12 },
  { cylinders: 40, heads: 1, sectors: 8, rate: DataRate.Kbit300, drive: DriveType.Mb12 },
  { cylinders: 80, heads: 2, sectors: 10, rate: DataRate.Kbit250, drive: DriveType.Mb144 },
  { cylinders: 80, heads: 2, sectors: 20, rate: DataRate.Kbit500, drive: DriveType.Mb144 },
  { cylinders: 80, heads: 2, sectors: 21, rate: DataRate.Kbit500, drive: DriveType.Mb144 },
  { cylinders: 82, heads: 2, sectors: 21, rate: DataRate.Kbit500, drive: DriveType.Mb144 },
  { cylinders: 83, heads: 2, sectors: 21, rate: DataRate.Kbit500, drive: DriveType.Mb144 },
]

export function formatBytes({ cylinders, heads, sectors }: FloppyFormat): number {
  return cylinders * heads * sectors * FLOPPY_SECTOR_BYTES
}

/** The format of an image of `bytes` bytes. A short image is the beginning of a disk of 1.44 MB; too long: undefined. */
export function formatOf(bytes: number): FloppyFormat | undefined {
  const exact = formats.find(format => formatBytes(format) === bytes)
  if (exact) return exact
  return bytes > 0 && bytes < formatBytes(formats[0]) ? formats[0] : undefined
}

/** What CMOS says of drives A and B: the types in byte 10h, and their number in the equipment byte. */
export function floppyTypes(
  drives: readonly [{ readonly bytes: number } | null | undefined, { readonly bytes: number } | null | undefined],
): { readonly cmos: number, readonly equipment: number } {
  const [a, b] = drives.map(disk => {
    if (disk === undefined) return DriveType.None
    return (disk && formatOf(disk.bytes)?.drive) || DriveType.Mb144
  })
  const count = (a === DriveType.None ? 0 : 1) + (b === DriveType.None ? 0 : 1)
  return { cmos: (a << 4) | b, equipment: count === 0 ? 0 : 1 | ((count - 1) << 6) }
}
