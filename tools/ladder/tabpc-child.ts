/** The process in which tabpc climbs one rung, given as JSON in its argument: as the command line runs a machine. */
import { readFileSync } from 'node:fs'
import { MemoryDisk } from '../../src/disks/memory-disk.ts'
import { OverlayDisk } from '../../src/disks/overlay-disk.ts'
import type { Picture } from '../../src/devices/vga/picture.ts'
import { bootOrder } from '../../src/firmware.ts'
import { loadKernel } from '../../src/loaders/kernel.ts'
import { FileDisk } from '../../src/node/file-disk.ts'
import { loadFirmware, loadTextFont } from '../../src/node/firmware.ts'
import { createMachine } from '../../src/node/machine.ts'
import { RunLoop } from '../../src/node/run-loop.ts'
import { ARRIVED, isReached, LOOK_MS } from './marks.ts'
import type { Rung } from './rungs.ts'

const { memoryMiB, media, mark } = JSON.parse(process.argv[2]) as Rung
const memoryBytes = memoryMiB << 20
const disk = (path: string | undefined, role: string) => path && new OverlayDisk(new FileDisk(path, role, { readOnly: true }))
const read = (path: string | undefined) => (path === undefined ? undefined : readFileSync(path))
const { kernel, fda, hda, vda, cdrom } = media
const drives = {
  ...(fda && { fda: new MemoryDisk(Uint8Array.from(readFileSync(fda))) }),
  ...(hda && { hda: disk(hda, 'hda') || undefined }),
  ...(vda && { vda: disk(vda, 'vda') || undefined }),
  cdrom: cdrom ? new FileDisk(cdrom, 'cdrom', { readOnly: true }) : null,
}
const machine = createMachine({
  memoryBytes, clock: 'wall', jit: true, drives,
  ...(kernel === undefined
    ? { firmware: { ...loadFirmware({}), bootOrder: bootOrder(fda ? 'a' : cdrom ? 'd' : 'c') } }
    : {
      boot: loadKernel({ kernel: readFileSync(kernel), initrd: read(media.initrd), cmdline: media.append, memoryBytes }),
      textFont: loadTextFont(),
    }),
})
let serial = ''
machine.serial[0].onByte = byte => {
  serial += String.fromCharCode(byte)
}
const picture: Picture = { width: 0, height: 0, pixels: new Uint32Array(0) }
const view = {
  text: () => `${serial}\n${(machine.screen.text() ?? []).join('\n')}`,
  shot: () => {
    machine.screen.draw(picture)
    const { width, height, pixels } = picture
    return {
      width, height,
      rgb: (x: number, y: number) => {
        const value = pixels[y * width + x]
        return [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff] as const
      },
    }
  },
}
let looked = 0
const loop = new RunLoop<string>(machine, () => {
  if (performance.now() - looked < LOOK_MS) return
  looked = performance.now()
  if (isReached(mark, view)) loop.end(ARRIVED)
})
machine.onWake = () => loop.wake()
// A sleeping guest may have arrived as well.
setInterval(() => loop.wake(), LOOK_MS)
const end = await loop.run()
process.stdout.write(end.by === 'end' ? `${end.reason}\n` : `LADDER stopped: ${end.result.reason}\n`)
process.exit(0)
