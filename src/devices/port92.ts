/**
 * System control port A: fast A20 and fast reset.
 *
 *     new Port92({ bus, onA20: on => machine.setA20(on), onReset })
 *
 * Port: 92h. Bit 0 resets the CPU when it rises, bit 1 is A20. Source: 82371SB (PIIX3) datasheet, "Port 92";
 * IBM PS/2 Hardware Interface Technical Reference, System Control Port A.
 */
import type { Bus, Device, DeviceState } from './device.ts'
import { restore, snapshot } from './state.ts'

const PORT = 0x92
const FAST_RESET = 0x01
const FAST_A20 = 0x02

export interface Port92Options {
  bus: Bus
  onA20: (enabled: boolean) => void
  onReset: () => void
}

export class Port92 implements Device {
  readonly name = 'port92'
  private readonly options: Port92Options
  private readonly registers = { value: FAST_A20 }

  constructor(options: Port92Options) {
    this.options = options
    options.bus.claimPorts(PORT, PORT, {
      read8: () => this.registers.value,
      write8: (_port, value) => this.write(value),
    })
  }

  /** Tells the port that the keyboard controller switched A20. */
  noteA20(enabled: boolean): void {
    const r = this.registers
    r.value = enabled ? r.value | FAST_A20 : r.value & ~FAST_A20
  }

  reset(): void {
    this.registers.value = FAST_A20
  }

  save(): DeviceState {
    return snapshot(this.registers)
  }

  load(state: DeviceState): void {
    restore(this.name, this.registers, state)
  }

  private write(value: number): void {
    const rose = value & ~this.registers.value
    const changed = value ^ this.registers.value
    this.registers.value = value & (FAST_A20 | FAST_RESET)
    if (changed & FAST_A20) this.options.onA20((value & FAST_A20) !== 0)
    if (rose & FAST_RESET) this.options.onReset()
  }
}
