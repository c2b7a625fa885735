/**
 * Reads the program headers of a 32-bit x86 ELF executable, for the Multiboot loader.
 *
 * Source: System V ABI, chapters 4 and 5, and its Intel386 supplement.
 */

import { PCError } from '../errors.ts'
import { hexadecimal } from './physical-layout.ts'

/** A part of the file that goes to memory. Addresses and sizes in bytes; `memoryBytes` beyond the file's are zeros. */
export interface ElfSegment {
  readonly index: number
  readonly physical: number
  readonly bytes: Uint8Array
  readonly memoryBytes: number
  /** The segment begins with the headers of the file, which linkers like to put below the text. */
  readonly hasHeaders: boolean
}

/** What is loaded, and the physical address of the entry point. */
export interface ElfImage {
  readonly segments: readonly ElfSegment[]
  readonly entry: number
}

/** Offsets in the ELF header. */
enum Ehdr {
  Class = 4,
  Data = 5,
  Type = 16,
  Machine = 18,
  Entry = 24,
  Phoff = 28,
  Phentsize = 42,
  Phnum = 44,
  Bytes = 52,
}

/** Offsets in a program header. */
enum Phdr {
  Type = 0,
  Offset = 4,
  Vaddr = 8,
  Paddr = 12,
  Filesz = 16,
  Memsz = 20,
  Bytes = 32,
}

const MAGIC = 0x464c457f // 7F 'E' 'L' 'F'
const CLASS_32 = 1
const CLASS_64 = 2
const LITTLE_ENDIAN = 1
const TYPE_EXEC = 2
const MACHINE_386 = 3
const MACHINE_486 = 6
const PT_LOAD = 1
/** No kernel has this many; it bounds the work that a forged header can ask for. */
const MOST_SEGMENTS = 1024
const DAMAGED = 'the file is damaged; build or download it again'

/** Whether a file begins as an ELF file does. */
export function isElf(file: Uint8Array): boolean {
  return file.length >= 4 && new DataView(file.buffer, file.byteOffset).getUint32(0, true) === MAGIC
}

/** Reads an ELF executable. Throws `PCError` 'bad-kernel' or 'unsupported'. The segments are views of `file`. */
export function readElf(file: Uint8Array): ElfImage {
  if (file.length < Ehdr.Bytes) throw new PCError('bad-kernel', 'the kernel ends within its ELF header', DAMAGED)
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  checkKind(view)

  const tableOffset = view.getUint32(Ehdr.Phoff, true)
  const entryBytes = view.getUint16(Ehdr.Phentsize, true)
  const count = view.getUint16(Ehdr.Phnum, true)
  if (count === 0) {
    throw new PCError(
      'bad-kernel',
      'the kernel has no program headers',
      'link it as an executable, not as an object file',
    )
  }
  if (entryBytes < Phdr.Bytes || tableOffset + count * entryBytes > file.length) {
    throw new PCError('bad-kernel', 'the kernel ends within its program headers', DAMAGED)
  }

  const segments: ElfSegment[] = []
  const entry = view.getUint32(Ehdr.Entry, true)
  let physicalEntry: number | undefined
  for (let index = 0; index < count; index++) {
    const header = tableOffset + index * entryBytes
    if (view.getUint32(header + Phdr.Type, true) !== PT_LOAD) continue
    const segment = readSegment(file, view, header, index)
    if (segment.memoryBytes === 0) continue
    segments.push(segment)
    if (segments.length > MOST_SEGMENTS) {
      throw new PCError('bad-kernel', `the kernel has more than ${MOST_SEGMENTS} segments to load`, DAMAGED)
    }
    // The entry point is a virtual address; kernels linked high give the physical one all the same.
    const virtual = view.getUint32(header + Phdr.Vaddr, true)
    if (entry >= virtual && entry < virtual + segment.memoryBytes) physicalEntry ??= entry - virtual + segment.physical
  }
  if (segments.length === 0) {
    throw new PCError('bad-kernel', 'the kernel has nothing to load', 'link it with at least one PT_LOAD segment')
  }
  physicalEntry ??= segments.some(({ physical, memoryBytes }) => entry >= physical && entry < physical + memoryBytes)
    ? entry
    : undefined
  if (physicalEntry === undefined) {
    throw new PCError(
      'bad-kernel',
      `the kernel's entry point ${hexadecimal(entry)} lies in none of its segments`,
      'check ENTRY in its linker script',
    )
  }
  return { segments, entry: physicalEntry }
}

function checkKind(view: DataView): void {
  const kind = view.getUint8(Ehdr.Class)
  if (kind === CLASS_64) {
    throw new PCError(
      'unsupported',
      'the kernel is a 64-bit ELF file, but the machine has a 32-bit processor',
      'link it as elf32-i386',
    )
  }
  if (kind !== CLASS_32 || view.getUint8(Ehdr.Data) !== LITTLE_ENDIAN) {
    throw new PCError('bad-kernel', 'the kernel is not a 32-bit little-endian ELF file', 'link it as elf32-i386')
  }
  const machine = view.getUint16(Ehdr.Machine, true)
  if (machine !== MACHINE_386 && machine !== MACHINE_486) {
    throw new PCError(
      'bad-kernel',
      `the kernel is built for another processor (ELF machine ${machine})`,
      'link it as elf32-i386',
    )
  }
  const type = view.getUint16(Ehdr.Type, true)
  if (type !== TYPE_EXEC) {
    throw new PCError(
      'bad-kernel',
      `the kernel is not an executable (ELF type ${type})`,
      'link it at a fixed address, without -pie',
    )
  }
}

function readSegment(file: Uint8Array, view: DataView, header: number, index: number): ElfSegment {
  const offset = view.getUint32(header + Phdr.Offset, true)
  const physical = view.getUint32(header + Phdr.Paddr, true)
  const fileBytes = view.getUint32(header + Phdr.Filesz, true)
  const memoryBytes = view.getUint32(header + Phdr.Memsz, true)
  if (fileBytes > memoryBytes) {
    throw new PCError('bad-kernel', `segment ${index} of the kernel has more bytes in the file than in memory`, DAMAGED)
  }
  if (offset + fileBytes > file.length) {
    throw new PCError('bad-kernel', `segment ${index} of the kernel ends behind the end of the file`, DAMAGED)
  }
  return { index, physical, bytes: file.subarray(offset, offset + fileBytes), memoryBytes, hasHeaders: offset === 0 }
}
