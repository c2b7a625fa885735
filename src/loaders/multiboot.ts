/**
 * Loads a Multiboot 1 kernel: an ELF32 executable, or any file whose Multiboot header gives the addresses itself.
 *
 *   memory:  GDT, information structure, memory map, command line, names (below 640 KiB, clear of the kernel)
 *            | the kernel where it is linked | the initrd as module 0, on a page above the kernel
 *
 * The kernel starts in flat protected mode with EAX = the magic value and EBX = the information structure. A wish for a
 * graphics mode is answered by leaving the VBE and framebuffer fields invalid; section headers are not passed on.
 * Source: Multiboot Specification 0.6.96.
 */

import { PAGE_BYTES } from '../../runtime/memory-map.ts'
import { PCError } from '../errors.ts'
import {
  BOOT_CR0,
  BOOT_GDT_BYTES,
  type BootImage,
  flatSegments,
  type KernelRequest,
  type MemoryLoad,
} from './boot-image.ts'
import { type ElfSegment, isElf, readElf } from './elf.ts'
import {
  firmwareMap,
  HIGH_MEMORY_START,
  hexadecimal,
  LOW_MEMORY_END,
  mebibytes,
  PhysicalLayout,
} from './physical-layout.ts'

const HEADER_MAGIC = 0x1badb002
const BOOTLOADER_MAGIC = 0x2badb002
/** The header lies within the first 8192 bytes, on a 4-byte boundary. */
const SEARCH_BYTES = 8192
const HEADER_BYTES = 12
const ADDRESSED_HEADER_BYTES = 32

/** Offsets in the Multiboot header (section 3.1). */
enum Header {
  Magic = 0,
  Flags = 4,
  Checksum = 8,
  HeaderAddr = 12,
  LoadAddr = 16,
  LoadEndAddr = 20,
  BssEndAddr = 24,
  EntryAddr = 28,
}

/** Bits of the header's flags. Bits 0..15 are demands, the others are not. */
enum HeaderFlag {
  PageAlign = 1 << 0,
  MemoryInfo = 1 << 1,
  VideoMode = 1 << 2,
  AddressFields = 1 << 16,
}
const DEMANDS = 0xffff
const KNOWN_DEMANDS = HeaderFlag.PageAlign | HeaderFlag.MemoryInfo | HeaderFlag.VideoMode

/** Offsets in the information structure (section 3.3). */
enum Info {
  Flags = 0,
  MemLower = 4,
  MemUpper = 8,
  Cmdline = 16,
  ModsCount = 20,
  ModsAddr = 24,
  MmapLength = 44,
  MmapAddr = 48,
  BootLoaderName = 64,
  /** The structure ends with the framebuffer's colour information. */
  Bytes = 116,
}

/** Bits that say which fields of the information structure are valid. */
enum InfoFlag {
  Memory = 1 << 0,
  Cmdline = 1 << 2,
  Mods = 1 << 3,
  Mmap = 1 << 6,
  BootLoaderName = 1 << 9,
}

/** A module: start, end, string, reserved. A map entry: size of the rest, base, length, type. */
const MODULE_BYTES = 16
const MMAP_ENTRY_BYTES = 24
const MMAP_SIZE_FIELD_BYTES = 4

const BOOT_LOADER_NAME = 'tabpc'
/** The information is out of the way of the interrupt vectors and the BIOS data area. */
const INFO_FROM = 0x1000
const INFO_ALIGNMENT = 16
const STACK_BYTES = 0x1000
const CMDLINE_MOST_BYTES = 0x4000
const DAMAGED = 'the file is damaged; build or download it again'

/** Offset of the Multiboot header in a kernel file, or -1. */
export function findMultibootHeader(kernel: Uint8Array): number {
  const view = new DataView(kernel.buffer, kernel.byteOffset, kernel.byteLength)
  const end = Math.min(kernel.length, SEARCH_BYTES)
  for (let offset = 0; offset + HEADER_BYTES <= end; offset += 4) {
    if (view.getUint32(offset + Header.Magic, true) !== HEADER_MAGIC) continue
    const flags = view.getUint32(offset + Header.Flags, true)
    const checksum = view.getUint32(offset + Header.Checksum, true)
    if (((HEADER_MAGIC + flags + checksum) | 0) === 0) return offset
  }
  return -1
}

/**
 * Describes the memory and registers with which a Multiboot kernel starts.
 * Throws `PCError`: 'bad-kernel', 'bad-initrd', 'bad-memory', 'unsupported', and 'usage' for the command line.
 */
export function loadMultiboot(request: KernelRequest): BootImage {
  const { kernel } = request
  const headerOffset = findMultibootHeader(kernel)
  if (headerOffset < 0) {
    throw new PCError(
      'bad-kernel',
      'the kernel has no Multiboot header in its first 8192 bytes',
      'link the section of the header first',
    )
  }
  const view = new DataView(kernel.buffer, kernel.byteOffset, kernel.byteLength)
  const flags = view.getUint32(headerOffset + Header.Flags, true)
  const unknown = flags & DEMANDS & ~KNOWN_DEMANDS
  if (unknown) {
    throw new PCError(
      'unsupported',
      `the kernel's Multiboot header demands unknown features (flags ${hexadecimal(unknown)})`,
      'clear them, or use a Multiboot 1 header',
    )
  }

  const layout = new PhysicalLayout(request.memoryBytes)
  const addressed = (flags & HeaderFlag.AddressFields) !== 0
  const program = addressed ? readAddressed(kernel, view, headerOffset) : readElfProgram(kernel)
  for (const part of program.parts) layout.claim(part.physical, part.memoryBytes, part.what, 'bad-kernel')
  const loads: MemoryLoad[] = program.parts
    .filter(part => part.bytes.length > 0)
    .map(({ physical, bytes }) => ({ physical, bytes }))

  const module = placeModule(layout, request.initrd, program.end)
  if (module) loads.push(module)
  const gdtBase = placeInformation(layout, BOOT_GDT_BYTES, 'the GDT')
  const gdt = flatSegments(gdtBase)
  const information = buildInformation(layout, request, module)
  const stack = placeInformation(layout, STACK_BYTES, 'the stack')
  loads.push(gdt.load, information)
  return {
    kind: 'multiboot',
    description: addressed ? 'Multiboot kernel with address fields' : 'Multiboot ELF kernel',
    loads,
    registers: { eax: BOOTLOADER_MAGIC, ebx: information.physical, eip: program.entry, esp: stack + STACK_BYTES },
    segments: gdt.segments,
    cr0: BOOT_CR0,
  }
}

interface ProgramPart extends MemoryLoad {
  /** RAM that the part takes; what its bytes do not fill is zero. */
  readonly memoryBytes: number
  readonly what: string
}

interface Program {
  readonly parts: readonly ProgramPart[]
  readonly entry: number
  /** First address behind the program. */
  readonly end: number
}

function readElfProgram(kernel: Uint8Array): Program {
  if (!isElf(kernel)) {
    throw new PCError(
      'bad-kernel',
      'the kernel is no ELF file and its Multiboot header gives no addresses',
      'link it as elf32-i386, or set bit 16 of the flags and fill in the addresses',
    )
  }
  const { segments, entry } = readElf(kernel)
  return {
    parts: segments.map(segment => ({
      ...withoutHeadersInHole(segment, entry),
      what: `segment ${segment.index} of the kernel`,
    })),
    entry,
    end: Math.max(...segments.map(({ physical, memoryBytes }) => physical + memoryBytes)),
  }
}

/**
 * A kernel linked to 0x100000 often has its file headers in the page below, where a PC has its BIOS: they are of no use
 * there and are left out, as long as the kernel does not start among them.
 */
function withoutHeadersInHole(segment: ElfSegment, entry: number): MemoryLoad & { memoryBytes: number } {
  const { physical, bytes, memoryBytes, hasHeaders } = segment
  const below = HIGH_MEMORY_START - physical
  const startsInHole = physical >= LOW_MEMORY_END && below > 0
  if (!hasHeaders || !startsInHole || (entry >= physical && entry < HIGH_MEMORY_START)) return segment
  return { physical: HIGH_MEMORY_START, bytes: bytes.subarray(below), memoryBytes: Math.max(0, memoryBytes - below) }
}

/** The addresses of a header with bit 16 set (section 3.1.3). */
function readAddressed(kernel: Uint8Array, view: DataView, headerOffset: number): Program {
  if (headerOffset + ADDRESSED_HEADER_BYTES > kernel.length) {
    throw new PCError('bad-kernel', 'the kernel ends within its Multiboot header', DAMAGED)
  }
  const field = (offset: Header) => view.getUint32(headerOffset + offset, true)
  const loadAddress = field(Header.LoadAddr)
  const beforeHeader = field(Header.HeaderAddr) - loadAddress
  const fileOffset = headerOffset - beforeHeader
  if (beforeHeader < 0 || fileOffset < 0) {
    throw new PCError(
      'bad-kernel',
      `the kernel's Multiboot header does not lie at ${hexadecimal(field(Header.HeaderAddr))}, as it says`,
      'check header_addr and load_addr',
    )
  }
  const loadEnd = field(Header.LoadEndAddr) || loadAddress + kernel.length - fileOffset
  if (loadEnd <= loadAddress || fileOffset + loadEnd - loadAddress > kernel.length) {
    throw new PCError(
      'bad-kernel',
      `the kernel's Multiboot header ends its data at ${hexadecimal(loadEnd)}, where the file has none`,
      'check load_end_addr',
    )
  }
  const end = Math.max(loadEnd, field(Header.BssEndAddr))
  const entry = field(Header.EntryAddr)
  if (entry < loadAddress || entry >= loadEnd) {
    throw new PCError(
      'bad-kernel',
      `the kernel's entry point ${hexadecimal(entry)} lies outside of what is loaded`,
      'check entry_addr',
    )
  }
  const bytes = kernel.subarray(fileOffset, fileOffset + loadEnd - loadAddress)
  return { parts: [{ physical: loadAddress, bytes, memoryBytes: end - loadAddress, what: 'the kernel' }], entry, end }
}

/** A module lies behind the kernel, where a kernel's first allocator expects it, and always on a page boundary. */
function placeModule(
  layout: PhysicalLayout,
  initrd: Uint8Array | undefined,
  kernelEnd: number,
): MemoryLoad | undefined {
  if (!initrd) return undefined
  if (initrd.length === 0) {
    throw new PCError('bad-initrd', 'the initrd is empty', 'give a file to pass as a module, or none')
  }
  const from = Math.max(kernelEnd, HIGH_MEMORY_START)
  const physical = layout.placeLow(initrd.length, PAGE_BYTES, from, layout.memoryBytes, 'the initrd')
  if (physical === undefined) {
    throw new PCError(
      'bad-initrd',
      `the initrd of ${mebibytes(initrd.length)} does not fit between the kernel, which ends at ` +
        `${hexadecimal(from)}, and the end of memory at ${hexadecimal(layout.memoryBytes)}`,
      `give the machine at least ${mebibytes(from + initrd.length + PAGE_BYTES)} of memory`,
    )
  }
  return { physical, bytes: initrd }
}

/** A place for something small: in conventional memory, else above the kernel. */
function placeInformation(layout: PhysicalLayout, bytes: number, what: string): number {
  const place =
    layout.placeLow(bytes, INFO_ALIGNMENT, INFO_FROM, LOW_MEMORY_END, what) ??
    layout.placeLow(bytes, INFO_ALIGNMENT, HIGH_MEMORY_START, layout.memoryBytes, what)
  if (place === undefined) {
    throw new PCError('bad-memory', `the kernel leaves no room for ${what}`, 'give the machine more memory')
  }
  return place
}

/** The information structure and all that it points to, as one load that begins with the structure. */
function buildInformation(layout: PhysicalLayout, request: KernelRequest, module: MemoryLoad | undefined): MemoryLoad {
  const map = firmwareMap(request.memoryBytes)
  // As QEMU and GRUB have it, the kernel's own name comes first.
  const line = [request.kernelName, request.cmdline].filter(part => part).join(' ')
  const cmdline = terminated(line, 'command line')
  const moduleName = terminated(request.initrdName ?? '', 'name of the initrd')
  const loaderName = terminated(BOOT_LOADER_NAME, 'name of the boot loader')

  const mmapOffset = Info.Bytes
  const moduleOffset = mmapOffset + map.length * MMAP_ENTRY_BYTES
  const cmdlineOffset = moduleOffset + MODULE_BYTES
  const moduleNameOffset = cmdlineOffset + cmdline.length
  const loaderNameOffset = moduleNameOffset + moduleName.length
  const bytes = new Uint8Array(loaderNameOffset + loaderName.length)
  const base = placeInformation(layout, bytes.length, 'the Multiboot information')
  const view = new DataView(bytes.buffer)

  const valid = InfoFlag.Memory | InfoFlag.Cmdline | InfoFlag.Mods | InfoFlag.Mmap | InfoFlag.BootLoaderName
  view.setUint32(Info.Flags, valid, true)
  view.setUint32(Info.MemLower, LOW_MEMORY_END / 1024, true)
  view.setUint32(Info.MemUpper, Math.floor((request.memoryBytes - HIGH_MEMORY_START) / 1024), true)
  view.setUint32(Info.Cmdline, base + cmdlineOffset, true)
  view.setUint32(Info.MmapLength, map.length * MMAP_ENTRY_BYTES, true)
  view.setUint32(Info.MmapAddr, base + mmapOffset, true)
  view.setUint32(Info.BootLoaderName, base + loaderNameOffset, true)
  if (module) {
    view.setUint32(Info.ModsCount, 1, true)
    view.setUint32(Info.ModsAddr, base + moduleOffset, true)
    view.setUint32(moduleOffset, module.physical, true)
    view.setUint32(moduleOffset + 4, module.physical + module.bytes.length, true)
    view.setUint32(moduleOffset + 8, base + moduleNameOffset, true)
  }
  for (const [index, range] of map.entries()) {
    const entry = mmapOffset + index * MMAP_ENTRY_BYTES
    view.setUint32(entry, MMAP_ENTRY_BYTES - MMAP_SIZE_FIELD_BYTES, true)
    view.setBigUint64(entry + 4, BigInt(range.physical), true)
    view.setBigUint64(entry + 12, BigInt(range.bytes), true)
    view.setUint32(entry + 20, range.kind, true)
  }
  bytes.set(cmdline, cmdlineOffset)
  bytes.set(moduleName, moduleNameOffset)
  bytes.set(loaderName, loaderNameOffset)
  return { physical: base, bytes }
}

/** A string with its terminating NUL, as UTF-8. */
function terminated(text: string, what: string): Uint8Array {
  if (text.includes('\0')) throw new PCError('usage', `the ${what} holds a NUL character`, 'take it out')
  const encoded = new TextEncoder().encode(text)
  if (encoded.length >= CMDLINE_MOST_BYTES) {
    throw new PCError(
      'usage',
      `the ${what} has ${encoded.length} bytes, but at most ${CMDLINE_MOST_BYTES - 1} fit`,
      'shorten it',
    )
  }
  const bytes = new Uint8Array(encoded.length + 1)
  bytes.set(encoded)
  return bytes
}
