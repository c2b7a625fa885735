/**
 * PNG files of RGBA pictures: 8 bits a channel, without alpha, no filter.
 *
 * Source: PNG specification (W3C, second edition), 5 (chunks), 9 (filtering), 10 (compression).
 */
import { zlibSync } from 'fflate'
import { crc32 } from './crc32.ts'
import type { Picture } from './devices/vga/picture.ts'

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
const COLOR_RGB = 2

function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(data.length + 12)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, data.length)
  for (let i = 0; i < 4; i++) bytes[4 + i] = type.charCodeAt(i)
  bytes.set(data, 8)
  view.setUint32(8 + data.length, crc32(bytes.subarray(4, 8 + data.length)))
  return bytes
}

/** The picture as the bytes of a PNG file. An empty picture becomes one black pixel: PNG knows no empty ones. */
export function encodePng(picture: Picture): Uint8Array {
  const empty = picture.width === 0 || picture.height === 0
  const { width, height, pixels } = empty ? { width: 1, height: 1, pixels: new Uint32Array(1) } : picture
  const rows = new Uint8Array(height * (width * 3 + 1))
  let at = 0
  for (let y = 0; y < height; y++) {
    rows[at++] = 0
    for (let x = 0; x < width; x++) {
      const pixel = pixels[y * width + x]
      rows[at++] = pixel & 0xff
      rows[at++] = (pixel >> 8) & 0xff
      rows[at++] = (pixel >> 16) & 0xff
    }
  }
  const header = new Uint8Array(13)
  const view = new DataView(header.buffer)
  view.setUint32(0, width)
  view.setUint32(4, height)
  header[8] = 8
  header[9] = COLOR_RGB
  const parts = [
    Uint8Array.from(SIGNATURE), chunk('IHDR', header), chunk('IDAT', zlibSync(rows)), chunk('IEND', new Uint8Array(0)),
  ]
  const file = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let offset = 0
  for (const part of parts) {
    file.set(part, offset)
    offset += part.length
  }
  return file
}
