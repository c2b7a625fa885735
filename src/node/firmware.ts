/** Finds the firmware that a PC without a kernel starts with: SeaBIOS and its VGA BIOS. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { findFont } from '../devices/vga/text-mode.ts'
import { PCError } from '../errors.ts'
import type { Firmware } from '../firmware.ts'
import { readInputFile } from './files.ts'

const BIOS = 'bios-256k.bin'
const VGA_BIOS = 'vgabios-stdvga.bin'
const MOST_BIOS_BYTES = 1 << 20
const MOST_VGA_BIOS_BYTES = 128 << 10

/** Folders that may hold them: beside the program, in build/ when run from source, where Debian installs them. */
function folders(): string[] {
  const own = ['./firmware/', '../../build/firmware/'].map(path => fileURLToPath(new URL(path, import.meta.url)))
  return [...own, '/usr/share/seabios/']
}

function find(name: string): string | undefined {
  return folders().map(folder => `${folder}${name}`).find(path => existsSync(path))
}

/**
 * Reads the images: the given files, else those that come with tabpc. Throws `PCError`: 'bad-file', or 'assets' when
 * there is no BIOS at all.
 */
export function loadFirmware(given: { readonly bios?: string, readonly vgaBios?: string }): Firmware {
  const bios = given.bios ?? find(BIOS)
  if (bios === undefined)
    throw new PCError('assets', 'there is no BIOS', 'give one with --bios FILE, or fetch SeaBIOS by `npm run firmware`')
  const vgaBios = given.vgaBios ?? find(VGA_BIOS)
  return {
    bios: readInputFile(bios, 'the BIOS', MOST_BIOS_BYTES),
    ...(vgaBios !== undefined && { vgaBios: readInputFile(vgaBios, 'the VGA BIOS', MOST_VGA_BIOS_BYTES) }),
  }
}

/** The VGA BIOS that comes with tabpc; undefined when there is none. */
export function loadVgaBios(): Uint8Array | undefined {
  const path = find(VGA_BIOS)
  return path === undefined ? undefined : readInputFile(path, 'the VGA BIOS', MOST_VGA_BIOS_BYTES)
}

/** Its font, for boots without a BIOS; undefined when there is none. */
export function loadTextFont(): Uint8Array | undefined {
  const vgaBios = loadVgaBios()
  return vgaBios && findFont(vgaBios)
}
