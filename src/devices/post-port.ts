/**
 * POST code port: firmware writes its progress there; systems write to it to wait a microsecond.
 *
 *     const post = new PostPort({ bus }); post.code
 *
 * Port: 80h, reads back. Source: IBM PC AT Technical Reference (manufacturing test port).
 */
import type { Bus, Device, DeviceState } from './device.ts'
import { restore, snapshot } from './state.ts'

const PORT = 0x80

export class PostPort implements Device {
  readonly name = 'post-port'
  private readonly registers = { code: 0 }

  constructor(options: { bus: Bus, onCode?: (code: number) => void }) {
    options.bus.claimPorts(PORT, PORT, {
      read8: () => this.registers.code,
      write8: (_port, value) => {
        this.registers.code = value
        options.onCode?.(value)
      },
    })
  }

  /** The last code written. */
  get code(): number {
    return this.registers.code
  }

  reset(): void {
    this.registers.code = 0
  }

  save(): DeviceState {
    return snapshot(this.registers)
  }

  load(state: DeviceState): void {
    restore(this.name, this.registers, state)
  }
}
