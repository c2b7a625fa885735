/** The file of a saved PC: trees come back as they were, and whatever has happened to a file is told. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crc32 } from '../../../src/crc32.ts'
import { readStateFile, writeStateFile } from '../../../src/state/state-file.ts'
import type { Tree } from '../../../src/state/tree.ts'

const atOnce = async () => {}

async function fileOf(tree: Tree): Promise<Uint8Array> {
  return new Uint8Array(await new Blob((await writeStateFile(tree, atOnce)) as BlobPart[]).arrayBuffer())
}

const leaf = fc.oneof(fc.double(), fc.integer(), fc.string(), fc.boolean(), fc.constant(null), fc.uint8Array({ maxLength: 300 }))
const trees = fc.letrec<{ tree: Tree }>(tie => ({
  tree: fc.oneof({ depthSize: 'small' }, leaf, fc.array(tie('tree'), { maxLength: 4 }),
    fc.dictionary(fc.stringMatching(/^[a-z]\w*$/), tie('tree'), { maxKeys: 4, noNullPrototype: true })),
})).tree

describe('the file of a saved PC', () => {
  it('gives every tree back', async () => {
    await fc.assert(fc.asyncProperty(trees, async tree => {
      expect(await readStateFile(await fileOf(tree), atOnce)).toEqual(tree)
    }), { numRuns: 300 })
  })

  it('compresses, in pieces between which others have a turn', async () => {
    const bytes = new Uint8Array(3_000_001).fill(7)
    bytes[2_999_999] = 1
    let turns = 0
    const parts = await writeStateFile({ bytes }, async () => {
      turns++
    })
    expect(turns).toBeGreaterThan(4)
    const file = new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer())
    expect(file.length).toBeLessThan(bytes.length / 50)
    const read = (await readStateFile(file, atOnce)) as { readonly bytes: Uint8Array }
    expect(Buffer.compare(read.bytes, bytes)).toBe(0)
  })

  it('knows the checksum of the standards', () => {
    expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926)
    expect(crc32(new TextEncoder().encode('6789'), crc32(new TextEncoder().encode('12345')))).toBe(0xcbf43926)
  })

  it('is told from other files, newer ones and cut ones', async () => {
    const file = await fileOf({ name: 'pc', bytes: new Uint8Array(600_000).map((_, i) => (i * i) >> 3) })
    const newer = file.slice()
    newer[8] = 2
    const codes = { code: 'bad-state' }
    await expect(readStateFile(new Uint8Array(0), atOnce)).rejects.toMatchObject({ ...codes, message: expect.stringMatching(/no saved PC/) })
    await expect(readStateFile(Uint8Array.from(file, byte => byte ^ 1), atOnce)).rejects.toMatchObject({ message: expect.stringMatching(/no saved PC/) })
    await expect(readStateFile(newer, atOnce)).rejects.toMatchObject({ ...codes, message: expect.stringMatching(/newer tabpc/), hint: 'update tabpc' })
    for (const length of [8, 15, 30, 200, 1000, file.length - 1])
      await expect(readStateFile(file.subarray(0, length), atOnce)).rejects.toMatchObject({ ...codes, message: expect.stringMatching(/cut off/) })
  })

  it('shows every changed byte, and asks for no memory that it cannot fill', async () => {
    const file = await fileOf({ registers: { a: 1 }, bytes: Uint8Array.from({ length: 5000 }, (_, i) => (i * 7919) >> 4) })
    for (let at = 8; at < file.length; at += at < 200 ? 1 : 97) {
      const damaged = file.slice()
      damaged[at] ^= 0x10
      await expect(readStateFile(damaged, atOnce), `byte ${at}`).rejects.toMatchObject({ code: 'bad-state' })
    }
    const json = new TextEncoder().encode(JSON.stringify({ bodyBytes: 2 ** 40, tree: null }))
    const bomb = new Uint8Array(20 + json.length)
    bomb.set(file.subarray(0, 12))
    bomb.set(json, 20)
    new DataView(bomb.buffer).setUint32(12, json.length, true)
    new DataView(bomb.buffer).setUint32(16, crc32(json), true)
    await expect(readStateFile(bomb, atOnce)).rejects.toMatchObject({ message: expect.stringMatching(/cut off/) })
  })
})
