/**
 * A small writer of ACPI Machine Language: each function returns the bytes of one term.
 *
 *     scope('\\_SB', device('RTC', name('_HID', eisaId('PNP0B00')), name('_CRS', resources(io(0x70, 2), irq(8)))))
 *
 * Source: ACPI 1.0b, chapters 6.4 (resource descriptors) and 16 (AML).
 */
export type Aml = number[]

const ZERO_OP = 0x00
const ONE_OP = 0x01
const NAME_OP = 0x08
const BYTE_PREFIX = 0x0a
const WORD_PREFIX = 0x0b
const DWORD_PREFIX = 0x0c
const STRING_PREFIX = 0x0d
const SCOPE_OP = 0x10
const BUFFER_OP = 0x11
const PACKAGE_OP = 0x12
const EXTENDED_PREFIX = 0x5b
const PROCESSOR_OP = 0x83
const DEVICE_OP = 0x82
const NAME_BYTES = 4

/** Little-endian bytes of a number. */
function littleEndian(value: number, count: number): Aml {
  return Array.from({ length: count }, (_, i) => Math.floor(value / 2 ** (8 * i)) & 0xff)
}

/** PkgLength, which counts itself, followed by the body. */
function packaged(body: Aml): Aml {
  const short = body.length + 1
  if (short < 0x40) return [short, ...body]
  const following = body.length + 2 < 0x1000 ? 1 : 2
  const length = body.length + 1 + following
  const bytes = littleEndian(Math.floor(length / 16), following)
  return [(following << 6) | (length & 15), ...bytes, ...body]
}

function segment(text: string): Aml {
  return [...text.padEnd(NAME_BYTES, '_')].map((character) => character.charCodeAt(0))
}

/** A name of one segment, with an optional leading backslash. */
function nameString(path: string): Aml {
  return path.startsWith('\\') ? [0x5c, ...segment(path.slice(1))] : segment(path)
}

export function integer(value: number): Aml {
  if (value === 0) return [ZERO_OP]
  if (value === 1) return [ONE_OP]
  if (value < 0x100) return [BYTE_PREFIX, value]
  if (value < 0x10000) return [WORD_PREFIX, ...littleEndian(value, 2)]
  return [DWORD_PREFIX, ...littleEndian(value, 4)]
}

export function string(text: string): Aml {
  return [STRING_PREFIX, ...[...text].map((character) => character.charCodeAt(0)), 0]
}

/** A compressed EISA identifier: three letters and four hexadecimal digits. */
export function eisaId(id: string): Aml {
  const letters = [...id.slice(0, 3)].map((character) => character.charCodeAt(0) - 0x40)
  const vendor = (letters[0] << 10) | (letters[1] << 5) | letters[2]
  const product = Number.parseInt(id.slice(3), 16)
  return [DWORD_PREFIX, vendor >> 8, vendor & 0xff, product >> 8, product & 0xff]
}

export function name(path: string, value: Aml): Aml {
  return [NAME_OP, ...nameString(path), ...value]
}

export function scope(path: string, ...terms: Aml[]): Aml {
  return [SCOPE_OP, ...packaged([...nameString(path), ...terms.flat()])]
}

export function device(path: string, ...terms: Aml[]): Aml {
  return [EXTENDED_PREFIX, DEVICE_OP, ...packaged([...nameString(path), ...terms.flat()])]
}

/** A processor without throttling or sleep registers. */
export function processor(path: string, id: number): Aml {
  return [EXTENDED_PREFIX, PROCESSOR_OP, ...packaged([...nameString(path), id, ...littleEndian(0, 4), 0])]
}

/** A package of at most 255 elements. */
export function package_(...elements: Aml[]): Aml {
  return [PACKAGE_OP, ...packaged([elements.length, ...elements.flat()])]
}

/** A resource template: descriptors in a buffer, with the end tag. */
export function resources(...descriptors: Aml[]): Aml {
  const body = [...descriptors.flat(), 0x79, 0]
  return [BUFFER_OP, ...packaged([...integer(body.length), ...body])]
}

/** Fixed I/O ports, all 16 address bits decoded. */
export function io(first: number, count: number): Aml {
  return [0x47, 1, ...littleEndian(first, 2), ...littleEndian(first, 2), 1, count]
}

/** A fixed range of memory, read and written. */
export function memory(first: number, bytes: number): Aml {
  return [0x86, ...littleEndian(9, 2), READ_WRITE, ...littleEndian(first, 4), ...littleEndian(bytes, 4)]
}

/** An edge-triggered, active-high ISA interrupt. */
export function irq(number: number): Aml {
  return [0x22, ...littleEndian(1 << number, 2)]
}

/** An 8-bit ISA DMA channel, no bus master. */
export function dma(channel: number): Aml {
  return [0x2a, 1 << channel, 0]
}

enum AddressSpace { Memory = 0, Io = 1, Bus = 2 }

/** Producer, minimum and maximum fixed, positive decode. */
const FIXED_WINDOW = 0x0c
const WHOLE_RANGE = 0x03
const READ_WRITE = 0x01

function window(tag: number, width: number, space: AddressSpace, flags: number, first: number, last: number): Aml {
  const fields = [0, first, last, 0, last - first + 1].flatMap((value) => littleEndian(value, width))
  return [tag, ...littleEndian(3 + fields.length, 2), space, FIXED_WINDOW, flags, ...fields]
}

/** Bus numbers a host bridge leads to. */
export function busWindow(first: number, last: number): Aml {
  return window(0x88, 2, AddressSpace.Bus, 0, first, last)
}

/** I/O ports a host bridge passes on. */
export function ioWindow(first: number, last: number): Aml {
  return window(0x88, 2, AddressSpace.Io, WHOLE_RANGE, first, last)
}

/** Memory a host bridge passes on (below 4 GiB, uncached). */
export function memoryWindow(first: number, last: number): Aml {
  return window(0x87, 4, AddressSpace.Memory, READ_WRITE, first, last)
}
