/** The process in which v86 climbs one rung, given as JSON in its argument, with paths of its parts. */
import { readFileSync } from 'node:fs'
import { V86 } from 'v86'
import { ARRIVED, isReached, LOOK_MS } from './marks.ts'
import type { Rung } from './rungs.ts'

interface Parts { readonly wasm: string, readonly bios: string, readonly vgaBios: string }

/** What is looked at inside v86: its types do not tell of it. */
interface Insides {
  readonly v86?: { readonly cpu: { readonly devices: { readonly vga?: VgaInsides } } }
  readonly screen_adapter?: { get_text_screen?(): string[] }
}
interface VgaInsides {
  readonly svga_enabled: boolean
  readonly svga_width: number
  readonly svga_height: number
  readonly svga_bpp: number
  readonly svga_offset: number
  readonly svga_memory: Uint8Array
}

const VGA_MEMORY_BYTES = 16 << 20
/** v86's numbers of the BIOS's order: CD first, floppy first, hard disk first. */
const BOOT_ORDER = { cdrom: 0x213, fda: 0x321, hda: 0x312 }

const { memoryMiB, media, mark } = JSON.parse(process.argv[2]) as Rung
const { wasm, bios, vgaBios } = JSON.parse(process.argv[3]) as Parts
const image = (path: string) => {
  const bytes = readFileSync(path)
  return { buffer: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer }
}
const { kernel, initrd, append, fda, hda, cdrom } = media
const isLinux = kernel !== undefined && initrd !== undefined
const emulator = new V86({
  wasm_path: wasm, memory_size: memoryMiB << 20, vga_memory_size: VGA_MEMORY_BYTES, bios: image(bios), vga_bios: image(vgaBios),
  boot_order: fda ? BOOT_ORDER.fda : cdrom ? BOOT_ORDER.cdrom : BOOT_ORDER.hda,
  ...(kernel && (isLinux ? { bzimage: image(kernel) } : { multiboot: image(kernel) })),
  ...(initrd && { initrd: image(initrd), cmdline: append }),
  ...(fda && { fda: image(fda) }),
  ...(hda && { hda: image(hda) }),
  ...(cdrom && { cdrom: image(cdrom) }),
  autostart: true,
})
const insides = emulator as unknown as Insides
let serial = ''
emulator.add_listener('serial0-output-byte', (byte: number) => {
  serial += String.fromCharCode(byte)
})

/** The frame buffer of a VBE mode with 16, 24 or 32 bits a pixel. */
function shot() {
  const vga = insides.v86?.cpu.devices.vga
  if (!vga?.svga_enabled) return undefined
  const { svga_width: width, svga_height: height, svga_bpp: bits, svga_memory: memory } = vga
  const bytes = bits >> 3
  return {
    width, height,
    rgb: (x: number, y: number) => {
      const at = vga.svga_offset + (y * width + x) * bytes
      if (bits !== 16) return [memory[at + 2], memory[at + 1], memory[at]] as const
      const value = memory[at] | (memory[at + 1] << 8)
      return [(value >> 11) * 255 / 31, ((value >> 5) & 63) * 255 / 63, (value & 31) * 255 / 31] as const
    },
  }
}

const view = { text: () => `${serial}\n${(insides.screen_adapter?.get_text_screen?.() ?? []).join('\n')}`, shot }
setInterval(() => {
  if (!isReached(mark, view)) return
  process.stdout.write(`${ARRIVED}\n`)
  process.exit(0)
}, LOOK_MS)
