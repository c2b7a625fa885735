/**
 * A hard disk with Debian for i386 on it, as a person would have installed it: an MBR, one ext4 partition, EXTLINUX.
 *
 *     npx tsx tools/guest/debian-disk.ts [--desktop] [--size MiB] [OUT.img]
 *
 *   debootstrap -> a tree -> our settings (settings) -> mke2fs -d -> partition -> EXTLINUX -> image
 *
 * It needs root (packages run their scripts in a chroot), debootstrap, e2fsprogs, fdisk and extlinux, and a host that runs
 * i386 programs. The mirror is the machine's own. Log in as root, password tabpc; the desktop starts with `startx`.
 */
import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { PCError } from '../../src/errors.ts'
import { cacheDirectory } from './cache.ts'
import { runCommand } from './command-line.ts'
import { fetchGuestPackages } from './fetch.ts'

const SUITE = 'bookworm'
const SECTOR_BYTES = 512
const PARTITION_FIRST = 2048
const MEBIBYTE = 1 << 20
const PASSWORD = 'tabpc'
const BASE_PACKAGES = [
  'systemd-sysv', 'udev', 'kmod', 'procps', 'login', 'passwd', 'linux-image-686', 'initramfs-tools', 'e2fsprogs',
  'fdisk', 'less', 'iproute2',
]
const DESKTOP_PACKAGES = [
  'xserver-xorg-core', 'xserver-xorg-input-libinput', 'xinit', 'x11-xserver-utils', 'icewm', 'xterm', 'xfonts-base',
]
/** What the initramfs needs to find the root file system on IDE and on virtio. */
const BOOT_MODULES = ['ata_piix', 'sd_mod', 'virtio_pci', 'virtio_blk', 'ext4']
/** EXTLINUX reads file systems without these. */
const FILE_SYSTEM_FEATURES = '^64bit,^metadata_csum,^orphan_file'
const KERNEL_LINE = 'root=LABEL=tabpc-root rw console=tty0 console=ttyS0'

const { values, positionals } = parseArgs({
  allowPositionals: true, options: { desktop: { type: 'boolean' }, size: { type: 'string' } },
})

await runCommand(async onProgress => {
  const kind = values.desktop ? 'desktop' : 'base'
  const image = positionals[0] ?? join(cacheDirectory(), 'disks', `debian-${kind}.img`)
  const sizeBytes = Number(values.size ?? (values.desktop ? 1600 : 1000)) * MEBIBYTE
  if (process.getuid?.() !== 0) throw new PCError('usage', 'a Debian disk is built as root', 'run this tool as root')
  const work = mkdtempSync(join(tmpdir(), 'tabpc-debian-'))
  try {
    const tree = join(work, 'root')
    onProgress({ step: 'install the packages into a tree (some minutes)' })
    const packages = [...BASE_PACKAGES, ...(values.desktop ? DESKTOP_PACKAGES : [])]
    // The initramfs is made once, with our settings.
    run('debootstrap', '--arch=i386', '--variant=minbase', `--include=${packages.join(',')}`, SUITE, tree, mirror())
    settle(tree, values.desktop === true)
    onProgress({ step: 'make the image' })
    mkdirSync(dirname(image), { recursive: true })
    await writeImage(`${image}.part`, tree, sizeBytes, work)
    renameSync(`${image}.part`, image)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  return { messages: [`log in as root, password ${PASSWORD}`], results: [image] }
})

function run(command: string, ...args: string[]): void {
  try {
    execFileSync(command, args, { stdio: ['ignore', 2, 2], env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' } })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new PCError('no-guest', `${command} failed: ${reason}`, 'install debootstrap, e2fsprogs, fdisk and extlinux')
  }
}

/** The machine's own Debian mirror. */
function mirror(): string {
  const targets = execFileSync('apt-get', ['indextargets', '--format', '$(REPO_URI) $(CODENAME)'], { encoding: 'utf8' })
  const line = targets.split('\n').find(text => text.endsWith(` ${SUITE}`))
  if (line === undefined) throw new PCError('no-guest', `apt knows no mirror of ${SUITE}`, 'add it to the sources of apt')
  return line.split(' ')[0]
}

/** Settings of the installed system. */
function settle(tree: string, desktop: boolean): void {
  const file = (path: string, text: string) => {
    mkdirSync(dirname(join(tree, path)), { recursive: true })
    writeFileSync(join(tree, path), text)
  }
  file('etc/fstab', 'LABEL=tabpc-root / ext4 errors=remount-ro 0 1\n')
  file('etc/hostname', 'tabpc\n')
  file('etc/hosts', '127.0.0.1 localhost tabpc\n')
  file('etc/initramfs-tools/conf.d/tabpc', 'MODULES=list\nCOMPRESS=gzip\n')
  file('etc/initramfs-tools/modules', `${BOOT_MODULES.join('\n')}\n`)
  if (desktop) {
    file('root/.xinitrc', 'xterm -geometry 80x24+40+60 &\nexec icewm-session\n')
    file('root/.profile', 'export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n')
  }
  run('chroot', tree, '/bin/sh', '-c', `echo root:${PASSWORD} | chpasswd && apt-get clean && update-initramfs -u`)
  file('etc/resolv.conf', '')
  const kernel = readdirSync(join(tree, 'boot')).find(name => name.startsWith('vmlinuz-'))?.slice('vmlinuz-'.length)
  if (kernel === undefined) throw new PCError('no-guest', 'the tree has no kernel', 'look at the messages of debootstrap')
  file('boot/extlinux/extlinux.conf', `default linux
prompt 0
label linux
 kernel /boot/vmlinuz-${kernel}
 initrd /boot/initrd.img-${kernel}
 append ${KERNEL_LINE}
`)
}

/** MBR, partition, file system, boot loader. */
async function writeImage(image: string, tree: string, sizeBytes: number, work: string): Promise<void> {
  const syslinux = (await fetchGuestPackages(['syslinux-common'], { cache: cacheDirectory() })).get('syslinux-common')
  const partition = join(work, 'partition.img')
  writeFileSync(partition, '')
  truncateSync(partition, sizeBytes - PARTITION_FIRST * SECTOR_BYTES)
  run('mke2fs', '-q', '-t', 'ext4', '-L', 'tabpc-root', '-O', FILE_SYSTEM_FEATURES, '-d', tree, partition)
  const mounted = join(work, 'mounted')
  mkdirSync(mounted)
  run('mount', '-o', 'loop', partition, mounted)
  try {
    run('extlinux', '--install', join(mounted, 'boot/extlinux'))
  } finally {
    run('umount', mounted)
  }
  copyFileSync(join(syslinux?.directory ?? '', 'usr/lib/syslinux/mbr/mbr.bin'), image)
  chmodSync(image, 0o644)
  truncateSync(image, sizeBytes)
  execFileSync('sfdisk', ['-q', image], { input: `label: dos\nstart=${PARTITION_FIRST}, type=83, bootable\n`, stdio: ['pipe', 2, 2] })
  run('dd', `if=${partition}`, `of=${image}`, 'bs=1M', 'seek=1', 'conv=notrunc,sparse', 'status=none')
}
