/** Tells what kind of kernel a file is and hands it to its loader. The door to this folder. */

import { PCError } from '../errors.ts'
import type { BootImage, KernelRequest } from './boot-image.ts'
import { isElf } from './elf.ts'
import { isLinuxImage, loadLinux } from './linux.ts'
import { findMultibootHeader, loadMultiboot } from './multiboot.ts'

export type { BootImage, KernelRequest } from './boot-image.ts'

/** First bytes of files that people hand over by mistake, and what to do with them. */
const mistakes: readonly { readonly start: readonly number[]; readonly what: string; readonly hint: string }[] = [
  { start: [0x1f, 0x8b], what: 'a gzip file', hint: 'unpack it first' },
  { start: [0xfd, 0x37, 0x7a, 0x58, 0x5a], what: 'an xz file', hint: 'unpack it first' },
  { start: [0x28, 0xb5, 0x2f, 0xfd], what: 'a Zstandard file', hint: 'unpack it first' },
  { start: [0x42, 0x5a, 0x68], what: 'a bzip2 file', hint: 'unpack it first' },
  { start: [0x50, 0x4b, 3, 4], what: 'a zip file', hint: 'unpack it first' },
]

const MULTIBOOT_MAGIC = 0x1badb002
const MULTIBOOT_ALIGNMENT = 4
const MULTIBOOT2_MAGIC = 0xe85250d6
const MULTIBOOT2_SEARCH_BYTES = 32768
const MULTIBOOT2_ALIGNMENT = 8

/** Describes how `request.kernel` starts. Throws `PCError` when it is no bzImage or Multiboot kernel, or is damaged. */
export function loadKernel(request: KernelRequest): BootImage {
  const { kernel } = request
  if (kernel.length === 0)
    throw new PCError('bad-kernel', 'the kernel is empty', 'give a Linux bzImage or a Multiboot kernel')
  if (isLinuxImage(kernel)) return loadLinux(request)
  if (findMultibootHeader(kernel) >= 0) return loadMultiboot(request)
  throw unknownKernel(kernel)
}

function unknownKernel(kernel: Uint8Array): PCError {
  const mistake = mistakes.find(({ start }) => start.every((byte, index) => kernel[index] === byte))
  if (mistake) return new PCError('bad-kernel', `the kernel is ${mistake.what}`, mistake.hint)
  if (hasMagic(kernel, MULTIBOOT2_MAGIC, MULTIBOOT2_SEARCH_BYTES, MULTIBOOT2_ALIGNMENT)) {
    return new PCError('unsupported', 'the kernel has a Multiboot 2 header', 'give one with a Multiboot 1 header')
  }
  if (isElf(kernel) && hasMagic(kernel, MULTIBOOT_MAGIC, kernel.length, MULTIBOOT_ALIGNMENT)) {
    return new PCError(
      'bad-kernel',
      'the kernel has no valid Multiboot header in its first 8192 bytes, but something like one behind',
      'put the section of the header first in its linker script',
    )
  }
  if (isElf(kernel)) {
    return new PCError(
      'bad-kernel',
      'the kernel is an ELF file without a Multiboot header',
      'for Linux give the bzImage in place of vmlinux',
    )
  }
  return new PCError('bad-kernel', 'the kernel is neither a Linux bzImage nor a Multiboot kernel', 'give one of these')
}

function hasMagic(kernel: Uint8Array, magic: number, searchBytes: number, alignment: number): boolean {
  const view = new DataView(kernel.buffer, kernel.byteOffset, kernel.byteLength)
  const end = Math.min(kernel.length, searchBytes)
  for (let offset = 0; offset + 4 <= end; offset += alignment) {
    if (view.getUint32(offset, true) === magic) return true
  }
  return false
}
