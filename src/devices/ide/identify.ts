/**
 * The 256 words of IDENTIFY DEVICE and IDENTIFY PACKET DEVICE. Source: ATA/ATAPI-6, 8.15 and 8.16.
 */
import type { Geometry } from './ata-disk.ts'

const WORDS = 256
const MODEL_DISK = 'TABPC HARDDISK'
const MODEL_CDROM = 'TABPC CD-ROM'
const FIRMWARE = '1.0'
const LBA28_SECTORS = 2 ** 28

const CAPABLE_DMA = 1 << 8
const CAPABLE_LBA = 1 << 9
const CAPABLE_IORDY = 3 << 10
const WORDS_54_64_88_VALID = 7
const PIO_3_AND_4 = 3
const CYCLE_NS = 120
const ATA_4_TO_6 = 0x70
const WORD_VALID = 1 << 14
const WRITE_CACHE = 1 << 5
const SET_FLUSH = (1 << 12) | (1 << 13)
const SET_LBA48 = 1 << 10
/** A cable of 80 wires, device 0 or 1 by jumper. */
const HARDWARE_RESET_RESULT = 0x600b | (1 << 14)

export interface DiskIdentity {
  readonly sectors: number
  readonly native: Geometry
  readonly current: Geometry
  readonly serial: string
  readonly multiple: number
  readonly mostMultiple: number
  /** Selected DMA modes; -1: none of this kind. */
  readonly multiwordMode: number
  readonly ultraMode: number
}

/** Characters in a field of words, the first one of each pair in the high byte. */
function putText(words: Uint16Array, first: number, count: number, text: string): void {
  const padded = text.padEnd(count * 2)
  for (let i = 0; i < count; i++) words[first + i] = (padded.charCodeAt(2 * i) << 8) | padded.charCodeAt(2 * i + 1)
}

function putModes(words: Uint16Array, multiwordMode: number, ultraMode: number): void {
  words[53] = WORDS_54_64_88_VALID
  words[63] = 0x07 | (multiwordMode >= 0 ? 0x100 << multiwordMode : 0)
  words[64] = PIO_3_AND_4
  for (let i = 65; i <= 68; i++) words[i] = CYCLE_NS
  words[80] = ATA_4_TO_6
  words[88] = 0x3f | (ultraMode >= 0 ? 0x100 << ultraMode : 0)
  words[93] = HARDWARE_RESET_RESULT
}

function bytesOf(words: Uint16Array): Uint8Array {
  const bytes = new Uint8Array(words.length * 2)
  words.forEach((word, i) => {
    bytes[2 * i] = word & 0xff
    bytes[2 * i + 1] = word >> 8
  })
  return bytes
}

export function identifyDisk(identity: DiskIdentity): Uint8Array {
  const { sectors, native, current } = identity
  const words = new Uint16Array(WORDS)
  words[0] = 0x0040
  words[1] = native.cylinders
  words[3] = native.heads
  words[6] = native.sectors
  putText(words, 10, 10, identity.serial)
  putText(words, 23, 4, FIRMWARE)
  putText(words, 27, 20, MODEL_DISK)
  words[47] = 0x8000 | identity.mostMultiple
  words[49] = CAPABLE_DMA | CAPABLE_LBA | CAPABLE_IORDY
  words[50] = WORD_VALID
  words[51] = 0x0200
  putModes(words, identity.multiwordMode, identity.ultraMode)
  const capacity = Math.min(sectors, current.cylinders * current.heads * current.sectors)
  words[54] = current.cylinders
  words[55] = current.heads
  words[56] = current.sectors
  words[57] = capacity & 0xffff
  words[58] = capacity >>> 16
  words[59] = identity.multiple > 0 ? 0x100 | identity.multiple : 0
  const lba28 = Math.min(sectors, LBA28_SECTORS - 1)
  words[60] = lba28 & 0xffff
  words[61] = lba28 >>> 16
  words[82] = WRITE_CACHE
  words[83] = WORD_VALID | SET_FLUSH | SET_LBA48
  words[84] = WORD_VALID
  words[85] = WRITE_CACHE
  words[86] = SET_FLUSH | SET_LBA48
  words[87] = WORD_VALID
  for (let i = 0; i < 4; i++) words[100 + i] = Math.floor(sectors / 2 ** (16 * i)) & 0xffff
  return bytesOf(words)
}

/** A removable CD-ROM drive that takes 12-byte packets and asks for them within 50 us. */
export function identifyCdrom(serial: string, multiwordMode: number, ultraMode: number): Uint8Array {
  const words = new Uint16Array(WORDS)
  words[0] = 0x85c0
  putText(words, 10, 10, serial)
  putText(words, 23, 4, FIRMWARE)
  putText(words, 27, 20, MODEL_CDROM)
  words[49] = CAPABLE_DMA | CAPABLE_LBA | CAPABLE_IORDY
  putModes(words, multiwordMode, ultraMode)
  words[82] = (1 << 4) | (1 << 9)
  words[83] = WORD_VALID
  words[84] = WORD_VALID
  words[85] = words[82]
  words[87] = WORD_VALID
  return bytesOf(words)
}
