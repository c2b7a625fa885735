/**
 * SMBIOS tables: who made the machine, its BIOS, processor and memory. The firmware puts them into memory.
 *
 *     const { anchor, tables } = buildSmbios({ memoryBytes })
 *     fwCfg.setFile('etc/smbios/smbios-anchor', anchor); fwCfg.setFile('etc/smbios/smbios-tables', tables)
 *
 * Source: DMTF DSP0134, System Management BIOS 2.8. The anchor's table address and checksums are the firmware's to fill.
 */

const ANCHOR_BYTES = 31
const INTERMEDIATE_BYTES = 15
const INTERMEDIATE_OFFSET = 16
const MAJOR = 2
const MINOR = 8
const MEBIBYTE = 1 << 20
const MAKER = 'tabpc'
const PRODUCT = 'tabpc virtual PC (i440FX)'
const VERSION = '1.0'
const RELEASE_DATE = '01/01/2024'

enum Type {
  Bios = 0, System = 1, Enclosure = 3, Processor = 4, MemoryArray = 16, MemoryDevice = 17, MappedArray = 19, Boot = 32,
  End = 127,
}

export interface Smbios { readonly anchor: Uint8Array, readonly tables: Uint8Array }

/** A structure under construction: fields by width, and its strings. */
class Structure {
  private readonly fields: number[] = []
  private readonly strings: string[] = []
  private readonly type: Type
  readonly handle: number

  constructor(type: Type, handle: number) {
    this.type = type
    this.handle = handle
  }

  bytes(...values: number[]): this {
    this.fields.push(...values)
    return this
  }

  word(value: number): this {
    return this.bytes(value & 0xff, (value >> 8) & 0xff)
  }

  dword(value: number): this {
    return this.word(value & 0xffff).word(value >>> 16)
  }

  /** The number of a string that follows the structure. */
  text(value: string): this {
    return this.bytes(this.strings.push(value))
  }

  finish(): number[] {
    const header = [this.type, this.fields.length + 4, this.handle & 0xff, this.handle >> 8]
    const texts = this.strings.flatMap(value => [...Array.from(value, character => character.charCodeAt(0)), 0])
    return [...header, ...this.fields, ...(texts.length > 0 ? texts : [0]), 0]
  }
}

/** Builds the tables for that much RAM. */
export function buildSmbios({ memoryBytes }: { memoryBytes: number }): Smbios {
  const kibibytes = Math.floor(memoryBytes / 1024)
  const array = new Structure(Type.MemoryArray, 0x1000)
    // On the board, system memory, errors of several bits are corrected; one device.
    .bytes(3, 3, 6).dword(kibibytes).word(0xfffe).word(1)
  const structures = [
    // No BIOS characteristics but "unknown"; a virtual machine.
    new Structure(Type.Bios, 0).text(MAKER).text(VERSION).word(0xe800).text(RELEASE_DATE).bytes(0)
      .dword(0x08).dword(0).bytes(0, 0x14, 0, 0, 0xff, 0xff),
    new Structure(Type.System, 0x100).text(MAKER).text(PRODUCT).text(VERSION).bytes(0)
      .bytes(...new Array<number>(16).fill(0)).bytes(6).bytes(0, 0),
    new Structure(Type.Enclosure, 0x300).text(MAKER).bytes(1).text(VERSION).bytes(0, 0, 3, 3, 3, 2).dword(0)
      .bytes(0, 0, 0, 0, 0),
    new Structure(Type.Processor, 0x400).text('CPU 0').bytes(3, 1).text(MAKER).dword(0).dword(0).text(VERSION)
      .bytes(0).word(0).word(1000).word(1000).bytes(0x41, 1).word(0xffff).word(0xffff).word(0xffff)
      .bytes(0, 0, 0, 1, 1, 1).word(0x02).word(1),
    array,
    new Structure(Type.MemoryDevice, 0x1100).word(array.handle).word(0xfffe).word(0xffff).word(0xffff)
      .word(Math.min(0x7fff, Math.floor(memoryBytes / MEBIBYTE))).bytes(9, 0).text('DIMM 0').bytes(0, 7).word(2).word(0)
      .text(MAKER).bytes(0, 0, 0, 0).dword(0).word(0).word(0).word(0).word(0),
    new Structure(Type.MappedArray, 0x1300).dword(0).dword(Math.max(0, kibibytes - 1)).word(array.handle).bytes(1),
    new Structure(Type.Boot, 0x2000).bytes(0, 0, 0, 0, 0, 0, 0),
    new Structure(Type.End, 0x7f00),
  ].map(structure => structure.finish())
  const tables = Uint8Array.from(structures.flat())
  const longest = Math.max(...structures.map(bytes => bytes.length))
  return { anchor: anchorOf(tables.length, structures.length, longest), tables }
}

function anchorOf(length: number, count: number, longest: number): Uint8Array {
  const bytes = new Uint8Array(ANCHOR_BYTES)
  const view = new DataView(bytes.buffer)
  put(bytes, 0, '_SM_')
  bytes.set([ANCHOR_BYTES, MAJOR, MINOR], 5)
  view.setUint16(8, longest, true)
  put(bytes, INTERMEDIATE_OFFSET, '_DMI_')
  view.setUint16(INTERMEDIATE_OFFSET + 6, length, true)
  view.setUint16(INTERMEDIATE_OFFSET + 12, count, true)
  bytes[INTERMEDIATE_OFFSET + 14] = (MAJOR << 4) | MINOR
  bytes[INTERMEDIATE_OFFSET + 5] = checksum(bytes.subarray(INTERMEDIATE_OFFSET, INTERMEDIATE_OFFSET + INTERMEDIATE_BYTES))
  bytes[4] = checksum(bytes)
  return bytes
}

function put(bytes: Uint8Array, offset: number, text: string): void {
  for (let i = 0; i < text.length; i++) bytes[offset + i] = text.charCodeAt(i)
}

function checksum(bytes: Uint8Array): number {
  return -bytes.reduce((sum, byte) => sum + byte, 0) & 0xff
}
