/** A machine through its file: bit for bit the same afterwards, and the same as one that was never saved. */
import { describe, expect, it } from 'vitest'
import { MemoryDisk } from '../../../src/disks/memory-disk.ts'
import { OverlayDisk } from '../../../src/disks/overlay-disk.ts'
import { loadKernel } from '../../../src/loaders/kernel.ts'
import type { MachineOptions } from '../../../src/machine-options.ts'
import { loadFirmware, loadTextFont } from '../../../src/node/firmware.ts'
import { createMachine } from '../../../src/node/machine.ts'
import { describeMade, disksOf, freezePC, machineOptionsOf, type OpenDrives, readPC, thawDrives } from '../../../src/state/saved-pc.ts'
import { bootFloppy, digestOf } from '../../guests/pc-session.ts'
import { hasFirmware } from '../../web/browser.ts'
import { ifAl, in8, loop, multibootKernel, outAl, print, SERIAL } from '../machine/kernels.ts'

const MEMORY = 16 << 20
const atOnce = async () => {}

async function throughFile(options: Omit<MachineOptions, 'drives'>, drives: OpenDrives, slices: number) {
  const machine = createMachine({ ...options, drives: disksOf(drives) })
  for (let i = 0; i < slices; i++) machine.run(5)
  const parts = await freezePC(machine, describeMade(options, 'spec'), drives, atOnce)
  const saved = await readPC(new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer()), atOnce)
  const copy = createMachine({ ...machineOptionsOf(saved), jit: options.jit, drives: disksOf(await thawDrives(saved, {})) })
  copy.load(saved.state)
  return { machine, copy, saved }
}

describe('a machine through its file', () => {
  it('is the same, and stays so, with a kernel', async () => {
    const kernel = multibootKernel(print(SERIAL, 'begin\n'), loop(in8(SERIAL + 5), ifAl(1, in8(SERIAL), outAl(SERIAL))))
    const options: MachineOptions = {
      memoryBytes: MEMORY, clock: 'virtual', jit: false, cpu: 'pentium', isaDebugExit: true, boot: loadKernel({ kernel, memoryBytes: MEMORY }), textFont: loadTextFont(),
    }
    const { machine, copy, saved } = await throughFile(options, {}, 4)
    expect(saved.machine).toMatchObject({ memoryBytes: MEMORY, cpu: 'pentium', clock: 'virtual', isaDebugExit: true, description: 'spec' })
    expect(digestOf(copy.save())).toEqual(digestOf(machine.save()))
    const heard: number[][] = [[], []]
    for (const [i, one] of [machine, copy].entries()) {
      one.serial[0].onByte = byte => heard[i].push(byte)
      one.serial[0].receive(Uint8Array.of(0x68, 0x69))
      for (let turn = 0; turn < 20; turn++) one.run(5)
    }
    expect(heard).toEqual([[0x68, 0x69], [0x68, 0x69]])
    machine.dispose()
    copy.dispose()
  })

  it.skipIf(!hasFirmware)('is the same with firmware, a floppy disk and an empty drive', async () => {
    const floppy = bootFloppy('disk')
    const drives: OpenDrives = { fda: { disk: new OverlayDisk(new MemoryDisk(floppy.contents, { readOnly: true })), source: { kind: 'file' } }, cdrom: null }
    const options: MachineOptions = { memoryBytes: MEMORY, clock: 'virtual', jit: false, firmware: { ...loadFirmware({}), bootOrder: ['/x'] } }
    const { machine, copy, saved } = await throughFile(options, drives, 40)
    expect(saved.machine.firmware?.bootOrder).toEqual(['/x'])
    expect(saved.drives.cdrom).toBeNull()
    expect(digestOf(copy.save())).toEqual(digestOf(machine.save()))
    expect(copy.screen.text()).toEqual(machine.screen.text())
    machine.dispose()
    copy.dispose()
  })
})
