/**
 * POST code ports: firmware and test programs write their progress there; systems write to port 80h to wait a microsecond.
 *
 *     const post = new PostPort({ bus, onCode: (port, code) => console.log(port, code) }); post.code
 *
 * Ports: 80h and 190h, each reads back what was written to it. Source: IBM PC AT Technical Reference (manufacturing test
 * port 80h); the models of the PS/2 line without a Micro Channel have it at 190h.
 */
import type { Bus, Device, DeviceState } from './device.ts'
import { restore, snapshot } from './state.ts'

const PORT = 0x80
const SECOND_PORT = 0x190

export class PostPort implements Device {
  readonly name = 'post-port'
  private readonly registers = { code: 0, second: 0 }

  constructor(options: { bus: Bus; onCode?: (port: number, code: number) => void }) {
    const claim = (port: number, register: keyof typeof this.registers) => {
      options.bus.claimPorts(port, port, {
        read8: () => this.registers[register],
        write8: (_port, value) => {
          this.registers[register] = value
          options.onCode?.(port, value)
        },
      })
    }
    claim(PORT, 'code')
    claim(SECOND_PORT, 'second')
  }

  /** The last code written to port 80h. */
  get code(): number {
    return this.registers.code
  }

  reset(): void {
    this.registers.code = 0
    this.registers.second = 0
  }

  save(): DeviceState {
    return snapshot(this.registers)
  }

  load(state: DeviceState): void {
    restore(this.name, this.registers, state)
  }
}
