/**
 * ACPI fixed hardware of the PIIX4: power management events, sleep control, the PM timer, and the SMI command port.
 *
 *     const power = new PowerManagement({ bus, clock, sci: pic.line(9), onPowerOff })
 *     power.mapAt(0x600)                    // the PCI function's PMBASE (pci-chipset.ts)
 *     power.pressPowerButton()
 *
 * Ports: PMBASE+0 PM1_STS, +2 PM1_EN, +4 PM1_CNT, +8 PM_TMR (24 bits, 3.579545 MHz), 64 bytes; B2h/B3h SMI command
 * and status. IRQ 9 (SCI). Sleep type 0 is soft off. Sources: 82371AB (PIIX4) datasheet, chapter 7; ACPI 1.0, 4.7.
 * There is no SMM: the commands F1h and F0h switch ACPI on and off by themselves, as a firmware's handler would.
 */
import type { Bus, Clock, Device, DeviceState, IrqLine, Timer } from './device.ts'
import { Frequency } from './frequency.ts'
import { restore, snapshot } from './state.ts'

export const SMI_COMMAND_PORT = 0xb2
export const ACPI_ENABLE = 0xf1
export const ACPI_DISABLE = 0xf0
export const PM_TIMER_HERTZ = 3_579_545
/** Offsets from PMBASE. */
export const PM1_EVENT = 0
export const PM1_CONTROL = 4
export const PM_TIMER = 8
/** The sleep type that switches the power off. */
export const SLEEP_TYPE_OFF = 0

const PM_BYTES = 64
const PM1_ENABLE = 2
const TIMER_BITS = 24
/** TMR_STS is set whenever the timer's top bit changes. */
const TIMER_HALF = 2 ** (TIMER_BITS - 1)

const STATUS_TIMER = 0x0001
const STATUS_POWER_BUTTON = 0x0100
const STATUS_WAKE = 0x8000
const STATUS_BITS = 0x8d31
const ENABLE_BITS = 0x0521
const CONTROL_SCI = 0x0001
const CONTROL_BITS = 0x1c03
const SLEEP_TYPE_SHIFT = 10
const SLEEP_ENABLE = 0x2000

export interface PowerManagementOptions {
  bus: Bus
  clock: Clock
  sci: IrqLine
  /** The guest switched the power off. */
  onPowerOff: () => void
  /** The guest asked for another sleep state than off; the default is to wake at once. */
  onSleep?: (type: number) => void
}

export class PowerManagement implements Device {
  readonly name = 'acpi'
  private readonly options: PowerManagementOptions
  private readonly timer: Timer
  private readonly frequency = new Frequency(PM_TIMER_HERTZ)
  private readonly registers = {
    status: 0, enable: 0, control: 0, smiCommand: 0, smiStatus: 0,
    /** Half periods of the timer that TMR_STS has taken note of. */
    halves: 0,
    general: new Uint8Array(PM_BYTES),
  }
  private release: (() => void) | undefined
  private base = -1

  constructor(options: PowerManagementOptions) {
    this.options = options
    this.timer = options.clock.timer('acpi', () => this.update())
    options.bus.claimPorts(SMI_COMMAND_PORT, SMI_COMMAND_PORT + 1, {
      read8: (port) => (port === SMI_COMMAND_PORT ? this.registers.smiCommand : this.registers.smiStatus),
      write8: (port, value) => {
        if (port === SMI_COMMAND_PORT) this.smi(value)
        else this.registers.smiStatus = value
      },
    })
  }

  /** Moves the registers to I/O address `base` (64 ports), or takes them off the bus. */
  mapAt(base: number | null): void {
    if ((base ?? -1) === this.base) return
    this.release?.()
    this.release = undefined
    this.base = base ?? -1
    if (base === null) return
    this.release = this.options.bus.claimPorts(base, base + PM_BYTES - 1, {
      read8: (port) => this.read(port - base, 1),
      read16: (port) => this.read(port - base, 2),
      read32: (port) => this.read(port - base, 4),
      write8: (port, value) => this.writeByte(port - base, value),
    })
  }

  /** The user presses the power button: an ACPI guest shuts down. */
  pressPowerButton(): void {
    this.registers.status |= STATUS_POWER_BUTTON
    this.update()
  }

  reset(): void {
    Object.assign(this.registers, {
      status: 0, enable: 0, control: 0, smiCommand: 0, smiStatus: 0, halves: this.halvesNow(),
    })
    this.registers.general.fill(0)
    this.update()
  }

  save(): DeviceState {
    return snapshot(this.registers)
  }

  load(state: DeviceState): void {
    restore(this.name, this.registers, state)
  }

  private ticks(): number {
    return this.frequency.ticksAt(this.options.clock.now())
  }

  private halvesNow(): number {
    return Math.floor(this.ticks() / TIMER_HALF)
  }

  /** `count` bytes from `offset`, all of the same instant. */
  private read(offset: number, count: number): number {
    this.update()
    const ticks = this.ticks() % (2 * TIMER_HALF)
    let value = 0
    for (let i = count - 1; i >= 0; i--) value = (value << 8) | this.byteAt(offset + i, ticks)
    return value
  }

  private byteAt(offset: number, ticks: number): number {
    const r = this.registers
    const shift = 8 * (offset & 1)
    if (offset >= PM_TIMER && offset < PM_TIMER + 4) return (ticks >>> (8 * (offset - PM_TIMER))) & 0xff
    if (offset < PM1_ENABLE) return (r.status >> shift) & 0xff
    if (offset < PM1_CONTROL) return (r.enable >> shift) & 0xff
    if (offset < PM1_CONTROL + 2) return (r.control >> shift) & 0xff
    return offset < PM_BYTES ? r.general[offset] : 0xff
  }

  private writeByte(offset: number, value: number): void {
    const r = this.registers
    this.update()
    const shift = 8 * (offset & 1)
    const placed = value << shift
    const kept = 0xff00 >> shift
    if (offset < PM1_ENABLE) r.status &= ~placed
    else if (offset < PM1_CONTROL) r.enable = ((r.enable & kept) | placed) & ENABLE_BITS
    else if (offset < PM1_CONTROL + 2) this.writeControl((r.control & kept) | placed)
    else if (offset < PM_TIMER || offset >= PM_TIMER + 4) r.general[offset] = offset < PM_TIMER ? 0 : value
    this.update()
  }

  private writeControl(value: number): void {
    const r = this.registers
    r.control = value & CONTROL_BITS
    if (!(value & SLEEP_ENABLE)) return
    const type = (value >> SLEEP_TYPE_SHIFT) & 7
    if (type === SLEEP_TYPE_OFF) {
      this.options.onPowerOff()
    } else {
      r.status |= STATUS_WAKE
      this.options.onSleep?.(type)
    }
  }

  private smi(command: number): void {
    const r = this.registers
    r.smiCommand = command
    if (command === ACPI_ENABLE) r.control |= CONTROL_SCI
    else if (command === ACPI_DISABLE) r.control &= ~CONTROL_SCI
    this.update()
  }

  /** Brings TMR_STS up to now, drives SCI and schedules the next carry while it can interrupt. */
  private update(): void {
    const r = this.registers
    const halves = this.halvesNow()
    if (halves > r.halves) r.status |= STATUS_TIMER
    r.halves = halves
    r.status &= STATUS_BITS
    this.options.sci.set((r.control & CONTROL_SCI) !== 0 && (r.status & r.enable) !== 0)
    const waits = (r.enable & STATUS_TIMER) !== 0 && !(r.status & STATUS_TIMER)
    if (waits) this.timer.schedule(this.frequency.nsOf((halves + 1) * TIMER_HALF))
    else this.timer.cancel()
  }
}
