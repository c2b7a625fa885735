/**
 * The process in which v86 runs: boots the guest of its JSON argument (V86Settings) and joins the guest's serial port
 * to standard input and output. Started by v86.ts.
 */
import { readFileSync, writeSync } from 'node:fs'
import { V86 } from 'v86'
import type { V86Settings } from './v86.ts'

const BYTES_PER_MIB = 1024 * 1024
const VGA_MEMORY_BYTES = 8 * BYTES_PER_MIB
const STDOUT = 1
const NEWLINE = 10

const settings = JSON.parse(process.argv[2]) as V86Settings

function image(path: string): { buffer: ArrayBuffer } {
  const bytes = readFileSync(path)
  return { buffer: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer }
}

const emulator = new V86({
  wasm_path: settings.wasm,
  memory_size: settings.memoryMiB * BYTES_PER_MIB,
  vga_memory_size: VGA_MEMORY_BYTES,
  bios: image(settings.bios),
  vga_bios: image(settings.vgaBios),
  bzimage: image(settings.kernel),
  initrd: image(settings.initrd),
  cmdline: settings.append,
  disable_jit: !settings.jit,
  autostart: true
})

/** Whole lines are written at once and at once: the host times them. The prompt, which ends no line, follows later. */
let pending: number[] = []
emulator.add_listener('serial0-output-byte', (byte: number) => {
  pending.push(byte)
  if (byte === NEWLINE) {
    writeSync(STDOUT, Uint8Array.from(pending))
    pending = []
  }
})

process.stdin.on('data', (chunk: Buffer) => emulator.serial0_send(chunk.toString('latin1')))
process.stdin.on('end', () => process.exit(0))
