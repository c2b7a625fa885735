/**
 * Kernel, busybox and modules that people hand over instead of Debian's packages, checked before they go into a guest:
 * a wrong file would show only as a kernel panic.
 * Source: Linux Documentation/x86/boot.rst (setup header), System V ABI (ELF32 header and program headers).
 */

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PCError } from '../../src/errors.ts'
import { WANTED_MODULES } from './initramfs.ts'
import { moduleName } from './kernel-modules.ts'

/** Linux boot protocol: "HdrS" in the setup header of every bzImage. */
const SETUP_MAGIC = 'HdrS'
const SETUP_MAGIC_OFFSET = 0x202
const KERNEL_VERSION_POINTER_OFFSET = 0x20e
const SETUP_SECTOR_BYTES = 0x200

/** Bytes of a file that an option names. Throws PCError('usage'). */
export async function readOwnFile(path: string, what: string): Promise<Uint8Array> {
  try {
    return await readFile(path)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new PCError('usage', `cannot read the ${what}: ${reason}`, `Give --${what} the path of a file.`)
  }
}

/** Release of a bzImage, from the version string that its setup header points to. */
export function kernelRelease(kernel: Uint8Array, path: string): string {
  const view = new DataView(kernel.buffer, kernel.byteOffset, kernel.byteLength)
  const magic = new TextDecoder('latin1').decode(
    kernel.subarray(SETUP_MAGIC_OFFSET, SETUP_MAGIC_OFFSET + SETUP_MAGIC.length),
  )
  if (magic !== SETUP_MAGIC) {
    throw new PCError('bad-kernel', `${path} is not a Linux bzImage`, 'Give the vmlinuz file of an i386 kernel.')
  }
  const start = view.getUint16(KERNEL_VERSION_POINTER_OFFSET, true) + SETUP_SECTOR_BYTES
  const text = new TextDecoder('latin1').decode(kernel.subarray(start, kernel.indexOf(0, start)))
  return text.split(' ')[0]
}

const ELF_MAGIC = [0x7f, 0x45, 0x4c, 0x46]
const ELF_MACHINE_OFFSET = 0x12
const ELF_MACHINE_386 = 3
const PROGRAM_TABLE_OFFSET = 0x1c
const PROGRAM_ENTRY_BYTES_OFFSET = 0x2a
const PROGRAM_COUNT_OFFSET = 0x2c
const PROGRAM_INTERPRETER = 3

/** A busybox that needs another architecture or a shared library would end the guest in a kernel panic. */
export function checkBusybox(elf: Uint8Array, path: string): void {
  const hint = 'Give a statically linked i386 busybox.'
  const view = new DataView(elf.buffer, elf.byteOffset, elf.byteLength)
  const is386 = elf.length > 0x34 && view.getUint16(ELF_MACHINE_OFFSET, true) === ELF_MACHINE_386
  if (!is386 || !ELF_MAGIC.every((byte, index) => elf[index] === byte)) {
    throw new PCError('usage', `${path} is not an i386 program`, hint)
  }
  const table = view.getUint32(PROGRAM_TABLE_OFFSET, true)
  const entryBytes = view.getUint16(PROGRAM_ENTRY_BYTES_OFFSET, true)
  for (let index = 0; index < view.getUint16(PROGRAM_COUNT_OFFSET, true); index++) {
    const entry = table + index * entryBytes
    if (entry + 4 <= elf.length && view.getUint32(entry, true) === PROGRAM_INTERPRETER) {
      throw new PCError('usage', `${path} needs shared libraries`, hint)
    }
  }
}

/** Files of a module directory with the paths they have in a package. */
export async function readModuleDirectory(directory: string, release: string): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>()
  try {
    for (const entry of await readdir(directory, { recursive: true })) {
      if (/\.ko(\.\w+)?$/.test(entry) || entry === 'modules.builtin') {
        files.set(`/lib/modules/${release}/${entry.replaceAll('\\', '/')}`, await readFile(join(directory, entry)))
      }
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new PCError(
      'usage',
      `cannot read the modules: ${reason}`,
      'Give --modules the directory lib/modules/<release>.',
    )
  }
  if (![...files.keys()].some(path => WANTED_MODULES.includes(moduleName(path)))) {
    throw new PCError(
      'usage',
      `${directory} holds no kernel modules`,
      'Give --modules the directory lib/modules/<release>.',
    )
  }
  return files
}
