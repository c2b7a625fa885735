/**
 * Puts together the guest of the benchmark: the small Linux that tools/guest builds, with the benchmark programs
 * appended to its initramfs as a second cpio archive (the kernel unpacks concatenated archives one after the other).
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { FileType, writeCpio } from '../src/node/archive/cpio.ts'
import type { Program } from './build-programs.ts'
import { type Guest, GUEST_PROGRAMS } from './engines/engine.ts'
import { BENCH_CACHE, GUEST_CACHE, GUEST_FILES_CACHE } from './folders.ts'

export interface GuestFiles {
  kernel: string
  initrd: string
}

/** What tools/guest calls the files in a guest's folder. */
const KERNEL_NAME = 'vmlinuz'
const INITRD_NAME = 'initrd.gz'

/** The guest that was built last. */
export const CURRENT_GUEST: GuestFiles = {
  kernel: `${GUEST_CACHE}/current/${KERNEL_NAME}`,
  initrd: `${GUEST_CACHE}/current/${INITRD_NAME}`
}

const MEMORY_MIB = 256
const APPEND = 'console=ttyS0 quiet'
const EXECUTABLE = 0o755
/** Archives inside an initramfs start on 4-byte boundaries; the kernel skips zeros between them. */
const ARCHIVE_ALIGNMENT = 4

/** Folders in which SeaBIOS may lie: the project's own copy, then those of the distributions. */
const FIRMWARE_FOLDERS = [`${GUEST_FILES_CACHE}/seabios`, '/usr/share/seabios', '/usr/share/qemu']
const BIOS_NAMES = ['bios-256k.bin', 'bios.bin']
const VGA_BIOS_NAMES = ['vgabios-stdvga.bin', 'vgabios.bin']

function findFirmware(names: readonly string[]): string | undefined {
  return FIRMWARE_FOLDERS.flatMap(folder => names.map(name => `${folder}/${name}`)).find(existsSync)
}

/** Why there is no guest to boot, with the way to mend it; null when there is one. */
export function guestProblem(files: GuestFiles): string | null {
  const missing = [files.kernel, files.initrd].find(file => !existsSync(file))
  return missing ? `${missing} is missing: build the guest first (\`npm start\` does), or name --kernel and --initrd` : null
}

/** Writes the initramfs with the programs and describes the guest. */
export function prepareGuest(files: GuestFiles, programs: readonly Program[], hostPrograms: string): Guest {
  const folder = GUEST_PROGRAMS.slice(1)
  const archive = writeCpio([
    { path: folder, type: FileType.Directory, permissions: EXECUTABLE },
    ...programs.map(program => ({
      path: `${folder}/${program.name}`,
      type: FileType.Regular,
      permissions: EXECUTABLE,
      data: readFileSync(program.path)
    }))
  ])
  mkdirSync(BENCH_CACHE, { recursive: true })
  const initrd = `${BENCH_CACHE}/initrd`
  const base = readFileSync(files.initrd)
  const gap = Buffer.alloc((ARCHIVE_ALIGNMENT - (base.length % ARCHIVE_ALIGNMENT)) % ARCHIVE_ALIGNMENT)
  writeFileSync(initrd, Buffer.concat([base, gap, archive]))
  return {
    kernel: files.kernel,
    initrd,
    append: APPEND,
    memoryMiB: MEMORY_MIB,
    bios: findFirmware(BIOS_NAMES),
    vgaBios: findFirmware(VGA_BIOS_NAMES),
    hostPrograms
  }
}
