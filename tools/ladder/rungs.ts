/**
 * The rungs of the ladder: what each engine boots, from which medium, and by what it is known to have arrived. Media
 * are Debian packages and what is made of them (tools/guest).
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { makeBootDisc, makeBootDisk } from '../guest/boot-media.ts'
import { buildGuest } from '../guest/build-guest.ts'
import { cacheDirectory } from '../guest/cache.ts'
import { installerDisc, packageFile } from '../guest/images.ts'
import type { Mark } from './marks.ts'

/** What a machine is given. Paths; disks are not to be changed by the guest. */
export interface RungMedia {
  readonly fda?: string
  readonly hda?: string
  readonly vda?: string
  readonly cdrom?: string
  readonly kernel?: string
  readonly initrd?: string
  readonly append?: string
}

export interface Rung {
  readonly name: string
  readonly memoryMiB: number
  readonly media: RungMedia
  readonly mark: Mark
}

interface RungPlan extends Omit<Rung, 'media'> {
  /** Fetches or makes the media; undefined where they cannot be had. */
  readonly prepare: () => Promise<RungMedia | undefined>
}

const APPEND = 'console=ttyS0 quiet mitigations=off cryptomgr.notests nokaslr'
const READY: Mark = { text: 'GUEST-READY' }
const LOGIN: Mark = { text: 'tabpc login: ' }

/** A file in the ladder's folder, made when it is not there yet. */
async function made(name: string, make: (path: string) => Promise<void>): Promise<string> {
  const path = join(cacheDirectory(), 'discs', name)
  if (!existsSync(path)) await make(path)
  return path
}

async function guestMedia() {
  return { ...(await buildGuest({ cache: cacheDirectory() })), append: APPEND }
}

async function debianDisk(drive: 'hda' | 'vda'): Promise<RungMedia | undefined> {
  const path = join(cacheDirectory(), 'disks/debian-desktop.img')
  return existsSync(path) ? { [drive]: path } : undefined
}

export const plans: readonly RungPlan[] = [
  { name: 'SeaBIOS finds nothing to boot', memoryMiB: 64, mark: { text: 'No bootable device' }, prepare: async () => ({}) },
  {
    name: 'GRUB menu from floppy', memoryMiB: 64, mark: { text: '\\*GNU/Linux' },
    prepare: async () => ({ fda: await packageFile('grub-rescue-pc', 'usr/lib/grub-rescue/grub-rescue-floppy.img') }),
  },
  {
    name: 'GRUB menu from CD', memoryMiB: 64, mark: { text: '\\*GNU/Linux' },
    prepare: async () => ({ cdrom: await packageFile('grub-rescue-pc', 'usr/lib/grub-rescue/grub-rescue-cdrom.iso') }),
  },
  {
    name: 'GRUB invaders (Multiboot)', memoryMiB: 64, mark: { text: '-\\*-' },
    prepare: async () => ({ kernel: await packageFile('grub-invaders', 'boot/invaders.exec') }),
  },
  {
    name: 'memtest86+ to test 5', memoryMiB: 16, mark: { text: 'Test #[5-9]' },
    prepare: async () => ({ cdrom: await packageFile('memtest86+', 'usr/lib/memtest86+/memtest86+ia32.iso') }),
  },
  {
    name: 'iPXE prompt', memoryMiB: 64, mark: { text: 'Press Ctrl-B' },
    prepare: async () => ({ cdrom: await packageFile('ipxe', 'usr/lib/ipxe/ipxe.iso') }),
  },
  { name: 'Linux shell, kernel given', memoryMiB: 128, mark: READY, prepare: guestMedia },
  {
    name: 'Linux shell from CD (ISOLINUX)', memoryMiB: 128, mark: READY,
    prepare: async () => ({ cdrom: await made('ladder-guest.iso', async path => makeBootDisc(path, await guestMedia())) }),
  },
  {
    name: 'Linux shell from hard disk (SYSLINUX)', memoryMiB: 128, mark: READY,
    prepare: async () => ({ hda: await made('ladder-guest.img', async path => makeBootDisk(path, await guestMedia())) }),
  },
  {
    name: 'Debian installer, text', memoryMiB: 512, mark: { text: 'Select a language' },
    prepare: async () => ({ cdrom: await installerDisc('text', 'vga=normal fb=false modprobe.blacklist=bochs') }),
  },
  {
    name: 'Debian installer, graphical', memoryMiB: 768, mark: { picture: 'list' },
    prepare: async () => ({ cdrom: await installerDisc('gtk', 'vga=788') }),
  },
  { name: 'Debian login, IDE disk', memoryMiB: 512, mark: LOGIN, prepare: () => debianDisk('hda') },
  { name: 'Debian login, virtio disk', memoryMiB: 512, mark: LOGIN, prepare: () => debianDisk('vda') },
]
