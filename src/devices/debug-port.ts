/**
 * Debug console: bytes written to port E9h go to the host, as in Bochs and QEMU's `debugcon`.
 *
 *     new DebugPort({ bus, onByte: byte => log.push(byte) })
 *
 * Port: E9h. It reads as E9h, by which guests find it.
 */
import type { Bus, Device, DeviceState } from './device.ts'

const PORT = 0xe9
const PRESENT = 0xe9

export interface DebugPortOptions {
  bus: Bus
  onByte: (byte: number) => void
}

export class DebugPort implements Device {
  readonly name = 'debug-port'

  constructor(options: DebugPortOptions) {
    options.bus.claimPorts(PORT, PORT, { read8: () => PRESENT, write8: (_port, value) => options.onByte(value) })
  }

  /** The port has no state. */
  reset(): void {}

  save(): DeviceState {
    return {}
  }

  /** Any state fits: there is none. */
  load(_state: DeviceState): void {}
}
