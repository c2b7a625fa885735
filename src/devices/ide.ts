/**
 * The IDE controller of the PIIX3: two channels of two drives each, with bus-master DMA, as PCI function 1.1.
 *
 *     const ide = new Ide({ bus, clock, memory, irq: [pic.line(14), pic.line(15)], drives, onWake })
 *     pci.add(1, 1, ide.pciFunction)
 *
 * Ports: 1F0h..1F7h and 3F6h (IRQ 14), 170h..177h and 376h (IRQ 15), decoded while IDETIM's enable bit is set; 16 ports
 * of bus-master registers at BAR 4. Sources: Intel 82371SB (PIIX3) datasheet, 2.3 and 2.6; ATA/ATAPI-6, chapter 7.
 */
import type { Disk } from '../disks/disk.ts'
import type { Bus, Clock, Device, DeviceState, GuestMemory, IrqLine } from './device.ts'
import { AtaDisk } from './ide/ata-disk.ts'
import { BUS_MASTER_PORTS } from './ide/bus-master.ts'
import { CdRom } from './ide/cd-rom.ts'
import { IdeChannel } from './ide/channel.ts'
import type { Drive, DriveOptions } from './ide/drive.ts'
import { PciFunction } from './pci-function.ts'
import { childState } from './state.ts'

const INTEL = 0x8086
const PIIX3_IDE = 0x7010
/** IDE controller with legacy ports and bus master. */
const CLASS_IDE = 0x010180
const CHANNELS = [{ command: 0x1f0, control: 0x3f6 }, { command: 0x170, control: 0x376 }]
/** Low byte of the channel's timing register; the enable bit is in the high one. */
export const IDE_TIMING = 0x40
export const IDE_TIMING_ENABLE = 0x80
const SLAVE_TIMING = 0x44

/** What is plugged into a channel, master first. */
export type IdeDrive = { readonly kind: 'disk', readonly disk: Disk } | { readonly kind: 'cdrom', readonly disc?: Disk }
export type IdeDrives = readonly [IdeDrive | undefined, IdeDrive | undefined]

export interface IdeOptions {
  bus: Bus
  clock: Clock
  memory: GuestMemory
  irq: readonly [IrqLine, IrqLine]
  /** Drives of the primary and of the secondary channel. */
  drives: readonly [IdeDrives, IdeDrives]
  /** Called when a disk source has answered after a while. */
  onWake: () => void
}

export class Ide implements Device {
  readonly name = 'ide'
  readonly pciFunction: PciFunction
  private readonly channels: readonly IdeChannel[]
  /** The CD-ROM drives, in order. */
  readonly cdRoms: CdRom[] = []

  constructor(options: IdeOptions) {
    const { bus, memory, irq } = options
    this.channels = CHANNELS.map((ports, channel) => {
      const made = new IdeChannel({
        bus, memory, irq: irq[channel], ports,
        makeDrive: (number, driveOptions) => this.makeDrive(options, channel, number, driveOptions),
        clock: options.clock, name: `ide${channel}`, onWake: options.onWake,
      })
      return made
    })
    this.pciFunction = new PciFunction({
      vendorId: INTEL, deviceId: PIIX3_IDE, classCode: CLASS_IDE,
      initial: [[0x07, 0x02]],
      writable: [
        [IDE_TIMING, 0xff], [IDE_TIMING + 1, 0xf3], [IDE_TIMING + 2, 0xff], [IDE_TIMING + 3, 0xf3], [SLAVE_TIMING, 0xff],
      ],
      bars: [undefined, undefined, undefined, undefined, {
        kind: 'io', size: 2 * BUS_MASTER_PORTS,
        handler: {
          read8: offset => this.busMaster(offset).read8?.(offset % BUS_MASTER_PORTS) ?? 0,
          write8: (offset, value) => this.busMaster(offset).write8?.(offset % BUS_MASTER_PORTS, value),
          read32: offset => this.busMaster(offset).read32?.(offset % BUS_MASTER_PORTS) ?? 0,
          write32: (offset, value) => this.busMaster(offset).write32?.(offset % BUS_MASTER_PORTS, value),
        },
      }],
      onConfigWrite: config => {
        this.channels.forEach((channel, i) => {
          channel.enable((config[IDE_TIMING + 2 * i + 1] & IDE_TIMING_ENABLE) !== 0)
        })
      },
    })
    
  }

  private busMaster(offset: number) {
    return this.channels[Math.floor(offset / BUS_MASTER_PORTS) & 1].busMaster.ports
  }

  private makeDrive(options: IdeOptions, channel: number, number: number, driveOptions: DriveOptions): Drive | undefined {
    const drive = options.drives[channel][number]
    if (!drive) return undefined
    const serial = `TPC${String(channel * 2 + number + 1).padStart(5, '0')}`
    if (drive.kind === 'disk') return new AtaDisk(driveOptions, drive.disk, serial)
    const cdRom = new CdRom(driveOptions, drive.disc, serial)
    this.cdRoms.push(cdRom)
    return cdRom
  }

  reset(): void {
    for (const channel of this.channels) channel.reset()
  }

  save(): DeviceState {
    return Object.fromEntries(this.channels.map((channel, i) => [`channel${i}`, channel.save()]))
  }

  load(state: DeviceState): void {
    const states = this.channels.map((_, i) => childState(this.name, state, `channel${i}`))
    this.channels.forEach((channel, i) => {
      channel.load(this.name, states[i])
    })
  }
}
