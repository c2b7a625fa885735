/** Makes small kernels, field by field, for the specs of the loaders. */

export const MEBIBYTE = 1024 ** 2

/** Fields of a setup header that a spec wants otherwise; names and meanings as in boot.rst. */
export interface BzImageFields {
  readonly version?: number
  readonly loadflags?: number
  readonly xloadflags?: number
  readonly code32Start?: number
  readonly setupSects?: number
  readonly syssize?: number
  readonly initrdAddrMax?: number
  readonly kernelAlignment?: number
  readonly relocatable?: number
  readonly cmdlineSize?: number
  readonly prefAddress?: number
  readonly initSize?: number
  /** Bytes of the protected-mode part. */
  readonly code?: Uint8Array
}

export const CODE = Uint8Array.from({ length: 4096 }, (_, index) => (index * 7 + 1) & 0xff)

/** A bzImage whose protected-mode part is `CODE` unless told otherwise. */
export function makeBzImage(fields: BzImageFields = {}): Uint8Array {
  const code = fields.code ?? CODE
  const codeOffset = (4 + 1) * 512
  const file = new Uint8Array(codeOffset + code.length)
  const view = new DataView(file.buffer)
  file.set(code, codeOffset)
  view.setUint8(0x1f1, fields.setupSects ?? 4)
  view.setUint32(0x1f4, fields.syssize ?? Math.ceil(code.length / 16), true)
  view.setUint16(0x1fe, 0xaa55, true)
  view.setUint16(0x200, 0x66eb, true)
  file.set(new TextEncoder().encode('HdrS'), 0x202)
  view.setUint16(0x206, fields.version ?? 0x20f, true)
  view.setUint16(0x20e, 0x100, true)
  file.set(new TextEncoder().encode('6.1.0-test (someone@somewhere) #1\0'), 0x300)
  view.setUint8(0x211, fields.loadflags ?? 0x81)
  view.setUint32(0x214, fields.code32Start ?? 0x100000, true)
  view.setUint32(0x22c, fields.initrdAddrMax ?? 0x7fffffff, true)
  view.setUint32(0x230, fields.kernelAlignment ?? 0x200000, true)
  view.setUint8(0x234, fields.relocatable ?? 1)
  view.setUint16(0x236, fields.xloadflags ?? 0, true)
  view.setUint32(0x238, fields.cmdlineSize ?? 2047, true)
  view.setBigUint64(0x258, BigInt(fields.prefAddress ?? 0x1000000), true)
  view.setUint32(0x260, fields.initSize ?? 0x100000, true)
  return file
}

export interface ElfSegmentFields {
  readonly physical: number
  readonly virtual?: number
  readonly bytes: Uint8Array
  readonly memoryBytes?: number
}

export interface ElfFields {
  readonly segments?: readonly ElfSegmentFields[]
  readonly entry?: number
  readonly flags?: number
  /** Header fields by offset: 16-bit values, set last. */
  readonly patches16?: ReadonlyArray<readonly [offset: number, value: number]>
  readonly patches8?: ReadonlyArray<readonly [offset: number, value: number]>
}

const ELF_HEADER_BYTES = 52
const PROGRAM_HEADER_BYTES = 32

/** The 12 bytes of a Multiboot header with valid checksum, and `more` words behind them. */
export function multibootHeader(flags: number, more: readonly number[] = []): Uint8Array {
  const words = [0x1badb002, flags, -(0x1badb002 + flags), ...more]
  const bytes = new Uint8Array(words.length * 4)
  const view = new DataView(bytes.buffer)
  for (const [index, word] of words.entries()) view.setUint32(index * 4, word >>> 0, true)
  return bytes
}

/** An ELF32 executable with a Multiboot header behind its program headers. */
export function makeElf(fields: ElfFields = {}): Uint8Array {
  const segments = fields.segments ?? [{ physical: 0x100000, bytes: CODE, memoryBytes: 0x3000 }]
  const header = multibootHeader(fields.flags ?? 3)
  const headerOffset = ELF_HEADER_BYTES + segments.length * PROGRAM_HEADER_BYTES
  const dataOffset = headerOffset + header.length
  const file = new Uint8Array(dataOffset + segments.reduce((sum, segment) => sum + segment.bytes.length, 0))
  const view = new DataView(file.buffer)
  file.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1])
  view.setUint16(16, 2, true)
  view.setUint16(18, 3, true)
  view.setUint32(20, 1, true)
  view.setUint32(24, fields.entry ?? segments[0]?.virtual ?? segments[0]?.physical ?? 0, true)
  view.setUint32(28, ELF_HEADER_BYTES, true)
  view.setUint16(40, ELF_HEADER_BYTES, true)
  view.setUint16(42, PROGRAM_HEADER_BYTES, true)
  view.setUint16(44, segments.length, true)
  let offset = dataOffset
  for (const [index, segment] of segments.entries()) {
    const at = ELF_HEADER_BYTES + index * PROGRAM_HEADER_BYTES
    const words = [
      1,
      offset,
      segment.virtual ?? segment.physical,
      segment.physical,
      segment.bytes.length,
      segment.memoryBytes ?? segment.bytes.length,
      7,
      0x1000,
    ]
    for (const [word, value] of words.entries()) view.setUint32(at + word * 4, value, true)
    file.set(segment.bytes, offset)
    offset += segment.bytes.length
  }
  file.set(header, headerOffset)
  for (const [at, value] of fields.patches16 ?? []) view.setUint16(at, value, true)
  for (const [at, value] of fields.patches8 ?? []) view.setUint8(at, value)
  return file
}
