/**
 * The guest on media that a BIOS boots: a disc with ISOLINUX, and a hard disk (MBR, FAT16 with SYSLINUX, ext4 for files).
 *
 *     npx tsx tools/guest/boot-media.ts iso guest.iso
 *     npx tsx tools/guest/boot-media.ts disk guest.img
 *
 * Needs xorriso for discs; mtools, syslinux and e2fsprogs for disks. No root.
 */
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PCError } from '../../src/errors.ts'
import { buildGuest } from './build-guest.ts'
import { cacheDirectory } from './cache.ts'
import { runCommand } from './command-line.ts'
import { fetchGuestPackages } from './fetch.ts'

export interface BootMediaOptions {
  readonly kernel: string
  readonly initrd: string
  /** Command line of the kernel. */
  readonly append: string
}

const SECTOR_BYTES = 512
const MEBIBYTE = 1 << 20
const FAT = { first: 2048, sectors: (40 * MEBIBYTE) / SECTOR_BYTES, type: 0x06 }
const FILES = { first: FAT.first + FAT.sectors, sectors: (32 * MEBIBYTE) / SECTOR_BYTES, type: 0x83 }
const PARTITION_TABLE = 446
const SIGNATURE = 0xaa55
const HEADS = 16
const SECTORS_PER_TRACK = 63
const SECTORS_LOADED = '4'
const HINT = 'install xorriso, mtools, syslinux and e2fsprogs'

function run(command: string, ...args: string[]): void {
  try {
    execFileSync(command, args, { stdio: 'ignore', env: { ...process.env, MTOOLS_SKIP_CHECK: '1' } })
  } catch (error) {
    throw new PCError('no-guest', `${command} failed: ${error instanceof Error ? error.message : error}`, HINT)
  }
}

function configuration(append: string): string {
  return `default guest\nprompt 0\nlabel guest\n kernel vmlinuz\n append initrd=initrd.gz ${append}\n`
}

async function syslinuxFile(name: string, path: string): Promise<string> {
  return join((await fetchGuestPackages([name], { cache: cacheDirectory() })).get(name)?.directory ?? '', path)
}

/** Makes a disc. Throws `PCError` when a tool is missing. */
export async function makeBootDisc(image: string, { kernel, initrd, append }: BootMediaOptions): Promise<void> {
  const content = mkdtempSync(join(tmpdir(), 'tabpc-disc-'))
  try {
    copyFileSync(await syslinuxFile('isolinux', 'usr/lib/ISOLINUX/isolinux.bin'), join(content, 'isolinux.bin'))
    copyFileSync(await syslinuxFile('syslinux-common', 'usr/lib/syslinux/modules/bios/ldlinux.c32'), join(content, 'ldlinux.c32'))
    copyFileSync(kernel, join(content, 'vmlinuz'))
    copyFileSync(initrd, join(content, 'initrd.gz'))
    writeFileSync(join(content, 'isolinux.cfg'), configuration(append))
    run(
      'xorriso', '-as', 'mkisofs', '-o', `${image}.part`, '-b', 'isolinux.bin', '-c', 'boot.cat', '-no-emul-boot',
      '-boot-load-size', SECTORS_LOADED, '-boot-info-table', '-R', '-J', content,
    )
    renameSync(`${image}.part`, image)
  } finally {
    rmSync(content, { recursive: true })
  }
}

/** Makes a hard disk: the first partition boots, the second is an empty ext4. Throws `PCError` when a tool is missing. */
export async function makeBootDisk(image: string, { kernel, initrd, append }: BootMediaOptions): Promise<void> {
  const part = `${image}.part`
  const folder = mkdtempSync(join(tmpdir(), 'tabpc-disk-'))
  try {
    const mbr = Buffer.alloc(SECTOR_BYTES)
    mbr.set(readFileSync(await syslinuxFile('syslinux-common', 'usr/lib/syslinux/mbr/mbr.bin')).subarray(0, PARTITION_TABLE))
    for (const [i, { first, sectors, type }] of [FAT, FILES].entries()) {
      const at = PARTITION_TABLE + 16 * i
      // Cylinder, head and sector say "beyond": programs take the sector numbers.
      mbr.set([i === 0 ? 0x80 : 0, 0xfe, 0xff, 0xff, type, 0xfe, 0xff, 0xff], at)
      mbr.writeUInt32LE(first, at + 8)
      mbr.writeUInt32LE(sectors, at + 12)
    }
    mbr.writeUInt16LE(SIGNATURE, SECTOR_BYTES - 2)
    writeFileSync(part, mbr)
    truncateSync(part, (FILES.first + FILES.sectors) * SECTOR_BYTES)
    const offset = FAT.first * SECTOR_BYTES
    const fat = `${part}@@${offset}`
    run('mformat', '-i', fat, '-T', String(FAT.sectors), '-h', String(HEADS), '-s', String(SECTORS_PER_TRACK), '-H', String(FAT.first), '::')
    writeFileSync(join(folder, 'syslinux.cfg'), configuration(append))
    for (const [file, name] of [[kernel, 'vmlinuz'], [initrd, 'initrd.gz'], [join(folder, 'syslinux.cfg'), 'syslinux.cfg']])
      run('mcopy', '-i', fat, file, `::${name}`)
    run('syslinux', '--install', '--offset', String(offset), part)
    const files = join(folder, 'files.img')
    writeFileSync(files, '')
    truncateSync(files, FILES.sectors * SECTOR_BYTES)
    run('mke2fs', '-q', '-F', '-t', 'ext4', files)
    run('dd', `if=${files}`, `of=${part}`, 'bs=1M', `seek=${(FILES.first * SECTOR_BYTES) / MEBIBYTE}`, 'conv=notrunc')
    renameSync(part, image)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await runCommand(async onProgress => {
    const [kind, image] = process.argv.slice(2)
    if ((kind !== 'iso' && kind !== 'disk') || image === undefined)
      throw new PCError('usage', 'what to make is not said', 'tools/guest/boot-media.ts iso|disk OUT')
    mkdirSync(cacheDirectory(), { recursive: true })
    const { kernel, initrd, version } = await buildGuest({ cache: cacheDirectory(), onProgress })
    await (kind === 'iso' ? makeBootDisc : makeBootDisk)(image, { kernel, initrd, append: 'console=ttyS0 quiet' })
    return { messages: [`guest: ${version}`], results: [image] }
  })
}
