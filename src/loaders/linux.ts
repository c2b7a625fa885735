/**
 * Loads a Linux bzImage (and what speaks its protocol, such as memtest86+) by the 32-bit boot protocol.
 *
 *   file:    boot sector | setup sectors (with the setup header at 0x1f1) | protected-mode kernel
 *   memory:  0x01000 GDT   0x10000 boot_params   0x20000 command line   0x100000 kernel … initrd below the top
 *
 * The real-mode setup code does not run: the loader fills boot_params as it would have, from the setup header, the
 * memory map and the text mode of the VGA, and enters the kernel in flat protected mode with ESI at boot_params.
 * Source: Linux Documentation/arch/x86/boot.rst (protocols 2.06 to 2.15) and zero-page.rst.
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
import { firmwareMap, HIGH_MEMORY_START, hexadecimal, mebibytes, PhysicalLayout } from './physical-layout.ts'

/** Offsets in the setup header; they are the same in the file and in boot_params. */
enum Header {
  SetupSects = 0x1f1,
  Syssize = 0x1f4,
  VidMode = 0x1fa,
  BootFlag = 0x1fe,
  /** The operand of the short jump over the header: the header ends at 0x202 plus this. */
  JumpLength = 0x201,
  Magic = 0x202,
  Version = 0x206,
  KernelVersion = 0x20e,
  TypeOfLoader = 0x210,
  Loadflags = 0x211,
  Code32Start = 0x214,
  RamdiskImage = 0x218,
  RamdiskSize = 0x21c,
  CmdLinePtr = 0x228,
  InitrdAddrMax = 0x22c,
  KernelAlignment = 0x230,
  RelocatableKernel = 0x234,
  Xloadflags = 0x236,
  CmdlineSize = 0x238,
  PrefAddress = 0x258,
  InitSize = 0x260,
}

/** Offsets in boot_params outside the setup header. */
enum BootParams {
  ExtMemK = 0x002,
  VideoMode = 0x006,
  VideoColumns = 0x007,
  EgaMemory = 0x00a,
  VideoLines = 0x00e,
  VideoIsVga = 0x00f,
  VideoPoints = 0x010,
  AcpiRsdp = 0x070,
  AltMemK = 0x1e0,
  E820Entries = 0x1e8,
  E820Table = 0x2d0,
  Bytes = 0x1000,
}

const E820_ENTRY_BYTES = 20
const SECTOR_BYTES = 512
const PARAGRAPH_BYTES = 16
/** The file must reach at least to the end of the shortest header that protocol 2.06 allows (cmdline_size). */
const HEADER_MINIMUM_BYTES = 0x23c
/** The header may not run into edd_mbr_sig_buffer. */
const HEADER_END_LIMIT = 0x290

const BOOT_FLAG = 0xaa55
const MAGIC = 0x53726448 // 'HdrS'
const OLDEST_VERSION = 0x206
const VERSION_RELOCATABLE_HINTS = 0x20a
const VERSION_XLOADFLAGS = 0x20c
const LOADED_HIGH = 1 << 0
const CAN_USE_HEAP = 1 << 7
const XLF_KERNEL_64 = 1 << 0
const UNDEFINED_LOADER = 0xff
const NORMAL_VIDEO_MODE = 0xffff
const DEFAULT_SETUP_SECTS = 4
const DEFAULT_CMDLINE_SIZE = 255
const INITRD_ADDR_MAX_32 = 0xffff_ffff

const GDT_ADDRESS = 0x1000
const BOOT_PARAMS_ADDRESS = 0x10000
const CMDLINE_ADDRESS = 0x20000
const CMDLINE_MOST_BYTES = 0x10000
/** The protocol leaves ESP open; a kernel that pushes before it sets its own stack finds RAM below boot_params. */
const STACK_TOP = BOOT_PARAMS_ADDRESS

/** Whether a file begins as an image of the Linux boot protocol does. */
export function isLinuxImage(kernel: Uint8Array): boolean {
  if (kernel.length < Header.Version) return false
  const view = viewOf(kernel)
  return view.getUint16(Header.BootFlag, true) === BOOT_FLAG && view.getUint32(Header.Magic, true) === MAGIC
}

/**
 * Describes the memory and registers with which a bzImage starts.
 * Throws `PCError`: 'bad-kernel' for a damaged or foreign file, 'unsupported' for a 64-bit or too old kernel,
 * 'bad-initrd', 'bad-memory', and 'usage' for a command line that the kernel cannot take.
 */
export function loadLinux(request: KernelRequest): BootImage {
  const { kernel, memoryBytes } = request
  const header = readHeader(kernel)
  const layout = new PhysicalLayout(memoryBytes)
  const loads: MemoryLoad[] = []

  const gdt = flatSegments(GDT_ADDRESS)
  layout.claim(GDT_ADDRESS, BOOT_GDT_BYTES, 'the GDT', 'bad-memory')
  layout.claim(BOOT_PARAMS_ADDRESS, BootParams.Bytes, 'boot_params', 'bad-memory')
  loads.push(gdt.load)

  const cmdline = encodeCmdline(request.cmdline ?? '', header.cmdlineSize)
  layout.claim(CMDLINE_ADDRESS, cmdline.length, 'the command line', 'usage')
  loads.push({ physical: CMDLINE_ADDRESS, bytes: cmdline })

  loads.push({ physical: header.entry, bytes: header.code })
  const workingEnd = claimKernel(layout, header)

  const initrd = placeInitrd(layout, header, workingEnd, request.initrd)
  if (initrd) loads.push(initrd)

  loads.push({ physical: BOOT_PARAMS_ADDRESS, bytes: bootParams(header, memoryBytes, initrd, request.acpiRsdp ?? 0) })
  return {
    kind: 'linux',
    description: header.description,
    loads,
    registers: { eip: header.entry, esi: BOOT_PARAMS_ADDRESS, esp: STACK_TOP, ebp: 0, edi: 0, ebx: 0 },
    segments: gdt.segments,
    cr0: BOOT_CR0,
  }
}

interface SetupHeader {
  /** The header's bytes, from 0x1f1 on. */
  readonly bytes: Uint8Array
  /** The protected-mode kernel, and the address where it is loaded and entered. */
  readonly code: Uint8Array
  readonly entry: number
  /** Where the kernel unpacks itself to and the RAM that it needs there before it reads the memory map. */
  readonly runtimeStart: number
  readonly initSize: number
  readonly initrdAddrMax: number
  /** Longest command line, in bytes without the terminator. */
  readonly cmdlineSize: number
  readonly description: string
}

function readHeader(kernel: Uint8Array): SetupHeader {
  if (!isLinuxImage(kernel)) {
    throw new PCError(
      'bad-kernel',
      'the kernel has no Linux setup header',
      'give a bzImage, such as arch/x86/boot/bzImage',
    )
  }
  if (kernel.length < HEADER_MINIMUM_BYTES) throw truncated(kernel.length, HEADER_MINIMUM_BYTES)
  const view = viewOf(kernel)
  const version = view.getUint16(Header.Version, true)
  if (version < OLDEST_VERSION) {
    throw new PCError(
      'unsupported',
      `the kernel speaks boot protocol ${protocolName(version)}, older than 2.06`,
      'use Linux 2.6.22 or later',
    )
  }
  if (!(view.getUint8(Header.Loadflags) & LOADED_HIGH)) {
    throw new PCError('unsupported', 'the kernel is a zImage, which loads below 1 MiB', 'build a bzImage')
  }
  if (version >= VERSION_XLOADFLAGS && view.getUint16(Header.Xloadflags, true) & XLF_KERNEL_64) {
    throw new PCError(
      'unsupported',
      'the kernel is built for x86-64, but the machine has a 32-bit processor',
      'use an i386, i586 or i686 kernel',
    )
  }
  const headerEnd = Math.min(Header.Magic + view.getUint8(Header.JumpLength), HEADER_END_LIMIT)
  const codeOffset = ((view.getUint8(Header.SetupSects) || DEFAULT_SETUP_SECTS) + 1) * SECTOR_BYTES
  if (headerEnd < HEADER_MINIMUM_BYTES || headerEnd > codeOffset) {
    throw new PCError(
      'bad-kernel',
      `the kernel's setup header ends at ${hexadecimal(headerEnd)}, which cannot be`,
      'the file is damaged; get it anew',
    )
  }
  const fileEnd = codeOffset + view.getUint32(Header.Syssize, true) * PARAGRAPH_BYTES
  if (fileEnd === codeOffset) {
    throw new PCError('bad-kernel', 'the kernel says that it has no code', 'the file is damaged; get it anew')
  }
  // Some build tools count the last paragraph as whole without filling it: memtest86+ 6.10 does.
  if (kernel.length <= fileEnd - PARAGRAPH_BYTES) throw truncated(kernel.length, fileEnd)

  const entry = view.getUint32(Header.Code32Start, true)
  if (entry < HIGH_MEMORY_START) {
    throw new PCError(
      'bad-kernel',
      `the kernel wants to be loaded at ${hexadecimal(entry)}, below 1 MiB`,
      'the file is damaged; get it anew',
    )
  }
  // Fields behind the end of the header that this kernel has are another structure's, or setup code.
  const field = (offset: number, since: number) =>
    version >= since && offset + 4 <= headerEnd ? view.getUint32(offset, true) : 0
  const alignment = field(Header.KernelAlignment, OLDEST_VERSION)
  const preferred = field(Header.PrefAddress, VERSION_RELOCATABLE_HINTS)
  const preferredHigh = field(Header.PrefAddress + 4, VERSION_RELOCATABLE_HINTS)
  if (preferredHigh !== 0) {
    throw new PCError('bad-kernel', 'the kernel prefers an address above 4 GiB', 'use an i386, i586 or i686 kernel')
  }
  return {
    bytes: kernel.subarray(Header.SetupSects, headerEnd),
    code: kernel.subarray(codeOffset),
    entry,
    runtimeStart: runtimeStart(entry, alignment, preferred, view.getUint8(Header.RelocatableKernel) !== 0),
    initSize: field(Header.InitSize, VERSION_RELOCATABLE_HINTS),
    initrdAddrMax: view.getUint32(Header.InitrdAddrMax, true),
    cmdlineSize: view.getUint32(Header.CmdlineSize, true) || DEFAULT_CMDLINE_SIZE,
    description: describe(kernel, view.getUint16(Header.KernelVersion, true), protocolName(version)),
  }
}

/** boot.rst, "kernel runtime start address": a relocatable kernel may stay where it is loaded. */
function runtimeStart(entry: number, alignment: number, preferred: number, relocatable: boolean): number {
  if (!relocatable) return preferred || entry
  const aligned = alignment > 1 ? Math.ceil(entry / alignment) * alignment : entry
  return Math.max(aligned, preferred)
}

/** Claims the loaded code and the RAM in which it unpacks itself. Returns the first address behind both. */
function claimKernel(layout: PhysicalLayout, header: SetupHeader): number {
  const codeEnd = header.entry + header.code.length
  layout.claim(header.entry, header.code.length, 'the kernel', 'bad-kernel')
  const workingEnd = header.runtimeStart + header.initSize
  if (workingEnd > layout.memoryBytes) {
    throw new PCError(
      'bad-memory',
      `the kernel needs memory up to ${hexadecimal(workingEnd)} to unpack itself, but memory ends at ` +
        hexadecimal(layout.memoryBytes),
      `give the machine at least ${mebibytes(workingEnd)} of memory`,
    )
  }
  return Math.max(codeEnd, workingEnd)
}

function encodeCmdline(text: string, mostBytes: number): Uint8Array {
  if (text.includes('\0')) {
    throw new PCError('usage', 'the kernel command line holds a NUL character', 'take it out')
  }
  const encoded = new TextEncoder().encode(text)
  const limit = Math.min(mostBytes, CMDLINE_MOST_BYTES - 1)
  if (encoded.length > limit) {
    throw new PCError(
      'usage',
      `the kernel command line has ${encoded.length} bytes, but this kernel takes ${limit}`,
      'shorten it',
    )
  }
  const bytes = new Uint8Array(encoded.length + 1)
  bytes.set(encoded)
  return bytes
}

/** As high as the kernel allows, so that it is out of the way of what the kernel allocates first. */
function placeInitrd(
  layout: PhysicalLayout,
  header: SetupHeader,
  from: number,
  initrd: Uint8Array | undefined,
): MemoryLoad | undefined {
  if (!initrd) return undefined
  if (initrd.length === 0) {
    throw new PCError('bad-initrd', 'the initrd is empty', 'give a file with an initial RAM disk, or none')
  }
  const below = Math.min(header.initrdAddrMax, INITRD_ADDR_MAX_32) + 1
  const physical = layout.placeHigh(initrd.length, PAGE_BYTES, from, below, 'the initrd')
  if (physical === undefined) {
    const needed = from + initrd.length + PAGE_BYTES
    throw new PCError(
      'bad-initrd',
      `the initrd of ${mebibytes(initrd.length)} does not fit between the kernel, which needs memory up to ` +
        `${hexadecimal(from)}, and ${hexadecimal(Math.min(below, layout.memoryBytes))}`,
      needed > below ? 'use a smaller initrd' : `give the machine at least ${mebibytes(needed)} of memory`,
    )
  }
  return { physical, bytes: initrd }
}

/** The zero page, as the real-mode setup code would have left it. */
function bootParams(
  header: SetupHeader,
  memoryBytes: number,
  initrd: MemoryLoad | undefined,
  rsdp: number,
): Uint8Array {
  const bytes = new Uint8Array(BootParams.Bytes)
  const view = viewOf(bytes)
  bytes.set(header.bytes, Header.SetupSects)

  const extendedKilobytes = Math.floor((memoryBytes - HIGH_MEMORY_START) / 1024)
  view.setUint16(BootParams.ExtMemK, Math.min(extendedKilobytes, 0xfc00), true)
  view.setUint32(BootParams.AltMemK, extendedKilobytes, true)
  // The VGA after power-on: mode 3, colour text of 80 by 25, a font of 16 lines, at least 256 KiB.
  view.setUint8(BootParams.VideoMode, 3)
  view.setUint8(BootParams.VideoColumns, 80)
  view.setUint8(BootParams.VideoLines, 25)
  view.setUint8(BootParams.VideoIsVga, 1)
  view.setUint16(BootParams.VideoPoints, 16, true)
  view.setUint16(BootParams.EgaMemory, 3, true)
  view.setUint32(BootParams.AcpiRsdp, rsdp, true)

  const map = firmwareMap(memoryBytes)
  view.setUint8(BootParams.E820Entries, map.length)
  for (const [index, range] of map.entries()) {
    const entry = BootParams.E820Table + index * E820_ENTRY_BYTES
    view.setBigUint64(entry, BigInt(range.physical), true)
    view.setBigUint64(entry + 8, BigInt(range.bytes), true)
    view.setUint32(entry + 16, range.kind, true)
  }

  view.setUint16(Header.VidMode, NORMAL_VIDEO_MODE, true)
  view.setUint8(Header.TypeOfLoader, UNDEFINED_LOADER)
  view.setUint8(Header.Loadflags, view.getUint8(Header.Loadflags) & ~CAN_USE_HEAP)
  view.setUint32(Header.CmdLinePtr, CMDLINE_ADDRESS, true)
  view.setUint32(Header.RamdiskImage, initrd?.physical ?? 0, true)
  view.setUint32(Header.RamdiskSize, initrd?.bytes.length ?? 0, true)
  return bytes
}

/** The version text that kernel_version points to, relative to 0x200. */
function describe(kernel: Uint8Array, pointer: number, protocol: string): string {
  const mostCharacters = 64
  const text =
    pointer === 0 ? '' : String.fromCharCode(...kernel.subarray(0x200 + pointer, 0x200 + pointer + mostCharacters))
  const printable = /^[\x20-\x7e]*/.exec(text)?.[0].trim() ?? ''
  const name = printable.split(' (')[0] ?? ''
  return name ? `${name} (Linux boot protocol ${protocol})` : `a kernel of Linux boot protocol ${protocol}`
}

function protocolName(version: number): string {
  return `${version >> 8}.${String(version & 0xff).padStart(2, '0')}`
}

function truncated(has: number, needs: number): PCError {
  return new PCError(
    'bad-kernel',
    `the kernel file is cut off: it has ${has} bytes and needs ${needs}`,
    'copy or download it again',
  )
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
