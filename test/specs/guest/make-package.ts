/** Makes small packages, kernel modules and kernels for the guest specs, so that they need no network. */

import { gzipSync } from 'fflate'
import { packTar } from 'modern-tar'
import { writeAr } from '../../../src/node/archive/ar.ts'

const encoder = new TextEncoder()

/** A Debian package with the given files by absolute path. */
export async function makeDeb(files: Record<string, string | Uint8Array>): Promise<Uint8Array> {
  const tar = await packTar(
    Object.entries(files).map(([path, content]) => {
      const body = typeof content === 'string' ? encoder.encode(content) : content
      return { header: { name: `.${path}`, size: body.length }, body }
    }),
  )
  return writeAr([
    { name: 'debian-binary', data: encoder.encode('2.0\n') },
    { name: 'control.tar.gz', data: gzipSync(new Uint8Array(1024)) },
    { name: 'data.tar.gz', data: gzipSync(tar) },
  ])
}

const ELF_HEADER_BYTES = 52
const SECTION_HEADER_BYTES = 40

/** A 32-bit ELF file with nothing but section names and a .modinfo section of the given `key=value` strings. */
export function makeModule(modinfo: readonly string[]): Uint8Array {
  const names = encoder.encode('\0.shstrtab\0.modinfo\0')
  const info = encoder.encode(modinfo.map(pair => `${pair}\0`).join(''))
  const namesStart = ELF_HEADER_BYTES
  const infoStart = namesStart + names.length
  const table = infoStart + info.length
  const bytes = new Uint8Array(table + 3 * SECTION_HEADER_BYTES)
  const view = new DataView(bytes.buffer)
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1])
  view.setUint16(0x10, 1, true)
  view.setUint16(0x12, 3, true)
  view.setUint32(0x20, table, true)
  view.setUint16(0x2e, SECTION_HEADER_BYTES, true)
  view.setUint16(0x30, 3, true)
  view.setUint16(0x32, 1, true)
  bytes.set(names, namesStart)
  bytes.set(info, infoStart)
  const section = (index: number, name: number, start: number, length: number): void => {
    view.setUint32(table + index * SECTION_HEADER_BYTES, name, true)
    view.setUint32(table + index * SECTION_HEADER_BYTES + 0x10, start, true)
    view.setUint32(table + index * SECTION_HEADER_BYTES + 0x14, length, true)
  }
  section(1, 1, namesStart, names.length)
  section(2, 11, infoStart, info.length)
  return bytes
}

/** A bzImage as far as its setup header goes, with a version string. */
export function makeKernel(version: string): Uint8Array {
  const bytes = new Uint8Array(0x600)
  bytes.set(encoder.encode('HdrS'), 0x202)
  new DataView(bytes.buffer).setUint16(0x20e, 0x200, true)
  bytes.set(encoder.encode(`${version} (somebody) #1 SMP\0`), 0x400)
  return bytes
}

/** The head of an i386 program, with a program interpreter when it is not static. */
export function makeProgram(linkage: 'static' | 'dynamic' = 'static'): Uint8Array {
  const bytes = new Uint8Array(0x80)
  const view = new DataView(bytes.buffer)
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1])
  view.setUint16(0x12, 3, true)
  view.setUint32(0x1c, 0x34, true)
  view.setUint16(0x2a, 0x20, true)
  view.setUint16(0x2c, 1, true)
  view.setUint32(0x34, linkage === 'dynamic' ? 3 : 1, true)
  return bytes
}
