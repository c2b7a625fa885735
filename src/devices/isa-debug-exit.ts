/**
 * Exit port for test guests: a value written ends the run with exit status (value << 1) | 1.
 *
 *     new IsaDebugExit({ bus, onExit: status => machine.stop(status) })
 *
 * Ports: F4h..F7h, any width; reads give zero. After QEMU's `isa-debug-exit`.
 */
import type { Bus, Device, DeviceState } from './device.ts'

const PORT = 0xf4
const PORT_LAST = 0xf7

export interface IsaDebugExitOptions {
  bus: Bus
  /** Given the exit status, an odd number. */
  onExit: (status: number) => void
}

export class IsaDebugExit implements Device {
  readonly name = 'isa-debug-exit'

  constructor(options: IsaDebugExitOptions) {
    const exit = (_port: number, value: number) => options.onExit(((value << 1) | 1) >>> 0)
    options.bus.claimPorts(PORT, PORT_LAST, {
      read8: () => 0, read16: () => 0, read32: () => 0, write8: exit, write16: exit, write32: exit,
    })
  }

  /** The port has no state. */
  reset(): void {}

  save(): DeviceState {
    return {}
  }

  /** Any state fits: there is none. */
  load(_state: DeviceState): void {}
}
