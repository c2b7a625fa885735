/** Drives of a saved PC: small images and all that was written come along, large images are known again. */
import { describe, expect, it } from 'vitest'
import { BlankDisk } from '../../../src/disks/blank-disk.ts'
import { BlobDisk } from '../../../src/disks/blob-disk.ts'
import type { Disk } from '../../../src/disks/disk.ts'
import { MemoryDisk } from '../../../src/disks/memory-disk.ts'
import { OverlayDisk } from '../../../src/disks/overlay-disk.ts'
import { freezeDrive, thawDrive } from '../../../src/state/saved-drives.ts'

const SMALL = 1_474_560
const LARGE = 40 << 20
const file = { kind: 'file', name: 'disk.img' } as const

function pattern(bytes: number): Uint8Array {
  const contents = new Uint8Array(bytes)
  for (let i = 0; i < bytes; i += 509) contents[i] = i >> 7
  return contents
}

const read = async (disk: Disk, offset: number, length: number) => Array.from((await disk.read(offset, length)).slice())

describe('a frozen drive', () => {
  it('carries a small image and what was written, in blocks of any place', async () => {
    const disk = new OverlayDisk(new BlobDisk(new Blob([pattern(SMALL) as BlobPart])))
    await disk.write(4000, Uint8Array.from({ length: 200 }, (_, i) => i))
    await disk.write(SMALL - 3, Uint8Array.of(1, 2, 3))
    const frozen = freezeDrive(disk, file)
    // What comes later is not in it.
    await disk.write(4000, Uint8Array.of(99))
    const thawed = await thawDrive('floppy disk A', await frozen, undefined)
    expect(await read(thawed, 3999, 3)).toEqual([pattern(4000)[3999], 0, 1])
    expect(await read(thawed, SMALL - 4, 4)).toEqual([pattern(SMALL)[SMALL - 4], 1, 2, 3])
    expect([thawed.bytes, thawed.readOnly]).toEqual([SMALL, false])
  })

  it('leaves large images outside and knows them again', async () => {
    const contents = pattern(LARGE)
    const disk = new OverlayDisk(new MemoryDisk(contents, { readOnly: true }))
    await disk.write(30 << 20, Uint8Array.of(5))
    const saved = await freezeDrive(disk, file)
    expect(saved.image).toBeUndefined()
    expect(saved.written?.bytes.length).toBe(4096)
    const role = 'the first hard disk'
    await expect(thawDrive(role, saved, undefined)).rejects.toMatchObject({ code: 'bad-state', message: "the image 'disk.img' of the first hard disk (40 MiB) is not in the state" })
    const again = await thawDrive(role, saved, new BlobDisk(new Blob([contents as BlobPart])))
    expect(await read(again, 30 << 20, 2)).toEqual([5, contents[(30 << 20) + 1]])
    await expect(thawDrive(role, saved, new MemoryDisk(contents.subarray(512)))).rejects.toMatchObject({ message: expect.stringMatching(/41942528 bytes.*41943040/) })
    // Where a partition begins, and with it what a file system counts.
    const written = contents.slice()
    written[(1 << 20) + 1080] ^= 1
    await expect(thawDrive(role, saved, new MemoryDisk(written))).rejects.toMatchObject({ message: expect.stringMatching(/differs/) })
  })

  it('of zeros needs nothing, and one that is written in place stays where it is', async () => {
    const blank = new OverlayDisk(new BlankDisk(LARGE))
    blank.write(8192, Uint8Array.of(8))
    const thawed = await thawDrive('the first hard disk', await freezeDrive(blank, { kind: 'blank' }), undefined)
    expect(await read(thawed, 8191, 3)).toEqual([0, 8, 0])
    const inPlace = new MemoryDisk(pattern(LARGE))
    const saved = await freezeDrive(inPlace, file)
    expect(saved.written).toBeUndefined()
    expect(await thawDrive('the first hard disk', saved, inPlace)).toBe(inPlace)
    const small = await freezeDrive(new MemoryDisk(pattern(SMALL)), file)
    const copy = await thawDrive('the first hard disk', small, undefined)
    expect(copy.readOnly).toBe(false)
    await copy.write(0, Uint8Array.of(1))
    expect(small.image?.[0]).toBe(0)
  })
})
