/**
 * One IDE channel: its ports, the choice of the drive, the interrupt line, and the bus master.
 *
 * Command block (8 ports): data, error/features, count, LBA low, mid, high, device, status/command. Control block:
 * alternate status and device control (bit 1 no interrupts, bit 2 software reset, bit 7 shows the previous bytes).
 * A drive that is not there answers with status 0 while the other one is; an empty channel floats.
 * Source: ATA/ATAPI-6 (T13 1410D), 7.
 */
import type { Bus, Clock, DeviceState, GuestMemory, IrqLine } from '../device.ts'
import { childState, restore } from '../state.ts'
import { BusMaster } from './bus-master.ts'
import { DEVICE_SLAVE, type Drive, type DriveOptions, TaskRegister } from './drive.ts'

const COMMAND_PORTS = 8
const CONTROL_NO_INTERRUPT = 0x02
const CONTROL_RESET = 0x04
const CONTROL_PREVIOUS = 0x80
const EXECUTE_DIAGNOSTIC = 0x90

export interface IdeChannelOptions {
  bus: Bus
  clock: Clock
  memory: GuestMemory
  irq: IrqLine
  ports: { readonly command: number, readonly control: number }
  /** Makes drive 0 or 1, if there is one. */
  makeDrive: (number: number, options: DriveOptions) => Drive | undefined
  name: string
  onWake: () => void
}

export class IdeChannel {
  readonly busMaster: BusMaster
  private readonly options: IdeChannelOptions
  private readonly drives: readonly (Drive | undefined)[]
  private readonly registers = { device: 0, control: 0 }
  private release: (() => void)[] = []

  constructor(options: IdeChannelOptions) {
    this.options = options
    const { clock, name, onWake } = options
    this.busMaster = new BusMaster(options.memory, () => this.selected?.busMasterStarted())
    const { busMaster } = this
    this.drives = [0, 1].map(number => options.makeDrive(number, {
      clock, name: `${name}.${number}`, busMaster, onWake,
      onInterrupt: level => {
        if (level && number === this.selectedNumber) busMaster.noteInterrupt()
        this.driveInterrupt()
      },
    }))
  }

  /** Puts the ports on the bus or takes them off. */
  enable(on: boolean): void {
    if (on === this.release.length > 0) return
    if (!on) {
      for (const release of this.release) release()
      this.release = []
      return
    }
    const { bus, ports: { command, control } } = this.options
    this.release = [
      bus.claimPorts(command, command + COMMAND_PORTS - 1, {
        read8: port => (port === command ? this.readData(2) & 0xff : this.read(port - command)),
        read16: port => (port === command ? this.readData(2) : this.read(port - command) | (this.read(port + 1 - command) << 8)),
        read32: port => (port === command ? this.readData(4) : 0xffffffff),
        write8: (port, value) => {
          if (port === command) this.selected?.writeData(value, 2)
          else this.write(port - command, value)
        },
        write16: (port, value) => {
          if (port === command) this.selected?.writeData(value, 2)
          else this.write(port - command, value & 0xff)
        },
        write32: (port, value) => {
          if (port === command) this.selected?.writeData(value, 4)
        },
      }),
      bus.claimPorts(control, control, {
        read8: () => this.alternateStatus(),
        write8: (_port, value) => this.writeControl(value),
      }),
    ]
  }

  reset(): void {
    this.registers.device = 0
    this.registers.control = 0
    this.busMaster.reset()
    for (const drive of this.drives) drive?.reset()
    this.driveInterrupt()
  }

  save(): DeviceState {
    return {
      ...this.registers, busMaster: this.busMaster.save(),
      drives: this.drives.map(drive => drive?.save() ?? {}),
    }
  }

  load(device: string, state: DeviceState): void {
    const drives = state.drives
    restore(device, this.registers, state)
    this.busMaster.load(device, childState(device, state, 'busMaster'))
    this.drives.forEach((drive, i) => {
      const saved = Array.isArray(drives) ? drives[i] : undefined
      drive?.load(device, (typeof saved === 'object' ? saved : {}) as DeviceState)
    })
    this.driveInterrupt()
  }

  private get selectedNumber(): number {
    return this.registers.device & DEVICE_SLAVE ? 1 : 0
  }

  private get selected(): Drive | undefined {
    return this.drives[this.selectedNumber]
  }

  private get isEmpty(): boolean {
    return !this.drives[0] && !this.drives[1]
  }

  private readData(bytes: number): number {
    return this.selected?.readData(bytes) ?? 0
  }

  /** The status of a missing drive is 0: nothing pulls the lines of an empty channel up but for a resistor on bit 7. */
  private alternateStatus(): number {
    return this.selected?.poll() ?? 0
  }

  private read(register: number): number {
    if (register === TaskRegister.Status && !this.selected) return this.alternateStatus()
    // For a drive that is missing, the other one answers.
    const drive = this.selected ?? this.drives[1 - this.selectedNumber]
    return drive?.read(register, (this.registers.control & CONTROL_PREVIOUS) !== 0) ?? 0
  }

  private write(register: number, value: number): void {
    if (this.isEmpty) return
    if (register === TaskRegister.Status) {
      this.command(value)
      return
    }
    // Writing a register shows its last byte again.
    this.registers.control &= ~CONTROL_PREVIOUS
    if (register === TaskRegister.Device) this.registers.device = value
    for (const drive of this.drives) drive?.write(register, value)
    if (register === TaskRegister.Device) this.driveInterrupt()
  }

  private command(value: number): void {
    this.registers.control &= ~CONTROL_PREVIOUS
    if (value === EXECUTE_DIAGNOSTIC) {
      // Both drives carry it out, and drive 0 answers.
      this.registers.device &= ~DEVICE_SLAVE
      for (const drive of this.drives) drive?.command(value)
    } else {
      this.selected?.command(value)
    }
  }

  private writeControl(value: number): void {
    const before = this.registers.control
    this.registers.control = value
    const rises = (value & ~before & CONTROL_RESET) !== 0
    const falls = (before & ~value & CONTROL_RESET) !== 0
    if (rises) for (const drive of this.drives) drive?.holdReset()
    if (falls) {
      this.registers.device = 0
      for (const drive of this.drives) drive?.reset()
    }
    this.driveInterrupt()
  }

  /** INTRQ is the selected drive's, unless the host wants none. */
  private driveInterrupt(): void {
    const wanted = !(this.registers.control & CONTROL_NO_INTERRUPT)
    this.options.irq.set(wanted && (this.selected?.interrupting ?? false))
  }
}
