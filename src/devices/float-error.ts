/**
 * Reports of x87 exceptions the PC/AT way, for systems that leave CR0.NE clear: FERR# of the CPU raises IRQ 13, and a
 * write to port F0h takes it back and asserts IGNNE#, so that the handler's own x87 instructions pass.
 *
 *     const floatError = new FloatError({ bus, irq13, onIgnore: () => core.set('fpuIgnored', 1) });  floatError.assert()
 *
 * Port: F0h (write). IRQ 13. The CPU takes IGNNE# back itself when the exception is settled.
 * Source: 82371SB (PIIX3) datasheet, "Coprocessor Error Register"; Intel SDM vol. 1, appendix D.
 */
import type { Bus, Device, DeviceState, IrqLine } from './device.ts'
import { restore, snapshot } from './state.ts'

const PORT = 0xf0

export interface FloatErrorOptions {
  bus: Bus
  irq13: IrqLine
  /** IGNNE# is asserted. */
  onIgnore: () => void
}

export class FloatError implements Device {
  readonly name = 'float-error'
  private readonly options: FloatErrorOptions
  private readonly registers = { requested: false }

  constructor(options: FloatErrorOptions) {
    this.options = options
    options.bus.claimPorts(PORT, PORT, {
      write8: () => {
        if (!this.registers.requested) return
        this.request(false)
        options.onIgnore()
      },
    })
  }

  /** FERR#. */
  assert(): void {
    this.request(true)
  }

  reset(): void {
    this.request(false)
  }

  save(): DeviceState {
    return snapshot(this.registers)
  }

  load(state: DeviceState): void {
    restore(this.name, this.registers, state)
    this.options.irq13.set(this.registers.requested)
  }

  private request(on: boolean): void {
    this.registers.requested = on
    this.options.irq13.set(on)
  }
}
