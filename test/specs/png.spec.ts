/** PNG files, read back by a small reader of our own. Source: PNG specification. */
import { inflateSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { encodePng } from '../../src/png.ts'

function read(file: Uint8Array): { width: number, height: number, rows: Uint8Array } {
  const view = new DataView(file.buffer, file.byteOffset)
  expect([...file.subarray(0, 8)]).toEqual([137, 80, 78, 71, 13, 10, 26, 10])
  let rows = new Uint8Array(0)
  for (let at = 8; at < file.length; ) {
    const length = view.getUint32(at)
    const type = String.fromCharCode(...file.subarray(at + 4, at + 8))
    if (type === 'IDAT') rows = new Uint8Array(inflateSync(file.subarray(at + 8, at + 8 + length)))
    at += length + 12
  }
  return { width: view.getUint32(16), height: view.getUint32(20), rows }
}

describe('encodePng', () => {
  it('writes rows of RGB with a filter byte in front', () => {
    const picture = { width: 2, height: 2, pixels: Uint32Array.of(0xff030201, 0xff060504, 0xff090807, 0xff0c0b0a) }
    const { width, height, rows } = read(encodePng(picture))
    expect([width, height]).toEqual([2, 2])
    expect([...rows]).toEqual([0, 1, 2, 3, 4, 5, 6, 0, 7, 8, 9, 10, 11, 12])
  })

  it('makes a checksum that the specification gives for the last chunk', () => {
    const file = encodePng({ width: 1, height: 1, pixels: new Uint32Array(1) })
    expect([...file.subarray(-12)]).toEqual([0, 0, 0, 0, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82])
  })

  it('makes one black pixel of an empty picture', () => {
    expect([...read(encodePng({ width: 0, height: 0, pixels: new Uint32Array(0) })).rows]).toEqual([0, 0, 0, 0])
  })
})
