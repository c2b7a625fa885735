/**
 * System control port B: the speaker's gate and data bits, the refresh toggle and the error-check bits.
 *
 *     new SystemControlPort({ bus, clock, setGate2: on => pit.setGate2(on), output2: () => pit.output2() })
 *
 * Port: 61h. Bits 0 GATE of counter 2, 1 speaker data, 2 and 3 error checks off (kept), 4 refresh request (toggles
 * every 15.085 us), 5 OUT of counter 2, 6 and 7 error reports (never). Source: 82371SB (PIIX3) datasheet, NMISC.
 */
import type { Bus, Clock, Device, DeviceState } from './device.ts'
import { restore, snapshot } from './state.ts'

const PORT = 0x61
const GATE_2 = 0x01
const SPEAKER_DATA = 0x02
const WRITABLE = 0x0f
const REFRESH_TOGGLE = 0x10
const OUT_2 = 0x20
const REFRESH_PERIOD_NS = 15_085

export interface SystemControlOptions {
  bus: Bus
  clock: Clock
  setGate2: (level: boolean) => void
  output2: () => boolean
  /** Told when the speaker is connected to (or cut from) counter 2. */
  onSpeaker?: (on: boolean) => void
}

export class SystemControlPort implements Device {
  readonly name = 'system-control'
  private readonly options: SystemControlOptions
  private readonly registers = { control: 0 }

  constructor(options: SystemControlOptions) {
    this.options = options
    options.bus.claimPorts(PORT, PORT, { read8: () => this.read(), write8: (_port, value) => this.write(value) })
  }

  reset(): void {
    this.write(0)
  }

  save(): DeviceState {
    return snapshot(this.registers)
  }

  load(state: DeviceState): void {
    restore(this.name, this.registers, state)
    this.options.onSpeaker?.((this.registers.control & SPEAKER_DATA) !== 0)
  }

  private read(): number {
    const refresh = Math.floor(this.options.clock.now() / REFRESH_PERIOD_NS) & 1 ? REFRESH_TOGGLE : 0
    return this.registers.control | refresh | (this.options.output2() ? OUT_2 : 0)
  }

  private write(value: number): void {
    const changed = this.registers.control ^ value
    this.registers.control = value & WRITABLE
    if (changed & GATE_2) this.options.setGate2((value & GATE_2) !== 0)
    if (changed & SPEAKER_DATA) this.options.onSpeaker?.((value & SPEAKER_DATA) !== 0)
  }
}
